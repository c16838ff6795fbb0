//! Results of an earlier session count where the very same revisions serve, and are stale everywhere else.

use std::sync::Arc;

use crate::story::{Story, TESTS};
use liveloop::domain::{Command, CycleRecord, Exit, Outcome, Recollection, Selection, SessionEvent};

use crate::resume::recalled;

/// A session after one that proved three tests on `backend=b1 auth=a1`, and left out the last in the same cycle.
fn the_next_day(services: &[&str]) -> Story {
    let served = |name: &&str| ((*name).into(), format!("{}1", &name[..1]).into());
    let mut words: Vec<String> = services.iter().map(|name| format!("{name}={}1", &name[..1])).collect();
    words.sort_unstable();
    let record = CycleRecord { number: 3, served: services.iter().map(served).collect(), ..CycleRecord::default() };
    let mut skipped = recalled(TESTS[3], Outcome::Skipped, 3);
    skipped.grounds = Default::default();
    let memory = Recollection {
        cycle: 3,
        cycles: vec![record],
        tests: vec![
            recalled(TESTS[0], Outcome::Passed, 3),
            recalled(TESTS[1], Outcome::Passed, 3),
            recalled(TESTS[2], Outcome::Failed, 3),
            skipped,
        ],
        revisions: vec![(7, words.join(" ").as_str().into())],
        ..Recollection::default()
    };
    let mut story = Story::new(services);
    story.tell(SessionEvent::Recalled(Arc::new(memory)));
    story.ask(Command::Collect).found(&TESTS).exit(Exit::Code(0));
    story
}

#[test]
fn they_count_once_it_is_known_that_the_same_serves() {
    let mut story = the_next_day(&["backend", "auth"]);
    let stale = |story: &Story| story.state.inventory.tally().stale;
    assert_eq!(stale(&story), 4, "nobody knows yet what serves");
    story.well(0, "b1");
    assert_eq!(stale(&story), 4, "half of it is not it");
    story.well(1, "a1");
    assert_eq!((stale(&story), story.totals().as_str()), (0, "passed 2 · 1 failed"));
    story.ask(Command::Run(Selection::Stale));
    assert_eq!(story.news(), "nothing to rerun: no result is stale");
}

#[test]
fn another_revision_makes_them_stale_until_it_is_gone() {
    let mut story = the_next_day(&["backend"]);
    story.well(0, "b1").well(0, "b2");
    assert_eq!(story.state.inventory.tally().stale, 4);
    story.well(0, "b1");
    assert_eq!(story.state.inventory.tally().stale, 0);
}

#[test]
fn what_served_then_is_told_and_not_what_serves_now() {
    let mut story = the_next_day(&["backend"]);
    story.well(0, "b9");
    let served = |n: u32| {
        let test = story.state.inventory.tests().nth(n as usize).expect("a test").1;
        story.state.served_earlier(test).map(ToString::to_string)
    };
    assert_eq!(served(0).as_deref(), Some("backend=b1"));
    assert_eq!(served(3), None);
}

#[test]
fn a_cycle_whose_tests_all_ended_has_nothing_left_not_even_what_was_set_aside() {
    let mut story = the_next_day(&["backend"]);
    story.well(0, "b1").ask(Command::Resume);
    assert_eq!(story.news(), "nothing to resume: cycle 3 came to its end");
    assert_eq!(story.state.resumed, Some(4));
}
