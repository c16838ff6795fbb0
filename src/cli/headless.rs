//! `liveloop run`: the same engine without a screen.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout_at};

use super::alone;
use super::args::{Format, RunArguments};
use super::exit::Exit;
use super::gate::Gate;
use super::null::NullRun;
use super::print::{Human, Json, Printer};
use super::prove::{self, Chain};
use super::spoilt;
use super::{github, progress, resumed};
use crate::attach::{Delivery, Feed, Request};
use crate::domain::{
    Command, Entry, Event, Moment, Plan, RepeatUntil, RunEnd, RunEvent, RunKind, RunPhase, Selection, SessionEnd,
    SessionEvent, Span, State, TestId,
};
use crate::engine::clock::Clock;
use crate::engine::core::Call;
use crate::engine::session::Session;
use crate::report::About;

/// Runs tests to their end and says how it ended.
pub async fn run(session: Session, arguments: RunArguments) -> Exit {
    let Some(feed) = alone::attach(&session).await else { return Exit::Environment };
    let gate = arguments.gate.clone();
    let printer: Box<dyn Printer + Send> = match (arguments.null, arguments.format) {
        (Some(null), format) => Box::new(NullRun::new(io::stdout(), format, null.into())),
        (None, Format::Human) => Box::new(Human::new(io::stdout(), gate)),
        (None, Format::Json) => Box::new(Json::new(io::stdout(), gate)),
    };
    let printer = match arguments.deploy_first() {
        Some(_) => Box::new(Chain::new(io::stdout(), arguments.format, printer)),
        None => printer,
    };
    let course = Course {
        feed,
        arguments,
        printer,
        state: Arc::default(),
        stage: Stage::Remembering,
        forced: false,
        clock: Clock::start(),
        gate: None,
        wanted: None,
    };
    alone::see_through(session, course.follow()).await
}

/// Signals end the session in good order; a second one ends its children at once. They are heard from this call on,
/// which has to come before anything is taken that would have to be given back; they are passed on where the answer runs.
pub fn pass_signals(calls: mpsc::Sender<Call>) -> impl Future<Output = ()> + Send + 'static {
    let kinds =
        [(SignalKind::interrupt(), "SIGINT"), (SignalKind::terminate(), "SIGTERM"), (SignalKind::hangup(), "SIGHUP")];
    let heard = kinds.into_iter().filter_map(|(kind, name)| Some((signal(kind).ok()?, name)));
    let tasks = heard.map(|(mut stream, name)| {
        let calls = calls.clone();
        async move {
            while stream.recv().await.is_some() {
                if calls.send(Call::End(SessionEnd::Signal(name.into()))).await.is_err() {
                    return;
                }
            }
        }
    });
    futures_util::future::join_all(tasks).map(drop)
}

/// How long the services' answers are waited for before failures are judged without them.
const DOUBT: Duration = Duration::from_secs(15);
/// Longer than any session.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// How far a headless run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Earlier sessions are read.
    Remembering,
    /// What results are compared with is read.
    Comparing {
        /// Whether what was asked for has been heard.
        heard: bool,
    },
    /// The tests are listed, to choose among them.
    Collecting,
    /// What serves before a deploy is looked at, so that it can be told what changed.
    Looking {
        /// When that is no longer waited for.
        until: Instant,
    },
    /// The chosen tests run, after a deploy where one was asked for.
    Running,
    /// They are over, and some failures look like an outage: the services are probed once more before they are judged.
    Doubting {
        /// Since when.
        since: Moment,
        /// When the answers are no longer waited for.
        until: Instant,
    },
    /// It is over.
    Over(Exit),
}

struct Course {
    feed: Feed,
    arguments: RunArguments,
    printer: Box<dyn Printer + Send>,
    state: Arc<State>,
    stage: Stage,
    forced: bool,
    clock: Clock,
    gate: Option<Gate>,
    /// What is asked for once it is known what serves.
    wanted: Option<Selection>,
}

