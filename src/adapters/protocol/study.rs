//! Captured streams under the glass: what each message was taken for and why, which protocol fits, what nothing knows.

use std::collections::BTreeMap;

use serde_json::Value;

use super::draft::{Draft, Field, Frame};
use super::message::AgentMessage;
use super::track::Track;
use super::{DETECTION, Scores, mapping, native, parse, read, unreadable};
use crate::adapters::sse::SseReader;
use crate::config::mapping::{Language, Protocol};
use crate::domain::AgentKind;

/// How many messages of a file are read.
pub const MOST_MESSAGES: usize = 100_000;
/// How many values that nothing asked for are named of one message.
const MOST_UNMAPPED: usize = 20;

/// One message of a captured file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// What the transport calls it.
    pub event: Option<String>,
    /// What it says.
    pub text: String,
}

/// The messages of a file: server-sent events, or one message a line. The number says how many were left out.
#[must_use]
pub fn captured(file: &str) -> (Vec<Captured>, usize) {
    let mut messages = if is_sse(file) {
        let (mut reader, mut events) = (SseReader::new(file.len()), Vec::new());
        reader.push(file.as_bytes(), &mut events);
        // A capture that was cut off ends without its blank line.
        reader.push(b"\n\n", &mut events);
        events.into_iter().map(|event| Captured { event: event.event, text: event.data }).collect()
    } else {
        let lines = file.trim_start_matches('\u{feff}').lines().filter(|line| !line.trim().is_empty());
        lines.map(|line| Captured { event: None, text: line.to_owned() }).collect::<Vec<_>>()
    };
    let left_out = messages.len().saturating_sub(MOST_MESSAGES);
    messages.truncate(MOST_MESSAGES);
    (messages, left_out)
}

fn is_sse(file: &str) -> bool {
    let first = file.trim_start_matches('\u{feff}').lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    ["data", "event", "id", "retry", ""]
        .iter()
        .any(|name| first.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')))
}

/// How well each protocol fits the beginning of a stream.
#[must_use]
pub fn detect(messages: &[Captured]) -> Scores {
    let mut scores = Scores::default();
    messages.iter().take(DETECTION).for_each(|message| scores.hear(message.event.as_deref(), &message.text));
    scores
}

/// What one message was taken for.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// Its place among the messages, counted from 1.
    pub number: usize,
    /// What its producer calls it.
    pub type_name: String,
    /// What it means.
    pub kind: AgentKind,
    /// The rule that says so.
    pub rule: String,
    /// Its fields: what, the value, and where it came from.
    pub fields: Vec<(Field, String, String)>,
    /// Pointers to values that nothing asked for.
    pub unmapped: Vec<String>,
    /// How many more of those there are.
    pub more_unmapped: usize,
}

impl Explained {
    /// What became of it.
    #[must_use]
    pub fn fate(&self) -> Fate {
        match self.kind {
            AgentKind::Unknown => Fate::Unknown,
            AgentKind::Heartbeat | AgentKind::System => Fate::Ignored,
            _ => Fate::Mapped,
        }
    }
}

/// What becomes of messages of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// No rule knows it. It is shown all the same.
    Unknown,
    /// It says something about an agent or the connection.
    Mapped,
    /// It is known to say nothing about an agent.
    Ignored,
}

impl Fate {
    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Mapped => "mapped",
            Self::Ignored => "ignored",
        }
    }
}

/// The language of captured messages, with the protocol found out where nobody said it.
#[must_use]
pub fn settled(language: &Language, messages: &[Captured]) -> Language {
    match language {
        Language::Known(Protocol::Auto) => Language::Known(detect(messages).best()),
        language => language.clone(),
    }
}

/// Explains every message, in order. A batch is as many as it holds.
#[must_use]
pub fn explain(messages: &[Captured], language: &Language) -> Vec<Explained> {
    let (language, mut track) = (settled(language, messages), Track::default());
    let mut explained = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let number = place + 1;
        let value = parse(&message.text);
        match (&language, &value) {
            (Language::Known(Protocol::Auto | Protocol::Native), _) => {
                let mut read = Vec::new();
                native::read(&message.text, &mut read);
                let value = value.unwrap_or(Value::Null);
                explained.extend(read.iter().map(|read| natively(number, read, &value)));
            }
            (_, Err(what)) => explained.push(bare(number, &unreadable(what, &message.text))),
            (language, Ok(value)) => {
                let frame = Frame { event: message.event.as_deref(), value };
                let draft = match language {
                    Language::Own(own) => mapping::read(frame, own),
                    Language::Known(protocol) => read(*protocol, frame, &mut track),
                };
                explained.push(drafted(number, draft, value));
            }
        }
    }
    explained
}

