//! One frame: a function of the scene and the regions, and nothing else.

use ratatui::Frame;
use ratatui::buffer::Buffer;

use super::overlay;
use super::panes::{self, Pen};
use super::regions::Regions;
use super::scene::Scene;
use super::theme::Glyphs;

/// Draws everything. Where things are is known from the regions, so that drawing returns nothing.
pub fn draw(scene: &Scene, regions: &Regions, frame: &mut Frame) {
    paint(scene, regions, frame.buffer_mut());
    overlay::draw(scene, frame.area(), frame);
    if scene.theme.glyphs == Glyphs::Ascii {
        spell_in_ascii(frame.buffer_mut());
    }
}

/// Draws everything but overlays into a buffer, which is expected to be empty.
pub fn paint(scene: &Scene, regions: &Regions, buffer: &mut Buffer) {
    let mut pen = Pen { buffer, theme: scene.theme };
    panes::paint(&mut pen, scene, regions);
}

/// For terminals that show nothing but ASCII: our own glyphs by their likeness, everything else as a question mark.
/// In one place, so that no pane has to think of it.
fn spell_in_ascii(buffer: &mut Buffer) {
    for cell in buffer.content.iter_mut().filter(|cell| !cell.symbol().is_ascii()) {
        let likeness = match cell.symbol() {
            "─" | "▄" | "▅" => "-",
            "━" | "▆" | "▇" => "=",
            "│" => "|",
            "╭" | "╮" | "╰" | "╯" => "+",
            "▁" | "▂" => "_",
            "▃" | "·" | "╌" => ".",
            "█" => "#",
            "→" | "›" => ">",
            "…" => "~",
            "×" => "x",
            _ => "?",
        };
        cell.set_symbol(likeness);
    }
}
