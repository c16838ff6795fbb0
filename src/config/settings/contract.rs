//! `[contract.NAME]`: which agent events must come.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::template::Template;
use crate::config::timespan::Timespan;
use crate::domain::{Check, Severity, Timed};

/// `[contract.NAME]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractSettings {
    /// The stream that it is about; its connection, token and start message are used, on a connection of its own.
    pub stream: String,
    /// What is sent once the connection is ready; unset, the stream's start message.
    pub message: Option<Template>,
    /// How the server shows that it is ready.
    #[serde(default)]
    pub ready: ReadySettings,
    /// Events that must come; unset, the five of a complete run.
    pub required: Option<Vec<Template>>,
    /// Of these, events that must come only where one of others came; `tools` stands for any event that names a tool.
    #[serde(default, rename = "if")]
    pub only_if: BTreeMap<String, Vec<Template>>,
    /// Fields that events must carry, by type, `*` for all agent events: names, or JSON pointers.
    #[serde(default)]
    pub fields: BTreeMap<String, Vec<Template>>,
    /// Files with the JSON Schemas that messages must fit, from the project's folder, by type, `*` for all agent events.
    #[serde(default)]
    pub schemas: BTreeMap<String, Template>,
    /// Events in the order in which the first of each has to come; unset, the five of a complete run.
    pub order: Option<Vec<Template>>,
    /// Types that may come after the end of a run, or with somebody else's ids.
    #[serde(default)]
    pub shared: Vec<Template>,
    /// Answers that are placeholders rather than answers; `*` stands for any text.
    #[serde(default)]
    pub placeholders: Vec<Template>,
    /// How long the whole may take.
    #[serde(default = "timeout")]
    pub timeout: Timespan,
    /// How long is listened on after the end of the run.
    #[serde(default = "settle")]
    pub settle: Timespan,
    /// How many users run it at once, each with a token and a connection of its own.
    #[serde(default = "one")]
    pub users: u32,
    /// What a user is called; `{n}` is its number. Stands for `{user}` in the message and in the token call's body.
    pub user: Option<Template>,
    /// The revision that has to answer: its name, or `current` for the one that the stream's service serves; unset, any.
    pub revision: Option<Template>,
    /// How long nine of ten of what is timed may take; what is unset keeps its default.
    #[serde(default)]
    pub budgets: BTreeMap<Timed, Timespan>,
    /// How long what is timed may take at all: whatever takes longer fails.
    #[serde(default)]
    pub limits: BTreeMap<Timed, Timespan>,
    /// A message of more bytes is mentioned; unset, 256 KiB.
    pub large: Option<u32>,
    /// More messages in a second are mentioned; unset, 200.
    pub many: Option<u32>,
    /// How much checks count, where that is not what is usual.
    #[serde(default)]
    pub checks: BTreeMap<Check, Severity>,
    /// By which signs events that no agent made are known.
    #[serde(default)]
    pub synthetic: SyntheticSettings,
}

/// How a server shows that it is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadySettings {
    /// By an event that says so.
    #[default]
    Event,
    /// By accepting the connection.
    Open,
}

/// `[contract.NAME.synthetic]`; what is unset keeps its default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyntheticSettings {
    /// Agents that only a fallback has: `ChatAgent`.
    pub agents: Option<Vec<Template>>,
    /// Tools that only a fallback has: `response_generator`.
    pub tools: Option<Vec<Template>>,
    /// Events or fields by which a server says that it answers in place of its agents: `degraded_mode`, `service_info`,
    /// `fallback_active`, `emergency_mode`.
    pub announced_by: Option<Vec<Template>>,
    /// How many signs make it certain; a name of these lists counts as two: 3.
    pub signs: Option<u32>,
}

fn timeout() -> Timespan {
    Timespan::from_secs(30)
}

fn settle() -> Timespan {
    Timespan::from_millis(500)
}

fn one() -> u32 {
    1
}
