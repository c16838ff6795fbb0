//! The opening handshake, done with the HTTP client that everything else uses.
//!
//! A WebSocket library that opens its own connections loses what a person needs most when a server says no: the body
//! that comes in a second packet, an answer in HTTP/1.0, the address of a login page. Here the whole answer is kept, and
//! what is merely unusual about a good answer becomes a [`Finding`] rather than a failure.

use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Upgraded, Url};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::backoff::Cause;
use super::secret::Secrets;
use super::token::{TokenOffer, in_base64};
use super::wire::Wire;
use super::witness;
use crate::adapters::redact::MASK;
use crate::config::project::{RevisionSource, Secret, TokenEncoding};
use crate::domain::{Refusal, RefusalClass, Text};
use crate::engine::http::{NoAnswer, chain};

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

/// Something about a handshake that worked all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub grade: Grade,
    /// A sentence.
    pub what: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Worth knowing.
    Note,
    /// Other clients will fail here.
    Warning,
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
    client: &Client,
    opening: &Opening,
    token: Option<(&Secret, &[TokenOffer])>,
    secrets: &Secrets,
) -> Result<Opened, Box<Refused>> {
    let begun = Instant::now();
    let key = generate_key();
    let attempt = attempt(client, opening, token, secrets, &key).await;
    attempt
        .map(|opened| Opened { took: begun.elapsed(), ..opened })
        .map_err(|(phase, cause, refusal)| Box::new(Refused { phase, cause, refusal, took: begun.elapsed() }))
}

async fn attempt(
    client: &Client,
    opening: &Opening,
    token: Option<(&Secret, &[TokenOffer])>,
    secrets: &Secrets,
    key: &str,
) -> Result<Opened, (Phase, Cause, Refusal)> {
    let (url, headers, offered) = request(opening, token, key).map_err(|what| {
        let refusal = without_status(RefusalClass::Protocol, secrets.shown(&what), CORRECT_IT.into());
        (Phase::Request, Cause::Unusable, refusal)
    })?;
    let response = answered(client.get(url.clone()).headers(headers), &url, opening, secrets).await?;

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
        .max_write_buffer_size(1 << 20)
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

/// Sends a request and waits for the head of its answer.
async fn answered(
    request: RequestBuilder,
    url: &Url,
    opening: &Opening,
    secrets: &Secrets,
) -> Result<Response, (Phase, Cause, Refusal)> {
    match timeout(opening.deadlines.answer, request.send()).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => {
            let phase = if error.is_connect() { Phase::Connect } else { Phase::Answer };
            let (cause, class, advice) = without_answer(NoAnswer::of(&error), url);
            Err((phase, cause, without_status(class, secrets.shown(&chain(&error)), advice)))
        }
        Err(_) => {
            let why = format!("no answer within {} s", opening.deadlines.answer.as_secs_f32());
            let advice = "see whether the service is starting, or hangs; something in between may hold the request";
            Err((Phase::Answer, Cause::Timeout, without_status(RefusalClass::Environment, why, advice.into())))
        }
    }
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

const CORRECT_IT: &str = "correct the stream's configuration";

/// A refusal that no HTTP answer came with.
fn without_status(class: RefusalClass, why: String, advice: String) -> Refusal {
    Refusal { status: None, why: why.into(), headers: Vec::new(), body: "".into(), class, advice: advice.into() }
}

type Request = (Url, HeaderMap, Vec<String>);

/// The request: its address, its headers and the subprotocols it offers. The error says what cannot be sent.
fn request(opening: &Opening, token: Option<(&Secret, &[TokenOffer])>, key: &str) -> Result<Request, String> {
    let spelled = match opening.url.split_once("://") {
        Some(("ws" | "http", rest)) => format!("http://{rest}"),
        Some(("wss" | "https", rest)) => format!("https://{rest}"),
        _ => {
            return Err(format!("open {}: the address of a stream begins with ws:// or wss://", opening.url));
        }
    };
    let mut url: Url = spelled.parse().map_err(|error| format!("open {}: {error}", opening.url))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &opening.headers {
        let name: HeaderName = name.parse().map_err(|_| format!("send the header {name:?}: that is no header name"))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| format!("send the header {name}: its value has odd characters"))?;
        headers.insert(name, value);
    }
    let mut offered = opening.subprotocols.clone();
    for offer in token.iter().flat_map(|(_, offers)| offers.iter()) {
        let token = token.map_or("", |(secret, _)| secret.reveal());
        match offer {
            TokenOffer::Bearer => drop(headers.insert("authorization", carrying("Bearer", token)?)),
            TokenOffer::Header { name, scheme } => {
                let header: HeaderName = name.parse().map_err(|_| format!("send the token in the header {name:?}"))?;
                headers.insert(header, carrying(scheme, token)?);
            }
            TokenOffer::Query(name) => drop(url.query_pairs_mut().append_pair(name, token)),
            TokenOffer::Subprotocol => offered.push(format!("jwt.{}", in_base64(token))),
            TokenOffer::Prefixed { prefix, encoding: TokenEncoding::Base64url } => {
                offered.push(format!("{prefix}{}", in_base64(token)));
            }
            TokenOffer::Prefixed { prefix, encoding: TokenEncoding::Plain } => offered.push(format!("{prefix}{token}")),
        }
    }
    headers.insert("connection", HeaderValue::from_static("Upgrade"));
    headers.insert("upgrade", HeaderValue::from_static("websocket"));
    headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
    headers.insert("sec-websocket-key", HeaderValue::from_str(key).map_err(|_| "make a handshake key".to_string())?);
    if !offered.is_empty() {
        let list = HeaderValue::from_str(&offered.join(", "))
            .map_err(|_| "offer the subprotocols: odd characters".to_string())?;
        headers.insert("sec-websocket-protocol", list);
    }
    Ok((url, headers, offered))
}

