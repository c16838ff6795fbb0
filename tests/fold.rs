//! The fold as a whole: stories of entries in, the state in words out; and properties that hold for any entries.

use std::sync::Arc;

use liveloop::domain::*;
use proptest::prelude::*;

/// A session that is told events, one millisecond apart.
struct Story {
    state: State,
    effects: Effects,
}

impl Story {
    fn new(services: &[&str]) -> Self {
        let service = |name: &&str| ServiceSpec {
            name: (*name).into(),
            url: "".into(),
            has_health: true,
            has_revision: true,
            has_logs: false,
            deploy: Some(DeploySpec {
                command: vec!["./deploy.sh".into()],
                timeout: Span::seconds(60),
                streak: 2,
                proof_timeout: Span::seconds(60),
                ..DeploySpec::default()
            }),
            ..ServiceSpec::default()
        };
        let project = ProjectSpec {
            name: "shop".into(),
            runners: vec![RunnerSpec {
                name: "pytest".into(),
                tool: "pytest".into(),
                command: "pytest".into(),
                why: "".into(),
                ..RunnerSpec::default()
            }],
            services: services.iter().map(service).collect(),
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
            hold_limit: Span::seconds(600),
            ..ProjectSpec::default()
        };
        let mut story = Self { state: State::default(), effects: Vec::new() };
        story.tell(SessionEvent::Opened { project: Arc::new(project) });
        story.effects.clear();
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

    fn probe(&mut self, service: u32, health: Health, revision: &str) -> &mut Self {
        let probe = Probe { health, latency: Span::millis(3), revision: Some(revision.into()) };
        self.tell(ServiceEvent::Probed { service: ServiceId(service), probe })
    }

    /// A run that collects `tests` and then lives through `outcomes`.
    fn run(&mut self, run: u32, tests: &[&str], outcomes: &[Outcome]) -> &mut Self {
        let run = RunId(run);
        self.start(run, tests);
        for (n, &outcome) in outcomes.iter().enumerate() {
            let n = n as u32;
            self.tell(RunEvent::TestStarted { run, n });
            self.tell(RunEvent::TestEnded { run, n, outcome, took: Span::millis(9), detail: None, evidence: None });
        }
        self.exit(run, if outcomes.iter().any(|outcome| outcome.is_failure()) { 1 } else { 0 })
    }

    fn start(&mut self, run: RunId, tests: &[&str]) -> &mut Self {
        let found = |node: &&str| {
            let (module, _) = node.split_once("::").expect("a node id");
            Found { node: (*node).into(), module: module.into(), line: 1, source: None }
        };
        self.tell(RunEvent::Started { run, pid: 1 });
        self.tell(RunEvent::Collected { run, tests: tests.iter().map(found).collect() });
        self.tell(RunEvent::CollectionEnded { run })
    }

    fn exit(&mut self, run: RunId, code: i32) -> &mut Self {
        self.tell(RunEvent::Exited { run, exit: Exit::Code(code), says: "".into(), leaked: 0 })
    }

    /// `passed 2 failed 1 stale 0 of 3`
    fn totals(&self) -> String {
        let tally = self.state.inventory.tally();
        let (passed, failed, stale) = (tally.passes(), tally.failures(), tally.stale);
        format!("passed {passed} failed {failed} stale {stale} of {}", tally.total())
    }

    fn last_news(&self) -> &str {
        self.state.news.last().map_or("", |news| &news.text)
    }

    /// The tests that the last started run is to execute.
    fn wanted(&self) -> String {
        let wanted = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::StartRun { wanted, .. } => Some(wanted),
            _ => None,
        });
        match wanted {
            None => "nothing".to_owned(),
            Some(Wanted::All) => "all".to_owned(),
            Some(Wanted::Only { nodes, .. }) => nodes.iter().map(|node| &**node).collect::<Vec<_>>().join(" "),
        }
    }
}

