//! The failures that people have accepted from the console: they outlive the session in its journal.

use std::path::Path;

use crate::domain::{Event, RecalledKnown, Recollection, SessionEvent, State};
use crate::engine::{folder, journal};

/// How many sessions are looked at, newest first, and how many bytes of journals.
const SESSIONS: usize = 10;
const BYTES: u64 = 256 << 20;

/// What the newest session that had recalled the ones before it left of its known failures. Each session takes over
/// what the one before left, so that one journal tells it all. Never fails: what cannot be read is passed over.
#[must_use]
pub fn known(sessions: &Path, except: &Path) -> Vec<RecalledKnown> {
    let mut budget = BYTES;
    for path in folder::journals(sessions).into_iter().filter(|path| path != except).take(SESSIONS) {
        let size = std::fs::metadata(&path).map_or(0, |found| found.len());
        if size > budget {
            break;
        }
        budget -= size;
        let mut state = State::default();
        let mut effects = Vec::new();
        let fold = |mut entry: crate::domain::Entry| {
            if let Event::Session(SessionEvent::Recalled(recalled)) = &mut entry.event {
                // Of what that session recalled itself, only this is needed.
                let known = recalled.known.clone();
                *recalled = std::sync::Arc::new(Recollection { known, ..Recollection::default() });
            }
            state.apply(&entry, &mut effects);
            effects.clear();
        };
        if journal::scan(&path, fold).is_ok() && state.session.recalled {
            return state.known.left_behind(|id| Some(state.inventory.test(id)?.node.clone()));
        }
    }
    Vec::new()
}
