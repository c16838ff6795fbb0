//! A stream over plain HTTP: one request, and an answer that goes on for as long as there is something to say, as
//! server-sent events or a message a line.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response};
use tokio::time::{Instant, timeout};

use super::handshake::{Opening, Refused, ask};
use super::secret::Secrets;
use super::token::TokenOffer;
use super::witness;
use crate::adapters::sse::{SseEvent, SseReader};
use crate::config::project::Secret;
use crate::domain::Text;

/// An answer that says nothing for so long is taken for dead. Models think for minutes, so this is long.
pub(super) const SILENCE: Duration = Duration::from_secs(5 * 60);

/// How messages stand in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// As server-sent events.
    Sse,
    /// As JSON, one message a line.
    Lines,
}

/// A request whose answer is a stream.
#[derive(Clone, Debug)]
pub struct Request {
    /// How messages stand in its answer.
    pub framing: Framing,
    /// The method; a POST is never asked again by itself, since it may start something.
    pub method: Method,
    /// What is sent.
    pub body: Option<String>,
}

impl Request {
    /// Whether asking again does no harm.
    pub(super) fn is_repeatable(&self) -> bool {
        self.method == Method::GET
    }
}

/// An answer under way.
pub(super) struct Answer {
    response: Response,
    reader: Pieces,
    /// Messages that came, with the transport's names for them.
    pub(super) heard: Vec<SseEvent>,
    /// What is unusual about it.
    pub(super) finding: Option<String>,
    /// The revision that answers, where a header says so.
    pub(super) revision: Option<Text>,
    /// From the first packet to its head.
    pub(super) took: Duration,
}

/// What came of listening.
pub(super) enum Heard {
    /// Messages, perhaps.
    More,
    /// The answer is complete.
    Complete,
    /// It broke.
    Broken(String),
    /// It said nothing for too long.
    Silent,
}

impl Answer {
    /// Asks; `last_id` is where an answer before this one ended.
    pub(super) async fn open(
        client: &Client,
        opening: &Opening,
        request: &Request,
        token: Option<(&Secret, &[TokenOffer])>,
        last_id: Option<&str>,
        secrets: &Secrets,
    ) -> Result<Self, Box<Refused>> {
        let begun = Instant::now();
        let mut own = HeaderMap::new();
        let (accept, expected) = match request.framing {
            Framing::Sse => ("text/event-stream", "text/event-stream"),
            Framing::Lines => ("application/x-ndjson, application/jsonl, application/json", "json"),
        };
        own.insert(ACCEPT, HeaderValue::from_static(accept));
        if request.body.is_some() {
            own.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(id) = last_id.and_then(|id| HeaderValue::from_str(id).ok()) {
            own.insert(HeaderName::from_static("last-event-id"), id);
        }
        let response = ask(client, opening, request, own, token, secrets).await?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("no type");
        let is_expected = kind.contains(expected);
        let finding = (!is_expected).then(|| format!("the answer's content type is {}", secrets.shown(kind)));
        let reader = match request.framing {
            Framing::Sse => Pieces::Sse(SseReader::new(opening.max_message)),
            Framing::Lines => Pieces::Lines(Lines::new(opening.max_message)),
        };
        let revision = witness::in_headers(opening, response.headers(), secrets);
        Ok(Self { response, reader, heard: Vec::new(), finding, revision, took: begun.elapsed() })
    }

    /// Reads the next piece. Nothing is lost when this is given up.
    pub(super) async fn hear(&mut self) -> Heard {
        match timeout(SILENCE, self.response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                self.reader.push(&bytes, &mut self.heard);
                Heard::More
            }
            Ok(Ok(None)) => {
                self.reader.end(&mut self.heard);
                Heard::Complete
            }
            Ok(Err(error)) => Heard::Broken(crate::engine::http::chain(&error)),
            Err(_) => Heard::Silent,
        }
    }

    /// Messages that were too long, since this was last asked.
    pub(super) fn take_dropped(&mut self, seen: &mut u64) -> u64 {
        let dropped = match &self.reader {
            Pieces::Sse(reader) => reader.dropped(),
            Pieces::Lines(lines) => lines.dropped,
        };
        dropped - std::mem::replace(seen, dropped)
    }

    /// By which id a new answer goes on where this one ended.
    pub(super) fn last_id(&self) -> Option<&str> {
        match &self.reader {
            Pieces::Sse(reader) => reader.last_id(),
            Pieces::Lines(_) => None,
        }
    }

    /// How long the server wants us to wait before we ask again.
    pub(super) fn retry(&self) -> Option<Duration> {
        match &self.reader {
            Pieces::Sse(reader) => reader.retry_ms().map(Duration::from_millis),
            Pieces::Lines(_) => None,
        }
    }
}

enum Pieces {
    Sse(SseReader),
    Lines(Lines),
}

impl Pieces {
    fn push(&mut self, bytes: &[u8], heard: &mut Vec<SseEvent>) {
        match self {
            Self::Sse(reader) => reader.push(bytes, heard),
            Self::Lines(lines) => lines.push(bytes, heard),
        }
    }

    /// The last line needs no end; an event without its blank line is incomplete and does not count.
    fn end(&mut self, heard: &mut Vec<SseEvent>) {
        if let Self::Lines(lines) = self {
            lines.push(b"\n", heard);
        }
    }
}

/// Messages, one a line; what is longer than the limit is left out and counted.
struct Lines {
    limit: usize,
    line: Vec<u8>,
    is_too_long: bool,
    dropped: u64,
}

impl Lines {
    fn new(limit: usize) -> Self {
        Self { limit, line: Vec::new(), is_too_long: false, dropped: 0 }
    }

    fn push(&mut self, bytes: &[u8], heard: &mut Vec<SseEvent>) {
        for &byte in bytes {
            match byte {
                b'\n' => self.end_line(heard),
                _ if self.line.len() >= self.limit => self.is_too_long = true,
                _ => self.line.push(byte),
            }
        }
    }

    fn end_line(&mut self, heard: &mut Vec<SseEvent>) {
        if std::mem::take(&mut self.is_too_long) {
            self.dropped += 1;
        } else {
            let line = String::from_utf8_lossy(&self.line);
            if !line.trim().is_empty() {
                heard.push(SseEvent { event: None, data: line.trim().to_owned() });
            }
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_in_any_pieces_and_the_last_needs_no_end() {
        for size in [1, 3, 100] {
            let (mut pieces, mut heard) = (Pieces::Lines(Lines::new(10)), Vec::new());
            let text = format!("{{\"a\":1}}\r\n\n{}\n{{}}", "x".repeat(50));
            text.as_bytes().chunks(size).for_each(|piece| pieces.push(piece, &mut heard));
            pieces.end(&mut heard);
            assert_eq!(heard.iter().map(|one| one.data.as_str()).collect::<Vec<_>>(), ["{\"a\":1}", "{}"]);
        }
    }
}