const TESTS: [&str; 3] = ["a.py::one", "a.py::two", "b.py::three"];
use Outcome::{Failed, Passed};

#[test]
fn exactly_what_failed_is_rerun_and_the_rest_keeps_its_result() {
    let mut story = Story::new(&[]);
    story.ask(Command::Run(Selection::All)).run(0, &TESTS, &[Passed, Failed, Failed]);
    assert_eq!(story.totals(), "passed 1 failed 2 stale 0 of 3");
    story.ask(Command::Run(Selection::Failures));
    assert_eq!(story.wanted(), "a.py::two b.py::three");
    assert_eq!(story.state.inventory.tally().queued, 2);
    story.run(1, &TESTS[1..], &[Passed, Passed]);
    assert_eq!(story.totals(), "passed 3 failed 0 stale 0 of 3");
    assert!(story.state.is_green());
    assert_eq!(story.state.cycle, 2);
}

#[test]
fn a_test_that_started_and_never_ended_is_lost_and_the_rest_is_not_run() {
    let mut story = Story::new(&[]);
    let run = RunId(0);
    story.ask(Command::Run(Selection::All)).start(run, &TESTS).tell(RunEvent::TestStarted { run, n: 0 });
    story.tell(RunEvent::Exited { run, exit: Exit::Signal(11), says: "".into(), leaked: 0 });
    let ended = story.state.runs.get(run).expect("the run");
    let Integrity { selected, started, finished, lost, not_run, .. } = ended.integrity;
    assert_eq!((selected, started, finished, lost, not_run), (3, 1, 0, 1, 2));
    assert_eq!(story.totals(), "passed 0 failed 1 stale 0 of 3");
    assert_eq!(story.last_news(), "the run died: signal 11; 0 of 3 finished, 1 lost, 2 not run");
    assert!(!ended.is_green() && !story.state.is_green());
}

#[test]
fn a_run_cut_short_says_so_and_is_never_green() {
    let mut story = Story::new(&[]);
    let run = RunId(0);
    story.ask(Command::Run(Selection::All)).start(run, &TESTS);
    story.tell(RunEvent::TestStarted { run, n: 0 });
    story.tell(RunEvent::TestEnded { run, n: 0, outcome: Passed, took: Span::ZERO, detail: None, evidence: None });
    story.tell(RunEvent::EndAnnounced { run, why: "stopping after 1 failures".into() }).exit(run, 0);
    assert_eq!(story.last_news(), "cut short: stopping after 1 failures; 1 of 3 finished, 2 not run");
    assert!(!story.state.is_green());
    assert_eq!(story.state.inventory.tally().never_run, 2);
}

#[test]
fn nothing_collected_is_never_green() {
    let mut story = Story::new(&[]);
    story.ask(Command::Run(Selection::All)).start(RunId(0), &[]).exit(RunId(0), 0);
    assert_eq!(story.last_news(), "nothing ran: no tests were found");
    assert!(!story.state.is_green());
}

#[test]
fn an_exit_code_that_contradicts_the_results_wins() {
    let mut story = Story::new(&[]);
    let run = RunId(0);
    story.ask(Command::Run(Selection::All)).start(run, &TESTS[..1]);
    story
        .tell(RunEvent::TestEnded { run, n: 0, outcome: Passed, took: Span::ZERO, detail: None, evidence: None })
        .exit(run, 1);
    assert!(!story.state.runs.get(run).expect("the run").is_green());
    assert_eq!(story.last_news(), "no test failed, but the runner ended with exit 1: ");
}

