//! Whether changed files start tests, as it is written.

use serde::Deserialize;

use crate::config::template::Template;
use crate::config::timespan::Timespan;

/// `[watch]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchSettings {
    /// Whether it is on from the beginning.
    pub enabled: bool,
    /// How long nothing further may change before the tests start.
    pub debounce: Timespan,
    /// Which tests which files concern.
    #[serde(default)]
    pub rule: Vec<WatchRuleSettings>,
}

/// `[[watch.rule]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchRuleSettings {
    /// The files.
    pub paths: Vec<Template>,
    /// Words of the tests' full names.
    pub tests: Vec<Template>,
}
