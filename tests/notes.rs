//! Notes, the state of the project's files and hand-offs: stories of entries in, text out.

use std::sync::Arc;

use liveloop::domain::*;
use liveloop::report::hand_off;

/// A session that is told events, ten milliseconds apart.
struct Story {
    state: State,
    effects: Effects,
}

impl Story {
    fn new() -> Self {
        let service = ServiceSpec {
            name: "backend".into(),
            url: "https://backend.staging.example".into(),
            has_health: true,
            has_revision: true,
            has_logs: false,
            deploy: None,
            ..ServiceSpec::default()
        };
        let project = ProjectSpec {
            name: "shop".into(),
            root: "/home/me/shop".into(),
            environment: Some(EnvironmentSpec { name: "staging".into(), kind: EnvironmentKind::Shared }),
            runners: vec![RunnerSpec {
                name: "pytest".into(),
                tool: "pytest".into(),
                command: "python -m pytest".into(),
                why: "".into(),
                ..RunnerSpec::default()
            }],
            services: vec![service],
            streams: vec![StreamSpec {
                name: "agents".into(),
                url: "".into(),
                service: None,
                start: None,
                messages: Vec::new(),
                over_http: false,
                budget: Span::seconds(2),
                ..StreamSpec::default()
            }],
            ..ProjectSpec::default()
        };
        let mut story = Self { state: State::default(), effects: Vec::new() };
        story.state.at = Moment(1_790_078_400_000_000);
        story.tell(SessionEvent::Opened { project: Arc::new(project) });
        story.tell(SessionEvent::ViewerJoined { viewer: ViewerId(0), name: "ada".into(), drives: true });
        story.tell(SessionEvent::ViewerJoined { viewer: ViewerId(1), name: "kim".into(), drives: true });
        let probe = Probe { health: Health::Healthy, latency: Span::millis(8), revision: Some("backend-00003".into()) };
        story.tell(ServiceEvent::Probed { service: ServiceId(0), probe });
        story.effects.clear();
        story
    }

    fn tell(&mut self, event: impl Into<Event>) -> &mut Self {
        let at = Moment(self.state.at.0 + 10_000);
        let entry = Entry { seq: self.state.seq + 1, at, event: event.into() };
        // Everything that is told must survive the journal.
        let line = serde_json::to_string(&entry).expect("an entry is JSON");
        assert_eq!(serde_json::from_str::<Entry>(&line).expect("and back"), entry);
        self.state.apply(&entry, &mut self.effects);
        self
    }

    fn ask(&mut self, by: u32, command: Command) -> &mut Self {
        self.tell(SessionEvent::Asked { by: ViewerId(by), command })
    }

    fn write(&mut self, by: u32, about: NoteAbout, text: &str) -> &mut Self {
        self.ask(by, Command::WriteNote { about, text: text.into() })
    }

    /// A cycle in which each test ends as said: nothing, or the message of its failure.
    fn cycle(&mut self, tests: &[(&str, Option<&str>)]) -> &mut Self {
        self.ask(0, Command::Run(Selection::All));
        let run = self.state.runs.newest().expect("it was asked for").0;
        self.tell(RunEvent::Started { run, pid: 1 });
        self.tell(SessionEvent::SourceSeen(Arc::new(Checkout {
            commit: "0123456789abcdef0123456789abcdef01234567".into(),
            subject: "Check the *cart*".into(),
            author: Some("ada".into()),
            branch: Some("main".into()),
            dirty: Some(2),
            ..Checkout::default()
        })));
        let found = |(name, _): &(&str, _)| Found {
            node: format!("tests/test_shop.py::{name}").into(),
            module: "tests/test_shop.py".into(),
            line: 1,
            source: None,
        };
        self.tell(RunEvent::Collected { run, tests: tests.iter().map(found).collect() });
        self.tell(RunEvent::CollectionEnded { run });
        for (n, (name, failure)) in tests.iter().enumerate() {
            let n = n as u32;
            self.tell(RunEvent::TestStarted { run, n });
            if failure.is_some() {
                self.agent_event(name);
            }
            let outcome = if failure.is_some() { Outcome::Failed } else { Outcome::Passed };
            let detail = failure.map(|message| Arc::new(detail(message)));
            let evidence = Evidence {
                grade: Grade::Http,
                hosts: vec!["backend.staging.example:443".into()],
                sent: 412,
                received: 3_100,
                ..Evidence::default()
            };
            let (took, evidence) = (Span::millis(20), Some(Arc::new(evidence)));
            self.tell(RunEvent::TestEnded { run, n, outcome, took, detail, evidence });
        }
        self.tell(RunEvent::Exited { run, exit: Exit::Code(0), says: "".into(), leaked: 0 })
    }

