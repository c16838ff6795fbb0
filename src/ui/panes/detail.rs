//! One test, opened: why it failed, where, what it printed, and what else happened in that window of time.

use ratatui::layout::Rect;

use super::change::tell_change;
use super::circumstance;
use super::contract;
use super::evidence::{put_hollow, tell_evidence};
use super::failure;
use super::happened;
use super::history::tell_history;
use super::known;
use super::marks;
use super::notes::tell_notes;
use super::pen::{Line, Pen};
use super::row;
use super::sheet::{Reader, Sheet};
use crate::domain::{Attempt, CauseClass, Moment, Outcome, Run, Standing, State, TestCase, TestId, Timeline, Verdict};
use crate::ui::reading::{self, Holds, Part};
use crate::ui::regions::{Regions, Window};
use crate::ui::scene::Scene;
use crate::ui::text::{Short, took, watch};
use crate::ui::theme::{Mark, Role};
use crate::ui::view::{Pane, Scroll, ViewState};

/// How many lines of the run's output are shown with a running test.
const PRINTED: usize = 100;

/// What of the opened test is shown, and what its page holds.
pub(crate) fn window(area: Rect, state: &State, view: &ViewState, id: TestId, timeline: &Timeline) -> (Window, Holds) {
    let inner = inner(area);
    let mut sheet = Sheet::measure(inner, Reader::of(view));
    if let Some(test) = state.inventory.test(id) {
        let around = Around { timeline, offset: view.utc_offset, now: state.at };
        tell(&mut sheet, state, id, test, &around);
    }
    let (lines, holds) = sheet.into_lines();
    let scroll = Scroll::At(u64::from(view.detail_scroll));
    (Window::new(scroll, 0, lines, u64::from(inner.height)), holds)
}

/// What a test's story needs beside the test.
struct Around<'a> {
    timeline: &'a Timeline,
    offset: i32,
    now: Moment,
}

pub(super) fn inner(area: Rect) -> Rect {
    Rect {
        x: area.x + 2.min(area.width),
        y: area.y + 1.min(area.height),
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    }
}

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions, id: TestId) {
    let area = regions.board;
    pen.frame(area, scene.view.focus == Pane::Tests);
    let Some(test) = scene.state.inventory.test(id) else {
        pen.line(inner(area), area.y + 1).put(Role::Muted, "this test is not known here");
        return;
    };
    draw_title(pen, scene, area, id, test, regions);
    let view = scene.view;
    let mut sheet = Sheet::draw(inner(area), regions.detail.top, Reader::of(view), pen);
    let around = Around { timeline: &regions.timeline, offset: view.utc_offset, now: scene.now };
    tell(&mut sheet, scene.state, id, test, &around);
    drop(sheet);
    draw_place(pen, scene, regions);
    let below = regions.detail.below();
    if below > 0 && area.height > 2 {
        let bottom = Rect { x: area.x + 2, width: area.width.saturating_sub(4), ..area };
        pen.line(bottom, area.bottom() - 1)
            .end_fmt(Role::Muted, format_args!(" {below} more line{} ", if below == 1 { "" } else { "s" }));
    }
}

fn draw_title(pen: &mut Pen, scene: &Scene, area: Rect, id: TestId, test: &TestCase, regions: &Regions) {
    let (mark, role) = marks::of_test(test);
    let module = scene.state.inventory.module(test.module);
    let mut line = pen.title(area);
    line.end(Role::Muted, " ");
    draw_found(&mut line, scene.view, regions);
    if let Some(place) = regions.failures.iter().position(|failure| *failure == id) {
        let of = regions.failures.len();
        line.end_fmt(Role::Muted, format_args!("  {} of {of}", place + 1));
    }
    if let (Some(latest), Standing::Done(_)) = (&test.latest, test.standing) {
        line.end(Role::Text, &took(latest.took)).end(Role::Muted, " ");
    }
    line.end_gap(1).put(Role::Muted, " ").mark(role, mark).put(Role::Muted, " ");
    let title = module.map_or("", |module| &module.title);
    let name = usize::from(line.room()).saturating_sub(crate::ui::text::width(row::short_name(test)) + 4);
    // A name that is hardly begun says nothing.
    if name >= title.len().min(6) {
        line.keeping((crate::ui::text::width(row::short_name(test)) + 4) as u16, |line| {
            line.put(Role::Muted, title);
        });
        line.put(Role::Muted, " ").mark(Role::Muted, Mark::Here).put(Role::Muted, " ");
    }
    line.bold(Role::Strong, row::short_name(test)).put(Role::Muted, " ");
}

/// `3 of 17`: which of the lines that match is looked at.
fn draw_found(line: &mut Line, view: &ViewState, regions: &Regions) {
    let count = regions.holds.matches.len();
    match (view.reading.found, count) {
        (Some(place), 1..) => line.end_fmt(Role::Match, format_args!(" {} of {count} found ", place + 1)),
        (None, 1..) => line.end_fmt(Role::Match, format_args!(" {count} found ")),
        (_, 0) if !reading::searched(view).is_empty() => line.end(Role::Warning, " nothing found "),
        (_, 0) => return,
    };
    line.end(Role::Muted, " ");
}

