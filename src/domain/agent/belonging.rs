//! To which run an event belongs: the one that it names, else the one that its stream and thread are in the middle of.
//! Many servers name no run at all; what they say is shown as runs all the same.

use std::collections::hash_map::Entry;

use super::{AgentEvent, AgentKind, AgentRun, AgentRunEnd, AgentRunId, Agents, CRITICAL, RUNS_KEPT, Ring, Usage};
use crate::domain::contract::Signs;
use crate::domain::{Span, StreamId, Text};

/// Among how many of the newest runs the one is looked for that an event without an id belongs to.
const LOOKED_AT: usize = 64;

impl Agents {
    pub(super) fn find_run(&mut self, stream: StreamId, event: &AgentEvent) -> Option<AgentRunId> {
        let Some(key) = &event.run else { return self.find_unnamed(stream, event) };
        if let Some(&id) = self.index.get(key)
            && self.run(id).is_some()
        {
            return Some(id);
        }
        Some(self.open_run(stream, key.clone(), event))
    }

    /// The run that goes on; where none does, the one that this begins. What comes late, after the end of a run without
    /// an id, still belongs to that one.
    fn find_unnamed(&mut self, stream: StreamId, event: &AgentEvent) -> Option<AgentRunId> {
        let is_agents = CRITICAL.contains(&event.kind) || event.kind == AgentKind::AgentFailed;
        if !is_agents && event.kind != AgentKind::Progress {
            return None;
        }
        let may_hold = |run: &AgentRun| {
            let same_thread = run.thread.is_none() || event.thread.is_none() || run.thread == event.thread;
            run.stream == stream && same_thread
        };
        let newest = || self.runs().rev().take(LOOKED_AT).filter(|(_, run)| may_hold(run));
        let open = newest().find(|(_, run)| run.end.is_none());
        let begins = event.kind == AgentKind::AgentStarted;
        let late = || newest().next().filter(|(_, run)| !begins && run.unnamed && run.end != Some(AgentRunEnd::Lost));
        if let Some((id, _)) = open.or_else(late) {
            return Some(id);
        }
        if !is_agents {
            return None;
        }
        self.unnamed += 1;
        let of = event.thread.as_deref().unwrap_or("no id");
        let key: Text = format!("{of} #{}", self.unnamed).into();
        let id = self.open_run(stream, key, event);
        self.run_mut(id).into_iter().for_each(|run| run.unnamed = true);
        Some(id)
    }

    fn open_run(&mut self, stream: StreamId, key: Text, event: &AgentEvent) -> AgentRunId {
        let id = AgentRunId(self.runs.total() as u32);
        // The oldest one goes when the ring is full; its key may have come again and stand for a newer one.
        if self.runs.len() == RUNS_KEPT
            && let Some(oldest) = self.runs.iter().next()
            && let Entry::Occupied(known) = self.index.entry(oldest.key.clone())
            && u64::from(known.get().0) == self.runs.dropped()
        {
            known.remove();
        }
        self.index.insert(key.clone(), id);
        self.runs.push(AgentRun {
            stream,
            key,
            agent: event.agent.clone(),
            thread: event.thread.clone(),
            started: event.at,
            last: event.at,
            last_kind: event.kind,
            end: None,
            counts: [0; CRITICAL.len()],
            events: Ring::new(500),
            tools: Ring::new(50),
            longest_silence: Span::ZERO,
            epoch: self.epoch,
            epoch_at_end: self.epoch,
            usage: Usage::default(),
            inside: Vec::new(),
            played: false,
            unnamed: false,
            native: false,
            signs: Signs::default(),
        });
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AgentRunStanding, Moment, SyntheticRules};
    use AgentKind::{AgentCompleted, AgentStarted, AgentThinking, Heartbeat, ToolCompleted, ToolExecuting};

    fn event(kind: AgentKind, run: &str, thread: &str) -> AgentEvent {
        let some = |text: &str| (!text.is_empty()).then(|| Text::from(text));
        AgentEvent { run: some(run), thread: some(thread), ..AgentEvent::bare(Moment(1), kind) }
    }

