//! The timeline of agent runs: which rows stand in it, what narrows it, where it is frozen, and the moves about in it.
//!
//! Rows are known by their runs and events, so that what is looked at stays in its place while new ones come.

pub mod frame;
mod query;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent};
pub(crate) use rows::SEARCHED;
pub use rows::{SpanKey, SpanRow, SpanRows};

use super::update::{About, Wish};
use super::view::{Filter, Pane, Scroll, ViewState};
use crate::domain::{AgentRunId, Moment, Span, State, Tone};
use frame::FrameView;

/// What of the timeline a person looks at.
#[derive(Debug, Clone, Default)]
pub struct SpanView {
    /// Whether it takes the place of the agents pane while that has the focus.
    pub open: bool,
    /// Words that narrow it.
    pub words: Filter,
    /// The runs whose parts are shown, or not; nothing: those of the newest are.
    pub unfolded: BTreeMap<AgentRunId, bool>,
    /// The events that time is measured between, two at most.
    pub marks: Vec<u64>,
    /// From where on bars are drawn.
    pub axis: Axis,
    /// Whether the frames of the row under the cursor are shown.
    pub opened: bool,
    /// What of them is looked at.
    pub frame: FrameView,
    cursor: Option<SpanKey>,
    bottom: Option<SpanKey>,
    /// The newest run when the view was frozen: it stays open although newer ones come.
    newest: Option<AgentRunId>,
}

/// From where on the bars of runs are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Axis {
    /// Each from its run's own beginning, so that lengths compare.
    #[default]
    OwnBeginning,
    /// All along one clock, so that one sees what ran at the same time.
    OneClock,
}

impl SpanView {
    /// Whether what is shown stays although new events come.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.cursor.is_some()
    }

    fn follow(&mut self) {
        (self.cursor, self.bottom, self.newest) = (None, None, None);
    }

    fn freeze(&mut self, about: &About, cursor: Option<SpanKey>) {
        let rows = &about.regions.span_rows;
        if self.newest.is_none() {
            self.newest = about.state.agents.runs().next_back().map(|(id, _)| id);
        }
        self.cursor = cursor.or_else(|| rows.chosen().map(SpanRow::key));
        self.bottom = rows.visible().last().map(SpanRow::key);
    }
}

/// Whether the timeline is what this person looks at.
#[must_use]
pub fn is_shown(view: &ViewState) -> bool {
    view.focus == Pane::Agents && view.spans.open
}

/// Whether words for the timeline are typed now.
#[must_use]
pub fn is_typing(view: &ViewState) -> bool {
    is_shown(view) && (view.spans.words.editing || view.spans.frame.words.editing)
}

/// The words that are typed now.
pub(super) fn typed(view: &ViewState) -> &tui_input::Input {
    let spans = &view.spans;
    if spans.frame.words.editing { &spans.frame.words.input } else { &spans.words.input }
}

/// The words that are typed now, to be changed.
pub(super) fn typed_mut(view: &mut ViewState) -> &mut tui_input::Input {
    let spans = &mut view.spans;
    if spans.frame.words.editing { &mut spans.frame.words.input } else { &mut spans.words.input }
}

/// Opens it from the agents pane, at the run that is looked at there.
pub(super) fn show(view: &mut ViewState, about: &About) {
    view.spans.open = true;
    view.spans.follow();
    if let Some(run) = view.agent_run {
        view.spans.unfolded.insert(run, true);
        view.spans.newest = about.state.agents.runs().next_back().map(|(id, _)| id);
        (view.spans.cursor, view.spans.bottom) = (Some(SpanKey::Run(run)), None);
    }
}

