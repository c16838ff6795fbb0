use std::sync::Arc;

use super::*;
use crate::domain::{
    Command, Effect, Effects, Entry, Event, Found, Health, ModuleId, Pattern, Probe, ProjectSpec, RunEvent, RunnerSpec,
    Selection, ServiceEvent, ServiceId, ServiceSpec, SessionEvent, TierSpec, ViewerId,
};

/// A session that is told events, with tests `m::0`, `m::1`, … of a project with one service.
struct Session {
    state: State,
    effects: Effects,
    at: u64,
}

impl Session {
    fn new(important: &[&str]) -> Self {
        let service =
            ServiceSpec { name: "backend".into(), has_health: true, has_revision: true, ..ServiceSpec::default() };
        let tests = important.iter().map(|words| Pattern((*words).into())).collect();
        let tier = TierSpec { name: "P1".into(), title: "first".into(), tests, at_risk: None };
        let project = ProjectSpec {
            runners: vec![RunnerSpec { name: "t".into(), tool: "t".into(), ..RunnerSpec::default() }],
            services: vec![service],
            tiers: vec![tier],
            ..ProjectSpec::default()
        };
        let mut session = Self { state: State::default(), effects: Effects::new(), at: 1 };
        session.tell(SessionEvent::Opened { project: Arc::new(project) });
        session.serve("b1");
        session
    }

    fn tell(&mut self, event: impl Into<Event>) {
        self.at += 1_000;
        let entry = Entry { seq: self.at, at: crate::domain::Moment(self.at), event: event.into() };
        self.state.apply(&entry, &mut self.effects);
    }

    fn serve(&mut self, revision: &str) {
        let probe = Probe { health: Health::Healthy, latency: Span::millis(5), revision: Some(revision.into()) };
        self.tell(ServiceEvent::Probed { service: ServiceId(0), probe });
    }

    fn find(&mut self, sources: &[Option<&str>]) {
        self.tell(SessionEvent::Asked { by: ViewerId(0), command: Command::Collect });
        let run = self.state.runs.iter().next_back().expect("it was asked for").0;
        let found = |(n, source): (usize, &Option<&str>)| Found {
            node: format!("m::{n}").into(),
            module: "m".into(),
            line: 1,
            source: source.map(Into::into),
        };
        let tests = sources.iter().enumerate().map(found).collect();
        self.tell(RunEvent::Collected { run, tests });
        self.tell(RunEvent::CollectionEnded { run });
        self.exit(run);
    }

    fn exit(&mut self, run: crate::domain::RunId) {
        self.tell(RunEvent::Exited { run, exit: crate::domain::Exit::Code(0), says: "".into(), leaked: 0 });
    }

    /// A run of these tests, which end so after so many milliseconds.
    fn run(&mut self, ends: &[(u32, Outcome, u64)]) {
        let tests = ends.iter().map(|(n, ..)| TestId(*n)).collect();
        self.tell(SessionEvent::Asked { by: ViewerId(0), command: Command::Run(Selection::Tests(tests)) });
        let run = self.state.runs.newest().expect("it was asked for").0;
        let found = |n: u32| Found { node: format!("m::{n}").into(), module: "m".into(), line: 1, source: None };
        self.tell(RunEvent::Collected { run, tests: ends.iter().map(|(n, ..)| found(*n)).collect() });
        self.tell(RunEvent::CollectionEnded { run });
        for (place, (_, outcome, took)) in ends.iter().enumerate() {
            let n = place as u32;
            self.tell(RunEvent::TestStarted { run, n });
            let took = Span::millis(*took);
            self.tell(RunEvent::TestEnded { run, n, outcome: *outcome, took, detail: None, evidence: None });
        }
        self.exit(run);
    }

    fn plan(&self) -> Plan {
        Plan::of(&self.state)
    }

    fn order(&self) -> Vec<(u32, Due)> {
        self.plan().to_go.iter().map(|planned| (planned.test.0, planned.due)).collect()
    }
}

use Outcome::{Failed, Passed};

#[test]
fn what_has_a_result_on_what_serves_is_covered_be_it_good_or_bad() {
    let mut session = Session::new(&[]);
    session.find(&[None; 4]);
    session.run(&[(0, Passed, 100), (1, Failed, 100)]);
    let plan = session.plan();
    assert_eq!((plan.covered, plan.total()), (2, 4));
    assert_eq!(session.order(), [(2, Due::NeverRun), (3, Due::NeverRun)]);
}

#[test]
fn tiers_come_first_then_what_changed_what_failed_lately_and_what_never_ran() {
    let mut session = Session::new(&["m::4"]);
    session.find(&[None; 6]);
    session.run(&[(0, Passed, 100), (1, Passed, 100), (2, Failed, 100)]);
    session.serve("b2");
    session.run(&[(3, Outcome::Interrupted, 100), (1, Passed, 100)]);
    let expected = [(4, Due::NeverRun), (2, Due::Changed), (0, Due::Changed), (3, Due::Unproved), (5, Due::NeverRun)];
    assert_eq!(session.order(), expected);
    session.serve("b1");
    let covered = session.plan().covered;
    assert_eq!(covered, 2, "what was proved on b1 counts again, but what ran on b2 since does not");
}

#[test]
fn a_test_whose_source_changed_is_to_be_run_until_it_ran() {
    let mut session = Session::new(&[]);
    session.find(&[Some("a"), Some("b")]);
    session.run(&[(0, Passed, 100), (1, Passed, 100)]);
    session.find(&[Some("a"), Some("c")]);
    assert_eq!(session.order(), [(1, Due::Changed)]);
    session.run(&[(1, Passed, 100)]);
    assert_eq!(session.order(), []);
    assert_eq!(session.plan().estimate(), None);
}

