//! A message being written for a stream: a text of several lines, or an order like `/ping`; from scratch, from what
//! configuration keeps, or from what was sent before.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui_textarea::{CursorMove, TextArea};

use super::note::{area, cleaned, input};
use super::{ground, panel};
use crate::domain::{Command, Link, MESSAGE_LIMIT, Outgoing, SavedMessage, State, Stream, StreamId, Tone};
use crate::ui::regions::chosen_agent_run;
use crate::ui::scene::Scene;
use crate::ui::theme::Role;
use crate::ui::update::{About, Wish};
use crate::ui::view::{Overlay, Pane, ViewState};

/// A message being written.
#[derive(Debug, Clone)]
pub struct Compose {
    stream: StreamId,
    area: TextArea<'static>,
    /// Which of the messages that were sent before it is, counted from the newest.
    earlier: Option<usize>,
    /// What was written before those were looked at.
    own: String,
    /// Which of the saved messages comes next.
    saved: usize,
    /// Whether somebody who wants to leave is asked about what they wrote.
    asking: bool,
}

impl Compose {
    fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    fn put(&mut self, text: &str) {
        self.area = area(text);
        self.area.move_cursor(CursorMove::Bottom);
        self.area.move_cursor(CursorMove::End);
    }

    fn room(&self) -> usize {
        let used: usize = self.area.lines().iter().map(|line| line.len() + 1).sum();
        (MESSAGE_LIMIT + 1).saturating_sub(used)
    }

    /// Whether somebody is asked about leaving.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        self.asking
    }

    /// A row up or down, as the wheel turns.
    pub(in crate::ui) fn step(&mut self, by: i64) {
        self.area.move_cursor(if by < 0 { CursorMove::Up } else { CursorMove::Down });
    }

    /// To what was sent before, or back towards what is being written.
    fn look_back(&mut self, state: &State, back: bool) {
        let count = state.sent.iter().len();
        let place = match (self.earlier, back) {
            (None, true) => Some(0),
            (Some(place), true) => Some(place + 1),
            (None | Some(0), false) => None,
            (Some(place), false) => Some(place - 1),
        };
        if place.is_some_and(|place| place >= count) {
            return;
        }
        if self.earlier.is_none() {
            self.own = self.text();
        }
        self.earlier = place;
        let own = if place.is_none() { std::mem::take(&mut self.own) } else { String::new() };
        let text = place.and_then(|place| state.sent.iter().rev().nth(place)).map(ToString::to_string);
        self.put(&text.unwrap_or(own));
    }
}

/// Whether texts can be sent on a stream.
fn takes_messages(stream: &Stream) -> bool {
    !stream.spec.over_http
}

/// Opens it: for the stream of the run that is looked at, else for the first that is connected.
pub(in crate::ui) fn open(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let state = about.state;
    if !crate::ui::acting::drives(view, about) {
        return Vec::new();
    }
    let streams = || state.streams.iter().filter(|(_, stream)| takes_messages(stream));
    let looked = chosen_agent_run(state, view).and_then(|id| state.agents.run(id)).map(|run| run.stream);
    let connected = streams().find(|(_, stream)| stream.link == Link::Open);
    let chosen =
        streams().find(|(id, _)| Some(*id) == looked).or(connected).or_else(|| streams().next()).map(|(id, _)| id);
    match chosen {
        Some(stream) => {
            let compose =
                Compose { stream, area: area(""), earlier: None, own: String::new(), saved: 0, asking: false };
            view.overlay = Some(Overlay::Compose(Box::new(compose)));
        }
        None if state.streams.is_empty() => {
            view.note(Tone::Warning, "no stream is configured to send on", about.now);
        }
        None => {
            let text = "nothing can be sent: every stream is an answer over HTTP, which only listens";
            view.note(Tone::Warning, text, about.now);
        }
    }
    Vec::new()
}

/// Writes, sends, leaves.
pub(in crate::ui) fn press(view: &mut ViewState, key: KeyEvent, about: &About) -> Vec<Wish> {
    let Some(Overlay::Compose(compose)) = &mut view.overlay else { return Vec::new() };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    match key.code {
        KeyCode::Char('s') if control => return send(view, about),
        KeyCode::Enter if alt => return send(view, about),
        _ if compose.asking => match key.code {
            KeyCode::Char('y') if !control => view.overlay = None,
            KeyCode::Char('c') if control => view.overlay = None,
            KeyCode::Esc | KeyCode::Char('n') => compose.asking = false,
            _ => {}
        },
        KeyCode::Char('c') if control => leave(view),
        KeyCode::Esc => leave(view),
        KeyCode::Char('p') if control => compose.look_back(about.state, true),
        KeyCode::Char('n') if control => compose.look_back(about.state, false),
        KeyCode::Char('t') if control => other_stream(compose, about.state),
        KeyCode::Tab => next_saved(compose, about.state),
        KeyCode::Enter | KeyCode::Char(_) if !control && compose.room() < 5 => {
            let text = format!("a message may have {MESSAGE_LIMIT} bytes: what is typed now has no room");
            view.note(Tone::Warning, text, about.now);
        }
        _ => {
            compose.area.input(input(key));
        }
    }
    Vec::new()
}

fn leave(view: &mut ViewState) {
    let Some(Overlay::Compose(compose)) = &mut view.overlay else { return };
    // What was taken from elsewhere is there the next time too.
    if compose.earlier.is_none() && compose.saved == 0 && !compose.text().trim().is_empty() {
        compose.asking = true;
    } else {
        view.overlay = None;
    }
}

