//! The engine's loop: stamp, journal, fold, publish, perform. The only place that owns the true state.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::clock::Clock;
use super::executor::Executor;
use super::history::keeper::Keeper;
use super::history::record;
use super::hub::Hub;
use super::journal::{Flushed, Journal};
use crate::attach::{FeedSender, Request};
use crate::domain::{Command, Effect, Entry, Event, Outgoing, SessionEnd, SessionEvent, State, Text, ViewerId};
use crate::report;

/// How many batches of events may wait for the loop; then the drivers wait, which is how a flood is slowed down.
const WAITING: usize = 64;
/// How many events are folded before viewers hear of them.
const BATCH: usize = 4_096;
/// How long children have to end when the session does.
const FAREWELL: Duration = Duration::from_secs(6);

/// Where drivers hand in what happened.
pub type Outbox = mpsc::Sender<Vec<Event>>;

/// Something from outside the drivers.
#[derive(Debug)]
pub enum Call {
    /// A viewer attaches under a name.
    Attach {
        /// Its feed.
        feed: FeedSender,
        /// Its name.
        name: Text,
        /// Whether it may act.
        drives: bool,
    },
    /// Something happened that no driver reports.
    Tell(Event),
    /// The session has to end.
    End(SessionEnd),
}

/// How the engine is reached from outside.
#[derive(Debug, Clone)]
pub struct Handle {
    /// For calls.
    pub calls: mpsc::Sender<Call>,
    /// For what viewers say.
    pub requests: mpsc::Sender<(ViewerId, Request)>,
}

/// The engine.
#[derive(Debug)]
pub struct Engine {
    state: State,
    clock: Clock,
    journal: Journal,
    hub: Hub,
    executor: Executor,
    history: Option<Keeper>,
    events: mpsc::Receiver<Vec<Event>>,
    calls: mpsc::Receiver<Call>,
    requests: mpsc::Receiver<(ViewerId, Request)>,
    batch: Vec<Arc<Entry>>,
    effects: Vec<Effect>,
    ending: Option<(SessionEnd, Instant)>,
    left_out_said: bool,
}

impl Engine {
    /// An engine that writes to `journal` and acts through the executor that `make_executor` builds around its outbox.
    pub fn new(clock: Clock, journal: Journal, make_executor: impl FnOnce(Outbox) -> Executor) -> (Self, Handle) {
        let (outbox, events) = mpsc::channel(WAITING);
        let (call_sender, calls) = mpsc::channel(WAITING);
        let (request_sender, requests) = mpsc::channel(WAITING);
        let engine = Self {
            state: State::default(),
            clock,
            journal,
            hub: Hub::default(),
            executor: make_executor(outbox),
            history: None,
            events,
            calls,
            requests,
            batch: Vec::new(),
            effects: Vec::new(),
            ending: None,
            left_out_said: false,
        };
        (engine, Handle { calls: call_sender, requests: request_sender })
    }

    /// Hands everything that its history keeps to `keeper` from now on.
    pub fn keep_history(&mut self, keeper: Keeper) {
        self.history = Some(keeper);
    }

    /// Asks for what earlier sessions left, which is told as an event; answers whether it will be.
    #[must_use]
    pub fn recall(&self) -> bool {
        self.history.as_ref().is_some_and(Keeper::recall)
    }

    /// Takes an event before the loop runs: the opening of the session.
    pub fn begin(&mut self, event: impl Into<Event>) {
        self.take(event.into());
        self.settle();
    }

    /// Runs until the session has ended, and says how it did.
    pub async fn run(mut self) -> SessionEnd {
        let mut incoming = Vec::with_capacity(WAITING);
        loop {
            if let Some(how) = self.ended() {
                return self.close(how).await;
            }
            let deadline = self.ending.as_ref().map(|(_, deadline)| *deadline);
            let catch_up = self.hub.anybody_behind();
            tokio::select! {
                count = self.events.recv_many(&mut incoming, WAITING), if !self.events.is_closed() => {
                    debug_assert!(count > 0, "the executor keeps a sender");
                    for event in incoming.drain(..).flatten() {
                        self.take(event);
                        if self.batch.len() >= BATCH {
                            self.settle();
                        }
                    }
                }
                Some((viewer, request)) = self.requests.recv() => self.hear(viewer, request),
                Some(call) = self.calls.recv() => self.answer(call),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {}
                () = tokio::time::sleep(Duration::from_millis(30)), if catch_up => self.hub.publish(&[], &self.state),
            }
            self.settle();
        }
    }

