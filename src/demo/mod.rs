//! An embedded staging environment with a story to solve: real services, a real suite, a real deploy command.
//!
//! The demo is a foreign party to the console. It is reached only as any project is: services over loopback sockets, the
//! suite and the deploy command as child processes, everything between them described by a project file. So nothing
//! here names the console's own types, and the suite is a second implementation of `docs/reporter-protocol.md`.
//!
//! In reading order: the environment and what runs in it; then what a team would have beside it, which is a deploy
//! command, a suite and a project file; and the door through which the program starts the first two.

mod environment;
mod scenario;
mod world;

mod platform;
mod service;

mod agents;
mod http;
mod services;
mod websocket;

mod deploy;

mod catalogue;
mod module;
mod suite;

mod bench;
mod checks;
mod failure;

mod client;
mod meter;
mod reporter;
mod signals;

mod project;

mod hidden;

pub use environment::{Environment, start};
pub use hidden::hidden;
pub use project::project_toml;
pub use scenario::Scenario;
