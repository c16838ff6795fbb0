//! The subcommands that the demo starts the program with, and that no user sees.

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use super::{deploy, module, suite};

/// Runs a hidden subcommand when the arguments, without the program's name, begin with one.
pub fn hidden(arguments: &[OsString]) -> Option<ExitCode> {
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (first, rest) = words.split_first()?;
    match first.as_str() {
        "__demo-suite" => Some(block_on(suite::run())),
        "__demo-module" => Some(block_on(module::run(rest.first().map_or("", String::as_str)))),
        "__demo-deploy" => Some(block_on(deploy::run(rest))),
        _ => None,
    }
}

fn block_on(work: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = writeln!(io::stderr(), "failed to start the runtime: {error}");
            return ExitCode::from(2);
        }
    };
    let exit = runtime.block_on(work);
    runtime.shutdown_timeout(Duration::from_millis(100));
    exit
}
