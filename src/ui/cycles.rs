//! One person's look at the cycles: a table of them, two side by side, or every test across all of them.

use super::navigate;
use super::regions::Regions;
use super::update::{About, Wish};
use super::view::{Pane, ViewState};
use crate::domain::{Change, CycleRecord, State, TestId, contrast};

/// What of the cycles is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sight {
    /// All cycles, one a row.
    #[default]
    Table,
    /// What changed between two cycles, one test a row.
    Contrast,
    /// Every test across the cycles: the tests that failed last come first.
    Heat,
}

/// What of the cycles a person looks at.
#[derive(Debug, Clone, Default)]
pub struct CyclesView {
    /// What is looked at.
    pub sight: Sight,
    /// The cycle under the cursor; nothing: the newest.
    pub cycle: Option<u32>,
    /// The cycle that it is compared with; nothing: the one before.
    pub marked: Option<u32>,
    /// The row under the cursor, where rows are tests.
    pub row: usize,
    /// How many of the newest cycles are scrolled away.
    pub back: usize,
}

/// The tests that are listed, kept from frame to frame for as long as they cannot have changed.
#[derive(Debug, Clone, Default)]
pub struct CycleRows {
    /// What changed between the two cycles, where they are compared.
    pub changes: Vec<(Change, TestId)>,
    /// The tests across the cycles, where those are shown.
    pub tests: Vec<TestId>,
    made_of: Option<MadeOf>,
}

impl CycleRows {
    /// Looks for them again where anything has changed.
    pub fn refresh(&mut self, state: &State, view: &CyclesView) {
        let made_of = Some((state.seq, view.sight, view.pair(state)));
        if self.made_of == made_of {
            return;
        }
        *self = Self { made_of, ..Self::default() };
        match (view.sight, view.pair(state)) {
            (Sight::Contrast, Some((before, after))) => {
                self.changes = contrast(&state.inventory, &state.causes, before, after);
            }
            (Sight::Heat, _) => self.tests = across(state),
            (Sight::Table | Sight::Contrast, _) => {}
        }
    }

    fn len(&self) -> usize {
        self.changes.len() + self.tests.len()
    }

    /// The test in that row.
    #[must_use]
    pub fn test(&self, row: usize) -> Option<TestId> {
        self.changes.get(row).map(|(_, id)| *id).or_else(|| self.tests.get(row).copied())
    }
}

/// The place of the last entry, what is looked at, and which cycles are compared.
type MadeOf = (u64, Sight, Option<(u32, u32)>);

/// The tests that ran in some cycle: those that failed in the newest cycle first.
fn across(state: &State) -> Vec<TestId> {
    let ran = state.inventory.tests().filter(|(_, test)| !test.course.is_empty());
    let mut tests: Vec<(u32, usize, TestId)> = ran
        .map(|(id, test)| {
            let failed = || test.course.iter().filter(|stop| stop.outcome.is_failure());
            (failed().next_back().map_or(0, |stop| stop.cycle), failed().count(), id)
        })
        .collect();
    tests.sort_unstable_by(|one, two| (two.0, two.1).cmp(&(one.0, one.1)).then(one.2.cmp(&two.2)));
    tests.into_iter().map(|(_, _, id)| id).collect()
}

impl CyclesView {
    /// The cycle under the cursor.
    #[must_use]
    pub fn chosen<'a>(&self, state: &'a State) -> Option<&'a CycleRecord> {
        let wanted = self.cycle.and_then(|number| state.records.get(number));
        wanted.or_else(|| state.records.iter().next_back())
    }

    /// The two cycles that are compared, the earlier one first.
    #[must_use]
    pub fn pair(&self, state: &State) -> Option<(u32, u32)> {
        let chosen = self.chosen(state)?.number;
        let marked = self.marked.filter(|marked| *marked != chosen && state.records.get(*marked).is_some());
        let before = || state.records.iter().rev().find(|record| record.number < chosen).map(|record| record.number);
        let other = marked.or_else(before)?;
        Some((chosen.min(other), chosen.max(other)))
    }

    /// Steps back to the table; answers whether there was anything to do.
    pub(super) fn back(&mut self) -> bool {
        if self.sight != Sight::Table {
            (self.sight, self.row, self.back) = (Sight::Table, 0, 0);
        } else if self.marked.is_some() {
            self.marked = None;
        } else {
            return false;
        }
        true
    }
}

/// So many rows up or down.
pub(super) fn step(view: &mut ViewState, about: &About, by: i64) {
    let looks = &mut view.cycles;
    if looks.sight != Sight::Table {
        let last = about.regions.cycle_rows.len().saturating_sub(1);
        looks.row = moved(looks.row, by, last);
        return;
    }
    // The newest cycle comes first.
    let numbers: Vec<u32> = about.state.records.iter().rev().map(|record| record.number).collect();
    let chosen = looks.chosen(about.state).map(|record| record.number);
    let place = numbers.iter().position(|number| Some(*number) == chosen).unwrap_or(0);
    let place = moved(place, by, numbers.len().saturating_sub(1));
    // At the newest, it stays with the newest.
    looks.cycle = if place == 0 { None } else { numbers.get(place).copied() };
}

fn moved(place: usize, by: i64, last: usize) -> usize {
    let by = isize::try_from(by).unwrap_or(if by < 0 { isize::MIN } else { isize::MAX });
    place.saturating_add_signed(by).min(last)
}

/// So many cycles back, or on, where cycles are columns.
pub(super) fn sideways(view: &mut ViewState, about: &About, back: bool) -> Vec<Wish> {
    let looks = &mut view.cycles;
    let last = about.state.records.iter().len().saturating_sub(1);
    looks.back = if back { (looks.back + 1).min(last) } else { looks.back.saturating_sub(1) };
    Vec::new()
}

/// Marks the cycle under the cursor as the one to compare with, or no longer.
pub(super) fn mark(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let chosen = view.cycles.chosen(about.state).map(|record| record.number);
    view.cycles.marked = chosen.filter(|chosen| view.cycles.marked != Some(*chosen));
    Vec::new()
}

/// Every test across the cycles, or the table again.
pub(super) fn heat(view: &mut ViewState) -> Vec<Wish> {
    let sight = if view.cycles.sight == Sight::Heat { Sight::Table } else { Sight::Heat };
    view.cycles = CyclesView { sight, row: 0, back: 0, ..view.cycles };
    Vec::new()
}

/// Compares the cycle under the cursor; where rows are tests, opens the test.
pub(super) fn open(view: &mut ViewState, regions: &Regions) {
    match view.cycles.sight {
        Sight::Table => (view.cycles.sight, view.cycles.row) = (Sight::Contrast, 0),
        Sight::Contrast | Sight::Heat => {
            if let Some(id) = regions.cycle_rows.test(view.cycles.row) {
                navigate::open_test(view, id);
            }
        }
    }
}

/// Shows the cycles, or what was shown before.
pub(super) fn toggle(view: &mut ViewState) -> Vec<Wish> {
    view.focus = if view.focus == Pane::Cycles { Pane::Tests } else { Pane::Cycles };
    Vec::new()
}
