//! The task that keeps one stream connected: token, handshake, reading for ever, and again by the table of
//! [`backoff`](super::backoff).
//!
//! It is told what to do in [`LinkOrder`]s and tells what happens in [`StreamEvent`]s, both over bounded channels. It
//! always reads, however slow its listener is: a connection that nobody reads does not answer pings, and dies.

mod listen;
mod live;
mod raw;
mod renewal;
mod resume;
mod rotation;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::sleep;

use self::resume::Position;
use super::answer::{Answer, Request};
use super::backoff::{Cause, Next, Situation, next};
pub use super::connection::Pulse;
use super::connection::random;
use super::handshake::{Opened, Opening, Refused, Socket, open};
use super::outbox::{Gone, Outbox};
use super::token::{Means, Token, TokenOffer, TokenSource};
use super::witness::Witness;
use crate::adapters::protocol::Reader;
use crate::config::mapping::Language;
use crate::config::project::{CloseAction, ResumeSpec};
use crate::domain::{Moment, Outgoing, Stage, StreamEvent, StreamId, Text};
use crate::engine::http::stopwatch::Stopwatch;

/// How long a connection must have been good before earlier failures are forgotten.
const READY_FOR: Duration = Duration::from_secs(30);
/// How many of our own messages wait for a server that does not read.
const OUTGOING: usize = 32;

/// A server's own wish for the time between two answers is followed up to here.
const LONGEST_RETRY: Duration = Duration::from_secs(600);

/// What a link is told to do.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkOrder {
    /// Connect, unless that is done or under way.
    Open,
    /// Connect anew, from whatever state, with nothing held against the server.
    Reopen {
        /// Why, for the closing words of the connection before.
        why: Text,
    },
    /// Send a message. Where there is no connection, try to make one first: its refusal is the answer then.
    Send(String),
    /// Send something else than a text, on the connection that there is.
    Raw(Outgoing),
    /// Whether drops and refusals are to be expected from now on.
    ExpectDrop(bool),
    /// Disconnect and stay so.
    Close,
}

/// How a stream is configured.
#[derive(Clone, Debug)]
pub struct LinkSettings {
    /// Which stream it is.
    pub stream: StreamId,
    /// What to open.
    pub opening: Opening,
    /// The request, where it is no WebSocket but an answer over HTTP.
    pub request: Option<Request>,
    /// In which words it speaks.
    pub language: Language,
    /// Where the token comes from and how it is offered.
    pub token: Option<(TokenSource, Vec<TokenOffer>)>,
    /// Whether a normal close is followed by a new connection.
    pub keep_open: bool,
    /// What to do after certain close codes.
    pub close_codes: Vec<(u16, CloseAction)>,
    /// How its pulse is taken.
    pub pulse: Pulse,
    /// At which age a connection is replaced, since something between here and there would end it soon after.
    pub rotate_before: Option<Duration>,
    /// How a new connection says what came last on the one before.
    pub resume: Option<ResumeSpec>,
}

/// Tells the time of the session.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// Keeps a stream connected until `orders` ends.
pub async fn run(
    settings: LinkSettings,
    means: Means,
    clock: Clock,
    orders: Receiver<LinkOrder>,
    events: Sender<StreamEvent>,
) {
    let outbox = Outbox::new(settings.stream, events);
    let token_is_fresh = settings.token.is_none();
    let reader = Reader::new(settings.language.clone());
    let witness = Witness::new(settings.stream);
    let position = Position::new(settings.resume.clone());
    let link = Link {
        settings: Arc::new(settings),
        means,
        clock,
        orders,
        outbox,
        reader,
        witness,
        position,
        token: None,
        token_is_fresh,
        failures: 0,
        deploying: false,
        unsent: None,
        last_id: None,
        is_repeatable: true,
        retry: None,
        stages: None,
    };
    link.run().await;
}

struct Link {
    settings: Arc<LinkSettings>,
    means: Means,
    clock: Clock,
    orders: Receiver<LinkOrder>,
    outbox: Outbox,
    reader: Reader,
    witness: Witness,
    /// What came last, for the next connection to go on from.
    position: Position,
    token: Option<Token>,
    /// Whether a new token was tried since the last good connection, or there is none to get.
    token_is_fresh: bool,
    failures: u32,
    deploying: bool,
    /// A message that waits for the connection that it asked for.
    unsent: Option<String>,
    /// By which id the next answer over HTTP goes on.
    last_id: Option<String>,
    /// Whether what was asked last can be asked again without harm.
    is_repeatable: bool,
    /// How long the server wants us to wait before we ask again.
    retry: Option<Duration>,
    /// Where the attempt under way tells what it reached.
    stages: Option<Receiver<(Stage, Duration)>>,
}

