//! What is to be done next, the most pressing first.

use serde::Serialize;

use super::status::count;
use super::{CauseFact, Reason, Status};
use crate::domain::{Protection, State, Unproved};

/// How many steps are told.
const STEPS: usize = 12;
/// What has to be settled before other results mean anything.
const GRAVE: [&str; 5] = ["truncated", "disagreement", "unproved_revision", "synthetic", "running"];

/// A step.
#[derive(Debug, Clone, Serialize)]
pub struct StepFact {
    /// What is to be done.
    pub text: String,
    /// Where the report tells more of it.
    pub anchor: String,
}

impl StepFact {
    fn new(text: String, anchor: &str) -> Self {
        Self { text, anchor: anchor.to_owned() }
    }
}

/// What keeps results from counting, then open causes in the order of risk, then what is to be proved again; and how many
/// steps beyond those that are told.
pub(super) fn steps(state: &State, status: &Status, causes: &[CauseFact]) -> (Vec<StepFact>, u32) {
    let mut steps: Vec<StepFact> = Vec::new();
    let settle = |reason: &Reason| StepFact::new(format!("Settle: {}.", reason.text), &reason.anchor);
    steps.extend(status.reasons.iter().filter(|reason| GRAVE.contains(&reason.code)).map(settle));
    steps.extend(causes.iter().filter(|cause| cause.open && cause.known < cause.count).map(fix));
    let tally = state.inventory.tally();
    let unproved = Unproved::of(tally);
    if unproved.total() > 0 {
        steps.push(StepFact::new(format!("Rerun what is not proved: {unproved}."), "totals"));
    }
    if tally.stale > 0 {
        let stale = count(tally.stale, "result", "results");
        steps.push(StepFact::new(format!("Prove {stale} again on what serves now."), "totals"));
    }
    let hollow = status.reasons.iter().filter(|reason| matches!(reason.code, "vacuous" | "without_evidence"));
    let doubt = |reason: &Reason| {
        let text = format!("Let tests prove something, or take them out of what gates: {}.", reason.text);
        StepFact::new(text, &reason.anchor)
    };
    steps.extend(hollow.map(doubt));
    let missing = |tally: &crate::domain::Tally| tally.finished() < tally.total();
    let tiers = state.inventory.tiers().iter().map(|(_, tier)| tier);
    let unrun: Vec<String> = tiers
        .filter(|tier| missing(&tier.tally) && state.protection(tier) == Protection::Unproved)
        .map(|tier| tier.spec.name.to_string())
        .collect();
    if !unrun.is_empty() {
        steps.push(StepFact::new(format!("Run what is missing of {}.", unrun.join(", ")), "totals"));
    }
    let more = steps.len().saturating_sub(STEPS) as u32;
    steps.truncate(STEPS);
    (steps, more)
}

fn fix(cause: &CauseFact) -> StepFact {
    let tests = count(cause.count, "test", "tests");
    let tier = cause.tier.as_ref().map_or(String::new(), |tier| match &cause.at_risk {
        Some(at_risk) => format!(", the most important in {tier}: {at_risk} at risk"),
        None => format!(", the most important in {tier}"),
    });
    let root = cause.note.as_ref().and_then(|note| note.root_cause.as_ref());
    let root = root.map_or(String::new(), |root| format!(" Found so far: {root}."));
    StepFact::new(format!("Fix: {} ({tests}{tier}).{root}", cause.title), &cause.anchor)
}
