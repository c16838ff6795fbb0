//! The pytest plugin in real pytest runs, read through the adapter: small suites in, outcomes out.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use liveloop::adapters::pytest::{FILES, Start, selection};
use liveloop::adapters::reporter::Reporter;
use liveloop::domain::{Detail, Event, Lane, Outcome, RunEvent, RunId};
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

#[path = "support/venv.rs"]
mod venv;

/// No run here takes more than a second or two; a machine that is busy may take longer.
const PATIENCE: Duration = Duration::from_secs(90);

/// A suite that is about to run, in a copy of its own.
struct Suite {
    folder: tempfile::TempDir,
    options: Vec<String>,
    variables: Vec<(&'static str, String)>,
    wanted: Option<Vec<&'static str>>,
    collect_only: bool,
}

/// What a run told.
struct Told {
    events: Vec<RunEvent>,
    reporter: Reporter,
    code: Option<i32>,
    printed: String,
}

/// A run that is not over.
struct Running {
    child: Child,
    socket: PathBuf,
    over: Arc<AtomicBool>,
    acceptor: JoinHandle<()>,
    printed: JoinHandle<String>,
    lines: Receiver<String>,
    reporter: Reporter,
    events: Vec<RunEvent>,
    _suite: Suite,
}

impl Suite {
    /// A copy of the fixture, or nothing where there is no Python.
    fn new(name: &str) -> Option<Self> {
        venv::python()?;
        let folder = tempfile::tempdir().unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pytest").join(name);
        fs::create_dir(folder.path().join("suite")).unwrap();
        fs::create_dir(folder.path().join("plugin")).unwrap();
        for file in fs::read_dir(fixture).unwrap().map(Result::unwrap).filter(|file| file.path().is_file()) {
            fs::copy(file.path(), folder.path().join("suite").join(file.file_name())).unwrap();
        }
        for (name, text) in FILES {
            fs::write(folder.path().join("plugin").join(name), text).unwrap();
        }
        Some(Self { folder, options: Vec::new(), variables: Vec::new(), wanted: None, collect_only: false })
    }

    fn options(mut self, options: &str) -> Self {
        self.options = options.split_whitespace().map(String::from).collect();
        self
    }

