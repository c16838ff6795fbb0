//! How a run is stopped: one signal after the other, each firmer, each with its grace.

use std::time::Duration;

use tokio::time::Instant;

use super::far_off;
use crate::config::project::RunSpec;
use crate::domain::Signal;

/// Where a run stands on its way from running to killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Running,
    Interrupt,
    Terminate,
    Kill,
    Done,
}

/// Which signal comes next, and when.
pub(super) struct Stop {
    pub(super) stage: Stage,
    due: Option<Instant>,
}

impl Stop {
    pub(super) fn new(limit: Option<Duration>) -> Self {
        let limit = limit.map(|limit| Instant::now() + limit);
        Self { stage: Stage::Running, due: limit }
    }

    pub(super) fn next(&self) -> Instant {
        self.due.unwrap_or_else(far_off)
    }

    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| Instant::now() >= due)
    }

    pub(super) fn advance(&mut self, spec: &RunSpec) -> Option<(Signal, Duration)> {
        let (signal, grace, next) = match self.stage {
            Stage::Running => (Signal::Interrupt, spec.interrupt_grace, Stage::Interrupt),
            Stage::Interrupt => (Signal::Terminate, spec.terminate_grace, Stage::Terminate),
            Stage::Terminate | Stage::Kill => (Signal::Kill, Duration::from_secs(5), Stage::Done),
            Stage::Done => {
                self.due = None;
                return None;
            }
        };
        self.stage = next;
        self.due = Some(Instant::now() + grace);
        Some((signal, grace))
    }
}
