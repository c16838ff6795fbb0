//! The whole truth of a session at one entry.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::{SessionEnd, SessionEvent};
use super::{
    Agents, Attempt, Autopilot, Causes, Checkout, Chronicle, Comparison, CycleWhy, Dependence, DeployQueue, Deploys,
    Fixes, Flown, HeldBefore, Inventory, Judgement, KnownFailures, Lineage, Logs, Moment, News, Notes, Notices,
    ProjectSpec, Prove, Records, Repeat, Ring, Runs, SentBefore, Served, Services, Span, Streams, TestId, Text, Tone,
    ViewerId, Watch,
};

/// How many sentences back, and how long ago, a sentence still counts as just said.
const RECENT_NEWS: usize = 8;
const LATELY: Span = Span::seconds(60);
/// How many people are remembered by name who were attached once.
const LEFT_KEPT: usize = 100;
/// How many sentences of news are kept.
const NEWS_KEPT: usize = 500;

/// An attached person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Viewer {
    /// Who, by identity.
    pub id: ViewerId,
    /// Who, by name.
    pub name: Text,
    /// Whether they may act.
    pub drives: bool,
    /// Whether their terminal has the focus; nothing where it never told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looks: Option<bool>,
    /// When they left, once they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Moment>,
}

/// The session itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Session {
    /// What it works on.
    pub project: Arc<ProjectSpec>,
    /// When it began.
    pub started: Moment,
    /// How it ended, once it did.
    pub ended: Option<SessionEnd>,
    /// Who is attached.
    pub viewers: Vec<Viewer>,
    /// Who was: what they did still has their name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Viewer>,
    /// What of the console's own does not work as it should.
    pub troubles: Vec<Text>,
    /// Whether earlier sessions have been read.
    pub recalled: bool,
    /// The state of the project's files when they were last looked at.
    pub source: Option<Arc<Checkout>>,
}

/// The whole truth of a session at one entry: what all viewers share. Everything in it follows from the entries alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The place of the last entry that was folded.
    pub seq: u64,
    /// The time of that entry.
    pub at: Moment,
    /// The session itself.
    pub session: Session,
    /// The tests that exist.
    pub inventory: Inventory,
    /// Why tests fail.
    pub causes: Causes,
    /// What served when their attempts were made, numbered.
    #[serde(default)]
    pub served: Served,
    /// Which tests fail because others do.
    pub dependence: Dependence,
    /// The failures that are accepted.
    pub known: KnownFailures,
    /// The executions of them.
    pub runs: Runs,
    /// What results are measured against.
    #[serde(default)]
    pub baseline: Comparison,
    /// The cycles, in numbers.
    #[serde(default)]
    pub records: Records,
    /// The selection that is, or was last, run again and again.
    #[serde(default)]
    pub repeat: Option<Repeat>,
    /// Where this session went on with the cycle of an earlier one: how many results it found there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<u32>,
    /// What is deployed.
    pub services: Services,
    /// The tries to change that.
    pub deploys: Deploys,
    /// The newest chain from a deploy to its proof.
    #[serde(default)]
    pub prove: Option<Prove>,
    /// The newest flight of the autopilot.
    #[serde(default)]
    pub autopilot: Option<Autopilot>,
    /// What a flight of an earlier session has spent that came to no end of its own.
    #[serde(default)]
    pub(super) flown: Option<Flown>,
    /// Whether changed files start tests.
    #[serde(default)]
    pub watch: Watch,
    /// The calls of the fix hook.
    #[serde(default)]
    pub fixes: Fixes,
    /// The deploys that were last asked for together.
    #[serde(default)]
    pub deploy_queue: Option<DeployQueue>,
    /// What earlier sessions put live.
    #[serde(default)]
    pub lineage: Lineage,
    /// The connections to agents.
    pub streams: Streams,
    /// What the agents did.
    pub agents: Agents,
    /// What people sent on streams.
    #[serde(default)]
    pub sent: SentBefore,
    /// What the services wrote into their logs.
    #[serde(default)]
    pub logs: Logs,
    /// What people wrote on causes and tests.
    pub notes: Notes,
    /// What happened around the tests, with its times.
    pub chronicle: Chronicle,
    /// What contracts came to, by the tests that they are.
    #[serde(default)]
    pub contracts: BTreeMap<TestId, Arc<Judgement>>,
    /// What they came to in the newest cycles.
    #[serde(default)]
    pub held: HeldBefore,
    /// What happened lately, in a sentence each.
    pub news: Ring<News>,
    /// What somebody who looks elsewhere wants to know.
    #[serde(default)]
    pub notices: Notices,
    /// The number of the present cycle; 0 before the first.
    pub cycle: u32,
    /// When the present cycle began.
    pub cycle_since: Moment,
    /// What started it.
    #[serde(default)]
    pub cycle_why: CycleWhy,
}

