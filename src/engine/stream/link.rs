//! The task that keeps one stream connected: token, handshake, reading for ever, and again by the table of
//! [`backoff`](super::backoff).
//!
//! It is told what to do in [`LinkOrder`]s and tells what happens in [`StreamEvent`]s, both over bounded channels. It
//! always reads, however slow its listener is: a connection that nobody reads does not answer pings, and dies.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::answer::{Answer, Heard as Piece, Request};
use super::backoff::{Cause, CloseAction, Next, Situation, next};
pub use super::connection::Pulse;
use super::connection::{CLOSE_DEADLINE, Connection, Heard, Leaving, close_advice, loss, random};
use super::handshake::{Opened, Opening, Refused, Socket, open};
use super::outbox::{Gone, Outbox};
use super::token::{Means, Token, TokenOffer, TokenSource};
use super::witness::Witness;
use crate::adapters::protocol::Reader;
use crate::config::mapping::Language;
use crate::config::project::Secret;
use crate::domain::{AgentEvent, AgentKind, Moment, StreamEvent, StreamId, Text};

/// How long a connection must have been good before earlier failures are forgotten.
const READY_FOR: Duration = Duration::from_secs(30);
/// How many of our own messages wait for a server that does not read.
const OUTGOING: usize = 32;

/// A server's own wish for the time between two answers is followed up to here.
const LONGEST_RETRY: Duration = Duration::from_secs(600);
const SEE_LOG: &str = "see the log of the service, and what stands between";

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
    let link = Link {
        settings: Arc::new(settings),
        means,
        clock,
        orders,
        outbox,
        reader,
        witness,
        token: None,
        token_is_fresh,
        failures: 0,
        deploying: false,
        unsent: None,
        last_id: None,
        is_repeatable: true,
        retry: None,
    };
    link.run().await;
}

