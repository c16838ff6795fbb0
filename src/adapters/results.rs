//! Any command that leaves its results in a file: JUnit XML, TAP 14 or CTRF.
//!
//! It runs as a whole and is read when it has ended. Nobody can ask it for a list of its tests, so those are listed that
//! the file of its last run names.

use std::collections::HashMap;
use std::sync::Arc;

use super::places::Places;
use super::sanitize;
use super::tool::{Order, Source, Step, Tool};
use crate::domain::{Detail, Event, Exit, Outcome, RunEvent, Section, Span, Wanted};

mod ctrf;
pub mod import;
mod junit;
mod tap;

/// The word of a rerun's command that stands for the names of the chosen tests.
pub const TESTS: &str = "{tests}";

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JUnit XML, in any of its shapes.
    Junit,
    /// The Test Anything Protocol, version 13 or 14.
    Tap,
    /// The Common Test Report Format.
    Ctrf,
}

impl Format {
    /// How the files of a folder of results end.
    fn extension(self) -> &'static str {
        match self {
            Self::Junit => ".xml",
            Self::Tap => ".tap",
            Self::Ctrf => ".json",
        }
    }
}

/// What a file says of one test.
#[derive(Debug, Clone, Default, PartialEq)]
struct Case {
    module: String,
    name: String,
    line: u32,
    outcome: Option<Outcome>,
    seconds: f64,
    message: String,
    trace: String,
    output: String,
    /// How often it was tried before the attempt that counts.
    retries: u32,
}

/// How a command is started.
#[derive(Debug, Clone)]
pub struct Start {
    /// Runs everything.
    pub command: Vec<String>,
    /// Runs the tests whose names replace the word [`TESTS`]; unset, everything runs again.
    pub rerun: Option<Vec<String>>,
    /// How the results are written.
    pub format: Format,
    /// The file or folder of the results; `-`: the command's own output.
    pub path: String,
    /// The results of the last run, where there are any: what is listed without running.
    pub last: Option<String>,
    /// What tests belong to that have no file and no suite.
    pub name: String,
}

/// One run of a command.
#[derive(Debug)]
pub struct Results {
    order: Order,
    start: Start,
    is_over: bool,
    places: Places,
    read: Vec<Case>,
    by_name: HashMap<(String, String), usize>,
    trouble: Vec<String>,
}

impl Results {
    /// A run of a command.
    #[must_use]
    pub fn new(order: Order, start: Start) -> Self {
        let places = Places::new(order.run);
        Self { order, start, is_over: false, places, read: Vec::new(), by_name: HashMap::new(), trouble: Vec::new() }
    }

    fn argv(&self) -> Vec<String> {
        let (Wanted::Only { nodes, .. }, Some(rerun)) = (&self.order.wanted, &self.start.rerun) else {
            return self.start.command.clone();
        };
        let names = || nodes.iter().map(|node| node.split_once("::").map_or(&**node, |(_, name)| name).to_owned());
        let word = |word: &String| if word == TESTS { names().collect() } else { vec![word.clone()] };
        rerun.iter().flat_map(word).collect()
    }

    fn take(&mut self, text: &str) {
        let mut cases = Vec::new();
        let parsed = match self.start.format {
            Format::Junit => junit::read(text, &mut cases),
            Format::Tap => tap::read(text, &mut cases),
            Format::Ctrf => ctrf::read(text, &mut cases),
        };
        self.trouble.extend(parsed.err());
        for mut case in cases {
            if case.module.is_empty() {
                case.module.clone_from(&self.start.name);
            }
            match self.by_name.get(&(case.module.clone(), case.name.clone())) {
                // A test that is named twice was tried twice: the last attempt counts.
                Some(&n) => {
                    case.retries = self.read[n].retries + 1;
                    self.read[n] = case;
                }
                None => {
                    self.by_name.insert((case.module.clone(), case.name.clone()), self.read.len());
                    self.read.push(case);
                }
            }
        }
    }

    fn tell(&mut self, out: &mut Vec<Event>) {
        let run = self.order.run;
        let cases = std::mem::take(&mut self.read);
        let mut placed = Vec::with_capacity(cases.len());
        for case in cases {
            let node = format!("{}::{}", case.module, case.name);
            if let Some(n) = self.places.list(&node, &case.module, case.line) {
                placed.push((n, case));
            }
        }
        self.places.announce(out);
        if let Wanted::Only { nodes, .. } = &self.order.wanted {
            let missing: Vec<_> = nodes.iter().filter(|node| self.places.of(node).is_none()).cloned().collect();
            if !missing.is_empty() {
                out.push(RunEvent::Missed { run, nodes: missing }.into());
            }
        }
        out.push(RunEvent::CollectionEnded { run }.into());
        if self.order.is_collection() {
            return;
        }
        for (n, case) in placed {
            for _ in 0..case.retries.min(100) {
                out.push(RunEvent::TestRetried { run, n, detail: None }.into());
            }
            let outcome = match case.outcome.unwrap_or(Outcome::Passed) {
                Outcome::Passed if case.retries > 0 => Outcome::Flaky,
                outcome => outcome,
            };
            let took = Span::from_secs_f64(case.seconds.max(0.0));
            out.push(RunEvent::TestEnded { run, n, outcome, took, detail: detail_of(&case), evidence: None }.into());
        }
    }
}

impl Tool for Results {
    fn next(&mut self, out: &mut Vec<Event>) -> Option<Step> {
        if std::mem::replace(&mut self.is_over, true) {
            return None;
        }
        if self.order.is_collection() {
            if let Some(last) = self.start.last.take() {
                self.take(&last);
            }
            self.tell(out);
            return None;
        }
        let source = match self.start.path.as_str() {
            "-" => Source::Whole,
            path => Source::File { path: path.to_owned(), extension: self.start.format.extension() },
        };
        Some(Step::new(self.argv(), source))
    }

    fn read(&mut self, text: &str, _: &mut Vec<Event>) {
        self.take(text);
    }

    fn ended(&mut self, exit: Exit, out: &mut Vec<Event>) -> Exit {
        self.tell(out);
        for why in std::mem::take(&mut self.trouble) {
            let why = sanitize::text(&format!("the results are not whole: {why}")).into();
            out.push(RunEvent::Crashed { run: self.order.run, why }.into());
        }
        exit
    }

    fn explain(&self, _: Exit) -> &'static str {
        ""
    }
}

fn detail_of(case: &Case) -> Option<Arc<Detail>> {
    let text = sanitize::block(&case.output);
    let sections = match text.trim() {
        "" => Vec::new(),
        _ => vec![Section { title: "output".into(), text: text.into() }],
    };
    let detail = Detail {
        message: sanitize::block(case.message.trim()).into(),
        trace: sanitize::block(&case.trace).into(),
        sections,
        ..Detail::default()
    };
    (detail != Detail::default()).then(|| Arc::new(detail))
}

#[cfg(test)]
mod tests;
