//! Time, order, durability, all I/O.
//!
//! [`core`] is the loop that everything passes through; [`journal`] makes it durable, [`hub`] publishes it,
//! [`executor`] performs what it asks for through the drivers: [`runner`], [`deploy`], [`probe`], [`stream`].

pub mod core;
pub mod session;

pub mod baseline;
pub mod clock;
pub mod fix;
pub mod folder;
pub mod history;
pub mod hub;
pub mod journal;
pub mod keep;
pub mod masks;
pub mod notes;
pub mod recall;
pub mod reports;
pub mod source;

pub mod executor;
pub mod means;

pub mod contract;
pub mod deploy;
mod hook;
pub mod http;
pub mod links;
pub mod live;
pub mod logs;
pub mod probe;
pub mod runner;
pub mod stream;
pub mod stub;
pub mod watch;

pub mod process;
pub mod supervisor;
