//! The stacks that a run's processes dump on request.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::far_off;

/// How long a process may take to dump its stacks.
const DUMP: Duration = Duration::from_secs(2);

/// The file into which processes dump their stacks, and when to look into it.
pub(super) struct Stacks {
    file: PathBuf,
    seen: u64,
    due: Option<(Instant, Instant)>,
}

impl Stacks {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file, seen: 0, due: None }
    }

    pub(super) fn asked(&mut self) {
        let now = Instant::now();
        self.due = Some((now + Duration::from_millis(100), now + DUMP));
    }

    pub(super) fn due(&self) -> Instant {
        self.due.map_or_else(far_off, |(next, _)| next)
    }

    /// What was dumped since the last look; asks for another look while nothing was and there is time.
    pub(super) fn read(&mut self) -> Option<String> {
        let (_, limit) = self.due.take()?;
        let whole = std::fs::read(&self.file).unwrap_or_default();
        let new = whole.get(self.seen as usize..).unwrap_or_default();
        let now = Instant::now();
        if new.is_empty() {
            if now < limit {
                self.due = Some((now + Duration::from_millis(100), limit));
                return None;
            }
            return Some("no process dumped its stacks: the tool does not listen to SIGUSR1".to_owned());
        }
        self.seen = whole.len() as u64;
        Some(String::from_utf8_lossy(new).into_owned())
    }
}
