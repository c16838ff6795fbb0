//! Screens as people see them: a story in, cells out.

mod contract;
mod opened;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::attach::Clock;
use crate::domain::{Command, Health, Outcome, Probe, RunEvent, ServiceEvent, ServiceId, Span, Standing, ViewerId};
use crate::ui::color::Depth;
use crate::ui::draw::draw;
use crate::ui::fixture::{self, Story};
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::theme::{Glyphs, Theme};
use crate::ui::theme_file::Palette;
use crate::ui::view::{Cursor, Page, Pane, ViewState};

mod cycles;
mod flight;
mod gate;
mod logs;
mod prove;
mod services;
mod spoilt;
mod watching;

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

/// Compares a screen with what a person has read and found right.
fn check(name: &str, story: &Story, view: &ViewState, (width, height): (u16, u16)) {
    let screen = text(&render(story, view, &theme(), width, height));
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), screen);
    });
}

#[test]
fn a_run_in_progress() {
    let story = fixture::busy();
    for size in [(80, 24), (120, 40), (160, 45), (200, 60), (20, 5)] {
        check("busy", &story, &view(), size);
    }
}

#[test]
fn an_opened_failure() {
    let story = fixture::busy();
    let view = ViewState { page: Page::Detail(story.test(0, 24)), ..view() };
    check("detail", &story, &view, (80, 24));
    check("detail", &story, &view, (160, 45));
}

/// Against a file from elsewhere: the header names it, what vanished is listed, what differs is laid side by side.
#[test]
fn results_against_a_file() {
    let story = fixture::compared();
    check("compared", &story, &view(), (120, 40));
    check("compared", &story, &view(), (80, 24));
    let last = crate::domain::ModuleId(13);
    let opened = ViewState { opened: [last].into(), cursor: Some(Cursor::Module(last)), ..view() };
    check("vanished", &story, &opened, (120, 40));
    let differs = ViewState { page: Page::Detail(story.test(0, 21)), ..view() };
    check("differs", &story, &differs, (80, 24));
}

#[test]
fn a_repeated_test() {
    let story = fixture::repeating();
    let opened = ViewState { page: Page::Detail(story.test(0, 2)), ..view() };
    check("repeating", &story, &opened, (80, 24));
    check("repeating", &story, &opened, (120, 40));
}

#[test]
fn causes_and_an_opened_one() {
    let story = fixture::busy();
    let causes = ViewState { focus: Pane::Causes, ..view() };
    check("causes", &story, &causes, (80, 24));
    let stops = story.state.causes.present()[0];
    let opened = ViewState { page: Page::Cause(stops), ..view() };
    check("cause", &story, &opened, (80, 24));
    check("cause", &story, &opened, (160, 45));
}

#[test]
fn what_passes_are_worth() {
    let story = fixture::measured();
    for size in [(80, 24), (160, 45)] {
        check("evidence", &story, &view(), size);
    }
    let mut listed = view();
    listed.opened.insert(crate::domain::ModuleId(0));
    check("evidence-listed", &story, &listed, (120, 40));
    check("evidence-opened", &story, &ViewState { page: Page::Detail(story.test(0, 0)), ..view() }, (80, 24));
    check("evidence-quick", &story, &ViewState { page: Page::Detail(story.test(0, 24)), ..view() }, (120, 40));
}

#[test]
fn what_is_accepted_and_what_is_at_risk() {
    let story = fixture::known::guarded();
    for size in [(80, 24), (120, 40), (200, 60)] {
        check("guarded", &story, &view(), size);
    }
    let id = story.test(1, 0);
    let cause = story.state.causes.of(id).expect("a cause");
    check("known-cause", &story, &ViewState { page: Page::Cause(cause), ..view() }, (80, 24));
    check("known-causes", &story, &ViewState { focus: Pane::Causes, ..view() }, (80, 24));
    check("known-test", &story, &ViewState { page: Page::Detail(id), ..view() }, (120, 40));
    let spec = crate::domain::KnownSpec::of_signature("assertion:3f9a12c0".into());
    let form = crate::ui::overlay::mute::MuteForm::new("HTTP 403 at the WebSocket handshake".into(), 4, spec);
    check(
        "mute",
        &story,
        &ViewState { overlay: Some(crate::ui::view::Overlay::Mute(Box::new(form))), ..view() },
        (80, 24),
    );
}

