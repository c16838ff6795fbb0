//! A project whose test tool is a small script that speaks the reporter protocol.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

const PRELUDE: &str = include_str!("suite.py");

/// Writes a project into `folder`: a suite that does what `body` says, and a file that names it, followed by `more`.
/// Where there is no Python the reason is printed and the calling test is to return early; on CI that is a failure.
#[must_use]
pub(crate) fn write(folder: &Path, body: &str, more: &str) -> Option<()> {
    let python = python()?;
    std::fs::write(folder.join("suite.py"), format!("{PRELUDE}{body}")).expect("a folder of ours");
    let file = format!("[runner.suite.reporter]\ncommand = [{python:?}, \"suite.py\"]\n{more}");
    std::fs::write(folder.join("liveloop.toml"), file).expect("a folder of ours");
    Some(())
}

/// The interpreter itself, whatever stands before it on `PATH`.
fn python() -> Option<&'static str> {
    static PYTHON: OnceLock<Option<String>> = OnceLock::new();
    let found = PYTHON.get_or_init(|| {
        let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
        let path = String::from_utf8(asked.stdout).ok()?.trim().to_owned();
        Some(path).filter(|path| asked.status.success() && !path.is_empty())
    });
    assert!(found.is_some() || std::env::var("CI").as_deref() != Ok("true"), "no python3 for the tests");
    if found.is_none() {
        eprintln!("ignored: no python3 for this test");
    }
    found.as_deref()
}
