//! The session's clock: the wall's time at the start, carried on by the monotonic clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::domain::{Moment, Span};

/// Tells moments that never run backwards, whatever happens to the wall clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    at_start: Moment,
}

impl Clock {
    /// A clock that begins with the wall's time.
    #[must_use]
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), at_start: Moment(Span::from(since_epoch).0) }
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.at_start.after(self.start.elapsed().into())
    }
}
