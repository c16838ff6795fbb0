//! `[service.NAME.deploy.compose]`: deploys by docker compose, as they are written.

use serde::Deserialize;

use crate::config::template::Template;

/// `[service.NAME.deploy.compose]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComposeSettings {
    /// The service's name in the compose file; unset, the one here.
    pub service: Option<Template>,
    /// How it is called, with the options that every call needs: `["docker", "compose", "-f", "deploy/compose.yml"]`.
    #[serde(default = "docker_compose")]
    pub compose: Vec<Template>,
    /// More options for `up`, where no command is given.
    #[serde(default = "build")]
    pub args: Vec<Template>,
}

fn docker_compose() -> Vec<Template> {
    vec!["docker".into(), "compose".into()]
}

fn build() -> Vec<Template> {
    vec!["--build".into()]
}
