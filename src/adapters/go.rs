//! go test, by its `-json` events.
//!
//! Those events have gaps: after a panic the tests that ran have no end, and a package can fail without any of its tests
//! failing. Both are made good when the package ends. A test below another one is a part of it with a name of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::Deserialize;

use super::places::Places;
use super::sanitize;
use super::tool::{Order, Source, Step, Tool};
use crate::domain::{Detail, Event, Exit, Frame, Outcome, RunEvent, Section, Span, Text, Wanted};

/// How much of a test's output is kept.
const OUTPUT_KEPT: usize = 1 << 20;
/// How many bytes of names one process is given.
const NAMES_A_STEP: usize = 60_000;

/// One run of `go test`.
#[derive(Debug)]
pub struct Go {
    order: Order,
    go: Vec<String>,
    options: Vec<String>,
    stage: Stage,
    steps: VecDeque<Vec<String>>,
    wanted: BTreeSet<String>,
    places: Places,
    /// The tests that run now, by package and name, with what they printed.
    running: BTreeMap<(String, String), String>,
    /// What packages printed outside of tests.
    packages: BTreeMap<String, Package>,
}

#[derive(Debug, Default)]
struct Package {
    output: String,
    has_failure: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Running,
}

impl Go {
    /// A run by `go` (the words that start it), with options for every run.
    #[must_use]
    pub fn new(order: Order, go: Vec<String>, options: Vec<String>) -> Self {
        let steps = match &order.wanted {
            Wanted::All => VecDeque::from([Vec::new()]),
            Wanted::Only { nodes, .. } => steps_of(nodes),
        };
        let wanted = match &order.wanted {
            Wanted::All => BTreeSet::new(),
            Wanted::Only { nodes, .. } => nodes.iter().map(|node| node.to_string()).collect(),
        };
        let places = Places::new(order.run);
        let (running, packages) = (BTreeMap::new(), BTreeMap::new());
        Self { order, go, options, stage: Stage::Begin, steps, wanted, places, running, packages }
    }

    fn step(&self, chosen: Vec<String>) -> Step {
        let mut argv = self.go.clone();
        argv.extend(["test".to_owned(), "-json".to_owned()]);
        if self.order.is_collection() {
            argv.extend(["-list".to_owned(), ".".to_owned()]);
        } else {
            // A result from a cache is no result of this revision.
            argv.push("-count=1".to_owned());
        }
        let (packages, options): (Vec<String>, Vec<String>) =
            self.options.iter().cloned().partition(|option| option.starts_with('.') || option.ends_with("/..."));
        argv.extend(options);
        if !chosen.is_empty() {
            argv.extend(chosen);
        } else if packages.is_empty() {
            argv.push("./...".to_owned());
        } else {
            argv.extend(packages);
        }
        Step::new(argv, Source::Lines)
    }

    fn take(&mut self, line: Line, out: &mut Vec<Event>) {
        let run = self.order.run;
        let action = line.action.as_str();
        if let Some(path) = &line.import_path {
            // Of the build: a package that does not build is named with the binary it was to be part of.
            let package = path.split(' ').next().unwrap_or(path).to_owned();
            if action == "build-output" {
                self.print(&package, line.output.as_deref().unwrap_or_default());
            }
            return;
        }
        let Some(package) = line.package else { return };
        let output = line.output.as_deref().unwrap_or_default();
        let Some(test) = line.test else {
            match action {
                "output" if self.order.is_collection() && is_name(output.trim()) => {
                    self.place(&package, output.trim());
                    self.places.announce(out);
                }
                "output" => self.print(&package, output),
                "fail" => self.end_package(&package, line.failed_build.is_some(), out),
                "pass" | "skip" => self.lose(&package, out),
                _ => {}
            }
            return;
        };
        let key = (package.clone(), test.clone());
        match action {
            "run" => {
                let Some(n) = self.place(&package, &test) else { return };
                self.places.announce(out);
                self.running.insert(key, String::new());
                out.push(RunEvent::TestStarted { run, n }.into());
            }
            "output" => {
                // Of a test that is not listed on its own it belongs to the one above.
                let mut owner = test.as_str();
                while !self.running.contains_key(&(package.clone(), owner.to_owned()))
                    && let Some((above, _)) = owner.rsplit_once('/')
                {
                    owner = above;
                }
                if let Some(text) = self.running.get_mut(&(package.clone(), owner.to_owned()))
                    && text.len() + output.len() < OUTPUT_KEPT
                    && !is_frame(output)
                {
                    text.push_str(output);
                }
            }
            "pass" | "bench" | "skip" | "fail" => {
                let Some(text) = self.running.remove(&key) else { return };
                let Some(n) = self.place(&package, &test) else { return };
                let outcome = match action {
                    "fail" => Outcome::Failed,
                    "skip" => Outcome::Skipped,
                    _ => Outcome::Passed,
                };
                if outcome == Outcome::Failed {
                    self.packages.entry(package).or_default().has_failure = true;
                }
                let took = Span::from_secs_f64(line.elapsed.unwrap_or_default().max(0.0));
                let detail = detail_of(outcome, &text);
                out.push(RunEvent::TestEnded { run, n, outcome, took, detail, evidence: None }.into());
            }
            // Paused and continued, attributes, artifacts, and whatever else comes to be said.
            _ => {}
        }
    }

