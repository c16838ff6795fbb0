//! Files of results from elsewhere as cycles of the past: a session, a cycle and a run for each. No service is known to
//! have served them, and no session takes them for its own results.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use sha2::{Digest, Sha256};

use super::journals::{self, Fate};
use super::project::Projection;
use super::record::{AttemptRecord, Record, RunRecord, SessionRecord};
use super::schema::Trouble;
use crate::adapters::results::import::{Past, PastResult, Written, format_of, past};
use crate::adapters::sanitize;
use crate::domain::{BaselineResult, Moment, Outcome, RunKind, Signature, Text};
use crate::engine::folder;
use crate::engine::masks::Masks;

/// How an imported session ended: what marks it.
pub const IMPORTED: &str = "imported";
/// The largest file of results that is read.
const LARGEST: u64 = 128 << 20;
/// How a file that zstd packed begins.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// How many bytes of a failure's message are kept.
const MESSAGE: usize = 1_000;

/// A file of results that was read and can be written.
#[derive(Debug)]
pub struct Results {
    /// The file.
    pub path: PathBuf,
    format: Written,
    hash: String,
    began: Moment,
    results: Vec<PastResult>,
}

/// The project whose history it is.
#[derive(Debug, Clone, Copy)]
pub struct Project<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its runner, where it has exactly one: tests that nobody knows are taken for that one's.
    pub runner: Option<&'a str>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fared {
    /// It is a cycle now.
    Cycle {
        /// The cycle's number.
        number: u32,
        /// How many tests it has.
        tests: usize,
        /// How many of them failed.
        failed: u32,
        /// How many of them are known under the same name from elsewhere in the history.
        known: usize,
    },
    /// The same bytes are a cycle already.
    Already(u32),
}

/// Reads a file of results for the project in `root`.
///
/// # Errors
/// When it cannot be read, is too large, or is no file of results. The words name the file.
pub fn read(root: &Path, path: &Path, masks: &Masks) -> Result<Results, String> {
    let folder = path.is_dir();
    // The folder of a run in nextest's record store.
    let named = ["run.log.zst", "run.log"].map(|name| path.join(name)).into_iter().find(|log| folder && log.is_file());
    let path = named.as_deref().unwrap_or(path);
    let shown = path.display();
    let failed = |error: std::io::Error| format!("{shown} cannot be read: {error}");
    let file = std::fs::File::open(path).map_err(failed)?;
    let facts = file.metadata().map_err(failed)?;
    if !facts.is_file() {
        return Err(format!("{shown} is no file: name files of results"));
    }
    if facts.len() > LARGEST {
        return Err(format!("{shown} is larger than {} MB", LARGEST >> 20));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(format!("{shown} is an archive: name the folder of a nextest run, or unpack its run.log.zst"));
    }
    if bytes.starts_with(&ZSTD) {
        bytes = unpacked(&bytes).map_err(|why| format!("{shown} cannot be unpacked: {why}"))?;
    }
    let text = String::from_utf8_lossy(&bytes);
    let format = format_of(&path.to_string_lossy(), &text);
    let exists = |path: &str| root.join(path).is_file();
    let Past { results, began } = past(format, &text, &exists, &|text| masks.mask(text).into_owned())
        .map_err(|why| format!("{shown} cannot be read as {}: {why}", format.word()))?;
    let written = facts.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let written = written.map_or(Moment(0), |since| Moment(u64::try_from(since.as_micros()).unwrap_or(0)));
    let digest = Sha256::digest(&bytes);
    let hash = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Ok(Results { path: path.to_owned(), format, hash, began: began.unwrap_or(written), results })
}

/// What zstd packed, up to the largest size that is read.
fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let decoder = ruzstd::decoding::StreamingDecoder::new(bytes).map_err(|error| error.to_string())?;
    let mut text = Vec::new();
    decoder.take(LARGEST + 1).read_to_end(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > LARGEST { Err(format!("it is larger than {} MB", LARGEST >> 20)) } else { Ok(text) }
}

