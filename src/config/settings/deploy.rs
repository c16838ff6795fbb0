//! Platforms that know how a deploy goes, and the way back, as they are written.

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
