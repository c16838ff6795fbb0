//! From the reporter protocol (`docs/reporter-protocol.md`) to events.
//!
//! Lines go in, in the order in which they were read from all connections of one run; events come out. Nothing is
//! trusted: a line that is not understood is counted, a number is clamped, a text passes the [sanitizer](super::sanitize).
//! Known secrets are to be masked in a line before it comes here. Reading, time and the process belong to the engine.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use self::attempt::{Attempt, Ending, Phase, Said};
use self::line::{Item, Line, count};
use self::longrepr::Failure;
use self::measure::{evidence, is_promised};
use super::sanitize;
use crate::domain::{Detail, Event, Evidence, Found, Lane, Outcome, RunEvent, RunId, Section, Span, Text};

mod attempt;
mod line;
mod longrepr;
mod measure;
#[cfg(test)]
mod tests;

pub use self::line::Captured;

/// The longest line, in bytes. A reader cuts what is longer and hands over the beginning, which is counted here.
pub const MAX_LINE: usize = 4 * 1024 * 1024;
/// How many tests one run may have; what is found beyond is counted and otherwise ignored.
const MAX_TESTS: u32 = 2_000_000;

/// Turns the lines of one run into events.
#[derive(Debug)]
pub struct Reporter {
    run: RunId,
    /// The runner's root folder: what lies below is the project's own.
    root: String,
    greeted: bool,
    /// The runner measures what each test touches.
    measures: bool,
    /// Where each test of the `collected` lines stands in ours: a test that is listed twice has one place.
    places: Vec<u32>,
    by_id: HashMap<Box<str>, u32>,
    next: u32,
    /// Attempts that have told something before their end.
    attempts: HashMap<u32, Attempt>,
    retried: HashSet<u32>,
    processes: Vec<Process>,
    end: Option<i32>,
    noise: Noise,
}

/// A process that takes part in the run, as it introduced itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number, to ask it for its stacks.
    pub pid: u32,
    /// Which worker it is; `None`: the one that reports.
    pub worker: Option<Text>,
    /// Where its running test's output can be read, as `/proc/PID/fd/N`.
    pub captured: Option<Captured>,
}

/// What came and could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Noise {
    /// Lines that were not what the protocol allows.
    pub broken: u64,
    /// Lines that were too long.
    pub too_long: u64,
    /// Lines of a kind that this version does not know.
    pub unknown_kinds: u64,
    /// Keys that this version does not know.
    pub unknown_keys: u64,
    /// Lines about a test that nobody named.
    pub stray: u64,
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.broken, "unreadable lines"),
            (self.too_long, "lines too long"),
            (self.unknown_kinds, "lines of unknown kind"),
            (self.unknown_keys, "unknown keys"),
            (self.stray, "lines about unknown tests"),
        ];
        let said: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        f.write_str(&said.join(", "))
    }
}

impl Reporter {
    /// A reader of the lines of `run`.
    #[must_use]
    pub fn new(run: RunId) -> Self {
        Self {
            run,
            root: String::new(),
            greeted: false,
            measures: false,
            places: Vec::new(),
            by_id: HashMap::new(),
            next: 0,
            attempts: HashMap::new(),
            retried: HashSet::new(),
            processes: Vec::new(),
            end: None,
            noise: Noise::default(),
        }
    }

    /// Takes one line, without its newline, and appends what follows from it.
    pub fn feed(&mut self, line: &str, out: &mut Vec<Event>) {
        if line.len() >= MAX_LINE {
            self.noise.too_long += 1;
            return;
        }
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        match Line::parse(line) {
            Ok(line) => self.take(line, out),
            Err(_) => self.noise.broken += 1,
        }
    }

    /// What came and could not be used.
    #[must_use]
    pub fn noise(&self) -> &Noise {
        &self.noise
    }

    /// The folder that the ids' paths start from, once the runner has said it. Not always the one it was started in.
    #[must_use]
    pub fn root(&self) -> Option<&str> {
        Some(self.root.as_str()).filter(|root| !root.is_empty())
    }

    /// The processes that introduced themselves.
    #[must_use]
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// The exit code that the runner announced, where it came to its end.
    #[must_use]
    pub fn announced_exit(&self) -> Option<i32> {
        self.end
    }

