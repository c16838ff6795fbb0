//! The opened test: what else happened, differences, folding, searching, going from failure to failure.

use std::sync::Arc;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::attach::Delivery;
use crate::domain::{AgentKind, Detail, RunEvent, Section, StepState, StreamEvent, StreamId, TestId};
use crate::ui::fixture::failure;
use crate::ui::viewer::Viewer;

/// What pytest says of two dictionaries.
const UNEQUAL: &str = "AssertionError: assert {'id': 7, 'name': 'somebody else'} == {'id': 7, 'name': 'user 7'}\n\nOmitting 1 identical items, use -vv to show\nDiffering items:\n{'name': 'somebody else'} != {'name': 'user 7'}\n\nFull diff:\n  {\n      'id': 7,\n-     'name': 'user 7',\n?              ^   ^^\n+     'name': 'somebody else',\n?              ^^^^^ ^^^^^^^\n  }";

fn captured(lines: u32) -> Section {
    let line = |n| match n % 50 {
        7 => format!("line {n}: connection refused by 127.0.0.1\n"),
        9 => format!("line {n}: the run is run_77ac, 漢字かな交じり文 in the answer\n"),
        _ => format!("line {n}: event agent_thinking {}\n", "step ".repeat(n as usize % 30)),
    };
    Section { title: "Captured stdout call".into(), text: (0..lines).map(line).collect::<String>().into() }
}

fn detail(message: &str) -> Detail {
    Detail {
        sections: vec![
            captured(212),
            Section { title: "Captured stderr call".into(), text: "a warning\nconnection refused".into() },
        ],
        ..failure(message)
    }
}

/// A failure in the middle of a deploy, with an agent run of its own, another's, and an outage.
fn straddled() -> (Story, TestId) {
    let mut story = Story::new();
    story.healthy().connect().start();
    let (n, beside) = (story.place(0, 2), story.place(0, 3));
    story.begin(n).begin(beside);
    story.agent("run_77ac", AgentKind::AgentStarted, "", 81);
    for step in 0..14 {
        story.agent("run_77ac", AgentKind::AgentThinking, &format!("step {step}"), 40);
    }
    story.agent("run_0c44", AgentKind::AgentStarted, "", 12).agent("run_0c44", AgentKind::AgentThinking, "x", 5);
    story.agent("run_77ac", AgentKind::ToolExecuting, "", 30);
    story.ask(Command::Deploy(ServiceId(0))).wait(700);
    let deploy = story.state.deploys.newest().expect("it was asked for");
    let step = |name: &str, state| crate::domain::DeployEvent::Stepped { deploy, name: name.into(), state };
    story.tell(step("build", StepState::Running)).wait(400).tell(step("start", StepState::Running)).wait(120);
    let closed =
        StreamEvent::Closed { stream: StreamId(0), code: Some(1012), reason: "service restart".into(), expected: true };
    story.tell(closed).wait(300);
    let health = Health::Unhealthy("HTTP 503: starting".into());
    story.tell(ServiceEvent::Probed {
        service: ServiceId(0),
        probe: Probe { health, latency: Span::millis(4), revision: None },
    });
    story.ask(Command::ProbeServices).wait(250);
    for (n, message) in [(beside, "HTTP 503"), (n, "3/5 critical events, missing tool_completed, agent_completed")] {
        let run = story.run();
        let (outcome, took) = (Outcome::Failed, Span::millis(2_461));
        let detail = Some(Arc::new(detail(message)));
        story.tell(RunEvent::TestEnded { run, n, outcome, took, detail, evidence: None });
    }
    story.wait(900).prove(deploy, "backend-00004").probe(0, "backend-00004", 9).connect();
    let id = story.test(0, 2);
    (story, id)
}

/// Three failures, the second of which compares two dictionaries.
fn unequal() -> (Story, TestId) {
    let mut story = Story::new();
    story.healthy().start();
    for (n, message) in [(1, "HTTP 503"), (4, UNEQUAL), (30, "HTTP 503")] {
        let (run, outcome, took) = (story.run(), Outcome::Failed, Span::millis(41));
        story.begin(n).wait(41);
        let detail = Some(Arc::new(detail(message)));
        story.tell(RunEvent::TestEnded { run, n, outcome, took, detail, evidence: None });
    }
    story.exit(1, "tests failed");
    let id = story.test(0, 4);
    (story, id)
}

pub(super) fn opened(id: TestId) -> ViewState {
    ViewState { page: Page::Detail(id), ..view() }
}

/// A person at a screen.
pub(super) struct Person {
    pub(super) viewer: Viewer,
    now: crate::domain::Moment,
}

impl Person {
    pub(super) fn at((story, id): (Story, TestId), (width, height): (u16, u16)) -> Self {
        let mut viewer = Viewer::new(opened(id), theme(), (width, height));
        let now = story.now;
        viewer.take(Delivery::Snapshot(Arc::new(story.state)), now);
        Self { viewer, now }
    }

