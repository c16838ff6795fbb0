//! `liveloop history`: what earlier sessions came to, asked of the history beside their journals.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::Offset;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::args::{Format, HistoryAction, HistoryArguments};
use super::exit::Exit;
use super::past;
use super::table::{Lay, Table};
use crate::config::files::Files;
use crate::domain::{FlakeRate, Moment, Span};
use crate::engine::history::journals::{self, Fate};
use crate::engine::history::query::{self, PastAttempt, PastCause, PastRun, PastTest, Standing};
use crate::engine::history::schema::{self, Trouble};
use crate::engine::{clock, folder};
use crate::ui::text::{first_line, took};

/// Answers what was asked, or makes the history anew.
#[must_use]
pub fn tell(root: &Path, files: &Files, wanted: &HistoryArguments) -> Exit {
    let state = root.join(".liveloop");
    let told = match &wanted.action {
        Some(HistoryAction::Rebuild) => rebuild(&state),
        Some(HistoryAction::Import { files: results }) => past::import(root, files, results),
        Some(HistoryAction::Prune(wanted)) => past::prune(root, files, *wanted),
        None => schema::open_to_read(&schema::path(&state)).and_then(|connection| answer(&connection, wanted)),
    };
    told.unwrap_or_else(|trouble| {
        eprintln!("liveloop: {trouble}");
        match trouble {
            Trouble::Missing => Exit::NothingSelected,
            Trouble::TooNew { .. } | Trouble::Corrupt(_) | Trouble::Locked | Trouble::Failed(_) => Exit::Environment,
        }
    })
}

fn rebuild(state: &Path) -> Result<Exit, Trouble> {
    let sessions = state.join("sessions");
    if !sessions.is_dir() {
        return Err(Trouble::Missing);
    }
    let file = schema::path(state);
    let mut connection = match schema::open(&file) {
        Err(Trouble::Corrupt(_)) => {
            let moved = schema::move_aside(&file, &folder::stamp(clock::Clock::start().now()));
            let aside = moved.map_err(|error| Trouble::Failed(error.to_string()))?;
            println!("history.db was damaged; it is {} now", aside.display());
            schema::open(&file)?
        }
        opened => opened?,
    };
    // A session that runs goes on writing; what is under way there is its own to finish.
    let newest = if folder::is_held(state) { Fate::Open } else { Fate::Over };
    let (mut entries, mut broken) = (0, 0);
    let count = journals::rebuild(&mut connection, &sessions, newest, |_, caught| {
        entries += caught.entries;
        broken += caught.broken;
    })?;
    let passed_over = if broken > 0 { format!(", {broken} lines could not be understood") } else { String::new() };
    println!("{} is rebuilt from {count} journals with {entries} entries{passed_over}", file.display());
    Ok(Exit::Green)
}

fn answer(connection: &Connection, wanted: &HistoryArguments) -> Result<Exit, Trouble> {
    let printer = Printer::new(wanted.format);
    if let Some(words) = &wanted.test {
        return tell_test(connection, &printer, words, wanted.limit);
    }
    let told = if wanted.slowest {
        printer.standings(&query::slowest(connection, wanted.limit)?, "no test has passed yet")
    } else if wanted.flakiest {
        let none = "no test is known to be flaky: none passed and failed on the same revision";
        printer.standings(&query::flakiest(connection, wanted.limit)?, none)
    } else if wanted.causes {
        printer.causes(&query::causes(connection, wanted.limit)?)
    } else {
        printer.runs(&query::runs(connection, wanted.limit)?)
    };
    Ok(if told { Exit::Green } else { Exit::NothingSelected })
}

fn tell_test(connection: &Connection, printer: &Printer, words: &str, limit: u32) -> Result<Exit, Trouble> {
    let tests = query::tests_named(connection, words)?;
    match tests.as_slice() {
        [] => {
            eprintln!("liveloop: no test of this project is called {words}, as far as its history goes");
            return Ok(Exit::NothingSelected);
        }
        [test] => {
            let standing = query::standing_of(connection, test)?;
            printer.record(test, &standing, &query::record_of(connection, test.id, limit)?);
        }
        several => {
            let shown = several.iter().take(limit as usize);
            let standings = shown.map(|test| query::standing_of(connection, test)).collect::<Result<Vec<_>, _>>()?;
            printer.standings(&standings, "");
            if printer.format == Format::Human {
                eprintln!("\n{} tests are called so; a name that only one of them has shows its record", several.len());
            }
        }
    }
    Ok(Exit::Green)
}

/// Prints answers: tables for people, a JSON object a line for scripts.
struct Printer {
    format: Format,
    columns: Option<usize>,
    /// How far the clock is ahead of UTC here: one for a whole table, so that its head can name it.
    offset: Offset,
}

impl Printer {
    fn new(format: Format) -> Self {
        let terminal = io::stdout().is_terminal().then(crossterm::terminal::size);
        let columns = terminal.and_then(Result::ok).map(|(columns, _)| usize::from(columns).max(20));
        Self { format, columns, offset: clock::local_now().offset() }
    }