#[test]
fn each_pane_alone() {
    for (name, focus) in [("agents", Pane::Agents), ("deploy", Pane::Deploys), ("news", Pane::News)] {
        check(name, &fixture::busy(), &ViewState { focus, ..view() }, (80, 24));
    }
}

#[test]
fn a_module_opened_by_hand_lists_all_its_tests() {
    let story = fixture::busy();
    let mut view = view();
    view.opened.insert(crate::domain::ModuleId(4));
    view.cursor = Some(Cursor::Test(story.test(4, 8)));
    check("opened", &story, &view, (120, 40));
}

#[test]
fn a_filter_narrows_the_board() {
    let mut view = view();
    view.filter.input = tui_input::Input::new("critical event".to_owned());
    check("filter", &fixture::busy(), &view, (120, 40));
}

#[test]
fn what_is_to_go_is_told_while_nothing_runs() {
    for size in [(80, 24), (120, 40)] {
        check("to-go", &fixture::plan::to_go(), &view(), size);
    }
}

#[test]
fn every_other_state_says_what_it_is() {
    let size = (120, 40);
    check("empty", &fixture::empty(), &view(), (80, 24));
    check("green", &fixture::green(), &view(), size);
    check("stale", &fixture::stale(), &view(), (80, 24));
    check("cut-short", &fixture::cut_short(), &view(), size);
    check("crashed", &fixture::crashed(), &view(), size);
    check("stopping", &fixture::stopping(), &view(), (80, 24));
    check("held", &fixture::held(), &view(), (80, 24));
    check("broken", &fixture::broken(), &view(), size);
    check("degraded", &fixture::health::degraded(), &view(), (80, 24));
    check("degraded", &fixture::health::degraded(), &view(), (160, 45));
    check("taken-along", &fixture::health::taken_along(), &view(), (80, 24));
    check("taken-along", &fixture::health::taken_along(), &view(), (120, 40));
    check("refused", &fixture::refused(), &view(), (160, 45));
    check("disconnected", &fixture::disconnected(), &view(), (160, 45));
    check("linked", &fixture::link::linked(), &ViewState { focus: Pane::Agents, ..view() }, (160, 45));
    check("linked", &fixture::link::linked(), &ViewState { focus: Pane::Agents, ..view() }, (80, 24));
    check("torn", &fixture::link::torn(), &ViewState { focus: Pane::Agents, ..view() }, (120, 40));
    check("unheard", &fixture::link::unheard(), &ViewState { focus: Pane::Agents, ..view() }, (80, 24));
    check("linked-beside", &fixture::link::linked(), &view(), (160, 45));
    check("opening", &fixture::link::opening(), &view(), (160, 45));
    check("not-serving", &fixture::not_serving(), &ViewState { focus: Pane::Deploys, ..view() }, (80, 24));
}

/// Nor does any other story, at sizes between the smallest and the largest, with ids that nobody knows in the view.
#[test]
fn every_story_can_be_drawn() {
    let theme = theme();
    for (_, story, mut view) in gallery() {
        view.agent_run = Some(crate::domain::AgentRunId(999));
        view.cursor = Some(Cursor::Test(crate::domain::TestId(99_999)));
        view.detail_scroll = u32::MAX;
        view.board_scroll = u32::MAX;
        view.agents_scroll = crate::ui::view::Scroll::At(u64::MAX);
        for width in (1..=210).step_by(19) {
            for height in (1..=64).step_by(9) {
                let area = Rect::new(0, 0, width, height);
                let regions = Regions::compute(area, &story.state, &view);
                let scene =
                    Scene { state: &story.state, view: &view, theme: &theme, now: story.now, clock: Clock::Live };
                crate::ui::draw::paint(&scene, &regions, &mut Buffer::empty(area));
            }
        }
    }
}

