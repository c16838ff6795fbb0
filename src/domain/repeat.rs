//! A selection that runs again and again: until it fails, or so many times.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Moment, TestId, Text, ViewerId};

/// The most repetitions that can be asked for at once.
pub const MOST_REPETITIONS: u32 = 1_000;

/// When a repeated selection is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatUntil {
    /// When a test failed, or after so many repetitions.
    Failure {
        /// The most repetitions.
        limit: u32,
    },
    /// After so many repetitions.
    Times(u32),
}

impl RepeatUntil {
    /// The most repetitions that there can be.
    #[must_use]
    pub fn limit(self) -> u32 {
        let (Self::Failure { limit } | Self::Times(limit)) = self;
        limit.clamp(1, MOST_REPETITIONS)
    }
}

/// How a repeated selection ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatEnd {
    /// As it was meant to.
    Done,
    /// A person stopped it.
    Stopped,
    /// A run of it could not do what it was asked for.
    BrokenOff(Text),
}

/// A selection that is, or was, run again and again. All its runs belong to one cycle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    /// Who asked for it.
    pub by: ViewerId,
    /// What is repeated, in a few words.
    pub what: Text,
    /// The tests.
    pub tests: Vec<TestId>,
    /// When it is done.
    pub until: RepeatUntil,
    /// The cycle that its runs belong to.
    pub cycle: u32,
    /// When it began.
    pub began: Moment,
    /// How many repetitions have ended.
    pub ended: u32,
    /// In how many of them a test failed.
    pub failed: u32,
    /// How often each test failed that failed at all.
    pub failures: BTreeMap<TestId, u32>,
    /// How it ended, once it did.
    pub end: Option<RepeatEnd>,
    /// Whether a person wants it to stop.
    pub(super) stopping: bool,
}

impl Repeat {
    /// Whether it goes on.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.end.is_none()
    }

    /// The repetition that runs, counted from 1; the last one after the end.
    #[must_use]
    pub fn present(&self) -> u32 {
        self.ended + u32::from(self.is_active())
    }

    /// A repetition ended; answers whether that was the last one.
    pub(super) fn count(&mut self, failed: bool) -> bool {
        self.ended += 1;
        self.failed += u32::from(failed);
        let done = match self.until {
            RepeatUntil::Failure { .. } => failed || self.ended >= self.until.limit(),
            RepeatUntil::Times(_) => self.ended >= self.until.limit(),
        };
        if done {
            self.end = Some(RepeatEnd::Done);
        }
        done
    }

    /// In how many of a hundred repetitions a test failed.
    #[must_use]
    pub fn rate(&self) -> f64 {
        f64::from(self.failed) * 100.0 / f64::from(self.ended.max(1))
    }
}
