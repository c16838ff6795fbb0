//! Null runs: the suite once without its environment. What passes there proves nothing about the environment.
//!
//! A null run leaves every result as it was. It only tells of each test whether its passes mean anything, and that
//! holds as long as the test's source stays the same.

use serde::{Deserialize, Serialize};

use super::{Inventory, NullKind, Outcome, Run, RunKind, RunnerSpec, TestCase, TestId, Text};

/// That a test passed a null run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vacuous {
    /// What stood in the environment's place.
    pub kind: NullKind,
    /// The hash of the test's source then, where its runner tells one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Text>,
}

/// A test that passed a null run in an earlier session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VacuousTest {
    /// The runner's full name for the test.
    pub node: Text,
    /// What it passed.
    pub vacuous: Vacuous,
}

impl NullKind {
    /// What a null run does with the environment, for the middle of a sentence.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Refused => "with the network refused",
            Self::Stub => "against the stub",
        }
    }

    /// Its name on the command line and in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Stub => "stub",
        }
    }
}

impl RunKind {
    /// Whether tests are executed, for their results or to see what passes without an environment.
    #[must_use]
    pub fn executes(self) -> bool {
        match self {
            Self::Test | Self::Null(_) => true,
            Self::Collect => false,
        }
    }

    /// Whether the environment is left out.
    #[must_use]
    pub fn is_null(self) -> bool {
        matches!(self, Self::Null(_))
    }
}

impl RunnerSpec {
    /// Whether its tests can be kept from their environment. What cannot would reach it, and whatever passes there
    /// would be called vacuous.
    #[must_use]
    pub fn can_do_without(&self) -> bool {
        &*self.tool == "pytest"
    }
}

impl Run {
    /// What stands in the environment's place, where it is a null run.
    #[must_use]
    pub fn null(&self) -> Option<NullKind> {
        match self.kind {
            RunKind::Null(kind) => Some(kind),
            RunKind::Collect | RunKind::Test => None,
        }
    }
}

impl TestCase {
    /// Whether it passed a null run, and is still the test that it was then.
    #[must_use]
    pub fn is_vacuous(&self) -> bool {
        self.vacuous.is_some()
    }

    /// A null run ended for it. A pass without any network says more than one against a stub, and a failure takes
    /// back only what the same kind of null run said.
    pub(super) fn meet_nothing(&mut self, kind: NullKind, outcome: Outcome) {
        let said = self.vacuous.as_ref().map(|vacuous| vacuous.kind);
        match outcome {
            // Who was stopped or whose process died told nothing.
            Outcome::Interrupted | Outcome::Lost | Outcome::Crashed => {}
            outcome if outcome.is_pass() && (said.is_none() || kind == NullKind::Refused) => {
                self.vacuous = Some(Vacuous { kind, source: self.source.clone() });
            }
            outcome if !outcome.is_pass() && said == Some(kind) => self.vacuous = None,
            _ => {}
        }
    }
}

impl Inventory {
    /// The tests that are known to prove nothing, those too that were not found in this session.
    pub fn vacuous(&self) -> impl Iterator<Item = VacuousTest> + '_ {
        let found = self.tests().filter_map(|(_, test)| {
            let vacuous = test.vacuous.clone()?;
            Some(VacuousTest { node: test.node.clone(), vacuous })
        });
        found.chain(self.unmet.values().cloned())
    }

    /// What is known from earlier sessions: of tests that are found already now, of others once they are.
    pub(super) fn recall_vacuous(&mut self, vacuous: &[VacuousTest]) {
        self.unmet.extend(vacuous.iter().map(|test| (test.node.clone(), test.clone())));
        let known = self.tests().len() as u32;
        (0..known).for_each(|n| self.review_vacuous(TestId(n)));
    }

    /// A test was found: what is remembered of it holds while its source is the same.
    pub(super) fn review_vacuous(&mut self, id: TestId) {
        let Some(test) = self.test(id) else { return };
        let (node, is_known) = (test.node.clone(), test.vacuous.is_some());
        let remembered = self.unmet.remove(&node).map(|known| known.vacuous);
        if remembered.is_none() && !is_known {
            return;
        }
        self.change(id, |test| {
            let known = test.vacuous.take().or(remembered);
            // Who lists a test without its source does not say that it changed.
            test.vacuous = known.filter(|known| test.source.is_none() || known.source == test.source);
        });
    }

    /// A null run met something that is no test, such as a module that does not load without its environment.
    pub(super) fn disown(&mut self, id: TestId) {
        self.change(id, |test| test.gone = test.gone || test.latest.is_none());
    }

    /// A test of a null run ended.
    pub(super) fn meet_nothing(&mut self, id: TestId, kind: NullKind, outcome: Outcome) {
        self.change(id, |test| test.meet_nothing(kind, outcome));
    }
}
