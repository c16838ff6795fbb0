//! The cycles, as people see them.

use super::{check, fixture, text, theme, view};
use crate::ui::cycles::{CyclesView, Sight};
use crate::ui::fixture::cycles::several;
use crate::ui::view::{Pane, ViewState};

fn looking(sight: Sight) -> ViewState {
    ViewState { focus: Pane::Cycles, cycles: CyclesView { sight, ..CyclesView::default() }, ..view() }
}

#[test]
fn what_each_cycle_came_to() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        check("cycles", &several(), &looking(Sight::Table), size);
    }
}

#[test]
fn one_cycle_with_all_that_is_recorded_of_it() {
    let mut view = looking(Sight::Record);
    view.cycles.cycle = Some(9);
    for size in [(80, 24), (120, 40)] {
        check("cycle-record", &several(), &view, size);
    }
    // A cycle of an older version has less to tell.
    view.cycles.cycle = Some(6);
    let screen = text(&super::render(&several(), &view, &theme(), 80, 24));
    assert!(screen.contains("more was not kept"), "{screen}");
}

#[test]
fn two_cycles_side_by_side() {
    let mut view = looking(Sight::Contrast);
    check("cycles-contrast", &several(), &view, (80, 24));
    (view.cycles.cycle, view.cycles.marked) = (Some(9), Some(7));
    check("cycles-contrast-marked", &several(), &view, (120, 40));
}

#[test]
fn every_test_across_the_cycles() {
    let mut view = looking(Sight::Heat);
    check("cycles-heat", &several(), &view, (120, 40));
    view.cycles.back = 3;
    check("cycles-heat-back", &several(), &view, (80, 24));
}

#[test]
fn without_a_cycle_it_says_what_one_is() {
    let screen = text(&super::render(&fixture::empty(), &looking(Sight::Table), &theme(), 80, 24));
    assert!(screen.contains("no cycle has ended yet"), "{screen}");
}
