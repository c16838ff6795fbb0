//! From an escape character to the end of its sequence: what, if anything, of it may pass.

use std::fmt;

use vte::{Params, Parser, Perform};

/// What one byte of a sequence brought to light.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The sequence goes on, or ended without meaning.
    Nothing,
    /// A control character inside the sequence, which terminals act on at once.
    Control(u8),
    /// A colour sequence made only of what we allow; empty when nothing of it was.
    Colour(String),
    /// A hyperlink begins (its target) or ends.
    Link(Option<String>),
    /// A whole sequence that is not for us.
    Unwanted,
}

/// A sequence in progress.
///
/// The parser is only ever fed bytes of a sequence, never text: whether one has ended is known from its first byte.
pub(super) struct Escape {
    parser: Parser,
    open: bool,
    /// The byte before was the escape character.
    begun: bool,
    /// Inside `ESC [`, which the first byte of `@` to `~` ends, even where the parser gives up on it silently.
    csi: bool,
}

impl fmt::Debug for Escape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Escape").field("open", &self.open).finish_non_exhaustive()
    }
}

impl Escape {
    pub(super) fn new() -> Self {
        Self { parser: Parser::new(), open: false, begun: false, csi: false }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// An escape character has come.
    pub(super) fn open(&mut self) {
        self.open = true;
        self.advance(0x1b);
    }

    /// Forgets the sequence in progress.
    pub(super) fn close(&mut self) {
        *self = Self::new();
    }

    /// Takes one byte of the sequence.
    pub(super) fn advance(&mut self, byte: u8) -> Seen {
        let mut listener = Listener { seen: Seen::Nothing, ended: false, byte };
        self.parser.advance(&mut listener, &[byte]);
        if self.begun && matches!(byte, b'P' | b'X' | b'^' | b'_') {
            // The parser is silent about the end of most of these strings, so they count where they begin.
            listener.seen = Seen::Unwanted;
        }
        let csi_ended = self.csi && (0x40..=0x7e).contains(&byte);
        self.csi = (self.csi && byte != 0x1b && !csi_ended) || (self.begun && byte == b'[');
        self.begun = byte == 0x1b;
        if csi_ended || listener.ended || matches!(byte, 0x18 | 0x1a) {
            self.open = false;
            self.csi = false;
            self.begun = false;
            if csi_ended && listener.seen == Seen::Nothing {
                return Seen::Unwanted;
            }
        }
        listener.seen
    }
}

struct Listener {
    seen: Seen,
    ended: bool,
    byte: u8,
}

impl Perform for Listener {
    fn execute(&mut self, byte: u8) {
        self.seen = Seen::Control(byte);
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        self.seen = match action {
            'm' if intermediates.is_empty() && !ignore => Seen::Colour(colour(params)),
            _ => Seen::Unwanted,
        };
    }

    fn esc_dispatch(&mut self, _intermediates: &[u8], _ignore: bool, byte: u8) {
        self.ended = true;
        // The second half of a string terminator belongs to a sequence that was counted already.
        self.seen = if byte == b'\\' { Seen::Nothing } else { Seen::Unwanted };
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _bell_terminated: bool) {
        self.ended = self.byte != 0x1b;
        self.seen = match params {
            [b"8", _, target @ ..] => {
                let target = target.join(&b';');
                Seen::Link((!target.is_empty()).then(|| String::from_utf8_lossy(&target).into_owned()))
            }
            _ => Seen::Unwanted,
        };
    }

    fn unhook(&mut self) {
        self.ended = self.byte != 0x1b;
    }
}

/// The sequence again, with semicolons, numbers in range, and without conceal, blink and unknown codes.
fn colour(params: &Params) -> String {
    let codes: Vec<&[u16]> = params.iter().collect();
    let mut kept: Vec<u16> = Vec::new();
    let mut rest = codes.as_slice();
    while let [first, more @ ..] = rest {
        rest = more;
        match first {
            [code @ (38 | 48 | 58)] => {
                let (used, tone) = separate_tone(more);
                rest = &more[used..];
                keep_tone(&mut kept, *code, tone);
            }
            [code @ (38 | 48 | 58), tone @ ..] => keep_tone(&mut kept, *code, joined_tone(tone)),
            // `4:3` is a curly underline; `4:0` is none.
            [4, 0] => kept.push(24),
            // What stands before a reset says nothing.
            [0, ..] => kept = vec![0],
            [code, ..] if is_allowed(*code) => kept.push(*code),
            _ => {}
        }
    }
    let mut sequence = String::new();
    for (place, code) in kept.iter().enumerate() {
        sequence.push_str(if place == 0 { "\x1b[" } else { ";" });
        sequence.push_str(&code.to_string());
    }
    sequence.extend((!kept.is_empty()).then_some('m'));
    sequence
}

fn is_allowed(code: u16) -> bool {
    matches!(code, 1..=4 | 7 | 9 | 21..=24 | 27 | 29..=37 | 39..=47 | 49 | 53 | 55 | 59 | 90..=97 | 100..=107)
}

/// `38;5;n` and `38;2;r;g;b`: how many of the following parameters belong to it, and what they say.
fn separate_tone(more: &[&[u16]]) -> (usize, Option<Vec<u16>>) {
    let single = |n: usize| more.get(n).and_then(|p| (p.len() == 1).then_some(p[0]));
    match single(0) {
        Some(5) => (more.len().min(2), single(1).map(|n| vec![5, n])),
        Some(2) => {
            let tone = single(1).zip(single(2)).zip(single(3)).map(|((r, g), b)| vec![2, r, g, b]);
            (more.len().min(4), tone)
        }
        _ => (0, None),
    }
}

/// `38:5:n`, `38:2:r:g:b` and `38:2:colourspace:r:g:b`.
fn joined_tone(tone: &[u16]) -> Option<Vec<u16>> {
    match tone {
        [5, n, ..] => Some(vec![5, *n]),
        [2, r, g, b] | [2, _, r, g, b, ..] => Some(vec![2, *r, *g, *b]),
        _ => None,
    }
}

fn keep_tone(kept: &mut Vec<u16>, code: u16, tone: Option<Vec<u16>>) {
    if let Some(tone) = tone.filter(|tone| tone.iter().all(|&n| n <= 255)) {
        kept.push(code);
        kept.extend(tone);
    }
}
