//! CTRF, the Common Test Report Format.

use serde::Deserialize;

use super::Case;
use crate::domain::Outcome;

/// Reads a report.
pub(super) fn read(text: &str, cases: &mut Vec<Case>) -> Result<(), String> {
    let report: Report = serde_json::from_str(text).map_err(|error| format!("this is no CTRF report: {error}"))?;
    cases.extend(report.results.tests.into_iter().map(|test| {
        let flaky = test.flaky.unwrap_or_default() && test.status == "passed";
        Case {
            outcome: Some(match test.status.as_str() {
                "passed" => Outcome::Passed,
                "failed" => Outcome::Failed,
                "skipped" | "pending" => Outcome::Skipped,
                _ => Outcome::Errored,
            }),
            module: test.path.or_else(|| test.suite.map(Suite::name)).unwrap_or_default(),
            name: test.name,
            line: test.line.unwrap_or_default().max(0.0) as u32,
            seconds: test.duration.unwrap_or_default() / 1000.0,
            message: test.message.unwrap_or_default(),
            trace: test.trace.unwrap_or_default(),
            output: test.stdout.into_iter().chain(test.stderr).collect::<Vec<_>>().join("\n"),
            retries: (test.retries.unwrap_or_default().max(0.0) as u32).max(u32::from(flaky)),
        }
    }));
    Ok(())
}

/// When a report says that its tests began.
pub(super) fn start(text: &str) -> Option<f64> {
    let report: serde_json::Value = serde_json::from_str(text).ok()?;
    report.pointer("/results/summary/start")?.as_f64()
}

#[derive(Deserialize)]
struct Report {
    results: Inner,
}

#[derive(Deserialize)]
struct Inner {
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    name: String,
    status: String,
    duration: Option<f64>,
    #[serde(rename = "filePath")]
    path: Option<String>,
    suite: Option<Suite>,
    line: Option<f64>,
    message: Option<String>,
    trace: Option<String>,
    retries: Option<f64>,
    flaky: Option<bool>,
    #[serde(default)]
    stdout: Vec<String>,
    #[serde(default)]
    stderr: Vec<String>,
}

/// A list of names today, one name in earlier drafts.
struct Suite(Vec<String>);

impl Suite {
    fn name(self) -> String {
        self.0.join(" > ")
    }
}

impl<'de> Deserialize<'de> for Suite {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(name) => vec![name],
            serde_json::Value::Array(names) => {
                names.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
            }
            _ => Vec::new(),
        }))
    }
}
