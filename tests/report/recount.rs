//! What a journal holds, counted by hand: from its entries alone, without the fold.

use std::collections::{BTreeMap, BTreeSet};

use liveloop::domain::*;

/// What is said of a test that began and never ended.
const LOST: &str = "it started; then nothing more was heard of it";

/// What spoilt a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoilt {
    Not,
    Environment,
    Straddled,
}

/// How a test ended once.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) node: String,
    /// Counted from 1.
    pub(crate) run: u32,
    pub(crate) at: Moment,
    pub(crate) took: Span,
    pub(crate) outcome: Outcome,
    pub(crate) grade: Option<Grade>,
    pub(crate) spoilt: Spoilt,
    pub(crate) known: bool,
    /// Why it failed, in the words of its cause; nothing where it did not.
    pub(crate) why: Option<String>,
    /// What served when it began.
    served: Served,
}

type Served = BTreeMap<u32, Text>;

/// A run.
#[derive(Debug, Default)]
pub(crate) struct RunCount {
    pub(crate) began: Option<Moment>,
    pub(crate) ended: Option<Moment>,
    pub(crate) listed: Vec<String>,
    pub(crate) missing: u32,
    whole: bool,
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Recount {
    pub(crate) entries: u64,
    pub(crate) first: Moment,
    pub(crate) last: Moment,
    pub(crate) times: BTreeSet<u64>,
    pub(crate) runs: BTreeMap<u32, RunCount>,
    pub(crate) results: Vec<Ended>,
    /// In the order in which they were found.
    pub(crate) found: Vec<(String, String)>,
    pub(crate) recalled: Vec<CycleRecord>,
    pub(crate) judged: BTreeMap<String, Judgement>,
    pub(crate) fixes: BTreeMap<u32, (Moment, usize)>,
    pub(crate) deploys: BTreeMap<u32, Vec<(Moment, Option<Text>)>>,
    pub(crate) needed: u32,
    pub(crate) imported: Option<LoadedBaseline>,
    served: Served,
    down: BTreeMap<u32, bool>,
    accepted: Option<Pattern>,
    services: Vec<String>,
    begun: BTreeMap<(u32, u32), (Moment, Served)>,
}

impl Recount {
    /// Counts. `titles` tells what causes are called whose failures say more than that.
    pub(crate) fn of(entries: &[Entry], titles: &BTreeMap<String, String>) -> Self {
        let mut all = Self::default();
        for entry in entries {
            all.entries += 1;
            all.first = if all.entries == 1 { entry.at } else { all.first };
            all.last = entry.at;
            all.times.insert(entry.at.0 / 1_000);
            all.take(entry, titles);
        }
        all
    }

    fn take(&mut self, entry: &Entry, titles: &BTreeMap<String, String>) {
        match &entry.event {
            Event::Session(SessionEvent::Opened { project }) => {
                self.services = project.services.iter().map(|service| service.name.to_string()).collect();
                let deploy = project.services.iter().find_map(|service| service.deploy.as_ref());
                self.needed = deploy.map_or(0, |deploy| deploy.streak);
            }
            Event::Session(SessionEvent::Recalled(memory)) => {
                self.times.extend(memory.cycles.iter().map(|record| record.began.0 / 1_000));
                self.recalled.clone_from(&memory.cycles);
            }
            Event::Session(SessionEvent::BaselineLoaded(loaded)) => {
                self.times.extend(loaded.at.map(|at| at.0 / 1_000));
                self.imported = Some((**loaded).clone());
            }
            Event::Session(SessionEvent::Asked { command: Command::Mute(spec), .. }) => {
                self.accepted.clone_from(&spec.message);
            }
            Event::Service(ServiceEvent::Probed { service, probe }) => {
                let serves = matches!(probe.health, Health::Healthy | Health::Degraded(_));
                self.down.insert(service.0, !serves);
                if let Some(revision) = &probe.revision {
                    self.served.insert(service.0, revision.clone());
                }
            }
            Event::Fix(FixEvent::Ended { fix, changed, .. }) => {
                self.fixes.insert(fix.0, (entry.at, changed.len()));
            }
            Event::Deploy(event) => {
                let seen = self.deploys.entry(event.deploy().0).or_default();
                if let DeployEvent::Proved { saw, .. } = event {
                    seen.push((entry.at, saw.clone()));
                }
            }
            Event::Run(event) => self.take_run(entry.at, event, titles),
            _ => {}
        }
    }

