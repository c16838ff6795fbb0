//! Several deploys, restarts and what an environment allows, with the real program and without a screen.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

#[path = "support/home.rs"]
mod home;

use home::Home;

const PROJECT: &str = r#"
[environment]
name = "production"
kind = "KIND"

[service.backend]
url = "http://127.0.0.1:9"
needs = ["auth"]
deploy.command = ["echo", "backend"]
restart.command = ["true"]

[service.auth]
url = "http://127.0.0.1:9"
deploy.command = ["false"]
"#;

/// How `liveloop` ends with these words, and what it prints on both outputs.
fn end_of(kind: &str, words: &[&str]) -> (Option<i32>, String) {
    let home = Home::new();
    std::fs::write(home.project().join("liveloop.toml"), PROJECT.replace("KIND", kind)).expect("a folder of ours");
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveloop"));
    command.args(words).current_dir(home.project()).env_clear().envs(home.variables()).stdin(Stdio::null());
    let output = command.output().expect("the program starts");
    let text = [output.stdout, output.stderr].concat();
    assert!(home.mark().is_dir());
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn what_is_needed_is_deployed_first_and_its_failure_stops_the_rest() {
    let order = "auth: false\nbackend: echo backend\n".to_owned();
    assert_eq!(end_of("protected", &["deploy", "backend", "auth", "--dry-run"]), (Some(0), order.clone()));
    assert_eq!(end_of("locked", &["deploy", "--all", "--dry-run"]), (Some(0), order));
    let (code, text) = end_of("shared", &["deploy", "--all", "--format", "json"]);
    let ends: Vec<serde_json::Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let told = |service: &str| ends.iter().find(|line| line["type"] == "deploy" && line["service"] == service);
    assert_eq!(code, Some(1));
    assert_eq!(told("auth").map(|line| line["outcome"].clone()), Some("failed".into()), "{text}");
    assert_eq!(told("backend").map(|line| line["outcome"].clone()), Some("cancelled".into()), "{text}");
}

#[test]
fn nobody_is_asked_without_a_screen_so_that_a_protected_environment_has_to_be_named() {
    let (code, text) = end_of("protected", &["deploy", "backend"]);
    assert_eq!((code, text.contains("say that you mean it with --yes production")), (Some(2), true), "{text}");
    let (code, text) = end_of("protected", &["deploy", "backend", "--restart", "--yes", "staging"]);
    assert_eq!((code, text.contains("this environment is called production")), (Some(2), true), "{text}");
    let (code, text) = end_of("locked", &["deploy", "backend", "--yes", "production"]);
    assert_eq!((code, text.contains("production is locked")), (Some(2), true), "{text}");
    let (code, text) = end_of("shared", &["deploy", "backend", "--read-only"]);
    assert_eq!((code, text.contains("--read-only")), (Some(2), true), "{text}");
    let (code, text) = end_of("protected", &["deploy", "backend", "--restart", "--yes", "production"]);
    assert_eq!((code, text.contains("live")), (Some(0), true), "{text}");
}
