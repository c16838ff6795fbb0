//! The settings as they are written, one struct a table. `config.toml` at the top of the repository explains each.
//!
//! Alternatives are externally tagged tables (`[service.backend.health.http]`), every struct refuses unknown fields,
//! and nothing is flattened or untagged: an error then points at the exact key. What a string becomes once variables
//! are put in is the business of [`project`](super::project).

mod contract;
mod health;
mod person;
mod triage;

mod baseline;
mod deploy;
mod limits;
mod logs;
mod mapping;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::quorum::QuorumSetting;
use super::template::{Place, Template};
use super::timespan::Timespan;

pub use baseline::{BaselineKind, BaselineSettings};
pub use deploy::{CloudRunSettings, GithubSettings, KubernetesSettings, RollbackSettings};
pub use limits::{JournalSettings, LimitSettings};
pub use logs::{CommandLogSettings, HttpLogSettings, LogSettings};
pub use mapping::{MappingSettings, Protocol, RuleSettings, Transport, WhenSettings};

pub use contract::{BudgetSettings, ContractSettings, ReadySettings, SyntheticSettings};
pub use health::{CommandHealthSettings, HealthSettings, HttpHealthSettings, TcpHealthSettings};
pub use person::{EditorSettings, UiSettings};
pub use triage::{DependentSettings, KnownSettings, TierSettings};

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
    /// What results are measured against.
    pub baseline: BaselineSettings,
    /// How much is kept of what grows.
    pub limits: LimitSettings,
    /// What stays on disk between sessions.
    pub journal: JournalSettings,
    /// How the screen looks and behaves.
    pub ui: UiSettings,
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
}

impl fmt::Display for EnvironmentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Shared => "shared",
            Self::Protected => "protected",
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

/// `[runner.NAME.KIND]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunnerSettings {
    /// pytest, through liveloop's own plugin.
    Pytest(PytestSettings),
    /// Any command that speaks `docs/reporter-protocol.md`.
    Reporter(ReporterSettings),
    /// cargo nextest.
    Nextest(ToolSettings),
    /// Plain `cargo test`.
    Cargo(ToolSettings),
    /// vitest, through liveloop's own reporter.
    Vitest(ToolSettings),
    /// jest, through liveloop's own reporter.
    Jest(ToolSettings),
    /// `go test`.
    Go(ToolSettings),
    /// Any command that leaves its results in a file.
    Command(CommandSettings),
}

/// `[runner.NAME.pytest]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PytestSettings {
    /// The interpreter; unset, the project's virtual environment is found.
    pub python: Option<Template>,
    /// Options that every run gets, before the selection.
    #[serde(default)]
    pub args: Vec<Template>,
    /// What to collect; empty, pytest's own `testpaths` decide.
    #[serde(default)]
    pub paths: Vec<Template>,
    /// Variables that the tests see, on top of the console's own environment.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    /// Where it runs, relative to the project.
    pub directory: Option<Template>,
    /// Whether it is measured what each test touches; unset, it is.
    pub evidence: Option<bool>,
    /// After this long a run is stopped and counts as timed out; unset, a run may take as long as it takes.
    pub timeout: Option<Timespan>,
    /// The services that its tests need; unset, all of them.
    pub services: Option<Vec<String>>,
}

/// `[runner.NAME.nextest]` and the other tools that need nothing of their own.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolSettings {
    /// The words that start the tool; unset, it is found.
    pub command: Option<Vec<Template>>,
    /// Options that every run gets, before the selection.
    #[serde(default)]
    pub args: Vec<Template>,
    /// Variables that the tests see, on top of the console's own environment.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    /// Where it runs, relative to the project.
    pub directory: Option<Template>,
    /// As for pytest.
    pub timeout: Option<Timespan>,
    /// The services that its tests need; unset, all of them.
    pub services: Option<Vec<String>>,
}

/// `[runner.NAME.command]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandSettings {
    /// Runs the tests. Never a shell line: the first word is the program.
    pub command: Vec<Template>,
    /// Runs the tests whose names replace the word `{tests}`; unset, everything runs again.
    pub rerun: Option<Vec<Template>>,
    /// Where it leaves its results, and how they are written.
    pub results: ResultsSettings,
    /// Variables that the tests see, on top of the console's own environment.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    /// Where it runs, relative to the project.
    pub directory: Option<Template>,
    /// As for pytest.
    pub timeout: Option<Timespan>,
    /// The services that its tests need; unset, all of them.
    pub services: Option<Vec<String>>,
}

/// Where results are: a file, or a folder of them; `-` for the command's own output.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResultsSettings {
    /// JUnit XML.
    Junit(Template),
    /// The Test Anything Protocol.
    Tap(Template),
    /// The Common Test Report Format.
    Ctrf(Template),
}

