//! `liveloop history import`: files of results from elsewhere as cycles of the past.

use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::project;
use crate::config::files::Files;
use crate::engine::clock;
use crate::engine::folder::{Folder, Holder, NotOpened};
use crate::engine::history::import::{self, Fared};
use crate::engine::history::schema::{self, Trouble};
use crate::engine::masks::Masks;

/// Brings files in; nothing is written where one of them is bad.
pub(super) fn import(root: &Path, files: &Files, results: &[PathBuf]) -> Result<Exit, Trouble> {
    let configuration = match project::configure(files) {
        Ok(configuration) => configuration,
        Err(error) => {
            eprintln!("liveloop: {error}");
            return Ok(Exit::Usage);
        }
    };
    let state = root.join(".liveloop");
    let spec = &configuration.project;
    let project = root.file_name().map_or_else(|| "project".into(), |name| name.to_string_lossy());
    let masks = Masks::new(spec.secrets.iter().map(|secret| secret.reveal().to_owned()));
    let (read, bad): (Vec<_>, Vec<_>) =
        results.iter().map(|path| import::read(root, path, &masks)).partition(Result::is_ok);
    for why in bad.iter().filter_map(|bad| bad.as_ref().err()) {
        eprintln!("liveloop: {why}");
    }
    if !bad.is_empty() {
        eprintln!("liveloop: nothing was imported");
        return Ok(Exit::Usage);
    }
    // No session may begin meanwhile: its first cycle would get the number of an imported one.
    let _held = match hold(root) {
        Ok(held) => held,
        Err(error) => {
            eprintln!("liveloop: {error}");
            return Ok(Exit::Environment);
        }
    };
    let mut connection = schema::open(&schema::path(&state))?;
    let read = read.into_iter().flatten().collect();
    for (file, fared) in import::write(&mut connection, &state.join("sessions"), &project, read, &masks)? {
        println!("{}", sentence(&file.path, &fared));
    }
    Ok(Exit::Green)
}

fn sentence(path: &Path, fared: &Fared) -> String {
    let path = path.display();
    match fared {
        Fared::Already(number) => format!("{path} is cycle {number} already: left out"),
        Fared::Cycle { number, tests, failed, known } => {
            let words = if *tests == 1 { "1 test".to_owned() } else { format!("{tests} tests") };
            let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
            let known = match known {
                0 => ", none of them known here".to_owned(),
                known if known < tests => format!(", {known} of them known here"),
                _ => String::new(),
            };
            format!("{path} is cycle {number} now: {words}{failed}{known}")
        }
    }
}

/// Holds the project, so that no session changes rows meanwhile.
fn hold(root: &Path) -> Result<Folder, NotOpened> {
    let since = clock::local_now().strftime("%H:%M").to_string();
    Folder::open(root, &Holder { pid: std::process::id(), what: "history".into(), since })
}
