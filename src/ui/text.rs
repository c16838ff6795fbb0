//! Text as the screen wants it: measured and cut by display width, numbers and times in their few short forms.
//! Nothing here allocates.

use std::fmt::{self, Write as _};
use std::ops::Deref;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::domain::{Moment, Span};

/// How many columns a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// The longest beginning of `text` that takes at most `columns`, and how many it takes.
#[must_use]
pub fn fit(text: &str, columns: usize) -> (&str, usize) {
    if text.is_ascii() {
        let end = text.len().min(columns);
        return (&text[..end], end);
    }
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        let wide = grapheme.width();
        if used + wide > columns {
            return (&text[..at], used);
        }
        used += wide;
    }
    (text, used)
}

/// The first line of a text.
#[must_use]
pub fn first_line(text: &str) -> &str {
    text.trim_start().lines().next().unwrap_or("")
}

/// The pieces of `text` that fit into `columns`, broken between words where there are any.
pub fn wrap(text: &str, columns: usize) -> impl Iterator<Item = &str> {
    let columns = columns.max(1);
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let line = rest.take()?;
        let (mut piece, _) = fit(line, columns);
        if piece.len() == line.len() {
            return Some(line);
        }
        if piece.is_empty() {
            // A single grapheme that is wider than the column.
            piece = line.graphemes(true).next()?;
        } else if !line[piece.len()..].starts_with(' ')
            && let Some(space) = piece.rfind(' ').filter(|&at| at > 0)
        {
            piece = &piece[..space];
        }
        let remains = line[piece.len()..].trim_start_matches(' ');
        rest = (!remains.is_empty()).then_some(remains);
        Some(piece)
    })
}

/// A short text on the stack. What does not fit is left out.
#[derive(Clone, Copy)]
pub struct Short {
    bytes: [u8; Self::ROOM],
    len: usize,
}

impl Short {
    const ROOM: usize = 192;

    /// A formatted text.
    #[must_use]
    pub fn new(arguments: fmt::Arguments) -> Self {
        let mut short = Self { bytes: [0; Self::ROOM], len: 0 };
        // Writing to it never fails: what does not fit is left out.
        let _ = short.write_fmt(arguments);
        short
    }
}

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut end = text.len().min(Self::ROOM - self.len);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.bytes[self.len..self.len + end].copy_from_slice(&text.as_bytes()[..end]);
        self.len += end;
        Ok(())
    }
}

impl Deref for Short {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).expect("only whole characters were written")
    }
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// How long something took: `41ms`, `4.1s`, `1:12`, `2:03:07`.
#[must_use]
pub fn took(span: Span) -> Short {
    match span.as_millis() {
        millis @ 0..100 => Short::new(format_args!("{millis}ms")),
        millis @ 100..59_950 => {
            let tenths = (millis + 50) / 100;
            Short::new(format_args!("{}.{}s", tenths / 10, tenths % 10))
        }
        _ => watch(span),
    }
}

/// How long something has been going on: `0:07`, `1:12`, `2:03:07`.
#[must_use]
pub fn watch(span: Span) -> Short {
    let seconds = span.0 / 1_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => Short::new(format_args!("{minutes}:{seconds:02}")),
        _ => Short::new(format_args!("{hours}:{minutes:02}:{seconds:02}")),
    }
}

/// A latency in milliseconds, in tenths of one where it is less, or in seconds where there are many.
#[must_use]
pub fn latency(span: Span) -> Short {
    match span.as_millis() {
        0 => Short::new(format_args!("0.{}ms", span.0 / 100)),
        millis @ 1..10_000 => Short::new(format_args!("{millis}ms")),
        _ => took(span),
    }
}

