//! What passes are worth, as the fold keeps it: passes by grade, null runs, and passes that came too quickly.

use std::sync::Arc;

use liveloop::domain::*;
use proptest::prelude::*;

const TESTS: [&str; 4] = ["a.py::one", "a.py::two", "a.py::three", "b.py::four"];
const PASSED: Outcome = Outcome::Passed;
const FAILED: Outcome = Outcome::Failed;

/// What the tests of these stories are aimed at.
fn agents() -> StreamSpec {
    StreamSpec {
        name: "agents".into(),
        url: "ws://127.0.0.1:1".into(),
        service: None,
        start: None,
        messages: Vec::new(),
        over_http: false,
        budget: Span::seconds(2),
        ..StreamSpec::default()
    }
}

/// A session that is told events, one millisecond apart.
struct Story {
    state: State,
    effects: Effects,
}

impl Story {
    fn new() -> Self {
        let runner = RunnerSpec {
            name: "pytest".into(),
            tool: "pytest".into(),
            command: "pytest".into(),
            ..RunnerSpec::default()
        };
        Self::of(ProjectSpec {
            name: "shop".into(),
            runners: vec![runner],
            streams: vec![agents()],
            ..ProjectSpec::default()
        })
    }

    fn of(project: ProjectSpec) -> Self {
        let mut story = Self { state: State::default(), effects: Vec::new() };
        story.tell(SessionEvent::Opened { project: Arc::new(project) });
        story
    }

    fn tell(&mut self, event: impl Into<Event>) -> &mut Self {
        let at = Moment(self.state.at.0 + 1_000);
        let entry = Entry { seq: self.state.seq + 1, at, event: event.into() };
        self.state.apply(&entry, &mut self.effects);
        self
    }

    fn ask(&mut self, command: Command) -> &mut Self {
        self.tell(SessionEvent::Asked { by: ViewerId(0), command })
    }

    fn newest(&self) -> RunId {
        self.state.runs.iter().next_back().map(|(id, _)| id).expect("a run was asked for")
    }

    /// The newest run lists the tests, whose sources have these hashes.
    fn list(&mut self, sources: &str) -> &mut Self {
        let run = self.newest();
        let found = |node: &&str| Found {
            node: (*node).into(),
            module: node.split("::").next().unwrap_or_default().into(),
            line: 1,
            source: Some(sources.into()),
        };
        self.tell(RunEvent::Started { run, pid: 1 });
        self.tell(RunEvent::Collected { run, tests: TESTS.iter().map(found).collect() });
        self.tell(RunEvent::CollectionEnded { run })
    }

    fn end(&mut self, n: u32, outcome: Outcome, millis: u64, grade: Option<Grade>) -> &mut Self {
        let run = self.newest();
        let evidence = grade.map(|grade| Arc::new(Evidence { grade, ..Evidence::default() }));
        self.tell(RunEvent::TestStarted { run, n });
        self.tell(RunEvent::TestEnded { run, n, outcome, took: Span::millis(millis), detail: None, evidence })
    }

    fn exit(&mut self) -> &mut Self {
        let run = self.newest();
        self.tell(RunEvent::Exited { run, exit: Exit::Code(0), says: "".into(), leaked: 0 })
    }

    /// Everything runs; each test ends as told.
    fn run(&mut self, ends: &[(Outcome, Option<Grade>)]) -> &mut Self {
        self.ask(Command::Run(Selection::All)).list("v1");
        for (n, (outcome, grade)) in (0..).zip(ends) {
            self.end(n, *outcome, 9, *grade);
        }
        self.exit()
    }

    /// Everything runs without its environment.
    fn null(&mut self, kind: NullKind, sources: &str, outcomes: &[Outcome]) -> &mut Self {
        self.ask(Command::RunNull { kind, selection: Selection::All }).list(sources);
        for (n, outcome) in (0..).zip(outcomes) {
            self.end(n, *outcome, 9, None);
        }
        self.exit()
    }

