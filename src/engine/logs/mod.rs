//! The logs of services: followed from a `command` or over `http`, gathered into few entries, and followed anew
//! when their source ends.

pub mod follow;
pub mod gather;

mod command;
mod http;
