//! A frame: everything that a scene shows, in one pass.

use ratatui::Frame;
use ratatui::text::Line;

use super::regions::Regions;
use super::scene::Scene;
use super::theme::Role;
use super::view::Cursor;
use super::{footer, overlay};

/// Draws a frame.
pub fn draw(scene: &Scene, regions: &Regions, frame: &mut Frame) {
    let area = frame.area();
    for (line, row) in area.rows().zip((0..).map_while(|row| regions.rows.row(row))) {
        let text = match row {
            Cursor::Module(id) => scene.state.inventory.module(id).map(|module| module.title.to_string()),
            Cursor::Test(id) => scene.state.inventory.test(id).map(|test| format!("  {}", test.name)),
        };
        let role = if regions.cursor() == Some(row) { Role::Selection } else { Role::Text };
        frame.render_widget(Line::styled(text.unwrap_or_default(), scene.theme.style(role)), line);
    }
    let keys: Vec<String> = footer::keys(scene).into_iter().map(|key| format!("{} {}", key.keys, key.label)).collect();
    if let Some(last) = area.rows().next_back() {
        frame.render_widget(Line::styled(keys.join("   "), scene.theme.style(Role::Muted)), last);
    }
    overlay::draw(scene, area, frame);
}
