//! A message while a protocol reads it: what is known so far, and which part of the frame each of it came from.

use std::borrow::Cow;

use serde_json::Value;

use super::message::{AgentMessage, one_line};
use crate::adapters::time;
use crate::domain::AgentKind;

/// One message as it came: its JSON, and the name that the transport gave it, where it gives one (SSE's `event`).
#[derive(Clone, Copy, Debug)]
pub struct Frame<'v> {
    /// What the transport calls it.
    pub event: Option<&'v str>,
    /// What it says.
    pub value: &'v Value,
}

impl<'v> Frame<'v> {
    /// The text at a pointer, where there is one.
    pub(super) fn text(&self, pointer: &str) -> Option<&'v str> {
        self.value.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
    }
}

/// A field of a message, for those who ask where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// What its producer calls it.
    Type,
    /// The run id.
    Run,
    /// The thread id.
    Thread,
    /// The user.
    User,
    /// The agent.
    Agent,
    /// The tool.
    Tool,
    /// What pairs a tool's start with its end.
    Call,
    /// Its number in the sender's own count.
    Sequence,
    /// The sender's own time.
    Time,
    /// What it says.
    Text,
}

impl Field {
    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Run => "run",
            Self::Thread => "thread",
            Self::User => "user",
            Self::Agent => "agent",
            Self::Tool => "tool",
            Self::Call => "call",
            Self::Sequence => "sequence",
            Self::Time => "time",
            Self::Text => "text",
        }
    }
}

/// A message in the making.
#[derive(Debug)]
pub struct Draft<'v> {
    frame: Frame<'v>,
    /// What is known of it.
    pub message: AgentMessage<'static>,
    /// The rule that says what it means, in words.
    pub rule: Cow<'static, str>,
    /// Where each field came from: a pointer into the frame, or what was remembered.
    pub origins: Vec<(Field, Cow<'static, str>)>,
}

impl<'v> Draft<'v> {
    /// A message of a known meaning, with nothing else known.
    pub(super) fn new(frame: Frame<'v>, kind: AgentKind, type_name: &str, at: &'static str) -> Self {
        let type_name = one_line(Cow::Borrowed(type_name)).into_owned();
        Self {
            frame,
            rule: format!("{type_name} → {}", kind.word()).into(),
            message: AgentMessage::bare(kind, type_name.into()),
            origins: vec![(Field::Type, at.into())],
        }
    }

    /// Fills a field from the first pointer that leads to something.
    pub(super) fn take(&mut self, field: Field, pointers: &[&'static str]) -> &mut Self {
        let found =
            pointers.iter().find_map(|pointer| Some((worth(field, self.frame.value.pointer(pointer)?)?, pointer)));
        if let Some((text, pointer)) = found {
            self.set(field, text, *pointer);
        }
        self
    }

    /// Fills a field with what is known from elsewhere.
    pub(super) fn set(
        &mut self,
        field: Field,
        text: impl Into<String>,
        origin: impl Into<Cow<'static, str>>,
    ) -> &mut Self {
        let message = &mut self.message;
        let text: Cow<'static, str> = Cow::Owned(one_line(Cow::Owned(text.into())).into_owned());
        match field {
            Field::Type => message.type_name = text,
            Field::Run => message.run = Some(text),
            Field::Thread => message.thread = Some(text),
            Field::User => message.user = Some(text),
            Field::Agent => message.agent = Some(text),
            Field::Tool => message.tool = Some(text),
            Field::Call => message.call = Some(text),
            Field::Sequence => message.sequence = text.parse().ok(),
            Field::Time => message.source_time = moment(&text),
            Field::Text => message.text = text,
        }
        self.origins.retain(|(known, _)| *known != field);
        self.origins.push((field, origin.into()));
        self
    }

    /// Fills a field with what is remembered, unless the frame has filled it.
    pub(super) fn remember(&mut self, field: Field, text: Option<&str>) -> &mut Self {
        let is_filled = self.origins.iter().any(|(known, _)| *known == field);
        if let Some(text) = text.filter(|_| !is_filled) {
            self.set(field, text, "an earlier message");
        }
        self
    }

    /// Says whether it went well.
    pub(super) fn went(&mut self, ok: bool) -> &mut Self {
        self.message.ok = Some(ok);
        self
    }
}

/// What a value is worth to a field: names are text or numbers, texts may be anything that is not empty.
pub(super) fn worth(field: Field, value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) if field != Field::Text => None,
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Array(list) if list.is_empty() => None,
        Value::Object(map) if map.is_empty() => None,
        Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}

fn moment(text: &str) -> Option<i64> {
    text.parse().ok().and_then(time::from_number).or_else(|| time::from_iso(text))
}
