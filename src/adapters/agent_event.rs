//! What agents say, in our words: one frame of a stream in, one [`AgentMessage`] (or a batch of them) out.
//!
//! Senders agree on five event names and on little else: ids at the top or inside of an envelope, a dozen names for the
//! same field, times in every notation. The alias lists below are that knowledge, in the order in which they are tried.
//! Nothing is refused: what cannot be understood comes out as [`AgentKind::Unknown`] with a name for what it is, so that it is
//! shown and counted. Whether events are missing or out of order is not decided here.
//!
//! Values are borrowed from the frame wherever they need no unescaping; the frame itself is kept by the caller.

mod entry;
mod envelope;
pub(super) mod time;

use std::borrow::Cow;

use super::sanitize;
use crate::domain::AgentKind;
pub use entry::{Names, RAW_LIMIT, receive_binary, receive_text};
use envelope::{BatchElement, Fields, Key, Unreadable};

/// How many events of one batch are unpacked; the rest is counted in one further message.
pub const BATCH_LIMIT: usize = 1000;

/// How many bytes of a thought, an answer or arguments a summary keeps.
pub const SUMMARY_LIMIT: usize = 400;

/// One message of a stream, normalised.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentMessage<'a> {
    /// What it is.
    pub kind: AgentKind,
    /// The type as the sender wrote it, or `not-json`, `not-an-object`, `no-type`, `binary`.
    pub type_name: Cow<'a, str>,
    /// The run that it belongs to.
    pub run: Option<Cow<'a, str>>,
    /// The conversation.
    pub thread: Option<Cow<'a, str>>,
    /// The user, possibly cut short by the sender.
    pub user: Option<Cow<'a, str>>,
    /// The agent.
    pub agent: Option<Cow<'a, str>>,
    /// The tool of a tool event.
    pub tool: Option<Cow<'a, str>>,
    /// What pairs a tool's start with its end.
    pub call: Option<Cow<'a, str>>,
    /// One harmless line that says what it is about: the thought, the answer, the error, the arguments.
    pub text: Cow<'a, str>,
    /// How long it took, by the sender's own watch.
    pub duration_ms: Option<f64>,
    /// When it happened, by the sender's own clock, in microseconds since the Unix epoch.
    pub source_time: Option<i64>,
    /// Whether it went well, where the sender says so.
    pub ok: Option<bool>,
}

const RUN: &[Key] = &[Key::RunId, Key::RunIdCamel, Key::CorrelationId];
const THREAD: &[Key] = &[Key::ThreadId, Key::ThreadIdCamel];
const USER: &[Key] = &[Key::UserId];
const AGENT: &[Key] = &[Key::AgentName, Key::Agent, Key::AgentType, Key::AgentId, Key::SubAgentName];
const TOOL: &[Key] = &[Key::ToolName, Key::Tool, Key::Name];
const CALL: &[Key] = &[Key::ExecutionId, Key::CallId, Key::ToolCallId];
const DURATION_MS: &[Key] = &[Key::ExecutionTimeMs, Key::DurationMs, Key::TotalDurationMs];
const STARTED_TEXT: &[Key] = &[Key::Message, Key::Input, Key::Content];
const THOUGHT: &[Key] = &[Key::Reasoning, Key::Thought, Key::Thinking, Key::Message, Key::Content];
const INPUT: &[Key] = &[Key::Parameters, Key::ToolArgs, Key::Params, Key::Args, Key::Input, Key::ParametersSummary];
const OUTPUT: &[Key] = &[Key::Results, Key::ResultValue, Key::Output, Key::Message];
const ANSWER: &[Key] = &[Key::FinalResponse, Key::Response, Key::ResultValue, Key::Content, Key::Message];
const TROUBLE: &[Key] = &[Key::ErrorMessage, Key::Error, Key::Message];
const TROUBLE_CODE: &[Key] = &[Key::ErrorCode, Key::Code];
const ANYTHING: &[Key] =
    &[Key::Message, Key::Content, Key::Text, Key::ReceivedType, Key::Event, Key::Status, Key::Error];

