//! What lies over the panes and takes the keys, and the line at the bottom that typing and notices take.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::scene::Scene;

/// Draws what lies over the rest, last. `area` is the whole screen: its last row, otherwise the footer's, shows the
/// filter while it is typed, and the notice while there is one.
pub fn draw(scene: &Scene, area: Rect, frame: &mut Frame) {
    let _ = (scene, area, frame);
}
