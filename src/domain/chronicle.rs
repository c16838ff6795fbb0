//! What happened around the tests, each with its time: asked by people, seen of services and streams, and which tests
//! ended when. Kept for the question "what else happened while this test ran", so it is bounded, and ordered by time.
//!
//! Agent events, runs and deploys keep their own times and are not repeated here.

use serde::{Deserialize, Serialize};

use super::event::StreamEvent;
use super::{Command, FlightPace, Health, Moment, Outcome, Ring, ServiceId, State, StreamId, TestId, Text, ViewerId};

/// How many happenings are kept.
const HAPPENINGS_KEPT: usize = 4_000;
/// How many ends of tests are kept.
const ENDINGS_KEPT: usize = 10_000;

/// Something that happened around the tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Happening {
    /// When it became known.
    pub at: Moment,
    /// What it was.
    pub what: Occasion,
}

/// What happened around the tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// A person asked for something that leaves no run or deploy behind.
    Asked {
        /// Who, by name: they may have left since.
        who: Text,
        /// For what, in a few words.
        what: Text,
    },
    /// The probes of a service began to say something else.
    Health {
        /// Which service.
        service: ServiceId,
        /// What they say now.
        health: Health,
        /// The revision that was seen then.
        revision: Option<Text>,
    },
    /// Another revision of a service answered.
    Revision {
        /// Which service.
        service: ServiceId,
        /// The one before, where it was known.
        from: Option<Text>,
        /// The one that answers now.
        to: Text,
    },
    /// A stream opened.
    Connected {
        /// Which stream.
        stream: StreamId,
        /// The subprotocol that the server chose.
        subprotocol: Option<Text>,
    },
    /// A stream closed.
    Disconnected {
        /// Which stream.
        stream: StreamId,
        /// The close code, where a close frame came.
        code: Option<u16>,
        /// The reason given, or what was seen.
        reason: Text,
        /// Whether a deploy or we ourselves explain it.
        expected: bool,
    },
    /// A stream's handshake was refused.
    Refused {
        /// Which stream.
        stream: StreamId,
        /// In a sentence.
        why: Text,
    },
    /// A stream will not try again by itself.
    GaveUp {
        /// Which stream.
        stream: StreamId,
        /// Why.
        why: Text,
    },
    /// Something of the console's own does not work as it should, or works again.
    Troubled {
        /// What does not work.
        what: Text,
        /// Whether it works again.
        over: bool,
    },
}

/// A test that ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TestEnd {
    /// When.
    pub at: Moment,
    /// When it had started.
    pub started: Moment,
    /// Which test.
    pub test: TestId,
    /// How.
    pub outcome: Outcome,
}

/// What happened around the tests, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chronicle {
    happenings: Ring<Happening>,
    endings: Ring<TestEnd>,
}

impl Default for Chronicle {
    fn default() -> Self {
        Self { happenings: Ring::new(HAPPENINGS_KEPT), endings: Ring::new(ENDINGS_KEPT) }
    }
}

impl Chronicle {
    /// What happened, oldest first.
    #[must_use]
    pub fn happenings(&self) -> &Ring<Happening> {
        &self.happenings
    }

    /// The tests that ended, oldest first.
    #[must_use]
    pub fn endings(&self) -> &Ring<TestEnd> {
        &self.endings
    }

    pub(super) fn note(&mut self, at: Moment, what: Occasion) {
        self.happenings.push(Happening { at, what });
    }

    pub(super) fn end(&mut self, ending: TestEnd) {
        self.endings.push(ending);
    }

    /// What of a stream's life others may ask about later.
    pub(super) fn hear(&mut self, at: Moment, event: &StreamEvent) {
        let stream = event.stream();
        let what = match event {
            StreamEvent::Opened { subprotocol, .. } => Occasion::Connected { stream, subprotocol: subprotocol.clone() },
            StreamEvent::Closed { code, reason, expected, .. } => {
                Occasion::Disconnected { stream, code: *code, reason: reason.clone(), expected: *expected }
            }
            StreamEvent::Refused { refusal, .. } => Occasion::Refused { stream, why: refusal.why.clone() },
            StreamEvent::Stopped { why, .. } => Occasion::GaveUp { stream, why: why.clone() },
            StreamEvent::Connecting { .. }
            | StreamEvent::RevisionSeen { .. }
            | StreamEvent::Reached { .. }
            | StreamEvent::PingsLost { .. }
            | StreamEvent::Received { .. }
            | StreamEvent::Measured { .. }
            | StreamEvent::Waiting { .. }
            | StreamEvent::Overflowed { .. }
            | StreamEvent::TokenObtained { .. }
            | StreamEvent::Sent { .. }
            | StreamEvent::NotSent { .. } => return,
        };
        self.note(at, what);
    }
}

impl State {
    /// Keeps what a person asked for, where no run or deploy will tell of it.
    pub(super) fn note_asked(&mut self, by: ViewerId, command: &Command) {
        let stream = |id: StreamId| self.streams.get(id).map_or("a stream", |stream| &stream.spec.name);
        let what: Text = match command {
            Command::Run(_)
            | Command::RunBatch { .. }
            | Command::Resume
            | Command::RunNull { .. }
            | Command::Collect
            | Command::Deploy(_)
            | Command::Prove { .. }
            | Command::DeployInOrder(_)
            | Command::RollBack { .. }
            | Command::Restart(_)
            | Command::Quit => return,
            Command::Autopilot { .. } => "starts the autopilot".into(),
            Command::PaceAutopilot(FlightPace::Paused) => "pauses the autopilot".into(),
            Command::PaceAutopilot(FlightPace::OneStep) => "lets the autopilot take one step".into(),
            Command::PaceAutopilot(FlightPace::Free) => "lets the autopilot go on".into(),
            Command::StopAutopilot => "ends the autopilot".into(),
            Command::Watch(true) => "watches the files".into(),
            Command::Watch(false) => "no longer watches the files".into(),
            Command::ForceRun(_) => "starts the held run anyway".into(),
            Command::StopRun(_) => "stops the run".into(),
            Command::DumpStacks(_) => "asks for the stacks".into(),
            Command::CancelProve => "ends the chain from the deploy to its proof".into(),
            Command::CancelDeploy(_) => "cancels the deploy".into(),
            Command::StartAgent(id) => format!("starts an agent run on {}", stream(*id)).into(),
            Command::Send { stream: id, .. } => format!("sends on {}", stream(*id)).into(),
            Command::ReopenStream(id) => format!("connects {} anew", stream(*id)).into(),
            Command::ProbeServices => "probes all services".into(),
            Command::WriteNote { .. } => "writes a note".into(),
            Command::Mute(_) => "mutes a failure".into(),
            Command::Unmute(_) => "un-mutes a failure".into(),
            Command::Repeat { .. } | Command::CompareWith(_) => return,
            Command::NameCycle { name, .. } => format!("names the cycle {name}").into(),
            Command::KeepHandOff(_) => "keeps a hand-off".into(),
        };
        let who = self.viewer_name(Some(by)).into();
        self.chronicle.note(self.at, Occasion::Asked { who, what });
    }
}
