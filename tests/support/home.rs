//! A home of its own for a test: project, configuration, state and runtime folders that nobody else uses.

use std::path::{Path, PathBuf};

/// Folders for one test, removed with it.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("ll").tempdir().expect("a temporary folder");
        for name in ["project", "config", "state", "run", "tmp"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder in an empty one");
        }
        Self { folder }
    }

    /// The folder in which the program is started.
    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("project").canonicalize().expect("it was made")
    }

    /// The whole environment of the program: nothing of the person who runs the tests gets in. The path of this
    /// home is in every variable, so that whatever the program starts can be told from everything else.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let folder = |name: &str| self.folder.path().join(name).to_str().expect("a path of ours").to_owned();
        let own = [
            ("HOME", folder("")),
            ("XDG_CONFIG_HOME", folder("config")),
            ("XDG_STATE_HOME", folder("state")),
            ("XDG_RUNTIME_DIR", folder("run")),
            ("TMPDIR", folder("tmp")),
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("USER", "tester".into()),
            ("LANG", "C.UTF-8".into()),
            ("TZ", "UTC".into()),
            ("TERM", "xterm-256color".into()),
            ("COLORTERM", "truecolor".into()),
        ];
        own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// What marks the processes of this home.
    pub(crate) fn mark(&self) -> &Path {
        self.folder.path()
    }
}
