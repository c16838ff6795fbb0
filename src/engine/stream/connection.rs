//! One live WebSocket: reading and writing without ever waiting for one to do the other, its pulse, and its end.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::task::Poll;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::backoff::Cause;
use super::handshake::Socket;
use super::outbox::BATCH;
use crate::domain::{AgentEvent, Text};

/// How long the other side may take to end a connection after a close frame.
pub(super) const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

/// How a connection's pulse is taken.
#[derive(Clone, Copy, Debug)]
pub struct Pulse {
    /// How often a ping is sent. A connection that misses two pongs is dead.
    pub ping_every: Duration,
    /// How long a connection may be without a single byte.
    pub silent_for: Duration,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { ping_every: Duration::from_secs(15), silent_for: Duration::from_secs(30) }
    }
}

/// Where a connection that we end leads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leaving {
    Rest,
    Reopen,
}

/// One live connection.
pub(super) struct Connection {
    socket: Socket,
    pulse: Pulse,
    pub(super) outgoing: VecDeque<Message>,
    is_unflushed: bool,
    /// What came and is not yet looked at.
    pub(super) heard: Vec<Message>,
    /// What was made of it and is not yet handed over.
    pub(super) events: Vec<AgentEvent>,
    /// The close frame that came, with its code and reason where it has them.
    pub(super) close_frame: Option<Option<(u16, String)>>,
    pub(super) leaving: Option<(Leaving, Text)>,
    /// With which code we left.
    pub(super) goodbye: u16,
    pub(super) give_up_at: Option<Instant>,
    /// When the latest stage was reached.
    pub(super) reached: Instant,
    pub(super) is_authenticated: bool,
    pub(super) ready_since: Option<Instant>,
    pub(super) next_beat: Instant,
    next_ping: Instant,
    pub(super) unanswered: Vec<([u8; 8], Instant)>,
    bytes_heard: u64,
    last_heard: Instant,
}

/// What came of listening.
pub(super) enum Heard {
    /// Messages.
    More,
    /// The end, with what broke it.
    Over(Option<WsError>),
}

impl Connection {
    pub(super) fn new(socket: Socket, pulse: Pulse) -> Self {
        let now = Instant::now();
        Self {
            socket,
            pulse,
            outgoing: VecDeque::new(),
            is_unflushed: false,
            heard: Vec::new(),
            events: Vec::new(),
            close_frame: None,
            leaving: None,
            goodbye: CloseCode::Normal.into(),
            give_up_at: None,
            reached: now,
            is_authenticated: false,
            ready_since: None,
            next_beat: now,
            next_ping: now,
            unanswered: Vec::new(),
            bytes_heard: 0,
            last_heard: now,
        }
    }

