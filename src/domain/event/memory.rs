//! What earlier sessions left behind.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{
    Attempt, Circumstance, Course, CycleRecord, Detail, Evidence, Flown, Grade, Grounds, Held, LeftOver, LiveOnce,
    Moment, Note, Outcome, PastDeploy, RecalledKnown, Signature, Span, Text, VacuousTest,
};

/// What earlier sessions left behind.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Recollection {
    /// The number of the last cycle.
    pub cycle: u32,
    /// The latest result of each test.
    pub tests: Vec<Recalled>,
    /// How long live deploys took, by name of the service.
    pub deploys: Vec<(Text, Span)>,
    /// The newest deploys of each service, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past_deploys: Vec<(Text, Vec<PastDeploy>)>,
    /// What contracts came to in the newest cycles, oldest first, by their names among the tests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<(Text, Vec<Held>)>,
    /// The newest cycles, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cycles: Vec<CycleRecord>,
    /// How an earlier session ended that did not end by itself.
    pub unfinished: Option<Text>,
    /// What served on the grounds of its tests, by number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<(u32, Text)>,
    /// The tests that passed a null run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vacuous: Vec<VacuousTest>,
    /// The failures that people have accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<RecalledKnown>,
    /// What was written on causes and tests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// The tests that the last run which selected them did not prove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproved: Vec<LeftOver>,
    /// The deploys that went live lately, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub live: Vec<LiveOnce>,
    /// What a flight has spent that came to no end of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flown: Option<Flown>,
    /// What was sent on streams, as it was typed, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent: Vec<Text>,
}

/// The latest result of a test in an earlier session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recalled {
    /// The runner's full name for the test.
    pub node: Text,
    /// How it ended.
    pub outcome: Outcome,
    /// When it started.
    pub started: Moment,
    /// How long it took.
    pub took: Span,
    /// The cycle that it belonged to.
    pub cycle: u32,
    /// How long it usually takes.
    pub usual: Option<Span>,
    /// Its message, where it failed.
    pub message: Option<Text>,
    /// What its failure is known again by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Arc<Signature>>,
    /// How it did on the revisions that it met lately.
    #[serde(default, skip_serializing_if = "Grounds::is_empty")]
    pub grounds: Grounds,
    /// How it ended in the newest cycles.
    #[serde(default, skip_serializing_if = "Course::is_empty")]
    pub course: Course,
    /// How far it went towards the environment; nothing where that was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
}

impl Recalled {
    /// The result as an attempt of the past, epoch 0.
    #[must_use]
    pub fn attempt(&self) -> Attempt {
        Attempt {
            run: None,
            cycle: self.cycle,
            outcome: self.outcome,
            started: self.started,
            took: self.took,
            epoch: 0,
            circumstance: Circumstance::Steady,
            tries: 1,
            detail: self
                .message
                .as_ref()
                .map(|message| Arc::new(Detail { message: message.clone(), ..Detail::default() })),
            cause: None,
            // Whom it talked to is in its own session's journal.
            evidence: self.grade.map(|grade| Arc::new(Evidence { grade, ..Evidence::default() })),
        }
    }
}
