//! What an agent does: the five events ticked off, each event as it came, what is awaited and for how long; and why
//! there is nothing to see when there is nothing.

use ratatui::layout::Rect;

use super::footer::hint;
use super::pen::{Line, Pen};
use super::services::spark;
use super::{connection, disconnected};
use crate::domain::{
    AgentKind, AgentRun, AgentRunEnd, AgentRunId, AgentRunStanding, CRITICAL, Link, Moment, Seen, State, Stream,
};
use crate::ui::action::Action;
use crate::ui::regions::{Regions, chosen_agent_run};
use crate::ui::scene::Scene;
use crate::ui::text::{self, Short, count, precise_time, took};
use crate::ui::theme::{Mark, Role};
use crate::ui::view::{Pane, ViewState};

/// How many lines a raw frame takes at most.
const RAW_LINES: usize = 4;

/// How the lines of the pane are shared out, from top to bottom.
struct Plan {
    trouble: u16,
    connection: u16,
    ladder: u16,
    events: u16,
    raw: u16,
    runs: u16,
    counts: u16,
}

impl Plan {
    fn new(area: Rect, state: &State, view: &ViewState, run: Option<&AgentRun>) -> Self {
        let height = area.height.saturating_sub(2);
        let trouble =
            state.streams.iter().map(|(_, stream)| disconnected::lines(stream, area.width)).max().unwrap_or(0);
        // With a run to show, trouble leaves it at least half of the pane.
        let trouble = trouble.min(if run.is_some() { height / 2 } else { height });
        let connection = match shown_stream(state, run) {
            Some(stream) if trouble == 0 && height >= 12 => {
                connection::lines((stream, state.at), area.width.saturating_sub(4), is_looked_at(view, height))
                    .min(height / 3)
            }
            _ => 0,
        };
        let Some(run) = run else {
            return Self { trouble, connection, ladder: 0, events: 0, raw: 0, runs: 0, counts: 0 };
        };
        let mut rest = height - trouble - connection;
        let mut take = |wanted: u16, least: u16| {
            let taken = if rest >= wanted + least { wanted } else { 0 };
            rest -= taken;
            taken
        };
        // An ended run says how it ended and what never came, with a line of air below that.
        let ladder = take(2 + u16::from(run.end.is_some()) + u16::from(run.is_short()), 1);
        let events = (run.events.len() as u64 + u64::from(run.end.is_none()) + 1).min(u64::from(u16::MAX)) as u16;
        let raw = if view.focus == Pane::Agents { take(2 + RAW_LINES as u16, events.min(6)) } else { 0 };
        let counts = take(3, events.min(8));
        let runs = take((state.agents.runs().len().min(5) as u16) + 2, events.min(8));
        Self { trouble, connection, ladder, events: rest, raw, runs, counts }
    }
}

/// The stream whose connection the pane tells about.
fn shown_stream<'a>(state: &'a State, run: Option<&AgentRun>) -> Option<&'a Stream> {
    match run {
        Some(run) => state.streams.get(run.stream),
        None => state.streams.iter().next().map(|(_, stream)| stream),
    }
}

/// Whether there is room, and somebody, for all there is to say about a connection.
fn is_looked_at(view: &ViewState, height: u16) -> bool {
    view.focus == Pane::Agents && height >= 24
}

/// How many events of a run the pane shows; one line is kept for what is awaited.
pub(crate) fn event_rows(area: Rect, state: &State, view: &ViewState, run: &AgentRun) -> u64 {
    let plan = Plan::new(area, state, view, Some(run));
    u64::from(plan.events.saturating_sub(1))
}

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let area = regions.agents;
    let inner = pen.frame(area, scene.view.focus == Pane::Agents);
    let chosen = chosen_agent_run(scene.state, scene.view);
    let run = chosen.and_then(|id| scene.state.agents.run(id));
    draw_title(pen, area, run);
    let plan = Plan::new(area, scene.state, scene.view, run);
    let mut y = inner.y;
    for (_, stream) in
        scene.state.streams.iter().filter(|(_, stream)| disconnected::lines(stream, area.width) > 0).take(1)
    {
        disconnected::draw(pen, scene, Rect { height: plan.trouble, ..inner }, stream);
        y += plan.trouble;
    }
    if let Some(stream) = shown_stream(scene.state, run).filter(|_| plan.connection > 0) {
        let is_full = is_looked_at(scene.view, area.height.saturating_sub(2));
        connection::draw(pen, scene, Rect { y, height: plan.connection, ..inner }, stream, is_full);
        y += plan.connection;
    }
    let (Some(id), Some(run)) = (chosen, run) else {
        return draw_empty(pen, scene, inner, y);
    };
    if plan.ladder > 0 {
        draw_ladder(&mut pen.line(inner, y), run);
        draw_end(&mut pen.line(inner, y + 1), run);
        if run.is_short() && plan.ladder > 3 {
            draw_missing(&mut pen.line(inner, y + 2), run);
        }
        y += plan.ladder;
    }
    draw_events(pen, scene, regions, Rect { y, height: plan.events, ..inner }, run);
    y += plan.events;
    if plan.raw > 0 {
        draw_raw(pen, scene, regions, Rect { y, height: plan.raw, ..inner }, run);
        y += plan.raw;
    }
    if plan.runs > 0 {
        let older = scene.state.agents.runs().len().saturating_sub(usize::from(plan.runs - 2));
        let older = if older > 0 { format!("runs, {older} older above in the timeline") } else { "runs".to_owned() };
        pen.section(inner, y, &older);
        draw_runs(pen, scene, Rect { y: y + 1, height: plan.runs - 2, ..inner }, id);
        y += plan.runs;
    }
    if plan.counts > 0 {
        draw_counts(pen, scene, inner, y, run);
    }
}

