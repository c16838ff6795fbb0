//! Verdicts against a baseline: what is asked to be read, what it does to the verdicts, and what is said of it.

use std::sync::Arc;

use liveloop::domain::*;

#[path = "support/loop_story.rs"]
mod loop_story;

use loop_story::{End, Story};

const CART: &str = "the cart of the order is empty";
const SHIP: &str = "nobody ever shipped the parcel";

/// What a file or a cycle says: a test each, and how it ended.
fn loaded(baseline: Baseline, title: &str, results: &[(&str, End)]) -> SessionEvent {
    let result = |(node, end): &(&str, End)| {
        let outcome = if end.is_some() { Outcome::Failed } else { Outcome::Passed };
        let detail = end.map(|message| Detail { message: message.into(), ..Detail::default() });
        BaselineResult {
            node: (*node).into(),
            module: node.split_once("::").map_or("", |(module, _)| module).into(),
            also: Vec::new(),
            outcome,
            signature: detail.as_ref().map(|detail| Arc::new(Signature::of(outcome, Some(detail)))),
            message: end.map(Text::from),
        }
    };
    let results = results.iter().map(result).collect();
    SessionEvent::BaselineLoaded(Arc::new(LoadedBaseline {
        baseline,
        title: title.into(),
        cycle: None,
        results,
        at: None,
    }))
}

fn file() -> Baseline {
    Baseline::File("base.xml".into())
}

fn asked(story: &Story) -> Vec<Baseline> {
    let load = |effect: &'_ Effect| match effect {
        Effect::LoadBaseline(baseline) => Some(baseline.clone()),
        _ => None,
    };
    story.effects.iter().filter_map(load).collect()
}

#[test]
fn every_verdict_follows_from_what_the_baseline_says() {
    let mut story = Story::new(Baseline::Previous);
    story.cycle(&[
        ("a.py::new", Some(CART)),
        ("a.py::same", Some(CART)),
        ("a.py::other", Some(SHIP)),
        ("a.py::ok", None),
    ]);
    story.ask(Command::CompareWith(file()));
    assert_eq!(asked(&story), [file()]);
    let results = [
        ("a.py::new", None),
        ("a.py::same", Some(CART)),
        ("a.py::other", Some(CART)),
        ("a.py::ok", Some(SHIP)),
        ("a.py::lost", None),
    ];
    story.tell(loaded(file(), "base.xml", &results));
    assert_eq!(
        story.verdicts(),
        "a.py::new newly failed, a.py::same still failing, a.py::other failing differently, a.py::ok fixed, \
         a.py::lost vanished"
    );
    assert_eq!(story.last_news(), "compared with base.xml: 4 of its 5 results match a test");
    // What vanished is in nobody's count.
    assert_eq!(story.state.inventory.tally().total(), 4);
    let before = story.state.inventory.test(story.id("a.py::other")).and_then(TestCase::baseline);
    assert_eq!(before.and_then(|before| before.detail.as_ref()).map(|detail| &*detail.message), Some(CART));
    // Back to what is usual: a first cycle has nothing before it.
    story.ask(Command::CompareWith(Baseline::Previous));
    assert_eq!(
        story.verdicts(),
        "a.py::new newly failed, a.py::same newly failed, a.py::other newly failed, a.py::ok passing"
    );
}

#[test]
fn a_baseline_holds_for_tests_that_come_later_and_for_every_cycle() {
    let mut story = Story::new(file());
    assert_eq!(asked(&story), [file()], "the project says so");
    story.tell(loaded(file(), "base.xml", &[("a.py::one", Some(CART)), ("a.py::two", None)]));
    story.cycle(&[("a.py::one", Some(CART)), ("a.py::two", Some(CART)), ("a.py::three", Some(CART))]);
    assert!(
        story.state.news.iter().any(|news| &*news.text == "compared with base.xml: 2 of its 2 results match a test")
    );
    assert_eq!(story.verdicts(), "a.py::one still failing, a.py::two newly failed, a.py::three newly failed");
    story.cycle(&[("a.py::one", None), ("a.py::two", Some(CART)), ("a.py::three", Some(CART))]);
    assert_eq!(story.verdicts(), "a.py::one fixed, a.py::two newly failed, a.py::three newly failed");
}

