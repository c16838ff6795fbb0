//! The frames of the row under the cursor as they came: JSON on lines of its own, folded and searched.

use std::collections::BTreeSet;

use serde_json::Value;

use super::SpanRow;
use crate::domain::Agents;
use crate::ui::text;
use crate::ui::view::Filter;

/// What of the frames a person looks at.
#[derive(Debug, Clone, Default)]
pub struct FrameView {
    /// Whether keys move in them.
    pub reading: bool,
    /// Words that are searched for.
    pub words: Filter,
    /// The line under the cursor.
    pub cursor: usize,
    folded: BTreeSet<usize>,
    of: Option<u64>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameLine {
    /// Its number, folded lines counted.
    pub number: usize,
    /// How far in it begins.
    pub indent: usize,
    /// What it says.
    pub text: String,
    /// Whether it is the head of a frame.
    pub is_head: bool,
    /// Whether lines below it can be folded into it, and how many are.
    pub fold: Option<usize>,
}

impl FrameView {
    /// Another row has other frames.
    pub(super) fn settle(&mut self, row: Option<&SpanRow>, agents: &Agents) {
        let of = row.and_then(|row| row.events(agents).0);
        if self.of != of {
            *self = Self { of, words: std::mem::take(&mut self.words), ..Self::default() };
        }
    }

    /// Folds what the line under the cursor opens, or unfolds it.
    pub(super) fn toggle(&mut self, lines: &[FrameLine]) {
        if let Some(line) = lines.get(self.cursor).filter(|line| line.fold.is_some())
            && !self.folded.remove(&line.number)
        {
            self.folded.insert(line.number);
        }
    }

    /// Folds everything inside of frames, or nothing any more.
    pub(super) fn toggle_all(&mut self, lines: &[FrameLine]) {
        let inner = |line: &&FrameLine| line.fold.is_some() && line.indent > 0;
        let open: Vec<usize> =
            lines.iter().filter(inner).map(|line| line.number).filter(|number| !self.folded.contains(number)).collect();
        if open.is_empty() {
            self.folded.clear();
        } else {
            self.folded.extend(open);
        }
        self.cursor = 0;
    }

    /// Whether a line holds the words that are searched for.
    #[must_use]
    pub fn is_match(&self, line: &FrameLine) -> bool {
        !self.words.is_empty() && text::Words::new(self.words.input.value()).match_any(&line.text)
    }

    /// To the next match, round at the end; answers whether there is one. Folded lines open for it.
    pub(super) fn find(&mut self, agents: &Agents, row: &SpanRow, width: u16, forward: bool) -> bool {
        let number = lines(agents, row, self, width).get(self.cursor).map_or(0, |line| line.number);
        self.folded.clear();
        let all = lines(agents, row, self, width);
        let from = all.iter().position(|line| line.number >= number).unwrap_or(0);
        let matching = |place: &usize| self.is_match(&all[*place]);
        let places = |range: std::ops::Range<usize>| range;
        let found = if forward {
            places(from + 1..all.len()).chain(0..(from + 1).min(all.len())).find(matching)
        } else {
            (0..from).rev().chain((from..all.len()).rev()).find(matching)
        };
        if let Some(place) = found {
            self.cursor = place;
        }
        found.is_some()
    }
}

/// The frames of a row, broken to `width`.
#[must_use]
pub fn lines(agents: &Agents, row: &SpanRow, view: &FrameView, width: u16) -> Vec<FrameLine> {
    let (first, last) = row.events(agents);
    let (mut lines, mut number) = (Vec::new(), 0);
    for event in first.into_iter().chain(last) {
        let head = agents.events().nth(event).map_or("…", |seen| agents.name(seen)).to_owned();
        lines.push(FrameLine { number, indent: 0, text: head, is_head: true, fold: None });
        number += 1;
        match agents.raw(event) {
            Some(raw) => one(raw, &mut number, &view.folded, width, &mut lines),
            None => {
                lines.push(FrameLine {
                    number,
                    indent: 0,
                    text: "no longer kept".to_owned(),
                    is_head: false,
                    fold: None,
                });
                number += 1;
            }
        }
    }
    lines
}

/// One frame. What is no JSON, or was cut, stands as it came.
fn one(raw: &str, number: &mut usize, folded: &BTreeSet<usize>, width: u16, lines: &mut Vec<FrameLine>) {
    let pretty = serde_json::from_str::<Value>(raw).ok().and_then(|value| serde_json::to_string_pretty(&value).ok());
    let text = pretty.as_deref().unwrap_or(raw);
    let first = *number;
    let rows: Vec<&str> = text.lines().collect();
    *number += rows.len();
    let mut place = 0;
    while let Some(row) = rows.get(place) {
        let said = row.trim_start();
        let indent = row.len() - said.len();
        let opens = pretty.is_some() && (said.ends_with('{') || said.ends_with('['));
        let ends = |row: &&str| row.len() - row.trim_start().len() == indent;
        let close = opens.then(|| rows[place + 1..].iter().position(ends).map(|n| place + 1 + n)).flatten();
        let is_folded = close.filter(|_| folded.contains(&(first + place)));
        let (said, hidden) = match is_folded {
            Some(close) => (format!("{said} … {}", rows[close].trim_start()), close - place),
            None => (said.to_owned(), 0),
        };
        let room = usize::from(width).saturating_sub(indent + 2).max(8);
        for (n, piece) in text::wrap(&said, room).enumerate() {
            lines.push(FrameLine {
                number: first + place,
                indent: indent + if n > 0 { 2 } else { 0 },
                text: piece.to_owned(),
                is_head: false,
                fold: close.filter(|_| n == 0).map(|_| hidden),
            });
        }
        place = is_folded.unwrap_or(place) + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(raw: &str, folded: &[usize]) -> String {
        let (mut number, mut lines) = (0, Vec::new());
        one(raw, &mut number, &folded.iter().copied().collect(), 40, &mut lines);
        lines.iter().map(|line| format!("{}{}", " ".repeat(line.indent), line.text)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn json_stands_on_lines_and_folds() {
        let raw = r#"{"a":{"b":[1,2]},"c":"d"}"#;
        assert_eq!(shown(raw, &[1]), "{\n  \"a\": { … },\n  \"c\": \"d\"\n}");
        assert_eq!(shown(raw, &[0]), "{ … }");
        assert_eq!(shown(raw, &[]).lines().count(), 9);
    }

    #[test]
    fn what_is_no_json_stands_as_it_came() {
        assert_eq!(shown(r#"{"a": {"#, &[0]), r#"{"a": {"#);
        assert_eq!(shown("plain", &[]), "plain");
    }
}
