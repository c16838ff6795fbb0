//! The autopilot, as people see it.

use super::{check, view};
use crate::ui::fixture::flight;
use crate::ui::view::{Pane, ViewState};

#[test]
fn a_flight_is_told_above_the_board_and_its_fix_hook_where_the_deploy_would_be() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        check("flight-fixing", &flight::fixing(), &view(), size);
    }
    for size in [(80, 24), (120, 40), (200, 60)] {
        let looking = ViewState { focus: Pane::Deploys, ..view() };
        check("flight-mended", &flight::mended(), &looking, size);
    }
    check("flight-paused", &flight::paused(), &view(), (120, 40));
    check("flight-given-up", &flight::given_up(), &view(), (80, 24));
    check("flight-given-up", &flight::given_up(), &view(), (120, 40));
}
