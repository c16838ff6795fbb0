//! `liveloop demo`: an embedded staging environment, and a project that is aimed at it.

use std::path::Path;

use color_eyre::eyre::{Context, eyre};
use tempfile::TempDir;

use super::args::{DemoArguments, DemoScenario};
use super::project::{self, Opening, Yes};
use crate::config::files::{Files, PROJECT_FILE, UserFolders};
use crate::demo::{self, Environment, Scenario};

/// The demo's project, and the environment that it is aimed at.
#[derive(Debug)]
pub struct Demo {
    /// What a session is opened with.
    pub opening: Opening,
    /// What has to live as long as the session.
    pub environment: Running,
}

/// The demo's servers and its project's folder. Both are gone when it is dropped.
#[derive(Debug)]
pub struct Running {
    _servers: Environment,
    _folder: TempDir,
}

/// Starts the environment and writes its project into a temporary folder.
///
/// # Errors
/// When no port or no folder is to be had.
pub async fn start(arguments: &DemoArguments) -> color_eyre::Result<Demo> {
    let scenario = match arguments.scenario {
        DemoScenario::Story => Scenario::Story,
        DemoScenario::Green => Scenario::Green,
        DemoScenario::Flap => Scenario::Flap,
    };
    let environment = demo::start(scenario, arguments.pace).await.wrap_err("failed to start the demo's environment")?;
    let folder = tempfile::Builder::new().prefix("liveloop-demo-").tempdir().wrap_err("failed to make a folder")?;
    let root = folder.path().join("demo");
    std::fs::create_dir(&root).wrap_err("failed to make the demo's project")?;
    let program = std::env::current_exe().wrap_err("the program cannot find itself")?;
    let file = root.join(PROJECT_FILE);
    std::fs::write(&file, demo::project_toml(&environment, &program)).wrap_err("failed to write the demo's project")?;
    let user = UserFolders { state: None, ..UserFolders::of(&project::variable) };
    let files = Files { project: Some(file), user };
    let opening = project::open(real(&root), &files, Yes::Given, "demo").map_err(|error| eyre!("{error}"))?;
    Ok(Demo { opening, environment: Running { _servers: environment, _folder: folder } })
}

fn real(path: &Path) -> std::path::PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
