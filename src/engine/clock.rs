//! The session's clock: the wall's time at the start, carried on by the monotonic clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

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

/// The wall's time in the zone of this machine.
///
/// The zone is read from the one file that says what it is: to find its name too, jiff looks through the whole database
/// of zones, which would take a fifth of the time until the first frame.
#[must_use]
pub fn local_now() -> Zoned {
    let own = || TimeZone::tzif("local", &std::fs::read("/etc/localtime").ok()?).ok();
    let told_otherwise = std::env::var_os("TZ").is_some();
    let zone = if told_otherwise { None } else { own() };
    Timestamp::now().to_zoned(zone.unwrap_or_else(TimeZone::system))
}
