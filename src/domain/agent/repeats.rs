//! Messages that a server sends once more after a reconnection. They are shown, and marked; what they tell of their run is
//! known already.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{AgentEvent, AgentRun, AgentRunEnd, Agents};
use crate::domain::contract::is_agents;
use crate::domain::{Moment, Span, StreamId, Text};

/// How long after a connection was opened anew a message may be one from before.
const WINDOW: Span = Span::seconds(5);
/// How many of the newest messages are known again.
const KNOWN: usize = 256;

/// What came before the connection was lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Before {
    stream: StreamId,
    until: Moment,
    frames: BTreeSet<Text>,
}

impl Agents {
    /// A connection of that stream is open again.
    pub(in crate::domain) fn reopen(&mut self, stream: StreamId, at: Moment) {
        let events = self.events.iter().enumerate().rev();
        let first = self.events.dropped();
        let of_stream = events.filter(|(_, seen)| seen.stream == stream && is_agents(seen.kind)).take(KNOWN);
        let frames: BTreeSet<Text> =
            of_stream.filter_map(|(place, _)| self.raw(first + place as u64).cloned()).collect();
        self.before.retain(|before| before.stream != stream);
        if !frames.is_empty() {
            self.before.push(Before { stream, until: at.after(WINDOW), frames });
        }
    }

    /// Whether it is one of those that came before the connection was lost: the same frame once more. One that names
    /// neither its run nor its place may well be said twice.
    pub(super) fn is_repeat(&self, stream: StreamId, event: &AgentEvent) -> bool {
        let is_named = is_agents(event.kind) && (event.run.is_some() || event.sequence.is_some());
        let before = self.before.iter().find(|before| before.stream == stream && event.at <= before.until);
        is_named && before.is_some_and(|before| before.frames.contains(&event.raw))
    }
}

impl AgentRun {
    /// One of its events came once more: nothing new, but the run is heard of again.
    pub(super) fn hear_again(&mut self, event: &AgentEvent, ordinal: u64) {
        self.events.push(ordinal);
        self.last = event.at;
        self.end = self.end.filter(|end| *end != AgentRunEnd::Lost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AgentKind;

    const OVER: StreamId = StreamId(0);

    fn event(at: u64, kind: AgentKind, run: Option<&str>) -> AgentEvent {
        AgentEvent {
            run: run.map(Into::into),
            tool: (kind == AgentKind::ToolExecuting).then(|| "search".into()),
            raw: format!("{run:?} {}", kind.word()).into(),
            ..AgentEvent::bare(Moment(at * 1_000_000), kind)
        }
    }

    /// Started and a tool called, the connection lost at 3 s and open again at 4 s.
    fn lost(run: Option<&str>) -> Agents {
        let mut agents = Agents::default();
        agents.receive(OVER, &event(1, AgentKind::AgentStarted, run));
        agents.receive(OVER, &event(2, AgentKind::ToolExecuting, run));
        agents.lose(OVER);
        agents.reopen(OVER, Moment(4_000_000));
        agents
    }

    fn again(agents: &Agents) -> Vec<bool> {
        agents.events().iter().map(|seen| seen.again).collect()
    }

    #[test]
    fn what_is_sent_once_more_is_shown_and_changes_nothing() {
        let mut agents = lost(Some("r"));
        agents.receive(OVER, &event(5, AgentKind::AgentStarted, Some("r")));
        agents.receive(OVER, &event(5, AgentKind::ToolExecuting, Some("r")));
        agents.receive(OVER, &event(6, AgentKind::ToolCompleted, Some("r")));
        assert_eq!(again(&agents), [false, false, true, true, false]);
        let (_, run) = agents.runs().next_back().expect("a run");
        assert_eq!((agents.runs().count(), run.events.len(), run.tools.len(), run.end), (1, 5, 1, None));
    }

    #[test]
    fn later_or_without_a_name_the_same_words_are_new() {
        let mut agents = lost(Some("r"));
        agents.receive(OVER, &event(10, AgentKind::ToolExecuting, Some("r")));
        assert_eq!(again(&agents), [false; 3]);
        let mut agents = lost(None);
        agents.receive(OVER, &event(5, AgentKind::ToolExecuting, None));
        assert_eq!(again(&agents), [false; 3]);
    }
}
