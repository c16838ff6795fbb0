//! A feed of entries: a snapshot to begin with, then everything that follows it, in order.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::domain::{Command, Entry, Moment, SessionEnd, State, ViewerId};

/// How many deliveries may wait for a viewer. One that falls behind further is given a new snapshot instead.
const WAITING: usize = 256;

/// Which time a viewer draws with.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Clock {
    /// The present time.
    #[default]
    Live,
    /// A replay: the moment that was reached, and whether and how fast it moves.
    Played {
        /// The moment of the recording.
        at: Moment,
        /// Whether it moves.
        playing: bool,
        /// How many seconds of the recording pass in a second.
        speed: f64,
        /// The place reached, and the last place: sequence numbers.
        progress: (u64, u64),
    },
}

/// What a viewer receives.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// Everything, at one entry: at the beginning, after falling behind, and after a jump in a replay.
    Snapshot(Arc<State>),
    /// What happened next.
    Entries(Vec<Arc<Entry>>),
    /// The time to draw with.
    Clock(Clock),
    /// A sentence for this viewer alone.
    Notice(String),
    /// Nothing further will come.
    Ended(SessionEnd),
}

/// What a viewer says.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// A command to the session.
    Command(Command),
    /// A wish to the player of a recording.
    Playback(Playback),
    /// Whether the viewer's terminal has the focus, as it tells.
    Look(bool),
    /// The viewer goes.
    Leave(SessionEnd),
}

/// A wish to the player of a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Playback {
    /// Play or pause.
    Toggle,
    /// One entry of interest further, paused.
    StepForward,
    /// One back, paused.
    StepBack,
    /// So many seconds of the recording forward, or back where negative.
    Seek(i64),
    /// To the beginning.
    ToStart,
    /// To the end.
    ToEnd,
    /// Twice as fast.
    Faster,
    /// Half as fast.
    Slower,
}

/// Whether a viewer watches a session or a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Player {
    /// A running session.
    Session,
    /// A recording.
    Recording,
}

/// A viewer's end of the line: what comes in, and where to speak.
#[derive(Debug)]
pub struct Feed {
    /// Who this viewer is.
    pub viewer: ViewerId,
    /// What it watches.
    pub player: Player,
    /// What comes in.
    pub deliveries: mpsc::Receiver<Delivery>,
    /// Where to speak.
    pub line: Line,
}

/// Where a viewer speaks. Never blocks: a full line drops the request and says so.
#[derive(Debug, Clone)]
pub struct Line {
    viewer: ViewerId,
    requests: mpsc::Sender<(ViewerId, Request)>,
}

impl Line {
    /// A line for that viewer into `requests`.
    #[must_use]
    pub fn new(viewer: ViewerId, requests: mpsc::Sender<(ViewerId, Request)>) -> Self {
        Self { viewer, requests }
    }

    /// Says something; answers whether it was taken.
    pub fn say(&self, request: Request) -> bool {
        self.requests.try_send((self.viewer, request)).is_ok()
    }
}

/// The engine's (or player's) end of a feed.
#[derive(Debug)]
pub struct FeedSender {
    /// Whose feed it is.
    pub viewer: ViewerId,
    deliveries: mpsc::Sender<Delivery>,
    behind: bool,
}

/// A feed for `viewer`, whose requests go into `requests`.
#[must_use]
pub fn feed(viewer: ViewerId, player: Player, requests: mpsc::Sender<(ViewerId, Request)>) -> (FeedSender, Feed) {
    let (sender, deliveries) = mpsc::channel(WAITING);
    let line = Line::new(viewer, requests);
    (FeedSender { viewer, deliveries: sender, behind: false }, Feed { viewer, player, deliveries, line })
}

impl FeedSender {
    /// Whether the viewer is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.deliveries.is_closed()
    }

    /// Offers entries. A viewer that does not keep up is never waited for: it misses them, and a snapshot follows as
    /// soon as there is room. `snapshot` is asked for only then.
    pub fn offer(&mut self, entries: &[Arc<Entry>], snapshot: impl FnOnce() -> Arc<State>) {
        if !self.behind {
            match self.deliveries.try_send(Delivery::Entries(entries.to_vec())) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => return,
                Err(mpsc::error::TrySendError::Full(_)) => self.behind = true,
            }
        }
        if let Ok(permit) = self.deliveries.try_reserve() {
            permit.send(Delivery::Snapshot(snapshot()));
            self.behind = false;
        }
    }

    /// Whether entries were missed and no snapshot could be sent yet.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// Sends something that is not an entry, where there is room.
    pub fn tell(&self, delivery: Delivery) -> bool {
        self.deliveries.try_send(delivery).is_ok()
    }

    /// Waits for room, then sends: for the player of a recording, which has time.
    ///
    /// # Errors
    /// When the viewer is gone.
    pub async fn send(&self, delivery: Delivery) -> Result<(), Gone> {
        self.deliveries.send(delivery).await.map_err(|_| Gone)
    }
}

/// The other end is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;
