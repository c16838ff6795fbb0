//! The links of all streams: one task each, told by effects, heard as events.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::http::Http;
use super::means::Means;
use super::stream::answer::{Framing, Request};
use super::stream::connection::random;
use super::stream::handshake::{Deadlines, Opening};
use super::stream::link::{self, LinkOrder, LinkSettings, Pulse};
use super::stream::secret::Secrets;
use super::stream::token::{self, HeaderSource, Mint, TokenCall, TokenSource, process_variables};
use crate::config::project::{Method, Project, Secret, StreamSpec, TokenSpec, Transport};
use crate::config::template::{Piece, Template};
use crate::domain::{Outgoing, StreamEvent, StreamId};

/// How many orders may wait for a link.
const ORDERS: usize = 16;
/// How many events of a link may wait for the loop; the link merges and then drops what comes on top.
const EVENTS: usize = 16;
/// How long the body of a refusal is waited for.
const BODY: Duration = Duration::from_secs(5);

/// The links of all streams.
#[derive(Debug)]
pub struct Links {
    project: Arc<Project>,
    means: Means,
    orders: HashMap<StreamId, mpsc::Sender<LinkOrder>>,
}

impl Links {
    /// No link yet, for the streams of a project.
    #[must_use]
    pub fn new(project: Arc<Project>, means: Means) -> Self {
        Self { project, means, orders: HashMap::new() }
    }

    /// Connects a stream, anew where it is connected.
    pub fn open(&mut self, id: StreamId, why: &str, http: Option<&Http>) {
        if !self.orders.contains_key(&id) {
            let Some(http) = http else { return };
            self.start(id, http);
        }
        self.tell(id, LinkOrder::Reopen { why: why.into() });
    }

    /// Whether drops are to be expected from now on.
    pub fn expect_drops(&self, id: StreamId, expected: bool) {
        self.tell(id, LinkOrder::ExpectDrop(expected));
    }

    /// Sends the stream's configured start message.
    pub fn start_agent(&self, id: StreamId) {
        if let Some(message) = self.project.streams.get(id.index()).and_then(|spec| spec.start.clone()) {
            self.tell(id, LinkOrder::Send(message));
        }
    }

    /// Sends what a person wrote; variables are put in here, so that no value of theirs enters the journal.
    pub fn send(&self, id: StreamId, what: Outgoing) {
        let order = match what {
            Outgoing::Text(text) => expanded(&text, &self.project.variables).map(LinkOrder::Send),
            other => Ok(LinkOrder::Raw(other)),
        };
        let why = match order.map(|order| self.orders.get(&id).map(|orders| orders.try_send(order))) {
            Ok(Some(Ok(()))) => return,
            Ok(Some(Err(_))) => "it does not keep up with what it is asked".to_owned(),
            Ok(None) => "it was never connected".to_owned(),
            Err(why) => why,
        };
        let event = StreamEvent::NotSent { stream: id, why: why.into() };
        let _ = self.means.outbox.try_send(vec![event.into()]);
    }

    /// Ends all links.
    pub fn close(&mut self) {
        self.orders.clear();
    }

    fn tell(&self, id: StreamId, order: LinkOrder) {
        if let Some(orders) = self.orders.get(&id) {
            let _ = orders.try_send(order);
        }
    }

