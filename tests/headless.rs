//! `liveloop run`, as scripts and CI meet it: the lines that it prints, and the code that it ends with.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

#[path = "support/home.rs"]
mod home;
#[path = "support/processes.rs"]
mod processes;
#[path = "support/suite.rs"]
mod suite;
#[path = "support/venv.rs"]
mod venv;

use home::Home;

/// Nothing here takes more than some seconds; a machine that is busy may take longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The keys of a summary that scripts rely on.
const KEYS: [&str; 15] = [
    "type",
    "cycle",
    "selected",
    "finished",
    "passed",
    "failed",
    "errored",
    "skipped",
    "xfailed",
    "xpassed",
    "lost",
    "not_run",
    "green",
    "duration_s",
    "revisions",
];

/// What a run printed, and how it ended.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn lines(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        self.out.lines().map(parse).collect()
    }

    /// How each test ended, by its id. A test is one line.
    fn tests(&self) -> BTreeMap<String, String> {
        let mut tests = BTreeMap::new();
        for line in self.lines().into_iter().filter(|line| line["type"] == "test") {
            let text = |key: &str| line[key].as_str().unwrap_or_else(|| panic!("no {key} in {line}")).to_owned();
            assert!(line["duration_s"].is_f64() && !text("module").is_empty(), "{line}");
            assert_eq!(tests.insert(text("id"), text("outcome")), None, "{line}");
        }
        tests
    }

    /// The last line.
    fn summary(&self) -> Value {
        let summary = self.lines().pop().unwrap_or_else(|| panic!("nothing was printed: {self:?}"));
        let keys: BTreeSet<&str> = summary.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        assert!(KEYS.iter().all(|key| keys.contains(key)) && summary["type"] == "summary", "{summary}");
        summary
    }
}

fn command(home: &Home, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveloop"));
    command.args(words).current_dir(home.project()).env_clear().envs(home.variables()).stdin(Stdio::null());
    command
}

