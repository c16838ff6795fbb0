//! A viewer without its terminal: deliveries and input in, wishes and frames out. The loop around it is in
//! [`app`](super::app).

use std::sync::Arc;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use tui_input::InputRequest;

use super::action::{Action, Context};
use super::calling::Attention;
use super::chord::Chord;
use super::draw;
use super::handing;
use super::logs;
use super::navigate;
use super::overlay::{compose, confirm, help, mute, note, palette};
use super::reading;
use super::regions::Regions;
use super::scene::Scene;
use super::spans;
use super::theme::Theme;
use super::update::{About, Wish, update};
use super::view::{Filter, Overlay, Page, Pane, ViewState};
use crate::attach::{Clock, Delivery};
use crate::domain::{Command, Effects, Link, Moment, Notice, SessionEnd, Span, State, Tone};

/// The largest screen that is drawn; a client that claims more is given this.
pub const LARGEST: (u16, u16) = (1_000, 400);
/// Two clicks within this time on one place are a double click.
const DOUBLE_CLICK: Span = Span::millis(400);
/// After this time, an agent run that never ended is no longer waited for on the screen.
const FORGOTTEN: Span = Span::seconds(600);
/// How many rows a turn of the wheel moves.
const WHEEL: i64 = 3;
/// How long a text can be that is typed into a line.
const TYPED: usize = 256;

/// A viewer without its terminal.
#[derive(Debug)]
pub struct Viewer {
    /// The replica of the shared state.
    pub state: Arc<State>,
    /// This person's view of it.
    pub view: ViewState,
    /// Colours and marks.
    pub theme: Theme,
    /// Where the time comes from.
    pub clock: Clock,
    /// How the session ended, once it did.
    pub ended: Option<SessionEnd>,
    regions: Regions,
    area: Rect,
    is_dirty: bool,
    effects: Effects,
    click: Option<(Moment, Position)>,
    attention: Attention,
}

impl Viewer {
    /// A viewer of nothing yet, on a screen of that size.
    #[must_use]
    pub fn new(view: ViewState, theme: Theme, (width, height): (u16, u16)) -> Self {
        let mut viewer = Self {
            state: Arc::default(),
            view,
            theme,
            clock: Clock::Live,
            ended: None,
            regions: Regions::default(),
            area: Rect::default(),
            is_dirty: true,
            effects: Effects::new(),
            click: None,
            attention: Attention::default(),
        };
        viewer.resize(width, height);
        viewer
    }

    /// Whether the screen no longer shows what is.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// The screen that is drawn, within what is reasonable.
    #[must_use]
    pub fn area(&self) -> Rect {
        self.area
    }

    /// The screen has another size.
    pub fn resize(&mut self, width: u16, height: u16) {
        let area = Rect::new(0, 0, width.clamp(1, LARGEST.0), height.clamp(1, LARGEST.1));
        self.is_dirty |= area != self.area;
        self.area = area;
    }

    /// The whole screen must be drawn anew.
    pub fn spoil(&mut self) {
        self.is_dirty = true;
    }

    /// Whether something on the screen changes by time alone, so that it is drawn once a second.
    #[must_use]
    pub fn is_ticking(&self, now: Moment) -> bool {
        if self.view.notice.is_some() {
            return true;
        }
        if let Clock::Played { playing, .. } = self.clock {
            return playing;
        }
        let state = &self.state;
        let waits = |link: &Link| matches!(link, Link::Connecting | Link::Waiting { .. });
        let open = |link: &Link| matches!(link, Link::Open);
        state.runs.active().next().is_some()
            || state.deploys.any_active()
            || state.proving().is_some()
            || state.streams.iter().any(|(_, stream)| waits(&stream.link))
            || state.agents.runs().rev().take(8).any(|(_, run)| {
                let listened = state.streams.get(run.stream).is_some_and(|stream| open(&stream.link));
                run.end.is_none() && listened && now.since(run.last) < FORGOTTEN
            })
    }

    /// Another editor gave back the text of the note that is being written.
    pub fn written(&mut self, text: &str) {
        if let Some(Overlay::Note(draft)) = &mut self.view.overlay {
            draft.replace(text);
        }
        self.is_dirty = true;
    }

    /// A second passed.
    pub fn tick(&mut self, now: Moment) {
        if self.view.notice.as_ref().is_some_and(|notice| notice.until <= now) {
            self.view.notice = None;
        }
        self.is_dirty = true;
    }

