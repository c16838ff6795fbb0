//! Where everything is: computed before drawing, so that drawing, mouse and paging agree.

use ratatui::layout::{Position, Rect};

use super::view::{Cursor, Page, Pane, Scroll, ViewState};
use crate::domain::State;

/// A row of the board that the cursor can stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoardRow {
    /// What it shows.
    pub cursor: Cursor,
    /// Its first line, counted from the top of the whole board, scrolled or not.
    pub top: u32,
    /// How many lines it takes.
    pub height: u32,
    /// Where it is on the screen; empty where it is scrolled away.
    pub area: Rect,
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
    /// Every pane that is on the screen, and its tab where there are tabs.
    pub panes: Vec<(Pane, Rect)>,
    /// The part of the screen in which the board, or the opened test, is scrolled.
    pub board: Rect,
    /// Every row of the board in order, also those that are scrolled away. The most important one is
    /// [`important`](Self::important).
    pub board_rows: Vec<BoardRow>,
    /// The row on which the cursor shows while nothing was chosen.
    pub important: Option<Cursor>,
    /// What of the opened test is shown.
    pub detail: Window,
    /// Which of its lines hold the words that are searched.
    pub detail_matches: Vec<u16>,
}

impl Regions {
    /// Lays out a screen of that size.
    #[must_use]
    pub fn compute(size: Rect, state: &State, view: &ViewState) -> Self {
        let board = Rect { height: size.height.saturating_sub(1), ..size };
        let mut regions = Self { area: size, board, panes: vec![(view.focus, board)], ..Self::default() };
        if view.page == Page::Board {
            regions.lay_board(state, view);
        }
        regions
    }

    fn lay_board(&mut self, state: &State, view: &ViewState) {
        for (id, module) in state.inventory.modules() {
            let tests: Vec<_> = module
                .tests
                .iter()
                .filter(|id| {
                    let Some(test) = state.inventory.test(**id) else { return false };
                    !test.gone && view.filter.admits(&test.node)
                })
                .collect();
            if tests.is_empty() && !view.filter.is_empty() {
                continue;
            }
            self.push(Cursor::Module(id), view);
            let open = view.opened.contains(&id) || (module.tally.failures() > 0 && !view.closed.contains(&id));
            for id in tests.into_iter().filter(|_| open) {
                self.push(Cursor::Test(*id), view);
            }
        }
        let failed = |row: &&BoardRow| match row.cursor {
            Cursor::Test(id) => {
                state.inventory.test(id).and_then(|test| test.outcome()).is_some_and(|outcome| outcome.is_failure())
            }
            Cursor::Module(_) => false,
        };
        let first = self.board_rows.iter().find(failed).or(self.board_rows.first());
        self.important = first.map(|row| row.cursor);
    }

    fn push(&mut self, cursor: Cursor, view: &ViewState) {
        let top = self.board_rows.len() as u32;
        let shown = top >= view.board_scroll && top - view.board_scroll < u32::from(self.board.height);
        let area = if shown {
            Rect { y: self.board.y + (top - view.board_scroll) as u16, height: 1, ..self.board }
        } else {
            Rect::default()
        };
        self.board_rows.push(BoardRow { cursor, top, height: 1, area });
    }

    /// The pane at a place of the screen, or the one whose tab is there.
    #[must_use]
    pub fn pane_at(&self, x: u16, y: u16) -> Option<Pane> {
        self.panes.iter().find(|(_, area)| area.contains(Position { x, y })).map(|(pane, _)| *pane)
    }

    /// What a row of the board at a place of the screen shows.
    #[must_use]
    pub fn row_at(&self, x: u16, y: u16) -> Option<Cursor> {
        self.board_rows.iter().find(|row| row.area.contains(Position { x, y })).map(|row| row.cursor)
    }

    /// What of a pane is shown; of the tests pane, the opened test or the lines of the board.
    #[must_use]
    pub fn window(&self, pane: Pane, page: Page) -> Window {
        match (pane, page) {
            (Pane::Tests, Page::Detail(_)) => self.detail,
            (Pane::Tests, Page::Board) => {
                let end = self.board_rows.last().map_or(0, |row| u64::from(row.top + row.height));
                Window { first: 0, top: 0, shown: u64::from(self.board.height), end }
            }
            (Pane::Agents | Pane::Deploys | Pane::News, _) => Window { shown: 1, ..Window::default() },
        }
    }

    /// What the cursor shows on: the chosen row where it is there, else the module of the chosen test, else the most
    /// important row.
    #[must_use]
    pub fn cursor(&self, state: &State, view: &ViewState) -> Option<Cursor> {
        let there = |cursor: &Cursor| self.board_rows.iter().any(|row| row.cursor == *cursor);
        let module = |cursor: Cursor| match cursor {
            Cursor::Test(id) => state.inventory.test(id).map(|test| Cursor::Module(test.module)),
            Cursor::Module(_) => None,
        };
        view.cursor.filter(there).or_else(|| view.cursor.and_then(module).filter(there)).or(self.important)
    }
}
