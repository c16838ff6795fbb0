//! What a test tool says of two values that should have been equal, read line by line: pytest's `E` lines with their
//! `?` hints, unified differences as vitest, jest, go-cmp and testify print them, and the two sides of Rust's
//! `assert_eq!`. Text in, kinds out; the signs stay, so that nothing is said by colour alone.

use std::borrow::Cow;
use std::ops::Range;

/// Lines of more words than this are compared by their beginning and end only.
const WORDS: usize = 600;
/// Two lines that share less than this part of their text have nothing to point at.
const ALIKE: f64 = 0.3;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Anything else.
    #[default]
    Plain,
    /// What was expected, or the left side.
    Removed,
    /// What came instead, or the right side.
    Added,
    /// Where two lines differ, or where a value came from.
    Hint,
}

/// A line, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told<'t> {
    /// The line without its colours.
    pub text: Cow<'t, str>,
    /// What it is.
    pub kind: Kind,
    /// Where its value begins, behind the sign or the word for the side.
    pub value: usize,
    /// The line that it differs from.
    pub beside: Option<usize>,
}

/// Reads lines. Where the text is not known to be a tool's comparison, signs count only beside their opposites, so
/// that a list of dashes stays a list.
#[must_use]
pub fn read<'t>(lines: impl IntoIterator<Item = Cow<'t, str>>, trusted: bool) -> Vec<Told<'t>> {
    let mut mode = Mode::default();
    let mut told: Vec<Told> = lines
        .into_iter()
        .map(|text| {
            let (kind, value) = mode.read(&text);
            Told { text, kind, value, beside: None }
        })
        .collect();
    let has = |kind| told.iter().any(|line| line.kind == kind);
    let is_comparison = trusted || (has(Kind::Removed) && has(Kind::Added));
    if !is_comparison {
        told.iter_mut().for_each(|line| line.kind = Kind::Plain);
        return told;
    }
    pair_blocks(&mut told);
    told
}

/// The parts of a line that the line beside it does not have; nothing where they have little in common.
#[must_use]
pub fn changed(lines: &[Told], place: usize) -> Vec<Range<usize>> {
    let Some(line) = lines.get(place) else { return Vec::new() };
    let Some(other) = line.beside.and_then(|beside| lines.get(beside)) else { return Vec::new() };
    let (one, other) = (&line.text[line.value..], &other.text[other.value..]);
    let ranges = differing(one, other).into_iter();
    ranges.map(|range| range.start + line.value..range.end + line.value).collect()
}

/// What the lines before one have said of how to read it.
#[derive(Debug, Clone, Copy, Default)]
struct Mode {
    /// Inside a unified difference, where a sign needs no space behind it.
    hunk: bool,
    /// Inside a difference whose signs are `<` and `>`.
    angles: bool,
}

/// Words for the two sides, the expected or left one first.
const SIDES: [(&str, Kind); 10] = [
    ("left:", Kind::Removed),
    ("right:", Kind::Added),
    ("Expected:", Kind::Removed),
    ("Received:", Kind::Added),
    ("expected:", Kind::Removed),
    ("actual  :", Kind::Added),
    ("actual:", Kind::Added),
    ("want:", Kind::Removed),
    ("got:", Kind::Added),
    ("found:", Kind::Added),
];

impl Mode {
    /// What a line is, and where its value begins.
    fn read(&mut self, line: &str) -> (Kind, usize) {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if text.starts_with("@@ ") {
            self.hunk = true;
            return (Kind::Hint, indent);
        }
        if text.is_empty() {
            self.hunk = false;
            return (Kind::Plain, indent);
        }
        self.angles |= text.contains("< left / right >");
        if let Some((word, kind)) = SIDES.iter().find(|(word, _)| text.starts_with(word)) {
            let rest = &text[word.len()..];
            return (*kind, line.len() - rest.trim_start().len());
        }
        let Some(sign) = text.chars().next() else { return (Kind::Plain, indent) };
        let rest = &text[sign.len_utf8()..];
        let kind = match sign {
            '-' => Kind::Removed,
            '+' => Kind::Added,
            '<' if self.angles => Kind::Removed,
            '>' if self.angles => Kind::Added,
            '?' if is_hint(rest) => return (Kind::Hint, indent),
            _ => return (Kind::Plain, indent),
        };
        let spaced = rest.is_empty() || rest.starts_with(char::is_whitespace);
        let counts = match rest.trim_start() {
            // pytest tells with a plus where a value came from.
            came if rest.starts_with("  ") && (came.starts_with("where ") || came.starts_with("and ")) => {
                return (Kind::Hint, indent);
            }
            // `--- Expected` and `+++ Actual`, but no rule of dashes and no `--- FAIL: TestSums`.
            _ if rest.starts_with("-- ") => !["FAIL:", "PASS:", "SKIP:"].iter().any(|word| rest[3..].starts_with(word)),
            _ if rest.starts_with("++ ") => true,
            _ => spaced || self.hunk || self.angles && matches!(sign, '<' | '>'),
        };
        if counts { (kind, indent + sign.len_utf8()) } else { (Kind::Plain, indent) }
    }
}

