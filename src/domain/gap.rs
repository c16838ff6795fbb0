//! The times in which nobody listened to a stream, and what is known to have been missed in them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{AgentEvent, Moment, Ring, Span};

/// How many gaps are kept of each stream.
const GAPS_KEPT: usize = 50;
/// How many runs have their numbers followed at once.
const COUNTS_KEPT: usize = 1_000;

/// A time in which nobody listened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When the connection was lost.
    pub from: Moment,
    /// When the next one was open.
    pub until: Moment,
    /// Whether it was to be expected: a deploy, a rotation, a person.
    pub expected: bool,
    /// How many messages are missing by the sender's own count; unset where it does not count, or did not go on yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<u64>,
}

impl Gap {
    /// How long it was.
    #[must_use]
    pub fn length(&self) -> Span {
        self.until.since(self.from)
    }
}

/// The gaps of one stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gaps {
    list: Ring<Gap>,
    /// The loss that nothing came after yet.
    lost: Option<(Moment, bool)>,
    /// The latest number by the run that it counts in; the empty name counts for all that has none.
    counts: HashMap<String, u64>,
    /// Messages that are missing though the connection held.
    skipped: u64,
    /// Which gap the next number tells the size of.
    is_unsized: bool,
}

impl Default for Gaps {
    fn default() -> Self {
        Self { list: Ring::new(GAPS_KEPT), lost: None, counts: HashMap::new(), skipped: 0, is_unsized: false }
    }
}

impl Gaps {
    /// The gaps, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Gap> {
        self.list.iter()
    }

    /// Messages that are missing though the connection held.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The latest gap between two messages. The second may have been read a moment before its connection was told of.
    #[must_use]
    pub fn between(&self, from: Moment, until: Moment) -> Option<&Gap> {
        self.list.iter().rev().find(|gap| gap.from >= from && gap.from < until)
    }

    pub(super) fn lose(&mut self, at: Moment, expected: bool) {
        self.lost.get_or_insert((at, expected));
    }

    pub(super) fn reopen(&mut self, at: Moment) {
        if let Some((from, expected)) = self.lost.take() {
            self.list.push(Gap { from, until: at, expected, missed: None });
            self.is_unsized = true;
        }
    }

    /// Follows the sender's own count.
    pub(super) fn receive(&mut self, event: &AgentEvent) {
        let Some(number) = event.sequence else { return };
        let run = event.run.as_deref().unwrap_or_default();
        let last = match self.counts.get_mut(run) {
            Some(last) => Some(std::mem::replace(last, number)),
            None => {
                if self.counts.len() >= COUNTS_KEPT {
                    // Which of a thousand runs is forgotten makes no difference to anybody.
                    self.counts.clear();
                }
                self.counts.insert(run.to_owned(), number);
                None
            }
        };
        let Some(last) = last else { return };
        let missing = number.saturating_sub(last.saturating_add(1));
        if std::mem::take(&mut self.is_unsized)
            && let Some(gap) = self.list.last_mut()
        {
            gap.missed = Some(missing);
        } else {
            self.skipped += missing;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AgentKind;

    fn event(run: &str, number: u64) -> AgentEvent {
        let bare = AgentEvent::bare(Moment(0), AgentKind::Progress);
        AgentEvent { run: Some(run.into()), sequence: Some(number), ..bare }
    }

    #[test]
    fn a_gap_has_its_length_and_the_size_that_the_numbers_tell() {
        let mut gaps = Gaps::default();
        (1..=3).for_each(|number| gaps.receive(&event("a", number)));
        gaps.lose(Moment(1_000_000), false);
        gaps.lose(Moment(2_000_000), false);
        gaps.reopen(Moment(7_000_000));
        gaps.receive(&event("a", 10));
        gaps.receive(&event("a", 11));
        let gap = *gaps.iter().next().expect("a gap");
        assert_eq!((gap.length(), gap.missed, gaps.skipped()), (Span::seconds(6), Some(6), 0));
        assert_eq!(gaps.between(Moment(500_000), Moment(8_000_000)), Some(&gap));
        assert_eq!(gaps.between(Moment(500_000), Moment(6_900_000)), Some(&gap));
        assert_eq!(gaps.between(Moment(1_500_000), Moment(8_000_000)), None);
        assert_eq!(gaps.between(Moment(500_000), Moment(900_000)), None);
    }

    #[test]
    fn numbers_that_jump_while_the_connection_holds_are_counted_by_run() {
        let mut gaps = Gaps::default();
        for (run, number) in [("a", 1), ("b", 1), ("a", 2), ("b", 5), ("a", 2), ("a", 1)] {
            gaps.receive(&event(run, number));
        }
        assert_eq!((gaps.skipped(), gaps.iter().count()), (3, 0));
    }

    #[test]
    fn a_first_connection_and_a_thousand_runs_are_no_gap() {
        let mut gaps = Gaps::default();
        gaps.reopen(Moment(1));
        (0..5_000).for_each(|run| gaps.receive(&event(&run.to_string(), run)));
        assert_eq!((gaps.skipped(), gaps.iter().count()), (0, 0));
        assert!(gaps.counts.len() <= COUNTS_KEPT);
    }
}
