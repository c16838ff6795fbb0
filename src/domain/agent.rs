//! Agent events, grouped into what each agent did in one run.

mod belonging;
mod repeats;
mod run;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use self::repeats::Before;
pub use self::run::{AgentRun, AgentRunEnd, AgentRunStanding, ToolCall};
use super::contract::{SyntheticRules, is_agents};
use super::project::Limits;
use super::{AgentRunId, Epoch, Moment, Ring, StreamId, Text, Usage};

/// How many raw frames are kept in memory.
const RAW_KEPT: usize = 20_000;
/// How many agent runs are kept.
const RUNS_KEPT: usize = 5_000;
/// How many names (tools, agents, types) are told apart; further ones share one place.
const NAMES_KEPT: usize = 4_096;

/// The five events that a complete agent run shows, in order.
pub const CRITICAL: [AgentKind; 5] = [
    AgentKind::AgentStarted,
    AgentKind::AgentThinking,
    AgentKind::ToolExecuting,
    AgentKind::ToolCompleted,
    AgentKind::AgentCompleted,
];

/// What an agent event means, whatever its producer calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentKind {
    /// An agent began.
    AgentStarted,
    /// It says what it thinks.
    AgentThinking,
    /// It called a tool.
    ToolExecuting,
    /// The tool came back.
    ToolCompleted,
    /// The agent is done.
    AgentCompleted,
    /// The agent gave up.
    AgentFailed,
    /// The agent goes on: a step, a piece of text, arguments, a change of its state. Known, and none of the above.
    Progress,
    /// The connection is ready for use.
    Ready,
    /// Something was acknowledged, nothing more.
    Acknowledged,
    /// The server reports an error.
    Error,
    /// Signs of life: ping, pong, heartbeat.
    Heartbeat,
    /// The server speaks about itself.
    System,
    /// A type that the mapping does not know. Counted and shown, never dropped.
    Unknown,
}

impl AgentKind {
    /// The name by which people know it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::AgentStarted => "agent_started",
            Self::AgentThinking => "agent_thinking",
            Self::ToolExecuting => "tool_executing",
            Self::ToolCompleted => "tool_completed",
            Self::AgentCompleted => "agent_completed",
            Self::AgentFailed => "agent_failed",
            Self::Progress => "progress",
            Self::Ready => "ready",
            Self::Acknowledged => "acknowledged",
            Self::Error => "error",
            Self::Heartbeat => "heartbeat",
            Self::System => "system",
            Self::Unknown => "unknown",
        }
    }
}

/// One message of a stream as its adapter understood it. All text is sanitized and masked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentEvent {
    /// When it arrived.
    pub at: Moment,
    /// What it means.
    pub kind: AgentKind,
    /// What its producer calls it.
    pub type_name: Text,
    /// The run id, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Text>,
    /// The thread id, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<Text>,
    /// The user that it is for, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Text>,
    /// Its number in the sender's own count, where the protocol has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The agent's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Text>,
    /// The tool's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<Text>,
    /// What pairs a tool's start with its end, where the producer sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Text>,
    /// What it says, in a line: a thought, an answer, an error, arguments.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub text: Text,
    /// Whether it says that something went wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// What it says was used up.
    #[serde(default, skip_serializing_if = "Usage::is_empty")]
    pub usage: Usage,
    /// The frame as it came, cut at a bound.
    pub raw: Text,
}

impl AgentEvent {
    /// An event that means this, by its own name, and carries nothing else.
    #[must_use]
    pub fn bare(at: Moment, kind: AgentKind) -> Self {
        Self {
            at,
            kind,
            type_name: kind.word().into(),
            run: None,
            thread: None,
            user: None,
            sequence: None,
            agent: None,
            tool: None,
            call: None,
            text: "".into(),
            failed: false,
            usage: Usage::default(),
            raw: "".into(),
        }
    }
}

/// An agent event as it is kept: small, because a million of them are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// When it arrived.
    pub at: Moment,
    /// The stream that it came over.
    pub stream: StreamId,
    /// The agent run that it belongs to.
    pub run: Option<AgentRunId>,
    /// What it means.
    pub kind: AgentKind,
    /// Whether it says that something went wrong.
    pub failed: bool,
    /// The period in which it came.
    #[serde(default)]
    pub epoch: Epoch,
    /// Whether it came once before, over the connection before this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    name: u16,
    subject: u16,
    /// What it says, in a line.
    pub text: Text,
}

/// All agent events and runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agents {
    events: Ring<Seen>,
    raw: Ring<Text>,
    runs: Ring<AgentRun>,
    index: HashMap<Text, AgentRunId>,
    names: Vec<Text>,
    name_index: HashMap<Text, u16>,
    unknown: BTreeMap<Text, u64>,
    /// The present period, by which all that comes is stamped.
    #[serde(default)]
    epoch: Epoch,
    /// By which signs a played run is known, by stream.
    #[serde(default)]
    rules: Vec<SyntheticRules>,
    /// How many runs without an id there were.
    #[serde(default)]
    unnamed: u32,
    /// The streams that said that they answer in place of their agents.
    #[serde(default)]
    announced: BTreeSet<StreamId>,
    /// What came before connections were opened anew, while it may come once more.
    #[serde(default)]
    before: Vec<Before>,
}

impl Default for Agents {
    fn default() -> Self {
        Self::new(Limits::default().agent_events, Vec::new())
    }
}

