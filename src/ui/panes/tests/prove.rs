//! Redeploy and prove, as people see it.

use super::{check, view};
use crate::ui::fixture::prove;

#[test]
fn a_chain_is_told_above_the_board() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        check("prove-rerun", &prove::rerunning(), &view(), size);
    }
    check("prove-deploy", &prove::deploying(), &view(), (120, 40));
    check("prove-health", &prove::unhealthy(), &view(), (120, 40));
    check("prove-health", &prove::unhealthy(), &view(), (80, 24));
}

#[test]
fn its_end_tells_what_changed() {
    check("prove-delta", &prove::proved(), &view(), (80, 24));
    check("prove-delta", &prove::proved(), &view(), (120, 40));
    check("prove-failed", &prove::failed(), &view(), (120, 40));
}
