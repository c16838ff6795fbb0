//! All services, one a row: how their deploy stands and how they are, apart; how they did in the last minutes; what
//! serves, who put it there and what it was built from. Columns that do not fit are left out, the least telling first.

use super::pen::{Line, Pen};
use super::services::{short_revision, spark};
use crate::domain::{Built, Health, Moment, Service, ServiceId, Span, State};
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text::{self, Short, count, latency, time_of_day, watch};
use crate::ui::theme::{Mark, Role};
use crate::ui::view::Pane;

/// What stands between two columns.
const GAP: u16 = 2;
/// How wide a column of words may become.
const WIDEST: u16 = 24;
/// How many probes the sparkline shows: what there is room for, within this.
const PROBES: (u16, u16) = (10, 60);
/// The top of the sparkline is at least this high, so that the noise of a quick service is flat.
const QUIET: Span = Span::millis(200);

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Name,
    Deploy,
    Health,
    Revision,
    Latency,
    Errors,
    Uptime,
    Log,
    Placed,
    Built,
    Sparkline,
}

use Column::{
    Built as BuiltFrom, Deploy, Errors, Health as HealthOf, Latency, Log, Name, Placed, Revision, Sparkline, Uptime,
};

/// From left to right.
const ORDER: [Column; 11] =
    [Name, Deploy, HealthOf, Revision, BuiltFrom, Placed, Sparkline, Latency, Errors, Uptime, Log];
/// What is left out last comes first.
const WORTH: [Column; 11] =
    [Name, Deploy, HealthOf, Revision, Errors, Uptime, Latency, Log, Placed, Sparkline, BuiltFrom];

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Name => "service",
            Self::Deploy => "deploy",
            Self::Health => "health",
            Self::Revision => "serves",
            Self::Latency => "latency",
            Self::Errors => "errors",
            Self::Uptime => "up",
            Self::Log => "log",
            Self::Placed => "put there by",
            Self::Built => "built from",
            Self::Sparkline => "probes",
        }
    }

    /// Whether it holds numbers, which stand flush right.
    fn is_number(self) -> bool {
        matches!(self, Self::Latency | Self::Errors | Self::Uptime | Self::Log)
    }
}

/// What one service shows in a column.
struct Cell {
    role: Role,
    text: Short,
}

fn cell(role: Role, arguments: std::fmt::Arguments) -> Cell {
    Cell { role, text: Short::new(arguments) }
}

/// How many lines the table takes: a frame, the names of the columns, a row each, and why a service is not well.
pub(crate) fn lines(state: &State) -> u16 {
    let rows = state.services.iter().map(|(_, service)| 1 + u16::from(service.health.why().is_some()));
    rows.sum::<u16>() + 3
}

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let area = regions.service_table;
    let inner =
        pen.frame(area, scene.view.focus == Pane::Deploys && regions.deploys.is_empty() && regions.fix.is_empty());
    let mut title = pen.title(area);
    title.end(Role::Muted, " errors and up: last 5 minutes ").end_gap(2);
    title.put(Role::Text, " services ");
    let (columns, widths) = choose(scene, inner.width);
    let mut line = pen.line(inner, inner.y);
    line.gap(2);
    for (column, width) in columns.iter().zip(widths) {
        match column.is_number() {
            true => line.number(Role::Muted, column.title(), width),
            false => line.cell(Role::Muted, column.title(), width),
        };
        line.gap(GAP);
    }
    let mut y = inner.y + 1;
    // Rows come before reasons.
    let mut spare = inner.height.saturating_sub(1 + scene.state.services.iter().len() as u16);
    for (id, service) in scene.state.services.iter() {
        if y >= inner.bottom() {
            break;
        }
        draw_row(&mut pen.line(inner, y), scene, id, service, (&columns, widths));
        y += 1;
        if let Some(why) = service.health.why().filter(|_| spare > 0) {
            pen.line(inner, y).gap(2).put(Role::Warning, why);
            (y, spare) = (y + 1, spare - 1);
        }
    }
}

type Columns = Vec<Column>;
type Widths = [u16; ORDER.len()];

/// The columns that fit, from left to right, and how wide each is.
fn choose(scene: &Scene, room: u16) -> (Columns, Widths) {
    let wanted = |column: Column| {
        let services = scene.state.services.iter();
        let widest = services.map(|(id, service)| text::width(&content(scene, id, service, column).text)).max();
        let widest = (widest.unwrap_or(0) as u16).min(WIDEST);
        // A column that says nothing of any service is none.
        let is_empty = widest == 0 && column != Sparkline;
        if is_empty { 0 } else { widest.max(column.title().len() as u16) }
    };
    // The mark in front.
    let mut left = room.saturating_sub(2);
    let mut chosen = [0_u16; ORDER.len()];
    for column in WORTH {
        let width = if column == Sparkline { PROBES.0.max(column.title().len() as u16) } else { wanted(column) };
        if width > 0 && width <= left {
            chosen[column as usize] = width;
            left = left.saturating_sub(width + GAP);
        }
    }
    let sparkline = &mut chosen[Sparkline as usize];
    if *sparkline > 0 {
        *sparkline += left.min(PROBES.1 - *sparkline);
    }
    let columns: Columns = ORDER.into_iter().filter(|column| chosen[*column as usize] > 0).collect();
    let mut widths = [0; ORDER.len()];
    columns.iter().zip(&mut widths).for_each(|(column, width)| *width = chosen[*column as usize]);
    (columns, widths)
}

