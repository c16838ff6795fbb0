//! A long page of which a part is shown: the same story is told once to count its lines and once to draw those that
//! can be seen.

use ratatui::layout::Rect;

use super::ansi;
use super::pen::{Line, Pen};
use crate::ui::text::{self, Words};
use crate::ui::theme::Role;

/// A page that is told line by line.
pub(super) struct Sheet<'a, 'p> {
    area: Rect,
    top: u64,
    line: u64,
    pen: Option<&'a mut Pen<'p>>,
    wrap: bool,
    searched: &'a str,
    matches: Vec<u16>,
}

impl<'a, 'p> Sheet<'a, 'p> {
    /// A page that is only measured.
    pub(super) fn measure(area: Rect, wrap: bool, searched: &'a str) -> Self {
        Self { area, top: 0, line: 0, pen: None, wrap, searched, matches: Vec::new() }
    }

    /// A page that is drawn from line `top` on.
    pub(super) fn draw(area: Rect, top: u64, wrap: bool, searched: &'a str, pen: &'a mut Pen<'p>) -> Self {
        Self { area, top, line: 0, pen: Some(pen), wrap, searched, matches: Vec::new() }
    }

    /// How many columns a line has.
    pub(super) fn width(&self) -> u16 {
        self.area.width
    }

    /// How many lines were told so far.
    pub(super) fn lines(&self) -> u64 {
        self.line
    }

    /// How many lines were told, and which of them hold what is searched.
    pub(super) fn into_lines(self) -> (u64, Vec<u16>) {
        (self.line, self.matches)
    }

    /// One line, which `tell` writes if it can be seen.
    pub(super) fn line(&mut self, tell: impl FnOnce(&mut Line)) {
        let shown = self.line.checked_sub(self.top).filter(|down| *down < u64::from(self.area.height));
        self.line += 1;
        if let (Some(down), Some(pen)) = (shown, self.pen.as_deref_mut()) {
            let y = self.area.y + down as u16;
            tell(&mut pen.line(self.area, y));
            pen.highlight(self.area, y, self.searched);
        }
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.line += 1;
    }

    /// A word and a rule, after an empty line.
    pub(super) fn section(&mut self, word: &str) {
        self.gap();
        self.line(|line| {
            line.put(Role::Muted, word).gap(1).rule();
        });
    }

    /// A line of text from outside, which may be longer than the page is wide.
    pub(super) fn text(&mut self, role: Role, indent: u16, content: &str) {
        self.text_with(indent, content, |_| role);
    }

    /// A line of text from outside whose role depends on what it says.
    pub(super) fn text_with(&mut self, indent: u16, content: &str, role: impl Fn(&str) -> Role) {
        let role = role(content);
        if !self.searched.is_empty() && self.pen.is_none() && Words::new(self.searched).match_any(content) {
            self.matches.push(u16::try_from(self.line).unwrap_or(u16::MAX));
        }
        let room = usize::from(self.area.width.saturating_sub(indent));
        if !self.wrap || ansi::width(content) <= room {
            return self.line(|line| {
                line.gap(indent).ansi(role, content);
            });
        }
        let plain = ansi::strip(content);
        for piece in text::wrap(&plain, room) {
            self.line(|line| {
                line.gap(indent).put(role, piece);
            });
        }
    }
}

impl Pen<'_> {
    /// Lays the ground of a match under every occurrence of the searched words in a line that is already written.
    pub(super) fn highlight(&mut self, area: Rect, y: u16, searched: &str) {
        let style = self.theme.style(Role::Match);
        for word in searched.split_whitespace() {
            let mut x = area.x;
            while x < area.right() {
                let wide = self.matched_at(area, x, y, word);
                for x in x..x + wide {
                    if let Some(cell) = self.buffer.cell_mut((x, y)) {
                        cell.set_style(style);
                    }
                }
                x += wide.max(1);
            }
        }
    }

    /// How many cells from `x` on spell `word`; none where they do not.
    fn matched_at(&self, area: Rect, x: u16, y: u16, word: &str) -> u16 {
        let mut rest = word;
        for wide in 0.. {
            if rest.is_empty() {
                return wide;
            }
            let place = x + wide;
            let Some(cell) = self.buffer.cell((place, y)).filter(|_| place < area.right()) else { return 0 };
            let symbol = cell.symbol();
            match rest.get(..symbol.len()) {
                Some(beginning) if beginning.eq_ignore_ascii_case(symbol) => rest = &rest[symbol.len()..],
                _ => return 0,
            }
        }
        0
    }
}
