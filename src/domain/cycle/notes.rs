//! Notes: what somebody wrote on a cause or a test.

use crate::domain::note::Written;
use crate::domain::{Note, NoteAbout, NoteText, State, Text, Tone, ViewerId};

impl State {
    pub(super) fn write_note(&mut self, by: ViewerId, about: &NoteAbout, text: &str) {
        let author: Text = self.viewer_name(Some(by)).into();
        let text = NoteText::parse(text);
        let at = self.at;
        let dropped = self.notes.dropped();
        let note = Note { about: about.clone(), text, author: author.clone(), at, version: 0 };
        let verb = match self.notes.write(note) {
            Written::New => "wrote a note on",
            Written::Replaced => "rewrote the note on",
            Written::Removed => "removed the note on",
            Written::Nothing => return,
        };
        self.say(Tone::Person, format!("{author} {verb} {}", self.note_subject(about)));
        if self.notes.dropped() > dropped {
            self.say(Tone::Warning, "there are too many notes: the oldest one was dropped");
        }
    }

    /// What a note is about, for people.
    #[must_use]
    pub fn note_subject(&self, about: &NoteAbout) -> Text {
        match about {
            NoteAbout::Test(node) => node.rsplit("::").next().unwrap_or(node).into(),
            NoteAbout::Cause(key) => match self.causes.with_key(key) {
                Some(cause) => cause.title().clone(),
                None => "a cause of an earlier session".into(),
            },
        }
    }
}
