//! Runs: asked for, held, started, lived through, closed.

use std::sync::Arc;

use crate::domain::command::Selection;
use crate::domain::effect::{Effect, Effects, Wanted};
use crate::domain::event::RunEvent;
use crate::domain::run::{RunEnd, RunKind, RunPhase};
use crate::domain::{
    Attempt, Detail, Evidence, Exit, Found, Outcome, Run, RunId, RunnerId, Span, Standing, State, TestId, Text, Tone,
    ViewerId,
};

/// How one attempt of a run ended.
struct Ending {
    outcome: Outcome,
    took: Span,
    /// How many executions it took.
    tries: u32,
    detail: Option<Arc<Detail>>,
    evidence: Option<Arc<Evidence>>,
}

impl State {
    pub(super) fn request_collection(&mut self, by: Option<ViewerId>, effects: &mut Effects) {
        for n in 0..self.session.project.runners.len() {
            let runner = RunnerId(n as u32);
            if self.is_busy(runner) {
                continue;
            }
            let run = self.runs.open(runner, RunKind::Collect, self.cycle, by, "collection".into(), None, self.at);
            effects.push(Effect::StartRun { run, runner, kind: RunKind::Collect, wanted: Wanted::All });
        }
    }

    pub(super) fn request_run(&mut self, by: ViewerId, selection: &Selection, effects: &mut Effects) {
        let selected = self.select(selection);
        if selected.is_empty() {
            let why = match selection {
                Selection::All => "there is no test runner in this project",
                Selection::Failures if self.inventory.tally().known() > 0 => {
                    "nothing to rerun: only known failures, which are left out; t runs a selected one"
                }
                Selection::Failures => "nothing to rerun: no test failed",
                Selection::Module(_) | Selection::Tests(_) => "nothing to run: the selection is empty",
            };
            return self.say(Tone::Warning, why);
        }
        if let Some((runner, _)) = selected.iter().find(|(runner, _)| self.is_testing(*runner)) {
            let name = self.runner_name(*runner);
            return self.say(Tone::Warning, format!("{name} is running already: x stops it"));
        }
        self.cycle += 1;
        self.cycle_since = self.at;
        let hold = self.hold_reason();
        for (runner, tests) in selected {
            let what = self.describe(selection, tests.as_deref());
            let cycle = self.cycle;
            let name = self.viewer_name(Some(by)).to_owned();
            self.say(Tone::Person, format!("cycle {cycle}: {name} runs {what}"));
            self.inventory.reset_spent(runner);
            let (kind, at) = (RunKind::Test, self.at);
            let run = self.runs.open(runner, kind, cycle, Some(by), what.into(), tests, at);
            self.queue_selection(run);
            match &hold {
                Some(why) => self.hold(run, why, effects),
                None => self.start_run(run, effects),
            }
        }
    }

    /// The tests of a run wait for their turn from the moment it was asked for.
    fn queue_selection(&mut self, run: RunId) {
        let Some(run) = self.runs.get(run) else { return };
        let tests: Vec<TestId> = match &run.selection {
            Some(tests) => tests.clone(),
            None => {
                let runner = run.runner;
                let of_runner = |id: &TestId| self.inventory.runner_of(*id) == Some(runner);
                let known = self.inventory.tests().filter(|(_, test)| !test.gone).map(|(id, _)| id);
                known.filter(of_runner).collect()
            }
        };
        for id in tests {
            self.inventory.queue(id, self.at);
        }
    }

    fn hold(&mut self, run: RunId, why: &str, effects: &mut Effects) {
        if let Some(held) = self.runs.get_mut(run) {
            held.phase = RunPhase::Held { why: why.into() };
        }
        self.say(Tone::Warning, format!("the run is held: {why}"));
        effects.push(Effect::LimitHold { run, limit: self.session.project.hold_limit });
    }

    pub(super) fn force_run(&mut self, run: RunId, effects: &mut Effects) {
        if self.runs.get(run).is_some_and(Run::is_held) {
            self.say(Tone::Warning, "the held run is forced to start");
            self.start_run(run, effects);
        }
    }

    fn start_run(&mut self, id: RunId, effects: &mut Effects) {
        let Some(run) = self.runs.get_mut(id) else { return };
        run.phase = RunPhase::Starting;
        let (runner, kind) = (run.runner, run.kind);
        let wanted = match run.selection.clone() {
            None => Wanted::All,
            Some(tests) => self.wanted(runner, &tests),
        };
        effects.push(Effect::StartRun { run: id, runner, kind, wanted });
    }

