//! Keys in, screen out: whole viewers on a session that is filled by hand.

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::{Viewer, *};
use crate::attach::Playback;
use crate::domain::Event as Happening;
use crate::domain::*;
use crate::ui::color::Depth;
use crate::ui::input::Decoder;
use crate::ui::theme::Glyphs;
use crate::ui::theme_file::Palette;
use crate::ui::view::Cursor;

const SECOND: u64 = 1_000_000;

struct Desk {
    viewer: Viewer,
    terminal: Terminal<TestBackend>,
    now: Moment,
    seq: u64,
}

impl Desk {
    /// A staging session with two services, and a module of three tests of which two failed.
    fn new() -> Self {
        let mut desk = Self::empty();
        desk.happen(SessionEvent::Opened { project: Arc::new(project()) });
        desk.happen(SessionEvent::ViewerJoined { viewer: ViewerId(0), name: "you".into(), drives: true });
        for service in [ServiceId(0), ServiceId(1)] {
            let probe =
                Probe { health: Health::Healthy, latency: Span::millis(9), revision: Some("backend-00003".into()) };
            desk.happen(ServiceEvent::Probed { service, probe });
        }
        desk.start_run();
        for (n, outcome) in [(0, Outcome::Failed), (1, Outcome::Passed), (2, Outcome::Failed)] {
            desk.end_test(n, outcome);
        }
        desk.happen(RunEvent::Exited { run: RunId(0), exit: Exit::Code(1), says: "tests failed".into(), leaked: 0 });
        desk
    }

    fn empty() -> Self {
        let view = ViewState { viewer: Some(ViewerId(0)), ..ViewState::default() };
        let theme = Palette::dark().theme(Depth::True, Glyphs::Unicode);
        let viewer = Viewer::new(view, theme, (100, 30));
        let terminal = Terminal::new(TestBackend::new(100, 30)).expect("memory cannot fail");
        Self { viewer, terminal, now: Moment(1_000 * SECOND), seq: 0 }
    }

    fn happen(&mut self, event: impl Into<Happening>) {
        self.seq += 1;
        let entry = Entry { seq: self.seq, at: self.now, event: event.into() };
        self.viewer.take(Delivery::Entries(vec![Arc::new(entry)]), self.now);
    }

    fn start_run(&mut self) {
        let run = RunId(self.viewer.state.runs.iter().len() as u32);
        self.happen(SessionEvent::Asked { by: ViewerId(0), command: Command::Run(Selection::All) });
        self.happen(RunEvent::Started { run, pid: 7 });
        let module: Text = "tests/test_orders.py".into();
        let found = |name: &str| Found {
            node: format!("{module}::{name}").into(),
            module: module.clone(),
            line: 12,
            source: None,
        };
        self.happen(RunEvent::Collected { run, tests: ["test_create", "test_list", "test_ship"].map(found).to_vec() });
        self.happen(RunEvent::CollectionEnded { run });
    }

    fn end_test(&mut self, n: u32, outcome: Outcome) {
        let detail = (outcome == Outcome::Failed).then(|| {
            Arc::new(Detail { message: "assert 403 == 200".into(), trace: ">  assert".into(), ..Detail::default() })
        });
        self.happen(RunEvent::TestStarted { run: RunId(0), n });
        self.happen(RunEvent::TestEnded { run: RunId(0), n, outcome, took: Span::millis(40), detail, evidence: None });
    }

    /// Types as a terminal would send it, a read for each piece.
    fn type_in(&mut self, pieces: &[&str]) -> Vec<Wish> {
        let mut wishes = Vec::new();
        for piece in pieces {
            let (mut decoder, mut events) = (Decoder::default(), Vec::new());
            decoder.feed(piece.as_bytes(), &mut events);
            decoder.settle(&mut events);
            for event in &events {
                wishes.extend(self.viewer.handle(event, self.now));
            }
            self.now = self.now.after(Span::millis(300));
        }
        wishes
    }