    fn take(&mut self, line: Line<'_>, out: &mut Vec<Event>) {
        self.noise.unknown_keys += u64::from(line.unknown);
        match line.e.unwrap_or_default() {
            "start" => self.start(&line, out),
            "pass" => self.pass(line, out),
            "report" => self.report(line, out),
            "finish" => self.finish(line, out),
            "result" => self.result(line, out),
            "hello" => self.hello(line, out),
            "collected" => self.collected(line, out),
            "collect_error" => self.broken_module(&line, out),
            "collect_skipped" => self.skipped_module(&line, out),
            "deselected" => {
                let count = count(line.count).unwrap_or_default();
                self.emit(out, RunEvent::Deselected { run: self.run, count });
            }
            "missing" => {
                let nodes = line.ids.unwrap_or_default().iter().map(|id| name(id)).collect();
                self.emit(out, RunEvent::Missed { run: self.run, nodes });
            }
            "collection_done" => self.emit(out, RunEvent::CollectionEnded { run: self.run }),
            "output" => self.output(&line, out),
            "warning" => self.warning(&line, out),
            "debugger" => {
                let Some(n) = self.place(&line, out) else { return };
                self.emit(out, RunEvent::DebuggerMoved { run: self.run, n, open: line.open.unwrap_or_default() });
            }
            "stopping" => {
                let why = sanitize::text(line.reason.as_deref().unwrap_or("it did not say why")).into();
                self.emit(out, RunEvent::EndAnnounced { run: self.run, why });
            }
            "crash" => {
                let why = sanitize::block(line.reason.as_deref().unwrap_or("it did not say why").trim_end()).into();
                self.emit(out, RunEvent::Crashed { run: self.run, why });
            }
            "end" => self.end = Some(line.exit.map_or(0, |exit| exit as i32)),
            _ => self.noise.unknown_kinds += 1,
        }
    }

    // The course of a test.

    fn start(&mut self, line: &Line<'_>, out: &mut Vec<Event>) {
        let Some(n) = self.place(line, out) else { return };
        if !self.attempts.is_empty() {
            self.attempts.remove(&n);
        }
        self.emit(out, RunEvent::TestStarted { run: self.run, n });
    }

    fn pass(&mut self, line: Line<'_>, out: &mut Vec<Event>) {
        let Some(n) = self.place(&line, out) else { return };
        let seconds = line.s.unwrap_or_default();
        let told = if self.attempts.is_empty() { None } else { self.attempts.remove(&n) };
        let evidence = evidence(line.evidence, line.values, self.measures);
        if told.is_none() && line.sections.is_none() {
            let outcome = if self.was_retried(n) { Outcome::Flaky } else { Outcome::Passed };
            let took = Span::from_secs_f64(seconds);
            self.emit(out, RunEvent::TestEnded { run: self.run, n, outcome, took, detail: None, evidence });
            return;
        }
        let mut attempt = told.unwrap_or_default();
        attempt.pass(seconds);
        attempt.sections(line.sections.unwrap_or_default());
        self.end_attempt(n, attempt, evidence, out);
    }

    fn report(&mut self, line: Line<'_>, out: &mut Vec<Event>) {
        let (Some(phase), Some(said)) = (phase_of(line.when), said_of(line.outcome)) else {
            self.noise.broken += 1;
            return;
        };
        let Some(n) = self.place(&line, out) else { return };
        let failure = Failure::read(line.longrepr, &self.root);
        if count(line.rerun).is_some_and(|rerun| rerun > 0) {
            self.retried.insert(n);
        }
        let attempt = self.attempts.entry(n).or_default();
        attempt.sections(line.sections.unwrap_or_default());
        match line.subtest {
            Some(subtest) => attempt.subtest(subtest_name(subtest.get()), said, failure),
            None => attempt.report(phase, said, line.duration.unwrap_or_default(), line.wasxfail, failure),
        }
    }

    fn finish(&mut self, line: Line<'_>, out: &mut Vec<Event>) {
        let Some(n) = self.place(&line, out) else { return };
        let attempt = self.attempts.remove(&n).unwrap_or_default();
        self.end_attempt(n, attempt, evidence(line.evidence, line.values, self.measures), out);
    }

    fn end_attempt(&mut self, n: u32, attempt: Attempt, evidence: Option<Arc<Evidence>>, out: &mut Vec<Event>) {
        let event = match attempt.end(self.was_retried(n)) {
            Ending::Again(detail) => {
                self.retried.insert(n);
                RunEvent::TestRetried { run: self.run, n, detail }
            }
            Ending::Over(outcome, took, detail) => {
                RunEvent::TestEnded { run: self.run, n, outcome, took, detail, evidence }
            }
        };
        self.emit(out, event);
    }

