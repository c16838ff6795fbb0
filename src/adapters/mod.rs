//! Other tools' words into ours: pure, one tool a file.
//!
//! Text from outside becomes harmless in [`sanitize`] and loses its secrets in [`redact`]; then each tool's format is
//! read in its own file and never travels further. Test tools are driven in the one shape of [`tool`].

pub mod cargo;
pub mod carried;
pub mod deployer;
pub mod detect;
pub mod git;
pub mod go;
pub mod health;
pub mod javascript;
pub mod json_schema;
pub mod log_answer;
pub mod log_line;
pub mod nextest;
pub mod page;
mod places;
pub mod protocol;
pub mod pytest;
pub mod python;
pub mod redact;
pub mod reporter;
pub mod results;
pub mod rust;
pub mod sanitize;
#[cfg(test)]
mod spoken;
pub mod sse;
mod time;
pub mod tool;
