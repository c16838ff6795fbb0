//! What a run does not prove: results that the environment spoilt, and tests that a run never came to.

mod circumstance;
mod partial;
mod story;
