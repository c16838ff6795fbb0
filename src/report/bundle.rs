//! What the fix hook is handed: every open cause with its hand-off, as JSON. `docs/fix-hook.md` describes it.

use serde_json::{Value, json};

use super::hand_off;
use super::rerun;
use crate::domain::{Autopilot, Cause, CauseId, HandOff, State, TestId};

/// How many tests of a cause are listed; how many there are is said beside them.
const TESTS: usize = 200;

/// The bundle.
#[must_use]
pub fn bundle(state: &State) -> Value {
    let causes: Vec<Value> =
        state.causes.present().into_iter().filter_map(|id| Some(cause(state, id, state.causes.get(id)?))).collect();
    let revisions: serde_json::Map<String, Value> = state
        .services
        .revisions(state.services.epoch())
        .map(|(service, revision)| (service.to_string(), revision.to_string().into()))
        .collect();
    json!({
        "v": 1,
        "project": &*state.session.project.name,
        "environment": state.session.project.environment.as_ref().map(|environment| &*environment.name),
        "cycle": state.cycle,
        "revisions": revisions,
        "deploy_failed": state.autopilot.as_ref().and_then(Autopilot::deploy_failed).map(|why| &**why),
        "causes": causes,
    })
}

fn cause(state: &State, id: CauseId, cause: &Cause) -> Value {
    let members: Vec<TestId> = cause.members().collect();
    let tests = members.iter().take(TESTS).filter_map(|id| state.inventory.test(*id));
    let tests: Vec<Value> = tests
        .map(|test| {
            let detail = test.latest.as_ref().and_then(|latest| latest.detail.as_ref());
            let own = detail.and_then(|detail| detail.frames.iter().rev().find(|frame| frame.own));
            json!({
                "id": &*test.node,
                "file": own.map(|frame| &*frame.path),
                "line": own.map(|frame| frame.line).filter(|line| *line > 0),
                "message": test.message().map(|message| &**message),
            })
        })
        .collect();
    json!({
        "id": id.0 + 1,
        "class": cause.class(),
        "title": &**cause.title(),
        "count": cause.count(),
        "tests": tests,
        "rerun": rerun::of_tools(state, &members),
        "hand_off": hand_off(state, HandOff::Cause(id)),
    })
}
