//! What nextest left of a run that is over: the log of its record store (`run.log`, which is complete), or the JSON
//! lines of `--message-format libtest-json` or `libtest-json-plus`, kept in a file. Both are said by nextest to be
//! unstable: what is unknown is passed over.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::outcome_of;
use crate::adapters::{rust, sanitize, time};
use crate::domain::{Detail, Moment, Outcome, Span};

/// How a test of a recording ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The test, as a run of ours names it.
    pub node: String,
    /// The module that it is shown under.
    pub module: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long its last execution took.
    pub took: Span,
    /// How many executions it took.
    pub tries: u32,
    /// What its failure said.
    pub detail: Detail,
}

/// A recording.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    /// Its tests, in the order in which they first were named.
    pub tests: Vec<Recorded>,
    /// When it began, where it says so.
    pub began: Option<Moment>,
}

/// Whether a text is such a recording, by its first line.
#[must_use]
pub fn is_recording(text: &str) -> bool {
    let first = text.trim_start_matches('\u{feff}').lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    match serde_json::from_str::<Line>(first) {
        Ok(Line::Logged(logged)) => logged.kind.kind == "run-started",
        Ok(Line::Streamed(streamed)) => matches!(&*streamed.kind, "suite" | "test") && streamed.event.is_some(),
        Err(_) => false,
    }
}

/// Reads a recording, of either kind.
#[must_use]
pub fn read(text: &str) -> Recording {
    let mut reader = Reader::default();
    for line in text.lines() {
        match serde_json::from_str(line) {
            Ok(Line::Logged(logged)) => reader.log(logged),
            Ok(Line::Streamed(streamed)) => reader.stream(&streamed),
            // A torn line, or what a tool printed in between.
            Err(_) => {}
        }
    }
    reader.recording
}

#[derive(Default)]
struct Reader {
    recording: Recording,
    places: HashMap<String, usize>,
    /// The binary's name in a stream, which is its crate's and its own: how nextest's list calls it.
    binaries: BTreeMap<String, String>,
}

impl Reader {
    /// The test of that name, which is lost until its end is read.
    fn test(&mut self, binary: &str, path: &str) -> &mut Recorded {
        let node = rust::node(&sanitize::text(binary), &sanitize::text(path));
        let tests = &mut self.recording.tests;
        let place = *self.places.entry(node.clone()).or_insert_with(|| {
            let (outcome, took, detail) = (Outcome::Lost, Span::ZERO, Detail::default());
            tests.push(Recorded { module: rust::module(binary, path), node, outcome, took, tries: 1, detail });
            tests.len() - 1
        });
        &mut tests[place]
    }

    fn log(&mut self, logged: Logged) {
        let LoggedKind { kind, test, reason, statuses } = logged.kind;
        if kind == "run-started" {
            let began = logged.timestamp.as_deref().and_then(time::from_iso);
            self.recording.began = began.and_then(|micros| u64::try_from(micros).ok()).map(Moment);
        }
        let Some(test) = test else { return };
        match &*kind {
            "test-started" => drop(self.test(&test.binary, &test.name).outcome),
            // Those that a filter left out were not asked for.
            "test-skipped" if reason.as_deref() == Some("ignored") => {
                self.test(&test.binary, &test.name).outcome = Outcome::Skipped;
            }
            "test-finished" => {
                let Some(statuses) = statuses else { return };
                let Some(last) = statuses.statuses.last() else { return };
                let recorded = self.test(&test.binary, &test.name);
                let tries = u32::try_from(statuses.statuses.len()).unwrap_or(u32::MAX);
                recorded.tries = tries;
                recorded.took =
                    Span(last.took.secs.saturating_mul(1_000_000).saturating_add(u64::from(last.took.nanos) / 1_000));
                recorded.outcome = match &*last.result.status {
                    "pass" | "leak" if statuses.flaky_result.as_deref() == Some("fail") && tries > 1 => Outcome::Failed,
                    "pass" | "leak" => outcome_of("ok", tries, None),
                    "timeout" => Outcome::TimedOut,
                    "exec-fail" => Outcome::Errored,
                    _ => Outcome::Failed,
                };
                let said = last.summary.as_ref().and_then(|summary| summary.description.as_deref());
                if recorded.outcome.is_failure() {
                    recorded.detail = detail(recorded.outcome, said.unwrap_or_default());
                }
            }
            _ => {}
        }
    }

    fn stream(&mut self, line: &Streamed) {
        if let Some(suite) = &line.nextest {
            let id = rust::binary_id(&suite.package, &suite.kind, &suite.binary);
            self.binaries.insert(format!("{}::{}", suite.package, suite.binary), id);
        }
        let (Some(event), Some(name)) = (&line.event, &line.name) else { return };
        if line.kind != "test" {
            return;
        }
        // Plain libtest names no binary.
        let (binary, path) = name.split_once('$').unwrap_or(("", name));
        let (path, tries) = match path.rsplit_once('#') {
            Some((path, digits)) => digits.parse().map_or((path, 1), |tries| (path, tries)),
            None => (path, 1),
        };
        let binary = self.binaries.get(binary).cloned().unwrap_or_else(|| binary.to_owned());
        let recorded = self.test(&binary, path);
        if matches!(&**event, "ok" | "failed" | "ignored" | "timeout") {
            recorded.tries = tries;
            recorded.took = Span::from_secs_f64(line.exec_time.unwrap_or_default().max(0.0));
            recorded.outcome = match &**event {
                "timeout" => Outcome::TimedOut,
                event => outcome_of(event, tries, line.reason.as_deref()),
            };
            if recorded.outcome.is_failure() {
                recorded.detail = detail(recorded.outcome, line.stdout.as_deref().unwrap_or_default());
            }
        }
    }
}

