//! Where the log of a service comes from, as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ValueSettings;
use super::service::probe_timeout;
use crate::config::template::Template;
use crate::config::timespan::Timespan;

/// `[service.NAME.logs.KIND]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogSettings {
    /// A command that goes on and on, as `tail -F` does.
    Command(CommandLogSettings),
    /// A GET request.
    Http(HttpLogSettings),
}

/// `[service.NAME.logs.command]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandLogSettings {
    /// Prints the log. Never a shell line: the first word is the program.
    pub argv: Vec<Template>,
    /// Variables that the command sees, on top of the console's own environment.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    /// Where it runs, relative to the project.
    pub directory: Option<Template>,
}

/// `[service.NAME.logs.http]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpLogSettings {
    /// Where to ask.
    pub url: Template,
    /// The query parameter that says after which line to go on; unset, one answer goes on without end.
    pub since: Option<Template>,
    /// Where in an entry stands what that parameter wants (RFC 6901).
    #[serde(default = "timestamp")]
    pub cursor: Template,
    /// Where in the answer the entries stand (RFC 6901); unset, the answer is the list.
    pub entries: Option<Template>,
    /// From one question to the next.
    #[serde(default = "log_interval")]
    pub interval: Timespan,
    /// How long an answer may take.
    #[serde(default = "probe_timeout")]
    pub timeout: Timespan,
    /// Headers to send.
    #[serde(default)]
    pub headers: BTreeMap<String, ValueSettings>,
}

fn timestamp() -> Template {
    Template::from("/timestamp")
}

fn log_interval() -> Timespan {
    Timespan::from_secs(2)
}
