//! What the fold asks the engine to do. Each effect ends in exactly one closing event.

use super::{
    Baseline, DeployId, FixId, HandOff, Moment, Notice, Outgoing, ProveId, ProveStep, RunId, RunKind, RunnerId,
    ServiceId, Span, StreamId, Text,
};

/// The effects of one entry, in order.
pub type Effects = Vec<Effect>;

/// The tests that a runner is to execute.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// Everything that it finds.
    All,
    /// Exactly these.
    Only {
        /// The runner's full names of the tests.
        nodes: Vec<Text>,
        /// The files or suites that they are in, without repetition.
        modules: Vec<Text>,
    },
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Start a runner; closed by `RunEvent::Exited` or `RunEvent::CouldNotStart`.
    StartRun {
        /// Which run.
        run: RunId,
        /// By which tool.
        runner: RunnerId,
        /// What for.
        kind: RunKind,
        /// Which tests.
        wanted: Wanted,
    },
    /// Read a baseline; closed by `SessionEvent::BaselineLoaded` or `SessionEvent::BaselineMissing`.
    LoadBaseline(Baseline),
    /// Say `RunEvent::HeldTooLong` after this time.
    LimitHold {
        /// Which run.
        run: RunId,
        /// How long it may be held.
        limit: Span,
    },
    /// Say `SessionEvent::ProveOverdue` after this time.
    LimitProve {
        /// Which chain.
        prove: ProveId,
        /// Which of its steps.
        step: ProveStep,
        /// How long it may take.
        limit: Span,
    },
    /// Say `SessionEvent::AutopilotOverdue` after this time.
    LimitFlight {
        /// Which flight: the one that began then.
        began: Moment,
        /// How long it may take.
        limit: Span,
    },
    /// Signal a run's processes, more firmly each time; each signal is an event.
    StopRun {
        /// Which run.
        run: RunId,
    },
    /// Ask a run's processes for their stacks.
    DumpStacks {
        /// Which run.
        run: RunId,
    },
    /// Start a deploy's command; closed by `DeployEvent::CommandEnded` or `DeployEvent::CouldNotStart`.
    StartDeploy {
        /// Which deploy.
        deploy: DeployId,
        /// Of what.
        service: ServiceId,
        /// The earlier revision to bring back, instead of a new one.
        back_to: Option<Text>,
    },
    /// Start a service's restart command; closed as [`StartDeploy`](Self::StartDeploy) is.
    StartRestart {
        /// Which deploy stands for it.
        deploy: DeployId,
        /// Of what.
        service: ServiceId,
    },
    /// Stop a deploy's command.
    CancelDeploy {
        /// Which deploy.
        deploy: DeployId,
    },
    /// Ask fresh connections which revision serves until told to stop; closed by `DeployEvent::ProofEnded`, or by
    /// [`EndProof`](Self::EndProof) once the streak is long enough.
    BeginProof {
        /// Which deploy.
        deploy: DeployId,
        /// Of what.
        service: ServiceId,
        /// The revision that served before.
        from: Option<Text>,
    },
    /// The proof is no longer needed.
    EndProof {
        /// Which deploy.
        deploy: DeployId,
    },
    /// Probe a service more often (or as usual again), beginning now.
    WatchClosely {
        /// Which service.
        service: ServiceId,
        /// Whether more often.
        closely: bool,
    },
    /// Probe all services now.
    ProbeServices,
    /// Read the log of a service for as long as the session lasts; what comes are `LogEvent`s.
    FollowLog {
        /// Which service.
        service: ServiceId,
    },
    /// Connect a stream, anew where it is connected.
    OpenStream {
        /// Which stream.
        stream: StreamId,
        /// Why, for the closing words of the connection before.
        why: Text,
    },
    /// Whether drops of a stream are to be expected from now on.
    ExpectDrops {
        /// Which stream.
        stream: StreamId,
        /// Whether they are.
        expected: bool,
    },
    /// Send a stream's configured start message.
    StartAgent {
        /// Which stream.
        stream: StreamId,
    },
    /// Give a notice to the hook; closed by `SessionEvent::NoticeSent`.
    SendNotice {
        /// Its number.
        number: u64,
        /// The notice.
        notice: Notice,
    },
    /// Send something on a stream; closed by `StreamEvent::Sent` or `StreamEvent::NotSent`.
    Send {
        /// Which stream.
        stream: StreamId,
        /// What; variables of the project are put in.
        what: Outgoing,
    },
    /// Write a hand-off into a file; closed by `SessionEvent::HandOffKept` or `SessionEvent::HandOffFailed`.
    KeepHandOff {
        /// What is handed over.
        what: HandOff,
    },
    /// Write the reports of the project's settings; closed by `SessionEvent::ReportsWritten`.
    WriteReports,
    /// Call the fix hook with what fails; closed by `FixEvent::Ended` or `FixEvent::CouldNotStart`.
    CallFix {
        /// Which call.
        fix: FixId,
    },
    /// Stop a call of the fix hook.
    StopFix {
        /// Which call.
        fix: FixId,
    },
    /// Watch the project's files: `SessionEvent::FilesChanged` for what changes. Closed by
    /// `SessionEvent::WatchEnded`, or by [`EndWatch`](Self::EndWatch).
    WatchFiles,
    /// The files need no longer be watched.
    EndWatch,
    /// End the session in good order.
    EndSession,
}
