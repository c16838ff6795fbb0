//! The fold of test events by id, with 100,000 tests; beside it the least that any fold could do, and one by name.
//!
//!     cargo bench --bench fold

#![allow(missing_docs)]

mod common;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use common::{Figures, Story};
use liveloop::domain::{Effects, Entry, Event, Outcome, RunEvent, State};

const MODULES: u32 = 100;
const EACH: u32 = 1_000;
const TESTS: u32 = MODULES * EACH;
const ROUNDS: usize = 9;

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let (state, entries) = session();
    let names: Vec<String> = state.inventory.tests().map(|(_, test)| test.node.to_string()).collect();
    let mut rates: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        rates[0].push(rate(entries.len(), || fold(state.clone(), &entries)));
        rates[1].push(rate(entries.len(), || array(&entries)));
        rates[2].push(rate(entries.len(), || by_name(&names, &entries)));
    }
    let words = ["State::apply", "an array by id", "a map by name"];
    for (word, rates) in words.into_iter().zip(rates) {
        println!("{word:<16} {} M events/s", Figures::new(rates).spread(1));
    }
}

/// A session whose run has listed all tests, and the entries of their starts and ends.
fn session() -> (State, Vec<Arc<Entry>>) {
    let mut story = Story::new();
    story.collect(MODULES, EACH);
    let mut entries = Vec::new();
    for n in 0..TESTS {
        entries.push(story.entry(story.started(n)));
        let outcome = if n % 10 == 0 { Outcome::Failed } else { Outcome::Passed };
        entries.push(story.entry(story.ended(n, outcome)));
    }
    (story.state, entries)
}

/// Events in a microsecond; what `work` was given and gives back is made and dropped outside of the time.
fn rate<W: Work>(events: usize, work: impl FnOnce() -> W) -> f64 {
    let mut work = work();
    let start = Instant::now();
    work.run();
    let took = start.elapsed();
    black_box(&work);
    events as f64 / took.as_secs_f64() / 1e6
}

trait Work {
    fn run(&mut self);
}

struct Fold<'a>(State, &'a [Arc<Entry>]);

fn fold(state: State, entries: &[Arc<Entry>]) -> Fold<'_> {
    Fold(state, entries)
}

impl Work for Fold<'_> {
    fn run(&mut self) {
        let mut effects = Effects::new();
        for entry in self.1 {
            self.0.apply(entry, &mut effects);
        }
    }
}

struct Array<'a>(Vec<(u8, u64)>, [u32; 16], &'a [Arc<Entry>]);

fn array(entries: &[Arc<Entry>]) -> Array<'_> {
    Array(vec![(0, 0); TESTS as usize], [0; 16], entries)
}

impl Work for Array<'_> {
    fn run(&mut self) {
        for entry in self.2 {
            let (n, standing) = standing(entry);
            let before = std::mem::replace(&mut self.0[n as usize], (standing, entry.at.0));
            self.1[usize::from(before.0)] = self.1[usize::from(before.0)].wrapping_sub(1);
            self.1[usize::from(standing)] += 1;
        }
    }
}

struct ByName<'a>(HashMap<&'a str, (u8, u64)>, [u32; 16], &'a [String], &'a [Arc<Entry>]);

fn by_name<'a>(names: &'a [String], entries: &'a [Arc<Entry>]) -> ByName<'a> {
    ByName(names.iter().map(|name| (name.as_str(), (0, 0))).collect(), [0; 16], names, entries)
}

impl Work for ByName<'_> {
    fn run(&mut self) {
        for entry in self.3 {
            let (n, standing) = standing(entry);
            let Some(slot) = self.0.get_mut(self.2[n as usize].as_str()) else { continue };
            let before = std::mem::replace(slot, (standing, entry.at.0));
            self.1[usize::from(before.0)] = self.1[usize::from(before.0)].wrapping_sub(1);
            self.1[usize::from(standing)] += 1;
        }
    }
}

fn standing(entry: &Entry) -> (u32, u8) {
    match &entry.event {
        Event::Run(RunEvent::TestStarted { n, .. }) => (*n, 1),
        Event::Run(RunEvent::TestEnded { n, outcome, .. }) => (*n, 2 + *outcome as u8),
        _ => (0, 0),
    }
}
