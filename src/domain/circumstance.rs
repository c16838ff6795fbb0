//! What the environment did while an attempt ran: whether its outcome says anything about the test.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Cause, CauseClass, Moment, Outcome, Signature, Standing, Text};

/// What the environment did while an attempt ran.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Circumstance {
    /// Nothing that is known: the outcome is the test's own.
    #[default]
    Steady,
    /// It failed, and a service that was not well explains that: not the test's fault.
    Environment(Disturbance),
    /// It began on one deploy state and ended on another, so that nobody knows what it met: neither a pass nor a
    /// failure.
    Straddled,
}

/// What kept a service from serving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disturbance {
    /// Which service.
    pub service: Text,
    /// What of: the words of the probe, or that it was being deployed.
    pub why: Trouble,
    /// Since when that was known.
    pub since: Moment,
}

/// Why a service did not serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// A probe said so, in these words: `HTTP 503`.
    Down(Text),
    /// It was being deployed.
    Deploying,
}

impl Circumstance {
    /// Whether the outcome is the test's own.
    #[must_use]
    pub fn is_steady(&self) -> bool {
        *self == Self::Steady
    }

    /// What kept a service from serving, where that explains a failure.
    #[must_use]
    pub fn disturbance(&self) -> Option<&Disturbance> {
        match self {
            Self::Environment(disturbance) => Some(disturbance),
            Self::Steady | Self::Straddled => None,
        }
    }

    /// What an attempt counts as that ended so under this circumstance.
    #[must_use]
    pub fn counts(&self, outcome: Outcome) -> Counted {
        match self {
            Self::Steady => Counted::As(Standing::Done(outcome)),
            Self::Environment(_) => Counted::Environment,
            Self::Straddled => Counted::Straddled,
        }
    }
}

impl Disturbance {
    /// What all failures that it explains have in common: they are one cause.
    pub(super) fn signature(&self) -> Signature {
        let what = match &self.why {
            Trouble::Down(_) => "was down",
            Trouble::Deploying => "was being deployed",
        };
        let title: Text = format!("{} {what}", self.service).into();
        let message = title.clone();
        Signature { class: CauseClass::Environment, title, exception: None, place: None, message, wording: None }
    }
}

impl fmt::Display for Disturbance {
    /// `backend: HTTP 503`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Trouble::Down(why) => write!(f, "{}: {why}", self.service),
            Trouble::Deploying => write!(f, "{}: it was being deployed", self.service),
        }
    }
}

/// What is said where a service goes away in the middle of a conversation.
const CUT_OFF: [&str; 9] = [
    "no close frame",
    "close 1001",
    "close 1006",
    "close 1012",
    "connection lost",
    "connection reset",
    "broken pipe",
    "server disconnected",
    "remote end closed connection",
];

impl Cause {
    /// Whether its failures look like a service that had just gone away.
    #[must_use]
    pub fn looks_like_outage(&self) -> bool {
        let says = |text: &str| {
            let text = text.to_lowercase();
            CUT_OFF.iter().any(|words| text.contains(words))
        };
        !self.disturbs
            && (self.class() == CauseClass::Environment || says(&self.signature.title) || says(&self.signature.message))
    }
}

/// What a test is counted as. Every test is counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// As what it stands at.
    As(Standing),
    /// As a failure that is accepted.
    Known,
    /// As a failure that is the environment's.
    Environment,
    /// As one of which nobody knows what it met.
    Straddled,
}

impl From<Standing> for Counted {
    fn from(standing: Standing) -> Self {
        Self::As(standing)
    }
}
