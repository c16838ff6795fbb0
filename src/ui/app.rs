//! The viewer's loop: deliveries, keys and time in, frames and requests out.
//!
//! A frame is drawn at once when something changed after a quiet moment, and at most thirty times a second after that;
//! a terminal that is slower gets fewer, each of them the newest. While nothing happens, nothing wakes the loop.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use color_eyre::eyre::WrapErr as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::calling;
use super::clipboard::{self, Copied, Route};
use super::editor::{self, Place};
use super::handing::size;
use super::keymap::Keymap;
use super::terminal::{FromTerminal, Screen, failed, failures, guarded};
use super::theme::Theme;
use super::update::Wish;
use super::view::ViewState;
use super::viewer::Viewer;
use crate::attach::{Delivery, Feed, Request};
use crate::config::settings::Call;
use crate::domain::{Command, Moment, SessionEnd, Tone};

/// How far the clocks of the session and of this process may be apart before the session's is taken.
const SKEW: u64 = 2_000_000;
/// How many deliveries are taken in before a key is looked at again.
const GULP: usize = 64;

/// What a person's own configuration says of their window.
#[derive(Debug, Clone)]
pub struct UiSettings {
    /// Colours and marks, cut down to what the terminal shows.
    pub theme: Theme,
    /// Which keys do what.
    pub keymap: Arc<Keymap>,
    /// Whether the mouse is used.
    pub mouse: bool,
    /// How somebody who looks elsewhere is called back.
    pub call: Call,
    /// The least time between two frames.
    pub frame: Duration,
    /// The editor: `$VISUAL`, else `$EDITOR`, as it is written there.
    pub editor: String,
    /// The ways into the clipboard, in order.
    pub clipboard: Vec<Route>,
    /// How many seconds local clocks are ahead of UTC.
    pub utc_offset: i32,
    /// What is wrong with this person's configuration, to be said once.
    pub complaint: Option<String>,
}

/// The present time as the session counts it.
#[derive(Debug)]
struct Watch {
    started: Instant,
    at: u64,
}

impl Watch {
    fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), at: u64::try_from(since.as_micros()).unwrap_or(u64::MAX) }
    }

    fn now(&self) -> Moment {
        Moment(self.at.saturating_add(u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)))
    }

    /// Follows the session's clock: the wall clock may have been set since either was started.
    fn compare(&mut self, stamped: Moment) {
        let now = self.now();
        if now.0.abs_diff(stamped.0) > SKEW {
            self.at = self.at.saturating_add(stamped.0).saturating_sub(now.0);
        }
    }
}

/// The signals that concern the terminal.
struct Signals {
    resized: Signal,
    stopped: Signal,
    continued: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            resized: signal(SignalKind::window_change())?,
            stopped: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
            continued: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }
}

/// Shows a session, or a recording, until either side ends it; answers how.
///
/// # Errors
/// When the terminal cannot be taken or taken back.
pub async fn run(feed: Feed, settings: UiSettings) -> color_eyre::Result<SessionEnd> {
    let screen = Screen::open(settings.mouse).wrap_err("could not take the terminal")?;
    let signals = Signals::new().wrap_err("could not listen for signals of the terminal")?;
    let view = ViewState {
        viewer: Some(feed.viewer),
        utc_offset: settings.utc_offset,
        keymap: Arc::clone(&settings.keymap),
        ..ViewState::default()
    };
    let size = screen.size();
    let mut viewer = Viewer::new(view, settings.theme.clone(), (size.width, size.height));
    let watch = Watch::new();
    if let Some(complaint) = &settings.complaint {
        viewer.view.note(Tone::Warning, complaint.as_str(), watch.now());
    }
    App { feed, settings, screen, signals, viewer, watch, drawn: None, ticked: Instant::now() }.run().await
}

struct App {
    feed: Feed,
    settings: UiSettings,
    screen: Screen,
    signals: Signals,
    viewer: Viewer,
    watch: Watch,
    drawn: Option<Instant>,
    ticked: Instant,
}

/// What woke the loop.
enum Woken {
    Delivery(Option<Delivery>),
    Terminal(Option<FromTerminal>),
    Resized,
    Stopped,
    Continued,
    Failed,
    FrameDue,
    Ticked,
}

impl App {
    async fn run(mut self) -> color_eyre::Result<SessionEnd> {
        loop {
            let woken = self.next().await;
            if let Some(end) = self.act(woken).await? {
                return Ok(end);
            }
        }
    }

