//! The timeline of agent runs: one bar a run, below it one for each agent and tool inside it, all from the run's own
//! beginning on, so that they compare, or along one clock, so that one sees what ran at the same time; thoughts and
//! everything else stand as moments. Below, the frames on demand.

use ratatui::layout::Rect;

use super::agents;
use super::footer::hint;
use super::pen::{Line, Pen};
use crate::domain::{AgentRun, AgentRunEnd, AgentRunId, Agents, CRITICAL, Gap, Moment, Part, PartKind, Span, Usage};
use crate::ui::action::Action;
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::spans::{self, Axis, SEARCHED, SpanRow, SpanRows, SpanView, frame};
use crate::ui::text::{self, Short, count, precise_time, took};
use crate::ui::theme::{Mark, Role};

/// The least room for words at which a row has a time of day, and tells tokens apart.
const SPACIOUS: u16 = 72;

/// What a bar is made of where nobody listened.
const UNHEARD: &str = "░";

/// How the lines of the view are shared out.
struct Plan {
    rows: u16,
    frame: u16,
}

impl Plan {
    fn new(area: Rect, view: &SpanView) -> Self {
        // One line is the axis.
        let height = area.height.saturating_sub(3);
        let frame = if view.opened { (height / 2).max(height.min(4)) } else { 0 };
        Self { rows: height - frame, frame }
    }
}

/// How many rows fit, and how wide and high the frame below them is.
pub(crate) fn rooms(area: Rect, view: &SpanView) -> (u16, u16, u16) {
    let plan = Plan::new(area, view);
    (plan.rows, area.width.saturating_sub(4), plan.frame.saturating_sub(1))
}

/// Where things stand across.
#[derive(Clone, Copy)]
struct Columns {
    /// How wide the left part is, which tells in words.
    words: u16,
    /// How wide the axis is.
    axis: u16,
    /// What the whole axis stands for.
    longest: Span,
    /// The moment at its left end, where all runs are laid along one clock.
    from: Option<Moment>,
}

impl Columns {
    fn new(scene: &Scene, rows: &SpanRows, width: u16) -> Self {
        let agents = &scene.state.agents;
        let runs = || rows.visible().iter().filter_map(|row| row.run(agents)).filter_map(|id| agents.run(id));
        let from = match scene.view.spans.axis {
            Axis::OwnBeginning => None,
            Axis::OneClock => runs().map(|run| run.started).min(),
        };
        let spans = runs().map(|run| until(scene, run).since(from.unwrap_or(run.started)));
        let longest = spans.max().unwrap_or_default().max(Span::millis(1));
        let axis = if width >= 60 { width * 9 / 20 } else { width / 3 };
        Self { words: width - axis - 1, axis, longest, from }
    }

    /// The column of a moment in a run's life.
    fn place(self, run: &AgentRun, at: Moment) -> u16 {
        self.column(at.since(self.from.unwrap_or(run.started)))
    }

    fn column(self, since: Span) -> u16 {
        let place = since.0.min(self.longest.0).saturating_mul(u64::from(self.axis.saturating_sub(1))) / self.longest.0;
        place as u16
    }
}

/// Until when a run's bar goes: while it is open and heard, until now.
fn until(scene: &Scene, run: &AgentRun) -> Moment {
    if run.end.is_none() { scene.now.max(run.last) } else { run.last }
}

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let (area, rows) = (regions.agents, &regions.span_rows);
    let inner = pen.frame(area, true);
    draw_title(pen, scene, area);
    draw_bottom(pen, scene, rows, area);
    if rows.all.is_empty() {
        return draw_empty(pen, scene, inner);
    }
    let plan = Plan::new(area, &scene.view.spans);
    let columns = Columns::new(scene, rows, inner.width);
    draw_axis(&mut pen.line(inner, inner.y), columns, scene.view.utc_offset);
    for (row, (place, y)) in rows.visible().iter().zip((rows.top..).zip(inner.y + 1..)) {
        let mut line = pen.line(inner, y);
        match row {
            SpanRow::Run(id) => draw_run(&mut line, scene, *id, columns, is_open(rows, place)),
            SpanRow::Part(id, part) => draw_part(&mut line, scene, *id, part, columns),
            SpanRow::Found(event) => draw_found(&mut line, scene, *event, columns),
        }
        let marked = row.events(&scene.state.agents).0.is_some_and(|event| scene.view.spans.marks.contains(&event));
        if marked {
            pen.line(Rect { x: area.x + 1, width: 1, ..area }, y).mark(Role::Warning, Mark::Here);
        }
        if place == rows.cursor && (scene.view.spans.is_frozen() || scene.view.spans.opened) {
            pen.select(Rect { x: area.x + 1, width: area.width - 2, ..area }, y);
        }
    }
    if plan.frame > 1 {
        let below = Rect { y: inner.bottom() - plan.frame, height: plan.frame, ..inner };
        draw_frame(pen, scene, rows, below);
    }
}

