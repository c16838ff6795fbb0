//! The one fold, and the only place where areas meet: an entry goes to its area, the fact that comes back decides what
//! follows elsewhere.

use super::command::{Command, Selection};
use super::deploy::DeployFact;
use super::effect::{Effect, Effects, Wanted};
use super::event::{DeployEvent, Entry, Event, RunEvent, ServiceEvent, SessionEvent, StreamEvent};
use super::run::{RunEnd, RunKind, RunPhase};
use super::stream::StreamFact;
use super::{
    Attempt, DeployId, DeployPhase, Deploys, Exit, Health, Outcome, Probe, RunId, RunnerId, ServiceId, Services,
    Standing, State, StreamId, Streams, TestId, Text, Tone, ViewerId,
};

impl State {
    /// Folds one entry into the state and adds what is to be done about it. Total: no entry can make it fail, an
    /// entry about an identity that is unknown or no longer current changes nothing. Followers and replays drop the
    /// effects.
    pub fn apply(&mut self, entry: &Entry, effects: &mut Effects) {
        self.seq = entry.seq;
        self.at = entry.at;
        match &entry.event {
            Event::Run(event) => self.apply_run(event),
            Event::Stream(event) => self.apply_stream(event),
            Event::Service(ServiceEvent::Probed { service, probe }) => self.apply_probe(*service, probe, effects),
            Event::Deploy(event) => self.apply_deploy(event, effects),
            Event::Session(event) => self.apply_session(event, effects),
        }
    }

    // ---- the session ------------------------------------------------------------------------------------------

    fn apply_session(&mut self, event: &SessionEvent, effects: &mut Effects) {
        self.session.apply(event);
        match event {
            SessionEvent::Opened { project } => {
                self.session.project = project.clone();
                self.session.started = self.at;
                self.services = Services::new(&project.services, self.at);
                self.deploys = Deploys::default();
                self.streams = Streams::new(&project.streams, self.at);
                effects.extend(
                    self.services
                        .iter()
                        .filter(|(_, service)| service.is_watched())
                        .map(|(service, _)| Effect::WatchClosely { service, closely: false }),
                );
                effects.extend(
                    self.streams.iter().map(|(stream, _)| Effect::OpenStream { stream, why: "session opened".into() }),
                );
            }
            SessionEvent::Recalled(memory) => {
                self.cycle = self.cycle.max(memory.cycle);
                self.inventory.recall(&memory.tests);
                for (name, took) in &memory.deploys {
                    if let Some(service) = self.services.named(name) {
                        self.deploys.recall(service, *took);
                    }
                }
                if let Some(how) = &memory.unfinished {
                    self.say(Tone::Warning, how.clone());
                }
            }
            SessionEvent::Asked { by, command } => self.obey(*by, command, effects),
            SessionEvent::Troubled { what, over } => {
                let (tone, text) =
                    if *over { (Tone::Good, format!("{what}: over")) } else { (Tone::Bad, what.to_string()) };
                self.say(tone, text);
            }
            SessionEvent::Remarked { text } => self.say(Tone::Plain, text.clone()),
            SessionEvent::ViewerJoined { .. } | SessionEvent::ViewerLeft { .. } => {}
            SessionEvent::Ended { .. } => {}
        }
    }

    fn obey(&mut self, by: ViewerId, command: &Command, effects: &mut Effects) {
        match command {
            Command::Run(selection) => self.request_run(by, selection, effects),
            Command::Collect => self.request_collection(Some(by), effects),
            Command::ForceRun(run) => self.force_run(*run, effects),
            Command::StopRun(run) => self.stop_run(*run, effects),
            Command::DumpStacks(run) => effects.push(Effect::DumpStacks { run: *run }),
            Command::Deploy(service) => self.request_deploy(by, *service, effects),
            Command::CancelDeploy(deploy) => self.cancel_deploy(*deploy, effects),
            Command::StartAgent(stream) => effects.push(Effect::StartAgent { stream: *stream }),
            Command::ReopenStream(stream) => {
                effects.push(Effect::OpenStream { stream: *stream, why: "asked for".into() });
            }
            Command::ProbeServices => effects.push(Effect::ProbeServices),
            Command::Quit => effects.push(Effect::EndSession),
        }
    }

    // ---- runs -------------------------------------------------------------------------------------------------