    fn lines(&self, lines: impl IntoIterator<Item = String>) {
        let mut out = io::stdout().lock();
        for line in lines {
            // A reader that has gone (`| head`) has read enough.
            if writeln!(out, "{line}").is_err() {
                return;
            }
        }
    }

    fn table(&self, table: &Table) {
        self.lines(table.render(self.columns));
    }

    /// The date, in the zone that the head of its column names.
    fn when(&self, moment: Moment) -> String {
        timestamp(moment).to_zoned(self.offset.to_time_zone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// What stands over a column of dates.
    fn head(&self, word: &str) -> String {
        format!("{word} ({})", timestamp(Moment(0)).to_zoned(self.offset.to_time_zone()).strftime("%:z"))
    }

    /// Tells runs; answers whether there are any.
    fn runs(&self, runs: &[PastRun]) -> bool {
        if self.format == Format::Json {
            self.lines(runs.iter().map(|run| json_run(run).to_string()));
            return !runs.is_empty();
        }
        if runs.is_empty() {
            println!("no tests have run in this project yet");
            return false;
        }
        let mut table = Table::new(&[
            ("cycle", Lay::Right),
            (&self.head("when"), Lay::Left),
            ("finished", Lay::Right),
            ("passed", Lay::Right),
            ("failed", Lay::Right),
            ("lost", Lay::Right),
            ("not run", Lay::Right),
            ("took", Lay::Right),
            ("runner", Lay::Left),
            ("what", Lay::CutEnd),
            ("how it ended", Lay::CutEnd),
        ])
        .spare(&["took", "passed", "what"]);
        let one_runner = runs.iter().all(|run| run.runner == runs[0].runner);
        for run in runs {
            table.row(vec![
                run.cycle.to_string(),
                self.when(run.asked),
                format!("{} of {}", run.finished, run.selected),
                run.passed.to_string(),
                some(run.failed),
                some(run.lost),
                some(run.not_run),
                run.took.map_or_else(String::new, |span| took(span).to_string()),
                if one_runner { String::new() } else { run.runner.clone() },
                run.what.clone(),
                how(run),
            ]);
        }
        self.table(&table);
        true
    }

    fn record(&self, test: &PastTest, standing: &Standing, record: &[PastAttempt]) {
        if self.format == Format::Json {
            return self.lines(record.iter().map(|attempt| json_attempt(test, attempt).to_string()));
        }
        let passed = record.iter().filter(|attempt| attempt.outcome.is_pass()).count();
        let mut parts = vec![format!("passed {passed} of {}", record.len())];
        parts.extend(standing.flake.map(FlakeRate::words));
        parts.extend(standing.usual.map(|usual| format!("usually {}", took(usual))));
        self.lines([format!("{}  {}", test.node, test.runner), parts.join(" · ")]);
        let always = served_always(record);
        if !always.is_empty() {
            self.lines([format!("always on {}", always.iter().map(|pair| short(pair)).collect::<Vec<_>>().join(" "))]);
        }
        self.lines([String::new()]);
        let mut table = Table::new(&[
            ("cycle", Lay::Right),
            (&self.head("when"), Lay::Left),
            ("outcome", Lay::Left),
            ("took", Lay::Right),
            ("tries", Lay::Right),
            ("proof", Lay::Left),
            ("served", Lay::CutEnd),
            ("cause", Lay::CutEnd),
        ]);
        for attempt in record {
            table.row(vec![
                attempt.cycle.to_string(),
                self.when(attempt.started),
                attempt.outcome.word().to_owned(),
                took(attempt.took).to_string(),
                if attempt.tries > 1 { attempt.tries.to_string() } else { String::new() },
                attempt.grade.map_or("", |grade| grade.word()).to_owned(),
                served(attempt, &always),
                cause_words(attempt),
            ]);
        }
        self.table(&table);
    }

    /// Tells how tests stand; answers whether there are any.
    fn standings(&self, tests: &[Standing], none: &str) -> bool {
        if self.format == Format::Json {
            self.lines(tests.iter().map(|test| json_standing(test).to_string()));
            return !tests.is_empty();
        }
        if tests.is_empty() {
            println!("{none}");
            return false;
        }
        let mut table = Table::new(&[
            ("usually", Lay::Right),
            ("longest", Lay::Right),
            ("flaky", Lay::Left),
            ("latest", Lay::Left),
            (&self.head("when"), Lay::Left),
            ("test", Lay::CutStart),
        ])
        .spare(&["longest"]);
        for test in tests {
            table.row(vec![
                test.usual.map_or_else(String::new, |span| took(span).to_string()),
                test.longest.map_or_else(String::new, |span| took(span).to_string()),
                test.flake.map_or_else(String::new, rate_words),
                test.latest.map_or("", |(outcome, _)| outcome.word()).to_owned(),
                test.latest.map_or_else(String::new, |(_, started)| self.when(started)),
                test.node.clone(),
            ]);
        }
        self.table(&table);
        true
    }

    /// Tells causes; answers whether there are any.
    fn causes(&self, causes: &[PastCause]) -> bool {
        if self.format == Format::Json {
            self.lines(causes.iter().map(|cause| json_cause(cause).to_string()));
            return !causes.is_empty();
        }
        if causes.is_empty() {
            println!("no test has failed in this project yet");
            return false;
        }
        let mut table = Table::new(&[
            ("cycles", Lay::Right),
            (&self.head("met last"), Lay::Left),
            ("tests", Lay::Right),
            ("failures", Lay::Right),
            ("class", Lay::Left),
            ("cause", Lay::CutEnd),
        ])
        .spare(&["failures"]);
        for cause in causes {
            let (first, last) = cause.cycles;
            table.row(vec![
                if first == last { first.to_string() } else { format!("{first}–{last}") },
                self.when(cause.last),
                cause.tests.to_string(),
                cause.attempts.to_string(),
                cause.class.clone(),
                cause.title.clone(),
            ]);
        }
        self.table(&table);
        true
    }
}

/// A number that is worth a look where it is not zero.
fn some(count: u32) -> String {
    if count > 0 { count.to_string() } else { String::new() }
}

fn rate_words(rate: FlakeRate) -> String {
    format!("{} of {}", rate.failed, rate.attempts)
}

/// How a run ended, where that is not as it should.
fn how(run: &PastRun) -> String {
    match &run.why {
        None if run.how == "complete" => String::new(),
        Some(why) => format!("{}: {}", run.how, first_line(why)),
        None => run.how.clone(),
    }
}

/// The revisions that all attempts met: news are those that changed.
fn served_always(record: &[PastAttempt]) -> Vec<&str> {
    let known: Vec<&str> = record.iter().filter_map(|attempt| attempt.revisions.as_deref()).collect();
    let met_by_all = |pair: &&str| known.iter().all(|words| words.split(' ').any(|other| other == *pair));
    known.first().into_iter().flat_map(|words| words.split(' ')).filter(met_by_all).collect()
}

fn served(attempt: &PastAttempt, always: &[&str]) -> String {
    match &attempt.revisions {
        Some(words) => {
            let changing = words.split(' ').filter(|pair| !always.contains(pair));
            changing.map(short).collect::<Vec<_>>().join(" ")
        }
        None => attempt.circumstance.clone().unwrap_or_default(),
    }
}

/// `backend=backend-00004` says the same thing twice.
fn short(pair: &str) -> &str {
    match pair.split_once('=') {
        Some((service, revision)) if revision.starts_with(service) => revision,
        _ => pair,
    }
}

fn cause_words(attempt: &PastAttempt) -> String {
    let dependent = if attempt.dependent { "dependent: " } else { "" };
    let said = || attempt.message.as_deref().map(first_line).unwrap_or_default().to_owned();
    attempt.cause.as_ref().map_or_else(said, |(_, title)| format!("{dependent}{title}"))
}

fn timestamp(moment: Moment) -> Timestamp {
    Timestamp::from_microsecond(i64::try_from(moment.0).unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX)
}

fn seconds(span: Span) -> f64 {
    (span.as_secs_f64() * 1000.0).round() / 1000.0
}

fn utc(moment: Moment) -> String {
    timestamp(moment).to_string()
}

fn json_run(run: &PastRun) -> Value {
    json!({
        "type": "run",
        "cycle": run.cycle,
        "runner": run.runner,
        "what": run.what,
        "asked": utc(run.asked),
        "duration_s": run.took.map(seconds),
        "ended": run.how,
        "why": run.why,
        "selected": run.selected,
        "finished": run.finished,
        "passed": run.passed,
        "failed": run.failed,
        "lost": run.lost,
        "not_run": run.not_run,
        "journal": run.journal,
    })
}

fn json_attempt(test: &PastTest, attempt: &PastAttempt) -> Value {
    json!({
        "type": "attempt",
        "id": test.node,
        "runner": test.runner,
        "cycle": attempt.cycle,
        "outcome": attempt.outcome,
        "started": utc(attempt.started),
        "duration_s": seconds(attempt.took),
        "tries": attempt.tries,
        "revisions": attempt.revisions,
        "circumstance": attempt.circumstance,
        "class": attempt.cause.as_ref().map(|(class, _)| class),
        "cause": attempt.cause.as_ref().map(|(_, title)| title),
        "dependent": attempt.dependent,
        "grade": attempt.grade,
        "message": attempt.message,
    })
}

fn json_standing(test: &Standing) -> Value {
    json!({
        "type": "test",
        "id": test.node,
        "outcome": test.latest.map(|(outcome, _)| outcome),
        "started": test.latest.map(|(_, started)| utc(started)),
        "usual_s": test.usual.map(seconds),
        "longest_s": test.longest.map(seconds),
        "attempts": test.attempts,
        "flaky": test.flake,
    })
}

fn json_cause(cause: &PastCause) -> Value {
    json!({
        "type": "cause",
        "class": cause.class,
        "title": cause.title,
        "tests": cause.tests,
        "failures": cause.attempts,
        "first_cycle": cause.cycles.0,
        "last_cycle": cause.cycles.1,
        "last": utc(cause.last),
    })
}
