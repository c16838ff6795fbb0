//! What agents had to say and did, and how long it took beside what was allowed.

use serde::Serialize;

use crate::domain::{Attempt, CheckResult, ContractVerdict, Judgement, Latency, State, TestId, UserResult};

/// How many users that did not pass are told.
const USERS: usize = 20;

/// A contract.
#[derive(Debug, Clone, Serialize)]
pub struct ContractFact {
    /// Its name.
    pub name: String,
    /// What it came to.
    pub verdict: &'static str,
    /// Why.
    pub why: String,
    /// The run in which it was judged, where that belongs to this session.
    pub run: Option<u32>,
    /// The cycle in which it was judged.
    pub cycle: Option<u32>,
    /// Whether another revision serves now.
    pub stale: bool,
    /// How many users ran it at once.
    pub users: u32,
    /// For how many of them it came to that verdict.
    pub of_verdict: u32,
    /// The users for whom it did not pass.
    pub not_passed: Vec<ContractUserFact>,
    /// How many more there are.
    pub more_not_passed: u32,
    /// How long things took, beside what they were allowed.
    pub latencies: Vec<LatencyFact>,
    /// Each check.
    pub checks: Vec<CheckFact>,
}

/// A user for whom a contract did not pass.
#[derive(Debug, Clone, Serialize)]
pub struct ContractUserFact {
    /// Who.
    pub user: String,
    /// What it came to.
    pub verdict: &'static str,
    /// Why.
    pub why: String,
}

/// How long something took over all samples of all users of a contract.
#[derive(Debug, Clone, Serialize)]
pub struct LatencyFact {
    /// What was timed.
    pub what: &'static str,
    /// What nine of ten may take, in seconds; nothing: any time.
    pub budget: Option<f64>,
    /// What none may exceed, in seconds; nothing: any time.
    pub limit: Option<f64>,
    /// How often it was timed.
    pub samples: u32,
    /// Half of them took no longer, in seconds.
    pub p50: f64,
    /// Of a hundred, 95 took no longer, in seconds.
    pub p95: f64,
    /// Of a hundred, 99 took no longer, in seconds.
    pub p99: f64,
    /// Whether neither was exceeded.
    pub holds: bool,
}

/// A check of a contract.
#[derive(Debug, Clone, Serialize)]
pub struct CheckFact {
    /// Which one.
    pub check: &'static str,
    /// How it ended.
    pub verdict: &'static str,
    /// What was found.
    pub found: String,
}

pub(super) fn all(state: &State) -> Vec<ContractFact> {
    state.contracts.iter().map(|(id, judgement)| fact(state, *id, judgement)).collect()
}

fn fact(state: &State, id: TestId, judgement: &Judgement) -> ContractFact {
    let test = state.inventory.test(id);
    let latest: Option<&Attempt> = test.and_then(|test| test.latest.as_ref());
    let users = judgement.users.as_slice();
    let not_passed: Vec<&UserResult> = users.iter().filter(|user| user.verdict != ContractVerdict::Pass).collect();
    let of_verdict = users.iter().filter(|user| user.verdict == judgement.verdict).count() as u32;
    ContractFact {
        name: test.map_or_else(String::new, |test| test.name.to_string()),
        verdict: judgement.verdict.word(),
        why: judgement.why.to_string(),
        run: latest.and_then(|latest| latest.run).map(|run| run.0 + 1),
        cycle: latest.map(|latest| latest.cycle),
        stale: test.is_some_and(|test| test.is_stale()),
        // A contract of one user keeps no list of them.
        users: users.len().max(1) as u32,
        of_verdict: if users.is_empty() { 1 } else { of_verdict },
        more_not_passed: not_passed.len().saturating_sub(USERS) as u32,
        not_passed: not_passed.into_iter().take(USERS).map(ContractUserFact::of).collect(),
        latencies: judgement.latencies.iter().map(LatencyFact::of).collect(),
        checks: judgement.checks.iter().map(CheckFact::of).collect(),
    }
}

impl ContractUserFact {
    fn of(user: &UserResult) -> Self {
        Self { user: user.user.to_string(), verdict: user.verdict.word(), why: user.why.to_string() }
    }
}

impl LatencyFact {
    fn of(latency: &Latency) -> Self {
        Self {
            what: latency.measure.word(),
            budget: latency.budget.map(|budget| budget.as_secs_f64()),
            limit: latency.limit.map(|limit| limit.as_secs_f64()),
            samples: latency.samples,
            p50: latency.p50.as_secs_f64(),
            p95: latency.p95.as_secs_f64(),
            p99: latency.p99.as_secs_f64(),
            holds: !latency.late,
        }
    }
}

impl CheckFact {
    fn of(result: &CheckResult) -> Self {
        Self { check: result.check.word(), verdict: result.verdict.word(), found: result.detail.to_string() }
    }
}
