//! The player of a recording: a feed whose entries come from a journal that was read. No engine runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::feed::{Clock, Delivery, FeedSender, Gone, Playback, Request};
use crate::domain::{Command, Entry, Event, Moment, ServiceEvent, SessionEnd, Span, State, StreamEvent, ViewerId};

/// How often the time is told while the recording plays.
const TICK: Duration = Duration::from_millis(100);
/// Silences longer than this are passed over: nobody watches a night of nothing.
const LONGEST_SILENCE: Span = Span::seconds(5);
/// The slowest and the fastest speed.
const SPEEDS: (f64, f64) = (1.0 / 16.0, 256.0);

/// A recording that is played to one viewer.
#[derive(Debug)]
pub struct Recorded {
    entries: Vec<Arc<Entry>>,
    place: usize,
    state: State,
    at: Moment,
    playing: bool,
    speed: f64,
}

impl Recorded {
    /// A recording at its end, paused: the last state is what most people come for.
    #[must_use]
    pub fn new(entries: Vec<Entry>) -> Self {
        let entries: Vec<Arc<Entry>> = entries.into_iter().map(Arc::new).collect();
        let mut recorded =
            Self { entries, place: 0, state: State::default(), at: Moment::default(), playing: false, speed: 1.0 };
        recorded.go_to(recorded.entries.len());
        recorded
    }

    /// Plays to a viewer until it leaves.
    pub async fn play(mut self, viewer: FeedSender, mut requests: mpsc::Receiver<(ViewerId, Request)>) {
        if self.show(&viewer).await.is_err() {
            return;
        }
        loop {
            let started = Instant::now();
            let told = tokio::select! {
                request = requests.recv() => match request {
                    Some((_, Request::Playback(wish))) => {
                        self.wish(wish);
                        self.show(&viewer).await
                    }
                    Some((_, Request::Command(Command::Quit) | Request::Leave(_))) | None => {
                        let _ = viewer.send(Delivery::Ended(SessionEnd::Quit)).await;
                        return;
                    }
                    // Nobody is called back by what has happened long ago.
                    Some((_, Request::Look(_))) => Ok(()),
                    Some((_, Request::Command(_))) => {
                        viewer.send(Delivery::Notice("this is a recording: nothing can be asked of it".into())).await
                    }
                },
                () = sleep_until(started + TICK), if self.playing => self.advance(started.elapsed(), &viewer).await,
            };
            if told.is_err() {
                return;
            }
        }
    }

    fn wish(&mut self, wish: Playback) {
        match wish {
            Playback::Toggle => {
                self.playing = !self.playing;
                if self.playing && self.place == self.entries.len() {
                    self.go_to(1);
                }
            }
            Playback::StepForward => {
                self.playing = false;
                let next = (self.place..self.entries.len()).find(|&n| is_of_interest(&self.entries[n]));
                self.go_to(next.map_or(self.entries.len(), |n| n + 1));
            }
            Playback::StepBack => {
                self.playing = false;
                let last = (0..self.place.saturating_sub(1)).rev().find(|&n| is_of_interest(&self.entries[n]));
                self.go_to(last.map_or(1, |n| n + 1));
            }
            Playback::Seek(seconds) => {
                let by = Span::seconds(seconds.unsigned_abs());
                let to = if seconds < 0 { Moment(self.at.0.saturating_sub(by.0)) } else { self.at.after(by) };
                self.go_to(self.entries.partition_point(|entry| entry.at <= to).max(1));
                self.at = to.clamp(self.first(), self.last());
            }
            Playback::ToStart => self.go_to(1),
            Playback::ToEnd => self.go_to(self.entries.len()),
            Playback::Faster => self.speed = (self.speed * 2.0).min(SPEEDS.1),
            Playback::Slower => self.speed = (self.speed / 2.0).max(SPEEDS.0),
        }
    }