    /// A package failed: by its tests, or by what is around them.
    fn end_package(&mut self, package: &str, at_build: bool, out: &mut Vec<Event>) {
        let run = self.order.run;
        let left = self.of_package(package);
        let state = self.packages.remove(package).unwrap_or_default();
        // The tests that ran when it died: the innermost ones, and the ones around them.
        for test in &left {
            let text = self.running.remove(&(package.to_owned(), test.clone())).unwrap_or_default();
            let Some(n) = self.place(package, test) else { continue };
            let whole = format!("{text}{}", state.output);
            let outcome =
                if whole.contains("panic: test timed out after") { Outcome::TimedOut } else { Outcome::Crashed };
            out.push(
                RunEvent::TestEnded {
                    run,
                    n,
                    outcome,
                    took: Span::ZERO,
                    detail: detail_of(outcome, &whole),
                    evidence: None,
                }
                .into(),
            );
        }
        if left.is_empty() && !state.has_failure {
            let what = if at_build { "it does not build" } else { "it failed outside of its tests" };
            let first = state.output.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
            let message = format!("{what}: {}", first.unwrap_or("it did not say why"));
            let detail = Detail {
                message: sanitize::text(&message).into(),
                trace: sanitize::block(&state.output).into(),
                ..Detail::default()
            };
            self.places.skip(out);
            let module = sanitize::text(package).into();
            out.push(RunEvent::ModuleBroken { run, module, detail: Arc::new(detail) }.into());
        }
    }

    /// A package passed: tests of it without an end were passed over by the tool, and have no result.
    fn lose(&mut self, package: &str, out: &mut Vec<Event>) {
        for test in self.of_package(package) {
            self.running.remove(&(package.to_owned(), test.clone()));
            let Some(n) = self.place(package, &test) else { continue };
            let run = self.order.run;
            out.push(
                RunEvent::TestEnded {
                    run,
                    n,
                    outcome: Outcome::Passed,
                    took: Span::ZERO,
                    detail: None,
                    evidence: None,
                }
                .into(),
            );
        }
        self.packages.remove(package);
    }

    fn of_package(&self, package: &str) -> Vec<String> {
        self.running.keys().filter(|(other, _)| other == package).map(|(_, test)| test.clone()).collect()
    }

    fn print(&mut self, package: &str, output: &str) {
        let text = &mut self.packages.entry(package.to_owned()).or_default().output;
        if text.len() + output.len() < OUTPUT_KEPT {
            text.push_str(output);
        }
    }

    /// The place of a test; none for one around or beside those that were chosen.
    fn place(&mut self, package: &str, test: &str) -> Option<u32> {
        let node = format!("{package}::{test}");
        let chosen = self.wanted.is_empty() || self.wanted.contains(&node);
        if chosen { self.places.list(&node, package, 0) } else { None }
    }
}

impl Tool for Go {
    fn next(&mut self, out: &mut Vec<Event>) -> Option<Step> {
        self.stage = Stage::Running;
        let next = self.steps.pop_front();
        if next.is_none() {
            let run = self.order.run;
            if let Wanted::Only { nodes, .. } = &self.order.wanted {
                let missing: Vec<Text> = nodes.iter().filter(|node| self.places.of(node).is_none()).cloned().collect();
                if !missing.is_empty() {
                    out.push(RunEvent::Missed { run, nodes: missing }.into());
                }
            }
            out.push(RunEvent::CollectionEnded { run }.into());
        }
        next.map(|chosen| self.step(chosen))
    }

