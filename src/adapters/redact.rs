//! Secrets are masked before output becomes an event, so that journal, screen, report and viewers never see them.
//!
//! Values that we know are found in every form a program commonly prints them in: as they are, percent-encoded, escaped
//! for JSON, XML or a shell, in hex and in base64 (wherever in a longer text they were encoded), each line of a value that
//! has several, and a token's signature alone. Secrets that we do not know are found by shape.
//!
//! This prevents accidents. A program that means to print a secret can always print it transformed, and a value that is
//! interrupted by a colour or a line break is not recognised.
//!
//! All values are looked for in one pass by `aho-corasick`: a dozen secrets are some hundred forms, and a search for each
//! of them in each line of output would cost more than everything else that happens to the line.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

mod forms;
mod shapes;

pub use shapes::Shape;

/// What stands where a secret was.
pub const MASK: &str = "***";
/// Shorter values are not masked: the log would turn into stars.
pub const SHORTEST: usize = 6;

/// A value that must not be shown.
#[derive(Clone, Copy)]
pub struct Secret<'a> {
    /// What it is called, for a warning: the variable or the file it came from.
    pub name: &'a str,
    /// The value itself.
    pub value: &'a str,
}

/// Finds and masks secrets in text.
pub struct Redactor {
    /// All forms of all known values; `None` where there are none.
    known: Option<Known>,
    shapes: shapes::Shapes,
    warnings: Vec<String>,
}

/// The same needles twice: finding whether there is one is several times faster than finding all that overlap.
struct Known {
    quick: AhoCorasick,
    /// Overlaps are wanted: a value may begin inside another one's form, and both must go.
    thorough: AhoCorasick,
}

impl Known {
    fn new(needles: &[String]) -> Option<Self> {
        let build = |kind| AhoCorasick::builder().match_kind(kind).build(needles).ok();
        let (quick, thorough) = (build(MatchKind::LeftmostFirst)?, build(MatchKind::Standard)?);
        (!needles.is_empty()).then_some(Self { quick, thorough })
    }
}

/// Never shows what it looks for.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("warnings", &self.warnings).finish_non_exhaustive()
    }
}

/// What a stream of lines has to remember between two of them: whether it is inside a private key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyBlock {
    open: bool,
}

impl Redactor {
    /// Knows these values, and all shapes except those switched `off`.
    pub fn new(secrets: &[Secret<'_>], off: &[Shape]) -> Self {
        let (mut needles, mut warnings) = (Vec::new(), Vec::new());
        for secret in secrets {
            let value = secret.value.trim();
            if value.len() < SHORTEST {
                warnings.push(format!(
                    "the value of {} is shorter than {SHORTEST} characters and will not be masked in output",
                    secret.name
                ));
            } else {
                needles.extend(forms::of(value));
            }
        }
        needles.sort_unstable();
        needles.dedup();
        let known = Known::new(&needles);
        if known.is_none() && !needles.is_empty() {
            warnings.push("the secrets are too many or too long to be looked for; only shapes are masked".to_owned());
        }
        Self { known, shapes: shapes::Shapes::without(off), warnings }
    }

    /// What the user should know about their secrets; names them, never shows them.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The text without secrets; borrowed where there were none, which is the usual and the cheap case.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.mask_line(text, &mut KeyBlock::default())
    }

    /// As [`Redactor::mask`], for the lines of a stream, in which a private key takes many of them.
    pub fn mask_line<'a>(&self, line: &'a str, block: &mut KeyBlock) -> Cow<'a, str> {
        let mut found: Vec<Range<usize>> = Vec::new();
        if let Some(known) = self.known.as_ref().filter(|known| known.quick.is_match(line)) {
            found.extend(known.thorough.find_overlapping_iter(line).map(|at| at.range()));
        }
        self.shapes.find(line, &mut block.open, &mut found);
        match found.is_empty() {
            true => Cow::Borrowed(line),
            false => Cow::Owned(without(line, found)),
        }
    }
}

/// The text with every stretch replaced by one mask; stretches that touch are one.
fn without(text: &str, mut found: Vec<Range<usize>>) -> String {
    found.sort_unstable_by_key(|range| range.start);
    let mut out = String::with_capacity(text.len());
    let mut kept = 0;
    let mut ranges = found.into_iter().peekable();
    while let Some(mut range) = ranges.next() {
        while let Some(next) = ranges.next_if(|next| next.start <= range.end) {
            range.end = range.end.max(next.end);
        }
        out.push_str(&text[kept..range.start]);
        out.push_str(MASK);
        kept = range.end;
    }
    out.push_str(&text[kept..]);
    out
}

#[cfg(test)]
mod tests;
