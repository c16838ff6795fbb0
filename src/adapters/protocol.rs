//! What agents say, in our words, whatever protocol they speak: frames in, events out.
//!
//! Each protocol is a file that knows its types and where its fields stand; [`native`] knows the five events in all the
//! shapes they come in, and `mapping` reads a vocabulary from the configuration. [`Reader`] is one stream's: it finds
//! out the protocol where nobody said it, and remembers what comes only once. Nothing is dropped here: what no rule
//! knows comes out as [`AgentKind::Unknown`], with its name.

mod ag_ui;
mod anthropic;
mod draft;
mod entry;
mod langgraph;
mod mapping;
pub mod message;
pub mod native;
mod openai;
pub mod study;
#[cfg(test)]
mod tests;
mod track;
mod usage;

use std::borrow::Cow;

use serde_json::Value;

pub use draft::{Draft, Field, Frame};
pub use entry::{Names, RAW_LIMIT, json_in, receive_binary, receive_text};
use message::AgentMessage;
use track::Track;

use crate::config::mapping::{Language, Protocol};
use crate::domain::{AgentEvent, AgentKind, Moment};

/// How many messages at most decide which protocol a stream speaks.
pub const DETECTION: usize = 50;
/// A protocol that is so many messages ahead of all others is the one.
const LEAD: usize = 5;

/// The protocols that can be told by their messages, in the order in which they are preferred.
pub const PRESETS: [Protocol; 5] =
    [Protocol::Native, Protocol::AgUi, Protocol::Anthropic, Protocol::Openai, Protocol::Langgraph];

/// A protocol's name in the configuration.
#[must_use]
pub fn word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Auto => "auto",
        Protocol::Native => "native",
        Protocol::AgUi => "ag-ui",
        Protocol::Anthropic => "anthropic",
        Protocol::Openai => "openai",
        Protocol::Langgraph => "langgraph",
    }
}

/// Reads one stream.
#[derive(Debug, Default)]
pub struct Reader {
    language: Language,
    track: Track,
    names: Names,
    scores: Scores,
}

impl Reader {
    /// Reads a stream that speaks so.
    #[must_use]
    pub fn new(language: Language) -> Self {
        Self { language, ..Self::default() }
    }

    /// Whether the other side asks in messages whether we live. Only the native vocabulary does.
    #[must_use]
    pub fn answers_pings(&self) -> bool {
        matches!(self.language, Language::Known(Protocol::Auto | Protocol::Native))
            && self.scores.best() == Protocol::Native
    }

    /// Adds the events of a text to `events`. Secrets must be masked in it already. `event` is the transport's name for it.
    pub fn receive_text(&mut self, event: Option<&str>, text: &str, at: Moment, events: &mut Vec<AgentEvent>) {
        let from = events.len();
        self.read_text(event, text, at, events);
        // What a batch used up is nobody's in particular.
        if let [event] = &mut events[from..] {
            event.usage = usage::of(text);
        }
    }

    fn read_text(&mut self, event: Option<&str>, text: &str, at: Moment, events: &mut Vec<AgentEvent>) {
        let protocol = match &self.language {
            Language::Own(mapping) => {
                let mapping = std::sync::Arc::clone(mapping);
                return self.receive(event, text, at, events, |frame, _| mapping::read(frame, &mapping));
            }
            Language::Known(Protocol::Auto) => self.detect(event, text),
            Language::Known(protocol) => *protocol,
        };
        match protocol {
            Protocol::Auto | Protocol::Native => receive_text(text, at, &mut self.names, events),
            preset => self.receive(event, text, at, events, |frame, track| read(preset, frame, track)),
        }
    }

    /// Adds what can be said about binary bytes to `events`, where they are not [JSON](json_in).
    pub fn receive_binary(&mut self, bytes: &[u8], at: Moment, events: &mut Vec<AgentEvent>) {
        receive_binary(bytes, at, &mut self.names, events);
    }

    fn receive(
        &mut self,
        event: Option<&str>,
        text: &str,
        at: Moment,
        events: &mut Vec<AgentEvent>,
        read: impl for<'v> Fn(Frame<'v>, &mut Track) -> Draft<'v>,
    ) {
        let message = match parse(text) {
            Ok(value) => read(Frame { event, value: &value }, &mut self.track).message,
            Err(what) => unreadable(what, text),
        };
        events.push(entry::event(message, at, entry::raw(text), &mut self.names));
    }

    /// The protocol that fits best so far; settled once it is clear, or enough was heard.
    fn detect(&mut self, event: Option<&str>, text: &str) -> Protocol {
        let before = self.scores.best();
        self.scores.hear(event, text);
        let best = self.scores.best();
        if best != before {
            self.track = Track::default();
        }
        if self.scores.is_settled() {
            self.language = Language::Known(best);
        }
        best
    }
}

