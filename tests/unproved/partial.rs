//! A run that was cut short never looks like one that was not, and what it did not prove is exactly what is rerun.

use std::sync::Arc;

use crate::story::{Story, TESTS};
use liveloop::domain::{
    Command, Exit, LeftOver, Moment, Outcome, Recalled, Recollection, RunEnd, RunEvent, RunPhase, Selection,
    SessionEvent, Signal, Span,
};

fn killed() -> Story {
    let mut story = Story::new(&[]);
    story.run_all().begin(0).fail(0, "it broke").begin(1).exit(Exit::Signal(9));
    story
}

#[test]
fn a_killed_run_tells_what_finished_was_lost_and_never_ran() {
    let story = killed();
    assert_eq!(story.news(), "the run died: signal 9; 1 of 4 finished, 1 lost, 2 not run");
    assert_eq!(story.totals(), "passed 0 · 1 failed + 1 lost + 2 not run");
    assert!(!story.state.is_green());
}

#[test]
fn what_was_not_proved_is_rerun_even_where_it_passed_before() {
    let mut story = Story::new(&[]);
    story.run_all();
    for n in 0..4 {
        story.begin(n).pass(n);
    }
    story.exit(Exit::Code(0));
    assert!(story.state.is_green());
    story.run_all().begin(0).pass(0);
    let run = story.run();
    story.tell(RunEvent::Signalled { run, signal: Signal::Interrupt, grace: Span::seconds(5) });
    story.exit(Exit::Code(2));
    assert_eq!(story.news(), "stopped; 1 of 4 finished, 3 not run");
    assert_eq!(story.totals(), "passed 4 · 3 not run");
    assert!(!story.state.is_green(), "what the last run never came to is not proved by the one before");
    story.ask(Command::Run(Selection::Failures));
    assert_eq!(story.wanted(), "a.py::two a.py::three b.py::four");
    story.found(&TESTS[1..]);
    for n in 0..3 {
        story.begin(n).pass(n);
    }
    story.exit(Exit::Code(0));
    assert!(story.state.is_green());
    story.ask(Command::Run(Selection::Failures));
    assert_eq!(story.news(), "nothing to rerun: everything that ran last is proved");
}

#[test]
fn the_time_limit_is_why_a_run_was_cut_short() {
    let mut story = Story::new(&[]);
    story.run_all().begin(0).pass(0).begin(1);
    let run = story.run();
    story.tell(RunEvent::EndAnnounced { run, why: "time limit 30m".into() });
    story.tell(RunEvent::Signalled { run, signal: Signal::Interrupt, grace: Span::seconds(5) });
    story.tell(RunEvent::EndAnnounced { run, why: "KeyboardInterrupt".into() });
    story.exit(Exit::Code(2));
    assert_eq!(story.news(), "cut short: time limit 30m; 1 of 4 finished, 1 lost, 2 not run");
    let phase = story.state.runs.get(run).map(|run| run.phase.clone());
    assert_eq!(phase, Some(RunPhase::Ended(RunEnd::CutShort("time limit 30m".into()))));
}

#[test]
fn the_tools_own_early_end_leaves_the_rest_to_be_run() {
    let mut story = Story::new(&[]);
    story.run_all().begin(0).fail(0, "it broke");
    let run = story.run();
    story.tell(RunEvent::EndAnnounced { run, why: "stopping after 1 failures".into() }).exit(Exit::Code(1));
    assert_eq!(story.news(), "cut short: stopping after 1 failures; 1 of 4 finished, 3 not run");
    assert_eq!(story.totals(), "passed 0 · 1 failed + 3 not run");
}

#[test]
fn a_rerun_that_dies_before_it_lists_anything_proves_nothing() {
    let mut story = killed();
    story.ask(Command::Run(Selection::Failures)).exit(Exit::Signal(9));
    assert_eq!(story.totals(), "passed 0 · 1 failed + 1 lost + 2 not run");
    let run = story.state.runs.get(story.run()).expect("the run");
    assert_eq!((run.integrity.selected, run.integrity.finished, run.integrity.not_run), (4, 0, 4));
    story.ask(Command::Run(Selection::Failures));
    assert_eq!(story.wanted(), TESTS.join(" "));
}