/// The marks under a line that show where it differs.
fn is_hint(rest: &str) -> bool {
    rest.starts_with(char::is_whitespace) && rest.chars().all(|c| c.is_whitespace() || "^+-~".contains(c))
}

/// Puts lines beside each other: in blocks of as many removed as added ones all of them in order, else those that
/// follow directly.
fn pair_blocks(told: &mut [Told]) {
    let mut start = 0;
    while start < told.len() {
        let end = told[start..].iter().position(|line| line.kind == Kind::Plain).map_or(told.len(), |n| start + n);
        let of = |kind| (start..end).filter(|n| told[*n].kind == kind).collect::<Vec<usize>>();
        let (removed, added) = (of(Kind::Removed), of(Kind::Added));
        let pairs: Vec<(usize, usize)> = if removed.len() == added.len() {
            removed.into_iter().zip(added).collect()
        } else {
            let follower = |n: &usize| (n + 1..end).find(|next| told[*next].kind != Kind::Hint);
            let opposite = |n: usize| follower(&n).filter(|next| told[*next].kind == Kind::Added).map(|next| (n, next));
            removed.into_iter().filter_map(opposite).collect()
        };
        for (one, other) in pairs {
            told[one].beside = Some(other);
            told[other].beside = Some(one);
        }
        start = end + 1;
    }
}

/// The ranges of `one` that `other` does not have.
fn differing(one: &str, other: &str) -> Vec<Range<usize>> {
    let (ours, theirs) = (words(one), words(other));
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let (mut at, mut same) = (0, 0);
    let mut add = |from: usize, to: usize| match ranges.last_mut() {
        _ if from == to => {}
        Some(last) if last.end == from => last.end = to,
        _ => ranges.push(from..to),
    };
    if ours.len() > WORDS || theirs.len() > WORDS {
        let equal = |(a, b): &(&&str, &&str)| a == b;
        let before = ours.iter().zip(&theirs).take_while(equal).count();
        let rest = ours.len().min(theirs.len()) - before;
        let after = ours.iter().rev().zip(theirs.iter().rev()).take(rest).take_while(equal).count();
        let length = |words: &[&str]| words.iter().map(|word| word.len()).sum::<usize>();
        let (from, to) = (length(&ours[..before]), one.len() - length(&ours[ours.len() - after..]));
        same = from + one.len() - to;
        add(from, to);
    } else {
        for operation in similar::capture_diff_slices(similar::Algorithm::Myers, &ours, &theirs) {
            let length = ours[operation.old_range()].iter().map(|word| word.len()).sum::<usize>();
            match operation.tag() {
                similar::DiffTag::Equal => same += length,
                similar::DiffTag::Delete | similar::DiffTag::Insert | similar::DiffTag::Replace => add(at, at + length),
            }
            at += length;
        }
    }
    let alike = same as f64 >= ALIKE * one.len().max(other.len()).max(1) as f64;
    if alike { ranges } else { Vec::new() }
}

