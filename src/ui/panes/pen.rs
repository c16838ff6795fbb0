//! The one way in which panes write: a line that is filled from both ends, and a quiet frame.

use std::fmt;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::ui::text::{self, Short};
use crate::ui::theme::{Mark, Role, Theme};

/// Colours, marks and the cells that they go to.
pub(crate) struct Pen<'a> {
    /// The cells.
    pub buffer: &'a mut Buffer,
    /// Colours and marks.
    pub theme: &'a Theme,
}

impl Pen<'_> {
    /// The line `y` of `area`, to be filled from both ends; an empty one where the screen ends.
    pub(super) fn line(&mut self, area: Rect, y: u16) -> Line<'_> {
        let row = Rect { y, height: 1, ..area }.intersection(self.buffer.area);
        let row = if row.is_empty() { Rect::default() } else { row };
        Line { buffer: self.buffer, theme: self.theme, start: row.x, left: row.x, right: row.right(), y: row.y }
    }

    /// A frame in the faintest tone, or in the accent where the pane has the focus; answers what is inside.
    pub(super) fn frame(&mut self, area: Rect, focused: bool) -> Rect {
        self.frame_part(area, focused, 0, area.height)
    }

    /// The lines `from..to` of a frame that is partly scrolled away; `area` is the part that can be seen.
    pub(super) fn frame_part(&mut self, area: Rect, focused: bool, from: u16, height: u16) -> Rect {
        let style = self.theme.style(if focused { Role::BorderFocus } else { Role::Border });
        let [across, down, top_left, top_right, bottom_left, bottom_right] = ["─", "│", "╭", "╮", "╰", "╯"];
        let seen = area.intersection(self.buffer.area);
        if seen.width < 2 {
            return Rect { width: 0, height: 0, ..area };
        }
        for y in seen.y..seen.bottom() {
            let row = from + (y - area.y);
            let (left, right) = match row {
                0 => (top_left, top_right),
                _ if row + 1 == height => (bottom_left, bottom_right),
                _ => (down, down),
            };
            self.buffer[(seen.x, y)].set_symbol(left).set_style(style);
            self.buffer[(seen.right() - 1, y)].set_symbol(right).set_style(style);
            if row == 0 || row + 1 == height {
                for x in seen.x + 1..seen.right() - 1 {
                    self.buffer[(x, y)].set_symbol(across).set_style(style);
                }
            }
        }
        let top = u16::from(from == 0);
        Rect {
            x: area.x + 2,
            y: area.y + top,
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(top + u16::from(from + area.height >= height)),
        }
    }

    /// The place in a frame's upper border where its title and totals go.
    pub(super) fn title(&mut self, area: Rect) -> Line<'_> {
        let inside = Rect { x: area.x + 2, width: area.width.saturating_sub(4), ..area };
        self.line(inside, area.y)
    }

    /// A word and a rule: a section inside a pane.
    pub(super) fn section(&mut self, area: Rect, y: u16, word: &str) {
        self.line(area, y).put(Role::Muted, word).gap(1).rule();
    }

    /// Lays the cursor's ground under a line.
    pub(super) fn select(&mut self, area: Rect, y: u16) {
        let style = self.theme.style(Role::Selection);
        self.buffer.set_style(Rect { y, height: 1, ..area }, style);
    }
}

/// A line of the screen that is filled from both ends. What does not fit is cut with an ellipsis, or left out where
/// not even that fits; the right end is filled first, because numbers are worth more than the ends of words.
pub(super) struct Line<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
    start: u16,
    left: u16,
    right: u16,
    y: u16,
}

