//! The journal: one file of JSON lines a session. Its first line is a header, every further line an entry.
//!
//! Entries are handed to the operating system before their effects start. A last line that was torn by a crash is cut
//! off and said. Trouble with the disk never stops the loop: what cannot be written waits, up to a bound, and the
//! session goes on.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::{Entry, Event, LogEvent, Moment, StreamEvent};

/// The version of the format that this program writes. A reader takes every file of the same major version.
pub const FORMAT: (u16, u16) = (1, 0);
/// How many bytes may wait while the disk takes nothing.
const WAITING: usize = 8 << 20;
/// The longest line that is read; longer ones are counted as broken.
const LONGEST_LINE: u64 = 64 << 20;

/// The first line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Says what the file is; always `liveloop`.
    pub journal: String,
    /// Major and minor version of the format.
    pub format: (u16, u16),
    /// The program's version.
    pub program: String,
    /// When the session began.
    pub opened: Moment,
}

impl Header {
    /// The header that this program writes.
    #[must_use]
    pub fn new(opened: Moment) -> Self {
        Self { journal: "liveloop".into(), format: FORMAT, program: env!("CARGO_PKG_VERSION").into(), opened }
    }
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    pending: Vec<u8>,
    missed: u64,
    in_trouble: bool,
    written: u64,
    limit: u64,
    left_out: u64,
}

/// What handing entries over to the operating system came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Everything is written.
    Written,
    /// Everything is written again, after trouble; so many entries are missing in between.
    Recovered {
        /// How many entries are missing.
        missed: u64,
    },
    /// It could not be written: news the first time.
    Failed {
        /// Why.
        why: String,
        /// Whether that is news.
        first: bool,
    },
}

impl Journal {
    /// Creates the file with its header, readable for its owner alone. From `limit` bytes on, agent events are left out
    /// of it and counted; everything else is still written.
    ///
    /// # Errors
    /// When the file cannot be created or written.
    pub fn create(path: &Path, header: &Header, limit: u64) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
        let mut journal = Self {
            path: path.to_owned(),
            file,
            pending: Vec::new(),
            missed: 0,
            in_trouble: false,
            written: 0,
            limit,
            left_out: 0,
        };
        serde_json::to_writer(&mut journal.pending, header)?;
        journal.pending.push(b'\n');
        journal.write_pending()?;
        Ok(journal)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many agent events and log lines were left out because the journal has reached its size.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Takes an entry; [`flush`](Self::flush) hands it over.
    pub fn append(&mut self, entry: &Entry) {
        if self.written >= self.limit
            && let Some(events) = droppable(&entry.event)
        {
            self.left_out += events as u64;
            return;
        }
        let before = self.pending.len();
        if before > WAITING {
            self.missed += 1;
            return;
        }
        if serde_json::to_writer(&mut self.pending, entry).is_err() {
            self.pending.truncate(before);
            self.missed += 1;
            return;
        }
        self.pending.push(b'\n');
    }

    /// Hands everything over to the operating system.
    pub fn flush(&mut self) -> Flushed {
        match self.write_pending() {
            Ok(()) if self.in_trouble => {
                self.in_trouble = false;
                Flushed::Recovered { missed: std::mem::take(&mut self.missed) }
            }
            Ok(()) => Flushed::Written,
            Err(error) => {
                Flushed::Failed { why: error.to_string(), first: !std::mem::replace(&mut self.in_trouble, true) }
            }
        }
    }

    fn write_pending(&mut self) -> io::Result<()> {
        let mut written = 0;
        let result = loop {
            if written == self.pending.len() {
                break Ok(());
            }
            match self.file.write(&self.pending[written..]) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.pending.drain(..written);
        self.written += written as u64;
        result
    }
}

/// A journal that was read.
#[derive(Debug)]
pub struct Recording {
    /// Its first line.
    pub header: Header,
    /// Its entries, in order.
    pub entries: Vec<Entry>,
    /// Lines that could not be understood.
    pub broken: u64,
    /// Whether its last line was torn.
    pub torn: bool,
}

/// Why a journal cannot be read. Each says what to do.
#[derive(Debug)]
pub enum Unreadable {
    /// The file cannot be opened or read.
    Io(io::Error),
    /// Its first line is no header.
    NotAJournal,
    /// It was written by a later version.
    TooNew {
        /// The version that it has.
        format: (u16, u16),
    },
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the journal cannot be read: {error}"),
            Self::NotAJournal => write!(f, "its first line is not the header of a liveloop journal"),
            Self::TooNew { format: (major, minor) } => {
                write!(f, "its format is {major}.{minor}, this program reads {}: use a newer liveloop", FORMAT.0)
            }
        }
    }
}

impl std::error::Error for Unreadable {}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a journal and hands each entry to `take`. Broken lines are counted and passed over, a torn last line is
/// reported.
///
/// # Errors
/// When the file is no journal, or one of a later version.
pub fn scan(path: &Path, mut take: impl FnMut(Entry)) -> Result<(Header, u64, bool), Unreadable> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut line = Vec::new();
    read_line(&mut reader, &mut line)?;
    let header: Header = serde_json::from_slice(&line).map_err(|_| Unreadable::NotAJournal)?;
    if header.journal != "liveloop" {
        return Err(Unreadable::NotAJournal);
    }
    if header.format.0 > FORMAT.0 {
        return Err(Unreadable::TooNew { format: header.format });
    }
    let mut broken = 0;
    loop {
        line.clear();
        if read_line(&mut reader, &mut line)? == 0 {
            return Ok((header, broken, false));
        }
        if line.last() != Some(&b'\n') {
            return Ok((header, broken, true));
        }
        match serde_json::from_slice(&line) {
            Ok(entry) => take(entry),
            Err(_) => broken += 1,
        }
    }
}

fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    reader.by_ref().take(LONGEST_LINE).read_until(b'\n', line)
}

/// Reads a whole journal.
///
/// # Errors
/// When the file is no journal, or one of a later version.
pub fn read(path: &Path) -> Result<Recording, Unreadable> {
    let mut entries = Vec::new();
    let (header, broken, torn) = scan(path, |entry| entries.push(entry))?;
    Ok(Recording { header, entries, broken, torn })
}

/// Cuts off a torn last line; answers how many bytes that were.
///
/// # Errors
/// When the file cannot be read or changed.
pub fn repair(path: &Path) -> io::Result<u64> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let mut end = length;
    let mut chunk = vec![0; 1 << 16];
    while end > 0 {
        let start = end.saturating_sub(chunk.len() as u64);
        let part = &mut chunk[..(end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(part)?;
        if let Some(place) = part.iter().rposition(|&byte| byte == b'\n') {
            end = start + place as u64 + 1;
            break;
        }
        end = start;
    }
    if end < length {
        file.set_len(end)?;
    }
    Ok(length - end)
}

/// How much of what comes in masses an event holds, if it is such a one.
fn droppable(event: &Event) -> Option<usize> {
    match event {
        Event::Stream(StreamEvent::Received { events, .. }) => Some(events.len()),
        Event::Log(LogEvent::Written { lines, .. }) => Some(lines.len()),
        Event::Stream(_)
        | Event::Log(LogEvent::Followed { .. } | LogEvent::Lost { .. })
        | Event::Session(_)
        | Event::Run(_)
        | Event::Service(_)
        | Event::Deploy(_)
        | Event::Fix(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SessionEvent;

    fn entry(seq: u64) -> Entry {
        Entry { seq, at: Moment(seq), event: Event::Session(SessionEvent::Remarked { text: "hello\n\u{1b}".into() }) }
    }

    fn written(folder: &Path, count: u64) -> PathBuf {
        let path = folder.join("a.jsonl");
        let mut journal = Journal::create(&path, &Header::new(Moment(7)), u64::MAX).expect("a new file");
        (1..=count).for_each(|seq| journal.append(&entry(seq)));
        assert_eq!(journal.flush(), Flushed::Written);
        path
    }

    #[test]
    fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let recording = read(&written(folder.path(), 3)).expect("readable");
        assert_eq!(recording.header, Header::new(Moment(7)));
        assert_eq!(recording.entries, [entry(1), entry(2), entry(3)]);
        assert_eq!((recording.broken, recording.torn), (0, false));
    }

    #[test]
    fn a_torn_tail_is_cut_off_at_every_byte() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = written(folder.path(), 2);
        let whole = std::fs::read(&path).expect("readable");
        let last_line = whole[..whole.len() - 1].iter().rposition(|&byte| byte == b'\n').expect("lines") + 1;
        for length in last_line..whole.len() {
            std::fs::write(&path, &whole[..length]).expect("writable");
            let torn = read(&path).expect("readable");
            assert_eq!((torn.entries.len(), torn.torn), (1, length > last_line));
            assert_eq!(repair(&path).expect("repairable"), (length - last_line) as u64);
            assert!(!read(&path).expect("readable").torn);
        }
    }

    #[test]
    fn agent_events_are_left_out_of_a_full_journal_and_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.jsonl");
        let mut journal = Journal::create(&path, &Header::new(Moment(7)), 10).expect("a new file");
        let received = StreamEvent::Received { stream: crate::domain::StreamId(0), events: Vec::new() };
        journal.append(&Entry { seq: 1, at: Moment(1), event: received.into() });
        journal.append(&entry(2));
        assert_eq!((journal.flush(), journal.left_out()), (Flushed::Written, 0));
        assert_eq!(read(&path).expect("readable").entries, [entry(2)]);
    }

    #[test]
    fn a_later_format_and_a_foreign_file_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, r#"{"journal":"liveloop","format":[2,0],"program":"9","opened":1}"#).expect("writable");
        assert!(matches!(read(&path), Err(Unreadable::TooNew { format: (2, 0) })));
        std::fs::write(&path, "hello\n").expect("writable");
        assert!(matches!(read(&path), Err(Unreadable::NotAJournal)));
    }

    #[test]
    fn a_full_disk_is_said_once_and_nothing_waits_without_bound() {
        let mut journal = Journal {
            path: "/dev/full".into(),
            file: OpenOptions::new().append(true).open("/dev/full").expect("a device"),
            pending: Vec::new(),
            missed: 0,
            in_trouble: false,
            written: 0,
            limit: u64::MAX,
            left_out: 0,
        };
        journal.append(&entry(1));
        assert!(matches!(journal.flush(), Flushed::Failed { first: true, .. }));
        for seq in 0..200_000 {
            journal.append(&entry(seq));
        }
        assert!(matches!(journal.flush(), Flushed::Failed { first: false, .. }));
        assert!(journal.pending.len() < WAITING + 4_096 && journal.missed > 0);
        journal.file = tempfile::tempfile().expect("a file");
        assert!(matches!(journal.flush(), Flushed::Recovered { missed } if missed > 0));
    }
}
