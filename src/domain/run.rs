//! Runs: one execution of a selection by a runner, and whether its numbers add up.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Checkout, Epoch, Moment, Ring, RunId, RunnerId, Span, Tally, TestId, Text, ViewerId};

/// How many lines of a run's own output are kept.
const OUTPUT_KEPT: usize = 2_000;
/// How many lines of a running test's output are kept.
const LIVE_KEPT: usize = 500;
/// How many warnings of a run are kept.
const WARNINGS_KEPT: usize = 200;
/// How many ended runs keep the list of their tests.
const DETAILED_RUNS: usize = 20;

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Only to list the tests.
    Collect,
    /// To execute them.
    Test,
    /// To execute them once without their environment: what passes then proves nothing about it.
    Null(NullKind),
}

/// What stands in for the environment in a null run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NullKind {
    /// Nothing: every connection is refused.
    Refused,
    /// A server of ours that is healthy and knows nothing: 200 on health, 404 elsewhere, 403 on WebSockets.
    Stub,
}

/// How a runner's own reporting is arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Ours took the place of the tool's.
    Quiet,
    /// Ours runs beside the tool's, because the project's options need that.
    Beside,
}

/// A signal that a run is stopped with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// The polite one, as Ctrl-C sends it.
    Interrupt,
    /// The firm one.
    Terminate,
    /// The one that cannot be refused.
    Kill,
}

impl Signal {
    /// Its name as people know it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::Kill => "SIGKILL",
        }
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// Everything that was selected finished.
    Complete,
    /// Nothing was selected, or nothing ran: never green.
    NothingRan(Text),
    /// Some tests never had their turn.
    CutShort(Text),
    /// A person stopped it.
    Stopped,
    /// The runner died or failed.
    Crashed(Text),
    /// It never ran.
    CouldNotStart(Text),
}

/// How far a run has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunPhase {
    /// It waits for its services.
    Held {
        /// For what.
        why: Text,
    },
    /// Its process is being started.
    Starting,
    /// It lists its tests.
    Collecting,
    /// Its tests run.
    Running,
    /// It is being stopped.
    Stopping {
        /// The latest signal.
        signal: Signal,
        /// When that was sent.
        since: Moment,
        /// How long until the next one.
        grace: Span,
    },
    /// It is over.
    Ended(RunEnd),
}

/// Whether a run's numbers add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Integrity {
    /// Tests that were asked for; for a run of everything, those that were collected.
    pub selected: u32,
    /// Tests that the runner listed as going to run.
    pub collected: u32,
    /// Left out by the runner's own options.
    pub deselected: u32,
    /// Asked for and not found.
    pub missing: u32,
    /// Began.
    pub started: u32,
    /// Ended with a result.
    pub finished: u32,
    /// Began and never ended.
    pub lost: u32,
    /// Never began.
    pub not_run: u32,
}

impl fmt::Display for Integrity {
    /// `2 of 25 finished, 1 lost, 22 not run`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} finished", self.finished, self.selected.max(self.collected))?;
        for (count, word) in [(self.lost, "lost"), (self.not_run, "not run")] {
            if count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Progress {
    Waiting,
    Started,
    Ended,
}

/// One execution of a selection by a runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The tool.
    pub runner: RunnerId,
    /// What it is for.
    pub kind: RunKind,
    /// The cycle that it belongs to.
    pub cycle: u32,
    /// Who asked for it; `None`: the console itself.
    pub by: Option<ViewerId>,
    /// What was asked for, in a few words: `3 failed`.
    pub what: Text,
    /// The wanted tests; `None`: everything.
    pub selection: Option<Vec<TestId>>,
    /// How far it has come.
    pub phase: RunPhase,
    /// When it was asked for.
    pub asked: Moment,
    /// When its process started.
    pub started: Option<Moment>,
    /// Which revisions served then.
    #[serde(default)]
    pub epoch: Epoch,
    /// When it ended.
    pub ended: Option<Moment>,
    /// Its tests in the runner's own numbering.
    pub tests: Vec<TestId>,
    /// How its tests ended.
    pub tally: Tally,
    /// Whether its numbers add up.
    pub integrity: Integrity,
    /// Ids that were asked for and not found.
    pub missing: Vec<Text>,
    /// The tool and its version.
    pub tool: Option<Text>,
    /// How the tool's own reporting is arranged.
    pub lane: Option<Lane>,
    /// How many workers it has.
    pub workers: u32,
    /// The folder that the paths of its modules start from.
    pub root: Option<Text>,
    /// Whether the tool says what each test touched.
    #[serde(default)]
    pub measures_evidence: bool,
    /// The state of the project's files when it started.
    pub source: Option<Arc<Checkout>>,
    /// Why the tool said that it ends early.
    pub stopping: Option<Text>,
    /// What the tool or one of its workers died of.
    pub crash: Option<Text>,
    /// Where the exit code and the results disagree; worst wins.
    pub disagreement: Option<Text>,
    /// Output that belongs to no test.
    pub output: Ring<Text>,
    /// The newest output of the test that printed last while it ran, where it can be read before the test ends.
    pub live: Option<(TestId, Ring<Text>)>,
    /// The tool's warnings.
    pub warnings: Ring<Text>,
    /// The stacks that its processes dumped on request, newest last.
    pub stacks: Option<Text>,
    /// Processes that it left behind and that were ended.
    pub leaked: u32,
    /// How many of its passes took a small part of their usual time.
    #[serde(default)]
    pub quick: u32,
    progress: Vec<Progress>,
    tries: Vec<(u32, u32)>,
}

impl Run {
    /// Whether it is not over.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !matches!(self.phase, RunPhase::Ended(_))
    }