/// Where the link stands.
enum Step {
    Rest,
    Connect,
    Live(Box<Socket>),
    Listen(Box<Answer>),
    Wait(Duration),
    End,
}

/// How a piece of work ended that was done while orders were heard.
enum Attended<T> {
    Done(T),
    Ordered(LinkOrder),
    Gone,
}

impl Link {
    async fn run(mut self) {
        let mut step = Step::Rest;
        loop {
            step = match step {
                Step::Rest => self.rest().await,
                Step::Connect => self.connect().await,
                Step::Live(socket) => self.live(*socket).await,
                Step::Listen(answer) => self.listen(*answer).await,
                Step::Wait(delay) => self.wait(delay).await,
                Step::End => return,
            }
        }
    }

    async fn rest(&mut self) -> Step {
        match self.attend(std::future::pending::<()>(), true).await {
            Attended::Ordered(LinkOrder::Close) => Step::Rest,
            attended => self.turn(attended),
        }
    }

    async fn wait(&mut self, delay: Duration) -> Step {
        match self.attend(sleep(delay), true).await {
            Attended::Done(()) => Step::Connect,
            attended => self.turn(attended),
        }
    }

    async fn connect(&mut self) -> Step {
        let settings = Arc::clone(&self.settings);
        let stream = settings.stream;
        self.outbox.push(StreamEvent::Connecting { stream });

        let has_token = self.token.as_ref().is_some_and(|token| !token.is_due(SystemTime::now()));
        if let Some((source, _)) = settings.token.as_ref().filter(|_| !has_token) {
            let means = self.means.clone();
            match self.attend(source.obtain(&means), false).await {
                Attended::Done(Ok(token)) => {
                    let expires = token.expires.map(moment);
                    self.outbox.push(StreamEvent::TokenObtained { stream, expires });
                    self.token = Some(token);
                }
                Attended::Done(Err(trouble)) => {
                    let may_pass = trouble.may_pass || self.deploying;
                    let cause = if may_pass { Cause::TokenUnavailable } else { Cause::TokenUnset };
                    return self.after(&cause, &trouble.what, &trouble.what_to_do);
                }
                attended => return self.turn(attended),
            }
        }

        let means = self.means.clone();
        let token = self.token.clone();
        let offered = token.as_ref().zip(settings.token.as_ref());
        let offered = offered.map(|(token, (_, offers))| (&token.secret, offers.as_slice()));
        let asked = self.position.put_into(&settings.opening);
        if let Some(request) = &settings.request {
            return self.request(request, &asked, offered, &means).await;
        }
        let watch = self.watch();
        let opening = watch.time(open(&means.http, &asked, offered, &means.secrets));
        let opened = self.attend(opening, false).await;
        self.tell_stages();
        match opened {
            Attended::Done(Ok(Opened { socket, subprotocol, findings, revision, took })) => {
                let findings = findings.into_iter().map(|finding| finding.what.into()).collect();
                let subprotocol = subprotocol.map(Into::into);
                let lasts = settings.rotate_before.map(Into::into);
                self.outbox.push(StreamEvent::Opened { stream, took: took.into(), subprotocol, findings, lasts });
                self.witness.begin(&settings.opening, revision, &mut self.outbox);
                Step::Live(Box::new(socket))
            }
            Attended::Done(Err(refused)) => self.refused(*refused),
            attended => self.turn(attended),
        }
    }

    /// A watch for the attempt that begins.
    fn watch(&mut self) -> Stopwatch {
        let (tell, stages) = channel(Stage::ALL.len());
        self.stages = Some(stages);
        Stopwatch::new(tell)
    }

    /// What the attempt reached and nobody was told yet.
    fn tell_stages(&mut self) {
        let stream = self.settings.stream;
        let Some(mut stages) = self.stages.take() else { return };
        while let Ok((stage, took)) = stages.try_recv() {
            self.outbox.push(StreamEvent::Reached { stream, stage, took: took.into() });
        }
    }

