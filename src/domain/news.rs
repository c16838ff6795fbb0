//! What happened lately, in a sentence each: the "now" pane and the log of a headless run.

use serde::{Deserialize, Serialize};

use super::{Moment, Text};

/// How a sentence of news is meant; the theme gives it a colour and a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Something a person did.
    Person,
    /// Something ended well.
    Good,
    /// Something failed.
    Bad,
    /// Something to keep an eye on.
    Warning,
    /// Results lost their worth.
    Stale,
    /// Everything else.
    Plain,
}

/// One sentence of news.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct News {
    /// When it became known.
    pub at: Moment,
    /// How it is meant.
    pub tone: Tone,
    /// The sentence: lower case, no full stop.
    pub text: Text,
    /// How often it was said in close succession, the last time at `at`.
    pub times: u32,
}
