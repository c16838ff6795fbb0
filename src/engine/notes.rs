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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Command, Moment, NoteAbout, ViewerId};
    use crate::engine::journal::{Header, Journal};

    /// Sessions of a project, each in a journal of its own.
    struct Sessions(tempfile::TempDir);

    impl Sessions {
        fn tell(&self, name: &str, events: impl IntoIterator<Item = SessionEvent>) {
            let mut journal =
                Journal::create(&self.path(name), &Header::new(Moment(1)), 1 << 20).expect("a journal can be made");
            let joined = SessionEvent::ViewerJoined { viewer: ViewerId(0), name: "ada".into(), drives: true };
            for (n, event) in std::iter::once(joined).chain(events).enumerate() {
                let seq = n as u64 + 1;
                journal.append(&Entry { seq, at: Moment(seq), event: event.into() });
            }
            let _ = journal.flush();
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(format!("{name}.jsonl"))
        }

        fn recalled(&self, except: &str) -> String {
            let notes = recall(self.0.path(), &self.path(except));
            let told = |note: &Note| format!("{:?} by {}", note.text.lines(), note.author);
            notes.iter().map(told).collect::<Vec<_>>().join(", ")
        }
    }

    fn write(test: &str, text: &str) -> SessionEvent {
        let command = Command::WriteNote { about: NoteAbout::Test(test.into()), text: text.into() };
        SessionEvent::Asked { by: ViewerId(0), command }
    }

    fn recalled(notes: Vec<Note>) -> SessionEvent {
        SessionEvent::Recalled(Arc::new(Recollection { notes, ..Recollection::default() }))
    }

    #[test]
    fn notes_are_handed_from_session_to_session() {
        let sessions = Sessions(tempfile::tempdir().expect("a folder"));
        sessions.tell("1", [recalled(Vec::new()), write("a", "one"), write("b", "two")]);
        assert_eq!(sessions.recalled("9"), r#"["one"] by ada, ["two"] by ada"#);
        // A session that ended before it could recall is no break.
        sessions.tell("2", [write("b", "three")]);
        assert_eq!(sessions.recalled("9"), r#"["one"] by ada, ["three"] by ada"#);
        let known = recall(sessions.0.path(), &sessions.path("9"));
        sessions.tell("3", [recalled(known), write("a", ""), SessionEvent::Remarked { text: "write_note".into() }]);
        assert_eq!(sessions.recalled("9"), r#"["three"] by ada"#);
        assert_eq!(sessions.recalled("3"), r#"["one"] by ada, ["three"] by ada"#);
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let sessions = Sessions(tempfile::tempdir().expect("a folder"));
        sessions.tell("1", [recalled(Vec::new()), write("a", "one")]);
        std::fs::write(sessions.path("2"), b"\xff\xfe write_note\n{\"write_note\n").expect("writable");
        assert_eq!(sessions.recalled("9"), r#"["one"] by ada"#);
        assert!(recall(Path::new("/nowhere"), Path::new("/nowhere/x")).is_empty());
    }
}
