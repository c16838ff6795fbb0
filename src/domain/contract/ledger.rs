//! What was heard while a contract ran: everything that the judge may look at, in the order in which it happened.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::checks::closing;
use super::spec::{ContractSpec, Expected};
use super::why::run_in;
use super::wire::Wire;
use crate::domain::{AgentEvent, AgentKind, Moment, Refusal, Span, Text};

/// The message that was sent to start a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// When.
    pub at: Moment,
    /// The message, secrets masked.
    pub text: Text,
    /// How many bytes went out, where that was counted.
    #[serde(default)]
    pub size: Option<u32>,
}

impl Sent {
    /// A message as it was sent; for the record its secrets are masked.
    #[must_use]
    pub fn new(at: Moment, text: Text, bytes: usize) -> Self {
        Self { at, text, size: Some(bytes.try_into().unwrap_or(u32::MAX)) }
    }

    /// How large it was on the wire.
    pub(super) fn bytes(&self) -> usize {
        self.size.map_or(self.text.len(), |size| size as usize)
    }

    /// The run id that it asks for, where it has one.
    #[must_use]
    pub fn run(&self) -> Option<Text> {
        run_in(&self.text).map(Text::from)
    }
}

/// How the connection of a contract ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The handshake was refused.
    Refused(Refusal),
    /// The server closed it.
    Closed {
        /// The close code, where a close frame came.
        code: Option<u16>,
        /// The reason that it gave.
        reason: Text,
    },
    /// It broke, or the server went away.
    Lost {
        /// What was seen.
        why: Text,
    },
    /// We closed it: the run had ended, and a moment more had been waited.
    Settled,
    /// We closed it: the time was over.
    OutOfTime {
        /// How long was waited.
        limit: Span,
    },
}

impl Ending {
    /// Why the connection was gone before its time, where nobody meant to say anything by it: it broke, or the server
    /// left, was restarted or asked to come again later.
    pub(super) fn cut(&self) -> Option<String> {
        match self {
            Self::Lost { why } => Some(why.to_string()),
            Self::Closed { code: code @ Some(1001 | 1006 | 1012 | 1013), reason } => {
                Some(format!("closed{}", closing(*code, reason)))
            }
            Self::Closed { .. } | Self::Refused(_) | Self::Settled | Self::OutOfTime { .. } => None,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "refused: {}", refusal.why),
            Self::Closed { code, reason } => write!(f, "closed by the server{}", closing(*code, reason)),
            Self::Lost { why } => write!(f, "lost: {why}"),
            Self::Settled => f.write_str("closed by us, the run is over"),
            Self::OutOfTime { limit } => write!(f, "closed by us after {limit}"),
        }
    }
}

/// What was heard on one connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// When the connection began.
    pub began: Moment,
    /// When the handshake succeeded.
    pub opened: Option<Moment>,
    /// The revision that the stream's service said it serves as this began, where that is known.
    pub revision: Option<Text>,
    /// The revision that served at the end, where that is known.
    pub revision_at_end: Option<Text>,
    /// The revision that the connection itself named: in the answer to its handshake, or in its first messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Text>,
    /// Whether the server says by an event that it is ready; where it does not, an open connection is ready.
    pub announces_ready: bool,
    /// The user that the token was given for, where that is known.
    pub user: Option<Text>,
    /// The run id that was asked for, where the message has one.
    pub run: Option<Text>,
    /// What was sent.
    pub sent: Option<Sent>,
    /// What came, in order.
    pub events: Vec<AgentEvent>,
    /// What each of these carried beside its meaning.
    #[serde(default)]
    pub wire: Vec<Wire>,
    /// Why the schemas of its messages could not be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_schema: Option<Text>,
    /// How many more came than are kept.
    pub left_out: u32,
    /// How long our own pings were under way.
    pub round_trips: Vec<Span>,
    /// How long the stream's service took to answer over HTTP.
    #[serde(default)]
    pub api: Vec<Span>,
    /// How it ended.
    pub ending: Ending,
    /// When it ended.
    pub ended: Moment,
}

impl Ledger {
    /// When the connection was ready for use.
    #[must_use]
    pub fn ready_at(&self) -> Option<Moment> {
        let opened = self.opened?;
        let ready = self.events.iter().find(|event| event.kind == AgentKind::Ready).map(|event| event.at);
        if self.announces_ready || self.was_turned_away() { ready } else { ready.or(Some(opened)) }
    }

    /// Whether the server closed the connection before anything but an error came.
    fn was_turned_away(&self) -> bool {
        matches!(self.ending, Ending::Closed { .. })
            && self.events.iter().all(|event| {
                matches!(event.kind, AgentKind::Error | AgentKind::Heartbeat | AgentKind::System) && self.sent.is_none()
            })
    }

    /// Events of agents with their numbers, counted from 1 among all that came.
    pub(super) fn agent_events(&self) -> impl DoubleEndedIterator<Item = (u32, &AgentEvent)> {
        self.numbered().filter(|(_, event)| is_agents(event.kind))
    }

    pub(super) fn numbered(&self) -> impl DoubleEndedIterator<Item = (u32, &AgentEvent)> {
        self.events.iter().enumerate().map(|(place, event)| (place as u32 + 1, event))
    }

    pub(super) fn has_agent_events(&self) -> bool {
        self.agent_events().next().is_some()
    }

    /// The event by which the run said that it is over.
    pub(super) fn end(&self) -> Option<(u32, &AgentEvent)> {
        self.agent_events().rev().find(|(_, event)| is_end(event.kind))
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end().is_some()
    }

    /// Whether a run has ended, the agents inside of it included.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let of = |kind: AgentKind| self.agent_events().filter(|(_, event)| event.kind == kind).count();
        self.has_ended() && of(AgentKind::AgentCompleted) + of(AgentKind::AgentFailed) >= of(AgentKind::AgentStarted)
    }

    /// The revision that answered: as the connection named it, else as its service did. A service that is held against
    /// the connection cannot speak for it.
    pub(super) fn answered(&self, spec: &ContractSpec) -> Option<&Text> {
        match &spec.revision {
            Some(Expected::Current) => self.said.as_ref(),
            Some(Expected::Named(_)) | None => self.said.as_ref().or(self.revision.as_ref()),
        }
    }

    /// The name of the revision that has to answer, where that is known.
    pub(super) fn wanted<'a>(&'a self, spec: &'a ContractSpec) -> Option<&'a Text> {
        match spec.revision.as_ref()? {
            Expected::Named(name) => Some(name),
            Expected::Current => self.revision.as_ref(),
        }
    }

    /// The revisions at both ends, where they differ.
    pub(super) fn straddles(&self) -> Option<(&Text, &Text)> {
        self.revision.as_ref().zip(self.revision_at_end.as_ref()).filter(|(before, after)| before != after)
    }
}

/// Whether an event of that kind is an agent's own.
pub(in crate::domain) fn is_agents(kind: AgentKind) -> bool {
    match kind {
        AgentKind::AgentStarted
        | AgentKind::AgentThinking
        | AgentKind::ToolExecuting
        | AgentKind::ToolCompleted
        | AgentKind::AgentCompleted
        | AgentKind::AgentFailed
        | AgentKind::Progress => true,
        AgentKind::Ready
        | AgentKind::Acknowledged
        | AgentKind::Error
        | AgentKind::Heartbeat
        | AgentKind::System
        | AgentKind::Unknown => false,
    }
}

/// Whether an event of that kind ends a run.
pub(super) fn is_end(kind: AgentKind) -> bool {
    matches!(kind, AgentKind::AgentCompleted | AgentKind::AgentFailed)
}
