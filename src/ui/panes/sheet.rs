//! A long page of which a part is shown: the same story is told once to count its lines and once to draw those that
//! can be seen.

use std::ops::Range;

use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::ansi;
use super::pen::{Line, Pen};
use crate::ui::difference::{self, Kind, Told};
use crate::ui::reading::{self, Found, Holds, Part, Placed, Reading, Stop};
use crate::ui::text::{self, Short};
use crate::ui::theme::{Mark, Role};
use crate::ui::view::ViewState;

/// Parts of more lines than this are folded until somebody opens them.
const LONG: usize = 30;

/// How a person wants a page to be told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reader<'a> {
    /// Whether long lines are wrapped.
    wrap: bool,
    /// What is searched.
    searched: &'a str,
    /// What is folded.
    reading: Option<&'a Reading>,
    /// The line at the top, to tell what stands there; and what stands there, to tell its line.
    top: u64,
    sought: Option<u64>,
}

impl<'a> Reader<'a> {
    /// As that person's view has it.
    pub(super) fn of(view: &'a ViewState) -> Self {
        Self {
            wrap: view.wrap,
            searched: reading::searched(view),
            reading: Some(&view.reading),
            top: u64::from(view.detail_scroll),
            sought: view.reading.sought,
        }
    }
}

/// A page that is told line by line.
pub(super) struct Sheet<'a, 'p> {
    area: Rect,
    top: u64,
    line: u64,
    /// How many lines there would be if none were wrapped.
    told: u64,
    pen: Option<&'a mut Pen<'p>>,
    reader: Reader<'a>,
    holds: Holds,
}

impl<'a, 'p> Sheet<'a, 'p> {
    /// A page that is only measured.
    pub(super) fn measure(area: Rect, reader: Reader<'a>) -> Self {
        Self { area, top: 0, line: 0, told: 0, pen: None, reader, holds: Holds::default() }
    }

    /// A page that is drawn from line `top` on.
    pub(super) fn draw(area: Rect, top: u64, reader: Reader<'a>, pen: &'a mut Pen<'p>) -> Self {
        Self { area, top, line: 0, told: 0, pen: Some(pen), reader, holds: Holds::default() }
    }

    /// How many columns a line has.
    pub(super) fn width(&self) -> u16 {
        self.area.width
    }

    /// How many lines were told so far.
    pub(super) fn lines(&self) -> u64 {
        self.line
    }

    /// How many lines were told, and what they hold.
    pub(super) fn into_lines(self) -> (u64, Holds) {
        (self.line, self.holds)
    }

    /// One line, which `tell` writes if it can be seen.
    pub(super) fn line(&mut self, tell: impl FnOnce(&mut Line)) {
        self.told += 1;
        self.piece(tell);
    }

    /// A piece of a line that is wrapped.
    fn piece(&mut self, tell: impl FnOnce(&mut Line)) {
        let shown = self.line.checked_sub(self.top).filter(|down| *down < u64::from(self.area.height));
        self.count();
        if let (Some(down), Some(pen)) = (shown, self.pen.as_deref_mut()) {
            let y = self.area.y + down as u16;
            tell(&mut pen.line(self.area, y));
            pen.highlight(self.area, y, self.reader.searched);
        }
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.told += 1;
        self.count();
    }

    /// One line more of what is being told.
    fn count(&mut self) {
        if self.line == self.reader.top {
            self.holds.at_top = self.told;
        }
        if self.reader.sought == Some(self.told) && self.holds.sought.is_none() {
            self.holds.sought = Some(self.line);
        }
        self.line += 1;
    }

    /// A word and a rule, after an empty line.
    pub(super) fn section(&mut self, word: &str) {
        self.gap();
        self.line(|line| {
            line.put(Role::Muted, word).gap(1).rule();
        });
    }

    /// The title of a part that can be folded; answers whether what belongs to it is to be told.
    pub(super) fn part(&mut self, part: Part, word: &str, lines: usize, end: &str) -> bool {
        self.part_of(part, word, lines, end, LONG)
    }

    /// The same, for a part that is folded where it has more lines than `long`.
    pub(super) fn part_of(&mut self, part: Part, word: &str, lines: usize, end: &str, long: usize) -> bool {
        self.gap();
        self.part_below(part, word, lines, end, long)
    }

    /// The same, directly below what stands above it.
    pub(super) fn part_below(&mut self, part: Part, word: &str, lines: usize, end: &str, long: usize) -> bool {
        let by_hand = self.reader.reading.and_then(|reading| reading.folds.get(&part).copied());
        let open = by_hand.unwrap_or(lines <= long);
        self.stop(Stop::Part(part), open);
        self.line(|line| {
            line.end(Role::Muted, end);
            if !end.is_empty() {
                line.end_gap(1);
            }
            line.mark(Role::Muted, if open { Mark::Unfolded } else { Mark::Folded }).gap(1).put(Role::Muted, word);
            if !open {
                let plural = if lines == 1 { "" } else { "s" };
                line.gap(1).put(Role::Text, &Short::new(format_args!("({lines} line{plural})")));
            }
            line.gap(1).rule();
        });
        open
    }

    /// Something that a key acts on begins with the next line.
    pub(super) fn stop(&mut self, stop: Stop, open: bool) {
        if self.pen.is_none() {
            self.holds.stops.push(Placed { line: self.line, stop, open });
        }
    }

