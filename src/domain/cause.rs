//! Failures folded into causes: tests that fail for the same reason stand together, from the moment the first of them
//! ends. Nothing here looks at more than the test that moves.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::service::Epoch;
use super::{CauseClass, CauseId, Disturbance, Moment, Sightings, Signature, TestId, Text};

/// How many causes are told apart; what comes beyond is folded by its class alone, and says so.
const KEPT: usize = 4_096;

/// Failures that share a signature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// What they share, as the first of them told it.
    pub signature: Signature,
    /// Its signature's key, in short: what a known failure is bound to.
    pub key: Text,
    /// What went wrong, in the words that all of them have used.
    title: Text,
    /// The tests that fail for this reason now, the dependent ones left out.
    pub tests: BTreeSet<TestId>,
    /// The tests that fail because one of those does.
    pub dependents: BTreeSet<TestId>,
    /// The cycle in which it was first seen.
    pub first_seen: u32,
    /// The cycle since which some test has failed for it.
    pub since: u32,
    /// The most tests that have failed for it at once.
    pub most: u32,
    /// How it ended; nothing while a test fails for it.
    pub end: Option<CauseEnd>,
    /// When it was seen.
    pub seen: Sightings,
    /// Whether it is a service that was not well: not what the tests are about.
    #[serde(default)]
    pub disturbs: bool,
    /// Which revisions the newest of its failures met.
    epoch: Epoch,
}

/// How a cause ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseEnd {
    /// The last of its tests passed, or got past it.
    Fixed {
        /// In which cycle.
        cycle: u32,
        /// By which revision, where one moved in between.
        by: Option<Text>,
    },
    /// Its tests were skipped, stopped, lost, or vanished: nobody knows.
    Gone,
}

/// How a cause stands to the present cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CauseStatus<'a> {
    /// It was not there before this cycle.
    New,
    /// It was there before.
    Still,
    /// No test fails for it any more.
    Over(&'a CauseEnd),
}

impl Cause {
    /// What kind of thing went wrong.
    #[must_use]
    pub fn class(&self) -> CauseClass {
        self.signature.class
    }

    /// What went wrong, in plain words.
    #[must_use]
    pub fn title(&self) -> &Text {
        &self.title
    }

    /// Another failure of this cause words it in its own way: what differs is left out of the title.
    fn hear(&mut self, signature: &Signature) {
        let said = signature.wording.as_ref().unwrap_or(&signature.title);
        if self.title != *said && self.title != self.signature.title {
            self.title = shared_words(&self.title, said).unwrap_or_else(|| self.signature.title.clone());
        }
    }

    /// How it stands to `cycle`.
    #[must_use]
    pub fn status(&self, cycle: u32) -> CauseStatus<'_> {
        match &self.end {
            Some(end) => CauseStatus::Over(end),
            None if self.since >= cycle => CauseStatus::New,
            None => CauseStatus::Still,
        }
    }

    /// How many tests fail for it, the dependent ones too.
    #[must_use]
    pub fn count(&self) -> u32 {
        (self.tests.len() + self.dependents.len()) as u32
    }

    /// The tests that fail for it, the dependent ones last.
    pub fn members(&self) -> impl Iterator<Item = TestId> + '_ {
        self.tests.iter().chain(&self.dependents).copied()
    }
}

/// A failure, as far as its cause must know it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Met {
    pub(super) test: TestId,
    pub(super) cycle: u32,
    pub(super) epoch: Epoch,
    pub(super) at: Moment,
}

/// Why a test leaves its cause.
#[derive(Debug, Clone)]
pub(super) enum Leave {
    /// It got past it, on these revisions.
    Past { cycle: u32, by: Option<Text> },
    /// Nobody knows.
    Unknown,
}

/// All causes of the session, in the order in which they were first seen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Causes {
    list: Vec<Cause>,
    index: HashMap<Text, CauseId>,
    of: Vec<Option<CauseId>>,
}

impl Causes {
    /// A cause that was seen in this session.
    #[must_use]
    pub fn get(&self, id: CauseId) -> Option<&Cause> {
        self.list.get(id.index())
    }

