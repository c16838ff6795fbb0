//! Test tools as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::template::Template;
use crate::config::timespan::Timespan;

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
