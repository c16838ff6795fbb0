//! Every test, what was said of it, and what the passes are worth.

use serde::Serialize;

use super::causes::message;
use super::origin::OriginFact;
use crate::domain::{Counted, Grade, Standing, State, TestCase, TestId, Verdict};
use crate::report::time::stamp;

/// How many tests of one verdict are named.
const NAMED: usize = 100;
/// How many passes that prove nothing are named.
const HOLLOW: usize = 50;

/// A test.
#[derive(Debug, Clone, Serialize)]
pub struct TestFact {
    /// The runner's full name for it.
    pub node: String,
    /// Its name inside its module.
    pub name: String,
    /// Its module.
    pub module: String,
    /// Its priority group.
    pub tier: Option<String>,
    /// As what it is counted: its outcome's word, or `environment`, `known`, `straddled`, `queued`, `running`, `never run`.
    pub counted: &'static str,
    /// How its latest attempt ended.
    pub outcome: Option<&'static str>,
    /// What that is against the attempt before.
    pub verdict: Option<&'static str>,
    /// When that attempt began.
    pub began: Option<String>,
    /// How long it took, in seconds.
    pub took: Option<f64>,
    /// Its cycle.
    pub cycle: Option<u32>,
    /// Its run, where it belongs to this session.
    pub run: Option<u32>,
    /// How many executions it took.
    pub tries: u32,
    /// Where its cause is told.
    pub cause: Option<String>,
    /// What its failure said.
    pub message: Option<String>,
    /// Its traceback, without colours; left out of pages, and kept for tools.
    pub trace: Option<String>,
    /// Whether another revision serves now.
    pub stale: bool,
    /// Whether its runner no longer finds it.
    pub vanished: bool,
    /// How far it went towards the environment, where that was measured.
    pub grade: Option<&'static str>,
    /// Whether it passes without an environment too.
    pub vacuous: bool,
}

/// The tests of one verdict.
#[derive(Debug, Clone, Serialize)]
pub struct VerdictGroup {
    /// The verdict.
    pub verdict: &'static str,
    /// How many tests have it.
    pub count: u32,
    /// The runs of their results.
    pub origin: OriginFact,
    /// Their full names, with their runs and what they said.
    pub tests: Vec<VerdictTest>,
    /// How many more there are.
    pub more: u32,
}

/// A test of a verdict.
#[derive(Debug, Clone, Serialize)]
pub struct VerdictTest {
    /// The runner's full name for it.
    pub node: String,
    /// The run of its latest attempt, where it belongs to this session.
    pub run: Option<u32>,
    /// Where its cause is told.
    pub cause: Option<String>,
    /// What its failure said.
    pub message: Option<String>,
}

/// What the passes are worth.
#[derive(Debug, Clone, Default, Serialize)]
pub struct EvidenceFact {
    /// Passes that spoke on a WebSocket.
    pub websocket: u32,
    /// Passes that spoke HTTP.
    pub http: u32,
    /// Passes that exchanged bytes otherwise.
    pub network: u32,
    /// Passes that touched nothing outside their process.
    pub none: u32,
    /// All of those: passes that were measured.
    pub measured: u32,
    /// Passes that were not measured.
    pub unmeasured: u32,
    /// Passes of tests that pass without an environment too.
    pub vacuous: u32,
    /// The runs of the passes.
    pub origin: OriginFact,
    /// The passes that prove nothing.
    pub hollow: Vec<HollowFact>,
    /// How many more of them there are.
    pub more_hollow: u32,
}

/// A pass that proves nothing.
#[derive(Debug, Clone, Serialize)]
pub struct HollowFact {
    /// The test's full name.
    pub node: String,
    /// Its priority group.
    pub tier: Option<String>,
    /// Its run, where that belongs to this session.
    pub run: Option<u32>,
    /// Whether it comes about without an environment too; else it touched nothing.
    pub vacuous: bool,
}

/// Every test, in the order in which they were found.
pub(super) fn all(state: &State) -> Vec<TestFact> {
    state.inventory.tests().map(|(id, test)| fact(state, id, test)).collect()
}