fn draw_row(line: &mut Line, scene: &Scene, id: ServiceId, service: &Service, (columns, widths): (&Columns, Widths)) {
    let (role, mark) = match &service.health {
        _ if scene.state.deploys.active(id).is_some() => (Role::Warning, Mark::Running),
        Health::Healthy => (Role::Good, Mark::Up),
        Health::Degraded(_) => (Role::Warning, Mark::Warning),
        Health::Unhealthy(_) | Health::Unreachable(_) => (Role::Bad, Mark::Failed),
        Health::Unknown => (Role::Muted, Mark::Down),
    };
    line.mark(role, mark).gap(1);
    for (column, width) in columns.iter().zip(widths) {
        if *column == Sparkline {
            draw_probes(line, service, width);
        } else {
            let Cell { role, text } = content(scene, id, service, *column);
            match column.is_number() {
                true => line.number(role, &text, width),
                false => line.cell(role, &text, width),
            };
        }
        line.gap(GAP);
    }
}

fn content(scene: &Scene, id: ServiceId, service: &Service, column: Column) -> Cell {
    let name = &service.spec.name;
    match column {
        Name => cell(Role::Text, format_args!("{name}")),
        Deploy => deploy(scene, id, service),
        HealthOf => health(service, scene.now),
        Revision => match &service.revision {
            Some(revision) => cell(Role::Text, format_args!("{}", short_revision(name, revision))),
            None if service.spec.has_revision => cell(Role::Warning, format_args!("unknown")),
            None => cell(Role::Muted, format_args!("cannot be asked")),
        },
        Latency => match service.beats.last() {
            Some(beat) if service.spec.has_health => cell(Role::Text, format_args!("{}", latency(beat.latency))),
            _ => cell(Role::Muted, format_args!("")),
        },
        Errors => match service.uptime.lately(scene.now).errors() {
            Some(0) => cell(Role::Muted, format_args!("0 %")),
            Some(share) => cell(Role::Bad, format_args!("{}", percent(share))),
            None => cell(Role::Muted, format_args!("–")),
        },
        Uptime => match service.uptime.lately(scene.now).uptime() {
            Some(1_000) => cell(Role::Muted, format_args!("100 %")),
            Some(share) => cell(Role::Warning, format_args!("{}", percent(share))),
            None => cell(Role::Muted, format_args!("–")),
        },
        Log => match scene.state.logs.of(id).map(|log| log.errors) {
            None => cell(Role::Muted, format_args!("")),
            Some(0) => cell(Role::Muted, format_args!("0")),
            Some(errors) => cell(Role::Bad, format_args!("{} {}", scene.theme.mark(Mark::Failed), count(errors))),
        },
        Placed => match scene.state.placed(id) {
            None => cell(Role::Muted, format_args!("")),
            Some(placed) => {
                let at = moment(placed.at, scene);
                match &placed.by {
                    Some(by) => cell(Role::Muted, format_args!("{by} {at}")),
                    None => cell(Role::Warning, format_args!("somebody else {at}")),
                }
            }
        },
        BuiltFrom => match &service.built {
            None => cell(Role::Muted, format_args!("")),
            Some(built) => cell(Role::Muted, format_args!("{}", origin(built))),
        },
        Sparkline => cell(Role::Muted, format_args!("")),
    }
}

/// How its deploy stands, apart from how it is.
fn deploy(scene: &Scene, id: ServiceId, service: &Service) -> Cell {
    let deploys = &scene.state.deploys;
    if let Some((id, deploy)) = deploys.active(id).and_then(|id| Some((id, deploys.get(id)?))) {
        if let Some(stuck) = deploys.stuck(id, scene.now) {
            return cell(Role::Bad, format_args!("stuck in {} {}", stuck.step, watch(stuck.still)));
        }
        let step = deploy.current_step().unwrap_or("deploying");
        let elapsed = watch(scene.now.since(deploy.started));
        return match deploy.usual {
            Some(usual) => cell(Role::Warning, format_args!("{step} {elapsed}/~{}", watch(usual))),
            None => cell(Role::Warning, format_args!("{step} {elapsed}")),
        };
    }
    match deploys.precedents(id).and_then(|precedents| precedents.newest().next()) {
        Some(past) if past.is_live() => cell(Role::Good, format_args!("{}", past.how)),
        Some(past) if &*past.how == "cancelled" => cell(Role::Muted, format_args!("{}", past.how)),
        Some(past) => cell(Role::Bad, format_args!("{}", past.how)),
        None if service.spec.deploy.is_some() => cell(Role::Muted, format_args!("none yet")),
        None => cell(Role::Muted, format_args!("not from here")),
    }
}

