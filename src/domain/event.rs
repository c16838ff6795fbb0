//! The closed list of everything that can happen.

mod deploy;
mod fix;
mod into;
mod memory;
mod run;
mod stream;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::service::Probe;
use super::{
    Baseline, Built, Checkout, Command, LoadedBaseline, LogEvent, Moment, ProjectSpec, ProveId, ProveStep, ServiceId,
    Text, ViewerId,
};

pub use deploy::DeployEvent;
pub use fix::FixEvent;
pub use memory::{Recalled, Recollection};
pub use run::{Found, RunEvent};
pub use stream::StreamEvent;

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
    /// To a call of the fix hook.
    Fix(FixEvent),
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
    /// A person's terminal told whether it has the focus.
    ViewerLooked {
        /// Who.
        viewer: ViewerId,
        /// Whether it has.
        looks: bool,
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
    /// The autopilot flew for as long as it may.
    AutopilotOverdue {
        /// Which flight: the one that began then.
        began: Moment,
    },
    /// A step of a chain from a deploy to its proof waited longer than it may.
    ProveOverdue {
        /// Which chain.
        prove: ProveId,
        /// Which step.
        step: ProveStep,
    },
    /// The hook was given a notice.
    NoticeSent {
        /// The notice's number.
        number: u64,
        /// Why it did not take it, where it did not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Text>,
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
    /// The reports of the project's settings were written, after a cycle's end.
    ReportsWritten {
        /// The files, as seen from the project's folder.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<Text>,
        /// What could not be written, and why.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        failed: Vec<Text>,
    },
    /// Files of the project changed while they were watched.
    FilesChanged {
        /// Which, as seen from the project's folder.
        paths: Vec<Text>,
        /// How many there are beside them, at least.
        #[serde(default, skip_serializing_if = "is_zero")]
        more: u64,
        /// Which of them are no longer there.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        gone: Vec<Text>,
    },
    /// The files cannot be watched, or no longer.
    WatchEnded {
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

fn is_zero(count: &u64) -> bool {
    *count == 0
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
    /// It told what it was built from, or the project's files moved against that.
    BuiltFrom {
        /// Which service.
        service: ServiceId,
        /// The commit; nothing where it no longer tells one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        built: Option<Built>,
    },
}
