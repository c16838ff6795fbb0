//! A vocabulary of one's own, as the adapter reads it: every pointer checked, every variable put in.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::AgentKind;

pub use super::settings::Protocol;

/// In which words a stream speaks.
#[derive(Clone, Debug, PartialEq)]
pub enum Language {
    /// In those of a protocol, or of the one that its first messages show.
    Known(Protocol),
    /// In its own.
    Own(Arc<Mapping>),
}

impl Default for Language {
    fn default() -> Self {
        Self::Known(Protocol::Auto)
    }
}

/// A vocabulary of one's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    /// Envelopes, outer ones first.
    pub unwrap: Vec<String>,
    /// Where the type's name is.
    pub type_at: Vec<String>,
    /// Names of envelopes.
    pub type_skip: Vec<String>,
    /// Types that mean nothing here.
    pub ignore: Vec<String>,
    /// The run id.
    pub run: Vec<String>,
    /// The thread id.
    pub thread: Vec<String>,
    /// The user.
    pub user: Vec<String>,
    /// The number in the sender's own count.
    pub sequence: Vec<String>,
    /// The sender's own time.
    pub time: Vec<String>,
    /// What types mean.
    pub rules: Vec<Rule>,
}

/// What messages of a type mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The type that it is about, where it asks for one.
    pub type_name: Option<String>,
    /// Values that it asks for, by pointer.
    pub is: BTreeMap<String, Vec<String>>,
    /// What the message means.
    pub emit: AgentKind,
    /// The agent.
    pub agent: Vec<String>,
    /// The tool.
    pub tool: Vec<String>,
    /// What pairs a tool's start with its end.
    pub call: Vec<String>,
    /// What it says.
    pub text: Vec<String>,
    /// Values that say that something went wrong, by pointer.
    pub failed_if: BTreeMap<String, Vec<String>>,
}
