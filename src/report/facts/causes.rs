//! Why tests fail: causes, what their failures said before and after, and what people found out.

use std::cmp::Reverse;

use serde::Serialize;

use super::status::count;
use crate::domain::{
    Attempt, Cause, CauseEnd, CauseId, CauseStatus, Note, NoteAbout, Outcome, State, TestCase, TestId, TierId,
};
use crate::report::markdown::plain;
use crate::report::time::stamp;

/// How many tests of a cause are named.
const TESTS: usize = 50;
/// How many before → after pairs are told of a cause.
const CHANGES: usize = 5;
/// How many characters of a message are told.
const MESSAGE: usize = 400;

/// A cause.
#[derive(Debug, Clone, Serialize)]
pub struct CauseFact {
    /// Where it is told: `cause-3`.
    pub anchor: String,
    /// What went wrong.
    pub title: String,
    /// What kind of thing went wrong.
    pub class: &'static str,
    /// Its signature's key, in short.
    pub key: String,
    /// Whether some test fails for it now.
    pub open: bool,
    /// How it stands, in words.
    pub status: String,
    /// How many tests fail for it now.
    pub count: u32,
    /// How many of them only because another does.
    pub dependent: u32,
    /// The most tests that have failed for it at once.
    pub most: u32,
    /// The most important priority group that it hurts.
    pub tier: Option<String>,
    /// What is lost where that fails.
    pub at_risk: Option<String>,
    /// The tests, by their full names.
    pub tests: Vec<String>,
    /// How many more there are.
    pub more_tests: u32,
    /// The cycle in which it was first seen.
    pub first_cycle: u32,
    /// When it was first seen.
    pub first: String,
    /// When it was last seen.
    pub last: String,
    /// What its tests said before, and say now.
    pub changes: Vec<ChangeFact>,
    /// What was written on it.
    pub note: Option<NoteFact>,
}

/// What a test said before, and says now.
#[derive(Debug, Clone, Serialize)]
pub struct ChangeFact {
    /// The test's full name.
    pub test: String,
    /// How it ended in the cycle that it is measured against.
    pub before: Option<&'static str>,
    /// The cycle of that.
    pub before_cycle: Option<u32>,
    /// What it said then.
    pub before_message: Option<String>,
    /// How it ended.
    pub after: &'static str,
    /// The cycle of that.
    pub after_cycle: u32,
    /// The run of that, where it belongs to this session.
    pub run: Option<u32>,
    /// What it said.
    pub after_message: Option<String>,
}

/// What somebody wrote.
#[derive(Debug, Clone, Serialize)]
pub struct NoteFact {
    /// On what.
    pub about: String,
    /// Who.
    pub author: String,
    /// When.
    pub at: String,
    /// Prose, line by line.
    pub prose: Vec<String>,
    /// The chain of whys.
    pub whys: Vec<WhyFact>,
    /// The last answer of the chain.
    pub root_cause: Option<String>,
}

/// A question and its answer.
#[derive(Debug, Clone, Serialize)]
pub struct WhyFact {
    /// What was asked.
    pub why: String,
    /// What was found.
    pub because: String,
}

/// Open causes in the order of risk, then those that were fixed, the newest first.
pub(super) fn all(state: &State) -> Vec<CauseFact> {
    let mut open = state.causes.present();
    open.sort_by_key(|id| {
        let cause = state.causes.get(*id);
        (tier(state, cause).map_or(u32::MAX, |id| id.0), Reverse(cause.map_or(0, Cause::count)), *id)
    });
    open.into_iter().chain(state.causes.fixed()).filter_map(|id| fact(state, id)).collect()
}