/// A header's value with a token in it.
fn carrying(scheme: &str, token: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(format!("{scheme} {token}").trim())
        .map_err(|_| "send the token: it has characters that no header can hold".to_string())?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a request without an answer means.
fn without_answer(no_answer: NoAnswer, url: &Url) -> (Cause, RefusalClass, String) {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    match no_answer {
        NoAnswer::Name => {
            (Cause::Unreachable, RefusalClass::Environment, format!("check the name {host}: nobody knows it"))
        }
        NoAnswer::Unreachable => {
            (Cause::Unreachable, RefusalClass::Environment, format!("see whether anything listens on {host}:{port}"))
        }
        NoAnswer::Timeout => {
            (Cause::Timeout, RefusalClass::Environment, format!("see whether {host}:{port} can be reached from here"))
        }
        NoAnswer::Certificate => (
            Cause::Certificate,
            RefusalClass::Environment,
            format!(
                "see whether the certificate of {host} is for that name and in date; trust a private one by `extra_ca`"
            ),
        ),
        NoAnswer::Tls => (
            Cause::Certificate,
            RefusalClass::Protocol,
            format!("see whether {host}:{port} speaks TLS: use ws:// if it does not"),
        ),
        NoAnswer::Broken => (
            Cause::Unreachable,
            RefusalClass::Environment,
            "see the log of the service: it hung up, or sent something that is no HTTP".into(),
        ),
        NoAnswer::Request => (Cause::Unusable, RefusalClass::Protocol, CORRECT_IT.into()),
    }
}

/// Reads all there is to know about a no.
async fn refused(mut response: Response, opening: &Opening, secrets: &Secrets) -> (Cause, Refusal) {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let mut body = Vec::new();
    let unfinished = timeout(opening.deadlines.body, async {
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > BODY_LIMIT => {
                    body.extend_from_slice(&chunk[..BODY_LIMIT - body.len()]);
                    return "\n… (there is more)";
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return "",
                Err(_) => return "\n… (the connection broke here)",
            }
        }
    })
    .await
    .unwrap_or("\n… (the rest did not come in time)");
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(|text| secrets.shown(text));
    let retry_after = header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    let (class, advice) = advice(status, header("location"));
    let reason = response.status().canonical_reason().unwrap_or_default();
    let refusal = Refusal {
        status: Some(status),
        why: format!("the server answered {status} {reason}").trim_end().into(),
        headers: shown_headers(&headers, secrets),
        body: (secrets.shown(&String::from_utf8_lossy(&body)) + unfinished).into(),
        class,
        advice: advice.into(),
    };
    (Cause::Status { status, retry_after }, refusal)
}

