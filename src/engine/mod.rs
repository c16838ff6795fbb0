//! The only I/O.

pub mod process;
pub mod supervisor;
