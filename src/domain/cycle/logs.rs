//! Logs: errors that were never seen before are news, and so is a source that falls silent.

use crate::domain::plain;
use crate::domain::{LogEvent, State, Tone};

impl State {
    pub(super) fn apply_log(&mut self, event: &LogEvent) {
        let fact = self.logs.apply(event, self.at);
        let Some(service) = self.services.get(event.service()) else { return };
        let name = service.spec.name.clone();
        if let Some((text, more)) = fact.news {
            let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            self.say(Tone::Bad, format!("new error in the log of {name}{more}: {}", plain(&text)));
        }
        if let Some(why) = fact.lost {
            self.say(Tone::Warning, format!("the log of {name} is not read: {why}"));
        }
        if fact.back {
            self.say(Tone::Good, format!("the log of {name} is read again"));
        }
    }
}
