//! Durations as people write them: `500ms`, `5s`, `1m30s`, `15m`, `2h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer};

/// A length of time written with its unit, so that nobody has to guess whether `5` meant seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timespan(pub Duration);

/// The units, longest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// What a duration looks like, for messages.
const EXAMPLES: &str = "a duration like \"500ms\", \"5s\", \"1m30s\" or \"2h\"";

impl Timespan {
    /// A whole number of milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// A whole number of seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl From<Timespan> for Duration {
    fn from(span: Timespan) -> Self {
        span.0
    }
}

impl FromStr for Timespan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(format!("expected {EXAMPLES}"));
        }
        let mut millis = 0_u64;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, tail) = rest.split_at(digits);
            let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
            let (unit, tail) = tail.split_at(letters);
            if number.is_empty() {
                return Err(format!("expected {EXAMPLES}, found `{text}`"));
            }
            if unit.is_empty() {
                return Err(format!("`{text}` has no unit: expected {EXAMPLES}"));
            }
            let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
                return Err(format!("unknown unit `{unit}`: expected {EXAMPLES}"));
            };
            millis = number
                .parse::<u64>()
                .ok()
                .and_then(|number| number.checked_mul(*factor))
                .and_then(|part| millis.checked_add(part))
                .ok_or_else(|| format!("`{text}` is too long a time"))?;
            rest = tail.trim_start();
        }
        Ok(Self::from_millis(millis))
    }
}

impl fmt::Display for Timespan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if millis == 0 {
            return f.write_str("0s");
        }
        for (unit, factor) in UNITS {
            if millis >= factor {
                write!(f, "{}{unit}", millis / factor)?;
                millis %= factor;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Timespan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Timespan;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXAMPLES)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timespan, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<u64, &str>) {
        match (text.parse::<Timespan>(), expected) {
            (Ok(span), Ok(millis)) => assert_eq!(span, Timespan::from_millis(millis), "{text}"),
            (Err(message), Err(part)) => assert!(message.contains(part), "{text}: {message}"),
            (found, expected) => panic!("{text}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_duration_needs_its_unit() {
        check("500ms", Ok(500));
        check("5s", Ok(5_000));
        check("1m30s", Ok(90_000));
        check("1h 5m", Ok(3_900_000));
        check("0s", Ok(0));
        check("5", Err("has no unit"));
        check("", Err("expected a duration"));
        check("fast", Err("expected a duration"));
        check("5 parsecs", Err("expected a duration"));
        check("5parsecs", Err("unknown unit `parsecs`"));
        check("99999999999999999999s", Err("too long"));
        check("-5s", Err("expected a duration"));
    }

    #[test]
    fn it_prints_as_it_is_written() {
        for text in ["500ms", "5s", "1m30s", "15m", "1h", "1d2h3m4s5ms", "0s"] {
            assert_eq!(text.parse::<Timespan>().expect("a duration").to_string(), text);
        }
    }
}
