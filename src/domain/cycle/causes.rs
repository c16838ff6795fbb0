//! Why tests fail: what an ended attempt means for the causes, and what becomes of them when tests come and go.

use super::circumstances::met;
use crate::domain::cause::{Leave, Met};
use crate::domain::service::Epoch;
use crate::domain::{CauseClass, CauseId, Circumstance, Detail, Outcome, Signature, State, TestId, Text};

impl State {
    /// A test ended: it leaves its cause, joins one, or moves from one to another.
    pub(super) fn blame(
        &mut self,
        outcome: Outcome,
        detail: Option<&Detail>,
        met: Met,
        circumstance: &Circumstance,
    ) -> Option<CauseId> {
        let Met { test, cycle, epoch, .. } = met;
        if self.inventory.test(test).is_none_or(|test| test.gone) {
            // It is blamed when it is found again.
            return None;
        }
        match circumstance {
            Circumstance::Steady => {}
            Circumstance::Environment(disturbance) => return Some(self.blame_environment(met, disturbance)),
            Circumstance::Straddled => {
                self.causes.leave(test, Leave::Unknown);
                return None;
            }
        }
        if !outcome.is_failure() {
            self.causes.of(test)?;
            let how = if outcome.is_pass() { self.past(test, cycle, epoch) } else { Leave::Unknown };
            self.causes.leave(test, how);
            return None;
        }
        let signature = Signature::of(outcome, detail);
        // Who was stopped or whose process died did not get past anything.
        let past = match signature.class {
            CauseClass::Crash => Leave::Unknown,
            _ => self.past(test, cycle, epoch),
        };
        Some(self.blame_on(signature, detail, met, past))
    }

    pub(super) fn blame_on(&mut self, signature: Signature, detail: Option<&Detail>, met: Met, past: Leave) -> CauseId {
        let message = detail.map_or("", |detail| &*detail.message);
        let named = self.inventory.named_failure(met.test, message);
        let other = named
            .filter(|other| !self.causes.is_dependent(*other))
            .or_else(|| self.failure_before(met.test, &signature));
        let (id, dependent) = match other.and_then(|other| self.causes.of(other)) {
            Some(id) => (id, true),
            None => (self.causes.find(signature, met.cycle), false),
        };
        self.causes.join(id, met, dependent, past);
        id
    }

    /// Which revision a test got past its cause with: one that moved since the cause was last met.
    fn past(&self, test: TestId, cycle: u32, epoch: Epoch) -> Leave {
        let met = self.causes.epoch_of(test).unwrap_or(0);
        let moved = |(name, revision): &(&Text, &Text)| {
            self.services.revisions(met).any(|(known, before)| known == *name && before != *revision)
        };
        Leave::Past { cycle, by: self.services.revisions(epoch).find(moved).map(|(_, revision)| revision.clone()) }
    }

    /// A test was found, by its runner or in memory: what it failed of before, it still fails of as far as is known.
    pub(super) fn review_cause(&mut self, id: TestId) {
        let Some(test) = self.inventory.test(id).filter(|test| !test.gone && self.causes.of(id).is_none()) else {
            return;
        };
        let Some(latest) = test.latest.as_ref().filter(|latest| latest.outcome.is_failure()) else { return };
        let met = met(latest, id);
        match latest.circumstance.clone() {
            Circumstance::Steady => {}
            Circumstance::Environment(disturbance) => {
                let cause = self.blame_environment(met, &disturbance);
                return self.inventory.blame(id, cause);
            }
            Circumstance::Straddled => return,
        }
        let (outcome, detail) = (latest.outcome, latest.detail.clone());
        let remembered =
            self.inventory.recalled(&test.node).and_then(|recalled| recalled.signature.as_deref().cloned());
        let signature =
            remembered.filter(|_| latest.run.is_none()).unwrap_or_else(|| Signature::of(outcome, detail.as_deref()));
        let cause = self.blame_on(signature, detail.as_deref(), met, Leave::Unknown);
        self.inventory.blame(id, cause);
        self.review_known(id);
    }

    /// Tests that have vanished fail no more.
    pub(super) fn drop_vanished_causes(&mut self) {
        let is_gone = |id: &TestId| self.inventory.test(*id).is_none_or(|test| test.gone);
        for id in self.causes.tests().filter(is_gone).collect::<Vec<_>>() {
            self.causes.leave(id, Leave::Unknown);
        }
    }
}
