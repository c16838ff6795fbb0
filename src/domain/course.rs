//! The course of a test over the cycles: how it ended in each, in as few bytes as that takes, so that a long night and
//! what came before it can be seen at a glance.

use serde::{Deserialize, Serialize};

use super::{CauseId, Causes, Outcome, TestCase, Text};

/// How many cycles are kept for each test.
const KEPT: usize = 60;
/// How many of those are handed on to the next session.
const HANDED_ON: usize = 30;

/// How a test ended in a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// The cycle.
    pub cycle: u32,
    /// How its last attempt in that cycle ended.
    pub outcome: Outcome,
    /// Whether the environment spoilt that.
    pub spoilt: bool,
    /// Why it failed.
    pub why: Why,
}

/// Why a test failed in a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Why {
    /// It did not, or nobody knows.
    #[default]
    Unknown,
    /// For a cause of this session.
    Cause(CauseId),
    /// For a cause of an earlier session, by the number in its key.
    Key(u32),
}

impl Why {
    /// What a signature's short key says, without its class.
    #[must_use]
    pub fn of_key(key: &str) -> Self {
        let number = key.rsplit(':').next().and_then(|hash| u32::from_str_radix(hash, 16).ok());
        number.map_or(Self::Unknown, Self::Key)
    }

    fn key(self, causes: &Causes) -> Option<u32> {
        match self {
            Self::Unknown => None,
            Self::Key(key) => Some(key),
            Self::Cause(id) => match Self::of_key(&causes.get(id)?.key) {
                Self::Key(key) => Some(key),
                Self::Unknown | Self::Cause(_) => None,
            },
        }
    }

    /// Whether two failures are known to have different causes.
    #[must_use]
    pub fn differs(self, other: Self, causes: &Causes) -> bool {
        match (self, other) {
            (Self::Cause(one), Self::Cause(two)) => one != two,
            _ => self.key(causes).zip(other.key(causes)).is_some_and(|(one, two)| one != two),
        }
    }
}

/// How a test ended in the newest cycles in which it ran, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Text", into = "String")]
pub struct Course(Vec<Stop>);

impl Course {
    /// No cycle is known in which it ran.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// From attempts, the newest first, of which the newest of each cycle counts.
    #[must_use]
    pub fn of_newest_first(stops: impl Iterator<Item = Stop>) -> Self {
        let mut course: Vec<Stop> = Vec::new();
        for stop in stops {
            if course.last().is_none_or(|newer| newer.cycle > stop.cycle) && course.len() < HANDED_ON {
                course.push(stop);
            }
        }
        course.reverse();
        Self(course)
    }

    /// All of it, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Stop> + ExactSizeIterator {
        self.0.iter()
    }

    /// How it ended in that cycle; nothing where it did not run in it, or that is forgotten.
    #[must_use]
    pub fn at(&self, cycle: u32) -> Option<&Stop> {
        self.0.binary_search_by_key(&cycle, |stop| stop.cycle).ok().map(|place| &self.0[place])
    }

    /// How it stood after that cycle: how it ended in it, or in the last one before in which it ran.
    #[must_use]
    pub fn after(&self, cycle: u32) -> Option<&Stop> {
        self.0[..self.0.partition_point(|stop| stop.cycle <= cycle)].last()
    }

    /// Takes note of how it ended; what was known of that cycle gives way.
    pub(super) fn note(&mut self, stop: Stop) {
        match self.0.binary_search_by_key(&stop.cycle, |known| known.cycle) {
            Ok(place) => self.0[place] = stop,
            Err(place) => self.0.insert(place, stop),
        }
        if self.0.len() > KEPT {
            self.0.remove(0);
        }
    }

    /// Puts what earlier sessions knew before what this one has seen.
    pub(super) fn recall(&mut self, earlier: &Self) {
        let seen = std::mem::replace(self, earlier.clone());
        seen.0.into_iter().for_each(|stop| self.note(stop));
    }
}

impl TestCase {
    /// The latest attempt is how it ended in its cycle.
    pub(super) fn remember_course(&mut self) {
        if let Some(latest) = self.latest.as_ref().filter(|latest| latest.run.is_some()) {
            self.course.note(Stop {
                cycle: latest.cycle,
                outcome: latest.outcome,
                spoilt: !latest.circumstance.is_steady(),
                why: latest.cause.map_or(Why::Unknown, Why::Cause),
            });
        }
    }
}

/// A letter each, in the order of [`Outcome::ALL`].
const LETTERS: &[u8; Outcome::ALL.len()] = b"pfesxXktcil";

/// `12p 13f!1a2b3c4d 14f#3`: cycle, outcome, whether it was spoilt, and why. A thousand tests fit into a line of a
/// journal.
impl From<Course> for String {
    fn from(course: Course) -> Self {
        let told = |stop: &Stop| {
            let letter = char::from(LETTERS[stop.outcome as usize]);
            let spoilt = if stop.spoilt { "!" } else { "" };
            let why = match stop.why {
                Why::Unknown => Self::new(),
                Why::Cause(id) => format!("#{}", id.0),
                Why::Key(key) => format!("{key:x}"),
            };
            format!("{}{letter}{spoilt}{why}", stop.cycle)
        };
        course.0.iter().map(told).collect::<Vec<_>>().join(" ")
    }
}

/// What cannot be understood is left out: it is a memory, not a record.
impl From<Text> for Course {
    fn from(text: Text) -> Self {
        let read = |word: &str| {
            let (cycle, rest) = word.split_at(word.find(|c: char| !c.is_ascii_digit())?);
            let letter = rest.bytes().next()?;
            let outcome = Outcome::ALL[LETTERS.iter().position(|known| *known == letter)?];
            let (spoilt, why) = rest[1..].strip_prefix('!').map_or((false, &rest[1..]), |why| (true, why));
            let why = match why.strip_prefix('#') {
                Some(id) => id.parse().map_or(Why::Unknown, |id| Why::Cause(CauseId(id))),
                None => Why::of_key(why),
            };
            Some(Stop { cycle: cycle.parse().ok()?, outcome, spoilt, why })
        };
        let mut course = Self::default();
        text.split(' ').filter_map(read).for_each(|stop| course.note(stop));
        course
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(text: &str) -> Course {
        Course::from(Text::from(text))
    }

    #[test]
    fn a_course_is_told_in_few_letters_and_read_back() {
        let told = "3p 4f1a2b3c4d 5f!#7 6l 9k";
        assert_eq!(String::from(course(told)), told);
        assert_eq!(String::from(course("x 5 7? 99999999999p 8p")), "8p", "what is no course is left out");
    }

    #[test]
    fn a_test_stands_as_it_ended_last() {
        let course = course("3p 5f1");
        let outcome = |stop: Option<&Stop>| stop.map(|stop| stop.outcome);
        assert_eq!(outcome(course.at(4)), None);
        assert_eq!(outcome(course.after(4)), Some(Outcome::Passed));
        assert_eq!(outcome(course.after(9)), Some(Outcome::Failed));
        assert_eq!(outcome(course.after(2)), None);
    }
}