fn draw_title(pen: &mut Pen, area: Rect, run: Option<&AgentRun>) {
    let mut line = pen.title(area);
    match run {
        Some(run) => {
            line.end_fmt(Role::Muted, format_args!("/{} ", CRITICAL.len()));
            line.end_bold(role_of(run), &Short::new(format_args!(" {}", run.seen())));
            line.end_gap(2).put(Role::Text, " agents ");
            if let Some(agent) = &run.agent {
                line.bold(Role::Agent, agent).put(Role::Muted, " ");
            }
            line.fmt(Role::Muted, format_args!("{} ", run.key));
        }
        None => {
            line.put(Role::Text, " agents ");
        }
    }
}

/// The colour of what is counted of a run.
pub(super) fn role_of(run: &AgentRun) -> Role {
    match run.standing() {
        AgentRunStanding::Whole => Role::Good,
        AgentRunStanding::Open if run.seen() == CRITICAL.len() => Role::Good,
        AgentRunStanding::Open => Role::Warning,
        AgentRunStanding::Played => Role::Hollow,
        AgentRunStanding::Short | AgentRunStanding::Failed | AgentRunStanding::Lost => Role::Bad,
    }
}

fn draw_empty(pen: &mut Pen, scene: &Scene, inner: Rect, y: u16) {
    let mut streams = scene.state.streams.iter().map(|(_, stream)| stream);
    let startable = scene.state.streams.iter().any(|(_, stream)| stream.spec.start.is_some());
    let (first, second) = match streams.next().map(|stream| &stream.link) {
        None => ("no stream of agent events is configured", "add one under [[stream]] in liveloop.toml"),
        Some(Link::Open) if startable => ("connected; no agent event yet", "they come while tests run"),
        Some(Link::Open) => ("connected; no agent event yet", "they come while tests run"),
        Some(Link::Connecting) => ("connecting", ""),
        Some(Link::Idle | Link::Waiting { .. } | Link::Stopped { .. }) => ("no agent event was seen", ""),
    };
    for (text, y) in [first, second].into_iter().zip(y..inner.bottom()) {
        pen.line(inner, y).put(Role::Muted, text);
    }
    let mut line = pen.line(inner, (y + 3).min(inner.bottom().saturating_sub(1)));
    if startable {
        hint(&mut line, scene, Action::StartAgent, "starts an agent run");
    }
    if scene.state.streams.iter().any(|(_, stream)| stream.link != Link::Open) {
        hint(&mut line, scene, Action::Reconnect, "connects anew");
    }
}

/// `● started ─ ● thinking ─ ◐ tool ─ ○ result ─ ○ done`.
fn draw_ladder(line: &mut Line, run: &AgentRun) {
    let awaited = run.awaited();
    let words = ["started", "thinking", "tool", "result", "done"];
    let spacious = line.room() >= 50;
    for (n, (kind, word)) in CRITICAL.into_iter().zip(words).enumerate() {
        if n > 0 {
            line.put(Role::Faint, if spacious { " ─ " } else { " " });
        }
        let seen = run.counts[n] > 0;
        let (mark, role) = match (seen, awaited == Some(kind), run.end) {
            (true, false, _) => (Mark::Up, Role::Good),
            (_, true, _) => (Mark::Running, Role::Warning),
            (false, _, Some(_)) if run.native => (Mark::Failed, Role::Bad),
            (false, _, _) => (Mark::Down, Role::Muted),
        };
        line.mark(role, mark).gap(1);
        match role {
            Role::Warning => line.bold(role, word),
            _ => line.put(role, word),
        };
    }
}

fn draw_missing(line: &mut Line, run: &AgentRun) {
    line.put(Role::Bad, "missing");
    for kind in run.missing() {
        line.gap(1).put(Role::Bad, kind.word());
    }
}

