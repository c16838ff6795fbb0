//! What a run does not prove, as people see it.

use super::{check, fixture, view};
use crate::ui::fixture::spoilt;
use crate::ui::view::{Page, Pane, ViewState};

#[test]
fn what_the_environment_spoilt_is_told_apart() {
    let story = spoilt::outage();
    check("outage", &story, &view(), (80, 24));
    check("outage", &story, &view(), (120, 40));
    check("outage", &story, &view(), (200, 60));
    let causes = ViewState { focus: Pane::Causes, ..view() };
    check("outage-causes", &story, &causes, (80, 24));
}

#[test]
fn an_opened_test_says_what_the_environment_did() {
    let story = spoilt::outage();
    for (name, id) in [("environment", story.test(0, 5)), ("straddled", story.test(2, 0))] {
        check(name, &story, &ViewState { page: Page::Detail(id), ..view() }, (120, 40));
    }
}

#[test]
fn a_run_that_was_stopped_never_looks_like_the_one_before_it() {
    check("stopped-rerun", &spoilt::stopped_rerun(), &view(), (80, 24));
    check("stopped-rerun", &spoilt::stopped_rerun(), &view(), (120, 40));
    assert!(fixture::green().state.is_green() && !spoilt::stopped_rerun().state.is_green());
}
