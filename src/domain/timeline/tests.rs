use std::sync::Arc;

use super::*;
use crate::domain::{
    AgentEvent, AgentKind, Command, DeploySpec, Detail, Effects, Entry, Event, Found, Probe, ProjectSpec, RunEvent,
    RunnerSpec, Selection, ServiceEvent, ServiceId, ServiceSpec, SessionEvent, StreamEvent, StreamSpec, ViewerId,
};

/// A session that is told events; its clock counts milliseconds.
struct Session {
    state: State,
    now: u64,
}

impl Session {
    fn new() -> Self {
        let service = ServiceSpec {
            name: "backend".into(),
            url: "".into(),
            has_health: true,
            has_revision: true,
            has_logs: false,
            deploy: Some(DeploySpec {
                command: vec!["deploy".into()],
                timeout: Span::seconds(9),
                streak: 1,
                proof_timeout: Span::seconds(9),
                ..DeploySpec::default()
            }),
            ..ServiceSpec::default()
        };
        let runner = RunnerSpec { name: "t".into(), tool: "t".into(), ..RunnerSpec::default() };
        let stream = StreamSpec {
            name: "agents".into(),
            url: "".into(),
            service: None,
            start: None,
            messages: Vec::new(),
            over_http: false,
            budget: Span::ZERO,
            ..StreamSpec::default()
        };
        let project = ProjectSpec {
            runners: vec![runner],
            services: vec![service],
            streams: vec![stream],
            ..ProjectSpec::default()
        };
        let mut session = Self { state: State::default(), now: 100_000 };
        session.tell(SessionEvent::Opened { project: Arc::new(project) });
        session.tell(SessionEvent::ViewerJoined { viewer: ViewerId(1), name: "ada".into(), drives: true });
        session.probe(Health::Healthy, "b1");
        session
    }

    fn tell(&mut self, event: impl Into<Event>) -> &mut Self {
        let entry = Entry { seq: self.now, at: Moment(self.now * 1_000), event: event.into() };
        self.state.apply(&entry, &mut Effects::new());
        self
    }

    fn wait(&mut self, millis: u64) -> &mut Self {
        self.now += millis;
        self
    }

    fn ask(&mut self, command: Command) -> &mut Self {
        self.tell(SessionEvent::Asked { by: ViewerId(1), command })
    }

    fn probe(&mut self, health: Health, revision: &str) -> &mut Self {
        let probe = Probe { health, latency: Span::ZERO, revision: Some(revision.into()) };
        self.tell(ServiceEvent::Probed { service: ServiceId(0), probe })
    }

    fn start(&mut self, tests: u32) -> &mut Self {
        self.ask(Command::Run(Selection::All));
        let run = RunId(0);
        let found = |n| Found { node: format!("a::{n}").into(), module: "a".into(), line: 1, source: None };
        self.tell(RunEvent::Started { run, pid: 1 });
        self.tell(RunEvent::Collected { run, tests: (0..tests).map(found).collect() });
        self.tell(RunEvent::CollectionEnded { run }).wait(10_000)
    }

    fn begin(&mut self, n: u32) -> &mut Self {
        self.tell(RunEvent::TestStarted { run: RunId(0), n })
    }

    fn fail(&mut self, n: u32, took: u64, message: &str) -> &mut Self {
        let detail = Some(Arc::new(Detail { message: message.into(), ..Detail::default() }));
        let (outcome, took) = (Outcome::Failed, Span::millis(took));
        self.tell(RunEvent::TestEnded { run: RunId(0), n, outcome, took, detail, evidence: None })
    }

    fn agent(&mut self, run: &str, kind: AgentKind) -> &mut Self {
        let bare = AgentEvent::bare(Moment(self.now * 1_000), kind);
        let event = AgentEvent { run: Some(run.into()), thread: Some(format!("thread-of-{run}").into()), ..bare };
        self.tell(StreamEvent::Received { stream: StreamId(0), events: vec![event] })
    }

    fn timeline(&self, test: u32) -> Timeline {
        let id = TestId(test);
        let test = self.state.inventory.test(id).expect("it was found");
        Timeline::of_attempt(&self.state, id, test.latest.as_ref().expect("it has ended"))
    }

    /// Every point with its offset in milliseconds.
    fn told(&self, test: u32) -> Vec<String> {
        let timeline = self.timeline(test);
        let happenings = self.state.chronicle.happenings();
        let told = |point: &Point| {
            let offset = point.at.0 as i64 / 1_000 - timeline.began.0 as i64 / 1_000;
            let what = match point.what {
                What::Happened(n) => format!("{:?}", happenings.nth(n).expect("it is kept").what),
                What::Since(n) => format!("since {:?}", happenings.nth(n).expect("it is kept").what),
                What::Outdated(n) => format!("outdated {:?}", happenings.nth(n).expect("it is kept").what),
                what => format!("{what:?}"),
            };
            let what = what.split([' ', '(', ')']).take(2).collect::<Vec<_>>().join(" ");
            format!("{offset} {what}")
        };
        timeline.points.iter().map(told).collect()
    }
}

