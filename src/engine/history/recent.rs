//! The newest attempts of each test: what is usual, and what is flaky.

use rusqlite::{Connection, Row};

use super::schema::Trouble;
use crate::domain::{Grade, Grounds, Moment, On, Outcome, Span, told};

/// How many attempts of a test are looked at.
pub const WINDOW: u32 = 32;

/// An attempt, as far as judging a test needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recent {
    /// The run that it belonged to.
    pub run: i64,
    /// The cycle that it belonged to.
    pub cycle: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// When it started.
    pub started: Moment,
    /// How long it took.
    pub took: Span,
    /// How many executions it took.
    pub tries: u32,
    /// What served, by number; nothing where nobody knows.
    pub revisions: Option<u32>,
    /// Whether the environment spoilt its outcome.
    pub spoilt: bool,
    /// Why it failed, by number.
    pub cause: Option<i64>,
    /// Whether a file told it that somebody brought in.
    pub imported: bool,
    /// How far it went towards the environment; nothing where that was not measured.
    pub grade: Option<Grade>,
}

/// A test and its newest attempts, the newest one first.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentTest {
    /// Its number.
    pub id: i64,
    /// The runner's full name for it.
    pub node: String,
    /// Its newest attempts.
    pub attempts: Vec<Recent>,
}

impl RecentTest {
    /// How long it usually takes: an exponential mean over the attempts that passed, as a running session keeps it.
    #[must_use]
    pub fn usual(&self) -> Option<Span> {
        let passed = self.attempts.iter().rev().filter(|attempt| attempt.outcome.is_pass());
        passed.fold(None, |usual, attempt| {
            let took = attempt.took;
            Some(usual.map_or(took, |Span(usual)| Span((usual * 3 + took.0) / 4)))
        })
    }

    /// What it did on common ground.
    #[must_use]
    pub fn grounds(&self) -> Grounds {
        let mut grounds = Grounds::default();
        for attempt in self.attempts.iter().rev() {
            let Some((failed, passed)) = told(attempt.outcome, attempt.tries, attempt.spoilt) else { continue };
            grounds.count(attempt.revisions.map_or(On::Cycle(attempt.cycle), On::Revisions), failed, passed);
        }
        grounds
    }
}

const NEWEST: &str = "SELECT attempt.run, run.cycle, attempt.outcome, attempt.started, attempt.took, attempt.tries,
    attempt.revisions, attempt.circumstance IS NOT NULL, attempt.cause,
    session.how IS 'imported', attempt.grade
    FROM attempt JOIN run ON run.id = attempt.run JOIN session ON session.id = run.session WHERE attempt.test = ?1 ORDER BY attempt.run DESC LIMIT ?2";

/// A test with its newest attempts.
///
/// # Errors
/// When the history cannot be read.
pub fn of_test(connection: &Connection, id: i64, node: String) -> Result<RecentTest, Trouble> {
    let mut attempts = connection.prepare_cached(NEWEST)?;
    let attempts = attempts.query_map((id, WINDOW), recent)?.collect::<Result<Vec<_>, _>>()?;
    Ok(RecentTest { id, node, attempts })
}

/// Hands every test that has run since `from`, a run's number, to `take`, with its newest attempts. Each costs one short
/// range of the table, however long its record is.
///
/// # Errors
/// When the history cannot be read.
pub fn each_test(connection: &Connection, from: i64, mut take: impl FnMut(RecentTest)) -> Result<(), Trouble> {
    let mut tests = connection.prepare_cached("SELECT id, node FROM test ORDER BY node, runner")?;
    let mut attempts = connection.prepare_cached(NEWEST)?;
    let mut found = tests.query([])?;
    while let Some(test) = found.next()? {
        let id: i64 = test.get(0)?;
        let rows = attempts.query_map((id, WINDOW), recent)?.collect::<Result<Vec<_>, _>>()?;
        if rows.first().is_some_and(|newest| newest.run >= from) {
            take(RecentTest { id, node: test.get(1)?, attempts: rows });
        }
    }
    Ok(())
}

fn recent(row: &Row<'_>) -> rusqlite::Result<Recent> {
    Ok(Recent {
        run: row.get(0)?,
        cycle: row.get(1)?,
        outcome: outcome(row, 2)?,
        started: Moment(unsigned(row, 3)?),
        took: Span(unsigned(row, 4)?),
        tries: row.get(5)?,
        revisions: row.get(6)?,
        spoilt: row.get(7)?,
        cause: row.get(8)?,
        imported: row.get(9)?,
        grade: grade(row, 10)?,
    })
}

/// A column that holds an outcome.
pub(super) fn outcome(row: &Row<'_>, column: usize) -> rusqlite::Result<Outcome> {
    let id: usize = usize::try_from(row.get::<_, i64>(column)?).unwrap_or(usize::MAX);
    // What this program does not know was not written by it: nobody knows what came of it.
    Ok(Outcome::ALL.get(id).copied().unwrap_or(Outcome::Lost))
}

/// A column that holds a grade of evidence.
pub(super) fn grade(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Grade>> {
    let id = row.get::<_, Option<i64>>(column)?.and_then(|id| usize::try_from(id).ok());
    Ok(id.and_then(|id| Grade::ALL.get(id).copied()))
}

/// A column that holds microseconds.
pub(crate) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}