fn draw_end(line: &mut Line, run: &AgentRun) {
    let (role, word) = match run.standing() {
        AgentRunStanding::Open => return,
        AgentRunStanding::Whole | AgentRunStanding::Short => (Role::Good, "completed"),
        AgentRunStanding::Played => (Role::Hollow, "played by something that is no agent,"),
        AgentRunStanding::Failed => (Role::Bad, "failed"),
        AgentRunStanding::Lost => (Role::Bad, "lost: the connection ended"),
    };
    line.put(role, word).fmt(Role::Muted, format_args!(" after {}", took(run.last.since(run.started))));
}

fn draw_events(pen: &mut Pen, scene: &Scene, regions: &Regions, area: Rect, run: &AgentRun) {
    let window = regions.agent_rows;
    let agents = &scene.state.agents;
    let seen_at = |place: u64| agents.events().nth(*run.events.nth(place)?);
    let last = (window.top + window.shown).min(window.end);
    let mut y = area.y;
    for place in window.top..last {
        let before = place.checked_sub(1).and_then(seen_at).map(|seen| seen.at);
        let mut line = pen.line(area, y);
        match seen_at(place) {
            Some(seen) => draw_event(&mut line, scene, seen, before),
            None => {
                line.put(Role::Muted, "no longer kept");
            }
        }
        if scene.view.focus == Pane::Agents && place + 1 == last {
            pen.select(Rect { x: area.x - 1, width: area.width + 2, ..area }, y);
        }
        y += 1;
    }
    if y < area.bottom() {
        draw_wait(&mut pen.line(area, y), scene, run, window.below());
    }
}

/// What is awaited, for how long, and how long it may take.
fn draw_wait(line: &mut Line, scene: &Scene, run: &AgentRun, newer: u64) {
    if newer > 0 {
        line.fmt(Role::Muted, format_args!("{newer} newer events below"));
        return;
    }
    let Some(awaited) = run.awaited() else { return };
    let waited = scene.now.since(run.last);
    let budget = scene.state.streams.get(run.stream).map(|stream| stream.spec.budget);
    let late = budget.is_some_and(|budget| budget.0 > 0 && waited > budget);
    let role = if late { Role::Warning } else { Role::Muted };
    line.number(role, &Short::new(format_args!("+{}", took(waited))), 12);
    line.gap(2).fmt(role, format_args!("waiting for {}", awaited.word()));
    if let Some(budget) = budget.filter(|budget| budget.0 > 0) {
        line.gap(2).fmt(Role::Muted, format_args!("budget {}", took(budget)));
    }
}

/// How an event is marked.
pub(super) fn look(seen: &Seen) -> (Mark, Role) {
    match seen.kind {
        _ if seen.failed => (Mark::Failed, Role::Bad),
        AgentKind::AgentStarted => (Mark::Play, Role::Good),
        AgentKind::AgentCompleted => (Mark::Check, Role::Good),
        AgentKind::AgentFailed | AgentKind::Error => (Mark::Failed, Role::Bad),
        AgentKind::ToolExecuting => (Mark::Running, Role::Agent),
        AgentKind::ToolCompleted => (Mark::Up, Role::Agent),
        AgentKind::AgentThinking => (Mark::Queued, Role::Text),
        AgentKind::Progress => (Mark::Queued, Role::Muted),
        AgentKind::Unknown => (Mark::Lost, Role::Warning),
        AgentKind::Ready | AgentKind::Acknowledged | AgentKind::Heartbeat | AgentKind::System => {
            (Mark::Queued, Role::Muted)
        }
    }
}

/// How long after the event before, or for how long nobody listened between the two.
fn draw_delta<'a, 'b>(line: &'a mut Line<'b>, scene: &Scene, seen: &Seen, before: Moment) -> &'a mut Line<'b> {
    let stream = scene.state.streams.get(seen.stream);
    if let Some(gap) = stream.and_then(|stream| stream.gaps.between(before, seen.at)) {
        if let Some(missed) = gap.missed.filter(|missed| *missed > 0) {
            line.end_fmt(Role::Warning, format_args!("{} missed", count(missed))).end_gap(1);
        }
        let role = if gap.expected { Role::Muted } else { Role::Warning };
        return line.number(role, &Short::new(format_args!("gap {}", took(gap.length()))), 12);
    }
    let delta = seen.at.since(before);
    let text = Short::new(format_args!("+{}.{:03}", delta.0 / 1_000_000, delta.as_millis() % 1_000));
    line.number(if delta.0 > 2_000_000 { Role::Warning } else { Role::Muted }, &text, 12)
}