#[test]
fn a_narrower_run_leaves_the_rest_unproved() {
    let mut story = killed();
    let one = liveloop::domain::TestId(0);
    story.ask(Command::Run(Selection::Tests(vec![one]))).found(&TESTS[..1]).begin(0).pass(0).exit(Exit::Code(0));
    assert_eq!(story.totals(), "passed 1 · 1 lost + 2 not run");
}

/// What a session leaves to the next one.
fn unproved(session: &Story) -> Vec<LeftOver> {
    session.state.leavings().expect("it heard what it was left").unproved
}

/// A session that was left these tests.
fn after(left: Vec<LeftOver>) -> Story {
    let mut story = Story::new(&[]);
    let memory = Recollection { unproved: left, ..Recollection::default() };
    story.tell(SessionEvent::Recalled(Arc::new(memory)));
    story
}

fn nodes(left: &[LeftOver]) -> Vec<&str> {
    left.iter().map(|left| &*left.node).collect()
}

#[test]
fn the_next_session_knows_what_was_not_proved() {
    let mut before = after(Vec::new());
    before.run_all().begin(0).fail(0, "it broke").begin(1);
    let left = unproved(&before);
    assert_eq!(nodes(&left), ["a.py::two", "a.py::three", "b.py::four"], "it was killed in the middle");
    before.exit(Exit::Signal(9));
    let left = unproved(&before);
    assert_eq!(nodes(&left), ["a.py::three", "b.py::four"]);
    let mut story = after(left);
    story.ask(Command::Collect).found(&TESTS).exit(Exit::Code(0));
    story.ask(Command::Run(Selection::Failures));
    assert_eq!(story.wanted(), "a.py::three b.py::four");
}

#[test]
fn a_session_that_selected_a_test_decides_over_the_ones_before_it() {
    let left = ["a.py::three", "b.py::four", "c.py::gone"];
    let left = left.map(|node| LeftOver { node: node.into(), circumstance: Default::default() });
    let mut after = after(left.to_vec());
    assert_eq!(unproved(&after).len(), 3, "a session that lists nothing hands on what it was left");
    after.ask(Command::Collect).found(&TESTS).exit(Exit::Code(0));
    let three = liveloop::domain::TestId(2);
    after.ask(Command::Run(Selection::Tests(vec![three]))).found(&TESTS[2..3]).begin(0).pass(0).exit(Exit::Code(0));
    assert_eq!(nodes(&unproved(&after)), ["b.py::four"]);
}

#[test]
fn what_an_earlier_session_met_in_an_outage_is_still_the_environments() {
    let mut before = Story::new(&["backend"]);
    before.tell(SessionEvent::Recalled(Arc::default()));
    before.at(10).run_all().begin(0).at(11).fail(0, "it broke").down(0).begin(1).at(12).fail(1, "refused");
    before.exit(Exit::Code(1));
    let recalled = |node: &str| Recalled {
        node: node.into(),
        outcome: Outcome::Failed,
        started: Moment(1),
        took: Span::millis(5),
        cycle: 1,
        usual: None,
        message: Some("it broke".into()),
        signature: None,
        grounds: liveloop::domain::Grounds::default(),
        course: Default::default(),
        grade: None,
    };
    let memory = Recollection {
        cycle: 1,
        tests: vec![recalled(TESTS[0]), recalled(TESTS[1])],
        unproved: unproved(&before),
        ..Recollection::default()
    };
    let mut story = Story::new(&["backend"]);
    story.tell(SessionEvent::Recalled(Arc::new(memory))).ask(Command::Collect).found(&TESTS).exit(Exit::Code(0));
    assert_eq!(story.verdict("a.py::one"), "stale");
    assert_eq!(story.verdict("a.py::two"), "environment (backend: HTTP 503)");
    assert_eq!(story.totals(), "passed 0 · 1 failed + 1 environment + 2 not run");
    assert_eq!(story.causes(), "1 error: it broke, 1 environment: backend was down");
}
