//! Logs: errors that were never seen before are news, and so is a source that falls silent.

use crate::domain::{LogEvent, State, Tone};

impl State {
    pub(super) fn apply_log(&mut self, event: &LogEvent) {
        let fact = self.logs.apply(event, self.at);
        let Some(service) = self.services.get(event.service()) else { return };
        let name = service.spec.name.clone();
        if let Some((text, more)) = fact.news {
            let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            self.say(Tone::Bad, format!("new error in the log of {name}{more}: {}", without_colours(&text)));
        }
        if let Some(why) = fact.lost {
            self.say(Tone::Warning, format!("the log of {name} is not read: {why}"));
        }
        if fact.back {
            self.say(Tone::Good, format!("the log of {name} is read again"));
        }
    }
}

/// A line's words alone: news have colours of their own. Text from outside holds no other sequences.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut pieces = text.split("\u{1b}[");
    plain.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        plain.push_str(piece.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}
