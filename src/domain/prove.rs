//! Redeploy and prove: a chain from a deploy over health and streams to the tests that it was for, and what it changed.
//!
//! The chain is a piece of state with a clear end. What moves it on is in `cycle/proves.rs`; what it came to, test by
//! test, is worked out here.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Attempt, CauseId, DeployId, Moment, ProveId, RunId, Selection, ServiceId, Span, State, TestCase, TestId, Text,
    ViewerId,
};

/// A link of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProveStep {
    /// The service is deployed until the new revision serves.
    Deploy,
    /// A probe that began after that finds it healthy.
    Health,
    /// The streams that belong to it are open on what serves now.
    Streams,
    /// What was asked for runs; of everything that is unproved, what failed comes first.
    Rerun,
    /// What the deploy made stale runs.
    Stale,
}

impl ProveStep {
    /// Every step, in order.
    pub const ALL: [Self; 5] = [Self::Deploy, Self::Health, Self::Streams, Self::Rerun, Self::Stale];

    /// The step in a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Health => "healthy",
            Self::Streams => "streams",
            Self::Rerun => "rerun",
            Self::Stale => "stale",
        }
    }
}

/// What a step waits for, and how long at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProveWait {
    /// For what.
    pub why: Text,
    /// Until when; nothing where what it waits for keeps a limit of its own.
    pub until: Option<Moment>,
}

/// How a step stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProveStage {
    /// It comes later.
    #[default]
    Ahead,
    /// It is under way.
    UnderWay(ProveWait),
    /// It came about.
    Done,
    /// There was nothing to do, or the chain went on without it.
    PassedOver(Text),
    /// It did not come about.
    Failed(Text),
    /// A person ended the chain there.
    Cancelled,
}

/// A step with its times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProveLink {
    /// Which step.
    pub step: ProveStep,
    /// How it stands.
    pub stage: ProveStage,
    /// When it began; until then when the chain did.
    pub since: Moment,
    /// When it was over.
    pub ended: Option<Moment>,
    /// How many tests it concerns.
    pub tests: u32,
    /// The first of its runs, once they began.
    pub first_run: Option<RunId>,
}

/// How a chain ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProveEnd {
    /// It came to its delta: whether tests fail is told there.
    Proved,
    /// A step did not come about.
    Failed(Text),
    /// A person ended it.
    Cancelled,
}

/// What a test was before it was run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Was {
    /// It failed, for this cause where one is known.
    Failing(Option<CauseId>),
    /// It ran and did not fail.
    Holding,
    /// Nothing that says anything about it.
    Unknown,
}

impl Was {
    fn of(test: &TestCase) -> Self {
        match &test.latest {
            Some(latest) if latest.outcome.is_failure() => Self::Failing(latest.cause),
            Some(latest) if latest.circumstance.is_steady() => Self::Holding,
            Some(_) | None => Self::Unknown,
        }
    }
}

/// What a chain changed, test by test.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProveDelta {
    /// Failed before and hold now.
    pub fixed: Vec<TestId>,
    /// Fail for the same reason as before.
    pub still_failing: Vec<TestId>,
    /// Fail for another reason than before.
    pub failing_differently: Vec<TestId>,
    /// Fail and did not before.
    pub broken: Vec<TestId>,
    /// Fail, and nothing is known of before.
    pub failing: Vec<TestId>,
    /// Were to be run again and have no result of their own on what serves now.
    pub unproved: Vec<TestId>,
    /// Held before, or were accepted, and that is so still.
    pub holding: u32,
}

impl ProveDelta {
    /// The tests whose result is news, by what it is called.
    #[must_use]
    pub fn parts(&self) -> [(&'static str, &[TestId]); 6] {
        [
            ("fixed", &self.fixed),
            ("broken", &self.broken),
            ("failing", &self.failing),
            ("failing differently", &self.failing_differently),
            ("still failing", &self.still_failing),
            ("unproved", &self.unproved),
        ]
    }

    /// Whether nothing that was run again fails, and all of it was run.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.parts().iter().all(|(word, tests)| *word == "fixed" || tests.is_empty())
    }

    /// How many tests were run again, or were to be.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.parts().iter().map(|(_, tests)| tests.len() as u32).sum::<u32>() + self.holding
    }

    fn add(&mut self, id: TestId, was: Was, now: Option<&Attempt>, known: bool) {
        let Some(now) = now.filter(|now| now.circumstance.is_steady()) else { return self.unproved.push(id) };
        if !now.outcome.is_failure() || known {
            return match was {
                Was::Failing(_) if !known => self.fixed.push(id),
                Was::Failing(_) | Was::Holding | Was::Unknown => self.holding += 1,
            };
        }
        match was {
            Was::Failing(cause) if cause == now.cause => self.still_failing.push(id),
            Was::Failing(_) => self.failing_differently.push(id),
            Was::Holding => self.broken.push(id),
            Was::Unknown => self.failing.push(id),
        }
    }
}

impl fmt::Display for ProveDelta {
    /// `12 fixed, 1 broken, 20 still failing`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.total() == 0 {
            return f.write_str("there was nothing to rerun");
        }
        let mut comma = "";
        for (word, tests) in self.parts().into_iter().filter(|(_, tests)| !tests.is_empty()) {
            write!(f, "{comma}{} {word}", tests.len())?;
            comma = ", ";
        }
        if self.holding > 0 { write!(f, "{comma}{} still hold", self.holding) } else { Ok(()) }
    }
}

