//! What the autopilot decides, told event by event.

use std::sync::Arc;

use liveloop::domain::*;

const TESTS: [&str; 3] = ["a.py::one", "a.py::two", "b.py::three"];
use Outcome::{Failed, Passed};

/// A session with a backend, a runner and perhaps a fix hook, that is told events a second apart.
struct Story {
    state: State,
    effects: Effects,
}

impl Story {
    fn new(fix: Option<&str>) -> Self {
        let deploy = DeploySpec { command: vec!["./deploy.sh".into()], streak: 1, ..DeploySpec::default() };
        let backend = ServiceSpec {
            name: "backend".into(),
            has_health: true,
            has_revision: true,
            deploy: Some(deploy),
            ..ServiceSpec::default()
        };
        let project = ProjectSpec {
            name: "shop".into(),
            runners: vec![RunnerSpec { name: "pytest".into(), tool: "pytest".into(), ..RunnerSpec::default() }],
            services: vec![backend],
            fix: fix.map(|word| vec![word.into()]),
            hold_limit: Span::seconds(600),
            ..ProjectSpec::default()
        };
        let mut story = Self { state: State::default(), effects: Vec::new() };
        story.tell(SessionEvent::Opened { project: Arc::new(project) });
        story.tell(SessionEvent::Recalled(Arc::default())).well("b1");
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

    fn fly(&mut self, plan: AutopilotPlan) -> &mut Self {
        self.ask(Command::Autopilot { plan: Arc::new(plan), resume: false })
    }

    fn well(&mut self, revision: &str) -> &mut Self {
        let probe = Probe { health: Health::Healthy, latency: Span::millis(3), revision: Some(revision.into()) };
        self.tell(ServiceEvent::Probed { service: ServiceId(0), probe })
    }

    fn down(&mut self) -> &mut Self {
        let health = Health::Unhealthy("HTTP 503".into());
        let probe = Probe { health, latency: Span::millis(3), revision: None };
        self.tell(ServiceEvent::Probed { service: ServiceId(0), probe })
    }

    /// The newest run meets these tests, which end so.
    fn live(&mut self, tests: &[&str], outcomes: &[Outcome]) -> &mut Self {
        let run = self.begin(tests);
        for (n, &outcome) in outcomes.iter().enumerate() {
            self.end(run, n as u32, outcome);
        }
        self.exit(run)
    }

    fn begin(&mut self, tests: &[&str]) -> RunId {
        let run = self.state.runs.iter().next_back().expect("a run").0;
        let found = |node: &&str| {
            let (module, _) = node.split_once("::").expect("a node id");
            Found { node: (*node).into(), module: module.into(), line: 1, source: None }
        };
        self.tell(RunEvent::Started { run, pid: 1 });
        self.tell(RunEvent::Collected { run, tests: tests.iter().map(found).collect() });
        self.tell(RunEvent::CollectionEnded { run });
        run
    }

    fn end(&mut self, run: RunId, n: u32, outcome: Outcome) -> &mut Self {
        self.tell(RunEvent::TestStarted { run, n });
        self.tell(RunEvent::TestEnded { run, n, outcome, took: Span::millis(9), detail: None, evidence: None })
    }

    fn exit(&mut self, run: RunId) -> &mut Self {
        self.tell(RunEvent::Exited { run, exit: Exit::Code(0), says: "".into(), leaked: 0 })
    }

    fn fixed(&mut self, code: i32) -> &mut Self {
        let (fix, _) = self.state.fixes.iter().next_back().expect("a fix");
        self.tell(FixEvent::Ended { fix, exit: Exit::Code(code), changed: Vec::new() })
    }

    /// The deploy's command ends so, and where it ended well the revision is seen and found healthy.
    fn deployed(&mut self, code: i32, revision: &str) -> &mut Self {
        let deploy = self.state.deploys.newest().expect("a deploy");
        self.tell(DeployEvent::CommandEnded { deploy, exit: Exit::Code(code), cancelled: false });
        if code == 0 {
            self.tell(DeployEvent::Proved { deploy, saw: Some(revision.into()) }).well(revision);
        }
        self
    }

    fn flight(&self) -> &Autopilot {
        self.state.autopilot.as_ref().expect("a flight")
    }

    /// The newest decision.
    fn said(&self) -> &str {
        self.flight().trail.last().map_or("", |decision| &decision.text)
    }

    fn calls_fix(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::CallFix { .. }))
    }
}