impl Agents {
    /// No event yet, and room for so many; runs on each stream are told apart from played ones by its rules.
    #[must_use]
    pub fn new(events: usize, rules: Vec<SyntheticRules>) -> Self {
        Self {
            events: Ring::new(events),
            raw: Ring::new(events.min(RAW_KEPT)),
            runs: Ring::new(RUNS_KEPT),
            index: HashMap::new(),
            names: Vec::new(),
            name_index: HashMap::new(),
            unknown: BTreeMap::new(),
            epoch: 0,
            rules,
            unnamed: 0,
            announced: BTreeSet::new(),
            before: Vec::new(),
        }
    }

    /// What comes from now on came in that period.
    pub(super) fn enter(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }
}

impl Agents {
    /// The events that are kept, oldest first.
    #[must_use]
    pub fn events(&self) -> &Ring<Seen> {
        &self.events
    }

    /// The raw frame of the event with that ordinal, while it is kept.
    #[must_use]
    pub fn raw(&self, ordinal: u64) -> Option<&Text> {
        self.raw.nth(ordinal)
    }

    /// What the producer calls that event.
    #[must_use]
    pub fn name(&self, seen: &Seen) -> &str {
        self.names.get(usize::from(seen.name)).map_or("…", |name| name)
    }

    /// The tool or agent that the event is about.
    #[must_use]
    pub fn subject(&self, seen: &Seen) -> &str {
        self.names.get(usize::from(seen.subject)).map_or("", |name| name)
    }

    /// The agent runs that are kept, oldest first.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = (AgentRunId, &AgentRun)> + ExactSizeIterator {
        let first = self.runs.dropped() as u32;
        self.runs.iter().enumerate().map(move |(n, run)| (AgentRunId(first + n as u32), run))
    }

    /// One agent run, while it is kept.
    #[must_use]
    pub fn run(&self, id: AgentRunId) -> Option<&AgentRun> {
        self.runs.nth(u64::from(id.0))
    }

    /// The agent run with that run id.
    #[must_use]
    pub fn run_named(&self, key: &str) -> Option<AgentRunId> {
        self.index.get(key).copied()
    }

    /// Types that no mapping knows, with how often they came.
    #[must_use]
    pub fn unknown(&self) -> &BTreeMap<Text, u64> {
        &self.unknown
    }

    pub(super) fn receive(&mut self, stream: StreamId, event: &AgentEvent) {
        if event.kind == AgentKind::Unknown {
            let key = if self.unknown.len() < NAMES_KEPT { event.type_name.clone() } else { "…".into() };
            *self.unknown.entry(key).or_default() += 1;
        }
        let ordinal = self.events.total();
        let run = self.find_run(stream, event);
        let (epoch, again) = (self.epoch, self.is_repeat(stream, event));
        if let Some(run) = run.and_then(|id| self.run_mut(id)) {
            if again {
                run.hear_again(event, ordinal)
            } else {
                run.receive(event, ordinal)
            }
            run.epoch_at_end = epoch;
        }
        if let Some(run) = run.filter(|_| !again) {
            self.judge(stream, run, event);
        } else if self.rules_of(stream).announces(event) {
            self.announced.insert(stream);
        }
        let name = self.intern(&event.type_name);
        let subject = event.tool.as_ref().or(event.agent.as_ref()).map_or(u16::MAX, |text| self.intern(text));
        self.raw.push(event.raw.clone());
        self.events.push(Seen {
            at: event.at,
            stream,
            run,
            kind: event.kind,
            failed: event.failed,
            epoch: self.epoch,
            again,
            name,
            subject,
            text: event.text.clone(),
        });
    }

    fn rules_of(&self, stream: StreamId) -> &SyntheticRules {
        static USUAL: LazyLock<SyntheticRules> = LazyLock::new(SyntheticRules::default);
        self.rules.get(stream.index()).unwrap_or(&USUAL)
    }

    /// Whether the run that an event belongs to was played.
    fn judge(&mut self, stream: StreamId, id: AgentRunId, event: &AgentEvent) {
        let rules = self.rules_of(stream);
        let announced = self.announced.contains(&stream);
        let Some(run) = self.run(id) else { return };
        let mut signs = run.signs;
        signs.hear(rules, event, announced);
        if matches!(event.kind, AgentKind::AgentCompleted | AgentKind::AgentFailed) {
            let seen = run.events.iter().filter_map(|&ordinal| self.events.nth(ordinal));
            let times = seen.filter(|seen| is_agents(seen.kind)).map(|seen| seen.at);
            signs.hear_beat(&times.chain([event.at]).collect::<Vec<_>>());
        }
        let played = signs.are_enough(rules);
        if let Some(run) = self.run_mut(id) {
            (run.signs, run.played) = (signs, run.played || played);
        }
    }

    /// The connection ended: open runs will never be heard of again.
    pub(super) fn lose(&mut self, stream: StreamId) -> u32 {
        self.announced.remove(&stream);
        let mut lost = 0;
        let first = self.runs.dropped();
        for place in 0..self.runs.len() as u64 {
            if let Some(run) = self.run_mut(AgentRunId((first + place) as u32))
                && run.stream == stream
                && run.end.is_none()
            {
                run.end = Some(AgentRunEnd::Lost);
                lost += 1;
            }
        }
        lost
    }

    fn run_mut(&mut self, id: AgentRunId) -> Option<&mut AgentRun> {
        self.runs.nth_mut(u64::from(id.0))
    }

    fn intern(&mut self, text: &Text) -> u16 {
        if let Some(&place) = self.name_index.get(text) {
            return place;
        }
        if self.names.len() >= NAMES_KEPT {
            return u16::MAX;
        }
        let place = self.names.len() as u16;
        self.names.push(text.clone());
        self.name_index.insert(text.clone(), place);
        place
    }
}
