//! The autopilot as it is written: what it may spend, and what mends.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::template::Template;
use crate::config::timespan::Timespan;

/// `[autopilot]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutopilotSettings {
    /// The most cycles that it begins.
    pub cycles: u32,
    /// The longest time that it takes.
    pub time: Timespan,
    /// The most deploys that it asks for.
    pub deploys: u32,
    /// How often in a row a fix may leave the same failures.
    pub patience: u32,
    /// How often a flaky test is run again.
    pub retries: u32,
    /// The services that are deployed after every fix.
    #[serde(default)]
    pub deploy: Vec<String>,
    /// What is called to mend what fails.
    pub fix: Option<FixSettings>,
}

/// `[autopilot.fix]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixSettings {
    /// The program and its arguments.
    pub command: Vec<Template>,
    /// Variables on top of the console's own environment.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    /// Where it runs, relative to the project.
    pub directory: Option<Template>,
    /// How long it may take.
    #[serde(default = "half_an_hour")]
    pub timeout: Timespan,
}

fn half_an_hour() -> Timespan {
    Timespan::from_secs(30 * 60)
}
