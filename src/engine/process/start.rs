//! Why a command could not be started, in words that help to mend it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::Path;

use rustix::io::Errno;

use super::CommandSpec;

/// The command never ran. Says what was attempted and why it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouldNotStart {
    /// The reason in words.
    pub reason: String,
}

impl fmt::Display for CouldNotStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not start: {}", self.reason)
    }
}

impl std::error::Error for CouldNotStart {}

/// Why the supervisor itself could not be started: mostly something about the command after all.
pub(super) fn explain_supervisor(spec: &CommandSpec, error: &io::Error) -> CouldNotStart {
    let program = spec.argv.first().map_or(OsStr::new(""), OsString::as_os_str);
    let reason = match errno(error) {
        Some(Errno::TOOBIG) => explain(program, &spec.cwd, error),
        _ if !spec.cwd.is_dir() => explain_folder(&spec.cwd),
        Some(Errno::NOENT | Errno::ACCESS) => {
            format!("the program at {} was moved or replaced, start it again ({error})", spec.supervisor.display())
        }
        _ => error.to_string(),
    };
    CouldNotStart { reason }
}

fn explain_folder(cwd: &Path) -> String {
    match cwd.exists() {
        true => format!("{} is not a folder", cwd.display()),
        false => format!("the folder {} does not exist", cwd.display()),
    }
}

/// The system's error about a program, in the words of somebody who wants to mend it.
pub(super) fn explain(program: &OsStr, cwd: &Path, error: &io::Error) -> String {
    let name = program.display();
    let by_path = program.as_encoded_bytes().contains(&b'/');
    match errno(error) {
        Some(Errno::TOOBIG) => "the argument list (or the environment) is too long for the system".to_owned(),
        Some(Errno::NOENT) if !by_path => format!("{name} was not found on PATH"),
        Some(Errno::NOENT) if cwd.join(program).exists() => {
            format!("{name} is there, but the interpreter its first line names is not")
        }
        Some(Errno::NOENT | Errno::NOTDIR) => format!("{name} does not exist"),
        Some(Errno::ACCESS) if cwd.join(program).is_dir() => format!("{name} is a folder"),
        Some(Errno::ACCESS) => format!("{name} is not executable"),
        Some(Errno::NOEXEC) => {
            format!("{name} is not a program for this system, nor a script with a #! line")
        }
        _ => format!("{name}: {error}"),
    }
}

fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw_os_error)
}