/// Waits until a child ends; one that does not is killed, and the test fails.
fn end_of(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            return status.code();
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs a command to its end. Its output goes through files, which take any amount.
fn finish(home: &Home, mut command: Command) -> Ran {
    let [out, err] = ["out", "err"].map(|name| home.mark().join("tmp").join(name));
    command.stdout(File::create(&out).expect("a folder of ours"));
    command.stderr(File::create(&err).expect("a folder of ours"));
    let code = end_of(&mut command.spawn().expect("the program starts"));
    let [out, err] = [out, err].map(|path| fs::read_to_string(path).expect("text"));
    Ran { code, out, err }
}

fn json(home: &Home, words: &[&str]) -> Ran {
    finish(home, command(home, &[&["run", "--format", "json"], words].concat()))
}

/// The same in a project of pytest, whose Python has it.
fn pytest(home: &Home, words: &[&str]) -> Ran {
    let mut command = command(home, &[&["run"], words].concat());
    command.env("VIRTUAL_ENV", venv::python().and_then(Path::parent).and_then(Path::parent).expect("a Python"));
    finish(home, command)
}

/// A home whose project is one of the fixtures of the plugin's tests; none where there is no pytest.
fn pytest_home(fixture: &str) -> Option<Home> {
    venv::python()?;
    let home = Home::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pytest").join(fixture);
    for file in fs::read_dir(folder).expect("a fixture").flatten().filter(|file| file.path().is_file()) {
        fs::copy(file.path(), home.project().join(file.file_name())).expect("a folder of ours");
    }
    Some(home)
}

/// A home whose project is a suite of a few lines; none where there is no Python.
fn suite_home(body: &str, more: &str) -> Option<Home> {
    let home = Home::new();
    suite::write(&home.project(), body, more).map(|()| home)
}

const GREEN: &str = r#"
suite = Suite(["a::one", "a::two", "b::three"])
for test in suite.tests:
    suite.start(test)
    suite.result(test)
suite.end(0)
"#;

#[test]
fn every_test_is_a_line_and_the_numbers_add_up() {
    let Some(home) = pytest_home("outcomes") else { return };
    let ran = pytest(&home, &["--format", "json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let (tests, summary) = (ran.tests(), ran.summary());
    let count = |outcome: &str| tests.values().filter(|other| *other == outcome).count();
    for outcome in ["passed", "failed", "errored", "skipped", "xfailed", "xpassed", "lost"] {
        assert_eq!(summary[outcome], count(outcome), "{outcome}: {summary}\n{tests:#?}");
    }
    assert_eq!((&summary["selected"], &summary["finished"]), (&tests.len().into(), &tests.len().into()));
    assert_eq!((&summary["not_run"], &summary["green"]), (&0.into(), &false.into()));
    assert!(["failed", "errored", "skipped", "xfailed", "xpassed"].iter().all(|outcome| count(outcome) > 0));
    let failed = ran.lines().into_iter().find(|line| line["id"] == "test_outcomes.py::test_fails").expect("a line");
    assert!(failed["message"].as_str().is_some_and(|message| message.contains("agent_error")), "{failed}");
}

#[test]
fn a_log_has_a_line_a_module_and_failures_in_full() {
    let Some(home) = pytest_home("outcomes") else { return };
    let ran = pytest(&home, &[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let failures = ran.out.find("── test_outcomes.py::test_fails").expect("failures at the end");
    let module = ran.out.find("✘ outcomes").expect("a line a module");
    assert!(module < failures && ran.out[failures..].contains("sent: start_agent"), "{}", ran.out);
    assert!(!ran.out.contains('\x1b'), "{}", ran.out);
}

#[test]
fn green_is_0() {
    let Some(home) = suite_home(GREEN, "") else { return };
    let ran = json(&home, &[]);
    let summary = ran.summary();
    assert_eq!((ran.code, &summary["green"], &summary["cycle"]), (Some(0), &true.into(), &1.into()), "{ran:?}");
    assert_eq!(ran.tests().into_values().collect::<Vec<_>>(), ["passed"; 3]);
    let ran = json(&home, &["a::"]);
    let summary = ran.summary();
    assert_eq!((ran.code, &summary["selected"], &summary["cycle"]), (Some(0), &2.into(), &2.into()), "{ran:?}");
    assert_eq!(ran.tests().into_keys().collect::<Vec<_>>(), ["a::one", "a::two"]);
}

/// Two failures in two tiers, one of them accepted.
const GUARDED: &str = r#"
suite = Suite(["a::one", "a::two", "b::three", "b::four"])
for test, message in [("a::one", None), ("a::two", "the cart is empty"), ("b::three", "never shipped"), ("b::four", None)]:
    if test not in suite.tests:
        continue
    suite.start(test)
    suite.result(test, "failed" if message else "passed", **({"message": message} if message else {}))
suite.end(1 if {"a::two", "b::three"} & set(suite.tests) else 0)
"#;
const TIERS: &str = "[[tier]]\nname = \"P1\"\ntests = [\"a\"]\nat_risk = \"$120K MRR\"\n\
                     [[tier]]\nname = \"P2\"\ntests = [\"b*\"]\n\
                     [[known]]\nmessage = \"*cart is empty*\"\nreason = \"issue 7\"\nowner = \"ann\"\n";

#[test]
fn known_failures_are_told_and_do_not_count() {
    let Some(home) = suite_home(GUARDED, TIERS) else { return };
    let ran = json(&home, &[]);
    let summary = ran.summary();
    assert_eq!((ran.code, &summary["failed"], &summary["known"]), (Some(1), &1.into(), &1.into()), "{ran:?}");
    let known = ran.lines().into_iter().find(|line| line["id"] == "a::two").expect("a line");
    assert_eq!((&known["known"]["reason"], &known["known"]["owner"]), (&"issue 7".into(), &"ann".into()), "{known}");
    assert_eq!((&known["verdict"], &known["tier"]), (&"known".into(), &"P1".into()), "{known}");
    let tiers: Vec<_> = summary["tiers"].as_array().into_iter().flatten().map(|tier| &tier["protected"]).collect();
    assert_eq!(tiers, [true, false], "{summary}");

    let only = json(&home, &["a::"]);
    assert_eq!((only.code, &only.summary()["green"]), (Some(0), &true.into()), "{only:?}");
}

#[test]
fn a_gate_judges_by_its_tiers_alone_and_says_what_it_leaves_out() {
    let Some(home) = suite_home(GUARDED, TIERS) else { return };
    let run = |words: &[&str]| finish(&home, command(&home, &[&["run"], words].concat()));
    let ran = run(&["--gate", "p1"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("1 failure outside P1 is shown and does not gate"), "{}", ran.out);
    assert!(
        ran.out.contains("── b::three failed") && ran.out.contains("known failures, which do not count"),
        "{}",
        ran.out
    );
    assert_eq!(run(&["--gate", "P1,P2"]).code, Some(1));
    let ran = run(&["--gate", "P9"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.out.contains("there are P1, P2"), "{}", ran.out);
}

#[test]
fn a_mistake_in_the_project_file_is_2_and_writes_nothing() {
    let Some(home) = suite_home(GREEN, "[run]\ninterupt_grace = \"5s\"\n") else { return };
    let ran = json(&home, &[]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{ran:?}");
    assert!(ran.err.contains("liveloop.toml:4:1") && ran.err.contains("interrupt_grace"), "{}", ran.err);
    assert!(!home.project().join(".liveloop").exists());
}

#[test]
fn an_environment_that_is_down_is_3() {
    // A port that was free a moment ago, and where nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|held| held.local_addr()).expect("a port").port();
    let service = format!(
        "[run]\nhold_limit = \"300ms\"\n[service.backend]\nurl = \"http://127.0.0.1:{port}\"\n\
         [service.backend.health.http]\npath = \"/health\"\ninterval = \"1s\"\n"
    );
    let Some(home) = suite_home(GREEN, &service) else { return };
    let ran = json(&home, &[]);
    assert_eq!((ran.code, ran.tests().len(), &ran.summary()["green"]), (Some(3), 0, &false.into()), "{ran:?}");
    let ran = json(&home, &["--force"]);
    assert_eq!((ran.code, ran.tests().len()), (Some(0), 3), "{ran:?}");
}

#[test]
fn a_runner_that_cannot_start_is_3_and_one_that_lists_nothing_says_why() {
    let Some(home) = suite_home("sys.exit(7)", "") else { return };
    let ran = json(&home, &["a::"]);
    assert_eq!((ran.code, ran.out.contains("exit 7")), (Some(4), true), "{ran:?}");
    fs::write(home.project().join("liveloop.toml"), "[runner.suite.reporter]\ncommand = [\"./is-not-there\"]\n")
        .expect("a folder of ours");
    let ran = json(&home, &[]);
    assert_eq!((ran.code, &ran.summary()["green"]), (Some(3), &false.into()), "{ran:?}");
}

#[test]
fn nothing_selected_is_4_and_never_green() {
    let Some(home) = suite_home(GREEN, "") else { return };
    for words in [&["no such test"][..], &["--failed"]] {
        let ran = json(&home, words);
        assert_eq!((ran.code, &ran.summary()["green"]), (Some(4), &false.into()), "{ran:?}");
    }
    let Some(home) = suite_home("Suite([]).end(0)", "") else { return };
    let ran = json(&home, &[]);
    assert_eq!((ran.code, &ran.summary()["green"]), (Some(4), &false.into()), "{ran:?}");
    let home = Home::new();
    let ran = json(&home, &[]);
    assert_eq!((ran.code, &ran.summary()["green"]), (Some(4), &false.into()), "{ran:?}");
}

#[test]
fn interrupted_is_130_and_says_what_was_not_run() {
    let body = r#"
suite = Suite(["a::one", "a::two", "a::three"])
suite.start("a::one")
suite.start("a::two")
suite.result("a::one")
time.sleep(600)
"#;
    let Some(home) = suite_home(body, "") else { return };
    let mut child = command(&home, &["run", "--format", "json"]).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map(|line| line.expect("text"));
    let first = lines.next().expect("the first test ends");
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process has a number");
    kill_process(pid, Signal::INT).expect("a child of ours");
    let rest = lines.map(|line| line + "\n").collect::<String>();
    let ran = Ran { code: end_of(&mut child), out: format!("{first}\n{rest}"), err: String::new() };
    processes::until_none_is_left(home.mark(), Duration::from_secs(3));
    let summary = ran.summary();
    assert_eq!((ran.code, &summary["green"]), (Some(130), &false.into()), "{ran:?}");
    let numbers = ["selected", "finished", "passed", "not_run"].map(|key| summary[key].as_u64());
    assert_eq!(numbers, [3, 1, 1, 1].map(Some), "{ran:?}");
    let tests = ran.tests();
    assert_eq!(tests.get("a::two").map(String::as_str), Some("interrupted"), "{ran:?}");
}

#[test]
fn failed_runs_again_exactly_what_failed() {
    let Some(home) = pytest_home("outcomes") else { return };
    let failures = |ran: &Ran| -> BTreeSet<String> {
        let tests = ran.tests().into_iter();
        tests.filter(|(_, outcome)| ["failed", "errored"].contains(&outcome.as_str())).map(|(id, _)| id).collect()
    };
    let first = pytest(&home, &["--format", "json"]);
    let wanted = failures(&first);
    let again = pytest(&home, &["--failed", "--format", "json"]);
    assert_eq!(again.tests().into_keys().collect::<BTreeSet<_>>(), wanted, "{again:?}");
    assert_eq!((again.code, &again.summary()["cycle"]), (Some(1), &2.into()));
}

#[test]
fn a_crash_in_mid_run_loses_what_had_started() {
    let Some(home) = pytest_home("crash") else { return };
    let ran = pytest(&home, &["--format", "json"]);
    let (tests, summary) = (ran.tests(), ran.summary());
    assert_eq!(tests.get("test_crash.py::test_dies").map(String::as_str), Some("lost"), "{ran:?}");
    let numbers = ["selected", "finished", "passed", "lost", "not_run"].map(|key| summary[key].as_u64());
    assert_eq!((ran.code, numbers), (Some(1), [3, 1, 1, 1, 1].map(Some)), "{ran:?}");
}

#[test]
fn a_run_that_is_cut_short_says_so() {
    let Some(home) = pytest_home("outcomes") else { return };
    fs::write(home.project().join("liveloop.toml"), "[runner.pytest.pytest]\nargs = [\"--maxfail=1\"]\n")
        .expect("a folder of ours");
    let ran = pytest(&home, &["--format", "json"]);
    let summary = ran.summary();
    let number = |key: &str| summary[key].as_u64().expect("a number");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(number("not_run") > 0 && number("finished") + number("not_run") == number("selected"), "{summary}");
    assert!(summary["ended"].to_string().contains("cut short"), "{summary}");
    let ran = pytest(&home, &[]);
    assert!(ran.out.contains("\ncut short: "), "{}", ran.out);
}

#[test]
fn a_reader_that_goes_away_ends_the_output_and_not_the_run() {
    let body = r#"
suite = Suite([f"a::{n}" for n in range(2000)])
for test in suite.tests:
    suite.start(test)
    suite.result(test, "failed" if test == "a::1999" else "passed", message="the last one")
suite.end(1)
"#;
    let Some(home) = suite_home(body, "") else { return };
    let mut child = command(&home, &["run", "--format", "json"]).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("text");
    drop(reader);
    assert_eq!(end_of(&mut child), Some(1));
    let ran = json(&home, &["--failed"]);
    assert_eq!(ran.tests().into_keys().collect::<Vec<_>>(), ["a::1999"], "the whole run was kept");
}

/// Two tests that talk to something, one that does not, and one that fails.
const MEASURED: &str = r#"
suite = Suite(["a::http", "a::socket", "a::nothing", "a::fails"], evidence=True)
spoken = {"hosts": ["127.0.0.1:8000"], "sent": 120, "received": 3100}
ends = {
    "a::http": ("passed", {"evidence": {"grade": "http", **spoken}}),
    "a::socket": ("passed", {"evidence": {"grade": "websocket", **spoken}}),
    "a::nothing": ("passed", {}),
    "a::fails": ("failed", {"evidence": {"grade": "http", **spoken}}),
}
for test in suite.tests:
    outcome, more = ends[test]
    suite.start(test)
    suite.result(test, outcome, **more)
suite.end(1)
"#;

#[test]
fn passes_are_told_by_what_they_touched() {
    let Some(home) = suite_home(MEASURED, "") else { return };
    let ran = json(&home, &[]);
    let line = |id: &str| ran.lines().into_iter().find(|line| line["id"] == id).unwrap_or_else(|| panic!("{ran:?}"));
    assert_eq!(line("a::http")["evidence"].to_string(), r#"{"hosts":["127.0.0.1:8000"],"received":3100,"sent":120}"#);
    let grades = ["a::http", "a::socket", "a::nothing", "a::fails"].map(|id| line(id)["grade"].clone());
    assert_eq!(grades, ["http", "websocket", "none", "http"]);
    assert_eq!(line("a::nothing")["no_evidence"], true);
    assert!(line("a::http").get("no_evidence").is_none() && line("a::http").get("vacuous").is_none());
    let summary = ran.summary();
    let counts = ["passed", "no_evidence", "vacuous"].map(|key| summary[key].as_u64());
    assert_eq!(counts, [3, 1, 0].map(Some), "{summary}");
    assert_eq!(summary["grades"].to_string(), r#"{"http":1,"network":0,"none":1,"websocket":1}"#);
    let ran = finish(&home, command(&home, &["run"]));
    assert!(ran.out.contains("3 passed (1 websocket, 1 http, 1 without evidence)"), "{}", ran.out);
}

#[test]
fn a_runner_that_does_not_measure_claims_nothing() {
    let Some(home) = suite_home(GREEN, "") else { return };
    let ran = json(&home, &[]);
    assert!(ran.lines().iter().all(|line| line.get("grade").is_none() && line.get("evidence").is_none()), "{ran:?}");
    let summary = ran.summary();
    assert!(summary["no_evidence"] == 0 && summary.get("grades").is_none(), "{summary}");
}

/// A test that needs a service, and one that does not.
const HALF_REAL: &str = r#"
import socket

def test_real():
    with socket.create_connection(("127.0.0.1", PORT), 5) as line:
        line.sendall(b"hello")

def test_pure():
    assert 85 < 100
"#;

#[test]
fn a_null_run_tells_what_passes_without_the_environment_until_it_changes() {
    if venv::python().is_none() {
        return;
    }
    let home = Home::new();
    let service = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let source = HALF_REAL.replace("PORT", &service.local_addr().expect("a port").port().to_string());
    let file = home.project().join("test_half.py");
    fs::write(&file, &source).expect("a folder of ours");
    let ran = pytest(&home, &["--null", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let summary = ran.lines().pop().expect("a summary");
    assert_eq!(summary["tests"].to_string(), r#"["test_half.py::test_pure"]"#, "{summary}");
    let told = (&summary["null"], &summary["vacuous"], &summary["complete"]);
    assert_eq!(told, (&"refused".into(), &1.into(), &true.into()));
    let vacuous = |ran: &Ran| -> Vec<String> {
        let lines = ran.lines().into_iter().filter(|line| line["type"] == "test" && line["vacuous"] == true);
        lines.map(|line| line["id"].to_string()).collect()
    };
    // It is no result: nothing failed last, and the next run is the first cycle.
    assert_eq!(pytest(&home, &["--failed"]).code, Some(4));
    let ran = pytest(&home, &["--format", "json"]);
    assert_eq!((ran.code, vacuous(&ran)), (Some(0), vec![r#""test_half.py::test_pure""#.to_owned()]), "{ran:?}");
    let counts = ["cycle", "passed", "vacuous", "no_evidence"].map(|key| ran.summary()[key].as_u64());
    assert_eq!(counts, [1, 2, 1, 1].map(Some), "{ran:?}");
    fs::write(&file, source.replace("85 < 100", "86 < 100")).expect("a folder of ours");
    let ran = pytest(&home, &["--format", "json"]);
    assert_eq!((vacuous(&ran), ran.summary()["no_evidence"].as_u64()), (Vec::new(), Some(1)), "{ran:?}");
}

#[test]
fn a_null_run_of_a_tool_that_cannot_be_refused_is_declined() {
    let Some(home) = suite_home(GREEN, "") else { return };
    let ran = finish(&home, command(&home, &["run", "--null"]));
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("only pytest can be run without its environment"), "{}", ran.out);
}
