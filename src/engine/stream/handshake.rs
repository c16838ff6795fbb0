//! The opening handshake, done with the HTTP client that everything else uses.
//!
//! A WebSocket library that opens its own connections loses what a person needs most when a server says no: the body
//! that comes in a second packet, an answer in HTTP/1.0, the address of a login page. Here the whole answer is kept, and
//! what is merely unusual about a good answer becomes a [`Finding`] rather than a failure.

mod findings;
mod refusal;
mod request;

use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Upgraded, Url};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

pub use self::findings::{Finding, Grade};
use self::findings::{check, chosen, shown_headers, shown_protocols, shown_request};
use self::refusal::{CORRECT_IT, refused, without_answer, without_status};
use self::request::request;
use super::backoff::Cause;
use super::secret::Secrets;
use super::token::TokenOffer;
use super::wire::Wire;
use super::witness;
use crate::config::project::{RevisionSource, Secret};
use crate::domain::{Refusal, RefusalClass, Stage, Text};
use crate::engine::http::stopwatch::reached;
use crate::engine::http::{Answered, Http, NoAnswer, Tunnel, Unanswered, chain};

/// How much of a refusal's body is kept.
pub const BODY_LIMIT: usize = 64 * 1024;

/// An open WebSocket.
pub type Socket = WebSocketStream<Wire<Upgraded>>;

/// What to open.
#[derive(Clone, Debug)]
pub struct Opening {
    /// `ws://`, `wss://`, or their HTTP spellings.
    pub url: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Subprotocols to offer, best first.
    pub subprotocols: Vec<String>,
    /// How long each phase may take.
    pub deadlines: Deadlines,
    /// The longest message that is taken.
    pub max_message: usize,
    /// Where it says which revision answers.
    pub revision: Option<RevisionSource>,
}

impl Opening {
    /// An opening of `url` with nothing special about it.
    pub fn of(url: &str) -> Self {
        Self {
            url: url.into(),
            headers: Vec::new(),
            subprotocols: Vec::new(),
            deadlines: Deadlines::default(),
            max_message: 16 << 20,
            revision: None,
        }
    }
}

/// How long each phase may take; the client has its own for the connection.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// From the first packet to the head of the answer. A cold start takes its time.
    pub answer: Duration,
    /// The body of a refusal.
    pub body: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { answer: Duration::from_secs(30), body: Duration::from_secs(5) }
    }
}

/// A connection that is open.
#[derive(Debug)]
pub struct Opened {
    /// The socket.
    pub socket: Socket,
    /// The subprotocol that the server chose, as it may be shown.
    pub subprotocol: Option<String>,
    /// What is unusual about the answer.
    pub findings: Vec<Finding>,
    /// The revision that answered, where a header says so.
    pub revision: Option<Text>,
    /// From the first packet to here.
    pub took: Duration,
}

/// What stood in the way of a connection.
#[derive(Clone, Debug)]
pub struct Refused {
    /// How far it came.
    pub phase: Phase,
    /// For the table of [`super::backoff`].
    pub cause: Cause,
    /// What a person is told.
    pub refusal: Refusal,
    /// From the first packet to here.
    pub took: Duration,
}

/// How far an opening came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The request could not be made.
    Request,
    /// Name, TCP or TLS.
    Connect,
    /// Waiting for the answer.
    Answer,
    /// The answer was no.
    Refused,
    /// The answer was yes, but not a WebSocket's.
    Check,
}

/// Opens a WebSocket.
pub async fn open(
    http: &Http,
    opening: &Opening,
    token: Option<(&Secret, &[TokenOffer])>,
    secrets: &Secrets,
) -> Result<Opened, Box<Refused>> {
    let begun = Instant::now();
    let key = generate_key();
    let attempt = attempt(http, opening, token, secrets, &key).await;
    attempt
        .map(|opened| Opened { took: begun.elapsed(), ..opened })
        .map_err(|(phase, cause, refusal)| Box::new(Refused { phase, cause, refusal, took: begun.elapsed() }))
}

async fn attempt(
    http: &Http,
    opening: &Opening,
    token: Option<(&Secret, &[TokenOffer])>,
    secrets: &Secrets,
    key: &str,
) -> Result<Opened, (Phase, Cause, Refusal)> {
    let request = request(opening, token, key).map_err(|what| {
        let refusal = without_status(RefusalClass::Protocol, secrets.shown(&what), CORRECT_IT.into());
        (Phase::Request, Cause::Unusable, refusal)
    })?;
    let sent = shown_request("GET", &request.0, &request.1, token, secrets);
    let exchanged = exchange(http, opening, request, secrets, key).await;
    exchanged.map_err(|(phase, cause, refusal)| (phase, cause, Refusal { sent, ..refusal }))
}