    fn take_run(&mut self, at: Moment, event: &RunEvent, titles: &BTreeMap<String, String>) {
        match event {
            RunEvent::Started { run, .. } => self.runs.entry(run.0).or_default().began = Some(at),
            RunEvent::Collected { run, tests } => {
                let listed = tests.iter().map(|found| (found.node.to_string(), found.module.to_string()));
                for (node, module) in listed {
                    self.runs.entry(run.0).or_default().listed.push(node.clone());
                    if !self.found.iter().any(|(known, _)| *known == node) {
                        self.found.push((node, module));
                    }
                }
            }
            RunEvent::Missed { run, nodes } => self.runs.entry(run.0).or_default().missing += nodes.len() as u32,
            RunEvent::TestStarted { run, n } => drop(self.begun.insert((run.0, *n), (at, self.served.clone()))),
            RunEvent::ContractJudged { run, n, judgement } => {
                let node = self.runs[&run.0].listed[*n as usize].clone();
                self.judged.insert(node, (**judgement).clone());
            }
            RunEvent::TestEnded { run, n, outcome, took, detail, evidence } => {
                let message = detail.as_ref().map(|detail| detail.message.to_string());
                let grade = evidence.as_ref().map(|evidence| evidence.grade);
                self.end(at, (run.0, *n), *outcome, *took, message, grade, titles);
            }
            RunEvent::Exited { run, exit, .. } => {
                let open: Vec<(u32, u32)> = self.begun.keys().copied().filter(|(of, _)| *of == run.0).collect();
                for key in open {
                    let took = at.since(self.begun[&key].0);
                    self.end(at, key, Outcome::Lost, took, Some(LOST.to_owned()), None, titles);
                }
                let run = self.runs.entry(run.0).or_default();
                run.ended = Some(at);
                run.whole = matches!(exit, Exit::Code(0 | 1));
            }
            _ => {}
        }
    }

    #[allow(clippy::too_many_arguments, reason = "what two events tell, taken apart")]
    fn end(
        &mut self,
        at: Moment,
        key: (u32, u32),
        outcome: Outcome,
        took: Span,
        message: Option<String>,
        grade: Option<Grade>,
        titles: &BTreeMap<String, String>,
    ) {
        let node = self.runs[&key.0].listed[key.1 as usize].clone();
        let (_, served) = self.begun.remove(&key).unwrap_or_else(|| (at, self.served.clone()));
        let down = self.down.iter().find(|(_, down)| **down).map(|(service, _)| *service);
        let is_own = outcome != Outcome::Lost;
        let spoilt = match down {
            _ if served != self.served && is_own => Spoilt::Straddled,
            Some(_) if outcome.is_failure() && is_own => Spoilt::Environment,
            _ => Spoilt::Not,
        };
        let message = message.unwrap_or_default();
        let accepted = self.accepted.as_ref().is_some_and(|pattern| pattern.fits(&message));
        let why = match spoilt {
            Spoilt::Environment => {
                down.and_then(|id| self.services.get(id as usize)).map(|name| format!("{name} was down"))
            }
            Spoilt::Straddled => None,
            Spoilt::Not => outcome.is_failure().then(|| titles.get(&message).cloned().unwrap_or(message)),
        };
        let known = accepted && spoilt == Spoilt::Not && outcome.is_failure();
        self.results.push(Ended { node, run: key.0 + 1, at, took, outcome, grade, spoilt, known, why, served });
    }

    /// How a test ended, the newest last.
    pub(crate) fn of_test(&self, node: &str) -> Vec<&Ended> {
        self.results.iter().filter(|ended| ended.node == node).collect()
    }

    pub(crate) fn newest(&self, node: &str) -> Option<&Ended> {
        self.results.iter().rev().find(|ended| ended.node == node)
    }

    /// Whether another revision serves now than the one that it met.
    pub(crate) fn is_stale(&self, ended: &Ended) -> bool {
        ended.spoilt == Spoilt::Not && ended.served != self.served
    }

    /// Whether the last run that listed a test never came to it.
    pub(crate) fn is_passed_over(&self, node: &str) -> bool {
        let last = self.runs.iter().rev().find(|(_, run)| run.listed.iter().any(|listed| listed == node));
        let is_own = |id: u32| self.results.iter().any(|ended| ended.run == id + 1 && ended.node == node);
        let concern = |ended: &Ended| (ended.outcome.is_failure() || ended.spoilt != Spoilt::Not) && !ended.known;
        last.is_some_and(|(id, run)| run.ended.is_some() && !run.whole && !is_own(*id))
            && !self.newest(node).is_some_and(concern)
    }

    /// How many tests a run listed and never came to.
    pub(crate) fn not_run(&self, id: u32) -> u32 {
        let run = &self.runs[&id];
        let came = self.results.iter().filter(|ended| ended.run == id + 1).count();
        if run.whole || run.ended.is_none() { 0 } else { (run.listed.len() - came) as u32 }
    }

    /// Why tests failed at a moment: each cause, and the tests that failed for it.
    pub(crate) fn causes_at(&self, moment: Moment) -> BTreeMap<String, BTreeSet<String>> {
        let mut newest: BTreeMap<&str, &Ended> = BTreeMap::new();
        for ended in self.results.iter().filter(|ended| ended.at <= moment) {
            newest.insert(&ended.node, ended);
        }
        let mut causes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (node, ended) in newest {
            if let Some(why) = &ended.why {
                causes.entry(why.clone()).or_default().insert(node.to_owned());
            }
        }
        causes
    }
}
