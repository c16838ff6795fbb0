//! A session told event by event, for tests of the fold.

use std::sync::Arc;

use liveloop::domain::*;

/// A session that is told events, one second apart.
pub(crate) struct Story {
    pub(crate) state: State,
    pub(crate) effects: Effects,
}

/// How a test of a story ends: it passes, or fails with these words.
pub(crate) type End = Option<&'static str>;

impl Story {
    /// A session with one runner and no service, measured against `baseline` from the beginning.
    pub(crate) fn new(baseline: Baseline) -> Self {
        let runner = RunnerSpec {
            name: "pytest".into(),
            tool: "pytest".into(),
            command: "pytest".into(),
            why: "".into(),
            ..RunnerSpec::default()
        };
        let project = ProjectSpec { name: "shop".into(), runners: vec![runner], baseline, ..ProjectSpec::default() };
        let mut story = Self { state: State::default(), effects: Vec::new() };
        story.tell(SessionEvent::Opened { project: Arc::new(project) });
        story.tell(SessionEvent::Recalled(Arc::default()));
        story
    }

    pub(crate) fn tell(&mut self, event: impl Into<Event>) -> &mut Self {
        let at = Moment(self.state.at.0 + 1_000_000);
        let entry = Entry { seq: self.state.seq + 1, at, event: event.into() };
        self.state.apply(&entry, &mut self.effects);
        self
    }

    pub(crate) fn ask(&mut self, command: Command) -> &mut Self {
        self.tell(SessionEvent::Asked { by: ViewerId(0), command })
    }

    /// The newest run.
    pub(crate) fn run(&self) -> RunId {
        self.state.runs.iter().next_back().expect("a run was asked for").0
    }

    /// The newest run collects these tests and lives through them.
    pub(crate) fn live(&mut self, tests: &[(&str, End)]) -> &mut Self {
        let run = self.run();
        let found = |(node, _): &(&str, End)| {
            let (module, _) = node.split_once("::").expect("a node id");
            Found { node: (*node).into(), module: module.into(), line: 1, source: None }
        };
        self.tell(RunEvent::Started { run, pid: 1 });
        self.tell(RunEvent::Collected { run, tests: tests.iter().map(found).collect() });
        self.tell(RunEvent::CollectionEnded { run });
        for ((_, end), n) in tests.iter().zip(0..) {
            let outcome = if end.is_some() { Outcome::Failed } else { Outcome::Passed };
            let detail = end.map(|message| Arc::new(Detail { message: message.into(), ..Detail::default() }));
            self.tell(RunEvent::TestStarted { run, n });
            self.tell(RunEvent::TestEnded { run, n, outcome, took: Span::millis(9), detail, evidence: None });
        }
        let failed = tests.iter().any(|(_, end)| end.is_some());
        self.tell(RunEvent::Exited { run, exit: Exit::Code(i32::from(failed)), says: "".into(), leaked: 0 })
    }

    /// A cycle of everything.
    pub(crate) fn cycle(&mut self, tests: &[(&str, End)]) -> &mut Self {
        self.ask(Command::Run(Selection::All)).live(tests)
    }

    pub(crate) fn id(&self, node: &str) -> TestId {
        self.state.inventory.test_named(RunnerId(0), node).unwrap_or_else(|| panic!("{node} is not known"))
    }

    /// `a.py::one newly failed, a.py::two passing`
    pub(crate) fn verdicts(&self) -> String {
        let told = |(_, test): (TestId, &TestCase)| Some(format!("{} {}", test.node, test.verdict()?.word()));
        self.state.inventory.tests().filter_map(told).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn last_news(&self) -> &str {
        self.state.news.last().map_or("", |news| &news.text)
    }
}
