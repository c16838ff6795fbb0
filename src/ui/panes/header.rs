//! The first line: where, which turn of the loop, how it stands, and totals that add up.

use super::evidence::by_grade;
use super::pen::{Line, Pen};
use super::phase;
use crate::attach::Clock;
use crate::domain::{EnvironmentKind, Run};
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::theme::{Mark, Role};

/// From this width on there is air between the numbers.
const AIRY: u16 = 120;
/// From this width on passes are told by what they touched, not only as those that prove something and those that do not.
const ROOMY: u16 = 150;
/// From this width on the project's commit is told.
const SPACIOUS: u16 = 180;

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let area = regions.header;
    let mut line = pen.line(area, area.y);
    line.gap(1).end_gap(1);
    let airy = area.width >= AIRY;
    if airy {
        draw_progress(&mut line, scene, 20);
        line.end_gap(3);
    } else if area.width >= 100 {
        draw_progress(&mut line, scene, 8);
        line.end_gap(1);
    }
    draw_totals(&mut line, scene, airy, area.width >= ROOMY);
    line.end_gap(2);
    if area.width >= 70 {
        line.bold(Role::Brand, "liveloop").gap(if airy { 2 } else { 1 });
    }
    draw_badge(&mut line, scene);
    if area.width >= SPACIOUS {
        draw_checkout(&mut line, scene);
    }
    line.gap(if airy { 2 } else { 1 });
    if scene.state.cycle > 0 {
        line.fmt(Role::Strong, format_args!("cycle {}", scene.state.cycle)).gap(if airy { 2 } else { 1 });
    }
    if scene.state.watch.on {
        line.put(Role::Muted, "watching").gap(if airy { 2 } else { 1 });
    }
    draw_repeat(&mut line, scene);
    draw_comparison(&mut line, scene, airy);
    phase::draw(&mut line, scene, regions);
}

/// How far a repeated selection has come.
fn draw_repeat(line: &mut Line, scene: &Scene) {
    let Some(repeat) = scene.state.repeat.as_ref().filter(|repeat| repeat.is_active()) else { return };
    line.fmt(Role::Strong, format_args!("repeat {} of {}", repeat.present(), repeat.until.limit()));
    if repeat.failed > 0 {
        line.put(Role::Muted, " · ").fmt(Role::Bad, format_args!("{} failed", repeat.failed));
    }
    line.gap(2);
}

/// What results are compared with, where it is not the previous cycle.
fn draw_comparison(line: &mut Line, scene: &Scene, airy: bool) {
    let Some(title) = scene.state.baseline.title() else { return };
    let room = usize::from(if airy { 24_u16 } else { 14 });
    let (title, _) = crate::ui::text::fit(title, room);
    line.put(Role::Muted, "vs ").put(Role::Text, title).gap(if airy { 2 } else { 1 });
}

/// The environment's name, so that nobody acts on the wrong one; for a recording, how far it has come.
fn draw_badge(line: &mut Line, scene: &Scene) {
    let project = &scene.state.session.project;
    match &project.environment {
        Some(environment) => {
            let role = match environment.kind {
                EnvironmentKind::Local => Role::BadgeLocal,
                EnvironmentKind::Shared => Role::BadgeShared,
                EnvironmentKind::Protected | EnvironmentKind::Locked => Role::BadgeProtected,
            };
            match environment.kind {
                EnvironmentKind::Locked => line.fmt(role, format_args!(" {} locked ", environment.name)),
                _ => line.fmt(role, format_args!(" {} ", environment.name)),
            };
        }
        None => {
            line.put(Role::Muted, &project.name);
        }
    }
    if project.read_only {
        line.gap(1).put(Role::Chosen, " read-only ");
    }
    if let Clock::Played { playing, speed, progress: (reached, last), .. } = scene.clock {
        let word = if playing { "replay" } else { "paused" };
        line.gap(1).fmt(Role::Chosen, format_args!(" {word} {speed}× {reached}/{last} "));
    }
}

/// Which commit the project's files are at, and whether they differ from it.
fn draw_checkout(line: &mut Line, scene: &Scene) {
    let Some(checkout) = &scene.state.session.source else { return };
    line.gap(2);
    if let Some(branch) = &checkout.branch {
        line.cell(Role::Muted, branch, (branch.chars().count() as u16).min(24)).gap(1);
    }
    line.put(Role::Muted, checkout.short());
    if let Some(dirty) = checkout.dirty.filter(|dirty| *dirty > 0) {
        line.fmt(Role::Warning, format_args!(" +{dirty}"));
    }
}

