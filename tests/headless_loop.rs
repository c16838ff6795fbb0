//! `liveloop run` against a baseline, and again and again.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::process::{Command, Stdio};

use serde_json::Value;

#[path = "support/home.rs"]
mod home;
#[path = "support/suite.rs"]
mod suite;

use home::Home;

/// Three tests. `a::two` says what the file `say` holds and passes where there is none; `a::three` fails every third
/// time.
const SUITE: &str = r#"
import os
def read(name):
    return open(name).read() if os.path.exists(name) else ""
suite = Suite(["a::one", "a::two", "a::three"])
for test in suite.tests:
    suite.start(test)
    if test == "a::two" and read("say"):
        suite.result(test, "failed", message=read("say"))
    elif test == "a::three":
        times = int(read("times") or 0) + 1
        open("times", "w").write(str(times))
        suite.result(test, "passed" if times % 3 else "failed", message="the third wheel came off")
    else:
        suite.result(test)
suite.end(0)
"#;

/// Runs to the end and answers the code and the lines.
fn run(home: &Home, words: &[&str]) -> (Option<i32>, Vec<Value>) {
    let out = home.mark().join("tmp/out");
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveloop"));
    command.args(["run", "--format", "json"]).args(words).current_dir(home.project()).env_clear();
    command.envs(home.variables()).stdin(Stdio::null()).stdout(File::create(&out).expect("a folder of ours"));
    let code = command.status().expect("the program starts").code();
    let text = std::fs::read_to_string(out).expect("text");
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
    (code, text.lines().map(parse).collect())
}

/// `one passing, two newly_failed`
fn verdicts(lines: &[Value]) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let tests = lines.iter().filter(|line| line["type"] == "test");
    let told = tests.map(|line| format!("{} {}", text(&line["id"]).replace("a::", ""), text(&line["verdict"])));
    told.collect::<Vec<_>>().join(", ")
}

#[test]
fn results_are_measured_against_what_is_asked_for() {
    let home = Home::new();
    let Some(()) = suite::write(&home.project(), SUITE, "") else { return };
    let say = |words: &str| std::fs::write(home.project().join("say"), words).expect("a folder of ours");
    let (code, lines) = run(&home, &[]);
    assert_eq!((code, verdicts(&lines).as_str()), (Some(0), "one passing, two passing, three passing"));
    say("the cart of the order is empty");
    let (_, lines) = run(&home, &[]);
    assert_eq!(verdicts(&lines), "one passing, two newly_failed, three passing");
    // A third cycle is measured against the second, the first or the last green one.
    say("nobody ever shipped the parcel");
    let (_, lines) = run(&home, &["two", "--baseline", "2"]);
    assert_eq!(verdicts(&lines), "two failing_differently");
    let baseline = &lines.last().expect("a summary")["baseline"];
    assert_eq!((&baseline["title"], &baseline["matched"]), (&"cycle 2".into(), &3.into()), "{baseline}");
    let (_, lines) = run(&home, &["two", "--baseline", "green"]);
    assert_eq!(verdicts(&lines), "two newly_failed");
    assert_eq!(lines.last().expect("a summary")["baseline"]["cycle"], 1);
    let file = r#"<testsuite name="a"><testcase name="two"><failure message="nobody ever shipped the parcel"/></testcase>
        <testcase name="nine"/></testsuite>"#;
    std::fs::write(home.project().join("base.xml"), file).expect("a folder of ours");
    let (_, lines) = run(&home, &["--baseline", "base.xml"]);
    assert!(verdicts(&lines).contains("two still_failing"), "{lines:?}");
    let summary = lines.last().expect("a summary");
    assert_eq!(
        (&summary["baseline"]["matched"], &summary["verdicts"]["vanished"]),
        (&1.into(), &1.into()),
        "{summary}"
    );
    let (code, lines) = run(&home, &["--baseline", "99"]);
    assert_eq!(code, Some(2), "{lines:?}");
    assert!(lines[0]["text"].as_str().is_some_and(|text| text.contains("no cycle 99 is remembered")), "{lines:?}");
}

#[test]
fn a_selection_runs_again_and_again() {
    let home = Home::new();
    let Some(()) = suite::write(&home.project(), SUITE, "") else { return };
    let (code, lines) = run(&home, &["three", "--until-fails=9"]);
    let summary = lines.last().expect("a summary");
    assert_eq!((code, &summary["repeat"]["ended"], &summary["repeat"]["failed"]), (Some(1), &3.into(), &1.into()));
    let (code, lines) = run(&home, &["one", "--repeat", "4"]);
    let summary = lines.last().expect("a summary");
    assert_eq!((code, &summary["finished"], &summary["cycle"]), (Some(0), &4.into(), &2.into()), "{summary}");
    assert_eq!(verdicts(&lines), "one passing, one passing, one passing, one passing");
}
