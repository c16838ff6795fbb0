//! What state the project's own files are in: commit, branch, and how much differs from it.

use serde::{Deserialize, Serialize};

use super::Text;

/// The state of the project's files, as its version control tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Checkout {
    /// The commit, in full.
    pub commit: Text,
    /// Its first line.
    pub subject: Text,
    /// Who wrote it; nothing in a journal of a version that did not ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Text>,
    /// The branch; nothing where none is checked out, or nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Text>,
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