fn deploys_backend() -> AutopilotPlan {
    AutopilotPlan { deploy: vec!["backend".into()], ..AutopilotPlan::default() }
}

#[test]
fn green_is_declared_after_a_whole_run_on_what_serves() {
    let mut story = Story::new(Some("./fix.sh"));
    story.fly(deploys_backend());
    assert_eq!(story.said(), "cycle 1 runs everything, as nothing is known of what serves");
    story.live(&TESTS, &[Passed, Failed, Passed]);
    assert!(story.calls_fix());
    story.fixed(0);
    assert_eq!(story.said(), "backend is deployed, then what failed is proved");
    story.deployed(0, "b2").live(&TESTS[1..2], &[Passed]);
    story.live(&[TESTS[0], TESTS[2]], &[Passed, Passed]);
    assert_eq!(story.said(), "cycle 3 runs everything, before it is called green");
    story.live(&TESTS, &[Passed; 3]);
    assert_eq!(story.flight().end, Some(AutopilotEnd::Green));
}

#[test]
fn one_whole_green_run_is_enough() {
    let mut story = Story::new(None);
    story.fly(AutopilotPlan::default()).live(&TESTS, &[Passed; 3]);
    assert_eq!((story.flight().end.as_ref(), story.flight().flown.cycles), (Some(&AutopilotEnd::Green), 1));
}

#[test]
fn what_the_environment_spoilt_is_run_again_and_is_nothing_to_fix() {
    let mut story = Story::new(Some("./fix.sh"));
    story.fly(deploys_backend());
    let run = story.begin(&TESTS);
    story.end(run, 0, Passed).down().end(run, 1, Failed).end(run, 2, Failed).exit(run);
    assert!(!story.calls_fix());
    assert_eq!(story.said(), "cycle 2 runs 2 that have no result of their own");
    assert!(story.state.runs.active().any(|(_, run)| run.is_held()), "it waits for the service");
    story.well("b1").live(&TESTS[1..], &[Passed, Passed]);
    assert_eq!(story.flight().end, Some(AutopilotEnd::Green));
}

#[test]
fn an_outage_that_outlasts_a_held_run_is_waited_for_until_patience_ends() {
    let mut story = Story::new(Some("./fix.sh"));
    story.down().down();
    story.fly(AutopilotPlan { patience: 2, ..deploys_backend() });
    for times in ["1 of 2", "2 of 2"] {
        let (run, held) = story.state.runs.iter().next_back().expect("a run");
        assert!(held.is_held());
        story.tell(RunEvent::HeldTooLong { run });
        let said: Vec<&str> = story.flight().trail.iter().map(|decision| &*decision.text).collect();
        assert!(said.iter().any(|said| said.ends_with(&format!("it is waited for once more ({times})"))), "{said:?}");
    }
    let (run, _) = story.state.runs.iter().next_back().expect("a run");
    story.tell(RunEvent::HeldTooLong { run });
    assert!(story.said().starts_with("not green: the tests could not be run: waited too long"), "{}", story.said());
}

#[test]
fn without_a_fix_hook_it_says_so() {
    let mut story = Story::new(None);
    story.fly(deploys_backend()).live(&TESTS, &[Passed, Failed, Passed]);
    assert_eq!(story.said(), "not green: 1 test fails and no fix hook is configured");
}

#[test]
fn a_deploy_that_fails_is_the_fix_hooks_next_task() {
    let mut story = Story::new(Some("./fix.sh"));
    story.fly(deploys_backend()).live(&TESTS, &[Passed, Failed, Passed]).fixed(0).deployed(1, "");
    assert!(story.calls_fix());
    assert!(story.flight().deploy_failed().is_some_and(|why| why.contains("exit 1")), "{:?}", story.flight());
    story.fixed(0).deployed(1, "");
    story.fixed(0).deployed(1, "");
    assert_eq!(
        story.said(),
        "not green, and no progress: the same test failed after 3 fixes, and the last deploy did not come about: the command ended \
         with exit 1"
    );
}