/// Some servers ask in a message whether we live, and close on those who do not answer in one.
fn answer_pings(connection: &mut Connection) {
    let is_ping = |event: &AgentEvent| event.kind == AgentKind::Heartbeat && &*event.type_name == "ping";
    if connection.events.iter().any(is_ping) && connection.outgoing.len() < OUTGOING {
        connection.outgoing.push_back(Message::text(r#"{"type":"pong"}"#));
    }
}

struct Link {
    settings: Arc<LinkSettings>,
    means: Means,
    clock: Clock,
    orders: Receiver<LinkOrder>,
    outbox: Outbox,
    reader: Reader,
    witness: Witness,
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
        if let Some(request) = &settings.request {
            return self.request(request, &settings.opening, offered, &means).await;
        }
        let opening = open(&means.client, &settings.opening, offered, &means.secrets);
        match self.attend(opening, false).await {
            Attended::Done(Ok(Opened { socket, subprotocol, findings, revision, took })) => {
                let findings = findings.into_iter().map(|finding| finding.what.into()).collect();
                let subprotocol = subprotocol.map(Into::into);
                self.outbox.push(StreamEvent::Opened { stream, took: took.into(), subprotocol, findings });
                self.witness.begin(&settings.opening, revision, &mut self.outbox);
                Step::Live(Box::new(socket))
            }
            Attended::Done(Err(refused)) => self.refused(*refused),
            attended => self.turn(attended),
        }
    }

    /// Asks for an answer that is a stream.
    async fn request(
        &mut self,
        request: &Request,
        opening: &Opening,
        offered: Option<(&Secret, &[TokenOffer])>,
        means: &Means,
    ) -> Step {
        let stream = self.settings.stream;
        let mut request = request.clone();
        let said = self.unsent.take();
        if let Some(text) = &said {
            (request.method, request.body) = (reqwest::Method::POST, Some(text.clone()));
        }
        let last_id = self.last_id.clone().filter(|_| request.is_repeatable());
        let asking = Answer::open(&means.client, opening, &request, offered, last_id.as_deref(), &means.secrets);
        match self.attend(asking, false).await {
            Attended::Done(Ok(answer)) => {
                let findings = answer.finding.iter().map(|finding| finding.as_str().into()).collect();
                self.outbox.push(StreamEvent::Opened { stream, took: answer.took.into(), subprotocol: None, findings });
                self.witness.begin(opening, answer.revision.clone(), &mut self.outbox);
                if let Some(text) = said {
                    let text = means.secrets.shown(&text).into();
                    self.outbox.push(StreamEvent::Sent { stream, text });
                }
                self.is_repeatable = request.is_repeatable();
                Step::Listen(Box::new(answer))
            }
            Attended::Done(Err(refused)) => self.refused(*refused),
            attended => self.turn(attended),
        }
    }

    fn refused(&mut self, refused: Refused) -> Step {
        let stream = self.settings.stream;
        let refusal = Arc::new(refused.refusal);
        self.outbox.push(StreamEvent::Refused { stream, refusal: Arc::clone(&refusal) });
        // A page says nothing in its first line; it is there in full with the refusal.
        let body = refusal.body.trim().lines().next().filter(|line| !line.starts_with('<')).unwrap_or_default();
        let why = if body.is_empty() { refusal.why.to_string() } else { format!("{}: {body}", refusal.why) };
        self.after(&refused.cause, &why, &refusal.advice)
    }

    /// An answer over HTTP, from its head to its end.
    async fn listen(&mut self, mut answer: Answer) -> Step {
        let (stream, begun) = (self.settings.stream, Instant::now());
        let (mut dropped_before, mut events) = (0, Vec::new());
        let (cause, why, advice) = loop {
            tokio::select! {
                heard = answer.hear() => {
                    let (at, redactor) = ((self.clock)(), self.means.secrets.redactor());
                    for message in answer.heard.drain(..) {
                        let name = message.event.as_deref();
                        self.reader.receive_text(name, &redactor.mask(&message.data), at, &mut events);
                    }
                    self.witness.hand_over(&mut events, &self.means.secrets, &mut self.outbox);
                    let dropped = answer.take_dropped(&mut dropped_before);
                    if dropped > 0 {
                        self.outbox.push(StreamEvent::Overflowed { stream, dropped });
                    }
                    match heard {
                        Piece::More => {}
                        Piece::Complete if !self.is_repeatable => {
                            self.closed(None, "the answer is complete", true);
                            return Step::Rest;
                        }
                        Piece::Complete => break (Cause::Dropped, "the answer ended".to_owned(), SEE_LOG),
                        Piece::Broken(why) => break (Cause::Dropped, why, SEE_LOG),
                        Piece::Silent => break (Cause::Stale, "nothing came for five minutes".to_owned(), SEE_LOG),
                    }
                }
                order = self.orders.recv() => match order {
                    Some(LinkOrder::Open) => {}
                    Some(LinkOrder::ExpectDrop(deploying)) => self.deploying = deploying,
                    Some(LinkOrder::Send(text)) => {
                        self.unsent = Some(text);
                        self.closed(None, "asked anew", true);
                        return Step::Connect;
                    }
                    Some(LinkOrder::Reopen { why }) => {
                        self.closed(None, &why, true);
                        self.forgive();
                        return Step::Connect;
                    }
                    Some(LinkOrder::Close) => {
                        self.closed(None, "closed by us", true);
                        return Step::Rest;
                    }
                    None => return Step::End,
                },
                delivered = self.outbox.deliver() => {
                    if let Err(Gone) = delivered {
                        return Step::End;
                    }
                }
            }
        };
        if begun.elapsed() >= READY_FOR {
            self.forgive();
        }
        self.last_id = answer.last_id().map(str::to_owned).or(self.last_id.take());
        self.retry = answer.retry();
        let why = self.means.secrets.shown(&why);
        self.closed(None, &why, self.deploying);
        if self.is_repeatable {
            return self.after(&cause, &why, advice);
        }
        // What a POST has started may still go on there: whether to start another is for a person to say.
        let advice = "ask again, when nothing is left over from this one";
        self.outbox.push(StreamEvent::Stopped { stream, why: why.into(), advice: advice.into() });
        Step::Rest
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
            Attended::Ordered(LinkOrder::ExpectDrop(_)) | Attended::Done(_) => Step::Connect,
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
                    Some(LinkOrder::Send(text)) => {
                        self.unsent = Some(text.clone());
                        if is_idle {
                            return Attended::Ordered(LinkOrder::Send(text));
                        }
                    }
                    Some(LinkOrder::Open) if !is_idle => {}
                    Some(order) => return Attended::Ordered(order),
                },
                delivered = self.outbox.deliver() => if let Err(Gone) = delivered { return Attended::Gone },
            }
        }
    }

    /// A connection, from its first ping to its end.
    async fn live(&mut self, socket: Socket) -> Step {
        let settings = Arc::clone(&self.settings);
        let mut connection = Connection::new(socket, settings.pulse);
        if let Some(text) = self.unsent.take() {
            self.send(text, &mut connection);
        }
        loop {
            let (next_beat, has_room) = (connection.next_beat, connection.outgoing.len() < OUTGOING);
            tokio::select! {
                heard = connection.hear() => {
                    self.receive(&mut connection);
                    if let Heard::Over(error) = heard {
                        return self.ended(connection, error);
                    }
                }
                order = self.orders.recv(), if has_room => match order {
                    Some(LinkOrder::Open) => {}
                    Some(LinkOrder::ExpectDrop(deploying)) => self.deploying = deploying,
                    Some(LinkOrder::Send(text)) => self.send(text, &mut connection),
                    Some(LinkOrder::Reopen { why }) => connection.leave(Leaving::Reopen, &why),
                    Some(LinkOrder::Close) => connection.leave(Leaving::Rest, "closed by us"),
                    None => return self.end(connection).await,
                },
                delivered = self.outbox.deliver() => {
                    if let Err(Gone) = delivered {
                        return self.end(connection).await;
                    }
                }
                () = sleep_until(next_beat) => {
                    if let Err(why) = connection.beat() {
                        return self.given_up(connection, &why);
                    }
                }
            }
        }
    }

    /// Nobody is left to work for.
    async fn end(&mut self, connection: Connection) -> Step {
        connection.say_goodbye().await;
        Step::End
    }

    /// A connection without a pulse, or one that does not end when it should.
    fn given_up(&mut self, connection: Connection, why: &str) -> Step {
        if connection.is_ending() {
            return self.ended(connection, None);
        }
        self.reward(&connection);
        self.closed(None, why, self.deploying);
        self.after(&Cause::Stale, why, "see whether the network or a proxy went to sleep")
    }

    fn send(&mut self, text: String, connection: &mut Connection) {
        if connection.is_ending() {
            self.unsent = Some(text);
            return;
        }
        let (stream, shown) = (self.settings.stream, self.means.secrets.shown(&text).into());
        connection.outgoing.push_back(Message::text(text));
        self.outbox.push(StreamEvent::Sent { stream, text: shown });
    }

    /// Makes events of what was heard.
    fn receive(&mut self, connection: &mut Connection) {
        if connection.heard.is_empty() {
            return;
        }
        let (at, redactor) = ((self.clock)(), self.means.secrets.redactor());
        for message in connection.heard.drain(..) {
            match message {
                Message::Text(text) => {
                    self.reader.receive_text(None, &redactor.mask(&text), at, &mut connection.events);
                }
                Message::Binary(bytes) => self.reader.receive_binary(&bytes, at, &mut connection.events),
                Message::Pong(nonce) => {
                    if let Some(sent) = connection.unanswered.iter().position(|(asked, _)| nonce.as_ref() == asked) {
                        let round_trip = connection.unanswered[sent].1.elapsed().into();
                        connection.unanswered.drain(..=sent);
                        self.outbox.push(StreamEvent::Measured { stream: self.settings.stream, round_trip });
                    }
                }
                Message::Close(frame) => connection.close_frame = Some(frame),
                // Pings are answered by the library on the next poll; raw frames are never read.
                Message::Ping(_) | Message::Frame(_) => {}
            }
        }
        if connection.ready_since.is_none() && !connection.events.is_empty() {
            connection.ready_since = Some(Instant::now());
        }
        if connection.close_frame.is_some() && connection.leaving.is_none() {
            connection.give_up_at = Some(Instant::now() + CLOSE_DEADLINE);
            connection.next_beat = Instant::now() + CLOSE_DEADLINE;
        }
        if self.reader.answers_pings() {
            answer_pings(connection);
        }
        self.witness.hand_over(&mut connection.events, &self.means.secrets, &mut self.outbox);
    }

    /// A connection that was good for a while makes up for earlier failures.
    fn reward(&mut self, connection: &Connection) {
        if connection.ready_since.is_some_and(|since| since.elapsed() >= READY_FOR) {
            self.forgive();
        }
    }

    fn ended(&mut self, connection: Connection, error: Option<WsError>) -> Step {
        self.reward(&connection);
        if let Some((leaving, why)) = connection.leaving {
            self.closed(Some(1000), &why, true);
            return match leaving {
                Leaving::Rest => Step::Rest,
                Leaving::Reopen => {
                    self.forgive();
                    Step::Connect
                }
            };
        }
        match connection.close_frame {
            Some(Some(frame)) => {
                let code = u16::from(frame.code);
                let reason = self.means.secrets.shown(&frame.reason);
                self.closed(Some(code), &reason, self.deploying);
                let why = if reason.is_empty() {
                    format!("closed with {code}")
                } else {
                    format!("closed with {code}: {reason}")
                };
                self.after(&Cause::Closed(code), &why, close_advice(code))
            }
            Some(None) => {
                self.closed(None, "closed without a code", self.deploying);
                self.after(&Cause::Closed(1005), "closed without a code", "see the log of the service")
            }
            None => {
                let (cause, why) = loss(error);
                self.closed(None, &why, self.deploying);
                self.after(&cause, &why, "see the log of the service, and what stands between")
            }
        }
    }
}

fn moment(time: SystemTime) -> Moment {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// A random number from 0 up to 1.
fn dice() -> f64 {
    (random() >> 11) as f64 / (1_u64 << 53) as f64
}
