//! In which order modules and tests stand: by what matters, or as they stand in their files.

use std::cmp::Reverse;

use super::block::Group;
use crate::domain::{Inventory, Module, ModuleId, TestCase, TestId, Verdict};
use crate::ui::view::Order;

/// The place of a module among the others.
pub(super) type Place = (Group, u32, u8, Reverse<u32>, ModuleId);

/// Where a module stands: with those of its group, by its tier, then by what it was worth when no test ran for the last time. So what is
/// new comes first, and while tests run only what changes its group moves.
pub(super) fn place(group: Group, module: &Module, id: ModuleId) -> Place {
    let (worst, failures) = module.place;
    let tier = module.tier.map_or(u32::MAX, |tier| tier.0);
    (group, tier, worst.map_or(u8::MAX, |verdict| verdict as u8), Reverse(failures), id)
}

/// Puts modules in order.
pub(super) fn sort(places: &mut [Place], order: Order) {
    match order {
        Order::Verdict => places.sort_unstable(),
        Order::File => places.sort_unstable_by_key(|(.., id)| *id),
    }
}

/// The tests of a list by verdict, those of the same verdict as they stand in their file. Takes one look at each.
pub(super) fn by_verdict(tests: impl Iterator<Item = TestId>, inventory: &Inventory, out: &mut Vec<TestId>) {
    let mut buckets: [Vec<TestId>; Verdict::ALL.len()] = Default::default();
    for id in tests {
        if let Some(verdict) = inventory.test(id).and_then(|test| test.place.or_else(|| test.rank())) {
            buckets[verdict as usize].push(id);
        }
    }
    buckets.into_iter().for_each(|bucket| out.extend(bucket));
}

/// Whether a test is to be listed where all are: it exists, or it vanished and was known to the baseline.
pub(super) fn is_listed(test: &TestCase) -> bool {
    !test.gone || test.verdict().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_comes_first_unless_files_decide() {
        let at = |group, worst: Verdict, failures, id| (group, 0, worst as u8, Reverse(failures), ModuleId(id));
        let mut places = vec![
            at(Group::Settled, Verdict::Passing, 0, 0),
            at(Group::Failing, Verdict::StillFailing, 9, 1),
            at(Group::Failing, Verdict::NewlyFailed, 1, 2),
            at(Group::Settled, Verdict::Fixed, 0, 3),
            at(Group::Failing, Verdict::NewlyFailed, 5, 4),
        ];
        let told = |places: &[Place]| places.iter().map(|(.., id)| id.0).collect::<Vec<_>>();
        sort(&mut places, Order::Verdict);
        assert_eq!(told(&places), [4, 2, 1, 3, 0]);
        sort(&mut places, Order::File);
        assert_eq!(told(&places), [0, 1, 2, 3, 4]);
    }
}
