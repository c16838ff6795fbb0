//! Platforms that know how a deploy goes, and the way back, as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::TokenSettings;
use crate::config::template::Template;

/// `[service.NAME.deploy.rollback]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollbackSettings {
    /// Brings the revision back that is put in for `{revision}`.
    pub command: Vec<Template>,
}

/// `[service.NAME.deploy.cloud_run]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudRunSettings {
    /// The project.
    pub project: Template,
    /// The region.
    pub region: Template,
    /// The service's name there; unset, the one here.
    pub service: Option<Template>,
    /// Where the Admin API is.
    #[serde(default = "cloud_run_url")]
    pub url: Template,
    /// Where the access token comes from; unset, none is sent.
    pub token: Option<TokenSettings>,
    /// More options for `gcloud run deploy`, where no command is given.
    #[serde(default)]
    pub args: Vec<Template>,
}

fn cloud_run_url() -> Template {
    "https://run.googleapis.com".into()
}

/// `[service.NAME.deploy.kubernetes]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesSettings {
    /// The Deployment's name; unset, the service's name here.
    pub deployment: Option<Template>,
    /// How `kubectl` is called, with the options that every call needs: `["kubectl", "-n", "shop"]`.
    #[serde(default = "kubectl")]
    pub kubectl: Vec<Template>,
}

fn kubectl() -> Vec<Template> {
    vec!["kubectl".into()]
}

/// `[service.NAME.deploy.github]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GithubSettings {
    /// `owner/name`.
    pub repository: Template,
    /// The workflow's file name: it needs `on: workflow_dispatch`.
    pub workflow: Template,
    /// The branch or tag that it runs on.
    #[serde(default = "main_branch")]
    pub r#ref: Template,
    /// Its inputs.
    #[serde(default)]
    pub inputs: BTreeMap<String, Template>,
    /// The input that gets a word of our own, by which the run is found where the server does not name it; the workflow
    /// puts it into its `run-name`.
    pub id_input: Option<String>,
    /// Where the REST API is.
    #[serde(default = "github_url")]
    pub url: Template,
    /// Where the access token comes from.
    pub token: Option<TokenSettings>,
}

fn main_branch() -> Template {
    "main".into()
}

fn github_url() -> Template {
    "https://api.github.com".into()
}
