//! Known failures: accepted for a reason, bound to a signature, and over by themselves as soon as they are no longer
//! what was accepted.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use super::{KnownId, Moment, TestId, Text};

/// How many times in a row a test has to pass until its failure is no longer a known one.
pub(super) const PASSES: u8 = 3;
/// How many known failures are kept; what comes beyond is refused, and said.
pub(super) const KEPT: usize = 1_000;

/// What is accepted, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownSpec {
    /// The tests that it is about; none: every test that fails in this way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<Pattern>,
    /// The key of the failure's [`Signature`](super::Signature).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Text>,
    /// Instead of the key: what the failure's message has to be like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Pattern>,
    /// Why it is accepted.
    pub reason: Text,
    /// Who looks after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Text>,
    /// Where it is written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<Text>,
    /// From when on it counts again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
}

impl KnownSpec {
    /// Whatever fails with that signature; what else there is to say is to be filled in.
    #[must_use]
    pub fn of_signature(key: Text) -> Self {
        Self {
            tests: Vec::new(),
            signature: Some(key),
            message: None,
            reason: "".into(),
            owner: None,
            issue: None,
            expires: None,
        }
    }

    /// Whether it is about a test of that name.
    #[must_use]
    pub fn is_about(&self, module: &str, node: &str) -> bool {
        self.tests.is_empty() || self.tests.iter().any(|pattern| pattern.fits_test(module, node))
    }

    fn accepts(&self, failure: &Failure) -> bool {
        let signature = self.signature.as_deref().is_none_or(|key| failure.keys.contains(&key));
        let message = self.message.as_ref().is_none_or(|pattern| pattern.fits(failure.message));
        signature && message && (self.signature.is_some() || self.message.is_some())
    }
}

/// Why a known failure counts in full again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmuted {
    /// It failed in another way.
    Differently,
    /// It passed as often as it takes.
    Passed,
    /// Its time is over.
    Expired,
    /// A person said so.
    Asked,
}

impl Unmuted {
    /// Why, as people say it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Differently => "it fails differently",
            Self::Passed => "it passed three times",
            Self::Expired => "it has expired",
            Self::Asked => "asked for",
        }
    }
}

/// What became of one test under a known failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Record {
    /// Whether it has failed in the accepted way.
    pub met: bool,
    /// How many times in a row it has passed.
    pub passes: u8,
    /// Why it is over for this test, once it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Unmuted>,
}

/// A known failure and what became of its tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownFailure {
    /// What is accepted, and why.
    pub spec: KnownSpec,
    /// Who accepted it from the console; nobody: it is written in the project's file.
    pub by: Option<Text>,
    /// When that was.
    pub since: Moment,
    /// The tests that it is about, as far as they are known.
    pub tests: BTreeMap<TestId, Record>,
    /// Why it is over as a whole, once it is.
    pub over: Option<Unmuted>,
}

impl KnownFailure {
    /// Whether it still excuses anything.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.over.is_none()
    }

    /// Over for one test, and as a whole with the last one that has met it.
    fn end(&mut self, test: TestId, why: Unmuted) {
        if let Some(record) = self.tests.get_mut(&test) {
            record.over = Some(why);
        }
        if self.tests.values().all(|record| record.over.is_some()) {
            self.over = Some(why);
        }
    }
}

/// A failure, as far as it must be known to tell whether it is accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure<'a> {
    pub(super) module: &'a str,
    pub(super) node: &'a str,
    /// The keys of its own signature and of its cause's.
    pub(super) keys: [&'a str; 2],
    pub(super) message: &'a str,
}

/// What an ended test means for the known failures.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Verdict {
    /// The known failure that excuses it.
    pub(super) known: Option<KnownId>,
    /// Those that no longer excuse this test, and why.
    pub(super) over: Vec<(KnownId, Unmuted)>,
}

/// What an earlier session left of a known failure; tests by the names that their runners have for them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecalledKnown {
    /// What was accepted, and why.
    pub spec: KnownSpec,
    /// Who accepted it from the console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Text>,
    /// When that was.
    pub since: Moment,
    /// What became of its tests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<(Text, Record)>,
    /// Why it is over, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Unmuted>,
}

