//! One message in our words, whatever protocol it came in: borrowed where it can be, harmless, and bounded.

use std::borrow::Cow;

use crate::adapters::sanitize;
use crate::domain::AgentKind;

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
    /// Its number in the sender's own count.
    pub sequence: Option<u64>,
    /// One harmless line that says what it is about: the thought, the answer, the error, the arguments.
    pub text: Cow<'a, str>,
    /// How long it took, by the sender's own watch.
    pub duration_ms: Option<f64>,
    /// When it happened, by the sender's own clock, in microseconds since the Unix epoch.
    pub source_time: Option<i64>,
    /// Whether it went well, where the sender says so.
    pub ok: Option<bool>,
}

/// What can be said about a binary frame.
pub fn binary(length: usize) -> AgentMessage<'static> {
    AgentMessage {
        text: Cow::Owned(format!("{length} bytes")),
        ..AgentMessage::bare(AgentKind::Unknown, "binary".into())
    }
}

impl<'a> AgentMessage<'a> {
    pub(super) fn bare(kind: AgentKind, type_name: Cow<'a, str>) -> Self {
        Self {
            kind,
            type_name,
            run: None,
            thread: None,
            user: None,
            agent: None,
            tool: None,
            call: None,
            sequence: None,
            text: Cow::Borrowed(""),
            duration_ms: None,
            source_time: None,
            ok: None,
        }
    }

    pub(super) fn unreadable(what: &'static str, frame: &'a str) -> Self {
        Self { text: one_line(Cow::Borrowed(frame)), ..Self::bare(AgentKind::Unknown, Cow::Borrowed(what)) }
    }
}

/// Text from outside, on one line, of bounded length, without anything a terminal would obey.
pub(super) fn one_line(text: Cow<str>) -> Cow<str> {
    let plain = text.len() <= SUMMARY_LIMIT && is_plain(text.as_bytes());
    if plain { text } else { Cow::Owned(harmless_line(&text)) }
}

/// Whether there is nothing but printable ASCII. Looks at every byte, so that many are looked at at once.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
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
pub(super) fn up_to(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}
