//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::config::timespan::Timespan;
use crate::domain::NullKind;
use crate::domain::{Baseline, MOST_REPETITIONS};

/// A terminal console for the test-deploy loop.
#[derive(Debug, Parser)]
#[command(name = "liveloop", version, max_term_width = 100)]
#[command(after_help = "Without a command: the console, in this project.")]
pub struct Arguments {
    /// What to do; without it, the console opens.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The project's folder; without it, the nearest one above that has a liveloop.toml, else this one.
    #[arg(long, short = 'C', global = true, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Says yes to the commands that the project's file names, without asking.
    #[arg(long, global = true)]
    pub trust: bool,
    /// Changes nothing in the environment: no deploy, rollback or restart, nothing sent, no agent started. Tests run.
    #[arg(long, global = true)]
    pub read_only: bool,
    /// The theme: auto, dark, light, high-contrast, or one of your own.
    #[arg(long, global = true, value_name = "NAME")]
    pub theme: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The console on an embedded staging environment, with a story to solve.
    Demo(DemoArguments),
    /// Runs tests without a screen: for CI and scripts.
    Run(RunArguments),
    /// Deploys services without a screen, and says whether the new revisions serve.
    Deploy(DeployArguments),
    /// A session again, from its journal: play, pause, step, seek.
    Replay {
        /// The journal; without it, the newest one of this project.
        file: Option<PathBuf>,
    },
    /// What earlier runs came to, newest first; with a test's name, that test's record.
    History(HistoryArguments),
    /// What a session came to, from its journal: as Markdown, HTML, JSON, JUnit XML or CTRF.
    Report(super::report::ReportArguments),
    /// Prints what failed last as Markdown, for a colleague or a coding agent.
    Handoff {
        /// Words of a test's id; without them, every cause that is open.
        test: Option<String>,
    },
    /// Explains a captured agent stream, finds out its protocol, counts its types.
    #[command(subcommand)]
    Stream(super::stream::StreamCommand),
    /// Checks configuration, keys and themes: every mistake with file, line and column.
    Check,
    /// Prints completions for a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Prints the key table in Markdown, as the README has it.
    #[command(hide = true)]
    Keys,
}

/// How the demo behaves.
#[derive(Debug, Clone, Args)]
pub struct DemoArguments {
    /// What the environment lives through.
    #[arg(long, value_enum, default_value_t = DemoScenario::Story)]
    pub scenario: DemoScenario,
    /// Scales every wait of the environment: 0.5 is twice as fast.
    #[arg(long, default_value_t = 1.0, value_parser = pace)]
    pub pace: f64,
    /// Runs the tests without a screen, once, and ends.
    #[arg(long)]
    pub headless: bool,
}

/// What the demo's environment lives through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DemoScenario {
    /// Every redeploy of the backend mends one fault.
    Story,
    /// Everything works.
    Green,
    /// Connections drop and health comes and goes.
    Flap,
}

/// Which tests run without a screen, and what is printed.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArguments {
    /// Words that a test's id must contain; several are alternatives. Without any, everything runs.
    #[arg(value_name = "SELECTOR")]
    pub selectors: Vec<String>,
    /// Exactly the tests that failed last in this project.
    #[arg(long)]
    pub failed: bool,
    /// Goes on with the cycle that was broken off last, without running again what it has finished.
    #[arg(long, conflicts_with_all = ["selectors", "failed", "repeat", "until_fails", "null"])]
    pub resume: bool,
    /// Deploys this service first and runs once the new revision serves and is healthy; with --failed, what failed
    /// runs, then what the deploy made stale.
    #[arg(long, value_name = "SERVICE", conflicts_with_all = ["null", "repeat", "until_fails"])]
    pub deploy: Vec<String>,
    /// The autopilot: runs, has what fails mended, deploys and proves, until everything is green on what serves.
    #[arg(long, conflicts_with_all = ["selectors", "failed", "repeat", "until_fails", "null", "gate", "baseline"])]
    pub until_green: bool,
    /// The most cycles that the autopilot begins.
    #[arg(long, value_name = "N", requires = "until_green", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub max_cycles: Option<u32>,
    /// The longest time that the autopilot takes: 90s, 45m, 8h.
    #[arg(long, value_name = "TIME", requires = "until_green", value_parser = timespan)]
    pub max_time: Option<Timespan>,
    /// The name of the environment: what deploying into a protected one takes.
    #[arg(long, value_name = "ENVIRONMENT")]
    pub yes: Option<String>,
    /// What the autopilot calls to have mended what fails, as a shell has it; exit 0: changed, 10: nothing to do.
    #[arg(long, value_name = "COMMAND", requires = "until_green")]
    pub fix: Option<String>,
    /// What results are compared with: previous, green, a cycle's number or name, or a file (JUnit XML, CTRF, TAP).
    #[arg(long, value_name = "WHAT", value_parser = baseline)]
    pub baseline: Option<Baseline>,
    /// Runs the selected tests so many times, all in one cycle.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_REPETITIONS)), conflicts_with = "until_fails")]
    pub repeat: Option<u32>,
    /// Runs the selected tests until one fails, at most so many times.
    #[arg(long, value_name = "MAX", num_args = 0..=1, require_equals = true, default_missing_value = "100", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_REPETITIONS)))]
    pub until_fails: Option<u32>,
    /// Tiers that alone decide how it ends, `P1,P2`: what fails elsewhere is shown and does not count.
    #[arg(long, value_name = "TIER", value_delimiter = ',')]
    pub gate: Vec<String>,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// A null run: executes the tests without their environment, to learn which passes prove nothing about it.
    #[arg(long, value_enum, value_name = "WITH", num_args = 0..=1, require_equals = true, default_missing_value = "refused")]
    pub null: Option<Null>,
    /// Starts although a service is down or being deployed.
    #[arg(long)]
    pub force: bool,
    /// Writes a report at the end, in the form that the file's name asks for: .md, .html, .json, .xml or .ctrf.json.
    #[arg(long, value_name = "FILE", value_parser = report)]
    pub report: Option<PathBuf>,
}