/// `[runner.NAME.reporter]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReporterSettings {
    /// Runs the tests. Never a shell line: the first word is the program.
    pub command: Vec<Template>,
    /// Lists the tests; unset, `command` with `LIVELOOP_COLLECT_ONLY=1`.
    pub collect: Option<Vec<Template>>,
    /// Variables that the tests see, on top of the console's own environment.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    /// Where it runs, relative to the project.
    pub directory: Option<Template>,
    /// As for pytest.
    pub timeout: Option<Timespan>,
    /// The services that its tests need; unset, all of them.
    pub services: Option<Vec<String>>,
}

/// `[service.NAME]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSettings {
    /// Where it serves; the paths of its probes are appended to it.
    pub url: Template,
    /// How its health is asked.
    pub health: Option<HealthSettings>,
    /// How the revision that serves is asked.
    pub revision: Option<RevisionSettings>,
    /// How a new revision is put in place.
    pub deploy: Option<DeploySettings>,
    /// Where its log comes from.
    pub logs: Option<LogSettings>,
    /// The services without which it does not work.
    #[serde(default)]
    pub needs: Vec<String>,
    /// A health probe that takes longer finds it degraded.
    pub latency_budget: Option<Timespan>,
    /// How many probes have to find it better before that is believed; unset, one.
    pub healthy_after: Option<QuorumSetting>,
    /// How many probes have to find it worse before that is believed; unset, one.
    pub down_after: Option<QuorumSetting>,
}

/// `[service.NAME.revision.KIND]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RevisionSettings {
    /// A GET request.
    Http(HttpRevisionSettings),
}

/// `[service.NAME.revision.http]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRevisionSettings {
    /// Appended to the URL of the service.
    pub path: Template,
    /// The response header that carries the revision; either this or `pointer`.
    pub header: Option<Template>,
    /// The place in the JSON answer that carries the revision; either this or `header`.
    pub pointer: Option<Template>,
    /// How long an answer may take.
    #[serde(default = "probe_timeout")]
    pub timeout: Timespan,
    /// Headers to send.
    #[serde(default)]
    pub headers: BTreeMap<String, ValueSettings>,
}

/// `[service.NAME.deploy]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploySettings {
    /// Puts the next revision in place. Never a shell line: the first word is the program. Some platforms bring their
    /// own.
    pub command: Option<Vec<Template>>,
    /// Variables that the command sees, on top of the console's own environment.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    /// Where it runs, relative to the project.
    pub directory: Option<Template>,
    /// After this long the command is stopped.
    #[serde(default = "deploy_timeout")]
    pub timeout: Timespan,
    /// When the new revision counts as live.
    #[serde(default)]
    pub proof: ProofSettings,
    /// How an earlier revision is brought back.
    pub rollback: Option<RollbackSettings>,
    /// It is Cloud Run that knows how it goes.
    pub cloud_run: Option<CloudRunSettings>,
    /// It is GitHub Actions that deploys, and knows how it goes.
    pub github: Option<GithubSettings>,
    /// It is Kubernetes that knows how it goes.
    pub kubernetes: Option<KubernetesSettings>,
}

impl DeploySettings {
    /// Whether a platform is asked how it goes.
    pub fn has_platform(&self) -> bool {
        self.cloud_run.is_some() || self.kubernetes.is_some() || self.github.is_some()
    }
}

/// `[service.NAME.deploy.proof]`: the revision probe has to agree with itself, on fresh connections.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProofSettings {
    /// How many answers in a row have to show the new revision.
    pub streak: u32,
    /// From one question to the next.
    pub interval: Timespan,
    /// How long to wait for that after the command has ended.
    pub timeout: Timespan,
}

impl Default for ProofSettings {
    fn default() -> Self {
        Self { streak: 3, interval: Timespan::from_millis(500), timeout: Timespan::from_secs(120) }
    }
}