    /// Whether it waits for its services.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(self.phase, RunPhase::Held { .. })
    }

    /// Whether every selected test finished, none was lost, and none failed but for known failures.
    #[must_use]
    pub fn is_green(&self) -> bool {
        matches!(self.phase, RunPhase::Ended(RunEnd::Complete))
            && self.tally.concerns() == 0
            && self.integrity.finished > 0
            && self.integrity.missing == 0
            && self.disagreement.is_none()
    }

    /// How long it has taken until `now`.
    #[must_use]
    pub fn took(&self, now: Moment) -> Span {
        self.started.map_or(Span::ZERO, |started| self.ended.unwrap_or(now).since(started))
    }

    /// The test that the runner calls its `n`-th.
    #[must_use]
    pub fn test(&self, n: u32) -> Option<TestId> {
        self.tests.get(n as usize).copied()
    }

    pub(super) fn collect(&mut self, id: TestId) {
        self.tests.push(id);
        self.progress.push(Progress::Waiting);
        self.integrity.collected += 1;
    }

    /// A test begins; answers whether that is news.
    pub(super) fn begin(&mut self, n: u32) -> Option<TestId> {
        let progress = self.progress.get_mut(n as usize)?;
        match progress {
            Progress::Waiting => self.integrity.started += 1,
            // A retry: the runner starts the same test once more.
            Progress::Ended => self.integrity.finished = self.integrity.finished.saturating_sub(1),
            Progress::Started => return None,
        }
        *progress = Progress::Started;
        self.test(n)
    }

    /// Lines came; those of a running test begin anew with each test.
    pub(super) fn print(&mut self, n: Option<u32>, lines: &[Text]) {
        let Some(test) = n.and_then(|n| self.test(n)) else {
            return lines.iter().for_each(|line| self.output.push(line.clone()));
        };
        if self.live.as_ref().is_none_or(|(printed, _)| *printed != test) {
            self.live = Some((test, Ring::new(LIVE_KEPT)));
        }
        if let Some((_, live)) = &mut self.live {
            lines.iter().for_each(|line| live.push(line.clone()));
        }
    }

    /// A test ended; answers its identity and how many tries it took.
    pub(super) fn finish(&mut self, n: u32) -> Option<(TestId, u32)> {
        let progress = self.progress.get_mut(n as usize)?;
        match progress {
            Progress::Ended => return None,
            Progress::Waiting => self.integrity.started += 1,
            Progress::Started => {}
        }
        *progress = Progress::Ended;
        self.integrity.finished += 1;
        Some((self.test(n)?, self.tries_of(n)))
    }

    pub(super) fn retry(&mut self, n: u32) {
        match self.tries.iter_mut().find(|(other, _)| *other == n) {
            Some((_, tries)) => *tries += 1,
            None => self.tries.push((n, 2)),
        }
    }

    fn tries_of(&self, n: u32) -> u32 {
        self.tries.iter().find(|(other, _)| *other == n).map_or(1, |&(_, tries)| tries)
    }

    /// The tests that began and did not end, and those that never began.
    pub(super) fn unfinished(&self) -> (Vec<(u32, TestId)>, Vec<TestId>) {
        let mut started = Vec::new();
        let mut waiting = Vec::new();
        for (n, (progress, &id)) in self.progress.iter().zip(&self.tests).enumerate() {
            match progress {
                Progress::Started => started.push((n as u32, id)),
                Progress::Waiting => waiting.push(id),
                Progress::Ended => {}
            }
        }
        (started, waiting)
    }

    /// How the run ended, judged by what was seen rather than by what the exit code claims.
    pub(super) fn judge(&self, exit: Exit, says: &str) -> RunEnd {
        let told = || if says.is_empty() { exit.to_string() } else { format!("{exit}: {says}") };
        let orderly = matches!(exit, Exit::Code(_));
        if matches!(self.phase, RunPhase::Stopping { .. }) {
            // What was announced before the first signal is why that was sent: a time limit.
            self.stopping.clone().map_or(RunEnd::Stopped, RunEnd::CutShort)
        } else if let Some(why) = &self.crash {
            RunEnd::Crashed(why.clone())
        } else if self.integrity.lost > 0 || !orderly {
            RunEnd::Crashed(told().into())
        } else if self.integrity.collected == 0 && self.tally.concerns() + self.tally.known == 0 {
            RunEnd::NothingRan(if exit == Exit::Code(0) { "no tests were found".into() } else { told().into() })
        } else if self.kind == RunKind::Collect {
            RunEnd::Complete
        } else if self.integrity.not_run > 0 {
            RunEnd::CutShort(self.stopping.clone().unwrap_or_else(|| told().into()))
        } else {
            RunEnd::Complete
        }
    }
}

