//! What the history keeps of an entry, as values: taken from the state right after the entry was folded. A running
//! session and a rebuild from its journal come through here alike, so that both write the same rows.

use crate::domain::{
    Cause, Circumstance, Command, Deploy, DeployEvent, DeployId, DeployPhase, Entry, EnvironmentSpec, Epoch, Event,
    Grade, Moment, Outcome, Recollection, Run, RunEnd, RunEvent, RunId, RunKind, RunPhase, SessionEnd, SessionEvent,
    Signature, Span, State, TestId, Text,
};

/// How many bytes of a failure's message are kept.
const MESSAGE: usize = 1_000;

/// Something that the history keeps.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// The session began.
    Opened(SessionRecord),
    /// What earlier sessions left was read: the number of their last cycle.
    Recalled(u32),
    /// A run ended.
    Run(Box<RunRecord>),
    /// A deploy ended.
    Deploy(DeployRecord),
    /// The session ended.
    Ended {
        /// When.
        at: Moment,
        /// How, in a word.
        how: Text,
        /// What it hands on to the next one.
        leaves: Option<Box<Recollection>>,
    },
}

/// A session as its history knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionRecord {
    /// When it began.
    pub started: Moment,
    /// The project's name.
    pub project: Text,
    /// The environment's name.
    pub environment: Option<Text>,
}

/// A run that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Its place among the runs of its session.
    pub n: u32,
    /// The name of its runner.
    pub runner: Text,
    /// What it was for.
    pub kind: RunKind,
    /// The cycle that it belonged to.
    pub cycle: u32,
    /// What was asked for, in a few words.
    pub what: Text,
    /// Who asked for it.
    pub by: Option<Text>,
    /// The tool and its version.
    pub tool: Option<Text>,
    /// When it was asked for.
    pub asked: Moment,
    /// When its process started.
    pub started: Option<Moment>,
    /// When it ended; nothing where its session was killed.
    pub ended: Option<Moment>,
    /// How it ended, in a word.
    pub end: &'static str,
    /// Why it ended so.
    pub why: Option<Text>,
    /// Tests that were asked for.
    pub selected: u32,
    /// Tests that ended with a result.
    pub finished: u32,
    /// Tests that ran and held.
    pub passed: u32,
    /// Tests that did not hold.
    pub failed: u32,
    /// Tests that began and never ended.
    pub lost: u32,
    /// Tests that never began.
    pub not_run: u32,
    /// Tests that were asked for and not found.
    pub missing: u32,
    /// What served while its tests ran: a list of services and their revisions for each period that it met.
    pub served: Vec<Vec<(Text, Text)>>,
    /// Why its tests failed.
    pub causes: Vec<Signature>,
    /// How its tests ended.
    pub attempts: Vec<AttemptRecord>,
}

/// How a test of a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    /// The runner's name for the test.
    pub node: Text,
    /// Its module.
    pub module: Text,
    /// How it ended.
    pub outcome: Outcome,
    /// When it started.
    pub started: Moment,
    /// How long it took.
    pub took: Span,
    /// How many executions it took.
    pub tries: u32,
    /// What served: a place in the run's list; nothing where nobody knows.
    pub served: Option<usize>,
    /// What the environment did meanwhile, in words; nothing where its outcome is its own.
    pub circumstance: Option<Text>,
    /// Why it failed: a place in the run's list.
    pub cause: Option<usize>,
    /// Whether it failed only because another test did.
    pub dependent: bool,
    /// How far it went towards the environment, where that was measured.
    pub grade: Option<Grade>,
    /// What its failure said, in the first lines.
    pub message: Option<Text>,
}

/// A deploy that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct DeployRecord {
    /// Its place among the deploys of its session.
    pub n: u32,
    /// What was deployed.
    pub service: Text,
    /// Who asked for it.
    pub by: Text,
    /// The cycle in which it was asked for.
    pub cycle: u32,
    /// The revision that served before.
    pub from: Option<Text>,
    /// The revision that was put in place, or announced.
    pub to: Option<Text>,
    /// When it was asked for.
    pub started: Moment,
    /// When it was over.
    pub ended: Option<Moment>,
    /// How it ended, in a word.
    pub end: &'static str,
    /// Why it ended so.
    pub why: Option<Text>,
}

/// What the history keeps of an entry that was just folded into `state`. Nearly always nothing.
#[must_use]
pub fn of(state: &State, entry: &Entry) -> Vec<Record> {
    let record = match &entry.event {
        Event::Session(SessionEvent::Ended { how }) => {
            return unfinished(state).chain([ended(state, word_of(how))]).collect();
        }
        Event::Session(event) => of_session(state, event),
        Event::Run(
            RunEvent::Exited { run, .. } | RunEvent::CouldNotStart { run, .. } | RunEvent::HeldTooLong { run },
        ) => ended_run(state, *run),
        Event::Deploy(
            DeployEvent::CommandEnded { deploy, .. }
            | DeployEvent::CouldNotStart { deploy, .. }
            | DeployEvent::Platform { deploy, .. }
            | DeployEvent::OutOfReach { deploy, .. }
            | DeployEvent::TimedOut { deploy, .. }
            | DeployEvent::Proved { deploy, .. }
            | DeployEvent::SurfaceAsked { deploy, .. }
            | DeployEvent::ProofEnded { deploy, .. },
        ) => ended_deploy(state, *deploy),
        Event::Run(_) | Event::Deploy(_) | Event::Service(_) | Event::Stream(_) | Event::Log(_) | Event::Fix(_) => None,
    };
    record.into_iter().collect()
}

