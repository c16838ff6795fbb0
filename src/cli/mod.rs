//! Wiring and exit codes: from the words of the command line to an engine, a screen, or both.

pub mod args;
pub mod check;
pub mod exit;
pub mod headless;
pub mod print;
pub mod project;
pub mod trust;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use color_eyre::eyre::Context;

use args::{Arguments, Command};
use exit::Exit;
use project::{NotUsable, Yes};

use crate::config::theme::ThemeWords;
use crate::engine::session;
use crate::ui::action::key_table;

/// Runs the program with the words of the command line.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match dispatch(arguments) {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("liveloop: {error:#}");
            Exit::Environment.into()
        }
    }
}

fn dispatch(arguments: Arguments) -> color_eyre::Result<ExitCode> {
    let yes = if arguments.trust { Yes::Given } else { Yes::Ask };
    match arguments.command {
        Some(Command::Run(run)) => {
            let opening = match open(arguments.project.as_deref(), Yes::Given, "run") {
                Ok(opening) => opening,
                Err(error) => return Ok(refuse(&error)),
            };
            runtime()?.block_on(async {
                match session::open(opening.session) {
                    Ok(session) => Ok(headless::run(session, run).await.into()),
                    Err(error) => {
                        eprintln!("liveloop: {error}");
                        Ok(Exit::Environment.into())
                    }
                }
            })
        }
        Some(Command::Check) => Ok(check(arguments.project.as_deref())),
        Some(Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Arguments::command(), "liveloop", &mut std::io::stdout());
            Ok(Exit::Green.into())
        }
        Some(Command::Keys) => {
            print!("{}", key_table());
            Ok(Exit::Green.into())
        }
        None | Some(Command::Demo(_) | Command::Replay { .. }) => {
            let _ = yes;
            Ok(Exit::Usage.into())
        }
    }
}

fn open(folder: Option<&std::path::Path>, yes: Yes, what: &'static str) -> Result<project::Opening, NotUsable> {
    let (root, files) = project::locate(folder)?;
    project::open(root, &files, yes, what)
}

fn refuse(error: &NotUsable) -> ExitCode {
    eprintln!("liveloop: {error}");
    Exit::Usage.into()
}

fn check(folder: Option<&std::path::Path>) -> ExitCode {
    let (_, files) = match project::locate(folder) {
        Ok(found) => found,
        Err(error) => return refuse(&error),
    };
    let roles: Vec<&str> = crate::ui::theme::Role::ALL.iter().map(|(_, name)| *name).collect();
    let colour = |_: &str| Ok(());
    let report = project::with_vocabulary(|vocabulary| {
        check::check(
            &files,
            vocabulary,
            ThemeWords {
                roles: &roles,
                fields: &["fg", "bg", "underline", "modifiers"],
                others: &["name", "palette"],
                colour: &colour,
            },
            &project::variable,
        )
    });
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
