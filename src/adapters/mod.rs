//! Other tools' words into ours: pure, one tool a file.

pub mod deploy_step;
pub mod health;
pub mod redact;
pub mod sanitize;
