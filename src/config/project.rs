//! The project as the engine takes it: plain specs, every variable put in, every default decided.
//!
//! Nothing here knows where it was written; [`resolve`](super::resolve) makes it from the settings.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::mapping::Language;
use crate::domain::{Baseline, ContractSpec, Damping, Rung};
pub use crate::domain::{DependentSpec, KnownSpec, TierSpec, WatchSpec};

pub use super::autopilot::{AutopilotSpec, FixSpec};
pub use super::platform::PlatformSpec;
pub use super::probe::{HttpProbe, WebsocketProbe};
pub use super::settings::{
    CloseAction, EnvironmentKind, HistorySettings, JournalSettings, LimitSettings, Method, TokenEncoding, Transport,
};
pub use super::token::{HttpTokenSpec, JwtTokenSpec, OfferSpec, TokenSpec};

/// A value that must never be shown, written down or handed to a process as an argument.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that sends it and for the redactor.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A text that is shown only where it may be: a secret prints as `…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Masked {
    text: String,
    is_secret: bool,
}

impl Masked {
    /// Wraps a text.
    pub fn new(text: impl Into<String>, is_secret: bool) -> Self {
        Self { text: text.into(), is_secret }
    }

    /// The text itself, for the one place that hands it over.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_secret { "…" } else { &self.text })
    }
}

impl fmt::Debug for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// One project in one environment, in the order of its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Where the tests are aimed.
    pub environment: EnvironmentSpec,
    /// Test tools; empty, the engine looks for one.
    pub runners: Vec<RunnerSpec>,
    /// What is deployed.
    pub services: Vec<ServiceSpec>,
    /// Sources of agent events.
    pub streams: Vec<StreamSpec>,
    /// Priority groups of tests, the most important one first.
    pub tiers: Vec<TierSpec>,
    /// Failures that are accepted.
    pub known: Vec<KnownSpec>,
    /// Tests that fail because others do.
    pub dependents: Vec<DependentSpec>,
    /// What their agents have promised.
    pub contracts: Vec<ContractPlan>,
    /// How a run is held and stopped.
    pub run: RunSpec,
    /// What the autopilot may spend, and what mends.
    pub autopilot: AutopilotSpec,
    /// Whether changed files start tests, and which.
    pub watch: WatchPlan,
    /// The reports that are written at each cycle's end.
    pub reports: ReportPlan,
    /// What results are measured against at first.
    pub baseline: Baseline,
    /// A file of results that can be chosen as a baseline.
    pub baseline_file: Option<String>,
    /// How everything over HTTP and WebSocket is reached.
    pub http: HttpSpec,
    /// How much is kept of what grows.
    pub limits: LimitSettings,
    /// What stays on disk between sessions.
    pub journal: JournalSettings,
    /// How much of the history stays when somebody prunes it.
    pub history: HistorySettings,
    /// What is given the notices, where there is such a command.
    pub hook: Option<HookSpec>,
    /// Values to mask in everything that comes in, longest first, none empty.
    pub secrets: Vec<Secret>,
    /// The values of variables, for what is written later.
    pub variables: BTreeMap<String, Secret>,
}

/// The reports that are written at each cycle's end: their files and templates, as seen from the project's folder.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ReportPlan {
    /// The files; each one's name says in which form.
    pub files: Vec<String>,
    /// What those in Markdown are made with, instead of the built-in template.
    pub md_template: Option<String>,
    /// What those in HTML are made with.
    pub html_template: Option<String>,
}

/// Whether changed files start tests, and how long they must be at rest before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchPlan {
    /// What is started.
    pub spec: WatchSpec,
    /// How long nothing further may change before the tests start.
    pub debounce: Duration,
}

/// A command that is given notices.
#[derive(Clone, Debug, PartialEq)]
pub struct HookSpec {
    /// The command; it reads one JSON object.
    pub command: CommandSpec,
    /// How long it may take.
    pub timeout: Duration,
}

/// The environment's badge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentSpec {
    /// Its name.
    pub name: String,
    /// How careful one has to be there.
    pub kind: EnvironmentKind,
}

/// How everything over HTTP and WebSocket is reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpSpec {
    /// A PEM file with certificates to trust beside the system's.
    pub extra_ca: Option<String>,
    /// PEM files with the certificate that we show, and with its private key.
    pub client_certificate: Option<(String, String)>,
    /// The proxy; unset, the environment says.
    pub proxy: Option<Secret>,
    /// Hosts that are reached without it, as `NO_PROXY` has them.
    pub no_proxy: String,
}

