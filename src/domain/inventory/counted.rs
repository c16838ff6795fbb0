//! As what a test is counted: where it stands, and its verdict.

use super::{Standing, TestCase};
use crate::domain::{Tally, Verdict, Verdicts};

/// As what a test is counted.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Counted {
    /// Where it stands, and whether that is stale; nothing once it has vanished.
    standing: Option<(Standing, bool)>,
    verdict: Option<Verdict>,
}

impl Counted {
    pub(super) fn add(self, tally: &mut Tally, verdicts: &mut Verdicts) {
        if let Some((standing, stale)) = self.standing {
            tally.add(standing);
            tally.stale += u32::from(stale);
        }
        if let Some(verdict) = self.verdict {
            verdicts.add(verdict);
        }
    }

    pub(super) fn remove(self, tally: &mut Tally, verdicts: &mut Verdicts) {
        if let Some((standing, stale)) = self.standing {
            tally.remove(standing);
            tally.stale -= u32::from(stale);
        }
        if let Some(verdict) = self.verdict {
            verdicts.remove(verdict);
        }
    }

    pub(super) fn of(test: &TestCase) -> Self {
        Self { standing: (!test.gone).then(|| (test.standing, test.is_stale())), verdict: test.verdict() }
    }
}
