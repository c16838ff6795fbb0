//! AG-UI: runs, steps, messages, tool calls, reasoning and state, each event typed in capitals.
//!
//! A tool's span runs from its START to its RESULT: END only says that the arguments are complete.

use super::draft::{Draft, Field, Frame};
use super::track::{Open, Track};
use crate::domain::AgentKind;

const TYPE: &str = "/type";
const MESSAGE: &[&str] = &["/messageId", "/message_id"];
const CALL: &[&str] = &["/toolCallId", "/tool_call_id"];
const DELTA: &[&str] = &["/delta"];

/// What a type means; none where AG-UI has no such type.
pub(super) fn kind(frame: Frame) -> Option<AgentKind> {
    Some(match frame.text(TYPE)? {
        "RUN_STARTED" => AgentKind::AgentStarted,
        "RUN_FINISHED" => AgentKind::AgentCompleted,
        "RUN_ERROR" => AgentKind::AgentFailed,
        "TOOL_CALL_START" => AgentKind::ToolExecuting,
        "TOOL_CALL_RESULT" => AgentKind::ToolCompleted,
        "TOOL_CALL_CHUNK" if frame.value.get("toolCallName").is_some_and(|name| !name.is_null()) => {
            AgentKind::ToolExecuting
        }
        "REASONING_MESSAGE_END" | "REASONING_MESSAGE_CHUNK" | "THINKING_TEXT_MESSAGE_END" => AgentKind::AgentThinking,
        "STEP_STARTED"
        | "STEP_FINISHED"
        | "TEXT_MESSAGE_START"
        | "TEXT_MESSAGE_CONTENT"
        | "TEXT_MESSAGE_END"
        | "TEXT_MESSAGE_CHUNK"
        | "TOOL_CALL_ARGS"
        | "TOOL_CALL_END"
        | "TOOL_CALL_CHUNK"
        | "REASONING_START"
        | "REASONING_END"
        | "REASONING_MESSAGE_START"
        | "REASONING_MESSAGE_CONTENT"
        | "REASONING_ENCRYPTED_VALUE"
        | "STATE_SNAPSHOT"
        | "STATE_DELTA"
        | "MESSAGES_SNAPSHOT"
        | "ACTIVITY_SNAPSHOT"
        | "ACTIVITY_DELTA"
        | "RAW"
        | "CUSTOM"
        | "THINKING_START"
        | "THINKING_END"
        | "THINKING_TEXT_MESSAGE_START"
        | "THINKING_TEXT_MESSAGE_CONTENT" => AgentKind::Progress,
        _ => return None,
    })
}

pub(super) fn read<'v>(frame: Frame<'v>, kind: AgentKind, track: &mut Track) -> Draft<'v> {
    let type_name = frame.text(TYPE).unwrap_or_default();
    if kind == AgentKind::AgentStarted {
        track.begin(frame.text("/runId").or_else(|| frame.text("/run_id")));
        track.thread = frame.text("/threadId").or_else(|| frame.text("/thread_id")).map(str::to_owned);
    }
    let mut draft = Draft::new(frame, kind, type_name, TYPE);
    draft.take(Field::Run, &["/runId", "/run_id"]).take(Field::Thread, &["/threadId", "/thread_id"]);
    draft.take(Field::Time, &["/timestamp"]);
    draft.remember(Field::Run, track.run.as_deref()).remember(Field::Thread, track.thread.as_deref());
    let family = type_name.split('_').next().unwrap_or_default();
    match family {
        "RUN" => run(&mut draft, frame, type_name, track),
        "STEP" => drop(draft.take(Field::Text, &["/stepName", "/step_name"])),
        "TOOL" => tool(&mut draft, frame, type_name, track),
        "TEXT" | "REASONING" | "THINKING" => message(&mut draft, frame, type_name, track),
        _ => drop(draft.take(
            Field::Text,
            &["/name", "/activityType", "/delta", "/patch", "/snapshot", "/messages", "/event", "/value"],
        )),
    }
    draft
}

fn run(draft: &mut Draft, frame: Frame, type_name: &str, track: &mut Track) {
    match type_name {
        "RUN_STARTED" => drop(draft.take(Field::Text, &["/input"])),
        "RUN_ERROR" => {
            draft.take(Field::Text, &["/message", "/code"]).went(false);
            track.end();
        }
        _ => {
            draft.went(true);
            draft.remember(Field::Text, track.answer.as_deref());
            draft.take(Field::Text, &["/outcome/interrupts/0/reason", "/result"]);
            if frame.text("/outcome/type") == Some("interrupt") {
                let reason = frame.text("/outcome/interrupts/0/reason").unwrap_or("it does not say why");
                draft.set(Field::Text, format!("interrupted: {reason}"), "/outcome/interrupts/0/reason");
            }
            track.end();
        }
    }
}

fn tool(draft: &mut Draft, frame: Frame, type_name: &str, track: &mut Track) {
    draft.take(Field::Call, CALL).take(Field::Tool, &["/toolCallName", "/tool_call_name"]);
    let call = draft.message.call.as_deref().unwrap_or_default().to_owned();
    match type_name {
        "TOOL_CALL_START" | "TOOL_CALL_CHUNK" if draft.message.kind == AgentKind::ToolExecuting => {
            let name = draft.message.tool.as_deref().map(str::to_owned);
            track.open(&call, Open { what: "tool".into(), name, ..Open::default() });
            draft.take(Field::Text, DELTA);
        }
        "TOOL_CALL_ARGS" | "TOOL_CALL_CHUNK" => {
            track.add(&call, frame.text("/delta").unwrap_or_default());
            draft.take(Field::Text, DELTA);
        }
        "TOOL_CALL_END" => {
            let arguments = track.get(&call).map(|open| open.text.clone()).filter(|text| !text.is_empty());
            draft.remember(Field::Text, arguments.as_deref());
        }
        _ => {
            draft.take(Field::Text, &["/content"]);
        }
    }
    let open = if type_name == "TOOL_CALL_RESULT" { track.close(&call) } else { track.get(&call).cloned() };
    draft.remember(Field::Tool, open.and_then(|open| open.name).as_deref());
}

fn message(draft: &mut Draft, frame: Frame, type_name: &str, track: &mut Track) {
    // The deprecated events have no message id: there is one thought at a time.
    let key = MESSAGE.iter().find_map(|pointer| frame.text(pointer)).unwrap_or("thought").to_owned();
    draft.take(Field::Text, DELTA);
    match type_name {
        _ if type_name.ends_with("MESSAGE_START") => track.open(&key, Open::default()),
        _ if type_name.ends_with("MESSAGE_CONTENT") => track.add(&key, frame.text("/delta").unwrap_or_default()),
        _ if type_name.ends_with("MESSAGE_END") => {
            let text = track.close(&key).map(|open| open.text).filter(|text| !text.is_empty());
            draft.remember(Field::Text, text.as_deref());
            if type_name == "TEXT_MESSAGE_END" {
                track.answer = text.or(track.answer.take());
            }
        }
        _ => {}
    }
}