fn health(service: &Service, now: Moment) -> Cell {
    let since = watch(now.since(service.since));
    match &service.health {
        Health::Healthy if service.doubt().is_some() => cell(Role::Warning, format_args!("in doubt")),
        Health::Healthy => cell(Role::Good, format_args!("healthy")),
        Health::Degraded(_) => cell(Role::Warning, format_args!("degraded {since}")),
        Health::Unhealthy(_) => cell(Role::Bad, format_args!("down {since}")),
        Health::Unreachable(_) => cell(Role::Bad, format_args!("no answer {since}")),
        Health::Unknown if service.spec.has_health => cell(Role::Warning, format_args!("unknown {since}")),
        Health::Unknown => cell(Role::Muted, format_args!("not probed")),
    }
}

/// The commit it was built from, and how many commits the project's files are ahead of it: `3e1f9c2 +3`.
fn origin(built: &Built) -> Short {
    let commit = built.commit.get(..7).unwrap_or(&built.commit);
    match built.distance {
        None => Short::new(format_args!("{commit} ?")),
        Some(distance) => match (distance.ahead, distance.behind) {
            (0, 0) => Short::new(format_args!("{commit} =")),
            (ahead, 0) => Short::new(format_args!("{commit} +{ahead}")),
            (0, behind) => Short::new(format_args!("{commit} -{behind}")),
            (ahead, behind) => Short::new(format_args!("{commit} +{ahead} -{behind}")),
        },
    }
}

/// The same in a sentence, where there is room for one.
pub(super) fn origin_in_words(built: &Built, state: &State) -> Short {
    let commits = |count: u32| if count == 1 { "1 commit".into() } else { format!("{count} commits") };
    let files = state.session.source.as_ref().and_then(|source| source.dirty).unwrap_or(0);
    let files = match files {
        0 => String::new(),
        1 => ", with 1 changed file".to_owned(),
        files => format!(", with {files} changed files"),
    };
    let built_from = built.short();
    match built.distance {
        None => Short::new(format_args!("built from {built_from}, which is not known here")),
        Some(distance) => match (distance.ahead, distance.behind) {
            (0, 0) => Short::new(format_args!("built from {built_from}, as your files are{files}")),
            (ahead, 0) => {
                let ahead = commits(ahead);
                Short::new(format_args!("built from {built_from}, your files are {ahead} ahead{files}"))
            }
            (0, behind) => {
                let behind = commits(behind);
                Short::new(format_args!("built from {built_from}, your files are {behind} behind{files}"))
            }
            (ahead, behind) => {
                let (ahead, behind) = (commits(ahead), commits(behind));
                Short::new(format_args!(
                    "built from {built_from}, your files are {ahead} ahead, {behind} behind{files}"
                ))
            }
        },
    }
}

/// When something was: the time of day, or how many days ago.
pub(super) fn moment(at: Moment, scene: &Scene) -> Short {
    match scene.now.since(at).0 / Span::seconds(86_400).0 {
        0 => time_of_day(at, scene.view.utc_offset),
        1 => Short::new(format_args!("1 day ago")),
        days => Short::new(format_args!("{days} days ago")),
    }
}

/// Thousandths as people read them: `0.3 %`, `12 %`.
fn percent(thousandths: u32) -> Short {
    match thousandths % 10 {
        0 => Short::new(format_args!("{} %", thousandths / 10)),
        tenth => Short::new(format_args!("{}.{tenth} %", thousandths / 10)),
    }
}

fn draw_probes(line: &mut Line, service: &Service, width: u16) {
    let beats = &service.beats;
    let recent = || beats.range(beats.len().saturating_sub(usize::from(width)));
    let most = recent().map(|beat| beat.latency).max().unwrap_or_default().max(QUIET);
    let missing = usize::from(width).saturating_sub(recent().count()) as u16;
    // The newest stands at the right, beside its number.
    line.gap(missing);
    for beat in recent() {
        let role = match (beat.healthy, beat.degraded) {
            (true, _) => Role::Faint,
            (false, true) => Role::Warning,
            (false, false) => Role::Bad,
        };
        line.fill(role, spark(beat.latency.0, most.0), 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Distance;

    #[test]
    fn how_far_the_files_are_is_said_both_ways() {
        let state = State::default();
        let words = |ahead, behind| {
            let built = Built { commit: "3e1f9c2aab01".into(), distance: Some(Distance { ahead, behind }) };
            origin_in_words(&built, &state).to_string()
        };
        assert_eq!(words(0, 0), "built from 3e1f9c2aa, as your files are");
        assert_eq!(words(1, 0), "built from 3e1f9c2aa, your files are 1 commit ahead");
        assert_eq!(words(3, 2), "built from 3e1f9c2aa, your files are 3 commits ahead, 2 commits behind");
        let unknown = Built { commit: "v1".into(), distance: None };
        assert_eq!(&*origin(&unknown), "v1 ?");
    }

    #[test]
    fn a_share_is_short() {
        assert_eq!(
            [0, 3, 20, 333, 1_000].map(|share| percent(share).to_string()),
            ["0 %", "0.3 %", "2 %", "33.3 %", "100 %"]
        );
    }
}
