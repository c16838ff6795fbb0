//! Questions and their answers: what `liveloop history` prints.

use rusqlite::{Connection, Row, params};

use super::recent::{self, RecentTest, grade, outcome, unsigned};
use super::schema::Trouble;
use crate::domain::{FlakeRate, Grade, Moment, Outcome, Span};

/// A run of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRun {
    /// Its cycle.
    pub cycle: u32,
    /// The name of its runner.
    pub runner: String,
    /// What was asked for.
    pub what: String,
    /// When it was asked for.
    pub asked: Moment,
    /// How long it took, where it began and ended.
    pub took: Option<Span>,
    /// How it ended, in a word.
    pub how: String,
    /// Why it ended so.
    pub why: Option<String>,
    /// Tests that were asked for.
    pub selected: u32,
    /// Tests that ended with a result.
    pub finished: u32,
    /// Tests that ran and held.
    pub passed: u32,
    /// Tests that did not hold.
    pub failed: u32,
    /// Tests that began and never ended.
    pub lost: u32,
    /// Tests that never began.
    pub not_run: u32,
    /// The file that tells it all.
    pub journal: String,
}

/// A test of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct PastTest {
    /// Its number.
    pub id: i64,
    /// The name of its runner.
    pub runner: String,
    /// The runner's full name for it.
    pub node: String,
}

/// An attempt of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct PastAttempt {
    /// Its cycle.
    pub cycle: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// When it started.
    pub started: Moment,
    /// How long it took.
    pub took: Span,
    /// How many executions it took.
    pub tries: u32,
    /// What served, in words; nothing where nobody knows.
    pub revisions: Option<String>,
    /// What the environment did meanwhile, in words; nothing where its outcome is its own.
    pub circumstance: Option<String>,
    /// The class and the title of its cause.
    pub cause: Option<(String, String)>,
    /// Whether it failed only because another test did.
    pub dependent: bool,
    /// How far it went towards the environment, where that was measured.
    pub grade: Option<Grade>,
    /// What its failure said.
    pub message: Option<String>,
}

/// What the newest attempts of a test come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The runner's full name for the test.
    pub node: String,
    /// How its newest attempt ended, and when it started.
    pub latest: Option<(Outcome, Moment)>,
    /// How long it usually takes.
    pub usual: Option<Span>,
    /// The longest of its newest attempts.
    pub longest: Option<Span>,
    /// How many attempts that says.
    pub attempts: u32,
    /// How often it failed where it also passed on the same revisions.
    pub flake: Option<FlakeRate>,
}

/// A cause of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct PastCause {
    /// What kind of thing went wrong.
    pub class: String,
    /// What went wrong.
    pub title: String,
    /// How many tests it ever concerned.
    pub tests: u32,
    /// How many attempts failed for it.
    pub attempts: u32,
    /// The first and the last cycle in which it was met.
    pub cycles: (u32, u32),
    /// When the last run began in which it was met.
    pub last: Moment,
}

/// The newest runs of tests, newest first.
///
/// # Errors
/// When the history cannot be read.
pub fn runs(connection: &Connection, limit: u32) -> Result<Vec<PastRun>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT run.cycle, runner.name, run.what, run.id, run.ended - run.started, run.how, run.why, run.selected,
         run.finished, run.passed, run.failed, run.lost, run.not_run, session.journal
         FROM run JOIN runner ON runner.id = run.runner JOIN session ON session.id = run.session
         WHERE run.kind = 'test' ORDER BY run.id DESC LIMIT ?1",
    )?;
    let row = |row: &Row<'_>| {
        Ok(PastRun {
            cycle: row.get(0)?,
            runner: row.get(1)?,
            what: row.get(2)?,
            asked: Moment(unsigned(row, 3)?),
            took: row.get::<_, Option<i64>>(4)?.map(|took| Span(u64::try_from(took).unwrap_or(0))),
            how: row.get(5)?,
            why: row.get(6)?,
            selected: row.get(7)?,
            finished: row.get(8)?,
            passed: row.get(9)?,
            failed: row.get(10)?,
            lost: row.get(11)?,
            not_run: row.get(12)?,
            journal: row.get(13)?,
        })
    };
    Ok(statement.query_map([limit], row)?.collect::<Result<_, _>>()?)
}

/// The tests that `words` may mean: the one of exactly that full name, else those of that name inside their module,
/// else all whose full name contains it, in either case.
///
/// # Errors
/// When the history cannot be read.
pub fn tests_named(connection: &Connection, words: &str) -> Result<Vec<PastTest>, Trouble> {
    let ask = |condition: &str| -> Result<Vec<PastTest>, Trouble> {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT test.id, runner.name, test.node FROM test JOIN runner ON runner.id = test.runner
             WHERE {condition} ORDER BY test.node, runner.name"
        ))?;
        let row = |row: &Row<'_>| Ok(PastTest { id: row.get(0)?, runner: row.get(1)?, node: row.get(2)? });
        Ok(statement.query_map([words], row)?.collect::<Result<_, _>>()?)
    };
    let exactly = ask("test.node = ?1")?;
    if !exactly.is_empty() {
        return Ok(exactly);
    }
    let containing = ask("instr(lower(test.node), lower(?1)) > 0")?;
    let is_name = |test: &&PastTest| {
        let before = test.node.strip_suffix(words);
        before.is_some_and(|before| before.ends_with([':', '/', '$', '.', ' ']))
    };
    let named: Vec<PastTest> = containing.iter().filter(is_name).cloned().collect();
    Ok(if named.is_empty() { containing } else { named })
}

