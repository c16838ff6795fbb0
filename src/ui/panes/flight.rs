//! Above the board: what the autopilot has spent and what it decided last; in the deploy's place: what the fix hook says.
//!
//! `autopilot  cycle 3/10  1 fix  1 deploy  0:41 of 8:00:00   backend is deployed, then what failed is proved`

use ratatui::layout::Rect;

use super::pen::Pen;
use crate::domain::{Autopilot, AutopilotEnd, AutopilotPhase, Fix, FixEnd, FlightPace};
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text::watch;
use crate::ui::theme::{Mark, Role};
use crate::ui::view::Pane;

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let area = regions.flight;
    let Some(flight) = scene.state.flight_to_show().filter(|_| !area.is_empty()) else { return };
    let mut line = pen.line(area, area.y);
    line.gap(1).end_gap(1);
    let took = flight.ended.unwrap_or(scene.now).since(flight.began);
    line.end(Role::Muted, &watch(took)).end_gap(2);
    match &flight.end {
        Some(AutopilotEnd::Green) => line.mark(Role::Good, Mark::Check).gap(1).bold(Role::Good, "autopilot"),
        Some(AutopilotEnd::Cancelled) => line.mark(Role::Muted, Mark::Skipped).gap(1).bold(Role::Text, "autopilot"),
        Some(_) => line.mark(Role::Bad, Mark::Failed).gap(1).bold(Role::Bad, "autopilot"),
        None if flight.pace == FlightPace::Paused => {
            line.mark(Role::Warning, Mark::Queued).gap(1).bold(Role::Warning, "autopilot paused")
        }
        None => line.mark(Role::Running, Mark::Running).gap(1).bold(Role::Strong, "autopilot"),
    };
    let plan = &flight.plan;
    line.gap(2).fmt(Role::Text, format_args!("cycle {} of {}", flight.cycles, plan.cycles));
    for (count, word) in [(flight.fixes, "fix"), (flight.deploys, "deploy")] {
        let plural = match (count, word) {
            (1, _) => "",
            (_, "fix") => "es",
            _ => "s",
        };
        line.gap(2).fmt(Role::Muted, format_args!("{count} {word}{plural}"));
    }
    line.gap(2).put(role_of(flight), said(flight));
}

fn role_of(flight: &Autopilot) -> Role {
    match &flight.end {
        Some(AutopilotEnd::Green) => Role::Good,
        Some(AutopilotEnd::Cancelled) => Role::Muted,
        Some(_) => Role::Bad,
        None => Role::Text,
    }
}

fn said(flight: &Autopilot) -> &str {
    match flight.trail.last() {
        Some(decision) => &decision.text,
        None if flight.phase == AutopilotPhase::Deciding => "waits for what is under way",
        None => "",
    }
}

/// Whether the fix hook works, so that its words stand where the deploy would be.
pub(super) fn draw_fix(pen: &mut Pen, scene: &Scene, regions: &Regions, fix: &Fix) {
    let area = regions.deploys;
    if area.height < 3 {
        return;
    }
    let inner = pen.frame(area, scene.view.focus == Pane::Deploys);
    let mut title = pen.title(area);
    title.bold(Role::Strong, "fix hook").gap(2);
    let took = fix.ended.unwrap_or(scene.now).since(fix.started);
    match &fix.end {
        None => title.mark(Role::Running, Mark::Running).gap(1).put(Role::Text, &watch(took)),
        Some(FixEnd::Changed) => title.mark(Role::Good, Mark::Check).gap(1).put(Role::Good, "changed something"),
        Some(FixEnd::NothingToDo) => title.put(Role::Muted, "found nothing to do"),
        Some(FixEnd::GaveUp(why)) => title.mark(Role::Bad, Mark::Failed).gap(1).put(Role::Bad, why),
    };
    let rows = usize::from(inner.height);
    let from = fix.output.len().saturating_sub(rows);
    for (n, text) in fix.output.range(from).enumerate() {
        let row = Rect { y: inner.y + n as u16, height: 1, ..inner };
        pen.line(row, row.y).ansi(Role::Text, text);
    }
    if fix.output.is_empty() {
        pen.line(inner, inner.y).put(Role::Muted, "it has said nothing yet");
    }
}