fn draw_event(line: &mut Line, scene: &Scene, seen: &Seen, before: Option<Moment>) {
    let agents = &scene.state.agents;
    match before {
        None => line.put(Role::Muted, &precise_time(seen.at, scene.view.utc_offset)),
        Some(before) => draw_delta(line, scene, seen, before),
    };
    let (mark, role) = look(seen);
    // Types of other protocols are longer and differ at their ends; only they leave the column.
    let name = agents.name(seen);
    line.gap(2).mark(role, mark).gap(1).cell(role, name, text::width(name).clamp(15, 26) as u16).gap(1);
    let subject = agents.subject(seen);
    if !subject.is_empty() && matches!(seen.kind, AgentKind::ToolExecuting | AgentKind::ToolCompleted) {
        line.put(Role::Agent, subject).gap(1);
    } else if !subject.is_empty() && seen.text.is_empty() {
        line.put(Role::Muted, subject).gap(1);
    }
    put_again(line, seen);
    line.ansi(Role::Muted, text::first_line(&seen.text));
}

/// Says so of a message that had come before.
pub(super) fn put_again(line: &mut Line, seen: &Seen) {
    if seen.again {
        line.put(Role::Warning, "×2 after reconnect").gap(1);
    }
}

/// The frame as it came, of the event under the cursor.
fn draw_raw(pen: &mut Pen, scene: &Scene, regions: &Regions, area: Rect, run: &AgentRun) {
    let window = regions.agent_rows;
    let chosen = (window.top + window.shown).min(window.end).checked_sub(1);
    let ordinal = chosen.and_then(|place| run.events.nth(place));
    let raw = ordinal.and_then(|ordinal| scene.state.agents.raw(*ordinal));
    pen.section(area, area.y, "frame");
    match raw {
        Some(raw) => {
            for (piece, n) in text::wrap(raw, usize::from(area.width)).zip(1..=RAW_LINES as u16) {
                pen.line(area, area.y + n).put(Role::Muted, piece);
            }
        }
        None => {
            pen.line(area, area.y + 1).put(Role::Muted, "no longer kept");
        }
    }
}

/// The newest runs: how far each came, and how long it took against the others.
fn draw_runs(pen: &mut Pen, scene: &Scene, area: Rect, chosen: AgentRunId) {
    let until = |run: &AgentRun| if run.end.is_none() { scene.now } else { run.last };
    let newest = || scene.state.agents.runs().rev().take(usize::from(area.height));
    let longest = newest().map(|(_, run)| until(run).since(run.started).0).max().unwrap_or(1).max(1);
    for ((id, run), y) in newest().zip(area.y..) {
        let span = until(run).since(run.started);
        let role = role_of(run);
        let mut line = pen.line(area, y);
        line.end_fmt(role, format_args!("{}/{}", run.seen(), CRITICAL.len())).end_gap(1);
        line.end_number(Role::Muted, &took(span), 7).end_gap(1);
        line.cell(if id == chosen { Role::Strong } else { Role::Muted }, &run.key, 12).gap(1);
        let room = u64::from(line.room().saturating_sub(1));
        let bar = (span.0.saturating_mul(room) / longest).max(1);
        line.fill(role, "━", bar as u16);
        if matches!(run.end, Some(AgentRunEnd::Failed | AgentRunEnd::Lost)) {
            line.mark(Role::Bad, Mark::Failed);
        }
    }
}

fn draw_counts(pen: &mut Pen, scene: &Scene, area: Rect, y: u16, run: &AgentRun) {
    let Some(stream) = scene.state.streams.get(run.stream) else { return };
    let unknown = scene.state.agents.unknown();
    let mut line = pen.line(area, y);
    let role = |value: u64| if value > 0 { Role::Warning } else { Role::Muted };
    let dropped = stream.dropped + scene.state.agents.events().dropped();
    line.end(role(dropped), &count(dropped)).end(Role::Muted, "dropped ").end_gap(2);
    let types = unknown.values().sum();
    line.put(Role::Muted, "unknown types").gap(1).put(role(types), &count(types)).gap(2);
    for name in unknown.keys().take(3) {
        line.put(Role::Warning, name).gap(1);
    }
    draw_rate(&mut pen.line(area, y + 1), scene, stream);
}

/// Messages by second, the present one at the right.
fn draw_rate(line: &mut Line, scene: &Scene, stream: &Stream) {
    line.put(Role::Muted, "messages/s").gap(1);
    let columns = u64::from(line.room().min(30));
    let now = scene.now.0 / 1_000_000;
    let most = stream.rate.iter().map(|(_, count)| *count).max().unwrap_or(1).max(4);
    let first = now.saturating_sub(columns.saturating_sub(1));
    let mut rates = stream.rate.iter().skip_while(|(second, _)| *second < first).peekable();
    for second in first..=now {
        let value = rates.next_if(|(at, _)| *at == second).map_or(0, |(_, count)| *count);
        let role = if value > 0 { Role::Agent } else { Role::Faint };
        let glyph = spark(u64::from(value), u64::from(most));
        line.fill(role, glyph, 1);
    }
}