fn is_open(rows: &SpanRows, place: usize) -> bool {
    matches!(rows.all.get(place + 1), Some(SpanRow::Part(..)))
}

fn draw_title(pen: &mut Pen, scene: &Scene, area: Rect) {
    let agents = &scene.state.agents;
    let runs = agents.runs().len();
    let open = agents.runs().rev().take(100).filter(|(_, run)| run.end.is_none()).count();
    let lost = agents.events().dropped();
    let mut line = pen.title(area);
    if lost > 0 {
        line.end_fmt(Role::Muted, format_args!("{} older events not kept ", count(lost)));
    }
    line.end_fmt(Role::Muted, format_args!(" {} events ", count(agents.events().total())));
    line.put(Role::Text, " agent runs ").fmt(Role::Strong, format_args!("{runs}"));
    if open > 0 {
        line.fmt(Role::Running, format_args!(" · {open} open"));
    }
    line.put(Role::Muted, " ");
}

/// In the lower border: what narrows the rows, what was measured, and whether newer ones wait.
fn draw_bottom(pen: &mut Pen, scene: &Scene, rows: &SpanRows, area: Rect) {
    let view = &scene.view.spans;
    let inside = Rect { x: area.x + 2, width: area.width.saturating_sub(4), ..area };
    let mut line = pen.line(inside, area.bottom().saturating_sub(1));
    if view.is_frozen() {
        let bottom = scene.view.keymap.shown(Action::Bottom).unwrap_or_default();
        line.end_fmt(Role::Warning, format_args!(" frozen, {} below, {bottom} newest ", rows.below()));
    }
    match spans::measured(scene.state, view) {
        Some((at, None)) => {
            let at = precise_time(at, scene.view.utc_offset);
            line.fmt(Role::Warning, format_args!(" marked {at} "));
        }
        Some((at, Some(span))) => {
            let at = precise_time(at, scene.view.utc_offset);
            line.fmt(Role::Warning, format_args!(" {}.{:03} s ", span.0 / 1_000_000, span.as_millis() % 1_000));
            line.fmt(Role::Muted, format_args!("between the marks, from {at} "));
        }
        None => {}
    }
    if !view.words.is_empty() {
        line.put(Role::Match, " ").put(Role::Match, view.words.input.value().trim()).put(Role::Match, " ");
        let (found, of) = (rows.all.len(), scene.state.agents.events().len() as u64);
        line.fmt(Role::Muted, format_args!(" {found} of the newest {} ", count(of.min(SEARCHED))));
    }
}

fn draw_empty(pen: &mut Pen, scene: &Scene, inner: Rect) {
    if !scene.view.spans.words.is_empty() {
        pen.line(inner, inner.y).put(Role::Muted, "no event that is kept matches");
        pen.line(inner, inner.y + 1).put(Role::Muted, "type: run: agent: tool: and /pointer=value look at one field");
        return;
    }
    pen.line(inner, inner.y).put(Role::Muted, "no agent run was seen");
    if scene.state.streams.iter().any(|(_, stream)| stream.spec.start.is_some()) {
        hint(&mut pen.line(inner, inner.y + 2), scene, Action::StartAgent, "starts an agent run");
    }
}

