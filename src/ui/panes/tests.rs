//! Screens as people see them: a story in, cells out.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::attach::Clock;
use crate::domain::ViewerId;
use crate::ui::color::Depth;
use crate::ui::draw::draw;
use crate::ui::fixture::{self, Story};
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::theme::{Glyphs, Theme};
use crate::ui::theme_file::Palette;
use crate::ui::view::{Page, Pane, ViewState};

fn theme() -> Theme {
    Palette::dark().theme(Depth::True, Glyphs::Unicode)
}

fn view() -> ViewState {
    ViewState { viewer: Some(ViewerId(1)), ..ViewState::default() }
}

fn render(story: &Story, view: &ViewState, theme: &Theme, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a test backend cannot fail");
    let regions = Regions::compute(Rect::new(0, 0, width, height), &story.state, view);
    let scene = Scene { state: &story.state, view, theme, now: story.now, clock: Clock::Live };
    terminal.draw(|frame| draw(&scene, &regions, frame)).expect("a test backend cannot fail");
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width.max(1));
    let rows = buffer.content.chunks(width).map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>());
    rows.map(|row| row.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn screen(story: &Story, view: &ViewState, width: u16, height: u16) -> String {
    text(&render(story, view, &theme(), width, height))
}

/// Writes screens with their colours into the folder that `LIVELOOP_SCREENS` names, for people who want to look.
#[test]
fn screens_can_be_looked_at() {
    use std::fmt::Write as _;
    let Ok(folder) = std::env::var("LIVELOOP_SCREENS") else { return };
    let theme_name = std::env::var("LIVELOOP_THEME").unwrap_or_else(|_| "dark".to_owned());
    let theme = Palette::built_in(&theme_name).expect("a built-in theme").theme(Depth::True, Glyphs::Unicode);
    for (name, story, view) in gallery() {
        for (width, height) in [(160, 45), (80, 24), (120, 40), (200, 60)] {
            let buffer = render(&story, &view, &theme, width, height);
            let mut out = String::new();
            for (n, cell) in buffer.content.iter().enumerate() {
                if n > 0 && n % usize::from(width) == 0 {
                    out.push_str("\x1b[0m\r\n");
                }
                out.push_str("\x1b[0");
                for (ground, colour) in [("38", cell.fg), ("48", cell.bg)] {
                    if let ratatui::style::Color::Rgb(red, green, blue) = colour {
                        write!(out, ";{ground};2;{red};{green};{blue}").expect("a string cannot fail");
                    }
                }
                if cell.modifier.contains(ratatui::style::Modifier::BOLD) {
                    out.push_str(";1");
                }
                if cell.modifier.contains(ratatui::style::Modifier::UNDERLINED) {
                    out.push_str(";4");
                }
                write!(out, "m{}", cell.symbol()).expect("a string cannot fail");
            }
            std::fs::write(format!("{folder}/{name}-{width}x{height}.ansi"), out).expect("the folder exists");
        }
    }
}

/// Every screen that is worth a look.
fn gallery() -> Vec<(&'static str, Story, ViewState)> {
    let detail = |story: &Story, n| ViewState { page: Page::Detail(story.test(0, n)), ..view() };
    let busy = fixture::busy();
    let opened = detail(&busy, 24);
    let agents = ViewState { focus: Pane::Agents, ..view() };
    let deploys = ViewState { focus: Pane::Deploys, ..view() };
    vec![
        ("busy", fixture::busy(), view()),
        ("detail", busy, opened),
        ("agents", fixture::busy(), agents),
        ("empty", fixture::empty(), view()),
        ("green", fixture::green(), view()),
        ("stale", fixture::stale(), view()),
        ("cut-short", fixture::cut_short(), view()),
        ("held", fixture::held(), view()),
        ("broken", fixture::broken(), view()),
        ("refused", fixture::refused(), view()),
        ("disconnected", fixture::disconnected(), view()),
        ("not-serving", fixture::not_serving(), deploys),
        ("crowd", fixture::crowd(24, 420), view()),
    ]
}

/// No size and no story makes drawing fail, and every place of the screen answers the mouse.
#[test]
fn every_size_can_be_drawn() {
    let story = fixture::busy();
    let mut detail = view();
    detail.page = Page::Detail(story.test(0, 24));
    for view in [view(), detail] {
        for focus in Pane::ALL {
            let view = ViewState { focus, ..view.clone() };
            for width in 0..=60 {
                for height in 0..=20 {
                    let area = Rect::new(0, 0, width, height);
                    let regions = Regions::compute(area, &story.state, &view);
                    let scene =
                        Scene { state: &story.state, view: &view, theme: &theme(), now: story.now, clock: Clock::Live };
                    crate::ui::draw::paint(&scene, &regions, &mut Buffer::empty(area));
                    assert!(regions.pane_at(width, height).is_none());
                }
            }
        }
    }
}
