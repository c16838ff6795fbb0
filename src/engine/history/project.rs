//! Rows from records. The same record written twice changes nothing, so that a journal can be read again at any time.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::record::{AttemptRecord, DeployRecord, Record, RunRecord, SessionRecord};
use crate::domain::{Moment, RunKind, Signature, Span, Text};

/// A moment or a length as a column holds it.
pub(super) trait Micros {
    fn micros(self) -> i64;
}

impl Micros for Moment {
    fn micros(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

impl Micros for Span {
    fn micros(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

/// Writes the records of one session.
#[derive(Debug)]
pub struct Projection {
    journal: String,
    session: Option<i64>,
    tests: HashMap<(i64, Text), i64>,
}

impl Projection {
    /// For the session whose journal has that name.
    #[must_use]
    pub fn new(journal: &str) -> Self {
        Self { journal: journal.to_owned(), session: None, tests: HashMap::new() }
    }

    /// Writes records in one transaction.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing of them is there.
    pub fn write(&mut self, connection: &mut Connection, records: &[Record]) -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let written = records.iter().try_for_each(|record| self.put(&transaction, record));
        let committed = written.and_then(|()| transaction.commit());
        if committed.is_err() {
            // Ids that were handed out inside are gone with it.
            self.session = None;
            self.tests.clear();
        }
        committed
    }

    /// Writes a record inside a transaction.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put(&mut self, to: &Transaction<'_>, record: &Record) -> rusqlite::Result<()> {
        match record {
            Record::Opened(session) => self.open(to, session),
            Record::Recalled(cycle) => self.reach(to, *cycle),
            Record::Run(run) => self.run(to, run),
            Record::Deploy(deploy) => self.deploy(to, deploy),
            Record::Ended { at, how, leaves } => {
                let session = self.session(to)?;
                let leaves = leaves.as_ref().and_then(|leaves| serde_json::to_string(leaves).ok());
                let sql = "UPDATE session SET ended = ?2, how = ?3, leaves = ?4 WHERE id = ?1";
                to.prepare_cached(sql)?.execute(params![session, at.micros(), &**how, leaves]).map(drop)
            }
        }
    }

    /// All of the journal is here: it had that length.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn settle(&mut self, to: &Connection, length: u64) -> rusqlite::Result<()> {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let sql = "UPDATE session SET read = ?2 WHERE journal = ?1";
        to.prepare_cached(sql)?.execute(params![self.journal, length]).map(drop)
    }

    fn open(&mut self, to: &Connection, record: &SessionRecord) -> rusqlite::Result<()> {
        let sql = "INSERT INTO session (journal, started, project, environment) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (journal) DO UPDATE SET started = excluded.started, project = excluded.project,
                   environment = excluded.environment RETURNING id";
        let values = params![self.journal, record.started.micros(), &*record.project, record.environment.as_deref()];
        self.session = Some(to.prepare_cached(sql)?.query_row(values, |row| row.get(0))?);
        Ok(())
    }

    /// The session's row; one without its beginning where that was lost.
    fn session(&mut self, to: &Connection) -> rusqlite::Result<i64> {
        if let Some(session) = self.session {
            return Ok(session);
        }
        let sql = "INSERT INTO session (journal, started, project) VALUES (?1, 0, '')
                   ON CONFLICT (journal) DO UPDATE SET journal = excluded.journal RETURNING id";
        let id = to.prepare_cached(sql)?.query_row([&self.journal], |row| row.get(0))?;
        self.session = Some(id);
        Ok(id)
    }

    fn reach(&mut self, to: &Connection, cycle: u32) -> rusqlite::Result<()> {
        let session = self.session(to)?;
        let sql = "UPDATE session SET cycle = max(cycle, ?2) WHERE id = ?1";
        to.prepare_cached(sql)?.execute(params![session, cycle]).map(drop)
    }

    fn run(&mut self, to: &Connection, run: &RunRecord) -> rusqlite::Result<()> {
        let session = self.session(to)?;
        let runner = number_of(to, "runner", "name", &run.runner)?;
        if run.kind != RunKind::Collect {
            self.reach(to, run.cycle)?;
            cycle(to, session, run)?;
        }
        let id = run_row(to, session, runner, run)?;
        let served = run.served.iter().map(|served| revisions(to, served)).collect::<Result<Vec<_>, _>>()?;
        let causes = run.causes.iter().map(|signature| cause(to, signature)).collect::<Result<Vec<_>, _>>()?;
        for attempt in &run.attempts {
            let test = self.test(to, runner, attempt)?;
            let on = attempt.served.and_then(|place| served.get(place)).copied();
            let why = attempt.cause.and_then(|place| causes.get(place)).copied();
            attempt_row(to, test, id, attempt, on, why)?;
        }
        Ok(())
    }

    fn test(&mut self, to: &Connection, runner: i64, attempt: &AttemptRecord) -> rusqlite::Result<i64> {
        let key = (runner, attempt.node.clone());
        if let Some(&id) = self.tests.get(&key) {
            return Ok(id);
        }
        let mut find = to.prepare_cached("SELECT id FROM test WHERE node = ?1 AND runner = ?2")?;
        let known = find.query_row(params![&*attempt.node, runner], |row| row.get(0)).optional()?;
        let id = match known {
            Some(id) => id,
            None => {
                let sql = "INSERT INTO test (runner, node, module) VALUES (?1, ?2, ?3)";
                to.prepare_cached(sql)?.insert(params![runner, &*attempt.node, &*attempt.module])?
            }
        };
        self.tests.insert(key, id);
        Ok(id)
    }

    fn deploy(&mut self, to: &Connection, deploy: &DeployRecord) -> rusqlite::Result<()> {
        let session = self.session(to)?;
        let sql = "INSERT INTO deploy (session, n, service, who, cycle, from_revision, to_revision,
                   started, ended, how, why)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                   ON CONFLICT (session, n) DO UPDATE SET from_revision = excluded.from_revision,
                   to_revision = excluded.to_revision, ended = excluded.ended, how = excluded.how, why = excluded.why";
        let values = params![
            session,
            deploy.n,
            &*deploy.service,
            &*deploy.by,
            deploy.cycle,
            deploy.from.as_deref(),
            deploy.to.as_deref(),
            deploy.started.micros(),
            deploy.ended.map(Micros::micros),
            deploy.end,
            deploy.why.as_deref(),
        ];
        to.prepare_cached(sql)?.execute(values).map(drop)
    }
}

