//! The second line: what is deployed and how it is, the streams, and who drives.

use super::pen::{Line, Pen};
use crate::domain::{Beat, Health, Link, Moment, Ring, Service, ServiceId, Span, State, Stream, Viewer};
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text::{self, Short, count, latency, took, watch};
use crate::ui::theme::{Mark, Role};

/// From this width on there is air, and sparklines.
const AIRY: u16 = 120;
/// From this width on there is room for sparklines.
const SPARKLINES: u16 = 150;
/// How many probes a sparkline shows.
const BEATS: usize = 8;
/// What a stream's words get where there is little room, and where there is much.
const STREAM_WORDS: (u16, u16) = (12, 60);
/// What stands around a stream's words: its mark, two spaces, an ellipsis, and the gap before it.
const AROUND: u16 = 7;
/// What the number of those without room takes.
const MORE: usize = 4;
/// So much room is there for each further stream where more than two are shown.
const ROOMY: u16 = 26;

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let area = regions.services;
    let mut line = pen.line(area, area.y);
    line.gap(1).end_gap(1);
    let airy = area.width >= AIRY;
    draw_people(&mut line, scene, airy);
    let streams_first = !airy;
    let services = || scene.state.services.iter();
    let needed = |width| services().map(|(id, service)| room_for(scene, id, service, width)).sum::<u16>();
    // Sparklines make way for the words of what is in trouble.
    let wanted: u16 = scene.state.streams.iter().take(2).map(|(_, stream)| wanted(stream, scene.now)).sum();
    let wanted = wanted + services().map(|(id, service)| words_of(scene, id, service)).sum::<u16>();
    let crowded = line.room().saturating_sub(needed(area.width)) < wanted;
    let width = if crowded { area.width.min(SPARKLINES - 1) } else { area.width };
    let mut reserved = needed(width);
    if !streams_first {
        // Those in trouble come first; what has no room is counted.
        let mut streams: Vec<&Stream> = scene.state.streams.iter().map(|(_, stream)| stream).collect();
        streams.sort_by_key(|stream| stream_mark(stream, scene.now).1 == Role::Good);
        let room = line.room().saturating_sub(reserved);
        let shown = streams.len().min(usize::from(room / ROOMY).max(2));
        let each = room / (shown as u16).max(1);
        if streams.len() > shown {
            line.end_fmt(Role::Muted, format_args!("+{}", streams.len() - shown)).end_gap(2);
        }
        for stream in &streams[..shown] {
            draw_stream_end(&mut line, stream, scene.now, width, each);
        }
    }
    for (id, service) in services() {
        // However long one service's trouble is told, the others keep their place.
        reserved -= room_for(scene, id, service, width);
        line.keeping(reserved, |line| draw_service(line, scene, id, service, width));
        line.gap(if airy { 3 } else { 1 });
    }
    if streams_first {
        draw_streams_short(&mut line, scene);
    }
    if scene.state.services.is_empty() && scene.state.streams.is_empty() {
        let runner = scene.state.session.project.runners.first();
        match runner {
            Some(runner) => line.put(Role::Muted, &runner.name).gap(1).put(Role::Muted, &runner.command),
            None => line.put(Role::Muted, "no services are configured"),
        };
    }
}

/// The streams in trouble first, as many as there is room for, and how many more there are.
fn draw_streams_short(line: &mut Line, scene: &Scene) {
    let mut streams: Vec<&Stream> = scene.state.streams.iter().map(|(_, stream)| stream).collect();
    streams.sort_by_key(|stream| stream_mark(stream, scene.now).1 == Role::Good);
    for (n, stream) in streams.iter().enumerate() {
        let (mark, role) = stream_mark(stream, scene.now);
        let (role_of_words, words) = match (role, stream.round_trips.last()) {
            (Role::Good, Some(trip)) => (Role::Muted, latency(*trip)),
            (Role::Good, None) => (Role::Muted, Short::new(format_args!(""))),
            _ => (role, stream_words(stream, scene.now)),
        };
        let needed = 3 + text::width(&stream.spec.name) + text::width(&words);
        let is_last = n + 1 == streams.len();
        if n > 0 && usize::from(line.room()) < needed + if is_last { 0 } else { MORE } {
            line.fmt(Role::Muted, format_args!("+{}", streams.len() - n));
            return;
        }
        line.mark(role, mark).put(Role::Text, &stream.spec.name).gap(1).put(role_of_words, &words).gap(1);
    }
}