impl Course {
    async fn follow(mut self) -> Exit {
        let mut ticks = interval_at(Instant::now() + progress::EVERY, progress::EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let next = timeout_at(self.patience(), self.feed.deliveries.recv());
            let delivery = tokio::select! {
                delivery = next => delivery,
                _ = ticks.tick() => {
                    self.printer.progress(&self.state, self.clock.now());
                    continue;
                }
            };
            let Ok(delivery) = delivery else {
                match self.stage {
                    Stage::Looking { .. } => self.launch(),
                    _ => self.conclude(),
                }
                continue;
            };
            let Some(delivery) = delivery else { break };
            match delivery {
                Delivery::Snapshot(state) => {
                    self.state = state;
                    if self.stage == Stage::Remembering {
                        // What was in trouble before anybody could listen.
                        self.state.session.troubles.iter().for_each(|what| self.printer.say(what));
                    }
                    self.advance();
                }
                Delivery::Entries(entries) => entries.iter().for_each(|entry| self.take(entry)),
                Delivery::Ended(_) => break,
                Delivery::Clock(_) | Delivery::Notice(_) => {}
            }
        }
        let finished = matches!(self.stage, Stage::Over(_));
        self.report();
        self.printer.finish(&self.state, finished);
        if github::is_here() && self.arguments.null.is_none() {
            self.leave_on_github(finished);
        }
        match self.stage {
            Stage::Over(exit) => exit,
            Stage::Remembering
            | Stage::Comparing { .. }
            | Stage::Collecting
            | Stage::Looking { .. }
            | Stage::Running
            | Stage::Doubting { .. } => Exit::Interrupted,
        }
    }

    /// The report that was asked for; what comes in its way is said, and changes nothing about how the run ended.
    fn report(&mut self) {
        let Some(path) = &self.arguments.report else { return };
        match super::report::keep(path, &self.state, &self.about()) {
            Ok(()) => self.printer.say(&format!("the report is in {}", path.display())),
            Err(why) => self.printer.say(&why),
        }
    }

    fn about(&self) -> About {
        About { gate: self.arguments.gate.clone(), ..About::default() }
    }

    /// Annotations are lines among those for people; a script's lines stay what they are.
    fn leave_on_github(&mut self, finished: bool) {
        if self.arguments.format == Format::Human {
            github::annotations(&self.state).iter().for_each(|line| self.printer.say(line));
        }
        if let Err(why) = github::summarize(&self.state, &self.about(), finished) {
            eprintln!("liveloop: {why}");
        }
    }

    /// Until when the next delivery is waited for.
    fn patience(&self) -> Instant {
        match self.stage {
            Stage::Doubting { until, .. } | Stage::Looking { until } => until,
            Stage::Remembering | Stage::Comparing { .. } | Stage::Collecting | Stage::Running | Stage::Over(_) => {
                Instant::now() + FOR_EVER
            }
        }
    }

    fn take(&mut self, entry: &Entry) {
        let mut effects = Vec::new();
        Arc::make_mut(&mut self.state).apply(entry, &mut effects);
        self.printer.print(&self.state, entry);
        if let Event::Session(SessionEvent::Asked { command: Command::CompareWith(_), .. }) = &entry.event
            && let Stage::Comparing { heard } = &mut self.stage
        {
            *heard = true;
        }
        if matches!(entry.event, Event::Session(SessionEvent::Asked { command: Command::Resume, .. }))
            && self.state.runs.iter().all(|(_, run)| run.kind != RunKind::Test)
        {
            return self.end_as_it_was();
        }
        if matches!(entry.event, Event::Session(SessionEvent::Asked { .. })) && self.is_declined() {
            let why = self.state.news.last().map_or_else(String::new, |news| news.text.to_string());
            self.printer.say(&why);
            return self.end(Exit::Environment);
        }
        let moves = matches!(
            &entry.event,
            Event::Run(RunEvent::Exited { .. } | RunEvent::CouldNotStart { .. } | RunEvent::HeldTooLong { .. })
                | Event::Service(_)
                | Event::Session(
                    SessionEvent::Recalled(_)
                        | SessionEvent::Asked { .. }
                        | SessionEvent::BaselineLoaded(_)
                        | SessionEvent::BaselineMissing { .. }
                )
        );
        if moves || self.arguments.deploys() {
            self.advance();
        }
    }

    fn advance(&mut self) {
        match self.stage {
            Stage::Remembering if self.state.session.recalled => self.compare(),
            Stage::Comparing { heard: true } if self.state.baseline.pending.is_none() => self.compared(),
            Stage::Collecting if self.is_settled(RunKind::Collect) && self.knows_what_serves() => self.choose(),
            Stage::Looking { .. } if prove::is_known(&self.state, self.arguments.deploy_first()) => self.launch(),
            Stage::Running if self.is_done() => self.judge(),
            Stage::Doubting { since, .. } if spoilt::is_probed_since(&self.state, since) => self.conclude(),
            Stage::Running => self.force(),
            Stage::Remembering
            | Stage::Comparing { .. }
            | Stage::Collecting
            | Stage::Looking { .. }
            | Stage::Doubting { .. }
            | Stage::Over(_) => {}
        }
    }