#[test]
fn the_last_words_of_a_fix_hook_that_gives_up_are_told() {
    let mut story = Story::new(Some("./fix.sh"));
    story.fly(deploys_backend()).live(&TESTS, &[Passed, Failed, Passed]);
    let lines = ["looking", "the disk is full", ""].map(Into::into).to_vec();
    story.tell(FixEvent::Printed { fix: FixId(0), lines }).fixed(3);
    assert_eq!(story.said(), "not green: the fix hook ended with 3: the disk is full");
}

#[test]
fn its_time_ends_it_whatever_it_waits_for() {
    let mut story = Story::new(Some("./fix.sh"));
    story.fly(AutopilotPlan { time: Span::seconds(3_600), ..deploys_backend() });
    let began = story.flight().began;
    assert!(story.effects.contains(&Effect::LimitFlight { began, limit: Span::seconds(3_600) }), "{:?}", story.effects);
    story.live(&TESTS, &[Passed, Failed, Passed]);
    story.tell(SessionEvent::AutopilotOverdue { began: Moment(7) });
    assert!(story.flight().is_active(), "that was another flight's time");
    story.tell(SessionEvent::AutopilotOverdue { began });
    assert_eq!(story.said(), "not green: its time of 1 h is over");
    assert!(story.effects.contains(&Effect::StopFix { fix: FixId(0) }), "{:?}", story.effects);
    story.fixed(0);
    assert!(story.state.deploys.newest().is_none());
}

#[test]
fn nothing_is_deployed_once_a_budget_is_spent() {
    let mut story = Story::new(Some("./fix.sh"));
    story.fly(AutopilotPlan { deploys: 1, ..deploys_backend() });
    story.live(&TESTS, &[Passed, Failed, Passed]).fixed(0).deployed(1, "").fixed(0);
    assert_eq!(story.said(), "not green: its 1 deploy is used up");
    let mut story = Story::new(Some("./fix.sh"));
    story.fly(AutopilotPlan { time: Span::seconds(14), ..deploys_backend() }).live(&TESTS, &[Passed, Failed, Passed]);
    assert!(story.calls_fix());
    for _ in 0..10 {
        story.well("b1");
    }
    story.fixed(0);
    assert_eq!(story.said(), "not green: its time of 14 s is over");
}

#[test]
fn its_budgets_end_it() {
    let mut story = Story::new(Some("./fix.sh"));
    let plan = AutopilotPlan { time: Span::seconds(5), ..deploys_backend() };
    story.fly(plan).live(&TESTS, &[Passed, Failed, Passed]);
    assert_eq!(story.said(), "not green: its time of 5 s is over");
    let mut story = Story::new(Some("./fix.sh"));
    let plan = AutopilotPlan { deploys: 0, ..deploys_backend() };
    story.fly(plan).live(&TESTS, &[Passed, Failed, Passed]);
    assert_eq!(story.said(), "not green: its 0 deploys are used up");
}

#[test]
fn neither_budgets_nor_patience_begin_anew_where_a_flight_is_gone_on_with() {
    let plan = AutopilotPlan { cycles: 5, patience: 2, ..deploys_backend() };
    let mut story = Story::new(Some("./fix.sh"));
    story.fly(plan.clone()).live(&TESTS, &[Passed, Failed, Passed]);
    story.fixed(0).deployed(0, "b2").live(&TESTS[1..2], &[Failed]).live(&[TESTS[0], TESTS[2]], &[Passed; 2]);
    let spent = (story.flight().flown.cycles, story.flight().flown.fixes, story.flight().flown.deploys);
    // Killed while the hook works on the same failure for the second time.
    let left = story.state.leavings().expect("it was left nothing itself, and heard so");
    assert_eq!(spent, (2, 2, 1));

    let mut later = Story::new(Some("./fix.sh"));
    later.tell(SessionEvent::Recalled(Arc::new(left.clone())));
    later.ask(Command::Autopilot { plan: Arc::new(plan.clone()), resume: true });
    assert_eq!((later.flight().flown.cycles, later.flight().flown.deploys), (3, 1), "the whole run is its third");
    assert!(later.flight().flown.before > Span::ZERO);
    later.live(&TESTS, &[Passed, Failed, Passed]);
    assert_eq!(later.said(), "not green, and no progress: the same test failed after 2 fixes");

    let mut anew = Story::new(Some("./fix.sh"));
    anew.tell(SessionEvent::Recalled(Arc::new(left)));
    anew.ask(Command::Autopilot { plan: Arc::new(plan), resume: false });
    assert_eq!((anew.flight().flown.cycles, anew.flight().flown.before), (1, Span::ZERO));
}

