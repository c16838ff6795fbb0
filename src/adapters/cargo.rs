//! Plain `cargo test`: built once, then every test binary is listed and run by itself, and its text read.
//!
//! Stable libtest has no other words than its text, and that text is written between whatever the tests' own processes
//! print. So a status is looked for at the end of a line, of tests that are known; what still has none is settled by the
//! list of failures that closes a binary's output.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use self::build::Build;
use super::places::Places;
use super::rust;
use super::sanitize;
use super::tool::{Order, Source, Step, Tool};
use crate::domain::{Detail, Event, Exit, Outcome, RunEvent, Span, Text, Wanted};

mod build;

/// How many bytes of names one process is given.
const NAMES_A_STEP: usize = 400_000;
/// How much of a test's output is kept.
const OUTPUT_KEPT: usize = 2 << 20;

/// One run of `cargo test`.
#[derive(Debug)]
pub struct Cargo {
    order: Order,
    cargo: Vec<String>,
    /// Options for cargo.
    options: Vec<String>,
    /// Options for the test binaries, those after `--`.
    inner: Vec<String>,
    build: Build,
    binaries: Vec<Binary>,
    stage: Stage,
    places: Places,
    reading: Reading,
}

/// Something that lists and runs tests: a binary, or the documentation tests of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binary {
    pub(super) id: String,
    pub(super) command: Vec<String>,
    pub(super) directory: Option<String>,
    pub(super) env: Vec<(&'static str, String)>,
    /// The paths of its tests, once listed.
    tests: Vec<String>,
    /// It has no test harness: the program as a whole is the test.
    is_one_test: bool,
}

impl Binary {
    pub(super) fn new(id: String, command: Vec<String>) -> Self {
        Self { id, command, directory: None, env: Vec::new(), tests: Vec::new(), is_one_test: false }
    }

    fn step(&self, arguments: &[&str], source: Source) -> Step {
        let argv = self.command.iter().cloned().chain(arguments.iter().map(|word| (*word).to_owned())).collect();
        Step { env: self.env.clone(), directory: self.directory.clone(), ..Step::new(argv, source) }
    }
}

/// How far a run has come; the number is the binary's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Building,
    Listing(usize),
    /// From which of its chosen tests on it runs next.
    Running(usize, usize),
    Over,
}

impl Cargo {
    /// A run by `cargo` (the words that start it), with options for every run; what follows `--` is for the binaries.
    #[must_use]
    pub fn new(order: Order, cargo: Vec<String>, options: &[String]) -> Self {
        let split = options.iter().position(|option| option == "--").unwrap_or(options.len());
        let (options, inner) = options.split_at(split);
        let places = Places::new(order.run);
        Self {
            order,
            cargo,
            options: options.to_vec(),
            inner: inner.iter().skip(1).cloned().collect(),
            build: Build::default(),
            binaries: Vec::new(),
            stage: Stage::Begin,
            places,
            reading: Reading::default(),
        }
    }

    fn build_step(&self) -> Step {
        let mut argv = self.cargo.clone();
        // Without the last one, whatever comes after the first target that does not build is not built either.
        argv.extend(["test", "--no-run", "--message-format=json", "--no-fail-fast"].map(String::from));
        argv.extend_from_slice(&self.options);
        Step::new(argv, Source::Lines)
    }

    fn end_build(&mut self, exit: Exit, out: &mut Vec<Event>) {
        let build = std::mem::take(&mut self.build);
        let is_broken = !build.broken.is_empty();
        for (id, rendered) in build.broken {
            self.places.skip(out);
            let first = rendered.lines().next().unwrap_or("it does not build").to_owned();
            let message: Text = sanitize::text(&first).into();
            let detail = Arc::new(Detail { message, trace: sanitize::block(&rendered).into(), ..Detail::default() });
            out.push(RunEvent::ModuleBroken { run: self.order.run, module: id.into(), detail }.into());
        }
        if exit != Exit::Code(0) && !is_broken {
            let why = format!("the tests could not be built: {}", explain(exit)).into();
            out.push(RunEvent::Crashed { run: self.order.run, why }.into());
        }
        self.binaries = build.tests;
        if exit == Exit::Code(0) && !self.options.iter().any(|option| selects_targets(option)) {
            self.binaries.extend(build.documented.into_iter().map(|(package, name)| {
                let mut command = self.cargo.clone();
                command.extend(["test", "--doc", "-p", &package].map(String::from));
                command.extend(self.options.iter().cloned());
                command.push("--".into());
                Binary::new(rust::binary_id(&package, "doc", &name), command)
            }));
        }
    }

