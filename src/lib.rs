//! liveloop, a terminal console for the test-deploy loop.
//!
//! Everything that happens is an [event](domain::Event) in one order. The [`engine`] stamps it, appends it to the
//! journal, folds it into the [state](domain::State), publishes it, then performs the effects that the fold asked for.
//! A viewer is a copy of the same fold plus a private view. `ARCHITECTURE.md` has the whole shape.

pub mod adapters;
pub mod attach;
pub mod cli;
pub mod config;
pub mod demo;
pub mod domain;
pub mod engine;
pub mod report;
pub mod ui;
