//! What is not proved and can be rerun: what failed, what was lost, what the environment spoilt, and what never had
//! its turn.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Attempt, Circumstance, Counted, Outcome, Standing, Tally, TestCase, Text};

/// A test that an earlier session did not prove.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOver {
    /// The runner's full name for it.
    pub node: Text,
    /// What spoilt its result; steady where its run never came to it.
    #[serde(default, skip_serializing_if = "Circumstance::is_steady")]
    pub circumstance: Circumstance,
}

/// How many tests are not proved, by why. Every test is counted once, for the gravest reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unproved {
    /// Failed by themselves.
    pub failed: u32,
    /// Began and never ended.
    pub lost: u32,
    /// Failed while a service was not well.
    pub environment: u32,
    /// Ran while what serves was changing.
    pub straddled: u32,
    /// Were selected by their last run and never had their turn.
    pub not_run: u32,
}

impl Unproved {
    /// What is not proved of the tests in a tally.
    #[must_use]
    pub fn of(tally: &Tally) -> Self {
        let lost = tally.of(Outcome::Lost) + tally.of(Outcome::Interrupted);
        Self {
            failed: tally.failures() - lost,
            lost,
            environment: tally.environment,
            straddled: tally.straddled,
            not_run: tally.not_run,
        }
    }

    /// Counts tests one by one.
    pub fn count<'a>(tests: impl IntoIterator<Item = &'a TestCase>) -> Self {
        let mut counts = Self::default();
        for test in tests {
            let latest = test.latest.as_ref();
            *match latest.map(|latest| latest.circumstance.counts(latest.outcome)) {
                Some(Counted::Environment) => &mut counts.environment,
                Some(Counted::Straddled) => &mut counts.straddled,
                Some(Counted::As(Standing::Done(Outcome::Lost | Outcome::Interrupted))) => &mut counts.lost,
                Some(Counted::As(Standing::Done(outcome))) if outcome.is_failure() => &mut counts.failed,
                Some(Counted::As(_) | Counted::Known) | None => &mut counts.not_run,
            } += 1;
        }
        counts
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.failed + self.lost + self.environment + self.straddled + self.not_run
    }
}

impl fmt::Display for Unproved {
    /// `3 failed + 2 lost + 20 not run`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.failed, "failed"),
            (self.lost, "lost"),
            (self.environment, "environment"),
            (self.straddled, "straddled"),
            (self.not_run, "not run"),
        ];
        let mut plus = "";
        for (count, word) in parts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{plus}{count} {word}")?;
            plus = " + ";
        }
        if plus.is_empty() { f.write_str("nothing") } else { Ok(()) }
    }
}

impl TestCase {
    /// An earlier session did not prove it.
    pub(super) fn leave(&mut self, circumstance: Circumstance) {
        match &mut self.latest {
            Some(latest) if latest.run.is_some() => {}
            Some(latest) if !circumstance.is_steady() => {
                latest.circumstance = circumstance;
                self.stale = false;
            }
            Some(_) | None => self.missed = true,
        }
    }

    /// What the next session has to know of it: that it was not proved, and why.
    pub(super) fn left_over(&self) -> Option<LeftOver> {
        // A session that is killed never says what became of those.
        let missed = self.missed || matches!(self.standing, Standing::Queued | Standing::Running);
        let spoilt = self.latest.as_ref().map(|latest| latest.circumstance.clone()).filter(|_| !missed);
        let circumstance = spoilt.unwrap_or_default();
        (missed || !circumstance.is_steady()).then(|| LeftOver { node: self.node.clone(), circumstance })
    }

    /// What it is counted as.
    #[must_use]
    pub fn counted(&self) -> Counted {
        match (self.standing, &self.latest) {
            (Standing::Done(_), _) if self.known.is_some() => Counted::Known,
            (Standing::Done(outcome), Some(latest)) => latest.circumstance.counts(outcome),
            (standing, _) => standing.into(),
        }
    }

    /// Whether its latest result is one that a person must look at or have proved again. A known failure is none.
    #[must_use]
    pub fn is_concern(&self) -> bool {
        let concerns = |latest: &Attempt| latest.outcome.is_failure() || !latest.circumstance.is_steady();
        !self.gone && self.known.is_none() && self.latest.as_ref().is_some_and(concerns)
    }

    /// Whether it is to be run again: its latest result is a concern, or its last run never came to it.
    #[must_use]
    pub fn is_unproved(&self) -> bool {
        !self.gone && (self.missed || self.is_concern())
    }

    /// Whether the last run that selected it never came to it, and there is no graver reason to run it again.
    #[must_use]
    pub fn is_not_run(&self) -> bool {
        self.missed && !self.is_concern() && !matches!(self.standing, Standing::Running | Standing::Queued)
    }

    /// Whether the result that it shows is one that an earlier run obtained, and its last run was to renew.
    #[must_use]
    pub fn is_held_over(&self) -> bool {
        self.is_not_run() && matches!(self.standing, Standing::Done(_))
    }
}
