//! What else happened while the opened test ran, one line a point, on one axis of time that begins with the test.

use super::pen::Line;
use super::services::short_revision;
use super::sheet::Sheet;
use super::{causes, logs, marks, row};
use crate::domain::{
    AgentKind, AgentRunId, Attempt, Circumstance, DeployId, DeployPhase, Health, Moment, Occasion, Point, RunEnd,
    RunId, RunPhase, ServiceId, State, StreamId, TestCase, Timeline, What,
};
use crate::ui::reading::{Part, Stop};
use crate::ui::text::{Short, first_line, watch};
use crate::ui::theme::{Mark, Role};

pub(super) fn tell(sheet: &mut Sheet, state: &State, test: &TestCase, timeline: &Timeline, offset: i32) {
    let others = timeline.others.ended > 0;
    if timeline.is_bare() && !others {
        return;
    }
    let lines = timeline.points.len() + timeline.own.len() + usize::from(others);
    let end = Short::new(format_args!(
        "{} … {}",
        crate::ui::text::time_of_day(timeline.from, offset),
        crate::ui::text::time_of_day(timeline.to, offset)
    ));
    if !sheet.part(Part::Timeline, "what else happened", lines, &end) {
        return;
    }
    for &id in &timeline.own {
        tell_own(sheet, state, id);
    }
    for point in &timeline.points {
        sheet.line(|line| tell_point(line, state, test, timeline, point));
    }
    if timeline.left_out > 0 {
        sheet.line(|line| {
            line.gap(AXIS).fmt(Role::Warning, format_args!("and {} more that are not shown", timeline.left_out));
        });
    }
    if others {
        sheet.line(|line| {
            let others = timeline.others;
            line.gap(AXIS + 2).cell(Role::Muted, "tests", KIND);
            line.fmt(Role::Muted, format_args!("{} beside it at the same time", causes::tests(others.ended)));
            match others.failed {
                0 => line.put(Role::Muted, ", none failed"),
                failed => line.put(Role::Muted, ", ").fmt(Role::Bad, format_args!("{failed} failed")),
            };
        });
    }
}

/// Why nobody can say what the test met, or what has changed since, with the offset at which it shows on the axis.
pub(super) fn tell_stale(line: &mut Line, state: &State, attempt: &Attempt, timeline: &Timeline) {
    let name = |id: DeployId| state.deploys.get(id).map_or("", |deploy| service_name(state, deploy.service));
    let ended = attempt.started.after(attempt.took);
    let deploy = timeline.points.iter().find_map(|point| match point.what {
        What::DeployAsked(id) if (attempt.circumstance == Circumstance::Straddled) && point.at <= ended => {
            Some((id, point.at))
        }
        _ => None,
    });
    let moved = timeline.points.iter().find_map(|point| match point.what {
        What::Outdated(ordinal) => state.chronicle.happenings().nth(ordinal),
        _ => None,
    });
    line.put(Role::Stale, "stale").gap(2);
    match (deploy, moved, (attempt.circumstance == Circumstance::Straddled)) {
        (Some((id, at)), ..) if at < attempt.started => {
            line.fmt(Role::Stale, format_args!("{} was being deployed when it began", name(id)));
        }
        (Some((id, at)), ..) => {
            let offset = offset(attempt.started, at);
            line.fmt(Role::Stale, format_args!("a deploy of {} began at {offset}, while it ran", name(id)));
        }
        (None, _, true) => {
            line.put(Role::Stale, "a deploy moved while it ran: nobody knows what it met");
        }
        (None, Some(happening), false) => {
            tell_moved(line, state, &happening.what);
            line.fmt(Role::Stale, format_args!(" since {}", offset(attempt.started, happening.at)));
        }
        (None, None, false) if attempt.run.is_none() => {
            line.put(Role::Stale, "from an earlier session");
        }
        (None, None, false) => {
            line.put(Role::Stale, "another revision serves now");
        }
    }
}

fn tell_moved(line: &mut Line, state: &State, what: &Occasion) {
    let Occasion::Revision { service, from, to } = what else { return };
    let name = service_name(state, *service);
    let from = from.as_deref().map_or("", |from| short_revision(name, from));
    line.fmt(Role::Stale, format_args!("{name} {from} → {}", short_revision(name, to)));
}

