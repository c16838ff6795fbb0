//! What a session hands on to the next one besides results, which the history holds test by test.

use super::{Recollection, State};

impl State {
    /// What the next session goes on with; nothing where this one has not heard what it was left itself.
    #[must_use]
    pub fn leavings(&self) -> Option<Recollection> {
        let cycles = self.records.iter().cloned().collect();
        let vacuous = self.inventory.vacuous().collect();
        let known = self.known.left_behind(|id| Some(self.inventory.test(id)?.node.clone()));
        let sent = self.sent.iter().cloned().collect();
        let handed_on = Recollection { cycle: self.cycle, cycles, vacuous, known, sent, ..Recollection::default() };
        self.session.recalled.then_some(handed_on)
    }
}
