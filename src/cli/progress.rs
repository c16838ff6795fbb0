//! Where a headless run stands, in a line: so that a log shows every few seconds that it goes on, and what it waits for.

use std::time::Duration;

use crate::domain::{Deploy, Moment, Run, RunKind, RunPhase, Span, State, plain};

/// How often a line is printed.
pub(super) const EVERY: Duration = Duration::from_secs(10);

/// `0:40  93 of 157 finished, 3 failed, 6 running`; nothing where nothing is under way.
#[must_use]
pub(super) fn line(state: &State, now: Moment) -> Option<String> {
    let mut parts = Vec::new();
    let mut since = now;
    for (_, run) in state.runs.active() {
        since = run.started.map_or(since, |started| started.min(since));
        parts.push(run_in_words(state, run, now));
    }
    if let Some((_, fix)) = state.fix_to_show().filter(|(_, fix)| fix.end.is_none()) {
        since = fix.started.min(since);
        let words = fix.last_words().map(|words| format!(": {}", plain(words))).unwrap_or_default();
        parts.push(format!("the fix hook works{words}"));
    }
    for (_, deploy) in state.deploys.iter().filter(|(_, deploy)| deploy.is_active()) {
        since = deploy.started.min(since);
        parts.push(deploy_in_words(state, deploy));
    }
    (!parts.is_empty()).then(|| format!("  {}  {}", clock(now.since(since)), parts.join("; ")))
}

fn run_in_words(state: &State, run: &Run, now: Moment) -> String {
    if let RunPhase::Held { why } = &run.phase {
        let left = run.asked.after(state.session.project.hold_limit).since(now);
        return format!("held: {why}, for at most {} more", clock(left));
    }
    if run.kind == RunKind::Collect {
        return "listing tests".to_owned();
    }
    let numbers = &run.integrity;
    let running = state.inventory.tally().running;
    let failed = run.tally.failures();
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    format!("{} of {} finished{failed}, {running} running", numbers.finished, numbers.selected)
}

fn deploy_in_words(state: &State, deploy: &Deploy) -> String {
    let name = state.services.get(deploy.service).map_or("a service", |service| &service.spec.name);
    format!("deploying {name}")
}

/// `0:40`, `1:02:03`.
fn clock(span: Span) -> String {
    let seconds = span.0 / 1_000_000;
    match seconds / 3_600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}
