//! vitest and jest, through small reporters of ours that speak the reporter protocol.
//!
//! Neither can be told exactly which tests to run by their names alone. So before chosen tests run, their files are
//! looked through without running anything: vitest is then told the lines on which the tests are today, and jest, which
//! only knows a pattern for all files at once, runs those files together in which the pattern means nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::reporter::Reporter;
use super::tool::{Order, Source, Step, Tool};
use crate::domain::{Event, Exit, RunEvent, Text, Wanted};

/// What both reporters share, to be written as [`WIRE_FILE`] beside them.
pub const WIRE: &str = include_str!("javascript/wire.cjs");
/// Under this name the reporters look for it.
pub const WIRE_FILE: &str = "liveloop_wire.cjs";
/// How much of a pattern one argument holds; beyond, lines alone choose, or another process follows.
const PATTERN_BYTES: usize = 60_000;
/// How many bytes of files one process is given.
const FILES_BYTES: usize = 400_000;
/// A pattern that no name matches: everything is listed, nothing runs.
const NO_NAME: &str = "(?!)";

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// vitest.
    Vitest,
    /// jest.
    Jest,
}

impl Flavor {
    /// Its program, in a project's `node_modules/.bin`.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Vitest => "vitest",
            Self::Jest => "jest",
        }
    }

    /// Our reporter for it, and the name of the file that holds it.
    #[must_use]
    pub fn reporter(self) -> (&'static str, &'static str) {
        match self {
            Self::Vitest => ("liveloop_vitest.mjs", include_str!("javascript/vitest.mjs")),
            Self::Jest => ("liveloop_jest.cjs", include_str!("javascript/jest.cjs")),
        }
    }
}

/// Everything that decides how a run is started.
#[derive(Debug, Clone)]
pub struct Start {
    /// The words that start the tool.
    pub command: Vec<String>,
    /// Options for every run.
    pub options: Vec<String>,
    /// Where our reporter is.
    pub reporter: String,
    /// Where the reporter protocol is listened for.
    pub socket: String,
    /// The file with the wanted ids; `None`: all tests.
    pub selection: Option<String>,
}

/// One run of vitest or jest.
#[derive(Debug)]
pub struct JavaScript {
    flavor: Flavor,
    order: Order,
    start: Start,
    stage: Stage,
    /// What the files hold, looked through before chosen tests run.
    look: Reporter,
    looked: Vec<Event>,
    steps: VecDeque<Vec<String>>,
    reporter: Reporter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Looking,
    Running,
}

impl JavaScript {
    /// A run of `flavor`.
    #[must_use]
    pub fn new(flavor: Flavor, order: Order, start: Start) -> Self {
        let (look, reporter) = (Reporter::new(order.run), Reporter::new(order.run));
        let (stage, looked, steps) = (Stage::Begin, Vec::new(), VecDeque::new());
        Self { flavor, order, start, stage, look, looked, steps, reporter }
    }

    fn step(&self, arguments: Vec<String>, runs: bool) -> Step {
        let mut argv = self.start.command.clone();
        let reporter = &self.start.reporter;
        match self.flavor {
            Flavor::Vitest => {
                argv.extend(["run".into(), format!("--reporter={reporter}"), "--includeTaskLocation".into()])
            }
            Flavor::Jest => argv.extend([format!("--reporters={reporter}"), "--testLocationInResults".into()]),
        }
        argv.extend_from_slice(&self.start.options);
        let mut env = vec![("LIVELOOP_SOCKET", self.start.socket.clone())];
        if runs {
            env.extend(self.start.selection.clone().map(|path| ("LIVELOOP_SELECTION", path)));
        } else {
            argv.push(format!("--testNamePattern={NO_NAME}"));
            env.push(("LIVELOOP_COLLECT_ONLY", "1".to_owned()));
        }
        argv.extend(arguments);
        Step { env, ..Step::new(argv, Source::Socket) }
    }

    fn files(&self, modules: &[Text]) -> Vec<String> {
        let flag = (self.flavor == Flavor::Jest).then(|| "--runTestsByPath".to_owned());
        flag.into_iter().chain(modules.iter().map(|module| module.to_string())).collect()
    }