    fn variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    fn wanted(mut self, ids: &[&'static str]) -> Self {
        self.wanted = Some(ids.to_vec());
        self
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn run(self) -> Told {
        self.start().finish()
    }

    fn start(self) -> Running {
        let listener = UnixListener::bind(self.path("socket")).unwrap();
        let (sender, lines) = channel();
        let over = Arc::new(AtomicBool::new(false));
        let acceptor = std::thread::spawn({
            let over = Arc::clone(&over);
            move || accept(&listener, &sender, &over)
        });
        let mut child = self.command().spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let printed = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Running {
            child,
            socket: self.path("socket").into(),
            over,
            acceptor,
            printed,
            lines,
            reporter: Reporter::new(RunId(1)),
            events: Vec::new(),
            _suite: self,
        }
    }

    fn command(&self) -> Command {
        let (plugin, socket, wanted, stacks) =
            (self.path("plugin"), self.path("socket"), self.path("wanted"), self.path("stacks"));
        if let Some(ids) = &self.wanted {
            fs::write(&wanted, selection(ids.iter().copied())).unwrap();
        }
        let launch = Start {
            python: &[venv::python().unwrap().to_str().unwrap().to_owned()],
            options: &self.options,
            collect_only: self.collect_only,
            plugin_folder: &plugin,
            socket: &socket,
            selection: self.wanted.as_ref().map(|_| wanted.as_str()),
            stacks: Some(&stacks),
            ..Start::default()
        }
        .step();
        let mut command = Command::new(&launch.argv[0]);
        command.args(&launch.argv[1..]).envs(launch.env).envs(self.variables.iter().cloned());
        command.env("COLUMNS", "80").env_remove("PYTEST_ADDOPTS").current_dir(self.path("suite"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }
}

/// Takes connections until the run is over and none is left that was made before.
fn accept(listener: &UnixListener, sender: &Sender<String>, over: &AtomicBool) {
    while let Ok((connection, _)) = listener.accept() {
        connection.set_nonblocking(false).unwrap();
        let sender = sender.clone();
        std::thread::spawn(move || read(&connection, &sender));
        if over.load(Ordering::SeqCst) {
            listener.set_nonblocking(true).unwrap();
        }
    }
}

fn read(connection: &UnixStream, sender: &Sender<String>) {
    let mut lines = BufReader::new(connection);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        let _ = sender.send(String::from_utf8(std::mem::take(&mut line)).unwrap());
    }
}

impl Running {
    /// Reads on until something that `wanted` accepts was told.
    fn until(&mut self, wanted: impl Fn(&RunEvent) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !self.events.iter().any(&wanted) {
            let line = self.lines.recv_timeout(deadline - Instant::now()).expect("the run told too little");
            self.take(&line);
        }
    }

    fn take(&mut self, line: &str) {
        let mut out = Vec::new();
        self.reporter.feed(line, &mut out);
        self.events.extend(out.into_iter().map(|event| match event {
            Event::Run(event) => event,
            other => panic!("not about a run: {other:?}"),
        }));
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn finish(mut self) -> Told {
        let deadline = Instant::now() + PATIENCE;
        // Its output ends when the process does, and those that hold its descriptors.
        while !self.printed.is_finished() {
            if Instant::now() > deadline {
                self.child.kill().unwrap();
            }
            std::thread::park_timeout(Duration::from_millis(2));
        }
        let code = self.child.wait().unwrap().code();
        self.over.store(true, Ordering::SeqCst);
        drop(UnixStream::connect(&self.socket));
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.take(&line);
        }
        self.acceptor.join().unwrap();
        Told { events: self.events, reporter: self.reporter, code, printed: self.printed.join().unwrap() }
    }
}

impl Told {
    fn nodes(&self) -> Vec<String> {
        let mut nodes = Vec::new();
        for event in &self.events {
            match event {
                RunEvent::Collected { tests, .. } => nodes.extend(tests.iter().map(|test| test.node.to_string())),
                RunEvent::ModuleBroken { module, .. } => nodes.push(module.to_string()),
                _ => {}
            }
        }
        nodes
    }

    /// The last outcome of every test that ended, by the name inside its module.
    fn outcomes(&self) -> BTreeMap<String, Outcome> {
        let nodes = self.nodes();
        let ended = self.events.iter().filter_map(|event| match event {
            RunEvent::TestEnded { n, outcome, .. } => Some((short(&nodes[*n as usize]), *outcome)),
            _ => None,
        });
        ended.collect()
    }

    fn outcome(&self, test: &str) -> Outcome {
        self.outcomes()[test]
    }

    fn detail(&self, test: &str) -> Arc<Detail> {
        let nodes = self.nodes();
        let detail = self.events.iter().rev().find_map(|event| match event {
            RunEvent::TestEnded { n, detail, .. } if short(&nodes[*n as usize]) == test => Some(detail.clone()),
            _ => None,
        });
        detail.flatten().unwrap_or_else(|| panic!("{test} left nothing"))
    }

    fn count(&self, wanted: impl Fn(&RunEvent) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(event)).count()
    }

    fn lane(&self) -> Option<Lane> {
        self.events.iter().find_map(|event| match event {
            RunEvent::Greeted { lane, .. } => *lane,
            _ => None,
        })
    }

    fn missed(&self) -> Vec<String> {
        let missed = self.events.iter().filter_map(|event| match event {
            RunEvent::Missed { nodes, .. } => Some(nodes.iter().map(ToString::to_string)),
            _ => None,
        });
        missed.flatten().collect()
    }

    fn ends_early(&self) -> Option<String> {
        self.events.iter().find_map(|event| match event {
            RunEvent::EndAnnounced { why, .. } => Some(why.to_string()),
            _ => None,
        })
    }
}

fn short(node: &str) -> String {
    node.split_once("::").map_or(node, |(_, name)| name).to_owned()
}

fn is_started(event: &RunEvent) -> bool {
    matches!(event, RunEvent::TestStarted { .. })
}

fn is_ended(event: &RunEvent) -> bool {
    matches!(event, RunEvent::TestEnded { .. })
}

const OUTCOMES: [(&str, Outcome); 20] = [
    ("TestClass::test_method", Outcome::Passed),
    ("test_call_and_teardown_fail", Outcome::Failed),
    ("test_chained_exception", Outcome::Failed),
    ("test_fails", Outcome::Failed),
    ("test_parameters[[1]]", Outcome::Passed),
    ("test_parameters[\\xfc]", Outcome::Passed),
    ("test_parameters[a b]", Outcome::Passed),
    ("test_parameters[a/b]", Outcome::Passed),
    ("test_parameters[p@q]", Outcome::Passed),
    ("test_parameters[x::y]", Outcome::Failed),
    ("test_passes", Outcome::Passed),
    ("test_passes_and_prints", Outcome::Passed),
    ("test_setup_fails", Outcome::Errored),
    ("test_skipped", Outcome::Skipped),
    ("test_skips_itself", Outcome::Skipped),
    ("test_teardown_fails", Outcome::Errored),
    ("test_warns", Outcome::Passed),
    ("test_xfails", Outcome::Xfailed),
    ("test_xpasses", Outcome::Xpassed),
    ("test_xpasses_strictly", Outcome::Failed),
];

#[test]
fn every_outcome_in_both_lanes_and_with_workers() {
    let Some(quiet) = Suite::new("outcomes") else { return };
    let beside = Suite::new("outcomes").unwrap().variable("LIVELOOP_LANE", "beside");
    let workers = Suite::new("outcomes").unwrap().options("-n 2");
    let (quiet, beside, workers) = (quiet.run(), beside.run(), workers.run());
    for told in [&quiet, &beside, &workers] {
        let outcomes = told.outcomes();
        for (test, outcome) in OUTCOMES {
            assert_eq!(outcomes.get(test), Some(&outcome), "{test}");
        }
        assert_eq!(outcomes.len(), OUTCOMES.len());
        assert_eq!((told.count(is_started), told.count(is_ended)), (OUTCOMES.len(), OUTCOMES.len()));
        assert_eq!((told.code, told.reporter.announced_exit()), (Some(1), Some(1)));
        assert_eq!(told.reporter.noise().to_string(), "");
        assert_eq!(told.count(|event| matches!(event, RunEvent::Warned { .. })), 1);
    }
    assert_eq!((quiet.lane(), quiet.printed.trim()), (Some(Lane::Quiet), ""));
    assert_eq!(beside.lane(), Some(Lane::Beside));
    assert!(beside.printed.contains("5 failed, 10 passed"), "{}", beside.printed);
    assert_eq!(workers.reporter.processes().len(), 3);
}

#[test]
fn a_failure_tells_all_it_knows() {
    let Some(suite) = Suite::new("outcomes") else { return };
    let told = suite.run();
    let fails = told.detail("test_fails");
    assert!(fails.message.starts_with("AssertionError: assert {"), "{}", fails.message);
    assert_eq!(fails.exception.as_deref(), Some("AssertionError"));
    let frames: Vec<_> = fails.frames.iter().map(|frame| (&*frame.path, frame.line, frame.own)).collect();
    assert_eq!(frames, [("test_outcomes.py", 20, true), ("test_outcomes.py", 7, true)]);
    assert!(fails.trace.contains("Differing items"), "{}", fails.trace);
    assert_eq!(&*fails.sections[0].title, "Captured stdout call");
    assert_eq!(&*fails.sections[0].text, "sent: start_agent\n");
    assert_eq!(fails.sections.len(), 1, "pytest repeats sections in later phases; here they come once");

    assert_eq!(&*told.detail("test_passes_and_prints").sections[0].text, "hello from the test\n");
    let both = told.detail("test_call_and_teardown_fail");
    assert_eq!(&*both.message, "ValueError: the body failed first\nin tear-down: RuntimeError: could not clean up");
    assert_eq!(&*told.detail("test_skipped").message, "not on this machine");
    assert_eq!(&*told.detail("test_xfails").message, "known to be broken");
    let chained = told.detail("test_chained_exception");
    assert!(chained.trace.find("KeyError").unwrap() < chained.trace.find("RuntimeError: could not look").unwrap());
    assert_eq!(chained.frames.len(), 2);
}

#[test]
fn a_selection_runs_what_is_left_of_it() {
    let wanted = [
        "test_outcomes.py::test_passes",
        "test_outcomes.py::test_that_was_removed",
        "test_outcomes.py::test_parameters[a b]",
        "test_warns.py::test_warns",
    ];
    for options in ["", "-n 2"] {
        let Some(suite) = Suite::new("outcomes") else { return };
        let told = suite.options(options).wanted(&wanted).run();
        assert_eq!(
            told.outcomes().into_keys().collect::<Vec<_>>(),
            ["test_parameters[a b]", "test_passes", "test_warns"]
        );
        assert_eq!(told.missed(), ["test_outcomes.py::test_that_was_removed"]);
        assert_eq!((told.nodes().len(), told.code), (3, Some(0)));
    }
    let only_stale = Suite::new("outcomes").unwrap().wanted(&wanted[1..2]).run();
    assert_eq!((only_stale.code, only_stale.missed().len(), only_stale.nodes().len()), (Some(5), 1, 0));
}

#[test]
fn a_broken_module_is_one_failure_among_others() {
    let Some(suite) = Suite::new("broken") else { return };
    let told = suite.run();
    let broken = told.events.iter().find_map(|event| match event {
        RunEvent::ModuleBroken { module, detail, .. } => Some((module.to_string(), detail.clone())),
        _ => None,
    });
    let (module, detail) = broken.unwrap();
    assert_eq!(module, "test_does_not_import.py");
    assert_eq!(&*detail.message, "ModuleNotFoundError: No module named 'a_module_that_does_not_exist'");
    assert!(detail.frames.iter().any(|frame| frame.own && &*frame.path == "test_does_not_import.py"));
    assert_eq!(told.outcome("test_works"), Outcome::Passed);
    let warned =
        |event: &RunEvent| matches!(event, RunEvent::Warned { text, .. } if text.contains("nothing to do with"));
    assert_eq!(told.count(warned), 1, "a module that skips itself is said");
    assert_eq!(told.code, Some(1));
}

#[test]
fn retries_subtests_and_time_limits() {
    let Some(suite) = Suite::new("flaky") else { return };
    let told = suite.run();
    assert_eq!(told.outcome("test_passes_the_second_time"), Outcome::Flaky);
    assert_eq!(told.outcome("test_never_passes"), Outcome::Failed);
    assert_eq!(told.outcome("test_steady"), Outcome::Passed);
    assert_eq!(told.count(|event| matches!(event, RunEvent::TestRetried { detail: Some(_), .. })), 2);

    let told = Suite::new("subtests").unwrap().run();
    assert_eq!(told.outcome("test_with_fixture"), Outcome::Failed);
    assert_eq!(told.outcome("TestCase::test_with_unittest"), Outcome::Failed);
    let rows: Vec<_> =
        told.detail("test_with_fixture").subtests.iter().map(|row| (row.name.to_string(), row.outcome)).collect();
    let expected = [("0", Outcome::Passed), ("1", Outcome::Failed), ("2", Outcome::Passed)];
    assert_eq!(rows, expected.map(|(number, outcome)| (format!("number (number={number})"), outcome)));

    let told = Suite::new("timeout").unwrap().run();
    assert_eq!(told.outcome("test_too_slow"), Outcome::TimedOut);
    assert_eq!(told.outcome("test_quick"), Outcome::Passed);
}

#[test]
fn a_process_that_dies_leaves_its_test_unfinished() {
    let Some(suite) = Suite::new("crash") else { return };
    let told = suite.run();
    assert_eq!((told.nodes().len(), told.count(is_started), told.count(is_ended)), (3, 2, 1));
    assert_eq!((told.code, told.reporter.announced_exit()), (Some(3), None));

    let told = Suite::new("crash").unwrap().options("-n 2").run();
    assert_eq!(told.outcome("test_dies"), Outcome::Crashed);
    assert_eq!(told.outcomes().len(), 3);
    assert_eq!(told.count(|event| matches!(event, RunEvent::Crashed { .. })), 1);
}

#[test]
fn a_run_that_is_cut_short_says_so() {
    for options in ["--maxfail=2", "-n 2 --maxfail=1"] {
        let Some(suite) = Suite::new("many") else { return };
        let told = suite.options(options).run();
        let why = told.ends_early().unwrap();
        assert!(why.starts_with("stopping after"), "{why}");
        assert_eq!(told.nodes().len(), 40);
        assert!(told.count(is_ended) < 40);
    }
}

#[test]
fn groups_do_not_show_in_identities() {
    let Some(suite) = Suite::new("groups") else { return };
    let told = suite.run();
    let names = ["test_alone", "test_first", "test_second[a@b]", "test_second[plain]"];
    assert_eq!(told.outcomes().into_keys().collect::<Vec<_>>(), names);
    let told =
        Suite::new("groups").unwrap().wanted(&["test_groups.py::test_second[a@b]", "test_groups.py::test_first"]).run();
    assert_eq!((told.outcomes().len(), told.missed().len(), told.code), (2, 0, Some(0)));
}

#[test]
fn collecting_runs_nothing() {
    for options in ["", "-n 2"] {
        let Some(mut suite) = Suite::new("many") else { return };
        suite.collect_only = true;
        let told = suite.options(options).run();
        assert_eq!((told.nodes().len(), told.count(is_started), told.code), (40, 0, Some(0)));
        assert_eq!(told.printed.trim(), "");
    }
}

#[test]
fn unkind_tests_do_not_break_the_line() {
    let Some(suite) = Suite::new("rough") else { return };
    let told = suite.run();
    assert_eq!(told.reporter.noise().to_string(), "");
    let section = told.detail("test_prints_monstrously").sections[0].text.clone();
    assert!(section.len() < 300_000 && section.contains("liveloop left out 4737856 characters"), "{}", section.len());
    assert!(told.detail("test_says_monstrously").message.len() < 300_000);
    assert_eq!(told.outcome("test_says_monstrously"), Outcome::Failed);
    assert_eq!(told.outcome("test_wipes_the_environment"), Outcome::Passed);
    assert_eq!(told.outcome("test_prints_nonsense"), Outcome::Failed);
    assert!(!told.detail("test_prints_nonsense").sections[0].text.contains("\x1b]"));
    assert_eq!(told.outcome("test_last"), Outcome::Passed);
    assert_eq!(told.count(is_started), 6, "a forked child stays silent");
}

#[test]
fn without_a_listener_pytest_is_as_it_was() {
    let Some(suite) = Suite::new("many") else { return };
    let nobody = suite.path("nobody");
    let told = suite.variable("LIVELOOP_SOCKET", nobody).run();
    assert_eq!((told.events.len(), told.code), (0, Some(1)));
    assert!(told.printed.contains("2 failed, 38 passed"), "{}", told.printed);
}

/// What is started from here on hears SIGINT. Whoever ignores it, as all do that a script starts in the background, hands
/// that on to what it starts; whoever handles it does not.
fn let_interrupts_through() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let handled = runtime.block_on(async { signal(SignalKind::interrupt()) });
    drop(handled.unwrap());
}

/// Waits until a test hangs, with the pipe that lets it go.
fn hanging() -> Option<(Running, fs::File)> {
    let_interrupts_through();
    let suite = Suite::new("hang")?;
    let gate = suite.path("gate");
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let mut running = suite.variable("LET_GO", gate.clone()).start();
    running.until(|event| matches!(event, RunEvent::TestStarted { n: 1, .. }));
    // Opens when the test opens its end, so the test has printed by then.
    let gate = fs::OpenOptions::new().write(true).open(gate).unwrap();
    Some((running, gate))
}

#[test]
fn a_hung_test_is_known_at_once_and_can_be_asked() {
    let Some((mut running, mut gate)) = hanging() else { return };
    assert_eq!(running.events.iter().filter(|event| is_ended(event)).count(), 1, "the test before it is told too");

    let process = running.reporter.processes()[0].clone();
    assert_eq!(process.pid, running.child.id());
    if cfg!(target_os = "linux") {
        let captured = process.captured.unwrap();
        let path = format!("/proc/{}/fd/{}", process.pid, captured.stdout);
        assert_eq!(fs::read_to_string(path).unwrap(), "about to wait\n");
    }

    let stacks = running._suite.path("stacks");
    running.signal(Signal::USR1);
    let deadline = Instant::now() + PATIENCE;
    while !fs::read_to_string(&stacks).unwrap().contains("in test_hangs") {
        assert!(Instant::now() < deadline, "no stacks came");
        std::thread::park_timeout(Duration::from_millis(2));
    }

    gate.write_all(b"go").unwrap();
    drop(gate);
    running.until(|event| matches!(event, RunEvent::TestEnded { n: 2, .. }));
    let told = running.finish();
    assert_eq!((told.count(is_ended), told.code), (3, Some(0)));
}

#[test]
fn an_interrupted_run_says_so() {
    let Some((running, gate)) = hanging() else { return };
    running.signal(Signal::INT);
    // Python looks at its signals between two steps. One that comes just before it begins to read is seen when the
    // reading ends, and not before.
    drop(gate);
    let told = running.finish();
    assert_eq!(told.ends_early().as_deref(), Some("interrupted"));
    assert_eq!((told.code, told.reporter.announced_exit()), (Some(2), Some(2)));
    assert_eq!((told.count(is_started), told.count(is_ended)), (2, 1));
}
