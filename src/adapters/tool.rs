//! The one shape in which every test tool is driven: as a row of processes, whose words an adapter turns into events.
//!
//! A [`Tool`] is pure. It says what to start next and where that process speaks; the engine starts it, reads, and hands
//! the words back. Most tools are one process; some have to build and list before they run.

use std::fmt;

use super::reporter::{Process, Reporter};
use crate::domain::{Event, Exit, NullKind, RunId, RunKind, Wanted};

/// What a tool is asked to do.
#[derive(Debug, Clone)]
pub struct Order {
    /// The run that its events belong to.
    pub run: RunId,
    /// What the run is for.
    pub kind: RunKind,
    /// Which tests.
    pub wanted: Wanted,
}

impl Order {
    /// Whether tests are only listed.
    #[must_use]
    pub fn is_collection(&self) -> bool {
        self.kind == RunKind::Collect
    }

    /// What stands in for the environment, where the run is a null run.
    #[must_use]
    pub fn null(&self) -> Option<NullKind> {
        match self.kind {
            RunKind::Null(kind) => Some(kind),
            RunKind::Collect | RunKind::Test => None,
        }
    }
}

/// One process of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The program and its arguments; there is no shell.
    pub argv: Vec<String>,
    /// Variables on top of the configured and the inherited ones.
    pub env: Vec<(&'static str, String)>,
    /// Where it runs, if not where the runner is configured to.
    pub directory: Option<String>,
    /// Where it speaks.
    pub source: Source,
}

impl Step {
    /// A process that speaks through `source`, where the runner is configured to run.
    #[must_use]
    pub fn new(argv: Vec<String>, source: Source) -> Self {
        Self { argv, env: Vec::new(), directory: None, source }
    }
}

/// Where a process says what it does. Whatever it prints elsewhere is shown as the run's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In the socket of the reporter protocol, line by line, from any number of connections.
    Socket,
    /// On its standard output, line by line.
    Lines,
    /// On its standard output, to be read as one text.
    Whole,
    /// In this file, or the files of this folder that end so, once it has ended. Older ones do not count.
    File {
        /// The file or folder, relative to where the process runs.
        path: String,
        /// How the names of a folder's files end.
        extension: &'static str,
    },
}

/// How one run of one tool is driven.
pub trait Tool: fmt::Debug + Send + Sync {
    /// The next process; `None` when the run is over. Asked anew when a process has ended, unless the run is stopped.
    fn next(&mut self, out: &mut Vec<Event>) -> Option<Step>;

    /// Takes a line, or the whole text, as the step's source says.
    fn read(&mut self, text: &str, out: &mut Vec<Event>);

    /// The process has ended and everything that it said was read. Answers how its exit counts for the run.
    fn ended(&mut self, exit: Exit, out: &mut Vec<Event>) -> Exit {
        let _ = out;
        exit
    }

    /// The run is being stopped: what ends from now on may have been ended.
    fn stopping(&mut self) {}

    /// What the run's exit means, in words.
    fn explain(&self, exit: Exit) -> &'static str;

    /// Whether its processes dump their stacks on SIGUSR1, which ends a process that does not know it.
    fn dumps_stacks(&self) -> bool {
        false
    }

    /// What came and could not be used, in words; empty where there is nothing to say.
    fn noise(&self) -> String {
        String::new()
    }

    /// The processes that introduced themselves.
    fn processes(&self) -> &[Process] {
        &[]
    }
}

/// A tool of one process that speaks the reporter protocol, by itself or through a plugin of ours.
#[derive(Debug)]
pub struct Reporting {
    step: Option<Step>,
    reporter: Reporter,
    explain: fn(Exit) -> &'static str,
    dumps_stacks: bool,
}

impl Reporting {
    /// Runs `step` for `run`; `explain` knows the tool's exit codes. A process that is told where to dump its stacks is
    /// taken to know how.
    #[must_use]
    pub fn new(run: RunId, step: Step, explain: fn(Exit) -> &'static str) -> Self {
        let dumps_stacks = step.env.iter().any(|(name, _)| *name == "LIVELOOP_STACKS");
        Self { step: Some(step), reporter: Reporter::new(run), explain, dumps_stacks }
    }
}

impl Tool for Reporting {
    fn next(&mut self, _: &mut Vec<Event>) -> Option<Step> {
        self.step.take()
    }

    fn read(&mut self, text: &str, out: &mut Vec<Event>) {
        self.reporter.feed(text, out);
    }

    fn explain(&self, exit: Exit) -> &'static str {
        (self.explain)(exit)
    }

    fn dumps_stacks(&self) -> bool {
        self.dumps_stacks
    }

    fn noise(&self) -> String {
        self.reporter.noise().to_string()
    }

    fn processes(&self) -> &[Process] {
        self.reporter.processes()
    }
}