/// The end of a session, in that word.
#[must_use]
pub fn ended(state: &State, how: Text) -> Record {
    Record::Ended { at: state.at, how, leaves: state.leavings().map(Box::new) }
}

/// What was under way when a session ended, or when the journal of one that is no more does.
pub fn unfinished(state: &State) -> impl Iterator<Item = Record> {
    let runs = state.runs.iter().filter(|(_, run)| run.is_active() && run.kind != RunKind::Collect);
    let runs = runs.map(|(id, run)| Record::Run(Box::new(run_record(state, id, run))));
    let deploys = state.deploys.iter().filter(|(_, deploy)| deploy.is_active() && !deploy.is_restart);
    runs.chain(deploys.map(|(id, deploy)| Record::Deploy(deploy_record(state, id, deploy))))
}

fn of_session(state: &State, event: &SessionEvent) -> Option<Record> {
    match event {
        SessionEvent::Opened { project } => Some(Record::Opened(SessionRecord {
            started: state.at,
            project: project.name.clone(),
            environment: project.environment.as_ref().map(|EnvironmentSpec { name, .. }| name.clone()),
        })),
        SessionEvent::Recalled(memory) => Some(Record::Recalled(memory.cycle)),
        // A run that waits for its services ends with the wish.
        SessionEvent::Asked { command: Command::StopRun(run), .. } => ended_run(state, *run),
        SessionEvent::Asked { .. }
        | SessionEvent::Ended { .. }
        | SessionEvent::ViewerJoined { .. }
        | SessionEvent::ViewerLeft { .. }
        | SessionEvent::ViewerLooked { .. }
        | SessionEvent::ProveOverdue { .. }
        | SessionEvent::AutopilotOverdue { .. }
        | SessionEvent::NoticeSent { .. }
        | SessionEvent::SourceSeen(_)
        | SessionEvent::ReportsWritten { .. }
        | SessionEvent::FilesChanged { .. }
        | SessionEvent::WatchEnded { .. }
        | SessionEvent::HandOffKept { .. }
        | SessionEvent::HandOffFailed { .. }
        | SessionEvent::BaselineLoaded(_)
        | SessionEvent::BaselineMissing { .. }
        | SessionEvent::Troubled { .. }
        | SessionEvent::Remarked { .. } => None,
    }
}

fn word_of(how: &SessionEnd) -> Text {
    match how {
        SessionEnd::Quit => "quit".into(),
        SessionEnd::Done => "done".into(),
        SessionEnd::HungUp => "hung up".into(),
        SessionEnd::Signal(name) => format!("signal {name}").into(),
        SessionEnd::Panicked(why) => format!("panicked: {why}").into(),
    }
}

/// How something ended that its session did not see the end of.
fn broken_off(state: &State) -> &'static str {
    if state.session.ended.is_some() { "stopped" } else { "killed" }
}

fn ended_run(state: &State, id: RunId) -> Option<Record> {
    let run = state.runs.get(id).filter(|run| run.ended == Some(state.at))?;
    let record = run_record(state, id, run);
    // A mere listing is worth a row where something in it broke.
    (run.kind != RunKind::Collect || !record.attempts.is_empty()).then(|| Record::Run(Box::new(record)))
}

fn ended_deploy(state: &State, id: DeployId) -> Option<Record> {
    let deploy = state.deploys.get(id).filter(|deploy| deploy.ended == Some(state.at) && !deploy.is_restart)?;
    Some(Record::Deploy(deploy_record(state, id, deploy)))
}

