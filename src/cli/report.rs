//! `liveloop report`: what a session came to, from its journal, for whoever was not there.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::exit::Exit;
use crate::domain::{Effects, State};
use crate::engine::reports::{read_template, replace};
use crate::engine::{folder, journal};
use crate::report::{About, Facts, Form, render};

/// How many journals are looked at for one in which tests ran.
const LOOKED_AT: usize = 10;

/// What is reported, and how.
#[derive(Debug, Clone, Default, Args)]
pub struct ReportArguments {
    /// The session's journal; without it, the newest one of this project in which tests ran.
    #[arg(long, value_name = "FILE")]
    pub session: Option<PathBuf>,
    /// The form; without it, the one that the output's name asks for, else Markdown.
    #[arg(long, value_enum)]
    pub format: Option<ReportFormat>,
    /// Where it is written; without it, it is printed.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// A template of your own (minijinja), filled with the facts that the JSON form shows.
    #[arg(long, value_name = "FILE")]
    pub template: Option<PathBuf>,
    /// Tiers whose passes must prove something, `P1,P2`; without it, all of them.
    #[arg(long, value_name = "TIER", value_delimiter = ',')]
    pub gate: Vec<String>,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Markdown.
    Md,
    /// One HTML file.
    Html,
    /// The facts themselves.
    Json,
    /// JUnit XML.
    Junit,
    /// The Common Test Report Format.
    Ctrf,
}

impl From<ReportFormat> for Form {
    fn from(format: ReportFormat) -> Self {
        match format {
            ReportFormat::Md => Self::Markdown,
            ReportFormat::Html => Self::Html,
            ReportFormat::Json => Self::Json,
            ReportFormat::Junit => Self::Junit,
            ReportFormat::Ctrf => Self::Ctrf,
        }
    }
}

/// Writes the report of a session of the project in `root`. Whether the session was green does not change the exit code:
/// the report was asked for, not a verdict.
pub fn tell(root: &Path, asked: &ReportArguments) -> Exit {
    match made(root, asked) {
        Ok(()) => Exit::Green,
        Err((exit, why)) => {
            eprintln!("liveloop: {why}");
            exit
        }
    }
}

fn made(root: &Path, asked: &ReportArguments) -> Result<(), (Exit, String)> {
    let named = asked.output.as_deref().map(form_of).transpose();
    let form = match asked.format {
        Some(format) => format.into(),
        // A template may make whatever it likes.
        None if asked.template.is_some() => named.ok().flatten().unwrap_or(Form::Markdown),
        None => named.map_err(|why| (Exit::Usage, why))?.unwrap_or(Form::Markdown),
    };
    let template = asked.template.as_deref().map(read_template).transpose().map_err(|why| (Exit::Usage, why))?;
    let (state, about) = match &asked.session {
        Some(path) => read(path).map_err(|why| (Exit::Usage, why))?,
        None => newest(root).map_err(|why| (Exit::NothingSelected, why))?,
    };
    let about = About { gate: asked.gate.clone(), ..about };
    check_gate(&state, &about.gate).map_err(|why| (Exit::Usage, why))?;
    let facts = Facts::of(&state, &about);
    let template = template.as_ref().map(|(name, source)| (name.as_str(), source.as_str()));
    let text = render(&facts, form, template).map_err(|why| (Exit::Usage, why))?;
    match &asked.output {
        Some(path) => replace(path, &text).map_err(|why| (Exit::Environment, why)),
        None => {
            // A reader that has gone wants no more.
            let _ = std::io::stdout().write_all(text.as_bytes());
            Ok(())
        }
    }
}

/// The form that a file's name asks for.
///
/// # Errors
/// When it asks for none that there is.
pub fn form_of(path: &Path) -> Result<Form, String> {
    let known = path.file_name().and_then(|name| Form::of_name(&name.to_string_lossy()));
    known.ok_or_else(|| format!("{}: no form of report ends so: .md, .html, .json, .xml or .ctrf.json", path.display()))
}

/// Writes a report of a state into a file, in the form that its name asks for.
///
/// # Errors
/// When it cannot be written.
pub fn keep(path: &Path, state: &State, about: &About) -> Result<(), String> {
    let text = render(&Facts::of(state, about), form_of(path)?, None)?;
    replace(path, &text)
}

fn check_gate(state: &State, gate: &[String]) -> Result<(), String> {
    let tiers = state.inventory.tiers();
    match gate.iter().find(|name| tiers.named(name).is_none()) {
        None => Ok(()),
        Some(unknown) => {
            let known: Vec<&str> = tiers.iter().map(|(_, tier)| &*tier.spec.name).collect();
            let known = if known.is_empty() { "the session has none".to_owned() } else { known.join(", ") };
            Err(format!("there is no tier {unknown}: {known}"))
        }
    }
}

/// Folds a journal.
fn read(path: &Path) -> Result<(State, About), String> {
    let (mut state, mut effects) = (State::default(), Effects::new());
    let (_, broken, torn) = journal::scan(path, |entry| {
        state.apply(&entry, &mut effects);
        effects.clear();
    })
    .map_err(|error| format!("{}: {error}", path.display()))?;
    let journal = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok((state, About { broken, torn, journal, gate: Vec::new() }))
}

/// The newest session in which a test has run.
fn newest(root: &Path) -> Result<(State, About), String> {
    let mut reason = format!("this project has no session yet: {}", root.display());
    for path in folder::journals(&root.join(".liveloop/sessions")).into_iter().take(LOOKED_AT) {
        match read(&path) {
            Ok((state, about)) if state.runs.newest().is_some() => return Ok((state, about)),
            Ok(_) => "no test has run yet in this project's newest sessions".clone_into(&mut reason),
            Err(why) => reason = why,
        }
    }
    Err(reason)
}
