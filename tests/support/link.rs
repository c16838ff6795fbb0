//! A link under test: told by orders, heard as words.

use std::sync::Arc;
use std::time::Duration;

use liveloop::config::mapping::Language;
use liveloop::domain::{Moment, StreamEvent, StreamId};
use liveloop::engine::http::{Http, HttpSettings};
use liveloop::engine::stream::handshake::{Deadlines, Opening};
use liveloop::engine::stream::link::{LinkOrder, LinkSettings, Pulse, run};
use liveloop::engine::stream::secret::Secrets;
use liveloop::engine::stream::token::Means;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

/// Nothing may take longer, on however slow a machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A stream at `url` with nothing special about it.
pub(crate) fn settings(url: &str) -> LinkSettings {
    let deadlines = Deadlines { answer: PATIENCE, body: PATIENCE };
    LinkSettings {
        stream: StreamId(0),
        opening: Opening { deadlines, ..Opening::of(url) },
        request: None,
        language: Language::default(),
        token: None,
        keep_open: false,
        close_codes: Vec::new(),
        pulse: Pulse { ping_every: PATIENCE, silent_for: PATIENCE },
        rotate_before: None,
        resume: None,
    }
}

/// A running link.
pub(crate) struct Link {
    orders: Sender<LinkOrder>,
    events: Receiver<StreamEvent>,
}

impl Link {
    /// A link that connects at once.
    pub(crate) async fn open(settings: LinkSettings, http: &HttpSettings) -> Self {
        let (orders, orders_in) = channel(8);
        let (events_out, events) = channel(64);
        let http = Http::new(http).expect("a client");
        let variables = Arc::new(|name: &str| (name == "JWT_SECRET").then(|| "a-secret-for-this-test".to_owned()));
        let means = Means { http, variables, secrets: Secrets::default() };
        tokio::spawn(run(settings, means, Arc::new(|| Moment(42)), orders_in, events_out));
        let link = Self { orders, events };
        link.order(LinkOrder::Open).await;
        link
    }

    pub(crate) async fn order(&self, order: LinkOrder) {
        self.orders.send(order).await.expect("the link listens");
    }

    pub(crate) async fn event(&mut self) -> StreamEvent {
        timeout(PATIENCE, self.events.recv()).await.expect("in time").expect("the link lives")
    }

    /// What is told, a word or two each, until one begins with `last`. Round trips are left out.
    pub(crate) async fn told_until(&mut self, last: &str) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        while !lines.last().is_some_and(|line| line.starts_with(last)) {
            lines.extend(word(self.event().await));
        }
        lines
    }
}

fn word(event: StreamEvent) -> Option<String> {
    Some(match event {
        StreamEvent::Connecting { .. } => "connecting".into(),
        StreamEvent::Reached { stage, .. } => format!("reached {}", stage.word()),
        StreamEvent::Opened { findings, .. } if findings.is_empty() => "opened".into(),
        StreamEvent::Opened { findings, .. } => format!("opened, {}", findings.join("; ")),
        StreamEvent::Refused { refusal, .. } => format!("refused {:?} {}", refusal.class, refusal.why),
        StreamEvent::Received { events, .. } => {
            let lines = events.iter().map(|event| format!("{} {}", event.kind.word(), event.text));
            lines.collect::<Vec<_>>().join("; ")
        }
        StreamEvent::Measured { .. } | StreamEvent::PingsLost { .. } => return None,
        StreamEvent::Closed { code, reason, .. } => format!("closed {} {reason}", code.unwrap_or_default()),
        StreamEvent::Waiting { why, .. } => format!("waiting {why}"),
        StreamEvent::Stopped { why, .. } => format!("stopped {why}"),
        StreamEvent::Overflowed { dropped, .. } => format!("overflowed {dropped}"),
        StreamEvent::TokenObtained { .. } => "token".into(),
        StreamEvent::Sent { text, .. } => format!("sent {text}"),
        StreamEvent::NotSent { why, .. } => format!("not sent {why}"),
        StreamEvent::RevisionSeen { revision, .. } => format!("revision {revision}"),
    })
}
