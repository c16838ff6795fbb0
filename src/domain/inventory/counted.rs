//! As what a test is counted: how it ended or where it stands, what else holds of it, and its verdict.

use super::TestCase;
use crate::domain::{Counted, Tally, Verdict, Verdicts, Worth};

/// As what a test is counted.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Share {
    /// Its place in the tally, and whether it is stale, not run and held over; nothing once it has vanished.
    place: Option<(Counted, [bool; 3])>,
    /// What its pass is worth.
    worth: Option<Worth>,
    verdict: Option<Verdict>,
}

impl Share {
    pub(super) fn of(test: &TestCase) -> Self {
        let among = || [test.is_stale(), test.is_not_run(), test.is_held_over()];
        let worth = test.worth().filter(|_| !test.gone);
        Self { place: (!test.gone).then(|| (test.counted(), among())), worth, verdict: test.verdict() }
    }

    pub(super) fn add(self, tally: &mut Tally) {
        if let Some((counted, [stale, not_run, held_over])) = self.place {
            tally.add(counted);
            tally.stale += u32::from(stale);
            tally.not_run += u32::from(not_run);
            tally.held_over += u32::from(held_over);
        }
        if let Some(worth) = self.worth {
            tally.worths.add(worth);
        }
    }

    pub(super) fn remove(self, tally: &mut Tally) {
        if let Some((counted, [stale, not_run, held_over])) = self.place {
            tally.remove(counted);
            tally.stale -= u32::from(stale);
            tally.not_run -= u32::from(not_run);
            tally.held_over -= u32::from(held_over);
        }
        if let Some(worth) = self.worth {
            tally.worths.remove(worth);
        }
    }

    pub(super) fn add_verdict(self, verdicts: &mut Verdicts) {
        self.verdict.into_iter().for_each(|verdict| verdicts.add(verdict));
    }

    pub(super) fn remove_verdict(self, verdicts: &mut Verdicts) {
        self.verdict.into_iter().for_each(|verdict| verdicts.remove(verdict));
    }
}
