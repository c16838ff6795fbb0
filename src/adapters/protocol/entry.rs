//! From a frame to the events that the state keeps: owned, bounded, with the frame beside them.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde::de::IgnoredAny;

use super::message::{AgentMessage, binary, is_plain, up_to};
use super::native::read;
use crate::adapters::sanitize;
use crate::domain::{AgentEvent, Moment, Text, Usage};

/// How much of a frame is kept beside its event.
pub const RAW_LIMIT: usize = 4096;

/// How many names are shared before the set is begun anew.
const NAMES_SHARED: usize = 1024;

/// Names that come again and again (types, runs, agents, tools), kept once for all events of a stream.
#[derive(Debug, Default)]
pub struct Names {
    shared: HashSet<Text>,
}

impl Names {
    fn share(&mut self, name: &str) -> Text {
        if let Some(known) = self.shared.get(name) {
            return known.clone();
        }
        if self.shared.len() >= NAMES_SHARED {
            self.shared.clear();
        }
        let name: Text = name.into();
        self.shared.insert(name.clone());
        name
    }
}

/// Adds the events of a text frame to `events`. Secrets must be masked in `frame` already.
pub fn receive_text(frame: &str, at: Moment, names: &mut Names, events: &mut Vec<AgentEvent>) {
    let mut messages = Vec::with_capacity(1);
    read(frame, &mut messages);
    let raw = raw(frame);
    events.extend(messages.into_iter().map(|message| event(message, at, raw.clone(), names)));
}

/// What bytes say, where they are a JSON object or array: some senders write messages in binary frames. It is read as
/// a text is.
#[must_use]
pub fn json_in(bytes: &[u8]) -> Option<&str> {
    // Most binary frames are told by their first byte.
    matches!(bytes.trim_ascii_start(), [b'{' | b'[', ..]).then_some(())?;
    let text = std::str::from_utf8(bytes).ok()?;
    serde_json::from_str::<IgnoredAny>(text).is_ok().then_some(text)
}

/// Adds what can be said about a binary frame to `events`.
pub fn receive_binary(bytes: &[u8], at: Moment, names: &mut Names, events: &mut Vec<AgentEvent>) {
    let mut raw = String::new();
    for byte in bytes.iter().take(64) {
        // Writing to a string cannot fail.
        let _written = write!(raw, "{byte:02x} ");
    }
    if bytes.len() > 64 {
        raw.push('…');
    }
    events.push(event(binary(bytes.len()), at, raw.trim_end().into(), names));
}

pub(super) fn event(message: AgentMessage, at: Moment, raw: Text, names: &mut Names) -> AgentEvent {
    AgentEvent {
        at,
        kind: message.kind,
        type_name: names.share(&message.type_name),
        run: message.run.map(|run| names.share(&run)),
        thread: message.thread.map(|thread| names.share(&thread)),
        user: message.user.map(|user| names.share(&user)),
        sequence: message.sequence,
        agent: message.agent.map(|agent| names.share(&agent)),
        tool: message.tool.map(|tool| names.share(&tool)),
        call: message.call.map(|call| call.as_ref().into()),
        text: if message.text.is_empty() { names.share("") } else { message.text.as_ref().into() },
        failed: message.ok == Some(false),
        usage: Usage::default(),
        raw,
    }
}

/// The frame, harmless and cut at a bound that says so. Its line breaks stay, since some senders indent their JSON.
pub(super) fn raw(frame: &str) -> Text {
    let kept = up_to(frame, RAW_LIMIT);
    if kept.len() == frame.len() && is_plain(kept.as_bytes()) {
        return kept.into();
    }
    let mut raw = kept.split('\n').map(sanitize::text).collect::<Vec<_>>().join("\n");
    if kept.len() < frame.len() {
        raw += &format!("… ({} bytes)", frame.len());
    }
    raw.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AgentKind;

    fn events(frame: &str) -> Vec<AgentEvent> {
        let (mut names, mut events) = (Names::default(), Vec::new());
        receive_text(frame, Moment(7), &mut names, &mut events);
        events
    }

    #[test]
    fn an_event_keeps_its_frame() {
        let frame = r#"{"type":"tool_completed","run_id":"r","tool":"t","call_id":"c","status":"failed"}"#;
        let event = &events(frame)[0];
        assert_eq!((event.at, event.kind, event.failed), (Moment(7), AgentKind::ToolCompleted, true));
        assert_eq!(
            (event.run.as_deref(), event.tool.as_deref(), event.call.as_deref()),
            (Some("r"), Some("t"), Some("c"))
        );
        assert_eq!(&*event.raw, frame);
    }

    #[test]
    fn long_and_dangerous_frames_are_cut_and_made_harmless() {
        let long = format!(r#"{{"type":"x","pad":"{}"}}"#, "é".repeat(5000));
        let raw = &events(&long)[0].raw;
        assert!(raw.len() < RAW_LIMIT + 32 && raw.ends_with("… (10021 bytes)"), "{raw}");
        assert_eq!(&*events("\u{1b}]0;title\u{7}\n\u{9b}2J")[0].raw, "\n<U+009B>2J");
    }

    #[test]
    fn binary_frames_show_their_first_bytes() {
        let mut events = Vec::new();
        receive_binary(&[0, 255, 16], Moment(1), &mut Names::default(), &mut events);
        receive_binary(&[1; 100], Moment(1), &mut Names::default(), &mut events);
        assert_eq!((&*events[0].raw, &*events[0].text, &*events[0].type_name), ("00 ff 10", "3 bytes", "binary"));
        assert!(events[1].raw.ends_with("01 …"));
    }

    #[test]
    fn bytes_are_read_as_text_only_where_they_are_json() {
        for text in [r#"{"type":"x"}"#, " \n[{\"type\":\"grüße\"}] "] {
            assert_eq!(json_in(text.as_bytes()), Some(text));
        }
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(json_in(deep.as_bytes()).map(str::len), Some(200_001));
        for other in [&b""[..], b"7", b"\"x\"", b"{", b"{}{}", b"{not json}", b"{\"a\":\"\xff\"}", b"\0{}"] {
            assert_eq!(json_in(other), None, "{other:?}");
        }
    }

    #[test]
    fn names_are_shared_and_bounded() {
        let mut names = Names::default();
        let (one, two) = (names.share("run"), names.share("run"));
        assert!(Text::ptr_eq(&one, &two));
        (0..5000).for_each(|n| drop(names.share(&n.to_string())));
        assert!(names.shared.len() <= NAMES_SHARED);
    }
}