    async fn next(&mut self) -> Woken {
        let frame_at = self.drawn.map_or(self.ticked, |drawn| drawn + self.settings.frame);
        let dirty = self.viewer.is_dirty();
        let ticking = self.viewer.is_ticking(self.watch.now());
        let screen = &mut self.screen;
        // A timer that is due already still waits for the next millisecond.
        let frame_due = async move {
            if Instant::now() < frame_at {
                tokio::time::sleep_until(frame_at.into()).await;
            }
        };
        let tick_due = tokio::time::sleep_until((self.ticked + Duration::from_secs(1)).into());
        let is_ready = screen.ready();
        let incoming = &mut screen.incoming;
        tokio::select! {
            biased;
            came = incoming.recv() => Woken::Terminal(came),
            _ = self.signals.resized.recv() => Woken::Resized,
            _ = self.signals.stopped.recv() => Woken::Stopped,
            _ = self.signals.continued.recv() => Woken::Continued,
            () = failed() => Woken::Failed,
            () = async { frame_due.await; is_ready.await; }, if dirty => Woken::FrameDue,
            () = tick_due, if ticking => Woken::Ticked,
            delivery = self.feed.deliveries.recv() => Woken::Delivery(delivery),
        }
    }

    async fn act(&mut self, woken: Woken) -> color_eyre::Result<Option<SessionEnd>> {
        match woken {
            Woken::Delivery(None) => return Ok(Some(self.lost_session())),
            Woken::Delivery(Some(delivery)) => {
                self.take(delivery);
                self.call().await;
            }
            Woken::Terminal(Some(FromTerminal::Events(events))) => return self.handle(&events).await,
            Woken::Terminal(Some(FromTerminal::HungUp) | None) => return Ok(Some(self.hang_up())),
            Woken::Resized => self.measure(),
            Woken::Stopped => self.stop(),
            // A terminal that goes away also continues whoever was stopped on it.
            Woken::Continued if self.take_back().is_err() => return Ok(Some(self.hang_up())),
            Woken::Continued => {}
            Woken::FrameDue => self.draw()?,
            Woken::Ticked => {
                self.ticked = Instant::now();
                let now = self.watch.now();
                guarded(|| self.viewer.tick(now));
            }
            Woken::Failed => self.confess(),
        }
        Ok(self.viewer.ended.take())
    }

    fn hang_up(&self) -> SessionEnd {
        self.feed.line.say(Request::Leave(SessionEnd::HungUp));
        SessionEnd::HungUp
    }

    /// What broke behind the screen is said, and the rest goes on.
    fn confess(&mut self) {
        for failure in failures() {
            let text = failure.lines().collect::<Vec<_>>().join(" ");
            self.viewer.view.note(Tone::Bad, format!("a part of the console failed: {text}"), self.watch.now());
        }
        self.viewer.spoil();
    }

    fn lost_session(&mut self) -> SessionEnd {
        self.viewer.ended.take().unwrap_or_else(|| SessionEnd::Panicked("the session went away".into()))
    }

    /// Takes in what waits, so that a burst costs one frame.
    fn take(&mut self, first: Delivery) {
        let mut next = Some(first);
        for _ in 0..GULP {
            let Some(delivery) = next else { break };
            if let Delivery::Entries(entries) = &delivery
                && let Some(entry) = entries.last()
            {
                self.watch.compare(entry.at);
            }
            let now = self.watch.now();
            guarded(|| self.viewer.take(delivery, now));
            next = self.feed.deliveries.try_recv().ok();
        }
        if let Some(delivery) = next {
            let now = self.watch.now();
            guarded(|| self.viewer.take(delivery, now));
        }
    }

    /// Calls somebody back who looks elsewhere.
    async fn call(&mut self) {
        let now = self.watch.now();
        if let Some(notice) = self.viewer.missed(now)
            && let Some(bytes) = calling::bytes(self.settings.call, &notice)
        {
            self.screen.send(bytes).await;
        }
    }

    async fn handle(&mut self, events: &[crossterm::event::Event]) -> color_eyre::Result<Option<SessionEnd>> {
        let now = self.watch.now();
        for event in events {
            let wishes = guarded(|| self.viewer.handle(event, now));
            for wish in wishes {
                if let Some(end) = self.grant(wish, now).await? {
                    return Ok(Some(end));
                }
            }
        }
        Ok(None)
    }