/// The columns of the offset, and of the word for the source.
const AXIS: u16 = 9;
const KIND: u16 = 8;

/// One of the test's own agent runs: what came of it, and that a key leads to it.
fn tell_own(sheet: &mut Sheet, state: &State, id: AgentRunId) {
    let Some(run) = state.agents.run(id) else { return };
    sheet.stop(Stop::Run(id), true);
    sheet.line(|line| {
        line.mark(Role::Agent, Mark::Up).gap(1).put(Role::Text, "this test's run").gap(1);
        line.bold(Role::Agent, &run.key).gap(2);
        let seen = run.seen();
        line.fmt(super::agents::role_of(run), format_args!("{seen}/5 events")).gap(2);
        if run.native && seen < 5 {
            line.put(Role::Muted, "no");
            for kind in run.missing() {
                line.gap(1).put(Role::Muted, kind.word());
            }
        }
    });
}

fn tell_point(line: &mut Line, state: &State, test: &TestCase, timeline: &Timeline, point: &Point) {
    let own = matches!(point.what, What::Agent { own: true, .. });
    if own {
        line.mark(Role::Agent, Mark::Up);
    } else {
        line.gap(1);
    }
    let is_test = matches!(point.what, What::Began | What::Ended(_));
    let offset = offset(timeline.began, point.at);
    line.number(if is_test { Role::Text } else { Role::Muted }, &offset, AXIS - 1).gap(2);
    match point.what {
        What::Began => {
            kind(line, "test");
            line.put(Role::Text, row::short_name(test)).put(Role::Muted, " starts");
        }
        What::Ended(outcome) => {
            kind(line, "test");
            let (mark, role) = marks::of_outcome(outcome);
            line.mark(role, mark).gap(1).bold(role, outcome.word());
            let message = test.message().map_or("", |message| first_line(message));
            line.gap(2).ansi(Role::Muted, message);
        }
        What::Agent { first, count, .. } => tell_agent(line, state, first, count),
        What::OtherAgent { run, count } => {
            kind(line, "agent");
            let key = state.agents.run(run).map_or("", |run| &run.key);
            line.fmt(Role::Muted, format_args!("{count} × "));
            line.put(Role::Muted, "of another run").gap(1).put(Role::Muted, key);
        }
        What::Happened(ordinal) | What::Since(ordinal) => {
            if let Some(happening) = state.chronicle.happenings().nth(ordinal) {
                tell_occasion(line, state, &happening.what);
            }
            if matches!(point.what, What::Since(_)) {
                line.put(Role::Muted, ", still when it began");
            }
        }
        What::Outdated(ordinal) => {
            if let Some(happening) = state.chronicle.happenings().nth(ordinal) {
                tell_occasion(line, state, &happening.what);
            }
            line.gap(2).put(Role::Stale, "since then its result is stale");
        }
        What::DeployAsked(id) => tell_deploy(line, state, id, |line, _| {
            let by = state.deploys.get(id).map(|deploy| deploy.by);
            line.put(Role::Muted, "asked for by ").put(Role::Text, state.viewer_name(by));
        }),
        What::StepBegan(id, step) => tell_deploy(line, state, id, |line, _| {
            let step = state.deploys.get(id).and_then(|deploy| deploy.steps.get(step as usize));
            line.put(Role::Warning, step.map_or("", |step| &step.name));
        }),
        What::StepFailed(id, step) => tell_deploy(line, state, id, |line, _| {
            let step = state.deploys.get(id).and_then(|deploy| deploy.steps.get(step as usize));
            line.put(Role::Bad, step.map_or("", |step| &step.name)).put(Role::Bad, " failed");
        }),
        What::CommandEnded(id) => tell_deploy(line, state, id, |line, _| {
            line.put(Role::Muted, "the command ended, the proof begins");
        }),
        What::DeployEnded(id) => tell_deploy(line, state, id, |line, name| {
            let Some(deploy) = state.deploys.get(id) else { return };
            let to = deploy.to.as_deref().map_or("", |to| short_revision(name, to));
            match &deploy.phase {
                DeployPhase::Live => line.put(Role::Good, to).put(Role::Good, " is live"),
                DeployPhase::Failed(why) => line.put(Role::Bad, "failed").gap(2).ansi(Role::Muted, why),
                DeployPhase::NotServing(why) | DeployPhase::Superseded(why) | DeployPhase::TimedOut(why) => {
                    line.ansi(Role::Bad, why)
                }
                DeployPhase::Cancelled => line.put(Role::Warning, "cancelled"),
                DeployPhase::Running | DeployPhase::Routing | DeployPhase::Proving => line,
            };
        }),
        What::RunAsked(id) => tell_run(line, state, id, |line, run| {
            line.put(Role::Text, state.viewer_name(run.by)).put(Role::Muted, " runs ").put(Role::Text, &run.what);
        }),
        What::RunStarted(id) => tell_run(line, state, id, |line, run| {
            let tool = run.tool.as_deref().unwrap_or("its process");
            line.put(Role::Muted, tool).put(Role::Muted, " starts");
        }),
        What::RunEnded(id) => tell_run(line, state, id, |line, run| {
            let (role, word) = match &run.phase {
                RunPhase::Ended(RunEnd::Complete) => (Role::Muted, "ends"),
                RunPhase::Ended(RunEnd::Stopped) => (Role::Warning, "was stopped"),
                RunPhase::Ended(RunEnd::CutShort(_)) => (Role::Bad, "was cut short"),
                RunPhase::Ended(RunEnd::Crashed(_)) => (Role::Bad, "crashed"),
                RunPhase::Ended(RunEnd::NothingRan(_)) => (Role::Bad, "ends, nothing ran"),
                RunPhase::Ended(RunEnd::CouldNotStart(_)) => (Role::Bad, "could not start"),
                RunPhase::Held { .. }
                | RunPhase::Starting
                | RunPhase::Collecting
                | RunPhase::Running
                | RunPhase::Stopping { .. } => (Role::Muted, ""),
            };
            line.put(role, word);
        }),
        What::Logged(number) => {
            kind(line, "log");
            let Some(logged) = state.logs.get(number) else {
                line.put(Role::Muted, "no longer kept");
                return;
            };
            let (mark, role) = logs::mark(logged.line.level);
            line.mark(role, mark).gap(1).put(Role::Text, service_name(state, logged.service)).gap(1);
            line.ansi(role, first_line(&logged.line.text));
        }
        What::OtherFailed(id, outcome) => {
            kind(line, "tests");
            let (mark, role) = marks::of_outcome(outcome);
            let other = state.inventory.test(id);
            line.mark(role, mark).gap(1).put(Role::Muted, other.map_or("", row::short_name));
            line.put(Role::Muted, " failed too");
        }
    }
}

