//! What a link has to say, on its way to the engine: merged, bounded, and honest about what it left out.
//!
//! A server can send faster than anybody reads. The reader never waits for the engine; messages wait here, at most
//! [`HELD`] of them, and the oldest go first. News of the connection itself is never dropped for the sake of messages.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep_until};

use crate::domain::{AgentEvent, StreamEvent, StreamId};

/// How many messages go out in one event.
pub(super) const BATCH: usize = 256;
/// How long a batch may wait for company. The first message after a pause does not wait at all.
const BATCH_EVERY: Duration = Duration::from_millis(16);
/// How many messages wait for a slow engine.
pub(super) const HELD: usize = 8 * 1024;
/// How much other news waits; who is that far behind needs only the latest.
const NEWS_HELD: usize = 256;

/// The engine is gone: there is nobody to tell anything.
#[derive(Debug)]
pub(super) struct Gone;

pub(super) struct Outbox {
    stream: StreamId,
    to: Sender<StreamEvent>,
    queue: VecDeque<StreamEvent>,
    messages: usize,
    last_sent: Option<Instant>,
}

impl Outbox {
    pub(super) fn new(stream: StreamId, to: Sender<StreamEvent>) -> Self {
        Self { stream, to, queue: VecDeque::new(), messages: 0, last_sent: None }
    }

    /// Adds news of the connection.
    pub(super) fn push(&mut self, event: StreamEvent) {
        let is_news = |event: &StreamEvent| !matches!(event, StreamEvent::Received { .. });
        if self.queue.iter().filter(|event| is_news(event)).count() >= NEWS_HELD
            && let Some(oldest) = self.queue.iter().position(is_news)
        {
            self.queue.remove(oldest);
        }
        self.queue.push_back(event);
    }

    /// Adds messages and leaves `events` empty.
    pub(super) fn push_messages(&mut self, events: &mut Vec<AgentEvent>) {
        self.messages += events.len();
        let mut events = events.drain(..).peekable();
        while events.peek().is_some() {
            match self.queue.back_mut() {
                Some(StreamEvent::Received { events: batch, .. }) if batch.len() < BATCH => {
                    let room = BATCH - batch.len();
                    batch.extend(events.by_ref().take(room));
                }
                _ => self.queue.push_back(StreamEvent::Received { stream: self.stream, events: Vec::new() }),
            }
        }
        drop(events);
        while self.messages > HELD {
            self.drop_oldest();
        }
    }

    /// Waits until something is due and the engine has room, and hands it over. Nothing is lost when this is given up
    /// half way.
    pub(super) async fn deliver(&mut self) -> Result<(), Gone> {
        match self.queue.front() {
            None => pending().await,
            Some(StreamEvent::Received { events, .. }) if self.queue.len() == 1 && events.len() < BATCH => {
                if let Some(last) = self.last_sent {
                    sleep_until(last + BATCH_EVERY).await;
                }
            }
            Some(_) => {}
        }
        let place = self.to.reserve().await.map_err(|_| Gone)?;
        if let Some(event) = self.queue.pop_front() {
            if let StreamEvent::Received { events, .. } = &event {
                self.messages -= events.len();
            }
            self.last_sent = Some(Instant::now());
            place.send(event);
        }
        Ok(())
    }

    /// Replaces the oldest batch by its count.
    fn drop_oldest(&mut self) {
        let oldest = self.queue.iter().position(|event| matches!(event, StreamEvent::Received { .. }));
        let Some(oldest) = oldest else { return };
        let Some(StreamEvent::Received { events, .. }) = self.queue.remove(oldest) else { return };
        self.messages -= events.len();
        let before = oldest.checked_sub(1).and_then(|before| self.queue.get_mut(before));
        if let Some(StreamEvent::Overflowed { dropped, .. }) = before {
            *dropped += events.len() as u64;
        } else {
            let overflowed = StreamEvent::Overflowed { stream: self.stream, dropped: events.len() as u64 };
            self.queue.insert(oldest, overflowed);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::adapters::protocol::{Names, receive_text};
    use crate::domain::Moment;

    fn messages(count: usize) -> Vec<AgentEvent> {
        let (mut names, mut events) = (Names::default(), Vec::new());
        (0..count).for_each(|_| receive_text(r#"{"type":"x"}"#, Moment(1), &mut names, &mut events));
        events
    }

    fn outbox() -> (Outbox, Receiver<StreamEvent>) {
        let (to, from) = channel(1024);
        (Outbox::new(StreamId(0), to), from)
    }

    /// Delivers all there is; a letter and a count for each event.
    async fn delivered(mut outbox: Outbox, mut from: Receiver<StreamEvent>) -> String {
        let mut told = Vec::new();
        while !outbox.queue.is_empty() {
            outbox.deliver().await.expect("somebody listens");
            told.push(match from.try_recv().expect("something came") {
                StreamEvent::Received { events, .. } => format!("r{}", events.len()),
                StreamEvent::Overflowed { dropped, .. } => format!("d{dropped}"),
                StreamEvent::Connecting { .. } => "c".into(),
                other => format!("{other:?}"),
            });
        }
        assert_eq!(outbox.messages, 0);
        told.join(" ")
    }

    #[tokio::test(start_paused = true)]
    async fn messages_are_merged_and_keep_their_place() {
        let (mut outbox, from) = outbox();
        outbox.push_messages(&mut messages(200));
        outbox.push_messages(&mut messages(100));
        outbox.push(StreamEvent::Connecting { stream: StreamId(0) });
        outbox.push_messages(&mut messages(3));
        assert_eq!(delivered(outbox, from).await, "r256 r44 c r3");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_loses_the_oldest_messages_and_is_told() {
        let (mut outbox, from) = outbox();
        outbox.push(StreamEvent::Connecting { stream: StreamId(0) });
        outbox.push_messages(&mut messages(HELD));
        outbox.push(StreamEvent::Connecting { stream: StreamId(0) });
        outbox.push_messages(&mut messages(2 * BATCH));
        let told = delivered(outbox, from).await;
        assert!(told.starts_with(&format!("c d{} r256", 2 * BATCH)) && told.ends_with("r256 c r256 r256"), "{told}");
    }

    #[tokio::test(start_paused = true)]
    async fn news_is_bounded_too() {
        let (mut outbox, from) = outbox();
        (0..10_000).for_each(|_| outbox.push(StreamEvent::Connecting { stream: StreamId(0) }));
        assert_eq!(delivered(outbox, from).await.split(' ').count(), NEWS_HELD);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_message_goes_at_once_and_the_next_ones_wait_for_company() {
        let (mut outbox, mut from) = outbox();
        let begun = Instant::now();
        outbox.push_messages(&mut messages(1));
        outbox.deliver().await.expect("somebody listens");
        assert_eq!(begun.elapsed(), Duration::ZERO);
        outbox.push_messages(&mut messages(1));
        outbox.deliver().await.expect("somebody listens");
        assert!(begun.elapsed() >= BATCH_EVERY && from.try_recv().is_ok());
        drop(from);
        outbox.push_messages(&mut messages(BATCH));
        assert!(outbox.deliver().await.is_err());
    }
}
