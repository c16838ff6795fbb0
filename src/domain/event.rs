//! The closed list of everything that can happen.

mod into;
mod memory;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::deploy::{OutputLine, StepState};
use super::platform::PlatformVerdict;
use super::run::{Exit, Lane, Signal};
use super::service::Probe;
use super::stream::Refusal;
use super::{
    AgentEvent, Baseline, Checkout, Command, DeployId, Detail, Evidence, Judgement, LoadedBaseline, LogEvent, Moment,
    Outcome, ProjectSpec, RunId, ServiceId, Span, StreamId, Text, ViewerId,
};

pub use memory::{Recalled, Recollection};

/// An event with its place in the one order and its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place, counted from 1 in each session.
    pub seq: u64,
    /// When the engine stamped it.
    pub at: Moment,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// To the session itself.
    Session(SessionEvent),
    /// To a run and its tests.
    Run(RunEvent),
    /// To a service.
    Service(ServiceEvent),
    /// To a deploy.
    Deploy(DeployEvent),
    /// To a stream.
    Stream(StreamEvent),
    /// To the log of a service.
    Log(LogEvent),
}

/// What happened to the session itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEvent {
    /// It began.
    Opened {
        /// What it works on.
        project: Arc<ProjectSpec>,
    },
    /// What is known from earlier sessions was read.
    Recalled(Arc<Recollection>),
    /// A baseline was read.
    BaselineLoaded(Arc<LoadedBaseline>),
    /// A baseline could not be read.
    BaselineMissing {
        /// Which one.
        baseline: Baseline,
        /// Why, and what to do.
        why: Text,
    },
    /// A person attached.
    ViewerJoined {
        /// Who, by identity.
        viewer: ViewerId,
        /// Who, by name.
        name: Text,
        /// Whether they may act.
        drives: bool,
    },
    /// A person left.
    ViewerLeft {
        /// Who.
        viewer: ViewerId,
    },
    /// A person, or the console in their name, asked for something.
    Asked {
        /// Who.
        by: ViewerId,
        /// For what.
        command: Command,
    },
    /// The project's files were looked at.
    SourceSeen(Arc<Checkout>),
    /// A hand-off was written into a file.
    HandOffKept {
        /// The file, as seen from the project's folder.
        path: Text,
        /// How long it is.
        bytes: u64,
    },
    /// A hand-off could not be written.
    HandOffFailed {
        /// What was tried, and why it failed.
        why: Text,
    },
    /// Something of the console's own does not work as it should.
    Troubled {
        /// What does not work.
        what: Text,
        /// Whether it works again.
        over: bool,
    },
    /// Something worth a sentence that changes nothing.
    Remarked {
        /// The sentence.
        text: Text,
    },
    /// It ended.
    Ended {
        /// How.
        how: SessionEnd,
    },
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    /// Somebody quit.
    Quit,
    /// By a signal.
    Signal(Text),
    /// The terminal went away.
    HungUp,
    /// The console itself failed.
    Panicked(Text),
    /// A headless run came to its end.
    Done,
}

/// A test that a runner found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The runner's full name for it.
    pub node: Text,
    /// The file or suite that it is in.
    pub module: Text,
    /// Where it is defined, counted from 1; 0 where unknown.
    pub line: u32,
    /// A hash of its source, where its runner tells one: what was learned of the test holds while it stays the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Text>,
}

