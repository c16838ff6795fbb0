//! The `liveloop` binary: a thin door to [`liveloop::cli`].

use std::{ffi::OsString, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    liveloop::demo::hidden(&arguments).unwrap_or(ExitCode::SUCCESS)
}
