//! A live WebSocket, from its first ping to its end.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::renewal::Renewal;
use super::rotation::Rotation;
use super::{Link, LinkOrder, OUTGOING, READY_FOR, Step, moment};
use crate::adapters::protocol::json_in;
use crate::domain::{AgentEvent, AgentKind, Stage, StreamEvent};
use crate::engine::stream::backoff::Cause;
use crate::engine::stream::connection::{CLOSE_DEADLINE, Connection, Heard, Leaving, close_advice, loss};
use crate::engine::stream::handshake::Socket;
use crate::engine::stream::outbox::Gone;

/// Some servers ask in a message whether we live, and close on those who do not answer in one.
fn answer_pings(connection: &mut Connection) {
    let is_ping = |event: &AgentEvent| event.kind == AgentKind::Heartbeat && &*event.type_name == "ping";
    if connection.events.iter().any(is_ping) && connection.outgoing.len() < OUTGOING {
        connection.outgoing.push_back(Message::text(r#"{"type":"pong"}"#));
    }
}

impl Link {
    /// A connection, from its first ping to its end.
    pub(super) async fn live(&mut self, socket: Socket) -> Step {
        let settings = Arc::clone(&self.settings);
        let mut connection = Connection::new(socket, settings.pulse);
        let mut rotation = Rotation::new(settings.rotate_before);
        let mut renewal = Renewal::of(self.token.as_ref());
        let (source, means) = (settings.token.as_ref().map(|(source, _)| source), self.means.clone());
        for text in [self.position.message(), self.unsent.take()].into_iter().flatten() {
            self.send(text, &mut connection);
        }
        loop {
            let (next_beat, has_room) = (connection.next_beat, connection.outgoing.len() < OUTGOING);
            tokio::select! {
                heard = connection.hear() => {
                    self.receive(&mut connection, &mut rotation);
                    if let Heard::Over(error) = heard {
                        return self.ended(connection, error);
                    }
                }
                order = self.orders.recv(), if has_room => match order {
                    Some(LinkOrder::Open) => {}
                    Some(LinkOrder::ExpectDrop(deploying)) => self.deploying = deploying,
                    Some(LinkOrder::Send(text)) => self.send(text, &mut connection),
                    Some(LinkOrder::Raw(what)) => self.send_raw(&what, &mut connection),
                    Some(LinkOrder::Reopen { why }) => connection.leave(Leaving::Reopen, &why),
                    Some(LinkOrder::Close) => connection.leave(Leaving::Rest, "closed by us"),
                    None => return self.end(connection).await,
                },
                delivered = self.outbox.deliver() => {
                    if let Err(Gone) = delivered {
                        return self.end(connection).await;
                    }
                }
                () = rotation.due(), if !connection.is_ending() => {
                    connection.leave(Leaving::Reopen, "replaced before its time is over");
                }
                token = renewal.next(source, &means) => {
                    let (stream, expires) = (settings.stream, token.expires.map(moment));
                    self.outbox.push(StreamEvent::TokenObtained { stream, expires });
                    self.token = Some(token);
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
        if let lost @ 1.. = connection.unanswered.len() as u32 {
            self.outbox.push(StreamEvent::PingsLost { stream: self.settings.stream, lost });
        }
        self.closed(None, why, self.deploying);
        self.after(&Cause::Stale, why, "see whether the network or a proxy went to sleep")
    }

    pub(super) fn send(&mut self, text: String, connection: &mut Connection) {
        if connection.is_ending() {
            self.unsent = Some(text);
            return;
        }
        let (stream, shown) = (self.settings.stream, self.means.secrets.shown(&text).into());
        connection.outgoing.push_back(Message::text(text));
        self.outbox.push(StreamEvent::Sent { stream, text: shown });
    }

    /// Makes events of what was heard.
    fn receive(&mut self, connection: &mut Connection, rotation: &mut Rotation) {
        if connection.heard.is_empty() {
            return;
        }
        let (at, redactor) = ((self.clock)(), self.means.secrets.redactor());
        let mut closed = None;
        for message in connection.heard.drain(..) {
            match message {
                Message::Binary(bytes) if json_in(&bytes).is_none() => {
                    self.reader.receive_binary(&bytes, at, &mut connection.events);
                }
                message @ (Message::Text(_) | Message::Binary(_)) => {
                    let text = redactor.mask(message.to_text().unwrap_or_default());
                    self.position.read(&text);
                    self.reader.receive_text(None, &text, at, &mut connection.events);
                }
                Message::Pong(nonce) => {
                    if let Some(sent) = connection.unanswered.iter().position(|(asked, _)| nonce.as_ref() == asked) {
                        let stream = self.settings.stream;
                        let round_trip = connection.unanswered[sent].1.elapsed().into();
                        connection.unanswered.drain(..=sent);
                        if let lost @ 1.. = sent as u32 {
                            self.outbox.push(StreamEvent::PingsLost { stream, lost });
                        }
                        self.outbox.push(StreamEvent::Measured { stream, round_trip });
                    }
                }
                Message::Close(frame) => closed = Some(frame),
                // Pings are answered by the library on the next poll; raw frames are never read.
                Message::Ping(_) | Message::Frame(_) => {}
            }
        }
        if let Some(frame) = closed {
            connection.be_closed(frame);
        }
        rotation.hear(&connection.events);
        self.position.count(&connection.events);
        self.reach(connection);
        if connection.close_frame.is_some() && connection.leaving.is_none() {
            connection.give_up_at = Some(Instant::now() + CLOSE_DEADLINE);
            connection.next_beat = Instant::now() + CLOSE_DEADLINE;
        }
        if self.reader.answers_pings() {
            answer_pings(connection);
        }
        self.witness.hand_over(&mut connection.events, &self.means.secrets, &mut self.outbox);
    }

    /// What the first messages show: that the token was taken, and that the server works.
    fn reach(&mut self, connection: &mut Connection) {
        if connection.ready_since.is_some() || connection.events.is_empty() {
            return;
        }
        let (stream, now) = (self.settings.stream, Instant::now());
        let is_good = |event: &AgentEvent| !matches!(event.kind, AgentKind::Error | AgentKind::Heartbeat);
        if self.settings.token.is_some() && !connection.is_authenticated && connection.events.iter().any(is_good) {
            connection.is_authenticated = true;
            let took = now.duration_since(std::mem::replace(&mut connection.reached, now)).into();
            self.outbox.push(StreamEvent::Reached { stream, stage: Stage::Authenticated, took });
        }
        let is_at_work = |event: &AgentEvent| is_good(event) && event.kind != AgentKind::System;
        if connection.events.iter().any(is_at_work) {
            connection.ready_since = Some(now);
            let took = now.duration_since(connection.reached).into();
            self.outbox.push(StreamEvent::Reached { stream, stage: Stage::Ready, took });
        }
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
            self.closed(Some(connection.goodbye), &why, true);
            return match leaving {
                Leaving::Rest => Step::Rest,
                Leaving::Reopen => {
                    self.forgive();
                    Step::Connect
                }
            };
        }
        match connection.close_frame {
            Some(Some((code, reason))) => {
                let reason = self.means.secrets.shown(&reason);
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
