//! A Python with the pinned packages of `tests/fixtures/requirements.txt`, made under `target/` on first use.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const REQUIREMENTS: &str = include_str!("../fixtures/requirements.txt");

/// The interpreter of the tests' own virtual environment. Where Python or its packages cannot be had, the reason is
/// printed and the calling test is to return early; on CI that is a failure.
pub(crate) fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match PYTHON.get_or_init(make) {
        Ok(python) => Some(python),
        Err(why) if std::env::var("CI").is_ok_and(|ci| ci == "true") => panic!("no Python for the tests: {why}"),
        Err(why) => {
            eprintln!("ignored: no Python for this test: {why}");
            None
        }
    }
}

fn make() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's folder for tests is inside target/");
    let folder = target.join("pytest-venv");
    let python = folder.join("bin/python");
    let ready = folder.join("ready");
    // Test processes run side by side; the first one makes it, the others wait here.
    let lock = File::create(target.join("pytest-venv.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if fs::read_to_string(&ready).is_ok_and(|made_of| made_of == REQUIREMENTS) {
        return Ok(python);
    }
    let program = std::env::var("LIVELOOP_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    run(Command::new(&program).args(["-m", "venv", "--clear"]).arg(&folder))?;
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/requirements.txt");
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(list))?;
    fs::write(&ready, REQUIREMENTS).map_err(|error| error.to_string())?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let done = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!("{command:?}: {}: {}", done.status, said.lines().last().unwrap_or_default()))
}