    /// The next binary to list, or the first to run.
    fn list_from(&mut self, listed: usize, out: &mut Vec<Event>) -> Option<Step> {
        if let Some(binary) = self.binaries.get(listed) {
            self.stage = Stage::Listing(listed);
            let inner = self.inner.iter().map(String::as_str);
            let arguments: Vec<&str> = ["--list", "--format", "terse"].into_iter().chain(inner).collect();
            return Some(binary.step(&arguments, Source::Whole));
        }
        self.end_list(out);
        if self.order.is_collection() {
            self.stage = Stage::Over;
            return None;
        }
        self.run_from(0, 0)
    }

    fn take_list(&mut self, n: usize, text: &str) {
        let Some(binary) = self.binaries.get_mut(n) else { return };
        let path = |line: &str| Some(line.strip_suffix(": test").or(line.strip_suffix(": benchmark"))?.to_owned());
        binary.tests.extend(text.lines().filter_map(path));
    }

    /// All binaries are listed: keeps the wanted tests, and says which there are.
    fn end_list(&mut self, out: &mut Vec<Event>) {
        let run = self.order.run;
        let wanted: Option<HashSet<&str>> = match &self.order.wanted {
            Wanted::All => None,
            Wanted::Only { nodes, .. } => Some(nodes.iter().map(|node| &**node).collect()),
        };
        for binary in &mut self.binaries {
            let id = &binary.id;
            binary.tests.retain(|path| wanted.as_ref().is_none_or(|wanted| wanted.contains(&*rust::node(id, path))));
            for path in &binary.tests {
                self.places.list(&rust::node(id, path), &rust::module(id, path), 0);
            }
        }
        self.places.announce(out);
        if let Wanted::Only { nodes, .. } = &self.order.wanted {
            let missing: Vec<Text> = nodes.iter().filter(|node| self.places.of(node).is_none()).cloned().collect();
            if !missing.is_empty() {
                out.push(RunEvent::Missed { run, nodes: missing }.into());
            }
        }
        out.push(RunEvent::CollectionEnded { run }.into());
    }

    /// The next process that runs tests, from a binary's test on.
    fn run_from(&mut self, mut n: usize, mut from: usize) -> Option<Step> {
        while let Some(binary) = self.binaries.get(n) {
            if from >= binary.tests.len() {
                (n, from) = (n + 1, 0);
                continue;
            }
            let everything = self.order.wanted == Wanted::All;
            let mut size = 0;
            let fits = |path: &&String| {
                size += path.len() + 1;
                size < NAMES_A_STEP
            };
            let rest = &binary.tests[from..];
            let count = if everything { rest.len() } else { rest.iter().take_while(fits).count().max(1) };
            let some = &rest[..count];
            let mut arguments: Vec<&str> = self.inner.iter().map(String::as_str).collect();
            if !everything && !binary.is_one_test {
                arguments.push("--exact");
                arguments.extend(some.iter().map(String::as_str));
            }
            if binary.is_one_test {
                arguments.clear();
            }
            let step = binary.step(&arguments, Source::Lines);
            self.reading = Reading::new(some);
            self.stage = Stage::Running(n, from + count);
            return Some(step);
        }
        self.stage = Stage::Over;
        None
    }

    fn start_if_alone(&self, out: &mut Vec<Event>) {
        let Stage::Running(n, _) = self.stage else { return };
        // Only where there is no choice is it known what runs: libtest says so at the end.
        if let (Some(binary), [path]) = (self.binaries.get(n), self.reading.order.as_slice())
            && let Some(place) = self.places.of(&rust::node(&binary.id, path))
        {
            out.push(RunEvent::TestStarted { run: self.order.run, n: place }.into());
        }
    }

    fn say(&self, said: Vec<(String, Told)>, out: &mut Vec<Event>) {
        let Stage::Running(n, _) = self.stage else { return };
        let run = self.order.run;
        let Some(binary) = self.binaries.get(n) else { return };
        for (path, told) in said {
            let Some(n) = self.places.of(&rust::node(&binary.id, &path)) else { continue };
            let (outcome, detail) = match told {
                Told::Fails => {
                    out.push(RunEvent::TestStarted { run, n }.into());
                    continue;
                }
                Told::Passed => (Outcome::Passed, None),
                Told::Ignored(reason) => {
                    let message = if reason.is_empty() { "ignored" } else { &reason };
                    (Outcome::Skipped, Some(Detail { message: sanitize::text(message).into(), ..Detail::default() }))
                }
                Told::Failed(output) => (Outcome::Failed, Some(rust::failure(&output))),
            };
            let detail = detail.map(Arc::new);
            out.push(RunEvent::TestEnded { run, n, outcome, took: Span::ZERO, detail, evidence: None }.into());
        }
    }

