//! Lines of a log on their way into the session: what comes within a moment becomes one entry, of a flood some hundred
//! lines are kept and the rest is counted.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::adapters::log_line;
use crate::adapters::redact::KeyBlock;
use crate::domain::{Event, Level, LevelCounts, LogEvent, ServiceId};
use crate::engine::masks::Masks;

/// The shortest time between two entries of one log.
pub const MOMENT: Duration = Duration::from_millis(100);
/// How many lines of an entry are kept: as many that matter, and as many others.
const KEPT: usize = 100;
/// A longer line is cut: a log is not a place for documents.
const LINE: usize = 8 * 1024;

/// Gathers the lines of one log.
#[derive(Debug)]
pub struct Gather {
    service: ServiceId,
    masks: Masks,
    keys: KeyBlock,
    /// Warnings and errors, and everything else, each with its place among the lines of this moment.
    weighty: VecDeque<(usize, String)>,
    usual: VecDeque<(usize, String)>,
    came: usize,
    skipped: LevelCounts,
    unread: u64,
    due: Instant,
}

impl Gather {
    /// Nothing gathered yet.
    #[must_use]
    pub fn new(service: ServiceId, masks: Masks) -> Self {
        Self {
            service,
            masks,
            keys: KeyBlock::default(),
            weighty: VecDeque::new(),
            usual: VecDeque::new(),
            came: 0,
            skipped: LevelCounts::default(),
            unread: 0,
            due: Instant::now(),
        }
    }

    /// Takes a sanitized line.
    pub fn push(&mut self, line: &str) {
        let line = self.masks.mask_line(line, &mut self.keys);
        let end = (0..=LINE.min(line.len())).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
        let line = &line[..end];
        if line.trim().is_empty() {
            return;
        }
        let level = log_line::level(line);
        let kept = if level >= Level::Warning { &mut self.weighty } else { &mut self.usual };
        if kept.len() >= KEPT
            && let Some((_, oldest)) = kept.pop_front()
        {
            self.skipped.add(log_line::level(&oldest));
        }
        kept.push_back((self.came, line.to_owned()));
        self.came += 1;
    }

    /// Counts lines that were lost before anybody read them.
    pub fn miss(&mut self, lines: u64) {
        self.unread += lines;
    }

    /// When what was gathered may go out; nothing while there is nothing.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        (self.came > 0 || self.unread > 0).then_some(self.due)
    }

    /// What was gathered, as one event.
    pub fn take(&mut self) -> Option<Event> {
        self.due()?;
        let mut kept: Vec<(usize, String)> = self.weighty.drain(..).chain(self.usual.drain(..)).collect();
        kept.sort_unstable_by_key(|(place, _)| *place);
        let lines = kept.iter().map(|(_, line)| log_line::read(line)).collect();
        self.came = 0;
        self.due = Instant::now() + MOMENT;
        let (skipped, unread) = (std::mem::take(&mut self.skipped), std::mem::take(&mut self.unread));
        Some(LogEvent::Written { service: self.service, lines, skipped, unread }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_a_flood_what_matters_is_kept_and_the_rest_is_counted() {
        let mut gather = Gather::new(ServiceId(0), Masks::new(["s3cret-value".to_owned()]));
        assert!(gather.due().is_none() && gather.take().is_none());
        gather.push("ERROR with s3cret-value");
        (0..50_000).for_each(|n| gather.push(&format!("INFO request {n}")));
        gather.miss(7);
        let Some(Event::Log(LogEvent::Written { lines, skipped, unread, .. })) = gather.take() else {
            panic!("something was gathered")
        };
        assert_eq!((lines.len(), skipped.of(Level::Info), unread), (KEPT + 1, 50_000 - KEPT as u64, 7));
        assert_eq!(&*lines[0].text, "ERROR with ***");
        assert_eq!(&*lines[KEPT].text, "INFO request 49999");
        assert!(gather.take().is_none());
    }
}