    async fn grant(&mut self, wish: Wish, now: Moment) -> color_eyre::Result<Option<SessionEnd>> {
        match wish {
            Wish::Command(command) => self.say(Request::Command(command), now),
            Wish::Playback(playback) => self.say(Request::Playback(playback), now),
            Wish::Look(looks) => self.say(Request::Look(looks), now),
            Wish::Copy { what, text, otherwise } => self.copy(what, &text, otherwise).await,
            Wish::Write(text) => self.write(&text).await?,
            Wish::Edit(place) => self.edit(&place).await?,
            Wish::Redraw => {
                self.measure();
                self.redraw()?;
            }
            Wish::Leave => {
                self.feed.line.say(Request::Leave(SessionEnd::Quit));
                return Ok(Some(SessionEnd::Quit));
            }
        }
        Ok(None)
    }

    fn say(&mut self, request: Request, now: Moment) {
        if !self.feed.line.say(request) {
            self.viewer.view.note(Tone::Bad, "the session does not listen just now: press again", now);
        }
    }

    async fn copy(&mut self, what: &str, text: &str, otherwise: Option<Command>) {
        let what = format!("{what}, {},", size(text.len()));
        let (tone, note) = match clipboard::copy(text, &self.settings.clipboard).await {
            Copied::Taken(route) => (Tone::Good, format!("{what} is in the clipboard, by {}", route.word())),
            Copied::Write(bytes) => {
                self.screen.send(bytes).await;
                let route = Route::Terminal.word();
                (Tone::Good, format!("{what} went to {route}, which keeps it where its settings allow that"))
            }
            Copied::Failed(why) => match otherwise {
                Some(command) => {
                    self.viewer.view.handing = true;
                    self.say(Request::Command(command), self.watch.now());
                    (Tone::Plain, format!("{why}: it goes to a file"))
                }
                None => (Tone::Bad, format!("{what} was not copied: {why}")),
            },
        };
        self.viewer.view.note(tone, note, self.watch.now());
        self.viewer.spoil();
    }

    async fn edit(&mut self, place: &Place) -> color_eyre::Result<()> {
        self.screen.suspend();
        let edited = editor::edit(&self.settings.editor, place).await;
        self.take_back()?;
        if let Err(why) = edited {
            self.viewer.view.note(Tone::Bad, why, self.watch.now());
        }
        Ok(())
    }

    /// Hands the text of a note to the editor, and takes back what became of it.
    async fn write(&mut self, text: &str) -> color_eyre::Result<()> {
        self.screen.suspend();
        let edited = editor::write(&self.settings.editor, text).await;
        self.take_back()?;
        match edited {
            Ok(text) => self.viewer.written(&text),
            Err(why) => self.viewer.view.note(Tone::Bad, why, self.watch.now()),
        }
        Ok(())
    }

    /// Stops as other programs do: with the terminal as it was.
    fn stop(&mut self) {
        self.screen.suspend();
        // Continues here once somebody says so; the signal for that is also delivered to the loop.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
    }

    /// Whoever had the terminal may have left anything on it.
    fn take_back(&mut self) -> color_eyre::Result<()> {
        self.screen.resume().wrap_err("could not take the terminal back")?;
        self.measure();
        self.viewer.spoil();
        Ok(())
    }

    fn measure(&mut self) {
        let size = self.screen.size();
        self.viewer.resize(size.width, size.height);
    }

    fn redraw(&mut self) -> color_eyre::Result<()> {
        self.screen.forget().wrap_err("could not draw the screen anew")?;
        self.viewer.spoil();
        Ok(())
    }

    fn draw(&mut self) -> color_eyre::Result<()> {
        let (area, now) = (self.viewer.area(), self.watch.now());
        let Self { screen, viewer, .. } = self;
        guarded(|| screen.draw(area, |frame| viewer.draw(frame, now))).wrap_err("could not draw")?;
        self.drawn = Some(Instant::now());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watch_follows_the_session_where_they_differ_much() {
        let mut watch = Watch { started: Instant::now(), at: 50_000_000 };
        watch.compare(Moment(51_000_000));
        assert!(watch.now().0 < 50_900_000, "a second is within what a delivery may take");
        watch.compare(Moment(90_000_000));
        assert!(watch.now().0.abs_diff(90_000_000) < 900_000);
        watch.compare(Moment(10_000_000));
        assert!(watch.now().0.abs_diff(10_000_000) < 900_000);
    }
}
