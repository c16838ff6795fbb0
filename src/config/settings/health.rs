//! Health probes as they are written: a request, a connection, or a command.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ValueSettings;
use super::service::probe_timeout;
use crate::config::template::Template;
use crate::config::timespan::Timespan;

/// `[service.NAME.health.KIND]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthSettings {
    /// GET requests.
    Http(HttpHealthSettings),
    /// The opening of a WebSocket.
    Websocket(WebsocketHealthSettings),
    /// A connection, nothing more.
    Tcp(TcpHealthSettings),
    /// A command, whose exit code decides.
    Command(CommandHealthSettings),
}

/// `[service.NAME.health.tcp]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TcpHealthSettings {
    /// `host:port`; unset, those of the service's URL.
    pub address: Option<Template>,
    /// From one probe to the next.
    #[serde(default = "health_interval")]
    pub interval: Timespan,
    /// How long a connection may take.
    #[serde(default = "probe_timeout")]
    pub timeout: Timespan,
}

/// `[service.NAME.health.command]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandHealthSettings {
    /// Exit code 0 is healthy; else its first line says why not. Never a shell line: the first word is the program.
    pub command: Vec<Template>,
    /// Variables that the command sees, on top of the console's own environment.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    /// Where it runs, relative to the project.
    pub directory: Option<Template>,
    /// From one probe to the next.
    #[serde(default = "health_interval")]
    pub interval: Timespan,
    /// How long it may take; then it is killed.
    #[serde(default = "probe_timeout")]
    pub timeout: Timespan,
}

/// `[service.NAME.health.http]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpHealthSettings {
    /// Appended to the URL of the service.
    pub path: Template,
    /// More paths that have to answer well, each with one of the statuses.
    #[serde(default)]
    pub ready: Vec<Template>,
    /// The statuses that count as healthy.
    #[serde(default = "status_ok")]
    pub status: Vec<u16>,
    /// A place in the JSON answer (RFC 6901); without `equals` it has to be there.
    pub pointer: Option<Template>,
    /// What has to stand at `pointer`.
    pub equals: Option<Template>,
    /// More that the answers have to hold.
    #[serde(default)]
    pub conditions: Vec<ConditionSettings>,
    /// From one probe to the next.
    #[serde(default = "health_interval")]
    pub interval: Timespan,
    /// How long an answer may take.
    #[serde(default = "probe_timeout")]
    pub timeout: Timespan,
    /// Headers to send.
    #[serde(default)]
    pub headers: BTreeMap<String, ValueSettings>,
}

/// `[[service.NAME.health.http.conditions]]`: one of `equals`, `one_of` and the bounds; with none, it has to be there.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionSettings {
    /// In the answer of this path; unset, of the first one.
    pub path: Option<Template>,
    /// A place in the JSON answer (RFC 6901).
    pub pointer: Template,
    /// What has to stand there.
    pub equals: Option<Template>,
    /// What may stand there.
    #[serde(default)]
    pub one_of: Vec<Template>,
    /// The least number that is well.
    pub at_least: Option<f64>,
    /// The greatest number that is well.
    pub at_most: Option<f64>,
}

/// `[service.NAME.health.websocket]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebsocketHealthSettings {
    /// Appended to the URL of the service, over `ws` or `wss`.
    pub path: Template,
    /// The answers that count as alive: 401 and 403 are said by a living service to those who have no token.
    #[serde(default = "status_open")]
    pub status: Vec<u16>,
    /// Offered in the opening handshake.
    #[serde(default)]
    pub subprotocols: Vec<Template>,
    /// From one probe to the next.
    #[serde(default = "health_interval")]
    pub interval: Timespan,
    /// How long an answer may take.
    #[serde(default = "probe_timeout")]
    pub timeout: Timespan,
    /// Headers to send.
    #[serde(default)]
    pub headers: BTreeMap<String, ValueSettings>,
}

fn status_open() -> Vec<u16> {
    vec![101]
}

fn status_ok() -> Vec<u16> {
    vec![200]
}

fn health_interval() -> Timespan {
    Timespan::from_secs(5)
}
