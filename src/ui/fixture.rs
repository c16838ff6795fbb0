//! States to draw, made as the engine makes them: by folding entries. For tests and measurements alone.

pub(crate) mod cycles;
pub(crate) mod flight;
pub(crate) mod gated;
pub(crate) mod health;
pub(crate) mod link;
mod measured;
pub(crate) mod plan;
pub(crate) mod prove;
pub(crate) mod runs;
pub(crate) mod services;
pub(crate) mod spoilt;
pub(crate) mod watching;

use std::sync::Arc;

use crate::domain::{
    AgentEvent, AgentKind, Baseline, Command, DeployEvent, DeployId, DeploySpec, Detail, Effects, Entry,
    EnvironmentKind, EnvironmentSpec, Event, Evidence, Exit, Found, Frame, Grade, Grounds, Health, Lane, Level,
    LevelCounts, Limits, LogEvent, LogLine, ModuleId, Moment, NullKind, Outcome, OutputLine, Probe, ProjectSpec,
    Recalled, Recollection, Refusal, RefusalClass, RunEvent, RunId, RunnerSpec, Section, Selection, ServiceEvent,
    ServiceId, ServiceSpec, SessionEvent, Source, Span, Stage, State, StepState, StreamEvent, StreamId, StreamSpec,
    TestId, Text, Value, ViewerId,
};

pub(crate) use measured::{compared, repeating};
pub(crate) mod known;

/// 12:00:00 of some day.
const NOON: u64 = 1_790_078_400_000_000;

/// A state that grows event by event, and its clock.
pub(crate) struct Story {
    /// What follows from everything told so far.
    pub(crate) state: State,
    /// The time.
    pub(crate) now: Moment,
    seq: u64,
    listed: u32,
}

/// The modules of the staging environment: a title, and how many tests.
const MODULES: [(&str, u32); 14] = [
    ("priority1_critical", 25),
    ("high", 10),
    ("medium_high", 15),
    ("medium", 15),
    ("medium_low", 12),
    ("low", 15),
    ("1_websocket_events", 5),
    ("2_message_flow", 5),
    ("3_agent_pipeline", 6),
    ("4_orchestration", 6),
    ("5_streaming", 6),
    ("6_failure_recovery", 6),
    ("7_startup", 6),
    ("connectivity", 4),
];

impl Default for Story {
    fn default() -> Self {
        Self::new()
    }
}

impl Story {
    /// A session that has just opened on the staging environment.
    pub(crate) fn new() -> Self {
        Self::of(staging())
    }

    /// A session that has just opened on `project`.
    pub(crate) fn of(project: ProjectSpec) -> Self {
        let mut story = Self { state: State::default(), now: Moment(NOON), seq: 0, listed: 0 };
        story.tell(SessionEvent::Opened { project: Arc::new(project) });
        story.tell(SessionEvent::ViewerJoined { viewer: ViewerId(1), name: "ada".into(), drives: true });
        story.tell(SessionEvent::ViewerJoined { viewer: ViewerId(2), name: "kim".into(), drives: false });
        story
    }

    /// Something happens.
    pub(crate) fn tell(&mut self, event: impl Into<Event>) -> &mut Self {
        self.seq += 1;
        let entry = Entry { seq: self.seq, at: self.now, event: event.into() };
        self.state.apply(&entry, &mut Effects::new());
        self
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, millis: u64) -> &mut Self {
        self.now = self.now.after(Span::millis(millis));
        self
    }

    /// The first person asks for something.
    pub(crate) fn ask(&mut self, command: Command) -> &mut Self {
        self.tell(SessionEvent::Asked { by: ViewerId(1), command })
    }

    /// A service answers its probe.
    pub(crate) fn probe(&mut self, service: u32, revision: &str, millis: u64) -> &mut Self {
        let probe = Probe { health: Health::Healthy, latency: Span::millis(millis), revision: Some(revision.into()) };
        self.tell(ServiceEvent::Probed { service: ServiceId(service), probe })
    }

    /// All services answer a few times.
    pub(crate) fn healthy(&mut self) -> &mut Self {
        for beat in 0..8 {
            self.wait(500);
            self.probe(0, "backend-00003", 12 + beat % 3 * 20).probe(1, "auth-00001", 8 + beat % 2);
            self.probe(2, "frontend-00002", 20);
        }
        self
    }