/// Where the person is: the match that they look at, and what a key would open.
fn draw_place(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let (inner, top) = (inner(regions.board), regions.detail.top);
    let screen_line = |line: u64| {
        let down = line.checked_sub(top).filter(|down| *down < u64::from(inner.height))?;
        Some(inner.y + down as u16)
    };
    if scene.view.focus != Pane::Tests {
        return;
    }
    let wide = Rect { x: inner.x.saturating_sub(1), width: inner.width + 2, ..inner };
    if let Some(y) = reading::current(regions, scene.view).and_then(|placed| screen_line(placed.line)) {
        pen.select(wide, y);
    }
    let found = scene.view.reading.found.and_then(|place| regions.holds.matches.get(place));
    if let Some(y) = found.and_then(|found| screen_line(found.line)) {
        pen.line(wide, y).mark(Role::Press, Mark::Here);
    }
}

/// The whole story of a test. How many lines it has must not depend on `now`.
fn tell(sheet: &mut Sheet, state: &State, id: TestId, test: &TestCase, around: &Around) {
    tell_standing(sheet, test, around.now);
    if test.standing == Standing::Running {
        tell_running(sheet, state, test);
    }
    if let Some(latest) = &test.latest {
        tell_outcome(sheet, state, id, test, latest, around);
        tell_notes(sheet, state, id, test, around.offset);
        match (state.contracts.get(&id), latest.detail.as_deref()) {
            (Some(judgement), _) => contract::tell(sheet, state, id, judgement),
            (None, Some(detail)) => failure::tell(sheet, detail),
            (None, None) => {}
        }
        if test.standing != Standing::Running && has_no_end(latest.outcome) {
            let run = latest.run.and_then(|run| state.runs.get(run));
            if let Some(run) = run {
                tell_stacks(sheet, run);
                tell_live(sheet, state, test, run);
            }
        }
    }
    happened::tell(sheet, state, test, around.timeline, around.offset);
    if let Some(latest) = &test.latest {
        tell_evidence(sheet, state, test, latest);
    }
    tell_history(sheet, state, test);
    if let Some(detail) = test.latest.as_ref().and_then(|latest| latest.detail.as_deref())
        && !detail.frames.is_empty()
        && !detail.trace.is_empty()
    {
        failure::tell_part(sheet, Part::Trace, "trace", &detail.trace, |_| Role::Muted);
    }
}

/// Where it stands, as long as it has not ended.
fn tell_standing(sheet: &mut Sheet, test: &TestCase, now: Moment) {
    let age = now.since(test.since);
    match test.standing {
        Standing::Done(_) => {}
        Standing::NeverRun => sheet.line(|line| {
            line.put(Role::Muted, "never run");
        }),
        Standing::Queued => sheet.line(|line| {
            line.put(Role::Muted, "queued").gap(1).put(Role::Muted, &watch(age));
        }),
        Standing::Running => sheet.line(|line| {
            line.bold(Role::Running, if test.in_debugger { "waits in a debugger" } else { "running" });
            line.gap(1).put(Role::Running, &took(age));
            match test.usual {
                Some(usual) => line.fmt(Role::Muted, format_args!(" of ~{}", took(usual))),
                None => line.put(Role::Muted, "  nothing is known of how long it takes"),
            };
        }),
    }
    if test.gone {
        sheet.line(|line| {
            line.put(Role::Warning, "vanished: its runner no longer finds it");
            if let Some(before) = test.baseline().or(test.latest.as_ref()) {
                line.gap(2).fmt(Role::Muted, format_args!("it {} before", before.outcome.word()));
            }
        });
    }
}

/// What the run says while the test runs: the stacks that were asked for, and the end of its output.
fn tell_running(sheet: &mut Sheet, state: &State, test: &TestCase) {
    let runner = state.inventory.module(test.module).map(|module| module.runner);
    let Some((_, run)) = state.runs.active().find(|(_, run)| Some(run.runner) == runner) else { return };
    tell_stacks(sheet, run);
    if !tell_live(sheet, state, test, run) && !run.output.is_empty() {
        sheet.section("what the run printed last");
        let from = run.output.len().saturating_sub(PRINTED);
        run.output.range(from).for_each(|line| sheet.text(Role::Muted, 0, line));
    }
}

/// Whether a test was cut off, so that what its run knew last is all there is.
fn has_no_end(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Interrupted | Outcome::Lost | Outcome::TimedOut | Outcome::Crashed => true,
        Outcome::Passed
        | Outcome::Failed
        | Outcome::Errored
        | Outcome::Skipped
        | Outcome::Xfailed
        | Outcome::Xpassed
        | Outcome::Flaky => false,
    }
}

fn tell_stacks(sheet: &mut Sheet, run: &Run) {
    if let Some(stacks) = &run.stacks {
        failure::tell_part(sheet, Part::Stacks, "stacks of the run's processes", stacks, |_| Role::Text);
    }
}

