//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

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
    /// A session again, from its journal: play, pause, step, seek.
    Replay {
        /// The journal; without it, the newest one of this project.
        file: Option<PathBuf>,
    },
    /// Prints what failed last as Markdown, for a colleague or a coding agent.
    Handoff {
        /// Words of a test's id; without them, every cause that is open.
        test: Option<String>,
    },
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
    /// Tiers that alone decide how it ends, `P1,P2`: what fails elsewhere is shown and does not count.
    #[arg(long, value_name = "TIER", value_delimiter = ',')]
    pub gate: Vec<String>,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Starts although a service is down or being deployed.
    #[arg(long)]
    pub force: bool,
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

fn pace(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(pace) if (0.01..=100.0).contains(&pace) => Ok(pace),
        _ => Err("a number from 0.01 to 100".to_owned()),
    }
}
