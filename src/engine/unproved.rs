//! What earlier sessions were to prove and did not: the tests that a run selected and never came to, and those whose
//! results the environment spoilt. The newest session that selected a test decides.

use std::collections::HashSet;
use std::path::PathBuf;

use super::journal::scan;
use crate::domain::{Effects, Event, LeftOver, SessionEvent, Standing, State, StreamEvent, Text};

/// What these journals, the newest one first, left unproved.
#[must_use]
pub fn recall(journals: &[PathBuf]) -> Vec<LeftOver> {
    let mut unproved = Unproved::default();
    for journal in journals {
        let (mut state, mut effects) = (State::default(), Effects::new());
        let scanned = scan(journal, |entry| {
            // What such a session recalled itself is in the journals before it; what agents say matters to no test.
            let is_passed_over = matches!(
                entry.event,
                Event::Session(SessionEvent::Recalled(_)) | Event::Stream(StreamEvent::Received { .. }) | Event::Log(_)
            );
            if !is_passed_over {
                state.apply(&entry, &mut effects);
                effects.clear();
            }
        });
        if scanned.is_ok() {
            unproved.learn(&state);
        }
    }
    unproved.tests
}

/// What sessions left unproved, told from the newest to the oldest.
#[derive(Debug, Default)]
pub struct Unproved {
    /// The tests, in the order in which they were found.
    pub tests: Vec<LeftOver>,
    decided: HashSet<Text>,
}

impl Unproved {
    /// Takes from a session what newer ones have not decided.
    pub fn learn(&mut self, state: &State) {
        let mut decided = Vec::new();
        for (_, test) in state.inventory.tests().filter(|(_, test)| !test.gone) {
            let latest = test.latest.as_ref().filter(|latest| latest.run.is_some());
            // A session that was killed never said what became of them.
            let waits = matches!(test.standing, Standing::Queued | Standing::Running);
            if (test.missed || waits || latest.is_some()) && !self.decided.contains(&test.node) {
                let missed = test.missed || waits;
                let spoilt = latest.map(|latest| latest.circumstance.clone()).filter(|_| !missed).unwrap_or_default();
                if missed || !spoilt.is_steady() {
                    self.tests.push(LeftOver { node: test.node.clone(), circumstance: spoilt });
                }
                decided.push(test.node.clone());
            }
        }
        self.decided.extend(decided);
    }
}