fn draw_service(line: &mut Line, scene: &Scene, id: ServiceId, service: &Service, width: u16) {
    let (airy, spacious) = (width >= AIRY, width >= SPARKLINES);
    let gap = u16::from(airy);
    let name = &service.spec.name;
    let deploys = &scene.state.deploys;
    if let Some((id, deploy)) = deploys.active(id).and_then(|id| Some((id, deploys.get(id)?))) {
        let stuck = deploys.stuck(id, scene.now).is_some();
        let (mark, role) = if stuck { (Mark::Warning, Role::Bad) } else { (Mark::Running, Role::Warning) };
        line.mark(role, mark).gap(gap);
        line.put(if airy { Role::Text } else { role }, name).gap(1);
        if spacious {
            line.put(role, if stuck { "stuck" } else { "deploying" }).gap(1);
        }
        line.put(Role::Warning, &watch(scene.now.since(deploy.started)));
        if let Some(usual) = deploy.usual {
            let of = if airy { " of ~" } else { "/~" };
            line.fmt(if airy { Role::Muted } else { Role::Warning }, format_args!("{of}{}", watch(usual)));
        }
        return;
    }
    let trouble = trouble(scene, id, service);
    let (mark, role) = match (&service.health, &trouble) {
        (Health::Unhealthy(_) | Health::Unreachable(_), _) => (Mark::Failed, Role::Bad),
        (_, Some(trouble)) => (Mark::Warning, trouble.role),
        (Health::Healthy | Health::Degraded(_), None) if service.doubt().is_some() => (Mark::Up, Role::Warning),
        (Health::Healthy | Health::Degraded(_), None) => (Mark::Up, Role::Good),
        (Health::Unknown, None) if !service.is_watched() => (Mark::Down, Role::Muted),
        (Health::Unknown, None) => (Mark::Down, Role::Warning),
    };
    line.mark(role, mark).gap(gap).put(Role::Text, name);
    if let Some(revision) = &service.revision {
        line.gap(1).put(Role::Muted, short_revision(name, revision));
    }
    if let Some(Trouble { role, since, words }) = &trouble {
        if let Some(since) = since {
            line.gap(1).put(*role, &watch(scene.now.since(*since)));
        }
        line.gap(1).put(*role, words);
        return;
    }
    match &service.health {
        Health::Healthy | Health::Degraded(_) => {
            let errors = errors(scene, id);
            if errors > 0 {
                line.gap(1).mark(Role::Bad, Mark::Failed).put(Role::Bad, &count(errors));
            }
            if let Some(beat) = service.beats.last().filter(|_| airy) {
                line.gap(1).put(Role::Muted, &latency(beat.latency));
                if spacious {
                    line.gap(1);
                    draw_beats(line, &service.beats);
                }
            }
            // What a single probe said, before enough of them agree that it is so.
            if let Some(why) = service.doubt().and_then(Health::why).filter(|_| airy) {
                line.gap(1).put(Role::Warning, "latest: ").put(Role::Warning, why);
            }
        }
        Health::Unknown if service.is_watched() => {
            line.gap(1).fmt(Role::Warning, format_args!("no answer yet {}", took(scene.now.since(service.since))));
        }
        Health::Unknown | Health::Unhealthy(_) | Health::Unreachable(_) => {}
    }
}

/// What is the matter with a service.
struct Trouble {
    role: Role,
    /// Since when, where it is its own.
    since: Option<Moment>,
    words: Short,
}