#[test]
fn a_deploy_makes_results_stale_and_a_rerun_proves_them() {
    let mut story = Story::new(&["backend"]);
    let deploy = DeployId(0);
    story.probe(0, Health::Healthy, "b1");
    story.ask(Command::Run(Selection::All)).run(0, &TESTS, &[Passed, Passed, Failed]);
    story.ask(Command::Deploy(ServiceId(0)));
    story.tell(DeployEvent::CommandEnded { deploy, exit: Exit::Code(0), cancelled: false });
    story.tell(DeployEvent::Proved { deploy, saw: Some("b1".into()) });
    assert_eq!(story.totals(), "passed 2 failed 1 stale 0 of 3", "the old revision proves nothing");
    story.tell(DeployEvent::Proved { deploy, saw: Some("b2".into()) });
    assert_eq!(story.totals(), "passed 2 failed 1 stale 3 of 3");
    assert!(story.state.deploys.get(deploy).expect("the deploy").is_active(), "one answer is no streak");
    story.tell(DeployEvent::Proved { deploy, saw: Some("b2".into()) });
    assert_eq!(story.state.deploys.get(deploy).expect("the deploy").phase, DeployPhase::Live);
    story.ask(Command::Run(Selection::Failures)).run(1, &TESTS[2..], &[Passed]);
    assert_eq!(story.totals(), "passed 3 failed 0 stale 2 of 3");
    assert!(!story.state.is_green(), "two results are of the revision before");
}

#[test]
fn a_command_that_ended_well_and_changed_nothing_is_not_live() {
    let mut story = Story::new(&["backend"]);
    let deploy = DeployId(0);
    story.probe(0, Health::Healthy, "b4").ask(Command::Deploy(ServiceId(0)));
    story.tell(DeployEvent::CommandEnded { deploy, exit: Exit::Code(0), cancelled: false });
    story.tell(DeployEvent::ProofEnded { deploy, why: "b4 still serves".into() });
    assert_eq!(story.last_news(), "exit 0, but b4 still serves");
}

#[test]
fn a_run_is_held_while_a_service_deploys_and_starts_by_itself_afterwards() {
    let mut story = Story::new(&["backend", "auth"]);
    let deploy = DeployId(0);
    story.probe(0, Health::Healthy, "b1").probe(1, Health::Healthy, "a1").ask(Command::Deploy(ServiceId(0)));
    story.ask(Command::Run(Selection::All));
    assert_eq!(story.wanted(), "nothing");
    assert_eq!(story.last_news(), "the run is held: backend is being deployed");
    story.probe(0, Health::Unhealthy("HTTP 503".into()), "b1");
    story.tell(DeployEvent::CommandEnded { deploy, exit: Exit::Code(0), cancelled: false });
    story.tell(DeployEvent::Proved { deploy, saw: Some("b2".into()) });
    assert_eq!(story.wanted(), "nothing", "one answer is no proof");
    story.tell(DeployEvent::Proved { deploy, saw: Some("b2".into()) });
    assert_eq!(story.wanted(), "all", "it is proved: what a probe said before holds nobody up");
}

#[test]
fn what_flaps_does_not_push_other_news_away() {
    let mut story = Story::new(&["backend"]);
    story.probe(0, Health::Healthy, "b1").ask(Command::Deploy(ServiceId(0)));
    story.tell(DeployEvent::ProofEnded { deploy: DeployId(0), why: "no".into() });
    for _ in 0..20 {
        story.probe(0, Health::Unhealthy("HTTP 503".into()), "b1").probe(0, Health::Healthy, "b1");
    }
    let told: Vec<_> = story.state.news.iter().map(|news| format!("{} ×{}", news.text, news.times)).collect();
    let flapping = ["backend is down: HTTP 503 ×20", "backend is healthy ×21"];
    assert_eq!(told[told.len() - 2..], flapping, "{told:#?}");
    assert!(told.len() < 6, "{told:#?}");
}

#[test]
fn a_held_run_can_be_forced_stopped_and_given_up() {
    for (command, wanted, ended) in [
        (Some(Command::ForceRun(RunId(0))), "all", false),
        (Some(Command::StopRun(RunId(0))), "nothing", true),
        (None, "nothing", true),
    ] {
        let mut story = Story::new(&["backend"]);
        story.ask(Command::Run(Selection::All));
        match command {
            Some(command) => story.ask(command),
            None => story.tell(RunEvent::HeldTooLong { run: RunId(0) }),
        };
        assert_eq!(
            (story.wanted().as_str(), !story.state.runs.get(RunId(0)).expect("the run").is_active()),
            (wanted, ended)
        );
    }
}

