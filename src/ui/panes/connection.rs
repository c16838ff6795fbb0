//! How a connection stands: the stages that it reached, its pulse, its token, and the times in which nobody listened.
//!
//! While a connection comes up, and where somebody looks, all of it is shown; afterwards a line is enough.

use ratatui::layout::Rect;

use super::pen::Pen;
use crate::domain::{Gap, Link, Moment, Span, Stage, Stream};
use crate::ui::scene::Scene;
use crate::ui::text::{self, Short, count, latency, time_of_day, took, watch};
use crate::ui::theme::{Mark, Role};

/// Silence up to here is nothing to talk about.
const QUIET: Span = Span::seconds(10);
/// For how long a gap is news.
const NEWS: Span = Span::seconds(300);
/// How many findings are shown, and how many lines each takes at most.
const FINDINGS: usize = 2;

/// A few words that stay on one line.
struct Piece {
    mark: Option<(Role, Mark)>,
    label: &'static str,
    role: Role,
    value: Short,
}

impl Piece {
    fn of(label: &'static str, role: Role, value: Short) -> Self {
        Self { mark: None, label, role, value }
    }

    fn width(&self) -> u16 {
        let mark = if self.mark.is_some() { 2 } else { 0 };
        let space = u16::from(!self.label.is_empty() && !self.value.is_empty());
        mark + text::width(self.label) as u16 + space + text::width(&self.value) as u16
    }
}

/// How many lines an open connection takes; `is_full` where somebody looks at it.
pub(super) fn lines(scene: (&Stream, Moment), width: u16, is_full: bool) -> u16 {
    let (stream, now) = scene;
    if stream.link != Link::Open {
        return 0;
    }
    let gap = u16::from(gap(stream, now, is_full).is_some());
    if !is_full && is_ready(stream) {
        return 1 + gap;
    }
    let findings: usize = stream.findings.iter().take(FINDINGS).map(|found| wrapped(found, width).count()).sum();
    flowed(&stages(stream, now), width) + flowed(&pulse(stream, now), width) + findings as u16 + gap + 1
}

/// An open connection.
pub(super) fn draw(pen: &mut Pen, scene: &Scene, area: Rect, stream: &Stream, is_full: bool) {
    let now = scene.now;
    let mut y = area.y;
    if !is_full && is_ready(stream) {
        let whole: u64 = stream.reached.iter().map(|(_, took)| took.0).sum();
        let mut pieces =
            vec![Piece { mark: Some((Role::Good, Mark::Up)), ..Piece::of("ready", Role::Muted, time(Span(whole))) }];
        pieces.extend(pulse(stream, now));
        // What does not fit into the line is there for whoever looks closer.
        draw_flow(pen, Rect { height: area.height.min(1), ..area }, &pieces);
        y += 1;
    } else {
        for pieces in [stages(stream, now), pulse(stream, now)] {
            y += draw_flow(pen, Rect { y, height: area.bottom().saturating_sub(y), ..area }, &pieces);
        }
        for found in stream.findings.iter().take(FINDINGS) {
            for (n, piece) in wrapped(found, area.width).enumerate() {
                if y < area.bottom() {
                    let mut line = pen.line(area, y);
                    if n == 0 {
                        line.mark(Role::Warning, Mark::Warning);
                    }
                    line.column(2).put(Role::Warning, piece);
                }
                y += 1;
            }
        }
    }
    if let Some(gap) = gap(stream, now, is_full).filter(|_| y < area.bottom()) {
        draw_gap(pen, scene, area, y, gap);
    }
}

/// The ladder of an attempt that came to nothing, or is under way: what was reached, and what was not.
pub(super) fn draw_attempt(pen: &mut Pen, scene: &Scene, area: Rect, stream: &Stream) -> u16 {
    draw_flow(pen, area, &stages(stream, scene.now))
}

/// How many lines that takes.
pub(super) fn attempt_lines(stream: &Stream, width: u16) -> u16 {
    let failed = stream.refusal.is_some() && !has_reached(stream, Stage::Open);
    if failed || stream.link == Link::Connecting { flowed(&stages(stream, stream.since), width) } else { 0 }
}

fn is_ready(stream: &Stream) -> bool {
    has_reached(stream, Stage::Ready)
}

/// Whoever came further was there too.
fn has_reached(stream: &Stream, stage: Stage) -> bool {
    stream.reached.last().is_some_and(|(reached, _)| *reached >= stage)
}

/// A time to compare with others: milliseconds up to a second.
fn time(span: Span) -> Short {
    if span.0 < 1_000_000 { latency(span) } else { took(span) }
}

