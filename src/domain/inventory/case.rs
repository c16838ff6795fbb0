//! A test by its stable identity, and how it stands.

use serde::{Deserialize, Serialize};

use super::{Attempt, Standing};
use crate::domain::service::Epoch;
use crate::domain::{
    Circumstance, Course, FlakeRate, Grounds, KnownId, Measure, ModuleId, Moment, Outcome, Span, Text, TierId, Vacuous,
    Verdict,
};

/// A test by its stable identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestCase {
    /// The module it belongs to.
    pub module: ModuleId,
    /// The runner's full name for it, stable between runs.
    pub node: Text,
    /// Its name inside the module.
    pub name: Text,
    /// Where it is defined, counted from 1; 0 where unknown.
    pub line: u32,
    /// Where it stands.
    pub standing: Standing,
    /// Since when it stands there.
    pub since: Moment,
    /// Which revisions served when it last started.
    pub epoch: Epoch,
    /// Its latest finished attempt.
    pub latest: Option<Attempt>,
    /// Finished attempts before that, oldest first.
    pub earlier: Vec<Attempt>,
    /// How it ended in the newest cycles.
    #[serde(default, skip_serializing_if = "Course::is_empty")]
    pub course: Course,
    /// How long it usually takes, from attempts that passed.
    pub usual: Option<Span>,
    /// How it did on the revisions that it met lately.
    #[serde(default, skip_serializing_if = "Grounds::is_empty")]
    pub grounds: Grounds,
    /// How long it usually took before its latest attempt.
    pub expected: Option<Span>,
    /// The hash of its source, where its runner tells one.
    pub source: Option<Text>,
    /// Whether its source has changed since its latest attempt ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rewritten: bool,
    /// That it passed a null run, its source being what it is.
    pub vacuous: Option<Vacuous>,
    /// Whether its latest result no longer counts, because what serves has changed since.
    pub stale: bool,
    /// Whether it was missing when its runner last collected everything.
    pub gone: bool,
    /// Whether it waits in a debugger.
    pub in_debugger: bool,
    /// Whether the last run that selected it ended before its turn came.
    #[serde(default)]
    pub missed: bool,
    /// What its latest attempt is measured against.
    #[serde(default)]
    pub measure: Measure,
    /// The verdict by which it has its place in lists: that of the last moment at which no test ran, so that nothing
    /// moves under somebody's eyes.
    #[serde(default)]
    pub place: Option<Verdict>,
    /// The known failure that excuses its latest result.
    pub known: Option<KnownId>,
    /// The priority group that it belongs to.
    pub tier: Option<TierId>,
    /// Whether its project has an environment that tests are aimed at.
    #[serde(default)]
    pub aimed: bool,
}

impl TestCase {
    /// Where it stands when it is neither queued nor running.
    #[must_use]
    pub fn settled(&self) -> Standing {
        self.latest.as_ref().map_or(Standing::NeverRun, |attempt| Standing::Done(attempt.outcome))
    }

    /// Whether the result that it shows no longer counts.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale && matches!(self.standing, Standing::Done(_))
    }

    /// Its latest outcome, whether or not it is running again.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.latest.as_ref().map(|attempt| attempt.outcome)
    }

    /// How often it failed where it also passed on the same revisions; nothing where it is not flaky.
    #[must_use]
    pub fn flake(&self) -> Option<FlakeRate> {
        self.grounds.rate()
    }

    /// Whether its latest result is a failure that a person must look at: not one that is known, nor one of which nobody
    /// knows what it met.
    #[must_use]
    pub fn fails(&self) -> bool {
        let fails = |latest: &Attempt| latest.outcome.is_failure() && latest.circumstance != Circumstance::Straddled;
        self.known.is_none() && self.latest.as_ref().is_some_and(fails)
    }

    /// The latest failure's message, or nothing.
    #[must_use]
    pub fn message(&self) -> Option<&Text> {
        self.latest.as_ref()?.detail.as_ref().map(|detail| &detail.message)
    }
}
