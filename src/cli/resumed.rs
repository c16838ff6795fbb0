//! A headless run that goes on with an earlier cycle: what that one had finished counts too.

use serde_json::{Value, json};

use crate::domain::{State, TestCase};

/// The results of the earlier session that this one goes on with.
fn kept(state: &State) -> impl Iterator<Item = &TestCase> {
    let is_kept = |test: &&TestCase| {
        let latest = test.latest.as_ref().filter(|latest| latest.run.is_none() && latest.cycle == state.cycle);
        !test.gone && !test.stale && latest.is_some()
    };
    let tests = state.inventory.tests().map(|(_, test)| test).filter(is_kept);
    tests.filter(|_| state.resumed.is_some())
}

/// The tests that failed in the earlier part of the cycle and were not run again.
pub(super) fn failures(state: &State) -> impl Iterator<Item = &TestCase> {
    kept(state).filter(|test| test.fails())
}

/// What the summary tells of the earlier part; nothing where there is none.
#[must_use]
pub(super) fn told(state: &State) -> Option<Value> {
    state.resumed.map(|_| json!({ "kept": kept(state).count(), "failed": failures(state).count() }))
}

/// The same for people.
#[must_use]
pub(super) fn sentence(state: &State) -> Option<String> {
    let (count, failed) = (kept(state).count(), failures(state).count());
    state.resumed.map(|_| format!("before the break-off: {count} finished, {failed} of them failed"))
}
