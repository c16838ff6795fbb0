//! Where everything is: computed before drawing, so that drawing, mouse and paging agree.

use ratatui::layout::{Position, Rect};

use super::view::{Cursor, Page, Pane, Scroll, ViewState};
use crate::domain::{State, TestId};

/// The modules and their tests in order, also those that are scrolled away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Board {
    /// The row under the cursor.
    pub cursor: Option<Cursor>,
    /// The first line that is shown.
    pub top: u32,
    /// How many rows the cursor can stand on.
    pub rows: usize,
    list: Vec<Cursor>,
}

impl Board {
    /// The row in that place, counted from 0.
    #[must_use]
    pub fn row(&self, row: usize) -> Option<Cursor> {
        self.list.get(row).copied()
    }

    /// The place of a row, where it is on the board.
    #[must_use]
    pub fn place(&self, cursor: Cursor) -> Option<usize> {
        self.list.iter().position(|row| *row == cursor)
    }

    /// The row so many rows further down (or up) from the cursor.
    #[must_use]
    pub fn step(&self, by: i64) -> Option<Cursor> {
        let place = self.cursor.and_then(|cursor| self.place(cursor)).unwrap_or(0);
        let by = isize::try_from(by).unwrap_or(0);
        self.row(place.saturating_add_signed(by).min(self.rows.saturating_sub(1)))
    }
}

/// The part of a list or text that is shown, in the units of [`Scroll::At`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// The first row that is still held.
    pub first: u64,
    /// The first row that is shown.
    pub top: u64,
    /// How many rows fit.
    pub shown: u64,
    /// One past the last row.
    pub end: u64,
}

impl Window {
    /// The scroll after moving by so many rows: follows again once the end is reached.
    #[must_use]
    pub fn moved(&self, by: i64) -> Scroll {
        let last = self.end.saturating_sub(self.shown).max(self.first);
        let top = self.top.saturating_add_signed(by).max(self.first);
        if top >= last { Scroll::Follow } else { Scroll::At(top) }
    }
}

/// Where everything is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Regions {
    /// The whole screen.
    pub area: Rect,
    /// The board, or the opened test; empty where another pane is shown.
    pub board: Rect,
    /// The modules and their tests in order, also those that are scrolled away.
    pub rows: Board,
    /// Which lines of the opened test hold the words that are searched.
    pub detail_matches: Vec<u16>,
    /// What of the opened test is shown.
    pub detail: Window,
}

impl Regions {
    /// Everything anew.
    #[must_use]
    pub fn compute(size: Rect, state: &State, view: &ViewState) -> Self {
        let mut regions = Self::default();
        regions.refresh(size, state, view);
        regions
    }

    /// The same, keeping what has not changed: the way to go from frame to frame.
    pub fn refresh(&mut self, size: Rect, state: &State, view: &ViewState) {
        let board = Rect { height: size.height.saturating_sub(1), ..size };
        *self = Self { area: size, board, ..Self::default() };
        self.lay_board(state, view);
    }

    fn lay_board(&mut self, state: &State, view: &ViewState) {
        for (id, module) in state.inventory.modules() {
            let matches = |id: &TestId| state.inventory.test(*id).is_some_and(|test| view.filter.admits(&test.node));
            let failed = |id: &TestId| {
                state.inventory.test(*id).and_then(|test| test.outcome()).is_some_and(|outcome| outcome.is_failure())
            };
            let tests: Vec<TestId> = module.tests.iter().copied().filter(matches).collect();
            if tests.is_empty() && !view.filter.is_empty() {
                continue;
            }
            self.rows.list.push(Cursor::Module(id));
            let all = view.opened.contains(&id) || !view.filter.is_empty();
            let shown = |id: &TestId| all || failed(id);
            if !view.closed.contains(&id) {
                self.rows.list.extend(tests.into_iter().filter(shown).map(Cursor::Test));
            }
        }
        self.rows.rows = self.rows.list.len();
        let first = self.rows.list.iter().find(|row| matches!(row, Cursor::Test(_))).or(self.rows.list.first());
        self.rows.cursor = view.cursor.filter(|cursor| self.rows.place(*cursor).is_some()).or(first.copied());
    }

    /// The pane at that place of the screen; on a tab, the pane that it stands for.
    #[must_use]
    pub fn pane_at(&self, x: u16, y: u16) -> Option<Pane> {
        self.board.contains(Position { x, y }).then_some(Pane::Tests)
    }

    /// The row of the board at that place of the screen.
    #[must_use]
    pub fn row_at(&self, x: u16, y: u16) -> Option<Cursor> {
        self.pane_at(x, y).and_then(|_| self.rows.row(usize::from(y)))
    }

    /// How many lines of a pane's content are shown at once, for paging; at least one.
    #[must_use]
    pub fn page(&self, _: Pane) -> u16 {
        self.board.height.max(1)
    }

    /// What the cursor shows on: the chosen row where it is there, else the module of the chosen test, else the most
    /// important row.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        self.rows.cursor
    }

    /// What of a pane is shown; of the tests pane, the opened test or the lines of the board.
    #[must_use]
    pub fn window(&self, _: Pane, _: Page) -> Window {
        self.detail
    }
}