#[test]
fn what_an_earlier_session_left_is_stale_until_proved() {
    let mut story = Story::new(&[]);
    let recalled = Recalled {
        node: TESTS[1].into(),
        outcome: Failed,
        started: Moment(1),
        took: Span::millis(5),
        cycle: 7,
        usual: Some(Span::millis(4)),
        message: Some("HTTP 403".into()),
        signature: None,
        grounds: Grounds::default(),
        course: Default::default(),
        grade: None,
    };
    story.tell(SessionEvent::Recalled(Arc::new(Recollection {
        cycle: 7,
        tests: vec![recalled],
        ..Recollection::default()
    })));
    story.tell(SessionEvent::Asked { by: ViewerId(0), command: Command::Collect });
    story.start(RunId(0), &TESTS).exit(RunId(0), 0);
    assert_eq!(story.totals(), "passed 0 failed 1 stale 1 of 3");
    story.ask(Command::Run(Selection::Failures));
    assert_eq!((story.wanted().as_str(), story.state.cycle), ("a.py::two", 8));
}

#[test]
fn a_collection_error_is_an_errored_module() {
    let mut story = Story::new(&[]);
    let run = RunId(0);
    let detail = Arc::new(Detail { message: "SyntaxError".into(), ..Detail::default() });
    story.ask(Command::Run(Selection::All)).tell(RunEvent::Started { run, pid: 1 });
    story.tell(RunEvent::ModuleBroken { run, module: "broken.py".into(), detail });
    story.tell(RunEvent::CollectionEnded { run }).exit(run, 2);
    assert_eq!(story.totals(), "passed 0 failed 1 stale 0 of 1");
    assert!(!story.state.is_green());
}

#[test]
fn an_agent_run_names_what_is_missing_and_is_lost_with_its_connection() {
    let mut story = Story::new(&[]);
    let stream = StreamId(0);
    let event = |at, kind: AgentKind| AgentEvent {
        run: Some("run_1".into()),
        agent: Some("supervisor".into()),
        ..AgentEvent::bare(Moment(at), kind)
    };
    let events = vec![event(10, AgentKind::AgentStarted), event(20, AgentKind::AgentThinking)];
    story.tell(StreamEvent::Received { stream, events });
    let run = |story: &Story| story.state.agents.run(AgentRunId(0)).expect("the run").clone();
    assert_eq!((run(&story).seen(), run(&story).awaited()), (2, Some(AgentKind::ToolExecuting)));
    story.tell(StreamEvent::Closed { stream, code: Some(1012), reason: "restart".into(), expected: true });
    assert_eq!((run(&story).end, run(&story).awaited()), (Some(AgentRunEnd::Lost), None));
    let missing: Vec<_> = run(&story).missing().map(AgentKind::word).collect();
    assert_eq!(missing, ["tool_executing", "tool_completed", "agent_completed"]);
}

/// A run of everything in which each test says something.
fn fail(story: &mut Story, run: u32, tests: &[&str], said: &[Option<&str>]) {
    let run = RunId(run);
    story.ask(Command::Run(Selection::All)).start(run, tests);
    for (n, message) in (0..).zip(said) {
        let outcome = if message.is_some() { Failed } else { Passed };
        let detail = message.map(|message| Arc::new(Detail { message: message.into(), ..Detail::default() }));
        story.tell(RunEvent::TestStarted { run, n });
        story.tell(RunEvent::TestEnded { run, n, outcome, took: Span::millis(9), detail, evidence: None });
    }
    story.exit(run, i32::from(said.iter().any(Option::is_some)));
}

