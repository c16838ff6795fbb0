//! The logs of services: followed from a `command` or over `http`, gathered into few entries, and followed anew
//! when their source ends.

pub mod follow;
pub mod gather;

mod command;
mod http;

use std::future::pending;

use tokio::time::{Instant, sleep_until};

/// Until then; for ever, where nothing is due.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}
