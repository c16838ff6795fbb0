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
    /// A template of one's own for those in Markdown, relative to the project; without it, the built-in page.
    pub md_template: Option<Template>,
    /// The same for those in HTML.
    pub html_template: Option<Template>,
}
