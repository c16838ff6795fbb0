//! Why there are no agent events, as far as the wire tells: each way in which a server keeps silent looks different.

use super::checks::closing;
use super::ledger::{Ending, Ledger, Sent};
use super::spec::ContractSpec;
use crate::domain::{AgentKind, RefusalClass, Span};

/// The largest message that a server takes where it does not say, in bytes: what backends of this kind are set to.
const USUAL_LIMIT: usize = 8_192;
/// Fields that servers read, by the type of the message that starts a run.
const FIELDS_READ: [(&str, &[&str]); 4] = [
    ("start_agent", &["user_request"]),
    ("user_message", &["content", "text", "message"]),
    ("chat", &["content", "text", "message"]),
    ("agent_request", &["message"]),
];

impl Ledger {
    /// Why the connection never became ready.
    pub(super) fn why_blocked(&self) -> String {
        let error = self.numbered().find(|(_, event)| event.kind == AgentKind::Error);
        let said = error.map_or(String::new(), |(_, event)| format!(", after {}: {}", event.type_name, event.text));
        match &self.ending {
            Ending::Refused(refusal) => {
                let class = match refusal.class {
                    _ if is_not_ready(&refusal.body) => "the server is not ready: ",
                    RefusalClass::Authentication => "not authenticated: ",
                    RefusalClass::Environment => "the environment is not there: ",
                    RefusalClass::NotFound => "nothing there: ",
                    RefusalClass::Protocol | RefusalClass::Redirect => "",
                };
                // The words by which tests that meet the same refusal fail, so that all of them have one cause.
                let to = if refusal.status.is_some() { " to the handshake" } else { "" };
                format!("{class}{}{to}", refusal.why)
            }
            Ending::Closed { code, reason } => {
                let how = closing(*code, reason);
                match code {
                    _ if is_not_ready(reason) => format!("the server is not ready: closed{how}{said}"),
                    Some(1008 | 4001 | 4002) => format!("not authenticated: closed{how}{said}"),
                    Some(1011) => format!("the server failed: closed{how}{said}"),
                    _ => format!("closed{how}{said}"),
                }
            }
            Ending::Lost { why } => format!("the connection was lost: {why}{said}"),
            Ending::Settled | Ending::OutOfTime { .. } => {
                format!("the server never said that it is ready, within {}{said}", self.ended.since(self.began))
            }
        }
    }

    /// Why no agent event came although the connection was ready, and the event that tells it.
    pub(super) fn why_none(&self, spec: &ContractSpec) -> (String, Option<u32>) {
        let waited = self.ended.since(self.sent.as_ref().map_or(self.began, |sent| sent.at));
        let Some(sent) = &self.sent else {
            return (
                format!("no agent event within {waited}, and no message is configured that would start a run"),
                None,
            );
        };
        let message = Message::read(&sent.text);
        let since = |kind| self.numbered().find(|(_, event)| event.kind == kind && event.at >= sent.at);
        let error = since(AgentKind::Error);
        let said = error.map_or(String::new(), |(_, event)| format!(", after {}: {}", event.type_name, event.text));
        if let Ending::Closed { code, reason } = &self.ending {
            let how = closing(*code, reason);
            let why = match code {
                _ if is_not_ready(reason) => format!("the server is not ready: closed{how}{said}"),
                Some(1011) => format!("the server failed on the message: closed{how}{said}"),
                Some(1008 | 4001 | 4002) => format!("not authenticated: closed{how}{said}"),
                Some(1009) => format!("the message is too large for the server: closed{how}{said}"),
                _ => format!("closed{how} before any agent event{said}"),
            };
            return (why, error.map(|(number, _)| number));
        }
        if let Some((number, error)) = error {
            let wrote = error.raw.contains("FORMAT_ERROR") || error.raw.contains("JSON_PARSE_ERROR");
            let what = if wrote { "the server cannot read the message" } else { "the server answered with an error" };
            return (format!("{what}: {} (event {number})", error.text), Some(number));
        }
        if let Some((number, acknowledged)) = since(AgentKind::Acknowledged) {
            let known = message.kind.is_some_and(|kind| FIELDS_READ.iter().any(|(known, _)| *known == kind));
            let why = match message.kind {
                Some("chat" | "user_message") => {
                    format!("the chat message was acknowledged (event {number}) and no agent ever ran for it")
                }
                Some(kind) if known => format!(
                    "{kind} was only acknowledged (event {number}, {}), and no agent ever ran for it",
                    acknowledged.type_name,
                ),
                kind => format!(
                    "{} was only acknowledged (event {number}, {}): the server does not know that type",
                    kind.map_or_else(|| "the message".to_owned(), |kind| format!("a message of type {kind}")),
                    acknowledged.type_name,
                ),
            };
            return (why, Some(number));
        }
        (self.why_silent(spec, sent, &message, waited), None)
    }

