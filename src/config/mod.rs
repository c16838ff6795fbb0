//! Typed settings with located errors: what a user may write, where it went wrong, and what the engine is handed.
//!
//! In reading order: the settings as they are written; the project that they become once variables are put in; the way
//! from texts to both, with what is said about mistakes; the files; and which commands a project may start. No network,
//! no terminal, no waiting.

pub mod quorum;
pub mod settings;
pub mod template;
pub mod timespan;

pub mod probe;
pub mod project;
pub mod resolve;

pub mod load;

mod autopilot;
mod complaint;
pub mod date;
mod layers;
pub mod mapping;
pub mod mistake;
pub mod places;
pub mod platform;
mod secrets;
mod token;

pub mod files;

pub mod trust;