/// Words, runs of spaces, and everything else character by character.
fn words(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        c if c.is_ascii_alphanumeric() || c == '_' => 0,
        c if c.is_whitespace() => 1,
        _ => 2,
    };
    let mut words = Vec::new();
    let (mut start, mut last) = (0, None);
    for (at, character) in text.char_indices() {
        let now = kind(character);
        if at > start && (last != Some(now) || now == 2) {
            words.push(&text[start..at]);
            start = at;
        }
        last = Some(now);
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line with a letter for what it is, and what of it differs in brackets.
    fn told(text: &str, trusted: bool) -> String {
        let lines = read(text.lines().map(Cow::Borrowed), trusted);
        let line = |(n, line): (usize, &Told)| {
            let letter = match line.kind {
                Kind::Plain => ' ',
                Kind::Removed => 'r',
                Kind::Added => 'a',
                Kind::Hint => 'h',
            };
            let mut text = line.text.to_string();
            for range in changed(&lines, n).into_iter().rev() {
                text.insert(range.end, ']');
                text.insert(range.start, '[');
            }
            format!("{letter}|{text}")
        };
        lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn pytest_compares_with_hints_and_says_where_a_value_came_from() {
        let text = "AssertionError: assert 'a' == 'b'\n  \n  - the quick red fox\n  ?           ^^^\n  + the quick brown fox\n  ?           ^^^^^\n    jumps";
        assert_eq!(
            told(text, true),
            " |AssertionError: assert 'a' == 'b'\n |  \nr|  - the quick [red] fox\nh|  ?           ^^^\na|  + the quick [brown] fox\nh|  ?           ^^^^^\n |    jumps"
        );
        assert_eq!(
            told("assert 3 == 5\n +  where 3 = len([1, 2, 3])", true),
            " |assert 3 == 5\nh| +  where 3 = len([1, 2, 3])"
        );
        assert_eq!(told("assert -5 == 3", true), " |assert -5 == 3");
    }

    #[test]
    fn vitest_and_jest_print_unified_differences() {
        let text = "AssertionError: expected { a: 1, b: 2 } to deeply equal { a: 1, b: 3 }\n\n- Expected\n+ Received\n\n  {\n    \"a\": 1,\n-   \"b\": 3,\n+   \"b\": 2,\n  }";
        let read = told(text, false);
        assert!(read.contains("r|-   \"b\": [3],\na|+   \"b\": [2],"), "{read}");
        let jest = "expect(received).toBe(expected)\n\nExpected: 5\nReceived: 3";
        assert!(told(jest, false).ends_with("r|Expected: 5\na|Received: 3"), "{}", told(jest, false));
    }

    #[test]
    fn rust_names_the_sides() {
        let text = "assertion `left == right` failed: differ\n  left: Cart { items: 3, total: 42 }\n right: Cart { items: 3, total: 40 }";
        let read = told(text, false);
        assert!(
            read.ends_with("r|  left: Cart { items: 3, total: [42] }\na| right: Cart { items: 3, total: [40] }"),
            "{read}"
        );
    }

    #[test]
    fn go_cmp_and_testify() {
        let text = "mismatch (-want +got):\n\u{a0}\u{a0}cmp.Foo{\n-\u{a0}\tA: 1,\n+\u{a0}\tA: 2,\n\u{a0}\u{a0}}";
        let read = told(text, false);
        assert!(read.contains("r|-\u{a0}\tA: [1],\na|+\u{a0}\tA: [2],"), "{read}");
        let testify = "\tError:\tNot equal: \n\t\texpected: 1\n\t\tactual  : 2\n\t\t--- Expected\n\t\t+++ Actual\n\t\t@@ -1 +1 @@\n\t\t-1\n\t\t+2";
        let read = told(testify, false);
        assert!(read.contains("h|\t\t@@ -1 +1 @@\nr|\t\t-1\na|\t\t+2"), "{read}");
        assert_eq!(
            told("--- FAIL: TestSums (0.00s)\n+ x\n-----", false),
            " |--- FAIL: TestSums (0.00s)\n |+ x\n |-----"
        );
    }

    #[test]
    fn a_list_of_dashes_stays_a_list() {
        assert_eq!(told("these are missing:\n- one\n- two", false), " |these are missing:\n |- one\n |- two");
    }

    #[test]
    fn pretty_assertions_use_angles() {
        let read = told("Diff < left / right > :\n<\"total 42\"\n>\"total 40\"\n", false);
        assert!(read.ends_with("r|<\"total [42]\"\na|>\"total [40]\""), "{read}");
    }

    #[test]
    fn lines_that_share_little_point_at_nothing_and_long_ones_at_their_middle() {
        assert_eq!(told("- alpha\n+ 12345", false), "r|- alpha\na|+ 12345");
        let long = |middle: &str| format!("{} {middle} {}", "a b ".repeat(400), "c d ".repeat(400));
        let text = format!("- {}\n+ {}", long("one"), long("two"));
        let read = told(&text, false);
        assert!(read.contains(" [one] ") && read.contains(" [two] "), "{}", &read[..40]);
        assert_eq!(words("日本a b"), ["日", "本", "a", " ", "b"]);
    }
}
