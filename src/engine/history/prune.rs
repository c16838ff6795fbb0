//! Old cycles are taken out of the history, when somebody asks for it. The newest ones stay, those with a name, and the
//! newest green one, and the newest imported one in which all held. Deploys stay all: they are few, and say what can be brought back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::import::IMPORTED;
use super::journals::{self, Fate};
use super::schema::Trouble;
use crate::engine::folder;
use crate::engine::recall;

/// What is to be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// How many of the newest cycles stay.
    pub keep: u32,
    /// Whether journals go that tell of such cycles alone.
    pub journals: bool,
    /// Whether it is only counted.
    pub dry: bool,
}

/// What was taken away, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many cycles.
    pub cycles: u32,
    /// The first and the last of them.
    pub span: Option<(u32, u32)>,
    /// Older cycles that stay because they have a name or are the newest green one.
    pub spared: Vec<u32>,
    /// How many results of tests.
    pub results: u64,
    /// How many tests have no result any more.
    pub tests: u64,
    /// By how many bytes the file is smaller; about as many where it is only counted.
    pub bytes: u64,
    /// Journals, and their bytes.
    pub journals: Vec<(PathBuf, u64)>,
    /// Why a journal could not be deleted.
    pub failed: Vec<String>,
}

/// Takes old cycles out of the history at `file`. No session may run meanwhile.
///
/// # Errors
/// When the history cannot be read or written; then it is as it was.
pub fn prune(connection: &mut Connection, file: &Path, sessions: &Path, wish: Wish) -> Result<Pruned, Trouble> {
    for journal in folder::journals(sessions).iter().rev() {
        if !journals::is_settled(connection, journal)? {
            journals::catch_up(connection, journal, Fate::Over)?;
        }
    }
    let before = size(connection, file)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut pruned = choose(&transaction, wish.keep)?;
    if wish.journals {
        pruned.journals = journals_to_go(&transaction, sessions, wish.keep)?;
    }
    let all: u64 = count(&transaction, "SELECT count(*) FROM attempt")?;
    delete(&transaction, &mut pruned)?;
    if wish.dry {
        pruned.bytes = (u128::from(before) * u128::from(pruned.results) / u128::from(all.max(1))) as u64;
        transaction.rollback()?;
        return Ok(pruned);
    }
    transaction.commit()?;
    if pruned.cycles > 0 {
        // Rows leave holes; only now the file is smaller.
        connection.execute_batch("VACUUM")?;
        pruned.bytes = before.saturating_sub(size(connection, file)?);
    }
    let gone = |(journal, _): &(PathBuf, u64)| {
        std::fs::remove_file(journal).map_err(|error| format!("{} cannot be deleted: {error}", journal.display()))
    };
    let (deleted, failed): (Vec<_>, Vec<_>) =
        pruned.journals.drain(..).map(|journal| (gone(&journal), journal)).partition(|(result, _)| result.is_ok());
    pruned.journals = deleted.into_iter().map(|(_, journal)| journal).collect();
    pruned.failed = failed.into_iter().filter_map(|(result, _)| result.err()).collect();
    Ok(pruned)
}

/// The length of the file once all is in it.
fn size(connection: &Connection, file: &Path) -> Result<u64, Trouble> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(std::fs::metadata(file).map_or(0, |found| found.len()))
}

fn count(connection: &Connection, sql: &str) -> Result<u64, Trouble> {
    Ok(connection.query_row(sql, [], |row| super::recent::unsigned(row, 0))?)
}

