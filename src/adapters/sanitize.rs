//! The one door for text from outside: test output, test names, agent messages, HTTP bodies, branch and host names.
//!
//! Bytes go in, harmless text of bounded size comes out. It is an allow list: printable characters pass, colours pass
//! (bounded, without conceal and blink), a carriage return overwrites the line, a tab becomes spaces, a hyperlink shows
//! its target. Every other control sequence renders as nothing and is counted. Characters that hide or reorder text are
//! spelled out, as in `<U+202E>`. What passed once passes again unchanged.
//!
//! The escape parser is `vte` without its `std` feature, whose buffers are of fixed size, and it starts afresh at each
//! newline: an unterminated sequence neither eats memory nor swallows the lines that follow.

mod escape;
mod glyph;
mod growing;

use escape::{Escape, Seen};
use growing::Growing;

/// The longest line, in bytes of clean text; what is longer is continued on the next one.
pub const LINE_LIMIT: usize = 64 * 1024;
/// What stands at the end of a line that was cut at [`LINE_LIMIT`].
pub const CUT_MARK: &str = " …[cut]";

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
        Self { breaks: Breaks::Show, colours, ..Self::new() }
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
                let c = complete.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
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
        let run = window.iter().position(|&b| b < 0x20 || b == 0x7f).unwrap_or(window.len());
        match std::str::from_utf8(&bytes[..run]) {
            Ok(valid) => {
                valid.chars().for_each(|c| self.line.push_char(c, sink));
                run
            }
            Err(error) if error.valid_up_to() > 0 => self.feed_unicode(&bytes[..error.valid_up_to()], sink),
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
        let end = (0..=limit).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