    fn start(&mut self, id: StreamId, http: &Http) {
        let Some(spec) = self.project.streams.get(id.index()) else { return };
        let (orders, receiver) = mpsc::channel(ORDERS);
        let (events, mut reports) = mpsc::channel::<StreamEvent>(EVENTS);
        self.orders.insert(id, orders);
        let masks = self.means.masks.clone();
        let means = token::Means {
            http: http.clone(),
            variables: process_variables(),
            secrets: Secrets::new(move |value| masks.learn(value)),
        };
        for secret in &self.project.secrets {
            means.secrets.learn(secret.reveal());
        }
        let clock = self.means.clock;
        tokio::spawn(link::run(
            settings(id, spec, self.project.limits.message_bytes),
            means,
            Arc::new(move || clock.now()),
            receiver,
            events,
        ));
        let outbox = self.means.outbox.clone();
        tokio::spawn(async move {
            while let Some(event) = reports.recv().await {
                if outbox.send(vec![event.into()]).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// A text with the project's variables put in, and those that differ each time.
fn expanded(text: &str, variables: &BTreeMap<String, Secret>) -> Result<String, String> {
    let template = Template::from(text);
    let mut expanded = String::new();
    for piece in template.pieces()? {
        match piece {
            Piece::Literal(literal) => expanded.push_str(literal),
            Piece::Variable(name) => match (variables.get(name), name) {
                (Some(value), _) => expanded.push_str(value.reveal()),
                (None, "random") => expanded.push_str(&format!("{:016x}", random())),
                (None, "now") => expanded.push_str(&jiff::Timestamp::now().to_string()),
                (None, _) => return Err(format!("there is no variable `{name}`; write $${{ for a literal one")),
            },
        }
    }
    Ok(expanded)
}

fn settings(stream: StreamId, spec: &StreamSpec, max_message: usize) -> LinkSettings {
    LinkSettings {
        stream,
        opening: opening(spec, max_message),
        request: request(spec),
        language: spec.language.clone(),
        token: spec.token.as_ref().map(|token| (source(token), spec.offers.iter().map(Into::into).collect())),
        keep_open: spec.keep_open,
        close_codes: spec.close_codes.clone(),
        pulse: Pulse { ping_every: spec.ping_interval, silent_for: spec.ping_interval * 2 },
        rotate_before: spec.rotate_before,
        resume: spec.resume.clone(),
    }
}

/// What is asked where a stream is an answer over HTTP.
fn request(spec: &StreamSpec) -> Option<Request> {
    let framing = match spec.transport {
        Transport::Websocket => return None,
        Transport::Sse => Framing::Sse,
        Transport::Ndjson => Framing::Lines,
    };
    let method = match spec.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
    };
    Some(Request { framing, method, body: spec.body.clone() })
}

/// How a stream is opened.
pub(super) fn opening(spec: &StreamSpec, max_message: usize) -> Opening {
    Opening {
        url: spec.url.clone(),
        headers: spec.headers.iter().map(|h| (h.name.clone(), h.value.reveal().to_owned())).collect(),
        subprotocols: spec.subprotocols.clone(),
        deadlines: Deadlines { answer: spec.open_timeout, body: BODY },
        max_message,
        revision: spec.revision.clone(),
    }
}

/// Where a token comes from.
pub(super) fn source(spec: &TokenSpec) -> TokenSource {
    match spec {
        TokenSpec::Variable { name, .. } => TokenSource::Variable(name.clone()),
        TokenSpec::File(path) => TokenSource::File(path.into()),
        TokenSpec::Command(command) => TokenSource::Command { argv: command.argv.clone(), deadline: token::DEADLINE },
        TokenSpec::Http(call) => TokenSource::Http(TokenCall {
            method: match call.method {
                Method::Get => "GET",
                Method::Post => "POST",
                Method::Put => "PUT",
            }
            .to_owned(),
            url: call.url.clone(),
            headers: call
                .headers
                .iter()
                .map(|header| (header.name.clone(), HeaderSource::Text(header.value.reveal().to_owned())))
                .collect(),
            body: call.body.clone(),
            pointer: call.pointer.clone(),
            deadline: call.timeout,
        }),
        TokenSpec::Jwt(mint) => TokenSource::Mint(Mint {
            variable: mint.variable.clone(),
            claims: mint.claims.clone(),
            lifetime: mint.lifetime,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in_when_a_message_goes_out() {
        let variables = BTreeMap::from([("user".to_owned(), Secret::new("u-7"))]);
        let sent = |text: &str| expanded(text, &variables);
        assert_eq!(sent(r#"{"user":"${user}","$${x}":1}"#), Ok(r#"{"user":"u-7","${x}":1}"#.to_owned()));
        assert_eq!(sent("${random}").map(|text| text.len()), Ok(16));
        assert!(sent("${now}").is_ok_and(|text| text.ends_with('Z')));
        assert!(sent("${other}").is_err_and(|why| why.contains("no variable `other`")));
        assert!(sent("${").is_err());
    }
}
