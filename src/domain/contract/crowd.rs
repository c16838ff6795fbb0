//! A contract that many users run at once: each is judged by itself, then all of them together, and nobody may see what
//! belongs to another.

use std::collections::HashMap;

use super::latency::{Timed, latencies};
use super::{CheckResult, CheckVerdict, ContractSpec, ContractVerdict, Judgement, Ledger, UserResult};
use crate::domain::{Check, Severity};

/// Verdicts from the one that weighs most.
const WEIGHT: [ContractVerdict; 7] = [
    ContractVerdict::Straddled,
    ContractVerdict::Fail,
    ContractVerdict::Synthetic,
    ContractVerdict::Blocked,
    ContractVerdict::Stale,
    ContractVerdict::Inconclusive,
    ContractVerdict::Pass,
];

/// Holds what each of several users heard against a contract.
#[must_use]
pub fn judge_crowd(ledgers: &[Ledger], spec: &ContractSpec) -> Judgement {
    let mut each: Vec<Judgement> = ledgers.iter().map(|ledger| ledger.judge(spec)).collect();
    let latencies = latencies(ledgers, spec);
    if let [_] = each.as_slice() {
        return Judgement { latencies, ..each.remove(0) };
    }
    keep_apart(ledgers, spec, &mut each);
    let verdict = WEIGHT
        .into_iter()
        .find(|verdict| each.iter().any(|one| one.verdict == *verdict))
        .unwrap_or(ContractVerdict::Inconclusive);
    let of_verdict = each.iter().filter(|one| one.verdict == verdict).count();
    let first = each.iter().find(|one| one.verdict == verdict).map_or("", |one| &one.why);
    let why = match verdict {
        ContractVerdict::Pass => match latencies.iter().find(|latency| latency.what == Timed::FirstEvent) {
            Some(first) => format!("all {} users; {}", each.len(), first.told()),
            None => format!("all {} users; no agent event to measure", each.len()),
        },
        _ => format!("{of_verdict} of {} users: {first}", each.len()),
    };
    let users = ledgers.iter().zip(&each).zip(1..).map(|((ledger, one), number)| UserResult {
        user: ledger.user.clone().unwrap_or_else(|| format!("user {number}").into()),
        verdict: one.verdict,
        why: one.why.clone(),
        first_event: ledger.first_event_after().map(|(_, took)| took),
    });
    Judgement { verdict, why: why.into(), checks: together(&each), users: users.collect(), latencies }
}

/// Whoever sees an event of another's run fails by it, whoever else is at fault.
fn keep_apart(ledgers: &[Ledger], spec: &ContractSpec, each: &mut [Judgement]) {
    if spec.severity(Check::Correlation) != Severity::Error {
        return;
    }
    let mut owners: HashMap<&str, usize> = HashMap::new();
    for (user, ledger) in ledgers.iter().enumerate() {
        if let Some(run) = ledger.run.as_deref().or_else(|| ledger.first_run()) {
            owners.entry(run).or_insert(user);
        }
    }
    for (user, (ledger, judgement)) in ledgers.iter().zip(each).enumerate() {
        let foreign = ledger.agent_events().find_map(|(number, event)| {
            let run = event.run.as_deref()?;
            let owner = *owners.get(run).filter(|owner| **owner != user && !spec.is_shared(event))?;
            Some((number, format!("event {number} belongs to {run} of user {}", owner + 1)))
        });
        let Some((number, detail)) = foreign else { continue };
        judgement.verdict = ContractVerdict::Fail;
        judgement.why = detail.as_str().into();
        if let Some(check) = judgement.checks.iter_mut().find(|check| check.check == Check::Correlation) {
            (check.verdict, check.detail, check.event) = (CheckVerdict::Fail, detail.into(), Some(number));
        }
    }
}

/// Every check once: how it ended for the one who fared worst.
fn together(each: &[Judgement]) -> Vec<CheckResult> {
    let weight = |verdict: CheckVerdict| match verdict {
        CheckVerdict::Pass => 0,
        CheckVerdict::Warn => 1,
        CheckVerdict::Blocked => 2,
        CheckVerdict::Fail => 3,
    };
    let of = |check: Check| {
        let all: Vec<(usize, &CheckResult)> = each
            .iter()
            .enumerate()
            .filter_map(|(user, one)| Some((user, one.checks.iter().find(|result| result.check == check)?)))
            .collect();
        let (user, worst) = all.iter().max_by_key(|(user, result)| (weight(result.verdict), usize::MAX - user))?;
        let hold = all.iter().filter(|(_, result)| result.verdict == CheckVerdict::Pass).count();
        let detail = match worst.verdict {
            CheckVerdict::Pass => format!("holds for all {}", all.len()),
            _ => format!("holds for {hold} of {}; user {}: {}", all.len(), user + 1, worst.detail),
        };
        Some(CheckResult { check, verdict: worst.verdict, detail: detail.into(), event: worst.event })
    };
    Check::ALL.into_iter().filter_map(of).collect()
}
