//! How a service did over the last minutes, in numbers: how many of its probes failed, and for how much of the time it
//! was up. Kept in slices of time, so that a service that is probed often costs no more than one that is not.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Moment, Span};

/// Over how long the numbers are taken.
pub const UPTIME_WINDOW: Span = Span::seconds(5 * 60);
/// How long a slice is.
const SLICE: Span = Span::seconds(10);
/// How many slices the window and its edges take.
const SLICES: usize = (UPTIME_WINDOW.0 / SLICE.0) as usize + 1;
/// A probe speaks for the time until the next one, but for no longer than this: after it, nobody looked.
const SPEAKS: Span = Span::seconds(60);

/// What was seen in a slice of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Slice {
    began: Moment,
    asked: u32,
    failed: u32,
    up: Span,
    known: Span,
}

/// What the last minutes come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    /// How many probes there were.
    pub asked: u32,
    /// How many of them found it down.
    pub failed: u32,
    /// For how long it was up.
    pub up: Span,
    /// For how long anybody knows.
    pub known: Span,
}

impl Rate {
    /// The share of probes that failed, in thousandths; nothing where there were none.
    #[must_use]
    pub fn errors(&self) -> Option<u32> {
        per_mille(u64::from(self.failed), u64::from(self.asked), true)
    }

    /// The share of the time in which it was up, in thousandths; nothing where nobody knows.
    #[must_use]
    pub fn uptime(&self) -> Option<u32> {
        per_mille(self.up.0, self.known.0, false)
    }
}

/// A share that is not quite nothing, or not quite all, never looks as if it were.
fn per_mille(part: u64, whole: u64, up: bool) -> Option<u32> {
    let share = (part as u128 * 1_000).checked_div(u128::from(whole))? as u32;
    let rest = u128::from(part) * 1_000 % u128::from(whole) > 0;
    Some(if up && rest { share + 1 } else { share })
}

/// The last minutes of a service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Uptime {
    slices: VecDeque<Slice>,
    /// The latest probe, and whether it found the service up.
    latest: Option<(Moment, bool)>,
}

impl Uptime {
    /// A probe was answered, or was not.
    pub fn see(&mut self, up: bool, at: Moment) {
        if let Some((before, was_up)) = self.latest {
            let spoken = at.since(before).min(SPEAKS);
            let slice = self.slice(at);
            slice.known.0 += spoken.0;
            slice.up.0 += if was_up { spoken.0 } else { 0 };
        }
        let slice = self.slice(at);
        slice.asked += 1;
        slice.failed += u32::from(!up);
        self.latest = Some((at, up));
    }

    /// The last five minutes, as of now.
    #[must_use]
    pub fn lately(&self, now: Moment) -> Rate {
        let recent = self.slices.iter().filter(|slice| now.since(slice.began) < UPTIME_WINDOW);
        let mut rate = recent.fold(Rate::default(), |sum, slice| Rate {
            asked: sum.asked + slice.asked,
            failed: sum.failed + slice.failed,
            up: Span(sum.up.0 + slice.up.0),
            known: Span(sum.known.0 + slice.known.0),
        });
        // The latest probe speaks until now.
        if let Some((at, up)) = self.latest.filter(|_| rate.asked > 0) {
            let spoken = now.since(at).min(SPEAKS).0;
            rate.known.0 += spoken;
            rate.up.0 += if up { spoken } else { 0 };
        }
        rate
    }

    fn slice(&mut self, at: Moment) -> &mut Slice {
        let is_new = self.slices.back().is_none_or(|slice| at.since(slice.began) >= SLICE);
        if is_new {
            if self.slices.len() == SLICES {
                self.slices.pop_front();
            }
            self.slices.push_back(Slice { began: at, ..Slice::default() });
        }
        let last = self.slices.len() - 1;
        &mut self.slices[last]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(probes: &[(u64, bool)]) -> Uptime {
        let mut uptime = Uptime::default();
        probes.iter().for_each(|&(second, up)| uptime.see(up, Moment(0).after(Span::seconds(second))));
        uptime
    }

    fn at(second: u64) -> Moment {
        Moment(0).after(Span::seconds(second))
    }

    #[test]
    fn a_probe_speaks_until_the_next_one() {
        let rate = seen(&[(100, true), (110, false), (120, true)]).lately(at(140));
        assert_eq!((rate.asked, rate.failed), (3, 1));
        assert_eq!((rate.up, rate.known), (Span::seconds(30), Span::seconds(40)));
        assert_eq!((rate.errors(), rate.uptime()), (Some(334), Some(750)));
    }

    #[test]
    fn what_nobody_looked_at_counts_neither_way() {
        let rate = seen(&[(100, true)]).lately(at(390));
        assert_eq!((rate.known, rate.uptime()), (SPEAKS, Some(1_000)));
        assert_eq!(Uptime::default().lately(at(5)).uptime(), None);
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let mut probes: Vec<(u64, bool)> = (0..10_000).map(|second| (second, second < 5_000)).collect();
        let uptime = seen(&probes);
        assert!(uptime.slices.len() <= SLICES);
        assert_eq!(uptime.lately(at(10_000)).uptime(), Some(0));
        probes.truncate(3);
        assert_eq!(seen(&probes).lately(at(10_000)), Rate::default());
    }

    #[test]
    fn a_single_failure_is_never_rounded_away() {
        let probes: Vec<(u64, bool)> = (0..5_000).map(|n| (n / 20, n != 4_990)).collect();
        let rate = seen(&probes).lately(at(250));
        assert_eq!(rate.errors(), Some(1));
        let all_up = seen(&[(0, true), (1, true)]).lately(at(2));
        assert_eq!((all_up.errors(), all_up.uptime()), (Some(0), Some(1_000)));
    }
}
