//! A question before something that others feel. Cancel has the focus; neither a held key nor pasted text can answer.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{ground, panel};
use crate::attach::Clock;
use crate::domain::{Command, EnvironmentKind, Span as Time, Tone};
use crate::ui::gate;
use crate::ui::scene::Scene;
use crate::ui::theme::Role;
use crate::ui::update::{About, Wish};
use crate::ui::view::{Confirm, Overlay, TypedName, ViewState};

/// How long the button must have had the focus before it can be pressed: no held key and no paste is that slow.
const DWELL: Time = Time::millis(150);
/// How much of a typed name is kept.
const NAME_KEPT: usize = 64;

/// Answers the question by a key. Only these keys mean anything; all others are ignored.
pub(in crate::ui) fn press(view: &mut ViewState, key: KeyEvent, about: &About) -> Vec<Wish> {
    let Some(Overlay::Confirm(confirm)) = &mut view.overlay else { return Vec::new() };
    if confirm.typed.is_some() && type_name(confirm, key, about) {
        return Vec::new();
    }
    let mut focus = |accept: bool| {
        if confirm.accept != accept {
            (confirm.accept, confirm.since) = (accept, about.now);
        }
    };
    match key.code {
        KeyCode::Right | KeyCode::Char('y' | 'l') => focus(true),
        KeyCode::Left | KeyCode::Char('h') => focus(false),
        KeyCode::Tab | KeyCode::BackTab => {
            let other = !confirm.accept;
            (confirm.accept, confirm.since) = (other, about.now);
        }
        KeyCode::Esc | KeyCode::Char('n' | 'q') => view.overlay = None,
        KeyCode::Enter if !confirm.accept => view.overlay = None,
        KeyCode::Enter if key.kind == KeyEventKind::Press && about.now.since(confirm.since) >= DWELL => {
            return accept(view, about);
        }
        _ => {}
    }
    Vec::new()
}

/// Where a name has to be typed, letters are that name and not keys; the button is reached by having typed it. Answers
/// whether the key was used up.
fn type_name(confirm: &mut Confirm, key: KeyEvent, about: &About) -> bool {
    let Some(name) = &mut confirm.typed else { return false };
    match key.code {
        KeyCode::Char(letter) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
            if name.text.chars().count() < NAME_KEPT {
                name.text.push(letter);
            }
        }
        KeyCode::Backspace => drop(name.text.pop()),
        // The button cannot be reached in any other way, and enter closes nothing while somebody types.
        KeyCode::Tab | KeyCode::BackTab | KeyCode::Right | KeyCode::Left => return true,
        KeyCode::Enter if !confirm.accept => return !name.text.is_empty(),
        _ => return false,
    }
    let is_right = name.is_right();
    (confirm.accept, confirm.since) = (is_right, about.now);
    true
}

fn accept(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let Some(Overlay::Confirm(confirm)) = view.overlay.take() else { return Vec::new() };
    if confirm.command == Command::Quit {
        return vec![Wish::Leave];
    }
    if !gate::still_holds(about.state, &confirm) {
        view.note(Tone::Warning, "it changed while you were asked: read again", about.now);
        let note = view.notice.clone();
        let wishes = gate::ask_again(view, confirm.command, about);
        if view.overlay.is_some() {
            view.notice = note;
        }
        return wishes;
    }
    vec![Wish::Command(confirm.command)]
}