    /// Time passes: what happened in it is told.
    async fn advance(&mut self, elapsed: Duration, viewer: &FeedSender) -> Result<(), Gone> {
        let passed = Span((elapsed.as_secs_f64() * self.speed * 1e6) as u64);
        self.at = self.at.after(passed);
        if let Some(next) = self.entries.get(self.place)
            && next.at.since(self.at) > LONGEST_SILENCE
        {
            self.at = next.at;
        }
        let end = self.place + self.entries[self.place..].partition_point(|entry| entry.at <= self.at);
        let batch = self.entries[self.place..end].to_vec();
        self.fold_to(end);
        if self.place == self.entries.len() {
            self.playing = false;
            self.at = self.last();
        }
        if !batch.is_empty() {
            viewer.send(Delivery::Entries(batch)).await?;
        }
        viewer.send(Delivery::Clock(self.clock())).await
    }

    /// Tells everything, after a jump.
    async fn show(&self, viewer: &FeedSender) -> Result<(), Gone> {
        viewer.send(Delivery::Snapshot(Arc::new(self.state.clone()))).await?;
        viewer.send(Delivery::Clock(self.clock())).await
    }

    fn go_to(&mut self, place: usize) {
        if place < self.place {
            self.state = State::default();
            self.place = 0;
        }
        self.fold_to(place.min(self.entries.len()));
        self.at = self.state.at;
    }

    fn fold_to(&mut self, place: usize) {
        let mut effects = Vec::new();
        for entry in &self.entries[self.place..place] {
            self.state.apply(entry, &mut effects);
            effects.clear();
        }
        self.place = place;
    }

    fn clock(&self) -> Clock {
        let progress = (self.place as u64, self.entries.len() as u64);
        Clock::Played { at: self.at, playing: self.playing, speed: self.speed, progress }
    }

    fn first(&self) -> Moment {
        self.entries.first().map_or_else(Moment::default, |entry| entry.at)
    }

    fn last(&self) -> Moment {
        self.entries.last().map_or_else(Moment::default, |entry| entry.at)
    }
}

/// Whether somebody who steps through a recording wants to stop at it: pulses are passed over.
fn is_of_interest(entry: &Entry) -> bool {
    !matches!(entry.event, Event::Service(ServiceEvent::Probed { .. }) | Event::Stream(StreamEvent::Measured { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SessionEvent;

    fn recorded(seconds: &[u64]) -> Recorded {
        let remark = |n: usize, at: u64| Entry {
            seq: n as u64 + 1,
            at: Moment(at * 1_000_000),
            event: SessionEvent::Remarked { text: format!("{at}").into() }.into(),
        };
        Recorded::new(seconds.iter().enumerate().map(|(n, &at)| remark(n, at)).collect())
    }

    fn check(wishes: &[Playback], place: usize, at: u64) {
        let mut recorded = recorded(&[10, 11, 12, 20]);
        wishes.iter().for_each(|&wish| recorded.wish(wish));
        assert_eq!((recorded.place, recorded.at, recorded.state.seq), (place, Moment(at * 1_000_000), place as u64));
    }

    #[test]
    fn steps_and_jumps_reach_the_state_of_their_place() {
        check(&[], 4, 20);
        check(&[Playback::StepBack], 3, 12);
        check(&[Playback::ToStart], 1, 10);
        check(&[Playback::ToStart, Playback::StepForward], 2, 11);
        check(&[Playback::ToStart, Playback::Seek(2)], 3, 12);
        check(&[Playback::Seek(-5)], 3, 15);
        check(&[Playback::Seek(-100)], 1, 10);
        check(&[Playback::ToStart, Playback::Seek(100)], 4, 20);
    }

    #[test]
    fn an_empty_recording_can_be_played() {
        let mut recorded = recorded(&[]);
        for wish in [Playback::Toggle, Playback::StepBack, Playback::StepForward, Playback::Seek(3), Playback::ToStart]
        {
            recorded.wish(wish);
            assert_eq!(recorded.place, 0);
        }
    }
}
