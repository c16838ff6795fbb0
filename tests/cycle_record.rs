//! What is recorded of a cycle: what stood around it, and what it met first.

#[path = "support/loop_story.rs"]
#[allow(dead_code, reason = "other tests ask more of it")]
mod loop_story;

use std::sync::Arc;

use liveloop::domain::*;
use loop_story::Story;

const HASHES: [&str; 3] = [
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "cccccccccccccccccccccccccccccccccccccccc",
];

fn commit(n: usize) -> Commit {
    Commit { hash: HASHES[n].into(), author: "Ada".into(), subject: format!("commit {n}").into() }
}

/// The files are at the `n`-th commit, with all before it known.
fn files_at(story: &mut Story, n: usize) {
    let Commit { hash, author, subject } = commit(n);
    let checkout = Checkout {
        commit: hash,
        subject,
        author: Some(author),
        earlier: (0..n).rev().map(commit).collect(),
        dirty: Some(2),
        ..Checkout::default()
    };
    story.tell(SessionEvent::SourceSeen(Arc::new(checkout)));
}

fn record(story: &Story, cycle: u32) -> &CycleRecord {
    story.state.records.get(cycle).expect("the cycle ended")
}

#[test]
fn a_cycle_knows_the_commits_since_the_one_before() {
    let mut story = Story::new(Baseline::Previous);
    for n in [0, 2, 2] {
        story.ask(Command::Run(Selection::All));
        files_at(&mut story, n);
        story.live(&[("a.py::one", None)]);
    }
    let commits =
        |cycle| record(&story, cycle).around.commits.iter().map(|commit| &*commit.subject).collect::<Vec<_>>();
    assert_eq!(commits(1), ["commit 0"]);
    assert_eq!(commits(2), ["commit 2", "commit 1"]);
    assert!(commits(3).is_empty(), "nothing was committed in between");
    assert!((1..=3).all(|cycle| !record(&story, cycle).around.more_commits));
    let source = record(&story, 2).source.as_ref().expect("the files were looked at");
    assert_eq!((source.dirty, source.author.as_deref(), source.earlier.len()), (Some(2), Some("Ada"), 0));
}

#[test]
fn a_history_that_was_rewritten_is_not_taken_for_a_few_commits() {
    let mut story = Story::new(Baseline::Previous);
    story.ask(Command::Run(Selection::All));
    let elsewhere = Checkout { commit: "d".repeat(40).into(), ..Checkout::default() };
    story.tell(SessionEvent::SourceSeen(Arc::new(elsewhere)));
    story.live(&[("a.py::one", None)]);
    story.ask(Command::Run(Selection::All));
    files_at(&mut story, 2);
    story.live(&[("a.py::one", None)]);
    let around = &record(&story, 2).around;
    assert_eq!((around.commits.len(), around.more_commits), (3, true));
}

#[test]
fn people_notes_and_causes_are_kept() {
    let mut story = Story::new(Baseline::Previous);
    for (viewer, name) in [(0, "ada"), (1, "grace"), (2, "alan")] {
        story.tell(SessionEvent::ViewerJoined { viewer: ViewerId(viewer), name: name.into(), drives: viewer == 0 });
    }
    story.tell(SessionEvent::ViewerLeft { viewer: ViewerId(2) });
    story.ask(Command::Run(Selection::All));
    story.tell(SessionEvent::ViewerLeft { viewer: ViewerId(1) });
    story.live(&[("a.py::one", Some("HTTP 404 on /x")), ("a.py::two", Some("HTTP 404 on /x"))]);
    let about = NoteAbout::Test("a.py::one".into());
    story.ask(Command::WriteNote { about, text: "the route is gone".into() });
    let first = record(&story, 1);
    assert_eq!((first.around.why, first.around.by.as_deref()), (CycleWhy::Asked, Some("ada")));
    assert_eq!(first.around.people.iter().map(|name| &**name).collect::<Vec<_>>(), ["ada", "grace"]);
    assert_eq!(first.around.attempts, 2);
    let note = &first.around.notes[0];
    assert_eq!((&*note.about, &*note.author, &*note.line), ("a.py::one", "ada", "the route is gone"));

    story.cycle(&[("a.py::one", None), ("a.py::two", None)]);
    let second = record(&story, 2);
    assert_eq!(second.around.people.len(), 1, "who left before is not in the next cycle");
    assert!(second.around.notes.is_empty() && second.cause_changes(Some(record(&story, 1))).is_empty());
    assert_eq!(second.causes_gone(record(&story, 1)).map(|cause| cause.tests).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_record_of_an_older_version_is_read() {
    let old = r#"{"number":3,"began":5,"what":"everything","finished":7,"failed":1,"green":false}"#;
    let read: CycleRecord = serde_json::from_str(old).expect("readable");
    assert_eq!((read.number, read.around.clone()), (3, Around::default()));
}

#[test]
fn several_runs_of_a_runner_in_one_cycle_count_test_by_test() {
    let mut story = Story::new(Baseline::Previous);
    story.cycle(&[("a.py::one", Some("HTTP 404")), ("a.py::two", Some("HTTP 404")), ("a.py::three", None)]);
    let tests = vec![story.id("a.py::one"), story.id("a.py::two")];
    story.ask(Command::Repeat { selection: Selection::Tests(tests), until: RepeatUntil::Times(2) });
    story.live(&[("a.py::one", Some("HTTP 404")), ("a.py::two", None)]);
    story.live(&[("a.py::one", None), ("a.py::two", Some("HTTP 404"))]);
    let record = record(&story, 2);
    let counts = record.counts;
    assert_eq!((counts.runs, counts.selected, record.finished, counts.passed, record.failed), (2, 2, 2, 1, 1));
    assert_eq!(record.pass_rate(), Some(50.0));
}
