//! The numbering of one run's tests, for tools that name their tests instead of counting them.

use std::collections::HashMap;

use super::sanitize;
use crate::domain::{Event, Found, RunEvent, RunId};

/// How many tests one run may have.
const MAX_TESTS: u32 = 2_000_000;

/// Which place each test has in its run, by its full name.
#[derive(Debug)]
pub(super) struct Places {
    run: RunId,
    by_node: HashMap<Box<str>, u32>,
    fresh: Vec<Found>,
    next: u32,
}

impl Places {
    pub(super) fn new(run: RunId) -> Self {
        Self { run, by_node: HashMap::new(), fresh: Vec::new(), next: 0 }
    }

    /// Lists a test, unless it is listed already; [`Places::announce`] says so. `None` where there are too many.
    pub(super) fn list(&mut self, node: &str, module: &str, line: u32) -> Option<u32> {
        if let Some(&n) = self.by_node.get(node) {
            return Some(n);
        }
        if self.next == MAX_TESTS {
            return None;
        }
        let n = self.next;
        self.next += 1;
        self.by_node.insert(node.into(), n);
        self.fresh.push(Found {
            node: sanitize::text(node).into(),
            module: sanitize::text(module).into(),
            line,
            source: None,
        });
        Some(n)
    }

    /// Where a test stands.
    pub(super) fn of(&self, node: &str) -> Option<u32> {
        self.by_node.get(node).copied()
    }

    /// Leaves a place for something that is no test but is counted among them, as a broken module is.
    pub(super) fn skip(&mut self, out: &mut Vec<Event>) {
        self.announce(out);
        self.next += 1;
    }

    /// Says which tests were listed since the last time.
    pub(super) fn announce(&mut self, out: &mut Vec<Event>) {
        if !self.fresh.is_empty() {
            out.push(RunEvent::Collected { run: self.run, tests: std::mem::take(&mut self.fresh) }.into());
        }
    }
}
