//! What earlier sessions were to prove and did not: the tests that a run selected and never came to, and those whose
//! results the environment spoilt. The newest session that selected a test decides.

use std::collections::HashSet;

use crate::domain::{LeftOver, Standing, State, Text};

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