    fn request_collection(&mut self, by: Option<ViewerId>, effects: &mut Effects) {
        for n in 0..self.session.project.runners.len() {
            let runner = RunnerId(n as u32);
            if self.is_busy(runner) {
                continue;
            }
            let run = self.runs.open(runner, RunKind::Collect, self.cycle, by, "collection".into(), None, self.at);
            effects.push(Effect::StartRun { run, runner, kind: RunKind::Collect, wanted: Wanted::All });
        }
    }

    fn request_run(&mut self, by: ViewerId, selection: &Selection, effects: &mut Effects) {
        let selected = self.select(selection);
        if selected.is_empty() {
            let why = match selection {
                Selection::All => "there is no test runner in this project",
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

    /// The wanted tests by runner; `None` stands for everything that the runner finds.
    fn select(&self, selection: &Selection) -> Vec<(RunnerId, Option<Vec<TestId>>)> {
        let tests: Vec<TestId> = match selection {
            Selection::All => {
                return (0..self.session.project.runners.len()).map(|n| (RunnerId(n as u32), None)).collect();
            }
            Selection::Module(id) => self.inventory.module(*id).map(|module| module.tests.clone()).unwrap_or_default(),
            Selection::Tests(tests) => tests.clone(),
            Selection::Failures => self.inventory.failures().collect(),
        };
        let mut by_runner: Vec<(RunnerId, Option<Vec<TestId>>)> = Vec::new();
        for id in tests {
            let Some(test) = self.inventory.test(id).filter(|test| !test.gone) else { continue };
            let Some(runner) = self.inventory.module(test.module).map(|module| module.runner) else { continue };
            match by_runner.iter_mut().find(|(known, _)| *known == runner) {
                Some((_, Some(list))) => list.push(id),
                _ => by_runner.push((runner, Some(vec![id]))),
            }
        }
        by_runner
    }

    fn describe(&self, selection: &Selection, tests: Option<&[TestId]>) -> String {
        let count = tests.map_or(0, <[TestId]>::len);
        match (selection, tests) {
            (Selection::All, _) | (_, None) => "everything".to_owned(),
            (Selection::Failures, _) => format!("{count} failed"),
            (Selection::Module(id), _) => {
                let title = self.inventory.module(*id).map_or("a module", |module| &module.title);
                format!("{title} ({count})")
            }
            (Selection::Tests(_), Some([id])) => {
                self.inventory.test(*id).map_or_else(|| "one test".to_owned(), |test| test.name.to_string())
            }
            (Selection::Tests(_), Some(_)) => format!("{count} selected"),
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

    fn force_run(&mut self, run: RunId, effects: &mut Effects) {
        if self.runs.get(run).is_some_and(super::Run::is_held) {
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
            Some(tests) => self.wanted(&tests),
        };
        effects.push(Effect::StartRun { run: id, runner, kind, wanted });
    }

    fn wanted(&self, tests: &[TestId]) -> Wanted {
        let mut nodes = Vec::with_capacity(tests.len());
        let mut modules: Vec<Text> = Vec::new();
        for test in tests.iter().filter_map(|id| self.inventory.test(*id)) {
            nodes.push(test.node.clone());
            if let Some(module) = self.inventory.module(test.module)
                && !modules.contains(&module.path)
            {
                modules.push(module.path.clone());
            }
        }
        Wanted::Only { nodes, modules }
    }

    /// What was held goes on once nothing stands in its way; else its reason is kept true.
    fn review_held(&mut self, effects: &mut Effects) {
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

    fn stop_run(&mut self, id: RunId, effects: &mut Effects) {
        let Some(run) = self.runs.get(id).filter(|run| run.is_active()) else { return };
        if run.is_held() {
            self.close_run(id, RunEnd::Stopped);
        } else {
            effects.push(Effect::StopRun { run: id });
        }
    }

    fn apply_run(&mut self, event: &RunEvent) {
        match event {
            RunEvent::TestStarted { run, n } => self.begin_test(*run, *n),
            RunEvent::TestEnded { run, n, outcome, took, detail } => {
                let Some(active) = self.runs.active_mut(*run) else { return };
                if let Some((id, tries)) = active.finish(*n, *outcome) {
                    let cycle = active.cycle;
                    self.end_test(id, *run, cycle, *outcome, *took, tries, detail.clone());
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
            RunEvent::Greeted { run, tool, lane, workers } => {
                if let Some(run) = self.runs.active_mut(*run) {
                    run.tool = Some(tool.clone());
                    run.lane = *lane;
                    run.workers = *workers;
                }
            }
            RunEvent::Collected { run, tests } => self.collect(*run, tests),
            RunEvent::ModuleBroken { run, module, detail } => {
                let found = super::Found { node: module.clone(), module: module.clone(), line: 0 };
                self.collect(*run, std::slice::from_ref(&found));
                let Some(active) = self.runs.active_mut(*run) else { return };
                let (n, cycle) = (active.tests.len() as u32 - 1, active.cycle);
                if let Some((id, tries)) = active.finish(n, Outcome::Errored) {
                    let took = super::Span::ZERO;
                    self.end_test(id, *run, cycle, Outcome::Errored, took, tries, Some(detail.clone()));
                }
            }
            RunEvent::Deselected { run, count } => {
                if let Some(run) = self.runs.active_mut(*run) {
                    run.integrity.deselected += count;
                }
            }
            RunEvent::Missed { run, nodes } => self.miss(*run, nodes),
            RunEvent::CollectionEnded { run } => self.end_collection(*run),
            RunEvent::Printed { run, lines, .. } => {
                if let Some(run) = self.runs.active_mut(*run) {
                    lines.iter().for_each(|line| run.output.push(line.clone()));
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
                    self.say(Tone::Plain, "the run's processes dumped their stacks");
                }
            }
            RunEvent::HeldTooLong { run } => {
                if self.runs.get(*run).is_some_and(super::Run::is_held) {
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

    fn collect(&mut self, run: RunId, tests: &[super::Found]) {
        let Some(active) = self.runs.active_mut(run) else { return };
        let (runner, kind) = (active.runner, active.kind);
        for found in tests {
            let id = self.inventory.find(runner, found);
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

    #[allow(clippy::too_many_arguments, reason = "the fields of one attempt, at their only two calls")]
    fn end_test(
        &mut self,
        id: TestId,
        run: RunId,
        cycle: u32,
        outcome: Outcome,
        took: super::Span,
        tries: u32,
        detail: Option<std::sync::Arc<super::Detail>>,
    ) {
        let at = self.at;
        let now = self.present_epoch();
        let Some(test) = self.inventory.test(id) else { return };
        let (started, epoch) = match test.standing {
            Standing::Running => (test.since, test.epoch),
            Standing::NeverRun | Standing::Queued | Standing::Done(_) => (at, now),
        };
        let straddled = epoch != now || epoch == 0;
        let attempt = Attempt { run: Some(run), cycle, outcome, started, took, epoch, straddled, tries, detail };
        let stale = self.is_stale(&attempt);
        self.inventory.end(id, attempt, stale, at);
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
            let took = self.inventory.test(test).map_or(super::Span::ZERO, |test| self.at.since(test.since));
            self.end_test(test, id, cycle, outcome, took, 1, None);
        }
        let Some(run) = self.runs.active_mut(id) else { return };
        if run.kind == RunKind::Test {
            run.integrity.not_run = run.unfinished().1.len() as u32;
        }
        let end = run.judge(exit, says);
        if end == RunEnd::Complete && exit != Exit::Code(0) && run.tally.failures() == 0 && run.kind == RunKind::Test {
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
        self.report_run(id);
    }

    fn report_run(&mut self, id: RunId) {
        let Some(run) = self.runs.get(id) else { return };
        let RunPhase::Ended(end) = &run.phase else { return };
        let (failed, passed, numbers) = (run.tally.failures(), run.tally.passes(), run.integrity);
        let counted = format!("{} of {} finished", numbers.finished, numbers.selected.max(numbers.collected));
        let is_test = run.kind == RunKind::Test;
        let (tone, text) = match end {
            RunEnd::Complete if !is_test => (Tone::Plain, format!("{} tests found", numbers.collected)),
            RunEnd::Complete if failed > 0 => (Tone::Bad, format!("{failed} failed, {passed} passed")),
            RunEnd::Complete => match &run.disagreement {
                Some(why) => (Tone::Bad, why.to_string()),
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

    // ---- services and deploys ---------------------------------------------------------------------------------

    fn apply_probe(&mut self, id: ServiceId, probe: &Probe, effects: &mut Effects) {
        let Some(fact) = self.services.probe(id, probe, self.at) else { return };
        let Some(service) = self.services.get(id) else { return };
        let name = service.spec.name.clone();
        let revision = service.revision.clone();
        let deploying = self.deploys.active(id).is_some();
        match &fact.health {
            None => {}
            Some(Health::Healthy) => self.say(Tone::Good, format!("{name} is healthy")),
            Some(Health::Unhealthy(why) | Health::Unreachable(why)) if !deploying => {
                self.say(Tone::Bad, format!("{name} is down: {why}"));
            }
            Some(_) => {}
        }
        if let (Some(Some(before)), Some(now)) = (&fact.moved_from, revision) {
            if !deploying {
                self.say(Tone::Warning, format!("{name} changed from {before} to {now}, and not by us"));
            }
            self.change_what_serves(&name, effects);
        }
        if fact.health.is_some() {
            self.review_held(effects);
        }
    }

    /// Results that were obtained before do not count until they are proved again, and connections that were opened
    /// before may still talk to the old revision.
    fn change_what_serves(&mut self, name: &str, effects: &mut Effects) {
        let stale = self.review_stale();
        if stale > 0 {
            self.say(Tone::Stale, format!("{stale} results are stale"));
        }
        let why = "the revision changed";
        effects.extend(self.streams_of(name).into_iter().map(|stream| Effect::OpenStream { stream, why: why.into() }));
    }

    fn review_stale(&mut self) -> u32 {
        let services = &self.services;
        self.inventory.review_stale(|attempt| attempt.straddled || !services.is_current(attempt.epoch))
    }

    fn request_deploy(&mut self, by: ViewerId, id: ServiceId, effects: &mut Effects) {
        let Some(service) = self.services.get(id) else { return };
        let name = service.spec.name.clone();
        let Some(spec) = &service.spec.deploy else {
            return self.say(Tone::Warning, format!("{name} has no deploy command in the configuration"));
        };
        if self.deploys.active(id).is_some() {
            return self.say(Tone::Warning, format!("{name} is being deployed already"));
        }
        let (streak, from) = (spec.streak, service.revision.clone());
        let deploy = self.deploys.open(id, by, from, streak, self.at);
        let who = self.viewer_name(Some(by)).to_owned();
        self.say(Tone::Person, format!("{who} deploys {name}"));
        effects.push(Effect::StartDeploy { deploy, service: id });
        effects.push(Effect::WatchClosely { service: id, closely: true });
        self.expect_drops(&name, true, effects);
    }

    fn cancel_deploy(&mut self, id: DeployId, effects: &mut Effects) {
        match self.deploys.get(id).map(|deploy| &deploy.phase) {
            Some(DeployPhase::Running) => effects.push(Effect::CancelDeploy { deploy: id }),
            Some(DeployPhase::Proving) => self.say(Tone::Warning, "the command has ended: only the proof is awaited"),
            _ => {}
        }
    }

    fn apply_deploy(&mut self, event: &DeployEvent, effects: &mut Effects) {
        let id = event.deploy();
        if let DeployEvent::Proved { saw: Some(saw), .. } = event
            && let Some(deploy) = self.deploys.get(id).filter(|deploy| deploy.is_active())
        {
            // What the proof saw counts at once: the next run must not wait for the next health probe to be right.
            let service = deploy.service;
            let moved = self.services.see(service, saw, self.at);
            if let (Some(Some(_)), Some(service)) = (moved, self.services.get(service)) {
                let name = service.spec.name.clone();
                self.change_what_serves(&name, effects);
            }
        }
        match self.deploys.apply(id, event, self.at) {
            DeployFact::Nothing => {}
            DeployFact::Prove => {
                if let Some(deploy) = self.deploys.get(id) {
                    let (service, from) = (deploy.service, deploy.from.clone());
                    effects.push(Effect::BeginProof { deploy: id, service, from });
                }
            }
            DeployFact::Over => self.end_deploy(id, effects),
        }
    }

    fn end_deploy(&mut self, id: DeployId, effects: &mut Effects) {
        let Some(deploy) = self.deploys.get(id) else { return };
        let (service, phase, exit) = (deploy.service, deploy.phase.clone(), deploy.exit);
        let (from, to, streak) = (deploy.from.clone(), deploy.to.clone(), deploy.needed);
        let name = self.services.get(service).map_or_else(|| "the service".into(), |service| service.spec.name.clone());
        let revision = |revision: Option<Text>| revision.unwrap_or_else(|| name.clone());
        match phase {
            DeployPhase::Live => {
                self.deploys.learn(id);
                // The proof has seen the new revision; the health probe, which holds runs back, may lag behind.
                self.say(Tone::Good, format!("{} is live, proved {streak} times", revision(to)));
                effects.push(Effect::EndProof { deploy: id });
            }
            DeployPhase::Failed(why) => {
                let still = from.map_or(String::new(), |from| format!(", {from} still serves"));
                self.say(Tone::Bad, format!("the deploy of {name} failed{still}: {why}"));
            }
            DeployPhase::NotServing(why) => {
                let exit = exit.map_or(String::new(), |exit| format!("{exit}, but "));
                self.say(Tone::Bad, format!("{exit}{why}"));
            }
            DeployPhase::Cancelled => self.say(Tone::Person, format!("the deploy of {name} was cancelled")),
            DeployPhase::Running | DeployPhase::Proving => {}
        }
        effects.push(Effect::WatchClosely { service, closely: false });
        self.expect_drops(&name, false, effects);
        self.review_held(effects);
    }

    // ---- streams ----------------------------------------------------------------------------------------------

    fn apply_stream(&mut self, event: &StreamEvent) {
        let id = event.stream();
        if let StreamEvent::Received { events, .. } = event {
            events.iter().for_each(|event| self.agents.receive(id, event));
        }
        let fact = self.streams.apply(id, event, self.at);
        let Some(stream) = self.streams.get(id) else { return };
        let name = stream.spec.name.clone();
        match fact {
            StreamFact::Nothing => {}
            StreamFact::Opened => self.say(Tone::Good, format!("{name} is connected")),
            StreamFact::Ended { expected } => {
                self.agents.lose(id);
                if !expected {
                    let (code, reason) = stream.closed.clone().unwrap_or_default();
                    let code = code.map_or_else(|| "no close frame".to_owned(), |code| format!("close {code}"));
                    self.say(Tone::Warning, format!("{name} was disconnected: {code} {reason}"));
                }
            }
            StreamFact::Stopped => {
                let why = stream.refusal.as_ref().map(|refusal| refusal.why.clone());
                let why = why.unwrap_or_else(|| "it will not try again".into());
                self.say(Tone::Bad, format!("{name} stays disconnected: {why}"));
            }
        }
    }

    fn streams_of(&self, service: &str) -> Vec<StreamId> {
        let belongs = |spec: &super::StreamSpec| spec.service.as_deref().is_none_or(|name| name == service);
        self.streams.iter().filter(|(_, stream)| belongs(&stream.spec)).map(|(id, _)| id).collect()
    }

    fn expect_drops(&mut self, service: &str, expected: bool, effects: &mut Effects) {
        effects.extend(self.streams_of(service).into_iter().map(|stream| Effect::ExpectDrops { stream, expected }));
    }
}

impl DeployEvent {
    /// The deploy that it is about.
    #[must_use]
    pub fn deploy(&self) -> DeployId {
        match self {
            Self::Printed { deploy, .. }
            | Self::Stepped { deploy, .. }
            | Self::TargetNamed { deploy, .. }
            | Self::CommandEnded { deploy, .. }
            | Self::CouldNotStart { deploy, .. }
            | Self::Proved { deploy, .. }
            | Self::ProofEnded { deploy, .. } => *deploy,
        }
    }
}

impl StreamEvent {
    /// The stream that it is about.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        match self {
            Self::Connecting { stream }
            | Self::Opened { stream, .. }
            | Self::Refused { stream, .. }
            | Self::Received { stream, .. }
            | Self::Measured { stream, .. }
            | Self::Closed { stream, .. }
            | Self::Waiting { stream, .. }
            | Self::Stopped { stream, .. }
            | Self::Overflowed { stream, .. }
            | Self::TokenObtained { stream, .. }
            | Self::Sent { stream, .. } => *stream,
        }
    }
}
