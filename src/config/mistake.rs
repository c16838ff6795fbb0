//! One mistake in a file: where, what, and what to do about it, drawn with the line and a caret.

use std::fmt::{self, Write as _};
use std::ops::Range;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::places::{Layer, Source};

/// How much of a long line an excerpt shows.
const EXCERPT: usize = 100;

/// One mistake, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Which layer it is in: a mistake in the user's own file is only a notice.
    pub layer: Layer,
    /// The file, as it is named to people.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    excerpt: Excerpt,
}

/// The line of a mistake, and what to underline in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Excerpt {
    text: String,
    indent: usize,
    width: usize,
}

impl Mistake {
    /// A mistake at a byte range of a text.
    pub fn new(source: &Source, range: Range<usize>, message: impl Into<String>) -> Self {
        Self::build(source, range, message, false)
    }

    /// As `new`, with everything from the range to the end of its line left out: it is a secret.
    pub(super) fn masked(source: &Source, range: Range<usize>, message: impl Into<String>) -> Self {
        Self::build(source, range, message, true)
    }

    fn build(source: &Source, range: Range<usize>, message: impl Into<String>, masked: bool) -> Self {
        let text = source.text.as_str();
        let start = floor(text, range.start.min(text.len()));
        let end = floor(text, range.end.min(text.len())).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[line_start..line_end].trim_end_matches('\r');
        let before = &text[line_start..start];
        let marked = &text[start..end.min(line_start + line.len()).max(start)];
        Self {
            layer: source.layer,
            file: source.name.clone(),
            line: text[..start].matches('\n').count() + 1,
            column: before.chars().count() + 1,
            message: visible(&message.into()),
            hint: None,
            excerpt: if masked {
                Excerpt::new(&format!("{before}\"…\""), before, "\"…\"")
            } else {
                Excerpt::new(line, before, marked)
            },
        }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(visible(&hint.into()));
        self
    }

    /// `file:line:column`, as editors and terminals understand it.
    pub fn location(&self) -> String {
        format!("{}:{}:{}", visible(&self.file), self.line, self.column)
    }
}

impl Excerpt {
    fn new(line: &str, before: &str, marked: &str) -> Self {
        let (before, marked) = (visible(before), visible(marked));
        let mut text = visible(line);
        let mut indent = before.width();
        let width = marked.width().max(1);
        if indent > EXCERPT / 2 {
            // A mistake far to the right: begin the excerpt a little before it.
            let cut = indent - EXCERPT / 3;
            let mut skipped = 0;
            let rest: String = text
                .chars()
                .skip_while(|c| {
                    let skip = skipped < cut;
                    skipped += if skip { c.width().unwrap_or(0) } else { 0 };
                    skip
                })
                .collect();
            text = format!("…{rest}");
            indent = indent - skipped + 1;
        }
        let shown: String = text.chars().take(EXCERPT).collect();
        if shown.len() < text.len() {
            text = format!("{shown}…");
        }
        let width = width.min(text.width().saturating_sub(indent).max(1));
        Self { text, indent, width }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        writeln!(f, "{}: {}", self.location(), self.message)?;
        writeln!(f, "  {number} │ {}", self.excerpt.text)?;
        write!(f, "  {gutter} │ {}{}", " ".repeat(self.excerpt.indent), "^".repeat(self.excerpt.width))?;
        if let Some(hint) = &self.hint {
            write!(f, " {hint}")?;
        }
        Ok(())
    }
}

/// All mistakes that one load found, in the order of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.0 {
            writeln!(f, "{mistake}\n")?;
        }
        f.write_str(&count(self.0.len()))
    }
}

impl std::error::Error for Mistakes {}

/// `1 mistake`, `3 mistakes`.
pub(crate) fn count(mistakes: usize) -> String {
    match mistakes {
        1 => "1 mistake".to_owned(),
        more => format!("{more} mistakes"),
    }
}

/// A text that can only be read: tabs become a space, and what would steer the terminal or cannot be seen is spelled out.
///
/// A file from a fresh clone is as foreign as any test's output.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push(' '),
            c if c.is_control() || is_invisible(c) => {
                // Writing into a string cannot fail.
                let _ = write!(shown, "<U+{:04X}>", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// Direction marks, zero-width characters, line separators and tags: they change what a reader believes to see.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E0FFF}')
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new(Layer::Project, "liveloop.toml", text)
    }

    #[test]
    fn the_caret_stands_under_the_word() {
        let source = source("[service.backend]\nurl = \"x\"\nhelth = 1\n");
        let mistake = Mistake::new(&source, 28..33, "unknown setting `helth`").with_hint("did you mean `health`?");
        assert_eq!(
            mistake.to_string(),
            "liveloop.toml:3:1: unknown setting `helth`\n  3 │ helth = 1\n    │ ^^^^^ did you mean `health`?"
        );
    }

    #[test]
    fn wide_characters_and_tabs_keep_the_caret_in_place() {
        let source = source("\tname = \"日本\" + 1");
        let at = source.text.find('+').expect("a plus");
        let shown = Mistake::new(&source, at..at + 1, "no").to_string();
        assert!(shown.ends_with("  1 │  name = \"日本\" + 1\n    │                ^"), "{shown}");
    }

    #[test]
    fn what_steers_a_terminal_is_spelled_out() {
        let source = source("a = \u{1b}[31m\u{202e}");
        let shown = Mistake::new(&source, 4..5, "bad \u{1b} byte").to_string();
        assert!(shown.contains("bad <U+001B> byte") && shown.contains("<U+001B>[31m<U+202E>"), "{shown}");
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'));
    }

    #[test]
    fn a_long_line_is_cut_around_the_mistake() {
        let source = source(&format!("a = \"{}\", bad, \"{}\"", "x".repeat(5_000), "y".repeat(5_000)));
        let at = source.text.find("bad").expect("bad");
        let shown = Mistake::new(&source, at..at + 3, "no").to_string();
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].width() < 120, "{shown}");
        let caret = lines[2].find('^').expect("a caret");
        let under: String = lines[1].chars().skip(lines[2][..caret].chars().count()).take(3).collect();
        assert_eq!(under, "bad", "{shown}");
    }

    #[test]
    fn any_range_is_survived() {
        let source = source("é = 1");
        for start in 0..10 {
            for end in 0..10 {
                let _ = Mistake::new(&source, start..end, "x").to_string();
                let _ = Mistake::masked(&source, start..end, "x").to_string();
            }
        }
    }
}
