//! The tests that exist: modules, test cases, and how each one stands.

mod attempt;
mod case;
mod counted;
mod naming;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::event::{Found, Recalled};
use super::service::Epoch;
use super::tier::Tiers;
use super::{
    CauseId, Circumstance, Course, Grounds, KnownId, LeftOver, Measure, ModuleId, Moment, On, Outcome, RunnerId, Span,
    Tally, TestId, Text, TierId, TierSpec, VacuousTest, Verdict, Verdicts,
};

pub use attempt::{Attempt, Detail, Frame, Section, SubtestRow};
pub use case::TestCase;
use counted::Share;
use naming::{name_inside, short_title};

/// How many words of a message are looked up as names of other tests.
const NAMES_LOOKED_AT: usize = 64;
/// How many finished attempts before the latest one are kept for each test.
const EARLIER_KEPT: usize = 12;

/// Where a test stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// No result is known.
    NeverRun,
    /// Selected by a run, not started.
    Queued,
    /// Running now.
    Running,
    /// Its latest attempt ended.
    Done(Outcome),
}

/// A file or suite of tests: one live pane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Module {
    /// The tool that runs it.
    pub runner: RunnerId,
    /// Its path or full name, as the runner gives it.
    pub path: Text,
    /// A short name for people, unique among the modules.
    pub title: Text,
    /// Its tests, in the order in which they were found.
    pub tests: Vec<TestId>,
    /// How they stand.
    pub tally: Tally,
    /// Their verdicts, those of vanished tests too.
    #[serde(default)]
    pub verdicts: Verdicts,
    /// The verdict by which it has its place among the modules, and how many of its tests failed, both of the last
    /// moment at which no test ran.
    #[serde(default)]
    pub place: (Option<Verdict>, u32),
    /// The tests that run now.
    pub running: Vec<TestId>,
    /// When something last happened here.
    pub touched: Moment,
    /// How long the tests of its latest run took together.
    pub spent: Span,
    /// The most important priority group among its tests.
    pub tier: Option<TierId>,
}

/// All modules and tests.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Inventory {
    modules: Vec<Module>,
    tests: Vec<TestCase>,
    module_index: Vec<HashMap<Text, ModuleId>>,
    test_index: Vec<HashMap<Text, TestId>>,
    memory: HashMap<Text, Recalled>,
    /// What is remembered of tests that were not found yet.
    pub(super) unmet: HashMap<Text, VacuousTest>,
    /// What an earlier session selected and did not prove, and what spoilt it.
    #[serde(default)]
    left: HashMap<Text, Circumstance>,
    tally: Tally,
    #[serde(default)]
    verdicts: Verdicts,
    #[serde(default)]
    ordered: u32,
    tiers: Tiers,
    #[serde(default)]
    aimed: bool,
}

impl Inventory {
    /// All modules, in the order in which they were found.
    pub fn modules(&self) -> impl ExactSizeIterator<Item = (ModuleId, &Module)> {
        self.modules.iter().enumerate().map(|(n, module)| (ModuleId(n as u32), module))
    }

    /// All tests, the vanished ones too.
    pub fn tests(&self) -> impl ExactSizeIterator<Item = (TestId, &TestCase)> {
        self.tests.iter().enumerate().map(|(n, test)| (TestId(n as u32), test))
    }

    /// A module that was found in this session.
    #[must_use]
    pub fn module(&self, id: ModuleId) -> Option<&Module> {
        self.modules.get(id.index())
    }

    /// A test that was found in this session.
    #[must_use]
    pub fn test(&self, id: TestId) -> Option<&TestCase> {
        self.tests.get(id.index())
    }

    /// The test that `runner` calls `node`.
    #[must_use]
    pub fn test_named(&self, runner: RunnerId, node: &str) -> Option<TestId> {
        self.test_index.get(runner.index())?.get(node).copied()
    }

    /// How all tests together stand.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The verdicts on all tests together.
    #[must_use]
    pub fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    /// How often everything was put in order: a list that was made from the same order still holds.
    #[must_use]
    pub fn ordered(&self) -> u32 {
        self.ordered
    }