    /// Passes by grade, then unmeasured, vacuous and hollow ones.
    fn worths(&self) -> String {
        let worths = self.state.inventory.tally().worths;
        let graded: Vec<String> =
            Grade::ALL.iter().map(|grade| format!("{} {}", grade.word(), worths.of(*grade))).collect();
        format!(
            "{}, unmeasured {}, vacuous {}, hollow {}",
            graded.join(" "),
            worths.unmeasured(),
            worths.vacuous(),
            worths.hollow()
        )
    }

    fn vacuous(&self) -> Vec<&str> {
        let tests = self.state.inventory.tests().filter(|(_, test)| test.is_vacuous());
        tests.map(|(_, test)| &*test.node).collect()
    }

    fn said(&self, part: &str) -> bool {
        self.state.news.iter().any(|news| news.text.contains(part))
    }
}

#[test]
fn where_there_is_nothing_to_touch_a_pass_that_touched_nothing_is_an_ordinary_one() {
    let mut story = Story::new();
    let project = ProjectSpec { streams: Vec::new(), ..story.state.session.project.as_ref().clone() };
    story = Story::of(project);
    story.run(&[(PASSED, Some(Grade::None)), (PASSED, Some(Grade::Http)), (PASSED, None), (FAILED, None)]);
    let worths = &story.state.inventory.tally().worths;
    assert_eq!((worths.hollow(), worths.of(Grade::Http), worths.unmeasured()), (0, 1, 2));
}

#[test]
fn passes_are_counted_by_what_they_touched() {
    let mut story = Story::new();
    story.run(&[
        (PASSED, Some(Grade::Websocket)),
        (PASSED, Some(Grade::None)),
        (FAILED, Some(Grade::Http)),
        (PASSED, None),
    ]);
    assert_eq!(story.worths(), "none 1 network 0 http 0 websocket 1, unmeasured 1, vacuous 0, hollow 1");
    let of_module = |n| story.state.inventory.module(ModuleId(n)).map(|module| module.tally.worths);
    assert_eq!(of_module(1).map(|worths| (worths.unmeasured(), worths.measured())), Some((1, 0)));
    // A test that runs again is no pass while it does.
    story.ask(Command::Run(Selection::All)).list("v1");
    assert_eq!(story.worths(), "none 0 network 0 http 0 websocket 0, unmeasured 0, vacuous 0, hollow 0");
}

#[test]
fn a_null_run_marks_what_passes_and_changes_nothing_else() {
    let mut story = Story::new();
    story.run(&[(PASSED, Some(Grade::Http)), (PASSED, Some(Grade::None)), (FAILED, None), (PASSED, None)]);
    let before = story.state.clone();
    story.null(NullKind::Refused, "v1", &[FAILED, PASSED, FAILED, FAILED]);
    assert_eq!(story.vacuous(), ["a.py::two"]);
    assert!(story.said("1 of 4 passes with the network refused: it proves nothing about the environment"));
    let after = &story.state;
    assert_eq!((after.cycle, after.cycle_since, &after.causes), (before.cycle, before.cycle_since, &before.causes));
    assert_eq!((after.is_green(), after.runs.newest()), (before.is_green(), before.runs.newest()));
    // Of the tests, exactly the mark and its count are new.
    let worths = after.inventory.tally().worths;
    assert_eq!((worths.vacuous(), worths.hollow()), (1, 1));
    let mut tally = *after.inventory.tally();
    tally.worths = before.inventory.tally().worths;
    assert_eq!(tally, *before.inventory.tally());
    for ((_, was), (_, is)) in before.inventory.tests().zip(after.inventory.tests()) {
        assert_eq!(TestCase { vacuous: None, ..is.clone() }, *was);
    }
}

