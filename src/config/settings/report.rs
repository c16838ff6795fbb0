//! Reports, as they are asked for.

use serde::Deserialize;

use crate::config::template::Template;

/// `[report]`
#[derive(Clone, Debug, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportSettings {
    /// Files that are written at each cycle's end, relative to the project, in the form that each one's name asks for.
    #[serde(default)]
    pub files: Vec<Template>,
}