/// All runs of the session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Runs {
    list: Vec<Run>,
}

impl Runs {
    /// All runs, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (RunId, &Run)> + ExactSizeIterator {
        self.list.iter().enumerate().map(|(n, run)| (RunId(n as u32), run))
    }

    /// One run.
    #[must_use]
    pub fn get(&self, id: RunId) -> Option<&Run> {
        self.list.get(id.index())
    }

    pub(super) fn get_mut(&mut self, id: RunId) -> Option<&mut Run> {
        self.list.get_mut(id.index())
    }

    /// A run that is not over, to fold an event into it.
    pub(super) fn active_mut(&mut self, id: RunId) -> Option<&mut Run> {
        self.get_mut(id).filter(|run| run.is_active())
    }

    /// The runs that are not over.
    pub fn active(&self) -> impl Iterator<Item = (RunId, &Run)> {
        // Runs of one runner follow one another, so the active ones are among the newest.
        let first = self.list.len().saturating_sub(64);
        self.list[first..]
            .iter()
            .enumerate()
            .filter(|(_, run)| run.is_active())
            .map(move |(n, run)| (RunId((first + n) as u32), run))
    }

    /// The newest run that executes tests.
    #[must_use]
    pub fn newest(&self) -> Option<(RunId, &Run)> {
        self.iter().rev().find(|(_, run)| run.kind == RunKind::Test)
    }

    /// The project's files were looked at: that is what the runs that have just begun are made of.
    pub(super) fn see_source(&mut self, checkout: &Arc<Checkout>) {
        let young = self.list.iter_mut().rev().take_while(|run| run.is_active()).filter(|run| run.source.is_none());
        young.for_each(|run| run.source = Some(checkout.clone()));
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of a new run, each named at its one call")]
    pub(super) fn open(
        &mut self,
        runner: RunnerId,
        kind: RunKind,
        cycle: u32,
        by: Option<ViewerId>,
        what: Text,
        selection: Option<Vec<TestId>>,
        at: Moment,
    ) -> RunId {
        let id = RunId(self.list.len() as u32);
        let forget = self.list.len().saturating_sub(DETAILED_RUNS);
        if let Some(run) = self.list[..forget].last_mut() {
            run.tests = Vec::new();
            run.progress = Vec::new();
            run.output = Ring::new(0);
            run.live = None;
        }
        self.list.push(Run {
            runner,
            kind,
            cycle,
            by,
            what,
            integrity: Integrity {
                selected: selection.as_ref().map_or(0, |tests| tests.len() as u32),
                ..Integrity::default()
            },
            selection,
            phase: RunPhase::Starting,
            asked: at,
            started: None,
            epoch: 0,
            ended: None,
            tests: Vec::new(),
            tally: Tally::default(),
            missing: Vec::new(),
            tool: None,
            lane: None,
            workers: 0,
            root: None,
            measures_evidence: false,
            source: None,
            stopping: None,
            crash: None,
            disagreement: None,
            output: Ring::new(OUTPUT_KEPT),
            live: None,
            warnings: Ring::new(WARNINGS_KEPT),
            stacks: None,
            leaked: 0,
            quick: 0,
            progress: Vec::new(),
            tries: Vec::new(),
        });
        id
    }
}
