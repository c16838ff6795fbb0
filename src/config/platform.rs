//! Platforms that know how a deploy goes: plain specs, every default decided.

use std::collections::BTreeMap;

use super::project::TokenSpec;

/// The platform behind a deploy.
#[derive(Clone, Debug, PartialEq)]
pub enum PlatformSpec {
    /// Google Cloud Run, by its Admin API.
    CloudRun(CloudRunSpec),
    /// A workflow of GitHub Actions, by its REST API.
    Github(GithubSpec),
    /// A Deployment of Kubernetes, by `kubectl`.
    Kubernetes(KubernetesSpec),
}

impl PlatformSpec {
    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::CloudRun(_) => "Cloud Run",
            Self::Github(_) => "GitHub Actions",
            Self::Kubernetes(_) => "Kubernetes",
        }
    }

    /// Where its access token comes from.
    #[must_use]
    pub fn token(&self) -> Option<&TokenSpec> {
        match self {
            Self::CloudRun(spec) => spec.token.as_ref(),
            Self::Github(spec) => spec.token.as_ref(),
            Self::Kubernetes(_) => None,
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
            Self::CloudRun(_) | Self::Github(_) => None,
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