/// The stages that this connection has to pass, and what became of each.
fn stages(stream: &Stream, now: Moment) -> Vec<Piece> {
    let is_over = !matches!(stream.link, Link::Open | Link::Connecting);
    let is_there = |stage: &Stage| match stage {
        Stage::Tls => stream.spec.url.starts_with("wss") || stream.spec.url.starts_with("https"),
        Stage::Authenticated => stream.has_token,
        _ => true,
    };
    let mut is_next = true;
    let wanted = Stage::ALL.into_iter().filter(is_there);
    let piece = |stage: Stage| match stream.reached.iter().find(|(reached, _)| *reached == stage) {
        Some((_, span)) => {
            let value = if span.as_millis() == 0 { Short::new(format_args!("")) } else { time(*span) };
            Piece { mark: Some((Role::Good, Mark::Check)), ..Piece::of(stage.word(), Role::Muted, value) }
        }
        None if has_reached(stream, stage) => {
            let value = Short::new(format_args!(""));
            Piece { mark: Some((Role::Good, Mark::Check)), ..Piece::of(stage.word(), Role::Muted, value) }
        }
        None if std::mem::take(&mut is_next) => {
            let (role, mark) = if is_over { (Role::Bad, Mark::Failed) } else { (Role::Warning, Mark::Running) };
            let value = if is_over { Short::new(format_args!("")) } else { watch(now.since(stream.since)) };
            Piece { mark: Some((role, mark)), ..Piece::of(stage.word(), role, value) }
        }
        None => {
            let value = Short::new(format_args!(""));
            Piece { mark: Some((Role::Muted, Mark::Down)), ..Piece::of(stage.word(), Role::Muted, value) }
        }
    };
    wanted.map(piece).collect()
}

/// Round trips, silence, the token's end, the planned end.
fn pulse(stream: &Stream, now: Moment) -> Vec<Piece> {
    let mut pieces = Vec::new();
    if let (Some(median), Some(p95)) = (stream.round_trip(50), stream.round_trip(95)) {
        pieces.push(Piece::of("rtt p50", Role::Text, latency(median)));
        pieces.push(Piece::of("p95", Role::Text, latency(p95)));
    }
    if stream.pings_lost > 0 {
        pieces.push(Piece::of("pings lost", Role::Warning, count(stream.pings_lost.into())));
    }
    if let Some(expires) = stream.token_expires {
        pieces.push(match expires.0.checked_sub(now.0) {
            Some(left) => Piece::of("token expires in", Role::Text, watch(Span(left))),
            None => Piece::of("token expired", Role::Warning, watch(now.since(expires))),
        });
    }
    let silent = now.since(stream.last_message.unwrap_or(stream.since).max(stream.since));
    // Whoever thinks for minutes is silent, not gone: the pings tell the two apart.
    if let Some((without, left)) = stream.staleness(now) {
        pieces.push(Piece::of("no pong for", Role::Warning, watch(without)));
        pieces.push(Piece::of("given up in", Role::Warning, watch(left)));
    } else if silent > QUIET {
        let is_alive = stream.last_pong.is_some_and(|pong| pong >= stream.since);
        pieces.push(Piece::of(if is_alive { "alive, silent" } else { "silent" }, Role::Muted, watch(silent)));
    }
    if let Some(rotates) = stream.rotates {
        pieces.push(Piece::of("replaced within", Role::Text, watch(rotates.since(now))));
    }
    if stream.gaps.skipped() > 0 {
        pieces.push(Piece::of("numbers skipped", Role::Warning, count(stream.gaps.skipped())));
    }
    pieces
}

/// The latest gap, while it is news or somebody looks.
fn gap(stream: &Stream, now: Moment, is_full: bool) -> Option<&Gap> {
    stream.gaps.iter().next_back().filter(|gap| is_full || now.since(gap.until) < NEWS)
}

/// `╌╌╌ gap 6.2s at 12:01:03 · 41 messages missed ╌╌╌`
fn draw_gap(pen: &mut Pen, scene: &Scene, area: Rect, y: u16, gap: &Gap) {
    let role = if gap.expected { Role::Muted } else { Role::Warning };
    let mut line = pen.line(area, y);
    line.fill(role, "╌", 3).gap(1).fmt(role, format_args!("gap {}", took(gap.length())));
    line.fmt(Role::Muted, format_args!(" at {}", time_of_day(gap.from, scene.view.utc_offset)));
    match gap.missed {
        Some(0) => line.put(Role::Muted, ", nothing missed"),
        Some(missed) => line.fmt(Role::Warning, format_args!(", {} messages missed", count(missed))),
        None => line.put(Role::Muted, ", of unknown size"),
    };
    let room = line.room().saturating_sub(1).min(3);
    line.gap(1).fill(role, "╌", room);
}

fn wrapped(text: &str, width: u16) -> impl Iterator<Item = &str> {
    text::wrap(text, usize::from(width.saturating_sub(2))).take(2)
}

/// How many lines pieces take.
fn flowed(pieces: &[Piece], width: u16) -> u16 {
    let (mut lines, mut used) = (u16::from(!pieces.is_empty()), 0);
    for piece in pieces {
        if used > 0 && used + piece.width() > width {
            (lines, used) = (lines + 1, 0);
        }
        used += piece.width() + 2;
    }
    lines
}

/// Writes pieces one beside the other, as many as fit into a line.
fn draw_flow(pen: &mut Pen, area: Rect, pieces: &[Piece]) -> u16 {
    let mut pieces = pieces.iter().peekable();
    let mut lines = 0;
    while pieces.peek().is_some() && lines < area.height {
        let mut line = pen.line(area, area.y + lines);
        let mut used = 0;
        while let Some(piece) = pieces.next_if(|piece| used == 0 || used + piece.width() <= area.width) {
            line.column(used);
            if let Some((role, mark)) = piece.mark {
                line.mark(role, mark).gap(1);
            }
            line.put(if piece.mark.is_some() { piece.role } else { Role::Muted }, piece.label);
            if !piece.value.is_empty() {
                line.gap(1).put(piece.role, &piece.value);
            }
            used += piece.width() + 2;
        }
        lines += 1;
    }
    lines
}
