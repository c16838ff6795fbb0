//! An embedded staging environment with a story to solve: real services, a real suite, a real deploy command.
//!
//! The demo is a foreign party to the console. It is reached only as any project is: services over loopback sockets, the
//! suite and the deploy command as child processes, everything between them described by a project file. So nothing
//! here names the console's own types, and the suite is a second implementation of `docs/reporter-protocol.md`.
//!
//! In reading order: the environment and what runs in it,

mod agents;
mod environment;
mod http;
mod platform;
mod services;
mod world;

// then what a team would have beside it: a deploy command, a suite, a project file.

mod catalogue;
mod checks;
mod client;
mod deploy;
mod hidden;
mod module;
mod project;
mod reporter;
mod suite;

pub use environment::{Environment, start};
pub use hidden::hidden;
pub use project::project_toml;
pub use world::Scenario;