    /// A whole attempt in one line, from runners without phases.
    fn result(&mut self, line: Line<'_>, out: &mut Vec<Event>) {
        let Some(outcome) = outcome_of(line.outcome) else {
            self.noise.broken += 1;
            return;
        };
        let Some(n) = self.place(&line, out) else { return };
        self.attempts.remove(&n);
        let failure = Failure::from_text(line.trace.as_deref().unwrap_or_default(), &self.root);
        let message = line.message.unwrap_or_default();
        let said = if message.is_empty() { &failure.message } else { &message };
        let detail = Detail {
            message: sanitize::block(said.trim_end()).into(),
            exception: failure.exception.or_else(|| Failure::from_text(&message, "").exception),
            frames: failure.frames,
            trace: sanitize::block(line.trace.as_deref().unwrap_or_default()).into(),
            sections: line.output.iter().filter(|output| !output.is_empty()).map(|output| section(output)).collect(),
            subtests: Vec::new(),
        };
        let detail = (detail != Detail::default()).then(|| Arc::new(detail));
        let outcome = if outcome == Outcome::Passed && self.was_retried(n) { Outcome::Flaky } else { outcome };
        let took = Span::from_secs_f64(line.s.unwrap_or_default());
        // What a process measured is gone with it.
        let promised = self.measures && outcome != Outcome::Crashed;
        let evidence = evidence(line.evidence, line.values, promised);
        self.emit(out, RunEvent::TestEnded { run: self.run, n, outcome, took, detail, evidence });
    }

    fn was_retried(&self, n: u32) -> bool {
        !self.retried.is_empty() && self.retried.contains(&n)
    }

    // The session and what it found.

    fn hello(&mut self, line: Line<'_>, out: &mut Vec<Event>) {
        let worker = line.worker.as_deref().map(name);
        if let Some(pid) = count(line.pid) {
            self.processes.push(Process { pid, worker: worker.clone(), captured: line.captured });
        }
        if worker.is_some() || self.greeted {
            return;
        }
        self.greeted = true;
        self.root = line.root.unwrap_or_default().trim_end_matches('/').to_owned();
        let tool = format!("{} {}", line.tool.as_deref().unwrap_or("runner"), line.version.as_deref().unwrap_or(""));
        let lane = match line.lane.as_deref() {
            Some("quiet") => Some(Lane::Quiet),
            Some("beside") => Some(Lane::Beside),
            _ => None,
        };
        let workers = count(line.workers).unwrap_or_default();
        let root = (!self.root.is_empty()).then(|| name(&self.root));
        self.measures = is_promised(line.evidence);
        let (tool, evidence) = (name(tool.trim()), self.measures);
        self.emit(out, RunEvent::Greeted { run: self.run, tool, lane, workers, root, evidence });
    }

    fn collected(&mut self, line: Line<'_>, out: &mut Vec<Event>) {
        let mut tests = Vec::new();
        for Item { id, module, line: at, source } in line.items.unwrap_or_default() {
            if let Some(&n) = self.by_id.get(id.as_str()) {
                self.places.push(n);
            } else if let Some(n) = self.take_place() {
                self.places.push(n);
                tests.push(Found {
                    node: name(&id),
                    module: name(&module),
                    line: count(Some(at)).unwrap_or_default(),
                    source: source.as_deref().map(name),
                });
                self.by_id.insert(id.into(), n);
            }
        }
        if !tests.is_empty() {
            self.emit(out, RunEvent::Collected { run: self.run, tests });
        }
    }

    /// A module that could not be loaded stands among the tests as one that errored, and takes a place there.
    fn broken_module(&mut self, line: &Line<'_>, out: &mut Vec<Event>) {
        let failure = Failure::read(line.longrepr, &self.root);
        let message = line.message.as_deref().unwrap_or(&failure.message);
        let detail = Detail {
            message: sanitize::block(message.trim_end()).into(),
            exception: failure.exception.clone().or_else(|| Failure::from_text(message, "").exception),
            frames: failure.frames.clone(),
            trace: sanitize::block(&failure.trace).into(),
            ..Detail::default()
        };
        let module = name(line.module.as_deref().unwrap_or("(a module without a name)"));
        if self.take_place().is_some() {
            self.emit(out, RunEvent::ModuleBroken { run: self.run, module, detail: Arc::new(detail) });
        }
    }

    fn skipped_module(&mut self, line: &Line<'_>, out: &mut Vec<Event>) {
        let reason = line.message.as_deref().unwrap_or_default();
        let reason = reason.strip_prefix("Skipped: ").unwrap_or(reason);
        let text = format!("{} is skipped: {reason}", line.module.as_deref().unwrap_or("a module"));
        self.emit(out, RunEvent::Warned { run: self.run, text: name(&text) });
    }

