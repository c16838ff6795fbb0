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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{
        Command, Entry, Event, Moment, ProjectSpec, Recollection, SessionEvent, Span, StreamEvent, StreamSpec, ViewerId,
    };

    struct Fold {
        state: State,
        seq: u64,
    }

    impl Fold {
        fn new(over_http: bool) -> Self {
            let stream = StreamSpec {
                name: "agents".into(),
                url: "".into(),
                service: None,
                start: None,
                messages: Vec::new(),
                over_http,
                budget: Span::ZERO,
                ..StreamSpec::default()
            };
            let mut fold = Self { state: State::default(), seq: 0 };
            let project = ProjectSpec { streams: vec![stream], ..ProjectSpec::default() };
            fold.tell(SessionEvent::Opened { project: Arc::new(project) });
            fold
        }

        fn tell(&mut self, event: impl Into<Event>) -> Effects {
            self.seq += 1;
            let mut effects = Effects::new();
            let entry = Entry { seq: self.seq, at: Moment(self.seq * 1_000), event: event.into() };
            self.state.apply(&entry, &mut effects);
            effects
        }

        fn send(&mut self, what: Outgoing) -> Effects {
            let command = Command::Send { stream: StreamId(0), what };
            self.tell(SessionEvent::Asked { by: ViewerId(1), command })
        }

        fn said(&self) -> &str {
            self.state.news.last().map_or("", |news| &news.text)
        }

        fn open(&mut self) {
            let stream = StreamId(0);
            let findings = Vec::new();
            self.tell(StreamEvent::Opened { stream, took: Span::ZERO, subprotocol: None, findings, lasts: None });
        }
    }

    #[test]
    fn on_an_answer_over_http_nothing_is_sent() {
        let mut fold = Fold::new(true);
        fold.open();
        assert_eq!(fold.send(Outgoing::Text("hi".into())), []);
        assert_eq!(fold.said(), "nothing was sent on agents: it is an answer over HTTP, on which nothing can be sent");
        assert_eq!(fold.state.sent.iter().len(), 0);
    }

    #[test]
    fn a_text_may_wait_for_a_connection_and_a_ping_may_not() {
        let mut fold = Fold::new(false);
        assert_eq!(fold.send(Outgoing::Ping), []);
        assert_eq!(fold.said(), "nothing was sent on agents: it is not connected");
        assert_eq!(fold.send(Outgoing::Text("hi".into())).len(), 1);
        fold.open();
        let effect = Effect::Send { stream: StreamId(0), what: Outgoing::Ping };
        assert_eq!(fold.send(Outgoing::Ping), [effect]);
        fold.tell(StreamEvent::NotSent { stream: StreamId(0), why: "there is no variable `x`".into() });
        assert_eq!(fold.said(), "nothing was sent on agents: there is no variable `x`");
    }

    #[test]
    fn the_next_session_knows_what_this_one_sent() {
        let mut first = Fold::new(false);
        first.tell(SessionEvent::Recalled(Arc::new(Recollection::default())));
        first.send(Outgoing::Text("one".into()));
        first.send(Outgoing::Text("two".into()));
        let left = first.state.leavings().expect("it has heard what it was left itself");
        let mut second = Fold::new(false);
        second.send(Outgoing::Text("three".into()));
        second.tell(SessionEvent::Recalled(Arc::new(left)));
        let sent: Vec<&str> = second.state.sent.iter().map(|text| &**text).collect();
        assert_eq!(sent, ["one", "two", "three"]);
    }
}
