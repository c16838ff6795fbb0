//! Other tools' words into ours: pure, one tool a file.

pub mod redact;
pub mod sanitize;