/// A process to start. The first word is the program; there is no shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSpec {
    /// Program and arguments; never empty.
    pub argv: Vec<String>,
    /// Variables on top of the console's own environment.
    pub env: Vec<(String, Masked)>,
    /// Where it runs, relative to the project; the project itself where unset.
    pub directory: Option<String>,
}

/// A test tool.
#[derive(Clone, Debug, PartialEq)]
pub struct RunnerSpec {
    /// Its name in the file, and in every test's identity.
    pub name: String,
    /// After this long a run is stopped.
    pub timeout: Option<Duration>,
    /// Which tool it is.
    pub tool: RunnerTool,
    /// The services that its tests need; unset, all of them.
    pub services: Option<Vec<String>>,
}

/// Which tool a runner is.
#[derive(Clone, Debug, PartialEq)]
pub enum RunnerTool {
    /// pytest, through liveloop's own plugin.
    Pytest(PytestSpec),
    /// A command that speaks the reporter protocol.
    Reporter(ReporterSpec),
    /// cargo nextest.
    Nextest(ToolSpec),
    /// Plain `cargo test`.
    Cargo(ToolSpec),
    /// vitest, through liveloop's own reporter.
    Vitest(ToolSpec),
    /// jest, through liveloop's own reporter.
    Jest(ToolSpec),
    /// `go test`.
    Go(ToolSpec),
    /// The project's contracts, which the console holds against its streams itself.
    Contracts(Vec<ContractPlan>),
    /// Any command that leaves its results in a file.
    Command(ResultsSpec),
}

impl RunnerTool {
    /// Its name, as configuration has it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pytest(_) => "pytest",
            Self::Reporter(_) => "reporter",
            Self::Nextest(_) => "nextest",
            Self::Cargo(_) => "cargo",
            Self::Vitest(_) => "vitest",
            Self::Jest(_) => "jest",
            Self::Go(_) => "go",
            Self::Command(_) => "command",
            Self::Contracts(_) => "contracts",
        }
    }

    /// The command that runs the tests, as far as configuration decides it; `python` starts the project's Python.
    #[must_use]
    pub fn command(&self, python: &[String]) -> CommandSpec {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let of_tool = |spec: &ToolSpec, found: &[&str], then: &[&str]| {
            let argv = [spec.command.clone().unwrap_or_else(|| words(found)), words(then), spec.args.clone()].concat();
            CommandSpec { argv, env: spec.env.clone(), directory: spec.directory.clone() }
        };
        match self {
            Self::Pytest(spec) => {
                let python = spec.python.as_ref().map_or(python, std::slice::from_ref).to_vec();
                let argv = [python, words(&["-m", "pytest"]), spec.args.clone(), spec.paths.clone()].concat();
                CommandSpec { argv, env: spec.env.clone(), directory: spec.directory.clone() }
            }
            Self::Reporter(spec) => spec.command.clone(),
            Self::Nextest(spec) => of_tool(spec, &["cargo"], &["nextest", "run"]),
            Self::Cargo(spec) => of_tool(spec, &["cargo"], &["test"]),
            Self::Vitest(spec) => of_tool(spec, &["vitest"], &["run"]),
            Self::Jest(spec) => of_tool(spec, &["jest"], &[]),
            Self::Go(spec) => of_tool(spec, &["go"], &["test"]),
            Self::Command(spec) => spec.command.clone(),
            Self::Contracts(_) => CommandSpec { argv: Vec::new(), env: Vec::new(), directory: None },
        }
    }

    /// Whether configuration changes what the tool does by itself: its program, its options or its variables.
    #[must_use]
    pub fn is_bent(&self) -> bool {
        match self {
            Self::Pytest(spec) => spec.python.is_some() || !spec.args.is_empty() || !spec.env.is_empty(),
            Self::Reporter(_) | Self::Command(_) => true,
            Self::Contracts(_) => false,
            Self::Nextest(spec) | Self::Cargo(spec) | Self::Vitest(spec) | Self::Jest(spec) | Self::Go(spec) => {
                spec.command.is_some() || !spec.args.is_empty() || !spec.env.is_empty()
            }
        }
    }
}

