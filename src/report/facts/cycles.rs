//! Cycles and their runs, in numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::causes::CauseFact;
use super::loose::CommitFact;
use crate::domain::{CycleCause, CycleRecord, Lane, NullKind, Run, RunEnd, RunId, RunKind, RunPhase, State, Text};
use crate::report::time::stamp;

/// A cycle.
#[derive(Debug, Clone, Serialize)]
pub struct CycleFact {
    /// Its number.
    pub number: u32,
    /// The name that a person gave it.
    pub name: Option<String>,
    /// When it began.
    pub began: String,
    /// How long it took, in seconds.
    pub took: Option<f64>,
    /// What was asked for.
    pub what: String,
    /// Tests that were asked for; nothing where nobody kept it.
    pub selected: Option<u32>,
    /// Tests that ended with a result.
    pub finished: u32,
    /// Tests that ran and held; nothing where nobody kept it.
    pub passed: Option<u32>,
    /// Tests that did not hold.
    pub failed: u32,
    /// Tests that began and never ended.
    pub lost: u32,
    /// Tests that never had their turn.
    pub not_run: u32,
    /// Tests that ran while what serves was changing.
    pub straddled: u32,
    /// Tests that failed while a service was not well.
    pub environment: u32,
    /// Tests that failed as it was accepted.
    pub known: u32,
    /// Which part of the selected tests held, in per cent.
    pub pass_rate: Option<f64>,
    /// Whether everything was green after it; never where words of success are refused.
    pub green: bool,
    /// Whether every selected test has a result that means something; nothing where nobody kept it.
    pub whole: Option<bool>,
    /// Why tests failed after it.
    pub causes: Vec<CycleCauseFact>,
    /// How many causes there were beyond those.
    pub more_causes: u32,
    /// What served when it ended.
    pub served: Vec<String>,
    /// What of that did not serve when the cycle before it ended.
    pub moved: Vec<String>,
    /// The commit of its newest run.
    pub commit: Option<CommitFact>,
    /// The runs of this session that belong to it, by number.
    pub runs: Vec<u32>,
}

/// Why tests of a cycle failed.
#[derive(Debug, Clone, Serialize)]
pub struct CycleCauseFact {
    /// Where it is told, where it belongs to this session.
    pub anchor: Option<String>,
    /// Its signature's key, in short.
    pub key: String,
    /// What kind of thing went wrong.
    pub class: &'static str,
    /// What went wrong.
    pub title: String,
    /// How many tests failed for it.
    pub tests: u32,
}

/// A run.
#[derive(Debug, Clone, Serialize)]
pub struct RunFact {
    /// Its number in this session, counted from 1.
    pub number: u32,
    /// What it was for: `tests`, `listing`, `null run, nothing answers` or `null run, a stub answers`.
    pub kind: &'static str,
    /// The cycle that it belongs to.
    pub cycle: u32,
    /// What was asked for.
    pub what: String,
    /// The runner's name.
    pub runner: String,
    /// The tool and its version.
    pub tool: Option<String>,
    /// Who asked for it.
    pub by: String,
    /// When it was asked for.
    pub asked: String,
    /// When its process started.
    pub began: Option<String>,
    /// How long it took, in seconds.
    pub took: Option<f64>,
    /// How it ended, in a word.
    pub end: &'static str,
    /// Why it ended so.
    pub why: Option<String>,
    /// Where exit code and results disagree.
    pub disagreement: Option<String>,
    /// Whether the tool's own reporting ran beside ours.
    pub beside: bool,
    /// Tests that were asked for, or listed.
    pub selected: u32,
    /// Tests that ended with a result.
    pub finished: u32,
    /// Tests that ran and held.
    pub passed: u32,
    /// Tests that did not hold.
    pub failed: u32,
    /// Tests that began and never ended.
    pub lost: u32,
    /// Tests that never had their turn.
    pub not_run: u32,
    /// Tests that were asked for and not found.
    pub missing: u32,
    /// Tests that ran while what serves was changing.
    pub straddled: u32,
    /// Tests that failed while a service was not well.
    pub environment: u32,
    /// Tests that failed as it was accepted.
    pub known: u32,
    /// What served when it began.
    pub served: Vec<String>,
    /// The commit that it was made of.
    pub commit: Option<CommitFact>,
}

/// The cycles. None of them is called green on a page that may not use words of success.
pub(super) fn all(state: &State, success: bool, causes: &[CauseFact]) -> Vec<CycleFact> {
    let mut before: Option<&CycleRecord> = None;
    let told = causes.iter().map(|cause| (cause.key.as_str(), cause.anchor.clone()));
    let anchors: Anchors = told.collect();
    state.records.iter().map(|record| cycle(state, record, before.replace(record), success, &anchors)).collect()
}

/// Where causes are told, by their keys.
type Anchors<'a> = BTreeMap<&'a str, String>;