/// The times since the beginning of each run, or since the moment at the left end; and what stands left of them.
fn draw_axis(line: &mut Line, columns: Columns, utc_offset: i32) {
    line.keeping(columns.axis + 1, |line| {
        line.end(Role::Muted, "took ").put(Role::Muted, "  run");
    });
    line.column(columns.words).put(Role::Faint, "│");
    let step = tick(columns.longest);
    for n in 0.. {
        let at = Span(step.0 * n);
        let label = match (n, columns.from) {
            (0, Some(from)) => precise_time(from, utc_offset),
            (0, None) => Short::new(format_args!("0")),
            (_, Some(_)) => Short::new(format_args!("+{}", took(at))),
            (_, None) => took(at),
        };
        line.column(columns.words + 1 + columns.column(at));
        if at > columns.longest || usize::from(line.room()) < text::width(&label) {
            break;
        }
        line.put(Role::Muted, &label).gap(1);
    }
}

/// A round time of which a handful fit.
fn tick(longest: Span) -> Span {
    let rough = longest.0 / 4;
    let mut step = 1_000;
    for factor in [2, 5, 2].into_iter().cycle().take(60) {
        // 1, 2, 5 ms … seconds; minutes go on by the same figures, which is near enough for a look.
        if step >= rough {
            break;
        }
        step = if factor == 5 { step / 2 * 5 } else { step * 2 };
    }
    Span(step.max(1_000))
}

/// How a run is drawn by its end: the colour, the line of its bar, and what stands behind it.
fn look(run: &AgentRun) -> (Role, &'static str, Option<Mark>) {
    match run.end {
        _ if run.played => (Role::Hollow, "╌", Some(Mark::Vacuous)),
        None => (Role::Running, "━", Some(Mark::Play)),
        Some(AgentRunEnd::Completed) => (Role::Good, "━", None),
        Some(AgentRunEnd::Failed) => (Role::Bad, "━", Some(Mark::Failed)),
        Some(AgentRunEnd::Lost) => (Role::Warning, "─", Some(Mark::Lost)),
    }
}

/// The times in which nobody listened to a run's stream although the run was not over, or was lost because of it.
fn gaps<'a>(scene: &'a Scene, run: &'a AgentRun) -> impl DoubleEndedIterator<Item = &'a Gap> {
    let stream = scene.state.streams.get(run.stream);
    let gaps = stream.into_iter().flat_map(|stream| stream.gaps.iter()).filter(|gap| gap.length() > Span::ZERO);
    let is_lost = run.end == Some(AgentRunEnd::Lost);
    let ended_by = is_lost.then(|| stream?.gaps.iter().find(|gap| gap.from >= run.last)).flatten();
    gaps.filter(move |gap| (gap.from >= run.started && gap.from < run.last) || ended_by == Some(*gap))
}

fn gap_role(gap: &Gap) -> Role {
    if gap.expected { Role::Muted } else { Role::Warning }
}

