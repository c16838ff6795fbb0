//! The order in which a person goes from one failure to the next: that of the board, or of the cause that they look at.

use std::collections::HashMap;

use super::regions::Board;
use super::view::ViewState;
use crate::domain::{ModuleId, State, TestId};

/// All failures in that order. Looks at every test, so it is not for every frame.
pub(super) fn in_order(state: &State, board: &Board, view: &ViewState) -> Vec<TestId> {
    if let Some(cause) = view.came_from.and_then(|id| state.causes.get(id)) {
        return cause.members().collect();
    }
    let ranks: HashMap<ModuleId, usize> = board.blocks.iter().map(|block| (block.module, block.row)).collect();
    let rank = |id: &TestId| state.inventory.test(*id).and_then(|test| ranks.get(&test.module));
    let mut failures: Vec<TestId> = state.inventory.failures().collect();
    failures.sort_by_cached_key(|id| (rank(id).copied().unwrap_or(usize::MAX), *id));
    failures
}

/// The failure so many places after `here` (or before), going round.
pub(super) fn beside(failures: &[TestId], here: Option<TestId>, by: i64) -> Option<TestId> {
    let count = failures.len() as i64;
    let place = here.and_then(|here| failures.iter().position(|id| *id == here));
    let next = match place {
        Some(place) => (place as i64 + by).rem_euclid(count.max(1)),
        None if by > 0 => 0,
        None => count - 1,
    };
    failures.get(usize::try_from(next).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_go_round_in_both_directions() {
        let failures = [TestId(4), TestId(2), TestId(9)];
        assert_eq!(beside(&failures, Some(TestId(9)), 1), Some(TestId(4)));
        assert_eq!(beside(&failures, Some(TestId(4)), -1), Some(TestId(9)));
        assert_eq!(beside(&failures, None, 1), Some(TestId(4)));
        assert_eq!(beside(&[], None, -1), None);
    }
}
