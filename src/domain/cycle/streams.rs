//! Streams: what they bring goes to the agents, and their drops to whoever waits for them.

use crate::domain::effect::{Effect, Effects};
use crate::domain::event::StreamEvent;
use crate::domain::stream::StreamFact;
use crate::domain::{State, StreamId, StreamSpec, Tone};

impl State {
    pub(super) fn apply_stream(&mut self, event: &StreamEvent) {
        let id = event.stream();
        if let StreamEvent::Received { events, .. } = event {
            self.agents.enter(self.services.epoch());
            events.iter().for_each(|event| self.agents.receive(id, event));
        }
        if let StreamEvent::NotSent { why, .. } = event {
            self.tell_not_sent(id, why);
        }
        self.chronicle.hear(self.at, event);
        let fact = self.streams.apply(id, event, self.at);
        let Some(stream) = self.streams.get(id) else { return };
        let name = stream.spec.name.clone();
        match fact {
            StreamFact::Nothing => {}
            StreamFact::Opened => {
                self.agents.reopen(id, self.at);
                self.say(Tone::Good, format!("{name} is connected"));
            }
            StreamFact::Ended { expected } => {
                self.agents.lose(id);
                if !expected {
                    let (code, reason) = stream.closed.clone().unwrap_or_default();
                    let code = code.map_or_else(|| "no close frame".to_owned(), |code| format!("close {code}"));
                    self.say(Tone::Warning, format!("{name} was disconnected: {code} {reason}"));
                }
            }
            StreamFact::Stopped => {
                let why = stream.refusal.as_ref().map(|refusal| refusal.why.clone());
                let why = why.unwrap_or_else(|| "it will not try again".into());
                self.say(Tone::Bad, format!("{name} stays disconnected: {why}"));
            }
        }
    }

    pub(super) fn streams_of(&self, service: &str) -> Vec<StreamId> {
        let belongs = |spec: &StreamSpec| spec.service.as_deref().is_none_or(|name| name == service);
        self.streams.iter().filter(|(_, stream)| belongs(&stream.spec)).map(|(id, _)| id).collect()
    }

    pub(super) fn expect_drops(&mut self, service: &str, expected: bool, effects: &mut Effects) {
        effects.extend(self.streams_of(service).into_iter().map(|stream| Effect::ExpectDrops { stream, expected }));
    }
}
