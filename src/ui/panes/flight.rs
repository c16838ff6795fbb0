//! Above the board: what the autopilot has spent and what it decided last.
//!
//! `autopilot  cycle 3/10  1 fix  1 deploy  0:41 of 8:00:00   backend is deployed, then what failed is proved`

use super::pen::Pen;
use crate::domain::{Autopilot, AutopilotEnd, AutopilotPhase, FlightPace};
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text::watch;
use crate::ui::theme::{Mark, Role};

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let area = regions.flight;
    let Some(flight) = scene.state.flight_to_show().filter(|_| !area.is_empty()) else { return };
    let mut line = pen.line(area, area.y);
    line.gap(1).end_gap(1);
    let took = flight.took(scene.now);
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
    line.gap(2).fmt(Role::Text, format_args!("cycle {} of {}", flight.flown.cycles, plan.cycles));
    for (count, word) in [(flight.flown.fixes, "fix"), (flight.flown.deploys, "deploy")] {
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
