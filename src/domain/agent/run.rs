//! One run of an agent: what came of it, its tool calls, and the agents inside it.

use serde::{Deserialize, Serialize};

use super::{AgentEvent, AgentKind, CRITICAL};
use crate::domain::contract::Signs;
use crate::domain::{Epoch, Moment, Ring, Span, StreamId, Text, Usage};

/// How many agents may be open inside a run.
const INSIDE_KEPT: usize = 32;

/// How an agent run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentRunEnd {
    /// It said that it is done.
    Completed,
    /// It said that it failed.
    Failed,
    /// The connection ended first: nobody knows.
    Lost,
}

/// A call of a tool inside an agent run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The tool.
    pub tool: Text,
    /// What pairs its start with its end.
    pub call: Option<Text>,
    /// When it was called.
    pub started: Moment,
    /// When it came back.
    pub ended: Option<Moment>,
    /// The ordinal of the event that called it, and of the one with which it came back.
    #[serde(default)]
    pub events: (u64, Option<u64>),
}

/// What one agent did under one run id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentRun {
    /// The stream that it was seen on.
    pub stream: StreamId,
    /// The run id, as the server gives it.
    pub key: Text,
    /// The agent's name.
    pub agent: Option<Text>,
    /// The thread id.
    pub thread: Option<Text>,
    /// When its first event arrived.
    pub started: Moment,
    /// When its latest event arrived.
    pub last: Moment,
    /// What its latest event means.
    pub last_kind: AgentKind,
    /// How it ended, once it did.
    pub end: Option<AgentRunEnd>,
    /// How often each of the five [`CRITICAL`] events came.
    pub counts: [u32; CRITICAL.len()],
    /// Its events, as ordinals of the [`Agents::events`](super::Agents::events) ring, the newest few hundred.
    pub events: Ring<u64>,
    /// Its tool calls, the newest few dozen.
    pub tools: Ring<ToolCall>,
    /// The longest silence between two of its events.
    pub longest_silence: Span,
    /// The period in which it began.
    #[serde(default)]
    pub epoch: Epoch,
    /// The period in which its latest event came.
    #[serde(default)]
    pub epoch_at_end: Epoch,
    /// What it used up, as far as its events say so.
    #[serde(default)]
    pub usage: Usage,
    /// The agents inside it that have not ended.
    #[serde(default)]
    pub inside: Vec<Text>,
    /// Whether its events were played and no agent ran, by the signs that a contract goes by.
    #[serde(default)]
    pub played: bool,
    /// Whether its events name no run, so that they were put together by their stream, thread and order.
    #[serde(default)]
    pub unnamed: bool,
    /// Whether it speaks of itself in the five [`CRITICAL`] events by their own names, so that all of them are due.
    #[serde(default)]
    pub native: bool,
    #[serde(default)]
    pub(super) signs: Signs,
}

/// How an agent run stands, at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentRunStanding {
    /// It is open.
    Open,
    /// It came to its end, and showed all that its protocol owes.
    Whole,
    /// It came to its end without some of the five events.
    Short,
    /// Its events were played, and no agent ran.
    Played,
    /// It said that it failed.
    Failed,
    /// The connection ended first.
    Lost,
}

impl AgentRun {
    /// How many of the five critical events came at least once.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.counts.iter().filter(|&&count| count > 0).count()
    }

    /// The critical events that never came.
    pub fn missing(&self) -> impl Iterator<Item = AgentKind> + '_ {
        CRITICAL.into_iter().zip(self.counts).filter(|&(_, count)| count == 0).map(|(kind, _)| kind)
    }

    /// How it stands. What other protocols have no event for is not missing: with some the client runs the tools, so that
    /// no result travels.
    #[must_use]
    pub fn standing(&self) -> AgentRunStanding {
        match self.end {
            _ if self.played => AgentRunStanding::Played,
            None => AgentRunStanding::Open,
            Some(AgentRunEnd::Failed) => AgentRunStanding::Failed,
            Some(AgentRunEnd::Lost) => AgentRunStanding::Lost,
            Some(AgentRunEnd::Completed) if self.is_short() => AgentRunStanding::Short,
            Some(AgentRunEnd::Completed) => AgentRunStanding::Whole,
        }
    }

    /// Whether it is over without all the events that it owes.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.end.is_some() && self.native && self.seen() < CRITICAL.len()
    }

    /// What must come next, while the run is open: the end of an open tool call, else the first missing event after
    /// the latest one.
    #[must_use]
    pub fn awaited(&self) -> Option<AgentKind> {
        if self.end.is_some() {
            return None;
        }
        if self.tools.iter().any(|call| call.ended.is_none()) {
            return Some(AgentKind::ToolCompleted);
        }
        let place = CRITICAL.iter().position(|&kind| kind == self.last_kind).map_or(0, |place| place + 1);
        CRITICAL.into_iter().zip(self.counts).skip(place).find(|&(_, count)| count == 0).map(|(kind, _)| kind)
    }
}

