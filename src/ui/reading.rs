//! How a person reads an opened test: which parts are folded, where they stand, which match of a search they look at.
//! The place is kept while parts above it fold and unfold.

use std::collections::BTreeMap;

use super::panes::detail;
use super::regions::Regions;
use super::update::{About, Wish};
use super::view::{Page, Pane, Scroll, ViewState};
use crate::domain::{AgentRunId, TestId, Tone};

/// How many lines stay above a match or a part that is jumped to.
const ABOVE: u64 = 2;

/// A part of an opened test that can be folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What the tool says of the values that did not match.
    Assertion,
    /// The stacks that its run dumped.
    Stacks,
    /// What it printed while it ran.
    Output,
    /// What it left behind under a title, by its place.
    Captured(u16),
    /// What else happened.
    Timeline,
    /// The traceback as the tool rendered it.
    Trace,
    /// The users who ran a contract at once.
    Users,
    /// What came to one of them.
    Heard(u32),
}

/// Something in an opened test that a key acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The title of a part: it is folded or unfolded.
    Part(Part),
    /// The test's own agent run: it is looked at in the agents pane.
    Run(AgentRunId),
    /// A line of a contract that names an event: it is gone to.
    Event {
        /// Which of these lines.
        place: u16,
        /// Whose event it is, counted from 1.
        user: u32,
        /// Its number.
        event: u32,
    },
}

/// Where a stop is on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// The line.
    pub line: u64,
    /// What is there.
    pub stop: Stop,
    /// Whether what belongs to it is shown.
    pub open: bool,
}

/// A line that holds what is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The line; of a folded part, that of its title.
    pub line: u64,
    /// The folded part that hides it.
    pub hidden: Option<Part>,
}

/// What a page holds beside its lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holds {
    /// What a key acts on, from top to bottom.
    pub stops: Vec<Placed>,
    /// The lines that match what is searched, from top to bottom.
    pub matches: Vec<Found>,
    /// The events of a contract that are shown: whose, which, and the line.
    pub heard: Vec<((u32, u32), u64)>,
    /// What stands at the top, counted in lines that are not wrapped.
    pub at_top: u64,
    /// The line of what was sought, counted likewise.
    pub sought: Option<u64>,
}

/// How a person reads the opened test.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// Parts that they opened or folded by hand.
    pub folds: BTreeMap<Part, bool>,
    /// What they chose last, for as long as it is in sight.
    pub stop: Option<Stop>,
    /// Which event of a contract they went to, and whose it is.
    pub looked_at: Option<(u32, u32)>,
    /// Which of the matches they look at, by its place.
    pub found: Option<usize>,
    /// What the board was narrowed to when they began to search in a test.
    pub narrowed: Option<String>,
    /// What is sought while lines are wrapped anew.
    pub sought: Option<u64>,
}

impl Reading {
    /// The same search in another test, everything else anew.
    #[must_use]
    pub fn of_another(&mut self) -> Self {
        Self { narrowed: self.narrowed.take(), ..Self::default() }
    }
}

/// What is searched in the opened test; nothing where the words narrow the board.
#[must_use]
pub fn searched(view: &ViewState) -> &str {
    if view.reading.narrowed.is_some() { view.filter.input.value().trim() } else { "" }
}

/// Words are going to be typed: what they narrowed on the board waits until the search in the test is over.
pub(super) fn begin_search(view: &mut ViewState) {
    if let Page::Detail(_) = view.page
        && view.reading.narrowed.is_none()
    {
        let narrowed = std::mem::take(&mut view.filter.input);
        view.reading.narrowed = Some(narrowed.value().to_owned());
        view.reading.found = None;
    }
}

/// The search in a test is over; answers whether there was one.
pub(super) fn end_search(view: &mut ViewState) -> bool {
    let Some(narrowed) = view.reading.narrowed.take() else { return false };
    view.filter.input = narrowed.into();
    (view.filter.editing, view.reading.found) = (false, None);
    true
}