fn cycle(to: &Connection, session: i64, run: &RunRecord) -> rusqlite::Result<()> {
    let sql = "INSERT INTO cycle (number, session, started, ended, what) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (number, session) DO UPDATE SET started = min(started, excluded.started),
               ended = nullif(max(ifnull(ended, 0), ifnull(excluded.ended, 0)), 0)";
    let values = params![run.cycle, session, run.asked.micros(), run.ended.map(Micros::micros), &*run.what];
    to.prepare_cached(sql)?.execute(values).map(drop)
}

fn run_row(to: &Connection, session: i64, runner: i64, run: &RunRecord) -> rusqlite::Result<i64> {
    let mut find = to.prepare_cached("SELECT id FROM run WHERE session = ?1 AND n = ?2")?;
    let known: Option<i64> = find.query_row(params![session, run.n], |row| row.get(0)).optional()?;
    let id = match known {
        Some(id) => id,
        None => free_id(to, run.asked.micros())?,
    };
    let sql =
        "INSERT INTO run (id, session, n, runner, kind, cycle, what, who, tool, started, ended, how, why, selected,
               finished, passed, failed, lost, not_run, missing)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
               ON CONFLICT (id) DO UPDATE SET tool = excluded.tool, started = excluded.started,
               ended = excluded.ended, how = excluded.how, why = excluded.why, selected = excluded.selected,
               finished = excluded.finished, passed = excluded.passed, failed = excluded.failed,
               lost = excluded.lost, not_run = excluded.not_run, missing = excluded.missing";
    let kind = match run.kind {
        RunKind::Test => "test",
        RunKind::Null(_) => "null",
        RunKind::Collect => "collect",
    };
    let values = params![
        id,
        session,
        run.n,
        runner,
        kind,
        run.cycle,
        &*run.what,
        run.by.as_deref(),
        run.tool.as_deref(),
        run.started.map(Micros::micros),
        run.ended.map(Micros::micros),
        run.end,
        run.why.as_deref(),
        run.selected,
        run.finished,
        run.passed,
        run.failed,
        run.lost,
        run.not_run,
        run.missing,
    ];
    to.prepare_cached(sql)?.execute(values)?;
    Ok(id)
}

