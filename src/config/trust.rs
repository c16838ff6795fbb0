//! Which commands a project's file names, and whether somebody has said yes to exactly those.
//!
//! A file in a fresh clone must not be able to start programs. What was agreed to is a file at a path with a content: any
//! change of either asks again.

use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::mistake::visible;
use super::project::{
    CommandSpec, HealthProbe, HealthSpec, LogSpec, PlatformSpec, Project, ReporterSpec, ResultsSpec, RunnerTool,
    TokenSpec,
};

/// A command, with what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCommand {
    /// What it is for: `deploy of backend`.
    pub purpose: String,
    /// The command itself.
    pub command: CommandSpec,
}

/// Every command that a project may start, in the order of its file.
pub fn commands_in(project: &Project) -> Vec<NamedCommand> {
    let mut commands = Vec::new();
    let mut add = |purpose: String, command: CommandSpec| commands.push(NamedCommand { purpose, command });
    for runner in &project.runners {
        // A tool as it is runs what the person came to run; a program or options of the file's choice are another matter.
        if runner.tool.is_bent() {
            add(format!("tests of {}", runner.name), runner.tool.command(&["python".to_owned()]));
        }
        if let RunnerTool::Reporter(ReporterSpec { collect: Some(collect), .. }) = &runner.tool {
            add(format!("list of the tests of {}", runner.name), collect.clone());
        }
        if let RunnerTool::Command(ResultsSpec { rerun: Some(rerun), .. }) = &runner.tool {
            add(format!("some tests of {}", runner.name), rerun.clone());
        }
    }
    for service in &project.services {
        if let Some(HealthSpec { probe: HealthProbe::Command(command), .. }) = &service.health {
            add(format!("health of {}", service.name), command.clone());
        }
        if let Some(deploy) = &service.deploy {
            if let Some(command) = &deploy.command {
                add(format!("deploy of {}", service.name), command.clone());
            }
            if let Some(rollback) = &deploy.rollback {
                add(format!("rollback of {}", service.name), rollback.clone());
            }
            if let Some(argv) = deploy.platform.as_ref().and_then(PlatformSpec::asked_by) {
                let command = CommandSpec { argv: argv.to_vec(), env: Vec::new(), directory: None };
                add(format!("questions about the deploys of {}", service.name), command);
            }
            if let Some(TokenSpec::Command(command)) = deploy.platform.as_ref().and_then(PlatformSpec::token) {
                add(format!("token for the deploys of {}", service.name), command.clone());
            }
        }
        if let Some(restart) = &service.restart {
            add(format!("restart of {}", service.name), restart.command.clone());
        }
        if let Some(LogSpec::Command(command)) = &service.logs {
            add(format!("log of {}", service.name), command.clone());
        }
    }
    if let Some(fix) = &project.autopilot.fix {
        add("fix hook of the autopilot".to_owned(), fix.command.clone());
    }
    for stream in &project.streams {
        if let Some(TokenSpec::Command(command)) = &stream.token {
            add(format!("token of {}", stream.name), command.clone());
        }
    }
    if let Some(hook) = &project.hook {
        add("hook for notices".to_owned(), hook.command.clone());
    }
    commands
}

/// A command as one could type it into a shell, safe to print: secrets in its environment are masked.
pub fn shown(command: &CommandSpec) -> String {
    let assignments =
        command.env.iter().map(|(name, value)| format!("{}={}", quoted(name), quoted(&value.to_string())));
    let words = assignments.chain(command.argv.iter().map(|word| quoted(word)));
    let line = words.collect::<Vec<_>>().join(" ");
    match &command.directory {
        Some(directory) => format!("{line}   (in {})", quoted(directory)),
        None => line,
    }
}

/// A word in quotes where a shell would need them; what cannot be seen is spelled out.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", visible(word).replace('\'', r"'\''"))
    }
}

/// The content of a file at a path, for which trust is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of a project's file. The path should be the real one, without symbolic links.
    pub fn of(path: &Path, content: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(path.as_os_str().as_bytes());
        // A path holds no NUL, so that no other path and content give the same bytes.
        hash.update([0]);
        hash.update(content.as_bytes());
        let digits = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self(digits)
    }
}

/// What people have said yes to: a folder with one small file for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustStore {
    folder: PathBuf,
}

impl TrustStore {
    /// A store in a folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Whether somebody has said yes to this content at this path.
    pub fn is_trusted(&self, path: &Path, content: &str) -> bool {
        self.folder.join(&Fingerprint::of(path, content).0).is_file()
    }

    /// Keeps a yes. What it was for is written down, so that the folder can be read and weeded by hand.
    ///
    /// # Errors
    /// When the folder or the file cannot be written.
    pub fn remember(&self, path: &Path, content: &str) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let mut file = fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(self.folder.join(&Fingerprint::of(path, content).0))?;
        file.write_all(path.as_os_str().as_bytes())?;
        file.write_all(b"\n")
    }
}
