//! The words between the engine and a viewer: what a viewer receives, and what it may say.
//!
//! A local screen, a second person over a socket and a replay differ only in where their [`Feed`] comes from.

mod feed;
mod player;

pub use feed::{Clock, Delivery, Feed, FeedSender, Gone, Line, Playback, Player, Request, feed};
pub use player::Recorded;
