//! What a health probe asks over HTTP: plain specs, every default decided.

use super::project::HeaderSpec;

/// GET requests that tell a service's health; every one has to be answered well.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpProbe {
    /// What is asked, at least one.
    pub asks: Vec<HttpAsk>,
    /// The statuses that count as healthy.
    pub status: Vec<u16>,
    /// Headers to send.
    pub headers: Vec<HeaderSpec>,
}

/// One GET request.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpAsk {
    /// Its path, for people.
    pub path: String,
    /// The whole URL.
    pub url: String,
    /// What the JSON answer has to hold.
    pub conditions: Vec<JsonCondition>,
}

/// What a JSON answer has to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonCondition {
    /// Where (RFC 6901).
    pub pointer: String,
    /// What.
    pub wanted: Wanted,
}

/// What has to stand at a place of a JSON answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// Anything but `null`.
    Something,
    /// One of these, as text.
    OneOf(Vec<String>),
    /// A number within bounds.
    Within {
        /// No less than this.
        at_least: Option<f64>,
        /// No more than this.
        at_most: Option<f64>,
    },
}

/// The opening of a WebSocket, which tells whether the service is alive.
#[derive(Clone, Debug, PartialEq)]
pub struct WebsocketProbe {
    /// The whole URL, `ws` or `wss`.
    pub url: String,
    /// The answers that count as alive: 101, and perhaps a no that only a living service says.
    pub status: Vec<u16>,
    /// Offered in the opening handshake.
    pub subprotocols: Vec<String>,
    /// Headers of the opening handshake.
    pub headers: Vec<HeaderSpec>,
}
