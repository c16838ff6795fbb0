//! A selection that runs again and again: one cycle, one run after another, until it is done, stopped or broken.

use liveloop::domain::*;

#[path = "support/loop_story.rs"]
mod loop_story;

use loop_story::Story;

const BOOM: &str = "the third wheel came off";

/// One test that was run once, and is to be repeated.
fn story(until: RepeatUntil) -> Story {
    let mut story = Story::new(Baseline::Previous);
    story.cycle(&[("a.py::one", None), ("a.py::two", Some(BOOM))]);
    let selection = Selection::Tests(vec![story.id("a.py::one")]);
    story.ask(Command::Repeat { selection, until });
    story
}

fn repeat(story: &Story) -> &Repeat {
    story.state.repeat.as_ref().expect("it was asked for")
}

fn started(story: &Story) -> usize {
    story.effects.iter().filter(|effect| matches!(effect, Effect::StartRun { .. })).count()
}

#[test]
fn so_many_times_is_so_many_runs_of_one_cycle() {
    let mut story = story(RepeatUntil::Times(20));
    for n in 0..20 {
        assert_eq!((story.state.cycle, repeat(&story).present()), (2, n + 1));
        story.live(&[("a.py::one", (n % 5 == 4).then_some(BOOM))]);
    }
    let done = repeat(&story);
    assert_eq!((done.ended, done.failed, &done.end), (20, 4, &Some(RepeatEnd::Done)));
    assert_eq!(done.failures.get(&story.id("a.py::one")), Some(&4));
    assert_eq!(started(&story), 21, "nothing starts after the last one");
    assert_eq!(story.last_news(), "4 of 20 repetitions failed (20%): one");
    // All of it is one cycle, so what it is measured against is the cycle before.
    assert_eq!(story.verdicts(), "a.py::one newly failed, a.py::two newly failed");
    let before = story.state.inventory.test(story.id("a.py::one")).and_then(TestCase::baseline);
    assert_eq!(before.map(|before| before.cycle), Some(1));
}

#[test]
fn until_it_fails_ends_with_the_first_failure_or_at_the_limit() {
    let mut failing = story(RepeatUntil::Failure { limit: 9 });
    failing.live(&[("a.py::one", None)]).live(&[("a.py::one", None)]).live(&[("a.py::one", Some(BOOM))]);
    assert_eq!(failing.last_news(), "failed at repetition 3 of at most 9: one");
    assert!(!repeat(&failing).is_active());
    let mut holding = story(RepeatUntil::Failure { limit: 2 });
    holding.live(&[("a.py::one", None)]).live(&[("a.py::one", None)]);
    assert_eq!(holding.last_news(), "2 of 2 repetitions, none failed: one");
}

#[test]
fn stopping_a_run_stops_all_of_it() {
    let mut story = story(RepeatUntil::Times(50));
    story.live(&[("a.py::one", None)]);
    let run = story.run();
    story.ask(Command::StopRun(run));
    story.tell(RunEvent::Exited { run, exit: Exit::Signal(2), says: "".into(), leaked: 0 });
    assert_eq!(repeat(&story).end, Some(RepeatEnd::Stopped));
    assert_eq!(story.last_news(), "stopped: 1 of 50 repetitions, none failed: one");
    assert_eq!(started(&story), 3);
}

#[test]
fn a_run_that_cannot_start_breaks_it_off() {
    let mut story = story(RepeatUntil::Times(50));
    let run = story.run();
    story.tell(RunEvent::CouldNotStart { run, why: "no such program".into() });
    assert_eq!(repeat(&story).end, Some(RepeatEnd::BrokenOff("no such program".into())));
    assert!(story.last_news().contains("no further repetition of one: no such program"), "{}", story.last_news());
}

#[test]
fn nothing_else_runs_meanwhile_and_numbers_have_a_limit() {
    let mut story = story(RepeatUntil::Times(u32::MAX));
    assert_eq!(repeat(&story).until.limit(), MOST_REPETITIONS);
    story.ask(Command::Run(Selection::All));
    assert_eq!(story.state.cycle, 2);
    story.ask(Command::Repeat { selection: Selection::Tests(Vec::new()), until: RepeatUntil::Times(0) });
    assert_eq!(story.last_news(), "nothing to run: the selection is empty");
    assert_eq!(RepeatUntil::Times(0).limit(), 1);
}

#[test]
fn what_failed_is_repeated_as_it_is_now() {
    let mut story = Story::new(Baseline::Previous);
    story.cycle(&[("a.py::one", None), ("a.py::two", Some(BOOM))]);
    story.ask(Command::Repeat { selection: Selection::Failures, until: RepeatUntil::Times(3) });
    // It passes once: a rerun of what failed would now be a rerun of nothing.
    story.live(&[("a.py::two", None)]).live(&[("a.py::two", Some(BOOM))]).live(&[("a.py::two", None)]);
    assert_eq!(story.last_news(), "1 of 3 repetitions failed (33%): what failed");
}
