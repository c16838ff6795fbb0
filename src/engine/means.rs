//! What every driver needs to act: where it works, how it starts processes, and where it reports.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::clock::Clock;
use super::core::Outbox;
use super::masks::Masks;
use super::process::CommandSpec;
use crate::config::project::Masked;

/// What every driver needs to act. Clones share everything.
#[derive(Debug, Clone)]
pub struct Means {
    /// The project's folder.
    pub root: Arc<Path>,
    /// The session's runtime folder, for sockets and the like.
    pub runtime: Arc<Path>,
    /// The program that has the supervisor subcommand: our own.
    pub supervisor: Arc<Path>,
    /// The `bin` folder of the project's virtual environment, where it has one: first on the path of every command.
    pub bin: Option<Arc<Path>>,
    /// Masks what must not be seen.
    pub masks: Masks,
    /// The session's clock.
    pub clock: Clock,
    /// Where to report.
    pub outbox: Outbox,
}

impl Means {
    /// A command in the project, found on its path, with `env` on top of our own environment.
    #[must_use]
    pub fn command(&self, argv: &[String], env: &[(String, Masked)], directory: Option<&str>) -> CommandSpec {
        let mut variables: Vec<(OsString, OsString)> = Vec::new();
        if let Some(path) = self.path() {
            variables.push(("PATH".into(), path));
        }
        if let Some(bin) = &self.bin
            && let Some(environment) = bin.parent()
        {
            variables.push(("VIRTUAL_ENV".into(), environment.into()));
        }
        variables.extend(env.iter().map(|(name, value)| (name.into(), value.reveal().into())));
        CommandSpec {
            argv: argv
                .iter()
                .enumerate()
                .map(|(n, word)| if n == 0 { self.program(word) } else { word.into() })
                .collect(),
            cwd: directory.map_or_else(|| self.root.to_path_buf(), |directory| self.root.join(directory)),
            env: variables,
            env_remove: Vec::new(),
            merge: false,
            input: None,
            supervisor: self.supervisor.to_path_buf(),
        }
    }

    /// Some systems have no `python`, only `python3`; a project that says `python` means the one that there is.
    fn program(&self, word: &str) -> OsString {
        let missing = |name: &str| !self.search().any(|folder| folder.join(name).exists());
        if word == "python" && missing("python") { "python3".into() } else { word.into() }
    }

    fn search(&self) -> impl Iterator<Item = PathBuf> {
        let path = self.path().or_else(|| std::env::var_os("PATH")).unwrap_or_default();
        std::env::split_paths(&path).collect::<Vec<_>>().into_iter()
    }

    fn path(&self) -> Option<OsString> {
        let bin = self.bin.as_ref()?;
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        std::env::join_paths(std::iter::once(bin.to_path_buf()).chain(std::env::split_paths(&inherited))).ok()
    }
}
