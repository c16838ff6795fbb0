//! LangGraph and LangChain: the events of `astream_events`, a ready tree of runs, and the chunks of stream modes.
//!
//! A call of the model is what an agent does while it thinks, so its end is a thought. The run is the outermost one.

use super::draft::{Draft, Field, Frame};
use super::track::Track;
use crate::domain::AgentKind;

/// Names of stream modes, under which chunks come.
const MODES: &[&str] = &[
    "values",
    "updates",
    "messages",
    "messages/partial",
    "messages/complete",
    "messages/metadata",
    "custom",
    "checkpoints",
    "tasks",
    "debug",
];

/// What a type means; none where the protocol has no such type.
pub(super) fn kind(frame: Frame, track: &Track) -> Option<AgentKind> {
    if let Some(event) = frame.text("/event") {
        let is_outermost = parent(frame).is_none();
        return Some(match event {
            "on_chain_start" if is_outermost => AgentKind::AgentStarted,
            "on_chain_end" if is_outermost => AgentKind::AgentCompleted,
            "on_chain_error" if is_outermost => AgentKind::AgentFailed,
            "on_tool_start" | "on_retriever_start" => AgentKind::ToolExecuting,
            "on_tool_end" | "on_tool_error" | "on_retriever_end" | "on_retriever_error" => AgentKind::ToolCompleted,
            "on_chat_model_end" | "on_llm_end" => AgentKind::AgentThinking,
            "on_chain_start"
            | "on_chain_stream"
            | "on_chain_end"
            | "on_chain_error"
            | "on_chat_model_start"
            | "on_chat_model_stream"
            | "on_chat_model_error"
            | "on_llm_start"
            | "on_llm_stream"
            | "on_prompt_start"
            | "on_prompt_end"
            | "on_parser_start"
            | "on_parser_stream"
            | "on_parser_end"
            | "on_custom_event" => AgentKind::Progress,
            _ => return None,
        });
    }
    let (mode, _) = mode(frame)?;
    Some(match mode {
        "metadata" => AgentKind::AgentStarted,
        "error" => AgentKind::AgentFailed,
        "end" if track.run.is_some() => AgentKind::AgentCompleted,
        _ => AgentKind::Progress,
    })
}

/// The stream mode, by the transport's name for the message or by the chunk's own type, and where it stood.
fn mode(frame: Frame<'_>) -> Option<(&str, &'static str)> {
    // With subgraphs the name has a namespace behind it: `updates|agent:1`.
    let plain = |name: &'static [&'static str], word: &str| {
        name.iter().any(|mode| *mode == word.split('|').next().unwrap_or(word))
    };
    if let Some(event) = frame.event {
        let is_own = event == "metadata" && frame.text("/run_id").is_some() || matches!(event, "error" | "end");
        return (plain(MODES, event) || is_own).then_some((event, "event:"));
    }
    let is_part = frame.value.get("ns").is_some() || frame.value.get("namespace").is_some();
    let type_name =
        frame.text("/type").filter(|name| is_part && frame.value.get("data").is_some() && plain(MODES, name))?;
    Some((type_name, "/type"))
}

/// The id of the outermost run that this one is part of.
fn parent(frame: Frame<'_>) -> Option<&str> {
    frame.text("/parent_ids/0")
}

pub(super) fn read<'v>(frame: Frame<'v>, kind: AgentKind, track: &mut Track) -> Draft<'v> {
    match frame.text("/event") {
        Some(event) => read_event(frame, kind, event, track),
        None => read_chunk(frame, kind, track),
    }
}

fn read_event<'v>(frame: Frame<'v>, kind: AgentKind, event: &str, track: &mut Track) -> Draft<'v> {
    if kind == AgentKind::AgentStarted {
        track.begin(frame.text("/run_id"));
        track.agent = frame.text("/name").map(str::to_owned);
        track.thread = frame.text("/metadata/thread_id").map(str::to_owned);
    }
    let mut draft = Draft::new(frame, kind, event, "/event");
    draft.take(Field::Run, &["/parent_ids/0", "/run_id"]).take(Field::Thread, &["/metadata/thread_id"]);
    draft.take(Field::User, &["/metadata/user_id"]);
    draft.remember(Field::Thread, track.thread.as_deref());
    match kind {
        AgentKind::ToolExecuting | AgentKind::ToolCompleted => {
            draft.take(Field::Tool, &["/name"]).take(Field::Call, &["/run_id"]);
            draft.take(Field::Text, &["/data/error", "/data/output/content", "/data/output", "/data/input"]);
            if kind == AgentKind::ToolCompleted {
                let has_failed = event.ends_with("_error") || frame.text("/data/output/status") == Some("error");
                draft.went(!has_failed);
            }
        }
        _ => {
            draft.take(Field::Agent, &["/metadata/langgraph_node", "/name"]);
            draft.take(
                Field::Text,
                &[
                    "/data/error",
                    "/data/chunk/content",
                    "/data/output/content",
                    "/data/output",
                    "/data/chunk",
                    "/data/input",
                    "/data",
                ],
            );
        }
    }
    match kind {
        AgentKind::AgentCompleted => drop(draft.went(true)),
        AgentKind::AgentFailed => drop(draft.went(false)),
        _ => {}
    }
    if matches!(kind, AgentKind::AgentCompleted | AgentKind::AgentFailed) {
        track.end();
    }
    draft
}

fn read_chunk<'v>(frame: Frame<'v>, kind: AgentKind, track: &mut Track) -> Draft<'v> {
    let (mode, at) = mode(frame).unwrap_or_default();
    if kind == AgentKind::AgentStarted {
        track.begin(frame.text("/run_id"));
        track.thread = frame.text("/thread_id").map(str::to_owned);
    }
    let mut draft = Draft::new(frame, kind, mode, at);
    draft.take(Field::Run, &["/run_id"]).remember(Field::Run, track.run.as_deref());
    draft.remember(Field::Thread, track.thread.as_deref());
    match kind {
        AgentKind::AgentFailed => {
            draft.take(Field::Text, &["/message", "/error"]).went(false);
            track.end();
        }
        AgentKind::AgentCompleted => {
            draft.went(true);
            track.end();
        }
        _ => drop(draft.take(Field::Text, &["/data", "/0/content", ""])),
    }
    draft
}
