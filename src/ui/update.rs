//! The private fold: what an action makes of a person's view, and what it asks of others.
//!
//! Total: an action that makes no sense here changes nothing, or says why.

use super::action::Action;
use super::editor::Place;
use super::overlay::{compose, note};
use super::regions::Regions;
use super::view::{Cursor, Filter, Front, Notice, Order, Overlay, Page, Pane, Scroll, ViewState};
use super::{
    acting, changing, comparing, copying, cycles, handing, logs, muting, navigate, nulling, piloting, proving, reading,
    repeating, spans,
};
use crate::attach::{Clock, Playback};
use crate::domain::{Command, Moment, Span, State, TestId, Tone};

/// How long a notice is shown.
const NOTICE: Span = Span::seconds(5);

/// What an action may look at.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The shared truth.
    pub state: &'a State,
    /// Where everything was when the last frame was drawn.
    pub regions: &'a Regions,
    /// The present time.
    pub now: Moment,
    /// Where that time comes from.
    pub clock: Clock,
}

impl About<'_> {
    /// Whether a recording is watched rather than a session.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        matches!(self.clock, Clock::Played { .. })
    }
}

/// What a view asks of others.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// Something from the session.
    Command(Command),
    /// Something from the player of a recording.
    Playback(Playback),
    /// That the session knows whether somebody looks at this terminal.
    Look(bool),
    /// A text in the clipboard.
    Copy {
        /// What it is.
        what: &'static str,
        /// The text.
        text: String,
        /// What is asked of the session where no clipboard takes so much.
        otherwise: Option<Command>,
    },
    /// A text in the editor; what comes back goes into the note that is being written.
    Write(String),
    /// A place in a file, in the editor.
    Edit(Place),
    /// The whole screen anew.
    Redraw,
    /// To go.
    Leave,
}

impl ViewState {
    /// Says something to this person alone, for a few seconds.
    pub fn note(&mut self, tone: Tone, text: impl Into<String>, now: Moment) {
        self.notice = Some(Notice { text: text.into(), tone, until: now.after(NOTICE) });
    }

    /// Whether this person may act, as far as is known: somebody who is not listed is alone.
    #[must_use]
    pub fn drives(&self, state: &State) -> bool {
        let viewer = self.viewer.and_then(|id| state.session.viewers.iter().find(|viewer| viewer.id == id));
        viewer.is_none_or(|viewer| viewer.drives)
    }

    /// The opened test, else the one under the cursor.
    #[must_use]
    pub fn subject(&self, about: &About) -> Option<TestId> {
        match (self.page, about.regions.cursor()) {
            (Page::Detail(id), _) | (Page::Board, Some(Cursor::Test(id))) => Some(id),
            (Page::Cause(cause), _) => super::regions::chosen_test(about.state, self, cause),
            (Page::Board, Some(Cursor::Module(_)) | None) => None,
        }
    }
}

