//! One person's look at the cycles: a table of them, one with all that is recorded of it, two side by side, or every test
//! across all of them.

pub mod record;

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
    /// The whole record of one cycle, line by line.
    Record,
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
    /// The row under the cursor, where rows are tests or lines.
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
    /// The lines of the record, where one cycle is opened.
    pub lines: Vec<record::Told>,
    /// The first cycle of which any of these tests knows how it ended, where they stand across the cycles.
    pub since: u32,
    made_of: Option<MadeOf>,
}

impl CycleRows {
    /// Looks for them again where anything has changed.
    pub fn refresh(&mut self, state: &State, view: &CyclesView, offset: i32) {
        let chosen = view.chosen(state);
        let made_of = Some((state.seq, view.sight, view.pair(state), chosen.map(|record| record.number)));
        if self.made_of == made_of {
            return;
        }
        *self = Self { made_of, ..Self::default() };
        match (view.sight, view.pair(state)) {
            (Sight::Contrast, Some((before, after))) => {
                self.changes = contrast(&state.inventory, &state.causes, before, after);
            }
            (Sight::Heat, _) => {
                self.tests = across(state);
                let first = |id: &TestId| state.inventory.test(*id)?.course.iter().next().map(|stop| stop.cycle);
                self.since = self.tests.iter().filter_map(first).min().unwrap_or(0);
            }
            (Sight::Record, _) => {
                self.lines = chosen.map(|record| record::tell(state, record, offset)).unwrap_or_default();
            }
            (Sight::Table | Sight::Contrast, _) => {}
        }
    }

    fn len(&self) -> usize {
        self.changes.len() + self.tests.len() + self.lines.len()
    }

    /// The test in that row.
    #[must_use]
    pub fn test(&self, row: usize) -> Option<TestId> {
        let told = || self.lines.get(row).and_then(|line| line.test).map(|(id, _)| id);
        self.changes.get(row).map(|(_, id)| *id).or_else(|| self.tests.get(row).copied()).or_else(told)
    }
}

/// The place of the last entry, what is looked at, which cycles are compared, and which is chosen.
type MadeOf = (u64, Sight, Option<(u32, u32)>, Option<u32>);

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
    choose(looks, about, by);
}

/// So many cycles further down, where the newest comes first.
fn choose(looks: &mut CyclesView, about: &About, by: i64) {
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

/// So many cycles back, or on: as columns, or where one is opened the next one.
pub(super) fn sideways(view: &mut ViewState, about: &About, back: bool) -> Vec<Wish> {
    let looks = &mut view.cycles;
    if matches!(looks.sight, Sight::Record | Sight::Contrast) {
        choose(looks, about, if back { 1 } else { -1 });
        looks.row = 0;
        return Vec::new();
    }
    let since = about.regions.cycle_rows.since;
    let last = about.state.records.iter().filter(|record| record.number >= since).count().saturating_sub(1);
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

/// Opens the cycle under the cursor, or compares it where another one is marked; an opened one is compared with the one
/// before. Where the row is a test, opens the test.
pub(super) fn open(view: &mut ViewState, regions: &Regions) {
    let test = regions.cycle_rows.test(view.cycles.row);
    match (view.cycles.sight, test) {
        (Sight::Table, _) => {
            let looks = &mut view.cycles;
            let compares = looks.marked.is_some() && looks.marked != looks.cycle;
            (looks.sight, looks.row) = (if compares { Sight::Contrast } else { Sight::Record }, 0);
        }
        (Sight::Record | Sight::Contrast | Sight::Heat, Some(id)) => navigate::open_test(view, id),
        (Sight::Record, None) => (view.cycles.sight, view.cycles.row) = (Sight::Contrast, 0),
        (Sight::Contrast | Sight::Heat, None) => {}
    }
}

/// Shows the cycles, or what was shown before.
pub(super) fn toggle(view: &mut ViewState) -> Vec<Wish> {
    view.focus = if view.focus == Pane::Cycles { Pane::Tests } else { Pane::Cycles };
    Vec::new()
}