fn fact(state: &State, id: TestId, test: &TestCase) -> TestFact {
    let latest = test.latest.as_ref();
    let failed = latest.filter(|latest| latest.outcome.is_failure() || !latest.circumstance.is_steady());
    let trace =
        failed.and_then(|failed| failed.detail.as_ref()).map(|detail| crate::domain::plain(&detail.trace).into_owned());
    TestFact {
        node: test.node.to_string(),
        name: test.name.to_string(),
        module: state.inventory.module(test.module).map_or_else(String::new, |module| module.path.to_string()),
        tier: test.tier.and_then(|id| state.inventory.tiers().get(id)).map(|tier| tier.spec.name.to_string()),
        counted: match test.counted() {
            Counted::Known => "known",
            Counted::Environment => "environment",
            Counted::Straddled => "straddled",
            Counted::As(Standing::NeverRun) => "never run",
            Counted::As(Standing::Queued) => "queued",
            Counted::As(Standing::Running) => "running",
            Counted::As(Standing::Done(outcome)) => outcome.word(),
        },
        outcome: latest.map(|latest| latest.outcome.word()),
        verdict: test.verdict().map(Verdict::word),
        began: latest.map(|latest| stamp(latest.started)),
        took: latest.map(|latest| latest.took.as_secs_f64()),
        cycle: latest.map(|latest| latest.cycle),
        run: latest.and_then(|latest| latest.run).map(|run| run.0 + 1),
        tries: latest.map_or(0, |latest| latest.tries),
        cause: anchor(state, id),
        message: latest.and_then(message),
        trace: trace.filter(|trace| !trace.trim().is_empty()),
        stale: test.is_stale(),
        vanished: test.gone,
        grade: latest.and_then(|latest| latest.evidence.as_ref()).map(|evidence| evidence.grade.word()),
        vacuous: test.is_vacuous(),
    }
}

fn anchor(state: &State, id: TestId) -> Option<String> {
    state.causes.of(id).map(|cause| format!("cause-{}", cause.0 + 1))
}

/// The verdicts that are worth naming tests for, the gravest first.
pub(super) fn verdicts(state: &State) -> Vec<VerdictGroup> {
    let of =
        |verdict| state.inventory.tests().map(|(_, test)| test).filter(move |test| test.verdict() == Some(verdict));
    let mut groups: Vec<VerdictGroup> = Verdict::ALL
        .into_iter()
        .map(|verdict| VerdictGroup {
            verdict: verdict.word(),
            count: state.inventory.verdicts().of(verdict),
            origin: OriginFact::of(of(verdict)),
            tests: Vec::new(),
            more: 0,
        })
        .collect();
    for (id, test) in state.inventory.tests() {
        let Some(verdict) = test.verdict() else { continue };
        if matches!(verdict, Verdict::Passing | Verdict::NeverRun | Verdict::SetAside | Verdict::Stale) {
            continue;
        }
        let group = &mut groups[verdict as usize];
        if group.tests.len() == NAMED {
            group.more += 1;
            continue;
        }
        let latest = test.latest.as_ref();
        group.tests.push(VerdictTest {
            node: test.node.to_string(),
            run: latest.and_then(|latest| latest.run).map(|run| run.0 + 1),
            cause: anchor(state, id),
            message: latest.and_then(message),
        });
    }
    groups.retain(|group| group.count > 0);
    groups
}

pub(super) fn evidence(state: &State) -> EvidenceFact {
    let worths = &state.inventory.tally().worths;
    let hollow = |test: &TestCase| test.shown_worth().is_some_and(|worth| worth.is_hollow());
    let passes = state.inventory.tests().filter(|(_, test)| test.worth().is_some());
    let hollow: Vec<&TestCase> =
        state.inventory.tests().map(|(_, test)| test).filter(|test| !test.gone && hollow(test)).collect();
    EvidenceFact {
        websocket: worths.of(Grade::Websocket),
        http: worths.of(Grade::Http),
        network: worths.of(Grade::Network),
        none: worths.of(Grade::None),
        measured: worths.measured(),
        unmeasured: worths.unmeasured(),
        vacuous: worths.vacuous(),
        more_hollow: hollow.len().saturating_sub(HOLLOW) as u32,
        hollow: hollow.into_iter().take(HOLLOW).map(|test| HollowFact::of(state, test)).collect(),
        origin: OriginFact::of(passes.map(|(_, test)| test)),
    }
}

impl HollowFact {
    fn of(state: &State, test: &TestCase) -> Self {
        Self {
            node: test.node.to_string(),
            tier: test.tier.and_then(|id| state.inventory.tiers().get(id)).map(|tier| tier.spec.name.to_string()),
            run: test.latest.as_ref().and_then(|latest| latest.run).map(|run| run.0 + 1),
            vacuous: test.is_vacuous(),
        }
    }
}