/// What happened to a run and its tests. `n` is a test's place in the order in which the run's
/// [`Collected`](Self::Collected) events listed them, counted from 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEvent {
    /// Its process started.
    Started {
        /// Which run.
        run: RunId,
        /// The process, for people.
        pid: u32,
    },
    /// The tool introduced itself.
    Greeted {
        /// Which run.
        run: RunId,
        /// The tool with its version.
        tool: Text,
        /// How its own reporting is arranged.
        lane: Option<Lane>,
        /// How many workers it has; 0 where it has none.
        workers: u32,
        /// The folder that the paths of its modules start from, where it said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        root: Option<Text>,
        /// Whether it says what each test touched.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        evidence: bool,
    },
    /// It found tests that are going to run (or would, where it only collects).
    Collected {
        /// Which run.
        run: RunId,
        /// The tests, in order.
        tests: Vec<Found>,
    },
    /// A module could not be loaded.
    ModuleBroken {
        /// Which run.
        run: RunId,
        /// The module.
        module: Text,
        /// Why.
        detail: Arc<Detail>,
    },
    /// Its own options left tests out.
    Deselected {
        /// Which run.
        run: RunId,
        /// How many.
        count: u32,
    },
    /// Tests that were asked for do not exist.
    Missed {
        /// Which run.
        run: RunId,
        /// Their ids.
        nodes: Vec<Text>,
    },
    /// No further test will be found.
    CollectionEnded {
        /// Which run.
        run: RunId,
    },
    /// A test began.
    TestStarted {
        /// Which run.
        run: RunId,
        /// Which test.
        n: u32,
    },
    /// An attempt failed and the runner tries again.
    TestRetried {
        /// Which run.
        run: RunId,
        /// Which test.
        n: u32,
        /// What the failed attempt said.
        detail: Option<Arc<Detail>>,
    },
    /// A test ended.
    TestEnded {
        /// Which run.
        run: RunId,
        /// Which test.
        n: u32,
        /// How.
        outcome: Outcome,
        /// How long it took, by the runner's own clock.
        took: Span,
        /// What it left behind.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<Arc<Detail>>,
        /// What it touched, where its runner measures that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Arc<Evidence>>,
    },
    /// A contract was held against what was heard; its test ends with the same verdict.
    ContractJudged {
        /// Which run.
        run: RunId,
        /// Which test.
        n: u32,
        /// What it came to, and why.
        judgement: Arc<Judgement>,
    },
    /// It printed something.
    Printed {
        /// Which run.
        run: RunId,
        /// The test that printed, where that is known.
        n: Option<u32>,
        /// The lines, colours kept.
        lines: Vec<Text>,
    },
    /// The tool warned.
    Warned {
        /// Which run.
        run: RunId,
        /// The warning.
        text: Text,
    },
    /// A test waits in a debugger, or no longer does.
    DebuggerMoved {
        /// Which run.
        run: RunId,
        /// Which test.
        n: u32,
        /// Whether it waits.
        open: bool,
    },
    /// The tool says that it will end early.
    EndAnnounced {
        /// Which run.
        run: RunId,
        /// Why.
        why: Text,
    },
    /// The tool or one of its workers failed.
    Crashed {
        /// Which run.
        run: RunId,
        /// How.
        why: Text,
    },
    /// A signal was sent to stop it.
    Signalled {
        /// Which run.
        run: RunId,
        /// Which signal.
        signal: Signal,
        /// How long until the next one.
        grace: Span,
    },
    /// Its processes dumped their stacks.
    StacksDumped {
        /// Which run.
        run: RunId,
        /// The stacks.
        text: Text,
    },
    /// A held run waited longer than it may.
    HeldTooLong {
        /// Which run.
        run: RunId,
    },
    /// Its process could not be started. Closes the run.
    CouldNotStart {
        /// Which run.
        run: RunId,
        /// Why, and what to do.
        why: Text,
    },
    /// Its process ended. Closes the run.
    Exited {
        /// Which run.
        run: RunId,
        /// How.
        exit: Exit,
        /// What that exit means in the tool's own words.
        says: Text,
        /// Processes that it left behind and that were ended.
        leaked: u32,
    },
}

/// What happened to a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceEvent {
    /// It was looked at.
    Probed {
        /// Which service.
        service: ServiceId,
        /// What was seen.
        probe: Probe,
    },
}

