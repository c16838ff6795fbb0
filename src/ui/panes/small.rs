//! What is left where the screen is too small for panes: how the loop stands, and that more room is needed.

use super::pen::Pen;
use super::phase;
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::theme::{Mark, Role};

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let area = regions.area;
    let tally = scene.state.inventory.tally();
    for (n, y) in (area.y..area.bottom()).enumerate() {
        let mut line = pen.line(area, y);
        match n {
            0 => {
                let hollow = tally.worths.hollow();
                line.mark(Role::Good, Mark::Check).fmt(Role::Good, format_args!("{} ", tally.passes() - hollow));
                if hollow > 0 {
                    line.mark(Role::Hollow, Mark::NoEvidence).fmt(Role::Hollow, format_args!("{hollow} "));
                }
                line.mark(Role::Bad, Mark::Failed).fmt(Role::Bad, format_args!("{} ", tally.failures()));
                if tally.concerns() > tally.failures() {
                    let spoilt = tally.concerns() - tally.failures();
                    line.mark(Role::Environment, Mark::Environment).fmt(Role::Environment, format_args!("{spoilt} "));
                }
                let unfinished = tally.total() - tally.passes() - tally.concerns() - tally.set_aside();
                line.mark(Role::Muted, Mark::Queued).fmt(Role::Muted, format_args!("{unfinished} "));
                line.fmt(Role::Muted, format_args!("of {}", tally.total()));
            }
            1 => {
                line.fmt(Role::Strong, format_args!("cycle {} ", scene.state.cycle));
                phase::draw(&mut line, scene, regions);
            }
            2 => {
                line.put(Role::Warning, "too small: 80×24");
            }
            3 => {
                line.put(Role::Muted, "still working");
            }
            _ => {}
        }
    }
}