fn other_stream(compose: &mut Compose, state: &State) {
    let all = || state.streams.iter().filter(|(_, stream)| takes_messages(stream)).map(|(id, _)| id);
    let next = all().find(|id| *id > compose.stream).or_else(|| all().next());
    compose.stream = next.unwrap_or(compose.stream);
    compose.saved = 0;
}

fn saved(state: &State, stream: StreamId) -> &[SavedMessage] {
    state.streams.get(stream).map_or(&[], |stream| &stream.spec.messages)
}

fn next_saved(compose: &mut Compose, state: &State) {
    let messages = saved(state, compose.stream);
    if messages.is_empty() {
        return;
    }
    let text = messages[compose.saved % messages.len()].text.clone();
    compose.saved = compose.saved % messages.len() + 1;
    compose.put(&text);
}

/// Asks for what starting an agent run asks for: the driver, and nothing more.
fn send(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let Some(Overlay::Compose(compose)) = &view.overlay else { return Vec::new() };
    match Outgoing::read(&compose.text()) {
        Ok(what) => {
            let command = Command::Send { stream: compose.stream, what };
            view.overlay = None;
            view.focus = Pane::Agents;
            crate::ui::acting::ask(view, about, vec![command], "")
        }
        Err(why) => {
            view.note(Tone::Warning, why, about.now);
            Vec::new()
        }
    }
}

/// Takes pasted text, as far as there is room.
pub(in crate::ui) fn paste(view: &mut ViewState, pasted: &str, about: &About) {
    let Some(Overlay::Compose(compose)) = &mut view.overlay else { return };
    if compose.asking {
        return;
    }
    let text = cleaned(pasted);
    let room = compose.room();
    let end = (0..=room.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    compose.area.insert_str(&text[..end]);
    if end < text.len() {
        let text = format!("the paste was cut: a message may have {MESSAGE_LIMIT} bytes");
        view.note(Tone::Warning, text, about.now);
    }
}

pub(super) fn draw(compose: &Compose, scene: &Scene, area: Rect, frame: &mut Frame) {
    let Some(stream) = scene.state.streams.get(compose.stream) else { return };
    let width = area.width.saturating_sub(8).clamp(20, 92);
    let lines = u16::try_from(compose.area.lines().len()).unwrap_or(u16::MAX);
    let height = lines.saturating_add(6).clamp(12, 28).min(area.height.saturating_sub(5).max(4));
    let inner = panel(&format!("send on {}", stream.spec.name), (width, height), scene, area, frame);
    let rows: Vec<Rect> = inner.rows().collect();
    let Some((last, before)) = rows.last().zip(rows.len().checked_sub(2).and_then(|place| rows.get(place))) else {
        return;
    };
    let style = |role| ground(scene, role);
    let (role, link) = match &stream.link {
        Link::Open => (Role::Good, "connected"),
        Link::Connecting => (Role::Warning, "connecting"),
        Link::Idle | Link::Waiting { .. } | Link::Stopped { .. } => (Role::Bad, "not connected"),
    };
    let head =
        vec![Span::styled(format!("{link}  "), style(role)), Span::styled(&*stream.spec.url, style(Role::Muted))];
    frame.render_widget(Line::from(head), rows[0]);
    let written = Rect { y: inner.y + 1, height: inner.height.saturating_sub(4), ..inner };
    frame.render_widget(&compose.area, written);
    frame.render_widget(Line::styled(taken_from(compose, scene.state), style(Role::Muted)), *before);
    if compose.asking {
        let words = [("leave without sending?   ", Role::Warning), ("y", Role::Press), (" leave   ", Role::Text)];
        let more =
            [("n", Role::Press), (" go on writing   ", Role::Text), ("ctrl-s", Role::Press), (" send", Role::Text)];
        let spans: Vec<Span> =
            words.into_iter().chain(more).map(|(word, role)| Span::styled(word, style(role))).collect();
        return frame.render_widget(Line::from(spans), *last);
    }
    let (role, understood) = match Outgoing::read(&compose.text()) {
        Ok(what) => (Role::Text, format!("sends {}", what.told())),
        Err(why) => (Role::Muted, why),
    };
    frame.render_widget(Line::styled(understood, style(role)), *last);
    let (cursor, (top, left)) = (compose.area.screen_cursor(), compose.area.scroll_offset());
    let down = cursor.row.saturating_sub(usize::from(top)) as u16;
    let across = cursor.col.saturating_sub(usize::from(left)) as u16;
    if down < written.height {
        let x = written.x + across.min(written.width.saturating_sub(1));
        frame.set_cursor_position((x, written.y + down));
    }
}

/// Where the text comes from, and from where others could be taken.
fn taken_from(compose: &Compose, state: &State) -> String {
    let messages = saved(state, compose.stream);
    let earlier = state.sent.iter().len();
    match (compose.earlier, compose.saved.checked_sub(1).and_then(|place| messages.get(place))) {
        (Some(place), _) => format!("sent before, {} of {earlier}", place + 1),
        (None, Some(saved)) => format!("saved message {}, {} of {}", saved.name, compose.saved, messages.len()),
        (None, None) => {
            let saved = match messages.len() {
                0 => "no saved message".to_owned(),
                count => format!("tab: {count} saved"),
            };
            format!("{saved}  ctrl-p: {earlier} sent  /ping  /close CODE REASON  /hex 00 ff")
        }
    }
}