fn cycle(
    state: &State,
    record: &CycleRecord,
    before: Option<&CycleRecord>,
    success: bool,
    anchors: &Anchors,
) -> CycleFact {
    let counts = &record.counts;
    // A record of an older version does not tell these.
    let told = record.ended.is_some();
    let is_new = |served: &&(Text, Text)| before.is_none_or(|before| !before.served.contains(served));
    let moved = record.served.iter().filter(is_new);
    let own = state.runs.iter().filter(|(_, run)| run.cycle == record.number && run.kind == RunKind::Test);
    CycleFact {
        number: record.number,
        name: record.name.as_ref().map(|name| name.to_string()),
        began: stamp(record.began),
        took: record.took().map(|took| took.as_secs_f64()),
        what: record.what.to_string(),
        selected: told.then_some(counts.selected),
        finished: record.finished,
        passed: told.then_some(counts.passed),
        failed: record.failed,
        lost: counts.lost,
        not_run: counts.not_run,
        straddled: counts.straddled,
        environment: counts.environment,
        known: counts.known,
        pass_rate: record.pass_rate().map(|rate| (rate * 10.0).round() / 10.0),
        green: record.green && success,
        whole: told.then(|| record.is_whole()),
        causes: record.causes.iter().map(|cause| CycleCauseFact::of(cause, anchors)).collect(),
        more_causes: record.more_causes,
        served: record.served.iter().map(|(name, revision)| spoken(name, revision)).collect(),
        moved: moved.map(|(name, revision)| spoken(name, revision)).collect(),
        commit: record.source.as_ref().map(|source| CommitFact::of(source)),
        runs: own.map(|(id, _)| id.0 + 1).collect(),
    }
}

impl CycleCauseFact {
    fn of(cause: &CycleCause, anchors: &Anchors) -> Self {
        Self {
            anchor: anchors.get(&*cause.key).cloned(),
            key: cause.key.to_string(),
            class: cause.class.word(),
            title: cause.title.to_string(),
            tests: cause.tests,
        }
    }
}

pub(super) fn runs(state: &State) -> Vec<RunFact> {
    state.runs.iter().map(|(id, run)| fact(state, id, run)).collect()
}

fn fact(state: &State, id: RunId, run: &Run) -> RunFact {
    let (end, why) = match &run.phase {
        RunPhase::Ended(RunEnd::Complete) => ("complete", None),
        RunPhase::Ended(RunEnd::NothingRan(why)) => ("nothing ran", Some(why)),
        RunPhase::Ended(RunEnd::CutShort(why)) => ("cut short", Some(why)),
        RunPhase::Ended(RunEnd::Stopped) => ("stopped", None),
        RunPhase::Ended(RunEnd::Crashed(why)) => ("crashed", Some(why)),
        RunPhase::Ended(RunEnd::CouldNotStart(why)) => ("could not start", Some(why)),
        RunPhase::Held { why } => ("waiting", Some(why)),
        RunPhase::Starting | RunPhase::Collecting | RunPhase::Running | RunPhase::Stopping { .. } => ("not over", None),
    };
    let numbers = &run.integrity;
    let spec = state.session.project.runners.get(run.runner.index());
    RunFact {
        number: id.0 + 1,
        kind: match run.kind {
            RunKind::Test => "tests",
            RunKind::Collect => "listing",
            RunKind::Null(NullKind::Refused) => "null run, nothing answers",
            RunKind::Null(NullKind::Stub) => "null run, a stub answers",
        },
        cycle: run.cycle,
        what: run.what.to_string(),
        runner: spec.map_or_else(|| "runner".to_owned(), |spec| spec.name.to_string()),
        tool: run.tool.as_ref().map(|tool| tool.to_string()),
        by: state.viewer_name(run.by).to_owned(),
        asked: stamp(run.asked),
        began: run.started.map(stamp),
        took: run.ended.zip(run.started).map(|(ended, started)| ended.since(started).as_secs_f64()),
        end,
        why: why.map(|why| why.to_string()),
        disagreement: run.disagreement.as_ref().map(|what| what.to_string()),
        beside: run.lane == Some(Lane::Beside),
        selected: numbers.selected.max(numbers.collected),
        finished: numbers.finished,
        passed: run.tally.passes(),
        failed: run.tally.failures(),
        lost: numbers.lost,
        not_run: numbers.not_run,
        missing: numbers.missing,
        straddled: run.tally.straddled,
        environment: run.tally.environment,
        known: run.tally.known,
        served: state.services.revisions(run.epoch).map(|(name, revision)| spoken(name, revision)).collect(),
        commit: run.source.as_ref().map(|source| CommitFact::of(source)),
    }
}

/// `backend 00004`.
pub(super) fn spoken(name: &Text, revision: &Text) -> String {
    if revision.contains(&**name) { revision.to_string() } else { format!("{name} {revision}") }
}