/// How a tool that needs nothing of its own is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolSpec {
    /// The words that start it; unset, it is found.
    pub command: Option<Vec<String>>,
    /// Options for every run.
    pub args: Vec<String>,
    /// Variables on top of the console's own environment.
    pub env: Vec<(String, Masked)>,
    /// Where it runs, relative to the project.
    pub directory: Option<String>,
}

/// How a command that leaves its results in a file is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsSpec {
    /// Runs the tests.
    pub command: CommandSpec,
    /// Runs the tests whose names replace the word `{tests}`; unset, `command` runs everything again.
    pub rerun: Option<CommandSpec>,
    /// How the results are written.
    pub format: ResultsFormat,
    /// Where they are, relative to where the command runs; `-` for its own output.
    pub path: String,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultsFormat {
    /// JUnit XML.
    Junit,
    /// The Test Anything Protocol.
    Tap,
    /// The Common Test Report Format.
    Ctrf,
}

/// How pytest is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PytestSpec {
    /// The interpreter; unset, the project's virtual environment is found.
    pub python: Option<String>,
    /// Options for every run.
    pub args: Vec<String>,
    /// What to collect; empty, pytest decides.
    pub paths: Vec<String>,
    /// Variables on top of the console's own environment.
    pub env: Vec<(String, Masked)>,
    /// Where it runs, relative to the project.
    pub directory: Option<String>,
    /// Whether it is measured what each test touches.
    pub evidence: bool,
}

impl Default for PytestSpec {
    fn default() -> Self {
        let (args, paths, env) = (Vec::new(), Vec::new(), Vec::new());
        Self { python: None, args, paths, env, directory: None, evidence: true }
    }
}

/// How a command that speaks the reporter protocol is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReporterSpec {
    /// Runs the tests.
    pub command: CommandSpec,
    /// Lists the tests; unset, `command` is asked to.
    pub collect: Option<CommandSpec>,
}

/// Something that is deployed.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceSpec {
    /// Its name.
    pub name: String,
    /// Where it serves.
    pub url: String,
    /// How its health is asked.
    pub health: Option<HealthSpec>,
    /// How the revision that serves is asked.
    pub revision: Option<RevisionSpec>,
    /// How a new revision is put in place.
    pub deploy: Option<DeploySpec>,
    /// Other addresses that a new revision has to answer on, read as the revision probe is.
    pub surfaces: Vec<String>,
    /// The services without which it does not work.
    pub needs: Vec<String>,
    /// How it is started anew, where it can be.
    pub restart: Option<RestartSpec>,
    /// How its probes are damped.
    pub damping: Damping,
    /// Where its log comes from.
    pub logs: Option<LogSpec>,
    /// The files that it is built from: files, or folders with all below them.
    pub paths: Vec<String>,
}

/// Where the log of a service comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogSpec {
    /// A command that goes on and on.
    Command(CommandSpec),
    /// GET requests.
    Http(HttpLogSpec),
}

/// GET requests that tell a service's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLogSpec {
    /// Where to ask.
    pub url: String,
    /// The query parameter that says after which line to go on; without it, one answer goes on without end.
    pub since: Option<String>,
    /// Where in an entry stands what that parameter wants.
    pub cursor: String,
    /// Where in the answer the entries stand.
    pub entries: String,
    /// From one question to the next.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Headers to send.
    pub headers: Vec<HeaderSpec>,
}

/// A header to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderSpec {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Masked,
}

/// How a service's health is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthSpec {
    /// What is asked.
    pub probe: HealthProbe,
    /// From one probe to the next.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// An answer that takes longer finds it degraded.
    pub budget: Option<Duration>,
}

/// What tells a service's health.
#[derive(Clone, Debug, PartialEq)]
pub enum HealthProbe {
    /// GET requests.
    Http(HttpProbe),
    /// The opening of a WebSocket.
    Websocket(WebsocketProbe),
    /// A connection.
    Tcp {
        /// `host:port`.
        address: String,
    },
    /// A command's exit code.
    Command(CommandSpec),
}

/// A GET request that tells which revision serves.
#[derive(Clone, Debug, PartialEq)]
pub struct RevisionSpec {
    /// The whole URL.
    pub url: String,
    /// Where in the answer it stands.
    pub source: RevisionSource,
    /// The place in the JSON body that names the commit it was built from.
    pub commit: Option<String>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Headers to send.
    pub headers: Vec<HeaderSpec>,
}

