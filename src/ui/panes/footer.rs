//! The last line: the keys that work here, with what they will do now; and the key that helps where a pane is empty.

use super::pen::{Line, Pen};
use crate::ui::action::Action;
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
    for key in footer::keys(scene, regions) {
        // A key is shown whole or not at all.
        if text::width(&key.keys) + 1 + text::width(&key.label) > usize::from(line.room()) {
            break;
        }
        line.bold(Role::Press, &key.keys).gap(1).put(Role::Muted, &key.label).gap(gap);
    }
}

/// A key, as this person has it, and what it does. Nothing where the action has no key or this person may not act.
pub(super) fn hint(line: &mut Line, scene: &Scene, action: Action, words: &str) {
    if let Some(keys) = scene.view.keymap.shown(action).filter(|_| scene.view.drives(scene.state)) {
        line.bold(Role::Press, &keys).gap(1).put(Role::Muted, words).gap(3);
    }
}