    fn read(&mut self, text: &str, out: &mut Vec<Event>) {
        match serde_json::from_str(text) {
            Ok(line) => self.take(line, out),
            Err(_) if text.trim().is_empty() => {}
            Err(_) => {
                // Before Go 1.24 a build's errors stand between the events as they are.
                let lines = sanitize::block(text).lines().map(Text::from).collect();
                out.push(RunEvent::Printed { run: self.order.run, n: None, lines }.into());
            }
        }
    }

    fn explain(&self, exit: Exit) -> &'static str {
        explain(exit)
    }
}

/// What an exit means, in words.
#[must_use]
pub fn explain(exit: Exit) -> &'static str {
    match exit {
        Exit::Code(0) => "all tests passed",
        Exit::Code(1) => "tests failed, or packages did not build",
        Exit::Code(2) => "go rejected its arguments",
        Exit::Code(126 | 127) => "the command could not be run",
        Exit::Code(_) => "not a code of go",
        Exit::Signal(2) => "interrupted",
        Exit::Signal(9) => "killed, by somebody or for want of memory",
        Exit::Signal(15) => "terminated",
        Exit::Signal(_) => "ended by a signal",
    }
}

/// The arguments of each process that together run exactly these tests. Each level of a name is matched by itself, so
/// only tests with the same one above them can share a process.
fn steps_of(nodes: &[Text]) -> VecDeque<Vec<String>> {
    let mut groups: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for node in nodes {
        let Some((package, test)) = node.split_once("::") else {
            // A package that failed as a whole is run as a whole.
            groups.entry((node, "")).or_default();
            continue;
        };
        let (above, name) = test.rsplit_once('/').unwrap_or(("", test));
        // Asking for a test runs what is below it too, so what is below it is not asked for once more.
        let mut around = test;
        let covered = std::iter::from_fn(|| {
            around = around.rsplit_once('/')?.0;
            Some(around)
        })
        .any(|above| nodes.iter().any(|other| **other == *format!("{package}::{above}")));
        if !covered {
            groups.entry((package, above)).or_default().push(name);
        }
    }
    let mut steps = VecDeque::new();
    for ((package, above), names) in groups {
        if names.is_empty() {
            steps.push_back(vec![package.to_owned()]);
        }
        let mut rest = names.as_slice();
        while !rest.is_empty() {
            let mut size = 0;
            let fits = |name: &&&str| {
                size += name.len() + 4;
                size < NAMES_A_STEP
            };
            let (some, later) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            let levels = above.split('/').filter(|level| !level.is_empty()).map(|level| format!("^{}$", quoted(level)));
            let last = some.iter().map(|name| format!("^{}$", quoted(name))).collect::<Vec<_>>().join("|");
            let pattern = levels.chain([last]).collect::<Vec<_>>().join("/");
            steps.push_back(vec!["-run".to_owned(), pattern, package.to_owned()]);
            rest = later;
        }
    }
    steps
}

