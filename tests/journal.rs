//! Journals of every version are read for ever: those in `tests/journals/` were written by the program itself, and
//! what they come to is compared with a text beside them. A replay of a journal is its fold, wherever one stops.
#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use liveloop::attach::{Clock, Delivery, Playback, Player, Recorded, Request, feed};
use liveloop::demo;
use liveloop::domain::{Entry, State, ViewerId};
use liveloop::engine::{folder, journal};
use proptest::prelude::*;
use tokio::sync::mpsc;

#[path = "support/acting.rs"]
mod acting;
#[path = "support/console.rs"]
mod console;
#[path = "support/home.rs"]
mod home;

use acting::{ENTER, WIDE, deploy, header, result_of};
use console::Console;
use home::Home;

fn journals() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals");
    let mut found = folder::journals(&folder);
    found.sort();
    assert!(!found.is_empty(), "no journals in {}", folder.display());
    found
}

/// The one of the newest format, which is a short one.
fn newest() -> PathBuf {
    journals().pop().expect("one at least")
}

fn entries(journal: &Path) -> Vec<Entry> {
    let recording = journal::read(journal).unwrap_or_else(|error| panic!("{}: {error}", journal.display()));
    assert_eq!((recording.broken, recording.torn), (0, false), "{}", journal.display());
    recording.entries
}

fn fold(entries: &[Entry]) -> State {
    let (mut state, mut effects) = (State::default(), Vec::new());
    entries.iter().for_each(|entry| state.apply(entry, &mut effects));
    state
}

/// What a session came to, in words that do not change when the state is arranged otherwise.
fn summary(state: &State) -> String {
    let mut text = String::new();
    let project = &state.session.project;
    let environment = project.environment.as_ref().map_or("none", |environment| &environment.name);
    let mut line = |words: String| writeln!(text, "{words}").expect("memory takes text");
    line(format!("{} on {environment}, {} entries, cycle {}", project.name, state.seq, state.cycle));
    line(format!("ended: {:?}", state.session.ended));
    for (_, run) in state.runs.iter() {
        let numbers = &run.integrity;
        line(format!(
            "run {:?} of cycle {}: {} of {} finished, {} passed, {} failed, {} lost, {} not run; {:?}",
            run.kind,
            run.cycle,
            numbers.finished,
            numbers.selected,
            run.tally.passes(),
            run.tally.failures(),
            numbers.lost,
            numbers.not_run,
            run.phase,
        ));
    }
    for (_, service) in state.services.iter() {
        line(format!("service {} {:?} {:?}", service.spec.name, service.health, service.revision));
    }
    for (_, deploy) in state.deploys.iter() {
        line(format!("deploy {:?} → {:?} {:?}", deploy.from, deploy.to, deploy.phase));
        deploy.steps.iter().for_each(|step| line(format!("  step {} {:?}", step.name, step.state)));
    }
    for (_, stream) in state.streams.iter() {
        line(format!("stream {} opened {} times, {} messages", stream.spec.name, stream.opened, stream.received));
    }
    for (_, run) in state.agents.runs() {
        line(format!("agent run {:?}: {} of 5 events, {:?}", run.agent, run.seen(), run.end));
    }
    let mut never_ran = 0;
    for (_, test) in state.inventory.tests() {
        match test.outcome() {
            Some(outcome) => {
                let message = test.message().map_or("", |message| message);
                line(format!("test {} {outcome:?} {message}", test.node).trim_end().to_owned());
            }
            None => never_ran += 1,
        }
    }
    line(format!("{never_ran} tests never ran"));
    text
}

#[test]
fn every_journal_that_was_ever_written_is_understood() {
    for journal in journals() {
        let name = journal.file_stem().and_then(|name| name.to_str()).expect("a name of ours");
        insta::assert_snapshot!(name, summary(&fold(&entries(&journal))));
    }
}

#[test]
fn a_snapshot_at_any_entry_goes_on_as_the_whole_does() {
    for journal in journals() {
        let entries = entries(&journal);
        let whole = fold(&entries);
        for place in (0..entries.len()).step_by(entries.len() / 20 + 1) {
            let text = serde_json::to_string(&fold(&entries[..place])).expect("a state can be written");
            let mut state: State = serde_json::from_str(&text).expect("what was written can be read");
            let mut effects = Vec::new();
            entries[place..].iter().for_each(|entry| state.apply(entry, &mut effects));
            assert_eq!(state, whole, "from entry {place} of {}", journal.display());
        }
    }
}

