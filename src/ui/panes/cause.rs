//! One cause, opened: what its tests share, what they failed of before, and the tests.

use std::collections::BTreeMap;

use ratatui::layout::Rect;

use super::causes;
use super::detail::inner;
use super::known;
use super::marks;
use super::notes::{tell_note, tell_sightings};
use super::pen::Pen;
use super::row;
use super::sheet::{Reader, Sheet};
use crate::domain::{Cause, CauseId, CauseStatus, State, TestCase, TestId, Verdict};
use crate::ui::regions::{Regions, Window, chosen_test};
use crate::ui::scene::Scene;
use crate::ui::text::{Short, took};
use crate::ui::theme::Role;
use crate::ui::view::{Pane, Scroll, ViewState};

/// What of the opened cause is shown: the cursor's test stays in sight.
pub(crate) fn window(area: Rect, state: &State, view: &ViewState, id: CauseId) -> Window {
    let inner = inner(area);
    let (mut sheet, shown) = (Sheet::measure(inner, Reader::default()), u64::from(inner.height));
    let Some(cause) = state.causes.get(id) else { return Window::default() };
    let cursor = tell(&mut sheet, state, cause, chosen_test(state, view, id), view.utc_offset);
    let (lines, _) = sheet.into_lines();
    // A list that fits is shown with all that stands above it. What people wrote may be long: the page begins with it,
    // until somebody moves through the tests.
    let top = cursor.filter(|_| view.cause_test.is_some()).map_or(0, |line| (line + 2).saturating_sub(shown));
    Window::new(Scroll::At(top), 0, lines, shown)
}

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions, id: CauseId) {
    let area = regions.board;
    pen.frame(area, scene.view.focus == Pane::Tests);
    let Some(cause) = scene.state.causes.get(id) else {
        pen.line(inner(area), area.y + 1).put(Role::Muted, "this cause is not known here");
        return;
    };
    let mut line = pen.title(area);
    line.end(Role::Muted, " ").end(Role::Text, &causes::tests(cause.count())).end(Role::Muted, " ").end_gap(1);
    let role = match cause.end {
        Some(_) => Role::Good,
        None if cause.disturbs => Role::Environment,
        None if scene.state.is_muted(cause) => Role::Known,
        None => Role::Bad,
    };
    line.put(Role::Muted, " cause ").ansi(role, cause.title()).put(Role::Muted, " ");
    let chosen = chosen_test(scene.state, scene.view, id);
    let cursor = {
        let mut sheet = Sheet::draw(inner(area), regions.detail.top, Reader::default(), pen);
        tell(&mut sheet, scene.state, cause, chosen, scene.view.utc_offset)
    };
    if let Some(down) = cursor.and_then(|line| line.checked_sub(regions.detail.top)) {
        let inner = inner(area);
        if down < u64::from(inner.height) && scene.view.focus == Pane::Tests {
            let wide = Rect { x: inner.x.saturating_sub(1), width: inner.width + 2, ..inner };
            pen.select(wide, inner.y + down as u16);
        }
    }
    let below = regions.detail.below();
    if below > 0 && area.height > 2 {
        let bottom = Rect { x: area.x + 2, width: area.width.saturating_sub(4), ..area };
        pen.line(bottom, area.bottom() - 1)
            .end_fmt(Role::Muted, format_args!(" {below} more line{} ", if below == 1 { "" } else { "s" }));
    }
}

/// The whole story of a cause; answers the line of the chosen test.
fn tell(sheet: &mut Sheet, state: &State, cause: &Cause, chosen: Option<TestId>, offset: i32) -> Option<u64> {
    let status = cause.status(state.cycle);
    sheet.line(|line| {
        let quiet = matches!(status, CauseStatus::Over(_)) || state.is_muted(cause);
        line.bold(if quiet { Role::Muted } else { Role::Bad }, cause.class().word()).gap(3);
        line.put(
            if status == CauseStatus::New && !quiet { Role::Bad } else { Role::Muted },
            &causes::how(status, cause),
        );
        if cause.most > cause.count() {
            line.gap(3).fmt(Role::Muted, format_args!("{} at the most", causes::tests(cause.most)));
        }
    });
    if state.is_muted(cause)
        && let Some(id) = cause.members().find_map(|test| state.inventory.test(test)?.known)
    {
        known::tell(sheet, state, id);
    }
    tell_sightings(sheet, state, cause, offset);
    tell_note(sheet, state, state.notes.on_cause(&cause.signature), "note", offset);
    tell_signature(sheet, cause);
    tell_before(sheet, state, cause);
    let mut place = None;
    for (word, members) in [("tests", &cause.tests), ("dependent", &cause.dependents)] {
        if members.is_empty() {
            continue;
        }
        sheet.section(word);
        for &id in members {
            if chosen == Some(id) {
                place = Some(sheet.lines());
            }
            if let Some(test) = state.inventory.test(id) {
                tell_test(sheet, state, test);
            }
        }
    }
    place
}

fn tell_signature(sheet: &mut Sheet, cause: &Cause) {
    let signature = &cause.signature;
    sheet.section("signature");
    sheet.line(|line| {
        line.end(Role::Muted, &cause.key).end_gap(2);
        line.put(Role::Text, signature.exception.as_deref().unwrap_or("no exception"));
        if let Some(place) = &signature.place {
            line.put(Role::Muted, " · ").put(Role::Text, place);
        }
    });
    if !signature.message.is_empty() {
        sheet.text(Role::Muted, 0, &signature.message);
    }
}

/// What its tests failed of before they failed of this, those of most tests first.
fn tell_before(sheet: &mut Sheet, state: &State, cause: &Cause) {
    let mut before: BTreeMap<CauseId, u32> = BTreeMap::new();
    for test in cause.members().filter_map(|id| state.inventory.test(id)) {
        if test.failure_verdict() == Some(Verdict::FailingDifferently)
            && let Some(id) = test.baseline().and_then(|attempt| attempt.cause)
        {
            *before.entry(id).or_default() += 1;
        }
    }
    if before.is_empty() {
        return;
    }
    sheet.section("before");
    let mut before: Vec<(u32, CauseId)> = before.into_iter().map(|(id, count)| (count, id)).collect();
    before.sort_by_key(|(count, id)| (std::cmp::Reverse(*count), *id));
    for (count, id) in before {
        let Some(other) = state.causes.get(id) else { continue };
        sheet.line(|line| {
            line.end_number(Role::Muted, &causes::tests(count), 10).end_gap(2);
            line.ansi(Role::Stale, other.title());
        });
    }
}

fn tell_test(sheet: &mut Sheet, state: &State, test: &TestCase) {
    let (mark, role) = marks::of_test(test);
    let module = state.inventory.module(test.module).map_or("", |module| &module.title);
    sheet.line(|line| {
        let spent = test.latest.as_ref().map_or_else(|| Short::new(format_args!("")), |latest| took(latest.took));
        line.end_number(Role::Muted, &spent, 7);
        if let Some((role, word)) = row::verdict_word(test) {
            line.end_number(role, word, 8);
        }
        line.mark(role, mark).gap(1);
        let column = line.room() * 60 / 100;
        line.cell(Role::Text, row::short_name(test), column).gap(2).put(Role::Muted, module);
    });
}