fn draw_run(line: &mut Line, scene: &Scene, id: AgentRunId, columns: Columns, open: bool) {
    let Some(run) = scene.state.agents.run(id) else { return };
    let (role, glyph, mark) = look(run);
    let whole = until(scene, run).since(run.started);
    let wide = columns.words >= SPACIOUS;
    line.keeping(columns.axis + 1, |line| {
        line.end_gap(1).end_number(Role::Text, &took(whole), 7).end_gap(1);
        draw_usage(line, run.usage);
        let role_of_count = if run.is_short() { Role::Bad } else { Role::Muted };
        line.end_fmt(role_of_count, format_args!(" {}/{} ", run.seen(), CRITICAL.len()));
        line.mark(Role::Muted, if open { Mark::Unfolded } else { Mark::Folded }).gap(1);
        if wide {
            line.put(Role::Muted, &precise_time(run.started, scene.view.utc_offset)).gap(1);
        }
        line.bold(Role::Agent, run.agent.as_deref().unwrap_or("agent")).gap(1).put(Role::Text, &run.key);
        let word = match run.end {
            _ if run.played => " played, no agent ran",
            Some(AgentRunEnd::Lost) => " lost",
            Some(AgentRunEnd::Failed) => " failed",
            Some(AgentRunEnd::Completed) | None => "",
        };
        line.put(role, word);
        if let Some(gap) = gaps(scene, run).next_back() {
            let words = Short::new(format_args!(" gap {}", took(gap.length())));
            if usize::from(line.room()) >= text::width(&words) {
                line.put(gap_role(gap), &words);
            }
        }
    });
    line.column(columns.words).put(Role::Faint, "│");
    let mut drawn = columns.place(run, run.started);
    let reach = columns.place(run, until(scene, run)).max(drawn + 1);
    line.gap(drawn);
    for gap in gaps(scene, run) {
        let place = |at: Moment| columns.place(run, at).min(reach);
        let (from, until) = (place(gap.from).max(drawn), place(gap.until).max(drawn));
        line.fill(role, glyph, from - drawn).fill(gap_role(gap), UNHEARD, until - from);
        drawn = until;
    }
    line.fill(role, glyph, reach - drawn);
    if let Some(mark) = mark {
        line.mark(role, mark);
    }
}

/// Tokens and cost, where anybody told them and there is room beside the run's name.
fn draw_usage(line: &mut Line, usage: Usage) {
    let room = line.room();
    if usage.cost > 0 && room >= 48 {
        line.end_fmt(Role::Muted, format_args!("${}.{:04} ", usage.cost / 1_000_000, usage.cost % 1_000_000 / 100));
    }
    if usage.tokens > 0 && room >= SPACIOUS && usage.input > 0 && usage.output > 0 {
        let (input, output) = (count(usage.input), count(usage.output));
        line.end_fmt(Role::Muted, format_args!("{input} in {output} out tok "));
    } else if usage.tokens > 0 && room >= 28 {
        line.end_fmt(Role::Muted, format_args!("{} tok ", count(usage.tokens)));
    }
}

fn draw_part(line: &mut Line, scene: &Scene, id: AgentRunId, part: &Part, columns: Columns) {
    let agents = &scene.state.agents;
    let (Some(run), Some(seen)) = (agents.run(id), agents.events().nth(part.event)) else { return };
    let (mark, role) = match part.kind {
        _ if part.failed => (Mark::Failed, Role::Bad),
        PartKind::Tool if part.ended.is_some() => (Mark::Up, Role::Agent),
        PartKind::Agent if part.ended.is_some() => (Mark::Up, Role::Good),
        PartKind::Tool | PartKind::Agent => (Mark::Running, Role::Running),
        PartKind::Said => agents::look(seen),
    };
    let since = part.began.since(run.started);
    let is_bar = part.kind != PartKind::Said;
    // What has not ended when its run has, never did.
    let end = part.ended.unwrap_or_else(|| until(scene, run));
    let length = end.since(part.began);
    line.keeping(columns.axis + 1, |line| {
        line.end_gap(1);
        if is_bar {
            line.end_number(Role::Text, &took(length), 7);
        }
        line.number(Role::Muted, &Short::new(format_args!("+{}", took(since))), 9).gap(1);
        line.gap(2 * part.depth as u16).mark(role, mark).gap(1);
        draw_words(line, agents, part, seen);
    });
    line.column(columns.words).put(Role::Faint, "│");
    let start = columns.place(run, part.began);
    line.gap(start);
    if !is_bar {
        line.mark(role, mark);
        return;
    }
    let (glyph, tail) = match (part.ended, run.end) {
        _ if run.played => ("╌", None),
        (Some(_), _) => ("━", None),
        (None, None) => ("━", Some((Role::Running, Mark::Play))),
        (None, Some(_)) => ("─", Some((Role::Bad, Mark::Lost))),
    };
    line.fill(role, glyph, columns.place(run, end).saturating_sub(start).max(1));
    if let Some((role, mark)) = tail {
        line.mark(role, mark);
    }
}

