//! `liveloop run --batch` and `liveloop plan`: what is to go, and the next of it.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

#[path = "support/home.rs"]
mod home;
#[path = "support/suite.rs"]
mod suite;

use home::Home;

const SUITE: &str = r#"
suite = Suite(["a::one", "a::two"])
for test in suite.tests:
    suite.start(test)
    suite.result(test, "passed")
suite.end(0)
"#;

fn liveloop(home: &Home, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveloop"));
    command.args(words).current_dir(home.project()).env_clear().envs(home.variables()).stdin(Stdio::null());
    let output = command.output().expect("the program starts");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_batch_says_what_is_to_go_and_the_plan_what_is_left() {
    let home = Home::new();
    let Some(()) = suite::write(&home.project(), SUITE, "") else { return };
    assert_eq!(liveloop(&home, &["plan"]).0, Some(4), "no session has been");
    let (code, said) = liveloop(&home, &["run", "--batch", "10m"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains(
            "2 tests, 0 run, 2 to go, nobody knows how long: 5.0 s a test are assumed\nthis batch: 2 of them\n"
        ),
        "{said}"
    );
    let (code, told) = liveloop(&home, &["plan", "--format", "json"]);
    let plan: Value = serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error} in {told}"));
    assert_eq!((code, &plan["tests"], &plan["covered"], &plan["to_go"]), (Some(0), &2.into(), &2.into(), &0.into()));
    let journal = plan["journal"].as_str().unwrap_or_default();
    assert!(Path::new(journal).starts_with(home.mark()), "it says by which journal: {journal}");
}