fn run_record(state: &State, id: RunId, run: &Run) -> RunRecord {
    let (end, why) = match &run.phase {
        RunPhase::Ended(RunEnd::Complete) => ("complete", run.disagreement.clone()),
        RunPhase::Ended(RunEnd::NothingRan(why)) => ("nothing ran", Some(why.clone())),
        RunPhase::Ended(RunEnd::CutShort(why)) => ("cut short", Some(why.clone())),
        RunPhase::Ended(RunEnd::Stopped) => ("stopped", None),
        RunPhase::Ended(RunEnd::Crashed(why)) => ("crashed", Some(why.clone())),
        RunPhase::Ended(RunEnd::CouldNotStart(why)) => ("could not start", Some(why.clone())),
        RunPhase::Held { .. }
        | RunPhase::Starting
        | RunPhase::Collecting
        | RunPhase::Running
        | RunPhase::Stopping { .. } => (broken_off(state), None),
    };
    let numbers = &run.integrity;
    let selected = numbers.selected.max(numbers.collected);
    let (lost, not_run) = match run.is_active() {
        // Nobody was there any more to count them.
        true => (numbers.started.saturating_sub(numbers.finished), selected.saturating_sub(numbers.started)),
        false => (numbers.lost, numbers.not_run),
    };
    let spec = state.session.project.runners.get(run.runner.index());
    let mut record = RunRecord {
        n: id.0,
        runner: spec.map_or_else(|| "runner".into(), |spec| spec.name.clone()),
        kind: run.kind,
        cycle: run.cycle,
        what: run.what.clone(),
        by: run.by.map(|by| state.viewer_name(Some(by)).into()),
        tool: run.tool.clone(),
        asked: run.asked,
        started: run.started,
        ended: run.ended,
        end,
        why,
        selected,
        finished: numbers.finished,
        passed: run.tally.passes(),
        failed: run.tally.failures().saturating_sub(numbers.lost),
        lost,
        not_run,
        missing: numbers.missing,
        served: Vec::new(),
        causes: Vec::new(),
        attempts: Vec::with_capacity(if run.kind == RunKind::Test { run.tests.len() } else { 0 }),
    };
    let mut places = Places::default();
    for &test in &run.tests {
        record.attempts.extend(attempt_record(state, id, test, &mut places));
    }
    let served = |epoch: &Epoch| state.services.revisions(*epoch).map(|(a, b)| (a.clone(), b.clone())).collect();
    record.served = places.epochs.iter().map(served).collect();
    let causes = places.causes.iter().filter_map(|id| state.causes.get(*id));
    record.causes = causes.map(words_of_cause).collect();
    record
}

/// A cause as its failures have told it together, so far.
fn words_of_cause(cause: &Cause) -> Signature {
    let signature = cause.signature.clone();
    let wording = Some(cause.title()).filter(|title| **title != signature.title).cloned();
    Signature { wording, ..signature }
}

/// Where periods and causes stand in a run's lists.
#[derive(Default)]
struct Places {
    epochs: Vec<Epoch>,
    causes: Vec<crate::domain::CauseId>,
}

fn place<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    // What was met last is met again most often.
    list.iter().rposition(|known| *known == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}

fn attempt_record(state: &State, run: RunId, id: TestId, places: &mut Places) -> Option<AttemptRecord> {
    let test = state.inventory.test(id)?;
    let mut attempts = test.latest.iter().chain(test.earlier.iter().rev());
    let attempt = attempts.find(|attempt| attempt.run == Some(run))?;
    let known = state.services.revisions(attempt.epoch).next().is_some();
    let failed = attempt.outcome.is_failure();
    let message = attempt.detail.as_ref().map(|detail| &detail.message).filter(|message| failed && !message.is_empty());
    Some(AttemptRecord {
        node: test.node.clone(),
        module: state.inventory.module(test.module).map_or_else(|| "".into(), |module| module.path.clone()),
        outcome: attempt.outcome,
        started: attempt.started,
        took: attempt.took,
        tries: attempt.tries,
        served: (known && attempt.circumstance != Circumstance::Straddled)
            .then(|| place(&mut places.epochs, attempt.epoch)),
        circumstance: circumstance(&attempt.circumstance),
        cause: attempt.cause.filter(|id| state.causes.get(*id).is_some()).map(|id| place(&mut places.causes, id)),
        dependent: failed && state.causes.is_dependent(id),
        grade: attempt.evidence.as_ref().map(|evidence| evidence.grade),
        message: message.map(cut),
    })
}

fn circumstance(circumstance: &Circumstance) -> Option<Text> {
    match circumstance {
        Circumstance::Steady => None,
        Circumstance::Straddled => Some("straddled".into()),
        Circumstance::Environment(disturbance) => Some(disturbance.to_string().into()),
    }
}

fn cut(message: &Text) -> Text {
    if message.len() <= MESSAGE {
        return message.clone();
    }
    let end = (0..=MESSAGE).rev().find(|&end| message.is_char_boundary(end)).unwrap_or(0);
    format!("{}…", &message[..end]).into()
}

fn deploy_record(state: &State, id: DeployId, deploy: &Deploy) -> DeployRecord {
    let (end, why) = match &deploy.phase {
        DeployPhase::Live => ("live", None),
        DeployPhase::Failed(why) => ("failed", Some(why.clone())),
        DeployPhase::NotServing(why) => ("not serving", Some(why.clone())),
        DeployPhase::Superseded(why) => ("superseded", Some(why.clone())),
        DeployPhase::TimedOut(why) => ("timed out", Some(why.clone())),
        DeployPhase::Cancelled => ("cancelled", None),
        DeployPhase::Running | DeployPhase::Routing | DeployPhase::Proving => (broken_off(state), None),
    };
    DeployRecord {
        n: id.0,
        service: state.services.get(deploy.service).map_or_else(|| "service".into(), |known| known.spec.name.clone()),
        by: state.viewer_name(Some(deploy.by)).into(),
        cycle: state.cycle,
        from: deploy.from.clone(),
        to: deploy.to.clone(),
        started: deploy.started,
        ended: deploy.ended,
        end,
        why,
    }
}
