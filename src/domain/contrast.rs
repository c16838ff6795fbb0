//! Two cycles side by side: what was broken in between, what was fixed, what fails as before or otherwise.

use super::{Causes, Inventory, Outcome, TestCase, TestId};

/// What became of a test between two cycles, in the order in which people want to see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It fails and did not before.
    Broken,
    /// It fails for another reason than before.
    FailingDifferently,
    /// It fails as before.
    StillFailing,
    /// It passed only when it was tried again.
    Flaky,
    /// It passes and failed before.
    Fixed,
    /// Its runner no longer finds it.
    Vanished,
}

impl Change {
    /// Every change, in order.
    pub const ALL: [Self; 6] =
        [Self::Broken, Self::FailingDifferently, Self::StillFailing, Self::Flaky, Self::Fixed, Self::Vanished];

    /// The change as people say it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::FailingDifferently => "failing differently",
            Self::StillFailing => "still failing",
            Self::Flaky => "flaky",
            Self::Fixed => "fixed",
            Self::Vanished => "vanished",
        }
    }

    /// What became of a test between `before` and `after`; nothing where that is no news.
    #[must_use]
    pub fn of(test: &TestCase, before: u32, after: u32, causes: &Causes) -> Option<Self> {
        let earlier = test.course.after(before);
        if test.gone {
            return earlier
                .map(|_| Self::Vanished)
                .filter(|_| test.course.after(after).map(|stop| stop.cycle) <= Some(before));
        }
        let later = test.course.after(after)?;
        let failed = earlier.filter(|stop| stop.outcome.is_failure());
        match (later.outcome, failed) {
            (outcome, None) if outcome.is_failure() => Some(Self::Broken),
            (outcome, Some(earlier)) if outcome.is_failure() => {
                let differs = earlier.why.differs(later.why, causes);
                Some(if differs { Self::FailingDifferently } else { Self::StillFailing })
            }
            (Outcome::Flaky, _) => Some(Self::Flaky),
            (outcome, Some(_)) if outcome.is_pass() => Some(Self::Fixed),
            _ => None,
        }
    }
}

/// The tests that changed between two cycles, by what became of them. A test that did not run in a cycle stands as it did
/// before.
#[must_use]
pub fn contrast(inventory: &Inventory, causes: &Causes, before: u32, after: u32) -> Vec<(Change, TestId)> {
    let change = |(id, test)| Change::of(test, before, after, causes).map(|change| (change, id));
    let mut changes: Vec<(Change, TestId)> = inventory.tests().filter_map(change).collect();
    changes.sort_unstable();
    changes
}