    /// The files are looked through: decides what runs, in which processes.
    fn end_look(&mut self, out: &mut Vec<Event>) {
        let Wanted::Only { nodes, .. } = &self.order.wanted else { return };
        let files: BTreeSet<&str> = nodes.iter().map(|node| file_of(node)).collect();
        let mut found: HashMap<&str, (&str, u32)> = HashMap::new();
        let mut broken = BTreeSet::new();
        for event in &self.looked {
            match event {
                Event::Run(RunEvent::Collected { tests, .. }) => {
                    found.extend(tests.iter().map(|test| (&*test.node, (&*test.module, test.line))));
                }
                Event::Run(RunEvent::ModuleBroken { module, .. }) if files.contains(&**module) => {
                    broken.insert(&**module);
                }
                _ => {}
            }
        }
        let is_known = |node: &&Text| found.contains_key(&***node);
        let of_broken = |node: &Text| broken.contains(file_of(node));
        let missing: Vec<Text> = nodes.iter().filter(|node| !is_known(node) && !of_broken(node)).cloned().collect();
        if !missing.is_empty() {
            out.push(RunEvent::Missed { run: self.order.run, nodes: missing }.into());
        }
        let mut chosen: BTreeMap<&str, Vec<(&str, u32)>> = BTreeMap::new();
        for node in nodes.iter().filter(is_known) {
            let (module, line) = found[&**node];
            chosen.entry(module).or_default().push((node, line));
        }
        // What cannot be loaded is run too, to say why.
        for file in &broken {
            chosen.entry(file).or_default();
        }
        self.steps = match self.flavor {
            Flavor::Vitest => by_line(&chosen, self.look.root()),
            Flavor::Jest => by_pattern(&chosen, found.keys().copied()),
        };
    }
}

impl Tool for JavaScript {
    fn next(&mut self, _: &mut Vec<Event>) -> Option<Step> {
        match (self.stage, &self.order.wanted) {
            (Stage::Begin, Wanted::All) => {
                self.stage = Stage::Running;
                Some(self.step(Vec::new(), !self.order.is_collection()))
            }
            (Stage::Begin, Wanted::Only { modules, .. }) => {
                let step = self.step(self.files(modules), false);
                self.stage = Stage::Looking;
                Some(step)
            }
            (Stage::Looking | Stage::Running, _) => {
                self.stage = Stage::Running;
                let arguments = self.steps.pop_front()?;
                Some(self.step(arguments, true))
            }
        }
    }

    fn read(&mut self, text: &str, out: &mut Vec<Event>) {
        match self.stage {
            Stage::Looking => self.look.feed(text, &mut self.looked),
            Stage::Begin | Stage::Running => self.reporter.feed(text, out),
        }
    }

    fn ended(&mut self, exit: Exit, out: &mut Vec<Event>) -> Exit {
        if self.stage != Stage::Looking {
            return exit;
        }
        self.end_look(out);
        // Nothing ran, so its exit says nothing, unless nothing will.
        if self.steps.is_empty() { exit } else { Exit::Code(0) }
    }

    fn explain(&self, exit: Exit) -> &'static str {
        explain(exit)
    }

    fn noise(&self) -> String {
        self.reporter.noise().to_string()
    }
}

/// What an exit means, in words.
#[must_use]
pub fn explain(exit: Exit) -> &'static str {
    match exit {
        Exit::Code(0) => "all tests passed",
        Exit::Code(1) => "tests failed, or none were found",
        Exit::Code(126 | 127) => "the command could not be run",
        Exit::Code(130) | Exit::Signal(2) => "interrupted",
        Exit::Code(_) => "not a code of the tool: a test or a plugin ended the process",
        Exit::Signal(9) => "killed, by somebody or for want of memory",
        Exit::Signal(15) => "terminated",
        Exit::Signal(_) => "ended by a signal",
    }
}

fn file_of(node: &str) -> &str {
    node.split("::").next().unwrap_or(node)
}