/// What a key acts on now: what was chosen, else the first thing in sight, else the part that the screen is inside of.
#[must_use]
pub fn current(regions: &Regions, view: &ViewState) -> Option<Placed> {
    let (top, end) = (regions.detail.top, regions.detail.top + regions.detail.shown);
    let stops = &regions.holds.stops;
    let in_sight = || stops.iter().filter(|placed| (top..end).contains(&placed.line));
    let chosen = in_sight().find(|placed| Some(placed.stop) == view.reading.stop);
    let inside = || stops.iter().rev().find(|placed| placed.line < top && matches!(placed.stop, Stop::Part(_)));
    chosen.or_else(|| in_sight().next()).or_else(inside).copied()
}

/// Goes to the next or previous part, or own agent run.
pub(super) fn step(view: &mut ViewState, about: &About, forward: bool) -> Vec<Wish> {
    let stops = &about.regions.holds.stops;
    let here = current(about.regions, view).map(|placed| placed.line);
    let next = match (here, view.reading.stop) {
        // What is first in sight has not been chosen yet: it is the next one.
        (Some(here), None) if forward && here >= about.regions.detail.top => {
            stops.iter().find(|placed| placed.line >= here)
        }
        (Some(here), _) if forward => stops.iter().find(|placed| placed.line > here).or(stops.first()),
        (Some(here), _) => stops.iter().rev().find(|placed| placed.line < here).or(stops.last()),
        (None, _) => stops.first(),
    };
    match next {
        Some(placed) => {
            view.reading.stop = Some(placed.stop);
            show(view, about.regions, placed.line);
        }
        None => view.note(Tone::Plain, "nothing here can be folded", about.now),
    }
    Vec::new()
}

/// Folds or unfolds the current part, or looks at the current agent run.
pub(super) fn open(view: &mut ViewState, about: &About) -> Vec<Wish> {
    match current(about.regions, view) {
        Some(Placed { stop: Stop::Part(part), open, .. }) => {
            view.reading.folds.insert(part, !open);
            keep_place(view, about);
            view.reading.stop = Some(Stop::Part(part));
        }
        Some(Placed { stop: Stop::Run(run), .. }) => {
            view.reading.stop = Some(Stop::Run(run));
            (view.focus, view.agent_run, view.agents_scroll) = (Pane::Agents, Some(run), Scroll::Follow);
        }
        Some(Placed { stop: stop @ Stop::Event { user, event, .. }, .. }) => {
            view.reading.stop = Some(stop);
            go_to_event(view, about, (user, event));
        }
        None => view.note(Tone::Plain, "nothing here can be folded", about.now),
    }
    Vec::new()
}

/// Shows an event of a contract; a folded part opens for it.
fn go_to_event(view: &mut ViewState, about: &About, key: (u32, u32)) {
    let Page::Detail(id) = view.page else { return };
    view.reading.folds.insert(Part::Heard(key.0), true);
    let (window, holds) = measure(view, about, id);
    match holds.heard.iter().find(|(heard, _)| *heard == key) {
        Some((_, line)) => {
            view.reading.looked_at = Some(key);
            scroll_to(view, window.end.saturating_sub(window.shown), *line);
        }
        None => view.note(Tone::Plain, format!("event {} of user {} is not kept", key.1, key.0), about.now),
    }
}

/// Folds everything that can be folded; unfolds everything where nothing is open.
pub(super) fn fold_all(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let parts = about.regions.holds.stops.iter().filter_map(|placed| match placed.stop {
        Stop::Part(part) => Some((part, placed.open)),
        Stop::Run(_) | Stop::Event { .. } => None,
    });
    let open = !parts.clone().any(|(_, open)| open);
    view.reading.folds.extend(parts.map(|(part, _)| (part, open)));
    keep_place(view, about);
    let text = if open { "all parts are unfolded" } else { "all parts are folded" };
    view.note(Tone::Plain, text, about.now);
    Vec::new()
}