    fn screen(&mut self) -> String {
        let area = self.viewer.area();
        self.terminal.backend_mut().resize(area.width, area.height);
        let (viewer, now) = (&mut self.viewer, self.now);
        self.terminal.draw(|frame| viewer.draw(frame, now)).expect("memory cannot fail");
        let buffer = self.terminal.backend().buffer();
        let line = |y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..area.height).map(|y| line(y).trim_end().to_owned() + "\n").collect()
    }

    fn notice(&self) -> &str {
        self.viewer.view.notice.as_ref().map_or("", |notice| &notice.text)
    }

    fn footer(&self) -> String {
        let scene = Scene {
            state: &self.viewer.state,
            view: &self.viewer.view,
            theme: &self.viewer.theme,
            now: self.now,
            clock: self.viewer.clock,
        };
        let keys = crate::ui::footer::keys(&scene, &crate::ui::regions::Regions::default());
        keys.iter().map(|key| format!("{} {}", key.keys, key.label)).collect::<Vec<_>>().join(" | ")
    }
}

fn project() -> ProjectSpec {
    let service = |name: &str| ServiceSpec {
        name: name.into(),
        url: "http://127.0.0.1".into(),
        has_health: true,
        has_revision: true,
        has_logs: false,
        deploy: Some(DeploySpec {
            command: ["python3", "deploy.py", name, "--note", "it's fixed"].map(Text::from).to_vec(),
            timeout: Span::seconds(60),
            streak: 3,
            proof_timeout: Span::seconds(60),
            ..DeploySpec::default()
        }),
        ..ServiceSpec::default()
    };
    ProjectSpec {
        name: "shop".into(),
        root: "/home/anna/shop".into(),
        environment: Some(EnvironmentSpec { name: "staging".into(), kind: EnvironmentKind::Shared }),
        runners: vec![RunnerSpec {
            name: "pytest".into(),
            tool: "pytest".into(),
            command: "python3 -m pytest".into(),
            why: "found".into(),
            ..RunnerSpec::default()
        }],
        services: vec![service("backend"), service("auth")],
        ..ProjectSpec::default()
    }
}

#[test]
fn r_reruns_exactly_what_failed() {
    let mut desk = Desk::new();
    assert!(desk.footer().starts_with("r rerun 2 failed | R run all | d deploy"), "{}", desk.footer());
    assert_eq!(desk.type_in(&["r"]), [Wish::Command(Command::Run(Selection::Failures))]);
    assert_eq!(desk.type_in(&["R"]), [Wish::Command(Command::Run(Selection::All))]);
}

#[test]
fn in_an_opened_test_r_means_that_test() {
    let mut desk = Desk::new();
    desk.type_in(&["\r"]);
    assert_eq!(desk.viewer.view.page, Page::Detail(TestId(0)));
    assert!(desk.footer().starts_with("esc back | ] next failure | r rerun this failure"), "{}", desk.footer());
    assert_eq!(desk.type_in(&["r"]), [Wish::Command(Command::Run(Selection::Tests(vec![TestId(0)])))]);
    desk.type_in(&["]"]);
    assert_eq!(desk.viewer.view.page, Page::Detail(TestId(2)));
    desk.type_in(&["\x1b"]);
    assert_eq!((desk.viewer.view.page, desk.viewer.view.cursor), (Page::Board, Some(Cursor::Test(TestId(2)))));
}

#[test]
fn a_null_run_is_chosen_before_it_is_asked_for() {
    let mut desk = Desk::new();
    assert_eq!(desk.type_in(&["V"]), []);
    assert!(desk.screen().contains("everything with the network refused"), "{}", desk.screen());
    let everything = |kind| Wish::Command(Command::RunNull { kind, selection: Selection::All });
    assert_eq!(desk.type_in(&["\r"]), [everything(NullKind::Refused)]);
    assert_eq!(desk.type_in(&["V", "j", "\r"]), [everything(NullKind::Stub)]);
    // What is under the cursor comes after everything.
    let one = Selection::Tests(vec![TestId(0)]);
    let kind = NullKind::Refused;
    assert_eq!(desk.type_in(&["\r", "V", "j", "j", "\r"]), [Wish::Command(Command::RunNull { kind, selection: one })]);
    assert_eq!(desk.type_in(&["V", "\x1b"]), []);
}