    /// What was held goes on once nothing stands in its way; else its reason is kept true.
    pub(super) fn review_held(&mut self, effects: &mut Effects) {
        let held: Vec<RunId> = self.runs.active().filter(|(_, run)| run.is_held()).map(|(id, _)| id).collect();
        if held.is_empty() {
            return;
        }
        let reason = self.hold_reason();
        for id in held {
            match &reason {
                None => {
                    self.say(Tone::Good, "the held run starts");
                    self.start_run(id, effects);
                }
                Some(why) => {
                    if let Some(run) = self.runs.get_mut(id) {
                        run.phase = RunPhase::Held { why: why.as_str().into() };
                    }
                }
            }
        }
    }

    pub(super) fn stop_run(&mut self, id: RunId, effects: &mut Effects) {
        let Some(run) = self.runs.get(id).filter(|run| run.is_active()) else { return };
        if run.is_held() {
            self.close_run(id, RunEnd::Stopped);
        } else {
            effects.push(Effect::StopRun { run: id });
        }
    }

    pub(super) fn apply_run(&mut self, event: &RunEvent) {
        match event {
            RunEvent::TestStarted { run, n } => self.begin_test(*run, *n),
            RunEvent::TestEnded { run, n, outcome, took, detail, evidence } => {
                let Some(active) = self.runs.active_mut(*run) else { return };
                if let Some((id, tries)) = active.finish(*n, *outcome) {
                    let cycle = active.cycle;
                    let (detail, evidence) = (detail.clone(), evidence.clone());
                    let ending = Ending { outcome: *outcome, took: *took, tries, detail, evidence };
                    self.end_test(id, *run, cycle, ending);
                }
            }
            RunEvent::ContractJudged { run, n, judgement } => {
                if let Some(id) = self.runs.active_mut(*run).and_then(|run| run.test(*n)) {
                    self.contracts.insert(id, judgement.clone());
                }
            }
            RunEvent::TestRetried { run, n, .. } => {
                if let Some(run) = self.runs.active_mut(*run) {
                    run.retry(*n);
                }
            }
            RunEvent::Started { run, .. } => {
                let at = self.at;
                if let Some(run) = self.runs.active_mut(*run) {
                    run.started = Some(at);
                    run.phase = RunPhase::Collecting;
                }
            }
            RunEvent::Greeted { run, tool, lane, workers, root } => {
                if let Some(run) = self.runs.active_mut(*run) {
                    run.tool = Some(tool.clone());
                    run.lane = *lane;
                    run.workers = *workers;
                    run.root.clone_from(root);
                }
            }
            RunEvent::Collected { run, tests } => self.collect(*run, tests),
            RunEvent::ModuleBroken { run, module, detail } => {
                let found = Found { node: module.clone(), module: module.clone(), line: 0, source: None };
                self.collect(*run, std::slice::from_ref(&found));
                let Some(active) = self.runs.active_mut(*run) else { return };
                let (n, cycle) = (active.tests.len() as u32 - 1, active.cycle);
                if let Some((id, tries)) = active.finish(n, Outcome::Errored) {
                    let took = Span::ZERO;
                    let detail = Some(detail.clone());
                    let ending = Ending { outcome: Outcome::Errored, took, tries, detail, evidence: None };
                    self.end_test(id, *run, cycle, ending);
                }
            }
            RunEvent::Deselected { run, count } => {
                if let Some(run) = self.runs.active_mut(*run) {
                    run.integrity.deselected += count;
                }
            }
            RunEvent::Missed { run, nodes } => self.miss(*run, nodes),
            RunEvent::CollectionEnded { run } => self.end_collection(*run),
            RunEvent::Printed { run, n, lines } => {
                if let Some(run) = self.runs.active_mut(*run) {
                    run.print(*n, lines);
                }
            }
            RunEvent::Warned { run, text } => {
                if let Some(run) = self.runs.active_mut(*run) {
                    run.warnings.push(text.clone());
                }
            }
            RunEvent::DebuggerMoved { run, n, open } => {
                if let Some(id) = self.runs.active_mut(*run).and_then(|run| run.test(*n)) {
                    self.inventory.debugger(id, *open);
                }
            }
            RunEvent::EndAnnounced { run, why } => {
                if let Some(run) = self.runs.active_mut(*run) {
                    run.stopping = Some(why.clone());
                    self.say(Tone::Warning, why.clone());
                }
            }
            RunEvent::Crashed { run, why } => {
                if let Some(run) = self.runs.active_mut(*run) {
                    run.crash = Some(why.clone());
                    self.say(Tone::Bad, why.clone());
                }
            }
            RunEvent::Signalled { run, signal, grace } => {
                let since = self.at;
                if let Some(run) = self.runs.active_mut(*run) {
                    run.phase = RunPhase::Stopping { signal: *signal, since, grace: *grace };
                    self.say(Tone::Person, format!("{} to the run", signal.word()));
                }
            }
            RunEvent::StacksDumped { run, text } => {
                if let Some(run) = self.runs.get_mut(*run) {
                    run.stacks = Some(text.clone());
                    self.say(Tone::Plain, "the stacks are here: open the running test to read them");
                }
            }
            RunEvent::HeldTooLong { run } => {
                if self.runs.get(*run).is_some_and(Run::is_held) {
                    let why = self.hold_reason().unwrap_or_else(|| "its services".to_owned());
                    self.close_run(*run, RunEnd::CouldNotStart(format!("waited too long: {why}").into()));
                }
            }
            RunEvent::CouldNotStart { run, why } => {
                if self.runs.active_mut(*run).is_some() {
                    self.close_run(*run, RunEnd::CouldNotStart(why.clone()));
                }
            }
            RunEvent::Exited { run, exit, says, leaked } => self.exit_run(*run, *exit, says, *leaked),
        }
    }