    /// The event of a contract that the person went to, and whose it is.
    pub(super) fn looked_at(&self) -> Option<(u32, u32)> {
        self.reader.reading?.looked_at
    }

    /// The next line is that event of that user.
    pub(super) fn heard(&mut self, key: (u32, u32)) {
        if self.pen.is_none() {
            self.holds.heard.push((key, self.line));
        }
    }

    /// Text of a folded part: it is not told, but it is searched.
    pub(super) fn skip<'t>(&mut self, part: Part, lines: impl Iterator<Item = &'t str>) {
        if self.is_searching() {
            let line = self.holds.stops.last().map_or(0, |placed| placed.line);
            let matching = lines.filter(|content| self.matches(content)).count();
            self.holds.matches.extend(std::iter::repeat_n(Found { line, hidden: Some(part) }, matching));
        }
    }

    /// A line of text from outside, which may be longer than the page is wide.
    pub(super) fn text(&mut self, role: Role, indent: u16, content: &str) {
        self.text_with(indent, content, |_| role);
    }

    /// A line of text from outside whose role depends on what it says.
    pub(super) fn text_with(&mut self, indent: u16, content: &str, role: impl Fn(&str) -> Role) {
        self.search(content);
        let room = usize::from(self.area.width.saturating_sub(indent));
        if !self.reader.wrap || content.len() <= room || ansi::width(content) <= room {
            return self.line(|line| {
                line.gap(indent).ansi(role(content), content);
            });
        }
        let role = role(content);
        let plain = ansi::strip(content);
        self.told += 1;
        for piece in text::wrap(&plain, room) {
            self.piece(|line| {
                line.gap(indent).put(role, piece);
            });
        }
    }

    /// One of several lines of a comparison; `plain` is the role of what is alike.
    pub(super) fn difference(&mut self, lines: &[Told], place: usize, plain: Role) {
        let told = &lines[place];
        let room = usize::from(self.area.width);
        let wraps = self.reader.wrap && told.text.len() > room && ansi::width(&told.text) > room;
        let mut from = 0;
        self.told += 1;
        for piece in text::wrap(&told.text, if wraps { room } else { usize::MAX }) {
            // Only the spaces at which a line was broken are left out of its pieces.
            from += told.text[from..].find(piece).unwrap_or(0);
            let range = from..from + piece.len();
            from = range.end;
            self.piece(|line| draw_difference(line, lines, place, range, plain));
        }
    }

    /// Notes the next line where it holds what is searched.
    pub(super) fn search(&mut self, content: &str) {
        if self.is_searching() && self.matches(content) {
            self.holds.matches.push(Found { line: self.line, hidden: None });
        }
    }

    fn is_searching(&self) -> bool {
        self.pen.is_none() && !self.reader.searched.is_empty()
    }

    fn matches(&self, content: &str) -> bool {
        text::find_ignoring_case(&ansi::strip(content), self.reader.searched).is_some()
    }
}

/// What is the same in both lines is plain; what differs, and a line that stands alone, has the colour of its side.
fn draw_difference(line: &mut Line, lines: &[Told], place: usize, range: Range<usize>, plain: Role) {
    let told = &lines[place];
    let side = match told.kind {
        Kind::Plain => {
            line.ansi(plain, &told.text[range]);
            return;
        }
        Kind::Hint => Role::Muted,
        Kind::Removed => Role::DiffRemoved,
        Kind::Added => Role::DiffAdded,
    };
    let changed = difference::changed(lines, place);
    let rest = if changed.is_empty() { side } else { plain };
    let style = line.theme().style(side).add_modifier(Modifier::UNDERLINED);
    let mut at = range.start;
    let clip = |place: usize| place.clamp(range.start, range.end);
    let sign = clip(told.value);
    line.ansi(side, &told.text[at..sign]);
    at = at.max(sign);
    for change in changed {
        let (from, to) = (clip(change.start).max(at), clip(change.end).max(at));
        line.ansi(rest, &told.text[at..from]).put_style(style, &told.text[from..to]);
        at = to;
    }
    line.ansi(rest, &told.text[at..range.end]);
}

impl Pen<'_> {
    /// Lays the ground of a match under every occurrence of what is searched in a line that is already written.
    pub(super) fn highlight(&mut self, area: Rect, y: u16, searched: &str) {
        if searched.is_empty() {
            return;
        }
        let style = self.theme.style(Role::Match);
        let mut x = area.x;
        while x < area.right() {
            let wide = self.matched_at(area, x, y, searched);
            for x in x..x + wide {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.set_style(style);
                }
            }
            x += wide.max(1);
        }
    }

    /// How many cells from `x` on spell `searched`; none where they do not.
    fn matched_at(&self, area: Rect, x: u16, y: u16, searched: &str) -> u16 {
        let mut rest = searched;
        let mut wide = 0;
        while !rest.is_empty() {
            let place = x + wide;
            let Some(cell) = self.buffer.cell((place, y)).filter(|_| place < area.right()) else { return 0 };
            let symbol = cell.symbol();
            match rest.get(..symbol.len()) {
                Some(beginning) if beginning.eq_ignore_ascii_case(symbol) => rest = &rest[symbol.len()..],
                _ => return 0,
            }
            // The cell behind a wide one is empty and spells nothing.
            wide += (text::width(symbol) as u16).max(1);
        }
        wide
    }
}
