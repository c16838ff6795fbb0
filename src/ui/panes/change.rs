//! What changed in a test against its baseline: before and now, one below the other.

use super::row;
use super::sheet::Sheet;
use crate::domain::{Attempt, Measure, State, TestCase, Verdict};
use crate::ui::text::{Short, first_line};
use crate::ui::theme::Role;

/// The width of the column of words.
const WORD: u16 = 9;

/// Which baseline an attempt of it is from: `cycle 4`, `base.xml`.
pub(super) fn whence(state: &State, test: &TestCase, before: &Attempt) -> Short {
    match (&test.measure, state.baseline.title()) {
        (Measure::Chosen(_), Some(title)) => Short::new(format_args!("{title}")),
        _ => Short::new(format_args!("cycle {}", before.cycle)),
    }
}

/// Tells what a failure is measured against, and how it differs.
pub(super) fn tell_change(sheet: &mut Sheet, state: &State, test: &TestCase, latest: &Attempt) {
    let before = test.baseline();
    match (Verdict::against(latest, before), before) {
        (Verdict::FailingDifferently, Some(before)) => tell_difference(sheet, state, test, before, latest),
        (Verdict::Fixed, Some(before)) => sheet.line(|line| {
            line.cell(Role::Muted, "before", WORD);
            line.end_fmt(Role::Muted, format_args!("{}", whence(state, test, before))).end_gap(2);
            line.put(Role::Stale, row::why(state, before));
        }),
        (Verdict::NewlyFailed, Some(before)) => sheet.line(|line| {
            line.cell(Role::Muted, "before", WORD).put(Role::Good, before.outcome.word()).gap(2);
            line.fmt(Role::Muted, format_args!("in {}", whence(state, test, before)));
        }),
        (Verdict::NewlyFailed, None) if test.measure != Measure::Previous => sheet.line(|line| {
            let title = state.baseline.title().map_or("the baseline", |title| title);
            line.cell(Role::Muted, "before", WORD).fmt(Role::Muted, format_args!("not in {title}"));
        }),
        _ => {}
    }
}

/// The cause and the words of both failures. Where two causes have the same name, the words tell them apart.
fn tell_difference(sheet: &mut Sheet, state: &State, test: &TestCase, before: &Attempt, latest: &Attempt) {
    let now = Short::new(format_args!("cycle {}", latest.cycle));
    let then = whence(state, test, before);
    for (word, role, attempt, from) in
        [("before", Role::DiffRemoved, before, &then), ("now", Role::DiffAdded, latest, &now)]
    {
        let cause = attempt.cause.and_then(|id| state.causes.get(id));
        sheet.line(|line| {
            line.cell(Role::Muted, word, WORD);
            line.end(Role::Muted, from).end_gap(2);
            if let Some(cause) = cause {
                line.put(Role::Muted, cause.class().word()).gap(2);
            }
            line.put(role, row::why(state, attempt));
        });
        // What it says now follows in full.
        let said = if word == "before" { row::message(attempt) } else { "" };
        if !said.is_empty() && !row::why(state, attempt).contains(first_line(said)) {
            sheet.line(|line| {
                line.gap(WORD).ansi(Role::Text, said);
            });
        }
    }
}
