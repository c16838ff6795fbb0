//! The watch: what changed files concern, and what of it waits until it can be run. What it starts is in
//! `cycle/watch.rs`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Inventory, Module, ModuleId, Pattern, Runs, TestId, Text, ViewerId};

/// How many changed files are remembered by name while something runs.
pub const WATCH_PATHS: usize = 200;
/// How many runs in a row may follow from what changed during the run before. More than that is a test that writes into
/// the project, which would go on for ever.
pub(super) const MOST_FOLLOWING: u32 = 3;

/// What a project says about the watch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WatchSpec {
    /// Whether it is on from the beginning.
    pub enabled: bool,
    /// Which tests which files concern.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<WatchRule>,
}

impl WatchSpec {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Which tests some files concern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchRule {
    /// The files, as seen from the project's folder: patterns, or folders with all below them.
    pub paths: Vec<Pattern>,
    /// Words; the tests whose full names hold one of them are meant.
    pub tests: Vec<Text>,
}

impl WatchRule {
    /// Whether it is about a file.
    #[must_use]
    pub fn is_about(&self, path: &str) -> bool {
        let below = |folder: &str| path.strip_prefix(folder.trim_end_matches('/')).is_some_and(|p| p.starts_with('/'));
        self.paths.iter().any(|pattern| pattern.fits(path) || below(&pattern.0))
    }

    fn means(&self, node: &str) -> bool {
        self.tests.iter().any(|word| node.contains(&**word))
    }
}

/// Whether changed files start tests, and which of them wait for their turn.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Watch {
    /// Who turned it on; nobody where configuration did.
    pub by: Option<ViewerId>,
    /// Whether it is on.
    pub on: bool,
    /// What changed while something was under way.
    pub waiting: Changed,
    /// How many runs in a row followed from what changed during the run before.
    pub(super) following: u32,
}

/// Files that changed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Changed {
    /// Their paths, as seen from the project's folder.
    pub paths: BTreeSet<Text>,
    /// How many there are beside them, at least.
    pub more: u64,
    /// Whether it has to be asked first which tests there are, as a file of tests came or went.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlisted: bool,
}

impl Changed {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.more == 0
    }

    /// Adds what changed besides; what is beyond the bound is only counted.
    pub(super) fn add(&mut self, paths: &[Text], more: u64) {
        self.more = self.more.saturating_add(more);
        for path in paths {
            if self.paths.len() < WATCH_PATHS {
                self.paths.insert(path.clone());
            } else if !self.paths.contains(path) {
                self.more = self.more.saturating_add(1);
            }
        }
    }

    /// `main.py`, `main.py and 2 more`.
    #[must_use]
    pub fn title(&self) -> String {
        let Some(first) = self.paths.first() else { return format!("{} files", self.more) };
        let name = first.rsplit('/').next().unwrap_or(first);
        match (self.paths.len() as u64).saturating_add(self.more).saturating_sub(1) {
            0 => name.to_owned(),
            more => format!("{name} and {more} more"),
        }
    }

    /// The tests that rules name for these files, and those of changed test files.
    pub(super) fn concerned(&self, rules: &[WatchRule], root: &str, tests: &Inventory, runs: &Runs) -> Vec<TestId> {
        let about: Vec<&WatchRule> =
            rules.iter().filter(|rule| self.paths.iter().any(|path| rule.is_about(path))).collect();
        let own: Vec<ModuleId> = match self.paths.is_empty() {
            true => Vec::new(),
            false => tests.modules().filter(|(_, module)| self.holds(module, root, runs)).map(|(id, _)| id).collect(),
        };
        if about.is_empty() && own.is_empty() {
            return Vec::new();
        }
        let is_concerned =
            |module: ModuleId, node: &str| own.contains(&module) || about.iter().any(|rule| rule.means(node));
        tests
            .tests()
            .filter(|(_, test)| !test.gone && is_concerned(test.module, &test.node))
            .map(|(id, _)| id)
            .collect()
    }

    /// Whether a module's own file is among them.
    fn holds(&self, module: &Module, root: &str, runs: &Runs) -> bool {
        self.paths.contains(&module.path) || within(module, root, runs).is_some_and(|path| self.paths.contains(&*path))
    }
}

/// A module's own file as seen from the project's folder. Its path starts at the folder that its runner named, else at
/// the project's.
fn within(module: &Module, root: &str, runs: &Runs) -> Option<String> {
    let from = runs.iter().rev().find(|(_, run)| run.runner == module.runner && run.root.is_some());
    let from = from.and_then(|(_, run)| run.root.as_deref()).unwrap_or(root);
    let whole = match module.path.starts_with('/') {
        true => module.path.to_string(),
        false => format!("{}/{}", from.trim_end_matches('/'), module.path),
    };
    whole.strip_prefix(root.trim_end_matches('/'))?.strip_prefix('/').map(str::to_owned)
}

/// Whether other tests may be there now than are known: the file of a module went, or one came that is called like a
/// file of tests and ends like those that there are.
pub(super) fn alters_listing(paths: &[Text], gone: &[Text], root: &str, tests: &Inventory, runs: &Runs) -> bool {
    let suspects: Vec<&Text> = paths.iter().filter(|path| gone.contains(path) || is_called_test(path)).collect();
    if suspects.is_empty() {
        return false;
    }
    let (mut files, mut endings) = (BTreeSet::new(), BTreeSet::new());
    for (_, module) in tests.modules() {
        endings.extend(ending(&module.path).map(str::to_owned));
        files.extend(within(module, root, runs));
        files.insert(module.path.to_string());
    }
    suspects.into_iter().any(|path| match (files.contains(&**path), gone.contains(path)) {
        (known, true) => known,
        (known, false) => !known && ending(path).is_some_and(|ending| endings.contains(ending)),
    })
}

fn is_called_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    name.contains("test") || name.contains("spec")
}

fn ending(path: &str) -> Option<&str> {
    path.rsplit('/').next()?.rsplit_once('.').map(|(_, ending)| ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_about_a_pattern_or_a_folder() {
        let rule = WatchRule { paths: vec!["backend/**".into(), "web".into(), "*.sql".into()], tests: Vec::new() };
        for path in ["backend/a.py", "backend/x/y.py", "web/index.ts", "db/1.sql"] {
            assert!(rule.is_about(path), "{path}");
        }
        for path in ["backends/a.py", "website/index.ts", "a.py"] {
            assert!(!rule.is_about(path), "{path}");
        }
    }

    #[test]
    fn what_changed_is_bounded_and_counted() {
        let mut changed = Changed::default();
        let paths: Vec<Text> = (0..WATCH_PATHS + 5).map(|n| format!("src/{n:04}.py").into()).collect();
        changed.add(&paths[..1], 0);
        assert_eq!(changed.title(), "0000.py");
        changed.add(&paths, 7);
        changed.add(&paths[..3], 0);
        assert_eq!((changed.paths.len(), changed.more), (WATCH_PATHS, 12));
        assert_eq!(changed.title(), "0000.py and 211 more");
    }
}