impl Line<'_> {
    /// How many columns are left.
    pub(super) fn room(&self) -> u16 {
        self.right.saturating_sub(self.left)
    }

    /// The next column to the left.
    pub(super) fn x(&self) -> u16 {
        self.left
    }

    /// Moves on to a column, counted from the start of the line; never back.
    pub(super) fn column(&mut self, column: u16) -> &mut Self {
        self.left = self.left.max(self.start.saturating_add(column)).min(self.right);
        self
    }

    /// Leaves columns free on the left.
    pub(super) fn gap(&mut self, columns: u16) -> &mut Self {
        self.left = self.left.saturating_add(columns).min(self.right);
        self
    }

    /// Leaves columns free on the right.
    pub(super) fn end_gap(&mut self, columns: u16) -> &mut Self {
        self.right = self.right.saturating_sub(columns).max(self.left);
        self
    }

    /// Writes something that leaves so many columns at the right end to what comes after it.
    pub(super) fn keeping(&mut self, columns: u16, write: impl FnOnce(&mut Self)) -> &mut Self {
        let right = self.right;
        self.right = right.saturating_sub(columns).max(self.left);
        write(self);
        self.right = right;
        self
    }

    /// Writes on the left.
    pub(super) fn put(&mut self, role: Role, text: &str) -> &mut Self {
        let style = self.theme.style(role);
        self.put_style(style, text)
    }

    /// Writes on the left, in bold.
    pub(super) fn bold(&mut self, role: Role, text: &str) -> &mut Self {
        let style = self.theme.style(role).add_modifier(Modifier::BOLD);
        self.put_style(style, text)
    }

    /// Writes a formatted text on the left.
    pub(super) fn fmt(&mut self, role: Role, arguments: fmt::Arguments) -> &mut Self {
        self.put(role, &Short::new(arguments))
    }

    /// Writes a mark on the left.
    pub(super) fn mark(&mut self, role: Role, mark: Mark) -> &mut Self {
        self.put(role, self.theme.mark(mark))
    }

    /// Writes on the left, in at most so many columns, and fills them.
    pub(super) fn cell(&mut self, role: Role, text: &str, columns: u16) -> &mut Self {
        let style = self.theme.style(role);
        self.cell_style(style, text, columns)
    }

    /// Writes on the left in a style, in at most so many columns, and fills them.
    pub(super) fn cell_style(&mut self, style: Style, text: &str, columns: u16) -> &mut Self {
        let (right, end) = (self.right, self.left.saturating_add(columns).min(self.right));
        self.right = end;
        self.put_style(style, text);
        (self.left, self.right) = (end, right);
        self
    }

    /// Writes on the left, flush right in so many columns.
    pub(super) fn number(&mut self, role: Role, text: &str, columns: u16) -> &mut Self {
        let free = usize::from(columns).saturating_sub(text::width(text));
        self.gap(free as u16).put(role, text)
    }

    /// Writes on the left in a style.
    pub(super) fn put_style(&mut self, style: Style, text: &str) -> &mut Self {
        let room = usize::from(self.room());
        let wide = text::width(text);
        if wide <= room {
            self.left = write(self.buffer, self.left, self.y, text, style);
        } else if room > 0 {
            let (beginning, _) = text::fit(text, room - 1);
            let x = write(self.buffer, self.left, self.y, beginning, style);
            write(self.buffer, x, self.y, self.theme.mark(Mark::Ellipsis), style);
            self.left = self.right;
        }
        self
    }

    /// Writes at the right end; nothing where it does not fit.
    pub(super) fn end(&mut self, role: Role, text: &str) -> &mut Self {
        self.end_style(self.theme.style(role), text)
    }

    /// Writes a formatted text at the right end.
    pub(super) fn end_fmt(&mut self, role: Role, arguments: fmt::Arguments) -> &mut Self {
        self.end(role, &Short::new(arguments))
    }

    /// Writes at the right end in bold.
    pub(super) fn end_bold(&mut self, role: Role, text: &str) -> &mut Self {
        self.end_style(self.theme.style(role).add_modifier(Modifier::BOLD), text)
    }

    /// Writes a mark at the right end.
    pub(super) fn end_mark(&mut self, role: Role, mark: Mark) -> &mut Self {
        self.end(role, self.theme.mark(mark))
    }

    /// Writes at the right end in a style.
    pub(super) fn end_style(&mut self, style: Style, text: &str) -> &mut Self {
        let wide = text::width(text) as u16;
        if wide <= self.room() {
            self.right -= wide;
            write(self.buffer, self.right, self.y, text, style);
        }
        self
    }

    /// Writes at the right end, flush right in so many columns.
    pub(super) fn end_number(&mut self, role: Role, text: &str, columns: u16) -> &mut Self {
        let right = self.right;
        self.end(role, text);
        self.right = right.saturating_sub(columns).max(self.left).min(self.right);
        self
    }

    /// Fills the rest with a rule.
    pub(super) fn rule(&mut self) -> &mut Self {
        self.fill(Role::Border, "─", self.room())
    }

    /// Repeats a glyph of one column.
    pub(super) fn fill(&mut self, role: Role, glyph: &str, times: u16) -> &mut Self {
        let style = self.theme.style(role);
        for _ in 0..times.min(self.room()) {
            self.buffer[(self.left, self.y)].set_symbol(glyph).set_style(style);
            self.left += 1;
        }
        self
    }

    /// Writes one glyph of one column.
    pub(super) fn glyph(&mut self, style: Style, glyph: &str) -> &mut Self {
        if self.room() > 0 {
            self.buffer[(self.left, self.y)].set_symbol(glyph).set_style(style);
            self.left += 1;
        }
        self
    }

    /// The theme, for what a line does not know.
    pub(super) fn theme(&self) -> &Theme {
        self.theme
    }
}

/// Writes text that is known to fit; answers the column after it. Plain ASCII, which is nearly everything, is spared
/// the search for graphemes.
fn write(buffer: &mut Buffer, mut x: u16, y: u16, text: &str, style: Style) -> u16 {
    if !text.is_ascii() {
        return buffer.set_stringn(x, y, text, usize::from(u16::MAX), style).0;
    }
    let mut one = [0_u8; 1];
    for byte in text.bytes() {
        // A control character that came this far has no place on the screen.
        one[0] = if byte.is_ascii_control() { b' ' } else { byte };
        let Some(cell) = buffer.cell_mut((x, y)) else { break };
        cell.set_symbol(std::str::from_utf8(&one).unwrap_or(" ")).set_style(style);
        x += 1;
    }
    x
}
