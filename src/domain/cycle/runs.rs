//! Runs: asked for, held, started, lived through, closed.

use std::sync::Arc;

use crate::domain::cause::Met;
use crate::domain::command::Selection;
use crate::domain::effect::{Effect, Effects, Wanted};
use crate::domain::event::RunEvent;
use crate::domain::run::{RunEnd, RunKind, RunPhase};
use crate::domain::{
    Attempt, CycleWhy, Detail, Evidence, Exit, Found, NoticeKind, Outcome, Repeat, Run, RunId, RunnerId, Span,
    Standing, State, TestId, Text, Tone, Unproved, ViewerId,
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
        self.begin_cycle(by, selection, effects);
    }

    /// A new cycle, with a run of each runner that the selection concerns; answers whether it began.
    pub(super) fn begin_cycle(&mut self, by: ViewerId, selection: &Selection, effects: &mut Effects) -> bool {
        let selected = self.select(selection);
        if selected.is_empty() {
            let why = match selection {
                Selection::All => "there is no test runner in this project",
                Selection::Failures if self.inventory.tally().known > 0 => {
                    "nothing to rerun: only known failures, which are left out; t runs a selected one"
                }
                Selection::Failures => "nothing to rerun: everything that ran last is proved",
                Selection::Stale => "nothing to rerun: no result is stale",
                Selection::Module(_) | Selection::Tests(_) => "nothing to run: the selection is empty",
            };
            self.say(Tone::Warning, why);
            return false;
        }
        if self.is_any_testing(&selected) {
            return false;
        }
        if self.repeat.as_ref().is_some_and(Repeat::is_active) {
            self.say(Tone::Warning, "a repeated selection is under way: x stops it");
            return false;
        }
        self.renew_baseline(effects);
        self.cycle += 1;
        self.cycle_since = self.at;
        self.cycle_why = CycleWhy::Asked;
        self.begin_runs(by, selection, effects);
        true
    }

    /// A run of each runner that the selection concerns, in the present cycle.
    pub(super) fn begin_runs(&mut self, by: ViewerId, selection: &Selection, effects: &mut Effects) {
        let selected = self.select(selection);
        for (runner, tests) in selected {
            let what = self.describe(selection, tests.as_deref());
            let cycle = self.cycle;
            if !self.is_repeating(cycle) {
                let name = self.viewer_name(Some(by)).to_owned();
                self.say(Tone::Person, format!("cycle {cycle}: {name} runs {what}"));
            }
            self.inventory.reset_spent(runner);
            let (kind, at) = (RunKind::Test, self.at);
            let run = self.runs.open(runner, kind, cycle, Some(by), what.into(), tests, at);
            self.queue_selection(run);
            match self.hold_reason(runner) {
                Some(why) => self.hold(run, &why, effects),
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

    pub(super) fn start_run(&mut self, id: RunId, effects: &mut Effects) {
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
        let held = self.runs.active().filter(|(_, run)| run.is_held());
        let held: Vec<(RunId, RunnerId)> = held.map(|(id, run)| (id, run.runner)).collect();
        for (id, runner) in held {
            match self.hold_reason(runner) {
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
        let held = run.is_held();
        self.stop_repeating(id);
        if held {
            self.close_run(id, RunEnd::Stopped);
            self.go_on_repeating(effects);
        } else {
            effects.push(Effect::StopRun { run: id });
        }
    }

    pub(super) fn apply_run(&mut self, event: &RunEvent) {
        match event {
            RunEvent::TestStarted { run, n } => self.begin_test(*run, *n),
            RunEvent::TestEnded { run, n, outcome, took, detail, evidence } => {
                let Some(active) = self.runs.active_mut(*run) else { return };
                let null = active.null();
                if let Some((id, tries)) = active.finish(*n) {
                    if let Some(kind) = null {
                        active.tally.add(Standing::Done(*outcome));
                        return self.inventory.meet_nothing(id, kind, *outcome);
                    }
                    let cycle = active.cycle;
                    let (detail, evidence) = (detail.clone(), evidence.clone());
                    let ending = Ending { outcome: *outcome, took: *took, tries, detail, evidence };
                    self.end_test(id, *run, cycle, ending);
                }
            }
            RunEvent::ContractJudged { run, n, judgement } => {
                if let Some(id) = self.runs.active_mut(*run).and_then(|run| run.test(*n)) {
                    if let Some(test) = self.inventory.test(id) {
                        self.held.judged(&test.node, self.cycle, judgement);
                    }
                    self.contracts.insert(id, judgement.clone());
                }
            }
            RunEvent::TestRetried { run, n, .. } => {
                if let Some(run) = self.runs.active_mut(*run) {
                    run.retry(*n);
                }
            }
            RunEvent::Started { run, .. } => {
                let (at, epoch) = (self.at, self.services.epoch());
                if let Some(run) = self.runs.active_mut(*run) {
                    (run.started, run.epoch) = (Some(at), epoch);
                    run.phase = RunPhase::Collecting;
                }
            }
            RunEvent::Greeted { run, tool, lane, workers, root, evidence } => {
                if let Some(run) = self.runs.active_mut(*run) {
                    run.tool = Some(tool.clone());
                    run.lane = *lane;
                    run.workers = *workers;
                    run.root.clone_from(root);
                    run.measures_evidence = *evidence;
                }
            }
            RunEvent::Collected { run, tests } => self.collect(*run, tests),
            RunEvent::ModuleBroken { run, module, detail } => {
                let found = Found { node: module.clone(), module: module.clone(), line: 0, source: None };
                self.collect(*run, std::slice::from_ref(&found));
                let Some(active) = self.runs.active_mut(*run) else { return };
                let (n, cycle, null) = (active.tests.len() as u32 - 1, active.cycle, active.null());
                if let Some((id, tries)) = active.finish(n) {
                    if null.is_some() {
                        active.tally.add(Standing::Done(Outcome::Errored));
                        return self.inventory.disown(id);
                    }
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
                let active = self.runs.active_mut(*run).filter(|run| run.null().is_none());
                if let Some(id) = active.and_then(|run| run.test(*n)) {
                    self.inventory.debugger(id, *open);
                }
            }
            RunEvent::EndAnnounced { run, why } => {
                if let Some(run) = self.runs.active_mut(*run) {
                    // What a tool says once it is being stopped is not why.
                    if !matches!(run.phase, RunPhase::Stopping { .. }) {
                        run.stopping = Some(why.clone());
                    }
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
                if let Some(held) = self.runs.get(*run).filter(|run| run.is_held()) {
                    let why = self.hold_reason(held.runner).unwrap_or_else(|| "its services".to_owned());
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
            self.measure(id);
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
        let (runner, null) = (active.runner, active.null());
        active.integrity.missing += nodes.len() as u32;
        active.missing.extend(nodes.iter().cloned());
        let queued = nodes.iter().filter(|_| null.is_none());
        for id in queued.filter_map(|node| self.inventory.test_named(runner, node)).collect::<Vec<_>>() {
            self.inventory.settle(id, at);
        }
        let (count, first) = (nodes.len(), nodes.first().map_or("", |node| node));
        self.say(Tone::Warning, format!("{count} selected not found, {first} first"));
    }

    fn end_collection(&mut self, run: RunId) {
        self.inventory.entitle();
        // Tests that were met just now may have results of earlier sessions.
        self.review_stale();
        let Some(active) = self.runs.active_mut(run) else { return };
        let (runner, everything, deselected) = (active.runner, active.selection.is_none(), active.integrity.deselected);
        let null = active.null();
        if active.kind.executes() && !matches!(active.phase, RunPhase::Stopping { .. }) {
            active.phase = RunPhase::Running;
        }
        if everything {
            active.integrity.selected = active.integrity.collected;
            let met = active.tests.clone();
            // Without its environment a module may not load, and yet be there.
            if deselected == 0 && null.is_none() {
                let vanished = self.inventory.vanish(runner, &met);
                if vanished > 0 {
                    self.drop_vanished_causes();
                    self.say(Tone::Warning, format!("{vanished} tests vanished"));
                }
            }
        }
        self.settle_baseline(everything && deselected == 0);
        self.put_in_order();
    }

    fn begin_test(&mut self, run: RunId, n: u32) {
        let at = self.at;
        let Some(active) = self.runs.active_mut(run) else { return };
        if matches!(active.phase, RunPhase::Collecting | RunPhase::Starting) {
            active.phase = RunPhase::Running;
        }
        let null = active.null();
        let Some(id) = active.begin(n).filter(|_| null.is_none()) else { return };
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
        self.chronicle.end(crate::domain::TestEnd { at, started, test: id, outcome });
        let life = self.life(run, test.standing, started, epoch);
        let circumstance = self.circumstance(outcome, detail.as_deref(), life);
        let circumstance = self.contract_circumstance(id, outcome, circumstance);
        let met = Met { test: id, cycle, epoch, at };
        let cause = self.blame(outcome, detail.as_deref(), met, &circumstance);
        if let Some(run) = self.runs.get_mut(run) {
            let was_red = run.tally.failures() > 0;
            run.tally.add(circumstance.counts(outcome));
            if !was_red && run.tally.failures() > 0 && !self.is_repeating(cycle) {
                self.turn_red(id);
            }
        }
        let run = Some(run);
        self.recognize(id, outcome, detail.as_deref(), cause);
        self.count_repetition(id, outcome, cycle);
        let attempt =
            Attempt { run, cycle, outcome, started, took, epoch, circumstance, tries, detail, cause, evidence };
        let (stale, spoilt) = (self.is_stale(&attempt), !attempt.circumstance.is_steady());
        self.note_ground(id, &attempt);
        self.inventory.end(id, attempt, stale, at);
        run.into_iter().for_each(|run| self.notice_quick(id, run));
        self.judge_known(id, spoilt);
        self.review_dependents(id);
    }

    /// The first failure of a run is worth calling somebody back.
    fn turn_red(&mut self, id: TestId) {
        if let Some(test) = self.inventory.test(id) {
            let text = format!("the run turned red: {}", test.name);
            self.notice_red(text.into());
        }
    }

    fn exit_run(&mut self, id: RunId, exit: Exit, says: &str, leaked: u32) {
        let Some(run) = self.runs.active_mut(id) else { return };
        run.leaked = leaked;
        let stopped = matches!(run.phase, RunPhase::Stopping { .. });
        let (started, _) = run.unfinished();
        let (cycle, null) = (run.cycle, run.null());
        let outcome = if stopped { Outcome::Interrupted } else { Outcome::Lost };
        for (n, test) in started {
            let Some(run) = self.runs.active_mut(id) else { return };
            run.finish(n);
            run.integrity.finished -= 1;
            run.integrity.lost += 1;
            if null.is_some() {
                continue;
            }
            let took = self.inventory.test(test).map_or(Span::ZERO, |test| self.at.since(test.since));
            let ending = Ending { outcome, took, tries: 1, detail: None, evidence: None };
            self.end_test(test, id, cycle, ending);
        }
        let Some(run) = self.runs.active_mut(id) else { return };
        if run.kind.executes() {
            run.integrity.not_run = run.unfinished().1.len() as u32;
        }
        let end = run.judge(exit, says);
        if end == RunEnd::Complete
            && exit != Exit::Code(0)
            && run.tally.concerns() + run.tally.known == 0
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
        if kind.is_null() {
            return self.report_null_run(id);
        }
        let missed = self.missed(id);
        for test in settle {
            self.inventory.settle(test, at);
        }
        for test in missed {
            self.inventory.pass_over(test);
        }
        self.sum_up_quick(id);
        self.find_dependents(id);
        self.report_run(id);
        self.record_cycle(id);
        self.put_in_order();
    }

    fn report_run(&mut self, id: RunId) {
        let Some(run) = self.runs.get(id) else { return };
        let RunPhase::Ended(end) = &run.phase else { return };
        let (failed, passed, numbers) = (run.tally.failures(), run.tally.passes(), run.integrity);
        let counted = numbers.to_string();
        let known = if run.tally.known > 0 { format!(", {} known", run.tally.known) } else { String::new() };
        let is_test = run.kind == RunKind::Test;
        if is_test && *end == RunEnd::Complete && self.is_repeating(run.cycle) {
            // The repetitions are told together.
            return;
        }
        let (tone, text) = match end {
            RunEnd::Complete if !is_test => {
                let plural = if numbers.collected == 1 { "" } else { "s" };
                (Tone::Plain, format!("{} test{plural} found", numbers.collected))
            }
            RunEnd::Complete if run.tally.concerns() > 0 => {
                let tone = if failed > 0 { Tone::Bad } else { Tone::Warning };
                let unproved = Unproved::of(&run.tally).to_string().replace(" + ", ", ");
                (tone, format!("{unproved}, {passed} passed{known}"))
            }
            RunEnd::Complete => match &run.disagreement {
                Some(why) => (Tone::Bad, why.to_string()),
                None if run.tally.known > 0 => (Tone::Good, format!("nothing new failed, {passed} passed{known}")),
                None => {
                    let doubts = self.doubts(run);
                    (Tone::Good, format!("all {} passed or were set aside{doubts}", numbers.finished))
                }
            },
            RunEnd::NothingRan(why) => (Tone::Warning, format!("nothing ran: {why}")),
            RunEnd::CutShort(why) => (Tone::Bad, format!("cut short: {why}; {counted}")),
            RunEnd::Stopped => (Tone::Person, format!("stopped; {counted}")),
            RunEnd::Crashed(why) => (Tone::Bad, format!("the run died: {why}; {counted}")),
            RunEnd::CouldNotStart(why) => (Tone::Bad, format!("could not run: {why}")),
        };
        // Where several runners were asked at once, each speaks for itself.
        let together = |other: &Run| other.asked == run.asked && other.kind == run.kind && other.runner != run.runner;
        let is_alone = !is_test || !self.runs.iter().any(|(_, other)| together(other));
        let text = if is_alone { text } else { format!("{}: {text}", self.runner_name(run.runner)) };
        self.say(tone, text);
        // A chain tells of its runs together.
        if is_test && self.proving().is_none_or(|prove| prove.cycle.is_none()) {
            self.notice(NoticeKind::Run);
        }
    }

    fn is_busy(&self, runner: RunnerId) -> bool {
        self.runs.active().any(|(_, run)| run.runner == runner)
    }

    /// Whether one of these runners executes tests already, which is said.
    pub(super) fn is_any_testing(&mut self, selected: &[(RunnerId, Option<Vec<TestId>>)]) -> bool {
        let Some((runner, _)) = selected.iter().find(|(runner, _)| self.is_testing(*runner)) else { return false };
        let name = self.runner_name(*runner);
        self.say(Tone::Warning, format!("{name} is running already: x stops it"));
        true
    }

    fn is_testing(&self, runner: RunnerId) -> bool {
        self.runs.active().any(|(_, run)| run.runner == runner && run.kind.executes())
    }

    pub(super) fn runner_name(&self, runner: RunnerId) -> Text {
        self.session.project.runners.get(runner.index()).map_or_else(|| "the runner".into(), |spec| spec.name.clone())
    }
}
