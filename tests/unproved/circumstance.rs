//! The environment is not the test's fault: what an outage or a deploy means for results before, during and after it.

use crate::story::Story;
use std::sync::Arc;

use liveloop::domain::{Command, Detail, Exit, Outcome, RunEvent, Selection};

#[test]
fn what_fails_while_a_service_is_down_is_the_environments() {
    let mut story = Story::new(&["auth", "backend"]);
    story.at(10).run_all().begin(0).at(11).pass(0);
    story.at(12).down(1).at(13).begin(1).at(14).fail(1, "the cart is empty");
    assert_eq!(story.verdict("a.py::two"), "environment (backend: HTTP 503)");
    story.begin(2).at(15).pass(2);
    assert_eq!(story.verdict("a.py::three"), "passing", "an outage does not spoil a pass");
    story.at(16).well(1, "b1").begin(3).at(17).fail(3, "the cart is empty").exit(Exit::Code(1));
    assert_eq!(story.verdict("b.py::four"), "newly failed");
    assert_eq!(story.totals(), "passed 2 · 1 failed + 1 environment");
    assert_eq!(story.causes(), "1 environment: backend was down, 1 error: the cart is empty");
}

#[test]
fn a_service_that_falls_while_a_test_runs_explains_its_failure() {
    let mut story = Story::new(&["backend"]);
    story.at(10).run_all().begin(0).at(12).down(0).at(13).well(0, "b1").at(14).fail(0, "timed out");
    assert_eq!(story.verdict("a.py::one"), "environment (backend: HTTP 503)");
}

#[test]
fn an_outage_that_is_over_explains_nothing() {
    let mut story = Story::new(&["backend"]);
    story.at(5).down(0).at(8).well(0, "b1").at(10).run_all().begin(0).at(11).fail(0, "HTTP 503 from /orders");
    assert_eq!(story.verdict("a.py::one"), "newly failed");
}

#[test]
fn an_outage_that_a_probe_notices_late_explains_what_looks_like_it() {
    let mut story = Story::new(&["backend"]);
    story.at(8).run_all().begin(0).at(9).fail(0, "HTTP 503 for /before").at(10).well(0, "b1");
    story.begin(1).at(11).fail(1, "HTTP 503 for /orders").begin(2).at(12).fail(2, "the cart is empty");
    assert_eq!(story.totals(), "passed 0 · 3 failed");
    story.at(15).down(0);
    assert_eq!(story.news(), "1 failure before it is the environment's: backend was down");
    assert_eq!(story.verdict("a.py::one"), "newly failed", "a probe found the service well after that");
    assert_eq!(story.verdict("a.py::two"), "environment (backend: HTTP 503)");
    assert_eq!(story.verdict("a.py::three"), "newly failed", "it does not look like an outage");
    assert_eq!(story.totals(), "passed 0 · 2 failed + 1 environment");
    let run = story.state.runs.get(story.run()).expect("the run");
    assert_eq!((run.tally.failures(), run.tally.environment), (2, 1), "the run's own totals follow");
}

#[test]
fn a_conversation_that_a_late_noticed_outage_cut_off_is_the_environments() {
    let mut story = Story::new(&["backend"]);
    story.at(10).well(0, "b1").run_all().begin(0).at(11);
    story.fail(0, "websockets.exceptions.ConnectionClosedError: no close frame received or sent").at(12).down(0);
    assert_eq!(story.verdict("a.py::one"), "environment (backend: HTTP 503)");
}

#[test]
fn what_began_while_a_service_was_being_deployed_is_the_environments() {
    let mut story = Story::new(&["backend"]);
    story.at(10).run_all();
    let deploy = story.at(11).deploy(0);
    story.at(12).begin(0).at(13).fail(0, "HTTP 503 for /orders").begin(1).at(14).pass(1);
    story.begin(2).at(15).live(deploy, "b2").at(16).fail(2, "refused");
    let word = "environment (backend: it was being deployed)";
    assert_eq!([story.verdict("a.py::one"), story.verdict("a.py::three")], [word, word]);
    assert_eq!(story.verdict("a.py::two"), "straddled", "nobody knows what it met");
    assert_eq!(story.totals(), "passed 0 · 2 environment + 1 straddled");
    assert_eq!(story.causes(), "2 environment: backend was being deployed");
}