/// One step back, the nearest first: frame, frozen list, marks, words, the timeline itself.
pub(super) fn back(view: &mut ViewState, about: &About) {
    let spans = &mut view.spans;
    if spans.frame.reading {
        (spans.frame.reading, spans.frame.words) = (false, Filter::default());
    } else if spans.opened {
        spans.opened = false;
    } else if spans.is_frozen() && !spans.words.is_empty() {
        spans.follow();
    } else if !spans.words.is_empty() {
        spans.words = Filter::default();
    } else if !spans.marks.is_empty() {
        spans.marks.clear();
    } else {
        // The pane goes on with the run that was looked at here.
        let rows = &about.regions.span_rows;
        let run = rows.chosen().filter(|_| spans.is_frozen()).and_then(|row| row.run(&about.state.agents));
        let newest = about.state.agents.runs().next_back().map(|(id, _)| id);
        view.agent_run = run.filter(|run| Some(*run) != newest);
        view.agents_scroll = Scroll::Follow;
        view.spans.open = false;
    }
}

/// So many rows up or down; while a frame is read, so many of its lines.
pub(super) fn step(view: &mut ViewState, about: &About, by: i64) {
    let rows = &about.regions.span_rows;
    if view.spans.opened && view.spans.frame.reading {
        let Some(row) = rows.chosen() else { return };
        view.spans.frame.settle(Some(row), &about.state.agents);
        let frame = &mut view.spans.frame;
        let count = frame::lines(&about.state.agents, row, frame, rows.frame_width).len();
        frame.cursor = frame.cursor.saturating_add_signed(isize::try_from(by).unwrap_or(isize::MAX));
        frame.cursor = frame.cursor.min(count.saturating_sub(1));
        return;
    }
    let Some(last) = rows.all.len().checked_sub(1) else { return };
    let place = (rows.cursor as i64).saturating_add(by).clamp(0, last as i64) as usize;
    let key = rows.all.get(place).map(SpanRow::key);
    view.spans.freeze(about, key);
    if place >= rows.top + rows.shown {
        view.spans.bottom = key;
    }
    if by > 0 && place == last && !view.spans.opened {
        view.spans.follow();
    }
    let row = rows.all.get(place).cloned();
    view.spans.frame.settle(row.as_ref(), &about.state.agents);
}

/// To the oldest row, or to the newest, which is then followed.
pub(super) fn edge(view: &mut ViewState, about: &About, end: bool) {
    step(view, about, if end { i64::from(u32::MAX) } else { -i64::from(u32::MAX) });
    if end && !view.spans.frame.reading {
        view.spans.follow();
    }
}

/// Shows the parts of a run, or the frames of anything else; on open frames, goes into them, and folds there.
pub(super) fn open(view: &mut ViewState, about: &About) {
    let rows = &about.regions.span_rows;
    let Some(row) = rows.chosen() else { return };
    let spans = &mut view.spans;
    match row {
        SpanRow::Run(id) if !spans.opened => unfold(view, about, *id, None),
        _ if !spans.opened => {
            spans.freeze(about, None);
            spans.opened = true;
            spans.frame.settle(Some(row), &about.state.agents);
        }
        row if spans.frame.reading => {
            spans.frame.settle(Some(row), &about.state.agents);
            let lines = frame::lines(&about.state.agents, row, &spans.frame, rows.frame_width);
            spans.frame.toggle(&lines);
        }
        row => {
            spans.frame.settle(Some(row), &about.state.agents);
            spans.frame.reading = true;
        }
    }
}

/// Shows the parts of the run under the cursor, or hides them.
pub(super) fn expand(view: &mut ViewState, about: &About, wanted: bool) {
    let rows = &about.regions.span_rows;
    if let Some(id) = rows.chosen().and_then(|row| row.run(&about.state.agents)) {
        unfold(view, about, id, Some(wanted));
    }
}

fn unfold(view: &mut ViewState, about: &About, id: AgentRunId, wanted: Option<bool>) {
    let rows = &about.regions.span_rows;
    let is_open = rows.all.iter().any(|row| matches!(row, SpanRow::Part(of, _) if *of == id));
    view.spans.freeze(about, Some(SpanKey::Run(id)));
    view.spans.bottom = None;
    view.spans.unfolded.insert(id, wanted.unwrap_or(!is_open));
}