/// Reads one text frame and adds what it says to `messages`: one message, or those of a batch.
pub fn read<'a>(frame: &'a str, messages: &mut Vec<AgentMessage<'a>>) {
    match Fields::read(frame) {
        Ok(fields) => {
            match fields.raw(Key::Events).filter(|_| fields.name(&[Key::Type]).as_deref() == Some("event_batch")) {
                Some(events) => read_batch(&fields, events, messages),
                None => messages.push(message(&fields, None)),
            }
        }
        Err(Unreadable::NotJson) => messages.push(AgentMessage::unreadable("not-json", frame)),
        Err(Unreadable::NotAnObject) => messages.push(AgentMessage::unreadable("not-an-object", frame)),
    }
}

/// What can be said about a binary frame.
pub fn binary(length: usize) -> AgentMessage<'static> {
    AgentMessage {
        text: Cow::Owned(format!("{length} bytes")),
        ..AgentMessage::bare(AgentKind::Unknown, "binary".into())
    }
}

impl<'a> AgentMessage<'a> {
    fn bare(kind: AgentKind, type_name: Cow<'a, str>) -> Self {
        Self {
            kind,
            type_name,
            run: None,
            thread: None,
            user: None,
            agent: None,
            tool: None,
            call: None,
            text: Cow::Borrowed(""),
            duration_ms: None,
            source_time: None,
            ok: None,
        }
    }

    fn unreadable(what: &'static str, frame: &'a str) -> Self {
        Self { text: one_line(Cow::Borrowed(frame)), ..Self::bare(AgentKind::Unknown, Cow::Borrowed(what)) }
    }
}

/// Batches are grouped by type and so have lost their order; where every event carries a time, that order is restored.
fn read_batch<'a>(outer: &Fields<'a>, events: &'a serde_json::value::RawValue, messages: &mut Vec<AgentMessage<'a>>) {
    let (elements, seen) = envelope::batch_elements(events, BATCH_LIMIT);
    let from = messages.len();
    for BatchElement { listed_as, event } in elements {
        let mut read = match Fields::read(event.get()) {
            Ok(fields) => message(&fields, listed_as),
            Err(_) => AgentMessage::unreadable("not-an-object", event.get()),
        };
        read.user = read.user.or_else(|| outer.name(USER));
        read.run = read.run.or_else(|| outer.name(RUN));
        messages.push(read);
    }
    let left_out = seen - (messages.len() - from);
    if messages[from..].iter().all(|message| message.source_time.is_some()) {
        messages[from..].sort_by_key(|message| message.source_time);
    }
    if left_out > 0 || seen == 0 {
        let text = if seen == 0 { "no events in it".into() } else { format!("{left_out} more events, not shown") };
        messages
            .push(AgentMessage { text: text.into(), ..AgentMessage::bare(AgentKind::Unknown, "event_batch".into()) });
    }
}

fn message<'a>(fields: &Fields<'a>, batch_type: Option<Cow<'a, str>>) -> AgentMessage<'a> {
    let type_name = type_name(fields).or(batch_type).unwrap_or(Cow::Borrowed("no-type"));
    let kind = match kind(&type_name) {
        AgentKind::System if status_is(fields, &["acknowledged"]) => AgentKind::Acknowledged,
        kind => kind,
    };
    let is_tool = matches!(kind, AgentKind::ToolExecuting | AgentKind::ToolCompleted);
    AgentMessage {
        kind,
        type_name: one_line(type_name),
        run: id(fields, RUN),
        thread: id(fields, THREAD),
        user: id(fields, USER),
        agent: id(fields, AGENT).filter(|agent| agent != "unknown_agent"),
        tool: if is_tool { id(fields, TOOL).filter(|tool| tool != "unknown_tool") } else { None },
        call: if is_tool { id(fields, CALL) } else { None },
        text: one_line(summary(kind, fields)),
        duration_ms: fields.number(DURATION_MS),
        source_time: source_time(fields),
        ok: went_well(kind, fields),
    }
}

/// `type`, unless that is the name of an envelope; a nested `type` never is the event's.
fn type_name<'a>(fields: &Fields<'a>) -> Option<Cow<'a, str>> {
    match fields.name(&[Key::Type]) {
        Some(envelope) if envelope == "system_message" => fields.name(&[Key::Event]).or(Some(envelope)),
        Some(type_name) => Some(type_name),
        None => fields.name(&[Key::Event, Key::EventType, Key::Method]),
    }
}