fn advice(status: u16, location: Option<String>) -> (RefusalClass, String) {
    let (class, what_to_do) = match status {
        300..=399 => {
            let place = location.unwrap_or_else(|| "an address that it does not name".into());
            return (
                RefusalClass::Redirect,
                format!("it sends us to {place}: use that address, or a token where it is a login page"),
            );
        }
        401 => (RefusalClass::Authentication, "check the token: it is missing, expired, or from another issuer"),
        403 => (
            RefusalClass::Authentication,
            "check the token first, then the log of the service: some also answer 403 while they start",
        ),
        404 | 410 => (RefusalClass::NotFound, "check host and path of the stream: nothing lives there"),
        407 => (RefusalClass::Authentication, "give the proxy its user and password in the proxy variable"),
        408 => (RefusalClass::Environment, "see whether something between here and the service is slow"),
        429 => (RefusalClass::Environment, "wait: there are too many connections or requests"),
        500 => (RefusalClass::Environment, "see the log of the service: it failed before it accepted"),
        502..=504 => {
            (RefusalClass::Environment, "see the health of the service: it is down, starting, or being replaced")
        }
        501.. => (RefusalClass::Environment, "see the log of the service"),
        200..=299 => (RefusalClass::Protocol, "check the path: what answers there is an ordinary page"),
        _ => (RefusalClass::Protocol, "check the path and what stands between: this was not taken for a WebSocket"),
    };
    (class, what_to_do.into())
}

/// Looks at a yes. The error is the one thing that cannot be overlooked: an answer to somebody else's question.
fn check(headers: &HeaderMap, key: &str, offered: &[String], secrets: &Secrets) -> Result<Vec<Finding>, &'static str> {
    match headers.get("sec-websocket-accept").map(HeaderValue::as_bytes) {
        Some(accept) if accept.trim_ascii() == derive_accept_key(key.as_bytes()).as_bytes() => {}
        Some(_) => return Err("the answer's Sec-WebSocket-Accept does not belong to our key"),
        None => return Err("the answer is 101, but has no Sec-WebSocket-Accept"),
    }
    let mut findings = Vec::new();
    let mut find = |grade, what: String| findings.push(Finding { grade, what });
    if !tokens(headers, "upgrade").any(|token| token.eq_ignore_ascii_case("websocket")) {
        find(Grade::Warning, "the answer has no `Upgrade: websocket`: strict clients refuse it".into());
    }
    if !tokens(headers, "connection").any(|token| token.eq_ignore_ascii_case("upgrade")) {
        find(Grade::Warning, "the answer has no `Connection: Upgrade`: strict clients refuse it".into());
    }
    match chosen(headers) {
        None if offered.is_empty() => {}
        None => {
            let what =
                format!("{} subprotocols offered, none selected: browsers will refuse this connection", offered.len());
            find(Grade::Warning, what);
        }
        Some(chosen) if !offered.iter().any(|offered| offered == chosen) => {
            let what = format!(
                "the server selected the subprotocol {}, which was not offered",
                shown_protocols(chosen, secrets)
            );
            find(Grade::Warning, what);
        }
        Some(chosen) if chosen.starts_with("jwt.") => {
            find(Grade::Note, "the server repeats the token as its subprotocol: it will be in handshake logs".into());
        }
        Some(_) => {}
    }
    if let Some(extensions) = headers.get("sec-websocket-extensions") {
        let named = secrets.shown(&String::from_utf8_lossy(extensions.as_bytes()));
        let what = format!(
            "the server claims the extension {named}, which was not offered: compressed frames will end the connection"
        );
        find(Grade::Warning, what);
    }
    Ok(findings)
}

