//! Time, order, durability, all I/O.

pub mod http;
pub mod stream;
