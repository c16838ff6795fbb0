//! What changed files start, told event by event; and the folder that is really watched.

use std::sync::Arc;

use Outcome::{Failed, Passed};
use liveloop::domain::*;

const TESTS: [&str; 3] = ["tests/test_api.py::one", "tests/test_api.py::two", "tests/test_web.py::three"];

/// A session whose files are watched, and that knows three tests.
struct Story {
    state: State,
    effects: Effects,
}

impl Story {
    fn new(rules: Vec<WatchRule>) -> Self {
        let project = ProjectSpec {
            name: "shop".into(),
            root: "/home/ada/shop".into(),
            runners: vec![RunnerSpec { name: "pytest".into(), tool: "pytest".into(), ..RunnerSpec::default() }],
            watch: WatchSpec { enabled: true, rules },
            ..ProjectSpec::default()
        };
        let mut story = Self { state: State::default(), effects: Vec::new() };
        story.tell(SessionEvent::Opened { project: Arc::new(project) });
        assert_eq!(story.effects, [Effect::WatchFiles]);
        story.tell(SessionEvent::Recalled(Arc::default()));
        story
    }

    fn tell(&mut self, event: impl Into<Event>) -> &mut Self {
        let at = Moment(self.state.at.0 + 1_000_000);
        let entry = Entry { seq: self.state.seq + 1, at, event: event.into() };
        self.effects.clear();
        self.state.apply(&entry, &mut self.effects);
        self
    }

    fn ask(&mut self, command: Command) -> &mut Self {
        self.tell(SessionEvent::Asked { by: ViewerId(0), command })
    }

    fn change(&mut self, paths: &[&str]) -> &mut Self {
        self.change_and_lose(paths, &[])
    }

    fn change_and_lose(&mut self, paths: &[&str], gone: &[&str]) -> &mut Self {
        let all = |paths: &[&str]| paths.iter().map(|path| (*path).into()).collect();
        self.tell(SessionEvent::FilesChanged { paths: all(paths), more: 0, gone: all(gone) })
    }

    /// What is there is listed, without running anything.
    fn list(&mut self, nodes: &[&str]) -> &mut Self {
        let listing = |effect: &Effect| matches!(effect, Effect::StartRun { kind: RunKind::Collect, .. });
        assert!(self.effects.iter().any(listing), "{:?}", self.effects);
        let run = self.state.runs.iter().next_back().expect("a run").0;
        let found = |node: &&str| {
            let (module, _) = node.split_once("::").expect("a node id");
            Found { node: (*node).into(), module: module.into(), line: 1, source: None }
        };
        self.tell(RunEvent::Started { run, pid: 1 });
        self.tell(RunEvent::Collected { run, tests: nodes.iter().map(found).collect() });
        self.tell(RunEvent::CollectionEnded { run });
        self.tell(RunEvent::Exited { run, exit: Exit::Code(0), says: "".into(), leaked: 0 })
    }

    fn begin(&mut self) -> RunId {
        let run = self.state.runs.iter().next_back().expect("a run").0;
        let found = |node: &&str| {
            let (module, _) = node.split_once("::").expect("a node id");
            Found { node: (*node).into(), module: module.into(), line: 1, source: None }
        };
        self.tell(RunEvent::Started { run, pid: 1 });
        self.tell(RunEvent::Collected { run, tests: TESTS.iter().map(found).collect() });
        self.tell(RunEvent::CollectionEnded { run });
        run
    }

    fn finish(&mut self, run: RunId, outcomes: &[Outcome]) -> &mut Self {
        for (n, &outcome) in outcomes.iter().enumerate() {
            let (n, took) = (n as u32, Span::millis(9));
            self.tell(RunEvent::TestStarted { run, n });
            self.tell(RunEvent::TestEnded { run, n, outcome, took, detail: None, evidence: None });
        }
        self.tell(RunEvent::Exited { run, exit: Exit::Code(0), says: "".into(), leaked: 0 })
    }

    /// Everything ran once, and ended so.
    fn ran(&mut self, outcomes: [Outcome; 3]) -> &mut Self {
        self.ask(Command::Run(Selection::All));
        let run = self.begin();
        self.finish(run, &outcomes).rest()
    }

    /// Time passes.
    fn rest(&mut self) -> &mut Self {
        for _ in 0..10 {
            self.tell(SessionEvent::ViewerLooked { viewer: ViewerId(0), looks: true });
        }
        self
    }

    /// What the last entry started.
    #[track_caller]
    fn starts(&mut self, expected: &[&str]) -> &mut Self {
        let mut started = Vec::new();
        for effect in &self.effects {
            if let Effect::StartRun { wanted: Wanted::Only { nodes, .. }, .. } = effect {
                started.extend(nodes.iter().map(ToString::to_string));
            }
        }
        assert_eq!(started, expected, "{:?}", self.effects);
        self
    }

    #[track_caller]
    fn says(&mut self, expected: &str) -> &mut Self {
        let news: Vec<&str> = self.state.news.iter().rev().take(3).map(|news| &*news.text).collect();
        assert!(news.contains(&expected), "{news:?}");
        self
    }
}

fn rule(path: &str, word: &str) -> WatchRule {
    WatchRule { paths: vec![path.into()], tests: vec![word.into()] }
}

#[test]
fn a_new_file_of_tests_is_listed_first_and_then_run() {
    let mut story = Story::new(Vec::new());
    story.ran([Passed, Failed, Passed]).change(&["tests/test_new.py"]);
    story.starts(&[]).says("test_new.py changed: which tests there are is asked first");
    story.list(&[TESTS[0], TESTS[1], TESTS[2], "tests/test_new.py::four"]);
    story.starts(&["tests/test_new.py::four"]).says("test_new.py changed: 1 test runs");
}

