//! One person's look at the logs: what narrows them, where they are frozen, and the moves about in them.
//!
//! Lines are known by their numbers, so that what is looked at stays in its place while new lines come and old ones go.

mod revision;

use crossterm::event::{KeyCode, KeyEvent};

use super::text::Words;
use super::update::{About, Wish};
use super::view::Filter;
use super::view::{Pane, ViewState};
use crate::domain::{Level, Logged, ServiceId, State, Text, Tone};

pub(super) use revision::only_revision;
pub use revision::{RevisionLines, has_revision_log};

/// What of the logs a person looks at.
#[derive(Debug, Clone, Default)]
pub struct LogView {
    /// The least level that is shown; nothing: all.
    pub level: Option<Level>,
    /// The one service whose log is shown; nothing: all.
    pub service: Option<ServiceId>,
    /// The run, request or trace whose lines are shown; nothing: all.
    pub run: Option<Text>,
    /// The revision whose lines are shown; nothing: all.
    pub lines: Option<RevisionLines>,
    /// Words that are searched for.
    pub words: Filter,
    /// Whether lines without those words are shown too.
    pub around: bool,
    /// Whether the line under the cursor is shown whole.
    pub opened: bool,
    /// The lowest line shown; nothing: the newest, as it comes.
    bottom: Option<u64>,
    /// The line under the cursor; nothing: the lowest.
    cursor: Option<u64>,
}

impl LogView {
    /// Whether a line is shown.
    #[must_use]
    pub fn admits(&self, logged: &Logged) -> bool {
        self.level.is_none_or(|level| logged.line.level >= level)
            && self.run.as_ref().is_none_or(|run| is_of(logged, run))
            && self.lines.as_ref().is_none_or(|lines| lines.admits(logged))
            && (self.around || self.words.is_empty() || self.is_match(logged))
    }

    /// Whether a line holds the words that are searched for.
    #[must_use]
    pub fn is_match(&self, logged: &Logged) -> bool {
        let line = logged.line.whole.as_ref().unwrap_or(&logged.line.text);
        !self.words.is_empty() && Words::new(self.words.input.value()).match_all(line)
    }

    /// Whether anything is left out on purpose.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        self.level.is_some()
            || self.service.is_some()
            || self.run.is_some()
            || self.lines.is_some()
            || !self.words.is_empty()
    }

    /// Whether what is shown stays although new lines come.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.bottom.is_some()
    }

    fn follow(&mut self) {
        (self.bottom, self.cursor) = (None, None);
    }

    /// Steps back: closes the line, follows the newest, shows everything; answers whether there was anything to do.
    pub(super) fn back(&mut self) -> bool {
        if self.opened {
            self.opened = false;
        } else if self.is_frozen() {
            self.follow();
        } else if self.is_narrowed() {
            *self = Self::default();
        } else {
            return false;
        }
        true
    }
}

fn is_of(logged: &Logged, run: &str) -> bool {
    let line = &logged.line;
    line.run.as_deref() == Some(run) || line.whole.as_ref().unwrap_or(&line.text).contains(run)
}

/// The lines that are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogRows {
    /// Their numbers, from top to bottom.
    pub rows: Vec<u64>,
    /// Which of them is under the cursor.
    pub cursor: usize,
    /// How many lines came since, of which some may not be shown.
    pub newer: u64,
}

impl LogRows {
    /// The lines that fit into so many rows.
    #[must_use]
    pub fn new(state: &State, view: &LogView, height: u16) -> Self {
        let (logs, height) = (&state.logs, usize::from(height));
        let end = view.bottom.map_or(logs.end(), |bottom| bottom + 1);
        let before = logs.back_from(view.service, end).filter(|logged| view.admits(logged));
        let mut rows: Vec<u64> = before.take(height).map(|logged| logged.number).collect();
        rows.reverse();
        // Where the oldest lines are gone by now, newer ones take their room.
        let after = logs.on_from(view.service, end).filter(|logged| view.admits(logged));
        rows.extend(after.take(height - rows.len()).map(|logged| logged.number));
        let last = rows.len().saturating_sub(1);
        let cursor = view.cursor.and_then(|cursor| rows.iter().position(|number| *number >= cursor)).unwrap_or(last);
        let newer = rows.last().map_or(0, |last| logs.end().saturating_sub(last + 1));
        Self { rows, cursor, newer: if view.is_frozen() { newer } else { 0 } }
    }

    /// The line under the cursor.
    #[must_use]
    pub fn chosen(&self) -> Option<u64> {
        self.rows.get(self.cursor).copied()
    }
}