#[test]
fn a_null_run_waits_for_nobody_and_cannot_be_mixed_with_a_run() {
    let mut story = Story::new();
    story.ask(Command::RunNull { kind: NullKind::Refused, selection: Selection::All });
    let starts = |story: &Story| {
        let started = |effect: &Effect| matches!(effect, Effect::StartRun { kind, .. } if kind.executes());
        story.effects.iter().filter(|effect| started(effect)).count()
    };
    assert_eq!((starts(&story), story.state.cycle), (1, 0));
    story.ask(Command::Run(Selection::All));
    assert_eq!((starts(&story), story.state.cycle), (1, 0));
    assert!(story.said("pytest is running already"));
}

#[test]
fn a_vacuous_test_is_so_until_its_source_changes() {
    let mut story = Story::new();
    story.null(NullKind::Refused, "v1", &[PASSED, FAILED, FAILED, FAILED]);
    story.run(&[(PASSED, Some(Grade::Http)); 4]);
    assert_eq!(story.vacuous(), ["a.py::one"]);
    assert_eq!(story.worths(), "none 0 network 0 http 4 websocket 0, unmeasured 0, vacuous 1, hollow 1");
    story.ask(Command::Collect).list("v2").exit();
    assert!(story.vacuous().is_empty());
    assert_eq!(story.worths(), "none 0 network 0 http 4 websocket 0, unmeasured 0, vacuous 0, hollow 0");
}

#[test]
fn only_the_same_kind_of_null_run_takes_its_word_back() {
    let mut story = Story::new();
    story.null(NullKind::Stub, "v1", &[PASSED, PASSED, PASSED, FAILED]);
    story.null(NullKind::Refused, "v1", &[PASSED, FAILED, Outcome::Lost, FAILED]);
    assert_eq!(story.vacuous(), ["a.py::one", "a.py::two", "a.py::three"]);
    let kinds = story.state.inventory.tests().filter_map(|(_, test)| Some(test.vacuous.as_ref()?.kind));
    assert_eq!(kinds.collect::<Vec<_>>(), [NullKind::Refused, NullKind::Stub, NullKind::Stub]);
    story.null(NullKind::Stub, "v1", &[FAILED, FAILED, FAILED, FAILED]);
    assert_eq!(story.vacuous(), ["a.py::one"]);
}

#[test]
fn what_a_null_run_said_is_known_in_the_next_session() {
    let mut story = Story::new();
    story.null(NullKind::Refused, "v1", &[PASSED, FAILED, FAILED, PASSED]);
    let vacuous: Vec<VacuousTest> = story.state.inventory.vacuous().collect();
    assert_eq!(vacuous.len(), 2);
    let mut next = Story::new();
    next.tell(SessionEvent::Recalled(Arc::new(Recollection { vacuous: vacuous.clone(), ..Recollection::default() })));
    // It is handed on although no test was found yet.
    assert_eq!(next.state.inventory.vacuous().count(), 2);
    next.ask(Command::Collect).list("v1").exit();
    assert_eq!(next.vacuous(), ["a.py::one", "b.py::four"]);
    // The order of both does not matter.
    let mut late = Story::new();
    late.ask(Command::Collect).list("v2").exit();
    late.tell(SessionEvent::Recalled(Arc::new(Recollection { vacuous, ..Recollection::default() })));
    assert!(late.vacuous().is_empty());
}

#[test]
fn a_module_that_does_not_load_without_its_environment_leaves_no_test_behind() {
    let mut story = Story::new();
    story.run(&[(PASSED, Some(Grade::Http)); 4]);
    let before = *story.state.inventory.tally();
    story.ask(Command::RunNull { kind: NullKind::Refused, selection: Selection::All });
    let run = story.newest();
    story.tell(RunEvent::Started { run, pid: 1 });
    story.tell(RunEvent::ModuleBroken { run, module: "a.py".into(), detail: Arc::default() });
    story.tell(RunEvent::CollectionEnded { run }).exit();
    assert_eq!(*story.state.inventory.tally(), before);
    assert!(story.state.inventory.failures().next().is_none());
}