/// Two runs of one wish were asked for in the same moment; the second one's id is the next free number.
fn free_id(to: &Connection, mut id: i64) -> rusqlite::Result<i64> {
    while to.prepare_cached("SELECT 1 FROM run WHERE id = ?1")?.exists([id])? {
        id += 1;
    }
    Ok(id)
}

fn attempt_row(
    to: &Connection,
    test: i64,
    run: i64,
    attempt: &AttemptRecord,
    on: Option<i64>,
    cause: Option<i64>,
) -> rusqlite::Result<()> {
    let sql =
        "INSERT OR REPLACE INTO attempt (test, run, outcome, started, took, tries, revisions, circumstance, cause,
               dependent, grade, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let values = params![
        test,
        run,
        attempt.outcome as i64,
        attempt.started.micros(),
        attempt.took.micros(),
        attempt.tries,
        on,
        attempt.circumstance.as_deref(),
        cause,
        attempt.dependent,
        attempt.grade.map(|grade| grade as i64),
        attempt.message.as_deref(),
    ];
    to.prepare_cached(sql)?.execute(values).map(drop)
}

/// What served, in words that are the same in whichever order the services are configured.
#[must_use]
pub fn words_of(served: &[(Text, Text)]) -> String {
    let mut words: Vec<String> = served.iter().map(|(service, revision)| format!("{service}={revision}")).collect();
    words.sort_unstable();
    words.join(" ")
}

fn revisions(to: &Connection, served: &[(Text, Text)]) -> rusqlite::Result<i64> {
    let id = number_of(to, "revisions", "words", &words_of(served))?;
    let mut insert = to.prepare_cached("INSERT OR IGNORE INTO revision VALUES (?1, ?2, ?3)")?;
    for (service, revision) in served {
        insert.execute(params![id, &**service, &**revision])?;
    }
    Ok(id)
}

fn cause(to: &Connection, signature: &Signature) -> rusqlite::Result<i64> {
    let key = signature.key();
    let sql = "INSERT INTO cause (key, class, title, wording, exception, place, message)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT (key) DO UPDATE SET wording = excluded.wording RETURNING id";
    let values = params![
        key,
        signature.class.word(),
        &*signature.title,
        signature.wording.as_deref(),
        signature.exception.as_deref(),
        signature.place.as_deref(),
        &*signature.message,
    ];
    to.prepare_cached(sql)?.query_row(values, |row| row.get(0))
}

/// The number of a word in a table of words, a new one where it has not been seen.
fn number_of(to: &Connection, table: &str, column: &str, word: &str) -> rusqlite::Result<i64> {
    let mut find = to.prepare_cached(&format!("SELECT id FROM {table} WHERE {column} = ?1"))?;
    match find.query_row([word], |row| row.get(0)).optional()? {
        Some(id) => Ok(id),
        None => to.prepare_cached(&format!("INSERT INTO {table} ({column}) VALUES (?1)"))?.insert([word]),
    }
}
