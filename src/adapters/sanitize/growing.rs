//! The line that is being written: clusters, colours, tab stops, and where to cut it.

use unicode_width::UnicodeWidthChar;

use super::glyph::{self, Glyph};
use super::{CUT_MARK, CleanLine, LINE_LIMIT, is_plain};

const RESET: &str = "\x1b[0m";
const SOFT_LIMIT: usize = LINE_LIMIT - CUT_MARK.len() - RESET.len();
const TAB_STOP: usize = 8;
const MARKS_PER_CLUSTER: u8 = 8;

/// The line that is being written.
#[derive(Debug, Default)]
pub(super) struct Growing {
    text: String,
    removed: u32,
    overwritten: u32,
    /// Cells taken so far, for tab stops.
    column: usize,
    /// A colour is on, so the line must end with a reset.
    coloured: bool,
    /// A carriage return has come; the next character begins the line anew.
    returned: bool,
    /// The character that marks, joiners and selectors would belong to.
    base: Option<char>,
    marks: u8,
    /// A joiner waits for what follows it.
    joiner: bool,
    /// Target of the hyperlink we are inside of.
    pub(super) link: Option<String>,
    /// Where the line will be cut if it outgrows the limit: the last cluster that begins within [`SOFT_LIMIT`].
    cut: Cut,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cut {
    len: usize,
    column: usize,
    coloured: bool,
}

impl Growing {
    pub(super) fn is_untouched(&self) -> bool {
        self.text.is_empty() && self.removed == 0 && self.overwritten == 0 && !self.returned
    }

    pub(super) fn count(&mut self) {
        self.removed = self.removed.saturating_add(1);
    }

    pub(super) fn emit(&mut self, sink: &mut impl FnMut(CleanLine)) {
        if self.coloured {
            self.text.push_str(RESET);
        }
        let Growing { text, removed, overwritten, .. } = std::mem::take(self);
        sink(CleanLine { text, removed, overwritten, cut: false });
    }

    pub(super) fn carriage_return(&mut self) {
        self.returned = !self.text.is_empty();
        self.base = None;
        self.joiner = false;
    }

    pub(super) fn tab(&mut self, sink: &mut impl FnMut(CleanLine)) {
        const SPACES: [u8; TAB_STOP] = [b' '; TAB_STOP];
        self.begin();
        self.push_ascii(&SPACES[self.column % TAB_STOP..], sink);
    }

    /// Wipes what a carriage return has given up.
    fn begin(&mut self) {
        if self.returned {
            let overwritten = self.overwritten.saturating_add(1);
            let (removed, link) = (self.removed, self.link.take());
            *self = Growing { overwritten, removed, link, ..Growing::default() };
        }
    }

    pub(super) fn push_ascii(&mut self, mut run: &[u8], sink: &mut impl FnMut(CleanLine)) {
        self.begin();
        self.flush_joiner(sink);
        while !run.is_empty() {
            let room = SOFT_LIMIT.saturating_sub(self.text.len()).max(1);
            let (now, later) = run.split_at(room.min(run.len()));
            let (Ok(piece), Some(last)) = (std::str::from_utf8(now), now.last()) else {
                return;
            };
            self.make_room(now.len(), self.coloured, sink);
            self.text.push_str(piece);
            self.column += now.len();
            self.base = Some(char::from(*last));
            self.marks = 0;
            self.remember_cut(1);
            run = later;
        }
    }

    pub(super) fn push_char(&mut self, c: char, sink: &mut impl FnMut(CleanLine)) {
        self.begin();
        if c.is_ascii() && is_plain(&(c as u8)) {
            return self.push_ascii(&[c as u8], sink);
        }
        match glyph::classify(c) {
            Glyph::Base => self.push_base(c, sink),
            Glyph::Mark => self.push_mark(c, sink),
            Glyph::Joiner if self.base.is_some_and(glyph::is_pictograph) && !self.joiner => self.joiner = true,
            Glyph::Selector if self.base.is_some_and(glyph::takes_selector) => self.push_mark(c, sink),
            Glyph::Joiner | Glyph::Selector | Glyph::Hidden => self.spell_out(c, sink),
            Glyph::Control => self.count(),
        }
    }

