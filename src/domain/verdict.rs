//! What a test's latest outcome is worth against its baseline.

use serde::{Deserialize, Serialize};

use super::{Attempt, Circumstance, Measure, Outcome, Standing, TestCase};

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
    /// It failed while a service was not well: not its own fault.
    Environment,
    /// What serves changed while it ran: nobody knows what it met.
    Straddled,
    /// What serves has changed since.
    Stale,
    /// Nothing is known of it.
    NeverRun,
    /// It was skipped, or failed as expected.
    SetAside,
    /// It passes as before.
    Passing,
}

impl Verdict {
    /// Every verdict, in order.
    pub const ALL: [Self; 13] = [
        Self::NewlyFailed,
        Self::FailingDifferently,
        Self::StillFailing,
        Self::Known,
        Self::Flaky,
        Self::Fixed,
        Self::Vanished,
        Self::Environment,
        Self::Straddled,
        Self::Stale,
        Self::NeverRun,
        Self::SetAside,
        Self::Passing,
    ];

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
        match latest.circumstance {
            Circumstance::Steady => {}
            Circumstance::Environment(_) => return Self::Environment,
            Circumstance::Straddled => return Self::Straddled,
        }
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
            Self::Environment => "environment",
            Self::Straddled => "straddled",
            Self::Stale => "stale",
            Self::NeverRun => "never run",
            Self::SetAside => "set aside",
            Self::Passing => "passing",
        }
    }
}

/// How many tests have which verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Verdicts([u32; Verdict::ALL.len()]);

impl Verdicts {
    /// How many tests have that verdict.
    #[must_use]
    pub fn of(&self, verdict: Verdict) -> u32 {
        self.0[verdict as usize]
    }

    /// The verdict that people want to see first, among those that some test has.
    #[must_use]
    pub fn first(&self) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| self.of(*verdict) > 0)
    }

    pub(super) fn add(&mut self, verdict: Verdict) {
        self.0[verdict as usize] += 1;
    }

    pub(super) fn remove(&mut self, verdict: Verdict) {
        let slot = &mut self.0[verdict as usize];
        *slot = slot.saturating_sub(1);
    }
}

impl TestCase {
    /// The verdict as which the test is counted; nothing for one that is gone and that the baseline does not know.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        if self.gone {
            let was_known = match &self.measure {
                Measure::Previous => self.latest.is_some(),
                Measure::Chosen(before) => before.is_some(),
            };
            return was_known.then_some(Verdict::Vanished);
        }
        Some(Verdict::of(self))
    }

    /// The verdict by which the test has its place in a list: a failure keeps its own also where it is stale. Nothing
    /// for a test that is not listed.
    #[must_use]
    pub fn rank(&self) -> Option<Verdict> {
        match &self.latest {
            Some(latest) if latest.outcome.is_failure() && !self.gone && self.known.is_none() => {
                Some(Verdict::against(latest, self.baseline()))
            }
            _ => self.verdict(),
        }
    }

    /// How the latest failure stands to the baseline, also where it is stale; nothing where the test does not fail.
    #[must_use]
    pub fn failure_verdict(&self) -> Option<Verdict> {
        let concerns = |latest: &&Attempt| latest.outcome.is_failure() || !latest.circumstance.is_steady();
        let latest = self.latest.as_ref().filter(concerns)?;
        let shown = matches!(self.standing, Standing::Done(_));
        let verdict = || if self.known.is_some() { Verdict::Known } else { Verdict::against(latest, self.baseline()) };
        shown.then(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CauseId, Grounds, ModuleId, Moment, Span};

    fn attempt(cycle: u32, outcome: Outcome, cause: Option<u32>) -> Attempt {
        Attempt {
            run: None,
            cycle,
            outcome,
            started: Moment(0),
            took: Span::ZERO,
            epoch: 1,
            circumstance: Circumstance::Steady,
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
            course: crate::domain::Course::default(),
            usual: None,
            grounds: Grounds::default(),
            expected: None,
            source: None,
            rewritten: false,
            vacuous: None,
            stale: false,
            gone: false,
            in_debugger: false,
            missed: false,
            measure: Measure::Previous,
            place: None,
            known: None,
            tier: None,
            aimed: false,
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
