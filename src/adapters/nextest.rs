//! cargo nextest: listed first, then run with its line-by-line JSON, version 0.1.
//!
//! Only what is said about single tests is believed: with ignored tests in play its suite events contradict each other.
//! The list tells which tests those are, for their `started` is no start.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde::Deserialize;

use super::places::Places;
use super::rust;
use super::sanitize;
use super::tool::{Order, Source, Step, Tool};
use crate::domain::{Detail, Event, Exit, Outcome, RunEvent, RunId, Span, Text, Wanted};

pub mod recording;

/// How many tests one filter expression names, so that parsing it needs no deep stack.
const TESTS_A_FILTER: usize = 100;
/// How many bytes of filters one process is given.
const FILTERS_A_STEP: usize = 400_000;
/// Options of `nextest run` that `nextest list` does not know, and whether a value follows.
const RUN_ONLY: [(&str, bool); 17] = [
    ("--retries", true),
    ("--flaky-result", true),
    ("--test-threads", true),
    ("-j", true),
    ("--max-fail", true),
    ("--failure-output", true),
    ("--success-output", true),
    ("--status-level", true),
    ("--final-status-level", true),
    ("--show-progress", true),
    ("--no-tests", true),
    ("--stress-count", true),
    ("--hide-progress-bar", false),
    ("--no-capture", false),
    ("--nocapture", false),
    ("--fail-fast", false),
    ("--no-fail-fast", false),
];

/// One run of nextest.
#[derive(Debug)]
pub struct Nextest {
    order: Order,
    cargo: Vec<String>,
    options: Vec<String>,
    stage: Stage,
    places: Places,
    /// Under the name in the run's JSON, which does not tell a library from a program of the same name: the tests
    /// that it can mean. The first of them run in the first group, the second ones after these, and so on.
    meant: HashMap<String, Vec<u32>>,
    ignored: HashSet<u32>,
    groups: VecDeque<(usize, Vec<String>)>,
    group: usize,
    is_stopping: bool,
    unknown: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Listing,
    Listed,
    Running,
}

impl Nextest {
    /// A run by `cargo` (the words that start it), with options for every run.
    #[must_use]
    pub fn new(order: Order, cargo: Vec<String>, options: Vec<String>) -> Self {
        let places = Places::new(order.run);
        Self {
            order,
            cargo,
            options,
            stage: Stage::Begin,
            places,
            meant: HashMap::new(),
            ignored: HashSet::new(),
            groups: VecDeque::new(),
            group: 0,
            is_stopping: false,
            unknown: 0,
        }
    }

    fn list_step(&self) -> Step {
        let mut argv = self.cargo.clone();
        argv.extend(["nextest", "list", "--message-format", "json"].map(String::from));
        argv.extend(for_list(&self.options));
        Step::new(argv, Source::Whole)
    }

    fn run_step(&self, filters: Vec<String>) -> Step {
        let mut argv = self.cargo.clone();
        argv.extend(
            ["nextest", "run", "--message-format", "libtest-json-plus", "--message-format-version", "0.1"]
                .map(String::from),
        );
        if !self.options.iter().any(|option| option == "--fail-fast" || option.starts_with("--max-fail")) {
            argv.push("--no-fail-fast".into());
        }
        // What its JSON holds need not be printed once more; what it only prints is kept.
        for (option, value) in
            [("--status-level", "slow"), ("--final-status-level", "none"), ("--failure-output", "never")]
        {
            if !self.options.iter().any(|given| given.starts_with(option)) {
                argv.extend([option.to_owned(), value.to_owned()]);
            }
        }
        argv.extend_from_slice(&self.options);
        argv.extend(filters.into_iter().flat_map(|filter| ["-E".to_owned(), filter]));
        let env = vec![("NEXTEST_EXPERIMENTAL_LIBTEST_JSON", "1".to_owned())];
        Step { env, ..Step::new(argv, Source::Lines) }
    }

