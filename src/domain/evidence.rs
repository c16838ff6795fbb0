//! What an attempt touched: a pass is worth as much as what it met.

use serde::{Deserialize, Serialize};

use super::Text;

/// How far an attempt went towards the environment; more is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// It touched nothing outside its own process.
    #[default]
    None,
    /// It exchanged bytes over the network in a way that is neither of the following.
    Network,
    /// It spoke HTTP.
    Http,
    /// It opened a WebSocket, or spoke on one.
    Websocket,
}

impl Grade {
    /// Every grade, in order.
    pub const ALL: [Self; 4] = [Self::None, Self::Network, Self::Http, Self::Websocket];

    /// The grade as people and reports say it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Network => "network",
            Self::Http => "http",
            Self::Websocket => "websocket",
        }
    }
}

/// What one attempt exchanged with the world outside its process, as its runner measured it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// How far it went.
    pub grade: Grade,
    /// The hosts that it talked to, as `host:port`, in the order of the first word, a bounded list.
    pub hosts: Vec<Text>,
    /// Bytes that it sent.
    pub sent: u64,
    /// Bytes that it received.
    pub received: u64,
}
