//! The keys that work here and now, with what they will do.

use super::scene::Scene;

/// A key and what it will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FooterKey {
    /// The key as people know it: `r`, `enter`, `ctrl-l`.
    pub keys: String,
    /// What it will do now: `rerun 3 failed`.
    pub label: String,
}

/// The keys that work here, most important first. A narrow screen drops them from the end.
#[must_use]
pub fn keys(scene: &Scene) -> Vec<FooterKey> {
    let _ = scene;
    Vec::new()
}
