//! One mark a test, in order; where there are too many, a bar of the same marks in proportion.

use super::evidence;
use super::pen::Line;
use crate::domain::{Attempt, Circumstance, Grade, ModuleId, Outcome, Standing, State, Tally, TestCase};
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

/// The mark and role of an attempt: what the environment spoilt looks neither passed nor failed.
pub(super) fn of_attempt(outcome: Outcome, attempt: Option<&Attempt>) -> (Mark, Role) {
    let evidence = attempt.and_then(|attempt| attempt.evidence.as_ref());
    let touched = evidence.map(|evidence| evidence.grade);
    match attempt.map_or(&Circumstance::Steady, |attempt| &attempt.circumstance) {
        Circumstance::Steady => match of_outcome(outcome) {
            (Mark::Passed, _) if touched == Some(Grade::None) => (Mark::NoEvidence, Role::Hollow),
            known => known,
        },
        Circumstance::Environment(_) => (Mark::Environment, Role::Environment),
        Circumstance::Straddled => (Mark::Straddled, Role::Straddled),
    }
}

/// The mark and role of a test as it stands. What is stale loses its colour; only what passed loses its shape too.
pub(super) fn of_test(test: &TestCase) -> (Mark, Role) {
    let is_old = test.is_stale() || test.is_held_over();
    match test.standing {
        Standing::NeverRun | Standing::Queued => (Mark::Queued, Role::Muted),
        Standing::Running => (Mark::Running, Role::Running),
        Standing::Done(_) if test.known.is_some() => (Mark::Known, if is_old { Role::Stale } else { Role::Known }),
        Standing::Done(outcome) => match of_attempt(outcome, test.latest.as_ref()) {
            (Mark::Passed | Mark::NoEvidence, fresh) => match evidence::hollow_mark(test) {
                Some(mark) => (mark, if is_old { Role::Stale } else { Role::Hollow }),
                None if is_old => (Mark::Stale, Role::Stale),
                None => (Mark::Passed, fresh),
            },
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
    let stale = tally.stale.max(tally.held_over).min(tally.passes());
    let hollow = tally.worths.hollow().min(tally.passes() - stale);
    let parts = [
        (tally.failures(), Mark::Failed, Role::Bad),
        (tally.environment, Mark::Environment, Role::Environment),
        (tally.straddled, Mark::Straddled, Role::Straddled),
        (tally.known, Mark::Known, Role::Known),
        (tally.running, Mark::Running, Role::Running),
        (tally.passes() - stale - hollow, Mark::Passed, Role::Good),
        (hollow, Mark::NoEvidence, Role::Hollow),
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