    /// Takes in what the session, or the player of a recording, says.
    pub fn take(&mut self, delivery: Delivery, now: Moment) {
        self.is_dirty = true;
        match delivery {
            Delivery::Snapshot(state) => {
                self.attention.seen = state.notices.total();
                self.state = state;
            }
            Delivery::Entries(entries) => {
                let state = Arc::make_mut(&mut self.state);
                for entry in entries {
                    state.apply(&entry, &mut self.effects);
                    self.effects.clear();
                    handing::hear(&mut self.view, &entry, now);
                }
            }
            Delivery::Clock(clock) => self.clock = clock,
            Delivery::Notice(text) => self.view.note(Tone::Plain, text, now),
            Delivery::Ended(how) => self.ended = Some(how),
        }
    }

    /// What this person is to be called back for since this was last asked: the newest, where they look elsewhere.
    pub fn missed(&mut self, now: Moment) -> Option<Notice> {
        let newest = self.state.notices.since(self.attention.seen).last().map(|(_, notice)| notice.clone());
        self.attention.seen = self.state.notices.total();
        newest.filter(|_| self.clock == Clock::Live && !self.attention.is_here(now))
    }

    /// The time to draw with.
    #[must_use]
    pub fn shown_time(&self, now: Moment) -> Moment {
        match self.clock {
            Clock::Live => now.max(self.state.at),
            Clock::Played { at, .. } => at,
        }
    }

    /// Draws a frame.
    pub fn draw(&mut self, frame: &mut Frame, now: Moment) {
        self.regions.refresh(frame.area(), &self.state, &self.view);
        let now = self.shown_time(now);
        let scene = Scene { state: &self.state, view: &self.view, theme: &self.theme, now, clock: self.clock };
        draw::draw(&scene, &self.regions, frame);
        self.theme.lay_ground(frame.buffer_mut());
        self.is_dirty = false;
    }