/// Does an action.
pub fn update(view: &mut ViewState, action: Action, about: &About) -> Vec<Wish> {
    view.last = Some(action);
    if !action.is_for(about.is_recording()) {
        let why =
            if about.is_recording() { "this is a recording: it can only be watched" } else { "no recording plays" };
        view.note(Tone::Warning, why, about.now);
        return Vec::new();
    }
    match action {
        Action::RerunFailed => acting::rerun_failed(view, about),
        Action::RunAll => acting::run_all(view, about),
        Action::RunBatch => acting::run_batch(view, about),
        Action::RunSelected => acting::run_selected(view, about),
        Action::Repeat => repeating::choose_repeat(view, about),
        Action::Baseline => comparing::choose_baseline(view, about),
        Action::NullRun => nulling::null_run(view, about),
        Action::Stop => acting::stop(view, about),
        Action::DumpStacks => acting::dump_stacks(view, about),
        Action::ForceHeld => acting::force_held(view, about),
        Action::Mute => muting::mute(view, about),
        Action::Collect => acting::collect(view, about),
        Action::Deploy => changing::deploy(view, about),
        Action::Prove => proving::prove(view, about),
        Action::Autopilot => piloting::fly(view, about),
        Action::AutopilotStep => piloting::step(view, about),
        Action::AutopilotStop => piloting::stop(view, about),
        Action::Watch => piloting::watch(view, about),
        Action::RollBack => changing::roll_back(view, about),
        Action::Restart => changing::restart(view, about),
        Action::CancelDeploy => acting::cancel_deploy(view, about),
        Action::StartAgent => acting::start_agent(view, about),
        Action::Message => compose::open(view, about),
        Action::Reconnect => acting::reconnect(view, about),
        Action::Order => order(view, about),
        Action::Copy => copying::copy(view, about),
        Action::Note => note::open(view, about),
        Action::HandOff => handing::hand_off(view, about),
        Action::Edit => copying::edit(view, about),
        Action::Open => navigate::open(view, about),
        Action::Back => back(view, about),
        Action::NextFailure => navigate::failure(view, about, 1),
        Action::PreviousFailure => navigate::failure(view, about, -1),
        Action::Up => navigate::step(view, about, -1),
        Action::Down => navigate::step(view, about, 1),
        Action::PageUp => navigate::page(view, about, -1),
        Action::PageDown => navigate::page(view, about, 1),
        Action::Top => navigate::edge(view, about, false),
        Action::Bottom => navigate::edge(view, about, true),
        Action::Expand => navigate::expand(view, about),
        Action::Collapse => navigate::collapse(view, about),
        Action::FocusNext => focus(view, shifted(view.focus, 1)),
        Action::FocusPrevious => focus(view, shifted(view.focus, Pane::ALL.len() - 1)),
        Action::FocusTests => focus(view, Pane::Tests),
        Action::FocusAgents => focus(view, Pane::Agents),
        Action::FocusDeploys => focus(view, Pane::Deploys),
        Action::FocusNews => focus(view, Pane::News),
        Action::FocusLogs => focus(view, Pane::Logs),
        Action::Cycles => cycles::toggle(view),
        Action::MarkCycle => cycles::mark(view, about),
        Action::HeatMap => cycles::heat(view),
        Action::EarlierCycles => cycles::sideways(view, about, true),
        Action::LaterCycles => cycles::sideways(view, about, false),
        Action::LogLevel => logs::next_level(view),
        Action::LogService => logs::next_service(view, about),
        Action::LogRun => logs::only_run(view, about),
        Action::RevisionLog => logs::only_revision(view, about),
        Action::LogAround => logs::toggle_around(view, about),
        Action::FocusCauses => focus(view, Pane::Causes),
        Action::Filter => edit_filter(view),
        Action::NextMatch if spans::is_shown(view) => spans::find(view, about, true),
        Action::PreviousMatch if spans::is_shown(view) => spans::find(view, about, false),
        Action::Mark => spans::mark(view, about),
        Action::OneClock => {
            spans::turn_axis(view);
            Vec::new()
        }
        Action::NextMatch if view.focus == Pane::Logs => logs::find(view, about, true),
        Action::PreviousMatch if view.focus == Pane::Logs => logs::find(view, about, false),
        Action::NextMatch => reading::found(view, about, true),
        Action::PreviousMatch => reading::found(view, about, false),
        Action::Wrap => reading::wrap(view, about),
        Action::FoldAll if spans::is_shown(view) => {
            spans::fold_all(view, about);
            Vec::new()
        }
        Action::FoldAll => reading::fold_all(view, about),
        Action::NextPart => reading::step(view, about, true),
        Action::PreviousPart => reading::step(view, about, false),
        Action::TogglePlay => vec![Wish::Playback(Playback::Toggle)],
        Action::StepForward => vec![Wish::Playback(Playback::StepForward)],
        Action::StepBack => vec![Wish::Playback(Playback::StepBack)],
        Action::SeekForward => vec![Wish::Playback(Playback::Seek(10))],
        Action::SeekBack => vec![Wish::Playback(Playback::Seek(-10))],
        Action::PlayFaster => vec![Wish::Playback(Playback::Faster)],
        Action::PlaySlower => vec![Wish::Playback(Playback::Slower)],
        Action::Palette => open_over(view, Overlay::Palette { input: tui_input::Input::default(), chosen: 0 }),
        Action::Help => help(view),
        Action::Redraw => vec![Wish::Redraw],
        Action::Quit => quit(view, about),
    }
}

