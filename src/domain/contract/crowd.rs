//! A contract that many users run at once: each is judged by itself, then all of them together, and nobody may see what
//! belongs to another.

use std::collections::HashMap;

use super::timing::{Latency, Timing};
use super::{CheckResult, CheckVerdict, ContractSpec, ContractVerdict, Fault, Judgement, Ledger, UserResult, result};
use crate::domain::{AgentEvent, Check, Severity, Text, Timed};

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
    if let [ledger] = ledgers {
        let mut alone = ledger.judge(spec);
        alone.keep_heard(ledgers);
        return alone;
    }
    // Whether nine of ten are within a budget is asked of all of them together.
    let mut each_alone = spec.clone();
    if spec.severity(Check::Latency) == Severity::Error {
        each_alone.severities.insert(Check::Latency, Severity::Warning);
    }
    let mut each: Vec<Judgement> = ledgers.iter().map(|ledger| ledger.judge(&each_alone)).collect();
    keep_apart(ledgers, spec, &mut each);
    let timing =
        ledgers.iter().zip(1..).map(|(ledger, user)| Timing::of(ledger, user)).reduce(Timing::and).unwrap_or_default();
    let mut checks = together(&each);
    let late = in_time_together(&timing, spec, &mut checks);
    let latencies = timing.latencies(spec);
    let verdict = WEIGHT
        .into_iter()
        .find(|verdict| each.iter().any(|one| one.verdict == *verdict))
        .unwrap_or(ContractVerdict::Inconclusive);
    let of_verdict = each.iter().filter(|one| one.verdict == verdict).count();
    let place = each.iter().position(|one| one.verdict == verdict).unwrap_or(0);
    let first = each.get(place).map_or("", |one| &one.why);
    let (verdict, why) = match (verdict, late) {
        (ContractVerdict::Pass, Some(late)) => (ContractVerdict::Fail, late),
        (ContractVerdict::Pass, None) => (verdict, format!("all {} users; {}", each.len(), told(&latencies))),
        _ => (verdict, format!("{of_verdict} of {} users: {first}", each.len())),
    };
    let users = ledgers.iter().zip(&each).zip(1..).map(|((ledger, one), number)| UserResult {
        user: ledger.own_user().map_or_else(|| format!("user {number}").into(), Text::from),
        verdict: one.verdict,
        why: one.why.clone(),
        first_event: ledger.first_event_after().map(|(_, took)| took),
        event: one.event,
    });
    let mut all = Judgement {
        verdict,
        why: why.into(),
        checks,
        event: each.get(place).and_then(|one| one.event),
        user: Some(place as u32 + 1),
        latencies,
        users: users.collect(),
        heard: Vec::new(),
    };
    all.keep_heard(ledgers);
    all
}

/// Puts what all took together into the check on it, where no single user's limit has decided it; answers what is
/// wrong, where that decides.
fn in_time_together(timing: &Timing, spec: &ContractSpec, checks: &mut [CheckResult]) -> Option<String> {
    let check = checks.iter_mut().find(|one| one.check == Check::Latency && one.verdict != CheckVerdict::Blocked)?;
    *check = result(Check::Latency, timing.within(spec), spec);
    (check.verdict == CheckVerdict::Fail).then(|| check.detail.to_string())
}

/// What belongs to a user alone: their run, their thread, their name.
fn own(ledger: &Ledger) -> [(&'static str, Option<&str>); 3] {
    [("run", ledger.own_run()), ("thread", ledger.own_thread()), ("user", ledger.own_user())]
}

/// Whoever sees an event of another's run, thread or name fails by it, whoever else is at fault.
fn keep_apart(ledgers: &[Ledger], spec: &ContractSpec, each: &mut [Judgement]) {
    let severity = spec.severity(Check::Correlation);
    if severity == Severity::Off {
        return;
    }
    let mut owners: HashMap<(&str, &str), usize> = HashMap::new();
    for (user, ledger) in ledgers.iter().enumerate() {
        for (what, id) in own(ledger) {
            if let Some(id) = id {
                owners.entry((what, id)).or_insert(user);
            }
        }
    }
    for (user, (ledger, judgement)) in ledgers.iter().zip(each).enumerate() {
        let mine = own(ledger);
        let foreign = |event: &AgentEvent| {
            let of_event = [event.run.as_deref(), event.thread.as_deref(), event.user.as_deref()];
            mine.iter().zip(of_event).find_map(|((what, own), id)| {
                let owner = *owners.get(&(*what, id?)).filter(|owner| **owner != user)?;
                // A run has one owner. Threads and names that are the same for all tell nobody from another.
                (*what == "run" || *own != id).then(|| format!("belongs to {} of user {}", id.unwrap_or(""), owner + 1))
            })
        };
        let found = ledger.numbered().filter(|(_, event)| !spec.is_shared(event));
        let found = found.filter_map(|(number, event)| Some((number, foreign(event)?))).next();
        let Some((number, whose)) = found else { continue };
        let detail = format!("event {number} {whose}");
        if let Some(check) = judgement.checks.iter_mut().find(|check| check.check == Check::Correlation) {
            *check = result(Check::Correlation, Err(Fault::at(number, detail.clone())), spec);
        }
        if severity == Severity::Error {
            (judgement.verdict, judgement.event) = (ContractVerdict::Fail, Some(number));
            judgement.why = detail.into();
        }
    }
}

/// Every check once: how it ended for the one who fared worst.
fn together(each: &[Judgement]) -> Vec<CheckResult> {
    let weight = |verdict: CheckVerdict| match verdict {
        CheckVerdict::Pass => 0,
        CheckVerdict::Info => 1,
        CheckVerdict::Warn => 2,
        CheckVerdict::Blocked => 3,
        CheckVerdict::Fail => 4,
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
        let user = worst.event.map(|_| *user as u32 + 1);
        Some(CheckResult { check, verdict: worst.verdict, detail: detail.into(), event: worst.event, user })
    };
    Check::ALL.into_iter().filter_map(of).collect()
}

/// How long the first agent event took: what a whole run stands and falls with.
fn told(latencies: &[Latency]) -> String {
    match latencies.iter().find(|latency| latency.measure == Timed::FirstEvent) {
        Some(first) => format!("first event p50 {}, p95 {}, p99 {}", first.p50, first.p95, first.p99),
        None => "no agent event to measure".to_owned(),
    }
}
