//! How an attempt ended, and counts of such endings.

use serde::{Deserialize, Serialize};

use super::worth::Worths;
use super::{Counted, inventory::Standing};

/// How one attempt of a test ended. The mapping from each tool's words is in its adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its body ran and held.
    Passed,
    /// Its body did not hold.
    Failed,
    /// Trouble outside the body: set-up, tear-down, collection.
    Errored,
    /// Not run, by its own wish.
    Skipped,
    /// Failed, as it was marked to.
    Xfailed,
    /// Passed, although marked to fail.
    Xpassed,
    /// Passed after a failed attempt in the same run.
    Flaky,
    /// Stopped by a time limit.
    TimedOut,
    /// Took its process down.
    Crashed,
    /// Stopped by a person or signal.
    Interrupted,
    /// Started; then the stream ended without a result.
    Lost,
}

impl Outcome {
    /// Every outcome, in the order in which totals are shown.
    pub const ALL: [Self; 11] = [
        Self::Passed,
        Self::Failed,
        Self::Errored,
        Self::Skipped,
        Self::Xfailed,
        Self::Xpassed,
        Self::Flaky,
        Self::TimedOut,
        Self::Crashed,
        Self::Interrupted,
        Self::Lost,
    ];

    /// Whether a person must look at it: it did not hold, or nobody knows whether it did.
    #[must_use]
    pub fn is_failure(self) -> bool {
        match self {
            Self::Failed | Self::Errored | Self::TimedOut | Self::Crashed | Self::Interrupted | Self::Lost => true,
            Self::Passed | Self::Skipped | Self::Xfailed | Self::Xpassed | Self::Flaky => false,
        }
    }

    /// Whether its body ran and held.
    #[must_use]
    pub fn is_pass(self) -> bool {
        matches!(self, Self::Passed | Self::Flaky | Self::Xpassed)
    }

    /// The outcome as one word for people and reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Errored => "errored",
            Self::Skipped => "skipped",
            Self::Xfailed => "xfailed",
            Self::Xpassed => "xpassed",
            Self::Flaky => "flaky",
            Self::TimedOut => "timed out",
            Self::Crashed => "crashed",
            Self::Interrupted => "interrupted",
            Self::Lost => "lost",
        }
    }
}

/// How many tests stand where. Kept up to date test by test, so that reading it costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    done: [u32; Outcome::ALL.len()],
    /// Never run in this project, as far as is known.
    pub never_run: u32,
    /// Selected and waiting for their turn.
    pub queued: u32,
    /// Running now.
    pub running: u32,
    /// Finished on a revision that no longer serves.
    pub stale: u32,
    /// What the passes are worth.
    #[serde(default)]
    pub worths: Worths,
    /// Failed while a service was not well: not counted among the failures.
    #[serde(default)]
    pub environment: u32,
    /// Failed as it was accepted: not counted among the failures.
    #[serde(default)]
    pub known: u32,
    /// Ran while what serves was changing: counted neither as passed nor as failed.
    #[serde(default)]
    pub straddled: u32,
    /// Of those without a failure: how many their last run selected and never came to.
    #[serde(default)]
    pub not_run: u32,
    /// Of those: how many show a result that an earlier run obtained.
    #[serde(default)]
    pub held_over: u32,
}

impl Tally {
    /// How many tests ended with `outcome`.
    #[must_use]
    pub fn of(&self, outcome: Outcome) -> u32 {
        self.done[outcome as usize]
    }

    /// How many have a result.
    #[must_use]
    pub fn finished(&self) -> u32 {
        self.done.iter().sum::<u32>() + self.known + self.environment + self.straddled
    }

    /// How many have a result that a person must look at, and that is the test's own; known failures are counted apart.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.sum(Outcome::is_failure)
    }

    /// How many have a result that a person must look at or have proved again: the failures, those of the
    /// environment, and what straddled a deploy.
    #[must_use]
    pub fn concerns(&self) -> u32 {
        self.failures() + self.environment + self.straddled
    }

    /// How many ran and held.
    #[must_use]
    pub fn passes(&self) -> u32 {
        self.sum(Outcome::is_pass)
    }

    /// How many were skipped or failed as expected.
    #[must_use]
    pub fn set_aside(&self) -> u32 {
        self.of(Outcome::Skipped) + self.of(Outcome::Xfailed)
    }

    /// All tests counted.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.finished() + self.never_run + self.queued + self.running
    }

    fn sum(&self, counts: impl Fn(Outcome) -> bool) -> u32 {
        Outcome::ALL.into_iter().filter(|&outcome| counts(outcome)).map(|outcome| self.of(outcome)).sum()
    }

    /// Counts a test.
    pub fn add(&mut self, counted: impl Into<Counted>) {
        *self.slot(counted.into()) += 1;
    }

    /// No longer counts a test that was counted so.
    pub fn remove(&mut self, counted: impl Into<Counted>) {
        let slot = self.slot(counted.into());
        *slot = slot.saturating_sub(1);
    }

    /// Adds another tally to this one.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.done.iter_mut().zip(other.done) {
            *mine += theirs;
        }
        self.never_run += other.never_run;
        self.queued += other.queued;
        self.running += other.running;
        self.stale += other.stale;
        self.worths.merge(&other.worths);
        self.known += other.known;
        self.environment += other.environment;
        self.straddled += other.straddled;
        self.not_run += other.not_run;
        self.held_over += other.held_over;
    }

    fn slot(&mut self, counted: Counted) -> &mut u32 {
        match counted {
            Counted::As(Standing::NeverRun) => &mut self.never_run,
            Counted::As(Standing::Queued) => &mut self.queued,
            Counted::As(Standing::Running) => &mut self.running,
            Counted::As(Standing::Done(outcome)) => &mut self.done[outcome as usize],
            Counted::Known => &mut self.known,
            Counted::Environment => &mut self.environment,
            Counted::Straddled => &mut self.straddled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_all_is_the_order_of_the_enum() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place);
        }
    }

    #[test]
    fn lost_is_never_a_pass() {
        assert!(Outcome::Lost.is_failure() && !Outcome::Lost.is_pass());
    }
}
