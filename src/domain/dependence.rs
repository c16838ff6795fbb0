//! Tests that fail because others do: declared by a pattern, or found because they have always failed together.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use super::service::Epoch;
use super::{Attempt, Inventory, ModuleId, Outcome, TestId};

/// How many tests of one rule are remembered on each side; what comes beyond stands for itself.
const KEPT: usize = 2_000;
/// How many cycles two tests must have in common before anything is concluded.
const CYCLES: usize = 3;

/// `tests` cannot hold while one of `on` fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DependentSpec {
    /// The tests that cannot hold,
    pub tests: Vec<Pattern>,
    /// while one of these fails.
    pub on: Vec<Pattern>,
}

/// A rule and the tests on both its sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Rule {
    spec: DependentSpec,
    tests: Vec<TestId>,
    on: Vec<TestId>,
}

/// Which tests fail because others do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Dependence {
    rules: Vec<Rule>,
    /// The rules that each test is on either side of.
    of: HashMap<TestId, Vec<u32>>,
    /// What was found: a test, and the one that it fails with.
    found: HashMap<TestId, TestId>,
    /// The same from the other side.
    leads: HashMap<TestId, BTreeSet<TestId>>,
}

impl Dependence {
    pub(super) fn new(specs: &[DependentSpec]) -> Self {
        let rule = |spec: &DependentSpec| Rule { spec: spec.clone(), tests: Vec::new(), on: Vec::new() };
        Self { rules: specs.iter().map(rule).collect(), ..Self::default() }
    }

    /// A test was found: it takes its places in the rules, once.
    pub(super) fn find(&mut self, test: TestId, module: &str, node: &str) {
        if self.rules.is_empty() || self.of.contains_key(&test) {
            return;
        }
        let mut places = Vec::new();
        for (n, rule) in self.rules.iter_mut().enumerate() {
            let fits = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.fits_test(module, node));
            // What others depend on does not depend on itself.
            let side = if fits(&rule.spec.on) {
                &mut rule.on
            } else if fits(&rule.spec.tests) {
                &mut rule.tests
            } else {
                continue;
            };
            if side.len() < KEPT {
                side.push(test);
                places.push(n as u32);
            }
        }
        self.of.insert(test, places);
    }

    fn rules_of(&self, test: TestId) -> impl Iterator<Item = &Rule> {
        self.of.get(&test).into_iter().flatten().filter_map(|n| self.rules.get(*n as usize))
    }

    /// The tests that this one cannot hold without, as far as that was declared.
    pub(super) fn needs(&self, test: TestId) -> impl Iterator<Item = TestId> {
        let declared = self.rules_of(test).filter(move |rule| !rule.on.contains(&test));
        declared.flat_map(|rule| rule.on.iter().copied())
    }

    /// The tests that cannot hold without this one.
    pub(super) fn needed_by(&self, test: TestId) -> Vec<TestId> {
        let declared = self.rules_of(test).filter(|rule| rule.on.contains(&test));
        let found = self.leads.get(&test).into_iter().flatten().copied();
        declared.flat_map(|rule| rule.tests.iter().copied()).chain(found).collect()
    }

    /// Looks at what the tests of a module have done in this session: those that failed in exactly the cycles in which
    /// an earlier one failed, and held in all others, are taken to fail because of it. Answers the tests of which this
    /// is news. One comparison a test, so that a large module costs no more than reading it.
    pub(super) fn learn(&mut self, inventory: &Inventory, module: ModuleId) -> Vec<TestId> {
        let Some(module) = inventory.module(module) else { return Vec::new() };
        let mut first: HashMap<Vec<(u32, bool)>, TestId> = HashMap::new();
        let mut news = Vec::new();
        for &id in &module.tests {
            let Some(test) = inventory.test(id).filter(|test| !test.gone) else { continue };
            let record = record(test.earlier.iter().chain(&test.latest));
            let told = is_telling(&record).then(|| record.iter().map(|told| (told.cycle, told.failed)).collect());
            let on = told.map(|told| *first.entry(told).or_insert(id)).filter(|on| *on != id);
            let before = match on {
                Some(on) => self.found.insert(id, on),
                None => self.found.remove(&id),
            };
            if before == on {
                continue;
            }
            if let Some(followers) = before.and_then(|before| self.leads.get_mut(&before)) {
                followers.remove(&id);
            }
            if let Some(on) = on {
                self.leads.entry(on).or_default().insert(id);
            }
            news.push(id);
        }
        news
    }

    /// The test that this one was found to fail with.
    #[must_use]
    pub fn found(&self, test: TestId) -> Option<TestId> {
        self.found.get(&test).copied()
    }
}

/// What a test told in one cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Told {
    cycle: u32,
    failed: bool,
    epoch: Epoch,
}

/// In which cycles of this session it failed; of several attempts in one, the last counts. What was stopped, skipped
/// or met a moving deploy tells nothing.
fn record<'a>(attempts: impl Iterator<Item = &'a Attempt>) -> Vec<Told> {
    let mut record: Vec<Told> = Vec::new();
    for attempt in attempts.filter(|attempt| attempt.run.is_some() && attempt.circumstance.is_steady()) {
        let failed = match attempt.outcome {
            Outcome::Interrupted | Outcome::Lost | Outcome::Skipped | Outcome::Xfailed => continue,
            outcome => outcome.is_failure(),
        };
        let told = Told { cycle: attempt.cycle, failed, epoch: attempt.epoch };
        match record.last_mut() {
            Some(last) if last.cycle == told.cycle => *last = told,
            _ => record.push(told),
        }
    }
    record
}

/// Enough to conclude from: it changed and changed back, and not only when something was deployed. A deploy moves tests
/// together that have nothing to do with each other.
fn is_telling(record: &[Told]) -> bool {
    let changes = || record.windows(2).filter(|pair| pair[0].failed != pair[1].failed);
    record.len() >= CYCLES && changes().count() >= 2 && changes().any(|pair| pair[0].epoch == pair[1].epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_change_is_no_proof() {
        let record = |held: &str, moves: u32| -> Vec<Told> {
            let told = |(n, c)| Told { cycle: n, failed: c == 'f', epoch: 1 + n * moves };
            (1..).zip(held.chars()).map(told).collect()
        };
        let telling = |held: &str| is_telling(&record(held, 0));
        assert!(telling("fpf") && telling("pfp") && telling("ffppf"));
        for held in ["", "f", "fp", "fff", "ppp", "ffp", "fppp"] {
            assert!(!telling(held), "{held}");
        }
        assert!(!is_telling(&record("fpf", 1)), "every change came with a deploy");
    }

    #[test]
    fn a_rule_knows_its_tests_from_both_sides() {
        let spec = DependentSpec { tests: vec!["*::test_order*".into()], on: vec!["*::test_login".into()] };
        let mut dependence = Dependence::new(&[spec]);
        for (n, node) in ["t::test_login", "t::test_order_a", "t::test_order_b", "t::other"].into_iter().enumerate() {
            dependence.find(TestId(n as u32), "t", node);
            dependence.find(TestId(n as u32), "t", node);
        }
        assert_eq!(dependence.needed_by(TestId(0)), [TestId(1), TestId(2)]);
        assert_eq!(dependence.needs(TestId(2)).collect::<Vec<_>>(), [TestId(0)]);
        assert_eq!(dependence.needs(TestId(0)).count() + dependence.needs(TestId(3)).count(), 0);
    }
}