impl RunArguments {
    /// Whether something is deployed before the tests run.
    #[must_use]
    pub fn deploys(&self) -> bool {
        !self.deploy.is_empty()
    }

    /// The service that is deployed before the tests run.
    #[must_use]
    pub fn deploy_first(&self) -> Option<&str> {
        self.deploy.first().map(String::as_str)
    }
}

/// What is deployed without a screen.
#[derive(Debug, Clone, Args)]
pub struct DeployArguments {
    /// The services, as liveloop.toml names them; of several each begins when the one before is live, those first that
    /// others need.
    #[arg(value_name = "SERVICE", required_unless_present = "all")]
    pub services: Vec<String>,
    /// Every service that can be deployed.
    #[arg(long, conflicts_with_all = ["services", "to"])]
    pub all: bool,
    /// Starts the service anew in the revision that serves, by its restart command.
    #[arg(long, conflicts_with_all = ["all", "to"])]
    pub restart: bool,
    /// The name of the environment: what changing a protected one takes.
    #[arg(long, value_name = "ENVIRONMENT")]
    pub yes: Option<String>,
    /// Brings this earlier revision back instead of a new one, by the deploy's rollback command.
    #[arg(long, value_name = "REVISION")]
    pub to: Option<String>,
    /// Prints the exact command or request, and does nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// What is asked of the history.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_precedence_over_arg = true)]
pub struct HistoryArguments {
    /// What is done with the history rather than asked of it.
    #[command(subcommand)]
    pub action: Option<HistoryAction>,
    /// A test's full name, or a part of it.
    #[arg(value_name = "TEST", conflicts_with_all = ["slowest", "flakiest", "causes"])]
    pub test: Option<String>,
    /// The tests that usually take longest.
    #[arg(long, conflicts_with_all = ["flakiest", "causes"])]
    pub slowest: bool,
    /// The tests that pass and fail on the same revision, with their rate.
    #[arg(long, conflicts_with = "causes")]
    pub flakiest: bool,
    /// Why tests failed, what was met last first.
    #[arg(long)]
    pub causes: bool,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// How many lines at most.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: u32,
}

/// What is done with the history.
#[derive(Debug, Clone, Subcommand)]
pub enum HistoryAction {
    /// Makes the history anew from the journals of this project.
    Rebuild,
    /// Brings files of results in as cycles of the past: JUnit XML, CTRF or TAP.
    Import {
        /// Files of results, one cycle each.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Deletes what the history holds of old cycles. Named cycles and the newest green one stay.
    Prune(PruneArguments),
}

/// What is deleted from the history.
#[derive(Debug, Clone, Copy, Args)]
pub struct PruneArguments {
    /// How many of the newest cycles stay; without it, as `history.keep_cycles` says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: Option<u32>,
    /// Deletes nothing and says what would go.
    #[arg(long)]
    pub dry_run: bool,
    /// Deletes the journals too that tell of nothing but those cycles.
    #[arg(long)]
    pub journals: bool,
}

/// What stands in for the environment in a null run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Null {
    /// Nothing: every connection is refused.
    Refused,
    /// A server that is healthy and knows nothing: 200 on health, 404 elsewhere, 403 on WebSockets.
    Stub,
}

impl From<Null> for NullKind {
    fn from(null: Null) -> Self {
        match null {
            Null::Refused => Self::Refused,
            Null::Stub => Self::Stub,
        }
    }
}

/// What a headless run prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// A line a module, failures in full at the end.
    #[default]
    Human,
    /// A JSON object a line, a summary at the end.
    Json,
}

/// A word, a number, a file that there is, or the name of a cycle.
fn baseline(text: &str) -> Result<Baseline, String> {
    let is_file = std::path::Path::new(text).is_file();
    match Baseline::parse(text) {
        Some(Baseline::Named(path)) if is_file => Ok(Baseline::File(from_here(&path).into())),
        Some(Baseline::File(path)) => Ok(Baseline::File(from_here(&path).into())),
        Some(baseline) => Ok(baseline),
        None => Err("it is empty".to_owned()),
    }
}

/// A file of the folder that one is in; any other path is one of the project's.
fn from_here(path: &str) -> String {
    let whole = std::path::absolute(path).ok().filter(|whole| whole.is_file());
    whole.map_or_else(|| path.to_owned(), |whole| whole.to_string_lossy().into_owned())
}

/// A file whose name says which form of report is wanted.
fn report(text: &str) -> Result<PathBuf, String> {
    super::report::form_of(text.as_ref()).map(|_| text.into())
}

fn timespan(text: &str) -> Result<Timespan, String> {
    text.parse()
}

fn pace(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(pace) if (0.01..=100.0).contains(&pace) => Ok(pace),
        _ => Err("a number from 0.01 to 100".to_owned()),
    }
}