    /// Takes in what a person did at the terminal.
    pub fn handle(&mut self, event: &Event, now: Moment) -> Vec<Wish> {
        // What was pressed since the last frame means what stands there now.
        self.regions.refresh(self.area, &self.state, &self.view);
        self.attention.notice(event, now);
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                self.is_dirty = true;
                self.press(*key, now)
            }
            Event::Mouse(mouse) => self.point(*mouse, now),
            Event::Paste(text) => {
                self.paste(text, now);
                Vec::new()
            }
            Event::Resize(width, height) => {
                self.resize(*width, *height);
                Vec::new()
            }
            Event::FocusGained => vec![Wish::Look(true)],
            Event::FocusLost => vec![Wish::Look(false)],
            Event::Key(_) => Vec::new(),
        }
    }

    /// Does an action, as a key or a command from elsewhere would.
    pub fn act(&mut self, action: Action, now: Moment) -> Vec<Wish> {
        self.is_dirty = true;
        let about = About { state: &self.state, regions: &self.regions, now, clock: self.clock };
        update(&mut self.view, action, &about)
    }

    fn press(&mut self, key: KeyEvent, now: Moment) -> Vec<Wish> {
        let about = About { state: &self.state, regions: &self.regions, now, clock: self.clock };
        let interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        if matches!(self.view.overlay, Some(Overlay::Confirm(_))) && !interrupt {
            return confirm::press(&mut self.view, key, &about);
        }
        if matches!(self.view.overlay, Some(Overlay::Mute(_))) && !interrupt {
            return mute::press(&mut self.view, key, &about);
        }
        if matches!(self.view.overlay, Some(Overlay::Note(_))) {
            // Its own way out for Ctrl-C: what was written is not lost by it.
            return note::press(&mut self.view, key, &about);
        }
        if matches!(self.view.overlay, Some(Overlay::Compose(_))) {
            return compose::press(&mut self.view, key, &about);
        }
        if matches!(self.view.overlay, Some(Overlay::Palette { .. })) && !interrupt {
            return type_palette(&mut self.view, key, &about);
        }
        if self.view.filter.editing && !interrupt {
            type_filter(&mut self.view, key, &about);
            return Vec::new();
        }
        if spans::is_typing(&self.view) && !interrupt {
            spans::type_words(&mut self.view, key, &about, edit);
            return Vec::new();
        }
        if logs::is_typing(&self.view) && !interrupt {
            logs::type_words(&mut self.view, key, edit);
            return Vec::new();
        }
        let contexts = contexts(&self.view, about.is_recording());
        let bound = self.view.keymap.action(Chord::from(key), &contexts);
        match bound {
            // The first Ctrl-C asks where something runs, the second one leaves: nobody is ever locked in.
            _ if interrupt && is_asked_to_quit(&self.view) => vec![Wish::Leave],
            None if interrupt => self.act(Action::Quit, now),
            Some(action) => {
                self.view.filter.editing = false;
                let wishes = self.act(action, now);
                self.clamp_help();
                wishes
            }
            None => Vec::new(),
        }
    }

    fn clamp_help(&mut self) {
        let recording = matches!(self.clock, Clock::Played { .. });
        if let Some(Overlay::Help { scroll }) = &mut self.view.overlay {
            *scroll = help::clamped(*scroll, &self.view.keymap, recording, self.area.height);
        }
    }

    /// Pasted text goes where text is typed and nowhere else: it never presses a key.
    fn paste(&mut self, text: &str, now: Moment) {
        if let Some(Overlay::Note(_)) = self.view.overlay {
            let about = About { state: &self.state, regions: &self.regions, now, clock: self.clock };
            note::paste(&mut self.view, text, &about);
            self.is_dirty = true;
            return;
        }
        if let Some(Overlay::Compose(_)) = self.view.overlay {
            let about = About { state: &self.state, regions: &self.regions, now, clock: self.clock };
            compose::paste(&mut self.view, text, &about);
            self.is_dirty = true;
            return;
        }
        let (to_logs, to_spans) = (logs::is_typing(&self.view), spans::is_typing(&self.view));
        let input = match &mut self.view.overlay {
            Some(Overlay::Palette { input, .. }) => input,
            Some(Overlay::Mute(form)) => form.input(),
            Some(
                Overlay::Help { .. }
                | Overlay::Choice(_)
                | Overlay::Confirm(_)
                | Overlay::Note(_)
                | Overlay::Compose(_),
            ) => return,
            None if self.view.filter.editing => &mut self.view.filter.input,
            None if to_logs => &mut self.view.logs.words.input,
            None if to_spans => spans::typed_mut(&mut self.view),
            None => return,
        };
        for character in text.lines().next().unwrap_or("").chars().filter(|c| !c.is_control()).take(TYPED) {
            put(input, character);
        }
        self.is_dirty = true;
    }

    fn point(&mut self, mouse: MouseEvent, now: Moment) -> Vec<Wish> {
        let at = Position { x: mouse.column, y: mouse.row };
        let about = About { state: &self.state, regions: &self.regions, now, clock: self.clock };
        let by = match mouse.kind {
            MouseEventKind::ScrollUp => -WHEEL,
            MouseEventKind::ScrollDown => WHEEL,
            MouseEventKind::Down(MouseButton::Left) => return self.click(at, now),
            _ => return Vec::new(),
        };
        self.is_dirty = true;
        if self.view.overlay.is_some() {
            let wishes = navigate::step(&mut self.view, &about, by.signum());
            self.clamp_help();
            return wishes;
        }
        if let Some(pane) = self.regions.pane_at(at.x, at.y) {
            navigate::wheel(&mut self.view, &about, pane, by);
        }
        Vec::new()
    }

    /// A click chooses, a second one opens. Over the panes it means nothing, so that no click answers a question.
    fn click(&mut self, at: Position, now: Moment) -> Vec<Wish> {
        let doubled = self.click.is_some_and(|(then, place)| place == at && now.since(then) <= DOUBLE_CLICK);
        self.click = (!doubled).then_some((now, at));
        self.is_dirty = true;
        if let Some(overlay) = &self.view.overlay {
            if let Overlay::Help { .. } = overlay {
                self.view.overlay = None;
            }
            return Vec::new();
        }
        self.view.filter.editing = false;
        let Some(pane) = self.regions.pane_at(at.x, at.y) else { return Vec::new() };
        self.view.focus = pane;
        let row = self.regions.row_at(at.x, at.y).filter(|_| pane == Pane::Tests && self.view.page == Page::Board);
        if row.is_some() {
            self.view.cursor = row;
            if doubled {
                self.regions.refresh(self.area, &self.state, &self.view);
                return self.act(Action::Open, now);
            }
        }
        if let Some(cause) = self.regions.cause_at(at.x, at.y) {
            self.view.cause = Some(cause);
            if doubled {
                return self.act(Action::Open, now);
            }
        }
        Vec::new()
    }
}

fn is_asked_to_quit(view: &ViewState) -> bool {
    matches!(&view.overlay, Some(Overlay::Confirm(confirm)) if confirm.command == Command::Quit)
}