fn kind(type_name: &str) -> AgentKind {
    match type_name {
        "agent_started" => AgentKind::AgentStarted,
        "agent_thinking" => AgentKind::AgentThinking,
        "tool_executing" => AgentKind::ToolExecuting,
        "tool_completed" => AgentKind::ToolCompleted,
        "agent_completed" => AgentKind::AgentCompleted,
        "agent_failed" | "agent_error" | "agent_death" => AgentKind::AgentFailed,
        "connection_ready" | "connection_established" | "handshake_response" | "handshake_complete" => AgentKind::Ready,
        "ack" | "agent_task_ack" | "handshake_acknowledged" => AgentKind::Acknowledged,
        "error"
        | "error_message"
        | "authentication_error"
        | "connection_error"
        | "system_error"
        | "critical_task_failure"
        | "auth_failed" => AgentKind::Error,
        "ping" | "pong" | "heartbeat" | "heartbeat_ack" | "factory_heartbeat" | "isolated_heartbeat"
        | "legacy_heartbeat" => AgentKind::Heartbeat,
        "system_message" | "handshake_validation" | "degraded_mode" | "service_info" => AgentKind::System,
        _ => AgentKind::Unknown,
    }
}

fn summary<'a>(kind: AgentKind, fields: &Fields<'a>) -> Cow<'a, str> {
    let aliases = match kind {
        AgentKind::AgentStarted => STARTED_TEXT,
        AgentKind::AgentThinking => THOUGHT,
        AgentKind::ToolExecuting => INPUT,
        AgentKind::ToolCompleted if went_well(kind, fields) == Some(false) => return trouble(fields),
        AgentKind::ToolCompleted => OUTPUT,
        AgentKind::AgentCompleted => ANSWER,
        AgentKind::AgentFailed | AgentKind::Error => return trouble(fields),
        AgentKind::Ready | AgentKind::Acknowledged | AgentKind::Heartbeat | AgentKind::System | AgentKind::Unknown => {
            ANYTHING
        }
    };
    fields.words(aliases).unwrap_or(Cow::Borrowed(""))
}

fn trouble<'a>(fields: &Fields<'a>) -> Cow<'a, str> {
    match (fields.name(TROUBLE_CODE), fields.words(TROUBLE)) {
        (Some(code), Some(error)) => Cow::Owned(format!("{code}: {error}")),
        (one, other) => one.or(other).unwrap_or(Cow::Borrowed("")),
    }
}

fn went_well(kind: AgentKind, fields: &Fields) -> Option<bool> {
    match kind {
        AgentKind::AgentFailed | AgentKind::Error => return Some(false),
        AgentKind::ToolCompleted | AgentKind::AgentCompleted => {}
        _ => return None,
    }
    match fields.raw(Key::Success).map(serde_json::value::RawValue::get) {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ if status_is(fields, &["error", "failed", "failure"]) => Some(false),
        _ if fields.words(&[Key::Error, Key::ErrorMessage]).is_some_and(|error| error != "false") => Some(false),
        _ if status_is(fields, &["completed", "success", "ok"]) => Some(true),
        _ => None,
    }
}

fn status_is(fields: &Fields, any_of: &[&str]) -> bool {
    fields.name(&[Key::Status]).is_some_and(|status| any_of.contains(&status.as_ref()))
}

fn source_time(fields: &Fields) -> Option<i64> {
    let raw = fields.raw(Key::Timestamp)?;
    if raw.get().starts_with('"') {
        time::from_iso(&envelope::unquoted(raw)?)
    } else {
        time::from_number(raw.get().parse().ok()?)
    }
}

fn id<'a>(fields: &Fields<'a>, aliases: &[Key]) -> Option<Cow<'a, str>> {
    fields.name(aliases).map(one_line)
}

/// Text from outside, on one line, of bounded length, without anything a terminal would obey.
fn one_line(text: Cow<str>) -> Cow<str> {
    let plain = text.len() <= SUMMARY_LIMIT && is_plain(text.as_bytes());
    if plain { text } else { Cow::Owned(harmless_line(&text)) }
}

/// Whether there is nothing but printable ASCII. Looks at every byte, so that many are looked at at once.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |plain, byte| plain & (b' '..=b'~').contains(byte))
}

/// The rare path of [`one_line`]. Cut before it is cleaned, so that a message of megabytes costs no more than a line.
fn harmless_line(text: &str) -> String {
    let kept = up_to(text, SUMMARY_LIMIT);
    let mut line = sanitize::text(kept);
    if kept.len() < text.len() {
        line.push('…');
    }
    line
}

/// The longest beginning of `text` that has at most `limit` bytes.
fn up_to(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests;