    fn end_binary(&mut self, exit: Exit, out: &mut Vec<Event>) {
        let Stage::Running(n, _) = self.stage else { return };
        let Some(binary) = self.binaries.get(n) else { return };
        let mut reading = std::mem::take(&mut self.reading);
        let said = if binary.is_one_test {
            let told = if exit == Exit::Code(0) { Told::Passed } else { Told::Failed(reading.other.clone()) };
            reading.order.iter().map(|path| (path.clone(), told.clone())).collect()
        } else {
            reading.end()
        };
        let died = !binary.is_one_test && !reading.is_whole();
        let id = binary.id.clone();
        self.say(said, out);
        if died && !reading.waiting.is_empty() {
            let count = reading.waiting.len();
            let why = format!("{id} ended with {exit} before {count} of its tests had a result").into();
            out.push(RunEvent::Crashed { run: self.order.run, why }.into());
        }
    }
}

impl Tool for Cargo {
    fn next(&mut self, out: &mut Vec<Event>) -> Option<Step> {
        match self.stage {
            Stage::Begin => {
                self.stage = Stage::Building;
                Some(self.build_step())
            }
            Stage::Building => self.list_from(0, out),
            Stage::Listing(n) => self.list_from(n + 1, out),
            Stage::Running(n, from) => self.run_from(n, from),
            Stage::Over => None,
        }
        .inspect(|_| self.start_if_alone(out))
    }

    fn read(&mut self, text: &str, out: &mut Vec<Event>) {
        match self.stage {
            Stage::Building => self.build.read(text),
            Stage::Listing(n) => self.take_list(n, text),
            Stage::Running(..) => {
                let said = self.reading.read(text);
                if self.reading.is_foreign {
                    let lines = vec![sanitize::text(text).into()];
                    out.push(RunEvent::Printed { run: self.order.run, n: None, lines }.into());
                }
                self.say(said, out);
            }
            Stage::Begin | Stage::Over => {}
        }
    }

    fn ended(&mut self, exit: Exit, out: &mut Vec<Event>) -> Exit {
        match self.stage {
            Stage::Building => self.end_build(exit, out),
            Stage::Listing(n) => {
                // A program without libtest does not know the question: it is a test as a whole.
                if exit != Exit::Code(0) {
                    self.binaries[n].is_one_test = true;
                    self.binaries[n].tests = vec!["main".into()];
                    return Exit::Code(0);
                }
            }
            Stage::Running(..) => self.end_binary(exit, out),
            Stage::Begin | Stage::Over => {}
        }
        exit
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
        Exit::Code(101) => "tests failed, or the project did not build",
        Exit::Code(126 | 127) => "the command could not be run",
        Exit::Code(_) => "not a code of cargo: a test ended the process",
        Exit::Signal(2) => "interrupted",
        Exit::Signal(6) => "aborted, for example by a panic inside a panic",
        Exit::Signal(9) => "killed, by somebody or for want of memory",
        Exit::Signal(11) => "a segmentation fault or a stack overflow",
        Exit::Signal(15) => "terminated",
        Exit::Signal(_) => "ended by a signal",
    }
}

/// Whether an option says which targets are tested, so that documentation tests are not asked for.
fn selects_targets(option: &str) -> bool {
    let name = option.split('=').next().unwrap_or(option);
    let all = ["--lib", "--bins", "--bin", "--tests", "--test", "--examples", "--example", "--benches", "--bench"];
    all.contains(&name) || name == "--all-targets"
}

/// What is said of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Passed,
    Ignored(String),
    /// It failed; why comes at the end.
    Fails,
    /// It failed with this output.
    Failed(String),
}

/// The text of one binary's run.
#[derive(Debug, Default)]
struct Reading {
    /// The tests that run, in their order.
    order: Vec<String>,
    /// Those without a result.
    waiting: HashSet<String>,
    /// Those that failed, and what they printed.
    failed: BTreeMap<String, String>,
    /// In which part of the closing words we are.
    part: Part,
    passed: u32,
    /// The numbers of the closing line: passed and failed.
    totals: Option<(u32, u32)>,
    /// What stood in no known line.
    other: String,
    is_foreign: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Running,
    /// After `failures:`, between the blocks or in the list that follows them.
    Failures,
    /// In the block of this test.
    Block(String),
}

