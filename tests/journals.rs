//! Sessions that earlier versions recorded are read to their last line, and mean what they meant. Where a change of the
//! events breaks one, the new field wants a default, or the format a new version; the recording stays as it is.

use std::fs;
use std::path::{Path, PathBuf};

use liveloop::domain::{Effects, State};
use liveloop::engine::journal::{self, FORMAT};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals")
}

fn folded(name: &str) -> State {
    let recording = journal::read(&folder().join(name)).expect("it can be read");
    assert_eq!(recording.broken, 0, "{name} has lines that are no longer understood");
    assert_eq!(recording.header.format.0, FORMAT.0, "{name}");
    let mut state = State::default();
    for entry in &recording.entries {
        state.apply(entry, &mut Effects::new());
    }
    state
}

#[test]
fn every_recorded_session_can_be_read() {
    let names = fs::read_dir(folder()).expect("there are journals").flatten().map(|entry| entry.file_name());
    let names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    assert!(!names.is_empty());
    for name in names {
        folded(&name);
    }
}

#[test]
fn the_demo_was_solved_in_five_cycles() {
    let state = folded("demo-1.0.jsonl");
    let tally = state.inventory.tally();
    assert_eq!((state.cycle, tally.total(), tally.failures()), (5, 60, 0));
    let runs: Vec<u32> = state.runs.iter().map(|(_, run)| run.tally.failures()).collect();
    assert_eq!(runs, [0, 23, 21, 13, 6, 0]);
    let serving: Vec<&str> =
        state.services.revisions(state.services.epoch()).map(|(_, revision)| &**revision).collect();
    assert_eq!(serving, ["backend-00005", "auth-00001", "frontend-00001"]);
    assert!(tally.stale > 0 && !state.is_green(), "what passed before the last deploy is not proved again");
}
