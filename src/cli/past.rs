//! `liveloop history import` and `prune`: cycles that come from elsewhere, and old ones that go.

use std::path::{Path, PathBuf};

use super::args::PruneArguments;
use super::exit::Exit;
use super::project;
use crate::config::files::Files;
use crate::engine::clock;
use crate::engine::folder::{Folder, Holder, NotOpened};
use crate::engine::history::import::{self, Fared, Project};
use crate::engine::history::prune::{self, Pruned, Wish};
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
    let name = root.file_name().map_or_else(|| "/".into(), |name| name.to_string_lossy());
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
    let runner = project::only_runner(root, &configuration);
    let project = Project { name: &name, runner: runner.as_deref() };
    let read = read.into_iter().flatten().collect();
    for (file, fared) in import::write(&mut connection, &state.join("sessions"), project, read, &masks)? {
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

/// Deletes what the history holds of old cycles, or says what would go.
pub(super) fn prune(root: &Path, files: &Files, wanted: PruneArguments) -> Result<Exit, Trouble> {
    let configured = match project::configure(files) {
        Ok(configuration) => configuration.project.history.keep_cycles,
        Err(error) => {
            eprintln!("liveloop: {error}");
            return Ok(Exit::Usage);
        }
    };
    let Some(keep) = wanted.keep.or((configured > 0).then_some(configured)) else {
        eprintln!("liveloop: all cycles are kept here (history.keep_cycles = 0): name how many, `--keep N`");
        return Ok(Exit::Usage);
    };
    let state = root.join(".liveloop");
    let file = schema::path(&state);
    if !file.exists() {
        return Err(Trouble::Missing);
    }
    let _held = match hold(root) {
        Ok(held) => held,
        Err(error) => {
            eprintln!("liveloop: {error}");
            return Ok(Exit::Environment);
        }
    };
    let mut connection = schema::open(&file)?;
    let wish = Wish { keep, journals: wanted.journals, dry: wanted.dry_run };
    let pruned = prune::prune(&mut connection, &file, &state.join("sessions"), wish)?;
    println!("{}", told(&pruned, wish));
    for (journal, bytes) in &pruned.journals {
        let verb = if wish.dry { "would be deleted" } else { "is deleted" };
        println!("{} {verb} ({})", journal.display(), size(*bytes));
    }
    for why in &pruned.failed {
        eprintln!("liveloop: {why}");
    }
    Ok(if pruned.failed.is_empty() { Exit::Green } else { Exit::Environment })
}

fn told(pruned: &Pruned, wish: Wish) -> String {
    let spared = match pruned.spared.as_slice() {
        [] => String::new(),
        spared => {
            let numbers: Vec<String> = spared.iter().map(u32::to_string).collect();
            format!("; kept beyond that, by name or as the newest green one: {}", numbers.join(", "))
        }
    };
    let Some((first, last)) = pruned.span else {
        return format!("nothing to prune: no cycle is older than the newest {}{spared}", wish.keep);
    };
    let (verb, about) = if wish.dry { ("would go", "about ") } else { ("deleted", "") };
    let cycles = if first == last { format!("cycle {first}") } else { format!("cycles from {first} to {last}") };
    format!(
        "{verb}: {} ({cycles}), {} results, {} tests without any other, {about}{}{spared}",
        if pruned.cycles == 1 { "1 cycle".to_owned() } else { format!("{} cycles", pruned.cycles) },
        pruned.results,
        pruned.tests,
        size(pruned.bytes)
    )
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

/// Holds the project, so that no session changes rows meanwhile.
fn hold(root: &Path) -> Result<Folder, NotOpened> {
    let since = clock::local_now().strftime("%H:%M").to_string();
    Folder::open(root, &Holder { pid: std::process::id(), what: "history".into(), since })
}
