//! What a session works on, as plain facts: no secret, nothing that only an adapter understands.

use serde::{Deserialize, Serialize};

use super::contract::SyntheticRules;
use super::{
    AutopilotPlan, Baseline, Damping, DependentSpec, KnownSpec, Rung, SavedMessage, Span, StreamId, Text, TierSpec,
    WatchSpec,
};

/// The project as it was when the session opened. Part of the journal, so that a replay needs no configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ProjectSpec {
    /// The folder's name, for people.
    pub name: Text,
    /// The folder itself.
    pub root: Text,
    /// Where the tests are aimed.
    pub environment: Option<EnvironmentSpec>,
    /// The test tools, by [`RunnerId`](super::RunnerId).
    pub runners: Vec<RunnerSpec>,
    /// What is deployed, by [`ServiceId`](super::ServiceId).
    pub services: Vec<ServiceSpec>,
    /// The sources of agent events, by [`StreamId`](super::StreamId).
    pub streams: Vec<StreamSpec>,
    /// How long a run may wait for its services before it is given up; zero: runs do not wait for services.
    pub hold_limit: Span,
    /// How long a batch of the plan takes.
    #[serde(default = "batch", skip_serializing_if = "is_usual_batch")]
    pub batch: Span,
    /// Whether a command is given the notices.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_hook: bool,
    /// Whether reports are written at each cycle's end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_reports: bool,
    /// What results are measured against at first.
    #[serde(default, skip_serializing_if = "is_previous")]
    pub baseline: Baseline,
    /// A file of results that can be chosen as a baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_file: Option<Text>,
    /// Priority groups of tests, the most important one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<TierSpec>,
    /// Failures that the project accepts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<KnownSpec>,
    /// Tests that fail because others do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependents: Vec<DependentSpec>,
    /// The command that is called to mend what fails, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Vec<Text>>,
    /// What the autopilot may spend.
    #[serde(default)]
    pub autopilot: AutopilotPlan,
    /// Whether changed files start tests, and which.
    #[serde(default, skip_serializing_if = "WatchSpec::is_none")]
    pub watch: WatchSpec,
    /// Whether nothing may be changed in this session, tests aside.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// How much is kept of what grows.
    #[serde(default)]
    pub limits: Limits,
}

/// How long a batch takes where nobody says otherwise.
fn batch() -> Span {
    Span::seconds(300)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_usual_batch(span: &Span) -> bool {
    *span == batch()
}

fn is_previous(baseline: &Baseline) -> bool {
    *baseline == Baseline::Previous
}

/// How much is kept in memory of what grows; older things are dropped and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Lines of one deploy's output.
    pub deploy_lines: usize,
    /// Agent events, over all streams.
    pub agent_events: usize,
    /// Log lines of each service.
    #[serde(default = "log_lines")]
    pub log_lines: usize,
}

fn log_lines() -> usize {
    5_000
}

impl Default for Limits {
    fn default() -> Self {
        Self { deploy_lines: 5_000, agent_events: 100_000, log_lines: log_lines() }
    }
}

/// Where the tests are aimed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentSpec {
    /// Its name, a badge on every screen.
    pub name: Text,
    /// Who else is hurt by a mistake.
    pub kind: EnvironmentKind,
}

/// Who else is hurt by a mistake in an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentKind {
    /// Nobody: it is this person's own.
    Local,
    /// The team.
    Shared,
    /// Customers, or whoever relies on it.
    Protected,
    /// Whoever would change anything.
    Locked,
}

/// A test tool and how it was found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunnerSpec {
    /// Its name in the configuration, or the tool's.
    pub name: Text,
    /// The tool: `pytest`, `reporter`, …
    pub tool: Text,
    /// How it is started, for people.
    pub command: Text,
    /// Why this tool and this interpreter were chosen, for people.
    pub why: Text,
    /// The services that its tests need, by name; unset, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<Text>>,
}

/// Something that is deployed and probed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// Its name.
    pub name: Text,
    /// Where it is reached.
    pub url: Text,
    /// Whether its health is probed at all.
    pub has_health: bool,
    /// Whether its revision can be read; without it, nothing is ever proved.
    pub has_revision: bool,
    /// Whether its log can be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_logs: bool,
    /// How it is deployed, where it can be.
    pub deploy: Option<DeploySpec>,
    /// How it is started anew, where it can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<RestartSpec>,
    /// The services without which it does not work, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Text>,
    /// The files that it is built from: files, or folders with all below them, as seen from the project's folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<Text>,
    /// How many probes have to agree before it is believed to be otherwise than it was.
    #[serde(default, skip_serializing_if = "Damping::is_none")]
    pub damping: Damping,
    /// The rung of proof on which a deploy of it is live; unset, the highest one that can be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_at: Option<Rung>,
    /// Where else a new revision of it has to be seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surfaces: Vec<SurfaceSpec>,
}

/// A place beside a service's own URL where tests meet it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SurfaceSpec {
    /// An address that is asked as the service itself is.
    Url(Text),
    /// A stream that says which revision it talks to.
    Stream {
        /// Which stream.
        stream: StreamId,
        /// Its name.
        name: Text,
    },
}

/// How a service is deployed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DeploySpec {
    /// The exact command, one word an item; or the request that takes its place.
    pub command: Vec<Text>,
    /// How long the command may take.
    pub timeout: Span,
    /// How many probes in a row must show the new revision.
    pub streak: u32,
    /// How long the proof may take after the command ended.
    pub proof_timeout: Span,
    /// The platform that is asked how it goes, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Text>,
    /// The command that brings an earlier revision back, where there is one; `{revision}` is put in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rollback: Vec<Text>,
}

/// How a service is started anew.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RestartSpec {
    /// The exact command, one word an item.
    pub command: Vec<Text>,
    /// How many probes in a row must show the revision again.
    pub streak: u32,
}

/// A source of agent events.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StreamSpec {
    /// Its name.
    pub name: Text,
    /// Where it connects to, without any credential.
    pub url: Text,
    /// The service behind it, whose deploys explain its drops.
    pub service: Option<Text>,
    /// What starts an agent run, where one is configured.
    pub start: Option<Text>,
    /// The messages that configuration keeps for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<SavedMessage>,
    /// Whether it is an answer over HTTP, on which nothing can be sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over_http: bool,
    /// How long the next agent event may take before the wait is worth a colour.
    pub budget: Span,
    /// From one ping to the next; zero where none is sent. Two of them without a byte, or without an answer, end a
    /// connection.
    #[serde(default)]
    pub ping_interval: Span,
    /// By which signs a run is known that no agent made: those of the first contract about it, else the usual ones.
    #[serde(default)]
    pub synthetic: SyntheticRules,
}