    /// What was told of which runs: `KEY: events, end`.
    fn check(told: &[(AgentKind, &str, &str)], runs: &[&str]) {
        let mut agents = Agents::default();
        told.iter().for_each(|(kind, run, thread)| agents.receive(StreamId(0), &event(*kind, run, thread)));
        let seen = agents.runs().map(|(_, run)| {
            let end = if run.end.is_some() { "ended" } else { "open" };
            format!("{}: {} {end}", run.key, run.events.len())
        });
        assert_eq!(seen.collect::<Vec<_>>(), runs);
    }

    #[test]
    fn events_that_name_no_run_make_one_from_start_to_end() {
        let five =
            [AgentStarted, AgentThinking, ToolExecuting, ToolCompleted, AgentCompleted].map(|kind| (kind, "", ""));
        check(&five, &["no id #1: 5 ended"]);
        let twice: Vec<_> = five.into_iter().chain(five).collect();
        check(&twice, &["no id #1: 5 ended", "no id #2: 5 ended"]);
    }

    #[test]
    fn threads_tell_runs_without_an_id_apart() {
        let told = [
            (AgentStarted, "", "th_a"),
            (AgentStarted, "", "th_b"),
            (AgentThinking, "", "th_a"),
            (AgentCompleted, "", "th_a"),
        ];
        check(&told, &["th_a #1: 3 ended", "th_b #2: 1 open"]);
    }

    #[test]
    fn an_event_without_an_id_goes_into_the_named_run_that_is_open() {
        check(&[(AgentStarted, "run_1", ""), (ToolExecuting, "", "")], &["run_1: 2 open"]);
        let told = [(AgentStarted, "run_1", "th"), (AgentCompleted, "run_1", "th"), (ToolExecuting, "", "th")];
        check(&told, &["run_1: 2 ended", "th #1: 1 open"]);
    }

    #[test]
    fn what_comes_late_belongs_to_the_run_that_ended_and_what_is_no_agents_to_none() {
        let told = [(AgentStarted, "", ""), (AgentCompleted, "", ""), (ToolCompleted, "", ""), (Heartbeat, "", "")];
        check(&told, &["no id #1: 3 ended"]);
        check(&[(Heartbeat, "", ""), (AgentKind::Progress, "", "")], &[]);
    }

    #[test]
    fn the_fallback_of_a_backend_is_known_for_what_it_is_although_it_names_no_run() {
        let mut agents = Agents::default();
        for (kind, n) in
            [AgentStarted, AgentThinking, ToolExecuting, ToolCompleted, AgentCompleted].into_iter().zip(0..)
        {
            let word = kind.word();
            agents.receive(
                StreamId(0),
                &AgentEvent {
                    at: Moment(n * 100_000),
                    agent: Some("Helper".into()),
                    raw: format!(r#"{{"type":"{word}","event":"{word}"}}"#).into(),
                    ..event(kind, "", "th")
                },
            );
        }
        // Its beat, its missing ids and its doubled types tell it, whatever it is called.
        let (_, run) = agents.runs().next().expect("a run");
        assert!(run.played && run.unnamed);
    }

    #[test]
    fn each_stream_has_its_own_signs_of_what_is_played() {
        let rules = SyntheticRules { agents: vec!["Understudy".into()], signs: 2, ..SyntheticRules::default() };
        let mut agents = Agents::new(10, vec![SyntheticRules::default(), rules]);
        for stream in [StreamId(0), StreamId(1), StreamId(7)] {
            let of = AgentEvent { agent: Some("Understudy".into()), ..event(AgentStarted, &format!("{stream:?}"), "") };
            agents.receive(stream, &of);
        }
        assert_eq!(agents.runs().map(|(_, run)| run.played).collect::<Vec<_>>(), [false, true, false]);
    }

    #[test]
    fn only_who_speaks_in_the_five_events_owes_all_of_them() {
        let standing = |named: fn(AgentKind) -> Text| {
            let mut agents = Agents::default();
            for kind in [AgentStarted, AgentThinking, AgentCompleted] {
                agents.receive(StreamId(0), &AgentEvent { type_name: named(kind), ..event(kind, "r", "") });
            }
            let (_, run) = agents.runs().next().expect("a run");
            (run.seen(), run.standing())
        };
        assert_eq!(standing(|kind| kind.word().into()), (3, AgentRunStanding::Short));
        assert_eq!(standing(|_| "RUN_EVENT".into()), (3, AgentRunStanding::Whole));
    }
}
