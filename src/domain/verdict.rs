//! What a test's latest outcome is worth against the last cycle in which it ran.

use serde::{Deserialize, Serialize};

use super::{Attempt, Outcome, Standing, TestCase};

/// An outcome against the one before, in the order in which people want to see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It fails and did not before.
    NewlyFailed,
    /// It fails for another reason than before.
    FailingDifferently,
    /// It fails as before.
    StillFailing,
    /// It fails as it was accepted.
    Known,
    /// It passed only when it was tried again.
    Flaky,
    /// It passes and failed before.
    Fixed,
    /// Its runner no longer finds it.
    Vanished,
    /// What serves has changed since, or while it ran.
    Stale,
    /// Nothing is known of it.
    NeverRun,
    /// It was skipped, or failed as expected.
    SetAside,
    /// It passes as before.
    Passing,
}

impl Verdict {
    /// The verdict on a test, from its attempts.
    #[must_use]
    pub fn of(test: &TestCase) -> Self {
        match &test.latest {
            _ if test.gone => Self::Vanished,
            None => Self::NeverRun,
            Some(_) if test.known.is_some() => Self::Known,
            Some(_) if test.stale => Self::Stale,
            Some(latest) => Self::against(latest, test.baseline()),
        }
    }

    /// The verdict on an attempt against an earlier one, whether or not what serves has changed since.
    #[must_use]
    pub fn against(latest: &Attempt, before: Option<&Attempt>) -> Self {
        let failed_before = before.filter(|before| before.outcome.is_failure());
        match latest.outcome {
            outcome if outcome.is_failure() => match failed_before {
                None => Self::NewlyFailed,
                Some(before) if before.cause == latest.cause => Self::StillFailing,
                Some(_) => Self::FailingDifferently,
            },
            Outcome::Flaky => Self::Flaky,
            outcome if outcome.is_pass() => {
                if failed_before.is_some() {
                    Self::Fixed
                } else {
                    Self::Passing
                }
            }
            _ => Self::SetAside,
        }
    }

    /// The verdict as people say it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NewlyFailed => "newly failed",
            Self::FailingDifferently => "failing differently",
            Self::StillFailing => "still failing",
            Self::Known => "known",
            Self::Flaky => "flaky",
            Self::Fixed => "fixed",
            Self::Vanished => "vanished",
            Self::Stale => "stale",
            Self::NeverRun => "never run",
            Self::SetAside => "set aside",
            Self::Passing => "passing",
        }
    }
}

impl TestCase {
    /// The attempt that the latest one is measured against: that of the last cycle before in which the test ran and
    /// told something. One that was stopped or lost told nothing.
    #[must_use]
    pub fn baseline(&self) -> Option<&Attempt> {
        let latest = self.latest.as_ref()?;
        let told = |attempt: &&Attempt| {
            attempt.cycle < latest.cycle && !matches!(attempt.outcome, Outcome::Interrupted | Outcome::Lost)
        };
        self.earlier.iter().rev().find(told)
    }

    /// How the latest failure stands to the baseline, also where it is stale; nothing where the test does not fail.
    #[must_use]
    pub fn failure_verdict(&self) -> Option<Verdict> {
        let latest = self.latest.as_ref().filter(|latest| latest.outcome.is_failure())?;
        let shown = matches!(self.standing, Standing::Done(_));
        let verdict = || if self.known.is_some() { Verdict::Known } else { Verdict::against(latest, self.baseline()) };
        shown.then(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CauseId, ModuleId, Moment, Span};

    fn attempt(cycle: u32, outcome: Outcome, cause: Option<u32>) -> Attempt {
        Attempt {
            run: None,
            cycle,
            outcome,
            started: Moment(0),
            took: Span::ZERO,
            epoch: 1,
            straddled: false,
            tries: 1,
            detail: None,
            cause: cause.map(CauseId),
            evidence: None,
        }
    }

    fn verdict(attempts: &[Attempt]) -> Verdict {
        let (latest, earlier) =
            attempts.split_last().map_or((None, &[][..]), |(latest, earlier)| (Some(latest), earlier));
        let test = TestCase {
            module: ModuleId(0),
            node: "a".into(),
            name: "a".into(),
            line: 1,
            standing: latest.map_or(Standing::NeverRun, |latest| Standing::Done(latest.outcome)),
            since: Moment(0),
            epoch: 1,
            latest: latest.cloned(),
            earlier: earlier.to_vec(),
            usual: None,
            stale: false,
            gone: false,
            in_debugger: false,
            known: None,
            tier: None,
        };
        assert_eq!(Verdict::of(&TestCase { gone: true, ..test.clone() }), Verdict::Vanished);
        Verdict::of(&test)
    }

    #[test]
    fn every_pair_of_outcomes_has_its_verdict() {
        use Outcome::{Failed, Flaky, Interrupted, Lost, Passed, Skipped};
        let one = |cycle, outcome| attempt(cycle, outcome, outcome.is_failure().then_some(0));
        assert_eq!(verdict(&[]), Verdict::NeverRun);
        assert_eq!(verdict(&[one(1, Failed)]), Verdict::NewlyFailed);
        assert_eq!(verdict(&[one(1, Passed), one(2, Failed)]), Verdict::NewlyFailed);
        assert_eq!(verdict(&[one(1, Failed), one(2, Failed)]), Verdict::StillFailing);
        assert_eq!(verdict(&[one(1, Failed), attempt(2, Failed, Some(1))]), Verdict::FailingDifferently);
        assert_eq!(verdict(&[one(1, Failed), one(2, Passed)]), Verdict::Fixed);
        assert_eq!(verdict(&[one(1, Passed), one(2, Passed)]), Verdict::Passing);
        assert_eq!(verdict(&[one(1, Failed), one(2, Flaky)]), Verdict::Flaky);
        assert_eq!(verdict(&[one(1, Failed), one(2, Skipped)]), Verdict::SetAside);
        // What was stopped or lost in between told nothing, and two attempts of one cycle are one.
        assert_eq!(verdict(&[one(1, Failed), attempt(2, Interrupted, Some(4)), one(3, Failed)]), Verdict::StillFailing);
        assert_eq!(verdict(&[one(1, Failed), attempt(2, Lost, Some(4)), one(3, Passed)]), Verdict::Fixed);
        assert_eq!(verdict(&[one(1, Passed), one(2, Failed), one(2, Failed)]), Verdict::NewlyFailed);
    }
}
