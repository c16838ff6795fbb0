//! The `liveloop` binary: a thin door to [`liveloop::cli`].

use std::ffi::OsString;
use std::process::ExitCode;

use liveloop::{cli, demo, engine::supervisor};

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    // Before anything else: a supervisor must be small and quick to start.
    if args.first().is_some_and(|first| first == supervisor::SUBCOMMAND) {
        return supervisor::supervise(&args[1..]);
    }
    demo::hidden(&args).unwrap_or_else(cli::main)
}