fn kind<'a, 'b>(line: &'a mut Line<'b>, word: &str) -> &'a mut Line<'b> {
    line.cell(Role::Muted, word, KIND)
}

/// Seconds and milliseconds from the test's start; of what lies far away, minutes and seconds.
fn offset(began: Moment, at: Moment) -> Short {
    let (sign, span) = if at < began { ('−', began.since(at)) } else { ('+', at.since(began)) };
    match span.as_millis() {
        millis @ 0..600_000 => Short::new(format_args!("{sign}{}.{:03}", millis / 1_000, millis % 1_000)),
        _ => Short::new(format_args!("{sign}{}", watch(span))),
    }
}

fn tell_agent(line: &mut Line, state: &State, first: u64, count: u32) {
    kind(line, "agent");
    let Some(seen) = state.agents.events().nth(first) else {
        line.put(Role::Muted, "no longer kept");
        return;
    };
    let role = match seen.kind {
        _ if seen.failed => Role::Bad,
        AgentKind::AgentFailed | AgentKind::Error => Role::Bad,
        AgentKind::Unknown => Role::Warning,
        AgentKind::Ready | AgentKind::Acknowledged | AgentKind::Heartbeat | AgentKind::System => Role::Muted,
        AgentKind::AgentStarted
        | AgentKind::AgentThinking
        | AgentKind::ToolExecuting
        | AgentKind::ToolCompleted
        | AgentKind::AgentCompleted
        | AgentKind::Progress => Role::Agent,
    };
    let name = match count {
        1 => Short::new(format_args!("{}", state.agents.name(seen))),
        _ => Short::new(format_args!("{count} × {}", state.agents.name(seen))),
    };
    line.cell(role, &name, 20).gap(1);
    let (said, subject) = (first_line(&seen.text), state.agents.subject(seen));
    if !subject.is_empty() && (said.is_empty() || seen.kind == AgentKind::ToolExecuting) {
        line.put(Role::Agent, subject).gap(1);
    }
    line.ansi(Role::Muted, said);
}

