//! `liveloop plan`: what is to go until every test has a result on what serves, by the newest session's journal.

use std::io::Write as _;
use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::args::Format;
use super::exit::Exit;
use super::handoff::newest_where;
use crate::domain::{Due, Estimate, Plan, Planned, Span, State};

/// What is told of the plan.
#[derive(Debug, Clone, Args)]
pub struct PlanArguments {
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// How many of the tests to go are listed at most.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
}

/// Tells the plan as the newest session left it.
pub fn tell(root: &Path, asked: &PlanArguments) -> Exit {
    let (state, path) = match newest_where(root, |state| state.inventory.tests().len() > 0) {
        Ok(found) => found,
        Err(why) => {
            eprintln!("liveloop: {why}");
            return Exit::NothingSelected;
        }
    };
    let plan = Plan::of(&state);
    let text = match asked.format {
        Format::Human => human(&state, &plan, asked.limit, &path),
        Format::Json => format!("{}\n", json(&state, &plan, &path)),
    };
    // A reader that has gone wants no more.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Exit::Green
}

/// What is to go, and how much of it a batch takes.
pub(super) fn sentences(plan: &Plan, budget: Span) -> Vec<String> {
    let mut sentences = vec![plan.outlook().to_string()];
    let count = plan.batch(budget).len();
    if count > 0 {
        let estimate = plan.estimate_first(count).map(|estimate| format!(", {estimate}")).unwrap_or_default();
        sentences.push(format!("this batch: {count} of them{estimate}"));
    }
    sentences
}

fn human(state: &State, plan: &Plan, limit: usize, path: &str) -> String {
    let mut text = format!("{}\nas of {path}\n", plan.outlook());
    for planned in plan.to_go.iter().take(limit) {
        let Some(test) = state.inventory.test(planned.test) else { continue };
        let tier = tier(state, planned).unwrap_or_default();
        text.push_str(&format!("  {tier:4} {:22} {:>8}  {}\n", why(planned), planned.usual.to_string(), test.node));
    }
    let more = plan.to_go.len().saturating_sub(limit);
    if more > 0 {
        text.push_str(&format!("  and {more} more: --limit shows them\n"));
    }
    text
}

fn json(state: &State, plan: &Plan, path: &str) -> Value {
    let tests = plan.to_go.iter().filter_map(|planned| {
        let test = state.inventory.test(planned.test)?;
        Some(json!({
            "test": &*test.node,
            "tier": tier(state, planned),
            "why": word(planned.due),
            "failed_lately": planned.failed_lately,
            "usual_ms": planned.usual.as_millis(),
            "at_worst_ms": planned.at_worst.as_millis(),
        }))
    });
    let estimate = |Estimate { usual, at_worst }: Estimate| json!({ "usual_ms": usual.as_millis(), "at_worst_ms": at_worst.as_millis() });
    json!({
        "tests": plan.total(),
        "covered": plan.covered,
        "to_go": plan.to_go.len(),
        "workers": plan.workers,
        "estimate": plan.estimate().map(estimate),
        "order": tests.collect::<Vec<_>>(),
        "journal": path,
    })
}

fn tier<'a>(state: &'a State, planned: &Planned) -> Option<&'a str> {
    let tier = state.inventory.test(planned.test)?.tier?;
    state.inventory.tiers().get(tier).map(|tier| &*tier.spec.name)
}

fn word(due: Due) -> &'static str {
    match due {
        Due::Changed => "changed",
        Due::Unproved => "unproved",
        Due::NeverRun => "never run",
    }
}

fn why(planned: &Planned) -> String {
    let word = word(planned.due);
    if planned.failed_lately { format!("{word}, failed lately") } else { word.to_owned() }
}
