//! `liveloop run --resume` after a session that was killed; what a log and GitHub are told.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

#[path = "support/home.rs"]
mod home;
#[path = "support/suite.rs"]
mod suite;

use home::Home;

/// Six tests, of which `a::two` fails while the file `red` is there. Without the file `go`, the fourth never ends.
const SUITE: &str = r#"
import os
suite = Suite(["a::one", "a::two", "a::three", "a::four", "a::five", "a::six"])
for test in suite.tests:
    suite.start(test)
    if test == "a::four" and not os.path.exists("go"):
        signal.pause()
    failed = test == "a::two" and os.path.exists("red")
    suite.result(test, "failed" if failed else "passed", message="the cart | is <empty>" if failed else "")
suite.end(0)
"#;

fn liveloop(home: &Home, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveloop"));
    command.arg("run").args(words).current_dir(home.project()).env_clear().envs(home.variables());
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn told(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))
}

/// Starts a run and kills it once `results` tests have ended.
fn break_off(home: &Home, results: usize) {
    let mut child: Child = liveloop(home, &["--format", "json"]).spawn().expect("the program starts");
    let out = BufReader::new(child.stdout.take().expect("a pipe"));
    let tests = out.lines().map_while(Result::ok).filter(|line| told(line)["type"] == "test");
    assert_eq!(tests.take(results).count(), results);
    child.kill().expect("our own child can be killed");
    child.wait().expect("it has ended");
}

/// Runs to the end and answers the code, the tests that ran, and the summary.
fn resume(home: &Home) -> (Option<i32>, String, Value) {
    let output = liveloop(home, &["--format", "json", "--resume"]).output().expect("the program starts");
    let lines: Vec<Value> = String::from_utf8_lossy(&output.stdout).lines().map(told).collect();
    let tests = lines.iter().filter(|line| line["type"] == "test").filter_map(|line| line["id"].as_str());
    let tests: Vec<&str> = tests.filter_map(|id| id.strip_prefix("a::")).collect();
    (output.status.code(), tests.join(" "), lines.last().cloned().unwrap_or_default())
}

#[test]
fn a_broken_off_cycle_goes_on_with_what_it_had_not_finished() {
    let home = Home::new();
    let Some(()) = suite::write(&home.project(), SUITE, "") else { return };
    break_off(&home, 3);
    std::fs::write(home.project().join("go"), "").expect("a folder of ours");
    let (code, tests, summary) = resume(&home);
    assert_eq!((code, tests.as_str()), (Some(0), "four five six"), "{summary}");
    assert_eq!((&summary["cycle"], &summary["green"]), (&1.into(), &true.into()), "{summary}");
    assert_eq!(summary["resumed"], serde_json::json!({ "kept": 3, "failed": 0 }));
    let (code, tests, _) = resume(&home);
    assert_eq!((code, tests.as_str()), (Some(0), ""), "a cycle that has ended as green as it was is not run again");
}

#[test]
fn what_failed_before_the_break_off_still_counts() {
    let home = Home::new();
    let Some(()) = suite::write(&home.project(), SUITE, "") else { return };
    std::fs::write(home.project().join("red"), "").expect("a folder of ours");
    break_off(&home, 3);
    std::fs::write(home.project().join("go"), "").expect("a folder of ours");
    let (code, tests, summary) = resume(&home);
    assert_eq!((code, tests.as_str()), (Some(1), "four five six"), "{summary}");
    assert_eq!((&summary["resumed"]["failed"], &summary["green"]), (&1.into(), &false.into()), "{summary}");
}

#[test]
fn without_an_earlier_cycle_there_is_nothing_to_resume() {
    let home = Home::new();
    let Some(()) = suite::write(&home.project(), SUITE, "") else { return };
    let (code, tests, _) = resume(&home);
    assert_eq!((code, tests.as_str()), (Some(4), ""));
}

#[test]
fn the_reports_that_the_project_asks_for_are_there_when_a_run_ends() {
    let home = Home::new();
    let settings = "\n[report]\nfiles = [\"out/report.md\", \"out/report.ctrf.json\"]\n";
    let Some(()) = suite::write(&home.project(), SUITE, settings) else { return };
    std::fs::write(home.project().join("go"), "").expect("a folder of ours");
    let output = liveloop(&home, &["--report", "out/asked.html"]).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let read = |name: &str| std::fs::read_to_string(home.project().join("out").join(name)).expect("a report");
    assert!(read("report.md").contains("Green: 6 tests held on what serves now."), "{}", read("report.md"));
    assert_eq!(told(&read("report.ctrf.json"))["results"]["summary"]["passed"], 6);
    assert!(read("asked.html").contains("6 tests held"), "{}", read("asked.html"));
}

#[test]
fn github_is_told_where_it_failed_and_how_it_stands() {
    let home = Home::new();
    let Some(()) = suite::write(&home.project(), SUITE, "") else { return };
    ["red", "go"].iter().for_each(|name| std::fs::write(home.project().join(name), "").expect("a folder of ours"));
    let page = home.mark().join("tmp/summary.md");
    let mut run = liveloop(&home, &[]);
    run.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &page);
    let output = run.output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("::error title=a%3A%3Atwo::the cart | is <empty>"), "{text}");
    let page = std::fs::read_to_string(page).expect("a summary");
    assert!(page.contains("Not green: 1 test of 6 did not hold."), "{page}");
    assert!(page.contains("| all | 6 | 5 | 1 |"), "{page}");
    assert!(
        page.contains("- 1 newly failed: [run 1](#run-1)\n  - `a::two`: [run 1](#run-1), [why](#cause-1)"),
        "{page}"
    );
    assert!(page.contains("`the cart \\| is <empty>`"), "{page}");
}
