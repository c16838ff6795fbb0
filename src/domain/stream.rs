//! Streams: the connections to sources of agent events, and why they are not there when they are not.

use serde::{Deserialize, Serialize};

use super::event::StreamEvent;
use super::project::StreamSpec;
use super::{Epoch, Gaps, Moment, Ring, Span, Stage, StreamId, Text};

/// How many round trips are kept for each stream.
const ROUND_TRIPS_KEPT: usize = 60;

/// How a connection stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// Not asked for yet.
    #[default]
    Idle,
    /// A handshake is under way.
    Connecting,
    /// Frames can come.
    Open,
    /// Between two tries.
    Waiting {
        /// When the next try begins.
        until: Moment,
        /// Why the last one ended.
        why: Text,
    },
    /// No further try without a person, a deploy or a new token.
    Stopped {
        /// Why.
        why: Text,
        /// What to do about it.
        advice: Text,
    },
}

/// What kind of refusal an opening handshake met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalClass {
    /// The environment is not there: 5xx, refused, DNS, time-outs.
    Environment,
    /// The token is missing, wrong or expired.
    Authentication,
    /// The path or host is wrong.
    NotFound,
    /// It answered, but not as a WebSocket server does.
    Protocol,
    /// It sends us elsewhere, often to a login page.
    Redirect,
}

impl RefusalClass {
    /// The word by which people know it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Authentication => "authentication",
            Self::NotFound => "not found",
            Self::Protocol => "protocol",
            Self::Redirect => "redirect",
        }
    }
}

/// The answer to an opening handshake that was refused. Secrets are masked, text is sanitized.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// The HTTP status, where an answer came at all.
    pub status: Option<u16>,
    /// What went wrong, in a sentence.
    pub why: Text,
    /// What was asked: the request's line, then its headers, the token masked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent: Vec<(Text, Text)>,
    /// The answer's headers.
    pub headers: Vec<(Text, Text)>,
    /// The answer's body, cut at a bound.
    pub body: Text,
    /// What kind of refusal it is.
    pub class: RefusalClass,
    /// What to do about it.
    pub advice: Text,
}

/// A connection to a source of agent events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// How it is configured.
    pub spec: StreamSpec,
    /// How it stands.
    pub link: Link,
    /// Since when it stands so.
    pub since: Moment,
    /// How many handshakes were tried since the link was last open.
    pub tries: u32,
    /// How often it was opened.
    pub opened: u32,
    /// The stages that the latest attempt reached, and how long each took by itself.
    #[serde(default)]
    pub reached: Vec<(Stage, Span)>,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<Text>,
    /// What is unusual about the server, though it works.
    pub findings: Vec<Text>,
    /// The latest refusal, until the link opens.
    pub refusal: Option<std::sync::Arc<Refusal>>,
    /// How the last connection closed: code, where one came, and reason.
    pub closed: Option<(Option<u16>, Text)>,
    /// Round trips of our own pings.
    pub round_trips: Ring<Span>,
    /// Pings that never came back.
    #[serde(default)]
    pub pings_lost: u32,
    /// When the latest ping came back: who is silent is not dead for that.
    #[serde(default)]
    pub last_pong: Option<Moment>,
    /// Messages received.
    pub received: u64,
    /// Messages that were dropped because they came too fast.
    pub dropped: u64,
    /// When the latest message came.
    pub last_message: Option<Moment>,
    /// Messages by second, for a sparkline: the second, and the count.
    pub rate: Ring<(u64, u32)>,
    /// When the token expires, where that can be read.
    pub token_expires: Option<Moment>,
    /// The revision that it said it talks to, where it says so.
    #[serde(default)]
    pub revision: Option<Text>,
    /// The period in which the connection was opened.
    #[serde(default)]
    pub epoch: Epoch,
    /// Whether there is a token at all.
    #[serde(default)]
    pub has_token: bool,
    /// When the connection will be replaced at the latest, where that is planned.
    #[serde(default)]
    pub rotates: Option<Moment>,
    /// The times in which nobody listened.
    #[serde(default)]
    pub gaps: Gaps,
    /// Until when open agent runs are waited for before the connection is opened anew, where what serves has changed.
    #[serde(default)]
    pub reopens_by: Option<Moment>,
}

/// What happened to a link that others must know.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum StreamFact {
    /// Nothing that concerns others.
    Nothing,
    /// It opened.
    Opened,
    /// It was open and is not any longer.
    Ended {
        /// Whether that was to be expected.
        expected: bool,
    },
    /// It will not try again by itself.
    Stopped,
}

/// All streams.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Streams {
    list: Vec<Stream>,
}

impl Streams {
    pub(super) fn new(specs: &[StreamSpec], at: Moment) -> Self {
        let stream = |spec: &StreamSpec| Stream {
            spec: spec.clone(),
            link: Link::Idle,
            since: at,
            tries: 0,
            opened: 0,
            reached: Vec::new(),
            subprotocol: None,
            findings: Vec::new(),
            refusal: None,
            closed: None,
            round_trips: Ring::new(ROUND_TRIPS_KEPT),
            pings_lost: 0,
            last_pong: None,
            received: 0,
            dropped: 0,
            last_message: None,
            rate: Ring::new(60),
            token_expires: None,
            revision: None,
            epoch: 0,
            has_token: false,
            rotates: None,
            gaps: Gaps::default(),
            reopens_by: None,
        };
        Self { list: specs.iter().map(stream).collect() }
    }