/// The file and line of each test, and the names too, as several tests can stand on one line.
fn by_line(chosen: &BTreeMap<&str, Vec<(&str, u32)>>, root: Option<&str>) -> VecDeque<Vec<String>> {
    let mut places = BTreeSet::new();
    let mut names = BTreeSet::new();
    let mut by_name = true;
    for (file, tests) in chosen {
        let path = root.map_or_else(|| (*file).to_owned(), |root| format!("{root}/{file}"));
        if tests.iter().any(|(_, line)| *line == 0) || tests.is_empty() {
            places.insert(path);
            by_name &= !tests.is_empty();
        } else {
            places.extend(tests.iter().map(|(_, line)| format!("{path}:{line}")));
        }
        names.extend(tests.iter().map(|(node, _)| without_project(&name_pattern(node))));
    }
    let pattern = format!("^(?:{})$", names.into_iter().collect::<Vec<_>>().join("|"));
    let pattern = (by_name && pattern.len() < PATTERN_BYTES).then(|| format!("--testNamePattern={pattern}"));
    let mut steps = VecDeque::new();
    let mut size = FILES_BYTES;
    for place in places {
        if size + place.len() >= FILES_BYTES {
            steps.push_back(pattern.iter().cloned().collect::<Vec<_>>());
            size = 0;
        }
        size += place.len() + 1;
        if let Some(step) = steps.back_mut() {
            step.push(place);
        }
    }
    steps
}

/// Files together whose wanted names mean no other test in any of them.
fn by_pattern<'a>(
    chosen: &BTreeMap<&'a str, Vec<(&'a str, u32)>>,
    found: impl Iterator<Item = &'a str>,
) -> VecDeque<Vec<String>> {
    let title = |node: &'a str| node.split_once("::").map_or(node, |(_, title)| title);
    let mut unwanted: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for node in found {
        let file = file_of(node);
        if chosen.get(file).is_some_and(|tests| tests.iter().all(|(wanted, _)| *wanted != node)) {
            unwanted.entry(file).or_default().insert(title(node));
        }
    }
    #[derive(Default)]
    struct Group<'a> {
        files: Vec<&'a str>,
        names: BTreeSet<&'a str>,
        unwanted: BTreeSet<&'a str>,
        bytes: usize,
    }
    let none = BTreeSet::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (file, tests) in chosen {
        // So many that a pattern cannot hold them all: some after the others.
        let mut rest = tests.as_slice();
        loop {
            let mut bytes = 0;
            let fits = |test: &&(&str, u32)| {
                bytes += name_pattern(test.0).len() + 1;
                bytes < PATTERN_BYTES
            };
            let count = rest.iter().take_while(fits).count().max(1).min(rest.len());
            let (some, later) = rest.split_at(count);
            let names: BTreeSet<&str> = some.iter().map(|(node, _)| title(node)).collect();
            let bytes: usize = some.iter().map(|(node, _)| name_pattern(node).len() + 1).sum();
            let mut avoid = unwanted.get(file).unwrap_or(&none).clone();
            avoid.extend(tests.iter().map(|(node, _)| title(node)).filter(|name| !names.contains(name)));
            let fit = groups.iter_mut().find(|group| {
                group.bytes + bytes < PATTERN_BYTES
                    && group.unwanted.is_disjoint(&names)
                    && group.names.is_disjoint(&avoid)
            });
            let group = match fit {
                Some(group) => group,
                None => {
                    groups.push(Group::default());
                    let last = groups.len() - 1;
                    &mut groups[last]
                }
            };
            group.files.push(file);
            group.names.extend(names);
            group.unwanted.extend(avoid);
            group.bytes += bytes;
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
    }
    let arguments = |group: Group<'_>| {
        let names: Vec<String> = group.names.iter().map(|name| name_pattern(name)).collect();
        let mut arguments = vec![format!("--testNamePattern=^(?:{})$", names.join("|")), "--runTestsByPath".to_owned()];
        arguments.extend(group.files.iter().map(|file| (*file).to_owned()));
        arguments
    };
    groups.into_iter().map(arguments).collect()
}

/// A test's name as the tools match it: levels joined by a space, which a name may also hold as it is.
fn name_pattern(node: &str) -> String {
    let title = node.split_once("::").map_or(node, |(_, title)| title);
    // Names that are used more than once are counted by our reporters.
    let title = match title.rsplit_once(" #") {
        Some((name, digits)) if digits.parse::<u32>().is_ok_and(|count| count > 1) => {
            return format!("{}(?: #{digits})?", pattern(name));
        }
        _ => title,
    };
    pattern(title)
}

/// Our reporter names the project of a test where there are several; the name itself may look so too.
fn without_project(pattern: &str) -> String {
    match pattern.strip_suffix(r"\]").and_then(|rest| rest.rsplit_once(r" \[")) {
        Some((name, project)) => format!(r"{name}(?: \[{project}\])?"),
        None => pattern.to_owned(),
    }
}

