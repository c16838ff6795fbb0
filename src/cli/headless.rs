//! `liveloop run`: the same engine without a screen.

use std::io::{self, Write};
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::args::{Format, RunArguments};
use super::exit::Exit;
use super::gate::Gate;
use super::print::{Human, Json, Printer};
use crate::attach::{Delivery, Feed, Player, Request, feed};
use crate::domain::{
    Command, Entry, Event, RunEnd, RunEvent, RunKind, RunPhase, Selection, SessionEnd, SessionEvent, State, TestId,
    ViewerId,
};
use crate::engine::core::Call;
use crate::engine::session::Session;

/// Runs tests to their end and says how it ended.
pub async fn run(session: Session, arguments: RunArguments) -> Exit {
    let Session { engine, handle, folder, .. } = &session;
    let _ = (engine, folder);
    session.recall();
    let viewer = ViewerId(0);
    let (sender, feed) = feed(viewer, Player::Session, handle.requests.clone());
    let calls = handle.calls.clone();
    let name = super::project::own_name().into();
    let attach = Call::Attach { feed: sender, name, drives: true };
    if calls.send(attach).await.is_err() {
        return Exit::Environment;
    }
    let printer: Box<dyn Printer + Send> = match arguments.format {
        Format::Human => Box::new(Human::new(io::stdout())),
        Format::Json => Box::new(Json::new(io::stdout())),
    };
    let course = Course {
        feed,
        arguments,
        printer,
        state: Arc::default(),
        stage: Stage::Remembering,
        forced: false,
        gate: None,
    };
    let watch = tokio::spawn(course.follow());
    let signals = tokio::spawn(pass_signals(calls));
    let ended = session.engine.run().await;
    signals.abort();
    let exit = watch.await.unwrap_or(Exit::Environment);
    drop(session.folder);
    match ended {
        SessionEnd::Signal(_) => Exit::Interrupted,
        SessionEnd::Quit | SessionEnd::HungUp | SessionEnd::Panicked(_) | SessionEnd::Done => exit,
    }
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

/// How far a headless run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Earlier sessions are read.
    Remembering,
    /// The tests are listed, to choose among them.
    Collecting,
    /// The chosen tests run.
    Running,
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
    gate: Option<Gate>,
}

impl Course {
    async fn follow(mut self) -> Exit {
        while let Some(delivery) = self.feed.deliveries.recv().await {
            match delivery {
                Delivery::Snapshot(state) => {
                    self.state = state;
                    self.advance();
                }
                Delivery::Entries(entries) => entries.iter().for_each(|entry| self.take(entry)),
                Delivery::Ended(_) => break,
                Delivery::Clock(_) | Delivery::Notice(_) => {}
            }
        }
        let finished = matches!(self.stage, Stage::Over(_));
        self.printer.finish(&self.state, finished);
        match self.stage {
            Stage::Over(exit) => exit,
            Stage::Remembering | Stage::Collecting | Stage::Running => Exit::Interrupted,
        }
    }

    fn take(&mut self, entry: &Entry) {
        let mut effects = Vec::new();
        Arc::make_mut(&mut self.state).apply(entry, &mut effects);
        self.printer.print(&self.state, entry);
        let moves = matches!(
            &entry.event,
            Event::Run(RunEvent::Exited { .. } | RunEvent::CouldNotStart { .. } | RunEvent::HeldTooLong { .. })
                | Event::Session(SessionEvent::Recalled(_) | SessionEvent::Asked { .. })
        );
        if moves {
            self.advance();
        }
    }

    fn advance(&mut self) {
        match self.stage {
            Stage::Remembering if self.state.session.recalled => self.begin(),
            Stage::Collecting if self.is_settled(RunKind::Collect) => self.choose(),
            Stage::Running if self.is_settled(RunKind::Test) => self.conclude(),
            Stage::Running => self.force(),
            Stage::Remembering | Stage::Collecting | Stage::Over(_) => {}
        }
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
        if self.arguments.failed || !self.arguments.selectors.is_empty() {
            self.stage = Stage::Collecting;
            self.ask(Command::Collect);
        } else {
            self.stage = Stage::Running;
            self.ask(Command::Run(Selection::All));
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
        let tests: Vec<TestId> = self
            .state
            .inventory
            .tests()
            .filter(|(_, test)| !test.gone)
            .filter(|(_, test)| !self.arguments.failed || test.fails())
            .filter(|(_, test)| {
                let words = &self.arguments.selectors;
                words.is_empty() || words.iter().any(|word| test.node.contains(word.as_str()))
            })
            .map(|(id, _)| id)
            .collect();
        if tests.is_empty() {
            let why = if self.arguments.failed { "no test failed last" } else { "no test matches" };
            self.printer.say(why);
            return self.end(Exit::NothingSelected);
        }
        self.stage = Stage::Running;
        self.ask(Command::Run(Selection::Tests(tests)));
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

    fn conclude(&mut self) {
        let runs: Vec<_> = self.state.runs.iter().filter(|(_, run)| run.kind == RunKind::Test).collect();
        let exit = |id, run| match &self.gate {
            Some(gate) => gate.exit(&self.state, id, run),
            None => Some(Exit::of(run)),
        };
        let exit = runs.iter().filter_map(|(id, run)| exit(*id, run)).max_by_key(|exit| exit.weight());
        let exit = exit.unwrap_or(Exit::NothingSelected);
        if let Some(gate) = &self.gate {
            gate.sentences(&self.state).iter().for_each(|sentence| self.printer.say(sentence));
        }
        self.end(exit);
    }

    fn end(&mut self, exit: Exit) {
        self.stage = Stage::Over(exit);
        self.feed.line.say(Request::Leave(SessionEnd::Done));
    }

    fn ask(&self, command: Command) {
        self.feed.line.say(Request::Command(command));
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