/// Writes down which cycles go.
fn choose(to: &Transaction<'_>, keep: u32) -> Result<Pruned, Trouble> {
    let remembered = recall::left(to)?.cycles;
    let mut precious: BTreeSet<u32> =
        remembered.iter().filter(|cycle| cycle.name.is_some()).map(|cycle| cycle.number).collect();
    let green = remembered.iter().filter(|cycle| cycle.green).map(|cycle| cycle.number).max();
    precious.extend(match green {
        Some(green) => Some(green),
        None => newest_whole(to, false)?,
    });
    // What a file told makes nothing green, so it stays beside the newest green one, not in its place.
    precious.extend(newest_whole(to, true)?);
    let mut statement =
        to.prepare_cached("SELECT DISTINCT number FROM cycle ORDER BY number DESC LIMIT -1 OFFSET ?1")?;
    let older: Vec<u32> = statement.query_map([keep], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let (spared, doomed): (Vec<u32>, Vec<u32>) = older.into_iter().rev().partition(|number| precious.contains(number));
    to.execute_batch("CREATE TEMP TABLE IF NOT EXISTS doomed (number INTEGER PRIMARY KEY); DELETE FROM doomed;")?;
    let mut insert = to.prepare_cached("INSERT INTO doomed VALUES (?1)")?;
    for number in &doomed {
        insert.execute([number])?;
    }
    let span = doomed.first().copied().zip(doomed.last().copied());
    Ok(Pruned { cycles: doomed.len() as u32, span, spared, ..Pruned::default() })
}

/// The newest cycle of which all runs were complete and held: an imported one, or one of our own, which counts where no
/// session remembers a green one.
fn newest_whole(from: &Connection, imported: bool) -> Result<Option<u32>, Trouble> {
    let sql = "SELECT max(number) FROM (
                   SELECT run.cycle AS number FROM run JOIN session ON session.id = run.session
                   WHERE run.kind = 'test' AND (session.how IS ?1) = ?2 GROUP BY run.cycle
                   HAVING sum(run.finished) > 0 AND sum(run.failed + run.lost + run.not_run + run.missing) = 0
                   AND sum(run.how <> 'complete') = 0)";
    Ok(from.query_row(sql, params![IMPORTED, imported], |row| row.get(0))?)
}

/// The journals of sessions that are over, are not the newest, and knew of no cycle that stays.
fn journals_to_go(from: &Transaction<'_>, sessions: &Path, keep: u32) -> Result<Vec<(PathBuf, u64)>, Trouble> {
    let oldest = "SELECT DISTINCT number FROM cycle ORDER BY number DESC LIMIT 1 OFFSET ?1";
    let oldest: Option<u32> = from.query_row(oldest, [keep.saturating_sub(1)], |row| row.get(0)).optional()?;
    let Some(oldest) = oldest else { return Ok(Vec::new()) };
    let mut is_to_go = from.prepare_cached(
        "SELECT 1 FROM session WHERE journal = ?1 AND read > 0 AND cycle < ?2 AND NOT EXISTS (
             SELECT 1 FROM cycle WHERE cycle.session = session.id AND number NOT IN (SELECT number FROM doomed))",
    )?;
    let mut found = Vec::new();
    for journal in folder::journals(sessions).into_iter().skip(1) {
        if is_to_go.exists(params![journals::name_of(&journal), oldest])? {
            let length = std::fs::metadata(&journal).map_or(0, |found| found.len());
            found.push((journal, length));
        }
    }
    Ok(found)
}

fn delete(to: &Transaction<'_>, pruned: &mut Pruned) -> Result<(), Trouble> {
    const RUNS: &str = "SELECT id FROM run WHERE cycle IN (SELECT number FROM doomed)";
    pruned.results = to.execute(&format!("DELETE FROM attempt WHERE run IN ({RUNS})"), [])? as u64;
    to.execute("DELETE FROM run WHERE cycle IN (SELECT number FROM doomed)", [])?;
    to.execute("DELETE FROM cycle WHERE number IN (SELECT number FROM doomed)", [])?;
    let orphan = "DELETE FROM test WHERE NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.test = test.id)";
    pruned.tests = to.execute(orphan, [])? as u64;
    to.execute("DELETE FROM cause WHERE id NOT IN (SELECT cause FROM attempt WHERE cause IS NOT NULL)", [])?;
    // Then its file can be brought in again.
    let empty = "DELETE FROM session WHERE how = ?1 AND cycle IN (SELECT number FROM doomed)";
    to.execute(empty, params![IMPORTED])?;
    Ok(())
}