impl Reading {
    fn new(tests: &[String]) -> Self {
        Self { order: tests.to_vec(), waiting: tests.iter().cloned().collect(), ..Self::default() }
    }

    fn read(&mut self, line: &str) -> Vec<(String, Told)> {
        self.is_foreign = false;
        if let Some(totals) = totals(line) {
            self.totals = Some(totals);
            self.part = Part::Running;
            return Vec::new();
        }
        match &self.part {
            Part::Running => return self.status(line).into_iter().collect(),
            Part::Failures | Part::Block(_) => {}
        }
        if let Some(path) = block(line).filter(|path| self.order.iter().any(|known| known == path)) {
            self.part = Part::Block(path.to_owned());
            self.failed.entry(path.to_owned()).or_default();
        } else if let Part::Block(path) = &self.part {
            if line == "failures:" {
                self.part = Part::Failures;
            } else if let Some(output) = self.failed.get_mut(path)
                && output.len() + line.len() < OUTPUT_KEPT
            {
                output.push_str(line);
                output.push('\n');
            }
        } else if let Some(path) = line.strip_prefix("    ")
            && self.waiting.contains(path)
        {
            self.failed.entry(path.to_owned()).or_default();
        }
        Vec::new()
    }

    /// `test NAME ... ok`, possibly with something else before it on the line.
    fn status(&mut self, line: &str) -> Option<(String, Told)> {
        if line == "failures:" {
            self.part = Part::Failures;
            return None;
        }
        let is_frame = line.is_empty() || (line.starts_with("running ") && line.contains(" test"));
        self.is_foreign = !is_frame;
        if self.is_foreign && self.other.len() + line.len() < OUTPUT_KEPT {
            self.other.push_str(line);
            self.other.push('\n');
        }
        let (before, status) = line.rsplit_once(" ... ")?;
        let path = before.match_indices("test ").find_map(|(at, word)| {
            let name = &before[at + word.len()..];
            let plain = || name.rsplit_once(" - ").map(|(name, _)| name);
            [Some(name), plain()].into_iter().flatten().find(|name| self.waiting.contains(*name))
        })?;
        let path = path.to_owned();
        let told = match status.split_once(',').map_or((status, ""), |(status, reason)| (status, reason.trim())) {
            ("ok", _) => Told::Passed,
            ("FAILED", _) => Told::Fails,
            ("ignored", reason) => Told::Ignored(reason.to_owned()),
            _ if status.starts_with("bench:") => Told::Passed,
            _ => return None,
        };
        self.is_foreign = !before.starts_with("test ");
        match told {
            Told::Fails => {
                self.failed.entry(path.clone()).or_default();
            }
            _ => {
                self.passed += u32::from(told == Told::Passed);
                self.waiting.remove(&path);
            }
        }
        Some((path, told))
    }

    /// Whether the closing line was seen.
    fn is_whole(&self) -> bool {
        self.totals.is_some()
    }

    /// The binary has ended: the failures with their output, and what became of tests whose status was lost between
    /// other output, as far as the totals leave no doubt.
    fn end(&mut self) -> Vec<(String, Told)> {
        let mut said = Vec::new();
        for (path, output) in std::mem::take(&mut self.failed) {
            self.waiting.remove(&path);
            said.push((path, Told::Failed(output)));
        }
        if let Some((passed, failed)) = self.totals
            && failed as usize == said.len()
            && passed as usize == self.passed as usize + self.waiting.len()
        {
            let rest = self.order.iter().filter(|path| self.waiting.contains(*path));
            said.extend(rest.map(|path| (path.clone(), Told::Passed)));
            self.waiting.clear();
        }
        said
    }
}

/// `---- NAME stdout ----`
fn block(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.strip_suffix(" ----")?.strip_suffix(" stdout")
}

/// `test result: FAILED. 2 passed; 1 failed; …`
fn totals(line: &str) -> Option<(u32, u32)> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let counts: HashMap<&str, u32> = counts
        .split("; ")
        .filter_map(|part| part.split_once(' '))
        .filter_map(|(number, word)| Some((word, number.parse().ok()?)))
        .collect();
    Some((*counts.get("passed")?, *counts.get("failed")?))
}

#[cfg(test)]
mod tests;
