//! What can happen to a stream.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::stream::Refusal;
use crate::domain::{AgentEvent, Moment, Span, StreamId, Text};

/// What happened to a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamEvent {
    /// A handshake began.
    Connecting {
        /// Which stream.
        stream: StreamId,
    },
    /// The handshake succeeded.
    Opened {
        /// Which stream.
        stream: StreamId,
        /// How long it took.
        took: Span,
        /// The subprotocol that the server chose.
        subprotocol: Option<Text>,
        /// What is unusual about the server.
        findings: Vec<Text>,
    },
    /// It said which revision it talks to: in the answer to its handshake, or in its first words.
    RevisionSeen {
        /// Which stream.
        stream: StreamId,
        /// The revision.
        revision: Text,
    },
    /// The handshake was refused.
    Refused {
        /// Which stream.
        stream: StreamId,
        /// The answer.
        refusal: Arc<Refusal>,
    },
    /// Messages came.
    Received {
        /// Which stream.
        stream: StreamId,
        /// The messages, in order.
        events: Vec<AgentEvent>,
    },
    /// A ping came back.
    Measured {
        /// Which stream.
        stream: StreamId,
        /// How long it was under way.
        round_trip: Span,
    },
    /// The connection closed.
    Closed {
        /// Which stream.
        stream: StreamId,
        /// The close code, where a close frame came.
        code: Option<u16>,
        /// The reason given, or what was seen.
        reason: Text,
        /// Whether a deploy or we ourselves explain it.
        expected: bool,
    },
    /// The next try has to wait.
    Waiting {
        /// Which stream.
        stream: StreamId,
        /// How long.
        delay: Span,
        /// Why.
        why: Text,
    },
    /// There will be no further try.
    Stopped {
        /// Which stream.
        stream: StreamId,
        /// Why.
        why: Text,
        /// What to do about it.
        advice: Text,
    },
    /// Messages came faster than they could be kept.
    Overflowed {
        /// Which stream.
        stream: StreamId,
        /// How many were dropped.
        dropped: u64,
    },
    /// A token was obtained.
    TokenObtained {
        /// Which stream.
        stream: StreamId,
        /// When it expires, where that can be read.
        expires: Option<Moment>,
    },
    /// Something was sent.
    Sent {
        /// Which stream.
        stream: StreamId,
        /// What.
        text: Text,
    },
}

impl StreamEvent {
    /// The stream that it is about.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        match self {
            Self::Connecting { stream }
            | Self::Opened { stream, .. }
            | Self::RevisionSeen { stream, .. }
            | Self::Refused { stream, .. }
            | Self::Received { stream, .. }
            | Self::Measured { stream, .. }
            | Self::Closed { stream, .. }
            | Self::Waiting { stream, .. }
            | Self::Stopped { stream, .. }
            | Self::Overflowed { stream, .. }
            | Self::TokenObtained { stream, .. }
            | Self::Sent { stream, .. } => *stream,
        }
    }
}
