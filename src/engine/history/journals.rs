//! From journals to rows: what a history has missed, and a whole one anew.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::project::Projection;
use super::record;
use super::schema::Trouble;
use crate::domain::{Event, State, StreamEvent};
use crate::engine::folder;
use crate::engine::journal::{Unreadable, repair, scan};

/// What became of the session that wrote a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is over: what was under way when its journal ends never ended.
    Over,
    /// It may still run: what is under way is left for later.
    Open,
}

/// What reading a journal came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caught {
    /// How many entries it has.
    pub entries: u64,
    /// How many of its lines could not be understood.
    pub broken: u64,
    /// Bytes of a torn last line that were cut off.
    pub torn: u64,
}

/// The name under which a journal's session is known.
#[must_use]
pub fn name_of(journal: &Path) -> String {
    journal.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// Whether everything that a journal holds is in the history already.
///
/// # Errors
/// When the history cannot be read.
pub fn is_settled(connection: &Connection, journal: &Path) -> Result<bool, Trouble> {
    let length = std::fs::metadata(journal).map_or(0, |found| found.len());
    let sql = "SELECT read FROM session WHERE journal = ?1";
    let read: Option<i64> =
        connection.prepare_cached(sql)?.query_row([name_of(journal)], |row| row.get(0)).optional()?;
    Ok(read.is_some_and(|read| u64::try_from(read) == Ok(length) && length > 0))
}

/// Reads one journal into the history, in one transaction.
///
/// # Errors
/// When the history cannot be written. A journal that cannot be read changes nothing.
pub fn catch_up(connection: &mut Connection, journal: &Path, fate: Fate) -> Result<Caught, Trouble> {
    let torn = match fate {
        Fate::Over => repair(journal).unwrap_or(0),
        Fate::Open => 0,
    };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let caught = read_into(&transaction, journal, fate)?;
    transaction.commit()?;
    Ok(Caught { torn, ..caught })
}

fn read_into(to: &Transaction<'_>, journal: &Path, fate: Fate) -> Result<Caught, Trouble> {
    let length = std::fs::metadata(journal).map_or(0, |found| found.len());
    let mut projection = Projection::new(&name_of(journal));
    let (mut state, mut effects, mut failed) = (State::default(), Vec::new(), None);
    let mut caught = Caught::default();
    let scanned = scan(journal, |entry| {
        caught.entries += 1;
        // What agents and services say concerns no row. That a stream is open does: a chain from a deploy to its proof
        // goes on with it, and its runs would be missing.
        if failed.is_some() || matches!(entry.event, Event::Stream(StreamEvent::Received { .. }) | Event::Log(_)) {
            return;
        }
        state.apply(&entry, &mut effects);
        effects.clear();
        failed = record::of(&state, &entry).iter().find_map(|record| projection.put(to, record).err());
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    match scanned {
        Ok((_, broken, _)) => caught.broken = broken,
        // Not one of ours, or of a later version: it is left alone, and looked at again another time.
        Err(Unreadable::NotAJournal | Unreadable::TooNew { .. } | Unreadable::Io(_)) => return Ok(Caught::default()),
    }
    if fate == Fate::Over && caught.entries > 0 {
        if state.session.ended.is_none() {
            record::unfinished(&state).try_for_each(|record| projection.put(to, &record))?;
            projection.put(to, &record::ended(&state, "killed".into()))?;
        }
        projection.settle(to, length)?;
    }
    Ok(caught)
}

/// Makes the history anew from the journals in `sessions`, in one transaction, so that readers see the old one until
/// the new one is whole. Sessions whose journal is gone are kept as they are. The newest journal may belong to a session
/// that runs: `newest` says so. Answers how many journals were read.
///
/// # Errors
/// When the history cannot be written; then it is as it was.
pub fn rebuild(
    connection: &mut Connection,
    sessions: &Path,
    newest: Fate,
    mut tell: impl FnMut(&Path, &Caught),
) -> Result<usize, Trouble> {
    let mut journals = folder::journals(sessions);
    journals.reverse();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    forget(&transaction, &journals)?;
    let last = journals.len().saturating_sub(1);
    for (place, journal) in journals.iter().enumerate() {
        let fate = if place == last { newest } else { Fate::Over };
        let caught = read_into(&transaction, journal, fate)?;
        tell(journal, &caught);
    }
    transaction.commit()?;
    Ok(journals.len())
}

/// Takes the rows of these journals away. Those of others stay.
fn forget(to: &Transaction<'_>, journals: &[PathBuf]) -> Result<(), Trouble> {
    to.execute_batch("CREATE TEMP TABLE IF NOT EXISTS again (id INTEGER PRIMARY KEY); DELETE FROM again;")?;
    for journal in journals {
        let sql = "INSERT INTO again SELECT id FROM session WHERE journal = ?1";
        to.prepare_cached(sql)?.execute([name_of(journal)])?;
    }
    let others: i64 =
        to.query_row("SELECT count(*) FROM session WHERE id NOT IN (SELECT id FROM again)", [], |row| row.get(0))?;
    let (attempts, rows) = match others {
        // Without a condition SQLite drops whole pages.
        0 => ("", ""),
        _ => (
            " WHERE run IN (SELECT id FROM run WHERE session IN (SELECT id FROM again))",
            " WHERE session IN (SELECT id FROM again)",
        ),
    };
    to.execute_batch(&format!(
        "DELETE FROM attempt{attempts}; DELETE FROM run{rows}; DELETE FROM deploy{rows}; DELETE FROM cycle{rows};
         DELETE FROM session WHERE id IN (SELECT id FROM again);"
    ))?;
    if others == 0 {
        to.execute_batch(
            "DELETE FROM test; DELETE FROM cause; DELETE FROM revision; DELETE FROM revisions; DELETE FROM runner;",
        )?;
    }
    Ok(())
}

/// How the newest session before the present one ended, where that is worth a word.
///
/// # Errors
/// When the history cannot be read.
pub fn how_it_ended(connection: &Connection, journal: &Path) -> Result<Option<(String, bool)>, Trouble> {
    let sql = "SELECT how, EXISTS (SELECT 1 FROM run WHERE run.session = session.id AND run.how = 'killed')
               FROM session WHERE journal = ?1";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Option<String>>(0)?, row.get(1)?));
    let found = connection.prepare_cached(sql)?.query_row([name_of(journal)], row).optional()?;
    Ok(found.and_then(|(how, cut)| Some((how?, cut))))
}
