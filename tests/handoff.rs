//! `liveloop handoff` after a run, as a colleague or a coding agent gets it: what failed, of which commit, and no secret.
#![cfg(target_os = "linux")]

use std::process::{Command, Output, Stdio};

#[path = "support/home.rs"]
mod home;
#[path = "support/suite.rs"]
mod suite;

use home::Home;

/// A secret that the project's file names, in a form that no pattern would give away.
const SECRET: &str = "correct horse battery";
/// A secret that nothing names, in a form that everybody knows.
const TOKEN: &str = concat!("ghp", "_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789");

const SUITE: &str = r#"
suite = Suite(["shop::cart", "shop::order", "shop::ship"])
said = " ".join([os.environ["SHOP_PASS"], os.environ["SOME_TOKEN"]])
for test in suite.tests:
    suite.start(test)
    if test == "shop::cart":
        suite.result(test, "failed", message="refused with " + said, trace="E  " + said, output="sent " + said)
    elif test == "shop::order":
        suite.result(test, "failed", message="HTTP 503 for /orders")
    else:
        suite.result(test)
suite.end(1)
"#;

fn liveloop(home: &Home, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveloop"));
    command.args(words).current_dir(home.project()).env_clear().envs(home.variables()).stdin(Stdio::null());
    command.env("SHOP_PASS", SECRET).env("SOME_TOKEN", TOKEN);
    command.output().expect("the program starts")
}

fn git(home: &Home, words: &[&str]) -> bool {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=ada", "-c", "user.email=ada@example.com"]).args(words);
    command.current_dir(home.project()).env_clear().envs(home.variables());
    command.output().is_ok_and(|done| done.status.success())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_failed_is_handed_off_with_its_commit_and_without_secrets() {
    let home = Home::new();
    let file = "env = { SHOP_AGAIN = \"${pass}\" }\n[variables.pass]\nenv = \"SHOP_PASS\"\nsecret = true\n";
    let Some(()) = suite::write(&home.project(), SUITE, file) else { return };
    let has_git = git(&home, &["init", "-q", "-b", "main"])
        && git(&home, &["add", "-A"])
        && git(&home, &["commit", "-qm", "Sell *things*"]);
    std::fs::write(home.project().join("new.txt"), "new").expect("a folder of ours");
    let none = liveloop(&home, &["handoff"]);
    assert_eq!(none.status.code(), Some(2), "{none:?}");
    assert!(text(&none.stderr).contains("this project has no session yet"), "{none:?}");

    let ran = liveloop(&home, &["run", "--trust", "--format", "json"]);
    let summary = text(&ran.stdout).lines().last().unwrap_or_default().to_owned();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap_or_else(|_| panic!("{ran:?}"));
    if has_git {
        assert_eq!(summary["commit"].as_str().map(str::len), Some(40), "{summary}");
        assert_eq!(summary["dirty"], 1, "{summary}");
    }

    let all = text(&liveloop(&home, &["handoff"]).stdout);
    assert!(all.starts_with("# 2 tests fail for 2 causes\n"), "{all}");
    let one = text(&liveloop(&home, &["handoff", "cart"]).stdout);
    for wanted in ["# `cart` failed", "liveloop run shop::cart\n", "refused with", "sent ***"] {
        assert!(one.contains(wanted), "{wanted}:\n{one}");
    }
    if has_git {
        assert!(one.contains("Sell \\*things\\* on `main` · 1 changed file\n"), "{one}");
    }
    // Where the project lies on this machine is nobody's business.
    assert!(!one.contains(&home.mark().display().to_string()), "{one}");
    let journals = std::fs::read_dir(home.project().join(".liveloop/sessions")).expect("a session");
    let journals: String = journals.flatten().map(|file| std::fs::read_to_string(file.path()).expect("text")).collect();
    for secret in [SECRET, TOKEN] {
        for (name, text) in [("all", &all), ("one", &one), ("journal", &journals)] {
            assert!(!text.contains(secret), "a secret in {name}:\n{text}");
        }
    }

    let several = liveloop(&home, &["handoff", "shop"]);
    assert_eq!(several.status.code(), Some(4), "{several:?}");
    assert!(text(&several.stderr).contains("  shop::order\n"), "{several:?}");
    assert_eq!(liveloop(&home, &["handoff", "nothing"]).status.code(), Some(4));
}
