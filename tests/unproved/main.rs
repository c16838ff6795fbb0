//! What a run does not prove: results that the environment spoilt, and tests that a run never came to.
#![cfg(target_os = "linux")]

mod circumstance;
mod earlier;
mod headless;
mod partial;
mod resume;
mod story;

#[path = "../support/home.rs"]
mod home;
#[path = "../support/processes.rs"]
mod processes;
#[path = "../support/suite.rs"]
mod suite;
