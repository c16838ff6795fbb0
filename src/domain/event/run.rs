//! What can happen to a run and its tests.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::run::{Exit, Lane, Signal};
use crate::domain::{Detail, Evidence, Judgement, Outcome, RunId, Span, Text};

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