/// `new 2 HTTP 403 | …`, the largest first, then what was fixed.
fn causes(story: &Story) -> Vec<String> {
    let causes = &story.state.causes;
    let told = |id: CauseId| {
        let cause = causes.get(id).expect("a known cause");
        let status = match cause.status(story.state.cycle) {
            CauseStatus::New => "new".to_owned(),
            CauseStatus::Still => "still".to_owned(),
            CauseStatus::Over(CauseEnd::Gone) => "gone".to_owned(),
            CauseStatus::Over(CauseEnd::Fixed { cycle, by }) => {
                format!("fixed in {cycle} by {}", by.as_deref().unwrap_or("?"))
            }
        };
        format!("{status}: {} {} +{}", cause.title(), cause.tests.len(), cause.dependents.len())
    };
    causes.present().into_iter().chain(causes.fixed()).map(told).collect()
}

#[test]
fn failures_fold_into_causes_and_a_deploy_is_seen_to_fix_them() {
    let mut story = Story::new(&["backend"]);
    let tests = ["a.py::test_connects", "a.py::test_report", "b.py::test_streams", "b.py::test_stops"];
    let refused = Some("InvalidStatus: server rejected WebSocket connection: HTTP 403");
    let (deploy, dependent) = (DeployId(0), Some("nothing to report on: test_connects did not pass"));
    story.probe(0, Health::Healthy, "b1");
    fail(&mut story, 0, &tests, &[refused, dependent, refused, Some("HTTP 404 for /api/stop")]);
    assert_eq!(causes(&story), ["new: HTTP 403 at the WebSocket handshake 2 +1", "new: HTTP 404 for /api/stop 1 +0"]);
    story.ask(Command::Deploy(ServiceId(0)));
    story.tell(DeployEvent::CommandEnded { deploy, exit: Exit::Code(0), cancelled: false });
    story.tell(DeployEvent::Proved { deploy, saw: Some("b2".into()) });
    story.tell(DeployEvent::Proved { deploy, saw: Some("b2".into()) });
    story.probe(0, Health::Healthy, "b2");
    fail(
        &mut story,
        1,
        &tests,
        &[None, None, Some("the run never completed; last event: agent_thinking"), Some("HTTP 404 for /api/stop")],
    );
    assert_eq!(
        causes(&story),
        [
            "still: HTTP 404 for /api/stop 1 +0",
            "new: the run stops after agent_thinking 1 +0",
            "fixed in 2 by b2: HTTP 403 at the WebSocket handshake 0 +0",
        ]
    );
    let verdicts: Vec<Verdict> = story.state.inventory.tests().map(|(_, test)| Verdict::of(test)).collect();
    let wanted = [Verdict::Fixed, Verdict::Fixed, Verdict::FailingDifferently, Verdict::StillFailing];
    assert_eq!(verdicts, wanted);
}

#[test]
fn what_failed_for_the_same_reason_in_an_earlier_session_is_no_new_cause() {
    let mut story = Story::new(&[]);
    let told = "AssertionError: assert 1 == 2";
    let detail = Detail { message: told.into(), ..Detail::default() };
    let recalled = Recalled {
        node: TESTS[0].into(),
        outcome: Failed,
        started: Moment(1),
        took: Span::millis(5),
        cycle: 7,
        usual: None,
        message: Some(told.into()),
        signature: Some(Arc::new(Signature::of(Failed, Some(&detail)))),
        grounds: Grounds::default(),
        course: Default::default(),
        grade: None,
    };
    story.tell(SessionEvent::Recalled(Arc::new(Recollection {
        cycle: 7,
        tests: vec![recalled],
        ..Recollection::default()
    })));
    fail(&mut story, 0, &TESTS, &[Some("AssertionError: assert 3 == 2"), None, Some("the cart is empty")]);
    assert_eq!(causes(&story), ["still: assert … == 2 1 +0", "new: the cart is empty 1 +0"]);
}

// ---- any entries at all ---------------------------------------------------------------------------------------

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop::sample::select(Outcome::ALL.to_vec())
}

