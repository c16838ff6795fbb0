//! The one door for text from outside: test output, test names, agent messages, HTTP bodies, branch and host names.
//!
//! Bytes go in, harmless text of bounded size comes out. It is an allow list: printable characters pass, colours pass
//! (bounded, without conceal and blink), a carriage return overwrites the line, a tab becomes spaces, a hyperlink shows
//! its target. Every other control sequence renders as nothing and is counted. Characters that hide or reorder text are
//! spelled out, as in `<U+202E>`. What passed once passes again unchanged.
//!
//! The escape parser is `vte` without its `std` feature, whose buffers are of fixed size, and it starts afresh at each
//! newline: an unterminated sequence neither eats memory nor swallows the lines that follow.

use unicode_width::UnicodeWidthChar;

mod escape;
mod glyph;

use escape::{Escape, Seen};
use glyph::Glyph;

/// The longest line, in bytes of clean text; what is longer is continued on the next one.
pub const LINE_LIMIT: usize = 64 * 1024;
/// What stands at the end of a line that was cut at [`LINE_LIMIT`].
pub const CUT_MARK: &str = " …[cut]";

const RESET: &str = "\x1b[0m";
const SOFT_LIMIT: usize = LINE_LIMIT - CUT_MARK.len() - RESET.len();
const TAB_STOP: usize = 8;
const MARKS_PER_CLUSTER: u8 = 8;
const LINK_LIMIT: usize = 512;

/// One line that can be shown, stored and sent on as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CleanLine {
    /// The text, with colours as `\x1b[…m` where the door keeps them. A coloured line ends with a reset.
    pub text: String,
    /// How many control sequences and characters were taken out or spelled out.
    pub removed: u32,
    /// How many times a carriage return overwrote the line; the last state is what `text` shows.
    pub overwritten: u32,
    /// The line went on beyond [`LINE_LIMIT`]; the rest is the next line.
    pub cut: bool,
}

/// One line from bytes, colours kept; the newline at its end goes, newlines inside become a visible `⏎`.
pub fn line(raw: &[u8]) -> CleanLine {
    let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
    let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
    let mut lines = Lines::one_line(true);
    let mut first = None;
    lines.feed(raw, &mut |line| keep_first(&mut first, line));
    lines.finish(&mut |line| keep_first(&mut first, line));
    first.unwrap_or_default()
}

/// A name or a message on one line, without colours; newlines and carriage returns become visible.
pub fn text(raw: &str) -> String {
    if raw.len() <= LINE_LIMIT && raw.bytes().all(|b| is_plain(&b)) {
        return raw.to_owned();
    }
    let mut lines = Lines::one_line(false);
    let mut first = None;
    lines.feed(raw.as_bytes(), &mut |line| keep_first(&mut first, line));
    lines.finish(&mut |line| keep_first(&mut first, line));
    first.map(|line| line.text).unwrap_or_default()
}

/// Text of several lines, colours kept; ends with a newline exactly when `raw` does.
pub fn block(raw: &str) -> String {
    if raw.len() <= LINE_LIMIT && raw.bytes().all(|b| is_plain(&b) || b == b'\n') {
        return raw.to_owned();
    }
    let mut out = String::with_capacity(raw.len());
    let mut lines = Lines::new();
    lines.feed(raw.as_bytes(), &mut |line| {
        out.push_str(&line.text);
        out.push('\n');
    });
    lines.finish(&mut |line| {
        out.push_str(&line.text);
        if line.cut {
            out.push('\n');
        }
    });
    out
}

fn keep_first(first: &mut Option<CleanLine>, line: CleanLine) {
    match first {
        Some(first) => first.removed = first.removed.saturating_add(line.removed),
        None => *first = Some(line),
    }
}

fn is_plain(byte: &u8) -> bool {
    (0x20..0x7f).contains(byte)
}

/// What a newline or a carriage return means to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breaks {
    /// They end and overwrite lines.
    Act,
    /// They are shown, since the text is one line by its nature.
    Show,
}

/// A stream of bytes turned into clean lines, in whatever pieces it arrives.
///
/// Memory is constant: one line of at most [`LINE_LIMIT`] and the parser's fixed buffers.
#[derive(Debug)]
pub struct Lines {
    breaks: Breaks,
    colours: bool,
    escape: Escape,
    /// The beginning of a character whose other bytes have not come yet.
    partial: [u8; 4],
    partial_len: usize,
    line: Growing,
}

impl Default for Lines {
    fn default() -> Self {
        Self::new()
    }
}

impl Lines {
    /// A stream of lines, colours kept.
    pub fn new() -> Self {
        Self {
            breaks: Breaks::Act,
            colours: true,
            escape: Escape::new(),
            partial: [0; 4],
            partial_len: 0,
            line: Growing::default(),
        }
    }