/// The next or previous line that holds what is searched; a folded part opens for it.
pub(super) fn found(view: &mut ViewState, about: &About, forward: bool) -> Vec<Wish> {
    let matches = &about.regions.holds.matches;
    let Some(last) = matches.len().checked_sub(1) else {
        let text =
            if searched(view).is_empty() { "nothing is searched: / searches" } else { "nothing here holds that" };
        view.note(Tone::Plain, text, about.now);
        return Vec::new();
    };
    let (top, end) = (about.regions.detail.top, about.regions.detail.top + about.regions.detail.shown);
    let in_sight = |place: &usize| matches.get(*place).is_some_and(|found| (top..end).contains(&found.line));
    let next = match (view.reading.found.filter(in_sight), forward) {
        (Some(place), true) => (place < last).then_some(place + 1),
        (Some(place), false) => place.checked_sub(1),
        (None, true) => matches.iter().position(|found| found.line >= top),
        (None, false) => matches.iter().rposition(|found| found.line < end),
    };
    let place = next.unwrap_or_else(|| {
        let (text, place) = if forward { ("from the top again", 0) } else { ("from the end again", last) };
        // A single match is not news.
        if last > 0 || view.reading.found.is_none() {
            view.note(Tone::Plain, text, about.now);
        }
        place
    });
    view.reading.found = Some(place);
    let found = matches[place];
    match (found.hidden, view.page) {
        (Some(part), Page::Detail(id)) => {
            view.reading.folds.insert(part, true);
            let (window, holds) = measure(view, about, id);
            if let Some(found) = holds.matches.get(place) {
                scroll_to(view, window.end.saturating_sub(window.shown), found.line);
            }
        }
        _ => show(view, about.regions, found.line),
    }
    Vec::new()
}

/// Scrolls only as far as it takes to see a line.
fn show(view: &mut ViewState, regions: &Regions, line: u64) {
    let window = regions.detail;
    if !(window.top..window.top + window.shown).contains(&line) {
        scroll_to(view, window.end.saturating_sub(window.shown), line);
    }
}

fn scroll_to(view: &mut ViewState, last: u64, line: u64) {
    let top = line.saturating_sub(ABOVE).min(last);
    view.detail_scroll = u32::try_from(top).unwrap_or(u32::MAX);
}

/// Wraps long lines, or cuts them; what stood at the top stays there.
pub(super) fn wrap(view: &mut ViewState, about: &About) -> Vec<Wish> {
    if let Page::Detail(id) = view.page {
        let at_top = about.regions.holds.at_top;
        view.wrap = !view.wrap;
        view.reading.sought = Some(at_top);
        let (window, holds) = measure(view, about, id);
        view.reading.sought = None;
        let top = holds.sought.unwrap_or(0).min(window.end.saturating_sub(window.shown));
        view.detail_scroll = u32::try_from(top).unwrap_or(u32::MAX);
    }
    let text = if view.wrap { "long lines are wrapped" } else { "long lines are cut" };
    view.note(Tone::Plain, text, about.now);
    Vec::new()
}

/// After parts have folded, what stood under the eye stands there again.
fn keep_place(view: &mut ViewState, about: &About) {
    let (Page::Detail(id), Some(here)) = (view.page, current(about.regions, view)) else { return };
    let (window, holds) = measure(view, about, id);
    let Some(there) = holds.stops.iter().find(|placed| placed.stop == here.stop) else { return };
    let down = here.line.saturating_sub(about.regions.detail.top);
    let top = there.line.saturating_sub(down).min(window.end.saturating_sub(window.shown));
    view.detail_scroll = u32::try_from(top).unwrap_or(u32::MAX);
}

fn measure(view: &ViewState, about: &About, id: TestId) -> (super::regions::Window, Holds) {
    detail::window(about.regions.board, about.state, view, id, &about.regions.timeline)
}