    /// The newest run.
    pub(crate) fn run(&self) -> RunId {
        self.state.runs.iter().next_back().map(|(id, _)| id).expect("a run was asked for")
    }

    /// Everything is asked for, and the runner lists its tests.
    pub(crate) fn start(&mut self) -> &mut Self {
        self.ask(Command::Run(Selection::All)).list()
    }

    /// The runner starts, and lists all its tests.
    pub(crate) fn list(&mut self) -> &mut Self {
        let run = self.run();
        self.tell(RunEvent::Started { run, pid: 4711 });
        let tool = "pytest 9.0.1".into();
        self.tell(RunEvent::Greeted { run, tool, lane: Some(Lane::Quiet), workers: 0, root: None, evidence: false });
        self.wait(800).collect(&MODULES);
        self.tell(RunEvent::CollectionEnded { run })
    }

    /// The runner lists modules of that many tests.
    pub(crate) fn collect(&mut self, modules: &[(&str, u32)]) -> &mut Self {
        let run = self.run();
        for (title, count) in modules {
            let module: Text = format!("tests/e2e/test_{title}.py").into();
            let found = |n: u32| Found {
                node: format!("{module}::test_{:03}_{}", n + 1, NAMES[n as usize % NAMES.len()]).into(),
                module: module.clone(),
                line: 10 + n * 12,
                source: None,
            };
            self.tell(RunEvent::Collected { run, tests: (0..*count).map(found).collect() });
            self.listed += count;
        }
        self
    }

    /// The place of a module's `n`-th test in the run's own order.
    pub(crate) fn place(&self, module: u32, n: u32) -> u32 {
        let modules = &MODULES[..module as usize];
        modules.iter().map(|(_, count)| count).sum::<u32>() + n
    }

    /// A test begins.
    pub(crate) fn begin(&mut self, n: u32) -> &mut Self {
        let run = self.run();
        self.tell(RunEvent::TestStarted { run, n })
    }

    /// A test runs and ends.
    pub(crate) fn end(&mut self, n: u32, outcome: Outcome, millis: u64, message: Option<&str>) -> &mut Self {
        let run = self.run();
        let detail = message.map(|message| Arc::new(failure(message)));
        self.begin(n).wait(millis);
        self.tell(RunEvent::TestEnded { run, n, outcome, took: Span::millis(millis), detail, evidence: None })
    }

    /// A test passes, and its runner has measured what it touched.
    fn measure(&mut self, n: u32) -> &mut Self {
        let (run, mut evidence) = (self.run(), Evidence::default());
        if n % 40 != 37 {
            evidence.grade = if n.is_multiple_of(3) { Grade::Websocket } else { Grade::Http };
            evidence.hosts = vec!["127.0.0.1:8000".into(), "127.0.0.1:8001".into()];
            (evidence.sent, evidence.received) = (912 + u64::from(n), 3_140 + 17 * u64::from(n));
        }
        if n == 0 {
            let value = |name: &str, text: &str, constant| Value { name: name.into(), text: text.into(), constant };
            evidence.values = vec![value("latency_ms", "85", true), value("events", "5", false)];
        }
        let took = Span::millis(if n == 24 { 4 } else { 900 + u64::from(n) * 7 % 90 });
        self.begin(n).wait(took.as_millis());
        let (outcome, evidence) = (Outcome::Passed, Some(Arc::new(evidence)));
        self.tell(RunEvent::TestEnded { run, n, outcome, took, detail: None, evidence })
    }

    /// A null run lists everything and comes as far as `count` tests, of which few pass.
    fn without_environment(&mut self, count: u32) -> &mut Self {
        let run = self.run();
        self.tell(RunEvent::Started { run, pid: 4712 }).collect(&MODULES).tell(RunEvent::CollectionEnded { run });
        for n in 0..count {
            let outcome = if n == 0 || n % 40 == 37 && n != 77 { Outcome::Passed } else { Outcome::Failed };
            self.end(n, outcome, 3, None);
        }
        self
    }

    /// Tests of a module pass.
    pub(crate) fn pass(&mut self, module: u32, tests: std::ops::Range<u32>) -> &mut Self {
        for n in tests {
            let n = self.place(module, n);
            self.end(n, Outcome::Passed, 40 + u64::from(n) * 7 % 90, None);
        }
        self
    }

