//! `[stream.NAME] transport`, `protocol` and `[stream.NAME.mapping]`: in which words a stream speaks.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::template::Template;
use crate::domain::AgentKind;

/// How messages travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Over a WebSocket.
    #[default]
    Websocket,
    /// As server-sent events in an answer over HTTP.
    Sse,
    /// As JSON lines in an answer over HTTP.
    Ndjson,
}

/// A protocol that the program knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Found out by the first messages.
    #[default]
    Auto,
    /// The five events, in every shape that was seen.
    Native,
    /// AG-UI.
    AgUi,
    /// Anthropic's messages.
    Anthropic,
    /// OpenAI's Responses and Realtime.
    Openai,
    /// LangGraph and LangChain.
    Langgraph,
}

/// `[stream.NAME.mapping]`: a vocabulary of one's own. Lists hold JSON pointers; the first that leads to something wins.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MappingSettings {
    /// Envelopes: fields are looked for in these first, the last one first, then in the message itself.
    pub unwrap: Vec<Template>,
    /// Where the type's name is, from the message itself.
    pub r#type: Vec<Template>,
    /// Names of envelopes rather than types: the next pointer is tried.
    pub type_skip: Vec<Template>,
    /// Types that are known to mean nothing here.
    pub ignore: Vec<Template>,
    /// The run id.
    pub run: Vec<Template>,
    /// The thread id.
    pub thread: Vec<Template>,
    /// The user.
    pub user: Vec<Template>,
    /// The number in the sender's own count.
    pub sequence: Vec<Template>,
    /// The sender's own time: seconds, milliseconds or finer, or ISO 8601.
    pub time: Vec<Template>,
    /// What types mean; the first rule that applies counts.
    pub map: Vec<RuleSettings>,
}

/// `[[stream.NAME.mapping.map]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSettings {
    /// When it applies.
    pub when: WhenSettings,
    /// What the message means then.
    pub emit: AgentKind,
    /// The agent.
    #[serde(default)]
    pub agent: Vec<Template>,
    /// The tool.
    #[serde(default)]
    pub tool: Vec<Template>,
    /// What pairs a tool's start with its end.
    #[serde(default)]
    pub call: Vec<Template>,
    /// What it says.
    #[serde(default)]
    pub text: Vec<Template>,
    /// Values, by pointer, that say that something went wrong.
    #[serde(default)]
    pub failed_if: BTreeMap<String, Vec<String>>,
}

/// `when = { type = "NAME", is = { "/pointer" = ["value"] } }`: all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WhenSettings {
    /// The type's name.
    pub r#type: Option<Template>,
    /// Values, by pointer.
    pub is: BTreeMap<String, Vec<String>>,
}