/// However long the trouble of one service is told, the others and the stream keep their place in the line.
#[test]
fn a_service_in_trouble_hides_no_other() {
    let mut story = fixture::disconnected();
    let health = Health::Unhealthy("HTTP 503: upstream connect error or disconnect/reset before headers".into());
    let probe = Probe { health, latency: Span::millis(9), revision: None };
    story.tell(ServiceEvent::Probed { service: ServiceId(0), probe });
    for width in [80, 96, 120, 150, 200] {
        let screen = text(&render(&story, &view(), &theme(), width, 30));
        let line = screen.lines().nth(1).unwrap_or_default();
        for told in ["backend 00003 0:", "auth 00001", "frontend 00002"] {
            assert!(line.contains(told), "{told} at {width}: {line}");
        }
    }
}

/// A test that was stopped while it hung keeps what was asked of it: where it hung.
#[test]
fn an_interrupted_test_keeps_its_stacks() {
    let mut story = fixture::busy();
    let run = story.run();
    let hung = story.state.inventory.tests().find(|(_, test)| test.standing == Standing::Running).map(|(id, _)| id);
    let hung = hung.expect("a test is running");
    story.tell(RunEvent::StacksDumped { run, text: "File \"test_hang.py\", line 3 in helper".into() });
    story.ask(Command::StopRun(run));
    story.exit(2, "interrupted");
    let view = ViewState { page: Page::Detail(hung), ..view() };
    let screen = text(&render(&story, &view, &theme(), 120, 40));
    assert!(screen.contains("line 3 in helper"), "{screen}");
}

/// A failure is not left out while lines of the board are empty.
#[test]
fn no_failure_is_left_out_while_there_is_room() {
    let mut story = fixture::crowd(6, 20);
    for n in 10..19 {
        story.end(n, Outcome::Failed, 5, Some("assert 1 == 2"));
    }
    for module in 1..6 {
        for n in 10..13 {
            story.end(module * 20 + n, Outcome::Failed, 5, Some("assert 1 == 2"));
        }
    }
    let screen = text(&render(&story, &view(), &theme(), 120, 66));
    assert!(!screen.contains("more failed"), "{screen}");
}

/// The line that would tell of one more failure is that failure.
#[test]
fn one_more_failure_is_listed_rather_than_counted() {
    for count in 1..=25 {
        let mut story = fixture::crowd(1, 60);
        for n in 30..30 + count {
            story.end(n, Outcome::Failed, 5, Some("assert 1 == 2"));
        }
        let screen = text(&render(&story, &view(), &theme(), 120, 40));
        assert!(!screen.contains(" 1 more failed"), "{screen}");
    }
}

/// The numbers of the first line are together the number after `of`.
#[test]
fn totals_add_up() {
    for story in [fixture::busy(), fixture::cut_short(), fixture::broken(), fixture::stale(), fixture::measured()] {
        let screen = text(&render(&story, &view(), &theme(), 80, 24));
        let header = screen.lines().next().unwrap_or_default();
        let number = |mark: &str| -> u32 {
            let after = header.rsplit_once(mark).map_or("0", |(_, rest)| rest).trim_start();
            after.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("0").parse().unwrap_or(0)
        };
        let parts = ["✔", "□", "✘", "◐", "○", "·"].map(number);
        assert_eq!(parts.iter().sum::<u32>(), number(" of "), "{header}");
    }
}

/// Whatever the cursor can stand on can be found again, stepped to, and hit with the mouse.
#[test]
fn rows_and_places_agree() {
    let story = fixture::crowd(24, 420);
    let regions = Regions::compute(Rect::new(0, 0, 200, 60), &story.state, &view());
    let rows = &regions.rows;
    for row in 0..rows.rows {
        let cursor = rows.row(row).expect("every row has a cursor");
        assert_eq!(rows.place(cursor), Some(row));
        let mut view = view();
        view.cursor = Some(cursor);
        let regions = Regions::compute(Rect::new(0, 0, 200, 60), &story.state, &view);
        let board = regions.board;
        let hit = (board.y..board.bottom())
            .any(|y| (board.x..board.right()).step_by(20).any(|x| regions.row_at(x, y) == Some(cursor)));
        assert!(hit, "{cursor:?} is on the screen when the cursor is on it");
    }
    assert_eq!(rows.row(rows.rows), None);
}

