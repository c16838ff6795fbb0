//! A service: its name, its revision, its log, and whether it answers at the moment.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
};

use tokio::sync::watch;

use super::world::{locked, now_iso};

const LOG_ENTRIES: usize = 500;

/// The three services that are deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServiceName {
    Backend,
    Auth,
    Frontend,
}

impl ServiceName {
    pub(super) const ALL: [ServiceName; 3] = [ServiceName::Backend, ServiceName::Auth, ServiceName::Frontend];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            ServiceName::Backend => "backend",
            ServiceName::Auth => "auth",
            ServiceName::Frontend => "frontend",
        }
    }

    pub(super) fn named(text: &str) -> Option<Self> {
        ServiceName::ALL.into_iter().find(|name| name.as_str() == text)
    }

    /// The number of a revision of that name.
    pub(super) fn revision_number(self, name: &str) -> Option<u32> {
        name.strip_prefix(self.as_str())?.strip_prefix('-')?.parse().ok()
    }

    pub(super) fn revision_name(self, revision: u32) -> String {
        format!("{}-{revision:05}", self.as_str())
    }
}

/// One line of a service's log. `phase` marks the lines at which a deploy enters or leaves a phase.
#[derive(Debug, Clone)]
pub(super) struct LogEntry {
    pub(super) number: u64,
    pub(super) at: String,
    pub(super) severity: &'static str,
    pub(super) text: String,
    pub(super) revision: String,
    pub(super) phase: Option<(&'static str, &'static str)>,
}

/// What a deploy changes about a service.
#[derive(Debug)]
pub(super) struct Rollout {
    pub(super) revision: u32,
    /// The one that is put in place, or was last.
    pub(super) target: u32,
    /// The highest number that was ever built.
    pub(super) newest: u32,
    pub(super) generation: u32,
    pub(super) reconciling: bool,
    pub(super) failure: Option<String>,
    pub(super) log: VecDeque<LogEntry>,
    pub(super) logged: u64,
}

/// A service, and whether it answers at the moment.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: ServiceName,
    pub(super) ready: watch::Sender<bool>,
    rollout: Mutex<Rollout>,
}

impl Service {
    pub(super) fn new(name: ServiceName, revision: u32) -> Self {
        let rollout = Rollout {
            revision,
            target: revision,
            newest: revision,
            generation: 1,
            reconciling: false,
            failure: None,
            log: VecDeque::new(),
            logged: 0,
        };
        Self { name, ready: watch::Sender::new(true), rollout: Mutex::new(rollout) }
    }

    pub(super) fn rollout(&self) -> MutexGuard<'_, Rollout> {
        locked(&self.rollout)
    }

    pub(super) fn revision(&self) -> u32 {
        self.rollout().revision
    }

    pub(super) fn newest(&self) -> u32 {
        self.rollout().newest
    }

    pub(super) fn revision_name(&self) -> String {
        self.name.revision_name(self.revision())
    }

    pub(super) fn log(&self, severity: &'static str, text: impl Into<String>) {
        self.record(severity, text.into(), None);
    }

    pub(super) fn enter(&self, phase: &'static str, state: &'static str, text: impl Into<String>) {
        self.record("NOTICE", text.into(), Some((phase, state)));
    }

    fn record(&self, severity: &'static str, text: String, phase: Option<(&'static str, &'static str)>) {
        let mut rollout = self.rollout();
        rollout.logged += 1;
        let revision = self.name.revision_name(rollout.revision);
        let entry = LogEntry { number: rollout.logged, at: now_iso(), severity, text, revision, phase };
        rollout.log.push_back(entry);
        if rollout.log.len() > LOG_ENTRIES {
            rollout.log.pop_front();
        }
    }
}
