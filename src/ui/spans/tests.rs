//! The timeline and the composer by keys: what is pressed, and what then stands on the screen.

use std::sync::Arc;

use crossterm::event::Event;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::attach::Delivery;
use crate::domain::{AgentEvent, AgentKind, Command, Outgoing, Span, StreamEvent, StreamId, Usage, ViewerId};
use crate::ui::color::Depth;
use crate::ui::fixture::{self, Story};
use crate::ui::input::Decoder;
use crate::ui::theme::Glyphs;
use crate::ui::theme_file::Palette;
use crate::ui::update::Wish;
use crate::ui::view::ViewState;
use crate::ui::viewer::Viewer;

struct Desk {
    story: Story,
    viewer: Viewer,
    size: (u16, u16),
}

impl Desk {
    /// The timeline as `keys` open it.
    fn new(size: (u16, u16), keys: &[&str]) -> Self {
        let view = ViewState { viewer: Some(ViewerId(1)), ..ViewState::default() };
        let theme = Palette::dark().theme(Depth::True, Glyphs::Unicode);
        let mut desk = Self { story: fixture::runs::runs(), viewer: Viewer::new(view, theme, size), size };
        desk.refresh();
        desk.press(keys);
        desk
    }

    fn refresh(&mut self) {
        self.viewer.take(Delivery::Snapshot(Arc::new(self.story.state.clone())), self.story.now);
    }

    fn press(&mut self, keys: &[&str]) -> Vec<Wish> {
        let mut wishes = Vec::new();
        for key in keys {
            let (mut decoder, mut events) = (Decoder::default(), Vec::<Event>::new());
            decoder.feed(key.as_bytes(), &mut events);
            decoder.settle(&mut events);
            for event in &events {
                wishes.extend(self.viewer.handle(event, self.story.now));
            }
        }
        for wish in &wishes {
            if let Wish::Command(command) = wish {
                self.story.ask(command.clone());
            }
        }
        self.refresh();
        wishes
    }

    fn screen(&mut self) -> String {
        let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).expect("a test backend");
        terminal.draw(|frame| self.viewer.draw(frame, self.story.now)).expect("a test backend");
        let cells = terminal.backend().buffer().content.chunks(usize::from(self.size.0));
        let rows = cells.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned());
        rows.collect::<Vec<_>>().join("\n")
    }

    fn shows(&mut self, text: &str) {
        let screen = self.screen();
        assert!(screen.contains(text), "no {text:?} in\n{screen}");
    }

    fn hides(&mut self, text: &str) {
        let screen = self.screen();
        assert!(!screen.contains(text), "{text:?} in\n{screen}");
    }

    fn check(&mut self, name: &str) {
        let (screen, (width, height)) = (self.screen(), self.size);
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}-{width}x{height}"), screen);
        });
    }
}

const OPEN: [&str; 2] = ["2", "\r"];
const ESC: &str = "\x1b";

#[test]
fn runs_stand_as_bars_with_agents_and_tools_inside() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        Desk::new(size, &OPEN).check("spans");
    }
}

#[test]
fn a_time_in_which_nobody_listened_is_drawn_into_the_bar() {
    let mut desk = Desk::new((120, 40), &OPEN);
    desk.hides("░");
    let reason = "reset by peer".into();
    desk.story.tell(StreamEvent::Closed { stream: StreamId(0), code: None, reason, expected: false }).wait(2_000);
    desk.story.connect().hear(300, "run_4f", AgentKind::AgentCompleted, ("supervisor", ""), "done");
    desk.refresh();
    desk.shows("run_4f gap 2.0s");
    desk.shows("━░░░");
    desk.shows("░━");
}

#[test]
fn along_one_clock_runs_of_the_same_time_stand_below_each_other() {
    let mut desk = Desk::new((120, 40), &OPEN);
    desk.shows("│0 ");
    desk.story.hear(0, "run_5f", AgentKind::AgentStarted, ("supervisor", ""), "").wait(400);
    desk.refresh();
    desk.press(&["t"]);
    desk.check("spans-one-clock");
    desk.press(&["t"]);
    desk.shows("│0 ");
}

#[test]
fn calls_of_one_tool_at_once_keep_their_own_results() {
    use AgentKind::{ToolCompleted, ToolExecuting};
    let mut desk = Desk::new((120, 40), &OPEN);
    for (kind, call, text) in [
        (ToolExecuting, "1", "for a"),
        (ToolExecuting, "2", "for b"),
        (ToolCompleted, "1", "first"),
        (ToolCompleted, "2", "second"),
    ] {
        desk.story.wait(100);
        let event = fixture::runs::event(&desk.story, "run_4f", kind, "supervisor", "search", text);
        let event = AgentEvent { call: Some(call.into()), ..event };
        desk.story.tell(StreamEvent::Received { stream: StreamId(0), events: vec![event] });
    }
    desk.refresh();
    desk.shows("for a → first");
    desk.shows("for b → second");
}