    /// Writes what is to be written, and reads all there is, up to a batch. Nothing is lost when this is given up.
    pub(super) async fn hear(&mut self) -> Heard {
        std::future::poll_fn(|cx| {
            while let Some(message) = self.outgoing.pop_front() {
                match self.socket.poll_ready_unpin(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Heard::Over(Some(error))),
                    Poll::Pending => {
                        self.outgoing.push_front(message);
                        break;
                    }
                }
                match self.socket.start_send_unpin(message) {
                    // After a close frame there is nothing to send to; the reader will hear the rest.
                    Ok(()) | Err(WsError::Protocol(ProtocolError::SendAfterClosing)) => self.is_unflushed = true,
                    Err(error) => return Poll::Ready(Heard::Over(Some(error))),
                }
            }
            if self.is_unflushed
                && let Poll::Ready(flushed) = self.socket.poll_flush_unpin(cx)
            {
                self.is_unflushed = false;
                if let Err(error) = flushed {
                    return Poll::Ready(Heard::Over(Some(error)));
                }
            }
            while self.heard.len() < BATCH {
                match self.socket.poll_next_unpin(cx) {
                    Poll::Ready(Some(Ok(message))) => self.heard.push(message),
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Heard::Over(Some(error))),
                    Poll::Ready(None) => return Poll::Ready(Heard::Over(None)),
                    Poll::Pending if self.heard.is_empty() => return Poll::Pending,
                    Poll::Pending => break,
                }
            }
            Poll::Ready(Heard::More)
        })
        .await
    }

    /// Looks whether the connection lives, and asks it. The error says why it does not.
    pub(super) fn beat(&mut self) -> Result<(), String> {
        let now = Instant::now();
        let bytes = self.socket.get_ref().received();
        if bytes > self.bytes_heard {
            (self.bytes_heard, self.last_heard) = (bytes, now);
        }
        if self.give_up_at.is_some_and(|at| now >= at) {
            return Err("the server did not end the connection".into());
        }
        if now.duration_since(self.last_heard) >= self.pulse.silent_for {
            return Err(format!("no byte for {} s", self.pulse.silent_for.as_secs_f32()));
        }
        if now >= self.next_ping {
            if self.unanswered.len() >= 2 {
                return Err("two pings were not answered".into());
            }
            let nonce = random().to_be_bytes();
            self.unanswered.push((nonce, now));
            self.outgoing.push_back(Message::Ping(nonce.to_vec().into()));
            self.next_ping = now + self.pulse.ping_every;
        }
        let look_again = self.pulse.ping_every.min(self.pulse.silent_for) / 3;
        self.next_beat = self.give_up_at.unwrap_or(now + look_again).min(now + look_again);
        Ok(())
    }

    /// A close frame came. In place of a code that no server may send, the library gives one of its own.
    pub(super) fn be_closed(&mut self, frame: Option<CloseFrame>) {
        let on_the_wire = |frame: &CloseFrame| match frame.code {
            CloseCode::Protocol => self.socket.get_ref().close_frame(),
            _ => None,
        };
        self.close_frame = Some(
            frame.map(|frame| on_the_wire(&frame).unwrap_or_else(|| (u16::from(frame.code), frame.reason.to_string()))),
        );
    }

    /// Whether one side said goodbye.
    pub(super) fn is_ending(&self) -> bool {
        self.leaving.is_some() || self.close_frame.is_some()
    }

    /// Says goodbye; what still comes is heard until the other side agrees or takes too long.
    pub(super) fn leave(&mut self, leaving: Leaving, why: &str) {
        self.leave_with(CloseCode::Normal.into(), "", leaving, why);
    }

    /// Says goodbye with a code and a reason of somebody's own.
    pub(super) fn leave_with(&mut self, code: u16, reason: &str, leaving: Leaving, why: &str) {
        if self.leaving.is_none() {
            self.goodbye = code;
            let frame = CloseFrame { code: code.into(), reason: reason.into() };
            self.outgoing.push_back(Message::Close(Some(frame)));
            let give_up_at = Instant::now() + CLOSE_DEADLINE;
            (self.give_up_at, self.next_beat) = (Some(give_up_at), give_up_at);
        }
        self.leaving = Some((leaving, why.into()));
    }

    /// The end of the task: politely, but without waiting for long.
    pub(super) async fn say_goodbye(mut self) {
        self.leave(Leaving::Rest, "");
        let goodbye = async {
            while let Heard::More = self.hear().await {
                self.heard.clear();
            }
        };
        // Whether the server agreed in time makes no difference any more.
        let _agreed = tokio::time::timeout(CLOSE_DEADLINE / 4, goodbye).await;
    }
}

/// What broke a connection that ended without a close frame.
pub(super) fn loss(error: Option<WsError>) -> (Cause, String) {
    match error {
        None | Some(WsError::Io(_) | WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
            (Cause::Dropped, "the connection ended without a close frame (1006)".into())
        }
        Some(WsError::Capacity(CapacityError::MessageTooLong { size, max_size })) => {
            (Cause::Violation, format!("a message of {size} bytes is over the limit of {max_size}"))
        }
        Some(WsError::Protocol(ProtocolError::NonZeroReservedBits)) => {
            (Cause::Violation, "the server sends compressed frames, which nobody agreed to".into())
        }
        Some(WsError::WriteBufferFull(_)) => (Cause::Dropped, "the server does not read what we send".into()),
        Some(error) => (Cause::Violation, error.to_string()),
    }
}

pub(super) fn close_advice(code: u16) -> &'static str {
    match code {
        1000 => "connect again when it is wanted",
        401 | 403 | 1008 | 4001 | 4401 | 4403 => "check the token, then what the server says in its last messages",
        1003 => "check the subprotocols that are offered",
        0..=999 | 1015..=2999 => "see the log of the service: no server may send this code, its own must be wrong",
        1009 => "send shorter messages",
        _ => "see the log of the service",
    }
}

/// Randomness good enough for jitter and nonces: the standard library seeds its hash maps with it.
pub(in crate::engine) fn random() -> u64 {
    RandomState::new().hash_one(Instant::now())
}