    /// The cause whose signature has that short key.
    #[must_use]
    pub fn keyed(&self, key: &str) -> Option<&Cause> {
        self.list.iter().find(|cause| &*cause.key == key)
    }

    /// The cause of the signature with that key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Option<&Cause> {
        self.get(*self.index.get(key)?)
    }

    /// All causes, in the order in which they were first seen.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (CauseId, &Cause)> {
        self.list.iter().enumerate().map(|(n, cause)| (CauseId(n as u32), cause))
    }

    /// The causes for which some test fails now, the one with most tests first.
    #[must_use]
    pub fn present(&self) -> Vec<CauseId> {
        let present = self.iter().filter(|(_, cause)| cause.end.is_none());
        let mut ids: Vec<CauseId> = present.map(|(id, _)| id).collect();
        ids.sort_by_key(|id| (Reverse(self.list[id.index()].count()), *id));
        ids
    }

    /// The causes that were fixed, the newest first. Those of which nobody knows what became are left out.
    #[must_use]
    pub fn fixed(&self) -> Vec<CauseId> {
        let cycle = |id: &CauseId| match self.list[id.index()].end {
            Some(CauseEnd::Fixed { cycle, .. }) => Some(cycle),
            Some(CauseEnd::Gone) | None => None,
        };
        let mut ids: Vec<CauseId> = self.iter().map(|(id, _)| id).filter(|id| cycle(id).is_some()).collect();
        ids.sort_by_key(|id| (Reverse(cycle(id)), *id));
        ids
    }

    /// Why a test fails now.
    #[must_use]
    pub fn of(&self, test: TestId) -> Option<CauseId> {
        self.of.get(test.index()).copied().flatten()
    }

    /// Whether a test fails only because another does.
    #[must_use]
    pub fn is_dependent(&self, test: TestId) -> bool {
        self.of(test).and_then(|id| self.get(id)).is_some_and(|cause| cause.dependents.contains(&test))
    }

    /// The class of a test's failure.
    #[must_use]
    pub fn class_of(&self, test: TestId) -> Option<CauseClass> {
        let cause = self.get(self.of(test)?)?;
        Some(if cause.dependents.contains(&test) { CauseClass::Dependent } else { cause.class() })
    }

    /// The cause of that signature, new where it has not been seen before.
    pub(super) fn find(&mut self, mut signature: Signature, cycle: u32) -> CauseId {
        let mut key: Text = signature.key().into();
        if self.list.len() >= KEPT && !self.index.contains_key(&key) {
            let class = signature.class.word();
            key = format!("{class}\n…").into();
            signature.title = format!("more causes of this class: only {KEPT} are told apart").into();
        }
        if let Some(&id) = self.index.get(&key) {
            self.list[id.index()].hear(&signature);
            return id;
        }
        let id = CauseId(self.list.len() as u32);
        self.index.insert(key, id);
        self.list.push(Cause {
            title: signature.wording.as_ref().unwrap_or(&signature.title).clone(),
            key: signature.short_key().into(),
            signature,
            tests: BTreeSet::new(),
            dependents: BTreeSet::new(),
            first_seen: cycle,
            since: cycle,
            most: 0,
            end: Some(CauseEnd::Gone),
            seen: Sightings::default(),
            disturbs: false,
            epoch: 0,
        });
        id
    }

    /// The cause of everything that a disturbance explains.
    pub(super) fn find_disturbance(&mut self, disturbance: &Disturbance, cycle: u32) -> CauseId {
        let id = self.find(disturbance.signature(), cycle);
        if let Some(cause) = self.list.get_mut(id.index()) {
            cause.disturbs = true;
        }
        id
    }

    /// A test fails for that reason; `past` says what became of the reason before.
    pub(super) fn join(&mut self, id: CauseId, met: Met, dependent: bool, past: Leave) {
        if self.of(met.test) != Some(id) || self.is_dependent(met.test) != dependent {
            self.leave(met.test, past);
        }
        let Some(cause) = self.list.get_mut(id.index()) else { return };
        match cause.end.take() {
            // What nobody knew to be over has been there all the time.
            None | Some(CauseEnd::Gone) if cause.most > 0 => {}
            None | Some(CauseEnd::Gone | CauseEnd::Fixed { .. }) => cause.since = met.cycle,
        }
        cause.first_seen = cause.first_seen.min(met.cycle);
        cause.since = cause.since.min(met.cycle);
        cause.seen.see(met.cycle, met.at);
        cause.epoch = met.epoch;
        let members = if dependent { &mut cause.dependents } else { &mut cause.tests };
        members.insert(met.test);
        cause.most = cause.most.max(cause.count());
        if self.of.len() <= met.test.index() {
            self.of.resize(met.test.index() + 1, None);
        }
        self.of[met.test.index()] = Some(id);
    }

    /// A test no longer fails for its reason.
    pub(super) fn leave(&mut self, test: TestId, how: Leave) {
        let Some(id) = self.of.get_mut(test.index()).and_then(Option::take) else { return };
        let Some(cause) = self.list.get_mut(id.index()) else { return };
        cause.tests.remove(&test);
        cause.dependents.remove(&test);
        if cause.count() == 0 {
            cause.end = Some(match how {
                Leave::Past { cycle, by } => CauseEnd::Fixed { cycle, by },
                Leave::Unknown => CauseEnd::Gone,
            });
        }
    }

    /// Which revisions the newest failure for a test's reason met.
    pub(super) fn epoch_of(&self, test: TestId) -> Option<Epoch> {
        Some(self.get(self.of(test)?)?.epoch)
    }

    /// The tests that fail for some reason.
    pub(super) fn tests(&self) -> impl Iterator<Item = TestId> + '_ {
        self.of.iter().enumerate().filter(|(_, cause)| cause.is_some()).map(|(n, _)| TestId(n as u32))
    }
}