pub(super) fn draw(confirm: &Confirm, scene: &Scene, area: Rect, frame: &mut Frame) {
    let label = confirm.lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0) + 2;
    let widest = confirm.lines.iter().map(|(_, value)| label + Line::from(value.as_str()).width()).max().unwrap_or(0);
    let room = area.width.saturating_sub(4).clamp(1, 100);
    let width = (widest.max(confirm.verb.len() + 24) as u16).min(room);
    let room = usize::from(width).saturating_sub(label).max(8);
    let mut lines: Vec<Line> = Vec::new();
    for (name, value) in &confirm.lines {
        for (n, part) in folded(value, room).into_iter().enumerate() {
            let shown = if n == 0 { name.as_str() } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!("{shown:<label$}"), ground(scene, Role::Muted)),
                Span::styled(part, value_style(name, scene)),
            ]));
        }
    }
    let typing = u16::from(confirm.typed.is_some());
    let inner = panel(&format!("{}?", confirm.verb), (width, lines.len() as u16 + 2 + 2 * typing), scene, area, frame);
    let Some(buttons) = inner.rows().next_back() else { return };
    let shown = usize::from(inner.height.saturating_sub(2 + 2 * typing));
    if lines.len() > shown && shown > 0 {
        let hidden = lines.len() - (shown - 1);
        lines.truncate(shown - 1);
        lines
            .push(Line::styled(format!("… {hidden} more lines: make the window taller"), ground(scene, Role::Warning)));
    }
    for (place, line) in inner.rows().take(shown).zip(lines) {
        frame.render_widget(line, place);
    }
    if let (Some(name), Some(place)) = (&confirm.typed, inner.rows().rev().nth(2)) {
        draw_typed(name, scene, place, frame);
    }
    let button = |word: &str, has_focus: bool| {
        let role = if has_focus { Role::Chosen } else { Role::Button };
        Span::styled(format!("  {word}  "), scene.theme.style(role))
    };
    // The mark tells the chosen button where there is no colour.
    let verb = if confirm.accept { format!("{} {}", mark(scene), confirm.verb) } else { confirm.verb.clone() };
    let cancel = if confirm.accept { "cancel".to_owned() } else { format!("{} cancel", mark(scene)) };
    let line = Line::from(vec![
        button(&cancel, !confirm.accept),
        Span::styled("   ", scene.theme.style(Role::Surface)),
        button(&verb, confirm.accept),
    ]);
    frame.render_widget(line, buttons);
}

/// The name that has to be typed, and how far it is.
fn draw_typed(name: &TypedName, scene: &Scene, place: Rect, frame: &mut Frame) {
    let begins = name.wanted.starts_with(&name.text);
    let line = Line::from(vec![
        Span::styled("type ", ground(scene, Role::Muted)),
        Span::styled(name.wanted.as_str(), ground(scene, Role::Strong)),
        Span::styled(" to go on: ", ground(scene, Role::Muted)),
        Span::styled(name.text.as_str(), ground(scene, if begins { Role::Text } else { Role::Bad })),
    ]);
    let column = place.x.saturating_add(line.width() as u16).min(place.right().saturating_sub(1));
    frame.render_widget(line, place);
    frame.set_cursor_position((column, place.y));
}

fn mark(scene: &Scene) -> &'static str {
    scene.theme.mark(crate::ui::theme::Mark::Here)
}

/// The environment wears its badge's colour, so that nobody acts on the wrong one.
fn value_style(label: &str, scene: &Scene) -> ratatui::style::Style {
    let kind = scene.state.session.project.environment.as_ref().map(|environment| environment.kind);
    match (label, kind) {
        ("environment", Some(EnvironmentKind::Local)) => scene.theme.style(Role::BadgeLocal),
        ("environment", Some(EnvironmentKind::Shared)) => scene.theme.style(Role::BadgeShared),
        ("environment", Some(EnvironmentKind::Protected | EnvironmentKind::Locked)) => {
            scene.theme.style(Role::BadgeProtected)
        }
        ("command" | "service", _) => ground(scene, Role::Strong),
        (_, _) if matches!(scene.clock, Clock::Live) => ground(scene, Role::Text),
        (_, _) => ground(scene, Role::Muted),
    }
}

/// A text in lines of at most `room` columns: nothing of a command may be hidden before somebody agrees to it.
fn folded(text: &str, room: usize) -> Vec<String> {
    use unicode_width::UnicodeWidthChar;
    let (mut lines, mut line, mut width) = (Vec::new(), String::new(), 0);
    for character in text.chars() {
        let wide = character.width().unwrap_or(0);
        if width + wide > room {
            lines.push(std::mem::take(&mut line));
            width = 0;
        }
        line.push(character);
        width += wide;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_command_is_folded_and_never_cut() {
        assert_eq!(folded("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(folded("漢字漢字", 5), ["漢字", "漢字"]);
        assert_eq!(folded("", 5), [""]);
    }
}