fn fact(state: &State, id: CauseId) -> Option<CauseFact> {
    let cause = state.causes.get(id)?;
    let tier = tier(state, Some(cause)).and_then(|id| state.inventory.tiers().get(id));
    let tests: Vec<String> = cause
        .members()
        .filter_map(|id| state.inventory.test(id))
        .take(TESTS)
        .map(|test| test.node.to_string())
        .collect();
    Some(CauseFact {
        anchor: format!("cause-{}", id.0 + 1),
        title: cause.title().to_string(),
        class: cause.class().word(),
        key: cause.key.to_string(),
        open: cause.end.is_none(),
        status: match cause.status(state.cycle) {
            CauseStatus::New => format!("new in cycle {}", state.cycle),
            CauseStatus::Still => format!("since cycle {}", cause.since),
            CauseStatus::Over(CauseEnd::Fixed { cycle, by: Some(by) }) => format!("gone in cycle {cycle}, by {by}"),
            CauseStatus::Over(CauseEnd::Fixed { cycle, by: None }) => format!("gone in cycle {cycle}"),
            CauseStatus::Over(CauseEnd::Gone) => "gone, nobody knows why".to_owned(),
        },
        count: cause.count(),
        dependent: cause.dependents.len() as u32,
        most: cause.most,
        tier: tier.map(|tier| tier.spec.name.to_string()),
        at_risk: tier.and_then(|tier| tier.spec.at_risk.as_ref()).map(|what| what.to_string()),
        more_tests: cause.count().saturating_sub(tests.len() as u32),
        tests,
        first_cycle: cause.first_seen,
        first: stamp(cause.seen.first),
        last: stamp(cause.seen.last),
        changes: changes(state, id, cause),
        note: state.notes.on_cause(&cause.signature).map(|note| NoteFact::of(state, note)),
    })
}

/// The most important group among the tests of a cause.
fn tier(state: &State, cause: Option<&Cause>) -> Option<TierId> {
    cause?.members().filter_map(|id| state.inventory.test(id)?.tier).min()
}

/// Of an open cause, what its tests said before; of a fixed one, what became of those that failed for it.
fn changes(state: &State, id: CauseId, cause: &Cause) -> Vec<ChangeFact> {
    let change = |test: &TestCase| Some(ChangeFact::of(test, test.latest.as_ref()?, test.baseline()));
    let of = |id: TestId| change(state.inventory.test(id)?);
    if cause.end.is_none() {
        return cause.members().filter_map(of).take(CHANGES).collect();
    }
    let left = |test: &&TestCase| {
        let now = test.latest.as_ref().and_then(|latest| latest.cause);
        test.baseline().is_some_and(|before| before.cause == Some(id)) && now != Some(id)
    };
    state.inventory.tests().map(|(_, test)| test).filter(left).filter_map(change).take(CHANGES).collect()
}

impl ChangeFact {
    fn of(test: &TestCase, now: &Attempt, before: Option<&Attempt>) -> Self {
        Self {
            test: test.node.to_string(),
            before: before.map(|before| before.outcome.word()),
            before_cycle: before.map(|before| before.cycle),
            before_message: before.and_then(message),
            after: now.outcome.word(),
            after_cycle: now.cycle,
            run: now.run.map(|run| run.0 + 1),
            after_message: message(now),
        }
    }
}

/// What an attempt said, where it did not pass.
pub(super) fn message(attempt: &Attempt) -> Option<String> {
    let told = attempt.outcome.is_failure() || matches!(attempt.outcome, Outcome::Skipped | Outcome::Xfailed);
    let text = plain(&attempt.detail.as_ref().filter(|_| told)?.message);
    let text = text.trim();
    let cut = text.char_indices().nth(MESSAGE).map(|(end, _)| end);
    let told = cut.map_or_else(
        || text.to_owned(),
        |end| format!("{}… ({})", &text[..end], count((text.len() - end) as u32, "more byte", "more bytes")),
    );
    (!told.is_empty()).then_some(told)
}

impl NoteFact {
    pub(super) fn of(state: &State, note: &Note) -> Self {
        let whys = note.text.chain.iter();
        Self {
            about: match &note.about {
                NoteAbout::Test(node) => node.to_string(),
                NoteAbout::Cause(_) => state.note_subject(&note.about).to_string(),
            },
            author: note.author.to_string(),
            at: stamp(note.at),
            prose: note.text.prose.iter().map(|line| line.to_string()).collect(),
            whys: whys.map(|step| WhyFact { why: step.why.to_string(), because: step.because.to_string() }).collect(),
            root_cause: note.text.root_cause().map(|because| because.to_string()),
        }
    }
}

/// What was written on tests of this session.
pub(super) fn notes_on_tests(state: &State) -> Vec<NoteFact> {
    let on_test = |note: &&Note| matches!(note.about, NoteAbout::Test(_));
    state.notes.iter().filter(on_test).map(|note| NoteFact::of(state, note)).collect()
}