/// Writes files as cycles, the oldest first, all or none. What the journals hold and the history does not is read
/// before, so that no number is given twice; no session may run meanwhile. Answers what became of each.
///
/// # Errors
/// When the history cannot be written; then it is as it was.
pub fn write(
    connection: &mut Connection,
    sessions: &Path,
    project: Project<'_>,
    mut files: Vec<Results>,
    masks: &Masks,
) -> Result<Vec<(Results, Fared)>, Trouble> {
    for journal in folder::journals(sessions).iter().rev() {
        if !journals::is_settled(connection, journal)? {
            journals::catch_up(connection, journal, Fate::Over)?;
        }
    }
    files.sort_by_key(|file| file.began);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut told = Vec::with_capacity(files.len());
    for file in files {
        let fared = one(&transaction, project, &file, masks)?;
        told.push((file, fared));
    }
    transaction.commit()?;
    Ok(told)
}

fn one(to: &Transaction<'_>, project: Project<'_>, file: &Results, masks: &Masks) -> Result<Fared, Trouble> {
    let journal = format!("{IMPORTED}-{}", file.hash);
    let sql = "SELECT cycle FROM session WHERE journal = ?1";
    if let Some(number) = to.prepare_cached(sql)?.query_row([&journal], |row| row.get(0)).optional()? {
        return Ok(Fared::Already(number));
    }
    let last: u32 = to.query_row("SELECT ifnull(max(cycle), 0) FROM session", [], |row| row.get(0))?;
    let number = last.saturating_add(1);
    let known = Known::read(to, project.runner)?;
    let (runner, known_tests) = known.runner_of(&file.results);
    let name = file.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let name = sanitize::text(&masks.mask(&name));
    let run = run_record(file, number, &runner, &format!("imported from {name}"), &known);
    let (ended, failed) = (run.ended.unwrap_or(file.began), run.failed);
    let mut projection = Projection::new(&journal);
    for record in [
        Record::Opened(SessionRecord { started: file.began, project: project.name.into(), environment: None }),
        Record::Run(Box::new(run)),
        Record::Ended { at: ended, how: IMPORTED.into(), leaves: None },
    ] {
        projection.put(to, &record)?;
    }
    Ok(Fared::Cycle { number, tests: file.results.len(), failed, known: known_tests })
}

fn run_record(file: &Results, cycle: u32, runner: &str, what: &str, known: &Known) -> RunRecord {
    let mut causes: Vec<Signature> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut attempts = Vec::with_capacity(file.results.len());
    let took: u64 = file.results.iter().fold(0, |sum, past| sum.saturating_add(past.took.0));
    for PastResult { result, took, tries } in &file.results {
        let cause = result.signature.as_ref().map(|signature| {
            *places.entry(signature.key()).or_insert_with(|| {
                causes.push(Signature::clone(signature));
                causes.len() - 1
            })
        });
        attempts.push(AttemptRecord {
            node: known.name_of(result, runner),
            module: result.module.clone(),
            outcome: result.outcome,
            started: file.began,
            took: *took,
            tries: if result.outcome == Outcome::Flaky { (*tries).max(2) } else { *tries },
            served: None,
            circumstance: None,
            cause,
            dependent: false,
            grade: None,
            message: result.message.as_ref().map(|message| message.chars().take(MESSAGE).collect::<String>().into()),
        });
    }
    let count = |is: fn(Outcome) -> bool| attempts.iter().filter(|attempt| is(attempt.outcome)).count() as u32;
    let (all, lost) = (attempts.len() as u32, count(|outcome| outcome == Outcome::Lost));
    RunRecord {
        n: 0,
        runner: runner.into(),
        kind: RunKind::Test,
        cycle,
        what: what.into(),
        by: None,
        tool: Some(file.format.word().into()),
        asked: file.began,
        started: Some(file.began),
        ended: Some(Moment(file.began.0.saturating_add(took))),
        end: "complete",
        why: None,
        selected: all,
        finished: all - lost,
        passed: count(Outcome::is_pass),
        failed: count(|outcome| outcome.is_failure() && outcome != Outcome::Lost),
        lost,
        not_run: 0,
        missing: 0,
        served: Vec::new(),
        causes,
        attempts,
    }
}

