//! Other tools' words into ours: pure, one tool a file.

pub mod pytest;
pub mod python;
pub mod reporter;
pub mod sanitize;