    /// All streams with their identities.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (StreamId, &Stream)> {
        self.list.iter().enumerate().map(|(n, stream)| (StreamId(n as u32), stream))
    }

    /// One stream.
    #[must_use]
    pub fn get(&self, id: StreamId) -> Option<&Stream> {
        self.list.get(id.index())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A connection was opened in that period.
    pub(super) fn stamp(&mut self, id: StreamId, epoch: Epoch) {
        if let Some(stream) = self.list.get_mut(id.index()) {
            stream.epoch = epoch;
        }
    }

    /// The connection is to be opened anew, by then at the latest; or no longer.
    pub(super) fn plan_reopening(&mut self, id: StreamId, by: Option<Moment>) {
        if let Some(stream) = self.list.get_mut(id.index()) {
            stream.reopens_by = by;
        }
    }

    pub(super) fn apply(&mut self, id: StreamId, event: &StreamEvent, at: Moment) -> StreamFact {
        let Some(stream) = self.list.get_mut(id.index()) else { return StreamFact::Nothing };
        match event {
            StreamEvent::Connecting { .. } => {
                stream.tries += 1;
                stream.reached.clear();
                stream.become_link(Link::Connecting, at);
            }
            StreamEvent::Reached { stage, took, .. } => stream.reach(*stage, *took),
            StreamEvent::Opened { took, subprotocol, findings, lasts, .. } => {
                let before: u64 = stream.reached.iter().map(|(_, took)| took.0).sum();
                stream.reach(Stage::Open, Span(took.0.saturating_sub(before)));
                stream.gaps.reopen(at);
                stream.rotates = lasts.map(|lasts| at.after(lasts));
                stream.last_pong = None;
                stream.tries = 0;
                stream.opened += 1;
                stream.subprotocol.clone_from(subprotocol);
                stream.findings.clone_from(findings);
                stream.refusal = None;
                stream.revision = None;
                stream.become_link(Link::Open, at);
                return StreamFact::Opened;
            }
            StreamEvent::RevisionSeen { revision, .. } => stream.revision = Some(revision.clone()),
            StreamEvent::Refused { refusal, .. } => stream.refusal = Some(refusal.clone()),
            StreamEvent::Received { events, .. } => {
                stream.count(events.len() as u32, at);
                events.iter().for_each(|event| stream.gaps.receive(event));
            }
            StreamEvent::Measured { round_trip, .. } => {
                stream.round_trips.push(*round_trip);
                stream.last_pong = Some(at);
            }
            StreamEvent::PingsLost { lost, .. } => stream.pings_lost = stream.pings_lost.saturating_add(*lost),
            StreamEvent::Closed { code, reason, expected, .. } => {
                stream.closed = Some((*code, reason.clone()));
                stream.rotates = None;
                if stream.link == Link::Open {
                    stream.gaps.lose(at, *expected);
                }
                stream.become_link(Link::Idle, at);
                return StreamFact::Ended { expected: *expected };
            }
            StreamEvent::Waiting { delay, why, .. } => {
                stream.become_link(Link::Waiting { until: at.after(*delay), why: why.clone() }, at);
            }
            StreamEvent::Stopped { why, advice, .. } => {
                stream.become_link(Link::Stopped { why: why.clone(), advice: advice.clone() }, at);
                return StreamFact::Stopped;
            }
            StreamEvent::Overflowed { dropped, .. } => stream.dropped += dropped,
            StreamEvent::TokenObtained { expires, .. } => {
                (stream.has_token, stream.token_expires) = (true, *expires);
            }
            StreamEvent::Sent { .. } | StreamEvent::NotSent { .. } => {}
        }
        StreamFact::Nothing
    }
}

impl Stream {
    /// How long pings have gone unanswered that should have been answered by now, and in how long the connection is given
    /// up for that: after two intervals without a byte, or with two pings unanswered when the third is due. Nothing where
    /// it has a pulse, or none is taken.
    #[must_use]
    pub fn staleness(&self, now: Moment) -> Option<(Span, Span)> {
        let every = self.spec.ping_interval.0;
        let pong = self.last_pong.unwrap_or(self.since).max(self.since);
        let byte = self.last_message.unwrap_or(pong).max(pong);
        let (without, unheard) = (now.since(pong), now.since(byte));
        let is_late = self.link == Link::Open && every > 0 && without.0 > every + every / 4;
        let left = (every * 3).saturating_sub(without.0).min((every * 2).saturating_sub(unheard.0));
        is_late.then_some((without, Span(left)))
    }

    fn become_link(&mut self, link: Link, at: Moment) {
        self.link = link;
        self.since = at;
    }

    /// An attempt reaches each stage once.
    fn reach(&mut self, stage: Stage, took: Span) {
        if self.reached.iter().all(|(reached, _)| *reached < stage) {
            self.reached.push((stage, took));
        }
    }

    /// The round trip that this share of the pings kept did not exceed, in per cent; none before the first.
    #[must_use]
    pub fn round_trip(&self, percent: usize) -> Option<Span> {
        let mut trips: Vec<Span> = self.round_trips.iter().copied().collect();
        trips.sort_unstable();
        trips.get((trips.len() * percent / 100).min(trips.len().saturating_sub(1))).copied()
    }

    fn count(&mut self, messages: u32, at: Moment) {
        self.received += u64::from(messages);
        self.last_message = Some(at);
        let second = at.0 / 1_000_000;
        match self.rate.last_mut() {
            Some((last, count)) if *last == second => *count += messages,
            _ => self.rate.push((second, messages)),
        }
    }
}
