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
    /// A GET request.
    Http(HttpHealthSettings),
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
    /// The statuses that count as healthy.
    #[serde(default = "status_ok")]
    pub status: Vec<u16>,
    /// A place in the JSON answer (RFC 6901); without `equals` it has to be there.
    pub pointer: Option<Template>,
    /// What has to stand at `pointer`.
    pub equals: Option<Template>,
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

fn status_ok() -> Vec<u16> {
    vec![200]
}

fn health_interval() -> Timespan {
    Timespan::from_secs(5)
}
