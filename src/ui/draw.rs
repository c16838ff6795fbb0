//! One frame: a function of the scene and the regions, and nothing else.

use ratatui::Frame;
use ratatui::buffer::Buffer;

use super::overlay;
use super::panes::{self, Pen};
use super::regions::Regions;
use super::scene::Scene;

/// Draws everything. Where things are is known from the regions, so that drawing returns nothing.
pub fn draw(scene: &Scene, regions: &Regions, frame: &mut Frame) {
    paint(scene, regions, frame.buffer_mut());
    overlay::draw(scene, frame.area(), frame);
}

/// Draws everything but overlays into a buffer, which is expected to be empty.
pub fn paint(scene: &Scene, regions: &Regions, buffer: &mut Buffer) {
    let mut pen = Pen { buffer, theme: scene.theme };
    panes::paint(&mut pen, scene, regions);
}
