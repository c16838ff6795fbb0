//! The last line: the keys that work here, with what they will do now.

use super::pen::Pen;
use crate::ui::footer;
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text;
use crate::ui::theme::Role;

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let area = regions.footer;
    let gap = if area.width >= 120 { 3 } else { 2 };
    let mut line = pen.line(area, area.y);
    line.gap(1).end_gap(1);
    for key in footer::keys(scene) {
        // A key is shown whole or not at all.
        if text::width(&key.keys) + 1 + text::width(&key.label) > usize::from(line.room()) {
            break;
        }
        line.bold(Role::Press, &key.keys).gap(1).put(Role::Muted, &key.label).gap(gap);
    }
}
