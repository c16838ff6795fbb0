//! Platforms that know how a deploy goes: plain specs, every default decided.

use std::collections::BTreeMap;

use super::project::{HeaderSpec, TokenSpec};

/// The platform behind a deploy.
#[derive(Clone, Debug, PartialEq)]
pub enum PlatformSpec {
    /// Google Cloud Run, by its Admin API.
    CloudRun(CloudRunSpec),
    /// A service of a compose file, by `docker compose`.
    Compose(ComposeSpec),
    /// A workflow of GitHub Actions, by its REST API.
    Github(GithubSpec),
    /// A Deployment of Kubernetes, by `kubectl`.
    Kubernetes(KubernetesSpec),
    /// Whatever a request starts.
    Webhook(WebhookSpec),
}

impl PlatformSpec {
    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::CloudRun(_) => "Cloud Run",
            Self::Compose(_) => "docker compose",
            Self::Github(_) => "GitHub Actions",
            Self::Kubernetes(_) => "Kubernetes",
            Self::Webhook(_) => "the webhook",
        }
    }

    /// Where its access token comes from.
    #[must_use]
    pub fn token(&self) -> Option<&TokenSpec> {
        match self {
            Self::CloudRun(spec) => spec.token.as_ref(),
            Self::Github(spec) => spec.token.as_ref(),
            Self::Webhook(spec) => spec.token.as_ref(),
            Self::Compose(_) | Self::Kubernetes(_) => None,
        }
    }

    /// What is sent with every request beside the token.
    #[must_use]
    pub fn headers(&self) -> &[HeaderSpec] {
        match self {
            Self::Webhook(spec) => &spec.headers,
            Self::CloudRun(_) | Self::Compose(_) | Self::Github(_) | Self::Kubernetes(_) => &[],
        }
    }
}

/// A service of Cloud Run.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudRunSpec {
    /// Where the Admin API is, without a slash at its end.
    pub url: String,
    /// The project.
    pub project: String,
    /// The region.
    pub region: String,
    /// The service's name there.
    pub service: String,
    /// Where the access token comes from.
    pub token: Option<TokenSpec>,
}

/// A Deployment of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesSpec {
    /// How `kubectl` is called, with the options that every call needs.
    pub kubectl: Vec<String>,
    /// The Deployment's name.
    pub deployment: String,
}

impl PlatformSpec {
    /// The command with which it is asked, where it is not asked by HTTP.
    #[must_use]
    pub fn asked_by(&self) -> Option<&[String]> {
        match self {
            Self::Kubernetes(spec) => Some(&spec.kubectl),
            Self::Compose(spec) => Some(&spec.compose),
            Self::CloudRun(_) | Self::Github(_) | Self::Webhook(_) => None,
        }
    }
}

/// A workflow of GitHub Actions.
#[derive(Clone, Debug, PartialEq)]
pub struct GithubSpec {
    /// Where the REST API is, without a slash at its end.
    pub url: String,
    /// `owner/name`.
    pub repository: String,
    /// The workflow's file name or number.
    pub workflow: String,
    /// The branch or tag that it runs on.
    pub reference: String,
    /// Its inputs.
    pub inputs: BTreeMap<String, String>,
    /// The input that gets a word of our own, by which the run is found where the server does not name it.
    pub id_input: Option<String>,
    /// Where the access token comes from.
    pub token: Option<TokenSpec>,
}

/// A service of a compose file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComposeSpec {
    /// How `docker compose` is called, with the options that every call needs.
    pub compose: Vec<String>,
    /// The service's name in the compose file.
    pub service: String,
}

/// A request that starts a deploy, and whoever tells how it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookSpec {
    /// Where it is sent.
    pub url: String,
    /// `POST`, mostly.
    pub method: &'static str,
    /// Its JSON body.
    pub body: Option<String>,
    /// What is sent with it and with every question.
    pub headers: Vec<HeaderSpec>,
    /// Where the access token comes from.
    pub token: Option<TokenSpec>,
    /// Who tells how it goes.
    pub status: Option<StatusSpec>,
}

/// A place that tells how a deploy goes, and what its words mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusSpec {
    /// Where; `{id}` is what the answer to the request calls the deploy.
    pub url: String,
    /// Where in that answer the id stands, where the URL needs one.
    pub id: Option<String>,
    /// Where the state's word stands.
    pub state: String,
    /// Where the revision stands.
    pub revision: Option<String>,
    /// Where a message for people stands.
    pub message: Option<String>,
    /// Words that say that it is done.
    pub finished: Vec<String>,
    /// Words that say that it is done and takes all traffic.
    pub routed: Vec<String>,
    /// Words that say that it failed.
    pub failed: Vec<String>,
    /// Words that say that another deploy came after it.
    pub superseded: Vec<String>,
}