    /// Keys as they are typed; `⏎` and `⎋` have no letters.
    pub(super) fn types(&mut self, keys: &str) -> &mut Self {
        for key in keys.chars() {
            let code = match key {
                '⏎' => KeyCode::Enter,
                '⎋' => KeyCode::Esc,
                letter => KeyCode::Char(letter),
            };
            drop(self.viewer.handle(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)), self.now));
        }
        self
    }

    pub(super) fn sees(&mut self) -> String {
        let area = self.viewer.area();
        let mut terminal = Terminal::new(TestBackend::new(area.width, area.height)).expect("a test backend");
        terminal.draw(|frame| self.viewer.draw(frame, self.now)).expect("a test backend cannot fail");
        text(terminal.backend().buffer())
    }
}

#[test]
fn what_else_happened_stands_on_one_axis() {
    let (story, id) = straddled();
    for size in [(80, 24), (120, 40), (200, 60)] {
        check("around", &story, &opened(id), size);
    }
    let below = ViewState { detail_scroll: 14, ..opened(id) };
    check("around-below", &story, &below, (80, 24));
}

#[test]
fn a_comparison_shows_what_differs() {
    let (story, id) = unequal();
    for size in [(80, 24), (120, 40), (200, 60)] {
        check("unequal", &story, &opened(id), size);
    }
}

#[test]
fn long_output_is_folded_and_a_match_unfolds_it() {
    let mut person = Person::at(unequal(), (100, 40));
    assert!(person.sees().contains("▸ Captured stdout call (212 lines)"), "{}", person.sees());
    person.types("/connection refused⏎");
    let screen = person.sees();
    assert!(screen.contains("1 of 6 found") && screen.contains("│›line 7: connection refused"), "{screen}");
    person.types("nnnn");
    assert!(person.sees().contains("5 of 6 found"));
    person.types("n");
    assert!(person.sees().contains("6 of 6 found"));
    person.types("n");
    let screen = person.sees();
    assert!(screen.contains("1 of 6 found") && screen.contains("from the top again"), "{screen}");
    person.types("N");
    assert!(person.sees().contains("from the end again"));
}

#[test]
fn parts_fold_and_the_place_is_kept() {
    let mut person = Person::at(unequal(), (100, 40));
    let place = |screen: &str, what: &str| screen.lines().position(|line| line.contains(what));
    let before = person.sees();
    let at = place(&before, "Captured stderr call").expect("it is on the screen");
    // The assertion is the first part in sight, then the two captured ones.
    person.types("}}");
    person.types("}⏎");
    let screen = person.sees();
    assert_eq!(place(&screen, "▸ Captured stderr call (2 lines)"), Some(at), "{screen}");
    person.types("⏎Z");
    assert_eq!(person.sees().matches('▾').count(), 0, "{}", person.sees());
    person.types("Z");
    let screen = person.sees();
    assert!(screen.contains("▾ Captured stderr call") && !screen.contains('▸'), "{screen}");
}

#[test]
fn the_own_agent_run_is_a_key_away() {
    let (story, id) = straddled();
    let run = story.state.agents.run_named("run_77ac");
    let mut person = Person::at((story, id), (160, 45));
    let screen = person.sees();
    assert!(screen.contains("this test's run run_77ac") && screen.contains("14 × agent_thinking"), "{screen}");
    for _ in 0..8 {
        if matches!(person.viewer.view.reading.stop, Some(crate::ui::reading::Stop::Run(_))) {
            break;
        }
        person.types("}");
    }
    person.types("⏎");
    assert_eq!((person.viewer.view.focus, person.viewer.view.agent_run), (Pane::Agents, run));
}

#[test]
fn failures_are_counted_and_gone_through() {
    let mut person = Person::at(unequal(), (100, 40));
    assert!(person.sees().contains("2 of 3"), "{}", person.sees());
    person.types("]");
    assert!(person.sees().contains("3 of 3"));
    person.types("]");
    assert!(person.sees().contains("1 of 3"));
    person.types("[");
    assert!(person.sees().contains("3 of 3"));
}

#[test]
fn wide_characters_wrap_without_loss() {
    let mut person = Person::at(unequal(), (60, 30));
    person.types("z/in the answer⏎");
    let screen = person.sees();
    assert!(screen.contains("1 of 5 found") && screen.contains("漢 字 か な 交 じ り 文"), "{screen}");
}

/// A search in a test narrows nothing on the board, and ends before the test is left.
#[test]
fn a_search_stays_in_the_test() {
    let mut person = Person::at(unequal(), (100, 40));
    person.types("/refused⏎⎋");
    assert!(!person.sees().contains("found") && matches!(person.viewer.view.page, Page::Detail(_)));
    person.types("/refused⏎⎋⎋");
    let screen = person.sees();
    assert!(person.viewer.view.filter.is_empty() && screen.contains("005_tool_execution"), "{screen}");
}

#[test]
fn what_stands_at_the_top_stays_there_when_lines_are_wrapped() {
    let mut person = Person::at(unequal(), (60, 30));
    person.types("/line 107⏎⎋");
    let top = |screen: String| screen.lines().nth(5).map(str::to_owned);
    let before = top(person.sees());
    person.types("z");
    assert_eq!(top(person.sees()).map(|line| line[..12].to_owned()), before.map(|line| line[..12].to_owned()));
    person.types("z");
    assert!(person.sees().contains("line 107"));
}
