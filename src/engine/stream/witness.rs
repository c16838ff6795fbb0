//! Which revision a connection talks to, as the server says it: in a header of its answer, or in one of its first
//! messages. A platform keeps an open connection on the revision where it began, so that this is the only way to know.

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::handshake::Opening;
use super::outbox::Outbox;
use super::secret::Secrets;
use crate::adapters::health::text_of;
use crate::adapters::sanitize;
use crate::config::project::RevisionSource;
use crate::domain::{AgentEvent, StreamEvent, StreamId, Text};

/// In how many of the first messages the revision is looked for.
const LOOKED_AT: u32 = 8;

/// The revision in the headers of an answer.
pub(super) fn in_headers(opening: &Opening, answered: &HeaderMap, secrets: &Secrets) -> Option<Text> {
    let Some(RevisionSource::Header(name)) = &opening.revision else { return None };
    clean(answered.get(name.as_str())?.to_str().ok()?, secrets)
}

/// Looks for the revision in the first messages of a connection.
#[derive(Debug)]
pub(super) struct Witness {
    stream: StreamId,
    pointer: Option<String>,
    left: u32,
}

impl Witness {
    /// Nothing is looked for before a connection opens.
    pub(super) fn new(stream: StreamId) -> Self {
        Self { stream, pointer: None, left: 0 }
    }

    /// A connection opened; its answer may have said the revision, else its first messages may.
    pub(super) fn begin(&mut self, opening: &Opening, said: Option<Text>, outbox: &mut Outbox) {
        self.pointer = match &opening.revision {
            Some(RevisionSource::Pointer(pointer)) => Some(pointer.clone()),
            Some(RevisionSource::Header(_)) | None => None,
        };
        self.left = LOOKED_AT;
        self.tell(said, outbox);
    }

    /// Hands messages over, and what the first of them say of the revision.
    pub(super) fn hand_over(&mut self, events: &mut Vec<AgentEvent>, secrets: &Secrets, outbox: &mut Outbox) {
        let said = self.look(events, secrets);
        outbox.push_messages(events);
        self.tell(said, outbox);
    }

    fn tell(&self, said: Option<Text>, outbox: &mut Outbox) {
        if let Some(revision) = said {
            outbox.push(StreamEvent::RevisionSeen { stream: self.stream, revision });
        }
    }

    /// The revision, where one of these messages is the first to say it.
    fn look(&mut self, events: &[AgentEvent], secrets: &Secrets) -> Option<Text> {
        let pointer = self.pointer.as_deref()?;
        let looked_at = self.left;
        self.left = self.left.saturating_sub(u32::try_from(events.len()).unwrap_or(u32::MAX));
        let found = events.iter().take(looked_at as usize).find_map(|event| in_message(pointer, event, secrets));
        if found.is_some() || self.left == 0 {
            self.pointer = None;
        }
        found
    }
}

/// The revision in the first of a connection's messages, where that is the place for it.
pub(in crate::engine) fn in_messages(
    source: Option<&RevisionSource>,
    events: &[AgentEvent],
    secrets: &Secrets,
) -> Option<Text> {
    let Some(RevisionSource::Pointer(pointer)) = source else { return None };
    events.iter().take(LOOKED_AT as usize).find_map(|event| in_message(pointer, event, secrets))
}

fn in_message(pointer: &str, event: &AgentEvent, secrets: &Secrets) -> Option<Text> {
    let message = serde_json::from_str::<Value>(&event.raw).ok()?;
    clean(&text_of(message.pointer(pointer).filter(|value| !value.is_null())?), secrets)
}

fn clean(said: &str, secrets: &Secrets) -> Option<Text> {
    let said = sanitize::text(secrets.shown(said).trim());
    (!said.is_empty()).then(|| said.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AgentKind, Moment};

    fn message(raw: &str) -> AgentEvent {
        let bare = AgentEvent::bare(Moment(1), AgentKind::Ready);
        AgentEvent { type_name: "welcome".into(), raw: raw.into(), ..bare }
    }

    fn witness(pointer: &str) -> Witness {
        Witness { stream: StreamId(0), pointer: Some(pointer.into()), left: LOOKED_AT }
    }

    fn opening(revision: RevisionSource) -> Opening {
        Opening { revision: Some(revision), ..Opening::of("ws://127.0.0.1:1") }
    }

    #[test]
    fn the_first_message_that_says_it_is_believed_and_nothing_is_looked_at_afterwards() {
        let secrets = Secrets::new(|_| {});
        let mut witness = witness("/payload/revision");
        let events = [message("no json"), message(r#"{"payload":{"revision":"b2"}}"#)];
        assert_eq!(witness.look(&events, &secrets).as_deref(), Some("b2"));
        assert_eq!(witness.look(&[message(r#"{"payload":{"revision":"b3"}}"#)], &secrets), None);
    }

    #[test]
    fn after_the_first_messages_nobody_looks_any_more() {
        let secrets = Secrets::new(|_| {});
        let mut witness = witness("/revision");
        let silent = vec![message("{}"); LOOKED_AT as usize];
        assert_eq!(witness.look(&silent, &secrets), None);
        assert_eq!(witness.look(&[message(r#"{"revision":"b2"}"#)], &secrets), None);
    }

    #[test]
    fn a_header_of_the_answer_says_it() {
        let secrets = Secrets::new(|_| {});
        let answered = HeaderMap::from_iter([("x-revision".parse().expect("a name"), "b2".parse().expect("a value"))]);
        let by_header = opening(RevisionSource::Header("X-Revision".into()));
        assert_eq!(in_headers(&by_header, &answered, &secrets).as_deref(), Some("b2"));
        assert_eq!(in_headers(&Opening::of("ws://127.0.0.1:1"), &answered, &secrets), None);
    }
}
