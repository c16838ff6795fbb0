//! Anthropic messages: a message of numbered blocks (text, thinking, tool use), each in pieces.
//!
//! The wire shows that a tool of the client's is asked for, not how long it takes; tools that the server runs end with
//! a block of their result.

use super::draft::{Draft, Field, Frame};
use super::track::{Open, Track};
use crate::domain::AgentKind;

const TYPE: &str = "/type";
const INDEX: &str = "/index";

/// What a type means; none where the protocol has no such type.
pub(super) fn kind(frame: Frame, track: &Track) -> Option<AgentKind> {
    let block = || frame.text("/content_block/type").unwrap_or_default();
    Some(match frame.text(TYPE)? {
        "message_start" => AgentKind::AgentStarted,
        "content_block_start" if block().ends_with("_tool_result") => AgentKind::ToolCompleted,
        "content_block_start" if block().ends_with("tool_use") => AgentKind::ToolExecuting,
        "content_block_start" | "content_block_delta" | "message_delta" => AgentKind::Progress,
        "content_block_stop" => match track.get(&index(frame)) {
            Some(open) if open.what == "thinking" => AgentKind::AgentThinking,
            _ => AgentKind::Progress,
        },
        "message_stop" => AgentKind::AgentCompleted,
        "ping" => AgentKind::Heartbeat,
        "error" if track.run.is_some() => AgentKind::AgentFailed,
        "error" if frame.value.pointer("/error/type").is_some() => AgentKind::Error,
        _ => return None,
    })
}

fn index(frame: Frame) -> String {
    frame.value.pointer(INDEX).map(ToString::to_string).unwrap_or_default()
}

pub(super) fn read<'v>(frame: Frame<'v>, kind: AgentKind, track: &mut Track) -> Draft<'v> {
    let type_name = frame.text(TYPE).unwrap_or_default();
    if type_name == "message_start" {
        track.begin(frame.text("/message/id"));
        track.agent = frame.text("/message/model").map(str::to_owned);
    }
    let mut draft = Draft::new(frame, kind, type_name, TYPE);
    draft.take(Field::Run, &["/message/id"]).take(Field::Agent, &["/message/model"]);
    if kind != AgentKind::Heartbeat {
        draft.remember(Field::Run, track.run.as_deref()).remember(Field::Agent, track.agent.as_deref());
    }
    match type_name {
        "content_block_start" => start(&mut draft, frame, track),
        "content_block_delta" => delta(&mut draft, frame, track),
        "content_block_stop" => stop(&mut draft, frame, track),
        "message_delta" => {
            track.verdict = frame.text("/delta/stop_reason").map(str::to_owned);
            let tokens = frame.value.pointer("/usage/output_tokens").map(|tokens| format!("{tokens} tokens out"));
            let said: Vec<String> = track.verdict.clone().into_iter().chain(tokens).collect();
            draft.set(Field::Text, said.join(", "), "/delta/stop_reason");
        }
        "message_stop" => {
            let verdict = track.verdict.clone().unwrap_or_default();
            let is_cut = matches!(verdict.as_str(), "max_tokens" | "refusal" | "model_context_window_exceeded");
            draft.went(!is_cut);
            let said = if is_cut { Some(verdict) } else { track.answer.clone() };
            draft.remember(Field::Text, said.as_deref());
            track.end();
        }
        "error" => {
            draft.take(Field::Text, &["/error/message", "/error/type"]).went(false);
            track.end();
        }
        _ => {}
    }
    draft
}

fn start(draft: &mut Draft, frame: Frame, track: &mut Track) {
    let what = frame.text("/content_block/type").unwrap_or_default();
    match draft.message.kind {
        AgentKind::ToolExecuting => {
            draft.take(Field::Tool, &["/content_block/name"]).take(Field::Call, &["/content_block/id"]);
            draft.take(Field::Text, &["/content_block/input"]);
        }
        AgentKind::ToolCompleted => {
            draft.take(Field::Call, &["/content_block/tool_use_id"]).take(Field::Text, &["/content_block/content"]);
            draft.set(Field::Tool, what.trim_end_matches("_tool_result"), "/content_block/type");
            let failed = frame.text("/content_block/content/type").is_some_and(|kind| kind.ends_with("_error"));
            draft.went(!failed);
        }
        _ => drop(draft.take(Field::Text, &["/content_block/text", "/content_block/thinking", "/content_block/type"])),
    }
    let name = draft.message.tool.as_deref().map(str::to_owned);
    let call = draft.message.call.as_deref().map(str::to_owned);
    track.open(&index(frame), Open { what: what.to_owned(), name, call, ..Open::default() });
}

fn delta(draft: &mut Draft, frame: Frame, track: &mut Track) {
    const PIECES: &[&str] = &["/delta/text", "/delta/thinking", "/delta/partial_json"];
    draft.take(Field::Text, &["/delta/text", "/delta/thinking", "/delta/partial_json", "/delta/type"]);
    let key = index(frame);
    track.add(&key, PIECES.iter().find_map(|pointer| frame.text(pointer)).unwrap_or_default());
    name(draft, track.get(&key));
}

fn stop(draft: &mut Draft, frame: Frame, track: &mut Track) {
    let open = track.close(&index(frame));
    let text = open.as_ref().map(|open| open.text.as_str()).filter(|text| !text.is_empty());
    draft.remember(Field::Text, text);
    if open.as_ref().is_some_and(|open| open.what == "text") {
        track.answer = text.map(str::to_owned);
    }
    name(draft, open.as_ref());
}

/// The tool that a later piece belongs to.
fn name(draft: &mut Draft, open: Option<&Open>) {
    if let Some(open) = open {
        draft.remember(Field::Tool, open.name.as_deref()).remember(Field::Call, open.call.as_deref());
    }
}