#[test]
fn a_frame_is_folded_and_searched() {
    let mut desk = Desk::new((120, 40), &OPEN);
    desk.press(&["k", "\r", "\r", "Z", "j", "j"]);
    desk.check("spans-frame");
    desk.press(&["/", "120 rows", "\r"]);
    desk.shows("\"said\": \"120 rows");
    desk.press(&[ESC, ESC]);
    desk.hides("\"said\"");
}

#[test]
fn what_is_looked_at_stays_while_newer_events_come() {
    let mut desk = Desk::new((120, 24), &OPEN);
    desk.press(&["k", "k"]);
    desk.shows("frozen");
    for _ in 0..30 {
        desk.story.hear(100, "run_5f", AgentKind::AgentThinking, ("supervisor", ""), "on and on");
    }
    desk.refresh();
    desk.shows("run_4f");
    desk.shows("120 rows of spend");
    desk.press(&["G"]);
    desk.shows("on and on");
    desk.hides("frozen");
}

#[test]
fn words_narrow_by_field_and_by_place_in_the_frame() {
    let mut desk = Desk::new((140, 40), &OPEN);
    desk.press(&["/", "type:tool_completed run:4f", "\r"]);
    desk.shows(" 1 of the newest 21 ");
    desk.press(&[ESC, "/", "/payload/status/code=9 agent:supervisor", "\r"]);
    desk.shows("no event that is kept matches");
    desk.press(&[ESC, "/", "/payload/status/code=8", "\r"]);
    desk.shows("120 rows");
    desk.press(&[ESC]);
    desk.shows("run_1f");
}

#[test]
fn two_marks_measure() {
    let mut desk = Desk::new((140, 40), &OPEN);
    desk.press(&["k", "m"]);
    desk.shows("marked 12:");
    desk.press(&["k", "k", "k", "m"]);
    let span = super::measured(&desk.story.state, &desk.viewer.view.spans).and_then(|(_, span)| span);
    assert!(span.is_some_and(|span| span > Span::ZERO), "{span:?}");
    desk.shows(" s between the marks");
}

#[test]
fn an_agent_inside_a_run_does_not_end_it_and_its_cost_is_the_whole() {
    let story = fixture::runs::runs();
    let ends: Vec<bool> = story.state.agents.runs().map(|(_, run)| run.end.is_some()).collect();
    assert_eq!(ends, [true, true, true, false]);
    let first = story.state.agents.runs().next().map(|(_, run)| run.usage);
    assert_eq!(first, Some(Usage { input: 1_840, output: 312, tokens: 2_152, cost: 8_300 }));
    assert_eq!(story.state.agents.runs().filter(|(_, run)| run.played).count(), 1);
}

#[test]
fn a_run_is_held_to_be_played_by_the_signs_of_a_contract() {
    use AgentKind::{AgentCompleted, AgentStarted, AgentThinking, System};
    let played = |agent: &str, millis: [u64; 3], announced: bool| {
        let mut story = fixture::runs::runs();
        if announced {
            let raw = r#"{"type":"system_message","data":{"event":"degraded_mode"}}"#;
            let run = fixture::runs::event(&story, "", System, "", "", "");
            let event = AgentEvent { run: None, agent: None, raw: raw.into(), ..run };
            story.tell(StreamEvent::Received { stream: StreamId(0), events: vec![event] });
        }
        let kinds = [AgentStarted, AgentThinking, AgentThinking, AgentCompleted];
        for (kind, millis) in kinds.into_iter().zip([100].into_iter().chain(millis)) {
            story.hear(millis, "run_9f", kind, (agent, ""), "");
        }
        story.state.agents.runs().next_back().is_some_and(|(_, run)| run.played)
    };
    let (even, uneven) = ([100; 3], [40, 300, 120]);
    assert!(!played("ChatAgent", uneven, false), "a name alone is not enough");
    assert!(played("ChatAgent", even, false), "a name, and a beat that is too even");
    assert!(played("ChatAgent", uneven, true), "a name, and the server says so itself");
    assert!(!played("supervisor", even, true), "an even beat and an announcement are two of three");
}

#[test]
fn a_message_is_written_sent_and_found_again() {
    let mut desk = Desk::new((120, 40), &["M"]);
    desk.press(&["\t"]);
    desk.check("compose");
    desk.press(&[ESC, "M", "/close 4001 bye"]);
    let wishes = desk.press(&["\x13"]);
    let what = Outgoing::Close { code: 4001, reason: "bye".into() };
    assert_eq!(wishes, [Wish::Command(Command::Send { stream: StreamId(0), what })]);
    desk.press(&["M", "\x10"]);
    desk.shows("/close 4001 bye");
    desk.shows("sent before, 1 of 1");
}

#[test]
fn what_cannot_be_sent_is_said_and_what_was_written_is_not_lost() {
    let mut desk = Desk::new((100, 30), &["M", "/hex 0"]);
    assert_eq!(desk.press(&["\x13"]), []);
    desk.shows("pairs of hexadecimal digits");
    desk.press(&[ESC]);
    desk.shows("leave without sending?");
    desk.press(&["n", "0"]);
    desk.shows("a binary frame of 1 bytes");
}