/// What is the matter with a service. The one that took it along has the room to say since when and why.
fn trouble(scene: &Scene, id: ServiceId, service: &Service) -> Option<Trouble> {
    let services = &scene.state.services;
    let root = services.root_of(id).and_then(|root| services.get(root));
    let why = service.health.why();
    let words = match (root, why) {
        (Some(root), _) => Short::new(format_args!("needs {}", root.spec.name)),
        (None, Some(why)) => Short::new(format_args!("{why}")),
        (None, None) => return None,
    };
    let since = root.is_none().then_some(service.since);
    let is_down = matches!(service.health, Health::Unhealthy(_) | Health::Unreachable(_));
    let role = if is_down && root.is_none() { Role::Bad } else { Role::Warning };
    Some(Trouble { role, since, words })
}

/// The columns that the words of a service's trouble would fill.
fn words_of(scene: &Scene, id: ServiceId, service: &Service) -> u16 {
    let doubt = || service.doubt().and_then(Health::why).map(|why| " latest: ".len() + text::width(why));
    let trouble = trouble(scene, id, service).map(|trouble| 1 + text::width(&trouble.words));
    trouble.or_else(doubt).map_or(0, |width| (width as u16).min(STREAM_WORDS.1))
}

/// The columns that a service needs with its gap: what is told of it, but for the words of a trouble.
fn room_for(scene: &Scene, id: ServiceId, service: &Service, width: u16) -> u16 {
    let (airy, spacious) = (width >= AIRY, width >= SPARKLINES);
    let name = text::width(&service.spec.name);
    let revision =
        service.revision.as_ref().map_or(0, |revision| 1 + text::width(short_revision(&service.spec.name, revision)));
    let trouble = trouble(scene, id, service).filter(|trouble| trouble.since.is_none());
    let taken_along = trouble.map(|trouble| 1 + text::width(&trouble.words));
    let told = match &service.health {
        _ if scene.state.deploys.active(id).is_some() => match (airy, spacious) {
            (true, true) => " deploying 0:00 of ~0:00".len(),
            (true, false) => " 0:00 of ~0:00".len(),
            (false, _) => " 0:00/~0:00".len(),
        },
        _ if taken_along.is_some() => revision + taken_along.unwrap_or_default(),
        Health::Healthy if spacious => revision + " 100ms ".len() + BEATS,
        Health::Healthy if airy => revision + " 100ms".len(),
        Health::Healthy | Health::Unknown => revision,
        Health::Degraded(_) | Health::Unhealthy(_) | Health::Unreachable(_) => revision + " 0:00".len(),
    };
    let told = match errors(scene, id) {
        errors if errors > 0 && service.health == Health::Healthy => told + 2 + text::width(&count(errors)),
        _ => told,
    };
    (1 + name + told) as u16 + if airy { 1 + 3 } else { 1 }
}

/// How many errors its log holds since another revision of it serves.
fn errors(scene: &Scene, id: ServiceId) -> u64 {
    scene.state.logs.of(id).map_or(0, |log| log.errors)
}

/// `backend-00004` of `backend` is `00004`.
pub(super) fn short_revision<'a>(name: &str, revision: &'a str) -> &'a str {
    let rest = revision.strip_prefix(name).and_then(|rest| rest.strip_prefix(['-', '@', ':']));
    rest.filter(|rest| !rest.is_empty()).unwrap_or(revision)
}

fn draw_beats(line: &mut Line, beats: &Ring<Beat>) {
    let recent = || beats.range(beats.len().saturating_sub(BEATS));
    let most = recent().map(|beat| beat.latency).max().unwrap_or(Span::ZERO).0.max(60_000);
    for beat in recent() {
        let role = if beat.healthy { Role::Faint } else { Role::Bad };
        let glyph = spark(beat.latency.0, most);
        line.fill(role, glyph, 1);
    }
}

/// One column of a sparkline: `value` out of `most`.
pub(super) fn spark(value: u64, most: u64) -> &'static str {
    let level = (value.saturating_mul(8) / most.max(1)).min(7) as usize;
    ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"][level]
}

fn stream_mark(stream: &Stream, now: Moment) -> (Mark, Role) {
    match &stream.link {
        Link::Open if stream.staleness(now).is_some() => (Mark::Up, Role::Warning),
        Link::Open => (Mark::Up, Role::Good),
        Link::Connecting => (Mark::Running, Role::Warning),
        Link::Waiting { .. } => (Mark::Down, Role::Warning),
        Link::Idle => (Mark::Down, Role::Muted),
        Link::Stopped { .. } => (Mark::Failed, Role::Bad),
    }
}

