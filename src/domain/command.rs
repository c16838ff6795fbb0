//! What a person can ask of a session.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    AutopilotPlan, Baseline, CauseId, DeployId, FlightPace, KnownId, KnownSpec, ModuleId, NoteAbout, NullKind,
    Outgoing, RepeatUntil, RunId, ServiceId, Span, StreamId, TestId, Text,
};

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
    /// Exactly those that are proved, but not on what serves now.
    Stale,
}

/// What is handed to a colleague or a coding agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandOff {
    /// One test.
    Test(TestId),
    /// One cause with its tests.
    Cause(CauseId),
    /// Every cause for which some test fails now.
    Open,
}

/// What a person can ask of a session. Whether it can be done is decided by the fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Run tests.
    Run(Selection),
    /// Run the next tests of the plan: as many as end within this time, at least one.
    RunBatch {
        /// How long.
        budget: Span,
    },
    /// Go on with the cycle that an earlier session did not end, without what it has finished.
    Resume,
    /// Run tests again and again, one run after another.
    Repeat {
        /// Which tests.
        selection: Selection,
        /// When it is done.
        until: RepeatUntil,
    },
    /// Measure results against another baseline.
    CompareWith(Baseline),
    /// Give a cycle a name, by which it can be chosen as a baseline.
    NameCycle {
        /// Its number.
        cycle: u32,
        /// The name.
        name: Text,
    },
    /// Run tests without their environment, to learn which passes prove nothing about it.
    RunNull {
        /// What stands in the environment's place.
        kind: NullKind,
        /// Which tests.
        selection: Selection,
    },
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
    /// Deploy a service, and once the new revision serves and is healthy, run tests again: the failures stand for
    /// everything that is unproved, and what the deploy made stale after them.
    Prove {
        /// Which service.
        service: ServiceId,
        /// Which tests.
        selection: Selection,
    },
    /// End the chain from a deploy to its proof: nothing further of it begins.
    CancelProve,
    /// Let the autopilot fly: run, have mended, deploy, prove, until all is green.
    Autopilot {
        /// What it may spend.
        plan: Arc<AutopilotPlan>,
        /// Whether it goes on with the cycle of an earlier session first.
        resume: bool,
    },
    /// Pause the autopilot, let it go on, or let it take one step.
    PaceAutopilot(FlightPace),
    /// End the autopilot; what is under way has ways of its own to be stopped.
    StopAutopilot,
    /// Let changed files start the tests that they concern, or no longer.
    Watch(bool),
    /// Bring an earlier revision of a service back.
    RollBack {
        /// Which service.
        service: ServiceId,
        /// Which revision.
        to: Text,
    },
    /// Deploy several services: each when the one before is live, those first that others need.
    DeployInOrder(Vec<ServiceId>),
    /// Start a service anew, in the revision that serves.
    Restart(ServiceId),
    /// Stop a deploy's command.
    CancelDeploy(DeployId),
    /// Send a stream's configured start message.
    StartAgent(StreamId),
    /// Send something on a stream.
    Send {
        /// Which stream.
        stream: StreamId,
        /// What.
        what: Outgoing,
    },
    /// Connect a stream anew.
    ReopenStream(StreamId),
    /// Accept a failure from now on.
    Mute(Arc<KnownSpec>),
    /// Count a known failure in full again.
    Unmute(KnownId),
    /// Probe all services now.
    ProbeServices,
    /// Write on a cause or a test, in the place of what was written there before; nothing removes that.
    WriteNote {
        /// On what.
        about: NoteAbout,
        /// What, as it was typed.
        text: Text,
    },
    /// Write a hand-off into a file of the project's own folder.
    KeepHandOff(HandOff),
    /// End the session.
    Quit,
}