#[test]
fn a_cause_is_opened_rerun_and_copied_as_a_whole() {
    let mut desk = Desk::new();
    desk.type_in(&["5"]);
    assert!(desk.screen().contains("HTTP 403"), "{}", desk.screen());
    assert!(desk.footer().starts_with("r rerun 2 of this cause"), "{}", desk.footer());
    let both = Selection::Tests(vec![TestId(0), TestId(2)]);
    assert_eq!(desk.type_in(&["r"]), [Wish::Command(Command::Run(both.clone()))]);
    desk.type_in(&["\r"]);
    assert_eq!(desk.viewer.view.page, Page::Cause(CauseId(0)));
    assert_eq!(desk.type_in(&["r"]), [Wish::Command(Command::Run(both))]);
    let wishes = desk.type_in(&["y", "\r"]);
    assert!(
        matches!(&wishes[..], [Wish::Copy { what: "the cause", text, .. }]
            if text.starts_with("authentication: HTTP 403\n") && text.contains("test_orders.py::test_ship\n")),
        "{wishes:?}"
    );
    // Its second test opens, and the way back leads through the cause.
    desk.type_in(&["j", "\r"]);
    assert_eq!(desk.viewer.view.page, Page::Detail(TestId(2)));
    desk.type_in(&["\x1b"]);
    assert_eq!(desk.viewer.view.page, Page::Cause(CauseId(0)));
    desk.type_in(&["\x1b"]);
    assert_eq!((desk.viewer.view.page, desk.viewer.view.focus), (Page::Board, Pane::Causes));
    desk.type_in(&["\x1b"]);
    assert_eq!(desk.viewer.view.focus, Pane::Tests);
}