    fn collect(&mut self, run: RunId, tests: &[Found]) {
        let Some(active) = self.runs.active_mut(run) else { return };
        let (runner, kind) = (active.runner, active.kind);
        for found in tests {
            let id = self.inventory.find(runner, found);
            self.enlist_known(id);
            self.enlist_dependent(id);
            self.review_cause(id);
            if let Some(active) = self.runs.active_mut(run) {
                active.collect(id);
            }
            let waits = self.inventory.test(id).is_some_and(|test| test.standing != Standing::Queued);
            if kind == RunKind::Test && waits {
                self.inventory.queue(id, self.at);
            }
        }
    }

    fn miss(&mut self, run: RunId, nodes: &[Text]) {
        let at = self.at;
        let Some(active) = self.runs.active_mut(run) else { return };
        let runner = active.runner;
        active.integrity.missing += nodes.len() as u32;
        active.missing.extend(nodes.iter().cloned());
        for id in nodes.iter().filter_map(|node| self.inventory.test_named(runner, node)).collect::<Vec<_>>() {
            self.inventory.settle(id, at);
        }
        let (count, first) = (nodes.len(), nodes.first().map_or("", |node| node));
        self.say(Tone::Warning, format!("{count} selected not found, {first} first"));
    }

    fn end_collection(&mut self, run: RunId) {
        self.inventory.entitle();
        let Some(active) = self.runs.active_mut(run) else { return };
        let (runner, everything, deselected) = (active.runner, active.selection.is_none(), active.integrity.deselected);
        if active.kind == RunKind::Test && !matches!(active.phase, RunPhase::Stopping { .. }) {
            active.phase = RunPhase::Running;
        }
        if everything {
            active.integrity.selected = active.integrity.collected;
            let met = active.tests.clone();
            if deselected == 0 {
                let vanished = self.inventory.vanish(runner, &met);
                if vanished > 0 {
                    self.drop_vanished_causes();
                    self.say(Tone::Warning, format!("{vanished} tests vanished"));
                }
            }
        }
    }

    fn begin_test(&mut self, run: RunId, n: u32) {
        let at = self.at;
        let Some(active) = self.runs.active_mut(run) else { return };
        if matches!(active.phase, RunPhase::Collecting | RunPhase::Starting) {
            active.phase = RunPhase::Running;
        }
        let Some(id) = active.begin(n) else { return };
        let epoch = self.present_epoch();
        self.inventory.start(id, at, epoch);
    }

    /// The epoch that an attempt beginning now belongs to; 0, which is never current, while a deploy moves.
    fn present_epoch(&self) -> u32 {
        if self.deploys.any_active() { 0 } else { self.services.epoch() }
    }

    fn end_test(&mut self, id: TestId, run: RunId, cycle: u32, ending: Ending) {
        let Ending { outcome, took, tries, detail, evidence } = ending;
        let at = self.at;
        let now = self.present_epoch();
        let Some(test) = self.inventory.test(id) else { return };
        let (started, epoch) = match test.standing {
            Standing::Running => (test.since, test.epoch),
            Standing::NeverRun | Standing::Queued | Standing::Done(_) => (at, now),
        };
        let straddled = epoch != now || epoch == 0;
        let cause = self.blame(id, outcome, detail.as_deref(), cycle, epoch);
        let attempt =
            Attempt { run: Some(run), cycle, outcome, started, took, epoch, straddled, tries, detail, cause, evidence };
        let stale = self.is_stale(&attempt);
        self.inventory.end(id, attempt, stale, at);
        self.judge_known(id, straddled);
        self.review_dependents(id);
    }

