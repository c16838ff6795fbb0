//! Flaky tests: those that pass and fail while nothing that they meet has changed.
//!
//! Attempts are compared on common **ground**: the same revisions of all services. Where nobody knows what serves, or
//! nothing is deployed, the code itself may have changed between two cycles, and only attempts of one cycle stand on
//! common ground. A test that both held and did not hold on one ground is flaky. Its **rate** is how many executions
//! failed of all that it had on such grounds; retries by the runner count as executions. Attempts that were skipped,
//! stopped or lost, and those that the environment spoilt, tell nothing.

use serde::{Deserialize, Serialize};

use super::{Attempt, Outcome, Text};

/// How many grounds are kept for each test: those on which it was flaky, and the newest.
const KEPT: usize = 4;

/// How often a flaky test failed where it also passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlakeRate {
    /// Executions that failed.
    pub failed: u32,
    /// All executions on the same ground.
    pub attempts: u32,
}

impl FlakeRate {
    /// The rate as people say it.
    #[must_use]
    pub fn words(self) -> String {
        format!("flaky {} of {}", self.failed, self.attempts)
    }
}

/// What attempts have in common, so that they can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// The same revisions served: a place in a list of [`Grounds`]' owner.
    Revisions(u32),
    /// Nobody knows what served; they belong to the same cycle.
    Cycle(u32),
}

/// How the executions of a test ended on one ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    /// Which.
    pub on: On,
    /// Executions that failed.
    pub failed: u32,
    /// Executions that held.
    pub passed: u32,
}

impl Ground {
    /// Whether the test changed its outcome here.
    #[must_use]
    pub fn is_mixed(&self) -> bool {
        self.failed > 0 && self.passed > 0
    }
}

/// What a test did on the grounds that it stood on lately, the newest one last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grounds(Vec<Ground>);

impl Grounds {
    /// No ground is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The grounds, the newest one last.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Ground> {
        self.0.iter()
    }

    /// The rate over all grounds on which the test changed its outcome; nothing where there is none.
    #[must_use]
    pub fn rate(&self) -> Option<FlakeRate> {
        let mixed = self.0.iter().filter(|ground| ground.is_mixed());
        let sum = mixed.fold(FlakeRate { failed: 0, attempts: 0 }, |sum, ground| FlakeRate {
            failed: sum.failed.saturating_add(ground.failed),
            attempts: sum.attempts.saturating_add(ground.failed).saturating_add(ground.passed),
        });
        (sum.attempts > 0).then_some(sum)
    }

    /// Counts executions on a ground, which is the newest one then.
    pub fn count(&mut self, on: On, failed: u32, passed: u32) {
        let known = self.0.iter().position(|ground| ground.on == on).map(|place| self.0.remove(place));
        let Ground { failed: before, passed: held, .. } = known.unwrap_or(Ground { on, failed: 0, passed: 0 });
        let (failed, passed) = (before.saturating_add(failed), held.saturating_add(passed));
        self.0.push(Ground { on, failed, passed });
        if self.0.len() > KEPT {
            // One that showed nothing goes first.
            let dull = self.0[..KEPT].iter().position(|ground| !ground.is_mixed()).unwrap_or(0);
            self.0.remove(dull);
        }
    }

    /// Puts what earlier sessions knew before what this one has seen.
    pub fn recall(&mut self, earlier: &Self) {
        let seen = std::mem::replace(self, earlier.clone());
        seen.0.into_iter().for_each(|ground| self.count(ground.on, ground.failed, ground.passed));
    }

    /// Without what can never matter again: a past cycle in which the test did not change its outcome.
    #[must_use]
    pub fn to_remember(&self) -> Self {
        let lasting = |ground: &&Ground| ground.is_mixed() || matches!(ground.on, On::Revisions(_));
        Self(self.0.iter().filter(lasting).copied().collect())
    }

    /// The same grounds, their revisions numbered otherwise.
    pub(super) fn renumbered(&self, mut number: impl FnMut(u32) -> Option<u32>) -> Self {
        let renumber = |ground: &Ground| {
            let on = match ground.on {
                On::Revisions(known) => On::Revisions(number(known)?),
                On::Cycle(cycle) => On::Cycle(cycle),
            };
            Some(Ground { on, ..*ground })
        };
        Self(self.0.iter().filter_map(renumber).collect())
    }
}