    /// Takes the list, and decides what runs in which process.
    fn take_list(&mut self, text: &str, out: &mut Vec<Event>) {
        let run = self.order.run;
        // Cargo may print before it; the list is the last line.
        let Some(list) = text.lines().rev().find_map(|line| serde_json::from_str::<List>(line).ok()) else { return };
        let wanted: Option<HashSet<&Text>> = match &self.order.wanted {
            Wanted::All => None,
            Wanted::Only { nodes, .. } => Some(nodes.iter().collect()),
        };
        let mut left_out = 0;
        let mut chosen: Vec<Vec<(&str, &str)>> = Vec::new();
        let mut skipped = Vec::new();
        for suite in list.suites.values() {
            for (path, case) in &suite.testcases {
                let runs = case.filter.status == "matches";
                let ignored = !runs && case.filter.reason.as_deref() == Some("ignored");
                let node = rust::node(&suite.id, path);
                if wanted.as_ref().is_some_and(|wanted| !wanted.contains(&Text::from(node.as_str()))) {
                    continue;
                }
                if !runs && !ignored {
                    left_out += 1;
                    continue;
                }
                let Some(n) = self.places.list(&node, &rust::module(&suite.id, path), 0) else { continue };
                let names = self.meant.entry(format!("{}::{}${path}", suite.package, suite.name)).or_default();
                if ignored {
                    self.ignored.insert(n);
                    skipped.push(n);
                    // It starts like the others of its name, so it has to be known under it.
                    names.push(n);
                    continue;
                }
                let group = names.iter().filter(|n| !self.ignored.contains(n)).count();
                names.insert(group, n);
                chosen.resize_with(chosen.len().max(group + 1), Vec::new);
                chosen[group].push((&suite.id, path));
            }
        }
        self.places.announce(out);
        if left_out > 0 {
            out.push(RunEvent::Deselected { run, count: left_out }.into());
        }
        if let Wanted::Only { nodes, .. } = &self.order.wanted {
            let missing: Vec<Text> = nodes.iter().filter(|node| self.places.of(node).is_none()).cloned().collect();
            if !missing.is_empty() {
                out.push(RunEvent::Missed { run, nodes: missing }.into());
            }
        }
        out.push(RunEvent::CollectionEnded { run }.into());
        if self.order.is_collection() {
            return;
        }
        for n in skipped {
            let detail = Some(Arc::new(Detail { message: "ignored".into(), ..Detail::default() }));
            out.push(
                RunEvent::TestEnded { run, n, outcome: Outcome::Skipped, took: Span::ZERO, detail, evidence: None }
                    .into(),
            );
        }
        let everything = wanted.is_none() && chosen.len() == 1;
        for (group, tests) in chosen.into_iter().enumerate() {
            if everything {
                self.groups.push_back((group, Vec::new()));
            } else {
                self.groups.extend(steps_of(&tests).into_iter().map(|filters| (group, filters)));
            }
        }
    }

    fn take_line(&mut self, line: &str, out: &mut Vec<Event>) {
        let run = self.order.run;
        let Ok(line) = serde_json::from_str::<Line>(line) else {
            // Whatever a build script or a wrapper prints between the events.
            if !line.trim().is_empty() {
                out.push(printed(run, line));
            }
            return;
        };
        if line.kind.as_deref() != Some("test") {
            return;
        }
        let Some((n, attempts)) = line.name.as_deref().and_then(|name| self.resolve(name)) else {
            self.unknown += 1;
            return;
        };
        if self.ignored.contains(&n) {
            return;
        }
        match line.event.as_deref() {
            Some("started") => out.push(RunEvent::TestStarted { run, n }.into()),
            Some(event @ ("ok" | "failed" | "ignored")) => {
                for _ in 1..attempts.min(100) {
                    out.push(RunEvent::TestRetried { run, n, detail: None }.into());
                }
                let outcome = outcome_of(event, attempts, line.reason.as_deref());
                let is_mute = line.stdout.as_deref().is_none_or(|text| text.trim().is_empty());
                if self.is_stopping && outcome == Outcome::Failed && is_mute && line.reason.is_none() {
                    // The signal that ended it reached the test too. That it is left without an end says just that.
                    return;
                }
                let took = Span::from_secs_f64(line.exec_time.unwrap_or_default().max(0.0));
                let detail = detail_of(outcome, line.reason.as_deref(), line.stdout.as_deref().unwrap_or_default());
                out.push(RunEvent::TestEnded { run, n, outcome, took, detail, evidence: None }.into());
            }
            _ => self.unknown += 1,
        }
    }