/// Where in an answer the revision stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevisionSource {
    /// In this header.
    Header(String),
    /// At this place of the JSON body.
    Pointer(String),
}

/// How a service is started anew, and when it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct RestartSpec {
    /// The command.
    pub command: CommandSpec,
    /// After this long it is stopped.
    pub timeout: Duration,
    /// When the revision counts as live again.
    pub proof: ProofSpec,
}

/// How a new revision is put in place, and when it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploySpec {
    /// The command; unset, the platform is asked by a request.
    pub command: Option<CommandSpec>,
    /// Brings the revision back that is put in for `{revision}`.
    pub rollback: Option<CommandSpec>,
    /// Who knows how it goes.
    pub platform: Option<PlatformSpec>,
    /// After this long it is stopped.
    pub timeout: Duration,
    /// When the new revision counts as live.
    pub proof: ProofSpec,
}

/// The revision probe has to agree with itself, on fresh connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofSpec {
    /// How many answers in a row; at least one.
    pub streak: u32,
    /// From one question to the next.
    pub interval: Duration,
    /// How long to wait after the command has ended.
    pub timeout: Duration,
    /// The rung on which it is live; unset, the highest one that can be shown.
    pub live_at: Option<Rung>,
    /// What the revision probe has to show, `{suffix}` and `{commit}` still to be put in; unset, what the deploy names.
    pub expect: Option<String>,
}

/// A WebSocket connection to a source of agent events.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamSpec {
    /// Its name.
    pub name: String,
    /// Where to connect, `ws://` or `wss://`.
    pub url: String,
    /// How its messages travel.
    pub transport: Transport,
    /// How it is asked for, over HTTP.
    pub method: Method,
    /// What is sent with that.
    pub body: Option<String>,
    /// In which words it speaks.
    pub language: Language,
    /// The service that it belongs to.
    pub service: Option<String>,
    /// Offered in the opening handshake.
    pub subprotocols: Vec<String>,
    /// Headers of the opening handshake.
    pub headers: Vec<HeaderSpec>,
    /// Where the token comes from.
    pub token: Option<TokenSpec>,
    /// In which ways the token is shown to the server, all at once.
    pub offers: Vec<OfferSpec>,
    /// Where it says which revision it talks to.
    pub revision: Option<RevisionSource>,
    /// The message that starts an agent run.
    pub start: Option<String>,
    /// The messages that are kept for it: a name, and the text as it was written.
    pub messages: Vec<(String, String)>,
    /// How long the opening handshake may take.
    pub open_timeout: Duration,
    /// From one ping to the next.
    pub ping_interval: Duration,
    /// At which age a connection is replaced.
    pub rotate_before: Option<Duration>,
    /// Whether a normal close is followed by a new connection.
    pub keep_open: bool,
    /// What follows certain close codes.
    pub close_codes: Vec<(u16, CloseAction)>,
    /// How a new connection says what came last.
    pub resume: Option<ResumeSpec>,
}

/// How a new connection says what came last on the one before, so that the server goes on there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResumeSpec {
    /// Where in a message its id stands; unset, its sequence number counts.
    pub pointer: Option<String>,
    /// The query parameter that says it.
    pub query: Option<String>,
    /// The header that says it.
    pub header: Option<String>,
    /// The first message that says it, `{last}` still to be put in.
    pub message: Option<String>,
}

/// A contract and how it is held against a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct ContractPlan {
    /// What must come.
    pub spec: ContractSpec,
    /// Where it must come from.
    pub stream: StreamSpec,
    /// What is sent once the connection is ready.
    pub message: Option<String>,
    /// Whether the server says by an event that it is ready.
    pub announces_ready: bool,
    /// How long the whole may take.
    pub timeout: Duration,
    /// How long is listened on after the end of the run.
    pub settle: Duration,
    /// How many users run it at once.
    pub users: u32,
    /// What a user is called; `{n}` is its number.
    pub user: Option<String>,
}

/// How a run is held and stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSpec {
    /// From SIGINT to SIGTERM.
    pub interrupt_grace: Duration,
    /// From SIGTERM to SIGKILL.
    pub terminate_grace: Duration,
    /// Whether a run waits while a service is down or deploying.
    pub hold_on_unhealthy: bool,
    /// How long a headless run waits.
    pub hold_limit: Duration,
    /// How long a batch of the plan takes.
    pub batch: Duration,
}