#[test]
fn a_deploy_asks_which_service_and_shows_the_exact_command() {
    let mut desk = Desk::new();
    assert_eq!(desk.type_in(&["d"]), []);
    assert!(desk.screen().contains("backend  backend-00003"));
    desk.type_in(&["\r"]);
    let screen = desk.screen();
    for line in [
        "deploy backend?",
        "environment  staging, shared with the team",
        r"command      python3 deploy.py backend --note 'it'\''s fixed'",
        "replaces     backend-00003",
        "connected    you",
        "› cancel",
    ] {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
    // Cancel has the focus: enter does nothing but close.
    assert_eq!(desk.type_in(&["\r"]), []);
    assert!(desk.viewer.view.overlay.is_none());
    assert_eq!(desk.type_in(&["d", "\r", "\t", "\r"]), [Wish::Command(Command::Deploy(ServiceId(0)))]);
    assert!(desk.viewer.view.overlay.is_none());
}

#[test]
fn no_held_key_and_no_paste_confirms_a_deploy() {
    let mut desk = Desk::new();
    // A held enter: choice, cancel, and then the keys of the board.
    assert_eq!(desk.type_in(&["d", "\r\r\r\r"]), []);
    desk.viewer.view.overlay = None;
    // Text that was pasted without brackets arrives in one read.
    assert_eq!(desk.type_in(&["d", "\r", "y\r"]), []);
    assert!(desk.viewer.view.overlay.is_some(), "the question still stands");
    // And with brackets it presses nothing at all.
    assert_eq!(desk.type_in(&["\x1b[200~y\r\r\x1b[201~", "\x1b[Cxyz"]), []);
    assert!(desk.viewer.view.overlay.is_some());
    assert_eq!(desk.type_in(&["\r"]), [Wish::Command(Command::Deploy(ServiceId(0)))]);
}

#[test]
fn a_question_that_is_no_longer_true_is_asked_again() {
    let mut desk = Desk::new();
    desk.type_in(&["d", "\r", "y"]);
    let probe = Probe { health: Health::Healthy, latency: Span::millis(9), revision: Some("backend-00004".into()) };
    desk.happen(ServiceEvent::Probed { service: ServiceId(0), probe });
    assert_eq!(desk.type_in(&["\r"]), []);
    assert!(desk.screen().contains("replaces     backend-00004"));
    assert!(desk.notice().contains("changed while you were asked"));
    assert_eq!(desk.type_in(&["y", "\r"]), [Wish::Command(Command::Deploy(ServiceId(0)))]);
}

#[test]
fn the_filter_narrows_as_it_is_typed_and_escape_clears_it() {
    let mut desk = Desk::new();
    desk.type_in(&["/", "ship q"]);
    assert!(desk.screen().contains(" / ship q"));
    desk.type_in(&["\x7f\x7f", "\r"]);
    let screen = desk.screen();
    assert!(screen.contains("ship") && !screen.contains("create"), "{screen}");
    assert!(desk.footer().contains("clear the filter"));
    desk.type_in(&["\x1b"]);
    assert!(desk.screen().contains("create"));
}

#[test]
fn the_palette_finds_and_does() {
    let mut desk = Desk::new();
    desk.type_in(&[":", "deploy au"]);
    assert!(desk.screen().contains("deploy auth"));
    desk.type_in(&["\r"]);
    assert!(desk.screen().contains("python3 deploy.py auth"));
    desk.type_in(&["\x1b"]);
    assert_eq!(desk.type_in(&[":", "rerf", "\r"]), [Wish::Command(Command::Run(Selection::Failures))]);
    desk.type_in(&[":", "open ship", "\r"]);
    assert_eq!(desk.viewer.view.page, Page::Detail(TestId(2)));
}

#[test]
fn a_run_can_be_stopped_and_leaving_it_is_asked_first() {
    let mut desk = Desk::new();
    assert_eq!(desk.type_in(&["q"]), [Wish::Leave]);
    desk.start_run();
    assert!(desk.footer().starts_with("x stop the run | s stacks"), "{}", desk.footer());
    assert_eq!(desk.type_in(&["x"]), [Wish::Command(Command::StopRun(RunId(1)))]);
    assert_eq!(desk.type_in(&["q"]), []);
    assert!(desk.screen().contains("quit?"));
    assert_eq!(desk.type_in(&["\r"]), []);
    assert_eq!(desk.type_in(&["\x03", "\x03"]), [Wish::Leave]);
    assert!(desk.viewer.is_ticking(desk.now));
}

#[test]
fn copying_offers_id_failure_and_command() {
    let mut desk = Desk::new();
    desk.type_in(&["y"]);
    let screen = desk.screen();
    assert!(screen.contains("the test's id") && screen.contains("the failure"), "{screen}");
    let text = "python3 -m pytest tests/test_orders.py::test_create".to_owned();
    assert_eq!(desk.type_in(&["G", "\r"]), [Wish::Copy { what: "the rerun command", text, otherwise: None }]);
    let wishes = desk.type_in(&["o"]);
    assert!(
        matches!(&wishes[..], [Wish::Edit(place)] if place.path.ends_with("shop/tests/test_orders.py")),
        "{wishes:?}"
    );
}

#[test]
fn a_click_chooses_a_second_one_opens_and_the_wheel_moves() {
    let mut desk = Desk::new();
    let screen = desk.screen();
    let (row, column) = screen.lines().enumerate().find_map(|(n, line)| Some((n, line.find("ship")?))).expect("a row");
    let column = screen.lines().nth(row).map_or(0, |line| line[..column].chars().count());
    let click = format!("\x1b[<0;{};{}M", column + 1, row + 1);
    desk.type_in(&[&click]);
    assert_eq!((desk.viewer.view.cursor, desk.viewer.view.page), (Some(Cursor::Test(TestId(2))), Page::Board));
    desk.type_in(&[&click]);
    assert_eq!(desk.viewer.view.page, Page::Detail(TestId(2)));
    desk.type_in(&["\x1b"]);
    let wheel = click.replace("[<0;", "[<64;");
    desk.type_in(&[&wheel]);
    assert_eq!(desk.viewer.view.cursor, Some(Cursor::Module(ModuleId(0))));
    // Over a question, a click means nothing.
    desk.type_in(&["d", "\r", "y"]);
    assert_eq!(desk.type_in(&[&click, &click]), []);
    assert!(desk.viewer.view.overlay.is_some());
}

#[test]
fn an_observer_looks_and_does_not_touch() {
    let mut desk = Desk::new();
    desk.viewer.view.viewer = Some(ViewerId(9));
    desk.happen(SessionEvent::ViewerJoined { viewer: ViewerId(9), name: "ben".into(), drives: false });
    assert_eq!(desk.type_in(&["r", "R", "t", "x", "d", "a", "w"]), []);
    assert!(desk.notice().contains("you observe"));
    assert!(!desk.footer().contains("rerun"), "{}", desk.footer());
    assert_eq!(desk.type_in(&["q"]), [Wish::Leave]);
}

#[test]
fn a_recording_is_played_and_never_acted_in() {
    let mut desk = Desk::new();
    let clock = Clock::Played { at: desk.now, playing: true, speed: 1.0, progress: (1, 2) };
    desk.viewer.take(Delivery::Clock(clock), desk.now);
    assert_eq!(desk.type_in(&[" ", "\x1b[C"]), [Wish::Playback(Playback::Toggle), Wish::Playback(Playback::Seek(10))]);
    assert_eq!(desk.type_in(&["r", "d"]), []);
    assert!(desk.notice().contains("recording"));
    assert!(desk.footer().starts_with("space pause"), "{}", desk.footer());
}

#[test]
fn help_shows_the_keys_and_scrolls_only_as_far_as_it_goes() {
    let mut desk = Desk::new();
    desk.type_in(&["?"]);
    assert!(desk.screen().contains("Runs again exactly what failed"));
    desk.type_in(&["G"]);
    assert!(desk.screen().contains("Leaves the console"));
    desk.type_in(&["k"]);
    assert!(!desk.screen().contains("Leaves the console"), "one step back is seen at once");
    desk.type_in(&["q"]);
    assert!(desk.viewer.view.overlay.is_none());
}

#[test]
fn a_notice_goes_after_a_while_and_then_nothing_ticks() {
    let mut desk = Desk::new();
    desk.type_in(&["x"]);
    assert!(desk.screen().contains("nothing runs"));
    assert!(desk.viewer.is_ticking(desk.now));
    desk.now = desk.now.after(Span::seconds(6));
    desk.viewer.tick(desk.now);
    assert_eq!(desk.notice(), "");
    assert!(!desk.viewer.is_ticking(desk.now));
}

#[test]
fn a_key_without_a_meaning_and_a_moving_mouse_draw_nothing() {
    let mut desk = Desk::new();
    desk.screen();
    assert!(!desk.viewer.is_dirty());
    desk.type_in(&["\x1b[<35;4;4M", "\x1b[I"]);
    assert!(!desk.viewer.is_dirty());
    desk.type_in(&["j"]);
    assert!(desk.viewer.is_dirty());
}

#[test]
fn every_size_is_drawn_with_everything_open() {
    let mut desk = Desk::new();
    let opened: [&[&str]; 7] = [&[], &["]", "\r"], &["?"], &[":", "x"], &["d"], &["d", "\r"], &["/", "s"]];
    for keys in opened {
        desk.type_in(keys);
        for (width, height) in [(1, 1), (2, 3), (5, 2), (20, 5), (80, 24), (200, 60), (u16::MAX, u16::MAX)] {
            desk.viewer.resize(width, height);
            desk.screen();
        }
        desk.viewer.resize(100, 30);
        desk.type_in(&["\x1b", "\x1b", "\x1b"]);
    }
    assert_eq!(desk.viewer.area().as_size(), (100, 30).into());
}

#[test]
fn no_keys_do_harm_and_none_but_a_confirmed_one_deploys() {
    let mut desk = Desk::new();
    let mut seed = 7_u64;
    for _ in 0..4_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let keys = [
            "j",
            "k",
            "\x1b",
            "\r",
            "\t",
            "]",
            "/",
            "a",
            ":",
            "?",
            "d",
            "r",
            "y",
            "g",
            "G",
            "h",
            "l",
            "z",
            "4",
            "5",
            "\x1b[<0;9;4M",
            "\x1b[<65;9;4M",
            "\x1b[6~",
        ];
        let key = keys[(seed >> 33) as usize % keys.len()];
        let asked = matches!(&desk.viewer.view.overlay, Some(Overlay::Confirm(confirm)) if confirm.accept);
        let wishes = desk.type_in(&[key]);
        let deploys = wishes.iter().any(|wish| matches!(wish, Wish::Command(Command::Deploy(_))));
        assert!(!deploys || (asked && key == "\r"), "{key:?}");
    }
    desk.screen();
}
