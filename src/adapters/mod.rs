//! Other tools' words into ours: pure, one tool a file.
//!
//! Text from outside becomes harmless in [`sanitize`] and loses its secrets in [`redact`]; then each tool's format is
//! read in its own file and never travels further.

pub mod agent_event;
pub mod deploy_step;
pub mod health;
pub mod pytest;
pub mod python;
pub mod redact;
pub mod reporter;
pub mod sanitize;
pub mod tool;
