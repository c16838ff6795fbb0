//! One mark a test, in order; where there are too many, a bar of the same marks in proportion.

use super::pen::Line;
use crate::domain::{ModuleId, Outcome, Standing, State, Tally, TestCase};
use crate::ui::theme::{Mark, Role};

/// The mark and role of an outcome.
pub(super) fn of_outcome(outcome: Outcome) -> (Mark, Role) {
    match outcome {
        Outcome::Passed | Outcome::Xpassed => (Mark::Passed, Role::Good),
        Outcome::Flaky => (Mark::Passed, Role::Warning),
        Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => (Mark::Failed, Role::Bad),
        Outcome::Interrupted | Outcome::Lost => (Mark::Lost, Role::Bad),
        Outcome::Skipped | Outcome::Xfailed => (Mark::Skipped, Role::Aside),
    }
}

/// The mark and role of a test as it stands. What is stale loses its colour; only what passed loses its shape too.
pub(super) fn of_test(test: &TestCase) -> (Mark, Role) {
    match test.standing {
        Standing::NeverRun | Standing::Queued => (Mark::Queued, Role::Muted),
        Standing::Running => (Mark::Running, Role::Running),
        Standing::Done(outcome) => match of_outcome(outcome) {
            (Mark::Passed, _) if test.is_stale() => (Mark::Stale, Role::Stale),
            _ if test.known.is_some() => (Mark::Known, Role::Known),
            (mark, _) if test.is_stale() => (mark, Role::Stale),
            fresh => fresh,
        },
    }
}

/// Writes the marks of a module's tests from the `skip`-th on, as many as there is room for in `columns`.
pub(super) fn draw(line: &mut Line, state: &State, id: ModuleId, skip: usize, columns: u16) {
    let Some(module) = state.inventory.module(id) else { return };
    let all_known = module.tally.total() as usize == module.tests.len();
    let known = module.tests.iter().filter_map(|id| state.inventory.test(*id));
    let room = usize::from(columns);
    if all_known {
        // The usual case: no test has vanished, so that the skipped ones need not be looked at.
        let tests = module.tests[skip.min(module.tests.len())..].iter().filter_map(|id| state.inventory.test(*id));
        tests.take(room).for_each(|test| draw_one(line, test));
    } else {
        known.filter(|test| !test.gone).skip(skip).take(room).for_each(|test| draw_one(line, test));
    }
}

fn draw_one(line: &mut Line, test: &TestCase) {
    let (mark, role) = of_test(test);
    let style = line.theme().style(role);
    let glyph = line.theme().mark(mark);
    line.glyph(style, glyph);
}

/// Writes a bar of `columns` marks in proportion to a tally. Nothing that is there is rounded away.
pub(super) fn draw_bar(line: &mut Line, tally: &Tally, columns: u16) {
    let stale = tally.stale.min(tally.passes());
    let parts = [
        (tally.failures(), Mark::Failed, Role::Bad),
        (tally.known(), Mark::Known, Role::Known),
        (tally.running, Mark::Running, Role::Running),
        (tally.passes() - stale, Mark::Passed, Role::Good),
        (stale, Mark::Stale, Role::Stale),
        (tally.set_aside(), Mark::Skipped, Role::Aside),
        (tally.queued + tally.never_run, Mark::Queued, Role::Muted),
    ];
    let total = u64::from(tally.total().max(1));
    let room = columns.min(line.room());
    let mut left = u64::from(room);
    for (place, (count, mark, role)) in parts.into_iter().enumerate() {
        if count == 0 {
            continue;
        }
        let later = parts[place + 1..].iter().filter(|part| part.0 > 0).count() as u64;
        let share = (u64::from(count) * u64::from(room) / total).max(1);
        let share = if later == 0 { left } else { share.min(left.saturating_sub(later)) };
        let glyph = line.theme().mark(mark);
        line.fill(role, glyph, share as u16);
        left -= share;
    }
}