#[test]
fn the_tests_of_a_file_that_went_are_not_run() {
    let mut story = Story::new(Vec::new());
    story.ran([Passed, Passed, Passed]).change_and_lose(&["tests/test_web.py"], &["tests/test_web.py"]);
    story.list(&TESTS[..2]);
    story.starts(&[]).says("test_web.py changed: nothing fails, and no [[watch.rule]] names its tests");
    // What is known is run at once, and what is called otherwise is no file of tests.
    story.rest().change(&["tests/test_api.py"]).starts(&TESTS[..2]);
    let run = story.state.runs.iter().next_back().expect("a run").0;
    story.finish(run, &[]).rest().change_and_lose(&["src/main.py", "test_notes.md"], &["src/main.py"]).starts(&[]);
    assert!(!story.effects.iter().any(|effect| matches!(effect, Effect::StartRun { kind: RunKind::Collect, .. })));
}

#[test]
fn a_rule_names_the_tests_of_a_changed_file() {
    let mut story = Story::new(vec![rule("backend/**", "test_api"), rule("web", "three")]);
    story.ran([Passed; 3]);
    story.change(&["backend/api/main.py"]).starts(&TESTS[..2]).says("main.py changed: 2 tests run");
    let run = story.state.runs.iter().next_back().expect("a run").0;
    story.tell(RunEvent::Exited { run, exit: Exit::Code(0), says: "".into(), leaked: 0 }).rest();
    story.change(&["backend/a.py", "web/index.ts"]).starts(&TESTS).says("a.py and 1 more changed: 3 tests run");
}

#[test]
fn a_changed_test_file_starts_its_own_tests() {
    Story::new(Vec::new()).ran([Failed, Passed, Passed]).change(&["tests/test_web.py"]).starts(&TESTS[2..]);
}

#[test]
fn without_a_rule_what_failed_last_runs_or_it_is_said_that_nothing_does() {
    let mut story = Story::new(Vec::new());
    story.ran([Failed, Passed, Passed]).change(&["main.py"]).starts(&TESTS[..1]);
    story.says("main.py changed: 1 test runs, as it failed last");
    let mut story = Story::new(Vec::new());
    story.ran([Passed; 3]).change(&["main.py"]).starts(&[]);
    story.says("main.py changed: nothing fails, and no [[watch.rule]] names its tests");
}

#[test]
fn what_changes_during_a_run_starts_one_run_after_it() {
    let mut story = Story::new(vec![rule("*.py", "test_api")]);
    story.ran([Passed; 3]).ask(Command::Run(Selection::All));
    let run = story.begin();
    story.change(&["a.py"]).starts(&[]).says("a.py changed: its tests run after what is under way");
    story.change(&["b.py"]).starts(&[]);
    story.finish(run, &[Passed; 3]).starts(&TESTS[..2]).says("a.py and 1 more changed: 2 tests run");
    assert!(story.state.watch.waiting.is_empty());
}

#[test]
fn a_test_that_writes_into_the_project_does_not_run_for_ever() {
    let mut story = Story::new(vec![rule("out.txt", "test_api")]);
    story.ran([Passed; 3]).change(&["out.txt"]);
    let mut runs = 1;
    for _ in 0..20 {
        if story.state.runs.active().next().is_none() {
            break;
        }
        let run = story.state.runs.iter().next_back().expect("a run").0;
        story.change(&["out.txt"]);
        story.tell(RunEvent::Exited { run, exit: Exit::Code(0), says: "".into(), leaked: 0 });
        // What it wrote last is told after its end.
        story.change(&["out.txt"]);
        runs += 1;
    }
    assert!(runs <= 5, "{runs} runs");
    story.says("out.txt changed during each of 4 runs in a row: let git ignore what tests write");
    story.rest().change(&["out.txt"]).starts(&TESTS[..2]);
}

#[test]
fn it_is_turned_on_and_off_and_can_fail() {
    let mut story = Story::new(Vec::new());
    story.ran([Failed; 3]).ask(Command::Watch(false));
    assert_eq!(story.effects, [Effect::EndWatch]);
    story.change(&["main.py"]).starts(&[]);
    story.ask(Command::Watch(true));
    assert_eq!(story.effects, [Effect::WatchFiles]);
    story.tell(SessionEvent::WatchEnded { why: "failed to watch /home/ada/shop: no more watches".into() });
    assert!(!story.state.watch.on);
    story.says("changed files start nothing: failed to watch /home/ada/shop: no more watches");
}

#[test]
fn a_mistake_in_a_rule_is_shown_where_it_stands() {
    use liveloop::config::load::{Vocabulary, load};
    use liveloop::config::places::{Layer, Source};
    let words = Vocabulary { actions: &[], themes: &[], key: &|_| Ok(()) };
    let read = |text: &str| load(&[Source::new(Layer::Project, "liveloop.toml", text)], words, &|_| None);
    let loaded = read("[watch]\nenabled = true\n[[watch.rule]]\npaths = [\"backend/**\"]\ntests = [\"api\"]\n");
    let project = loaded.accept().unwrap_or_else(|mistakes| panic!("{mistakes}")).project;
    assert_eq!(project.watch.spec, WatchSpec { enabled: true, rules: vec![rule("backend/**", "api")] });
    assert!(!read("").accept().expect("defaults hold").project.watch.spec.enabled);
    let loaded = read("[[watch.rule]]\npaths = [\"../other\"]\ntests = []\n");
    let said: Vec<_> = loaded.errors.iter().map(|mistake| format!("{}: {}", mistake.line, mistake.message)).collect();
    assert_eq!(said, ["2: `../other` names no files of the project", "3: names no tests"]);
}
