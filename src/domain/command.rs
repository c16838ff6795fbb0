//! What a person can ask of a session.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{DeployId, KnownId, KnownSpec, ModuleId, RunId, ServiceId, StreamId, TestId};

/// Which tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Everything that the runners find.
    All,
    /// One module.
    Module(ModuleId),
    /// Exactly these.
    Tests(Vec<TestId>),
    /// Exactly those whose latest result a person must look at.
    Failures,
}

/// What a person can ask of a session. Whether it can be done is decided by the fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Run tests.
    Run(Selection),
    /// List the tests anew.
    Collect,
    /// Start a held run although its services are not well.
    ForceRun(RunId),
    /// Stop a run, or be firmer about it.
    StopRun(RunId),
    /// Ask the run's processes for their stacks, without stopping them.
    DumpStacks(RunId),
    /// Deploy a service.
    Deploy(ServiceId),
    /// Stop a deploy's command.
    CancelDeploy(DeployId),
    /// Send a stream's configured start message.
    StartAgent(StreamId),
    /// Connect a stream anew.
    ReopenStream(StreamId),
    /// Accept a failure from now on.
    Mute(Arc<KnownSpec>),
    /// Count a known failure in full again.
    Unmute(KnownId),
    /// Probe all services now.
    ProbeServices,
    /// End the session.
    Quit,
}