/// What happened to a deploy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployEvent {
    /// The command printed something.
    Printed {
        /// Which deploy.
        deploy: DeployId,
        /// The lines.
        lines: Vec<OutputLine>,
    },
    /// A phase began or ended.
    Stepped {
        /// Which deploy.
        deploy: DeployId,
        /// The phase.
        name: Text,
        /// How it stands.
        state: StepState,
    },
    /// The command said which revision it puts in place.
    TargetNamed {
        /// Which deploy.
        deploy: DeployId,
        /// The revision.
        revision: Text,
    },
    /// The command ended.
    CommandEnded {
        /// Which deploy.
        deploy: DeployId,
        /// How.
        exit: Exit,
        /// Whether because a person stopped it.
        cancelled: bool,
    },
    /// The command could not be started.
    CouldNotStart {
        /// Which deploy.
        deploy: DeployId,
        /// Why, and what to do.
        why: Text,
    },
    /// The platform says something else of it than before.
    Platform {
        /// Which deploy.
        deploy: DeployId,
        /// How it stands.
        verdict: PlatformVerdict,
        /// The platform's message, word for word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<Text>,
    },
    /// The platform could not be asked, so that nothing is known.
    OutOfReach {
        /// Which deploy.
        deploy: DeployId,
        /// Why, and what to do.
        why: Text,
    },
    /// Its time is over.
    TimedOut {
        /// Which deploy.
        deploy: DeployId,
        /// What was still awaited.
        why: Text,
    },
    /// A fresh connection was asked which revision serves.
    Proved {
        /// Which deploy.
        deploy: DeployId,
        /// The revision that answered; `None`: no answer, or none that names one.
        saw: Option<Text>,
    },
    /// The time for the proof is over.
    ProofEnded {
        /// Which deploy.
        deploy: DeployId,
        /// What was seen instead of the new revision.
        why: Text,
    },
}

/// What happened to a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamEvent {
    /// A handshake began.
    Connecting {
        /// Which stream.
        stream: StreamId,
    },
    /// The handshake succeeded.
    Opened {
        /// Which stream.
        stream: StreamId,
        /// How long it took.
        took: Span,
        /// The subprotocol that the server chose.
        subprotocol: Option<Text>,
        /// What is unusual about the server.
        findings: Vec<Text>,
    },
    /// The handshake was refused.
    Refused {
        /// Which stream.
        stream: StreamId,
        /// The answer.
        refusal: Arc<Refusal>,
    },
    /// Messages came.
    Received {
        /// Which stream.
        stream: StreamId,
        /// The messages, in order.
        events: Vec<AgentEvent>,
    },
    /// A ping came back.
    Measured {
        /// Which stream.
        stream: StreamId,
        /// How long it was under way.
        round_trip: Span,
    },
    /// The connection closed.
    Closed {
        /// Which stream.
        stream: StreamId,
        /// The close code, where a close frame came.
        code: Option<u16>,
        /// The reason given, or what was seen.
        reason: Text,
        /// Whether a deploy or we ourselves explain it.
        expected: bool,
    },
    /// The next try has to wait.
    Waiting {
        /// Which stream.
        stream: StreamId,
        /// How long.
        delay: Span,
        /// Why.
        why: Text,
    },
    /// There will be no further try.
    Stopped {
        /// Which stream.
        stream: StreamId,
        /// Why.
        why: Text,
        /// What to do about it.
        advice: Text,
    },
    /// Messages came faster than they could be kept.
    Overflowed {
        /// Which stream.
        stream: StreamId,
        /// How many were dropped.
        dropped: u64,
    },
    /// A token was obtained.
    TokenObtained {
        /// Which stream.
        stream: StreamId,
        /// When it expires, where that can be read.
        expires: Option<Moment>,
    },
    /// Something was sent.
    Sent {
        /// Which stream.
        stream: StreamId,
        /// What.
        text: Text,
    },
}

impl DeployEvent {
    /// The deploy that it is about.
    #[must_use]
    pub fn deploy(&self) -> DeployId {
        match self {
            Self::Printed { deploy, .. }
            | Self::Stepped { deploy, .. }
            | Self::TargetNamed { deploy, .. }
            | Self::CommandEnded { deploy, .. }
            | Self::CouldNotStart { deploy, .. }
            | Self::Platform { deploy, .. }
            | Self::OutOfReach { deploy, .. }
            | Self::TimedOut { deploy, .. }
            | Self::Proved { deploy, .. }
            | Self::ProofEnded { deploy, .. } => *deploy,
        }
    }
}

impl StreamEvent {
    /// The stream that it is about.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        match self {
            Self::Connecting { stream }
            | Self::Opened { stream, .. }
            | Self::Refused { stream, .. }
            | Self::Received { stream, .. }
            | Self::Measured { stream, .. }
            | Self::Closed { stream, .. }
            | Self::Waiting { stream, .. }
            | Self::Stopped { stream, .. }
            | Self::Overflowed { stream, .. }
            | Self::TokenObtained { stream, .. }
            | Self::Sent { stream, .. } => *stream,
        }
    }
}
