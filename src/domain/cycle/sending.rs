//! What a person sends on a stream: whether it can be, and what follows.

use crate::domain::effect::{Effect, Effects};
use crate::domain::{Link, Outgoing, State, StreamId, Text, Tone};

impl State {
    pub(super) fn request_send(&mut self, stream: StreamId, what: &Outgoing, effects: &mut Effects) {
        let Some(known) = self.streams.get(stream) else { return };
        let name = known.spec.name.clone();
        if known.spec.over_http {
            let why = "it is an answer over HTTP, on which nothing can be sent";
            return self.say(Tone::Warning, format!("nothing was sent on {name}: {why}"));
        }
        // A text asks for a connection where there is none; everything else is about the one that there is.
        if known.link != Link::Open && !matches!(what, Outgoing::Text(_)) {
            return self.say(Tone::Warning, format!("nothing was sent on {name}: it is not connected"));
        }
        self.sent.note(what.typed().into());
        effects.push(Effect::Send { stream, what: what.clone() });
    }

    pub(super) fn tell_not_sent(&mut self, stream: StreamId, why: &Text) {
        let name = self.streams.get(stream).map_or_else(|| "a stream".into(), |stream| stream.spec.name.clone());
        self.say(Tone::Warning, format!("nothing was sent on {name}: {why}"));
    }
}
