//! Why tests fail: causes, what their failures said before and after, and what people found out.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::Serialize;

use super::origin::OriginFact;
use super::status::count;
use crate::domain::plain;
use crate::domain::{
    Attempt, Cause, CauseEnd, CauseId, CauseStatus, KnownId, Note, NoteAbout, Outcome, State, TestCase, TierId,
};
use crate::report::time::stamp;

/// How many tests of a cause are named.
const TESTS: usize = 50;
/// How many kinds of before → after are told of a cause.
const CHANGES: usize = 4;
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
    /// How many of them fail as it was accepted.
    pub known: u32,
    /// Why that was accepted, where it was.
    pub accepted: Option<String>,
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
    /// The cycle in which the last of its tests got past it.
    pub ended_cycle: Option<u32>,
    /// The revision that ended it, where one moved in between.
    pub ended_by: Option<String>,
    /// The runs in which its tests failed last.
    pub origin: OriginFact,
    /// Of an open cause, what its tests said before, and say now; of a fixed one, what became of its tests: tests that
    /// went from the same thing to the same thing stand together.
    pub changes: Vec<ChangeFact>,
    /// How many tests went another way than those.
    pub more_changes: u32,
    /// What was written on it.
    pub note: Option<NoteFact>,
}

/// What tests said before, and say now.
#[derive(Debug, Clone, Serialize)]
pub struct ChangeFact {
    /// How many tests went this way.
    pub tests: u32,
    /// The full name of the first of them, whose words follow.
    pub test: String,
    /// How it ended in the cycle that it is measured against.
    pub before: Option<&'static str>,
    /// The cycle of that.
    pub before_cycle: Option<u32>,
    /// The run of that, where it belongs to this session.
    pub before_run: Option<u32>,
    /// The file that tells of it, where it was no cycle of this project.
    pub before_from: Option<String>,
    /// What it said then.
    pub before_message: Option<String>,
    /// How it ended.
    pub after: &'static str,
    /// The cycle of that.
    pub after_cycle: u32,
    /// The run of that, where it belongs to this session.
    pub run: Option<u32>,
    /// Where the cause of that is told, where it is another one.
    pub after_cause: Option<String>,
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
    let past = past(state);
    open.into_iter().chain(state.causes.fixed()).filter_map(|id| fact(state, id, &past)).collect()
}

/// What became of tests: by the cause that they once failed for, each test, its last attempt that did, and the next one.
type Past<'a> = HashMap<CauseId, Vec<(&'a TestCase, &'a Attempt, &'a Attempt)>>;

fn past(state: &State) -> Past<'_> {
    let mut past = Past::new();
    for (_, test) in state.inventory.tests() {
        let attempts: Vec<&Attempt> = test.earlier.iter().chain(&test.latest).collect();
        for (n, pair) in attempts.windows(2).enumerate() {
            let later = attempts[n + 1..].iter();
            if let Some(cause) = pair[0].cause.filter(|cause| later.clone().all(|later| later.cause != Some(*cause))) {
                past.entry(cause).or_default().push((test, pair[0], pair[1]));
            }
        }
    }
    past
}

fn fact(state: &State, id: CauseId, past: &Past) -> Option<CauseFact> {
    let cause = state.causes.get(id)?;
    let (changes, more_changes) = changes(state, id, cause, past);
    let known: Vec<KnownId> = cause.members().filter_map(|id| state.inventory.test(id)?.known).collect();
    let ended = cause.end.as_ref().map(|end| match end {
        CauseEnd::Fixed { cycle, by } => (Some(*cycle), by.as_ref()),
        CauseEnd::Gone => (None, None),
    });
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
        known: known.len() as u32,
        accepted: known.first().and_then(|id| state.known.get(*id)).map(|known| known.spec.reason.to_string()),
        most: cause.most,
        tier: tier.map(|tier| tier.spec.name.to_string()),
        at_risk: tier.and_then(|tier| tier.spec.at_risk.as_ref()).map(|what| what.to_string()),
        more_tests: cause.count().saturating_sub(tests.len() as u32),
        tests,
        first_cycle: cause.first_seen,
        first: stamp(cause.seen.first),
        last: stamp(cause.seen.last),
        ended_cycle: ended.and_then(|(cycle, _)| cycle),
        ended_by: ended.and_then(|(_, by)| by).map(|by| by.to_string()),
        origin: OriginFact::of(cause.members().filter_map(|id| state.inventory.test(id))),
        changes,
        more_changes,
        note: state.notes.on_cause(&cause.signature).map(|note| NoteFact::of(state, note)),
    })
}

/// The most important group among the tests of a cause.
fn tier(state: &State, cause: Option<&Cause>) -> Option<TierId> {
    cause?.members().filter_map(|id| state.inventory.test(id)?.tier).min()
}

/// Of an open cause, what its tests said before and say now; of a fixed one, what they said and what became of them. Tests
/// that went from one cause, or none, to the same other one stand together; and how many went ways that are not told.
fn changes(state: &State, id: CauseId, cause: &Cause, past: &Past) -> (Vec<ChangeFact>, u32) {
    let mut ways: Vec<(Way, ChangeFact)> = Vec::new();
    let mut add = |test: &TestCase, before: Option<&Attempt>, after: &Attempt| {
        let way = (before.map(|before| (before.outcome, before.cause)), after.outcome, after.cause);
        match ways.iter_mut().find(|(known, _)| *known == way) {
            Some((_, change)) => change.tests += 1,
            None => ways.push((way, ChangeFact::of(state, id, test, before, after))),
        }
    };
    if cause.end.is_none() {
        for test in cause.members().filter_map(|id| state.inventory.test(id)) {
            test.latest.iter().for_each(|latest| add(test, test.baseline(), latest));
        }
    } else {
        past.get(&id).into_iter().flatten().for_each(|(test, before, after)| add(test, Some(before), after));
    }
    ways.sort_by_key(|(_, change)| Reverse(change.tests));
    let more = ways.iter().skip(CHANGES).map(|(_, change)| change.tests).sum();
    (ways.into_iter().take(CHANGES).map(|(_, change)| change).collect(), more)
}

/// From which outcome and cause to which.
type Way = (Option<(Outcome, Option<CauseId>)>, Outcome, Option<CauseId>);

impl ChangeFact {
    fn of(state: &State, cause: CauseId, test: &TestCase, before: Option<&Attempt>, after: &Attempt) -> Self {
        let number = |attempt: &Attempt| attempt.run.map(|run| run.0 + 1);
        // What a file told belongs to no cycle.
        let is_elsewhere = before.is_some_and(|before| before.cycle == 0);
        Self {
            tests: 1,
            test: test.node.to_string(),
            before: before.map(|before| before.outcome.word()),
            before_cycle: before.map(|before| before.cycle).filter(|_| !is_elsewhere),
            before_from: state.baseline.title().filter(|_| is_elsewhere).map(|title| title.to_string()),
            before_run: before.and_then(number),
            before_message: before.and_then(message),
            after: after.outcome.word(),
            after_cycle: after.cycle,
            run: number(after),
            after_cause: after.cause.filter(|after| *after != cause).map(|cause| format!("cause-{}", cause.0 + 1)),
            after_message: message(after),
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