fn detail(outcome: Outcome, said: &str) -> Detail {
    let detail = rust::failure(said);
    if !detail.message.is_empty() {
        return detail;
    }
    let message = if outcome == Outcome::TimedOut { "time limit exceeded" } else { "it failed without a word" };
    Detail { message: message.into(), ..detail }
}

/// A line of either kind: they have nothing in common, so that each is only taken for what it is.
#[derive(Debug)]
enum Line {
    Logged(Logged),
    Streamed(Streamed),
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let read = if value.get("kind").is_some_and(serde_json::Value::is_object) {
            serde_json::from_value(value).map(Self::Logged)
        } else {
            serde_json::from_value(value).map(Self::Streamed)
        };
        read.map_err(serde::de::Error::custom)
    }
}

#[derive(Debug, Deserialize)]
struct Logged {
    timestamp: Option<String>,
    kind: LoggedKind,
}

#[derive(Debug, Deserialize)]
struct LoggedKind {
    kind: String,
    #[serde(rename = "test-instance")]
    test: Option<Instance>,
    reason: Option<String>,
    #[serde(rename = "run-statuses")]
    statuses: Option<Statuses>,
}

#[derive(Debug, Deserialize)]
struct Instance {
    #[serde(rename = "binary-id")]
    binary: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Statuses {
    statuses: Vec<Status>,
    #[serde(rename = "flaky-result")]
    flaky_result: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Status {
    result: Ended,
    #[serde(rename = "time-taken")]
    took: Taken,
    #[serde(rename = "error-summary")]
    summary: Option<Summary>,
}

#[derive(Debug, Deserialize)]
struct Ended {
    status: String,
}

#[derive(Debug, Deserialize)]
struct Taken {
    secs: u64,
    nanos: u32,
}

#[derive(Debug, Deserialize)]
struct Summary {
    description: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Streamed {
    #[serde(rename = "type")]
    kind: String,
    event: Option<String>,
    name: Option<String>,
    exec_time: Option<f64>,
    stdout: Option<String>,
    reason: Option<String>,
    nextest: Option<Suite>,
}

#[derive(Debug, Deserialize)]
struct Suite {
    #[serde(rename = "crate")]
    package: String,
    #[serde(rename = "test_binary")]
    binary: String,
    kind: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded with nextest 0.9.143, paths and times of the machine shortened.
    const LOG: &str = include_str!("recorded-store.jsonl");
    const STREAM: &str = include_str!("recorded-run.jsonl");

    fn told(recording: &Recording) -> Vec<String> {
        let one = |test: &Recorded| {
            format!("{} {} {} {}", test.node, test.outcome.word(), test.tries, test.detail.message.replace('\n', "|"))
        };
        recording.tests.iter().map(one).map(|line| line.trim_end().to_owned()).collect()
    }

    #[test]
    fn the_log_of_the_store_is_read_with_attempts_and_words() {
        assert!(is_recording(LOG));
        let recording = read(LOG);
        assert_eq!(
            told(&recording),
            [
                "shop$tests::later skipped 1",
                "shop$tests::breaks failed 2 assertion `left == right` failed: the sum is wrong|  left: 2| right: 3",
                "shop$tests::adds passed 1",
                "shop::flaky$sometimes flaky 2",
            ]
        );
        assert_eq!(recording.began, Some(Moment(1_795_855_077_559_499)));
        assert_eq!(recording.tests[2].took, Span(8_016));
    }

    #[test]
    fn what_began_and_has_no_end_is_lost() {
        let cut: Vec<&str> = LOG.lines().take(3).chain(["{\"timestamp\":\"2026", ""]).collect();
        assert_eq!(told(&read(&cut.join("\n"))), ["shop$tests::later skipped 1", "shop$tests::breaks lost 1"]);
    }

    #[test]
    fn a_kept_stream_names_tests_as_a_run_does() {
        assert!(is_recording(STREAM));
        let recording = read(STREAM);
        let told = told(&recording);
        // A library goes by its package alone, as in nextest's own list.
        for line in ["shop$tests::deep::ok_one passed 1", "shop::it$hang timed out 1 time limit exceeded"] {
            assert!(told.iter().any(|told| told == line), "{told:?}");
        }
        assert_eq!(recording.began, None);
    }

    #[test]
    fn other_json_is_no_recording() {
        for text in ["", "{", "[]", r#"{"results":{"tests":[]}}"#, r#"{"kind":{"kind":"else"}}"#, "<xml/>"] {
            assert!(!is_recording(text), "{text}");
            assert!(read(text).tests.is_empty());
        }
    }
}