/// All known failures of the session, those of the project's file first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct KnownFailures {
    list: Vec<KnownFailure>,
    /// Which of them each test is enlisted in.
    of: HashMap<TestId, Vec<KnownId>>,
    /// What earlier sessions say of tests that have not been found yet.
    awaited: HashMap<Text, Vec<(KnownId, Record)>>,
    /// The first moment at which one of them expires.
    next_expiry: Option<Moment>,
}

impl KnownFailures {
    /// Those of the project's file.
    pub(super) fn new(specs: &[KnownSpec], at: Moment) -> Self {
        let mut known = Self::default();
        for spec in specs {
            known.add(spec.clone(), None, at);
        }
        known
    }

    /// All of them, those that are over too.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (KnownId, &KnownFailure)> {
        self.list.iter().enumerate().map(|(n, known)| (KnownId(n as u32), known))
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: KnownId) -> Option<&KnownFailure> {
        self.list.get(id.index())
    }

    /// Whether there are none that could excuse anything.
    pub(super) fn is_idle(&self) -> bool {
        !self.list.iter().any(KnownFailure::is_active)
    }

    /// Accepts a failure from now on; `None` where there are too many.
    pub(super) fn add(&mut self, spec: KnownSpec, by: Option<Text>, at: Moment) -> Option<KnownId> {
        if self.list.len() >= KEPT {
            return None;
        }
        let id = KnownId(self.list.len() as u32);
        self.list.push(KnownFailure { spec, by, since: at, tests: BTreeMap::new(), over: None });
        self.plan_expiry();
        Some(id)
    }

    /// A test was found: it is enlisted wherever a pattern names it, or an earlier session did.
    pub(super) fn find(&mut self, test: TestId, module: &str, node: &str) {
        for n in 0..self.list.len() {
            let known = &self.list[n];
            let named = !known.spec.tests.is_empty() && !known.tests.contains_key(&test);
            if named && known.is_active() && known.spec.is_about(module, node) {
                self.enlist(KnownId(n as u32), test, Record::default());
            }
        }
        for (id, record) in self.awaited.remove(node).unwrap_or_default() {
            self.enlist(id, test, record);
        }
    }

    fn enlist(&mut self, id: KnownId, test: TestId, record: Record) {
        let Some(known) = self.list.get_mut(id.index()) else { return };
        let fresh = known.tests.insert(test, record).is_none();
        if fresh {
            self.of.entry(test).or_default().push(id);
        }
    }

    /// A test failed: whether that is known, and which known failures it has left behind by failing otherwise.
    pub(super) fn fail(&mut self, test: TestId, failure: &Failure) -> Verdict {
        let mut verdict = Verdict::default();
        for n in 0..self.list.len() {
            let (id, known) = (KnownId(n as u32), &mut self.list[n]);
            if !known.is_active() {
                continue;
            }
            let record = known.tests.get(&test).copied();
            if record.is_some_and(|record| record.over.is_some()) {
                continue;
            }
            if known.spec.accepts(failure) && known.spec.is_about(failure.module, failure.node) {
                verdict.known = verdict.known.or(Some(id));
                self.enlist(id, test, Record { met: true, passes: 0, over: None });
            } else if record.is_some_and(|record| record.met) {
                known.end(test, Unmuted::Differently);
                verdict.over.push((id, Unmuted::Differently));
            }
        }
        verdict
    }

    /// Which known failure excuses a failure that was met before, without learning anything from it.
    pub(super) fn excuse(&mut self, test: TestId, failure: &Failure) -> Option<KnownId> {
        let accepts = |known: &KnownFailure| {
            known.is_active()
                && known.tests.get(&test).is_none_or(|record| record.over.is_none())
                && known.spec.accepts(failure)
                && known.spec.is_about(failure.module, failure.node)
        };
        let id = self.iter().find(|(_, known)| accepts(known)).map(|(id, _)| id)?;
        let passes = self.list[id.index()].tests.get(&test).map_or(0, |record| record.passes);
        self.enlist(id, test, Record { met: true, passes, over: None });
        Some(id)
    }

    /// A test passed: after a few times in a row its failure is no longer a known one.
    pub(super) fn pass(&mut self, test: TestId) -> Vec<(KnownId, Unmuted)> {
        let mut over = Vec::new();
        for &id in self.of.get(&test).into_iter().flatten() {
            let Some(known) = self.list.get_mut(id.index()).filter(|known| known.is_active()) else { continue };
            let Some(record) = known.tests.get_mut(&test).filter(|record| record.over.is_none()) else { continue };
            record.passes = record.passes.saturating_add(1);
            if record.passes >= PASSES {
                known.end(test, Unmuted::Passed);
                over.push((id, Unmuted::Passed));
            }
        }
        over
    }

    /// Ends one as a whole, where it is not over.
    pub(super) fn end(&mut self, id: KnownId, why: Unmuted) -> bool {
        let Some(known) = self.list.get_mut(id.index()).filter(|known| known.is_active()) else { return false };
        known.over = Some(why);
        self.plan_expiry();
        true
    }

    /// Ends those whose time is over at `at`, and answers which.
    pub(super) fn expire(&mut self, at: Moment) -> Vec<KnownId> {
        if self.next_expiry.is_none_or(|next| next > at) {
            return Vec::new();
        }
        let is_due = |known: &KnownFailure| known.is_active() && known.spec.expires.is_some_and(|when| when <= at);
        let due: Vec<KnownId> = self.iter().filter(|(_, known)| is_due(known)).map(|(id, _)| id).collect();
        for &id in &due {
            self.end(id, Unmuted::Expired);
        }
        self.plan_expiry();
        due
    }

    fn plan_expiry(&mut self) {
        self.next_expiry =
            self.list.iter().filter(|known| known.is_active()).filter_map(|known| known.spec.expires).min();
    }

    /// What an earlier session left: those of its people, and what it had seen of those in the project's file.
    pub(super) fn recall(&mut self, recalled: &[RecalledKnown], find: impl Fn(&str) -> Option<TestId>) {
        for left in recalled {
            let present = self.iter().find(|(_, known)| known.spec == left.spec).map(|(id, _)| id);
            let id = match present {
                Some(id) => id,
                // What was taken out of the project's file is no longer accepted.
                None if left.by.is_none() || left.over.is_some() => continue,
                None => match self.add(left.spec.clone(), left.by.clone(), left.since) {
                    Some(id) => id,
                    None => return,
                },
            };
            if let Some(known) = self.list.get_mut(id.index()) {
                known.over = left.over;
            }
            for (node, record) in &left.tests {
                match find(node) {
                    Some(test) => self.enlist(id, test, *record),
                    None => self.awaited.entry(node.clone()).or_default().push((id, *record)),
                }
            }
        }
        self.plan_expiry();
    }

    /// What a later session has to know of them; `name` tells the full name of a test.
    #[must_use]
    pub fn left_behind(&self, name: impl Fn(TestId) -> Option<Text>) -> Vec<RecalledKnown> {
        let awaited = |id: KnownId| {
            let of_id = move |(node, list): (&Text, &Vec<(KnownId, Record)>)| {
                let record = list.iter().find(|(known, _)| *known == id).map(|(_, record)| *record)?;
                Some((node.clone(), record))
            };
            self.awaited.iter().filter_map(of_id)
        };
        let left = |(id, known): (KnownId, &KnownFailure)| {
            let told = known.tests.iter().filter(|(_, record)| **record != Record::default());
            let mut tests: Vec<(Text, Record)> =
                told.filter_map(|(test, record)| Some((name(*test)?, *record))).chain(awaited(id)).collect();
            tests.sort_by(|a, b| a.0.cmp(&b.0));
            let KnownFailure { spec, by, since, over, .. } = known.clone();
            RecalledKnown { spec, by, since, tests, over }
        };
        // What a person accepted and what is over now would only be forgotten again.
        let matters = |left: &RecalledKnown| left.over.is_none() || left.by.is_none();
        self.iter().map(left).filter(matters).collect()
    }
}