/// Types with what became of them and how often they came; unknown ones first.
#[must_use]
pub fn coverage(explained: &[Explained]) -> Vec<(Fate, String, usize)> {
    let mut counts: BTreeMap<(Fate, &str), usize> = BTreeMap::new();
    for message in explained {
        *counts.entry((message.fate(), &message.type_name)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().map(|((fate, name), count)| (fate, name.to_owned(), count)).collect();
    counts.sort_by(|one, other| (one.0, other.2, &one.1).cmp(&(other.0, one.2, &other.1)));
    counts
}

fn bare(number: usize, message: &AgentMessage) -> Explained {
    Explained {
        number,
        type_name: message.type_name.to_string(),
        kind: message.kind,
        rule: "no rule".into(),
        fields: Vec::new(),
        unmapped: Vec::new(),
        more_unmapped: 0,
    }
}

fn drafted(number: usize, draft: Draft, value: &Value) -> Explained {
    let message = draft.message;
    let mut explained = Explained { rule: draft.rule.into_owned(), ..bare(number, &message) };
    for (field, origin) in draft.origins {
        let told = text_of(&message, field).unwrap_or_default();
        explained.fields.push((field, told, origin.into_owned()));
    }
    explained.fields.sort();
    leave(&mut explained, value);
    explained
}

/// The native reader keeps no account of where it found what; the aliases are gone through once more.
fn natively(number: usize, message: &AgentMessage, value: &Value) -> Explained {
    let mut explained = Explained { rule: "no rule".into(), ..bare(number, message) };
    if message.kind != AgentKind::Unknown {
        explained.rule = format!("{} → {}", message.type_name, message.kind.word());
    }
    for field in [
        Field::Type,
        Field::Run,
        Field::Thread,
        Field::User,
        Field::Agent,
        Field::Tool,
        Field::Call,
        Field::Sequence,
        Field::Time,
        Field::Text,
    ] {
        if let Some(text) = text_of(message, field).filter(|text| !text.is_empty())
            && let Some(origin) = native::origin(field, &text, value)
        {
            explained.fields.push((field, text, origin));
        }
    }
    leave(&mut explained, value);
    explained
}

fn text_of(message: &AgentMessage, field: Field) -> Option<String> {
    let text = match field {
        Field::Type => Some(&message.type_name),
        Field::Run => message.run.as_ref(),
        Field::Thread => message.thread.as_ref(),
        Field::User => message.user.as_ref(),
        Field::Agent => message.agent.as_ref(),
        Field::Tool => message.tool.as_ref(),
        Field::Call => message.call.as_ref(),
        Field::Text => Some(&message.text),
        Field::Sequence => return message.sequence.map(|number| number.to_string()),
        Field::Time => {
            return message.source_time.map(|micros| format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000));
        }
    };
    text.map(|text| text.to_string())
}

/// Names what nothing asked for.
fn leave(explained: &mut Explained, value: &Value) {
    let mut leaves = Vec::new();
    walk(value, &mut String::new(), &mut leaves);
    let is_used = |leaf: &str| {
        explained.fields.iter().any(|(_, _, origin)| {
            leaf.strip_prefix(origin.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let mut unmapped: Vec<String> = leaves.into_iter().filter(|leaf| !is_used(leaf)).collect();
    explained.more_unmapped = unmapped.len().saturating_sub(MOST_UNMAPPED);
    unmapped.truncate(MOST_UNMAPPED);
    explained.unmapped = unmapped;
}

fn walk(value: &Value, path: &mut String, leaves: &mut Vec<String>) {
    let step = |key: &str, value: &Value, path: &mut String, leaves: &mut Vec<String>| {
        let length = path.len();
        path.push('/');
        path.push_str(&key.replace('~', "~0").replace('/', "~1"));
        walk(value, path, leaves);
        path.truncate(length);
    };
    match value {
        Value::Object(map) if !map.is_empty() => map.iter().for_each(|(key, value)| step(key, value, path, leaves)),
        Value::Array(list) if !list.is_empty() => {
            list.iter().enumerate().for_each(|(n, value)| step(&n.to_string(), value, path, leaves));
        }
        Value::Null => {}
        _ => leaves.push(path.clone()),
    }
}
