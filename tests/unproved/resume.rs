//! A cycle that an earlier session began goes on without what it proved, as long as the same serves.

use std::sync::Arc;

use crate::story::{Story, TESTS};
use liveloop::domain::{
    Circumstance, Command, Exit, Grounds, LeftOver, Moment, On, Outcome, Recalled, Recollection, SessionEvent, Span,
};

pub(crate) fn recalled(node: &str, outcome: Outcome, cycle: u32) -> Recalled {
    let mut grounds = Grounds::default();
    grounds.count(On::Revisions(7), 0, 1);
    Recalled {
        node: node.into(),
        outcome,
        started: Moment(1),
        took: Span::millis(5),
        cycle,
        usual: None,
        message: None,
        signature: None,
        grounds,
        course: Default::default(),
        grade: None,
    }
}

/// A session after one that was killed in its third cycle, on backend `b1`: a result of the cycle before, two of the
/// cycle itself, and one test whose turn never came.
fn after_a_kill(served: &str) -> Story {
    let left = LeftOver { node: TESTS[3].into(), circumstance: Circumstance::Steady };
    let memory = Recollection {
        cycle: 3,
        tests: vec![
            recalled(TESTS[0], Outcome::Passed, 2),
            recalled(TESTS[1], Outcome::Passed, 3),
            recalled(TESTS[2], Outcome::Failed, 3),
        ],
        revisions: vec![(7, "backend=b1".into())],
        unproved: vec![left],
        ..Recollection::default()
    };
    let mut story = Story::new(&["backend"]);
    story.well(0, served).tell(SessionEvent::Recalled(Arc::new(memory)));
    story.ask(Command::Collect).found(&TESTS).exit(Exit::Code(0));
    story
}

#[test]
fn what_was_proved_on_what_serves_stays_proved() {
    let mut story = after_a_kill("b1");
    story.ask(Command::Resume);
    assert_eq!(story.news(), "cycle 3: somebody runs four");
    assert_eq!(story.wanted(), "b.py::four");
    assert_eq!((story.state.cycle, story.state.resumed), (3, Some(2)));
    assert_eq!(story.verdict("a.py::two"), "passing");
    assert_eq!(story.verdict("a.py::one"), "passing", "a result of the cycle before, on what serves");
}

#[test]
fn what_was_proved_on_another_revision_runs_again() {
    let mut story = after_a_kill("b2");
    story.ask(Command::Resume);
    assert_eq!(story.wanted(), "a.py::two a.py::three b.py::four");
    assert_eq!(story.state.resumed, Some(0));
}

#[test]
fn a_session_with_a_cycle_of_its_own_resumes_nothing() {
    let mut story = after_a_kill("b1");
    story.run_all();
    for n in 0..4 {
        story.begin(n).pass(n);
    }
    story.exit(Exit::Code(0)).ask(Command::Resume);
    assert_eq!(story.news(), "nothing to resume: this session has begun a cycle of its own");
}