/// What is kept from frame to frame is what would be computed anew.
#[test]
fn refreshing_is_the_same_as_computing() {
    let mut story = fixture::crowd(6, 30);
    let mut kept = Regions::default();
    let area = Rect::new(0, 0, 160, 45);
    for n in 0..60 {
        let outcome = if n % 3 == 0 { Outcome::Failed } else { Outcome::Passed };
        story.end(n * 3, outcome, 5, Some("assert 1 == 2"));
        let mut view = view();
        if n % 4 == 0 {
            view.opened.insert(crate::domain::ModuleId(n % 6));
        }
        kept.refresh(area, &story.state, &view);
        let anew = Regions::compute(area, &story.state, &view);
        assert_eq!(kept.rows.blocks, anew.rows.blocks);
        assert_eq!(kept.rows.tests, anew.rows.tests);
        assert_eq!((kept.rows.top, kept.rows.cursor), (anew.rows.top, anew.rows.cursor));
    }
}

/// A terminal that shows only ASCII is given only ASCII, and still tells every state.
#[test]
fn ascii_alone_is_enough() {
    let theme = Palette::dark().theme(Depth::None, Glyphs::Ascii);
    for (name, story, view) in gallery() {
        for (width, height) in [(160, 45), (80, 24)] {
            let screen = text(&render(&story, &view, &theme, width, height));
            assert!(screen.is_ascii(), "{name}: {screen}");
        }
    }
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
        ("cause", fixture::busy(), ViewState { page: Page::Cause(crate::domain::CauseId(1)), ..view() }),
        ("causes", fixture::busy(), ViewState { focus: Pane::Causes, ..view() }),
        ("no-cause", fixture::empty(), ViewState { page: Page::Cause(crate::domain::CauseId(7)), ..view() }),
        ("empty", fixture::empty(), view()),
        ("green", fixture::green(), view()),
        ("evidence", fixture::measured(), view()),
        ("evidence-opened", fixture::measured(), detail(&fixture::measured(), 0)),
        ("evidence-quick", fixture::measured(), detail(&fixture::measured(), 24)),
        ("guarded", fixture::known::guarded(), view()),
        ("stale", fixture::stale(), view()),
        ("cut-short", fixture::cut_short(), view()),
        ("crashed", fixture::crashed(), view()),
        ("outage", fixture::spoilt::outage(), view()),
        ("stopped-rerun", fixture::spoilt::stopped_rerun(), view()),
        ("stopping", fixture::stopping(), view()),
        ("held", fixture::held(), view()),
        ("broken", fixture::broken(), view()),
        ("degraded", fixture::health::degraded(), view()),
        ("taken-along", fixture::health::taken_along(), view()),
        ("refused", fixture::refused(), view()),
        ("disconnected", fixture::disconnected(), view()),
        ("linked", fixture::link::linked(), view()),
        ("torn", fixture::link::torn(), view()),
        ("opening", fixture::link::opening(), view()),
        ("not-serving", fixture::not_serving(), deploys),
        ("compared", fixture::compared(), view()),
        ("repeating", fixture::repeating(), view()),
        ("crowd", fixture::crowd(24, 420), view()),
    ]
}

/// No size and no story makes drawing fail, and every place of the screen answers the mouse.
#[test]
fn every_size_can_be_drawn() {
    let story = fixture::busy();
    let mut detail = view();
    detail.page = Page::Detail(story.test(0, 24));
    let cause = ViewState { page: Page::Cause(story.state.causes.present()[0]), ..view() };
    for view in [view(), detail, cause] {
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

#[test]
fn a_flaky_test_says_how_often_it_fails() {
    let mut story = Story::new();
    story.healthy().connect().start();
    let n = story.place(0, 0);
    story.end(n, Outcome::Failed, 40, Some("AssertionError: the race was lost")).end(n, Outcome::Passed, 40, None);
    let view = ViewState { page: Page::Detail(story.test(0, 0)), ..view() };
    let screen = text(&render(&story, &view, &theme(), 120, 40));
    assert!(screen.contains("failed 1 of 2 times on the same revisions"), "{screen}");
}
