//! The output of a running test, before its runner reports it: read from the files that take it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use crate::adapters::reporter::Process;
use crate::adapters::sanitize::Lines;

/// How often the files are looked at while a test runs.
const PACE: Duration = Duration::from_millis(250);
/// How much is read at a look; a test that prints more shows its newest output.
const CHUNK: u64 = 64 << 10;

/// Follows the files in which a running test's output is captured. Only on Linux, where another process's open files
/// can be read; elsewhere, and under other ways of capture, nothing is found.
#[derive(Debug, Default)]
pub struct LiveOutput {
    files: BTreeMap<PathBuf, Followed>,
    test: Option<u32>,
    due: Option<Instant>,
}

#[derive(Debug, Default)]
struct Followed {
    read: u64,
    lines: Lines,
}

impl LiveOutput {
    /// The processes introduced themselves. With workers nobody knows which test printed, so only one is followed.
    pub fn know(&mut self, processes: &[Process]) {
        if !self.files.is_empty() || processes.len() != 1 {
            return;
        }
        let Some(captured) = processes.iter().find_map(|process| process.captured.as_ref().map(|c| (process.pid, c)))
        else {
            return;
        };
        let (pid, captured) = captured;
        for descriptor in [captured.stdout, captured.stderr] {
            self.files.insert(PathBuf::from(format!("/proc/{pid}/fd/{descriptor}")), Followed::default());
        }
    }

    /// A test began: its output begins anew.
    pub fn begin(&mut self, test: u32) {
        self.test = Some(test);
        self.files.values_mut().for_each(|file| *file = Followed::default());
        self.due = (!self.files.is_empty()).then(|| Instant::now() + PACE);
    }

    /// The test ended, and its runner reports its output itself.
    pub fn end(&mut self) {
        self.test = None;
        self.due = None;
    }

    /// When the files are to be looked at.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What the running test printed since the last look.
    pub fn look(&mut self) -> Option<(u32, Vec<String>)> {
        let test = self.test?;
        self.due = Some(Instant::now() + PACE);
        let mut lines = Vec::new();
        for (path, file) in &mut self.files {
            file.follow(path, &mut lines);
        }
        (!lines.is_empty()).then_some((test, lines))
    }
}

impl Followed {
    fn follow(&mut self, path: &PathBuf, lines: &mut Vec<String>) {
        // The process may be gone, or not be ours to look into: then there is no live output, which is no fault.
        let Ok(mut file) = File::open(path) else { return };
        let Ok(length) = file.metadata().map(|found| found.len()) else { return };
        if length < self.read {
            *self = Self::default();
        }
        if length - self.read > CHUNK {
            lines.push(format!("… {} bytes passed over", length - self.read - CHUNK));
            self.read = length - CHUNK;
        }
        let mut bytes = Vec::new();
        if file.seek(SeekFrom::Start(self.read)).is_err() || file.take(CHUNK).read_to_end(&mut bytes).is_err() {
            return;
        }
        self.read += bytes.len() as u64;
        self.lines.feed(&bytes, &mut |line| lines.push(line.text));
    }
}