fn tell_deploy(line: &mut Line, state: &State, id: DeployId, tell: impl FnOnce(&mut Line, &str)) {
    kind(line, "deploy");
    let service = state.deploys.get(id).and_then(|deploy| state.services.get(deploy.service));
    let name = service.map_or("", |service| &service.spec.name);
    line.put(Role::Warning, name).gap(1);
    tell(line, name);
}

fn tell_run(line: &mut Line, state: &State, id: RunId, tell: impl FnOnce(&mut Line, &crate::domain::Run)) {
    let Some(run) = state.runs.get(id) else { return };
    kind(line, "run").fmt(Role::Muted, format_args!("cycle {}: ", run.cycle));
    tell(line, run);
}

fn tell_occasion(line: &mut Line, state: &State, what: &Occasion) {
    match what {
        Occasion::Asked { who, what } => {
            kind(line, "person").put(Role::Text, who).gap(1).put(Role::Muted, what);
        }
        Occasion::Health { service, health, revision } => {
            let name = service_name(state, *service);
            kind(line, "service").put(Role::Text, name).gap(1);
            match health {
                Health::Healthy => line.put(Role::Good, "is healthy"),
                Health::Degraded(why) => line.put(Role::Warning, "is degraded: ").ansi(Role::Warning, first_line(why)),
                Health::Unhealthy(why) => line.put(Role::Bad, "is not healthy: ").ansi(Role::Bad, first_line(why)),
                Health::Unreachable(why) => line.put(Role::Bad, "does not answer: ").ansi(Role::Bad, first_line(why)),
                Health::Unknown => line.put(Role::Muted, "has not answered yet"),
            };
            if let Some(revision) = revision {
                line.fmt(Role::Muted, format_args!(" ({})", short_revision(name, revision)));
            }
        }
        Occasion::Revision { service, from, to } => {
            let name = service_name(state, *service);
            kind(line, "service").put(Role::Text, name).gap(1);
            if let Some(from) = from {
                line.put(Role::Warning, short_revision(name, from)).put(Role::Warning, " → ");
            }
            line.put(Role::Warning, short_revision(name, to)).put(Role::Muted, " serves");
        }
        Occasion::Connected { stream, subprotocol } => {
            kind(line, "stream").put(Role::Text, stream_name(state, *stream)).put(Role::Good, " opened");
            if let Some(subprotocol) = subprotocol {
                line.fmt(Role::Muted, format_args!(", subprotocol {subprotocol}"));
            }
        }
        Occasion::Disconnected { stream, code, reason, expected } => {
            let role = if *expected { Role::Warning } else { Role::Bad };
            kind(line, "stream").put(Role::Text, stream_name(state, *stream)).put(role, " closed");
            match code {
                Some(code) => line.fmt(role, format_args!(" {code} ")),
                None => line.put(role, " without a close frame "),
            };
            line.ansi(Role::Muted, first_line(reason));
        }
        Occasion::Refused { stream, why } => {
            kind(line, "stream").put(Role::Text, stream_name(state, *stream)).put(Role::Bad, " refused: ");
            line.ansi(Role::Bad, first_line(why));
        }
        Occasion::GaveUp { stream, why } => {
            kind(line, "stream").put(Role::Text, stream_name(state, *stream)).put(Role::Bad, " gave up: ");
            line.ansi(Role::Muted, first_line(why));
        }
        Occasion::Troubled { what, over } => {
            kind(line, "console").ansi(if *over { Role::Muted } else { Role::Bad }, first_line(what));
            if *over {
                line.put(Role::Good, ": over");
            }
        }
    }
}

fn service_name(state: &State, id: ServiceId) -> &str {
    state.services.get(id).map_or("", |service| &service.spec.name)
}

fn stream_name(state: &State, id: StreamId) -> &str {
    state.streams.get(id).map_or("", |stream| &stream.spec.name)
}