impl AgentRun {
    pub(super) fn receive(&mut self, event: &AgentEvent, ordinal: u64) {
        self.longest_silence = self.longest_silence.max(event.at.since(self.last));
        self.last = event.at;
        self.last_kind = event.kind;
        self.events.push(ordinal);
        self.agent = self.agent.take().or_else(|| event.agent.clone());
        self.thread = self.thread.take().or_else(|| event.thread.clone());
        if let Some(place) = CRITICAL.iter().position(|&kind| kind == event.kind) {
            self.counts[place] += 1;
            self.native |= *event.type_name == *event.kind.word();
        }
        let ends_inside = self.ends_inside(event);
        match event.kind {
            AgentKind::AgentCompleted if !ends_inside => self.usage.conclude(event.usage),
            _ => self.usage.add(event.usage),
        }
        match event.kind {
            AgentKind::AgentCompleted | AgentKind::AgentFailed if ends_inside => {}
            AgentKind::AgentStarted if self.begins_inside(event) => {}
            AgentKind::AgentStarted => self.end = None,
            AgentKind::ToolExecuting => self.tools.push(ToolCall {
                tool: event.tool.clone().unwrap_or_else(|| "?".into()),
                call: event.call.clone(),
                started: event.at,
                ended: None,
                events: (ordinal, None),
            }),
            AgentKind::ToolCompleted => self.close_tool(event, ordinal),
            AgentKind::AgentCompleted => self.end = Some(AgentRunEnd::Completed),
            AgentKind::AgentFailed => self.end = Some(AgentRunEnd::Failed),
            AgentKind::AgentThinking
            | AgentKind::Progress
            | AgentKind::Ready
            | AgentKind::Acknowledged
            | AgentKind::Error
            | AgentKind::Heartbeat
            | AgentKind::System
            | AgentKind::Unknown => {}
        }
    }

    /// Whether another agent begins inside the run, which is then open until its own agent ends.
    fn begins_inside(&mut self, event: &AgentEvent) -> bool {
        let begun = self.counts[0] > 1 && self.end.is_none();
        match &event.agent {
            Some(agent) if begun && self.agent.as_ref() != Some(agent) => {
                if self.inside.len() < INSIDE_KEPT {
                    self.inside.push(agent.clone());
                }
                true
            }
            _ => false,
        }
    }

    /// Whether an agent inside the run ends.
    fn ends_inside(&mut self, event: &AgentEvent) -> bool {
        let ends = matches!(event.kind, AgentKind::AgentCompleted | AgentKind::AgentFailed);
        let place = self.inside.iter().rposition(|open| ends && Some(open) == event.agent.as_ref());
        place.map(|place| self.inside.remove(place)).is_some()
    }

    /// Pairs by call id where there is one, else by the tool's name, last in first out.
    fn close_tool(&mut self, event: &AgentEvent, ordinal: u64) {
        let open = self.tools.iter_mut().rev().find(|call| {
            call.ended.is_none()
                && if event.call.is_some() { call.call == event.call } else { Some(&call.tool) == event.tool.as_ref() }
        });
        if let Some(call) = open {
            call.ended = Some(event.at);
            call.events.1 = Some(ordinal);
        }
    }
}
