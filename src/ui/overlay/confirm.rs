//! A question before something that others feel. Cancel has the focus; neither a held key nor pasted text can answer.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{ground, panel};
use crate::attach::Clock;
use crate::domain::{Command, EnvironmentKind, Span as Time, Tone};
use crate::ui::scene::Scene;
use crate::ui::theme::Role;
use crate::ui::update::{About, Wish};
use crate::ui::view::{Confirm, Overlay, ViewState};
use crate::ui::{acting, proving};

/// How long the button must have had the focus before it can be pressed: no held key and no paste is that slow.
const DWELL: Time = Time::millis(150);

/// Answers the question by a key. Only these keys mean anything; all others are ignored.
pub(in crate::ui) fn press(view: &mut ViewState, key: KeyEvent, about: &About) -> Vec<Wish> {
    let Some(Overlay::Confirm(confirm)) = &mut view.overlay else { return Vec::new() };
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

fn accept(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let Some(Overlay::Confirm(confirm)) = view.overlay.take() else { return Vec::new() };
    if confirm.command == Command::Quit {
        return vec![Wish::Leave];
    }
    if !acting::still_holds(about.state, &confirm) {
        view.note(Tone::Warning, "it changed while you were asked: read again", about.now);
        return match confirm.command {
            Command::Deploy(service) | Command::Prove { service, .. } => {
                let question =
                    if confirm.command == Command::Deploy(service) { acting::question } else { proving::question };
                let note = view.notice.clone();
                let wishes = acting::ask_by(view, service, about, question);
                if view.overlay.is_some() {
                    view.notice = note;
                }
                wishes
            }
            _ => Vec::new(),
        };
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
            let name = if n == 0 { name.as_str() } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!("{name:<label$}"), ground(scene, Role::Muted)),
                Span::styled(part, value_style(name, scene)),
            ]));
        }
    }
    let inner = panel(&format!("{}?", confirm.verb), (width, lines.len() as u16 + 2), scene, area, frame);
    let Some(buttons) = inner.rows().next_back() else { return };
    for (place, line) in inner.rows().take(usize::from(inner.height.saturating_sub(2))).zip(lines) {
        frame.render_widget(line, place);
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

fn mark(scene: &Scene) -> &'static str {
    scene.theme.mark(crate::ui::theme::Mark::Here)
}

/// The environment wears its badge's colour, so that nobody acts on the wrong one.
fn value_style(label: &str, scene: &Scene) -> ratatui::style::Style {
    let kind = scene.state.session.project.environment.as_ref().map(|environment| environment.kind);
    match (label, kind) {
        ("environment", Some(EnvironmentKind::Local)) => scene.theme.style(Role::BadgeLocal),
        ("environment", Some(EnvironmentKind::Shared)) => scene.theme.style(Role::BadgeShared),
        ("environment", Some(EnvironmentKind::Protected)) => scene.theme.style(Role::BadgeProtected),
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
