//! What state the project's own files are in: commit, branch, and how much differs from it.

use serde::{Deserialize, Serialize};

use super::{Commit, Text};

/// The state of the project's files, as its version control tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Checkout {
    /// The commit, in full.
    pub commit: Text,
    /// Its first line.
    pub subject: Text,
    /// The branch; nothing where none is checked out, or nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Text>,
    /// Who made the commit; nothing in what an older version wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Text>,
    /// The commits before it, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Commit>,
    /// How many files differ from the commit, new ones included; nothing where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<u32>,
}

impl Checkout {
    /// The commit, short enough for a line.
    #[must_use]
    pub fn short(&self) -> &str {
        self.commit.get(..9).unwrap_or(&self.commit)
    }

    /// The commits that came after `known`, the newest first, and whether there may be more than these: then `known` is
    /// not among those that were asked about. Where nothing is known, that is the commit itself.
    #[must_use]
    pub fn since(&self, known: Option<&str>) -> (Vec<Commit>, bool) {
        let author = self.author.clone().unwrap_or_default();
        let own = Commit { hash: self.commit.clone(), author, subject: self.subject.clone() };
        let Some(known) = known else { return (vec![own], !self.earlier.is_empty()) };
        let all = || std::iter::once(&own).chain(&self.earlier);
        let is_known = all().any(|commit| *commit.hash == *known);
        (all().take_while(|commit| *commit.hash != *known).cloned().collect(), !is_known)
    }

    /// The same without the commits before it.
    #[must_use]
    pub fn alone(&self) -> Self {
        Self { earlier: Vec::new(), ..self.clone() }
    }

    /// How far the files differ from the commit, for people.
    #[must_use]
    pub fn state(&self) -> String {
        match self.dirty {
            None => "nobody knows whether files were changed".to_owned(),
            Some(0) => "clean".to_owned(),
            Some(1) => "1 changed file".to_owned(),
            Some(count) => format!("{count} changed files"),
        }
    }
}
