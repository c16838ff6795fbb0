//! The file: how it is opened, which version of the schema it has, and what can be wrong with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params};

use crate::domain::{Grade, Outcome};

/// The version of the schema that this program writes: `user_version` of the file.
pub const VERSION: i64 = MIGRATIONS.len() as i64;
/// What leads from each version to the next one.
const MIGRATIONS: [&str; 1] = [include_str!("schema.sql")];
/// How long another process that writes is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a project's history is.
#[must_use]
pub fn path(state: &Path) -> PathBuf {
    state.join("history.db")
}

/// Why the history cannot be used. Each says what to do.
#[derive(Debug)]
pub enum Trouble {
    /// A later program wrote it.
    TooNew {
        /// The version that it has.
        version: i64,
    },
    /// It is no database any more.
    Corrupt(String),
    /// Another process holds it for too long.
    Locked,
    /// There is none yet.
    Missing,
    /// It cannot be read or written.
    Failed(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooNew { version } => {
                write!(f, "history.db has version {version}, this program knows {VERSION}: use a newer liveloop")
            }
            Self::Corrupt(why) => {
                write!(f, "history.db is damaged ({why}): `liveloop history rebuild` makes it anew from the journals")
            }
            Self::Locked => write!(f, "another process holds history.db; what happens is caught up later"),
            Self::Missing => write!(f, "this project has no history yet: `liveloop run` begins one"),
            Self::Failed(why) => write!(f, "history.db cannot be used: {why}"),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Opens the file to write, makes it where it is missing, and brings it to the present version.
///
/// # Errors
/// When it is newer than this program, damaged, held by another process, or cannot be written.
pub fn open(path: &Path) -> Result<Connection, Trouble> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    // Readers go on while one writes, and a crash costs at most what the journals hold anyway.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    tune(&connection)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Opens the file to read alone.
///
/// # Errors
/// When there is none, or it is of another version, damaged, or held by another process.
pub fn open_to_read(path: &Path) -> Result<Connection, Trouble> {
    if !path.exists() {
        return Err(Trouble::Missing);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    tune(&connection)?;
    match version(&connection)? {
        0 => Err(Trouble::Missing),
        VERSION => Ok(connection),
        // An older one is brought up by whoever may write it.
        older if older < VERSION => open(path),
        version => Err(Trouble::TooNew { version }),
    }
}

/// A history that is not kept: for a session whose file cannot be used.
///
/// # Errors
/// When there is no memory for it.
pub fn in_memory() -> Result<Connection, Trouble> {
    let mut connection = Connection::open_in_memory()?;
    migrate(&mut connection)?;
    Ok(connection)
}

fn tune(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    // 32 MB of pages: the rows of a run lie far apart, one for each test.
    connection.pragma_update(None, "cache_size", -32_000)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn migrate(connection: &mut Connection) -> Result<(), Trouble> {
    if version(connection)? == VERSION {
        return Ok(());
    }
    // Asked again once nobody else can change it.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    if !(0..=VERSION).contains(&found) {
        return Err(Trouble::TooNew { version: found });
    }
    for step in &MIGRATIONS[usize::try_from(found).unwrap_or(0)..] {
        transaction.execute_batch(step)?;
    }
    name_words(&transaction)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(transaction.commit()?)
}

fn name_words(connection: &Connection) -> rusqlite::Result<()> {
    for (id, outcome) in (0_i64..).zip(Outcome::ALL) {
        connection.execute("INSERT OR REPLACE INTO outcome VALUES (?1, ?2)", params![id, outcome.word()])?;
    }
    for (id, grade) in (0_i64..).zip(Grade::ALL) {
        connection.execute("INSERT OR REPLACE INTO grade VALUES (?1, ?2)", params![id, grade.word()])?;
    }
    Ok(())
}

/// Moves a damaged file out of the way, with what SQLite keeps beside it, and answers where it is now.
///
/// # Errors
/// When it cannot be moved.
pub fn move_aside(path: &Path, stamp: &str) -> std::io::Result<PathBuf> {
    let aside = path.with_file_name(format!("history.db.damaged-{stamp}"));
    std::fs::rename(path, &aside)?;
    for suffix in ["-wal", "-shm"] {
        let beside = |of: &Path| PathBuf::from(format!("{}{suffix}", of.display()));
        // What is not there cannot be moved, which is as well.
        let _ = std::fs::rename(beside(path), beside(&aside));
    }
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_has_the_present_version_and_opens_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = path(folder.path());
        assert!(matches!(open_to_read(&file), Err(Trouble::Missing)));
        for _ in 0..2 {
            assert_eq!(version(&open(&file).expect("it opens")).expect("it has one"), VERSION);
        }
        open_to_read(&file).expect("it can be read");
    }

    #[test]
    fn a_later_version_and_a_damaged_file_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = path(folder.path());
        let connection = open(&file).expect("it opens");
        connection.pragma_update(None, "user_version", VERSION + 1).expect("a number");
        drop(connection);
        assert!(matches!(open(&file), Err(Trouble::TooNew { .. })));
        assert!(matches!(open_to_read(&file), Err(Trouble::TooNew { .. })));
        std::fs::write(&file, [7; 9_000]).expect("writable");
        assert!(matches!(open(&file), Err(Trouble::Corrupt(_))));
        let aside = move_aside(&file, "now").expect("movable");
        assert!(aside.exists() && !file.exists());
        open(&file).expect("a new one");
    }
}
