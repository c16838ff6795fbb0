//! Test tools as they really are, each on a small project of its own: what they are said to have run, and exactly what
//! a rerun runs. A tool that is not on this machine is said and left out.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

#[path = "support/home.rs"]
mod home;

#[path = "support/node.rs"]
mod node;
#[path = "support/processes.rs"]
mod processes;

use home::Home;

/// What a run printed, by test, and its summary.
struct Ran {
    tests: BTreeMap<String, String>,
    messages: BTreeMap<String, String>,
    summary: Value,
    everything: String,
}

impl Ran {
    fn outcomes(&self) -> Vec<String> {
        self.tests.iter().map(|(id, outcome)| format!("{id} {outcome}")).collect()
    }
}

/// The program, to run the tests of a home's project. The tools' own caches stay where they are.
fn program(home: &Home, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveloop"));
    command.args(["run", "--format", "json", "--trust"]).args(words).current_dir(home.project());
    for (name, value) in home.variables().into_iter().filter(|(name, _)| name.starts_with("XDG") || name == "TMPDIR") {
        command.env(name, value);
    }
    // This test may itself run under one of these tools.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let own = ["NEXTEST", "CARGO_PKG", "CARGO_MANIFEST", "CARGO_TARGET", "LIVELOOP", "VITEST", "JEST"];
        if own.iter().any(|own| name.starts_with(own)) {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs the tests of a home's project to their end.
fn run(home: &Home, words: &[&str]) -> Ran {
    let output = program(home, words).output().expect("the program starts");
    understood(home, &output)
}

fn understood(home: &Home, output: &Output) -> Ran {
    processes::until_none_is_left(home.mark(), Duration::from_secs(10));
    let everything = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}\n{everything}")))
        .collect();
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let of = |key: &str| lines.iter().filter(|l| l["type"] == "test").map(|l| (text(l, "id"), text(l, key))).collect();
    let summary = lines.last().cloned().unwrap_or_default();
    assert_eq!(summary["type"], "summary", "{everything}");
    Ran { tests: of("outcome"), messages: of("message"), summary, everything }
}

/// Whether a tool is there; where it is not, that is said.
fn has(program: &str, arguments: &[&str]) -> bool {
    let asked = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = asked.is_ok_and(|status| status.success());
    if !there {
        eprintln!("left out: there is no {program} {} here", arguments.join(" "));
    }
    there
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("it is inside the folder")).expect("a folder of ours");
        fs::write(path, text).expect("a folder of ours");
    }
}

fn rust_project(home: &Home, kind: &str) {
    write(
        &home.project(),
        &[
            ("Cargo.toml", "[package]\nname = \"my-shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n"),
            (
                "src/lib.rs",
                "#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {}\n    #[test]\n    fn breaks() {\n        \
                 println!(\"seen\");\n        assert_eq!(1, 2, \"no sum\");\n    }\n    #[test]\n    #[ignore]\n    \
                 fn later() {}\n}\n",
            ),
            (
                "tests/it.rs",
                "#[test]\nfn outside() {}\n#[test]\nfn gives_up() -> Result<(), String> {\n    Err(\"nope\".into())\n}\n",
            ),
            ("liveloop.toml", &format!("[runner.rust.{kind}]\n")),
        ],
    );
}

/// Both tools for Rust tell the same of the same project, under the same names.
fn rust_tests_run_and_rerun(kind: &str) {
    let home = Home::new();
    rust_project(&home, kind);
    let all = run(&home, &[]);
    assert_eq!(
        all.outcomes(),
        [
            "my-shop$tests::adds passed",
            "my-shop$tests::breaks failed",
            "my-shop$tests::later skipped",
            "my-shop::it$gives_up failed",
            "my-shop::it$outside passed"
        ],
        "{}",
        all.everything
    );
    assert!(all.messages["my-shop$tests::breaks"].contains("no sum"), "{}", all.everything);
    assert!(all.messages["my-shop::it$gives_up"].contains("nope"), "{}", all.everything);
    assert_eq!((&all.summary["green"], &all.summary["finished"]), (&false.into(), &5.into()));

    let again = run(&home, &["--failed"]);
    assert_eq!(again.outcomes(), ["my-shop$tests::breaks failed", "my-shop::it$gives_up failed"]);
    assert_eq!((&again.summary["selected"], &again.summary["not_run"]), (&2.into(), &0.into()));

    write(&home.project(), &[("src/lib.rs", "fn broken( {}\n")]);
    let broken = run(&home, &[]);
    assert_eq!(broken.summary["green"], false, "{}", broken.everything);
    assert_eq!(broken.summary["passed"], 0, "{}", broken.everything);
}