    pub(super) fn push_base(&mut self, c: char, sink: &mut impl FnMut(CleanLine)) {
        self.begin();
        if self.joiner && glyph::is_pictograph(c) && self.marks < MARKS_PER_CLUSTER {
            self.joiner = false;
            self.marks += 1;
            self.grow("\u{200d}", sink);
        } else {
            self.flush_joiner(sink);
            self.marks = 0;
            self.make_room(c.len_utf8(), self.coloured, sink);
        }
        self.grow(c.encode_utf8(&mut [0; 4]), sink);
        self.column += c.width().unwrap_or(0);
        self.base = Some(c);
    }

    fn push_mark(&mut self, c: char, sink: &mut impl FnMut(CleanLine)) {
        self.flush_joiner(sink);
        if self.base.is_none() {
            // Without a carrier it would sit on whatever the pane draws to the left.
            self.push_base('◌', sink);
        }
        if self.marks < MARKS_PER_CLUSTER {
            self.marks += 1;
            self.grow(c.encode_utf8(&mut [0; 4]), sink);
        } else {
            self.count();
        }
    }

    fn spell_out(&mut self, c: char, sink: &mut impl FnMut(CleanLine)) {
        self.count();
        self.push_ascii(format!("<U+{:04X}>", c as u32).as_bytes(), sink);
    }

    pub(super) fn invalid(&mut self, sink: &mut impl FnMut(CleanLine)) {
        self.count();
        self.push_char(char::REPLACEMENT_CHARACTER, sink);
    }

    /// A joiner that joined nothing is spelled out.
    pub(super) fn flush_joiner(&mut self, sink: &mut impl FnMut(CleanLine)) {
        if std::mem::take(&mut self.joiner) {
            self.spell_out('\u{200d}', sink);
        }
    }

    pub(super) fn push_colour(&mut self, colour: &str, sink: &mut impl FnMut(CleanLine)) {
        if colour.is_empty() {
            return self.count();
        }
        if self.returned && colour == RESET {
            // The end of a progress bar: nothing has overwritten the line yet.
            return;
        }
        self.begin();
        self.flush_joiner(sink);
        let coloured = !colour.ends_with("[0m");
        self.make_room(colour.len(), coloured, sink);
        self.text.push_str(colour);
        self.coloured = coloured;
        // A line may be cut before a colour, so what follows one must not lean on what stands before it.
        self.base = None;
    }

    /// Shows where a hyperlink led, unless its text said so.
    pub(super) fn close_link(&mut self, sink: &mut impl FnMut(CleanLine)) {
        let Some(target) = self.link.take() else {
            return;
        };
        if !self.text.ends_with(&target) && !self.returned {
            self.push_ascii(b" (", sink);
            target.chars().for_each(|c| self.push_char(c, sink));
            self.push_ascii(b")", sink);
        }
    }

    /// Appends to the cluster that is already begun.
    fn grow(&mut self, piece: &str, sink: &mut impl FnMut(CleanLine)) {
        self.cut_if_over(piece.len(), self.coloured, sink);
        self.text.push_str(piece);
    }

    /// Makes sure that `len` more bytes fit; called only where a cluster ends, which is where a line may be cut.
    fn make_room(&mut self, len: usize, coloured_after: bool, sink: &mut impl FnMut(CleanLine)) {
        self.remember_cut(0);
        self.cut_if_over(len, coloured_after, sink);
    }

    /// A cluster begins `back` bytes (and cells) before the end of the line.
    fn remember_cut(&mut self, back: usize) {
        let len = self.text.len() - back;
        if len <= SOFT_LIMIT {
            self.cut = Cut { len, column: self.column - back, coloured: self.coloured };
        }
    }

    fn cut_if_over(&mut self, len: usize, coloured_after: bool, sink: &mut impl FnMut(CleanLine)) {
        let reset = if coloured_after { RESET.len() } else { 0 };
        if self.text.len() + len + reset <= LINE_LIMIT {
            return;
        }
        let cut = std::mem::take(&mut self.cut);
        let rest = self.text.split_off(cut.len);
        let mut head = std::mem::replace(&mut self.text, rest);
        head.push_str(CUT_MARK);
        if cut.coloured {
            head.push_str(RESET);
        }
        self.column -= cut.column;
        let (removed, overwritten) = (std::mem::take(&mut self.removed), std::mem::take(&mut self.overwritten));
        sink(CleanLine { text: head, removed, overwritten, cut: true });
    }
}
