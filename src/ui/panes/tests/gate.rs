//! The gate before what others feel: the question as it is shown, and what has to be typed.

use std::sync::Arc;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use super::{check, view};
use crate::domain::{Command, EnvironmentKind, EnvironmentSpec, Moment, ServiceId};
use crate::ui::fixture::{Story, gated};
use crate::ui::gate::question;
use crate::ui::update::Wish;
use crate::ui::view::{Overlay, ViewState};
use crate::ui::viewer::Viewer;

fn asked(story: &Story, command: &Command) -> ViewState {
    let mut confirm = question(&story.state, command).expect("it is configured");
    if let Some(name) = &mut confirm.typed {
        name.text = "produ".to_owned();
    }
    ViewState { overlay: Some(Overlay::Confirm(confirm)), ..view() }
}

#[test]
fn the_question_shows_what_would_happen() {
    let story = gated::protected();
    let back = Command::RollBack { service: ServiceId(0), to: "backend-00003".into() };
    check("gate-rollback", &story, &asked(&story, &back), (120, 40));
    let several = Command::DeployInOrder(vec![ServiceId(0), ServiceId(1), ServiceId(2)]);
    check("gate-several", &story, &asked(&story, &several), (80, 24));
    check("gate-restart", &story, &asked(&story, &Command::Restart(ServiceId(1))), (120, 40));
    check("gate-read-only", &gated::read_only(), &view(), (120, 40));
}

struct Person {
    viewer: Viewer,
    now: Moment,
}

impl Person {
    fn at(story: Story) -> Self {
        let mut viewer = Viewer::new(view(), super::theme(), (120, 40));
        let now = story.state.at;
        viewer.state = Arc::new(story.state);
        Self { viewer, now }
    }

    fn press(&mut self, code: KeyCode) -> Vec<Wish> {
        self.now = Moment(self.now.0 + 300_000);
        self.viewer.handle(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)), self.now)
    }

    fn types(&mut self, text: &str) -> Vec<Wish> {
        text.chars().flat_map(|letter| self.press(KeyCode::Char(letter))).collect()
    }

    fn says(&self) -> &str {
        self.viewer.view.notice.as_ref().map_or("", |notice| &notice.text)
    }
}

fn of_kind(kind: EnvironmentKind) -> Person {
    let mut story = gated::protected();
    let mut project = (*story.state.session.project).clone();
    project.environment = Some(EnvironmentSpec { name: "production".into(), kind });
    story.state.session.project = Arc::new(project);
    Person::at(story)
}

#[test]
fn a_protected_environment_wants_its_name_and_nothing_gets_past_it() {
    let mut person = of_kind(EnvironmentKind::Protected);
    person.press(KeyCode::Char('B'));
    assert_eq!(person.press(KeyCode::Enter), []);
    // Neither the button nor enter is reached before the name stands there, whatever else is pressed.
    for code in [KeyCode::Tab, KeyCode::Right, KeyCode::Char('y'), KeyCode::Enter, KeyCode::Backspace] {
        assert_eq!(person.press(code), [], "{code:?}");
    }
    assert_eq!(person.types("productio"), []);
    assert_eq!(person.press(KeyCode::Enter), []);
    assert_eq!(person.types("n"), []);
    let back = Command::RollBack { service: ServiceId(0), to: "backend-00003".into() };
    assert_eq!(person.press(KeyCode::Enter), [Wish::Command(back)]);
}

#[test]
fn the_palette_leads_to_the_same_question() {
    let mut person = of_kind(EnvironmentKind::Protected);
    person.types(":deploy auth backend");
    assert_eq!(person.press(KeyCode::Enter), []);
    let asked = matches!(&person.viewer.view.overlay, Some(Overlay::Confirm(confirm)) if confirm.typed.is_some());
    assert!(asked, "{:?}", person.viewer.view.overlay);
    person.press(KeyCode::Esc);
    person.types(":deploy auth nowhere");
    assert_eq!(person.press(KeyCode::Enter), []);
    assert_eq!(person.says(), "one of these is no service of this project");
}

#[test]
fn ones_own_environment_is_open_and_a_locked_one_is_not() {
    let mut person = of_kind(EnvironmentKind::Local);
    person.press(KeyCode::Char('W'));
    assert_eq!(person.press(KeyCode::Enter), [Wish::Command(Command::Restart(ServiceId(0)))]);
    let mut person = of_kind(EnvironmentKind::Locked);
    for key in ['d', 'B', 'W'] {
        assert_eq!(person.press(KeyCode::Char(key)), []);
        assert!(person.viewer.view.overlay.is_none(), "{key}");
        assert!(person.says().contains("production is locked"), "{key}: {}", person.says());
    }
    let mut person = Person::at(gated::read_only());
    for key in ['d', 'B', 'W'] {
        assert_eq!(person.press(KeyCode::Char(key)), []);
        assert!(person.says().contains("this session is read-only"), "{key}: {}", person.says());
    }
}