impl Default for State {
    fn default() -> Self {
        Self {
            seq: 0,
            at: Moment::default(),
            session: Session::default(),
            inventory: Inventory::default(),
            causes: Causes::default(),
            served: Served::default(),
            dependence: Dependence::default(),
            known: KnownFailures::default(),
            runs: Runs::default(),
            baseline: Comparison::default(),
            records: Records::default(),
            repeat: None,
            resumed: None,
            services: Services::default(),
            deploys: Deploys::default(),
            prove: None,
            autopilot: None,
            flown: None,
            watch: Watch::default(),
            fixes: Fixes::default(),
            deploy_queue: None,
            lineage: Lineage::default(),
            streams: Streams::default(),
            agents: Agents::default(),
            sent: SentBefore::default(),
            logs: Logs::default(),
            notes: Notes::default(),
            chronicle: Chronicle::default(),
            contracts: BTreeMap::new(),
            held: HeldBefore::default(),
            news: Ring::new(NEWS_KEPT),
            notices: Notices::default(),
            cycle: 0,
            cycle_since: Moment::default(),
            cycle_why: CycleWhy::default(),
        }
    }
}

impl State {
    /// Whether an attempt met other revisions than those that serve now. One that the environment spoilt is worth
    /// nothing anyway.
    #[must_use]
    pub fn is_stale(&self, attempt: &Attempt) -> bool {
        attempt.circumstance.is_steady() && !self.services.is_current(attempt.epoch)
    }

    /// Green: tests exist, every one has a result, none failed or was lost but for known failures, and all results
    /// were obtained on the revisions that serve now.
    #[must_use]
    pub fn is_green(&self) -> bool {
        let tally = self.inventory.tally();
        tally.total() > 0
            && tally.finished() == tally.total()
            && tally.concerns() == 0
            && tally.not_run == 0
            && tally.stale == 0
            && self.runs.newest().is_some_and(|(_, run)| run.is_green())
    }

    /// The name of an attached person, or `the console` for nobody.
    #[must_use]
    pub fn viewer_name(&self, id: Option<ViewerId>) -> &str {
        let Session { viewers, left, .. } = &self.session;
        let viewer = id.and_then(|id| viewers.iter().chain(left.iter().rev()).find(|viewer| viewer.id == id));
        match (viewer, id) {
            (Some(viewer), _) => &viewer.name,
            (None, Some(_)) => "somebody",
            (None, None) => "the console",
        }
    }

    /// Says a sentence. One that was said a moment ago is said again as the same one, so that what flaps does not push
    /// everything else away.
    pub(super) fn say(&mut self, tone: Tone, text: impl Into<Text>) {
        let text = text.into();
        let is_same = |news: &News| news.tone == tone && news.text == text && news.at.after(LATELY) >= self.at;
        let times = self.news.take_recent(RECENT_NEWS, is_same).map_or(0, |news| news.times) + 1;
        self.news.push(News { at: self.at, tone, text, times });
    }
}

impl Session {
    /// Who came or went; the rest of a session's events concerns others too and is folded by the cycle.
    pub(super) fn apply(&mut self, event: &SessionEvent, at: Moment) {
        match event {
            SessionEvent::ViewerJoined { viewer, name, drives } => {
                self.viewers.push(Viewer { id: *viewer, name: name.clone(), drives: *drives, looks: None, left: None });
            }
            SessionEvent::ViewerLooked { viewer, looks } => {
                let known = self.viewers.iter_mut().filter(|known| known.id == *viewer);
                known.for_each(|known| known.looks = Some(*looks));
            }
            SessionEvent::ViewerLeft { viewer } => {
                let (left, attached) = self.viewers.drain(..).partition(|known| known.id == *viewer);
                self.viewers = attached;
                let left: Vec<Viewer> = left;
                self.left.extend(left.into_iter().map(|viewer| Viewer { left: Some(at), ..viewer }));
                let beyond = self.left.len().saturating_sub(LEFT_KEPT);
                self.left.drain(..beyond);
            }
            SessionEvent::Troubled { what, over } => {
                self.troubles.retain(|known| known != what);
                if !over {
                    self.troubles.push(what.clone());
                }
            }
            SessionEvent::Recalled(_) => self.recalled = true,
            SessionEvent::SourceSeen(checkout) => self.source = Some(checkout.clone()),
            SessionEvent::Ended { how } => self.ended = Some(how.clone()),
            SessionEvent::Opened { .. }
            | SessionEvent::Asked { .. }
            | SessionEvent::ProveOverdue { .. }
            | SessionEvent::AutopilotOverdue { .. }
            | SessionEvent::NoticeSent { .. }
            | SessionEvent::Remarked { .. }
            | SessionEvent::BaselineLoaded(_)
            | SessionEvent::BaselineMissing { .. }
            | SessionEvent::ReportsWritten { .. }
            | SessionEvent::FilesChanged { .. }
            | SessionEvent::WatchEnded { .. }
            | SessionEvent::HandOffKept { .. }
            | SessionEvent::HandOffFailed { .. } => {}
        }
    }
}