    /// Verdicts are told with each test, so what they are measured against is read first.
    fn compare(&mut self) {
        self.stage = Stage::Comparing { heard: self.arguments.baseline.is_none() };
        match self.arguments.baseline.clone() {
            Some(baseline) => self.ask(Command::CompareWith(baseline)),
            None => self.advance(),
        }
    }

    fn compared(&mut self) {
        let wanted = self.arguments.baseline.as_ref();
        if wanted.is_some_and(|wanted| wanted != self.state.baseline.baseline()) {
            let why = self.state.news.last().map_or_else(String::new, |news| news.text.to_string());
            self.printer.say(&why);
            return self.end(Exit::Usage);
        }
        self.begin();
    }

    /// How often the selected tests are to be run, where that is not once.
    fn repeats(&self) -> Option<RepeatUntil> {
        let until_fails = self.arguments.until_fails.map(|limit| RepeatUntil::Failure { limit });
        until_fails.or_else(|| self.arguments.repeat.map(RepeatUntil::Times))
    }

    fn begin(&mut self) {
        if !self.arguments.gate.is_empty() {
            match Gate::new(&self.state, &self.arguments.gate) {
                Ok(gate) => self.gate = Some(gate),
                Err(why) => {
                    self.printer.say(&why);
                    return self.end(Exit::Usage);
                }
            }
        }
        if self.state.session.project.runners.is_empty() {
            self.printer.say("there is no test runner in this project");
            return self.end(Exit::NothingSelected);
        }
        if self.arguments.failed
            || self.arguments.resume
            || self.arguments.batch.is_some()
            || !self.arguments.selectors.is_empty()
            || self.repeats().is_some()
        {
            self.stage = Stage::Collecting;
            self.ask(Command::Collect);
        } else {
            self.start(Selection::All);
        }
    }

    fn choose(&mut self) {
        // What one tool does not list is nobody's choice; a tool that found nothing is only news where none found any.
        let lists =
            || self.state.runs.iter().filter(|(_, run)| run.kind == RunKind::Collect).map(|(_, run)| &run.phase);
        let failed = lists().find_map(|phase| match phase {
            RunPhase::Ended(RunEnd::Crashed(why) | RunEnd::CouldNotStart(why)) => Some(why.clone()),
            _ => None,
        });
        if let Some(why) = failed {
            self.printer.say(&format!("the tests could not be listed: {why}"));
            return self.end(Exit::Environment);
        }
        let found_none = lists().find_map(|phase| match phase {
            RunPhase::Ended(RunEnd::NothingRan(why)) => Some(why.clone()),
            _ => None,
        });
        if let Some(why) = found_none.filter(|_| self.state.inventory.tests().len() == 0) {
            self.printer.say(&format!("the runner listed no tests: {why}"));
            return self.end(Exit::NothingSelected);
        }
        if self.arguments.resume {
            self.stage = Stage::Running;
            return self.ask(Command::Resume);
        }
        if let Some(budget) = self.arguments.batch {
            return self.run_batch(Span::from(budget.0));
        }
        let tests: Vec<TestId> = self
            .state
            .inventory
            .tests()
            .filter(|(_, test)| !test.gone)
            .filter(|(_, test)| !self.arguments.failed || test.is_unproved())
            .filter(|(_, test)| {
                let words = &self.arguments.selectors;
                words.is_empty() || words.iter().any(|word| test.node.contains(word.as_str()))
            })
            .map(|(id, _)| id)
            .collect();
        // After a deploy, what failed is not all that there is to renew.
        if self.arguments.deploys() && self.arguments.failed && self.arguments.selectors.is_empty() {
            return self.start(Selection::Failures);
        }
        if tests.is_empty() {
            let why = if self.arguments.failed {
                "nothing to rerun: everything that ran last is proved"
            } else {
                "no test matches"
            };
            self.printer.say(why);
            return self.end(Exit::NothingSelected);
        }
        self.start(Selection::Tests(tests));
    }

    /// Says what is to go, and asks for the next of it.
    fn run_batch(&mut self, budget: Span) {
        let plan = Plan::of(&self.state);
        super::plan::sentences(&plan, budget).iter().for_each(|sentence| self.printer.say(sentence));
        if plan.to_go.is_empty() {
            return self.end(Exit::NothingSelected);
        }
        self.stage = Stage::Running;
        self.ask(Command::RunBatch { budget });
    }

    /// Asks for the tests; where a deploy comes before them, once it is known what serves.
    fn start(&mut self, selection: Selection) {
        self.wanted = Some(selection);
        self.stage = Stage::Looking { until: Instant::now() + prove::FIRST_LOOK };
        if prove::is_known(&self.state, self.arguments.deploy_first()) {
            self.launch();
        }
    }