    fn agent_event(&mut self, text: &str) {
        let bare = AgentEvent::bare(self.state.at, AgentKind::AgentStarted);
        let event =
            AgentEvent { run: Some("run_1".into()), agent: Some("supervisor".into()), text: text.into(), ..bare };
        self.tell(StreamEvent::Received { stream: StreamId(0), events: vec![event] });
    }

    fn cause(&self) -> &Cause {
        self.state.causes.get(CauseId(0)).expect("something failed")
    }

    fn last_news(&self) -> &str {
        &self.state.news.last().expect("something happened").text
    }

    fn handed(&self, what: HandOff) -> String {
        hand_off(&self.state, what).expect("it is known")
    }
}

fn detail(message: &str) -> Detail {
    let frame = |path: &str, line, source: &str, own| Frame { path: path.into(), line, source: source.into(), own };
    Detail {
        message: message.into(),
        exception: Some("AssertionError".into()),
        frames: vec![
            frame("site-packages/_pytest/python.py", 157, "", false),
            frame("tests/test_shop.py", 12, "    cart = shop.cart()\n    assert cart.items == 2", true),
            frame("tests/conftest.py", 4, "    raise AssertionError(answer)", true),
        ],
        trace: format!("tests/test_shop.py:12: in test_a\n>   \u{1b}[31massert\u{1b}[0m cart\nE   {message}\n").into(),
        sections: vec![Section { title: "Captured stdout call".into(), text: "line ```\n".repeat(90).into() }],
        subtests: Vec::new(),
    }
}

const FAILURES: [(&str, Option<&str>); 3] = [
    ("test_a", Some("the cart of the shop is empty")),
    ("test_b", Some("the cart of the shop is empty")),
    ("test_c", None),
];

const CHAIN: &str = "1. why is the cart empty?\n   because nobody filled it\n2. why did nobody?\n   because the \
                     job `fill` never ran\n3. why …?\n   because …\n";

#[test]
fn a_note_is_written_rewritten_and_removed() {
    let mut story = Story::new();
    let about = NoteAbout::Test("tests/test_shop.py::test_a".into());
    story.write(0, about.clone(), "seen on Monday");
    assert_eq!(story.last_news(), "ada wrote a note on test_a");
    story.write(1, about.clone(), "and on Tuesday");
    assert_eq!(story.last_news(), "kim rewrote the note on test_a");
    let note = story.state.notes.get(&about).expect("it is there");
    assert_eq!((&*note.author, note.version, &*note.text.prose[0]), ("kim", 2, "and on Tuesday"));
    story.write(0, about.clone(), " \n");
    assert_eq!(story.last_news(), "ada removed the note on test_a");
    assert!(story.state.notes.get(&about).is_none());
    assert!(story.effects.is_empty());
}

#[test]
fn a_note_on_a_cause_is_there_again_in_another_session() {
    let mut story = Story::new();
    story.cycle(&FAILURES);
    let about = NoteAbout::cause(&story.cause().signature);
    story.write(0, about, CHAIN);
    assert_eq!(story.last_news(), "ada wrote a note on the cart of the shop is empty");
    let notes: Vec<Note> = story.state.notes.iter().cloned().collect();

    let mut later = Story::new();
    later.tell(SessionEvent::Recalled(Arc::new(Recollection { notes, ..Recollection::default() })));
    later.cycle(&FAILURES);
    let note = later.state.notes.on_cause(&later.cause().signature).expect("known again by its signature");
    assert_eq!(note.text.root_cause().map(|text| &**text), Some("the job `fill` never ran"));
}

#[test]
fn a_cause_knows_when_it_was_seen() {
    let mut story = Story::new();
    story.cycle(&FAILURES).cycle(&FAILURES).cycle(&[("test_a", None), ("test_b", None)]).cycle(&FAILURES[..1]);
    let seen = &story.cause().seen;
    assert_eq!(seen.told(), "1, 2, 4");
    assert!(seen.first < seen.last);
}

