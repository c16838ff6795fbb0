//! What results are measured against, as it is written.

use serde::Deserialize;

use crate::config::template::Template;

/// `[baseline]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineSettings {
    /// What results are measured against at first.
    pub against: BaselineKind,
    /// A file of results that can be chosen: JUnit XML, CTRF or TAP, relative to the project.
    pub file: Option<Template>,
}

/// What results are measured against at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BaselineKind {
    /// Each test's previous cycle.
    Previous,
    /// The last cycle after which everything was green.
    Green,
    /// The file.
    File,
}
