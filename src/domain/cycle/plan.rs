//! A batch of the plan: the next tests that fit in a time, as a cycle of their own.

use crate::domain::command::Selection;
use crate::domain::effect::Effects;
use crate::domain::plan::ASSUMED;
use crate::domain::{CycleWhy, Plan, Span, State, Tone, ViewerId};

impl State {
    pub(super) fn request_batch(&mut self, by: ViewerId, budget: Span, effects: &mut Effects) {
        let plan = Plan::of(self);
        let batch = plan.batch(budget);
        if batch.is_empty() {
            let why = match plan.total() {
                0 => "no test is known: u lists them",
                _ => "nothing to go: every test has a result on what serves now",
            };
            return self.say(Tone::Warning, why);
        }
        let count = batch.len();
        if self.begin_cycle(by, &Selection::Tests(batch), effects) {
            self.cycle_why = CycleWhy::Batch;
            let assumed = if plan.is_timed { String::new() } else { format!(", {ASSUMED} a test are assumed") };
            self.say(Tone::Plain, format!("a batch of {budget}: {count} of {} tests to go{assumed}", plan.to_go.len()));
        }
    }
}
