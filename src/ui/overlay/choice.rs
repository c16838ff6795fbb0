//! A short list to choose from.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{ground, panel, put_row};
use crate::ui::scene::Scene;
use crate::ui::text;
use crate::ui::theme::Role;
use crate::ui::view::Choice;

pub(super) fn draw(choice: &Choice, scene: &Scene, area: Rect, frame: &mut Frame) {
    let width = choice.rows.iter().map(|(label, _)| Line::from(label.as_str()).width()).max().unwrap_or(0);
    let title = Line::from(choice.title.as_str()).width();
    let size = ((width + 4).max(title + 2).max(28) as u16, choice.rows.len() as u16);
    let inner = panel(&choice.title, size, scene, area, frame);
    let first = (choice.chosen + 1).saturating_sub(usize::from(inner.height));
    for (place, (n, (label, _))) in inner.rows().zip(choice.rows.iter().enumerate().skip(first)) {
        let room = usize::from(place.width).saturating_sub(1);
        let (shown, wide) = text::fit(label, room);
        let cut = wide < Line::from(label.as_str()).width();
        let (shown, mark) = if cut { (text::fit(label, room.saturating_sub(1)).0, "…") } else { (shown, "") };
        let line = Line::styled(format!(" {shown}{mark}"), ground(scene, Role::Text));
        put_row(line, n == choice.chosen, place, scene, frame);
    }
}
