//! `liveloop handoff`: what failed in the newest session, as Markdown for a colleague or a coding agent.

use std::io::Write as _;
use std::path::Path;

use super::exit::Exit;
use crate::domain::{Effects, HandOff, State, TestId};
use crate::engine::{folder, journal};
use crate::report;

/// How many tests are named where several are meant.
const NAMED: usize = 10;

/// Prints the hand-off of a test whose name holds `wanted`, or of everything that fails.
pub fn print(root: &Path, wanted: Option<&str>) -> Exit {
    let (state, path) = match newest(root) {
        Ok(found) => found,
        Err(why) => {
            eprintln!("liveloop: {why}");
            return Exit::Usage;
        }
    };
    let what = match chosen(&state, wanted) {
        Ok(what) => what,
        Err(why) => {
            eprintln!("liveloop: {why} ({path})");
            return Exit::NothingSelected;
        }
    };
    match report::hand_off(&state, what) {
        Some(text) => {
            // A reader that has gone wants no more.
            let _ = std::io::stdout().write_all(text.as_bytes());
            Exit::Green
        }
        None => Exit::NothingSelected,
    }
}

/// The newest session in which a test has a result, and its journal.
fn newest(root: &Path) -> Result<(State, String), String> {
    newest_where(root, |state| state.runs.newest().is_some())
}

/// The newest session that will do, and its journal.
pub(super) fn newest_where(root: &Path, will_do: impl Fn(&State) -> bool) -> Result<(State, String), String> {
    let sessions = root.join(".liveloop/sessions");
    let mut reason = format!("this project has no session yet: {}", root.display());
    for path in folder::journals(&sessions).into_iter().take(NAMED) {
        let (mut state, mut effects) = (State::default(), Effects::new());
        let read = journal::scan(&path, |entry| {
            state.apply(&entry, &mut effects);
            effects.clear();
        });
        match read {
            Ok(_) if will_do(&state) => return Ok((state, path.display().to_string())),
            Ok(_) => "no test has run yet in this project's newest sessions".clone_into(&mut reason),
            Err(error) => reason = format!("{}: {error}", path.display()),
        }
    }
    Err(reason)
}

/// What is meant by some words: exactly one test, or everything that fails where there are none.
fn chosen(state: &State, wanted: Option<&str>) -> Result<HandOff, String> {
    let Some(wanted) = wanted else {
        let any = !state.causes.present().is_empty();
        return any.then_some(HandOff::Open).ok_or_else(|| "nothing fails in the newest session".to_owned());
    };
    let tests = || state.inventory.tests().filter(|(_, test)| test.node.contains(wanted));
    if let Some((id, _)) = tests().find(|(_, test)| *test.node == *wanted) {
        return Ok(HandOff::Test(id));
    }
    let failed: Vec<TestId> = state.inventory.failures().collect();
    let mut found: Vec<TestId> = tests().map(|(id, _)| id).filter(|id| failed.binary_search(id).is_ok()).collect();
    if found.is_empty() {
        found = tests().map(|(id, _)| id).collect();
    }
    match found[..] {
        [] => Err(format!("no test's name holds `{wanted}`")),
        [only] => Ok(HandOff::Test(only)),
        _ => {
            let names =
                found.iter().filter_map(|id| state.inventory.test(*id)).map(|test| format!("  {}\n", test.node));
            let shown: String = names.take(NAMED).collect();
            Err(format!("`{wanted}` is in the names of {} tests:\n{shown}name one of them", found.len()))
        }
    }
}