#[test]
fn nextest_runs_and_reruns() {
    if has("cargo", &["nextest", "--version"]) {
        rust_tests_run_and_rerun("nextest");
    }
}

/// A test that runs when the run is stopped has no result: nextest itself says nothing of it.
#[test]
fn a_stopped_nextest_leaves_its_test_interrupted() {
    if !has("cargo", &["nextest", "--version"]) {
        return;
    }
    let home = Home::new();
    rust_project(&home, "nextest");
    let waits = "#[test]\nfn waits() {\n    std::fs::write(\"begun\", \"\").unwrap();\n    \
                 std::thread::sleep(std::time::Duration::from_secs(50));\n}\n";
    write(&home.project(), &[("tests/it.rs", waits)]);
    let child = program(&home, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let (begun, deadline) = (home.project().join("begun"), Instant::now() + Duration::from_secs(60));
    while !begun.exists() {
        assert!(Instant::now() < deadline, "the test never began");
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = Pid::from_raw(child.id() as i32).expect("a child has a number");
    kill_process(pid, Signal::INT).expect("it is ours");
    let output = child.wait_with_output().expect("it ends");
    let stopped = understood(&home, &output);
    assert_eq!(output.status.code(), Some(130), "{}", stopped.everything);
    assert_eq!(stopped.tests["my-shop::it$waits"], "interrupted", "{}", stopped.everything);
    assert_eq!((&stopped.summary["green"], &stopped.summary["lost"]), (&false.into(), &1.into()));
}

#[test]
fn cargo_runs_and_reruns() {
    rust_tests_run_and_rerun("cargo");
}

/// A file of tests for either tool, with what its language offers to be told wrong: names used twice, tables, retries,
/// skips, and hooks that fail.
const SUMS: &str = "\
describe('sums', () => {
  test.each([[1, 1], [2, 3]])('adds (%i+%i)', (a, b) => { console.log('says', a); expect(a).toBe(b) })
  test('same', () => {})
  test('same', () => { throw new Error('second') })
  test.skip('later', () => {})
  test('slow', async () => { await new Promise((done) => setTimeout(done, 500)) }, 50)
})
describe('hooks', () => {
  beforeAll(() => { throw new Error('no set-up') })
  test('kept from running', () => {})
})
";

fn script_tests_run_and_rerun(tool: &str, prelude: &str, flaky: &str, kept: &str) {
    let Some(modules) = node::modules() else { return };
    let home = Home::new();
    std::os::unix::fs::symlink(modules, home.project().join("node_modules")).expect("a folder of ours");
    let with = |text: &str| format!("{prelude}{text}");
    write(
        &home.project(),
        &[
            ("package.json", &format!("{{\"devDependencies\": {{\"{tool}\": \"*\"}}}}")),
            ("a.test.js", &with(SUMS)),
            ("b.test.js", &with("test('same', () => {})\ntest('sums > same', () => {})\n")),
            ("c.test.js", &with("require('./nowhere.js')\ntest('x', () => {})\n")),
            ("d.test.js", &with(flaky)),
        ],
    );
    let all = run(&home, &[]);
    let kept = format!("a.test.js::hooks > kept from running {kept}");
    let expected = [
        kept.as_str(),
        "a.test.js::sums > adds (1+1) passed",
        "a.test.js::sums > adds (2+3) failed",
        "a.test.js::sums > later skipped",
        "a.test.js::sums > same passed",
        "a.test.js::sums > same #2 failed",
        "a.test.js::sums > slow timed_out",
        "b.test.js::same passed",
        "b.test.js::sums > same passed",
        "c.test.js errored",
        "d.test.js::flaky flaky",
    ];
    assert_eq!(all.outcomes(), expected, "{}", all.everything);
    assert_eq!((&all.summary["green"], &all.summary["selected"]), (&false.into(), &expected.len().into()));
    assert_eq!(all.messages["a.test.js::sums > same #2"], "second");

    let again = run(&home, &["--failed"]);
    let failed: Vec<&str> = expected
        .into_iter()
        .filter(|line| ["failed", "errored", "timed_out"].iter().any(|end| line.ends_with(end)))
        .collect();
    assert_eq!(again.outcomes(), failed, "{}", again.everything);
    assert_eq!((&again.summary["missing"], &again.summary["not_run"]), (&0.into(), &0.into()));
}

