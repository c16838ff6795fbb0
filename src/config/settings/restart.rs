//! How a service is started anew, as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::template::Template;
use crate::config::timespan::Timespan;

/// `[service.NAME.restart]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestartSettings {
    /// Starts the service anew, in the revision that serves, and ends when that is done.
    pub command: Vec<Template>,
    /// Variables that the command sees, on top of the console's own environment.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    /// Where it runs, relative to the project.
    pub directory: Option<Template>,
    /// After this long the command is stopped.
    #[serde(default = "restart_timeout")]
    pub timeout: Timespan,
}

fn restart_timeout() -> Timespan {
    Timespan::from_secs(5 * 60)
}
