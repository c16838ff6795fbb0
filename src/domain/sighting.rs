//! When something was seen: first, last, and in which cycles.

use serde::{Deserialize, Serialize};

use super::Moment;

/// How many cycles are kept; before that, only the first time is known.
const CYCLES_KEPT: usize = 64;

/// When a cause was seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sightings {
    /// When a test first failed for it, as far as is remembered.
    pub first: Moment,
    /// When a test last failed for it.
    pub last: Moment,
    cycles: Vec<u32>,
    dropped: u32,
}

impl Sightings {
    /// The cycles in which it was seen, the newest last.
    #[must_use]
    pub fn cycles(&self) -> &[u32] {
        &self.cycles
    }

    /// How many earlier cycles are no longer listed.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// It was seen.
    pub(super) fn see(&mut self, cycle: u32, at: Moment) {
        self.first = if self.first == Moment::default() { at } else { self.first.min(at) };
        self.last = self.last.max(at);
        let Err(place) = self.cycles.binary_search(&cycle) else { return };
        self.cycles.insert(place, cycle);
        if self.cycles.len() > CYCLES_KEPT {
            self.cycles.remove(0);
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// The cycles in a few words: `2, 4–7, 9`.
    #[must_use]
    pub fn told(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut rest = self.cycles.as_slice();
        while let Some(&first) = rest.first() {
            let row = rest.windows(2).take_while(|pair| pair[0] + 1 == pair[1]).count();
            parts.push(match row {
                0 => first.to_string(),
                1 => format!("{first}, {}", first + 1),
                _ => format!("{first}–{}", rest[row]),
            });
            rest = &rest[row + 1..];
        }
        let more = if self.dropped > 0 { format!("{} earlier, ", self.dropped) } else { String::new() };
        format!("{more}{}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_told_in_ranges_in_whatever_order_they_came() {
        let mut seen = Sightings::default();
        for (cycle, at) in [(5, 50), (4, 40), (2, 20), (6, 60), (9, 90), (9, 91), (10, 95)] {
            seen.see(cycle, Moment(at));
        }
        assert_eq!(seen.told(), "2, 4–6, 9, 10");
        assert_eq!((seen.first, seen.last), (Moment(20), Moment(95)));
        assert_eq!(Sightings::default().told(), "");
    }

    #[test]
    fn only_the_newest_cycles_are_listed() {
        let mut seen = Sightings::default();
        (0..100).for_each(|cycle| seen.see(cycle * 2, Moment(1)));
        assert_eq!((seen.cycles().len(), seen.dropped()), (CYCLES_KEPT, 36));
        assert!(seen.told().starts_with("36 earlier, 72, 74"), "{}", seen.told());
    }
}
