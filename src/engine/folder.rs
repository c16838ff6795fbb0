//! Where a session keeps things: `.liveloop/` in the project for what stays, a private runtime folder for what does not.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::domain::Moment;

/// The longest path that a Unix socket can have, less what is appended to a runtime folder.
const LONGEST_RUNTIME: usize = 80;

/// Who holds a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// What it does: `console`, `run`, …
    pub what: String,
    /// Since when, as text for people.
    pub since: String,
}

/// Why a session cannot open its folder.
#[derive(Debug)]
pub enum NotOpened {
    /// Another session holds the project.
    Held(Option<Holder>),
    /// A folder or file cannot be made.
    Io {
        /// What was attempted.
        what: String,
        /// Why it failed.
        error: io::Error,
    },
}

impl std::fmt::Display for NotOpened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Held(Some(Holder { pid, what, since })) => write!(
                f,
                "another liveloop holds this project: process {pid} ({what}, since {since}); quit it there first"
            ),
            Self::Held(None) => write!(f, "another liveloop holds this project; quit it there first"),
            Self::Io { what, error } => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for NotOpened {}

/// The folders of a session, locked against a second one in the same project.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    state: PathBuf,
    runtime: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folders of a session in `project` and locks them until it is dropped.
    ///
    /// # Errors
    /// When another session holds the project, or a folder cannot be made.
    pub fn open(project: &Path, holder: &Holder) -> Result<Self, NotOpened> {
        let state = project.join(".liveloop");
        make(&state.join("sessions"))?;
        let ignore = state.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").map_err(|error| failed(&ignore, error))?;
        }
        let lock = lock(&state.join("lock"), holder)?;
        let runtime = make_runtime(holder.pid)?;
        Ok(Self { root: project.to_owned(), state, runtime, _lock: lock })
    }

    /// The project.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What stays: `.liveloop/` in the project.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The journals of all sessions.
    #[must_use]
    pub fn sessions(&self) -> PathBuf {
        self.state.join("sessions")
    }

    /// What goes with the session: sockets, the plugin, lists of ids. Short enough for a socket's path.
    #[must_use]
    pub fn runtime(&self) -> &Path {
        &self.runtime
    }

    /// The journal's path for a session that opens at `opened`.
    #[must_use]
    pub fn journal(&self, opened: Moment) -> PathBuf {
        self.sessions().join(format!("{}.jsonl", stamp(opened)))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The runtime folder holds nothing that anybody wants after the session; failing to remove it harms nobody.
        let _ = fs::remove_dir_all(&self.runtime);
    }
}

/// `2026-11-20T16-11-36.123456Z`: sorts by time and is a file name everywhere.
#[must_use]
pub fn stamp(moment: Moment) -> String {
    jiff::Timestamp::from_microsecond(i64::try_from(moment.0).unwrap_or(i64::MAX))
        .unwrap_or(jiff::Timestamp::MAX)
        .strftime("%Y-%m-%dT%H-%M-%S.%6fZ")
        .to_string()
}

/// The session journals of a project, newest first.
#[must_use]
pub fn journals(sessions: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(sessions)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}

/// Whether a session holds the project whose `.liveloop/` this is.
#[must_use]
pub fn is_held(state: &Path) -> bool {
    let lock = File::open(state.join("lock"));
    lock.is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockShared).is_err())
}

fn lock(path: &Path, holder: &Holder) -> Result<File, NotOpened> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| failed(path, error))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut text = String::new();
        let known = file.read_to_string(&mut text).ok().and_then(|_| serde_json::from_str(&text).ok());
        return Err(NotOpened::Held(known));
    }
    let write = |file: &mut File| -> io::Result<()> {
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&serde_json::to_vec(holder)?)
    };
    write(&mut file).map_err(|error| failed(path, error))?;
    Ok(file)
}

fn make_runtime(pid: u32) -> Result<PathBuf, NotOpened> {
    let uid = rustix::process::getuid().as_raw();
    let given = std::env::var_os("XDG_RUNTIME_DIR").map(|folder| PathBuf::from(folder).join("liveloop"));
    let base = given
        .filter(|folder| folder.parent().is_some_and(Path::is_dir) && folder.as_os_str().len() < LONGEST_RUNTIME)
        .unwrap_or_else(|| PathBuf::from(format!("/tmp/liveloop-{uid}")));
    make(&base)?;
    // Somebody else may have made that name before us: only a real folder of our own, closed to others, will do.
    let found = fs::symlink_metadata(&base).map_err(|error| failed(&base, error))?;
    if !found.is_dir() || found.uid() != uid || found.mode() & 0o077 != 0 {
        let error = io::Error::new(io::ErrorKind::PermissionDenied, "it is not a folder of ours alone; remove it");
        return Err(failed(&base, error));
    }
    let runtime = base.join(pid.to_string());
    let _ = fs::remove_dir_all(&runtime);
    make(&runtime)?;
    Ok(runtime)
}

fn make(folder: &Path) -> Result<(), NotOpened> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| failed(folder, error))
}

fn failed(path: &Path, error: io::Error) -> NotOpened {
    NotOpened::Io { what: format!("failed to make {}", path.display()), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Holder {
        Holder { pid: std::process::id(), what: "console".into(), since: "16:11".into() }
    }

    #[test]
    fn a_second_session_is_told_who_holds_the_project() {
        let project = tempfile::tempdir().expect("a folder");
        let first = Folder::open(project.path(), &holder()).expect("free");
        let second = Folder::open(project.path(), &holder()).expect_err("held");
        assert!(matches!(&second, NotOpened::Held(Some(known)) if *known == holder()), "{second}");
        drop(first);
        Folder::open(project.path(), &holder()).expect("free again");
    }

    #[test]
    fn journals_sort_by_time() {
        assert_eq!(stamp(Moment(1_700_000_000_000_000)), "2023-11-14T22-13-20.000000Z");
    }
}
