//! What results are measured against: the cycle before, an older one, or a file of results from elsewhere.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Attempt, Circumstance, Detail, Moment, Outcome, Signature, Span, TestCase, Text};

/// What results are measured against.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// For each test, the last cycle before in which it ran and told something.
    #[default]
    Previous,
    /// The last cycle after which everything was green.
    Green,
    /// The cycle of that number.
    Cycle(u32),
    /// The cycle to which a person gave that name.
    Named(Text),
    /// A file of results: JUnit XML, CTRF or TAP.
    File(Text),
}

impl Baseline {
    /// What a person wrote: `previous`, `green`, a cycle's number, a path, else a cycle's name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim() {
            "" => return None,
            "previous" => Self::Previous,
            "green" => Self::Green,
            text => match text.parse() {
                Ok(number) => Self::Cycle(number),
                Err(_) if text.contains(['/', '.']) => Self::File(text.into()),
                Err(_) => Self::Named(text.into()),
            },
        })
    }

    /// The baseline as people ask for it, before it is known which cycle that is.
    #[must_use]
    pub fn word(&self) -> Text {
        match self {
            Self::Previous => "the previous cycle".into(),
            Self::Green => "the last green cycle".into(),
            Self::Cycle(number) => format!("cycle {number}").into(),
            Self::Named(name) => format!("the cycle {name}").into(),
            Self::File(path) => path.clone(),
        }
    }
}

/// What a baseline says of one test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaselineResult {
    /// The runner's full name for the test, as well as it can be told.
    pub node: Text,
    /// The file or suite that it was in.
    pub module: Text,
    /// Other names under which a runner may know the same test.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Text>,
    /// How it ended.
    pub outcome: Outcome,
    /// What its failure is known again by, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Arc<Signature>>,
    /// Its message, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Text>,
}

/// A baseline that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadedBaseline {
    /// Which one was asked for.
    pub baseline: Baseline,
    /// What it turned out to be: `cycle 4`, `results.xml`.
    pub title: Text,
    /// Which cycle it is, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle: Option<u32>,
    /// What it says, a test each.
    pub results: Vec<BaselineResult>,
    /// When it was written, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
}

/// What the session's results are measured against, and what is under way to change that.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Comparison {
    /// What was read; nothing where each test is measured against its previous cycle.
    pub loaded: Option<Arc<LoadedBaseline>>,
    /// What is being read.
    pub pending: Option<Baseline>,
    /// How many of its results match a test that exists.
    pub matched: u32,
    /// Whether a cycle has gone green since the last green one was read.
    pub(super) outdated: bool,
    /// Whether it is still to be said how many results match.
    pub(super) untold: bool,
    index: HashMap<Text, u32>,
}

impl Comparison {
    /// What results are measured against now.
    #[must_use]
    pub fn baseline(&self) -> &Baseline {
        self.loaded.as_ref().map_or(&Baseline::Previous, |loaded| &loaded.baseline)
    }

    /// What to call it, where it is not the previous cycle.
    #[must_use]
    pub fn title(&self) -> Option<&Text> {
        self.loaded.as_ref().map(|loaded| &loaded.title)
    }

    pub(super) fn take(&mut self, loaded: Option<Arc<LoadedBaseline>>) {
        let results = loaded.iter().flat_map(|loaded| loaded.results.iter().zip(0..));
        self.index.clear();
        for (result, n) in results {
            for name in result.also.iter().chain([&result.node]) {
                self.index.entry(name.clone()).or_insert(n);
            }
        }
        self.matched = 0;
        self.outdated = false;
        self.pending = None;
        self.loaded = loaded;
    }

    /// What the baseline says of the test of that name.
    pub(super) fn of(&self, node: &str) -> Option<&BaselineResult> {
        self.loaded.as_ref()?.results.get(*self.index.get(node)? as usize)
    }
}

impl BaselineResult {
    /// The result as an attempt of the past, without a cause.
    pub(super) fn attempt(&self, cycle: u32, at: Moment) -> Attempt {
        let detail = |message: &Text| Arc::new(Detail { message: message.clone(), ..Detail::default() });
        Attempt {
            run: None,
            cycle,
            outcome: self.outcome,
            started: at,
            took: Span::ZERO,
            epoch: 0,
            circumstance: Circumstance::Steady,
            tries: 1,
            detail: self.message.as_ref().map(detail),
            cause: None,
            evidence: None,
        }
    }
}

/// What one test is measured against.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Its attempts before.
    #[default]
    Previous,
    /// A baseline that somebody chose, which says this of it; nothing where it does not know the test.
    Chosen(Option<Arc<Attempt>>),
}

impl TestCase {
    /// The attempt that the latest one is measured against. Without a chosen baseline that is the one of the last cycle
    /// before in which the test ran and told something; one that was stopped, lost or spoilt told nothing.
    #[must_use]
    pub fn baseline(&self) -> Option<&Attempt> {
        if let Measure::Chosen(before) = &self.measure {
            return before.as_deref();
        }
        let latest = self.latest.as_ref()?;
        let told = |attempt: &&Attempt| {
            let ended = !matches!(attempt.outcome, Outcome::Interrupted | Outcome::Lost);
            attempt.cycle < latest.cycle && ended && attempt.circumstance.is_steady()
        };
        self.earlier.iter().rev().find(told)
    }
}
