//! The settings as they are written, one struct a table. `config.toml` at the top of the repository explains each.
//!
//! Alternatives are externally tagged tables (`[service.backend.health.http]`), every struct refuses unknown fields,
//! and nothing is flattened or untagged: an error then points at the exact key. What a string becomes once variables
//! are put in is the business of [`project`](super::project).

mod contract;
mod health;
mod person;
mod triage;

mod autopilot;
mod baseline;
mod compose;
mod deploy;
mod http;
mod limits;
mod logs;
mod mapping;
mod notice;
mod report;
mod restart;
mod runner;
mod service;
mod stream;
mod watch;
mod webhook;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::template::{Place, Template};
use super::timespan::Timespan;

pub use autopilot::{AutopilotSettings, FixSettings};
pub use baseline::{BaselineKind, BaselineSettings};
pub use compose::ComposeSettings;
pub use deploy::{CloudRunSettings, GithubSettings, KubernetesSettings, RollbackSettings};
pub use http::HttpClientSettings;
pub use limits::{HistorySettings, JournalSettings, LimitSettings};
pub use logs::{CommandLogSettings, HttpLogSettings, LogSettings};
pub use mapping::{MappingSettings, Protocol, RuleSettings, Transport, WhenSettings};

pub use contract::{ContractSettings, ReadySettings, SyntheticSettings};
pub use health::{
    CommandHealthSettings, ConditionSettings, HealthSettings, HttpHealthSettings, TcpHealthSettings,
    WebsocketHealthSettings,
};
pub use notice::{Call, HookSettings, NoticeSettings};
pub use person::{EditorSettings, UiSettings};
pub use report::ReportSettings;
pub use restart::RestartSettings;
pub use runner::*;
pub use service::*;
pub use stream::*;
pub use triage::{DependentSettings, KnownSettings, TierSettings};
pub use watch::{WatchRuleSettings, WatchSettings};
pub use webhook::{StatusSettings, WebhookSettings};

/// Everything that can be set. The built-in `config.toml` fills all of it except what only a project can know.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the tests are aimed.
    pub environment: EnvironmentSettings,
    /// Values for `${name}` in the strings of this file.
    #[serde(default)]
    pub variables: BTreeMap<String, VariableSettings>,
    /// Test tools by name.
    #[serde(default)]
    pub runner: BTreeMap<String, Placed<RunnerSettings>>,
    /// What is deployed, by name.
    #[serde(default)]
    pub service: BTreeMap<String, Placed<ServiceSettings>>,
    /// Sources of agent events, by name.
    #[serde(default)]
    pub stream: BTreeMap<String, Placed<StreamSettings>>,
    /// Priority groups of tests, the most important one first.
    #[serde(default)]
    pub tier: Vec<TierSettings>,
    /// Failures that are accepted.
    #[serde(default)]
    pub known: Vec<KnownSettings>,
    /// Tests that fail because others do.
    #[serde(default)]
    pub dependent: Vec<DependentSettings>,
    /// Which agent events must come, by name.
    #[serde(default)]
    pub contract: BTreeMap<String, Placed<ContractSettings>>,
    /// How a run is held, stopped and timed.
    pub run: RunSettings,
    /// What the autopilot may spend, and what mends.
    pub autopilot: AutopilotSettings,
    /// Whether changed files start tests.
    pub watch: WatchSettings,
    /// Which reports are written at each cycle's end.
    #[serde(default)]
    pub report: ReportSettings,
    /// What results are measured against.
    pub baseline: BaselineSettings,
    /// How everything over HTTP and WebSocket is reached.
    #[serde(default)]
    pub http: HttpClientSettings,
    /// How much is kept of what grows.
    pub limits: LimitSettings,
    /// What stays on disk between sessions.
    pub journal: JournalSettings,
    /// How much of the history stays when somebody prunes it.
    pub history: HistorySettings,
    /// How the screen looks and behaves.
    pub ui: UiSettings,
    /// How somebody who looks elsewhere is called back.
    pub notice: NoticeSettings,
    /// Keys by action: `rerun-failed = ["r", "f5"]`. An empty list takes the action's keys away.
    #[serde(default)]
    pub keys: BTreeMap<String, Vec<String>>,
    /// The program that opens a file at a line.
    pub editor: EditorSettings,
}

/// A value with the place of its table, which also tells the order in which tables were written.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed<T> {
    /// Where it was written.
    pub place: Place,
    /// The value itself.
    pub value: T,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Placed<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { place: Place(spanned.span().start), value: spanned.into_inner() })
    }
}

/// `[environment]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentSettings {
    /// The name on the badge of every screen.
    pub name: Template,
    /// How careful one has to be there.
    pub kind: EnvironmentKind,
}

/// How careful one has to be in an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentKind {
    /// One's own: nobody else notices.
    #[default]
    Local,
    /// Others work there too: the badge is amber.
    Shared,
    /// Like production: the badge is red.
    Protected,
    /// Nothing may be changed there from here.
    Locked,
}

impl fmt::Display for EnvironmentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Shared => "shared",
            Self::Protected => "protected",
            Self::Locked => "locked",
        })
    }
}

/// `[variables.NAME]`: the environment variable if it is set and not empty, else the default.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableSettings {
    /// The environment variable to read.
    pub env: Option<String>,
    /// What counts when that one is not set; may name other variables.
    pub default: Option<Template>,
    /// Added to the value, which must then be a whole number (`port + 2`).
    pub add: Option<i64>,
    /// The value is masked wherever it would be shown.
    #[serde(default)]
    pub secret: bool,
}

/// `[run]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSettings {
    /// How long a stopped run may take after SIGINT, before SIGTERM.
    pub interrupt_grace: Timespan,
    /// How long it may take after SIGTERM, before SIGKILL.
    pub terminate_grace: Timespan,
    /// Holds a run while a service is down or deploying.
    pub hold_on_unhealthy: bool,
    /// How long a headless run is held before it gives up with exit code 3.
    pub hold_limit: Timespan,
    /// How long a batch of the plan takes.
    pub batch: Timespan,
}