/// How a stream stands, in a few words: `41ms · 3.1k events`, `waiting 4s: why`.
pub(super) fn stream_words(stream: &Stream, now: Moment) -> Short {
    if let Some((without, _)) = stream.staleness(now) {
        return Short::new(format_args!("no pong {}", watch(without)));
    }
    match &stream.link {
        Link::Idle => Short::new(format_args!("not connected")),
        Link::Connecting => Short::new(format_args!("connecting {}", took(now.since(stream.since)))),
        Link::Open => match stream.round_trips.last() {
            Some(trip) => Short::new(format_args!("{} · {} events", latency(*trip), count(stream.received))),
            None => Short::new(format_args!("{} events", count(stream.received))),
        },
        Link::Waiting { until, why } => {
            let (seconds, why) = (until.since(now).0.div_ceil(1_000_000), short_why(stream, why));
            Short::new(format_args!("waiting {seconds}s: {}", &*why))
        }
        Link::Stopped { why, .. } => Short::new(format_args!("stopped: {}", &*short_why(stream, why))),
    }
}

/// A refusal by its number, which every narrow line has room for: its words are in the agents pane.
fn short_why(stream: &Stream, why: &str) -> Short {
    match stream.refusal.as_ref().and_then(|refusal| refusal.status) {
        Some(status) => Short::new(format_args!("HTTP {status}")),
        None => Short::new(format_args!("{why}")),
    }
}

/// The columns that a stream would fill.
fn wanted(stream: &Stream, now: Moment) -> u16 {
    let words = (text::width(&stream_words(stream, now)) as u16).min(STREAM_WORDS.1);
    text::width(&stream.spec.name) as u16 + AROUND + words
}

/// A stream at the right end, in about `room` columns.
fn draw_stream_end(line: &mut Line, stream: &Stream, now: Moment, width: u16, room: u16) {
    let (mark, role) = stream_mark(stream, now);
    let words = match (role, stream.round_trips.last()) {
        (Role::Good, Some(trip)) if width < SPARKLINES => latency(*trip),
        _ => stream_words(stream, now),
    };
    // The services need most of the line: a long reason stands in full in the agents pane.
    let role_of_words = if role == Role::Good { Role::Muted } else { role };
    let around = text::width(&stream.spec.name) as u16 + AROUND;
    let limit = room.saturating_sub(around).clamp(STREAM_WORDS.0, STREAM_WORDS.1);
    let (cut, _) = text::fit(&words, usize::from(limit));
    if cut.len() < words.len() {
        line.end_mark(role_of_words, Mark::Ellipsis);
    }
    line.end(role_of_words, cut);
    line.end_gap(1).end(Role::Text, &stream.spec.name).end_gap(1).end_mark(role, mark).end_gap(3);
}

fn draw_people(line: &mut Line, scene: &Scene, airy: bool) {
    let viewers = &scene.state.session.viewers;
    let others = |me: &Viewer| viewers.len() - usize::from(viewers.iter().any(|viewer| viewer.id == me.id));
    let Some(me) = viewers.iter().find(|viewer| Some(viewer.id) == scene.view.viewer) else {
        return watching(line, scene.state, airy);
    };
    match others(me) {
        0 => {}
        count if airy => {
            line.end_fmt(Role::Muted, format_args!(" · {count} watching"));
        }
        count => {
            line.end_fmt(Role::Press, format_args!(" +{count}"));
        }
    }
    if me.drives {
        line.end(Role::Press, "you drive");
    } else {
        let driver = viewers.iter().find(|viewer| viewer.drives);
        line.end_fmt(Role::Warning, format_args!("{} drives", driver.map_or("nobody", |driver| &driver.name)));
    }
    line.end_gap(if airy { 4 } else { 1 });
}

fn watching(line: &mut Line, state: &State, airy: bool) {
    if let Some(driver) = state.session.viewers.iter().find(|viewer| viewer.drives) {
        line.end_fmt(Role::Press, format_args!("{} drives", driver.name)).end_gap(if airy { 4 } else { 1 });
    }
}
