//! OpenAI: the dotted events of the Responses API, and those of Realtime.
//!
//! Functions run in the client, so the wire shows that one is asked for, not its duration; tools that the server runs
//! (search, code, MCP) have both ends.

use super::draft::{Draft, Field, Frame};
use super::track::Track;
use crate::domain::AgentKind;

const TYPE: &str = "/type";

/// The first words of families whose events only say that it goes on.
const FAMILIES: &[&str] = &[
    "response.output_item.",
    "response.content_part.",
    "response.output_text.",
    "response.text.",
    "response.audio",
    "response.output_audio",
    "response.refusal.",
    "response.function_call_arguments.",
    "response.custom_tool_call_input.",
    "response.reasoning",
    "response.mcp_",
    "response.web_search_call.",
    "response.file_search_call.",
    "response.code_interpreter_call",
    "response.image_generation_call.",
    "response.shell_call",
    "response.local_shell_call",
    "response.apply_patch_call",
    "response.computer_call",
    "conversation.",
    "input_audio_buffer.",
    "output_audio_buffer.",
    "rate_limits.",
];

/// What a type means; none where the protocol has no such type.
pub(super) fn kind(frame: Frame, track: &Track) -> Option<AgentKind> {
    let type_name = frame.text(TYPE)?;
    Some(match type_name {
        "response.created" => AgentKind::AgentStarted,
        "response.queued" | "response.in_progress" => AgentKind::Progress,
        "response.completed" | "response.incomplete" => AgentKind::AgentCompleted,
        "response.failed" => AgentKind::AgentFailed,
        "response.done" if frame.text("/response/status") == Some("failed") => AgentKind::AgentFailed,
        "response.done" => AgentKind::AgentCompleted,
        "response.output_item.added" if is_tool(frame) => AgentKind::ToolExecuting,
        "response.output_item.done" if is_tool(frame) && !is_clients(frame) => AgentKind::ToolCompleted,
        "session.created" => AgentKind::Ready,
        "session.updated" => AgentKind::Acknowledged,
        "error" if track.run.is_some() => AgentKind::AgentFailed,
        "error"
            if ["/code", "/error/code", "/event_id", "/sequence_number"]
                .iter()
                .any(|p| frame.value.pointer(p).is_some()) =>
        {
            AgentKind::Error
        }
        _ if type_name.starts_with("response.reasoning") && type_name.ends_with("text.done") => {
            AgentKind::AgentThinking
        }
        _ if FAMILIES.iter().any(|family| type_name.starts_with(family)) => AgentKind::Progress,
        _ => return None,
    })
}

fn is_tool(frame: Frame) -> bool {
    frame.text("/item/type").is_some_and(|item| item.ends_with("_call"))
}

/// Whether the client runs it, so that its end is never on the wire.
fn is_clients(frame: Frame) -> bool {
    matches!(
        frame.text("/item/type"),
        Some(
            "function_call"
                | "custom_tool_call"
                | "computer_call"
                | "local_shell_call"
                | "shell_call"
                | "apply_patch_call"
        )
    )
}

pub(super) fn read<'v>(frame: Frame<'v>, kind: AgentKind, track: &mut Track) -> Draft<'v> {
    let type_name = frame.text(TYPE).unwrap_or_default();
    if kind == AgentKind::AgentStarted {
        track.begin(frame.text("/response/id"));
        track.agent = frame.text("/response/model").map(str::to_owned);
        track.thread = frame.text("/response/conversation/id").map(str::to_owned);
    }
    let mut draft = Draft::new(frame, kind, type_name, TYPE);
    draft.take(Field::Run, &["/response/id", "/response_id"]).take(Field::Agent, &["/response/model"]);
    draft.take(Field::Thread, &["/response/conversation/id", "/response/conversation_id"]);
    draft.take(Field::Sequence, &["/sequence_number"]);
    draft.remember(Field::Run, track.run.as_deref()).remember(Field::Agent, track.agent.as_deref());
    draft.remember(Field::Thread, track.thread.as_deref());
    match kind {
        AgentKind::ToolExecuting | AgentKind::ToolCompleted => tool(&mut draft, frame),
        AgentKind::AgentCompleted => {
            let status = frame.text("/response/status").unwrap_or_default();
            let ok = type_name != "response.incomplete" && !matches!(status, "incomplete" | "cancelled");
            draft
                .went(ok)
                .take(Field::Text, &["/response/incomplete_details/reason", "/response/status_details/reason"]);
            draft.remember(Field::Text, track.answer.as_deref());
            track.end();
        }
        AgentKind::AgentFailed | AgentKind::Error => {
            draft.went(false);
            draft.take(
                Field::Text,
                &[
                    "/response/error/message",
                    "/response/status_details/error/message",
                    "/error/message",
                    "/message",
                    "/code",
                ],
            );
            track.end();
        }
        _ => {
            draft.take(
                Field::Text,
                &["/delta", "/text", "/arguments", "/transcript", "/refusal", "/input", "/item/type"],
            );
            if type_name == "response.output_text.done" {
                track.answer = frame.text("/text").map(str::to_owned);
            }
        }
    }
    draft
}

fn tool(draft: &mut Draft, frame: Frame) {
    draft.take(Field::Tool, &["/item/name", "/item/type"]).take(Field::Call, &["/item/call_id", "/item/id"]);
    if draft.message.kind == AgentKind::ToolCompleted {
        draft.take(Field::Text, &["/item/error", "/item/output", "/item/results", "/item/action", "/item/status"]);
        let has_error = frame.value.pointer("/item/error").is_some_and(|error| !error.is_null());
        draft.went(!has_error && !matches!(frame.text("/item/status"), Some("failed" | "incomplete")));
    } else {
        draft.take(Field::Text, &["/item/arguments", "/item/action", "/item/input"]);
    }
}
