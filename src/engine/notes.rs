//! The notes of earlier sessions. Each journal holds the notes that its session recalled and those written since, so
//! the newest one that recalled any knows them all.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::folder;
use crate::domain::{Effects, Entry, Event, Note, Recollection, SessionEvent, State};

/// How many sessions are looked through for one that recalled.
const SESSIONS: usize = 10;

/// The notes that the newest sessions know, `except` the one that asks. What cannot be read is passed over.
#[must_use]
pub fn recall(sessions: &Path, except: &Path) -> Vec<Note> {
    let mut found: Vec<PathBuf> = Vec::new();
    for path in folder::journals(sessions).into_iter().filter(|path| path != except).take(SESSIONS) {
        let is_whole = tells(&path, |_| {});
        found.push(path);
        if is_whole {
            break;
        }
    }
    let mut state = State::default();
    for path in found.iter().rev() {
        let mut effects = Effects::new();
        tells(path, |entry| state.apply(&entry, &mut effects));
    }
    state.notes.iter().cloned().collect()
}

/// Hands out the entries of a journal that concern notes; answers whether its session recalled.
///
/// Journals are long and notes are few, so a line is only parsed where it may be about them.
fn tells(path: &Path, mut take: impl FnMut(Entry)) -> bool {
    const ABOUT: [&str; 4] = ["write_note", "viewer_joined", "viewer_left", "\"recalled\""];
    let Ok(file) = File::open(path) else { return false };
    let mut recalled = false;
    for line in BufReader::new(file).split(b'\n').map_while(Result::ok) {
        let Ok(line) = std::str::from_utf8(&line) else { continue };
        if !ABOUT.iter().any(|word| line.contains(word)) {
            continue;
        }
        let Ok(mut entry) = serde_json::from_str::<Entry>(line) else { continue };
        match &mut entry.event {
            Event::Session(SessionEvent::Recalled(memory)) => {
                recalled = true;
                // Of what it recalled, only the notes matter here.
                let notes = std::mem::take(&mut std::sync::Arc::make_mut(memory).notes);
                *memory = std::sync::Arc::new(Recollection { notes, ..Recollection::default() });
                take(entry);
            }
            Event::Session(
                SessionEvent::Asked { command: crate::domain::Command::WriteNote { .. }, .. }
                | SessionEvent::ViewerJoined { .. }
                | SessionEvent::ViewerLeft { .. },
            ) => take(entry),
            _ => {}
        }
    }
    recalled
}
