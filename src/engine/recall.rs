//! What earlier sessions left behind: the latest result of each test, what is usual, and how the last session ended.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::domain::{
    DeployPhase, Entry, Event, Recalled, Recollection, SessionEnd, SessionEvent, Signature, Span, State, Text,
};

use super::folder;
use super::journal::{repair, scan};
use super::unproved::Unproved;

/// How many sessions are read back, newest first.
const SESSIONS: usize = 10;
/// How many bytes of journals are read back at most.
const BYTES: u64 = 256 << 20;

/// Reads the newest journals of a project. Never fails: what cannot be read is passed over.
#[must_use]
pub fn recall(sessions: &Path, except: &Path) -> Recollection {
    let mut memory = Memory::default();
    let mut unproved = Unproved::default();
    let mut budget = BYTES;
    let known: Vec<_> = folder::journals(sessions).into_iter().filter(|path| path != except).take(SESSIONS).collect();
    for (age, path) in known.iter().enumerate() {
        let size = std::fs::metadata(path).map_or(0, |found| found.len());
        if size > budget {
            break;
        }
        budget -= size;
        let torn = if age == 0 { repair(path).unwrap_or(0) } else { 0 };
        let Some(state) = fold(path, |_, _| true) else { continue };
        if age == 0 {
            memory.recollection.unfinished = unfinished(&state, torn);
        }
        memory.learn(&state);
        unproved.learn(&state);
    }
    memory.recollection.unproved = unproved.tests;
    memory.recollection.cycles.sort_unstable_by_key(|record| record.number);
    memory.recollection.tests = memory.tests.into_values().collect();
    memory.recollection.notes = super::notes::recall(sessions, except);
    memory.recollection.tests.sort_unstable_by(|a, b| a.node.cmp(&b.node));
    memory.recollection
}

/// Folds a journal into the state that its session had, as far as `goes_on` says so after each entry. Of what that
/// session recalled itself only the cycles count: the rest is in the journals before it.
pub(super) fn fold(path: &Path, mut goes_on: impl FnMut(&State, &Event) -> bool) -> Option<State> {
    let mut state = State::default();
    let mut effects = Vec::new();
    let mut over = false;
    let take = |mut entry: Entry| {
        if over {
            return;
        }
        if let Event::Session(SessionEvent::Recalled(recalled)) = &mut entry.event {
            let (cycle, cycles) = (recalled.cycle, recalled.cycles.clone());
            *recalled = Arc::new(Recollection { cycle, cycles, ..Recollection::default() });
        }
        state.apply(&entry, &mut effects);
        effects.clear();
        over = !goes_on(&state, &entry.event);
    };
    scan(path, take).ok()?;
    Some(state)
}

#[derive(Default)]
struct Memory {
    recollection: Recollection,
    tests: HashMap<Text, Recalled>,
}

impl Memory {
    /// Takes from a session what newer ones do not know better.
    fn learn(&mut self, state: &State) {
        self.recollection.cycle = self.recollection.cycle.max(state.cycle);
        for record in state.records.iter() {
            if !self.recollection.cycles.iter().any(|known| known.number == record.number) {
                self.recollection.cycles.push(record.clone());
            }
        }
        for (_, test) in state.inventory.tests().filter(|(_, test)| !test.gone) {
            let Some(latest) = test.latest.as_ref().filter(|attempt| attempt.run.is_some()) else { continue };
            let known = self.tests.entry(test.node.clone()).or_insert_with(|| Recalled {
                node: test.node.clone(),
                outcome: latest.outcome,
                started: latest.started,
                took: latest.took,
                cycle: latest.cycle,
                usual: None,
                message: test.message().filter(|_| latest.outcome.is_failure()).cloned(),
                signature: (latest.outcome.is_failure())
                    .then(|| Arc::new(Signature::of(latest.outcome, latest.detail.as_deref()))),
            });
            known.usual = known.usual.or(test.usual);
        }
        for (_, deploy) in state.deploys.iter().rev().filter(|(_, deploy)| deploy.phase == DeployPhase::Live) {
            let Some(service) = state.services.get(deploy.service) else { continue };
            let took: Option<Span> = deploy.ended.map(|ended| ended.since(deploy.started));
            if let Some(took) = took
                && !self.recollection.deploys.iter().any(|(name, _)| *name == service.spec.name)
            {
                self.recollection.deploys.push((service.spec.name.clone(), took));
            }
        }
    }
}

fn unfinished(state: &State, torn: u64) -> Option<Text> {
    let how = match &state.session.ended {
        Some(SessionEnd::Quit | SessionEnd::Done | SessionEnd::Signal(_) | SessionEnd::HungUp) => return None,
        Some(SessionEnd::Panicked(why)) => format!("the last session failed: {why}"),
        None if state.seq == 0 => return None,
        None => "the last session was killed".to_owned(),
    };
    let running = state.runs.active().filter(|(_, run)| !run.tests.is_empty()).count();
    let runs = if running > 0 { ", a run was under way" } else { "" };
    let tail = if torn > 0 { format!(", {torn} bytes of a torn line were cut off its journal") } else { String::new() };
    Some(format!("{how}{runs}{tail}").into())
}