/// `[stream.NAME]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSettings {
    /// Where to connect; `http` and `https` are read as `ws` and `wss`.
    pub url: Template,
    /// How its messages travel.
    #[serde(default)]
    pub transport: Transport,
    /// How it is asked for, over HTTP; GET, or POST where there is a body.
    pub method: Option<Method>,
    /// What is sent with that, as JSON unless a `content-type` header says otherwise.
    pub body: Option<Template>,
    /// In which words it speaks.
    #[serde(default)]
    pub protocol: Protocol,
    /// A vocabulary of its own.
    pub mapping: Option<MappingSettings>,
    /// The service that it belongs to: while that one deploys, a drop is expected.
    pub service: Option<String>,
    /// Offered in the opening handshake, in this order.
    #[serde(default)]
    pub subprotocols: Vec<Template>,
    /// Headers of the opening handshake.
    #[serde(default)]
    pub headers: BTreeMap<String, ValueSettings>,
    /// Where the token comes from.
    pub token: Option<TokenSettings>,
    /// How the token is shown to the server.
    #[serde(default)]
    pub offer: OfferSettings,
    /// What starts an agent run from the console.
    pub start: Option<StartSettings>,
    /// How long the opening handshake may take.
    #[serde(default = "open_timeout")]
    pub open_timeout: Timespan,
    /// From one ping to the next; three without an answer and the connection counts as dead.
    #[serde(default = "ping_interval")]
    pub ping_interval: Timespan,
    /// Allows a token over unencrypted `ws://` to a host other than this one.
    #[serde(default)]
    pub allow_plain_text: bool,
}

/// `[stream.NAME.token.KIND]`: never the token itself, always where to get it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenSettings {
    /// An environment variable.
    Env(String),
    /// The first line of a file.
    File(Template),
    /// The output of a command.
    Command(Vec<Template>),
    /// The answer to an HTTP request.
    Http(HttpTokenSettings),
}

/// `[stream.NAME.token.http]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTokenSettings {
    /// Where to ask.
    pub url: Template,
    /// How to ask.
    #[serde(default)]
    pub method: Method,
    /// What to send; sent as JSON unless a `content-type` header says otherwise.
    pub body: Option<Template>,
    /// Headers to send.
    #[serde(default)]
    pub headers: BTreeMap<String, ValueSettings>,
    /// The place of the token in the JSON answer (RFC 6901).
    #[serde(default = "access_token")]
    pub pointer: Template,
    /// How long an answer may take.
    #[serde(default = "token_timeout")]
    pub timeout: Timespan,
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    Get,
    /// Asks for something to be made.
    #[default]
    Post,
    /// Replaces.
    Put,
}

/// A header's value: written out, or from a variable of the environment, which makes it a secret.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueSettings {
    /// The value itself; not for secrets.
    pub value: Option<Template>,
    /// The environment variable that holds it; what it holds is masked everywhere.
    pub env: Option<String>,
    /// What counts when that one is not set.
    pub default: Option<Template>,
}

/// `[stream.NAME.offer.KIND]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OfferSettings {
    /// `NAME: SCHEME TOKEN` in the opening handshake.
    Header(HeaderOfferSettings),
    /// A query parameter of the URL. Access logs keep those: only where nothing else works.
    Query(QueryOfferSettings),
    /// An offered subprotocol, as browsers have to do it.
    Subprotocol(SubprotocolOfferSettings),
}

impl Default for OfferSettings {
    fn default() -> Self {
        Self::Header(HeaderOfferSettings::default())
    }
}

/// `[stream.NAME.offer.header]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderOfferSettings {
    /// The header's name.
    pub name: Template,
    /// The word before the token; empty, the token stands alone.
    pub scheme: Template,
}

impl Default for HeaderOfferSettings {
    fn default() -> Self {
        Self { name: "Authorization".into(), scheme: "Bearer".into() }
    }
}

/// `[stream.NAME.offer.query]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryOfferSettings {
    /// The parameter's name.
    pub parameter: Template,
}

impl Default for QueryOfferSettings {
    fn default() -> Self {
        Self { parameter: "token".into() }
    }
}

/// `[stream.NAME.offer.subprotocol]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubprotocolOfferSettings {
    /// What stands before the token.
    pub prefix: Template,
    /// How the token is written.
    pub encoding: TokenEncoding,
}

impl Default for SubprotocolOfferSettings {
    fn default() -> Self {
        Self { prefix: "jwt.".into(), encoding: TokenEncoding::Base64url }
    }
}

/// How a token is written inside a subprotocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenEncoding {
    /// base64url without padding, which every server may read back.
    #[default]
    Base64url,
    /// As it is.
    Plain,
}

/// `[stream.NAME.start]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartSettings {
    /// The text frame to send.
    pub message: Template,
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
}

fn probe_timeout() -> Timespan {
    Timespan::from_secs(3)
}

fn deploy_timeout() -> Timespan {
    Timespan::from_secs(15 * 60)
}

fn open_timeout() -> Timespan {
    Timespan::from_secs(10)
}

fn ping_interval() -> Timespan {
    Timespan::from_secs(15)
}

fn access_token() -> Template {
    "/access_token".into()
}

fn token_timeout() -> Timespan {
    Timespan::from_secs(10)
}
