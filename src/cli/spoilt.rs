//! What the environment spoilt, as a headless run tells it: marks on a test's line, and sentences at the end.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use super::exit::{Exit, is_spoilt};
use crate::domain::{Cause, Circumstance, Moment, RunKind, State, TestCase, TestId, Unproved};

/// Marks the JSON line of a test whose outcome is not its own; answers whether it is one.
pub fn mark(line: &mut Value, circumstance: &Circumstance) -> bool {
    match circumstance {
        Circumstance::Steady => return false,
        Circumstance::Environment(disturbance) => line["environment"] = json!(disturbance.to_string()),
        Circumstance::Straddled => line["straddled"] = json!(true),
    }
    true
}

/// JSON lines for tests that turned out to be spoilt only after their own lines were printed.
pub fn amended(state: &State, marked: &HashSet<TestId>) -> Vec<Value> {
    let late = tests(state).filter(|(id, ..)| !marked.contains(id));
    late.map(|(_, test, circumstance)| {
        let mut line = json!({ "type": "amended", "id": &*test.node });
        mark(&mut line, circumstance);
        line
    })
    .collect()
}

/// The tests of the session's own runs that the environment spoilt.
pub fn tests(state: &State) -> impl Iterator<Item = (TestId, &TestCase, &Circumstance)> {
    state.inventory.tests().filter_map(|(id, test)| {
        let latest = test.latest.as_ref().filter(|latest| latest.run.is_some())?;
        (!latest.circumstance.is_steady()).then_some((id, test, &latest.circumstance))
    })
}

/// For people: what was spoilt by what, and what can be done about it.
#[must_use]
pub fn sentences(state: &State) -> Vec<String> {
    let mut by_why: BTreeMap<String, u32> = BTreeMap::new();
    for (_, _, circumstance) in tests(state) {
        let why = match circumstance {
            Circumstance::Environment(disturbance) => format!("environment  {disturbance}"),
            Circumstance::Straddled => "straddled  what serves changed while they ran".to_owned(),
            Circumstance::Steady => continue,
        };
        *by_why.entry(why).or_default() += 1;
    }
    let mut told: Vec<String> = by_why.into_iter().map(|(why, count)| format!("◇ {count} {why}")).collect();
    if !told.is_empty() {
        told.push("not counted as failed: run again with --failed once the services are well".to_owned());
    }
    told
}

/// For people, below the totals: that the runs say nothing of the tests, and what is left to prove where one was cut
/// short.
#[must_use]
pub fn remarks(state: &State) -> Vec<String> {
    let runs = || state.runs.iter().map(|(_, run)| run).filter(|run| run.kind == RunKind::Test);
    let mut told = Vec::new();
    if runs().any(is_spoilt) && Exit::of_all(runs()) == Exit::Environment {
        told.push("the environment could not be tested: no test failed by itself".to_owned());
    }
    let unproved = Unproved::of(state.inventory.tally());
    if runs().any(|run| run.integrity.not_run + run.integrity.lost > 0) && unproved.total() > 0 {
        told.push(format!("left to prove: {unproved}; --failed runs exactly these"));
    }
    told
}

/// Whether failures look like an outage that no probe has noticed yet.
#[must_use]
pub fn is_doubtful(state: &State) -> bool {
    let looks_like_it = |test: &TestCase| {
        let latest = test.latest.as_ref().filter(|latest| latest.run.is_some() && latest.circumstance.is_steady());
        let cause = latest.and_then(|latest| state.causes.get(latest.cause?));
        cause.is_some_and(Cause::looks_like_outage)
    };
    state.services.iter().any(|(_, service)| service.spec.has_health)
        && state.inventory.tests().any(|(_, test)| looks_like_it(test))
}

/// Whether every service was probed after that moment.
#[must_use]
pub fn is_probed_since(state: &State, since: Moment) -> bool {
    let mut probed = state.services.iter().filter(|(_, service)| service.spec.has_health);
    probed.all(|(_, service)| service.beats.last().is_some_and(|beat| beat.at > since))
}