/// The tests that the history knows, by name: their runners.
struct Known {
    tests: HashMap<String, Vec<Arc<str>>>,
    runners: Vec<Arc<str>>,
    own: Option<Arc<str>>,
}

impl Known {
    fn read(from: &Connection, own: Option<&str>) -> rusqlite::Result<Self> {
        let mut statement = from.prepare_cached("SELECT id, name FROM runner")?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?.into())))?;
        let runners: HashMap<i64, Arc<str>> = rows.collect::<rusqlite::Result<_>>()?;
        let mut tests: HashMap<String, Vec<Arc<str>>> = HashMap::new();
        let mut statement = from.prepare_cached("SELECT node, runner FROM test ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            tests.entry(row.get(0)?).or_default().extend(runners.get(&row.get(1)?).cloned());
        }
        Ok(Self { tests, runners: runners.into_values().collect(), own: own.map(Arc::from) })
    }

    /// The runner that knows most of these tests, and how many; where none does, the project's only one.
    fn runner_of(&self, results: &[PastResult]) -> (Arc<str>, usize) {
        let count =
            |runner: &Arc<str>| results.iter().filter(|past| self.finds(&past.result, runner).is_some()).count();
        let best = self.runners.iter().map(|runner| (count(runner), runner));
        match best.max_by(|(a, one), (b, other)| a.cmp(b).then_with(|| other.cmp(one))) {
            Some((known, runner)) if known > 0 => (runner.clone(), known),
            _ => (self.own.clone().unwrap_or_else(|| IMPORTED.into()), 0),
        }
    }

    fn finds<'a>(&self, result: &'a BaselineResult, runner: &str) -> Option<&'a Text> {
        let is_known = |name: &&Text| self.tests.get(&***name).is_some_and(|by| by.iter().any(|by| **by == *runner));
        std::iter::once(&result.node).chain(&result.also).find(is_known)
    }

    /// The name under which the runner knows the test, else the one that the file gives it.
    fn name_of(&self, result: &BaselineResult, runner: &str) -> Text {
        self.finds(result, runner).unwrap_or(&result.node).clone()
    }
}

/// What an imported cycle says of each test, and when it began; nothing where that number is none.
///
/// # Errors
/// When the history cannot be read.
pub fn results_of(connection: &Connection, cycle: u32) -> Result<Option<(Vec<BaselineResult>, Moment)>, Trouble> {
    let sql = "SELECT id, started FROM session WHERE how = ?1 AND cycle = ?2";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, super::recent::unsigned(row, 1)?));
    let found = connection.prepare_cached(sql)?.query_row((IMPORTED, cycle), row).optional()?;
    let Some((session, began)) = found else { return Ok(None) };
    let mut statement = connection.prepare_cached(
        "SELECT test.node, test.module, attempt.outcome, attempt.cause, attempt.message
         FROM attempt JOIN run ON run.id = attempt.run JOIN test ON test.id = attempt.test
         WHERE run.session = ?1 ORDER BY test.node",
    )?;
    let mut rows = statement.query([session])?;
    let mut results = Vec::new();
    while let Some(row) = rows.next()? {
        let cause: Option<i64> = row.get(3)?;
        let signature = cause.map(|cause| crate::engine::recall::signature(connection, cause)).transpose()?.flatten();
        results.push(BaselineResult {
            node: row.get::<_, String>(0)?.into(),
            module: row.get::<_, String>(1)?.into(),
            also: Vec::new(),
            outcome: super::recent::outcome(row, 2)?,
            signature: signature.map(Arc::new),
            message: row.get::<_, Option<String>>(4)?.map(Text::from),
        });
    }
    Ok(Some((results, Moment(began))))
}