/// One chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prove {
    /// Its number in the session.
    pub id: ProveId,
    /// Who asked for it.
    pub by: ViewerId,
    /// What is deployed.
    pub service: ServiceId,
    /// What is run again.
    pub selection: Selection,
    /// Its deploy.
    pub deploy: DeployId,
    /// When it was asked for.
    pub began: Moment,
    /// Its steps, in order.
    pub links: Vec<ProveLink>,
    /// The cycle that its runs belong to, once there is one.
    pub cycle: Option<u32>,
    /// What it changed, once its runs are over.
    pub delta: Option<ProveDelta>,
    /// How it ended, once it did.
    pub end: Option<ProveEnd>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// The number of the cycle in which it ended: from the next one on, it is no news.
    pub(super) last_cycle: u32,
    was: Vec<(TestId, Was)>,
}

impl Prove {
    pub(super) fn new(id: ProveId, by: ViewerId, deploy: DeployId, asked: (ServiceId, Selection), at: Moment) -> Self {
        let (service, selection) = asked;
        let link =
            |step| ProveLink { step, stage: ProveStage::Ahead, since: at, ended: None, tests: 0, first_run: None };
        // Only what is unproved has two parts.
        let renews = selection == Selection::Failures;
        let steps = ProveStep::ALL.into_iter().filter(|step| renews || *step != ProveStep::Stale);
        Self {
            id,
            by,
            service,
            selection,
            deploy,
            began: at,
            links: steps.map(link).collect(),
            cycle: None,
            delta: None,
            end: None,
            ended: None,
            last_cycle: 0,
            was: Vec::new(),
        }
    }

    /// Whether it goes on.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.end.is_none()
    }

    /// The step that is under way, or is to begin.
    #[must_use]
    pub fn present(&self) -> Option<&ProveLink> {
        self.place().map(|place| &self.links[place])
    }

    /// How long it has taken until `now`.
    #[must_use]
    pub fn took(&self, now: Moment) -> Span {
        self.ended.unwrap_or(now).since(self.began)
    }

    fn place(&self) -> Option<usize> {
        let is_open = |link: &ProveLink| matches!(link.stage, ProveStage::Ahead | ProveStage::UnderWay(_));
        self.links.iter().position(is_open).filter(|_| self.is_active())
    }

    pub(super) fn present_mut(&mut self) -> Option<&mut ProveLink> {
        self.place().map(|place| &mut self.links[place])
    }

    /// The present step begins to wait, or waits for something else now.
    pub(super) fn wait(&mut self, why: &str, until: Option<Moment>, at: Moment) {
        let Some(link) = self.present_mut() else { return };
        match &mut link.stage {
            ProveStage::UnderWay(wait) if *wait.why == *why => wait.until = until,
            ProveStage::UnderWay(wait) => *wait = ProveWait { why: why.into(), until },
            ProveStage::Ahead => {
                link.since = at;
                link.stage = ProveStage::UnderWay(ProveWait { why: why.into(), until });
            }
            ProveStage::Done | ProveStage::PassedOver(_) | ProveStage::Failed(_) | ProveStage::Cancelled => {}
        }
    }

    /// The present step is over.
    pub(super) fn settle(&mut self, stage: ProveStage, at: Moment) {
        let Some(link) = self.present_mut() else { return };
        if link.stage == ProveStage::Ahead {
            link.since = at;
        }
        (link.stage, link.ended) = (stage, Some(at));
    }

    /// What tests are before they are run again.
    pub(super) fn remember<'a>(&mut self, tests: impl Iterator<Item = (TestId, &'a TestCase)>) {
        self.was.extend(tests.map(|(id, test)| (id, Was::of(test))));
    }

    /// What it came to, and when.
    pub(super) fn finish(&mut self, end: ProveEnd, delta: Option<ProveDelta>, cycle: u32, at: Moment) {
        (self.end, self.ended, self.last_cycle, self.delta) = (Some(end), Some(at), cycle, delta);
        self.was = Vec::new();
    }
}

impl State {
    /// The chain that goes on.
    #[must_use]
    pub fn proving(&self) -> Option<&Prove> {
        self.prove.as_ref().filter(|prove| prove.is_active())
    }

    /// The chain that is to be shown: one that goes on, or that ended and nothing was run or deployed since.
    #[must_use]
    pub fn prove_to_show(&self) -> Option<&Prove> {
        let is_news = |prove: &&Prove| {
            prove.is_active() || prove.last_cycle == self.cycle && self.deploys.latest() == Some(prove.deploy)
        };
        self.prove.as_ref().filter(is_news)
    }

    /// What the chain changed, from what its tests are now.
    pub(super) fn prove_delta(&self, prove: &Prove) -> ProveDelta {
        let mut delta = ProveDelta::default();
        let new = self.new_since(prove);
        for (id, was) in prove.was.iter().chain(&new) {
            let Some(test) = self.inventory.test(*id) else { continue };
            let renewed = test.latest.as_ref().filter(|latest| {
                let ran = latest.run.and_then(|run| self.runs.get(run));
                ran.is_some_and(|run| Some(run.cycle) == prove.cycle)
            });
            let stopped = |now: &&Attempt| !matches!(now.outcome, super::Outcome::Lost | super::Outcome::Interrupted);
            delta.add(*id, *was, renewed.filter(stopped), test.known.is_some());
        }
        delta
    }

    /// The tests that its runs were the first to find.
    fn new_since(&self, prove: &Prove) -> Vec<(TestId, Was)> {
        let known: HashSet<TestId> = prove.was.iter().map(|(id, _)| *id).collect();
        let first = prove.links.iter().find_map(|link| link.first_run).map_or(usize::MAX, RunId::index);
        let own = self.runs.iter().skip(first).filter(|(_, run)| Some(run.cycle) == prove.cycle);
        let found = own.flat_map(|(_, run)| run.tests.iter()).filter(|id| !known.contains(id));
        found.collect::<BTreeSet<_>>().into_iter().map(|id| (*id, Was::Unknown)).collect()
    }
}
