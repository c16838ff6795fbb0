//! Typed settings with located errors: what a user may write, where it went wrong, and what the engine is handed.
//!
//! In reading order: the small value types, the settings as they are written, the project as it is after variables
//! were put in. No network, no terminal, no waiting.

pub mod project;
pub mod settings;
pub mod template;
pub mod timespan;
