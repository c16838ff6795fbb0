//! How far a connection came: the stages from the first packet to a server that is ready for work.

use serde::{Deserialize, Serialize};

/// A stage of a connection, in the order in which they are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A TCP connection is there, through a proxy's tunnel where there is one.
    Tcp,
    /// It is encrypted, and its certificate is trusted.
    Tls,
    /// The server, or something in its place, answered in HTTP.
    Http,
    /// The answer was yes: messages can come.
    Open,
    /// The server took the token: its first message is no error.
    Authenticated,
    /// The server says that it is ready, or works already.
    Ready,
}

impl Stage {
    /// All stages in order.
    pub const ALL: [Self; 6] = [Self::Tcp, Self::Tls, Self::Http, Self::Open, Self::Authenticated, Self::Ready];

    /// The name by which people know it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Open => "open",
            Self::Authenticated => "authenticated",
            Self::Ready => "ready",
        }
    }
}
