//! What a session knows, as text for somebody who was not there.
//!
//! Pure: a state in, a text out. What is in a state was made harmless and masked at the door, and nothing else is looked
//! at, so that no report holds what must not leave.

pub mod facts;
pub mod hand_off;

mod around;
mod bundle;
mod charts;
mod ctrf;
mod excerpt;
mod junit;
pub mod markdown;
mod render;
pub mod rerun;
pub mod shell;
mod time;

pub use bundle::bundle;
pub use facts::{About, Facts};
pub use hand_off::hand_off;
pub use render::{Form, render};