    /// Why nothing at all came that is about the message.
    fn why_silent(&self, spec: &ContractSpec, sent: &Sent, message: &Message<'_>, waited: Span) -> String {
        let limit = self.size_limit();
        if sent.bytes() > limit {
            return format!(
                "the message has {} bytes, more than the {limit} that the server takes: it drops such messages without \
                 a word",
                sent.bytes(),
            );
        }
        let read = message.kind.and_then(|kind| FIELDS_READ.iter().find(|(known, _)| *known == kind));
        if let Some((kind, fields)) = read
            && !fields.iter().any(|field| message.has(field))
        {
            return format!("silence: {kind} needs the field {}, and the message has none", fields.join(" or "));
        }
        if let Ending::Lost { why } = &self.ending {
            return format!("the connection was lost before any agent event: {why}");
        }
        let heard = self.events.iter().filter(|event| event.at >= sent.at).count();
        let alive = if heard > 0 { ", though something else came" } else { "" };
        format!("silence: nothing of {} came within {waited}{alive}", names(spec))
    }

    /// What the server said of its largest message, else what is usual.
    fn size_limit(&self) -> usize {
        let told = self.events.iter().find_map(|event| {
            let at = event.raw.find("\"max_message_size\"")? + "\"max_message_size\"".len();
            let digits = event.raw[at..].trim_start_matches([':', ' ']);
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            digits[..end].parse().ok()
        });
        told.unwrap_or(USUAL_LIMIT)
    }
}

/// The words by which servers say that they are not ready yet.
fn is_not_ready(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["not ready", "startup in progress", "startup_in_progress", "starting up"].iter().any(|words| text.contains(words))
}

fn names(spec: &ContractSpec) -> String {
    spec.required.first().map_or_else(|| "an agent".to_owned(), |first| format!("{first} and what follows it"))
}

/// A message that was sent, as far as it has to be understood. No JSON reader lives in this layer; the names of fields
/// stand in quotes before a colon, whatever surrounds them.
struct Message<'a> {
    text: &'a str,
    kind: Option<&'a str>,
}

impl<'a> Message<'a> {
    fn read(text: &'a str) -> Self {
        let kind = value_of(text, "type");
        Self { text, kind }
    }

    fn has(&self, field: &str) -> bool {
        value_of(self.text, field).is_some_and(|value| !value.is_empty())
    }
}

/// The run id in a message that starts a run, where it has one.
pub(super) fn run_in(message: &str) -> Option<&str> {
    ["run_id", "runId"].into_iter().find_map(|field| value_of(message, field)).filter(|run| !run.is_empty())
}

/// The text behind `"field":`, where it is a string; where it is something else, the rest of the message.
fn value_of<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    let name = format!("\"{field}\"");
    text.match_indices(&name).find_map(|(at, _)| {
        let rest = text[at + name.len()..].trim_start().strip_prefix(':')?.trim_start();
        match rest.strip_prefix('"') {
            Some(string) => string.split('"').next(),
            None => Some(rest),
        }
    })
}