/// What the test itself has printed, as far as it could be read before its end; answers whether there was anything.
fn tell_live(sheet: &mut Sheet, state: &State, test: &TestCase, run: &Run) -> bool {
    let is_it = |id: TestId| state.inventory.test(id).is_some_and(|printed| printed.node == test.node);
    let Some((_, lines)) = run.live.as_ref().filter(|(id, _)| is_it(*id)) else { return false };
    sheet.section("output so far");
    lines.range(lines.len().saturating_sub(PRINTED)).for_each(|line| sheet.text(Role::Muted, 0, line));
    true
}

fn tell_outcome(sheet: &mut Sheet, state: &State, id: TestId, test: &TestCase, latest: &Attempt, around: &Around) {
    let outcome = latest.outcome;
    let stale = test.stale;
    let role = if test.known.is_some() { Role::Known } else { marks::of_attempt(test, latest).1 };
    let message = latest.detail.as_ref().map_or("", |detail| detail.message.trim());
    let verdict = test.failure_verdict();
    // What the environment did is told in a line of its own.
    let cause = latest.cause.and_then(|id| state.causes.get(id)).filter(|_| latest.circumstance.is_steady());
    sheet.line(|line| {
        if !matches!((outcome, cause), (Outcome::Failed, Some(_))) {
            line.bold(role, outcome.word()).gap(3);
            put_hollow(line, test);
        }
        let told = verdict.map_or((Role::Muted, ""), |verdict| (verdict_role(verdict), verdict.word()));
        let since = failing_since(test).map(|cycle| Short::new(format_args!("since cycle {cycle}")));
        if let Some(cause) = cause {
            let class = if state.causes.is_dependent(id) { CauseClass::Dependent } else { cause.class() };
            line.bold(role, class.word()).gap(3);
            // The verdict is worth more than the end of a long title.
            let after = told.1.len() + since.as_ref().map_or(0, |since| since.len()) + 5;
            let room = usize::from(line.room()).saturating_sub(after);
            line.cell(Role::Strong, cause.title(), crate::ui::text::width(cause.title()).min(room) as u16).gap(3);
        }
        line.put(told.0, told.1);
        if let Some(since) = since {
            line.gap(2).put(Role::Muted, &since);
        }
        if latest.tries > 1 {
            line.gap(3).fmt(Role::Warning, format_args!("{} tries", latest.tries));
        }
    });
    circumstance::tell(sheet, latest, around.offset);
    tell_change(sheet, state, test, latest);
    tell_repeat(sheet, state, id, latest);
    if let Some(known) = test.known {
        known::tell(sheet, state, known);
    }
    if cause.is_some() {
        sheet.gap();
    }
    let trusted = message.contains("assert") || message.contains("Assert");
    // A contract tells its verdict with the event that decided it.
    if !state.contracts.contains_key(&id) {
        failure::tell_lines(sheet, &failure::split(message).0, trusted, |_| Role::Strong);
    }
    if stale {
        sheet.line(|line| happened::tell_stale(line, state, latest, around.timeline));
    }
}

/// How often it failed while it was repeated.
fn tell_repeat(sheet: &mut Sheet, state: &State, id: TestId, latest: &Attempt) {
    let Some(repeat) = state.repeat.as_ref().filter(|repeat| repeat.cycle == latest.cycle) else { return };
    if !repeat.tests.contains(&id) {
        return;
    }
    let failed = repeat.failures.get(&id).copied().unwrap_or(0);
    let (ended, limit) = (repeat.ended, repeat.until.limit());
    sheet.line(|line| {
        line.put(Role::Muted, if repeat.is_active() { "repeat" } else { "repeated" }).gap(1);
        match repeat.is_active() {
            true => line.fmt(Role::Strong, format_args!("{} of {limit}", repeat.present())),
            false => line.fmt(Role::Strong, format_args!("{ended} times")),
        };
        let role = if failed > 0 { Role::Bad } else { Role::Good };
        line.put(Role::Muted, " · ").fmt(role, format_args!("{failed} failed"));
        if failed > 0 && ended > 0 {
            line.fmt(Role::Muted, format_args!("  {:.0}%", f64::from(failed) * 100.0 / f64::from(ended)));
        }
    });
}

fn verdict_role(verdict: Verdict) -> Role {
    match verdict {
        Verdict::NewlyFailed => Role::Bad,
        Verdict::FailingDifferently | Verdict::Flaky => Role::Warning,
        Verdict::Known => Role::Known,
        Verdict::Fixed => Role::Good,
        Verdict::Environment => Role::Environment,
        Verdict::Straddled => Role::Straddled,
        Verdict::Stale => Role::Stale,
        Verdict::StillFailing | Verdict::Vanished | Verdict::NeverRun | Verdict::SetAside | Verdict::Passing => {
            Role::Muted
        }
    }
}

/// The cycle since which a test has been failing without a pass between.
fn failing_since(test: &TestCase) -> Option<u32> {
    let attempts = test.earlier.iter().chain(&test.latest).rev();
    attempts.take_while(|attempt| attempt.outcome.is_failure()).last().map(|attempt| attempt.cycle)
}
