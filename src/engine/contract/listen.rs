//! One user's connection: token, handshake, message, and everything that is heard until it is over.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::adapters::carried::Carried;
use crate::adapters::json_schema::Schemas;
use crate::adapters::protocol::{Reader, json_in};
use crate::adapters::sanitize;
use crate::config::project::{ContractPlan, RevisionSpec};
use crate::domain::{AgentEvent, AgentKind, Ending, Ledger, Moment, Refusal, RefusalClass, Sent, Span, Text};
use crate::engine::http::Http;
use crate::engine::links;
use crate::engine::means::Means;
use crate::engine::probe::ask_revision;
use crate::engine::stream::handshake::{Opened, Socket, open};
use crate::engine::stream::secret::Secrets;
use crate::engine::stream::token::{self, process_variables};
use crate::engine::stream::witness;

/// How many events of one connection are kept.
const KEPT: usize = 5_000;
/// From one ping to the next.
const PING_EVERY: Duration = Duration::from_secs(1);
/// How many round trips are measured.
const ROUND_TRIPS: usize = 100;
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_millis(500);
/// The longest message that is taken.
const MAX_MESSAGE: usize = 16 << 20;

/// Who listens to what.
pub(super) struct Listener<'a> {
    pub(super) plan: &'a ContractPlan,
    pub(super) revision: Option<&'a RevisionSpec>,
    pub(super) http: &'a Http,
    /// What messages have to fit, or why that could not be had.
    pub(super) schemas: &'a Result<Schemas, String>,
    pub(super) means: &'a Means,
    /// Which of the users, counted from 1.
    pub(super) number: u32,
}

impl Listener<'_> {
    fn now(&self) -> Moment {
        self.means.clock.now()
    }

    /// What this user is called.
    fn user(&self) -> Option<String> {
        self.plan.user.as_ref().map(|user| user.replace("{n}", &self.number.to_string()))
    }

    fn fill(&self, text: &str) -> String {
        self.user().map_or_else(|| text.to_owned(), |user| text.replace("{user}", &user))
    }

    /// What the stream's service says it serves, and how long its answer took.
    async fn serving(&self) -> (Option<Text>, Option<Span>) {
        let Some(revision) = self.revision else { return (None, None) };
        let asked = Instant::now();
        let answered = ask_revision(revision, &self.http.client).await.ok();
        let took = answered.is_some().then(|| asked.elapsed().into());
        (answered, took)
    }

    fn empty(&self) -> Ledger {
        let now = self.now();
        Ledger {
            began: now,
            opened: None,
            revision: None,
            revision_at_end: None,
            said: None,
            announces_ready: self.plan.announces_ready,
            user: self.user().map(Text::from),
            run: None,
            sent: None,
            events: Vec::new(),
            no_schema: None,
            left_out: 0,
            wire: Vec::new(),
            round_trips: Vec::new(),
            api: Vec::new(),
            ending: Ending::Settled,
            ended: now,
        }
    }

    /// What is said of a connection on which even the deadlines did not help.
    pub(super) fn hung(&self) -> Ledger {
        Ledger { ending: Ending::OutOfTime { limit: self.plan.timeout.into() }, ..self.empty() }
    }
}

/// Opens a connection, says what is to be said, and listens until it is over.
pub(super) async fn listen(listener: &Listener<'_>, pass: Pass) -> Ledger {
    let (revision, took) = listener.serving().await;
    let mut ledger = Ledger { revision, api: took.into_iter().collect(), ..listener.empty() };
    ledger.ending = match connect(listener, pass, &mut ledger).await {
        Ok((socket, secrets)) => {
            let ending = converse(listener, &mut ledger, socket, &secrets).await;
            let in_messages = || witness::in_messages(listener.plan.stream.revision.as_ref(), &ledger.events, &secrets);
            ledger.said = ledger.said.take().or_else(in_messages);
            ending
        }
        Err(refusal) => Ending::Refused(refusal),
    };
    ledger.ended = listener.now();
    let (revision, took) = listener.serving().await;
    ledger.revision_at_end = revision;
    ledger.api.extend(took);
    ledger
}

/// What a user shows at the door: their token, or why there is none.
pub(super) struct Pass {
    token: Result<Option<token::Token>, Refusal>,
    secrets: Secrets,
}

impl Pass {
    /// Obtains a user's own token.
    pub(super) async fn obtain(listener: &Listener<'_>) -> Self {
        let masks = listener.means.masks.clone();
        let secrets = Secrets::new(move |value| masks.learn(value));
        let means =
            token::Means { http: listener.http.clone(), variables: process_variables(), secrets: secrets.clone() };
        let mut source = listener.plan.stream.token.as_ref().map(links::source);
        match &mut source {
            Some(token::TokenSource::Http(call)) => call.body = call.body.as_ref().map(|body| listener.fill(body)),
            Some(token::TokenSource::Mint(mint)) => mint.fill(|claim| listener.fill(claim)),
            _ => {}
        }
        let token = match &source {
            None => Ok(None),
            Some(source) => source.obtain(&means).await.map(Some).map_err(|trouble| Refusal {
                status: None,
                why: trouble.what.into(),
                sent: Vec::new(),
                headers: Vec::new(),
                body: "".into(),
                class: if trouble.may_pass { RefusalClass::Environment } else { RefusalClass::Authentication },
                advice: trouble.what_to_do.into(),
            }),
        };
        Self { token, secrets }
    }
}

