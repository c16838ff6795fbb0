//! What is remembered of a cycle as a whole: enough to choose it as a baseline.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CauseClass, Checkout, Moment, Span, Text};

mod around;

pub use around::{Around, Commit, CycleContract, CycleDeploy, CycleHealth, CycleNote, CycleWhy, Spell};

/// How many cycles are remembered; those with a name are the last to go.
const KEPT: usize = 300;
/// How many causes are remembered of a cycle.
pub(super) const CAUSES_KEPT: usize = 12;

/// One turn of the loop, in numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CycleRecord {
    /// Its number.
    pub number: u32,
    /// The name that a person gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// When it began.
    pub began: Moment,
    /// What was asked for, in a few words.
    pub what: Text,
    /// How many tests finished.
    pub finished: u32,
    /// How many of them a person must look at.
    pub failed: u32,
    /// Whether everything was green after it.
    pub green: bool,
    /// What kept it from being proved though it was green, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Text>,
    /// When the last of its runs and deploys so far ended; nothing for a cycle of a version that did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Moment>,
    /// Whether its numbers add up.
    #[serde(default, skip_serializing_if = "CycleCounts::is_empty")]
    pub counts: CycleCounts,
    /// Why its tests failed, the cause with most tests first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<CycleCause>,
    /// How many causes there were beyond those that are listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_causes: u32,
    /// What served when it ended: services and their revisions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub served: Vec<(Text, Text)>,
    /// The state of the project's files when its newest run started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Arc<Checkout>>,
    /// What stood around it.
    #[serde(default)]
    pub around: Around,
}

impl CycleRecord {
    /// How long it took, from its beginning until all of it was settled.
    #[must_use]
    pub fn took(&self) -> Option<Span> {
        self.ended.map(|ended| ended.since(self.began))
    }

    /// Which part of the tests that it selected ran and held, in per cent; nothing where none was selected, or where
    /// nobody knows.
    #[must_use]
    pub fn pass_rate(&self) -> Option<f64> {
        let counts = &self.counts;
        (counts.selected > 0).then(|| f64::from(counts.passed) * 100.0 / f64::from(counts.selected))
    }

    /// Why tests failed before it and after it, what is worst now first; those that only the cycle before had are gone.
    #[must_use]
    pub fn cause_changes(&self, before: Option<&Self>) -> Vec<CauseChange<'_>> {
        // The lists are cut: what is in neither of them may still be there.
        let earlier = |key: &Text| before.map(|before| before.causes.iter().find(|cause| cause.key == *key));
        let own = self.causes.iter().map(|cause| CauseChange {
            cause,
            before: earlier(&cause.key).map(|cause| cause.map_or(0, |cause| cause.tests)),
            after: cause.tests,
        });
        own.collect()
    }

    /// The causes of the cycle before that this one no longer has.
    pub fn causes_gone<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a CycleCause> {
        let is_gone = |cause: &&CycleCause| self.causes.iter().all(|own| own.key != cause.key);
        // Where the own list is cut, nobody knows what is gone.
        before.causes.iter().filter(|_| self.more_causes == 0).filter(is_gone)
    }

    /// Whether it came from a file of results.
    #[must_use]
    pub fn is_imported(&self) -> bool {
        self.around.why == CycleWhy::Imported
    }

    /// Whether every test that it selected has a result that means something.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let counts = &self.counts;
        counts.lost + counts.not_run + counts.straddled == 0 && self.finished >= counts.selected
    }
}

/// How many tests failed for a cause before a cycle and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CauseChange<'a> {
    /// The cause.
    pub cause: &'a CycleCause,
    /// How many tests failed for it after the cycle before; nothing where no such cycle is known.
    pub before: Option<u32>,
    /// How many tests fail for it after this one.
    pub after: u32,
}

/// Whether the numbers of a cycle add up. Where a runner ran several times in it, the last attempt of each test counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CycleCounts {
    /// Tests that were asked for.
    pub selected: u32,
    /// Tests that ran and held.
    pub passed: u32,
    /// Tests that began and never ended.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u32,
    /// Tests that never had their turn.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_run: u32,
    /// Tests that ran while what serves was changing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub straddled: u32,
    /// Tests that failed while a service was not well.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub environment: u32,
    /// Tests that failed as it was accepted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub known: u32,
    /// How many runs of tests it had.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub runs: u32,
}

impl CycleCounts {
    /// Adds what another runner came to.
    pub(super) fn add(&mut self, other: &Self) {
        self.selected += other.selected;
        self.passed += other.passed;
        self.lost += other.lost;
        self.not_run += other.not_run;
        self.straddled += other.straddled;
        self.environment += other.environment;
        self.known += other.known;
        self.runs += other.runs;
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why tests of a cycle failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleCause {
    /// Its signature's key, in short.
    pub key: Text,
    /// What kind of thing went wrong.
    pub class: CauseClass,
    /// What went wrong, in plain words.
    pub title: Text,
    /// How many tests failed for it when the cycle ended.
    pub tests: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The newest cycles, oldest first, those of earlier sessions too.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Records {
    all: Vec<CycleRecord>,
    /// Whether a run ended that no report tells of yet.
    #[serde(skip)]
    pub(super) unreported: bool,
}

impl Records {
    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &CycleRecord> + ExactSizeIterator {
        self.all.iter()
    }

    /// The cycle of that number.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&CycleRecord> {
        self.all.iter().find(|record| record.number == number)
    }

    /// The cycle before that one, where it is known.
    #[must_use]
    pub fn before(&self, number: u32) -> Option<&CycleRecord> {
        // A file of results says nothing of what was done here in between.
        self.all.iter().rev().find(|record| record.number < number && !record.is_imported())
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut CycleRecord> {
        self.all.iter_mut().find(|record| record.number == number)
    }

    /// The newest cycle of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&CycleRecord> {
        self.all.iter().rev().find(|record| record.name.as_deref() == Some(name))
    }

    /// Takes note of a cycle, in place of what was known of it; a name stays.
    pub(super) fn note(&mut self, record: CycleRecord) {
        match self.all.binary_search_by_key(&record.number, |known| known.number) {
            Ok(place) => {
                let name = record.name.clone().or_else(|| self.all[place].name.take());
                self.all[place] = CycleRecord { name, ..record };
            }
            Err(place) => self.all.insert(place, record),
        }
        if self.all.len() > KEPT {
            let unnamed = self.all.iter().position(|record| record.name.is_none()).unwrap_or(0);
            self.all.remove(unnamed);
        }
    }

    /// Gives a cycle a name; answers whether it is known.
    pub(super) fn name(&mut self, number: u32, name: &Text) -> bool {
        // A name means one cycle.
        self.all.iter_mut().filter(|record| record.name.as_ref() == Some(name)).for_each(|record| record.name = None);
        let found = self.all.iter_mut().find(|record| record.number == number);
        found.map(|record| record.name = Some(name.clone())).is_some()
    }
}
