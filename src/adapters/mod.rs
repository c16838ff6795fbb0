//! Other tools' words into ours: pure, one tool a file.

pub mod agent_event;
