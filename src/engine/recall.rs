//! What earlier sessions left behind: the latest result of each test, what is usual, and how the last session ended.

pub mod known;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::domain::{DeployPhase, Entry, Event, Recalled, Recollection, SessionEnd, Signature, Span, State, Text};

use super::folder;
use super::journal::{repair, scan};

/// How many sessions are read back, newest first.
const SESSIONS: usize = 10;
/// How many bytes of journals are read back at most.
const BYTES: u64 = 256 << 20;

/// Reads the newest journals of a project. Never fails: what cannot be read is passed over.
#[must_use]
pub fn recall(sessions: &Path, except: &Path) -> Recollection {
    let mut memory = Memory::default();
    let mut budget = BYTES;
    let known: Vec<_> = folder::journals(sessions).into_iter().filter(|path| path != except).take(SESSIONS).collect();
    for (age, path) in known.iter().enumerate() {
        let size = std::fs::metadata(path).map_or(0, |found| found.len());
        if size > budget {
            break;
        }
        budget -= size;
        let torn = if age == 0 { repair(path).unwrap_or(0) } else { 0 };
        let mut state = State::default();
        let mut effects = Vec::new();
        let mut fold = |entry: Entry| {
            // What such a session recalled itself is in the journals before it.
            if !matches!(entry.event, Event::Session(crate::domain::SessionEvent::Recalled(_))) {
                state.apply(&entry, &mut effects);
                effects.clear();
            } else if let Event::Session(crate::domain::SessionEvent::Recalled(recalled)) = entry.event {
                state.cycle = state.cycle.max(recalled.cycle);
            }
        };
        if scan(path, &mut fold).is_err() {
            continue;
        }
        if age == 0 {
            memory.recollection.unfinished = unfinished(&state, torn);
        }
        memory.learn(&state);
    }
    memory.recollection.tests = memory.tests.into_values().collect();
    memory.recollection.notes = super::notes::recall(sessions, except);
    memory.recollection.tests.sort_unstable_by(|a, b| a.node.cmp(&b.node));
    memory.recollection
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