    /// An agent event of a run.
    pub(crate) fn agent(&mut self, run: &str, kind: AgentKind, text: &str, millis: u64) -> &mut Self {
        let event = self.wait(millis).agent_event(run, kind, text);
        self.tell(StreamEvent::Received { stream: StreamId(0), events: vec![event] })
    }

    fn agent_event(&self, run: &str, kind: AgentKind, text: &str) -> AgentEvent {
        let tool = matches!(kind, AgentKind::ToolExecuting | AgentKind::ToolCompleted);
        let bare = AgentEvent::bare(self.now, kind);
        AgentEvent {
            type_name: if kind == AgentKind::Unknown { "cost_estimate".into() } else { bare.type_name },
            run: Some(run.into()),
            agent: Some("supervisor".into()),
            tool: tool.then(|| "cost_analyzer".into()),
            text: text.into(),
            raw: format!(r#"{{"type":"{}","run_id":"{run}","payload":{{"text":"{text}"}}}}"#, kind.word()).into(),
            ..bare
        }
    }

    /// The stream opens and its pings come back.
    pub(crate) fn connect(&mut self) -> &mut Self {
        let stream = StreamId(0);
        self.tell(StreamEvent::Connecting { stream });
        let subprotocol = Some("jwt-auth".into());
        self.tell(StreamEvent::Opened {
            stream,
            took: Span::millis(30),
            subprotocol,
            findings: Vec::new(),
            lasts: None,
        });
        self.tell(StreamEvent::Reached { stream, stage: Stage::Ready, took: Span::millis(12) });
        for trip in [38, 44, 58, 41] {
            self.tell(StreamEvent::Measured { stream, round_trip: Span::millis(trip) });
        }
        self
    }

    /// A complete agent run.
    pub(crate) fn whole_agent_run(&mut self, run: &str) -> &mut Self {
        self.agent(run, AgentKind::AgentStarted, "", 100);
        self.agent(run, AgentKind::AgentThinking, "reading the request", 81);
        self.agent(run, AgentKind::ToolExecuting, "", 204);
        self.agent(run, AgentKind::ToolCompleted, "12 rows", 620);
        self.agent(run, AgentKind::AgentCompleted, "done", 90)
    }

    /// The backend is deployed, as far as its third step.
    pub(crate) fn deploy(&mut self, service: u32) -> DeployId {
        self.ask(Command::Deploy(ServiceId(service)));
        let deploy = self.state.deploys.newest().expect("a deploy was asked for");
        let step = |name: &str, state| DeployEvent::Stepped { deploy, name: name.into(), state };
        let print = |text: &str| DeployEvent::Printed {
            deploy,
            lines: vec![OutputLine { source: Source::Stdout, text: text.into() }],
        };
        self.tell(step("build", StepState::Running)).tell(print("\x1b[36mNOTICE\x1b[0m building the image"));
        self.wait(21_000).tell(step("build", StepState::Done));
        self.tell(step("push", StepState::Running)).tell(print("\x1b[36mNOTICE\x1b[0m pushed sha256:9f2c"));
        self.wait(7_000).tell(step("push", StepState::Done)).tell(step("start", StepState::Running));
        self.tell(print("\x1b[33mWARN\x1b[0m starting frontend-00003"));
        self.wait(4_000);
        deploy
    }

    /// A deploy's command ends well and the new revision is proved.
    pub(crate) fn prove(&mut self, deploy: DeployId, revision: &str) -> &mut Self {
        self.tell(DeployEvent::CommandEnded { deploy, exit: Exit::Code(0), cancelled: false });
        for _ in 0..3 {
            self.wait(400).tell(DeployEvent::Proved { deploy, saw: Some(revision.into()) });
        }
        self
    }

    /// The run's process ends.
    pub(crate) fn exit(&mut self, code: i32, says: &str) -> &mut Self {
        let run = self.run();
        self.tell(RunEvent::Exited { run, exit: Exit::Code(code), says: says.into(), leaked: 0 })
    }

    /// The test with that number in its module.
    pub(crate) fn test(&self, module: u32, n: usize) -> TestId {
        self.state.inventory.module(ModuleId(module)).expect("the module was listed").tests[n]
    }
}

const NAMES: [&str; 8] = [
    "agent_lifecycle_management",
    "message_ordering",
    "critical_event_delivery",
    "websocket_event_flow",
    "tool_execution",
    "concurrent_users",
    "reconnection",
    "session_persistence",
];

/// The project that the pictures show.
pub(crate) fn staging() -> ProjectSpec {
    let service = |name: &str| ServiceSpec {
        name: name.into(),
        url: format!("http://127.0.0.1:8000/{name}").into(),
        has_health: true,
        has_revision: true,
        has_logs: false,
        deploy: Some(DeploySpec {
            command: vec!["python".into(), "deploy.py".into(), name.into()],
            timeout: Span::seconds(300),
            streak: 3,
            proof_timeout: Span::seconds(60),
            ..DeploySpec::default()
        }),
        ..ServiceSpec::default()
    };
    ProjectSpec {
        name: "netra".into(),
        root: "/src/netra".into(),
        environment: Some(EnvironmentSpec { name: "staging".into(), kind: EnvironmentKind::Shared }),
        runners: vec![RunnerSpec {
            name: "pytest".into(),
            tool: "pytest".into(),
            command: "python -m pytest".into(),
            why: "found pytest.ini".into(),
            ..RunnerSpec::default()
        }],
        services: vec![service("backend"), service("auth"), service("frontend")],
        streams: vec![StreamSpec {
            name: "agents".into(),
            url: "ws://127.0.0.1:8000/ws".into(),
            service: Some("backend".into()),
            start: Some("{}".into()),
            messages: Vec::new(),
            over_http: false,
            budget: Span::seconds(2),
            ..StreamSpec::default()
        }],
        hold_limit: Span::seconds(600),
        baseline: Baseline::Previous,
        baseline_file: None,
        limits: Limits::default(),
        ..ProjectSpec::default()
    }
}

/// A folder with a test runner and nothing else.
pub(crate) fn bare() -> ProjectSpec {
    ProjectSpec { environment: None, services: Vec::new(), streams: Vec::new(), ..staging() }
}

/// What a failed test says.
pub(crate) fn failure(message: &str) -> Detail {
    let own = |line, source: &str| Frame {
        path: "tests/e2e/test_priority1_critical.py".into(),
        line,
        source: source.into(),
        own: true,
    };
    let library = Frame { path: "site-packages/_pytest/python.py".into(), line: 157, source: "".into(), own: false };
    Detail {
        message: message.into(),
        exception: Some("AssertionError".into()),
        frames: vec![
            library.clone(),
            library,
            own(
                223,
                "    seen = {e[\"type\"] for e in await agent_run()}\n    missing = [kind for kind in CRITICAL if kind not in seen]\n    assert not missing, f\"{len(CRITICAL) - len(missing)}/5 critical events\"",
            ),
        ],
        trace: "    def test_critical():\n>       assert not missing\nE       AssertionError: 2/5 critical events found\nE       - ['agent_started', 'agent_thinking', 'tool_executing']\nE       + ['agent_started', 'agent_thinking']\n\ntests/e2e/test_priority1_critical.py:223: AssertionError".into(),
        sections: vec![Section {
            title: "Captured stdout call".into(),
            text: "event: \x1b[32mconnection_ready\x1b[0m\nevent: agent_started\nevent: agent_thinking".into(),
        }],
        subtests: Vec::new(),
    }
}

/// Services that write logs: some lines, an error that is new, and one source that is lost.
pub(crate) fn logged() -> Story {
    let mut project = staging();
    project.services.iter_mut().for_each(|service| service.has_logs = true);
    let mut story = Story::of(project);
    story.healthy().connect();
    let line = |level, text: &str, whole: Option<&str>| LogLine {
        level,
        written: None,
        text: text.into(),
        whole: whole.map(Into::into),
        revision: Some("backend-00004".into()),
        run: whole.map(|_| "run_8f21".into()),
    };
    let failed = "run_8f21: agent execution timed out after agent_thinking";
    let whole = r#"{"timestamp":"2026-11-20T12:00:05Z","severity":"ERROR","textPayload":"run_8f21: agent execution timed out after agent_thinking","resource":{"labels":{"revision_name":"backend-00004"}},"run_id":"run_8f21"}"#;
    let batches = [
        (0, vec![line(Level::Info, "POST /api/messages 201", None), line(Level::Debug, "pool: 3 of 10 in use", None)]),
        (1, vec![line(Level::Info, "token issued to staging-e2e-user-002", None)]),
        (
            0,
            vec![line(Level::Warning, "WebSocket upgrade refused: 403", None), line(Level::Error, failed, Some(whole))],
        ),
        (2, vec![line(Level::Info, "\u{1b}[32mGET\u{1b}[0m / 200 in 4 ms", None)]),
    ];
    for (service, lines) in batches {
        let mut skipped = LevelCounts::default();
        (0..service * 700).for_each(|_| skipped.add(Level::Info));
        story.tell(LogEvent::Written { service: ServiceId(service), lines, skipped, unread: 0 }).wait(320);
    }
    let why = "HTTP 503".into();
    story.tell(LogEvent::Lost { service: ServiceId(1), why, retry: Span::seconds(2) }).wait(400);
    story
}

/// Nothing configured but a runner, nothing listed yet.
pub(crate) fn empty() -> Story {
    Story::of(bare())
}

/// A run in progress as in the pictures: three failures, four modules running, an older deploy, another under way.
pub(crate) fn busy() -> Story {
    let mut story = Story::new();
    let memory = Recollection {
        cycles: Vec::new(),
        cycle: 2,
        tests: recalled(),
        deploys: vec![("frontend".into(), Span::seconds(110)), ("backend".into(), Span::seconds(41))],
        unfinished: None,
        ..Recollection::default()
    };
    story.tell(SessionEvent::Recalled(Arc::new(memory))).healthy().connect().start();
    for n in [21, 23, 24] {
        let n = story.place(0, n);
        story.end(n, Outcome::Failed, 300, Some("HTTP 403 at the WebSocket handshake"));
    }
    story.pass(12, 0..6);
    story.exit(1, "tests failed");
    for run in ["run_0c44", "run_1b9e"] {
        story.whole_agent_run(run);
    }
    story.agent("run_52d0", AgentKind::AgentStarted, "", 300).agent("run_52d0", AgentKind::AgentThinking, "", 900);
    story.agent("run_52d0", AgentKind::AgentFailed, "out of budget", 900);
    let deploy = story.deploy(0);
    story.prove(deploy, "backend-00004").probe(0, "backend-00004", 12).start();
    for n in 0..25 {
        let n = story.place(0, n);
        match n {
            21 | 23 => story.end(n, Outcome::Failed, 4_000, Some("the run never completed; last event agent_thinking")),
            24 => {
                story.begin(n);
                story.agent("run_77ac", AgentKind::AgentStarted, "", 80);
                story.agent("run_77ac", AgentKind::AgentThinking, "reading the request", 81);
                story.agent(
                    "run_77ac",
                    AgentKind::AgentFailed,
                    "agent execution timed out after agent_thinking",
                    2_400,
                );
                story.end(
                    n,
                    Outcome::Failed,
                    4_100,
                    Some("2/5 critical events, missing tool_executing, tool_completed"),
                )
            }
            _ => story.end(n, Outcome::Passed, 310, None),
        };
    }
    story.pass(1, 0..10).pass(7, 0..5).pass(9, 0..6).pass(10, 0..6).pass(5, 0..13);
    let flaky = story.place(5, 13);
    story.tell(RunEvent::TestRetried { run: story.run(), n: flaky, detail: None });
    story.end(flaky, Outcome::Flaky, 80, None);
    let n = story.place(5, 14);
    story.end(n, Outcome::Passed, 70, None).pass(4, 0..8);
    for n in 8..12 {
        let n = story.place(4, n);
        story.end(n, Outcome::Skipped, 1, Some("needs google login"));
    }
    story.pass(6, 0..2).pass(8, 0..3).pass(2, 0..5).pass(11, 0..2);
    let (a, b, c, d) = (story.place(6, 2), story.place(8, 3), story.place(2, 5), story.place(11, 2));
    story.deploy(2);
    story.begin(b).wait(1_600).begin(a).wait(2_100).begin(c).wait(200).begin(d);
    story.agent("run_8f21", AgentKind::AgentStarted, "supervisor", 10);
    story.agent("run_8f21", AgentKind::AgentThinking, "reading the request", 81);
    story.agent("run_8f21", AgentKind::Unknown, "0.02 USD", 12);
    story.agent("run_8f21", AgentKind::AgentThinking, "choosing a tool", 204);
    story.wait(2_400);
    story
}

/// What is known from earlier sessions: how long tests take, and one module's results.
fn recalled() -> Vec<Recalled> {
    let mut tests = Vec::new();
    for (title, count) in MODULES {
        for n in 0..count {
            tests.push(Recalled {
                node: format!("tests/e2e/test_{title}.py::test_{:03}_{}", n + 1, NAMES[n as usize % NAMES.len()])
                    .into(),
                outcome: Outcome::Passed,
                started: Moment(NOON - 86_400_000_000),
                took: Span::millis(900),
                cycle: 2,
                usual: Some(Span::millis(900)),
                message: None,
                signature: None,
                grounds: Grounds::default(),
                course: Default::default(),
                grade: None,
            });
        }
    }
    tests
}

/// Everything passed on what serves now.
pub(crate) fn green() -> Story {
    let mut story = Story::new();
    story.healthy().connect().start();
    for (module, (_, count)) in (0..).zip(MODULES) {
        story.pass(module, 0..count);
    }
    story.whole_agent_run("run_1b9e").exit(0, "all passed");
    story
}

/// Everything passed and was measured: most of it over HTTP and WebSockets, some of it without touching anything; a
/// null run said what passes without the environment, one test took no time, and another null run is under way.
pub(crate) fn measured() -> Story {
    let mut story = Story::new();
    let slow = |test: Recalled| Recalled { usual: Some(Span::millis(1_400)), ..test };
    let tests = recalled().into_iter().map(slow).collect();
    let memory = Recollection { tests, ..Recollection::default() };
    story.tell(SessionEvent::Recalled(Arc::new(memory))).healthy().connect().start();
    let total: u32 = MODULES.iter().map(|(_, count)| count).sum();
    for n in 0..total {
        story.measure(n);
    }
    story.exit(0, "all passed");
    let (kind, selection) = (NullKind::Refused, Selection::All);
    story.ask(Command::RunNull { kind, selection }).without_environment(total).exit(1, "tests failed");
    let (kind, selection) = (NullKind::Stub, Selection::All);
    story.ask(Command::RunNull { kind, selection }).without_environment(57).wait(3_000);
    story
}

/// Everything passed, then another revision went live.
pub(crate) fn stale() -> Story {
    let mut story = green();
    let deploy = story.deploy(0);
    story.prove(deploy, "backend-00004").probe(0, "backend-00004", 15);
    story
}

/// A run that the runner cut short after two tests.
pub(crate) fn cut_short() -> Story {
    let mut story = Story::new();
    story.healthy().connect().start().pass(0, 0..1);
    let n = story.place(0, 1);
    story.end(n, Outcome::Failed, 900, Some("assert 503 == 200"));
    let run = story.run();
    story.tell(RunEvent::EndAnnounced { run, why: "stopping after 1 failures".into() });
    story.exit(1, "tests failed");
    story
}

/// A run whose process died with tests under way.
pub(crate) fn crashed() -> Story {
    let mut story = Story::new();
    story.healthy().connect().start().pass(0, 0..2);
    let (n, run) = (story.place(0, 2), story.run());
    story.begin(n).wait(1_500);
    let lines = ["Fatal Python error: Segmentation fault", "", "Current thread 0x00007f1c (most recent call first):"];
    story.tell(RunEvent::Printed { run, n: None, lines: lines.map(Text::from).to_vec() });
    story.tell(RunEvent::Exited { run, exit: Exit::Signal(11), says: "segmentation fault".into(), leaked: 2 });
    story
}

/// A run that a person is stopping, with two tests of several workers under way.
pub(crate) fn stopping() -> Story {
    let mut story = Story::new();
    story.healthy().connect().start().pass(0, 0..2);
    let run = story.run();
    story.begin(2).begin(3).wait(4_000);
    let (signal, grace) = (crate::domain::Signal::Interrupt, Span::seconds(5));
    story.tell(RunEvent::Signalled { run, signal, grace }).wait(3_000);
    story
}

/// A run that waits for a service that is down.
pub(crate) fn held() -> Story {
    let mut story = Story::new();
    story.healthy();
    let health = Health::Unreachable("connection refused".into());
    let probe = Probe { health, latency: Span::ZERO, revision: None };
    story.wait(900).tell(ServiceEvent::Probed { service: ServiceId(1), probe });
    story.ask(Command::Run(Selection::All)).wait(12_000);
    story
}

/// A module that cannot be loaded, and one test that ran.
pub(crate) fn broken() -> Story {
    let mut story = Story::new();
    story.healthy().connect().ask(Command::Run(Selection::All));
    let run = story.run();
    story.tell(RunEvent::Started { run, pid: 4711 });
    let message = "ModuleNotFoundError: No module named 'netra.agents'\ntests/e2e/test_low.py:3: in <module>\n    from netra.agents import supervisor\nE   ModuleNotFoundError: No module named 'netra.agents'";
    let detail = Arc::new(Detail { message: message.into(), ..Detail::default() });
    story.tell(RunEvent::ModuleBroken { run, module: "tests/e2e/test_low.py".into(), detail });
    story.collect(&[("connectivity", 4)]).tell(RunEvent::CollectionEnded { run });
    story.wait(300).exit(2, "interrupted: 1 error during collection");
    story
}

/// The stream is refused, its token being wrong.
pub(crate) fn refused() -> Story {
    let mut story = Story::new();
    let stream = StreamId(0);
    story.healthy().tell(StreamEvent::Connecting { stream });
    let refusal = Arc::new(Refusal {
        status: Some(403),
        why: "the handshake was refused: token signature does not match".into(),
        sent: vec![("GET".into(), "/ws".into()), ("authorization".into(), "Bearer ***".into())],
        headers: vec![("content-type".into(), "application/json".into()), ("server".into(), "uvicorn".into())],
        body: r#"{"detail":"invalid token","hint":"the audience is staging-v2"}"#.into(),
        class: RefusalClass::Authentication,
        advice: "set AGENT_TOKEN to a token for this environment, then reconnect".into(),
    });
    for (stage, millis) in [(Stage::Tcp, 3), (Stage::Http, 41)] {
        story.tell(StreamEvent::Reached { stream, stage, took: Span::millis(millis) });
    }
    story.tell(StreamEvent::Refused { stream, refusal });
    let advice = "get a new token, or deploy the backend that accepts this one";
    story.tell(StreamEvent::Stopped {
        stream,
        why: "the server answered 403 Forbidden: invalid token".into(),
        advice: advice.into(),
    });
    story
}

/// The connection was lost in the middle of an agent run; the next try has to wait.
pub(crate) fn disconnected() -> Story {
    let mut story = Story::new();
    let stream = StreamId(0);
    story.healthy().connect().agent("run_8f21", AgentKind::AgentStarted, "", 10);
    story.agent("run_8f21", AgentKind::ToolExecuting, "", 300).wait(700);
    story.tell(StreamEvent::Closed { stream, code: Some(1006), reason: "reset by peer".into(), expected: false });
    let why = "close 1006: reset by peer".into();
    story.tell(StreamEvent::Waiting { stream, delay: Span::seconds(5), why }).wait(1_200);
    story
}

/// The deploy's command ended well, but the old revision still serves.
pub(crate) fn not_serving() -> Story {
    let mut story = green();
    let deploy = story.deploy(0);
    story.tell(DeployEvent::CommandEnded { deploy, exit: Exit::Code(0), cancelled: false });
    story.wait(60_000).tell(DeployEvent::ProofEnded { deploy, why: "backend-00003 still serves after 60s".into() });
    story
}

/// Many modules, all running: `modules` of `each` tests, a few of them failed.
pub(crate) fn crowd(modules: u32, each: u32) -> Story {
    let mut story = Story::new();
    story.healthy().connect().ask(Command::Run(Selection::All));
    let run = story.run();
    story.tell(RunEvent::Started { run, pid: 4711 });
    let titles: Vec<String> = (0..modules).map(|n| format!("module_{n:03}")).collect();
    let listed: Vec<(&str, u32)> = titles.iter().map(|title| (title.as_str(), each)).collect();
    story.collect(&listed).tell(RunEvent::CollectionEnded { run });
    for module in 0..modules {
        for n in 0..each / 2 {
            let outcome = if module % 6 == 0 && n % 40 == 7 { Outcome::Failed } else { Outcome::Passed };
            let message = (outcome == Outcome::Failed).then_some("assert 503 == 200");
            story.end(module * each + n, outcome, 3, message);
        }
        story.begin(module * each + each / 2);
    }
    story.whole_agent_run("run_1b9e");
    story.deploy(0);
    story
}
