//! Moving about: the cursor of the board, scrolled lists and texts, failures.

use super::cycles;
use super::failures;
use super::logs;
use super::reading;
use super::regions::chosen_test;
use super::spans;
use super::update::{About, Wish};
use super::view::{Cursor, Front, Overlay, Page, Pane, Scroll, ViewState};
use crate::domain::{CauseId, ModuleId, TestId, Tone};

/// One row up or down.
pub(super) fn step(view: &mut ViewState, about: &About, by: i64) -> Vec<Wish> {
    if view.overlay.is_none() && spans::is_shown(view) {
        spans::step(view, about, by);
        return Vec::new();
    }
    match &mut view.overlay {
        Some(Overlay::Help { scroll }) => *scroll = scroll.saturating_add_signed(by as i16),
        Some(Overlay::Choice(choice)) => choice.chosen = around(choice.chosen, by, choice.rows.len()),
        Some(Overlay::Note(draft)) => draft.step(by),
        Some(Overlay::Compose(compose)) => compose.step(by),
        Some(Overlay::Palette { .. } | Overlay::Confirm(_) | Overlay::Mute(_)) => {}
        None if view.focus == Pane::Tests && view.page == Page::Board => move_cursor(view, about, by),
        None if view.focus == Pane::Causes => move_cause(view, about, by),
        None if view.focus == Pane::Logs => logs::step(view, about, by),
        None if view.focus == Pane::Cycles => cycles::step(view, about, by),
        None if view.focus == Pane::News => scroll(view, about, -by),
        None => scroll(view, about, by),
    }
    Vec::new()
}

/// A page up or down.
pub(super) fn page(view: &mut ViewState, about: &About, direction: i64) -> Vec<Wish> {
    // A line stays, so that the eye finds its place again.
    let lines = i64::from(about.regions.page(view.focus).saturating_sub(1).max(1));
    match view.overlay {
        Some(Overlay::Help { .. }) => step(view, about, direction * 10),
        Some(_) => step(view, about, direction),
        None => step(view, about, direction * lines),
    }
}

/// To the beginning, or to the end.
pub(super) fn edge(view: &mut ViewState, about: &About, end: bool) -> Vec<Wish> {
    const FAR: i64 = 1 << 40;
    if view.overlay.is_none() && spans::is_shown(view) {
        spans::edge(view, about, end);
        return Vec::new();
    }
    match &mut view.overlay {
        Some(Overlay::Help { scroll }) => *scroll = if end { u16::MAX } else { 0 },
        Some(Overlay::Choice(choice)) => choice.chosen = if end { choice.rows.len().saturating_sub(1) } else { 0 },
        Some(
            Overlay::Palette { .. } | Overlay::Confirm(_) | Overlay::Note(_) | Overlay::Mute(_) | Overlay::Compose(_),
        ) => {}
        None if view.focus == Pane::Tests && view.page == Page::Board => {
            let rows = &about.regions.rows;
            put_cursor(view, about, rows.row(if end { rows.rows.saturating_sub(1) } else { 0 }));
        }
        None if view.focus == Pane::Causes => move_cause(view, about, if end { FAR } else { -FAR }),
        None if view.focus == Pane::Logs => logs::step(view, about, if end { FAR } else { -FAR }),
        None if view.focus == Pane::Cycles => cycles::step(view, about, if end { FAR } else { -FAR }),
        // The newest news come first.
        None if view.focus == Pane::News => scroll(view, about, if end { -FAR } else { FAR }),
        None => scroll(view, about, if end { FAR } else { -FAR }),
    }
    Vec::new()
}

/// What is under the wheel moves; the board moves with its cursor, which never leaves the screen.
pub(super) fn wheel(view: &mut ViewState, about: &About, pane: Pane, by: i64) {
    match (pane, view.page) {
        (Pane::Tests, Page::Board) => move_cursor(view, about, by),
        (Pane::Agents, _) if spans::is_shown(view) => spans::step(view, about, by),
        (Pane::Tests, Page::Detail(_) | Page::Cause(_)) | (Pane::Agents | Pane::Deploys, _) => {
            scroll_pane(view, about, pane, by);
        }
        (Pane::Causes, _) => move_cause(view, about, by),
        (Pane::Logs, _) => logs::step(view, about, by),
        (Pane::Cycles, _) => cycles::step(view, about, by),
        (Pane::News, _) => scroll_pane(view, about, pane, -by),
    }
}

