//! Cycles and their runs, in numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::causes::CauseFact;
use super::loose::CommitFact;
use crate::domain::{
    CauseChange, Commit, CycleContract, CycleDeploy, CycleHealth, CycleNote, CycleRecord, Lane, NullKind, Run, RunEnd,
    RunId, RunKind, RunPhase, State, Text,
};
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
    /// What started it.
    pub why: &'static str,
    /// Who asked for it.
    pub by: Option<String>,
    /// Whether it came from a file of results.
    pub imported: bool,
    /// How many executions its tests took; nothing where nobody kept it.
    pub executions: Option<u32>,
    /// Who was attached while it lasted, or acted in it.
    pub people: Vec<String>,
    /// The deploys that began in it.
    pub deploys: Vec<CycleDeployFact>,
    /// The commits since the cycle before, the newest first.
    pub commits: Vec<CycleCommitFact>,
    /// Whether there are commits beyond those.
    pub more_commits: bool,
    /// How each service did over its time.
    pub health: Vec<CycleHealthFact>,
    /// What the contracts came to that ran in it.
    pub contracts: Vec<CycleContractFact>,
    /// What was written in it.
    pub notes: Vec<CycleNoteFact>,
    /// The causes that only the cycle before had.
    pub causes_gone: Vec<CycleCauseFact>,
}

/// A deploy of a cycle.
#[derive(Debug, Clone, Serialize)]
pub struct CycleDeployFact {
    /// What was deployed.
    pub service: String,
    /// Who asked for it.
    pub by: String,
    /// The revision that served before.
    pub from: Option<String>,
    /// The revision that was put in place, or announced.
    pub to: Option<String>,
    /// When it began.
    pub began: String,
    /// How long it took, in seconds.
    pub took: Option<f64>,
    /// How it ended, in a word.
    pub end: String,
}

/// A commit that a cycle met first.
#[derive(Debug, Clone, Serialize)]
pub struct CycleCommitFact {
    /// Its hash, in full.
    pub commit: String,
    /// Short enough for a line.
    pub short: String,
    /// Who made it.
    pub author: String,
    /// Its first line.
    pub subject: String,
}

/// How a service did over the time of a cycle.
#[derive(Debug, Clone, Serialize)]
pub struct CycleHealthFact {
    /// Its name.
    pub service: String,
    /// Whether it served all the time, as far as anybody knows.
    pub steady: bool,
    /// What was believed of it and since when, oldest first.
    pub spells: Vec<SpellFact>,
    /// How many of them were not kept.
    pub left_out: u32,
}

/// A time in which the same was believed of a service.
#[derive(Debug, Clone, Serialize)]
pub struct SpellFact {
    /// Since when.
    pub since: String,
    /// Whether it served.
    pub serves: bool,
    /// What was believed.
    pub health: String,
}

/// What a contract came to in a cycle.
#[derive(Debug, Clone, Serialize)]
pub struct CycleContractFact {
    /// Its name.
    pub name: String,
    /// What it came to.
    pub verdict: String,
    /// Whether that is as it should be.
    pub holds: bool,
    /// Why.
    pub why: String,
}

/// What was written in a cycle.
#[derive(Debug, Clone, Serialize)]
pub struct CycleNoteFact {
    /// On what.
    pub about: String,
    /// Who wrote it.
    pub author: String,
    /// Its first line, or the root cause.
    pub line: String,
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
    /// How many failed for it after the cycle before; nothing where that is not known.
    pub before: Option<u32>,
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
    let around = &record.around;
    let gone = before.into_iter().flat_map(|before| record.causes_gone(before));
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
        causes: record.cause_changes(before).iter().map(|change| CycleCauseFact::of(change, anchors)).collect(),
        more_causes: record.more_causes,
        served: record.served.iter().map(|(name, revision)| spoken(name, revision)).collect(),
        moved: moved.map(|(name, revision)| spoken(name, revision)).collect(),
        commit: record.source.as_ref().map(|source| CommitFact::of(source)),
        runs: own.map(|(id, _)| id.0 + 1).collect(),
        why: around.why.word(),
        by: around.by.as_ref().map(|by| by.to_string()),
        imported: record.is_imported(),
        executions: (around.attempts > 0).then_some(around.attempts),
        people: around.people.iter().map(|name| name.to_string()).collect(),
        deploys: around.deploys.iter().map(CycleDeployFact::of).collect(),
        commits: around.commits.iter().map(CycleCommitFact::of).collect(),
        more_commits: around.more_commits,
        health: around.health.iter().map(CycleHealthFact::of).collect(),
        contracts: around.contracts.iter().map(CycleContractFact::of).collect(),
        notes: around.notes.iter().map(CycleNoteFact::of).collect(),
        causes_gone: gone
            .map(|cause| CycleCauseFact::of(&CauseChange { cause, before: Some(cause.tests), after: 0 }, anchors))
            .collect(),
    }
}

impl CycleCauseFact {
    fn of(change: &CauseChange<'_>, anchors: &Anchors) -> Self {
        Self {
            anchor: anchors.get(&*change.cause.key).cloned(),
            key: change.cause.key.to_string(),
            class: change.cause.class.word(),
            title: change.cause.title.to_string(),
            tests: change.after,
            before: change.before,
        }
    }
}

impl CycleDeployFact {
    fn of(deploy: &CycleDeploy) -> Self {
        Self {
            service: deploy.service.to_string(),
            by: deploy.by.to_string(),
            from: deploy.from.as_ref().map(|from| from.to_string()),
            to: deploy.to.as_ref().map(|to| to.to_string()),
            began: stamp(deploy.began),
            took: deploy.ended.map(|ended| ended.since(deploy.began).as_secs_f64()),
            end: deploy.end.to_string(),
        }
    }
}

impl CycleCommitFact {
    fn of(commit: &Commit) -> Self {
        Self {
            commit: commit.hash.to_string(),
            short: commit.short().to_owned(),
            author: commit.author.to_string(),
            subject: commit.subject.to_string(),
        }
    }
}

impl CycleHealthFact {
    fn of(health: &CycleHealth) -> Self {
        let spells = health.spells.iter().map(|spell| SpellFact {
            since: stamp(spell.from),
            serves: spell.serves,
            health: spell.health.to_string(),
        });
        Self {
            service: health.service.to_string(),
            steady: health.is_steady(),
            spells: spells.collect(),
            left_out: health.left_out,
        }
    }
}

impl CycleContractFact {
    fn of(contract: &CycleContract) -> Self {
        Self {
            name: contract.name.to_string(),
            verdict: contract.verdict.to_string(),
            holds: contract.holds,
            why: contract.why.to_string(),
        }
    }
}

impl CycleNoteFact {
    fn of(note: &CycleNote) -> Self {
        Self { about: note.about.to_string(), author: note.author.to_string(), line: note.line.to_string() }
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