/// `order … is late` of `order 17 is late` and `order 99 is late`; nothing where the words do not pair up, or where
/// few of them are the same.
fn shared_words(one: &str, other: &str) -> Option<Text> {
    let words = |text: &str| text.split_whitespace().count();
    if words(one) != words(other) {
        return None;
    }
    let mut shared = String::with_capacity(one.len());
    let mut same = 0;
    for (mine, theirs) in one.split_whitespace().zip(other.split_whitespace()) {
        if !shared.is_empty() {
            shared.push(' ');
        }
        same += usize::from(mine == theirs);
        shared.push_str(if mine == theirs { mine } else { "…" });
    }
    (same * 2 >= words(one)).then(|| shared.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Detail, Outcome};

    fn signature(message: &str) -> Signature {
        Signature::of(Outcome::Failed, Some(&Detail { message: message.into(), ..Detail::default() }))
    }

    struct Session {
        causes: Causes,
        cycle: u32,
    }

    impl Session {
        fn fail(&mut self, test: u32, message: &str) -> &mut Self {
            let id = self.causes.find(signature(message), self.cycle);
            let met =
                Met { test: TestId(test), cycle: self.cycle, epoch: self.cycle, at: Moment(u64::from(self.cycle)) };
            self.causes.join(id, met, false, Leave::Past { cycle: self.cycle, by: Some("b2".into()) });
            self
        }

        fn pass(&mut self, test: u32) -> &mut Self {
            self.causes.leave(TestId(test), Leave::Past { cycle: self.cycle, by: Some("b2".into()) });
            self
        }

        /// `2 HTTP 403 new, 1 HTTP 503 still`
        fn told(&self) -> String {
            let told = |(_, cause): (CauseId, &Cause)| {
                let status = match cause.status(self.cycle) {
                    CauseStatus::New => "new".to_owned(),
                    CauseStatus::Still => "still".to_owned(),
                    CauseStatus::Over(CauseEnd::Gone) => "gone".to_owned(),
                    CauseStatus::Over(CauseEnd::Fixed { cycle, by }) => {
                        format!("fixed in {cycle} by {}", by.as_deref().unwrap_or("nobody"))
                    }
                };
                format!("{} {} {status}", cause.count(), cause.title())
            };
            self.causes.iter().map(told).collect::<Vec<_>>().join(", ")
        }
    }

    #[test]
    fn causes_are_new_then_still_there_then_fixed_and_may_return() {
        let mut session = Session { causes: Causes::default(), cycle: 1 };
        session.fail(0, "HTTP 403").fail(1, "HTTP 403").fail(2, "HTTP 404 for /a");
        assert_eq!(session.told(), "2 HTTP 403 new, 1 HTTP 404 for /a new");
        session.cycle = 2;
        session.fail(0, "HTTP 403").pass(2);
        assert_eq!(session.told(), "2 HTTP 403 still, 0 HTTP 404 for /a fixed in 2 by b2");
        session.fail(0, "HTTP 404 for /a").fail(1, "HTTP 404 for /a");
        assert_eq!(session.told(), "0 HTTP 403 fixed in 2 by b2, 2 HTTP 404 for /a new");
        assert_eq!(session.causes.present(), [CauseId(1)]);
        assert_eq!(session.causes.get(CauseId(0)).map(|cause| (cause.most, cause.first_seen)), Some((2, 1)));
    }

    #[test]
    fn a_title_keeps_the_words_that_all_have_used() {
        let mut session = Session { causes: Causes::default(), cycle: 1 };
        session.fail(0, "order 17 of 'anna' was never shipped");
        assert_eq!(session.told(), "1 order 17 of 'anna' was never shipped new");
        session.fail(1, "order 18 of 'anna' was never shipped").fail(2, "order 19 of 'bert' was never shipped");
        assert_eq!(session.told(), "3 order … of … was never shipped new");
        session.fail(3, "order 20 of 'anna of the hill' was never shipped");
        assert_eq!(session.told(), "4 order <n> of <value> was never shipped new");
    }

    #[test]
    fn there_are_never_more_causes_than_are_kept() {
        let mut session = Session { causes: Causes::default(), cycle: 1 };
        for n in 0..KEPT as u32 + 50 {
            let words: String = n.to_string().bytes().map(|byte| char::from(byte - b'0' + b'a')).collect();
            session.fail(n, &format!("the {words} broke apart"));
        }
        assert_eq!(session.causes.iter().len(), KEPT + 1);
        let last = session.causes.get(CauseId(KEPT as u32)).expect("the last one");
        assert_eq!(last.count(), 50);
        assert!(last.title().contains("only 4096"), "{}", last.title());
    }

    /// Ten thousand tests of which every fifth fails, in forty ways: what the speed is measured with.
    #[test]
    #[ignore = "a measurement: cargo test --release --lib grouping -- --ignored --nocapture"]
    fn measure_grouping_two_thousand_failures() {
        let details: Vec<Detail> = (0..2_000).map(failure).collect();
        let began = std::time::Instant::now();
        let mut causes = Causes::default();
        for test in 0..10_000_u32 {
            if test % 5 == 0 {
                let detail = &details[test as usize / 5];
                let id = causes.find(Signature::of(Outcome::Failed, Some(detail)), 1);
                causes.join(id, Met { test: TestId(test), cycle: 1, epoch: 1, at: Moment(1) }, false, Leave::Unknown);
            } else {
                causes.leave(TestId(test), Leave::Unknown);
            }
        }
        let order = causes.present();
        println!("{} causes of 2000 failures in {:?}", order.len(), began.elapsed());
    }

    fn failure(n: u32) -> Detail {
        let trace = format!("    def test_{n}():\n{}E   AssertionError: order {n}\n", "        step()\n".repeat(40));
        let way = char::from(b'a' + (n % 20) as u8);
        let message = match n % 2 {
            0 => format!(
                "AssertionError: HTTP 404 for /api/{way}/things/{n}: {{\"detail\": \"Not Found\"}}\nassert 404 == 200"
            ),
            _ => {
                format!("AssertionError: the {way} of order {n} was never shipped by 'anna'\nassert {n} == 3\n  + more")
            }
        };
        Detail {
            message: message.into(),
            exception: Some("AssertionError".into()),
            trace: trace.into(),
            ..Detail::default()
        }
    }
}