fn run_events() -> impl Strategy<Value = Event> {
    let run = (0u32..4).prop_map(RunId);
    (run, 0u32..5, outcomes(), 0u8..9).prop_map(|(run, n, outcome, which)| {
        let found = |n: u32| Found {
            node: format!("m{}::test_{n}", n % 2).into(),
            module: format!("m{}", n % 2).into(),
            line: n,
            source: None,
        };
        match which {
            0 => RunEvent::Started { run, pid: 1 },
            1 | 2 => RunEvent::Collected { run, tests: (0..n).map(found).collect() },
            3 => RunEvent::CollectionEnded { run },
            4 | 5 => RunEvent::TestStarted { run, n },
            6 => RunEvent::TestEnded { run, n, outcome, took: Span(5), detail: said(n, outcome), evidence: None },
            7 => RunEvent::Missed { run, nodes: vec![format!("m0::test_{n}").into()] },
            _ => RunEvent::Exited { run, exit: Exit::Code((n % 3) as i32), says: "".into(), leaked: 0 },
        }
        .into()
    })
}

/// What a failure says: some share a cause, and one names another test.
fn said(n: u32, outcome: Outcome) -> Option<Arc<Detail>> {
    let message = match (outcome.is_failure(), n) {
        (false, _) => return None,
        (true, 0 | 1) => format!("HTTP {} at the handshake", 401 + n * 2),
        (true, 2) => "nothing to check: test_0 did not pass".to_owned(),
        (true, _) => format!("the order {n} is empty"),
    };
    Some(Arc::new(Detail { message: message.into(), ..Detail::default() }))
}

fn commands() -> impl Strategy<Value = Event> {
    let tests = prop::collection::vec((0u32..6).prop_map(TestId), 0..4);
    (0u32..4, tests, 0u8..9).prop_map(|(n, tests, which)| {
        let command = match which {
            0 => Command::Run(Selection::All),
            1 => Command::Run(Selection::Failures),
            2 => Command::Run(Selection::Tests(tests)),
            3 => Command::Run(Selection::Module(ModuleId(n))),
            4 => Command::StopRun(RunId(n)),
            5 => Command::ForceRun(RunId(n)),
            6 => Command::Deploy(ServiceId(n)),
            7 => Command::CancelDeploy(DeployId(n)),
            _ => Command::Collect,
        };
        SessionEvent::Asked { by: ViewerId(0), command }.into()
    })
}

fn environment_events() -> impl Strategy<Value = Event> {
    let revision = prop::option::of("[ab]").prop_map(|revision| revision.map(Text::from));
    (0u32..3, revision, any::<bool>(), 0u8..5).prop_map(|(n, revision, well, which)| {
        let deploy = DeployId(n);
        match which {
            0 | 1 => {
                let health = if well { Health::Healthy } else { Health::Unreachable("refused".into()) };
                let probe = Probe { health, latency: Span(1), revision };
                ServiceEvent::Probed { service: ServiceId(n), probe }.into()
            }
            2 => DeployEvent::CommandEnded { deploy, exit: Exit::Code(i32::from(!well)), cancelled: false }.into(),
            3 => DeployEvent::Proved { deploy, saw: revision }.into(),
            _ => DeployEvent::ProofEnded { deploy, why: "time".into() }.into(),
        }
    })
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let events = prop_oneof![4 => run_events(), 2 => commands(), 2 => environment_events()];
    prop::collection::vec(events, 0..120).prop_map(|events| {
        let opened = Story::new(&["backend", "auth"]).state.session.project.clone();
        std::iter::once(SessionEvent::Opened { project: opened }.into())
            .chain(events)
            .enumerate()
            .map(|(n, event)| Entry { seq: n as u64 + 1, at: Moment(n as u64 * 10), event })
            .collect()
    })
}