#[test]
fn vitest_runs_and_reruns() {
    let prelude = "import { beforeAll, describe, expect, test } from 'vitest'\n";
    let flaky = "let n = 0\ntest('flaky', { retry: 2 }, () => { if (n++ < 1) throw new Error('first time') })\n";
    script_tests_run_and_rerun("vitest", prelude, flaky, "errored");
}

#[test]
fn jest_runs_and_reruns() {
    let flaky = "jest.retryTimes(2)\nlet n = 0\ntest('flaky', () => { if (n++ < 1) throw new Error('first time') })\n";
    script_tests_run_and_rerun("jest", "", flaky, "failed");
}

#[test]
fn a_command_is_read_by_the_results_that_it_leaves() {
    let home = Home::new();
    let project = home.project();
    let results = "<testsuite name='s'><testcase classname='c' name='a'/><testcase classname='c' name='b'><failure \
                   message='no'/></testcase></testsuite>";
    let settings = "[runner.s.command]\ncommand = ['sh', 'test.sh']\nresults = { junit = 'out.xml' }\n";
    let script = format!("echo building; cat > out.xml <<'END'\n{results}\nEND\nexit 1\n");
    write(&project, &[("liveloop.toml", settings), ("test.sh", &script), ("out.xml", "<testsuite/>")]);
    let all = run(&home, &[]);
    assert_eq!(all.outcomes(), ["c::a passed", "c::b failed"], "{}", all.everything);
    let again = run(&home, &["--failed"]);
    assert_eq!(again.messages["c::b"], "no", "{}", again.everything);

    // A command that leaves nothing new has not tested anything, whatever it says.
    write(&project, &[("test.sh", "exit 0\n")]);
    let stale = run(&home, &[]);
    assert_eq!((stale.tests.len(), &stale.summary["green"]), (0, &false.into()), "{}", stale.everything);
    assert!(stale.everything.contains("older than the run"), "{}", stale.everything);

    let settings = "[runner.s.command]\ncommand = ['printf', '1..2\\nok 1 - a\\nnot ok 2 - b\\n']\nresults.tap = '-'\n";
    write(&project, &[("liveloop.toml", settings)]);
    let printed = run(&home, &[]);
    assert_eq!(printed.outcomes(), ["s::a passed", "s::b failed"], "{}", printed.everything);
}

#[test]
fn go_runs_and_reruns() {
    if !has("go", &["version"]) {
        return;
    }
    let home = Home::new();
    let tests = "package shop\n\nimport \"testing\"\n\nfunc TestAdds(t *testing.T) {}\nfunc TestBreaks(t *testing.T) {\n\t\
                 t.Run(\"one\", func(t *testing.T) { t.Fatal(\"no sum\") })\n\tt.Run(\"two\", func(t *testing.T) {})\n}\n\
                 func TestLater(t *testing.T) { t.Skip(\"not here\") }\n";
    let panics = "package dies\n\nimport \"testing\"\n\nfunc TestPanics(t *testing.T) { panic(\"boom\") }\n";
    write(
        &home.project(),
        &[("go.mod", "module shop\n\ngo 1.19\n"), ("shop_test.go", tests), ("dies/dies_test.go", panics)],
    );
    let all = run(&home, &[]);
    let expected = [
        "shop/dies::TestPanics",
        "shop::TestAdds passed",
        "shop::TestBreaks failed",
        "shop::TestBreaks/one failed",
        "shop::TestBreaks/two passed",
        "shop::TestLater skipped",
    ];
    let outcomes = all.outcomes();
    assert!(
        outcomes.len() == expected.len() && outcomes.iter().zip(expected).all(|(said, start)| said.starts_with(start)),
        "{}",
        all.everything
    );
    assert!(all.messages["shop/dies::TestPanics"].contains("panic: boom"), "{}", all.everything);
    let again = run(&home, &["TestBreaks"]);
    assert!(again.tests.contains_key("shop::TestBreaks") && again.tests.len() == 1, "{}", again.everything);
}
