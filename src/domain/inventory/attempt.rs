//! One execution of a test, and what it left behind.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::service::Epoch;
use crate::domain::{CauseId, Circumstance, Evidence, Moment, Outcome, RunId, Span, Text};

/// One finished execution of a test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The run it belonged to; `None` for a result of an earlier session.
    pub run: Option<RunId>,
    /// The cycle it belonged to.
    pub cycle: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// When it started.
    pub started: Moment,
    /// How long it took.
    pub took: Span,
    /// Which revisions served when it started.
    pub epoch: Epoch,
    /// What the environment did while it ran.
    #[serde(default, skip_serializing_if = "Circumstance::is_steady")]
    pub circumstance: Circumstance,
    /// How many executions it took, more than one where the runner retried.
    pub tries: u32,
    /// What it said: message, traceback, output.
    pub detail: Option<Arc<Detail>>,
    /// Why it failed, where it did.
    pub cause: Option<CauseId>,
    /// What it touched, where its runner measures that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Arc<Evidence>>,
}

/// What an attempt left behind. All text is sanitized and masked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Detail {
    /// The failure in a line or a few; the reason of a skip.
    pub message: Text,
    /// The exception's type, where one is known.
    pub exception: Option<Text>,
    /// The traceback's frames, outermost first.
    pub frames: Vec<Frame>,
    /// The traceback as the tool rendered it, colours kept.
    pub trace: Text,
    /// Captured output and whatever else came with a title.
    pub sections: Vec<Section>,
    /// Parts of the test that were reported on their own.
    pub subtests: Vec<SubtestRow>,
}

/// One frame of a traceback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// The file, relative to the project where it lies inside.
    pub path: Text,
    /// The line, counted from 1; 0 where unknown.
    pub line: u32,
    /// The source around it or what the tool says there.
    pub source: Text,
    /// Whether the file belongs to the project rather than to a library.
    pub own: bool,
}

/// Output under a title.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// For example `Captured stdout call`.
    pub title: Text,
    /// The output, colours kept.
    pub text: Text,
}

/// A part of a test that was reported on its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubtestRow {
    /// What tells it from its siblings.
    pub name: Text,
    /// How it ended.
    pub outcome: Outcome,
    /// Its failure, in a line.
    pub message: Text,
}
