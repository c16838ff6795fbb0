//! What tests guard, which failures are accepted, and which follow from others.

use serde::Deserialize;

use crate::config::template::Template;

/// `[[tier]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierSettings {
    /// Its short name, for the header and `--gate`.
    pub name: Template,
    /// What it is called in full; unset, its name.
    pub title: Option<Template>,
    /// The tests that belong to it, by patterns over the paths of modules and the full names of tests.
    pub tests: Vec<Template>,
    /// What is lost where it fails.
    pub at_risk: Option<Template>,
}

/// `[[dependent]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DependentSettings {
    /// The tests that cannot hold,
    pub tests: Vec<Template>,
    /// while one of these fails.
    pub on: Vec<Template>,
}

/// `[[known]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownSettings {
    /// The tests that it is about; unset, every test that fails in this way.
    #[serde(default)]
    pub tests: Vec<Template>,
    /// The key that an opened cause shows.
    pub signature: Option<Template>,
    /// Instead of the key: a pattern over the failure's message.
    pub message: Option<Template>,
    /// Why it is accepted.
    pub reason: Template,
    /// Who looks after it.
    pub owner: Option<Template>,
    /// Where it is written down.
    pub issue: Option<Template>,
    /// The last day on which it is accepted, `2026-12-31`, in UTC.
    pub expires: Option<Template>,
}