/// Asks, and looks at what is answered.
async fn exchange(
    http: &Http,
    opening: &Opening,
    (url, headers, offered): request::Request,
    secrets: &Secrets,
    key: &str,
) -> Result<Opened, (Phase, Cause, Refusal)> {
    let response = match http.tunnels.to(&url) {
        Some(tunnel) => tunnelled(&tunnel, &url, headers, opening, secrets).await?,
        None => answered(http.client.get(url.clone()).headers(headers), &url, opening, secrets).await?,
    };

    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let (cause, refusal) = refused(response, opening, secrets).await;
        return Err((Phase::Refused, cause, refusal));
    }
    let answered = response.headers().clone();
    let no_websocket = |why: &str| {
        let advice = "see what stands between here and the server: a proxy or a cache answered in its place";
        let refusal = without_status(RefusalClass::Protocol, secrets.shown(why), advice.into());
        let headers = shown_headers(&answered, secrets);
        (Phase::Check, Cause::NotAWebSocket, Refusal { status: Some(101), headers, ..refusal })
    };
    let findings = check(&answered, key, &offered, secrets).map_err(no_websocket)?;
    let upgraded = match timeout(opening.deadlines.body, response.upgrade()).await {
        Ok(Ok(upgraded)) => upgraded,
        Ok(Err(error)) => return Err(no_websocket(&chain(&error))),
        Err(_) => return Err(no_websocket("the connection was not handed over after the 101")),
    };
    let limits = WebSocketConfig::default()
        .read_buffer_size(32 << 10)
        .write_buffer_size(0)
        // The longest message may be sent too, with its frame around it.
        .max_write_buffer_size(opening.max_message + (64 << 10))
        .max_message_size(Some(opening.max_message))
        .max_frame_size(Some(opening.max_message));
    Ok(Opened {
        socket: WebSocketStream::from_raw_socket(Wire::new(upgraded), Role::Client, Some(limits)).await,
        subprotocol: chosen(&answered).map(|chosen| shown_protocols(chosen, secrets)),
        findings,
        revision: witness::in_headers(opening, &answered, secrets),
        took: Duration::ZERO,
    })
}

/// The same through a proxy's tunnel. What the proxy itself refuses is told as its own.
async fn tunnelled(
    tunnel: &Tunnel,
    url: &Url,
    headers: HeaderMap,
    opening: &Opening,
    secrets: &Secrets,
) -> Result<Response, (Phase, Cause, Refusal)> {
    let asked = timeout(opening.deadlines.answer, tunnel.get(url, headers)).await;
    let proxy = tunnel.proxy();
    match asked.map_err(|_| late(opening))? {
        Ok(Answered::Server(response)) => {
            reached(Stage::Http);
            Ok(response)
        }
        Ok(Answered::Proxy(response)) => {
            let (cause, refusal) = refused(response, opening, secrets).await;
            let why = format!("the proxy {proxy} does not let us through: {}", refusal.why).into();
            Err((Phase::Refused, cause, Refusal { why, ..refusal }))
        }
        Err(Unanswered { kind, why, at_proxy }) => {
            let (phase, place, who) = match at_proxy {
                true => (Phase::Connect, Url::parse(&format!("http://{proxy}")).ok(), format!("the proxy {proxy}: ")),
                false => (Phase::Answer, None, String::new()),
            };
            let (cause, class, advice) = without_answer(kind, place.as_ref().unwrap_or(url));
            Err((phase, cause, without_status(class, secrets.shown(&format!("{who}{why}")), advice)))
        }
    }
}

/// Sends a request and waits for the head of its answer.
async fn answered(
    request: RequestBuilder,
    url: &Url,
    opening: &Opening,
    secrets: &Secrets,
) -> Result<Response, (Phase, Cause, Refusal)> {
    match timeout(opening.deadlines.answer, request.send()).await {
        Ok(Ok(response)) => {
            reached(Stage::Http);
            Ok(response)
        }
        Ok(Err(error)) => {
            let phase = if error.is_connect() { Phase::Connect } else { Phase::Answer };
            let (cause, class, advice) = without_answer(NoAnswer::of(&error), url);
            Err((phase, cause, without_status(class, secrets.shown(&chain(&error)), advice)))
        }
        Err(_) => Err(late(opening)),
    }
}

fn late(opening: &Opening) -> (Phase, Cause, Refusal) {
    let why = format!("no answer within {} s", opening.deadlines.answer.as_secs_f32());
    let advice = "see whether the service is starting, or hangs; something in between may hold the request";
    (Phase::Answer, Cause::Timeout, without_status(RefusalClass::Environment, why, advice.into()))
}

/// Asks for an answer that is a stream; `own` are headers that the configuration may replace.
pub(super) async fn ask(
    client: &Client,
    opening: &Opening,
    asked: &super::answer::Request,
    mut own: HeaderMap,
    token: Option<(&Secret, &[TokenOffer])>,
    secrets: &Secrets,
) -> Result<Response, Box<Refused>> {
    let begun = Instant::now();
    let refuse = |(phase, cause, refusal)| Box::new(Refused { phase, cause, refusal, took: begun.elapsed() });
    let (url, mut headers, _) = request(opening, token, "").map_err(|what| {
        let refusal = without_status(RefusalClass::Protocol, secrets.shown(&what), CORRECT_IT.into());
        refuse((Phase::Request, Cause::Unusable, refusal))
    })?;
    for name in ["connection", "upgrade", "sec-websocket-version", "sec-websocket-key", "sec-websocket-protocol"] {
        headers.remove(name);
    }
    own.extend(headers);
    let shown = shown_request(asked.method.as_str(), &url, &own, token, secrets);
    let refuse = |(phase, cause, refusal)| refuse((phase, cause, Refusal { sent: shown.clone(), ..refusal }));
    let mut sent = client.request(asked.method.clone(), url.clone()).headers(own);
    if let Some(body) = &asked.body {
        sent = sent.body(body.clone());
    }
    let response = answered(sent, &url, opening, secrets).await.map_err(refuse)?;
    if response.status() != StatusCode::OK {
        let (cause, refusal) = refused(response, opening, secrets).await;
        return Err(refuse((Phase::Refused, cause, refusal)));
    }
    Ok(response)
}