    fn one_line(colours: bool) -> Self {
        Self {
            breaks: Breaks::Show,
            colours,
            ..Self::new()
        }
    }

    /// Takes the next bytes; `sink` gets every line they complete.
    pub fn feed(&mut self, mut bytes: &[u8], sink: &mut impl FnMut(CleanLine)) {
        while let Some(&first) = bytes.first() {
            let taken = if self.escape.is_open() {
                self.feed_escape(first, sink)
            } else if self.partial_len > 0 {
                self.feed_partial(first, sink)
            } else if is_plain(&first) {
                let run = plain_run(bytes);
                self.line.push_ascii(&bytes[..run], sink);
                run
            } else if first >= 0x80 {
                self.feed_unicode(bytes, sink)
            } else {
                self.control(first, sink);
                1
            };
            bytes = &bytes[taken..];
        }
    }

    /// The stream is over: `sink` gets what stood on its last, unfinished line, if anything.
    pub fn finish(&mut self, sink: &mut impl FnMut(CleanLine)) {
        self.end_sequence(sink);
        if !self.line.is_untouched() {
            self.line.emit(sink);
        }
    }

    /// Whether a line has begun that no newline has ended yet: a prompt, a progress bar.
    pub fn has_partial(&self) -> bool {
        !self.line.is_untouched()
    }

    fn control(&mut self, byte: u8, sink: &mut impl FnMut(CleanLine)) {
        match byte {
            b'\n' if self.breaks == Breaks::Act => {
                self.end_sequence(sink);
                self.line.emit(sink);
            }
            b'\n' => {
                self.end_sequence(sink);
                self.line.push_base('⏎', sink);
            }
            b'\r' if self.breaks == Breaks::Act => self.line.carriage_return(),
            b'\r' => self.line.push_base('␍', sink),
            b'\t' if self.breaks == Breaks::Act => self.line.tab(sink),
            b'\t' => self.line.push_ascii(b" ", sink),
            0x1b => self.escape.open(),
            _ => self.line.count(),
        }
    }

    /// Drops an escape sequence or a character that the newline or the end of the stream interrupted.
    fn end_sequence(&mut self, sink: &mut impl FnMut(CleanLine)) {
        if self.escape.is_open() {
            self.escape.close();
            self.line.count();
        }
        if self.partial_len > 0 {
            self.partial_len = 0;
            self.line.invalid(sink);
        }
        self.line.flush_joiner(sink);
        self.line.close_link(sink);
    }

    fn feed_escape(&mut self, byte: u8, sink: &mut impl FnMut(CleanLine)) -> usize {
        if byte == b'\n' {
            self.control(byte, sink);
            return 1;
        }
        match self.escape.advance(byte) {
            Seen::Nothing => {}
            Seen::Control(control @ (b'\r' | b'\t')) => self.control(control, sink),
            Seen::Control(_) | Seen::Unwanted => self.line.count(),
            Seen::Colour(colour) if self.colours => self.line.push_colour(&colour, sink),
            Seen::Colour(_) => self.line.count(),
            Seen::Link(target) => {
                self.line.flush_joiner(sink);
                self.line.close_link(sink);
                self.line.link = target.map(|target| shorten(text(&target), LINK_LIMIT));
            }
        }
        1
    }

    /// Completes a character that began in an earlier piece; takes nothing when this byte cannot belong to it.
    fn feed_partial(&mut self, byte: u8, sink: &mut impl FnMut(CleanLine)) -> usize {
        self.partial[self.partial_len] = byte;
        let so_far = &self.partial[..self.partial_len + 1];
        match std::str::from_utf8(so_far) {
            Ok(complete) => {
                let c = complete
                    .chars()
                    .next()
                    .unwrap_or(char::REPLACEMENT_CHARACTER);
                self.partial_len = 0;
                self.line.push_char(c, sink);
                1
            }
            Err(error) if error.error_len().is_none() => {
                self.partial_len += 1;
                1
            }
            Err(_) => {
                self.partial_len = 0;
                self.line.invalid(sink);
                0
            }
        }
    }