    fn hear(&mut self, viewer: ViewerId, request: Request) {
        match request {
            Request::Command(Command::Quit) => self.end(SessionEnd::Quit),
            Request::Command(Command::Send { what: Outgoing::Text(text), .. }) if self.executor.is_telling(&text) => {
                let text = "nothing was sent: the message holds a secret; write its variable instead, ${NAME}";
                self.take(SessionEvent::Remarked { text: text.into() }.into());
            }
            Request::Command(command) => {
                let command = self.cleaned(command);
                self.take(SessionEvent::Asked { by: viewer, command }.into());
            }
            Request::Look(looks) => self.take(SessionEvent::ViewerLooked { viewer, looks }.into()),
            Request::Leave(how) => {
                self.take(SessionEvent::ViewerLeft { viewer }.into());
                if self.state.session.viewers.is_empty() {
                    self.end(how);
                }
            }
            // A session is not a recording; a viewer that thinks so is behind its time.
            Request::Playback(_) => {}
        }
    }

    /// A command whose words a person typed, fit for the journal.
    fn cleaned(&self, command: Command) -> Command {
        match command {
            Command::WriteNote { about, text } => Command::WriteNote { about, text: self.executor.clean_note(&text) },
            command => command,
        }
    }

    fn answer(&mut self, call: Call) {
        match call {
            Call::Attach { feed, name, drives } => {
                let viewer = feed.viewer;
                self.take(SessionEvent::ViewerJoined { viewer, name, drives }.into());
                self.settle();
                self.hub.join(feed, &self.state);
            }
            Call::Tell(event) => self.take(event),
            Call::End(how) => self.end(how),
        }
    }

    /// Stamps an event, writes it down and folds it. Its effects wait until the journal is handed over.
    fn take(&mut self, event: Event) {
        let entry = Entry { seq: self.state.seq + 1, at: self.clock.now().max(self.state.at), event };
        self.journal.append(&entry);
        self.state.apply(&entry, &mut self.effects);
        if let Some(history) = &self.history {
            record::of(&self.state, &entry).into_iter().for_each(|record| history.keep(record));
        }
        self.batch.push(Arc::new(entry));
    }

    /// Hands the journal over, publishes what was folded, then performs the effects.
    fn settle(&mut self) {
        if self.batch.is_empty() && self.effects.is_empty() {
            return;
        }
        if self.journal.left_out() > 0 && !std::mem::replace(&mut self.left_out_said, true) {
            let text = "the journal has reached its size: agent events and log lines are left out of it from here on";
            self.take(SessionEvent::Remarked { text: text.into() }.into());
        }
        match self.journal.flush() {
            Flushed::Written | Flushed::Failed { first: false, .. } => {}
            Flushed::Failed { why, first: true } => self.trouble(&why, false),
            Flushed::Recovered { missed } => {
                self.take(
                    SessionEvent::Remarked { text: format!("{missed} entries are missing in the journal").into() }
                        .into(),
                );
                self.trouble("the disk is writable", true);
            }
        }
        self.hub.publish(&self.batch, &self.state);
        self.batch.clear();
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::EndSession => self.end(SessionEnd::Quit),
                Effect::KeepHandOff { what } => {
                    self.executor.keep(report::hand_off(&self.state, what), self.state.at);
                }
                Effect::WriteReports => self.executor.write_reports(&self.state),
                Effect::CallFix { fix } => self.executor.call_fix(fix, report::bundle(&self.state)),
                effect => self.executor.perform(effect),
            }
        }
    }

    fn trouble(&mut self, why: &str, over: bool) {
        const WHAT: &str = "the history of this session is not being saved";
        if !over {
            self.take(SessionEvent::Remarked { text: why.into() }.into());
        }
        self.take(SessionEvent::Troubled { what: WHAT.into(), over }.into());
    }

    fn end(&mut self, how: SessionEnd) {
        if self.ending.is_some() {
            // Asked twice: no more patience.
            self.executor.kill_all();
            return;
        }
        self.executor.end_all();
        self.ending = Some((how, Instant::now() + FAREWELL));
    }

    fn ended(&self) -> Option<SessionEnd> {
        let (how, deadline) = self.ending.as_ref()?;
        (self.executor.is_idle() || Instant::now() >= *deadline).then(|| how.clone())
    }

    async fn close(mut self, how: SessionEnd) -> SessionEnd {
        self.executor.kill_all();
        while let Ok(events) = self.events.try_recv() {
            events.into_iter().for_each(|event| self.take(event));
        }
        self.take(SessionEvent::Ended { how: how.clone() }.into());
        self.effects.clear();
        let _ = self.journal.flush();
        self.hub.publish(&self.batch, &self.state);
        self.hub.end(&how).await;
        if let Some(history) = &mut self.history {
            history.finish().await;
        }
        how
    }
}