    fn launch(&mut self) {
        self.stage = Stage::Running;
        let selection = self.wanted.take().unwrap_or(Selection::All);
        self.ask(self.order(selection));
    }

    fn force(&mut self) {
        if self.arguments.force
            && !self.forced
            && let Some((id, _)) = self.state.runs.active().find(|(_, run)| run.is_held())
        {
            self.forced = true;
            self.ask(Command::ForceRun(id));
        }
    }

    /// Concludes, once the services have been asked whether they explain what looks like an outage.
    fn judge(&mut self) {
        if !spoilt::is_doubtful(&self.state) {
            return self.conclude();
        }
        self.stage = Stage::Doubting { since: self.state.at, until: Instant::now() + DOUBT };
        self.ask(Command::ProbeServices);
    }

    fn conclude(&mut self) {
        if let Some(exit) = prove::exit(&self.state) {
            return self.end(exit);
        }
        let kind = self.kind();
        let runs = self.state.runs.iter().filter(|(_, run)| run.kind == kind);
        let exit = match &self.gate {
            Some(gate) => Exit::heaviest(runs.filter_map(|(id, run)| gate.exit(&self.state, id, run))),
            None => Exit::of_all(runs.map(|(_, run)| run)),
        };
        let exit = match &self.gate {
            Some(gate) if exit == Exit::Green && resumed::failures(&self.state).any(|test| gate.has(test)) => {
                Exit::TestsFailed
            }
            None if exit == Exit::Green && resumed::failures(&self.state).next().is_some() => Exit::TestsFailed,
            Some(_) | None => exit,
        };
        if let Some(gate) = &self.gate {
            gate.sentences(&self.state).iter().for_each(|sentence| self.printer.say(sentence));
        }
        self.end(exit);
    }

    fn end(&mut self, exit: Exit) {
        self.stage = Stage::Over(exit);
        self.feed.line.say(Request::Leave(SessionEnd::Done));
    }

    /// There is nothing left to run of the cycle that was to go on: it ended as it stands.
    fn end_as_it_was(&mut self) {
        let why = self.state.news.last().map_or_else(String::new, |news| news.text.to_string());
        self.printer.say(&why);
        let exit = match (self.state.resumed, resumed::failures(&self.state).next()) {
            (Some(0) | None, _) => Exit::NothingSelected,
            (Some(_), None) => Exit::Green,
            (Some(_), Some(_)) => Exit::TestsFailed,
        };
        self.end(exit);
    }

    /// Whether what builds on earlier results can tell which of them are of the present revisions.
    fn knows_what_serves(&self) -> bool {
        let asks = self.arguments.resume || self.arguments.batch.is_some();
        !asks || spoilt::is_probed_since(&self.state, self.state.session.started)
    }

    fn kind(&self) -> RunKind {
        self.arguments.null.map_or(RunKind::Test, |null| RunKind::Null(null.into()))
    }

    fn order(&self, selection: Selection) -> Command {
        match self.arguments.null {
            Some(null) => Command::RunNull { kind: null.into(), selection },
            None => match prove::service(&self.state, self.arguments.deploy_first()) {
                Some(service) => Command::Prove { service, selection },
                None => self.repeat(selection),
            },
        }
    }

    fn repeat(&self, selection: Selection) -> Command {
        match self.repeats() {
            Some(until) => Command::Repeat { selection, until },
            None => Command::Run(selection),
        }
    }

    fn ask(&self, command: Command) {
        self.feed.line.say(Request::Command(command));
    }

    /// Whether what was asked for does not come about: no tool here can do without its environment, or the service
    /// cannot be deployed now.
    fn is_declined(&self) -> bool {
        if self.arguments.deploys() && self.stage == Stage::Running {
            return self.state.prove.is_none();
        }
        let kind = self.kind();
        kind.is_null() && self.stage == Stage::Running && self.state.runs.iter().all(|(_, run)| run.kind != kind)
    }

    /// Whether what was asked for has come to its end.
    fn is_done(&self) -> bool {
        match (self.arguments.deploy_first(), &self.state.prove) {
            (Some(_), prove) => prove.as_ref().is_some_and(|prove| !prove.is_active()),
            (None, _) => self.is_settled(self.kind()),
        }
    }

    /// Whether runs of that kind exist and all of them are over.
    fn is_settled(&self, kind: RunKind) -> bool {
        let mut runs = self.state.runs.iter().filter(|(_, run)| run.kind == kind).peekable();
        runs.peek().is_some() && runs.all(|(_, run)| !run.is_active())
    }
}

/// Flushes what was printed; a reader that has gone (`| head`) ends the output, not the run.
pub fn print_line(out: &mut impl Write, line: &str) -> bool {
    writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
}