/// A count that is not to be compared digit by digit: `412`, `3.1k`, `2.4M`.
#[must_use]
pub fn count(count: u64) -> Short {
    match count {
        0..1_000 => Short::new(format_args!("{count}")),
        1_000..10_000 => Short::new(format_args!("{}.{}k", count / 1_000, count / 100 % 10)),
        10_000..1_000_000 => Short::new(format_args!("{}k", count / 1_000)),
        _ => Short::new(format_args!("{}.{}M", count / 1_000_000, count / 100_000 % 10)),
    }
}

/// The time of day, `offset` seconds ahead of UTC: `12:01:07`.
#[must_use]
pub fn time_of_day(moment: Moment, offset: i32) -> Short {
    let seconds = (moment.0 / 1_000_000).saturating_add_signed(i64::from(offset)) % 86_400;
    Short::new(format_args!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60))
}

/// The time of day with milliseconds: `12:01:07.120`.
#[must_use]
pub fn precise_time(moment: Moment, offset: i32) -> Short {
    Short::new(format_args!("{}.{:03}", time_of_day(moment, offset), moment.0 / 1_000 % 1_000))
}

/// The words of a filter, all of which must occur, in any order and case.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    /// The words in what was typed.
    #[must_use]
    pub fn new(typed: &'a str) -> Self {
        Self(typed)
    }

    /// Whether all of them occur.
    #[must_use]
    pub fn match_all(self, text: &str) -> bool {
        self.0.split_whitespace().all(|word| find_ignoring_case(text, word).is_some())
    }

    /// Whether any of them occurs.
    #[must_use]
    pub fn match_any(self, text: &str) -> bool {
        self.0.split_whitespace().any(|word| find_ignoring_case(text, word).is_some())
    }
}

/// Where `word` first occurs, upper and lower case of ASCII being the same.
#[must_use]
pub fn find_ignoring_case(text: &str, word: &str) -> Option<usize> {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    if word.is_empty() || word.len() > text.len() {
        return None;
    }
    text.windows(word.len()).position(|window| window.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns_and_never_inside_a_grapheme() {
        assert_eq!(fit("priority", 4), ("prio", 4));
        assert_eq!(fit("日本語", 5), ("日本", 4));
        assert_eq!(fit("e\u{301}a", 1), ("e\u{301}", 1));
        assert_eq!(fit("", 0), ("", 0));
    }

    #[test]
    fn lines_break_between_words_and_lose_nothing() {
        let pieces = |text, columns| wrap(text, columns).collect::<Vec<_>>().join("|");
        assert_eq!(pieces("agent execution timed out", 10), "agent|execution|timed out");
        assert_eq!(pieces("abcdefgh", 3), "abc|def|gh");
        assert_eq!(pieces("日本", 1), "日|本");
        assert_eq!(pieces("", 3), "");
    }

    #[test]
    fn durations_have_few_short_forms() {
        let shown = |millis| took(Span::millis(millis)).to_string();
        assert_eq!([shown(41), shown(4_100), shown(59_960), shown(72_000)], ["41ms", "4.1s", "0:59", "1:12"]);
        assert_eq!(watch(Span::seconds(7387)).to_string(), "2:03:07");
    }

    #[test]
    fn counts_are_short() {
        assert_eq!([999, 3_140, 31_400, 2_400_000].map(|n| count(n).to_string()), ["999", "3.1k", "31k", "2.4M"]);
    }

    #[test]
    fn a_short_text_keeps_whole_characters() {
        let long = "é".repeat(200);
        assert_eq!(Short::new(format_args!("{long}")).chars().count(), Short::ROOM / 2);
    }

    #[test]
    fn the_day_begins_where_the_clock_is() {
        assert_eq!(time_of_day(Moment(0), 3600).to_string(), "01:00:00");
        assert_eq!(time_of_day(Moment(86_400_000_000), -3600).to_string(), "23:00:00");
    }

    #[test]
    fn all_words_must_occur_in_any_order() {
        assert!(Words::new("login TEST").match_all("test_login") && !Words::new("login x").match_all("test_login"));
    }
}