async fn connect(listener: &Listener<'_>, pass: Pass, ledger: &mut Ledger) -> Result<(Socket, Secrets), Refusal> {
    let Pass { token, secrets } = pass;
    let token = token?;
    let settings = links::opening(&listener.plan.stream, MAX_MESSAGE);
    ledger.began = listener.now();
    let offers: Vec<_> = listener.plan.stream.offers.iter().map(Into::into).collect();
    let offered = token.as_ref().map(|token| (&token.secret, offers.as_slice()));
    match open(listener.http, &settings, offered, &secrets).await {
        Ok(Opened { socket, revision, .. }) => {
            ledger.said = revision;
            ledger.opened = Some(listener.now());
            Ok((socket, secrets))
        }
        Err(refused) => Err(refused.refusal),
    }
}

async fn converse(listener: &Listener<'_>, ledger: &mut Ledger, mut socket: Socket, secrets: &Secrets) -> Ending {
    let limit = Instant::now() + listener.plan.timeout;
    let mut settled: Option<Instant> = None;
    let mut next_ping = Instant::now();
    let mut pinged: Option<Instant> = None;
    let mut reader = Reader::new(listener.plan.stream.language.clone());
    let lost = |why: String| Ending::Lost { why: secrets.shown(&why).into() };
    loop {
        if ledger.sent.is_none()
            && ledger.ready_at().is_some()
            && let Some(message) = &listener.plan.message
        {
            let text = listener.fill(message);
            let shown = sanitize::text(&secrets.mask(&text)).into();
            let sent = Sent::new(listener.now(), shown, text.len());
            ledger.run = sent.run();
            ledger.sent = Some(sent);
            if let Err(error) = socket.send(Message::text(text)).await {
                return lost(error.to_string());
            }
        }
        if settled.is_none() && ledger.is_over() {
            settled = Some(Instant::now() + listener.plan.settle);
        }
        let deadline = settled.map_or(limit, |settled| settled.min(limit));
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) if json_in(&bytes).is_none() => {
                    let text = (bytes.len(), None);
                    hear(ledger, listener, text, |events| {
                        reader.receive_binary(&bytes, listener.now(), events);
                    });
                }
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                    let text = secrets.mask(message.to_text().unwrap_or_default()).into_owned();
                    let masked = listener.means.masks.mask(&text);
                    let came = (text.len(), Some(&*masked));
                    hear(ledger, listener, came, |events| {
                        reader.receive_text(None, &masked, listener.now(), events);
                    });
                    if is_ping(ledger)
                        && let Err(error) = socket.send(Message::text(r#"{"type":"pong"}"#)).await
                    {
                        return lost(error.to_string());
                    }
                }
                Some(Ok(Message::Pong(_))) => {
                    if let Some(sent) = pinged.take().filter(|_| ledger.round_trips.len() < ROUND_TRIPS) {
                        ledger.round_trips.push(sent.elapsed().into());
                    }
                }
                Some(Ok(Message::Close(frame))) => return closed(frame, secrets),
                Some(Ok(Message::Ping(_) | Message::Frame(_))) => {}
                Some(Err(error)) => return lost(error.to_string()),
                None => return lost("the connection ended without a close frame".to_owned()),
            },
            () = sleep_until(next_ping) => {
                next_ping = Instant::now() + PING_EVERY;
                pinged = Some(Instant::now());
                if let Err(error) = socket.send(Message::Ping(Vec::new().into())).await {
                    return lost(error.to_string());
                }
            }
            () = sleep_until(deadline) => {
                // Whether the server agrees in time makes no difference any more.
                let _farewell = timeout(FAREWELL, socket.close(None)).await;
                return match settled {
                    Some(_) => Ending::Settled,
                    None => Ending::OutOfTime { limit: listener.plan.timeout.into() },
                };
            }
        }
    }
}

/// Takes what a frame says, as far as there is room.
fn hear(
    ledger: &mut Ledger,
    listener: &Listener<'_>,
    (bytes, text): (usize, Option<&str>),
    read: impl FnOnce(&mut Vec<AgentEvent>),
) {
    let mut events = Vec::new();
    read(&mut events);
    let room = KEPT.saturating_sub(ledger.events.len());
    ledger.left_out += events.len().saturating_sub(room) as u32;
    events.truncate(room);
    let mut carried = Carried::new(text, bytes);
    let none = Schemas::default();
    let schemas = listener.schemas.as_ref().unwrap_or(&none);
    let spec = &listener.plan.spec;
    ledger.wire.extend(events.iter().map(|event| carried.beside(event, spec, schemas)));
    ledger.events.extend(events);
}

/// Some servers ask in a message whether we live, and close on those who do not answer in one.
fn is_ping(ledger: &Ledger) -> bool {
    ledger.events.last().is_some_and(|event| event.kind == AgentKind::Heartbeat && &*event.type_name == "ping")
}

fn closed(frame: Option<CloseFrame>, secrets: &Secrets) -> Ending {
    match frame {
        Some(frame) => {
            Ending::Closed { code: Some(frame.code.into()), reason: secrets.shown(frame.reason.as_str()).into() }
        }
        None => Ending::Closed { code: None, reason: "".into() },
    }
}
