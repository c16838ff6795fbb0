//! Wiring and exit codes: from the words of the command line to an engine, a screen, or both.

mod alone;
pub mod args;
mod autopilot;
mod change;
pub mod check;
pub mod console;
mod contract;
pub mod demo;
pub mod deploy;
pub mod exit;
mod gate;
mod github;
pub mod handoff;
pub mod headless;
pub mod history;
mod known;
pub mod null;
mod past;
pub mod plan;
pub mod print;
mod progress;
pub mod project;
mod prove;
pub mod report;
mod resumed;
pub mod screen;
pub mod spoilt;
pub mod stream;
pub mod table;
pub mod trust;
pub mod worth;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use color_eyre::eyre::Context;

use args::{Arguments, Command, DemoArguments, RunArguments};
use exit::Exit;
use project::{NotUsable, Opening, Yes};

use crate::engine::http::install_crypto;
use crate::engine::session;
use crate::ui::action::key_table;

/// Runs the program with the words of the command line.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    install_crypto();
    match dispatch(&arguments) {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("liveloop: {error:#}");
            Exit::Environment.into()
        }
    }
}

fn dispatch(arguments: &Arguments) -> color_eyre::Result<ExitCode> {
    let folder = arguments.project.as_deref();
    match &arguments.command {
        Some(Command::Run(run)) => match open(arguments, Yes::Given, "run") {
            Ok(opening) => runtime()?.block_on(run_headless(opening, run.clone())),
            Err(error) => Ok(refuse(&error)),
        },
        Some(Command::Deploy(wanted)) => match open(arguments, Yes::Given, "deploy") {
            Ok(opening) => runtime()?.block_on(deploy::deploy(opening, wanted)).map(Into::into),
            Err(error) => Ok(refuse(&error)),
        },
        Some(Command::Demo(demo)) => runtime()?.block_on(run_demo(demo, arguments)),
        Some(Command::History(wanted)) => match project::locate(folder) {
            Ok((root, files)) => Ok(history::tell(&root, &files, wanted).into()),
            Err(error) => Ok(refuse(&error)),
        },
        Some(Command::Plan(asked)) => match project::locate(folder) {
            Ok((root, _)) => Ok(plan::tell(&root, asked).into()),
            Err(error) => Ok(refuse(&error)),
        },
        Some(Command::Report(asked)) => match project::locate(folder) {
            Ok((root, _)) => Ok(report::tell(&root, asked).into()),
            Err(error) => Ok(refuse(&error)),
        },
        Some(Command::Handoff { test }) => match project::locate(folder) {
            Ok((root, _)) => Ok(handoff::print(&root, test.as_deref()).into()),
            Err(error) => Ok(refuse(&error)),
        },
        Some(Command::Stream(asked)) => Ok(stream::tell(folder, asked).into()),
        Some(Command::Check) => Ok(check(folder)),
        Some(Command::Completions { shell }) => {
            clap_complete::generate(*shell, &mut Arguments::command(), "liveloop", &mut std::io::stdout());
            Ok(Exit::Green.into())
        }
        Some(Command::Keys) => {
            print!("{}", key_table());
            Ok(Exit::Green.into())
        }
        Some(Command::Replay { file }) => {
            let (root, files) = match project::locate(folder) {
                Ok(found) => found,
                Err(error) => return Ok(refuse(&error)),
            };
            let configuration = match project::configure(&files) {
                Ok(configuration) => configuration,
                Err(error) => return Ok(refuse(&error)),
            };
            let settings = screen::settings(&configuration, files.user.themes().as_deref(), arguments.theme.as_deref());
            let exit = runtime()?.block_on(console::replay(file.as_deref(), &root, settings))?;
            Ok(exit.into())
        }
        None => {
            let yes = if arguments.trust { Yes::Given } else { Yes::Ask };
            match open(arguments, yes, "console") {
                Ok(opening) => runtime()?.block_on(run_console(opening, arguments.theme.as_deref())),
                Err(error) => Ok(refuse(&error)),
            }
        }
    }
}

async fn run_console(opening: Opening, theme: Option<&str>) -> color_eyre::Result<ExitCode> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        eprintln!("liveloop: the console needs a terminal; `liveloop run` works without one");
        return Ok(Exit::Usage.into());
    }
    let settings = screen::settings(&opening.configuration, opening.themes.as_deref(), theme);
    Ok(console::open(opening, settings).await?.into())
}

async fn run_demo(arguments: &DemoArguments, all: &Arguments) -> color_eyre::Result<ExitCode> {
    let mut demo = demo::start(arguments).await?;
    demo.opening.session.read_only = all.read_only;
    let _environment = demo.environment;
    if arguments.headless {
        return run_headless(demo.opening, RunArguments::default()).await;
    }
    run_console(demo.opening, all.theme.as_deref()).await
}

async fn run_headless(mut opening: Opening, arguments: RunArguments) -> color_eyre::Result<ExitCode> {
    // A run without a screen ends by itself: nothing starts further ones.
    opening.session.project.watch.spec.enabled = false;
    if arguments.until_green {
        if let Err(why) = autopilot::configure(&mut opening.session.project, &arguments) {
            eprintln!("liveloop: {why}");
            return Ok(Exit::Usage.into());
        }
    } else if arguments.deploy.len() > 1 {
        eprintln!("liveloop: --deploy names one service here; several are deployed with --until-green");
        return Ok(Exit::Usage.into());
    }
    if let Err(why) = may_deploy(&opening, &arguments) {
        eprintln!("liveloop: {why}");
        return Ok(Exit::Usage.into());
    }
    match session::open(opening.session) {
        Ok(session) if arguments.until_green => Ok(autopilot::fly(session, arguments).await.into()),
        Ok(session) => Ok(headless::run(session, arguments).await.into()),
        Err(error) => {
            eprintln!("liveloop: {error}");
            Ok(Exit::Environment.into())
        }
    }
}

/// Whether the deploy that a run begins with, or those of the autopilot, may be done here.
fn may_deploy(opening: &Opening, arguments: &RunArguments) -> Result<(), String> {
    let project = &opening.session.project;
    if let Some(name) = arguments.deploy_first() {
        change::deployable(project, name)?;
    }
    if arguments.until_green || arguments.deploys() {
        change::pass(project, opening.session.read_only, arguments.yes.as_ref())?;
    }
    Ok(())
}

fn open(arguments: &Arguments, yes: Yes, what: &'static str) -> Result<Opening, NotUsable> {
    let (root, files) = project::locate(arguments.project.as_deref())?;
    let mut opening = project::open(root, &files, yes, what)?;
    opening.session.read_only = arguments.read_only;
    Ok(opening)
}

fn refuse(error: &NotUsable) -> ExitCode {
    eprintln!("liveloop: {error}");
    Exit::Usage.into()
}

fn check(folder: Option<&Path>) -> ExitCode {
    let (_, files) = match project::locate(folder) {
        Ok(found) => found,
        Err(error) => return refuse(&error),
    };
    let report = project::with_vocabulary(|vocabulary| check::check(&files, vocabulary, &project::variable));
    print!("{}", report.text);
    ExitCode::from(report.exit_code)
}

fn runtime() -> color_eyre::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .wrap_err("failed to start the runtime")
}