fn quoted(name: &str) -> String {
    let special = |c: char| r"\.+*?()|[]{}^$".contains(c);
    name.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// What `go test -list` prints between other lines.
fn is_name(line: &str) -> bool {
    let starts = ["Test", "Fuzz", "Example"].iter().any(|word| line.starts_with(word));
    starts && line.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Lines of the tool's own around a test's output.
fn is_frame(line: &str) -> bool {
    let line = line.trim_start();
    ["=== RUN", "=== PAUSE", "=== CONT", "=== NAME", "--- PASS", "--- FAIL", "--- SKIP"]
        .iter()
        .any(|f| line.starts_with(f))
}

/// What a test printed: a failure's words stand behind the place that reports them.
fn detail_of(outcome: Outcome, text: &str) -> Option<Arc<Detail>> {
    if outcome == Outcome::Passed {
        return None;
    }
    let place = |line: &str| {
        let (place, words) = line.trim_start().split_once(": ")?;
        let (path, number) = place.rsplit_once(':')?;
        let line = number.parse().ok()?;
        path.ends_with(".go").then(|| (path.to_owned(), line, words.to_owned()))
    };
    let places: Vec<_> = text.lines().filter_map(place).collect();
    let panic =
        text.lines().map(str::trim).find(|line| line.starts_with("panic: ") || line.starts_with("fatal error: "));
    let race = text.lines().map(str::trim).find(|line| line.starts_with("WARNING: DATA RACE"));
    let words = || places.iter().map(|(.., words)| words.as_str()).collect::<Vec<_>>().join("\n");
    let message = panic.or(race).map(str::to_owned).unwrap_or_else(words);
    let frames = places.iter().map(|(path, line, words)| Frame {
        path: sanitize::text(path).into(),
        line: *line,
        source: sanitize::text(words).into(),
        own: true,
    });
    let sections = match text.trim() {
        "" => Vec::new(),
        _ => vec![Section { title: "output".into(), text: sanitize::block(text).into() }],
    };
    let detail = Detail {
        message: sanitize::block(&message).into(),
        frames: frames.take(20).collect(),
        sections,
        ..Detail::default()
    };
    (detail != Detail::default()).then(|| Arc::new(detail))
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "Action")]
    action: String,
    #[serde(rename = "Package")]
    package: Option<String>,
    #[serde(rename = "ImportPath")]
    import_path: Option<String>,
    #[serde(rename = "Test")]
    test: Option<String>,
    #[serde(rename = "Elapsed")]
    elapsed: Option<f64>,
    #[serde(rename = "Output")]
    output: Option<String>,
    #[serde(rename = "FailedBuild")]
    failed_build: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::super::spoken::{drive, order};
    use super::*;

    fn go(nodes: &[&str]) -> Go {
        Go::new(order(nodes), vec!["go".into()], vec!["-race".into()])
    }

    /// Events as Go 1.24 to 1.27 write them, with the gaps that they have.
    const RUN: &str = include_str!("go/recorded.jsonl");

    #[test]
    fn a_recorded_run_is_told_with_its_gaps_closed() {
        let (commands, said) = drive(&mut go(&[]), &[(RUN, Exit::Code(1))]);
        assert_eq!(commands, ["go test -json -count=1 -race ./..."]);
        let told: Vec<_> = said.iter().filter(|line| !line.starts_with("found")).collect();
        assert_eq!(
            told,
            [
                "0 started",
                "1 started",
                "1 failed: got 1, want 2",
                "0 failed",
                "2 started",
                "2 skipped: not here",
                "3 started",
                "4 started",
                "4 passed",
                "3 crashed: panic: boom [recovered]",
                "broken shop/broken: it does not build: broken/b.go:3:2: undefined: nothing",
                "broken shop/main: it failed outside of its tests: set-up failed",
                "7 started",
                "7 passed",
                "8 started",
                "8 timed out: panic: test timed out after 1s",
                "printed between the events",
                "listed",
            ]
        );
        assert_eq!(said[0], "found shop/cart::TestSums @shop/cart");
    }

    #[test]
    fn a_rerun_groups_by_the_one_above() {
        let nodes =
            ["shop/cart::TestA", "shop/cart::TestB", "shop/cart::TestC/one_(1)", "shop/cart::TestC/two", "shop/api"];
        let (commands, said) = drive(&mut go(&nodes), &[("", Exit::Code(0)), ("", Exit::Code(0)), ("", Exit::Code(0))]);
        assert_eq!(
            commands,
            [
                "go test -json -count=1 -race shop/api",
                "go test -json -count=1 -race -run ^TestA$|^TestB$ shop/cart",
                r"go test -json -count=1 -race -run ^TestC$/^one_\(1\)$|^two$ shop/cart",
            ]
        );
        assert!(said[0].starts_with("missed shop/cart::TestA, "), "{said:?}");
        let below = ["p::TestA", "p::TestA/x", "p::TestA/x/y"];
        assert_eq!(steps_of(&below.map(Text::from)), [["-run", "^TestA$", "p"].map(String::from).to_vec()]);
    }

    #[test]
    fn a_list_is_read_from_the_output() {
        let mut order = order(&[]);
        order.kind = crate::domain::RunKind::Collect;
        let mut tool = Go::new(order, vec!["go".into()], Vec::new());
        let list = r#"{"Action":"output","Package":"shop/cart","Output":"TestSums\n"}
{"Action":"output","Package":"shop/cart","Output":"ok  \tshop/cart\t0.002s\n"}
{"Action":"pass","Package":"shop/cart","Elapsed":0.002}"#;
        let (commands, said) = drive(&mut tool, &[(list, Exit::Code(0))]);
        assert_eq!(commands, ["go test -json -list . ./..."]);
        assert_eq!(said, ["found shop/cart::TestSums @shop/cart", "listed"]);
    }
}