/// What a part says: of a call, what it was given and what came back.
fn draw_words(line: &mut Line, agents: &Agents, part: &Part, seen: &crate::domain::Seen) {
    let subject = agents.subject(seen);
    let named = if part.kind == PartKind::Said || subject.is_empty() { agents.name(seen) } else { subject };
    let role = match part.kind {
        PartKind::Said => Role::Muted,
        PartKind::Agent | PartKind::Tool => Role::Agent,
    };
    line.put(role, named).gap(1);
    agents::put_again(line, seen);
    line.ansi(Role::Text, text::first_line(&seen.text));
    let result = part.until.and_then(|event| agents.events().nth(event)).map(|seen| text::first_line(&seen.text));
    if let Some(result) = result.filter(|result| !result.is_empty()) {
        line.put(Role::Faint, if seen.text.is_empty() { "→ " } else { " → " }).ansi(Role::Muted, result);
    }
}

fn draw_found(line: &mut Line, scene: &Scene, event: u64, columns: Columns) {
    let agents = &scene.state.agents;
    let Some(seen) = agents.events().nth(event) else { return };
    let (mark, role) = agents::look(seen);
    let run = seen.run.and_then(|id| agents.run(id));
    let wide = columns.words >= SPACIOUS;
    line.keeping(columns.axis + 1, |line| {
        line.end_gap(1);
        line.put(Role::Muted, &precise_time(seen.at, scene.view.utc_offset)).gap(1);
        if let Some(run) = run {
            line.cell(Role::Muted, &run.key, if wide { 14 } else { 8 }).gap(1);
        }
        line.mark(role, mark).gap(1).put(role, agents.name(seen)).gap(1);
        let subject = agents.subject(seen);
        if !subject.is_empty() {
            line.put(Role::Agent, subject).gap(1);
        }
        agents::put_again(line, seen);
        line.ansi(Role::Text, text::first_line(&seen.text));
    });
    line.column(columns.words).put(Role::Faint, "│");
    if let Some(run) = run {
        line.gap(columns.place(run, seen.at)).mark(role, mark);
    }
}

fn draw_frame(pen: &mut Pen, scene: &Scene, rows: &SpanRows, area: Rect) {
    let (view, agents) = (&scene.view.spans.frame, &scene.state.agents);
    let Some(row) = rows.chosen() else { return };
    let lines = frame::lines(agents, row, view, rows.frame_width);
    let height = usize::from(area.height.saturating_sub(1));
    let cursor = view.cursor.min(lines.len().saturating_sub(1));
    let top = if view.reading { (cursor + 1).saturating_sub(height) } else { 0 };
    let mut head = pen.line(area, area.y);
    let below = lines.len().saturating_sub(top + height);
    if below > 0 {
        head.end_fmt(Role::Muted, format_args!(" {below} more lines"));
    }
    head.put(if view.reading { Role::Press } else { Role::Muted }, "frame").gap(1);
    if !view.words.is_empty() {
        head.put(Role::Match, view.words.input.value().trim()).gap(1);
    }
    head.rule();
    for (place, line) in lines.iter().enumerate().skip(top).take(height) {
        let y = area.y + 1 + (place - top) as u16;
        let mut to = pen.line(area, y);
        if line.is_head {
            to.bold(Role::Strong, &line.text);
        } else {
            match line.fold {
                Some(0) => to.mark(Role::Faint, Mark::Unfolded).gap(1),
                Some(_) => to.mark(Role::Press, Mark::Folded).gap(1),
                None => to.gap(2),
            };
            to.gap(line.indent as u16);
            draw_json(&mut to, view, line);
        }
        if view.reading && place == cursor {
            pen.select(area, y);
        }
    }
}

/// A key, and what it stands for.
fn draw_json(to: &mut Line, view: &frame::FrameView, line: &frame::FrameLine) {
    let role = if view.is_match(line) { Role::Match } else { Role::Text };
    match line.text.split_once("\": ").filter(|(key, _)| key.starts_with('"')) {
        Some((key, value)) => to.put(Role::Agent, key).put(Role::Agent, "\": ").put(role, value),
        None => to.put(role, &line.text),
    };
}