/// What a person may do with a recording.
fn wish() -> impl Strategy<Value = Playback> {
    prop_oneof![
        Just(Playback::StepForward),
        Just(Playback::StepBack),
        (-30_i64..30).prop_map(Playback::Seek),
        Just(Playback::ToStart),
        Just(Playback::ToEnd),
        Just(Playback::Faster),
        Just(Playback::Slower),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_replay_is_the_fold_wherever_one_stops(wishes in prop::collection::vec(wish(), 1..12)) {
        let entries = entries(&newest());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (requests, received) = mpsc::channel(8);
            let (sender, mut feed) = feed(ViewerId(0), Player::Recording, requests);
            let player = tokio::spawn(Recorded::new(entries.clone()).play(sender, received));
            for wish in std::iter::once(None).chain(wishes.into_iter().map(Some)) {
                if let Some(wish) = wish {
                    assert!(feed.line.say(Request::Playback(wish)));
                }
                let shown = feed.deliveries.recv().await;
                let clock = feed.deliveries.recv().await;
                let (Some(Delivery::Snapshot(state)), Some(Delivery::Clock(Clock::Played { progress, .. }))) =
                    (shown, clock)
                else {
                    panic!("a jump shows everything, and then where one is");
                };
                assert_eq!(*state, fold(&entries[..progress.0 as usize]), "after {wish:?}");
            }
            player.abort();
        });
    }
}

#[tokio::test]
async fn a_recording_that_plays_tells_every_entry_once_and_in_order() {
    let entries = entries(&newest());
    let (requests, received) = mpsc::channel(16);
    let (sender, mut feed) = feed(ViewerId(0), Player::Recording, requests);
    let player = tokio::spawn(Recorded::new(entries.clone()).play(sender, received));
    let faster = std::iter::repeat_n(Playback::Faster, 8);
    for wish in [Playback::ToStart].into_iter().chain(faster).chain([Playback::Toggle]) {
        assert!(feed.line.say(Request::Playback(wish)));
    }
    let (mut replica, mut effects) = (State::default(), Vec::new());
    loop {
        match feed.deliveries.recv().await.expect("it plays to its end") {
            Delivery::Snapshot(state) => replica = Arc::unwrap_or_clone(state),
            Delivery::Entries(told) => {
                for entry in told {
                    assert_eq!(entry.seq, replica.seq + 1);
                    replica.apply(&entry, &mut effects);
                }
            }
            Delivery::Clock(Clock::Played { playing: false, progress: (place, last), .. }) if place == last => {
                // The first one tells of the end, where a recording is opened.
                if replica.seq == last && !effects.is_empty() {
                    break;
                }
            }
            Delivery::Clock(_) | Delivery::Notice(_) | Delivery::Ended(_) => {}
        }
    }
    assert_eq!(replica, fold(&entries));
    player.abort();
}

#[test]
fn a_journal_is_opened_in_the_console() {
    let home = Home::new();
    let journal = newest();
    let cycle = format!("cycle {}", fold(&entries(&journal)).cycle);
    let mut console = Console::start(&home, &["replay", journal.to_str().expect("UTF-8")], WIDE, &[]);
    console.until_shown("paused");
    console.until("the end", |shown| header(shown).contains(&cycle).then_some(()));
    for keys in [",", ".", "\x1b[D", "\x1b[C", "+", "-"] {
        console.keys(keys);
    }
    console.keys("g");
    console.keys(" ");
    console.until("playing", |shown| header(shown).contains("replay").then_some(()));
    console.keys("q");
    assert_eq!(console.ended().exit_code(), 0);
    assert_eq!(console.is_restored(), Ok(()));
    assert!(!home.project().join(".liveloop").exists(), "looking at a journal leaves nothing behind");
}

/// Writes the journal of the present format: a short session in the demo's environment, driven by keys.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes the golden journal of the present format anew: by hand, when that format has changed"]
async fn write_the_golden_journal() {
    let home = Home::new();
    let environment = demo::start(demo::Scenario::Story, 0.1).await.expect("loopback ports");
    let program = Path::new(env!("CARGO_BIN_EXE_liveloop"));
    let file = demo::project_toml(&environment, program);
    fs::write(home.project().join("liveloop.toml"), file).expect("a folder of ours");
    let mut console = Console::start(&home, &["--trust"], WIDE, &[]);
    console.until_shown("of 60");
    console.keys("/connectivity");
    console.until_shown("5 of 60");
    console.keys(ENTER);
    console.keys("t");
    result_of(&console, 1);
    deploy(&mut console, "backend-00002");
    deploy(&mut console, "backend-00003");
    console.keys("r");
    result_of(&console, 2);
    console.keys("q");
    console.ended();
    let journal = folder::journals(&home.project().join(".liveloop/sessions")).remove(0);
    let text = fs::read_to_string(journal).expect("a journal");
    let text = text.replace(program.to_str().expect("UTF-8"), "/usr/bin/liveloop");
    let text = text.replace(home.mark().to_str().expect("UTF-8"), "/srv/tester");
    let (major, minor) = journal::FORMAT;
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/journals/v{major}.{minor}.jsonl"));
    fs::write(golden, text).expect("the sources can be written");
}