/// Folds everything in the frames that are shown, or nothing any more.
pub(super) fn fold_all(view: &mut ViewState, about: &About) {
    let rows = &about.regions.span_rows;
    if let Some(row) = rows.chosen().filter(|_| view.spans.opened) {
        view.spans.frame.settle(Some(row), &about.state.agents);
        let lines = frame::lines(&about.state.agents, row, &view.spans.frame, rows.frame_width);
        view.spans.frame.toggle_all(&lines);
    }
}

/// Begins to type words: for the frame that is read, else for the timeline.
pub(super) fn search(view: &mut ViewState) {
    let spans = &mut view.spans;
    let words = if spans.opened && spans.frame.reading { &mut spans.frame.words } else { &mut spans.words };
    words.editing = true;
}

/// To the next place in the frames that holds the words.
pub(super) fn find(view: &mut ViewState, about: &About, forward: bool) -> Vec<Wish> {
    let rows = &about.regions.span_rows;
    let spans = &mut view.spans;
    let found = rows
        .chosen()
        .filter(|_| spans.opened && !spans.frame.words.is_empty())
        .map(|row| spans.frame.find(&about.state.agents, row, rows.frame_width, forward));
    match found {
        Some(true) => spans.frame.reading = true,
        Some(false) => view.note(Tone::Plain, "no line of this frame holds the words", about.now),
        None => view.note(Tone::Warning, "nothing is searched for: / in an opened frame begins a search", about.now),
    }
    Vec::new()
}

/// A key while words are typed.
pub(super) fn type_words(
    view: &mut ViewState,
    key: KeyEvent,
    about: &About,
    edit: impl FnOnce(&mut tui_input::Input, KeyEvent) -> bool,
) {
    let in_frame = view.spans.frame.words.editing;
    let words = if in_frame { &mut view.spans.frame.words } else { &mut view.spans.words };
    match key.code {
        KeyCode::Enter => {
            words.editing = false;
            if in_frame {
                find(view, about, true);
            }
        }
        KeyCode::Esc => *words = Filter::default(),
        KeyCode::Backspace if words.input.value().is_empty() => words.editing = false,
        _ => {
            edit(&mut words.input, key);
            if !in_frame {
                view.spans.opened = false;
                view.spans.follow();
            }
        }
    }
}

/// Lays the runs along one clock, or each from its own beginning again.
pub(super) fn turn_axis(view: &mut ViewState) {
    view.spans.axis = match view.spans.axis {
        Axis::OwnBeginning => Axis::OneClock,
        Axis::OneClock => Axis::OwnBeginning,
    };
}

/// Marks the event under the cursor; between two, the time is measured. A third one begins anew.
pub(super) fn mark(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let rows = &about.regions.span_rows;
    let Some(event) = rows.chosen().and_then(|row| row.events(&about.state.agents).0) else {
        view.note(Tone::Warning, "nothing here to measure from", about.now);
        return Vec::new();
    };
    view.spans.freeze(about, None);
    let marks = &mut view.spans.marks;
    if let Some(place) = marks.iter().position(|mark| *mark == event) {
        marks.remove(place);
    } else {
        if marks.len() == 2 {
            marks.clear();
        }
        marks.push(event);
    }
    Vec::new()
}

/// When the marked events came, and how long is between them once there are two.
#[must_use]
pub fn measured(state: &State, view: &SpanView) -> Option<(Moment, Option<Span>)> {
    let mut times: Vec<Moment> =
        view.marks.iter().filter_map(|event| state.agents.events().nth(*event)).map(|seen| seen.at).collect();
    times.sort_unstable();
    let first = *times.first()?;
    Some((first, times.get(1).map(|second| second.since(first))))
}