#[test]
fn the_estimate_is_a_range_and_unknown_tests_take_what_others_take() {
    let mut session = Session::new(&[]);
    session.find(&[None; 4]);
    assert_eq!(session.plan().estimate(), None, "nobody knows of any test");
    session.run(&[(0, Passed, 1_000), (1, Passed, 2_000), (2, Passed, 9_000)]);
    let estimate = session.plan().estimate().expect("some are known");
    assert_eq!((estimate.usual, estimate.at_worst), (Span::millis(2_000), Span::millis(9_000)));
    session.run(&[(0, Passed, 5_000)]);
    session.serve("b2");
    let plan = session.plan();
    let first = plan.estimate_first(1).expect("it is known");
    assert_eq!((first.usual, first.at_worst), (Span::millis(2_000), Span::millis(5_000)));
    let words = plan.outlook().to_string();
    assert_eq!(words, "4 tests, 0 on what serves now, 4 to go, ~0:15 to 0:25");
}

#[test]
fn workers_share_the_work_but_no_test() {
    let planned = |n, seconds| Planned {
        test: TestId(n),
        due: Due::NeverRun,
        failed_lately: false,
        usual: Span::seconds(seconds),
        at_worst: Span::seconds(seconds),
    };
    let plan = Plan {
        covered: 0,
        to_go: vec![planned(0, 9), planned(1, 1), planned(2, 2)],
        workers: 4,
        is_deployed: true,
        is_timed: true,
        ..Plan::default()
    };
    assert_eq!(plan.estimate().map(|estimate| estimate.usual), Some(Span::seconds(9)));
    assert_eq!(plan.batch(Span::seconds(9)).len(), 3);
}

#[test]
fn what_a_run_takes_beside_its_tests_is_part_of_every_estimate() {
    let planned = |n| Planned {
        test: TestId(n),
        due: Due::NeverRun,
        failed_lately: false,
        usual: Span::seconds(2),
        at_worst: Span::seconds(3),
    };
    let plan = Plan {
        to_go: (0..4).map(planned).collect(),
        workers: 1,
        is_timed: true,
        beside: Span::seconds(5),
        ..Plan::default()
    };
    assert_eq!(plan.outlook().to_string(), "4 tests, 0 run, 4 to go, ~0:13 to 0:17");
    assert_eq!(plan.batch(Span::seconds(11)).len(), 2);
    let unknown = Plan { is_timed: false, ..plan };
    let told = "4 tests, 0 run, 4 to go, nobody knows how long: 5.0 s a test are assumed";
    assert_eq!(unknown.outlook().to_string(), told);
}

#[test]
fn a_batch_is_the_longest_beginning_that_fits_and_never_empty() {
    let mut session = Session::new(&[]);
    session.find(&[None; 4]);
    session.run(&[(0, Passed, 1_000), (1, Passed, 2_000), (2, Passed, 3_000), (3, Passed, 4_000)]);
    session.serve("b2");
    let plan = session.plan();
    let sizes = [0, 1_000, 2_999, 3_000, 9_999, 10_000, 60_000].map(|budget| plan.batch(Span::millis(budget)).len());
    assert_eq!(sizes, [1, 1, 1, 2, 3, 4, 4]);
    assert!(Plan::default().batch(Span::seconds(60)).is_empty());
}

#[test]
fn batch_after_batch_covers_everything_and_then_says_so() {
    let mut session = Session::new(&[]);
    session.find(&[None; 5]);
    let all: Vec<(u32, Outcome, u64)> = (0..5).map(|n| (n, Passed, 1_000)).collect();
    session.run(&all);
    session.serve("b2");
    let mut batches = Vec::new();
    while !session.plan().to_go.is_empty() {
        session.effects.clear();
        let budget = Span::seconds(2);
        session.tell(SessionEvent::Asked { by: ViewerId(0), command: Command::RunBatch { budget } });
        assert!(session.effects.iter().any(|effect| matches!(effect, Effect::StartRun { .. })));
        let (run, selected) =
            session.state.runs.newest().map(|(id, run)| (id, run.selection.clone())).expect("it runs");
        let selected = selected.expect("a batch names its tests");
        let found =
            |id: &TestId| Found { node: format!("m::{}", id.0).into(), module: "m".into(), line: 1, source: None };
        session.tell(RunEvent::Collected { run, tests: selected.iter().map(found).collect() });
        session.tell(RunEvent::CollectionEnded { run });
        for n in 0..selected.len() as u32 {
            session.tell(RunEvent::TestStarted { run, n });
            let took = Span::seconds(1);
            session.tell(RunEvent::TestEnded { run, n, outcome: Passed, took, detail: None, evidence: None });
        }
        session.exit(run);
        batches.push(selected.len());
    }
    assert_eq!(batches, [2, 2, 1]);
    let cycle = session.state.cycle;
    session.tell(SessionEvent::Asked { by: ViewerId(0), command: Command::RunBatch { budget: Span::seconds(2) } });
    assert_eq!(session.state.cycle, cycle);
    let said = session.state.news.last().map(|news| news.text.to_string());
    assert_eq!(said.as_deref(), Some("nothing to go: every test has a result on what serves now"));
    assert_eq!(session.state.inventory.module(ModuleId(0)).map(|module| module.tests.len()), Some(5));
}
