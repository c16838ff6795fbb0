//! Platforms that know how a deploy goes: plain specs, every default decided.

use super::project::TokenSpec;

/// The platform behind a deploy.
#[derive(Clone, Debug, PartialEq)]
pub enum PlatformSpec {
    /// Google Cloud Run, by its Admin API.
    CloudRun(CloudRunSpec),
}

impl PlatformSpec {
    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::CloudRun(_) => "Cloud Run",
        }
    }

    /// Where its access token comes from.
    #[must_use]
    pub fn token(&self) -> Option<&TokenSpec> {
        match self {
            Self::CloudRun(spec) => spec.token.as_ref(),
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
