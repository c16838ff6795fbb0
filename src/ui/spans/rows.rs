//! The rows of the timeline: runs with their parts below them, or what was found.

use std::collections::VecDeque;

use super::SpanView;
use super::query::Query;
use crate::domain::{AgentRunId, Agents, Part, State};

/// How many of the newest events are searched: those whose frames are kept.
pub(crate) const SEARCHED: u64 = 20_000;

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpanRow {
    /// An agent run.
    Run(AgentRunId),
    /// A part of one.
    Part(AgentRunId, Part),
    /// An event that was searched for.
    Found(u64),
}

/// What a row is known by while others come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpanKey {
    /// The run.
    Run(AgentRunId),
    /// The event that it begins with.
    Event(u64),
}

impl SpanRow {
    /// What it is known by.
    #[must_use]
    pub fn key(&self) -> SpanKey {
        match self {
            Self::Run(id) => SpanKey::Run(*id),
            Self::Part(_, part) => SpanKey::Event(part.event),
            Self::Found(event) => SpanKey::Event(*event),
        }
    }

    /// The run that it belongs to, where it has one.
    #[must_use]
    pub fn run(&self, agents: &Agents) -> Option<AgentRunId> {
        match self {
            Self::Run(id) | Self::Part(id, _) => Some(*id),
            Self::Found(event) => agents.events().nth(*event)?.run,
        }
    }

    /// The events that it stands for: its first, and its last where that is another one.
    #[must_use]
    pub fn events(&self, agents: &Agents) -> (Option<u64>, Option<u64>) {
        match self {
            Self::Run(id) => {
                let events = agents.run(*id).map(|run| (run.events.iter().next().copied(), run.events.last().copied()));
                let (first, last) = events.unwrap_or_default();
                (first, last.filter(|last| Some(*last) != first))
            }
            Self::Part(_, part) => (Some(part.event), part.until),
            Self::Found(event) => (Some(*event), None),
        }
    }
}

/// The rows, and which of them are shown.
#[derive(Debug, Clone, Default)]
pub struct SpanRows {
    /// All of them, from the oldest to the newest.
    pub all: Vec<SpanRow>,
    /// The first that is shown.
    pub top: usize,
    /// How many are shown.
    pub shown: usize,
    /// The one under the cursor.
    pub cursor: usize,
    /// How wide the frame below them is.
    pub frame_width: u16,
    /// How many lines of the frame fit.
    pub frame_height: u16,
    search: Search,
}

impl SpanRows {
    /// The rows as they are now; `height` of them fit.
    pub(crate) fn arrange(&mut self, state: &State, view: &SpanView, height: u16) {
        self.all.clear();
        if view.words.is_empty() {
            self.search = Search::default();
            list(state, view, &mut self.all);
        } else {
            self.search.refresh(&state.agents, view.words.input.value());
            self.all.extend(self.search.found.iter().map(|event| SpanRow::Found(*event)));
        }
        let (count, height) = (self.all.len(), usize::from(height));
        let last = count.saturating_sub(1);
        self.cursor = view.cursor.map_or(last, |key| self.place(key).unwrap_or(last));
        let end = match view.bottom {
            Some(bottom) => self.place(bottom).map_or(count, |place| place + 1),
            None => count,
        };
        let lowest = count.saturating_sub(height);
        let top = end.saturating_sub(height).min(lowest);
        self.top = top.min(self.cursor).max((self.cursor + 1).saturating_sub(height)).min(lowest);
        self.shown = height.min(count);
    }

    /// The rows that are shown.
    #[must_use]
    pub fn visible(&self) -> &[SpanRow] {
        self.all.get(self.top..(self.top + self.shown).min(self.all.len())).unwrap_or_default()
    }

    /// The row under the cursor.
    #[must_use]
    pub fn chosen(&self) -> Option<&SpanRow> {
        self.all.get(self.cursor)
    }

    /// How many rows are below those that are shown.
    #[must_use]
    pub fn below(&self) -> usize {
        self.all.len().saturating_sub(self.top + self.shown)
    }

    fn place(&self, key: SpanKey) -> Option<usize> {
        let exact = self.all.iter().rposition(|row| row.key() == key);
        exact.or_else(|| {
            self.all.iter().position(
                |row| matches!((row.key(), key), (SpanKey::Event(at), SpanKey::Event(wanted)) if at >= wanted),
            )
        })
    }
}

fn list(state: &State, view: &SpanView, rows: &mut Vec<SpanRow>) {
    let newest = view.newest.or_else(|| state.agents.runs().next_back().map(|(id, _)| id));
    for (id, run) in state.agents.runs() {
        rows.push(SpanRow::Run(id));
        if view.unfolded.get(&id).copied().unwrap_or(Some(id) == newest) {
            rows.extend(state.agents.parts(run).into_iter().map(|part| SpanRow::Part(id, part)));
        }
    }
}

/// What was found so far. Each event is looked at once for each query.
#[derive(Debug, Clone, Default)]
struct Search {
    typed: String,
    query: Query,
    next: u64,
    found: VecDeque<u64>,
}

impl Search {
    fn refresh(&mut self, agents: &Agents, typed: &str) {
        let (first, end) = (agents.events().dropped(), agents.events().total());
        if self.typed != typed || self.next > end {
            let next = end.saturating_sub(SEARCHED);
            *self = Self { typed: typed.to_owned(), query: Query::read(typed), next, found: VecDeque::new() };
        }
        for event in self.next.max(first)..end {
            if agents.events().nth(event).is_some_and(|seen| self.query.admits(agents, event, seen)) {
                self.found.push_back(event);
            }
        }
        self.next = end;
        let oldest = first.max(end.saturating_sub(SEARCHED));
        while self.found.front().is_some_and(|event| *event < oldest) {
            self.found.pop_front();
        }
    }
}