fn pattern(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if r"\^$.*+?()[]{}|".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text.replace(" > ", "(?: | > )")
}

#[cfg(test)]
mod tests {
    use super::super::spoken::{drive, order};
    use super::*;

    const FINE: Exit = Exit::Code(0);

    fn tool(flavor: Flavor, nodes: &[&str], modules: &[&str]) -> JavaScript {
        let mut order = order(nodes);
        if let Wanted::Only { modules: files, .. } = &mut order.wanted {
            files.extend(modules.iter().map(|module| Text::from(*module)));
        }
        let start = Start {
            command: vec![flavor.program().into()],
            options: vec!["--color=false".into()],
            reporter: "/r/ours".into(),
            socket: "/r/s".into(),
            selection: None,
        };
        JavaScript::new(flavor, order, start)
    }

    const FOUND: &str = r#"{"e":"hello","v":1,"tool":"vitest","version":"4.1.12","pid":7,"root":"/p"}
{"e":"collected","items":[["a.test.ts::sums > adds (1+1)","a.test.ts",3],["a.test.ts::other","a.test.ts",9]]}
{"e":"collected","items":[["b.test.ts::other","b.test.ts",1],["b.test.ts::mine","b.test.ts",2]]}
{"e":"collection_done"}
{"e":"end","exit":0}
"#;

    #[test]
    fn vitest_is_told_todays_lines_and_the_names() {
        let mut tool = tool(
            Flavor::Vitest,
            &["a.test.ts::sums > adds (1+1)", "b.test.ts::mine", "b.test.ts::gone"],
            &["a.test.ts", "b.test.ts"],
        );
        let (commands, said) = drive(&mut tool, &[(FOUND, FINE), ("", FINE)]);
        assert_eq!(
            commands,
            [
                "vitest run --reporter=/r/ours --includeTaskLocation --color=false --testNamePattern=(?!) a.test.ts b.test.ts",
                r"vitest run --reporter=/r/ours --includeTaskLocation --color=false --testNamePattern=^(?:mine|sums(?: | > )adds \(1\+1\))$ /p/a.test.ts:3 /p/b.test.ts:2",
            ]
        );
        assert_eq!(said, ["missed b.test.ts::gone"]);
    }

    #[test]
    fn jest_runs_files_apart_where_a_name_would_mean_too_much() {
        // `other` is wanted in one file and not in the other.
        let mut apart = tool(Flavor::Jest, &["a.test.ts::other", "b.test.ts::mine"], &["a.test.ts", "b.test.ts"]);
        let (commands, _) = drive(&mut apart, &[(FOUND, FINE), ("", FINE), ("", FINE)]);
        assert_eq!(
            commands[1..],
            [
                "jest --reporters=/r/ours --testLocationInResults --color=false --testNamePattern=^(?:other)$ --runTestsByPath a.test.ts",
                "jest --reporters=/r/ours --testLocationInResults --color=false --testNamePattern=^(?:mine)$ --runTestsByPath b.test.ts",
            ]
        );
        let mut together = tool(Flavor::Jest, &["a.test.ts::other", "b.test.ts::other"], &["a.test.ts", "b.test.ts"]);
        let (commands, _) = drive(&mut together, &[(FOUND, FINE), ("", FINE)]);
        assert!(commands[1].ends_with("--testNamePattern=^(?:other)$ --runTestsByPath a.test.ts b.test.ts"));
    }

    #[test]
    fn what_cannot_be_loaded_is_run_to_say_why() {
        let broken = r#"{"e":"collect_error","module":"a.test.ts","message":"SyntaxError: no"}"#;
        let mut tool = tool(Flavor::Vitest, &["a.test.ts::sums"], &["a.test.ts"]);
        let (commands, said) = drive(&mut tool, &[(broken, Exit::Code(1)), (broken, Exit::Code(1))]);
        assert!(commands[1].ends_with("--color=false a.test.ts"), "{commands:?}");
        assert_eq!(said, ["broken a.test.ts: SyntaxError: no"]);
    }

    #[test]
    fn a_name_is_matched_as_it_is() {
        assert_eq!(name_pattern("a::b.c [1] $x"), r"b\.c \[1\] \$x");
        assert_eq!(name_pattern("a::same #2"), "same(?: #2)?");
        assert_eq!(without_project(&name_pattern("a::b [web]")), r"b(?: \[web\])?");
    }
}
