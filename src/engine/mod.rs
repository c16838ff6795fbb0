//! The only I/O.

pub mod clock;
pub mod folder;
pub mod journal;
pub mod process;
pub mod supervisor;
