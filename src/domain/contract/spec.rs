//! What a contract asks for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{AgentEvent, CRITICAL, Span, Text};

/// Stands for any event that names a tool.
pub const TOOLS: &str = "tools";
/// Stands for every agent event.
pub const ANY_TYPE: &str = "*";

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The connection became ready in time.
    Ready,
    /// Each listed event came.
    Required,
    /// The run ended by an event that says so.
    Terminal,
    /// The first of each listed event came after the first of those before it in the list.
    Order,
    /// Every tool call that began came back.
    Pairing,
    /// Nothing of a run came after its end.
    NothingAfterEnd,
    /// No run or tool call began twice.
    Uniqueness,
    /// Nothing came that belongs to another run or user.
    Correlation,
    /// Sequence numbers have no gap and none repeats.
    Sequence,
    /// Answers and thoughts say something.
    Payload,
    /// Everything came within its budget.
    Latency,
    /// No event reports an error.
    ErrorEvents,
    /// The expected revision answered.
    Revision,
    /// An agent ran, rather than something that plays its events.
    Synthetic,
    /// Events carry the fields that were asked for, and none of them is null.
    Schema,
    /// The sender's own times run forward, and its clock agrees with ours.
    Clock,
    /// No type is outside of the stream's vocabulary.
    UnknownTypes,
    /// No message is too large, and no second holds too many.
    Size,
}

impl Check {
    /// Every check, in the order in which they are told.
    pub const ALL: [Self; 18] = [
        Self::Ready,
        Self::Required,
        Self::Terminal,
        Self::Order,
        Self::Pairing,
        Self::NothingAfterEnd,
        Self::Uniqueness,
        Self::Correlation,
        Self::Sequence,
        Self::Payload,
        Self::Latency,
        Self::ErrorEvents,
        Self::Revision,
        Self::Synthetic,
        Self::Schema,
        Self::Clock,
        Self::UnknownTypes,
        Self::Size,
    ];

    /// The check as configuration and reports call it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Required => "required",
            Self::Terminal => "terminal",
            Self::Order => "order",
            Self::Pairing => "pairing",
            Self::NothingAfterEnd => "nothing-after-end",
            Self::Uniqueness => "uniqueness",
            Self::Correlation => "correlation",
            Self::Sequence => "sequence",
            Self::Payload => "payload",
            Self::Latency => "latency",
            Self::ErrorEvents => "error-events",
            Self::Revision => "revision",
            Self::Synthetic => "synthetic",
            Self::Schema => "schema",
            Self::Clock => "clock",
            Self::UnknownTypes => "unknown-types",
            Self::Size => "size",
        }
    }

    /// How much it counts where nothing is configured.
    #[must_use]
    pub fn usual_severity(self) -> Severity {
        match self {
            Self::Ready
            | Self::Required
            | Self::Terminal
            | Self::Order
            | Self::Pairing
            | Self::Correlation
            | Self::ErrorEvents
            | Self::Revision
            | Self::Synthetic => Severity::Error,
            Self::NothingAfterEnd
            | Self::Uniqueness
            | Self::Sequence
            | Self::Payload
            | Self::Latency
            | Self::Schema => Severity::Warning,
            Self::Clock | Self::UnknownTypes | Self::Size => Severity::Info,
        }
    }

    /// Whether it can be looked at although the connection never became ready.
    pub(super) fn needs_no_connection(self) -> bool {
        matches!(self, Self::Ready | Self::ErrorEvents | Self::Revision)
    }
}

/// How much a check counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It is not looked at.
    Off,
    /// It is mentioned.
    Info,
    /// It is told and changes nothing.
    Warning,
    /// It decides.
    Error,
}

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timed {
    /// A question to the stream's service over HTTP, and its answer.
    Api,
    /// From the beginning of the connection until it is open.
    Connect,
    /// From the beginning of the connection until it is ready.
    Ready,
    /// A ping and its answer.
    RoundTrip,
    /// From the message that was sent to the first agent event.
    FirstEvent,
    /// The longest silence within a run.
    Silence,
    /// A tool, from its call until it came back.
    Tool,
    /// From the message that was sent to the end of the run.
    Total,
}

impl Timed {
    /// Everything that is timed, in the order in which it happens.
    pub const ALL: [Self; 8] = [
        Self::Api,
        Self::Connect,
        Self::Ready,
        Self::RoundTrip,
        Self::FirstEvent,
        Self::Silence,
        Self::Tool,
        Self::Total,
    ];

    /// What is timed, as people say it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Connect => "connect",
            Self::Ready => "ready",
            Self::RoundTrip => "round trip",
            Self::FirstEvent => "first event",
            Self::Silence => "silence",
            Self::Tool => "tool",
            Self::Total => "total",
        }
    }
}