#[test]
fn the_state_of_the_files_belongs_to_the_run_that_began_with_it() {
    let mut story = Story::new();
    story.cycle(&FAILURES);
    let seen = story.state.session.source.clone().expect("it was seen");
    assert_eq!(seen.state(), "2 changed files");
    let later = Arc::new(Checkout { commit: "f".repeat(40).into(), ..Checkout::default() });
    story.tell(SessionEvent::SourceSeen(later.clone()));
    assert_eq!(story.state.runs.newest().expect("a run").1.source, Some(seen));
    assert_eq!(story.state.session.source, Some(later));
}

#[test]
fn reports_are_wanted_when_a_cycle_is_over() {
    let mut story = Story::new();
    story.cycle(&FAILURES);
    assert!(!story.effects.contains(&Effect::WriteReports), "the project asks for none");
    let project = ProjectSpec { has_reports: true, ..(*story.state.session.project).clone() };
    story.tell(SessionEvent::Opened { project: Arc::new(project) }).cycle(&FAILURES);
    assert_eq!(story.effects.iter().filter(|effect| **effect == Effect::WriteReports).count(), 1);
    let failed = vec!["the report cannot be written to report.md: no space".into()];
    story.tell(SessionEvent::ReportsWritten { files: Vec::new(), failed });
    assert!(story.state.news.last().is_some_and(|news| news.text.contains("no space")), "what failed is said");
}

#[test]
fn a_hand_off_that_is_to_be_kept_is_an_effect() {
    let mut story = Story::new();
    story.ask(0, Command::KeepHandOff(HandOff::Open));
    assert_eq!(story.effects, [Effect::KeepHandOff { what: HandOff::Open }]);
    story.tell(SessionEvent::HandOffKept { path: ".liveloop/handoff/x.md".into(), bytes: 12 });
    assert_eq!(story.last_news(), "the hand-off is in .liveloop/handoff/x.md");
}

#[test]
fn a_test_is_handed_off_whole() {
    let mut story = Story::new();
    story.cycle(&[("test_a", None)]).cycle(&FAILURES);
    let test = NoteAbout::Test("tests/test_shop.py::test_a".into());
    story.write(1, test, "# not a heading\n<b>nor this</b>");
    let about = NoteAbout::cause(&story.cause().signature);
    story.write(0, about, CHAIN);
    check("hand-off-test", &story.handed(HandOff::Test(TestId(0))));
}

#[test]
fn a_cause_and_all_causes_are_handed_off() {
    let mut story = Story::new();
    let failures = [FAILURES[0], FAILURES[1], ("test_c", Some("HTTP 503 for https://backend.staging.example/cart"))];
    story.cycle(&failures);
    let about = NoteAbout::cause(&story.cause().signature);
    story.write(0, about, CHAIN);
    check("hand-off-cause", &story.handed(HandOff::Cause(CauseId(0))));
    check("hand-off-open", &story.handed(HandOff::Open));
}

#[test]
fn a_hand_off_of_nothing_is_said_or_refused() {
    let story = Story::new();
    assert!(hand_off(&story.state, HandOff::Test(TestId(7))).is_none());
    assert!(hand_off(&story.state, HandOff::Cause(CauseId(7))).is_none());
    assert!(story.handed(HandOff::Open).starts_with("# Nothing fails\n"));
}

#[test]
fn a_hand_off_stays_short_whatever_failed() {
    let mut story = Story::new();
    let long = "x".repeat(20_000);
    let names: Vec<String> = (0..300).map(|n| format!("test_{n}")).collect();
    let tests: Vec<(&str, Option<&str>)> = names.iter().map(|name| (&**name, Some(&*long))).collect();
    story.cycle(&tests);
    for what in [HandOff::Cause(CauseId(0)), HandOff::Open, HandOff::Test(TestId(3))] {
        let text = story.handed(what);
        assert!(text.len() < 60_000, "{what:?}: {}", text.len());
    }
    let text = story.handed(HandOff::Cause(CauseId(0)));
    assert!(text.contains("The first 100 of 300 tests"), "{text}");
}

/// Compares a text with what a person has read and found right.
fn check(name: &str, text: &str) {
    // The version moves on without changing anything here.
    let text = text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}
