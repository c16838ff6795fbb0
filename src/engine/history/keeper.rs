//! The keeper: writes the history beside the session, on a thread of its own, and never makes the session wait.
//!
//! The engine hands records over; what finds no room is read from the journal later. Whatever is wrong with the file is
//! said once, and the session goes on: the journals hold everything.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::journals::{self, Fate};
use super::project::Projection;
use super::record::Record;
use super::schema::{self, Trouble};
use crate::domain::{Recollection, SessionEvent, Text};
use crate::engine::core::Call;
use crate::engine::folder;
use crate::engine::notes;
use crate::engine::recall::recall;

/// How many records may wait to be written.
const WAITING: usize = 64;
/// How many journals are read before earlier results are told, and how many bytes of them; the rest follows.
const SESSIONS: usize = 10;
const BYTES: u64 = 256 << 20;
/// How long the end of a session waits for its last rows.
const FAREWELL: Duration = Duration::from_secs(3);
/// What is said to be in trouble.
const WHAT: &str = "the history across sessions is not being written";

/// Where the history of a session is kept.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The folder of the journals.
    pub sessions: PathBuf,
    /// The session's own journal.
    pub journal: PathBuf,
}

#[derive(Debug)]
enum Work {
    Keep(Record),
    Recall,
}

/// The engine's end of the line to the thread that writes.
#[derive(Debug)]
pub struct Keeper {
    work: Option<SyncSender<Work>>,
    missed: Arc<AtomicBool>,
    ending: Arc<AtomicBool>,
    done: oneshot::Receiver<()>,
}

impl Keeper {
    /// Starts the thread. What it has to say goes to `calls`.
    ///
    /// # Errors
    /// When the system has no thread for it.
    pub fn start(place: Place, calls: mpsc::Sender<Call>) -> std::io::Result<Self> {
        let (work, orders) = sync_channel(WAITING);
        let (missed, ending) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (over, done) = oneshot::channel::<()>();
        let desk = Desk::new(place, calls, missed.clone(), ending.clone());
        thread::Builder::new().name("history".into()).spawn(move || {
            desk.work(&orders);
            // Dropped here at the latest, which says the same.
            let _ = over.send(());
        })?;
        Ok(Self { work: Some(work), missed, ending, done })
    }

    /// Hands a record over, without waiting.
    pub fn keep(&self, record: Record) {
        if self.work.as_ref().is_none_or(|work| work.try_send(Work::Keep(record)).is_err()) {
            self.missed.store(true, Ordering::Relaxed);
        }
    }

    /// Asks for what earlier sessions left. It is told as an event; answers whether it will be.
    #[must_use]
    pub fn recall(&self) -> bool {
        self.work.as_ref().is_some_and(|work| work.try_send(Work::Recall).is_ok())
    }

    /// Nothing further will come: waits a moment for the last rows.
    pub async fn finish(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        self.work = None;
        // What is not written by then is caught up by the next session.
        let _ = tokio::time::timeout(FAREWELL, &mut self.done).await;
    }
}

/// What the thread works with.
struct Desk {
    place: Place,
    calls: mpsc::Sender<Call>,
    missed: Arc<AtomicBool>,
    ending: Arc<AtomicBool>,
    connection: Option<Connection>,
    projection: Projection,
    /// A later program's file: it is left alone.
    given_up: bool,
    rebuilt: bool,
    ended: bool,
    trouble: Option<Text>,
}

impl Desk {
    fn new(place: Place, calls: mpsc::Sender<Call>, missed: Arc<AtomicBool>, ending: Arc<AtomicBool>) -> Self {
        let projection = Projection::new(&journals::name_of(&place.journal));
        Self {
            place,
            calls,
            missed,
            ending,
            connection: None,
            projection,
            given_up: false,
            rebuilt: false,
            ended: false,
            trouble: None,
        }
    }

    fn work(mut self, orders: &Receiver<Work>) {
        while let Ok(work) = orders.recv() {
            match work {
                Work::Keep(record) => self.keep(&record),
                Work::Recall => self.recall(),
            }
        }
        if self.missed.load(Ordering::Relaxed) {
            self.with_file(|desk, connection| desk.make_up(connection));
        }
        // The journal is complete and at rest: the next session need not look at it again.
        if self.ended && self.trouble.is_none() {
            let length = std::fs::metadata(&self.place.journal).map_or(0, |found| found.len());
            self.with_file(|desk, connection| Ok(desk.projection.settle(connection, length)?));
        }
    }

    fn keep(&mut self, record: &Record) {
        self.ended |= matches!(record, Record::Ended { .. });
        let written = self.with_file(|desk, connection| {
            desk.make_up(connection)?;
            Ok(desk.projection.write(connection, std::slice::from_ref(record))?)
        });
        if written.is_none() {
            self.missed.store(true, Ordering::Relaxed);
        }
    }

    /// What was missed while there was no room or no file is in the session's own journal.
    fn make_up(&mut self, connection: &mut Connection) -> Result<(), Trouble> {
        if self.missed.swap(false, Ordering::Relaxed) {
            let made_up = journals::catch_up(connection, &self.place.journal, Fate::Open);
            if made_up.is_err() {
                self.missed.store(true, Ordering::Relaxed);
            }
            made_up?;
        }
        Ok(())
    }