/// Moves around a short list.
pub(super) fn around(place: usize, by: i64, count: usize) -> usize {
    let count = count.max(1) as i64;
    (place as i64 + by).rem_euclid(count) as usize
}

fn scroll(view: &mut ViewState, about: &About, by: i64) {
    scroll_pane(view, about, view.focus, by);
}

fn scroll_pane(view: &mut ViewState, about: &About, pane: Pane, by: i64) {
    if let (Pane::Tests, Page::Cause(id)) = (pane, view.page) {
        return move_cause_test(view, about, id, by);
    }
    let window = about.regions.window(pane, view.page);
    let slot = match pane {
        Pane::Causes | Pane::Logs | Pane::Cycles => return,
        Pane::Tests => {
            let last = window.end.saturating_sub(window.shown);
            let scrolled = u64::from(view.detail_scroll).min(last).saturating_add_signed(by).min(last);
            view.detail_scroll = u32::try_from(scrolled).unwrap_or(u32::MAX);
            return;
        }
        Pane::Agents => &mut view.agents_scroll,
        Pane::Deploys if about.regions.front == Some(Front::Fix) => &mut view.fix_scroll,
        Pane::Deploys => &mut view.deploy_scroll,
        Pane::News => &mut view.news_scroll,
    };
    *slot = if window.end <= window.first + window.shown { Scroll::Follow } else { window.moved(by) };
}

fn move_cursor(view: &mut ViewState, about: &About, by: i64) {
    put_cursor(view, about, about.regions.rows.step(by));
}

fn move_cause(view: &mut ViewState, about: &About, by: i64) {
    view.cause = moved(about.regions.cause_rows.iter().copied(), about.regions.cause, by);
}

fn move_cause_test(view: &mut ViewState, about: &About, id: CauseId, by: i64) {
    let chosen = chosen_test(about.state, view, id);
    let Some(cause) = about.state.causes.get(id) else { return };
    view.cause_test = moved(cause.members(), chosen, by);
}

/// The row so many rows further down (or up) in a list, at most its first or last.
fn moved<T: Copy + PartialEq>(rows: impl Iterator<Item = T>, from: Option<T>, by: i64) -> Option<T> {
    let rows: Vec<T> = rows.collect();
    let place = rows.iter().position(|row| Some(*row) == from).unwrap_or(0) as i64;
    let last = rows.len().saturating_sub(1) as i64;
    rows.get(place.saturating_add(by).clamp(0, last) as usize).copied()
}

/// The board follows its cursor; it begins to do so from what is shown now.
fn put_cursor(view: &mut ViewState, about: &About, row: Option<Cursor>) {
    if row.is_some() {
        view.cursor = row;
        view.board_scroll = about.regions.rows.top;
    }
}

/// Opens what is under the cursor, or chooses a row.
pub(super) fn open(view: &mut ViewState, about: &About) -> Vec<Wish> {
    if let Some(Overlay::Choice(choice)) = view.overlay.take() {
        return match choice.rows.into_iter().nth(choice.chosen) {
            Some((_, chosen)) => super::acting::choose(view, chosen, about),
            None => Vec::new(),
        };
    }
    match (view.focus, view.page) {
        (Pane::Causes, _) => open_cause(view, about.regions.cause),
        (Pane::Tests, Page::Cause(id)) => {
            if let Some(test) = chosen_test(about.state, view, id) {
                open_test(view, test);
                view.came_from = Some(id);
            }
        }
        (Pane::Tests, Page::Detail(_)) => return reading::open(view, about),
        (Pane::Tests, Page::Board) => open_row(view, about),
        (Pane::Agents, _) if view.spans.open => spans::open(view, about),
        (Pane::Agents, _) => spans::show(view, about),
        (Pane::Logs, _) => logs::open(view, about),
        (Pane::Cycles, _) => cycles::open(view, about.regions),
        (Pane::Deploys, _) => turn(view, about),
        (Pane::News, _) => {}
    }
    Vec::new()
}