#[test]
fn a_pass_in_a_small_part_of_its_usual_time_is_news() {
    let mut story = Story::new();
    let mut pass = |millis: u64| {
        story.ask(Command::Run(Selection::All)).list("v1").end(0, PASSED, millis, None).exit();
        let (_, test) = story.state.inventory.tests().next().expect("it was found");
        (test.is_suspiciously_quick(), story.said("usually takes"))
    };
    assert_eq!(pass(4_100), (false, false));
    assert_eq!(pass(900), (false, false));
    assert_eq!(pass(4), (true, true));
    assert!(story.said("0.00 s where it usually takes 3.3 s: one passed"));
}

#[test]
fn many_quick_passes_are_told_as_a_number() {
    let mut story = Story::new();
    for millis in [2_000, 1] {
        story.ask(Command::Run(Selection::All)).list("v1");
        for n in 0..4 {
            story.end(n, PASSED, millis, None);
        }
        story.exit();
    }
    assert_eq!(story.state.news.iter().filter(|news| news.text.contains("usually takes")).count(), 3);
    assert!(story.said("4 passed in less than a tenth of their usual time"));
}

/// What could happen to a session, as numbers.
fn happening() -> impl Strategy<Value = (u8, u32, u8, u8)> {
    (0..7_u8, 0..5_u32, 0..6_u8, 0..5_u8)
}

proptest! {
    #[test]
    fn passes_by_grade_counted_anew_are_what_the_tally_says(story in prop::collection::vec(happening(), 1..60)) {
        let mut told = Story::new();
        for (what, n, outcome, grade) in story {
            let outcome = [PASSED, FAILED, Outcome::Flaky, Outcome::Skipped, Outcome::Xpassed, Outcome::Lost][usize::from(outcome)];
            let grade = Grade::ALL.get(usize::from(grade)).copied();
            let has_run = told.state.runs.iter().next_back().is_some();
            match what {
                0 => { told.ask(Command::Run(Selection::All)); }
                1 => { told.ask(Command::RunNull { kind: NullKind::Refused, selection: Selection::All }); }
                2 if has_run => { told.list(if grade.is_some() { "v1" } else { "v2" }); }
                3 if has_run => { told.exit(); }
                _ if has_run => { told.end(n, outcome, 5, grade); }
                _ => {}
            }
        }
        let inventory = &told.state.inventory;
        let recount = |module: Option<ModuleId>| {
            let mut worths = Worths::default();
            let tests = inventory.tests().map(|(_, test)| test).filter(|test| !test.gone);
            tests.filter(|test| module.is_none_or(|id| test.module == id))
                .filter_map(TestCase::worth)
                .for_each(|worth| worths.add(worth));
            worths
        };
        prop_assert_eq!(inventory.tally().worths, recount(None));
        for (id, module) in inventory.modules() {
            prop_assert_eq!(module.tally.worths, recount(Some(id)));
        }
        let worths = inventory.tally().worths;
        prop_assert_eq!(worths.measured() + worths.unmeasured(), inventory.tally().passes());
    }
}

#[test]
fn a_runner_that_would_reach_the_environment_is_left_out() {
    let spec = |tool: &str| RunnerSpec {
        name: tool.into(),
        tool: tool.into(),
        command: tool.into(),
        why: "".into(),
        ..RunnerSpec::default()
    };
    let project = ProjectSpec { runners: vec![spec("pytest"), spec("contracts")], ..ProjectSpec::default() };
    let mut story = Story { state: State::default(), effects: Vec::new() };
    story.tell(SessionEvent::Opened { project: Arc::new(project) });
    story.ask(Command::RunNull { kind: NullKind::Refused, selection: Selection::All });
    assert!(story.said("contracts is left out"));
    let runs: Vec<RunnerId> = story.state.runs.iter().map(|(_, run)| run.runner).collect();
    assert_eq!(runs, [RunnerId(0)]);
}
