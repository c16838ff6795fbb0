//! The exit codes of the program.

use std::process::ExitCode;

use crate::domain::{Run, RunEnd, RunPhase};

/// How the program ended, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was selected finished and held.
    Green,
    /// Tests failed, were lost, or never had their turn.
    TestsFailed,
    /// The words of the command line or the configuration are wrong.
    Usage,
    /// The environment or the runner could not be used.
    Environment,
    /// Nothing was selected, or nothing ran.
    NothingSelected,
    /// Somebody stopped it.
    Interrupted,
}

impl Exit {
    /// How a run ended, as an exit.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        match &run.phase {
            // A null run is there to be failed; what counts is that it was seen through.
            RunPhase::Ended(RunEnd::Complete) if run.is_green() || run.null().is_some() => Self::Green,
            RunPhase::Ended(RunEnd::Complete | RunEnd::CutShort(_)) if is_spoilt(run) => Self::Environment,
            RunPhase::Ended(RunEnd::Complete | RunEnd::CutShort(_)) => Self::TestsFailed,
            RunPhase::Ended(RunEnd::NothingRan(_)) => Self::NothingSelected,
            RunPhase::Ended(RunEnd::Stopped) => Self::Interrupted,
            RunPhase::Ended(RunEnd::Crashed(_)) if run.integrity.started > 0 => Self::TestsFailed,
            RunPhase::Ended(RunEnd::Crashed(_) | RunEnd::CouldNotStart(_)) => Self::Environment,
            RunPhase::Held { .. }
            | RunPhase::Starting
            | RunPhase::Collecting
            | RunPhase::Running
            | RunPhase::Stopping { .. } => Self::Interrupted,
        }
    }

    /// How several runs ended together: the heaviest decides, but what the environment spoilt in one run does not
    /// hide that tests failed by themselves in another.
    #[must_use]
    pub fn of_all<'a>(runs: impl Iterator<Item = &'a Run>) -> Self {
        let runs: Vec<&Run> = runs.collect();
        let failed = runs.iter().any(|run| Self::of(run) == Self::TestsFailed);
        let exits = runs.into_iter().map(|run| match Self::of(run) {
            Self::Environment if failed && is_spoilt(run) => Self::TestsFailed,
            exit => exit,
        });
        Self::heaviest(exits)
    }

    /// The one of several that decides.
    pub fn heaviest(exits: impl Iterator<Item = Self>) -> Self {
        exits.max_by_key(|exit| exit.weight()).unwrap_or(Self::NothingSelected)
    }

    /// Of several runs, the heaviest one decides.
    #[must_use]
    fn weight(self) -> u8 {
        match self {
            Self::Green => 0,
            Self::NothingSelected => 1,
            Self::TestsFailed => 2,
            Self::Environment => 3,
            Self::Usage => 4,
            Self::Interrupted => 5,
        }
    }

    /// The code, as the README lists it.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Green => 0,
            Self::TestsFailed => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::NothingSelected => 4,
            Self::Interrupted => 130,
        }
    }
}

/// Whether everything that did not hold in a run was the environment's doing, so that it says nothing of the tests.
#[must_use]
pub fn is_spoilt(run: &Run) -> bool {
    let numbers = &run.integrity;
    run.tally.failures() == 0 && run.tally.concerns() > 0 && numbers.missing == 0 && run.disagreement.is_none()
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
