//! Streams: a WebSocket, or an answer over HTTP, from a source of agent events, kept open for as long as somebody wants it.
//!
//! In reading order: what must not be shown, where tokens come from, how a connection is opened, what its bytes count,
//! when it is tried again, and the task that does all of it.

pub mod secret;
pub mod token;

pub mod answer;
pub mod handshake;

pub mod backoff;
pub mod link;

pub(super) mod connection;
mod outbox;
mod wire;
pub(super) mod witness;
