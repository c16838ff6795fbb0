//! Damping: how many of the latest probes have to agree before a service is believed to be otherwise than it was.
//!
//! Only what is believed is damped: it holds runs and makes news. Every single probe still counts as evidence of what
//! the environment did while a test ran, and is shown.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Beat, Health, Moment, Service};

/// So many of the latest probes: `2 of 3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// How many have to agree; at least one.
    pub needed: u32,
    /// Among how many, the latest included.
    pub of: u32,
}

impl Default for Quorum {
    fn default() -> Self {
        Self { needed: 1, of: 1 }
    }
}

impl Quorum {
    /// So many in a row, but for a quorum that asks for more.
    fn at_least(self, count: u32) -> Self {
        Self { needed: self.needed.max(count), of: self.of.max(count) }
    }

    fn is_met<'b>(self, newest_first: impl Iterator<Item = &'b Beat>, agrees: impl Fn(&Beat) -> bool) -> bool {
        newest_first.take(self.of as usize).filter(|beat| agrees(beat)).count() >= self.needed as usize
    }
}

impl fmt::Display for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.needed, self.of)
    }
}

/// How a service's probes are damped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Damping {
    /// What it takes to be believed to be better.
    pub better: Quorum,
    /// What it takes to be believed to be worse.
    pub worse: Quorum,
}

impl Damping {
    /// Whether every probe is believed at once.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// How well a service is, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Well,
    /// It serves, but not as it should.
    Degraded,
    /// It does not serve.
    Down,
}

impl Health {
    /// How well that is, where it is known.
    #[must_use]
    pub fn grade(&self) -> Option<Grade> {
        match self {
            Self::Unknown => None,
            Self::Healthy => Some(Grade::Well),
            Self::Degraded(_) => Some(Grade::Degraded),
            Self::Unhealthy(_) | Self::Unreachable(_) => Some(Grade::Down),
        }
    }

    /// Whether it serves, however well.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.grade().is_some_and(|grade| grade < Grade::Down)
    }

    /// Why it is not as it should be.
    #[must_use]
    pub fn why(&self) -> Option<&super::Text> {
        match self {
            Self::Unknown | Self::Healthy => None,
            Self::Degraded(why) | Self::Unhealthy(why) | Self::Unreachable(why) => Some(why),
        }
    }
}

impl Beat {
    fn grade(&self) -> Grade {
        match (self.healthy, self.degraded) {
            (true, _) => Grade::Well,
            (false, true) => Grade::Degraded,
            (false, false) => Grade::Down,
        }
    }
}

/// How many probes have to contradict the proof of a deploy: a single one may be an answer of the old instance.
const AGAINST_A_PROOF: u32 = 2;

impl Service {
    /// Whether what the latest probe says is to be believed, which is the last of the beats.
    pub(super) fn is_believable(&self, said: &Health) -> bool {
        let (Some(was), Some(now)) = (self.health.grade(), said.grade()) else { return true };
        let proved = self.proved.unwrap_or(Moment(0));
        let since_proof = || self.beats.iter().rev().take_while(move |beat| self.proved.is_none() || beat.at > proved);
        let Damping { better, worse } = self.spec.damping;
        if now < was {
            return better.is_met(since_proof(), |beat| beat.grade() < was);
        }
        let is_confirmed = self.proved.is_none() || since_proof().any(|beat| beat.grade() < Grade::Down);
        let worse = if is_confirmed { worse } else { worse.at_least(AGAINST_A_PROOF) };
        now == was || worse.is_met(since_proof(), |beat| beat.grade() > was)
    }

    /// What the latest probe says, where that is not believed yet.
    #[must_use]
    pub fn doubt(&self) -> Option<&Health> {
        (self.latest.grade() != self.health.grade()).then_some(&self.latest).filter(|latest| latest.grade().is_some())
    }
}