    /// The test that a name means, and which attempt it speaks of.
    fn resolve(&self, name: &str) -> Option<(u32, u32)> {
        let meant = |name: &str| {
            let known = self.meant.get(name)?;
            known.get(self.group).or(known.last()).copied()
        };
        if let Some(n) = meant(name) {
            return Some((n, 1));
        }
        // Names of tests may hold both signs, so a suffix is only one where the rest is a name.
        let (name, attempts) = match name.rsplit_once('#') {
            Some((rest, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                (rest, digits.parse().unwrap_or(u32::MAX))
            }
            _ => (name, 1),
        };
        let plain = || {
            let (binary, path) = name.split_once('$')?;
            let (binary, _) = binary.split_once("@stress-")?;
            meant(&format!("{binary}${path}"))
        };
        Some((meant(name).or_else(plain)?, attempts))
    }
}

impl Tool for Nextest {
    fn next(&mut self, _: &mut Vec<Event>) -> Option<Step> {
        match self.stage {
            Stage::Begin => {
                self.stage = Stage::Listing;
                Some(self.list_step())
            }
            Stage::Listing => None,
            Stage::Listed | Stage::Running => {
                let (group, filters) = self.groups.pop_front()?;
                self.stage = Stage::Running;
                self.group = group;
                Some(self.run_step(filters))
            }
        }
    }

    fn read(&mut self, text: &str, out: &mut Vec<Event>) {
        if self.stage == Stage::Running { self.take_line(text, out) } else { self.take_list(text, out) }
    }

    fn ended(&mut self, exit: Exit, out: &mut Vec<Event>) -> Exit {
        if self.stage == Stage::Listing {
            match exit {
                Exit::Code(0) => self.stage = Stage::Listed,
                _ => {
                    let why = format!("the tests could not be listed: {}", explain(exit)).into();
                    out.push(RunEvent::Crashed { run: self.order.run, why }.into());
                }
            }
        }
        exit
    }

    fn stopping(&mut self) {
        self.is_stopping = true;
    }

    fn explain(&self, exit: Exit) -> &'static str {
        explain(exit)
    }

    fn noise(&self) -> String {
        match self.unknown {
            0 => String::new(),
            count => format!("{count} lines about tests that nextest did not list"),
        }
    }
}

/// What an exit means, in words.
#[must_use]
pub fn explain(exit: Exit) -> &'static str {
    match exit {
        Exit::Code(0) => "all tests passed",
        Exit::Code(4) => "no tests were found",
        Exit::Code(5) => "tests of an earlier run are still outstanding",
        Exit::Code(92..=93 | 95..=96) => "nextest is not set up for this",
        Exit::Code(94) => "nextest rejected its arguments or its configuration",
        Exit::Code(100) => "tests failed, or the run was interrupted",
        Exit::Code(101) => "the project did not build",
        Exit::Code(102) => "cargo could not read the project",
        Exit::Code(104) => "a test binary could not list its tests",
        Exit::Code(105) => "a set-up script failed",
        Exit::Code(110) => "its output could not be written",
        Exit::Code(126 | 127) => "the command could not be run",
        Exit::Code(_) => "not a code of nextest",
        Exit::Signal(2) => "interrupted",
        Exit::Signal(9) => "killed, by somebody or for want of memory",
        Exit::Signal(15) => "terminated",
        Exit::Signal(_) => "ended by a signal",
    }
}