fn tokens<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(',')).map(str::trim)
}

fn chosen(headers: &HeaderMap) -> Option<&str> {
    headers.get("sec-websocket-protocol")?.to_str().ok().map(str::trim).filter(|chosen| !chosen.is_empty())
}

/// Headers as they may be shown: whole values go where they are secrets by their nature.
fn shown_headers(headers: &HeaderMap, secrets: &Secrets) -> Vec<(Text, Text)> {
    let shown = |(name, value): (&HeaderName, &HeaderValue)| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let text = match name.as_str() {
            "set-cookie" | "cookie" | "authorization" | "proxy-authorization" => MASK.to_string(),
            "sec-websocket-protocol" => shown_protocols(&text, secrets),
            _ => secrets.shown(&text),
        };
        (name.as_str().into(), text.into())
    };
    headers.iter().map(shown).collect()
}

/// Subprotocols, without those that carry a token in whatever spelling.
fn shown_protocols(list: &str, secrets: &Secrets) -> String {
    let shown = |protocol: &str| match protocol.trim() {
        long if long.len() > 32 => {
            format!("{}{MASK}", long.split_once('.').map_or("", |(name, _)| &long[..=name.len()]))
        }
        short => secrets.shown(short),
    };
    list.split(',').map(shown).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_offered_in_every_way_that_is_asked_for() {
        let opening = Opening { subprotocols: vec!["jwt-auth".into()], ..Opening::of("wss://host/ws?a=1") };
        let (secret, offers) = (
            Secret::new("a.b/c"),
            [
                TokenOffer::Bearer,
                TokenOffer::Query("token".into()),
                TokenOffer::Subprotocol,
                TokenOffer::Header { name: "X-Token".into(), scheme: String::new() },
                TokenOffer::Prefixed { prefix: "auth.".into(), encoding: TokenEncoding::Plain },
            ],
        );
        let (url, headers, offered) = request(&opening, Some((&secret, &offers)), "key").expect("can be sent");
        assert_eq!(url.as_str(), "https://host/ws?a=1&token=a.b%2Fc");
        assert_eq!(headers["authorization"], "Bearer a.b/c");
        assert_eq!(headers["sec-websocket-protocol"], "jwt-auth, jwt.YS5iL2M, auth.a.b/c");
        assert_eq!(headers["x-token"], "a.b/c");
        assert_eq!(offered, ["jwt-auth", "jwt.YS5iL2M", "auth.a.b/c"]);
    }

    #[test]
    fn what_cannot_be_sent_is_named() {
        let failed = |opening: Opening| request(&opening, None, "key").expect_err("cannot be sent");
        assert!(failed(Opening::of("ftp://host")).contains("ws:// or wss://"));
        assert!(failed(Opening::of("ws://")).contains("empty host"));
        let header =
            |name: &str, value: &str| Opening { headers: vec![(name.into(), value.into())], ..Opening::of("ws://h") };
        assert!(failed(header("bad name", "x")).contains("no header name"));
        assert!(failed(header("x", "a\nb")).contains("odd characters"));
    }

    #[test]
    fn secrets_do_not_come_back_in_headers() {
        let secrets = Secrets::default();
        secrets.learn("very-secret-token");
        let mut headers = HeaderMap::new();
        headers.insert("set-cookie", HeaderValue::from_static("session=1"));
        headers.insert("location", HeaderValue::from_static("/login?token=very-secret-token"));
        headers.insert(
            "sec-websocket-protocol",
            HeaderValue::from_static("jwt.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, jwt-auth"),
        );
        let shown: Vec<Text> = shown_headers(&headers, &secrets).into_iter().map(|(_, value)| value).collect();
        assert_eq!(
            shown.iter().map(|text| &**text).collect::<Vec<_>>(),
            ["***", "/login?token=***", "jwt.***, jwt-auth"]
        );
    }
}
