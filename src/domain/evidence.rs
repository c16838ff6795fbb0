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
    /// Hosts beyond those that are listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_hosts: u32,
    /// What the test reported about itself, a bounded list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

/// A value that a test reported about itself: a latency, a count, a score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// What the test calls it.
    pub name: Text,
    /// The value, as text.
    pub text: Text,
    /// Whether the same number stands in the test's own source, so that nothing shows that it was measured.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub constant: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