/// The options without those that only a run takes.
fn for_list(options: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut skip = false;
    for option in options {
        if std::mem::take(&mut skip) {
            continue;
        }
        if option == "--" {
            break;
        }
        let (name, has_value) = option.split_once('=').map_or((option.as_str(), false), |(name, _)| (name, true));
        if name.len() > 2 && name.starts_with("-j") {
            continue;
        }
        match RUN_ONLY.iter().find(|(other, _)| *other == name) {
            Some((_, takes_value)) => skip = *takes_value && !has_value,
            None => kept.push(option.clone()),
        }
    }
    kept
}

/// The filters of each process that together run exactly these tests.
fn steps_of(tests: &[(&str, &str)]) -> Vec<Vec<String>> {
    let mut steps: Vec<Vec<String>> = Vec::new();
    let mut size = FILTERS_A_STEP;
    for of_binary in tests.chunk_by(|a, b| a.0 == b.0) {
        for some in of_binary.chunks(TESTS_A_FILTER) {
            let names: Vec<String> = some.iter().map(|(_, path)| format!("test(={})", escaped(path))).collect();
            let filter = format!("binary_id(={}) & ({})", escaped(some[0].0), names.join(" | "));
            if size + filter.len() > FILTERS_A_STEP {
                steps.push(Vec::new());
                size = 0;
            }
            size += filter.len();
            if let Some(step) = steps.last_mut() {
                step.push(filter);
            }
        }
    }
    steps
}

/// A name as a filter expression takes it.
fn escaped(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if matches!(c, '\\' | ')' | ',' | '/') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

fn outcome_of(event: &str, attempts: u32, reason: Option<&str>) -> Outcome {
    match (event, reason) {
        ("ok", _) if attempts > 1 => Outcome::Flaky,
        ("ok", _) => Outcome::Passed,
        ("ignored", _) => Outcome::Skipped,
        (_, Some("time limit exceeded")) => Outcome::TimedOut,
        _ => Outcome::Failed,
    }
}

fn detail_of(outcome: Outcome, reason: Option<&str>, stdout: &str) -> Option<Arc<Detail>> {
    let mut detail = match outcome {
        Outcome::Failed | Outcome::TimedOut => rust::failure(stdout),
        _ => Detail::default(),
    };
    if let Some(reason) = reason {
        let said = if detail.message.is_empty() { String::new() } else { format!("\n{}", detail.message) };
        detail.message = format!("{}{said}", sanitize::text(reason)).into();
    } else if outcome == Outcome::Failed && detail.message.is_empty() {
        detail.message = "it failed without a word: its process may have been ended by a signal".into();
    }
    (detail != Detail::default()).then(|| Arc::new(detail))
}

fn printed(run: RunId, line: &str) -> Event {
    let lines = sanitize::block(line).lines().map(Text::from).collect();
    RunEvent::Printed { run, n: None, lines }.into()
}

#[derive(Deserialize)]
struct List {
    #[serde(rename = "rust-suites")]
    suites: std::collections::BTreeMap<String, Suite>,
}

#[derive(Deserialize)]
struct Suite {
    #[serde(rename = "package-name")]
    package: String,
    #[serde(rename = "binary-id")]
    id: String,
    #[serde(rename = "binary-name")]
    name: String,
    /// Absent for a binary that was not asked.
    #[serde(default)]
    testcases: std::collections::BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(rename = "filter-match")]
    filter: Match,
}

#[derive(Deserialize)]
struct Match {
    status: String,
    reason: Option<String>,
}

/// A line of the run. Numbers of suites can exceed every integer, so they are not read.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: Option<String>,
    event: Option<String>,
    name: Option<String>,
    exec_time: Option<f64>,
    stdout: Option<String>,
    reason: Option<String>,
}

#[cfg(test)]
mod tests;