    fn exit_run(&mut self, id: RunId, exit: Exit, says: &str, leaked: u32) {
        let Some(run) = self.runs.active_mut(id) else { return };
        run.leaked = leaked;
        let stopped = matches!(run.phase, RunPhase::Stopping { .. });
        let (started, _) = run.unfinished();
        let cycle = run.cycle;
        let outcome = if stopped { Outcome::Interrupted } else { Outcome::Lost };
        for (n, test) in started {
            let Some(run) = self.runs.active_mut(id) else { return };
            run.finish(n, outcome);
            run.integrity.finished -= 1;
            run.integrity.lost += 1;
            let took = self.inventory.test(test).map_or(Span::ZERO, |test| self.at.since(test.since));
            let ending = Ending { outcome, took, tries: 1, detail: None, evidence: None };
            self.end_test(test, id, cycle, ending);
        }
        let Some(run) = self.runs.active_mut(id) else { return };
        if run.kind == RunKind::Test {
            run.integrity.not_run = run.unfinished().1.len() as u32;
        }
        let end = run.judge(exit, says);
        if end == RunEnd::Complete
            && exit != Exit::Code(0)
            && run.tally.failures() + run.tally.known() == 0
            && run.kind == RunKind::Test
        {
            run.disagreement = Some(format!("no test failed, but the runner ended with {exit}: {says}").into());
        }
        self.close_run(id, end);
    }

    fn close_run(&mut self, id: RunId, end: RunEnd) {
        let at = self.at;
        let Some(run) = self.runs.get_mut(id) else { return };
        let waiting = if run.tests.is_empty() { run.selection.clone() } else { None };
        let (runner, all, kind) = (run.runner, run.selection.is_none(), run.kind);
        run.ended = Some(at);
        run.phase = RunPhase::Ended(end);
        let (_, unstarted) = run.unfinished();
        let mut settle: Vec<TestId> = waiting.unwrap_or(unstarted);
        if all && kind == RunKind::Test {
            let queued = self.inventory.tests().filter(|(_, test)| test.standing == Standing::Queued).map(|(id, _)| id);
            settle = queued.filter(|id| self.inventory.runner_of(*id) == Some(runner)).collect();
        }
        for test in settle {
            self.inventory.settle(test, at);
        }
        self.find_dependents(id);
        self.report_run(id);
    }

    fn report_run(&mut self, id: RunId) {
        let Some(run) = self.runs.get(id) else { return };
        let RunPhase::Ended(end) = &run.phase else { return };
        let (failed, passed, numbers) = (run.tally.failures(), run.tally.passes(), run.integrity);
        let known = match run.tally.known() {
            0 => String::new(),
            known => format!(", {known} known"),
        };
        let counted = format!("{} of {} finished", numbers.finished, numbers.selected.max(numbers.collected));
        let is_test = run.kind == RunKind::Test;
        let (tone, text) = match end {
            RunEnd::Complete if !is_test => (Tone::Plain, format!("{} tests found", numbers.collected)),
            RunEnd::Complete if failed > 0 => (Tone::Bad, format!("{failed} failed, {passed} passed{known}")),
            RunEnd::Complete => match &run.disagreement {
                Some(why) => (Tone::Bad, why.to_string()),
                None if run.tally.known() > 0 => (Tone::Good, format!("nothing new failed, {passed} passed{known}")),
                None => (Tone::Good, format!("all {} passed or were set aside", numbers.finished)),
            },
            RunEnd::NothingRan(why) => (Tone::Warning, format!("nothing ran: {why}")),
            RunEnd::CutShort(why) => (Tone::Bad, format!("cut short: {why}; {counted}")),
            RunEnd::Stopped => (Tone::Person, format!("stopped; {counted}")),
            RunEnd::Crashed(why) => (Tone::Bad, format!("the run died: {why}; {counted}")),
            RunEnd::CouldNotStart(why) => (Tone::Bad, format!("could not run: {why}")),
        };
        self.say(tone, text);
    }

    fn is_busy(&self, runner: RunnerId) -> bool {
        self.runs.active().any(|(_, run)| run.runner == runner)
    }

    fn is_testing(&self, runner: RunnerId) -> bool {
        self.runs.active().any(|(_, run)| run.runner == runner && run.kind == RunKind::Test)
    }

    fn runner_name(&self, runner: RunnerId) -> Text {
        self.session.project.runners.get(runner.index()).map_or_else(|| "the runner".into(), |spec| spec.name.clone())
    }
}