    /// Takes the run of characters up to the next control character, or up to the first byte that is not UTF-8.
    fn feed_unicode(&mut self, bytes: &[u8], sink: &mut impl FnMut(CleanLine)) -> usize {
        let window = &bytes[..bytes.len().min(1024)];
        let run = window
            .iter()
            .position(|&b| b < 0x20 || b == 0x7f)
            .unwrap_or(window.len());
        match std::str::from_utf8(&bytes[..run]) {
            Ok(valid) => {
                valid.chars().for_each(|c| self.line.push_char(c, sink));
                run
            }
            Err(error) if error.valid_up_to() > 0 => {
                self.feed_unicode(&bytes[..error.valid_up_to()], sink)
            }
            Err(error) => {
                if let Some(len) = error.error_len() {
                    self.line.invalid(sink);
                    return len;
                }
                // The character continues behind this run: the incremental way knows whether it really does.
                self.partial[0] = bytes[0];
                self.partial_len = 1;
                1
            }
        }
    }
}

/// Length of the printable ASCII at the start, sixteen bytes at a time.
fn plain_run(bytes: &[u8]) -> usize {
    let mut run = 0;
    for chunk in bytes.chunks_exact(16) {
        // A fold without early exit, so that the compiler makes vector instructions of it.
        if chunk.iter().fold(false, |odd, b| odd | !is_plain(b)) {
            break;
        }
        run += 16;
    }
    run + bytes[run..].iter().take_while(|b| is_plain(b)).count()
}

fn shorten(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let end = (0..=limit)
            .rev()
            .find(|&end| text.is_char_boundary(end))
            .unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The line that is being written.
#[derive(Debug, Default)]
struct Growing {
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
    link: Option<String>,
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
    fn is_untouched(&self) -> bool {
        self.text.is_empty() && self.removed == 0 && self.overwritten == 0 && !self.returned
    }

    fn count(&mut self) {
        self.removed = self.removed.saturating_add(1);
    }

    fn emit(&mut self, sink: &mut impl FnMut(CleanLine)) {
        if self.coloured {
            self.text.push_str(RESET);
        }
        let Growing {
            text,
            removed,
            overwritten,
            ..
        } = std::mem::take(self);
        sink(CleanLine {
            text,
            removed,
            overwritten,
            cut: false,
        });
    }

    fn carriage_return(&mut self) {
        self.returned = !self.text.is_empty();
        self.base = None;
        self.joiner = false;
    }

    fn tab(&mut self, sink: &mut impl FnMut(CleanLine)) {
        const SPACES: [u8; TAB_STOP] = [b' '; TAB_STOP];
        self.begin();
        self.push_ascii(&SPACES[self.column % TAB_STOP..], sink);
    }

    /// Wipes what a carriage return has given up.
    fn begin(&mut self) {
        if self.returned {
            let overwritten = self.overwritten.saturating_add(1);
            let (removed, link) = (self.removed, self.link.take());
            *self = Growing {
                overwritten,
                removed,
                link,
                ..Growing::default()
            };
        }
    }

    fn push_ascii(&mut self, mut run: &[u8], sink: &mut impl FnMut(CleanLine)) {
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

    fn push_char(&mut self, c: char, sink: &mut impl FnMut(CleanLine)) {
        self.begin();
        if c.is_ascii() && is_plain(&(c as u8)) {
            return self.push_ascii(&[c as u8], sink);
        }
        match glyph::classify(c) {
            Glyph::Base => self.push_base(c, sink),
            Glyph::Mark => self.push_mark(c, sink),
            Glyph::Joiner if self.base.is_some_and(glyph::is_pictograph) && !self.joiner => {
                self.joiner = true
            }
            Glyph::Selector if self.base.is_some_and(glyph::takes_selector) => {
                self.push_mark(c, sink)
            }
            Glyph::Joiner | Glyph::Selector | Glyph::Hidden => self.spell_out(c, sink),
            Glyph::Control => self.count(),
        }
    }

    fn push_base(&mut self, c: char, sink: &mut impl FnMut(CleanLine)) {
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

    fn invalid(&mut self, sink: &mut impl FnMut(CleanLine)) {
        self.count();
        self.push_char(char::REPLACEMENT_CHARACTER, sink);
    }

    /// A joiner that joined nothing is spelled out.
    fn flush_joiner(&mut self, sink: &mut impl FnMut(CleanLine)) {
        if std::mem::take(&mut self.joiner) {
            self.spell_out('\u{200d}', sink);
        }
    }

    fn push_colour(&mut self, colour: &str, sink: &mut impl FnMut(CleanLine)) {
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
    }

    /// Shows where a hyperlink led, unless its text said so.
    fn close_link(&mut self, sink: &mut impl FnMut(CleanLine)) {
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
            self.cut = Cut {
                len,
                column: self.column - back,
                coloured: self.coloured,
            };
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
        let (removed, overwritten) = (
            std::mem::take(&mut self.removed),
            std::mem::take(&mut self.overwritten),
        );
        sink(CleanLine {
            text: head,
            removed,
            overwritten,
            cut: true,
        });
    }
}

#[cfg(test)]
mod tests;
