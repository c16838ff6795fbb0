//! What stood around a cycle: what started it, who was there, what was deployed, how its services and contracts did,
//! and what was written.

use serde::{Deserialize, Serialize};

use crate::domain::{Moment, Text};

/// What started a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleWhy {
    /// Somebody asked for its tests.
    #[default]
    Asked,
    /// The autopilot took its next turn.
    Autopilot,
    /// A batch of the plan over many tests was due.
    Batch,
    /// A deploy had to be proved.
    Proof,
    /// A selection is run again and again.
    Repeated,
    /// Files changed.
    Watch,
    /// A cycle that was interrupted goes on.
    Resumed,
    /// A file of results was brought in.
    Imported,
}

impl CycleWhy {
    /// Why it began, for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked for",
            Self::Autopilot => "a turn of the autopilot",
            Self::Batch => "a batch of the plan",
            Self::Proof => "the proof of a deploy",
            Self::Repeated => "a selection that is repeated",
            Self::Watch => "files changed",
            Self::Resumed => "an interrupted cycle goes on",
            Self::Imported => "brought in from a file",
        }
    }
}

/// What stood around a cycle. Each list is bounded; what a version did not keep is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Around {
    /// What started it.
    pub why: CycleWhy,
    /// Who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Text>,
    /// Who was attached while it lasted, or acted in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<Text>,
    /// The deploys that began in it, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deploys: Vec<CycleDeploy>,
    /// How each service did, over the time of the cycle.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<CycleHealth>,
    /// What the contracts came to that ran in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<CycleContract>,
    /// The commits since the cycle before, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<Commit>,
    /// Whether there are commits beyond those, or nobody can tell: the earlier one is not among the newest.
    #[serde(skip_serializing_if = "is_false")]
    pub more_commits: bool,
    /// What was written while it was the present one, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<CycleNote>,
    /// How many executions its tests took; more than tests where some were tried again.
    #[serde(skip_serializing_if = "is_zero")]
    pub attempts: u32,
}

/// A commit of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its hash, in full.
    pub hash: Text,
    /// Who made it.
    pub author: Text,
    /// Its first line.
    pub subject: Text,
}

impl Commit {
    /// The hash, short enough for a line.
    #[must_use]
    pub fn short(&self) -> &str {
        self.hash.get(..9).unwrap_or(&self.hash)
    }
}

/// A deploy of a cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleDeploy {
    /// What was deployed.
    pub service: Text,
    /// Who asked for it.
    pub by: Text,
    /// The revision that served before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Text>,
    /// The revision that was put in place, or announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Text>,
    /// When it began.
    pub began: Moment,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Moment>,
    /// How it ended, in a word.
    pub end: Text,
}

/// How a service did over the time of a cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleHealth {
    /// Which one.
    pub service: Text,
    /// What was believed of it and from when on, oldest first: the first is from before the cycle began, or its beginning.
    pub spells: Vec<Spell>,
    /// How many spells between the first and the others had no room.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u32,
}

/// A time in which the same was believed of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spell {
    /// Since when.
    pub from: Moment,
    /// Whether it served.
    pub serves: bool,
    /// What was believed, in words.
    pub health: Text,
}

impl CycleHealth {
    /// Whether it served all the time, as far as anybody knows.
    #[must_use]
    pub fn is_steady(&self) -> bool {
        self.spells.iter().all(|spell| spell.serves)
    }
}

/// What a contract came to in a cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleContract {
    /// Its name.
    pub name: Text,
    /// What it came to, in a word.
    pub verdict: Text,
    /// Whether that is as it should be.
    pub holds: bool,
    /// Why, in a sentence.
    pub why: Text,
}

/// What was written in a cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleNote {
    /// On what: a test's name, or a cause's title.
    pub about: Text,
    /// Who wrote it.
    pub author: Text,
    /// Its first line, or the root cause where it holds a chain of whys.
    pub line: Text,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !*flag
}