/// Brings the other one of the fix hook and the deploy to the front.
fn turn(view: &mut ViewState, about: &About) {
    let (Some((fix, _)), Some(front)) = (about.state.fix_to_show(), about.regions.front) else { return };
    let other = match front {
        Front::Fix => Front::Deploy,
        Front::Deploy => Front::Fix,
    };
    view.front = Some((fix, other));
}

fn open_row(view: &mut ViewState, about: &About) {
    match about.regions.cursor() {
        Some(Cursor::Test(id)) => open_test(view, id),
        Some(Cursor::Module(id)) if is_open(about, id) => shut(view, id),
        Some(Cursor::Module(id)) => unfold(view, id),
        None => {}
    }
}

fn open_cause(view: &mut ViewState, id: Option<CauseId>) {
    let Some(id) = id else { return };
    (view.cause, view.cause_test) = (Some(id), None);
    (view.focus, view.page) = (Pane::Tests, Page::Cause(id));
}

/// Opens a test over the board.
pub(super) fn open_test(view: &mut ViewState, id: TestId) {
    view.came_from = None;
    view.focus = Pane::Tests;
    view.cursor = Some(Cursor::Test(id));
    view.page = Page::Detail(id);
    view.detail_scroll = 0;
    view.reading = view.reading.of_another();
}

/// Whether tests of the module are listed below it.
fn is_open(about: &About, module: ModuleId) -> bool {
    let rows = &about.regions.rows;
    let next = rows.place(Cursor::Module(module)).and_then(|place| rows.row(place + 1));
    matches!(next, Some(Cursor::Test(_)))
}

fn unfold(view: &mut ViewState, module: ModuleId) {
    view.closed.remove(&module);
    view.opened.insert(module);
}

fn shut(view: &mut ViewState, module: ModuleId) {
    view.opened.remove(&module);
    view.closed.insert(module);
}

/// Shows the tests of a module; on an open one, steps inside.
pub(super) fn expand(view: &mut ViewState, about: &About) -> Vec<Wish> {
    if spans::is_shown(view) {
        spans::expand(view, about, true);
        return Vec::new();
    }
    match about.regions.cursor() {
        Some(Cursor::Module(id)) if view.opened.contains(&id) => move_cursor(view, about, 1),
        Some(Cursor::Module(id)) => {
            view.cursor = Some(Cursor::Module(id));
            unfold(view, id);
        }
        Some(Cursor::Test(id)) => open_test(view, id),
        None => {}
    }
    Vec::new()
}

/// Hides the tests of a module; on a test, of its module.
pub(super) fn collapse(view: &mut ViewState, about: &About) -> Vec<Wish> {
    if spans::is_shown(view) {
        spans::expand(view, about, false);
        return Vec::new();
    }
    let module = match about.regions.cursor() {
        Some(Cursor::Module(id)) => Some(id),
        Some(Cursor::Test(id)) => about.state.inventory.test(id).map(|test| test.module),
        None => None,
    };
    if let Some(id) = module {
        shut(view, id);
        put_cursor(view, about, Some(Cursor::Module(id)));
    }
    Vec::new()
}

/// The next or previous failure, in the order of the board; an opened test gives way to it.
pub(super) fn failure(view: &mut ViewState, about: &About, by: i64) -> Vec<Wish> {
    if let Page::Cause(id) = view.page {
        view.focus = Pane::Tests;
        move_cause_test(view, about, id, by);
        return Vec::new();
    }
    let failures = failures::in_order(about.state, &about.regions.rows, view);
    let Some(id) = failures::beside(&failures, view.subject(about), by) else {
        view.note(Tone::Good, "no test failed", about.now);
        return Vec::new();
    };
    view.focus = Pane::Tests;
    if let Some(test) = about.state.inventory.test(id) {
        unfold(view, test.module);
    }
    match view.page {
        Page::Detail(_) => {
            let came_from = view.came_from;
            open_test(view, id);
            view.came_from = came_from;
        }
        Page::Board | Page::Cause(_) => {
            put_cursor(view, about, Some(Cursor::Test(id)));
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_list_goes_round() {
        assert_eq!((around(0, -1, 3), around(2, 1, 3), around(1, 1, 3)), (2, 0, 2));
        assert_eq!(around(0, 5, 0), 0);
    }
}
