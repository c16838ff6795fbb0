//! The fields of one JSON object, wherever its envelopes put them.
//!
//! Senders wrap the same event in `payload`, in `data`, in `data.data`, or not at all. This file reads one frame in a
//! single pass, keeps the *text* of every value that some alias names, and lets inner levels win over outer ones. No
//! JSON tree is built: values stay slices of the frame until somebody asks for them. What the fields mean is decided in
//! the parent module.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// How deep envelopes are opened: the frame, its `payload` or `data`, and a `data` inside of that.
const DEEPEST_ENVELOPE: u8 = 2;

macro_rules! keys {
    ($($key:ident = $name:literal),+ $(,)?) => {
        /// A key that some alias list asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Key { $($key),+ }

        impl Key {
            const COUNT: usize = [$($name),+].len();

            /// The key as senders write it.
            pub(super) fn name(self) -> &'static str {
                match self {
                    $(Self::$key => $name,)+
                }
            }

            fn of(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$key),)+
                    _ => None,
                }
            }
        }
    };
}

keys! {
    Type = "type", Event = "event", EventType = "event_type", Method = "method",
    RunId = "run_id", RunIdCamel = "runId", CorrelationId = "correlation_id",
    ThreadId = "thread_id", ThreadIdCamel = "threadId", UserId = "user_id",
    AgentName = "agent_name", Agent = "agent", AgentType = "agent_type", AgentId = "agent_id",
    SubAgentName = "sub_agent_name",
    ToolName = "tool_name", Tool = "tool", Name = "name",
    ExecutionId = "execution_id", CallId = "call_id", ToolCallId = "tool_call_id",
    Parameters = "parameters", ToolArgs = "tool_args", Params = "params", Args = "args", Input = "input",
    ParametersSummary = "parameters_summary",
    Results = "results", ResultValue = "result", Output = "output",
    Success = "success", Status = "status",
    Reasoning = "reasoning", Thought = "thought", Thinking = "thinking", Message = "message",
    FinalResponse = "final_response", Response = "response", Content = "content", Text = "text",
    ExecutionTimeMs = "execution_time_ms", DurationMs = "duration_ms", TotalDurationMs = "total_duration_ms",
    Error = "error", ErrorMessage = "error_message", ErrorCode = "error_code", Code = "code",
    Sequence = "sequence", SequenceNumber = "sequence_number",
    Timestamp = "timestamp", ReceivedType = "received_type", Events = "events",
    Payload = "payload", Body = "data",
}

impl Key {
    /// Envelopes are opened rather than kept.
    fn is_envelope(self) -> bool {
        matches!(self, Self::Payload | Self::Body)
    }

    /// Keys by which a message says what it is: there the outer level has the last word.
    fn names_the_event(self) -> bool {
        matches!(self, Self::Event | Self::EventType | Self::Method)
    }
}

/// The known fields of one frame, as slices of it.
pub(super) struct Fields<'a> {
    found: [Option<(u8, &'a RawValue)>; Key::COUNT],
}

impl<'a> Fields<'a> {
    /// Reads one JSON object; says why when `text` is not one.
    pub(super) fn read(text: &'a str) -> Result<Self, Unreadable> {
        let mut fields = Self { found: [None; Key::COUNT] };
        let mut json = serde_json::Deserializer::from_str(text);
        if !text.trim_start().starts_with('{') {
            let whole = json.deserialize_ignored_any(IgnoredAny).and_then(|_| json.end());
            return Err(if whole.is_ok() { Unreadable::NotAnObject } else { Unreadable::NotJson });
        }
        Level { fields: &mut fields, depth: 0 }.deserialize(&mut json).map_err(|_| Unreadable::NotJson)?;
        json.end().map_err(|_| Unreadable::NotJson)?;
        Ok(fields)
    }

    /// The raw JSON of a field.
    pub(super) fn raw(&self, key: Key) -> Option<&'a RawValue> {
        self.found[key as usize].map(|(_, raw)| raw)
    }

    /// The first of `keys` that holds text or a number, as text. Objects and lists are not names.
    pub(super) fn name(&self, keys: &[Key]) -> Option<Cow<'a, str>> {
        keys.iter().filter_map(|&key| self.raw(key)).find_map(|raw| match raw.get().as_bytes().first()? {
            b'"' => unquoted(raw).filter(|text| !text.is_empty()),
            b'-' | b'0'..=b'9' => Some(Cow::Borrowed(raw.get())),
            _ => None,
        })
    }

    /// The first of `keys` that holds anything to read: text as it is, everything else as its JSON.
    pub(super) fn words(&self, keys: &[Key]) -> Option<Cow<'a, str>> {
        keys.iter().filter_map(|&key| self.raw(key)).find_map(|raw| {
            if raw.get().starts_with('"') {
                unquoted(raw).filter(|text| !text.is_empty())
            } else {
                Some(Cow::Borrowed(raw.get())).filter(|text| !matches!(text.as_ref(), "{}" | "[]"))
            }
        })
    }

    /// The first of `keys` that holds a finite number.
    pub(super) fn number(&self, keys: &[Key]) -> Option<f64> {
        keys.iter()
            .filter_map(|&key| self.raw(key))
            .find_map(|raw| raw.get().parse().ok().filter(|number: &f64| number.is_finite()))
    }

    fn keep(&mut self, key: Key, depth: u8, raw: &'a RawValue) {
        let slot = &mut self.found[key as usize];
        let wins = match slot {
            None => true,
            Some(_) if raw.get() == "null" => false,
            Some((_, held)) if held.get() == "null" => true,
            Some((held, _)) if key.names_the_event() => depth <= *held,
            Some((held, _)) => depth >= *held,
        };
        if wins && raw.get() != "null" {
            *slot = Some((depth, raw));
        }
    }
}