/// How many messages each protocol knows.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    known: [usize; PRESETS.len()],
    heard: usize,
    tracks: [Track; PRESETS.len()],
}

impl Scores {
    /// Asks every protocol whether it knows a message.
    pub fn hear(&mut self, event: Option<&str>, text: &str) {
        self.heard += 1;
        let value = parse(text);
        for (place, protocol) in PRESETS.into_iter().enumerate() {
            let is_known = match (protocol, &value) {
                (Protocol::Native, _) => knows_natively(text),
                (_, Err(_)) => false,
                (_, Ok(value)) => {
                    let draft = read(protocol, Frame { event, value }, &mut self.tracks[place]);
                    draft.message.kind != AgentKind::Unknown
                }
            };
            self.known[place] += usize::from(is_known);
        }
    }

    /// The protocol that knows most; where several know as much, the first of them.
    #[must_use]
    pub fn best(&self) -> Protocol {
        let most = self.known.iter().max().copied().unwrap_or_default();
        let place = self.known.iter().position(|&known| known == most).unwrap_or_default();
        PRESETS[place]
    }

    /// How many messages were heard.
    #[must_use]
    pub fn heard(&self) -> usize {
        self.heard
    }

    /// How many messages each protocol knows.
    pub fn known(&self) -> impl Iterator<Item = (Protocol, usize)> + '_ {
        PRESETS.into_iter().zip(self.known)
    }

    fn is_settled(&self) -> bool {
        let mut known = self.known;
        known.sort_unstable();
        self.heard >= DETECTION || known[PRESETS.len() - 1] >= known[PRESETS.len() - 2] + LEAD
    }
}

fn knows_natively(text: &str) -> bool {
    let mut messages = Vec::with_capacity(1);
    native::read(text, &mut messages);
    messages.iter().any(|message| message.kind != AgentKind::Unknown)
}

/// Reads a message in the words of a preset.
fn read<'v>(protocol: Protocol, frame: Frame<'v>, track: &mut Track) -> Draft<'v> {
    let kind = match protocol {
        Protocol::Auto | Protocol::Native => None,
        Protocol::AgUi => ag_ui::kind(frame),
        Protocol::Anthropic => anthropic::kind(frame, track),
        Protocol::Openai => openai::kind(frame, track),
        Protocol::Langgraph => langgraph::kind(frame, track),
    };
    let Some(kind) = kind else { return unknown(frame) };
    match protocol {
        Protocol::Auto | Protocol::Native => unknown(frame),
        Protocol::AgUi => ag_ui::read(frame, kind, track),
        Protocol::Anthropic => anthropic::read(frame, kind, track),
        Protocol::Openai => openai::read(frame, kind, track),
        Protocol::Langgraph => langgraph::read(frame, kind, track),
    }
}

/// A message of a type that a protocol does not have, or of none.
fn unknown(frame: Frame) -> Draft {
    let named = ["/type", "/event"].into_iter().find_map(|pointer| Some((frame.text(pointer)?, pointer)));
    let (name, at) = named.or(frame.event.map(|event| (event, "event:"))).unwrap_or(("no-type", ""));
    let mut draft = Draft::new(frame, AgentKind::Unknown, name, at);
    draft.rule = "no rule".into();
    draft.take(Field::Text, &["/message", "/text", "/content", ""]);
    draft
}

/// The JSON of a message; the error names what it is instead. Nesting beyond any honest message is refused at once.
fn parse(text: &str) -> Result<Value, &'static str> {
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(_) if text.trim() == "[DONE]" => Err("[DONE]"),
        Err(error) if error.to_string().starts_with("recursion limit") => Err("too-deep"),
        Err(_) => Err("not-json"),
    }
}

fn unreadable(what: &'static str, text: &str) -> AgentMessage<'static> {
    // Some servers end their answers with this; it is no event.
    let kind = if what == "[DONE]" { AgentKind::System } else { AgentKind::Unknown };
    let said = message::one_line(Cow::Borrowed(text)).into_owned();
    AgentMessage { text: said.into(), ..AgentMessage::bare(kind, what.into()) }
}
