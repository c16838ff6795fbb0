//! How the loop stands, in a word and a few numbers. What did not run can never look like what passed.

use super::pen::Line;
use crate::domain::{Run, RunEnd, RunKind, RunPhase, Span, State};
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text::{Short, took, watch};
use crate::ui::theme::Role;

/// The run that the header speaks of: one that is not over, tests before listing, else the newest that ran tests, or
/// that could not even list them.
pub(super) fn run_to_show(state: &State) -> Option<&Run> {
    let active = || state.runs.active().map(|(_, run)| run);
    let testing = active().filter(|run| run.kind == RunKind::Test).last();
    testing.or_else(|| active().last()).or_else(|| {
        let newest = state.runs.newest().map(|(_, run)| run);
        let listing = state.runs.iter().next_back().map(|(_, run)| run).filter(|run| {
            !matches!(run.phase, RunPhase::Ended(RunEnd::Complete | RunEnd::Stopped)) && run.kind == RunKind::Collect
        });
        listing.or(newest)
    })
}

/// Writes the phase and what belongs to it.
pub(super) fn draw(line: &mut Line, scene: &Scene, regions: &Regions) {
    let state = scene.state;
    if state.session.ended.is_some() {
        line.bold(Role::Muted, "ended").gap(2);
    }
    let Some(run) = run_to_show(state) else {
        let idle = if state.inventory.tally().total() == 0 { "no tests yet" } else { "idle" };
        line.put(Role::Muted, idle);
        return;
    };
    let elapsed = run.took(scene.now);
    if let Some(kind) = run.null() {
        line.bold(Role::Hollow, "null run").gap(1).put(Role::Hollow, kind.word()).gap(1);
    }
    match &run.phase {
        RunPhase::Held { why } => {
            line.bold(Role::Warning, "held").gap(1);
            let limit = state.session.project.hold_limit;
            line.put(Role::Text, &watch(scene.now.since(run.asked)));
            line.fmt(Role::Muted, format_args!(" of at most {}", watch(limit))).gap(2).put(Role::Warning, why);
        }
        RunPhase::Starting => {
            line.put(Role::Running, "starting").gap(1).put(Role::Muted, &took(scene.now.since(run.asked)));
        }
        RunPhase::Collecting => {
            line.put(Role::Running, "collecting").gap(1).put(Role::Text, &watch(elapsed));
            line.fmt(Role::Muted, format_args!(" · {} found", run.integrity.collected));
        }
        RunPhase::Running => {
            match run.null() {
                // The totals stand still: how far it has come is told here.
                Some(_) => line.put(Role::Running, &finished(run, 0)).gap(1).put(Role::Text, &watch(elapsed)),
                None => line.put(Role::Running, "running").gap(1).put(Role::Text, &watch(elapsed)),
            };
            if let Some(usual) = regions.usual {
                line.fmt(Role::Muted, format_args!(" of ~{}", watch(usual)));
            }
            if run.workers > 1 {
                line.fmt(Role::Muted, format_args!(" · {} workers", run.workers));
            }
            if let Some(why) = &run.stopping {
                line.gap(2).put(Role::Warning, why);
            }
        }
        RunPhase::Stopping { signal, since, grace } => {
            let passed = scene.now.since(*since).0 / 1_000_000;
            line.put(Role::Warning, "stopping").gap(1).bold(Role::Warning, signal.word());
            line.fmt(Role::Muted, format_args!(" {passed}s of {}s", grace.0 / 1_000_000));
            let finished = finished(run, line.room());
            line.gap(2).put(Role::Muted, &finished);
        }
        RunPhase::Ended(end) => draw_end(line, state, run, end),
    }
    draw_oddities(line, run);
}

fn draw_end(line: &mut Line, state: &State, run: &Run, end: &RunEnd) {
    let tally = state.inventory.tally();
    let cut = |line: &mut Line, word: &str, why: &str| {
        line.bold(Role::Bad, word).gap(1);
        let finished = finished(run, line.room());
        line.bold(Role::Text, &finished);
        if !why.is_empty() {
            line.gap(1).put(Role::Muted, why);
        }
    };
    match end {
        RunEnd::Complete => {
            match &run.disagreement {
                Some(_) => line.bold(Role::Bad, "red"),
                None if state.is_green() => line.bold(Role::Good, "green"),
                None if tally.failures() > 0 => line.bold(Role::Bad, "red"),
                None if tally.environment > 0 => line.bold(Role::Environment, "environment"),
                None if tally.straddled > 0 => line.bold(Role::Straddled, "straddled"),
                None if tally.stale > 0 => line.bold(Role::Stale, "stale"),
                None => line.bold(Role::Warning, "not complete"),
            };
            line.gap(1).put(Role::Muted, &watch(took_together(state, run)));
            if let Some(why) = &run.disagreement {
                line.gap(2).put(Role::Bad, why);
            }
            if let Some(doubt) = state.is_green().then(|| state.reservation(&[])).flatten() {
                line.gap(2).put(Role::Warning, "not proved: ").put(Role::Warning, &doubt);
            }
        }
        RunEnd::NothingRan(why) => {
            line.bold(Role::Bad, "nothing ran").gap(1).put(Role::Text, why);
        }
        RunEnd::CutShort(why) => cut(line, "cut short", why),
        RunEnd::Stopped => cut(line, "stopped", ""),
        RunEnd::Crashed(why) => cut(line, "crashed", why),
        RunEnd::CouldNotStart(why) => {
            line.bold(Role::Bad, "could not run").gap(1).put(Role::Text, why);
        }
    }
}

/// How long those runs took together that were asked for at once, one a runner.
fn took_together(state: &State, newest: &Run) -> Span {
    let together = || state.runs.iter().rev().map(|(_, run)| run).take_while(|run| run.asked == newest.asked);
    let began = together().filter_map(|run| run.started).min();
    let ended = together().map(|run| run.ended.unwrap_or(state.at)).max();
    ended.zip(began).map_or(Span::ZERO, |(ended, began)| ended.since(began))
}

/// What keeps the numbers of a run from adding up to what was asked for.
fn draw_oddities(line: &mut Line, run: &Run) {
    let numbers = &run.integrity;
    if numbers.missing > 0 {
        line.gap(2).fmt(Role::Warning, format_args!("{} missing", numbers.missing));
    }
    if numbers.deselected > 0 {
        line.gap(2).fmt(Role::Muted, format_args!("{} deselected", numbers.deselected));
    }
    let warnings = run.warnings.total();
    if warnings > 0 {
        let word = if warnings == 1 { "warning" } else { "warnings" };
        line.gap(2).fmt(Role::Muted, format_args!("{warnings} {word}"));
    }
    if run.leaked > 0 {
        line.gap(2).fmt(Role::Warning, format_args!("{} processes left behind", run.leaked));
    }
    if numbers.lost > 0 {
        line.gap(2).fmt(Role::Bad, format_args!("{} lost", numbers.lost));
    }
}

/// `2 of 25 finished`, or `2/25` where there is little room.
fn finished(run: &Run, room: u16) -> Short {
    let numbers = &run.integrity;
    let asked = numbers.selected.max(numbers.collected);
    match room {
        0..20 => Short::new(format_args!("{}/{asked}", numbers.finished)),
        _ => Short::new(format_args!("{} of {asked} finished", numbers.finished)),
    }
}
