//! Flaky tests: on which ground an attempt stood, and what earlier sessions knew of it.

use crate::domain::event::Recollection;
use crate::domain::flake::{ground_of, told};
use crate::domain::{Attempt, Recalled, State, TestId};

impl State {
    /// An attempt ended: what it tells is counted on the ground where it was made.
    pub(super) fn note_ground(&mut self, test: TestId, attempt: &Attempt) {
        let Some((failed, passed)) = told(attempt.outcome, attempt.tries, !attempt.circumstance.is_steady()) else {
            return;
        };
        let served = self.served.number(self.services.revisions(attempt.epoch));
        self.inventory.stand_on(test, ground_of(attempt, served), failed, passed);
    }

    /// What earlier sessions knew of their tests, in this session's own numbers.
    pub(super) fn renumber_grounds(&mut self, memory: &Recollection) -> Vec<Recalled> {
        let own: Vec<(u32, u32)> =
            memory.revisions.iter().map(|(number, words)| (*number, self.served.number_of(words))).collect();
        let number = |theirs| own.iter().find(|(number, _)| *number == theirs).map(|(_, own)| *own);
        let renumber = |test: &Recalled| Recalled { grounds: test.grounds.renumbered(number), ..test.clone() };
        memory.tests.iter().map(renumber).collect()
    }
}
