//! What lies over the panes and takes the keys, and the line at the bottom that typing takes.

pub mod choice;
pub mod compose;
pub mod confirm;
pub mod help;
pub mod mute;
pub mod note;
pub mod palette;
mod typed;

use ratatui::Frame;
use ratatui::layout::{Alignment, Margin, Rect};
use ratatui::style::Style;
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear};

use super::logs;
use super::scene::Scene;
use super::spans;
use super::theme::{Glyphs, Mark, Role};
use super::view::{Overlay, Page};
use crate::domain::Tone;

/// Draws what lies over the rest, last. `area` is the whole screen: its last row, otherwise the footer's, shows the
/// filter while it is typed, and the row above it what is to be said to this person alone.
pub fn draw(scene: &Scene, area: Rect, frame: &mut Frame) {
    draw_notice(scene, area, frame);
    if scene.view.filter.editing || logs::is_typing(scene.view) || spans::is_typing(scene.view) {
        draw_filter(scene, area, frame);
    }
    match &scene.view.overlay {
        Some(Overlay::Help { scroll }) => help::draw(*scroll, scene, area, frame),
        Some(Overlay::Palette { input, chosen }) => palette::draw(input, *chosen, scene, area, frame),
        Some(Overlay::Choice(choice)) => choice::draw(choice, scene, area, frame),
        Some(Overlay::Mute(form)) => mute::draw(form, scene, area, frame),
        Some(Overlay::Confirm(confirm)) => confirm::draw(confirm, scene, area, frame),
        Some(Overlay::Compose(compose)) => compose::draw(compose, scene, area, frame),
        Some(Overlay::Note(draft)) => note::draw(draft, scene, area, frame),
        None => {}
    }
}

/// A panel in the middle of the screen, as large as it wants to be and as there is room; answers what is inside.
fn panel(title: &str, (width, height): (u16, u16), scene: &Scene, area: Rect, frame: &mut Frame) -> Rect {
    // The footer stays in sight: it tells which keys work here.
    let area = Rect { height: if area.height > 8 { area.height - 1 } else { area.height }, ..area };
    let width = width.saturating_add(4).min(area.width);
    let height = height.saturating_add(2).min(area.height);
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        // A little above the middle, where the eye looks first.
        y: area.y + (area.height - height) / 3,
        width,
        height,
    };
    let block = Block::bordered()
        .border_set(corners(scene.theme.glyphs))
        .border_style(ground(scene, Role::BorderFocus))
        .style(scene.theme.style(Role::Surface))
        .title(Line::styled(format!(" {title} "), ground(scene, Role::Strong)))
        .title_alignment(Alignment::Left);
    frame.render_widget(Clear, place);
    frame.render_widget(&block, place);
    block.inner(place).inner(Margin { horizontal: 1, vertical: 0 })
}

fn corners(glyphs: Glyphs) -> border::Set<'static> {
    match glyphs {
        Glyphs::Unicode => border::ROUNDED,
        Glyphs::Ascii => border::Set {
            top_left: "+",
            top_right: "+",
            bottom_left: "+",
            bottom_right: "+",
            vertical_left: "|",
            vertical_right: "|",
            horizontal_top: "-",
            horizontal_bottom: "-",
        },
    }
}

/// A role's style on the ground of overlays.
fn ground(scene: &Scene, role: Role) -> Style {
    scene.theme.style(Role::Surface).patch(scene.theme.style(role))
}

/// A row that is under the cursor, or not, over its whole width.
fn put_row(line: Line, is_chosen: bool, place: Rect, scene: &Scene, frame: &mut Frame) {
    frame.render_widget(line, place);
    if is_chosen {
        frame.buffer_mut().set_style(place, scene.theme.style(Role::Selection));
    }
}

/// An input with its cursor, scrolled so that the cursor shows.
fn put_input(prompt: &str, input: &tui_input::Input, style: Style, scene: &Scene, place: Rect, frame: &mut Frame) {
    let before = Line::from(prompt).width() as u16;
    let room = place.width.saturating_sub(before);
    if place.height == 0 || room == 0 {
        return;
    }
    let scroll = input.visual_scroll(usize::from(room.saturating_sub(1)));
    frame.render_widget(Span::styled(prompt, style.patch(scene.theme.style(Role::Press))), place);
    let text = Rect { x: place.x + before, width: room, height: 1, ..place };
    frame.render_widget(ratatui::widgets::Paragraph::new(input.value()).style(style).scroll((0, scroll as u16)), text);
    let cursor = input.visual_cursor().saturating_sub(scroll) as u16;
    frame.set_cursor_position((text.x + cursor.min(room - 1), text.y));
}

fn draw_notice(scene: &Scene, area: Rect, frame: &mut Frame) {
    let Some(notice) = &scene.view.notice else { return };
    let Some(place) = area.rows().rev().nth(usize::from(area.height > 2)) else { return };
    let (role, mark) = match notice.tone {
        Tone::Good => (Role::Good, Mark::Check),
        Tone::Bad => (Role::Bad, Mark::Failed),
        Tone::Warning => (Role::Warning, Mark::Warning),
        Tone::Stale => (Role::Stale, Mark::Stale),
        Tone::Person | Tone::Plain => (Role::Text, Mark::Here),
    };
    let line = Line::styled(format!(" {} {}", scene.theme.mark(mark), notice.text), scene.theme.style(role));
    frame.render_widget(Clear, place);
    frame.render_widget(line, place);
}

fn draw_filter(scene: &Scene, area: Rect, frame: &mut Frame) {
    let Some(line) = area.rows().next_back() else { return };
    let typing = logs::is_typing(scene.view);
    let in_spans = spans::is_typing(scene.view);
    let typed = match typing {
        true => &scene.view.logs.words.input,
        false if in_spans => spans::typed(scene.view),
        false => &scene.view.filter.input,
    };
    let hint = match scene.view.page {
        _ if in_spans && !scene.view.spans.frame.words.editing => "type: run: agent: tool: /pointer=value",
        _ if typing => "enter keeps it, esc clears it",
        Page::Board | Page::Cause(_) => "enter keeps it, esc clears it",
        Page::Detail(_) => "enter goes to the first, esc clears it",
    };
    frame.render_widget(Clear, line);
    let room = (hint.len() as u16).saturating_add(2);
    let (input, rest) = match line.width > room + 20 {
        true => (Rect { width: line.width - room, ..line }, Rect { x: line.right() - room, width: room, ..line }),
        false => (line, Rect::default()),
    };
    put_input(" / ", typed, scene.theme.style(Role::Text), scene, input, frame);
    frame.render_widget(Span::styled(hint, scene.theme.style(Role::Muted)), rest);
}
