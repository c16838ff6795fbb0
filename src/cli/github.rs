//! What a headless run leaves on GitHub when it runs there: annotations at the failing lines, and a job summary.
//!
//! The formats are those of GitHub's workflow commands (`::error file=…,line=…::…`) and of the file that
//! `GITHUB_STEP_SUMMARY` names, to which a step appends Markdown. The summary is the report; where that is larger than
//! GitHub takes, it is a page of a few lines.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::Value;

use super::print::summary;
use crate::domain::{State, TestCase};
use crate::report::facts::Status;
use crate::report::{About, Facts, Form, render};

/// GitHub shows so many annotations of a step, and drops the others silently.
const ANNOTATIONS: usize = 10;
/// What all summaries of a step may have together, in bytes; GitHub refuses one of more than a MiB as a whole.
const LARGEST: u64 = 900_000;
/// How many failures the small page lists.
const LISTED: usize = 50;
/// The longest message on the small page, in characters.
const MESSAGE: usize = 300;

/// Whether this runs in a workflow of GitHub's.
#[must_use]
pub(super) fn is_here() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// One line a failure, as the runner's log reads them; what goes beyond its limit is said in the last one.
#[must_use]
pub(super) fn annotations(state: &State) -> Vec<String> {
    let failed: Vec<&TestCase> = failures(state).collect();
    let mut lines: Vec<String> = failed.iter().take(ANNOTATIONS).map(|test| annotation(test)).collect();
    if failed.len() > ANNOTATIONS {
        let rest = failed.len() - ANNOTATIONS + 1;
        lines.truncate(ANNOTATIONS - 1);
        lines.push(format!("::error title=liveloop::{rest} more tests failed; the job summary lists them"));
    }
    lines
}

fn annotation(test: &TestCase) -> String {
    let frames = test.latest.as_ref().and_then(|latest| latest.detail.as_ref()).map(|detail| detail.frames.as_slice());
    let own = frames.and_then(|frames| frames.iter().rev().find(|frame| frame.own && frame.line > 0));
    let place = own.map_or_else(String::new, |frame| format!("file={},line={},", property(&frame.path), frame.line));
    let message = test.message().map_or("failed", |message| &**message);
    format!("::error {place}title={}::{}", property(&test.node), data(message))
}

/// The value of a workflow command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The text of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn failures(state: &State) -> impl Iterator<Item = &TestCase> {
    state.inventory.tests().map(|(_, test)| test).filter(|test| !test.gone && test.fails() && !test.stale)
}

/// Appends the summary to the file that the runner names.
///
/// # Errors
/// In words, when there is such a file and it cannot be written.
pub(super) fn summarize(state: &State, about: &About, complete: bool) -> Result<(), String> {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").map(PathBuf::from) else { return Ok(()) };
    let taken = std::fs::metadata(&path).map_or(0, |file| file.len());
    let text = fitting(state, about, complete, LARGEST.saturating_sub(taken));
    let mut file = OpenOptions::new().append(true).create(true).open(&path);
    let written = file
        .as_mut()
        .map_err(|error| error.to_string())
        .and_then(|file| file.write_all(text.as_bytes()).map_err(|error| error.to_string()));
    written.map_err(|why| format!("the job summary could not be written to {}: {why}", path.display()))
}

/// The report, or the small page where only that fits; where nothing of the session is known, the small page says so.
fn fitting(state: &State, about: &About, complete: bool, room: u64) -> String {
    let facts = Facts::of(state, about);
    let report = render(&facts, Form::Markdown, None).map(|text| text + "\n");
    report.ok().filter(|text| text.len() as u64 <= room).unwrap_or_else(|| page(state, &facts.status, complete))
}

/// A small page as Markdown, every number from the same place as the JSON summary's.
fn page(state: &State, status: &Status, complete: bool) -> String {
    let summary = summary(state, complete, &[]);
    let mut page = format!("## liveloop: cycle {}. {}\n\n", state.cycle, status.sentence);
    let names =
        ["selected", "finished", "passed", "failed", "errored", "known", "environment", "straddled", "lost", "not_run"];
    let counted: Vec<(&str, u64)> =
        names.into_iter().map(|name| (name, summary[name].as_u64().unwrap_or_default())).collect();
    let told = || counted.iter().filter(|(name, count)| *count > 0 || matches!(*name, "selected" | "passed"));
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    page += &row(told().map(|(name, _)| name.replace('_', " ")).collect());
    page += &row(told().map(|_| "---:".to_owned()).collect());
    page += &row(told().map(|(_, count)| count.to_string()).collect());
    for why in summary["ended"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        page += &format!("\n{}\n", cell(why));
    }
    let failed: Vec<&TestCase> = failures(state).collect();
    if !failed.is_empty() {
        page += "\n| failed | message |\n| --- | --- |\n";
    }
    for test in failed.iter().take(LISTED) {
        let message = test.message().map_or("", |message| &**message);
        page += &format!("| {} | {} |\n", cell(&test.node), cell(message));
    }
    if failed.len() > LISTED {
        page += &format!("\n{} more are not listed.\n", failed.len() - LISTED);
    }
    page + "\n"
}

/// Text that stays in its cell of a table, and does nothing there.
fn cell(text: &str) -> String {
    let mut told: String = text.lines().next().unwrap_or_default().chars().take(MESSAGE).collect();
    if text.lines().nth(1).is_some() || text.chars().nth(MESSAGE).is_some() {
        told.push('…');
    }
    told.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|").replace('`', "\\`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_end_its_command() {
        assert_eq!(data("100% wrong\n::error::mine"), "100%25 wrong%0A::error::mine");
        assert_eq!(property("a,b:c"), "a%2Cb%3Ac");
    }

    #[test]
    fn a_report_that_does_not_fit_leaves_the_small_page() {
        let (state, about) = (State::default(), About::default());
        assert!(fitting(&state, &about, true, LARGEST).contains("No test has run."));
        assert!(fitting(&state, &about, true, 10).starts_with("## liveloop: cycle"));
    }

    #[test]
    fn a_message_stays_in_its_cell() {
        assert_eq!(cell("a | b\nmore"), "a \\| b…");
        assert_eq!(cell("<img src=x>"), "&lt;img src=x>");
        assert_eq!(cell(&"x".repeat(400)).chars().count(), MESSAGE + 1);
    }
}
