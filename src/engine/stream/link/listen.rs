//! A stream that is an answer over HTTP: asked for, and heard from its head to its end.

use reqwest::Method;
use tokio::time::Instant;

use super::{Attended, Link, LinkOrder, READY_FOR, Step};
use crate::config::project::Secret;
use crate::domain::StreamEvent;
use crate::engine::stream::answer::{Answer, Heard as Piece, Request};
use crate::engine::stream::backoff::Cause;
use crate::engine::stream::handshake::Opening;
use crate::engine::stream::outbox::Gone;
use crate::engine::stream::token::{Means, TokenOffer};

const SEE_LOG: &str = "see the log of the service, and what stands between";

impl Link {
    /// Asks for an answer that is a stream.
    pub(super) async fn request(
        &mut self,
        request: &Request,
        opening: &Opening,
        offered: Option<(&Secret, &[TokenOffer])>,
        means: &Means,
    ) -> Step {
        let stream = self.settings.stream;
        let mut request = request.clone();
        let said = self.unsent.take();
        if let Some(text) = &said {
            (request.method, request.body) = (Method::POST, Some(text.clone()));
        }
        let last_id = self.last_id.clone().filter(|_| request.is_repeatable());
        let asking = Answer::open(&means.http.client, opening, &request, offered, last_id.as_deref(), &means.secrets);
        let watch = self.watch();
        let asked = self.attend(watch.time(asking), false).await;
        self.tell_stages();
        match asked {
            Attended::Done(Ok(answer)) => {
                let findings = answer.finding.iter().map(|finding| finding.as_str().into()).collect();
                self.outbox.push(StreamEvent::Opened {
                    stream,
                    took: answer.took.into(),
                    subprotocol: None,
                    findings,
                    lasts: None,
                });
                self.witness.begin(opening, answer.revision.clone(), &mut self.outbox);
                if let Some(text) = said {
                    let text = means.secrets.shown(&text).into();
                    self.outbox.push(StreamEvent::Sent { stream, text });
                }
                self.is_repeatable = request.is_repeatable();
                Step::Listen(Box::new(answer))
            }
            Attended::Done(Err(refused)) => self.refused(*refused),
            attended => self.turn(attended),
        }
    }

    /// An answer over HTTP, from its head to its end.
    pub(super) async fn listen(&mut self, mut answer: Answer) -> Step {
        let (stream, begun) = (self.settings.stream, Instant::now());
        let (mut dropped_before, mut events) = (0, Vec::new());
        let (cause, why, advice) = loop {
            tokio::select! {
                heard = answer.hear() => {
                    let (at, redactor) = ((self.clock)(), self.means.secrets.redactor());
                    for message in answer.heard.drain(..) {
                        let name = message.event.as_deref();
                        let text = redactor.mask(&message.data);
                        self.position.read(&text);
                        self.reader.receive_text(name, &text, at, &mut events);
                    }
                    self.position.count(&events);
                    self.witness.hand_over(&mut events, &self.means.secrets, &mut self.outbox);
                    let dropped = answer.take_dropped(&mut dropped_before);
                    if dropped > 0 {
                        self.outbox.push(StreamEvent::Overflowed { stream, dropped });
                    }
                    match heard {
                        Piece::More => {}
                        Piece::Complete if !self.is_repeatable => {
                            self.closed(None, "the answer is complete", true);
                            return Step::Rest;
                        }
                        Piece::Complete => break (Cause::Dropped, "the answer ended".to_owned(), SEE_LOG),
                        Piece::Broken(why) => break (Cause::Dropped, why, SEE_LOG),
                        Piece::Silent => break (Cause::Stale, "nothing came for five minutes".to_owned(), SEE_LOG),
                    }
                }
                order = self.orders.recv() => match order {
                    Some(LinkOrder::Open) => {}
                    Some(LinkOrder::ExpectDrop(deploying)) => self.deploying = deploying,
                    Some(LinkOrder::Raw(_)) => self.not_sent("it is an answer over HTTP"),
                    Some(LinkOrder::Send(text)) => {
                        self.unsent = Some(text);
                        self.closed(None, "asked anew", true);
                        return Step::Connect;
                    }
                    Some(LinkOrder::Reopen { why }) => {
                        self.closed(None, &why, true);
                        self.forgive();
                        return Step::Connect;
                    }
                    Some(LinkOrder::Close) => {
                        self.closed(None, "closed by us", true);
                        return Step::Rest;
                    }
                    None => return Step::End,
                },
                delivered = self.outbox.deliver() => {
                    if let Err(Gone) = delivered {
                        return Step::End;
                    }
                }
            }
        };
        if begun.elapsed() >= READY_FOR {
            self.forgive();
        }
        self.last_id = answer.last_id().map(str::to_owned).or(self.last_id.take());
        self.retry = answer.retry();
        let why = self.means.secrets.shown(&why);
        self.closed(None, &why, self.deploying);
        if self.is_repeatable {
            return self.after(&cause, &why, advice);
        }
        // What a POST has started may still go on there: whether to start another is for a person to say.
        let advice = "ask again, when nothing is left over from this one";
        self.outbox.push(StreamEvent::Stopped { stream, why: why.into(), advice: advice.into() });
        Step::Rest
    }
}
