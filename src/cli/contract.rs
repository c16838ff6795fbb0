//! A contract as a line of JSON: the verdict, what decided it, each check, each user, how long things took.

use serde_json::{Value, json};

use crate::domain::{CheckResult, Judgement, Latency, Span};

/// What a contract came to.
pub(super) fn line(node: &str, judgement: &Judgement) -> Value {
    let check = |one: &CheckResult| {
        let mut check = json!({ "check": one.check, "verdict": one.verdict, "detail": &*one.detail });
        if let Some(event) = one.event {
            check["event"] = event.into();
        }
        if let Some(user) = one.user {
            check["user"] = user.into();
        }
        check
    };
    let checks: Vec<Value> = judgement.checks.iter().map(check).collect();
    let users: Vec<Value> = judgement
        .users
        .iter()
        .map(|one| {
            json!({
                "user": &*one.user,
                "verdict": one.verdict,
                "why": &*one.why,
                "event": one.event,
                "first_event_s": one.first_event.map(seconds),
            })
        })
        .collect();
    let latency = |one: &Latency| {
        json!({
            "what": one.measure,
            "samples": one.samples,
            "p50_s": seconds(one.p50),
            "p95_s": seconds(one.p95),
            "p99_s": seconds(one.p99),
            "max_s": seconds(one.most),
            "budget_s": one.budget.map(seconds),
            "limit_s": one.limit.map(seconds),
            "late": one.late,
        })
    };
    let mut line = json!({
        "type": "contract",
        "id": node,
        "verdict": judgement.verdict,
        "why": &*judgement.why,
        "event": judgement.event,
        "checks": checks,
        "latencies": judgement.latencies.iter().map(latency).collect::<Vec<_>>(),
    });
    if !users.is_empty() {
        line["users"] = users.into();
    }
    line
}

/// To the microsecond: a round trip on loopback takes less than a millisecond.
fn seconds(span: Span) -> f64 {
    span.as_secs_f64()
}
