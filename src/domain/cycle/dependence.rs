//! Tests that fail because others do stand under the cause of those while they fail.

use std::collections::BTreeSet;

use crate::domain::cause::{Leave, Met};
use crate::domain::{ModuleId, RunId, RunKind, Signature, State, TestId, Tone};

impl State {
    pub(super) fn enlist_dependent(&mut self, id: TestId) {
        let Some(test) = self.inventory.test(id) else { return };
        let Some(module) = self.inventory.module(test.module) else { return };
        self.dependence.find(id, &module.path, &test.node);
    }

    /// A failing test that this one cannot hold without, and that stands for itself. Of what was found rather than
    /// declared, failures that say the same are one cause anyway.
    pub(super) fn failure_before(&self, id: TestId, signature: &Signature) -> Option<TestId> {
        let fails = |other: &TestId| {
            *other != id
                && self.causes.of(*other).is_some()
                && !self.causes.is_dependent(*other)
                && self
                    .inventory
                    .test(*other)
                    .and_then(|test| test.outcome())
                    .is_some_and(|outcome| outcome.is_failure())
        };
        let says_else = |other: &TestId| {
            let cause = self.causes.of(*other).and_then(|cause| self.causes.get(cause));
            cause.is_some_and(|cause| cause.signature.key() != signature.key())
        };
        let found = || self.dependence.found(id).filter(|other| fails(other) && says_else(other));
        self.dependence.needs(id).find(fails).or_else(found)
    }

    /// A test ended that others may depend on: those that fail already stand under it, or no longer do.
    pub(super) fn review_dependents(&mut self, id: TestId) {
        for dependent in self.dependence.needed_by(id) {
            self.blame_again(dependent);
        }
    }

    /// Where a failing test belongs may have changed without its running.
    fn blame_again(&mut self, id: TestId) {
        let Some(before) = self.causes.of(id) else { return };
        let was = (before, self.causes.is_dependent(id));
        let Some(test) = self.inventory.test(id).filter(|test| !test.gone) else { return };
        let Some(latest) = test.latest.as_ref().filter(|latest| latest.outcome.is_failure()) else { return };
        let met = Met { test: id, cycle: latest.cycle, epoch: latest.epoch, at: latest.started.after(latest.took) };
        let (outcome, detail) = (latest.outcome, latest.detail.clone());
        let cause = self.blame_on(Signature::of(outcome, detail.as_deref()), detail.as_deref(), met, Leave::Unknown);
        if was != (cause, self.causes.is_dependent(id)) {
            self.inventory.blame(id, cause);
            self.review_known(id);
        }
    }

    /// A run ended: what its tests have done so far may show that some fail because of others.
    pub(super) fn find_dependents(&mut self, run: RunId) {
        let Some(run) = self.runs.get(run).filter(|run| run.kind == RunKind::Test) else { return };
        let modules: BTreeSet<ModuleId> =
            run.tests.iter().filter_map(|id| self.inventory.test(*id)).map(|test| test.module).collect();
        let mut moved = 0;
        for module in modules {
            for test in self.dependence.learn(&self.inventory, module) {
                let was = self.causes.is_dependent(test);
                self.blame_again(test);
                moved += u32::from(!was && self.causes.is_dependent(test));
            }
        }
        if moved > 0 {
            let words = if moved == 1 { "1 test fails" } else { &format!("{moved} tests fail") };
            self.say(Tone::Plain, format!("{words} whenever another does: shown under its cause"));
        }
    }
}
