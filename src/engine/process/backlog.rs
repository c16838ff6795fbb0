//! Lines on their way to somebody who may be slower than the command: bounded, and honest about what was dropped.

use std::collections::VecDeque;

use super::Stream;
use crate::adapters::sanitize::CleanLine;

/// A batch holds about this much, counting what a line costs besides its text.
const BATCH_BYTES: usize = 256 * 1024;
/// So many full batches wait for a slow reader before the oldest is dropped.
const BATCHES_WAITING: usize = 16;

/// Lines that came in about the same time.
#[derive(Debug, Default)]
pub struct Batch {
    /// In the order of their arrival, as exact as two pipes allow.
    pub lines: Vec<(Stream, CleanLine)>,
    /// How many lines before these were dropped because nobody took them in time.
    pub dropped: u64,
}

/// Lines on their way to the reader, bounded.
#[derive(Default)]
pub(super) struct Backlog {
    full: VecDeque<Batch>,
    growing: Batch,
    growing_bytes: usize,
    dropped: u64,
}

impl Backlog {
    pub(super) fn push(&mut self, stream: Stream, line: CleanLine) {
        self.growing_bytes += line.text.len() + size_of::<(Stream, CleanLine)>();
        self.growing.lines.push((stream, line));
        if self.growing_bytes >= BATCH_BYTES {
            self.growing_bytes = 0;
            self.full.push_back(std::mem::take(&mut self.growing));
            if self.full.len() > BATCHES_WAITING {
                let oldest = self.full.pop_front();
                self.dropped += oldest.map_or(0, |batch| batch.lines.len() as u64);
            }
        }
    }

    /// Whether a batch is full, so that it need not wait for company.
    pub(super) fn is_full(&self) -> bool {
        !self.full.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.full.is_empty() && self.growing.lines.is_empty()
    }

    pub(super) fn take(&mut self) -> Batch {
        let mut batch = self.full.pop_front().unwrap_or_else(|| {
            self.growing_bytes = 0;
            std::mem::take(&mut self.growing)
        });
        batch.dropped = std::mem::take(&mut self.dropped);
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(backlog: &mut Backlog, count: usize, text: &str) {
        for _ in 0..count {
            backlog.push(Stream::Stdout, CleanLine { text: text.to_owned(), ..CleanLine::default() });
        }
    }

    fn drain(backlog: &mut Backlog) -> (usize, u64) {
        let (mut lines, mut dropped) = (0, 0);
        while !backlog.is_empty() {
            let batch = backlog.take();
            lines += batch.lines.len();
            dropped += batch.dropped;
        }
        (lines, dropped)
    }

    #[test]
    fn a_reader_in_time_gets_everything() {
        let mut backlog = Backlog::default();
        push(&mut backlog, 1000, "hello");
        assert_eq!(drain(&mut backlog), (1000, 0));
    }

    #[test]
    fn what_is_too_much_goes_from_the_oldest_end_and_is_counted() {
        let mut backlog = Backlog::default();
        push(&mut backlog, 1, "first");
        push(&mut backlog, 100_000, "a line of some length, to fill batches with");
        push(&mut backlog, 1, "last");
        let first = backlog.take();
        assert!(first.dropped > 0);
        assert_ne!(first.lines[0].1.text, "first");
        let (lines, dropped) = drain(&mut backlog);
        assert_eq!(first.lines.len() + lines + first.dropped as usize, 100_002);
        assert_eq!(dropped, 0, "what was dropped is said once");
    }

    #[test]
    fn empty_lines_fill_a_batch_too() {
        let mut backlog = Backlog::default();
        push(&mut backlog, 1_000_000, "");
        assert!(backlog.take().lines.len() < 10_000);
    }
}