/// How many executions of an attempt failed, and how many held; nothing where it tells nothing, or where the environment
/// spoilt it.
#[must_use]
pub fn told(outcome: Outcome, tries: u32, spoilt: bool) -> Option<(u32, u32)> {
    match outcome {
        _ if spoilt => None,
        Outcome::Passed | Outcome::Xpassed => Some((0, 1)),
        Outcome::Flaky => Some((tries.saturating_sub(1).max(1), 1)),
        Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => Some((tries.max(1), 0)),
        Outcome::Skipped | Outcome::Xfailed | Outcome::Interrupted | Outcome::Lost => None,
    }
}

/// What served when attempts were made, numbered: many tests share few of them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Served {
    words: Vec<Text>,
}

impl Served {
    /// The number of these revisions, in whichever order they come; nothing where none is known.
    pub(super) fn number<'a>(&mut self, revisions: impl Iterator<Item = (&'a Text, &'a Text)>) -> Option<u32> {
        words(revisions).map(|words| self.number_of(&words))
    }

    /// The number of these revisions, where some attempt has met them.
    pub(super) fn known<'a>(&self, revisions: impl Iterator<Item = (&'a Text, &'a Text)>) -> Option<u32> {
        let words = words(revisions)?;
        self.words.iter().rposition(|known| **known == *words).map(|place| place as u32)
    }

    /// The words of these revisions: `auth=auth-00002 backend=backend-00005`.
    pub(super) fn words_of(&self, number: u32) -> Option<&Text> {
        self.words.get(number as usize)
    }

    /// The number of revisions in the words of an earlier session.
    pub(super) fn number_of(&mut self, words: &str) -> u32 {
        // What serves now was met last.
        let known = self.words.iter().rposition(|known| &**known == words);
        known.unwrap_or_else(|| {
            self.words.push(words.into());
            self.words.len() - 1
        }) as u32
    }
}

/// Revisions in words, in whichever order they come; nothing where there are none.
pub(super) fn words<'a>(revisions: impl Iterator<Item = (&'a Text, &'a Text)>) -> Option<String> {
    let mut words: Vec<String> = revisions.map(|(service, revision)| format!("{service}={revision}")).collect();
    words.sort_unstable();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Where an attempt stands: on the revisions of that number, else in its cycle.
pub(super) fn ground_of(attempt: &Attempt, served: Option<u32>) -> On {
    served.map_or(On::Cycle(attempt.cycle), On::Revisions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(told: &[(u32, u32, u32)]) -> Option<(u32, u32)> {
        let mut grounds = Grounds::default();
        told.iter().for_each(|&(on, failed, passed)| grounds.count(On::Revisions(on), failed, passed));
        grounds.rate().map(|rate| (rate.failed, rate.attempts))
    }

    #[test]
    fn only_a_change_on_the_same_ground_is_flaky() {
        assert_eq!(rate(&[(1, 0, 1), (1, 0, 1)]), None);
        assert_eq!(rate(&[(1, 1, 0), (2, 0, 1)]), None, "a deploy mended it");
        assert_eq!(rate(&[(1, 0, 1), (1, 1, 0), (1, 0, 1), (2, 0, 1)]), Some((1, 3)));
        assert_eq!(rate(&[(1, 1, 1), (2, 0, 5), (3, 2, 1)]), Some((3, 5)));
    }

    #[test]
    fn the_grounds_that_showed_something_are_kept_longest() {
        let mut told = vec![(0, 1, 1)];
        told.extend((1..20).map(|on| (on, 0, 1)));
        assert_eq!(rate(&told), Some((1, 2)));
    }

    #[test]
    fn what_tells_nothing_counts_nothing() {
        assert_eq!(told(Outcome::Passed, 1, true), None);
        assert_eq!(told(Outcome::Lost, 1, false), None);
        assert_eq!(told(Outcome::Flaky, 3, false), Some((2, 1)));
        assert_eq!(told(Outcome::Failed, 3, false), Some((3, 0)));
    }

    #[test]
    fn the_order_of_services_does_not_matter() {
        let text = |words: &str| -> Text { words.into() };
        let (a, b, one, two) = (text("a"), text("b"), text("1"), text("2"));
        let mut served = Served::default();
        assert_eq!(served.number([(&b, &two), (&a, &one)].into_iter()), Some(0));
        assert_eq!(served.number([(&a, &one), (&b, &two)].into_iter()), Some(0));
        assert_eq!(served.number([(&a, &two)].into_iter()), Some(1));
        assert_eq!(served.number(std::iter::empty()), None);
        assert_eq!(served.number_of("a=1 b=2"), 0);
    }
}
