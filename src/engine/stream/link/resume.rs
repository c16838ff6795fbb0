//! Where a connection ended, and how the next one says so: a server that keeps what it sent goes on there.

use std::borrow::Cow;

use reqwest::Url;
use serde_json::Value;

use crate::config::project::ResumeSpec;
use crate::domain::{AgentEvent, Refusal};
use crate::engine::stream::handshake::Opening;

/// An id that is longer is none.
const LONGEST: usize = 1_024;

/// What came last, where somebody wants to know.
pub(super) struct Position {
    spec: Option<ResumeSpec>,
    last: Option<String>,
}

impl Position {
    pub(super) fn new(spec: Option<ResumeSpec>) -> Self {
        Self { spec, last: None }
    }

    /// Follows the ids of messages, where they have some.
    pub(super) fn read(&mut self, message: &str) {
        let Some(pointer) = self.spec.as_ref().and_then(|spec| spec.pointer.as_ref()) else { return };
        let Ok(message) = serde_json::from_str::<Value>(message) else { return };
        let id = match message.pointer(pointer) {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            _ => return,
        };
        if !id.is_empty() && id.len() <= LONGEST {
            self.last = Some(id);
        }
    }

    /// Follows the sender's count, where there are no ids.
    pub(super) fn count(&mut self, events: &[AgentEvent]) {
        if self.spec.as_ref().is_some_and(|spec| spec.pointer.is_none())
            && let Some(number) = events.iter().rev().find_map(|event| event.sequence)
        {
            self.last = Some(number.to_string());
        }
    }

    /// Begins anew.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    /// Whether a refusal may be about the place to go on from, which the server need not have any more.
    pub(super) fn is_refused(&self, refusal: &Refusal) -> bool {
        self.said().is_some() && matches!(refusal.status, Some(400 | 404 | 409 | 410 | 412 | 416 | 422))
    }

    /// The opening that says it.
    pub(super) fn put_into<'o>(&self, opening: &'o Opening) -> Cow<'o, Opening> {
        let Some((spec, last)) = self.said() else { return Cow::Borrowed(opening) };
        let mut opening = opening.clone();
        if let Some(header) = &spec.header {
            opening.headers.push((header.clone(), last.to_owned()));
        }
        // An address that cannot be read is refused in words a moment later.
        if let Some((query, mut url)) = spec.query.as_ref().zip(opening.url.parse::<Url>().ok()) {
            url.query_pairs_mut().append_pair(query, last);
            opening.url = url.into();
        }
        Cow::Owned(opening)
    }

    /// The message that says it, as the first one on a new connection.
    pub(super) fn message(&self) -> Option<String> {
        let (spec, last) = self.said()?;
        // It stands inside a JSON text, mostly; there a quotation mark in an id must not end it.
        let quoted = Value::from(last).to_string();
        Some(spec.message.as_ref()?.replace("{last}", quoted.trim_matches('"')))
    }

    fn said(&self) -> Option<(&ResumeSpec, &str)> {
        self.spec.as_ref().zip(self.last.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(pointer: Option<&str>) -> Position {
        let way = |way: &str| Some(way.to_owned());
        Position::new(Some(ResumeSpec {
            pointer: pointer.map(str::to_owned),
            query: way("after"),
            header: way("Last-Event-ID"),
            message: way(r#"{"after":"{last}"}"#),
        }))
    }

    #[test]
    fn what_came_last_is_said_in_every_way() {
        let mut position = position(Some("/data/id"));
        let opening = Opening::of("ws://host/ws?a=1");
        assert_eq!((position.put_into(&opening).url.as_str(), position.message()), ("ws://host/ws?a=1", None));
        for message in [r#"{"data":{"id":"e 1"}}"#, r#"{"data":{"id":""}}"#, "{}", "no json", "[1"] {
            position.read(message);
        }
        position.count(&[]);
        let said = position.put_into(&opening);
        assert_eq!(said.url, "ws://host/ws?a=1&after=e+1");
        assert_eq!(said.headers, [("Last-Event-ID".to_owned(), "e 1".to_owned())]);
        position.read(r#"{"data":{"id":"a\"b"}}"#);
        assert_eq!(position.message().as_deref(), Some(r#"{"after":"a\"b"}"#));
        position.forget();
        assert_eq!(position.message(), None);
    }

    #[test]
    fn an_id_without_end_is_none() {
        let mut position = position(Some("/id"));
        position.read(r#"{"id":7}"#);
        position.read(&format!(r#"{{"id":"{}"}}"#, "x".repeat(LONGEST + 1)));
        assert_eq!(position.message().as_deref(), Some(r#"{"after":"7"}"#));
    }
}