/// Where keys are heard now, the most particular first.
fn contexts(view: &ViewState, recording: bool) -> Vec<Context> {
    if view.overlay.is_some() {
        return vec![Context::Over];
    }
    let place = match (view.focus, view.page) {
        (Pane::Tests, Page::Board) => Some(Context::Board),
        (Pane::Tests, Page::Detail(_)) => Some(Context::Detail),
        (Pane::Causes, _) | (Pane::Tests, Page::Cause(_)) => Some(Context::Causes),
        (Pane::Agents, _) if view.spans.open => Some(Context::Spans),
        (Pane::Agents, _) => Some(Context::Agents),
        (Pane::Logs, _) => Some(Context::Logs),
        (Pane::Cycles, _) => Some(Context::Cycles),
        (Pane::Deploys | Pane::News, _) => None,
    };
    let recording_first = recording.then_some(Context::Recording);
    // In a recording, the keys of a session are heard last, to say why they do nothing.
    recording_first.into_iter().chain(place).chain([Context::Session, Context::Everywhere]).collect()
}

fn put(input: &mut tui_input::Input, character: char) {
    if input.value().len() < TYPED {
        input.handle(InputRequest::InsertChar(character));
    }
}

/// Edits a line; answers whether the key was one for editing.
pub(super) fn edit(input: &mut tui_input::Input, key: KeyEvent) -> bool {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let request = match key.code {
        KeyCode::Char(character) if !control && !alt => {
            put(input, character);
            return true;
        }
        KeyCode::Backspace if control || alt => InputRequest::DeletePrevWord,
        KeyCode::Backspace => InputRequest::DeletePrevChar,
        KeyCode::Delete => InputRequest::DeleteNextChar,
        KeyCode::Left if control || alt => InputRequest::GoToPrevWord,
        KeyCode::Left => InputRequest::GoToPrevChar,
        KeyCode::Right if control || alt => InputRequest::GoToNextWord,
        KeyCode::Right => InputRequest::GoToNextChar,
        KeyCode::Home => InputRequest::GoToStart,
        KeyCode::End => InputRequest::GoToEnd,
        KeyCode::Char('a') if control => InputRequest::GoToStart,
        KeyCode::Char('e') if control => InputRequest::GoToEnd,
        KeyCode::Char('w') if control => InputRequest::DeletePrevWord,
        KeyCode::Char('u') if control => InputRequest::DeleteLine,
        KeyCode::Char('k') if control => InputRequest::DeleteTillEnd,
        _ => return false,
    };
    input.handle(request);
    true
}

fn type_filter(view: &mut ViewState, key: KeyEvent, about: &About) {
    match key.code {
        KeyCode::Enter => {
            view.filter.editing = false;
            if let Page::Detail(_) = view.page {
                view.reading.found = None;
                reading::found(view, about, true);
            }
        }
        KeyCode::Esc if reading::end_search(view) => {}
        KeyCode::Esc => view.filter = Filter::default(),
        KeyCode::Up | KeyCode::Down if view.page == Page::Board => {
            let by = if key.code == KeyCode::Up { -1 } else { 1 };
            navigate::step(view, about, by);
        }
        // Rubbing out nothing leaves, as it does in an editor.
        KeyCode::Backspace if view.filter.input.value().is_empty() => view.filter.editing = false,
        _ => {
            view.reading.found = None;
            edit(&mut view.filter.input, key);
        }
    }
}

fn type_palette(view: &mut ViewState, key: KeyEvent, about: &About) -> Vec<Wish> {
    let count = match &view.overlay {
        Some(Overlay::Palette { input, .. }) => {
            palette::found(about.state, view, about.is_recording(), input.value()).len()
        }
        _ => 0,
    };
    let Some(Overlay::Palette { input, chosen }) = &mut view.overlay else { return Vec::new() };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Enter => return palette::pick(view, about),
        KeyCode::Esc => view.overlay = None,
        KeyCode::Backspace if input.value().is_empty() => view.overlay = None,
        KeyCode::Up => *chosen = navigate::around(*chosen, -1, count),
        KeyCode::Down | KeyCode::Tab => *chosen = navigate::around(*chosen, 1, count),
        KeyCode::BackTab => *chosen = navigate::around(*chosen, -1, count),
        KeyCode::Char('p') if control => *chosen = navigate::around(*chosen, -1, count),
        KeyCode::Char('n') if control => *chosen = navigate::around(*chosen, 1, count),
        _ => {
            if edit(input, key) {
                *chosen = 0;
            }
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests;