fn shifted(pane: Pane, by: usize) -> Pane {
    Pane::ALL[(pane as usize + by) % Pane::ALL.len()]
}

fn focus(view: &mut ViewState, pane: Pane) -> Vec<Wish> {
    view.focus = pane;
    Vec::new()
}

fn open_over(view: &mut ViewState, overlay: Overlay) -> Vec<Wish> {
    view.overlay = Some(overlay);
    Vec::new()
}

fn help(view: &mut ViewState) -> Vec<Wish> {
    view.overlay = match view.overlay {
        Some(Overlay::Help { .. }) => None,
        _ => Some(Overlay::Help { scroll: 0 }),
    };
    Vec::new()
}

fn order(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let (order, text) = match view.order {
        Order::Verdict => (Order::File, "tests stand as in their files"),
        Order::File => (Order::Verdict, "tests stand by what matters: new failures first"),
    };
    view.order = order;
    view.note(Tone::Plain, text, about.now);
    Vec::new()
}

fn edit_filter(view: &mut ViewState) -> Vec<Wish> {
    if view.focus == Pane::Logs {
        view.logs.words.editing = true;
        return Vec::new();
    }
    if spans::is_shown(view) {
        spans::search(view);
        return Vec::new();
    }
    view.focus = Pane::Tests;
    if let Page::Cause(_) = view.page {
        view.page = Page::Board;
    }
    reading::begin_search(view);
    view.filter.editing = true;
    Vec::new()
}

/// One step back, the nearest first: overlay, opened test, filter, frozen list, other pane.
fn back(view: &mut ViewState, about: &About) -> Vec<Wish> {
    if view.overlay.is_none() && spans::is_shown(view) {
        spans::back(view, about);
        return Vec::new();
    }
    let scroll = match view.focus {
        Pane::Tests | Pane::Causes | Pane::Logs | Pane::Cycles => None,
        Pane::Agents => Some(&mut view.agents_scroll),
        Pane::Deploys if about.regions.front == Some(Front::Fix) => Some(&mut view.fix_scroll),
        Pane::Deploys => Some(&mut view.deploy_scroll),
        Pane::News => Some(&mut view.news_scroll),
    };
    if view.overlay.is_some() {
        view.overlay = None;
    } else if let Some(frozen) = scroll.filter(|scroll| **scroll != Scroll::Follow) {
        *frozen = Scroll::Follow;
    } else if (view.focus == Pane::Logs && view.logs.back()) || (view.focus == Pane::Cycles && view.cycles.back()) {
        return Vec::new();
    } else if view.focus == Pane::Agents && view.agent_run.is_some() {
        view.agent_run = None;
    } else if view.focus != Pane::Tests {
        view.focus = Pane::Tests;
    } else if let Page::Detail(_) = view.page {
        if reading::end_search(view) {
            return Vec::new();
        }
        view.page = view.came_from.take().map_or(Page::Board, Page::Cause);
    } else if let Page::Cause(id) = view.page {
        (view.page, view.focus, view.cause) = (Page::Board, Pane::Causes, Some(id));
    } else if !view.filter.is_empty() {
        view.filter = Filter::default();
    } else {
        view.notice = None;
    }
    Vec::new()
}

fn quit(view: &mut ViewState, about: &About) -> Vec<Wish> {
    if view.overlay.take().is_some() {
        return Vec::new();
    }
    let testing = about.state.runs.active().any(|(_, run)| run.kind.executes());
    let deploying = about.state.deploys.any_active();
    if about.is_recording() || !view.drives(about.state) || !(testing || deploying) {
        return vec![Wish::Leave];
    }
    acting::confirm_quit(view, about)
}
