//! Why a stream is not there: the countdown to the next try, or the refusal as it came and what to do about it.

use ratatui::layout::Rect;

use super::connection;
use super::pen::Pen;
use crate::domain::{Link, Refusal, Stream};
use crate::ui::scene::Scene;
use crate::ui::text::{self, Short, took};
use crate::ui::theme::Role;

/// How many of the headers, and of what was sent, are shown.
const HEADERS: usize = 4;
/// How many lines the body of a refusal takes at most.
const BODY_LINES: usize = 4;
/// The columns that the status of a refusal takes.
const STATUS: usize = 10;

/// How many lines it takes to say why a stream is not there; none while it is.
pub(super) fn lines(stream: &Stream, width: u16) -> u16 {
    let room = usize::from(width.saturating_sub(4));
    let base = match &stream.link {
        Link::Open => return 0,
        Link::Idle if stream.refusal.is_none() => return 0,
        Link::Idle | Link::Connecting => 1,
        Link::Waiting { why, .. } => {
            1 + if stream.refusal.is_none() { text::wrap(why, room).take(2).count() } else { 0 }
        }
        Link::Stopped { why, advice } => match &stream.refusal {
            Some(_) => 1,
            None => 1 + text::wrap(why, room).take(3).count() + text::wrap(advice, room).take(3).count(),
        },
    };
    let refusal = stream.refusal.as_ref().map_or(0, |refusal| refusal_lines(refusal, room));
    let attempt = usize::from(connection::attempt_lines(stream, width.saturating_sub(4)));
    (base + attempt + refusal + 1).min(30) as u16
}

fn refusal_lines(refusal: &Refusal, room: usize) -> usize {
    let words = why(refusal, room).count() + text::wrap(&refusal.advice, room).take(3).count();
    words + refusal.headers.len().min(HEADERS) + refusal.sent.len().min(HEADERS) + body(refusal, room).count()
}

/// What went wrong, beside the status on the first line.
fn why(refusal: &Refusal, room: usize) -> impl Iterator<Item = &str> {
    text::wrap(&refusal.why, room.saturating_sub(STATUS)).take(3)
}

fn body(refusal: &Refusal, room: usize) -> impl Iterator<Item = &str> {
    let lines = refusal.body.lines().filter(|line| !line.trim().is_empty());
    lines.flat_map(move |line| text::wrap(line, room)).take(BODY_LINES)
}

pub(super) fn draw(pen: &mut Pen, scene: &Scene, area: Rect, stream: &Stream) {
    let mut ys = area.y..area.bottom();
    let room = usize::from(area.width);
    let expected = scene.state.deploys.any_active();
    if let Some(y) = ys.next() {
        let mut line = pen.line(area, y);
        // What kind of refusal it was stands before what is cut first.
        let class = stream.refusal.as_ref().map_or("", |refusal| refusal.class.word());
        let gap = if class.is_empty() { 0 } else { 2 };
        match &stream.link {
            Link::Waiting { until, .. } => {
                let seconds = until.since(scene.now).0.div_ceil(1_000_000);
                line.put(Role::Warning, "disconnected").gap(1).put(Role::Text, &stream.spec.name);
                line.gap(gap).put(Role::Bad, class);
                line.gap(2).fmt(Role::Warning, format_args!("next try in {seconds}s"));
                line.fmt(Role::Muted, format_args!(" (try {})", stream.tries + 1));
            }
            Link::Stopped { .. } => {
                line.bold(Role::Bad, "stopped").gap(1).put(Role::Text, &stream.spec.name);
                line.gap(gap).put(Role::Bad, class);
                line.gap(2)
                    .put(Role::Muted, if class.is_empty() { "no further try by itself" } else { "no further try" });
            }
            Link::Idle | Link::Connecting | Link::Open => {
                let since = took(scene.now.since(stream.since));
                line.put(Role::Warning, "connecting").gap(1).put(Role::Text, &stream.spec.name);
                line.gap(2).fmt(Role::Muted, format_args!("{since}, try {}", stream.tries));
            }
        }
        if expected {
            line.gap(2).put(Role::Muted, "expected while a deploy moves");
        }
    }
    if connection::attempt_lines(stream, area.width) > 0 {
        let rest = Rect { y: ys.start, height: ys.end.saturating_sub(ys.start), ..area };
        ys.start += connection::draw_attempt(pen, scene, rest, stream);
    }
    if let (Link::Waiting { why, .. }, None) = (&stream.link, &stream.refusal) {
        for (piece, y) in text::wrap(why, room).take(2).zip(&mut ys) {
            pen.line(area, y).put(Role::Muted, piece);
        }
    }
    if let Some(refusal) = &stream.refusal {
        let status = refusal.status.map(|status| Short::new(format_args!("HTTP {status}")));
        for (n, (piece, y)) in why(refusal, room).zip(&mut ys).enumerate() {
            let mut line = pen.line(area, y);
            if n == 0 {
                line.bold(Role::Bad, status.as_deref().unwrap_or("no answer"));
            }
            line.column(STATUS as u16).put(Role::Bad, piece);
        }
        // What counts comes first: where there is little room, the headers go.
        for (piece, y) in body(refusal, room).zip(&mut ys) {
            pen.line(area, y).put(Role::Stale, piece);
        }
        for (piece, y) in text::wrap(&refusal.advice, room).take(3).zip(&mut ys) {
            pen.line(area, y).put(Role::Strong, piece);
        }
        for (n, ((name, value), y)) in refusal.sent.iter().take(HEADERS).zip(&mut ys).enumerate() {
            let mut line = pen.line(area, y);
            line.put(Role::Muted, if n == 0 { "sent" } else { "" }).column(STATUS as u16);
            line.fmt(Role::Muted, format_args!("{name}{} ", if n == 0 { "" } else { ":" })).put(Role::Text, value);
        }
        for (n, ((name, value), y)) in refusal.headers.iter().take(HEADERS).zip(&mut ys).enumerate() {
            let mut line = pen.line(area, y);
            line.put(Role::Muted, if n == 0 { "answered" } else { "" }).column(STATUS as u16);
            line.fmt(Role::Muted, format_args!("{name}: ")).put(Role::Text, value);
        }
    }
    // A refusal has said all that.
    if let (Link::Stopped { why, advice }, None) = (&stream.link, &stream.refusal) {
        for (piece, y) in text::wrap(why, room).take(3).zip(&mut ys) {
            pen.line(area, y).put(Role::Bad, piece);
        }
        for (piece, y) in text::wrap(advice, room).take(3).zip(&mut ys) {
            pen.line(area, y).put(Role::Strong, piece);
        }
    }
}