    /// Everything takes the place that its verdict gives it now.
    pub(super) fn put_in_order(&mut self) {
        self.ordered = self.ordered.wrapping_add(1);
        self.tests.iter_mut().for_each(|test| test.place = test.rank());
        for module in &mut self.modules {
            module.place = (module.verdicts.first(), module.tally.failures());
        }
    }

    /// The priority groups and how they stand.
    #[must_use]
    pub fn tiers(&self) -> &Tiers {
        &self.tiers
    }

    /// Ids of the tests whose latest result a person must look at, in order. Vanished ones and known failures are left
    /// out.
    pub fn failures(&self) -> impl Iterator<Item = TestId> + '_ {
        self.tests().filter(|(_, test)| !test.gone && test.fails()).map(|(id, _)| id)
    }

    /// Ids of the tests that are to be run again, in order: what failed, was lost, was spoilt by the environment, or
    /// never had its turn.
    pub fn unproved(&self) -> impl Iterator<Item = TestId> + '_ {
        self.tests().filter(|(_, test)| test.is_unproved()).map(|(id, _)| id)
    }

    /// The tests that are proved, but not on what serves now.
    pub fn stale(&self) -> impl Iterator<Item = TestId> + '_ {
        let is_stale = |test: &TestCase| test.is_stale() && !test.gone && !test.is_unproved();
        self.tests().filter(move |(_, test)| is_stale(test)).map(|(id, _)| id)
    }

    /// The runner of a test.
    #[must_use]
    pub fn runner_of(&self, id: TestId) -> Option<RunnerId> {
        Some(self.module(self.test(id)?.module)?.runner)
    }

    /// The priority groups of the project, before any test is found, and whether there is an environment.
    pub(super) fn arrange(&mut self, tiers: &[TierSpec], aimed: bool) {
        self.tiers = Tiers::new(tiers);
        self.aimed = aimed;
    }

    /// The known failure that excuses a test's latest result, where one does.
    pub(super) fn excuse(&mut self, id: TestId, known: Option<KnownId>) {
        self.change(id, |test| test.known = known);
    }

    /// What an earlier session left of the test of that name.
    pub(super) fn recalled(&self, node: &str) -> Option<&Recalled> {
        self.memory.get(node)
    }

    /// An attempt of a test tells something about it on the ground where it was made.
    pub(super) fn stand_on(&mut self, id: TestId, on: On, failed: u32, passed: u32) {
        if let Some(test) = self.tests.get_mut(id.index()) {
            test.grounds.count(on, failed, passed);
        }
    }

    /// The cause of a latest result that came without one.
    pub(super) fn blame(&mut self, id: TestId, cause: CauseId) {
        self.change(id, |test| {
            if let Some(latest) = &mut test.latest {
                latest.cause = Some(cause);
            }
            test.remember_course();
        });
    }

    /// Measures a test against something else.
    pub(super) fn measure(&mut self, id: TestId, measure: Measure) {
        self.change(id, |test| test.measure = measure);
    }

    /// Takes note of a test that no runner finds and that a baseline knows.
    pub(super) fn miss(&mut self, runner: RunnerId, module: &Text, node: &Text, measure: Measure) {
        let found = Found { node: node.clone(), module: module.clone(), line: 0, source: None };
        if self.test_named(runner, node).is_none() {
            self.insert(runner, &found, true, measure);
        }
    }

    /// The runner that has a module of that path, or the only one there is.
    pub(super) fn runner_with(&self, module: &str) -> Option<RunnerId> {
        let has = |index: &HashMap<Text, ModuleId>| index.contains_key(module);
        let place = self.module_index.iter().position(has);
        place.or((self.module_index.len() == 1).then_some(0)).map(|n| RunnerId(n as u32))
    }

    /// Whether some runner knows a test of that name.
    pub(super) fn knows(&self, node: &str) -> bool {
        self.test_index.iter().any(|index| index.get(node).is_some_and(|id| !self.tests[id.index()].gone))
    }

    /// Another test of the same module that failed and that `message` names.
    pub(super) fn named_failure(&self, id: TestId, message: &str) -> Option<TestId> {
        let test = self.test(id)?;
        let runner = self.module(test.module)?.runner;
        let siblings = test.node.rsplit_once("::").map(|(path, _)| path)?;
        let words = message.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let names = words.filter(|word| word.len() > 4 && word.contains('_')).take(NAMES_LOOKED_AT);
        let mut found = names.filter_map(|name| self.test_named(runner, &format!("{siblings}::{name}")));
        let failed = |other: &TestId| {
            let case = self.test(*other);
            *other != id && case.is_some_and(|case| !case.gone && case.outcome().is_some_and(Outcome::is_failure))
        };
        found.find(failed)
    }

    /// Takes note of a test that a runner found, and hands out its identity.
    pub(super) fn find(&mut self, runner: RunnerId, found: &Found) -> TestId {
        grow(&mut self.test_index, runner.index());
        if let Some(&id) = self.test_index[runner.index()].get(&found.node) {
            self.change(id, |test| {
                test.line = found.line;
                test.gone = false;
                test.rewritten |= found.source.is_some() && test.source.is_some() && found.source != test.source;
                test.source = found.source.clone().or_else(|| test.source.take());
            });
            self.review_vacuous(id);
            return id;
        }
        self.insert(runner, found, false, Measure::Previous)
    }

    fn insert(&mut self, runner: RunnerId, found: &Found, gone: bool, measure: Measure) -> TestId {
        grow(&mut self.test_index, runner.index());
        let module = self.find_module(runner, &found.module);
        let id = TestId(self.tests.len() as u32);
        let tier = self.tiers.of(&found.module, &found.node);
        let latest = self.memory.get(&found.node).map(Recalled::attempt);
        let mut test = TestCase {
            module,
            node: found.node.clone(),
            name: name_inside(&found.module, &found.node),
            line: found.line,
            standing: latest.as_ref().map_or(Standing::NeverRun, |attempt| Standing::Done(attempt.outcome)),
            since: Moment::default(),
            epoch: 0,
            usual: self.memory.get(&found.node).and_then(|recalled| recalled.usual),
            grounds: self.memory.get(&found.node).map_or_else(Grounds::default, |recalled| recalled.grounds.clone()),
            expected: None,
            source: found.source.clone(),
            rewritten: false,
            vacuous: None,
            stale: latest.is_some(),
            latest,
            earlier: Vec::new(),
            course: self.memory.get(&found.node).map_or_else(Course::default, |recalled| recalled.course.clone()),
            gone,
            in_debugger: false,
            missed: false,
            measure,
            place: None,
            known: None,
            tier,
            aimed: self.aimed,
        };
        if let Some(circumstance) = self.left.get(&found.node) {
            test.leave(circumstance.clone());
        }
        test.place = test.rank();
        self.tests.push(test);
        self.test_index[runner.index()].insert(found.node.clone(), id);
        let module = &mut self.modules[module.index()];
        module.tests.push(id);
        module.tier = module.tier.into_iter().chain(tier).min();
        let share = Share::of(&self.tests[id.index()]);
        self.count(id, None, share);
        self.review_vacuous(id);
        id
    }

    /// Results of earlier sessions: shown as stale until proved again, and the measure of what is usual.
    pub(super) fn recall(&mut self, recalled: &[Recalled]) {
        for memory in recalled {
            self.memory.insert(memory.node.clone(), memory.clone());
        }
        for n in 0..self.tests.len() {
            let Some(memory) = self.memory.get(&self.tests[n].node).cloned() else { continue };
            self.change(TestId(n as u32), |test| {
                test.usual = test.usual.or(memory.usual);
                test.grounds.recall(&memory.grounds);
                test.course.recall(&memory.course);
                if test.latest.is_none() {
                    test.latest = Some(memory.attempt());
                    test.stale = true;
                    if test.standing == Standing::NeverRun {
                        test.standing = test.settled();
                    }
                }
            });
        }
    }

    /// The runner collected everything and did not meet these tests again.
    pub(super) fn vanish(&mut self, runner: RunnerId, met: &[TestId]) -> u32 {
        let mut kept = vec![false; self.tests.len()];
        met.iter().for_each(|id| kept[id.index()] = true);
        let mut vanished = 0;
        for (n, kept) in kept.into_iter().enumerate() {
            let test = &self.tests[n];
            if kept || test.gone || self.modules[test.module.index()].runner != runner {
                continue;
            }
            self.change(TestId(n as u32), |test| test.gone = true);
            vanished += 1;
        }
        vanished
    }

    pub(super) fn queue(&mut self, id: TestId, at: Moment) {
        self.stand(id, Standing::Queued, at);
    }

    pub(super) fn start(&mut self, id: TestId, at: Moment, epoch: Epoch) {
        self.leave(id);
        self.stand(id, Standing::Running, at);
        if let Some(test) = self.tests.get_mut(id.index()) {
            test.epoch = epoch;
            self.modules[test.module.index()].running.push(id);
        }
    }

    /// A queued or running test goes back to where it stood before.
    pub(super) fn settle(&mut self, id: TestId, at: Moment) {
        let Some(standing) = self.test(id).map(TestCase::settled) else { return };
        self.leave(id);
        self.stand(id, standing, at);
    }

    /// An attempt ended; `stale` where it met something else than what serves now.
    pub(super) fn end(&mut self, id: TestId, attempt: Attempt, stale: bool, at: Moment) {
        let Some(test) = self.tests.get(id.index()) else { return };
        let module = test.module;
        let (outcome, took) = (attempt.outcome, attempt.took);
        self.leave(id);
        self.change(id, |test| {
            test.expected = test.usual;
            if outcome.is_pass() {
                // An exponential mean: a few attempts tell what is usual, and a change shows after a few more.
                test.usual = Some(test.usual.map_or(took, |usual| Span((usual.0 * 3 + took.0) / 4)));
            }
            test.in_debugger = false;
            test.missed = false;
            test.rewritten = false;
            test.stale = stale;
            // What excused the result before does not excuse this one.
            test.known = None;
            if let Some(before) = test.latest.replace(attempt) {
                if test.earlier.len() == EARLIER_KEPT {
                    // Of a cycle that repeats a test, only the newest attempts are kept: what it is measured against
                    // is of a cycle before.
                    let oldest = test.earlier.iter().position(|earlier| earlier.cycle == before.cycle);
                    test.earlier.remove(oldest.unwrap_or(0));
                }
                test.earlier.push(before);
            }
            test.remember_course();
            test.standing = Standing::Done(outcome);
            test.since = at;
        });
        let module = &mut self.modules[module.index()];
        module.touched = at;
        module.spent = Span(module.spent.0.saturating_add(took.0));
    }

    /// The run that selected a test ended before its turn came.
    pub(super) fn pass_over(&mut self, id: TestId) {
        self.change(id, |test| test.missed = true);
    }

    /// What an earlier session selected and did not prove.
    pub(super) fn recall_left(&mut self, left: &[LeftOver]) {
        self.left.extend(left.iter().map(|left| (left.node.clone(), left.circumstance.clone())));
        for n in 0..self.tests.len() {
            if let Some(circumstance) = self.left.get(&self.tests[n].node).cloned() {
                self.change(TestId(n as u32), |test| test.leave(circumstance));
            }
        }
    }

    /// What an earlier session left of tests that this one has not listed.
    pub(super) fn left_unlisted(&self) -> impl Iterator<Item = LeftOver> {
        let is_listed = |node: &Text| self.test_index.iter().any(|index| index.contains_key(node));
        let unlisted = self.left.iter().filter(move |(node, _)| !is_listed(node));
        unlisted.map(|(node, circumstance)| LeftOver { node: node.clone(), circumstance: circumstance.clone() })
    }

    /// It turned out what the environment did while the latest attempt of a test ran.
    pub(super) fn explain(&mut self, id: TestId, circumstance: Circumstance, cause: Option<CauseId>) {
        self.change(id, |test| {
            if let Some(latest) = &mut test.latest {
                latest.circumstance = circumstance;
                latest.cause = cause;
                test.stale = false;
            }
            test.remember_course();
        });
    }

    pub(super) fn debugger(&mut self, id: TestId, open: bool) {
        if let Some(test) = self.tests.get_mut(id.index()) {
            test.in_debugger = open;
        }
    }

    /// Forgets what earlier runs of these modules took, at the start of another run.
    pub(super) fn reset_spent(&mut self, runner: RunnerId) {
        self.modules.iter_mut().filter(|module| module.runner == runner).for_each(|module| module.spent = Span::ZERO);
    }

    /// Decides anew which results are stale, after the revisions that serve have changed; answers how many are.
    pub(super) fn review_stale(&mut self, is_stale: impl Fn(&TestCase, &Attempt) -> bool) -> u32 {
        for n in 0..self.tests.len() {
            let test = &self.tests[n];
            let stale = test.latest.as_ref().is_some_and(|latest| is_stale(test, latest));
            if stale != test.stale {
                self.change(TestId(n as u32), |test| test.stale = stale);
            }
        }
        self.tally.stale
    }

    /// Titles that are short and still tell the modules apart.
    pub(super) fn entitle(&mut self) {
        let short: Vec<Text> = self.modules.iter().map(|module| short_title(&module.path).into()).collect();
        let mut seen: HashMap<&str, u32> = HashMap::new();
        short.iter().for_each(|title| *seen.entry(title).or_default() += 1);
        for (module, title) in self.modules.iter_mut().zip(&short) {
            module.title = if seen[title.as_ref()] > 1 { module.path.clone() } else { title.clone() };
        }
    }

    fn find_module(&mut self, runner: RunnerId, path: &Text) -> ModuleId {
        grow(&mut self.module_index, runner.index());
        if let Some(&id) = self.module_index[runner.index()].get(path) {
            return id;
        }
        let id = ModuleId(self.modules.len() as u32);
        self.modules.push(Module {
            runner,
            path: path.clone(),
            title: short_title(path).into(),
            tests: Vec::new(),
            tally: Tally::default(),
            verdicts: Verdicts::default(),
            place: (None, 0),
            running: Vec::new(),
            touched: Moment::default(),
            spent: Span::ZERO,
            tier: None,
        });
        self.module_index[runner.index()].insert(path.clone(), id);
        id
    }

    fn stand(&mut self, id: TestId, standing: Standing, at: Moment) {
        self.change(id, |test| {
            test.standing = standing;
            test.since = at;
        });
        if let Some(test) = self.tests.get(id.index()) {
            self.modules[test.module.index()].touched = at;
        }
    }

    /// The only way in which a test changes: its counters change with it.
    pub(super) fn change(&mut self, id: TestId, change: impl FnOnce(&mut TestCase)) {
        let Some(test) = self.tests.get_mut(id.index()) else { return };
        let before = Share::of(test);
        change(test);
        let after = Share::of(test);
        if before != after {
            self.count(id, Some(before), after);
        }
    }

    /// A test counts so now, where it is counted at all: in its module, in its tier, and among all.
    fn count(&mut self, id: TestId, before: Option<Share>, after: Share) {
        let test = &self.tests[id.index()];
        let (module, tier) = (&mut self.modules[test.module.index()], self.tiers.tally_mut(test.tier));
        for tally in [&mut module.tally, &mut self.tally].into_iter().chain(tier) {
            before.into_iter().for_each(|share| share.remove(tally));
            after.add(tally);
        }
        for verdicts in [&mut module.verdicts, &mut self.verdicts] {
            before.into_iter().for_each(|share| share.remove_verdict(verdicts));
            after.add_verdict(verdicts);
        }
    }

    fn leave(&mut self, id: TestId) {
        let Some(test) = self.tests.get(id.index()) else { return };
        let running = &mut self.modules[test.module.index()].running;
        if let Some(place) = running.iter().position(|&other| other == id) {
            running.remove(place);
        }
    }
}

fn grow<T: Default>(list: &mut Vec<T>, index: usize) {
    while list.len() <= index {
        list.push(T::default());
    }
}