#[test]
fn a_failure_that_a_file_tells_less_of_is_known_again() {
    let mut story = Story::new(file());
    story.tell(loaded(file(), "base.xml", &[("a.py::one", Some("assert 1 == 2"))]));
    story.ask(Command::Run(Selection::All));
    let run = story.run();
    let found = Found { node: "a.py::one".into(), module: "a.py".into(), line: 1, source: None };
    story.tell(RunEvent::Started { run, pid: 1 }).tell(RunEvent::Collected { run, tests: vec![found] });
    let frame = Frame { path: "a.py".into(), line: 3, source: "assert 1 == 3".into(), own: true };
    let detail = Detail {
        message: "assert 1 == 3".into(),
        exception: Some("AssertionError".into()),
        frames: vec![frame],
        ..Detail::default()
    };
    let (outcome, took) = (Outcome::Failed, Span::millis(3));
    story.tell(RunEvent::TestEnded { run, n: 0, outcome, took, detail: Some(Arc::new(detail)), evidence: None });
    assert_eq!(story.verdicts(), "a.py::one still failing");
}

#[test]
fn what_nobody_waits_for_changes_nothing() {
    let mut story = Story::new(Baseline::Previous);
    story.cycle(&[("a.py::one", Some(CART))]);
    story.tell(loaded(file(), "base.xml", &[("a.py::one", Some(CART))]));
    assert_eq!(story.verdicts(), "a.py::one newly failed");
    story.ask(Command::CompareWith(Baseline::Cycle(7)));
    story.tell(SessionEvent::BaselineMissing { baseline: file(), why: "late".into() });
    assert_eq!(story.state.baseline.pending, Some(Baseline::Cycle(7)));
    story.tell(SessionEvent::BaselineMissing { baseline: Baseline::Cycle(7), why: "no cycle 7 is remembered".into() });
    assert_eq!(story.last_news(), "no comparison with cycle 7: no cycle 7 is remembered");
    assert_eq!(story.state.baseline.pending, None);
}

#[test]
fn the_last_green_cycle_is_read_again_once_another_one_was_green() {
    let mut story = Story::new(Baseline::Green);
    story.tell(loaded(Baseline::Green, "green cycle 3", &[("a.py::one", None)]));
    story.cycle(&[("a.py::one", None)]);
    assert_eq!(asked(&story).len(), 1, "not before the next cycle begins");
    story.ask(Command::Run(Selection::All));
    assert_eq!(asked(&story).len(), 2);
    assert!(story.state.records.iter().next_back().is_some_and(|record| record.green && record.finished == 1));
}

#[test]
fn a_cycle_can_be_named() {
    let mut story = Story::new(Baseline::Previous);
    story.cycle(&[("a.py::one", None)]).cycle(&[("a.py::one", Some(CART))]);
    story.ask(Command::NameCycle { cycle: 1, name: "release".into() });
    story.ask(Command::NameCycle { cycle: 9, name: "never".into() });
    assert_eq!(story.last_news(), "cycle 9 is not known, so it cannot be called never");
    story.ask(Command::NameCycle { cycle: 2, name: "release".into() });
    assert_eq!(story.state.records.named("release").map(|record| record.number), Some(2));
}

#[test]
fn places_change_only_while_nothing_runs() {
    let mut story = Story::new(Baseline::Previous);
    story.cycle(&[("a.py::one", None), ("a.py::two", Some(CART))]);
    let place = |story: &Story, node: &str| story.state.inventory.test(story.id(node)).and_then(|test| test.place);
    assert_eq!(place(&story, "a.py::two"), Some(Verdict::NewlyFailed));
    story.ask(Command::Run(Selection::All));
    let run = story.run();
    let found = |node: &str| Found { node: node.into(), module: "a.py".into(), line: 1, source: None };
    story.tell(RunEvent::Started { run, pid: 1 });
    story.tell(RunEvent::Collected { run, tests: vec![found("a.py::one"), found("a.py::two")] });
    let (outcome, took) = (Outcome::Failed, Span::millis(3));
    story.tell(RunEvent::TestEnded { run, n: 0, outcome, took, detail: None, evidence: None });
    assert_eq!(place(&story, "a.py::one"), Some(Verdict::Passing));
    story.tell(RunEvent::Exited { run, exit: Exit::Code(1), says: "".into(), leaked: 0 });
    assert_eq!(place(&story, "a.py::one"), Some(Verdict::NewlyFailed));
}
