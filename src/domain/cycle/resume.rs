//! A cycle that a session before this one began and did not end is gone on with: what it proved stays proved while the
//! same revisions serve, and only the rest runs.

use crate::domain::command::Selection;
use crate::domain::effect::Effects;
use crate::domain::{CycleWhy, Outcome, RunKind, State, TestId, Tone, ViewerId};

/// What goes on with a cycle finds of its results.
#[derive(Debug, Default)]
struct Found {
    /// Results of that cycle that were obtained on what serves now.
    kept: Vec<TestId>,
    /// Tests whose turn never came, and those whose results are of other revisions.
    left: Vec<TestId>,
}

impl State {
    pub(super) fn request_resume(&mut self, by: ViewerId, effects: &mut Effects) {
        if self.runs.iter().any(|(_, run)| run.kind == RunKind::Test) {
            return self.say(Tone::Warning, "nothing to resume: this session has begun a cycle of its own");
        }
        let cycle = self.cycle;
        let found = self.find_of_cycle(cycle);
        let epoch = self.services.epoch();
        for id in &found.kept {
            self.inventory.change(*id, |test| {
                if let Some(latest) = &mut test.latest {
                    latest.epoch = epoch;
                }
                test.stale = false;
            });
        }
        self.resumed = u32::try_from(found.kept.len()).ok();
        if found.left.is_empty() {
            let why = if found.kept.is_empty() {
                "no cycle was begun".to_owned()
            } else {
                format!("cycle {cycle} came to its end")
            };
            return self.say(Tone::Warning, format!("nothing to resume: {why}"));
        }
        self.cycle_since = self.at;
        self.cycle_why = CycleWhy::Resumed;
        let (kept, left) = (found.kept.len(), found.left.len());
        self.say(Tone::Person, format!("cycle {cycle} goes on: {kept} tests have ended, {left} are left"));
        self.begin_runs(by, &Selection::Tests(found.left), effects);
    }

    /// Past cycles that showed nothing are not remembered, so that where nobody knows what serves, the cycle alone tells.
    fn find_of_cycle(&self, cycle: u32) -> Found {
        let earlier = self.earlier();
        let mut found = Found::default();
        for (id, test) in self.inventory.tests().filter(|(_, test)| !test.gone) {
            let Some(latest) = test.latest.as_ref().filter(|latest| latest.cycle == cycle && !test.missed) else {
                if test.missed {
                    found.left.push(id);
                }
                continue;
            };
            let holds = latest.circumstance.is_steady()
                && !matches!(latest.outcome, Outcome::Lost | Outcome::Interrupted)
                && (!earlier.knows_what_serves() || earlier.counts(test, latest));
            if holds { found.kept.push(id) } else { found.left.push(id) }
        }
        found
    }
}