#[test]
fn two_deploy_states_are_straddled_and_not_counted() {
    let mut story = Story::new(&["backend"]);
    story.at(10).run_all().begin(0).begin(1).begin(2);
    let deploy = story.at(11).deploy(0);
    story.at(12).fail(0, "HTTP 503 for /orders").at(13).live(deploy, "b2").at(14).pass(1).at(15).well(0, "b3");
    story.begin(3).at(16).well(0, "b4").at(17).pass(3);
    story.at(18).pass(2).exit(Exit::Code(1));
    for test in ["a.py::one", "a.py::two", "a.py::three", "b.py::four"] {
        assert_eq!(story.verdict(test), "straddled", "{test}");
    }
    assert_eq!(story.totals(), "passed 0 · 4 straddled");
    assert_eq!(story.causes(), "", "what straddled a deploy blames nobody");
    assert!(!story.state.is_green());
}

#[test]
fn what_was_spoilt_never_counts_as_newly_failed_and_is_no_baseline() {
    let mut story = Story::new(&["backend"]);
    story.at(10).run_all().begin(0).at(11).fail(0, "the cart is empty").exit(Exit::Code(1));
    story.at(20).down(0).ask(Command::Run(Selection::Failures)).found(&["a.py::one"]);
    story.begin(0).at(21).fail(0, "HTTP 503").exit(Exit::Code(1));
    assert_eq!(story.verdict("a.py::one"), "environment (backend: HTTP 503)");
    story.at(30).well(0, "b1").ask(Command::Run(Selection::Failures)).found(&["a.py::one"]);
    story.begin(0).at(31).fail(0, "the cart is empty").exit(Exit::Code(1));
    assert_eq!(story.verdict("a.py::one"), "still failing", "measured against the cycle that told something");
    assert_eq!(story.causes(), "1 error: the cart is empty");
    let cause = story.state.causes.present()[0];
    assert_eq!(story.state.causes.get(cause).map(|cause| cause.since), Some(1), "the outage did not end it");
}

#[test]
fn what_was_spoilt_is_offered_once_the_service_is_well_and_rerun_with_the_failures() {
    let mut story = Story::new(&["backend", "auth"]);
    story.at(10).run_all().begin(0).at(11).fail(0, "the cart is empty").begin(1).at(12).pass(1);
    story.down(0).down(1).begin(2).at(13).fail(2, "HTTP 503").begin(3).at(14).fail(3, "HTTP 503");
    story.exit(Exit::Code(1));
    assert_eq!(story.news(), "1 failed, 2 environment, 1 passed");
    story.at(20).well(1, "b1");
    assert_ne!(story.news(), "2 environment failures can be rerun: r", "the backend is still down");
    story.at(21).well(0, "b1");
    assert_eq!(story.news(), "2 environment failures can be rerun: r");
    story.ask(Command::Run(Selection::Failures));
    assert_eq!(story.wanted(), "a.py::one a.py::three b.py::four");
    assert_eq!(story.state.runs.get(story.run()).map(|run| &*run.what), Some("1 failed + 2 environment"));
    story.found(&["a.py::one", "a.py::three", "b.py::four"]);
    for n in 0..3 {
        story.begin(n).pass(n);
    }
    story.exit(Exit::Code(0));
    assert_eq!(story.totals(), "passed 4 · nothing");
    assert!(story.state.is_green());
}

#[test]
fn an_environment_failure_alone_is_neither_green_nor_red() {
    let mut story = Story::new(&["backend"]);
    story.at(10).run_all().down(0);
    for n in 0..4 {
        story.begin(n).at(11).fail(n, "connection refused");
    }
    story.exit(Exit::Code(1));
    let run = story.state.runs.get(story.run()).expect("the run");
    assert!(!run.is_green() && run.disagreement.is_none() && run.tally.failures() == 0);
    assert_eq!(run.tally.of(Outcome::Failed), 0);
    assert_eq!(story.causes(), "4 environment: backend was down");
}

#[test]
fn what_is_only_told_in_the_end_must_look_like_the_outage_that_its_run_met() {
    let mut story = Story::new(&["backend"]);
    story.at(10).run_all().at(12).down(0).at(14).well(0, "b1");
    story.at(20).fail(0, "HTTP 503 for /orders").fail(1, "the cart is empty").pass(2).exit(Exit::Code(1));
    assert_eq!(story.verdict("a.py::one"), "environment (backend: HTTP 503)");
    assert_eq!(story.verdict("a.py::two"), "newly failed");
    assert_eq!(story.verdict("a.py::three"), "passing");
}

#[test]
fn a_module_that_does_not_load_is_nobodys_but_its_own_fault() {
    let mut story = Story::new(&["backend"]);
    story.at(10).run_all().down(0);
    let (run, detail) = (story.run(), Detail { message: "SyntaxError: invalid syntax".into(), ..Detail::default() });
    story.tell(RunEvent::ModuleBroken { run, module: "c.py".into(), detail: Arc::new(detail) });
    assert_eq!(story.verdict("c.py"), "newly failed");
}