fn fold(state: &mut State, entries: &[Entry]) {
    let mut effects = Vec::new();
    entries.iter().for_each(|entry| state.apply(entry, &mut effects));
}

/// What the counters say, counted from the tests themselves.
fn recount(state: &State) -> Tally {
    let mut tally = Tally::default();
    for (_, test) in state.inventory.tests().filter(|(_, test)| !test.gone) {
        tally.add(test.counted());
        tally.stale += u32::from(test.is_stale());
        test.worth().into_iter().for_each(|worth| tally.worths.add(worth));
        tally.not_run += u32::from(test.is_not_run());
        tally.held_over += u32::from(test.is_held_over());
    }
    tally
}

proptest! {
    #[test]
    fn a_journal_read_back_folds_to_the_same_state(entries in entries()) {
        let mut live = State::default();
        fold(&mut live, &entries);
        let text: Vec<String> = entries.iter().map(|entry| serde_json::to_string(entry).expect("serializable")).collect();
        let read: Vec<Entry> = text.iter().map(|line| serde_json::from_str(line).expect("readable")).collect();
        let mut replayed = State::default();
        fold(&mut replayed, &read);
        prop_assert_eq!(live, replayed);
    }

    #[test]
    fn a_snapshot_at_any_point_goes_on_as_a_straight_fold(entries in entries(), at in 0usize..120) {
        let at = at.min(entries.len());
        let mut straight = State::default();
        fold(&mut straight, &entries);
        let mut first = State::default();
        fold(&mut first, &entries[..at]);
        let snapshot = serde_json::to_string(&first).expect("serializable");
        let mut resumed: State = serde_json::from_str(&snapshot).expect("readable");
        fold(&mut resumed, &entries[at..]);
        prop_assert_eq!(straight, resumed);
    }

    #[test]
    fn the_counters_are_what_counting_gives(entries in entries()) {
        let mut state = State::default();
        let mut effects = Vec::new();
        for entry in &entries {
            state.apply(entry, &mut effects);
            prop_assert_eq!(*state.inventory.tally(), recount(&state), "after {:?}", entry);
        }
    }

    #[test]
    fn every_failure_has_one_cause_and_no_other_test_has_any(entries in entries()) {
        let mut state = State::default();
        let mut effects = Vec::new();
        for entry in &entries {
            state.apply(entry, &mut effects);
            let mut blamed: Vec<TestId> = state.causes.iter().flat_map(|(_, cause)| cause.members()).collect();
            blamed.sort_unstable();
            let failed: Vec<TestId> = state.inventory.failures().collect();
            prop_assert_eq!(&blamed, &failed, "after {:?}", entry);
            for (id, cause) in state.causes.iter() {
                prop_assert_eq!(cause.end.is_none(), cause.count() > 0);
                prop_assert!(cause.members().all(|test| state.causes.of(test) == Some(id)));
            }
        }
    }

    #[test]
    fn a_stale_identity_changes_nothing_but_the_place(n in 100u32..200) {
        let mut story = Story::new(&["backend"]);
        story.ask(Command::Run(Selection::All)).run(0, &TESTS, &[Passed, Failed, Passed]);
        let before = story.state.clone();
        let run = RunId(n);
        for event in [
            Event::from(RunEvent::TestStarted { run, n: 0 }),
            RunEvent::TestEnded { run: RunId(0), n: 0, outcome: Failed, took: Span(1), detail: None, evidence: None }.into(),
            RunEvent::Exited { run: RunId(0), exit: Exit::Code(0), says: "".into(), leaked: 0 }.into(),
            DeployEvent::Proved { deploy: DeployId(n), saw: Some("x".into()) }.into(),
            ServiceEvent::Probed {
                service: ServiceId(n),
                probe: Probe { health: Health::Healthy, latency: Span(1), revision: Some("x".into()) },
            }.into(),
        ] {
            story.tell(event);
        }
        story.state.seq = before.seq;
        story.state.at = before.at;
        prop_assert_eq!(story.state, before);
    }
}