#[test]
fn everything_stands_in_the_order_of_time() {
    let mut session = Session::new();
    session.start(1).begin(0).wait(80).agent("run_1", AgentKind::AgentStarted).wait(20);
    session.ask(Command::Deploy(ServiceId(0))).wait(50).probe(Health::Unreachable("refused".into()), "b1");
    session.wait(5).ask(Command::ProbeServices).wait(45).fail(0, 200, "no");
    assert_eq!(
        session.told(0),
        ["0 Began", "80 Agent {", "100 DeployAsked DeployId", "150 Health {", "155 Asked {", "200 Ended Failed"]
    );
}

#[test]
fn three_events_of_a_kind_in_a_row_are_one_point_and_two_are_two() {
    let mut session = Session::new();
    session.start(1).begin(0);
    for kind in [AgentKind::AgentStarted; 2].into_iter().chain([AgentKind::AgentThinking; 14]) {
        session.wait(10).agent("run_1", kind);
    }
    session.fail(0, 200, "no");
    let timeline = session.timeline(0);
    let counts = timeline.points.iter().filter_map(|point| match point.what {
        What::Agent { count, .. } => Some(count),
        _ => None,
    });
    assert_eq!(counts.collect::<Vec<_>>(), [1, 1, 14]);
}

#[test]
fn a_run_is_the_tests_own_where_its_id_or_thread_stands_in_the_output() {
    let of = |message: &str| {
        let mut session = Session::new();
        session.start(1).begin(0);
        for run in ["run_12", "run_123", "b", "1"] {
            session.wait(5).agent(run, AgentKind::AgentStarted).agent(run, AgentKind::AgentThinking);
        }
        session.fail(0, 200, message);
        let others = session.told(0).iter().filter(|told| told.contains("OtherAgent")).count();
        (session.timeline(0).own, others)
    };
    assert_eq!(of("GET /runs/run_12/events: 404, see 1 and b"), (vec![AgentRunId(0)], 3));
    assert_eq!(of("{\"thread_id\":\"thread-of-run_123\"}."), (vec![AgentRunId(1)], 3));
    assert_eq!(of("nothing is named"), (vec![], 0));
}

#[test]
fn what_was_wrong_before_the_test_began_is_told_with_its_own_time() {
    let mut session = Session::new();
    session.start(1).probe(Health::Unhealthy("503".into()), "b1").ask(Command::Deploy(ServiceId(0))).wait(30_000);
    session.begin(0).wait(100).fail(0, 100, "no");
    assert_eq!(session.told(0), ["-30000 since Health", "-30000 DeployAsked DeployId", "0 Began", "100 Ended Failed"]);
}

#[test]
fn what_made_a_result_stale_is_told_however_late_it_came() {
    let mut session = Session::new();
    session.start(1).begin(0).wait(100).fail(0, 100, "no").wait(600_000).probe(Health::Healthy, "b2");
    assert_eq!(session.told(0), ["0 Began", "100 Ended Failed", "600100 outdated Revision"]);
    assert!(session.timeline(0).is_settled(session.state.at));
}

#[test]
fn tests_that_ran_beside_it_are_counted_and_those_that_followed_are_not() {
    let mut session = Session::new();
    session
        .start(4)
        .begin(3)
        .fail(3, 0, "before")
        .begin(0)
        .begin(1)
        .wait(100)
        .fail(1, 100, "beside")
        .fail(0, 101, "no");
    session.begin(2).wait(50).fail(2, 50, "after");
    assert_eq!(session.timeline(0).others, Others { ended: 1, failed: 1 });
    assert!(session.told(0).contains(&"100 OtherFailed TestId".to_owned()), "{:?}", session.told(0));
}

#[test]
fn a_running_test_has_an_axis_without_an_end() {
    let mut session = Session::new();
    session.start(1).begin(0).wait(50).agent("run_1", AgentKind::AgentStarted).wait(10).ask(Command::ProbeServices);
    let test = session.state.inventory.test(TestId(0)).expect("it was found");
    let timeline = Timeline::of_running(&session.state, TestId(0), test);
    assert_eq!(timeline.points.len(), 3, "{timeline:?}");
    assert!(!timeline.is_settled(Moment(u64::MAX)));
}

#[test]
fn a_flood_is_cut_and_counted() {
    let mut session = Session::new();
    session.start(1).begin(0);
    for n in 0..1_000 {
        session.agent(&format!("run_{n}"), AgentKind::AgentStarted);
    }
    session.wait(100).fail(0, 100, "no");
    let timeline = session.timeline(0);
    assert_eq!((timeline.points.len(), timeline.left_out), (POINTS + 2, 1_000 - POINTS));
}