    // What is said on the side.

    fn output(&mut self, line: &Line<'_>, out: &mut Vec<Event>) {
        let n = if line.n.is_some() || line.id.is_some() { self.place(line, out) } else { None };
        let text = sanitize::block(line.text.as_deref().unwrap_or_default());
        let lines: Vec<Text> = text.lines().map(Text::from).collect();
        if !lines.is_empty() {
            self.emit(out, RunEvent::Printed { run: self.run, n, lines });
        }
    }

    fn warning(&mut self, line: &Line<'_>, out: &mut Vec<Event>) {
        let mut text = String::new();
        if let Some(file) = line.file.as_deref() {
            let inside = file.strip_prefix(self.root.as_str()).and_then(|rest| rest.strip_prefix('/'));
            text.push_str(inside.unwrap_or(file));
            if let Some(line) = count(line.line) {
                text.push_str(&format!(":{line}"));
            }
            text.push_str(": ");
        }
        if let Some(category) = line.category.as_deref() {
            text.push_str(&format!("{category}: "));
        }
        text.push_str(line.message.as_deref().unwrap_or_default());
        self.emit(out, RunEvent::Warned { run: self.run, text: name(&text) });
    }

    // Places.

    /// The place of the test that a line is about. A test that nobody listed is listed now.
    fn place(&mut self, line: &Line<'_>, out: &mut Vec<Event>) -> Option<u32> {
        if let Some(n) = count(line.n) {
            let place = self.places.get(n as usize).copied();
            self.noise.stray += u64::from(place.is_none());
            return place;
        }
        let Some(id) = line.id.as_deref() else {
            self.noise.stray += 1;
            return None;
        };
        if let Some(&n) = self.by_id.get(id) {
            return Some(n);
        }
        let n = self.take_place()?;
        self.by_id.insert(id.into(), n);
        let module = id.split("::").next().unwrap_or(id);
        let found = Found { node: name(id), module: name(module), line: 0, source: None };
        self.emit(out, RunEvent::Collected { run: self.run, tests: vec![found] });
        Some(n)
    }

    fn take_place(&mut self) -> Option<u32> {
        if self.next == MAX_TESTS {
            self.noise.stray += 1;
            return None;
        }
        self.next += 1;
        Some(self.next - 1)
    }

    fn emit(&self, out: &mut Vec<Event>, event: RunEvent) {
        out.push(Event::Run(event));
    }
}

/// A name or a sentence from outside, on one line.
fn name(raw: &str) -> Text {
    sanitize::text(raw).into()
}

fn section(output: &str) -> Section {
    Section { title: "output".into(), text: sanitize::block(output).into() }
}

fn phase_of(when: Option<&str>) -> Option<Phase> {
    Some(match when? {
        "setup" => Phase::Setup,
        "call" => Phase::Call,
        "teardown" => Phase::Teardown,
        _ => return None,
    })
}

fn said_of(outcome: Option<&str>) -> Option<Said> {
    Some(match outcome? {
        "passed" => Said::Passed,
        "failed" => Said::Failed,
        "skipped" => Said::Skipped,
        "rerun" => Said::Rerun,
        _ => return None,
    })
}

fn outcome_of(outcome: Option<&str>) -> Option<Outcome> {
    Some(match outcome? {
        "passed" => Outcome::Passed,
        "failed" => Outcome::Failed,
        "errored" => Outcome::Errored,
        "skipped" => Outcome::Skipped,
        "xfailed" => Outcome::Xfailed,
        "xpassed" => Outcome::Xpassed,
        "timed_out" => Outcome::TimedOut,
        "crashed" => Outcome::Crashed,
        _ => return None,
    })
}

/// `[message] (key=value, …)`, as pytest names a subtest.
fn subtest_name(json: &str) -> String {
    #[derive(Deserialize, Default)]
    struct Context {
        #[serde(default)]
        msg: Option<String>,
        #[serde(default)]
        kwargs: std::collections::BTreeMap<String, serde_json::Value>,
    }
    let context: Context = serde_json::from_str(json).unwrap_or_default();
    let values: Vec<_> = context
        .kwargs
        .iter()
        .map(|(key, value)| match value.as_str() {
            Some(text) => format!("{key}={text}"),
            None => format!("{key}={value}"),
        })
        .collect();
    match (context.msg.filter(|msg| !msg.is_empty()), values.join(", ")) {
        (Some(msg), values) if values.is_empty() => msg,
        (Some(msg), values) => format!("{msg} ({values})"),
        (None, values) if values.is_empty() => "(a subtest)".into(),
        (None, values) => values,
    }
}
