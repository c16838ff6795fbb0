//! The Common Test Report Format (ctrf.io), version 0: one JSON object for whatever reads test reports.

use serde_json::{Value, json};

use super::facts::{Facts, TestFact};

/// The report in that format.
#[must_use]
pub(super) fn ctrf(facts: &Facts) -> String {
    let tests: Vec<Value> = facts.tests.iter().filter(|test| !test.vanished).map(test).collect();
    let of = |status: &str| tests.iter().filter(|test| test["status"] == status).count();
    let summary = json!({
        "tests": tests.len(),
        "passed": of("passed"),
        "failed": of("failed"),
        "skipped": of("skipped"),
        "pending": of("pending"),
        "other": of("other"),
        "suites": tests.iter().map(|test| test["suite"][0].as_str().unwrap_or("")).collect::<std::collections::BTreeSet<_>>().len(),
        "start": millis(&facts.began),
        "stop": millis(&facts.until),
    });
    let mut results = json!({
        "tool": { "name": "liveloop", "version": facts.program },
        "summary": summary,
        "tests": tests,
        "extra": { "status": facts.status, "entries": facts.entries },
    });
    if let Some(environment) = &facts.environment {
        results["environment"] = json!({ "testEnvironment": environment.name, "appName": facts.project });
    }
    let report = json!({ "reportFormat": "CTRF", "specVersion": "0.0.0", "results": results });
    format!("{report:#}\n")
}

fn test(test: &TestFact) -> Value {
    // What the environment spoilt is no failure of the test, and nothing that passed.
    let status = match test.counted {
        "passed" | "flaky" | "xpassed" => "passed",
        "skipped" | "xfailed" | "known" => "skipped",
        "never run" | "queued" | "running" => "pending",
        "environment" | "straddled" => "other",
        _ => "failed",
    };
    let mut told = json!({
        "name": test.node,
        "status": status,
        "rawStatus": test.counted,
        "duration": test.took.map_or(0, |took| (took * 1_000.0) as u64),
        "suite": [test.module],
        "flaky": test.counted == "flaky",
        "retries": test.tries.saturating_sub(1),
    });
    for (name, text) in [("message", &test.message), ("trace", &test.trace)] {
        if let Some(text) = text {
            told[name] = json!(text);
        }
    }
    if let Some(began) = &test.began {
        told["start"] = json!(millis(began));
        told["stop"] = json!(millis(began) + (test.took.unwrap_or(0.0) * 1_000.0) as u64);
    }
    told
}

/// `2026-11-20T16:11:36.120Z` in milliseconds since 1970.
fn millis(stamp: &str) -> u64 {
    super::time::read(stamp).map_or(0, |moment| moment.0 / 1_000)
}
