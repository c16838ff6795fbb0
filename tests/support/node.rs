//! The pinned packages of `tests/fixtures/node`, installed under `target/` on first use.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const LOCK: &str = include_str!("../fixtures/node/package-lock.json");

/// The folder of the installed packages. Where Node or the packages cannot be had, the reason is printed and the calling
/// test is to return early.
pub(crate) fn modules() -> Option<&'static Path> {
    static MODULES: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match MODULES.get_or_init(install) {
        Ok(modules) => Some(modules),
        Err(why) => {
            eprintln!("left out: no Node packages for this test: {why}");
            None
        }
    }
}

fn install() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's folder for tests is inside target/");
    let folder = target.join("node-packages");
    let (modules, ready) = (folder.join("node_modules"), folder.join("ready"));
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    // Test processes run side by side; the first one installs, the others wait here.
    let lock = File::create(folder.join("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if fs::read_to_string(&ready).is_ok_and(|made_of| made_of == LOCK) {
        return Ok(modules);
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/node");
    for name in ["package.json", "package-lock.json"] {
        fs::copy(fixtures.join(name), folder.join(name)).map_err(|error| error.to_string())?;
    }
    let mut command = Command::new("npm");
    // Not `ci`: npm leaves packages for other systems out of the lock file, and `ci` then finds it incomplete.
    command.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"]);
    command.current_dir(&folder);
    let done = command.output().map_err(|error| format!("npm: {error}"))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        return Err(format!("npm install: {}: {}", done.status, said.lines().next().unwrap_or_default()));
    }
    fs::write(&ready, LOCK).map_err(|error| error.to_string())?;
    Ok(modules)
}
