//! Points in time and distances between them, in microseconds.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: microseconds since the Unix epoch. The engine derives it from a monotonic clock, so moments of one
/// session never run backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// The time that passed since `earlier`; zero where `earlier` is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// The moment `span` later.
    #[must_use]
    pub fn after(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

/// A length of time in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub u64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of whole milliseconds.
    #[must_use]
    pub const fn millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// A span of whole seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Seconds that came from outside as a float; negative, infinite and absent-minded values become zero.
    #[must_use]
    pub fn from_secs_f64(seconds: f64) -> Self {
        if seconds.is_finite() && seconds > 0.0 { Self((seconds * 1e6) as u64) } else { Self::ZERO }
    }

    /// This span in seconds.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// This span in whole milliseconds, rounded down.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        self.0 / 1_000
    }
}

/// For sentences: `0.4 ms`, `81 ms`, `3.2 s`, `1:12`, `1:02:03`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000_000;
        match self.0 {
            0..10_000 => write!(f, "{:.1} ms", self.0 as f64 / 1e3),
            10_000..999_500 => write!(f, "{} ms", (self.0 + 500) / 1_000),
            999_500..59_950_000 => write!(f, "{:.1} s", self.as_secs_f64()),
            59_950_000..3_600_000_000 => write!(f, "{}:{:02}", seconds.max(60) / 60, seconds.max(60) % 60),
            _ => write!(f, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
        }
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        Self::from_micros(span.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_runs_backwards_is_no_time() {
        assert_eq!(Moment(5).since(Moment(9)), Span::ZERO);
        assert_eq!(Moment(9).since(Moment(5)), Span(4));
    }

    #[test]
    fn a_span_is_said_in_few_short_forms() {
        let said = [400, 9_900, 81_200, 999_600, 3_240_000, 59_960_000, 72_000_000, 3_723_000_000].map(Span);
        let told: Vec<String> = said.iter().map(Span::to_string).collect();
        assert_eq!(told, ["0.4 ms", "9.9 ms", "81 ms", "1.0 s", "3.2 s", "1:00", "1:12", "1:02:03"]);
    }

    #[test]
    fn wild_seconds_become_zero() {
        for wild in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(Span::from_secs_f64(wild), Span::ZERO);
        }
        assert_eq!(Span::from_secs_f64(1.5), Span::millis(1500));
    }
}
