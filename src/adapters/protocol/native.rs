//! The five events and what stands around them, in every shape that was seen: one frame in, one [`AgentMessage`] (or a batch) out.
//!
//! Senders agree on five event names and on little else: ids at the top or inside of an envelope, a dozen names for the
//! same field, times in every notation. The alias lists below are that knowledge, in the order in which they are tried.
//! Nothing is refused: what cannot be understood comes out as [`AgentKind::Unknown`] with a name for what it is, so that it is
//! shown and counted. Whether events are missing or out of order is not decided here.
//!
//! Values are borrowed from the frame wherever they need no unescaping; the frame itself is kept by the caller.

mod envelope;

use crate::adapters::time;
use std::borrow::Cow;

use serde_json::Value;

use super::draft::{Field, worth};
use super::message::{AgentMessage, one_line};
use crate::domain::AgentKind;
use envelope::{BatchElement, Fields, Key, Unreadable};

/// How many events of one batch are unpacked; the rest is counted in one further message.
pub const BATCH_LIMIT: usize = 1000;

const RUN: &[Key] = &[Key::RunId, Key::RunIdCamel, Key::CorrelationId];
const THREAD: &[Key] = &[Key::ThreadId, Key::ThreadIdCamel];
const USER: &[Key] = &[Key::UserId];
const AGENT: &[Key] = &[Key::AgentName, Key::Agent, Key::AgentType, Key::AgentId, Key::SubAgentName];
const TOOL: &[Key] = &[Key::ToolName, Key::Tool, Key::Name];
const CALL: &[Key] = &[Key::ExecutionId, Key::CallId, Key::ToolCallId];
const DURATION_MS: &[Key] = &[Key::ExecutionTimeMs, Key::DurationMs, Key::TotalDurationMs];
const SEQUENCE: &[Key] = &[Key::Sequence, Key::SequenceNumber];
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
    let has_failed = matches!(type_name.as_ref(), "tool_error" | "mcp_tool_failed");
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
        sequence: fields.number(SEQUENCE).filter(|number| (0.0..1e15).contains(number)).map(|number| number as u64),
        duration_ms: fields.number(DURATION_MS),
        source_time: source_time(fields),
        ok: if has_failed { Some(false) } else { went_well(kind, fields) },
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
        "tool_executing" | "tool_started" | "tool_call" | "mcp_tool_started" => AgentKind::ToolExecuting,
        "tool_completed" | "tool_result" | "tool_error" | "mcp_tool_completed" | "mcp_tool_failed" => {
            AgentKind::ToolCompleted
        }
        "agent_completed" => AgentKind::AgentCompleted,
        "agent_failed"
        | "agent_error"
        | "agent_death"
        | "agent_cancelled"
        | "agent_stopped"
        | "agent_timeout_failure" => AgentKind::AgentFailed,
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
        "system_message"
        | "handshake_validation"
        | "degraded_mode"
        | "service_info"
        | "backend_log"
        | "thread_created"
        | "thread_loading"
        | "thread_loaded"
        | "thread_renamed"
        | "thread_updated"
        | "thread_deleted"
        | "thread_switched"
        | "thread_history"
        | "mcp_server_connected"
        | "mcp_server_disconnected"
        | "mcp_server_error"
        | "agent_manager_shutdown"
        | "cleanup_started"
        | "cleanup_duration_estimate"
        | "cleanup_complete"
        | "agent_registered"
        | "agent_unregistered" => AgentKind::System,
        "progress_update"
        | "partial_result"
        | "stream_chunk"
        | "stream_complete"
        | "agent_update"
        | "agent_log"
        | "agent_status_update"
        | "agent_status_changed"
        | "agent_metrics_updated"
        | "agent_timeout_warning"
        | "agent_fallback"
        | "agent_response"
        | "agent_response_chunk"
        | "agent_response_complete"
        | "generation_complete"
        | "quality_update"
        | "quality_alert"
        | "sub_agent_update"
        | "subagent_started"
        | "subagent_completed"
        | "step_created"
        | "final_report" => AgentKind::Progress,
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
        AgentKind::Ready
        | AgentKind::Acknowledged
        | AgentKind::Heartbeat
        | AgentKind::System
        | AgentKind::Progress
        | AgentKind::Unknown => ANYTHING,
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

/// Where the value of a field stands in a frame, as a JSON pointer; the innermost place that holds it.
pub(super) fn origin(field: Field, text: &str, frame: &Value) -> Option<String> {
    const LEVELS: &[&str] =
        &["/payload/data", "/data/payload", "/payload/payload", "/data/data", "/payload", "/data", ""];
    let aliases: &[&[Key]] = match field {
        Field::Type => &[&[Key::Event, Key::EventType, Key::Method]],
        Field::Run => &[RUN],
        Field::Thread => &[THREAD],
        Field::User => &[USER],
        Field::Agent => &[AGENT],
        Field::Tool => &[TOOL],
        Field::Call => &[CALL],
        Field::Sequence => &[SEQUENCE],
        Field::Time => &[&[Key::Timestamp]],
        Field::Text => &[THOUGHT, INPUT, OUTPUT, ANSWER, TROUBLE, ANYTHING, STARTED_TEXT],
    };
    let holds = |pointer: &String| {
        let value = frame.pointer(pointer).and_then(|value| worth(field, value));
        // A time is told in another notation than the sender's.
        value.is_some_and(|value| field == Field::Time || one_line(Cow::Owned(value)) == text)
    };
    // A nested `type` never is the event's.
    let outer = (field == Field::Type).then(|| "/type".to_owned());
    let levels = || {
        LEVELS
            .iter()
            .flat_map(|level| aliases.iter().copied().flatten().map(move |key| format!("{level}/{}", key.name())))
    };
    outer.into_iter().chain(levels()).find(holds)
}

fn id<'a>(fields: &Fields<'a>, aliases: &[Key]) -> Option<Cow<'a, str>> {
    fields.name(aliases).map(one_line)
}

#[cfg(test)]
mod tests;