/// So many lines up or down.
pub(super) fn step(view: &mut ViewState, about: &About, by: i64) {
    let (logs, shown) = (&about.state.logs, &about.regions.log_rows);
    let (Some(first), Some(last)) = (shown.rows.first().copied(), shown.rows.last().copied()) else { return };
    let looks = &mut view.logs;
    let place = shown.cursor as i64 + by;
    let far = |lines: i64| usize::try_from(lines).unwrap_or(usize::MAX);
    let (cursor, bottom) = if place < 0 {
        let earlier = logs.back_from(looks.service, first).filter(|logged| looks.admits(logged)).take(far(-place));
        let top = earlier.last().map_or(first, |logged| logged.number);
        let page = logs.on_from(looks.service, top).filter(|logged| looks.admits(logged)).take(shown.rows.len());
        (top, page.last().map_or(last, |logged| logged.number))
    } else if let Some(number) = shown.rows.get(far(place)) {
        (*number, last)
    } else {
        let beyond = far(place - shown.rows.len() as i64 + 1);
        let later = logs.on_from(looks.service, last + 1).filter(|logged| looks.admits(logged)).take(beyond);
        let number = later.last().map_or(last, |logged| logged.number);
        (number, number)
    };
    (looks.cursor, looks.bottom) = (Some(cursor), Some(bottom));
    let is_newest = logs.on_from(looks.service, cursor + 1).all(|logged| !looks.admits(logged));
    if by > 0 && is_newest {
        looks.follow();
    }
}

/// Shows the line under the cursor whole, which then stays in its place; or no longer.
pub(super) fn open(view: &mut ViewState, about: &About) {
    view.logs.opened = !view.logs.opened;
    if let Some(chosen) = about.regions.log_rows.chosen().filter(|_| view.logs.opened) {
        (view.logs.cursor, view.logs.bottom) = (Some(chosen), Some(chosen));
    }
}

/// To the next line that holds the words that are searched for, or to the one before.
pub(super) fn find(view: &mut ViewState, about: &About, forward: bool) -> Vec<Wish> {
    let looks = &mut view.logs;
    if looks.words.is_empty() {
        view.note(Tone::Warning, "nothing is searched for: / begins a search", about.now);
        return Vec::new();
    }
    let logs = &about.state.logs;
    let Some(from) = about.regions.log_rows.chosen() else { return Vec::new() };
    let is_it = |logged: &&Logged| looks.admits(logged) && looks.is_match(logged);
    let found = match forward {
        true => logs.on_from(looks.service, from + 1).find(is_it),
        false => logs.back_from(looks.service, from).find(is_it),
    };
    match found.map(|logged| logged.number) {
        Some(number) => {
            let bottom = about.regions.log_rows.rows.last().copied().filter(|last| {
                *last >= number && about.regions.log_rows.rows.first().is_some_and(|first| *first <= number)
            });
            (looks.cursor, looks.bottom) = (Some(number), Some(bottom.unwrap_or(number)));
        }
        None => view.note(Tone::Plain, "no further line holds the words", about.now),
    }
    Vec::new()
}

/// Shows lines from the next level on; after errors alone, all again.
pub(super) fn next_level(view: &mut ViewState) -> Vec<Wish> {
    view.logs.level = match view.logs.level {
        None | Some(Level::Debug) => Some(Level::Info),
        Some(Level::Info) => Some(Level::Warning),
        Some(Level::Warning) => Some(Level::Error),
        Some(Level::Error) => None,
    };
    Vec::new()
}

/// Shows one service's log after the other, then all.
pub(super) fn next_service(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let mut services = about.state.logs.iter().map(|(id, _)| id);
    view.logs.service = services.find(|id| view.logs.service.is_none_or(|shown| *id > shown));
    view.logs.follow();
    Vec::new()
}

/// Shows the lines of the run that the line under the cursor belongs to, or all again.
pub(super) fn only_run(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let chosen = about.regions.log_rows.chosen().and_then(|number| about.state.logs.get(number));
    match (view.logs.run.take(), chosen.and_then(|logged| logged.line.run.clone())) {
        (Some(_), _) => {}
        (None, Some(run)) => view.logs.run = Some(run),
        (None, None) => view.note(Tone::Warning, "this line names no run, request or trace", about.now),
    }
    Vec::new()
}

/// Shows lines without the words that are searched for too, or no longer.
pub(super) fn toggle_around(view: &mut ViewState, about: &About) -> Vec<Wish> {
    view.logs.around = !view.logs.around;
    let text =
        if view.logs.around { "all lines are shown, n goes to the next match" } else { "only matches are shown" };
    view.note(Tone::Plain, text, about.now);
    Vec::new()
}

/// A key while words are typed.
pub(super) fn type_words(
    view: &mut ViewState,
    key: KeyEvent,
    edit: impl FnOnce(&mut tui_input::Input, KeyEvent) -> bool,
) {
    let words = &mut view.logs.words;
    match key.code {
        KeyCode::Enter => words.editing = false,
        KeyCode::Esc => *words = Filter::default(),
        KeyCode::Backspace if words.input.value().is_empty() => words.editing = false,
        _ => {
            edit(&mut words.input, key);
        }
    }
}

/// Whether words for the logs are typed now.
#[must_use]
pub fn is_typing(view: &ViewState) -> bool {
    view.focus == Pane::Logs && view.logs.words.editing
}