    fn refused(&mut self, refused: Refused) -> Step {
        let stream = self.settings.stream;
        let refusal = Arc::new(refused.refusal);
        self.outbox.push(StreamEvent::Refused { stream, refusal: Arc::clone(&refusal) });
        if self.position.is_refused(&refusal) {
            self.position.forget();
            return Step::Connect;
        }
        // A page says nothing in its first line; it is there in full with the refusal.
        let body = refusal.body.trim().lines().next().filter(|line| !line.starts_with('<')).unwrap_or_default();
        let why = if body.is_empty() { refusal.why.to_string() } else { format!("{}: {body}", refusal.why) };
        self.after(&refused.cause, &why, &refusal.advice)
    }

    /// What follows from a loss, by the table.
    fn after(&mut self, cause: &Cause, why: &str, advice: &str) -> Step {
        let stream = self.settings.stream;
        let situation = Situation {
            failures: self.failures,
            token_is_fresh: self.token_is_fresh,
            deploying: self.deploying,
            keep_open: self.settings.keep_open,
            close_codes: &self.settings.close_codes,
            dice: dice(),
        };
        match next(cause, &situation) {
            Next::Wait(delay) => {
                let delay = delay.max(self.retry.take().unwrap_or_default().min(LONGEST_RETRY));
                self.failures = self.failures.saturating_add(1);
                self.unsent = None;
                let why = if self.deploying { format!("expected while deploying: {why}") } else { why.into() };
                self.outbox.push(StreamEvent::Waiting { stream, delay: delay.into(), why: why.into() });
                Step::Wait(delay)
            }
            Next::RefreshToken => {
                self.token = None;
                self.token_is_fresh = true;
                Step::Connect
            }
            Next::Stop => {
                self.unsent = None;
                self.position.forget();
                // Whoever asks again gets a token of that moment.
                self.token = None;
                self.outbox.push(StreamEvent::Stopped { stream, why: why.into(), advice: advice.into() });
                Step::Rest
            }
        }
    }

    /// Where an order leads that interrupts whatever is not a live connection.
    fn turn<T>(&mut self, attended: Attended<T>) -> Step {
        match attended {
            Attended::Ordered(LinkOrder::Close) => {
                self.closed(None, "closed by us", true);
                Step::Rest
            }
            Attended::Ordered(LinkOrder::Reopen { .. } | LinkOrder::Open | LinkOrder::Send(_)) => {
                self.forgive();
                Step::Connect
            }
            Attended::Ordered(LinkOrder::ExpectDrop(_) | LinkOrder::Raw(_)) | Attended::Done(_) => Step::Connect,
            Attended::Gone => Step::End,
        }
    }

    /// Holds nothing against the server any more.
    fn forgive(&mut self) {
        self.failures = 0;
        self.token_is_fresh = self.settings.token.is_none();
    }

    fn closed(&mut self, code: Option<u16>, reason: &str, expected: bool) {
        let (stream, reason) = (self.settings.stream, self.means.secrets.shown(reason).into());
        self.outbox.push(StreamEvent::Closed { stream, code, reason, expected });
    }

    /// Works, delivers and listens. `is_idle` says whether an order to connect interrupts the work.
    async fn attend<T>(&mut self, work: impl Future<Output = T>, is_idle: bool) -> Attended<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Attended::Done(done),
                order = self.orders.recv() => match order {
                    None => return Attended::Gone,
                    Some(LinkOrder::ExpectDrop(deploying)) => self.deploying = deploying,
                    Some(LinkOrder::Raw(_)) => self.not_sent("it is not connected"),
                    Some(LinkOrder::Send(text)) => {
                        self.unsent = Some(text.clone());
                        if is_idle {
                            return Attended::Ordered(LinkOrder::Send(text));
                        }
                    }
                    Some(LinkOrder::Open) if !is_idle => {}
                    Some(order) => return Attended::Ordered(order),
                },
                (stage, took) = next_stage(&mut self.stages) => {
                    let stream = self.settings.stream;
                    self.outbox.push(StreamEvent::Reached { stream, stage, took: took.into() });
                }
                delivered = self.outbox.deliver() => if let Err(Gone) = delivered { return Attended::Gone },
            }
        }
    }
}

/// The next stage that an attempt reaches, for as long as there is one.
async fn next_stage(stages: &mut Option<Receiver<(Stage, Duration)>>) -> (Stage, Duration) {
    if let Some(receiver) = stages {
        match receiver.recv().await {
            Some(reached) => return reached,
            None => *stages = None,
        }
    }
    std::future::pending().await
}

fn moment(time: SystemTime) -> Moment {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// A random number from 0 up to 1.
fn dice() -> f64 {
    (random() >> 11) as f64 / (1_u64 << 53) as f64
}