/// How long things may take, by what is timed; what is not in here may take any time.
pub type Allowed = BTreeMap<Timed, Span>;

/// The budgets of the loop that this console was made for: an API answer in 100 ms, a WebSocket round trip in 50 ms, the
/// first agent event in 500 ms.
#[must_use]
pub fn usual_budgets() -> Allowed {
    BTreeMap::from([
        (Timed::Api, Span::millis(100)),
        (Timed::Ready, Span::seconds(10)),
        (Timed::RoundTrip, Span::millis(50)),
        (Timed::FirstEvent, Span::millis(500)),
    ])
}

/// From when on messages are worth a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// The largest message that is nothing special, in bytes.
    pub message: u32,
    /// The most messages in a second that are nothing special.
    pub per_second: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { message: 256 << 10, per_second: 200 }
    }
}

/// By which signs events that no agent made are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyntheticRules {
    /// Names of agents that only the fallback uses.
    pub agents: Vec<Text>,
    /// Names of tools that only the fallback uses.
    pub tools: Vec<Text>,
    /// Types, events or fields by which a server says that it answers in place of its agents.
    pub announced_by: Vec<Text>,
    /// How many signs make it certain; a name of the lists above counts as two.
    pub signs: u32,
}

impl Default for SyntheticRules {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
        Self {
            agents: names(&["ChatAgent"]),
            tools: names(&["response_generator"]),
            announced_by: names(&["degraded_mode", "service_info", "fallback_active", "emergency_mode"]),
            signs: 3,
        }
    }
}

/// Which revision has to answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// The one of this name, or of another name for the same.
    Named(Text),
    /// The one that the stream's service says it serves as the contract begins.
    Current,
}

/// What a contract asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractSpec {
    /// Its name.
    pub name: Text,
    /// The stream that it is about.
    pub stream: Text,
    /// Events that must come, by meaning (`agent_started`) or by the sender's own name for them.
    pub required: Vec<Text>,
    /// Of the required events, those that must come only where one of others came; [`TOOLS`] stands for any event that
    /// names a tool.
    pub only_if: BTreeMap<Text, Vec<Text>>,
    /// Fields that events of a type must carry, [`ANY_TYPE`] for all agent events: names, or JSON pointers.
    pub fields: BTreeMap<Text, Vec<Text>>,
    /// Files with the JSON Schemas that messages must fit, by type, `*` for all agent events.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub schemas: BTreeMap<Text, Text>,
    /// Events in the order in which the first of each has to come.
    pub order: Vec<Text>,
    /// Types that may come after the end of a run, and types that may carry somebody else's ids.
    pub shared: Vec<Text>,
    /// Texts that are placeholders rather than answers; `*` stands for any text.
    pub placeholders: Vec<Text>,
    /// The revision that has to answer; nothing: any.
    pub revision: Option<Expected>,
    /// How long things may take before that is worth a word: nine of ten have to be within.
    pub budgets: Allowed,
    /// How long things may take at all.
    pub limits: Allowed,
    /// From when on messages are large or many.
    pub sizes: Sizes,
    /// By which signs events that no agent made are known.
    pub synthetic: SyntheticRules,
    /// How much checks count, where that is not what is usual.
    pub severities: BTreeMap<Check, Severity>,
}

impl ContractSpec {
    /// The five events of a complete run, with what is usual.
    #[must_use]
    pub fn five_events(name: &str, stream: &str) -> Self {
        let five: Vec<Text> = CRITICAL.iter().map(|kind| kind.word().into()).collect();
        Self {
            name: name.into(),
            stream: stream.into(),
            required: five.clone(),
            only_if: BTreeMap::new(),
            fields: BTreeMap::new(),
            schemas: BTreeMap::new(),
            order: five,
            shared: Vec::new(),
            placeholders: Vec::new(),
            revision: None,
            budgets: usual_budgets(),
            limits: Allowed::new(),
            sizes: Sizes::default(),
            synthetic: SyntheticRules::default(),
            severities: BTreeMap::new(),
        }
    }

    /// How much a check counts.
    #[must_use]
    pub fn severity(&self, check: Check) -> Severity {
        self.severities.get(&check).copied().unwrap_or_else(|| check.usual_severity())
    }

    pub(super) fn is_shared(&self, event: &AgentEvent) -> bool {
        self.shared.iter().any(|name| is_called(event, name))
    }
}

/// Whether an event is known by that name: by its meaning, or by what its sender calls it.
pub(super) fn is_called(event: &AgentEvent, name: &str) -> bool {
    event.kind.word() == name || &*event.type_name == name
}