/// Why a frame has no fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Not JSON at all, or broken on the way.
    NotJson,
    /// JSON, but a list, a number, a text.
    NotAnObject,
}

/// Text inside JSON quotes; borrowed unless it has escapes.
pub(super) fn unquoted(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(raw.get()).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

/// One event of a batch, with the type name under which the batch lists it.
pub(super) struct BatchElement<'a> {
    pub(super) listed_as: Option<Cow<'a, str>>,
    pub(super) event: &'a RawValue,
}

/// The elements of the two forms in which a batch holds its events: `{"<type>": […]}` and `[…]`. At most `limit` are
/// taken; the second number says how many there were.
pub(super) fn batch_elements(events: &RawValue, limit: usize) -> (Vec<BatchElement<'_>>, usize) {
    let mut elements = Elements { taken: Vec::new(), seen: 0, limit };
    let mut json = serde_json::Deserializer::from_str(events.get());
    // What is no list of events ends the reading; the events before it are kept.
    let _read = json.deserialize_any(&mut elements);
    (elements.taken, elements.seen)
}

/// One level of envelopes, read into the shared fields.
struct Level<'f, 'a> {
    fields: &'f mut Fields<'a>,
    depth: u8,
}

impl<'de> DeserializeSeed<'de> for Level<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(KeyName)? {
            match key {
                Some(Key::Type) if self.depth > 0 => drop(map.next_value::<IgnoredAny>()?),
                Some(envelope) if envelope.is_envelope() && self.depth < DEEPEST_ENVELOPE => {
                    map.next_value_seed(Level { fields: self.fields, depth: self.depth + 1 })?;
                }
                Some(key) if !key.is_envelope() => {
                    let raw = map.next_value::<&RawValue>()?;
                    self.fields.keep(key, self.depth, raw);
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A key of an object, looked up without keeping its text.
struct KeyName;

impl<'de> DeserializeSeed<'de> for KeyName {
    type Value = Option<Key>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Key>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyName {
    type Value = Option<Key>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<Key>, E> {
        Ok(Key::of(name))
    }
}

/// Collects the events of a batch, in both of its forms.
struct Elements<'a> {
    taken: Vec<BatchElement<'a>>,
    seen: usize,
    limit: usize,
}

impl<'de> Visitor<'de> for &mut Elements<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("events by type, or a list of events")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(kind) = map.next_key::<Cow<'de, str>>()? {
            map.next_value_seed(OfOneType { elements: self, kind: Some(kind) })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        OfOneType { elements: self, kind: None }.visit_seq(list)
    }
}

/// The list below one type name of a batch.
struct OfOneType<'e, 'a> {
    elements: &'e mut Elements<'a>,
    kind: Option<Cow<'a, str>>,
}

impl<'de> DeserializeSeed<'de> for OfOneType<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for OfOneType<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(event) = list.next_element::<&RawValue>()? {
            self.elements.seen += 1;
            if self.elements.taken.len() < self.elements.limit {
                self.elements.taken.push(BatchElement { listed_as: self.kind.clone(), event });
            }
        }
        Ok(())
    }
}