#[test]
fn a_flaky_test_is_run_again_before_anything_is_fixed() {
    let mut story = Story::new(Some("./fix.sh"));
    story.ask(Command::Run(Selection::All)).live(&TESTS, &[Passed; 3]);
    story.fly(deploys_backend());
    story.live(&TESTS, &[Passed, Failed, Passed]);
    assert_eq!(story.said(), "cycle 3 runs 1 that are known to be flaky");
    story.live(&TESTS[1..2], &[Failed]);
    assert_eq!(story.said(), "cycle 4 runs 1 that are known to be flaky");
    story.live(&TESTS[1..2], &[Failed]);
    assert!(story.calls_fix(), "{}", story.said());
}

#[test]
fn what_looks_like_the_environments_is_run_again_before_anything_is_fixed() {
    let mut story = Story::new(Some("./fix.sh"));
    story.fly(deploys_backend());
    let refused = |story: &mut Story, tests: &[&str], n: u32| {
        let run = story.begin(tests);
        let message = "ConnectionRefusedError: [Errno 111] Connection refused";
        let detail = Some(Arc::new(Detail { message: message.into(), ..Detail::default() }));
        let (outcome, took) = (Failed, Span::millis(9));
        story.tell(RunEvent::TestStarted { run, n });
        story.tell(RunEvent::TestEnded { run, n, outcome, took, detail, evidence: None });
        run
    };
    let run = refused(&mut story, &TESTS, 1);
    story.end(run, 0, Passed).end(run, 2, Passed).exit(run);
    for cycle in [2, 3] {
        assert_eq!(story.said(), format!("cycle {cycle} runs 1 that look like the environment's"));
        let run = refused(&mut story, &TESTS[1..2], 0);
        story.exit(run);
    }
    assert!(story.calls_fix(), "{}", story.said());
}

#[test]
fn it_pauses_takes_a_step_and_ends_when_it_is_told() {
    let mut story = Story::new(Some("./fix.sh"));
    story.fly(deploys_backend()).ask(Command::PaceAutopilot(FlightPace::Paused));
    story.live(&TESTS, &[Passed, Failed, Passed]);
    assert!(story.state.autopilot_waits() && !story.calls_fix());
    story.ask(Command::PaceAutopilot(FlightPace::OneStep));
    assert!(story.calls_fix());
    story.fixed(0);
    assert!(story.state.autopilot_waits() && story.state.deploys.newest().is_none(), "nothing is deployed unasked");
    story.ask(Command::PaceAutopilot(FlightPace::OneStep));
    assert_eq!(story.said(), "backend is deployed, then what failed is proved");
    story.ask(Command::StopAutopilot);
    assert_eq!(story.flight().end, Some(AutopilotEnd::Cancelled));
    story.deployed(0, "b2");
    assert_eq!(story.flight().flown.cycles, 2, "what it began is somebody's else from then on");
}

#[test]
fn a_run_of_somebodys_own_is_waited_for() {
    let mut story = Story::new(None);
    story.ask(Command::Run(Selection::All)).fly(AutopilotPlan::default());
    assert!(story.flight().trail.is_empty());
    story.live(&TESTS, &[Passed; 3]);
    assert_eq!(story.said(), "cycle 2 runs everything, before it is called green");
}
