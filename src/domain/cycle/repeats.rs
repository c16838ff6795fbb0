//! Selections that run again and again: one run after another, all in one cycle.

use std::collections::BTreeMap;

use crate::domain::command::Selection;
use crate::domain::effect::Effects;
use crate::domain::event::RunEvent;
use crate::domain::repeat::{Repeat, RepeatEnd, RepeatUntil};
use crate::domain::run::{RunEnd, RunKind, RunPhase};
use crate::domain::{CycleWhy, Outcome, RunId, State, TestId, Tone, ViewerId};

impl State {
    pub(super) fn request_repeat(
        &mut self,
        by: ViewerId,
        selection: &Selection,
        until: RepeatUntil,
        effects: &mut Effects,
    ) {
        // What fails changes from run to run: the selection is what it means now.
        let tests: Vec<TestId> = match selection {
            Selection::All => self.inventory.tests().filter(|(_, test)| !test.gone).map(|(id, _)| id).collect(),
            _ => self.select(selection).into_iter().filter_map(|(_, tests)| tests).flatten().collect(),
        };
        let what = match selection {
            Selection::Failures => "what failed".to_owned(),
            _ => self.describe(selection, Some(&tests)),
        };
        if !self.begin_cycle(by, &Selection::Tests(tests.clone()), effects) {
            return;
        }
        self.cycle_why = CycleWhy::Repeated;
        let limit = until.limit();
        let how = match until {
            RepeatUntil::Failure { .. } => format!("until it fails, at most {limit} times"),
            RepeatUntil::Times(_) => format!("{limit} times"),
        };
        self.say(Tone::Person, format!("{what} is repeated {how}: x stops it"));
        self.repeat = Some(Repeat {
            by,
            what: what.into(),
            tests,
            until,
            cycle: self.cycle,
            began: self.at,
            ended: 0,
            failed: 0,
            failures: BTreeMap::new(),
            end: None,
            stopping: false,
        });
    }

    /// Whether a cycle's runs are repetitions that go on.
    pub(super) fn is_repeating(&self, cycle: u32) -> bool {
        self.repeat.as_ref().is_some_and(|repeat| repeat.is_active() && repeat.cycle == cycle)
    }

    /// A test of a repetition ended.
    pub(super) fn count_repetition(&mut self, id: TestId, outcome: Outcome, cycle: u32) {
        if let Some(repeat) = &mut self.repeat
            && repeat.is_active()
            && repeat.cycle == cycle
            && outcome.is_failure()
        {
            *repeat.failures.entry(id).or_default() += 1;
        }
    }

    /// Stopping one run of a repetition ends all of it.
    pub(super) fn stop_repeating(&mut self, run: RunId) {
        let cycle = self.runs.get(run).map(|run| run.cycle);
        if let Some(repeat) = self.repeat.as_mut().filter(|repeat| repeat.is_active() && Some(repeat.cycle) == cycle) {
            repeat.stopping = true;
        }
    }

    /// A run may have ended: the next repetition begins, or there is none.
    pub(super) fn review_repeat(&mut self, event: &RunEvent, effects: &mut Effects) {
        let closes =
            matches!(event, RunEvent::Exited { .. } | RunEvent::CouldNotStart { .. } | RunEvent::HeldTooLong { .. });
        if closes {
            self.go_on_repeating(effects);
        }
    }

    pub(super) fn go_on_repeating(&mut self, effects: &mut Effects) {
        let Some(repeat) = self.repeat.as_ref().filter(|repeat| repeat.is_active()) else { return };
        let cycle = repeat.cycle;
        if self.runs.active().any(|(_, run)| run.kind == RunKind::Test && run.cycle == cycle) {
            return;
        }
        let mut runners = Vec::new();
        let (mut failed, mut broken) = (false, None);
        for (_, run) in self.runs.iter().rev().take_while(|(_, run)| run.cycle == cycle) {
            if run.kind != RunKind::Test || runners.contains(&run.runner) {
                continue;
            }
            // Each repetition has one run of each runner, so a runner that comes again belongs to the one before.
            runners.push(run.runner);
            failed |= run.tally.failures() > 0;
            match &run.phase {
                RunPhase::Ended(RunEnd::CouldNotStart(why) | RunEnd::NothingRan(why)) => broken = Some(why.clone()),
                // A test that takes its process down now and then is what one wants to know.
                RunPhase::Ended(RunEnd::Crashed(why)) if run.tally.failures() == 0 => broken = Some(why.clone()),
                RunPhase::Ended(_)
                | RunPhase::Held { .. }
                | RunPhase::Starting
                | RunPhase::Collecting
                | RunPhase::Running
                | RunPhase::Stopping { .. } => {}
            }
        }
        let Some(repeat) = &mut self.repeat else { return };
        if repeat.stopping {
            repeat.end = Some(RepeatEnd::Stopped);
        } else if let Some(why) = broken {
            repeat.end = Some(RepeatEnd::BrokenOff(why));
        } else if !repeat.count(failed) {
            let (by, tests) = (repeat.by, repeat.tests.clone());
            if failed {
                let text = format!("repeat {} of {}: failed", repeat.ended, repeat.until.limit());
                self.say(Tone::Bad, text);
            }
            return self.begin_runs(by, &Selection::Tests(tests), effects);
        }
        self.tell_repeat();
    }

    fn tell_repeat(&mut self) {
        let Some(repeat) = &self.repeat else { return };
        let (ended, failed, limit, rate) = (repeat.ended, repeat.failed, repeat.until.limit(), repeat.rate());
        let what = &repeat.what;
        let counted = match (failed, ended) {
            (0, ended) => format!("{ended} of {limit} repetitions, none failed"),
            (failed, ended) => format!("{failed} of {ended} repetitions failed ({rate:.0}%)"),
        };
        let tone = if failed > 0 { Tone::Bad } else { Tone::Good };
        let (tone, text) = match (&repeat.end, repeat.until) {
            (Some(RepeatEnd::BrokenOff(why)), _) => {
                (Tone::Bad, format!("no further repetition of {what}: {why}; {counted}"))
            }
            (Some(RepeatEnd::Stopped), _) => (Tone::Person, format!("stopped: {counted}: {what}")),
            (_, RepeatUntil::Failure { .. }) if failed > 0 => {
                (tone, format!("failed at repetition {ended} of at most {limit}: {what}"))
            }
            _ => (tone, format!("{counted}: {what}")),
        };
        self.say(tone, text);
    }
}
