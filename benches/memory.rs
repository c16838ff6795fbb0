//! What a session holds in memory: 100,000 tests with a result and a million agent events, in the engine's state and in
//! the replica of a viewer, folded from the same entries as in the console.
//!
//!     cargo bench --bench memory

#![allow(missing_docs)]

mod common;

use common::{Story, received};
use liveloop::domain::{Effects, Outcome, State};

const TESTS: u32 = 100_000;
const EVENTS: u32 = 1_000_000;

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let before = kilobytes("VmRSS");
    let mut replica = State::default();
    let mut effects = Effects::new();
    let mut story = Story::new();
    // The viewer attaches to an empty session and folds what follows.
    replica.clone_from(&story.state);
    let mut follow = |entry: &liveloop::domain::Entry| {
        replica.apply(entry, &mut effects);
        effects.clear();
    };
    story.collect(100, TESTS / 100).iter().for_each(|entry| follow(entry));
    for n in 0..TESTS {
        follow(&story.tell(story.started(n)));
        follow(&story.tell(story.ended(n, Outcome::Passed)));
    }
    report("100,000 tests", before);
    for from in (0..EVENTS).step_by(256) {
        follow(&story.tell(received(from, 256.min(EVENTS - from))));
    }
    report("and 1,000,000 agent events", before);
    assert_eq!(story.state.agents.events().len(), EVENTS as usize);
    assert!(replica == story.state, "the replica is the state");
}

fn report(what: &str, before: u64) {
    let (now, peak) = (kilobytes("VmRSS"), kilobytes("VmHWM"));
    println!("{what:<28} {:>6.1} MB, peak {:.1} MB, before {:.1} MB", mb(now), mb(peak), mb(before));
}

fn mb(kilobytes: u64) -> f64 {
    kilobytes as f64 / 1024.0
}

/// A line of what the kernel says of this process.
fn kilobytes(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