    /// Does something with the file, and says what is wrong with it where that is news. A damaged file is moved aside
    /// and made anew from the journals, once a session.
    fn with_file<T>(&mut self, work: impl Fn(&mut Self, &mut Connection) -> Result<T, Trouble>) -> Option<T> {
        if self.given_up {
            return None;
        }
        let mut result = self.once(&work);
        if matches!(result, Err(Trouble::Corrupt(_))) && !std::mem::replace(&mut self.rebuilt, true) {
            result = self.begin_anew().and_then(|()| self.once(&work));
        }
        match result {
            Ok(value) => {
                self.well();
                Some(value)
            }
            Err(trouble) => {
                self.given_up = matches!(trouble, Trouble::TooNew { .. } | Trouble::Corrupt(_));
                self.ill(&trouble);
                None
            }
        }
    }

    fn once<T>(&mut self, work: impl Fn(&mut Self, &mut Connection) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => schema::open(&self.place.file)?,
        };
        let result = work(self, &mut connection);
        self.connection = Some(connection);
        result
    }

    fn begin_anew(&mut self) -> Result<(), Trouble> {
        self.connection = None;
        self.projection = Projection::new(&journals::name_of(&self.place.journal));
        let stamp = folder::stamp(crate::engine::clock::Clock::start().now());
        let aside = schema::move_aside(&self.place.file, &stamp).map_err(|error| Trouble::Failed(error.to_string()))?;
        let mut connection = schema::open(&self.place.file)?;
        journals::rebuild(&mut connection, &self.place.sessions, Fate::Open, |_, _| {})?;
        self.connection = Some(connection);
        let aside = aside.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        self.remark(&format!("history.db was damaged: made anew from the journals, the old one is {aside}"));
        Ok(())
    }

    fn recall(&mut self) {
        let (first, rest) = self.earlier();
        let told = self.with_file(|desk, connection| desk.remember(connection, &first));
        // A file that cannot be used keeps nobody from knowing what the newest journals say.
        let recollection = told.unwrap_or_else(|| {
            let remembered = schema::in_memory().and_then(|mut memory| self.remember(&mut memory, &first));
            remembered.unwrap_or_default()
        });
        if self.calls.blocking_send(Call::Tell(SessionEvent::Recalled(Arc::new(recollection)).into())).is_err() {
            return;
        }
        for journal in rest {
            if self.ending.load(Ordering::Relaxed) {
                return;
            }
            self.with_file(|_, connection| catch_up(connection, &journal).map(drop));
        }
    }

    /// The journals of earlier sessions, newest first: those that are read before anything is told, and the others.
    fn earlier(&self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let mut first: Vec<PathBuf> =
            folder::journals(&self.place.sessions).into_iter().filter(|path| *path != self.place.journal).collect();
        let mut budget = BYTES;
        let affordable = first.iter().take(SESSIONS).take_while(|path| {
            let size = std::fs::metadata(path).map_or(0, |found| found.len());
            budget = budget.saturating_sub(size);
            budget > 0
        });
        let rest = first.split_off(affordable.count());
        (first, rest)
    }

    fn remember(&mut self, connection: &mut Connection, first: &[PathBuf]) -> Result<Recollection, Trouble> {
        let mut torn = 0;
        for (age, journal) in first.iter().enumerate() {
            let cut = catch_up(connection, journal)?;
            torn = if age == 0 { cut } else { torn };
        }
        let mut recollection = recall(connection)?;
        recollection.notes = notes::recall(&self.place.sessions, &self.place.journal);
        if let Some(newest) = first.first() {
            let how = journals::how_it_ended(connection, newest)?;
            recollection.unfinished = how.and_then(|(how, cut)| unfinished(&how, cut, torn));
        }
        Ok(recollection)
    }

    fn well(&mut self) {
        if let Some(what) = self.trouble.take() {
            self.tell(SessionEvent::Troubled { what, over: true });
        }
    }

    fn ill(&mut self, trouble: &Trouble) {
        let what: Text = format!("{WHAT}: {trouble}").into();
        if self.trouble.as_ref() != Some(&what) {
            self.well();
            self.tell(SessionEvent::Troubled { what: what.clone(), over: false });
            self.trouble = Some(what);
        }
    }

    fn remark(&self, text: &str) {
        self.tell(SessionEvent::Remarked { text: text.into() });
    }

    fn tell(&self, event: SessionEvent) {
        // An engine with no room for a sentence has other worries.
        let _ = self.calls.try_send(Call::Tell(event.into()));
    }
}

/// Brings the history up with the journal of a session that is over; answers how many bytes of a torn line were cut off.
fn catch_up(connection: &mut Connection, journal: &Path) -> Result<u64, Trouble> {
    if journals::is_settled(connection, journal)? {
        return Ok(0);
    }
    journals::catch_up(connection, journal, Fate::Over).map(|caught| caught.torn)
}

/// How a session ended, where that is worth a sentence.
fn unfinished(how: &str, run_was_cut: bool, torn: u64) -> Option<Text> {
    let how = match how.split_once(": ") {
        Some(("panicked", why)) => format!("the last session failed: {why}"),
        _ if how == "killed" => "the last session was killed".to_owned(),
        _ => return None,
    };
    let runs = if run_was_cut { ", a run was under way" } else { "" };
    let tail = if torn > 0 { format!(", {torn} bytes of a torn line were cut off its journal") } else { String::new() };
    Some(format!("{how}{runs}{tail}").into())
}
