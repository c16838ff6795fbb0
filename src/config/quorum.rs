//! How many of the latest probes have to agree, as people write it: `"2 of 3"`, or `2` for two in a row.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};

use crate::domain::Quorum;

/// So many of the latest probes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuorumSetting(pub Quorum);

/// What it looks like, for messages.
const EXAMPLES: &str = "\"2 of 3\", or 2 for two in a row";
/// More probes than that are not looked at.
const MOST: u32 = 30;

impl FromStr for QuorumSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text
            .split_once(" of ")
            .and_then(|(needed, of)| Some((needed.trim().parse::<u32>().ok()?, of.trim().parse::<u32>().ok()?)));
        let (needed, of) = numbers.ok_or_else(|| format!("expected {EXAMPLES}, found `{text}`"))?;
        if needed == 0 || needed > of || of > MOST {
            return Err(format!(
                "`{text}` cannot be met: the first number is from 1 to the second, which is {MOST} at most"
            ));
        }
        Ok(Self(Quorum { needed, of }))
    }
}

impl<'de> Deserialize<'de> for QuorumSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = QuorumSetting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXAMPLES)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<QuorumSetting, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, count: i64) -> Result<QuorumSetting, E> {
                format!("{count} of {count}").parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(u32, u32), &str>) {
        match (text.parse::<QuorumSetting>(), expected) {
            (Ok(QuorumSetting(found)), Ok((needed, of))) => assert_eq!(found, Quorum { needed, of }, "{text}"),
            (Err(message), Err(part)) => assert!(message.contains(part), "{text}: {message}"),
            (found, expected) => panic!("{text}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_quorum_is_some_of_some() {
        check("2 of 3", Ok((2, 3)));
        check(" 1 of 1 ", Ok((1, 1)));
        check("3 of 2", Err("cannot be met"));
        check("0 of 2", Err("cannot be met"));
        check("2 of 99", Err("cannot be met"));
        check("2/3", Err("expected \"2 of 3\""));
        check("-1 of 3", Err("expected \"2 of 3\""));
        check("", Err("expected \"2 of 3\""));
    }
}
