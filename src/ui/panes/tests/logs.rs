//! The logs, as they are read.

use std::sync::Arc;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use super::{check, view};
use crate::domain::{Level, Moment};
use crate::ui::fixture;
use crate::ui::regions::Regions;
use crate::ui::view::{Pane, ViewState};
use crate::ui::viewer::Viewer;

#[test]
fn the_logs_of_all_services() {
    let story = fixture::logged();
    let logs = ViewState { focus: Pane::Logs, ..view() };
    check("logs", &story, &logs, (80, 24));
    check("logs", &story, &logs, (160, 45));
    check("logs-board", &story, &view(), (120, 40));
    let mut errors = logs.clone();
    (errors.logs.level, errors.logs.opened) = (Some(Level::Error), true);
    check("logs-error-opened", &story, &errors, (120, 40));
    check("logs-none", &fixture::busy(), &logs, (80, 24));
}

#[test]
fn a_person_searches_freezes_and_comes_back() {
    let story = fixture::logged();
    let mut viewer = Viewer::new(view(), super::theme(), (120, 40));
    viewer.state = Arc::new(story.state);
    let mut press = |code: KeyCode| {
        viewer.handle(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)), Moment(1));
        let rows = Regions::compute(viewer.area(), &viewer.state, &viewer.view).log_rows;
        let said =
            rows.chosen().and_then(|number| viewer.state.logs.get(number)).map(|logged| logged.line.text.clone());
        (rows.rows.len(), said.map(|text| text.chars().take(8).collect::<String>()), viewer.view.logs.is_frozen())
    };
    let at = |rows, text: &str, frozen| (rows, Some(text.to_owned()), frozen);
    press(KeyCode::Char('6'));
    assert_eq!(press(KeyCode::Up), at(6, "run_8f21", true));
    assert_eq!(press(KeyCode::Char('I')), at(1, "run_8f21", true));
    press(KeyCode::Char('I'));
    assert!(!press(KeyCode::Char('G')).2);
    press(KeyCode::Char('/'));
    "refused".chars().for_each(|c| drop(press(KeyCode::Char(c))));
    assert_eq!(press(KeyCode::Enter), at(1, "WebSocke", false));
    press(KeyCode::Char('m'));
    assert_eq!(press(KeyCode::Char('N')), at(6, "WebSocke", true));
    assert_eq!(press(KeyCode::Char('e')).0, 5, "all but debug");
    assert_eq!(press(KeyCode::Char('e')).0, 2, "warnings and errors");
    press(KeyCode::Esc);
    press(KeyCode::Esc);
    assert_eq!(press(KeyCode::Char('g')).0, 6);
    assert_eq!(press(KeyCode::Char('S')).0, 4, "the backend alone");
}
