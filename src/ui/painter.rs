//! A backend that writes into memory: one frame, and nothing at all where nothing changed.
//!
//! ratatui's own backend resets colours and hides the cursor with every frame, and asks the terminal for its size. This
//! one is told the size, remembers the cursor, and hands over whole frames, so that a slow terminal misses frames
//! instead of queueing them.

use std::io;

use crossterm::{cursor, queue};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

/// Tells the terminal to show what follows at once when it is complete.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// A backend that writes into memory.
#[derive(Debug)]
pub struct Painter {
    bytes: Vec<u8>,
    size: Size,
    /// Where the cursor shows, while it does.
    cursor: Option<Position>,
    has_moved: bool,
}

impl Painter {
    /// A painter for a screen of that size, with a hidden cursor.
    #[must_use]
    pub fn new(size: Size) -> Self {
        Self { bytes: Vec::new(), size, cursor: None, has_moved: false }
    }

    /// The screen has another size.
    pub fn resize(&mut self, size: Size) {
        self.size = size;
    }

    /// The screen was given away and came back: nothing is known of its cursor but that it is hidden.
    pub fn forget(&mut self) {
        self.bytes.clear();
        self.cursor = None;
    }

    /// The frame as bytes for the terminal; nothing where nothing changed.
    pub fn frame(&mut self) -> Option<Vec<u8>> {
        if self.bytes.is_empty() {
            return None;
        }
        let mut frame = Vec::with_capacity(self.bytes.len() + BEGIN.len() + END.len());
        frame.extend_from_slice(BEGIN);
        frame.append(&mut self.bytes);
        frame.extend_from_slice(END);
        Some(frame)
    }
}

impl Backend for Painter {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.has_moved = true;
        CrosstermBackend::new(&mut self.bytes).draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        match self.cursor.take() {
            Some(_) => queue!(self.bytes, cursor::Hide),
            None => Ok(()),
        }
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        // Shown where it is put, below.
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if self.cursor != Some(position) || self.has_moved {
            queue!(self.bytes, cursor::MoveTo(position.x, position.y))?;
            if self.cursor.is_none() {
                queue!(self.bytes, cursor::Show)?;
            }
            self.cursor = Some(position);
            self.has_moved = false;
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.has_moved = true;
        CrosstermBackend::new(&mut self.bytes).clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::default() })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::{Modifier, Style};
    use ratatui::{Terminal, TerminalOptions, Viewport};

    use super::*;

    fn terminal() -> Terminal<Painter> {
        let size = Size::new(20, 3);
        let viewport = Viewport::Fixed(Rect::from(((0, 0).into(), size)));
        Terminal::with_options(Painter::new(size), TerminalOptions { viewport }).expect("memory cannot fail")
    }

    fn frame(terminal: &mut Terminal<Painter>, text: &str, cursor: Option<u16>) -> Option<String> {
        let draw = |frame: &mut ratatui::Frame| {
            frame.buffer_mut().set_string(0, 0, text, Style::new());
            if let Some(x) = cursor {
                frame.set_cursor_position((x, 0));
            }
        };
        terminal.draw(draw).expect("memory cannot fail");
        let bytes = terminal.backend_mut().frame()?;
        Some(String::from_utf8(bytes).expect("a frame is text").replace('\u{1b}', "^"))
    }

    #[test]
    fn a_frame_in_which_nothing_changed_is_no_frame() {
        let mut terminal = terminal();
        let first = frame(&mut terminal, "hello", None).expect("a first frame");
        assert!(first.starts_with("^[?2026h") && first.ends_with("^[?2026l") && first.contains("hello"), "{first}");
        assert_eq!(frame(&mut terminal, "hello", None), None);
        assert!(
            frame(&mut terminal, "hellO", None).is_some_and(|bytes| bytes.contains('O') && !bytes.contains("hell"))
        );
    }

    #[test]
    fn the_cursor_is_written_only_when_it_moves() {
        let mut terminal = terminal();
        frame(&mut terminal, "/ ", None);
        assert_eq!(frame(&mut terminal, "/ ", Some(2)).as_deref(), Some("^[?2026h^[1;3H^[?25h^[?2026l"));
        assert_eq!(frame(&mut terminal, "/ ", Some(2)), None);
        assert_eq!(frame(&mut terminal, "/ ", None).as_deref(), Some("^[?2026h^[?25l^[?2026l"));
    }

    #[test]
    fn a_reversed_row_stays_reversed_without_colours() {
        let mut terminal = terminal();
        let style = Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
        let draw = |frame: &mut ratatui::Frame| frame.buffer_mut().set_string(0, 0, "row", style);
        terminal.draw(draw).expect("memory cannot fail");
        let bytes = String::from_utf8(terminal.backend_mut().frame().expect("a frame")).expect("text");
        let before = bytes.split("row").next().expect("a beginning").to_owned();
        assert!(before.contains("\u{1b}[7m") && !before.ends_with("\u{1b}[0m"), "{before:?}");
    }
}