/// Passed, passed without proving anything, failed, spoilt, running, set aside and waiting: together all tests there
/// are. What is stale or was not run last is said apart, since it is among them.
fn draw_totals(line: &mut Line, scene: &Scene, airy: bool, grades: bool) {
    let tally = scene.state.inventory.tally();
    let waiting = tally.queued + tally.never_run;
    if tally.total() == 0 {
        return;
    }
    if tally.stale > 0 {
        line.end_fmt(Role::Stale, format_args!("{} stale", tally.stale)).end_gap(1);
        line.end_mark(Role::Stale, Mark::Stale).end_gap(if airy { 3 } else { 1 });
    }
    if tally.held_over > 0 {
        line.end_fmt(Role::Warning, format_args!("{} not run", tally.held_over)).end_gap(1);
        line.end_mark(Role::Stale, Mark::Stale).end_gap(if airy { 3 } else { 1 });
    }
    line.end_fmt(Role::Muted, format_args!("of {}", tally.total()));
    let old = tally.stale.max(tally.held_over);
    let passed = if old >= tally.finished() && old > 0 { Role::Stale } else { Role::Good };
    let hollow = tally.worths.hollow();
    let parts = [
        (waiting, Mark::Queued, Role::Muted),
        (tally.set_aside(), Mark::Skipped, Role::Aside),
        (tally.known, Mark::Known, Role::Known),
        (tally.running, Mark::Running, Role::Running),
        (tally.straddled, Mark::Straddled, Role::Straddled),
        (tally.environment, Mark::Environment, Role::Environment),
        (tally.failures(), Mark::Failed, Role::Bad),
        (hollow, Mark::NoEvidence, Role::Hollow),
        (tally.passes() - hollow, Mark::Check, passed),
    ];
    for (count, mark, role) in parts {
        if count > 0 || matches!(mark, Mark::Check | Mark::Failed) {
            let role = if count == 0 { Role::Muted } else { role };
            line.end_gap(if airy { 2 } else { 1 });
            if mark == Mark::Check && grades && tally.worths.measured() > 0 {
                line.end(Role::Muted, &by_grade(&tally.worths)).end_gap(1);
            }
            match mark {
                Mark::Check | Mark::Failed => {
                    line.end_bold(role, &crate::ui::text::Short::new(format_args!("{count}")))
                }
                _ => line.end_fmt(role, format_args!("{count}")),
            };
            line.end_gap(u16::from(airy)).end_mark(role, mark);
        }
    }
}

/// How far the run has come, else how all tests stand.
fn draw_progress(line: &mut Line, scene: &Scene, columns: u16) {
    let state = scene.state;
    let run = state.runs.active().map(|(_, run)| run).find(|run| run.kind.executes());
    let all = state.inventory.tally();
    let (tally, running, total) = match run {
        Some(run) if run.null().is_some() => return draw_null_progress(line, run, columns),
        Some(run) => (&run.tally, all.running, run.integrity.selected.max(run.integrity.collected)),
        None => (all, all.running, all.total()),
    };
    if total == 0 {
        return;
    }
    let share = |count: u32| (u64::from(count) * u64::from(columns) / u64::from(total)) as u16;
    let at_least_one = |count: u32| share(count).max(u16::from(count > 0));
    let (bad, now) = (at_least_one(tally.failures()), at_least_one(running));
    let done = tally.passes() + tally.set_aside() + tally.known;
    let good = share(done).min(columns.saturating_sub(bad + now));
    // Rounding must not leave a gap in what is complete.
    let complete = done + tally.failures() >= total;
    let rest = columns.saturating_sub(good + bad + now);
    let (good, rest) = if complete { (good + rest, 0) } else { (good, rest) };
    for (role, times) in [(Role::Faint, rest), (Role::Running, now), (Role::Bad, bad), (Role::Good, good)] {
        for _ in 0..times {
            line.end(role, "━");
        }
    }
}

/// How far a null run has come. What passes there is no good news, so that only the way is shown.
fn draw_null_progress(line: &mut Line, run: &Run, columns: u16) {
    let total = run.integrity.selected.max(run.integrity.collected).max(1);
    let done = (u64::from(run.integrity.finished) * u64::from(columns) / u64::from(total)).min(columns.into()) as u16;
    for (role, times) in [(Role::Faint, columns - done), (Role::Running, done)] {
        for _ in 0..times {
            line.end(role, "━");
        }
    }
}
