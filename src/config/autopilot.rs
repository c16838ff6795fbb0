//! The autopilot of a resolved project.

use std::time::Duration;

use super::project::CommandSpec;

/// What the autopilot may spend, and what mends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutopilotSpec {
    /// The most cycles that it begins.
    pub cycles: u32,
    /// The longest time that it takes.
    pub time: Duration,
    /// The most deploys that it asks for.
    pub deploys: u32,
    /// How often in a row a fix may leave the same failures.
    pub patience: u32,
    /// How often a flaky test is run again.
    pub retries: u32,
    /// The services that are deployed after every fix.
    pub deploy: Vec<String>,
    /// What is called to mend what fails.
    pub fix: Option<FixSpec>,
}

/// What is called to mend what fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixSpec {
    /// The command.
    pub command: CommandSpec,
    /// How long it may take.
    pub timeout: Duration,
}