/// A test's record, newest first.
///
/// # Errors
/// When the history cannot be read.
pub fn record_of(connection: &Connection, test: i64, limit: u32) -> Result<Vec<PastAttempt>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT run.cycle, attempt.outcome, attempt.started, attempt.took, attempt.tries, revisions.words,
         attempt.circumstance, cause.class, ifnull(cause.wording, cause.title), attempt.dependent, attempt.grade, attempt.message
         FROM attempt JOIN run ON run.id = attempt.run
         LEFT JOIN revisions ON revisions.id = attempt.revisions LEFT JOIN cause ON cause.id = attempt.cause
         WHERE attempt.test = ?1 ORDER BY attempt.run DESC LIMIT ?2",
    )?;
    let row = |row: &Row<'_>| {
        let class: Option<String> = row.get(7)?;
        Ok(PastAttempt {
            cycle: row.get(0)?,
            outcome: outcome(row, 1)?,
            started: Moment(unsigned(row, 2)?),
            took: Span(unsigned(row, 3)?),
            tries: row.get(4)?,
            revisions: row.get(5)?,
            circumstance: row.get(6)?,
            cause: class.map(|class| Ok::<_, rusqlite::Error>((class, row.get(8)?))).transpose()?,
            dependent: row.get(9)?,
            grade: grade(row, 10)?,
            message: row.get(11)?,
        })
    };
    Ok(statement.query_map(params![test, limit], row)?.collect::<Result<_, _>>()?)
}

/// The tests that usually take longest, with what is usual.
///
/// # Errors
/// When the history cannot be read.
pub fn slowest(connection: &Connection, limit: u32) -> Result<Vec<Standing>, Trouble> {
    let mut tests = standings(connection, |standing| standing.usual.is_some())?;
    tests.sort_by(|a, b| b.usual.cmp(&a.usual).then_with(|| a.node.cmp(&b.node)));
    tests.truncate(limit as usize);
    Ok(tests)
}

/// The tests that are flaky, the worst first.
///
/// # Errors
/// When the history cannot be read.
pub fn flakiest(connection: &Connection, limit: u32) -> Result<Vec<Standing>, Trouble> {
    let mut tests = standings(connection, |standing| standing.flake.is_some())?;
    // A rate of a half is the worst that a test can be: one that nearly always fails says something. By cross
    // multiplication, so that equal rates are equal.
    let doubt = |rate: FlakeRate| rate.failed.min(rate.attempts - rate.failed);
    let worse = |a: FlakeRate, b: FlakeRate| {
        let (left, right) = (u64::from(doubt(a)), u64::from(doubt(b)));
        (right * u64::from(a.attempts)).cmp(&(left * u64::from(b.attempts))).then(b.attempts.cmp(&a.attempts))
    };
    tests.sort_by(|a, b| match (a.flake, b.flake) {
        (Some(one), Some(other)) => worse(one, other).then_with(|| a.node.cmp(&b.node)),
        (one, other) => other.is_some().cmp(&one.is_some()),
    });
    tests.truncate(limit as usize);
    Ok(tests)
}

fn standings(connection: &Connection, is_wanted: impl Fn(&Standing) -> bool) -> Result<Vec<Standing>, Trouble> {
    let mut found = Vec::new();
    recent::each_test(connection, 0, |test| found.push(standing(&test)))?;
    found.retain(is_wanted);
    Ok(found)
}

/// How one test stands by its newest attempts.
///
/// # Errors
/// When the history cannot be read.
pub fn standing_of(connection: &Connection, test: &PastTest) -> Result<Standing, Trouble> {
    Ok(standing(&recent::of_test(connection, test.id, test.node.clone())?))
}

fn standing(test: &RecentTest) -> Standing {
    Standing {
        node: test.node.clone(),
        latest: test.attempts.first().map(|latest| (latest.outcome, latest.started)),
        usual: test.usual(),
        longest: test.attempts.iter().map(|attempt| attempt.took).max(),
        attempts: test.attempts.len() as u32,
        flake: test.grounds().rate(),
    }
}

/// Why tests failed, what was met last first.
///
/// # Errors
/// When the history cannot be read.
pub fn causes(connection: &Connection, limit: u32) -> Result<Vec<PastCause>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT cause.class, ifnull(cause.wording, cause.title), met.tests, met.attempts, first.cycle, last.cycle, met.last
         FROM (SELECT cause, count(DISTINCT test) AS tests, count(*) AS attempts, min(run) AS first, max(run) AS last
               FROM attempt WHERE cause IS NOT NULL GROUP BY cause) AS met
         JOIN cause ON cause.id = met.cause
         JOIN run AS first ON first.id = met.first JOIN run AS last ON last.id = met.last
         ORDER BY met.last DESC, met.attempts DESC, cause.title LIMIT ?1",
    )?;
    let row = |row: &Row<'_>| {
        Ok(PastCause {
            class: row.get(0)?,
            title: row.get(1)?,
            tests: row.get(2)?,
            attempts: row.get(3)?,
            cycles: (row.get(4)?, row.get(5)?),
            last: Moment(unsigned(row, 6)?),
        })
    };
    Ok(statement.query_map([limit], row)?.collect::<Result<_, _>>()?)
}
