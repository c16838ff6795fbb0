//! A session that is told events at chosen times, in seconds.

use std::sync::Arc;

use liveloop::domain::*;

/// A session, its fold, and what the fold asked for.
pub(crate) struct Story {
    pub(crate) state: State,
    pub(crate) effects: Effects,
    now: u64,
}

/// The tests of every run of these stories.
pub(crate) const TESTS: [&str; 4] = ["a.py::one", "a.py::two", "a.py::three", "b.py::four"];

impl Story {
    /// A session with one runner and these services, all of them well on their first revision.
    pub(crate) fn new(services: &[&str]) -> Self {
        let service = |name: &&str| ServiceSpec {
            name: (*name).into(),
            url: "".into(),
            has_health: true,
            has_revision: true,
            has_logs: false,
            deploy: Some(DeploySpec {
                command: vec!["./deploy.sh".into()],
                timeout: Span::seconds(60),
                streak: 1,
                proof_timeout: Span::seconds(60),
                ..DeploySpec::default()
            }),
            ..ServiceSpec::default()
        };
        let (name, why) = ("pytest", "");
        let runner = RunnerSpec {
            name: name.into(),
            tool: name.into(),
            command: name.into(),
            why: why.into(),
            ..RunnerSpec::default()
        };
        let project = ProjectSpec {
            name: "shop".into(),
            runners: vec![runner],
            services: services.iter().map(service).collect(),
            ..ProjectSpec::default()
        };
        let mut story = Self { state: State::default(), effects: Vec::new(), now: 1 };
        story.tell(SessionEvent::Opened { project: Arc::new(project) });
        for n in 0..services.len() as u32 {
            story.well(n, "b1");
        }
        story
    }

    /// The time of everything told from now on.
    pub(crate) fn at(&mut self, seconds: u64) -> &mut Self {
        self.now = seconds;
        self
    }

    pub(crate) fn tell(&mut self, event: impl Into<Event>) -> &mut Self {
        let entry = Entry { seq: self.state.seq + 1, at: Moment(self.now * 1_000_000), event: event.into() };
        self.state.apply(&entry, &mut self.effects);
        self
    }

    pub(crate) fn ask(&mut self, command: Command) -> &mut Self {
        self.tell(SessionEvent::Asked { by: ViewerId(0), command })
    }

    pub(crate) fn well(&mut self, service: u32, revision: &str) -> &mut Self {
        self.probe(service, Health::Healthy, Some(revision))
    }

    pub(crate) fn down(&mut self, service: u32) -> &mut Self {
        self.probe(service, Health::Unhealthy("HTTP 503".into()), None)
    }

    fn probe(&mut self, service: u32, health: Health, revision: Option<&str>) -> &mut Self {
        let probe = Probe { health, latency: Span::millis(3), revision: revision.map(Into::into) };
        self.tell(ServiceEvent::Probed { service: ServiceId(service), probe })
    }

    /// Everything is asked for, and found.
    pub(crate) fn run_all(&mut self) -> &mut Self {
        self.ask(Command::Run(Selection::All)).found(&TESTS)
    }

    /// The newest run found these tests.
    pub(crate) fn found(&mut self, tests: &[&str]) -> &mut Self {
        let run = self.run();
        let found = |node: &&str| {
            let (module, _) = node.split_once("::").expect("a node id");
            Found { node: (*node).into(), module: module.into(), line: 1, source: None }
        };
        self.tell(RunEvent::Started { run, pid: 1 });
        self.tell(RunEvent::Collected { run, tests: tests.iter().map(found).collect() });
        self.tell(RunEvent::CollectionEnded { run })
    }

    pub(crate) fn begin(&mut self, n: u32) -> &mut Self {
        let run = self.run();
        self.tell(RunEvent::TestStarted { run, n })
    }

    pub(crate) fn pass(&mut self, n: u32) -> &mut Self {
        self.end(n, Outcome::Passed, None)
    }

    pub(crate) fn fail(&mut self, n: u32, message: &str) -> &mut Self {
        self.end(n, Outcome::Failed, Some(message))
    }

    fn end(&mut self, n: u32, outcome: Outcome, message: Option<&str>) -> &mut Self {
        let run = self.run();
        let detail = message.map(|message| Arc::new(Detail { message: message.into(), ..Detail::default() }));
        self.tell(RunEvent::TestEnded { run, n, outcome, took: Span::seconds(1), detail, evidence: None })
    }

    pub(crate) fn exit(&mut self, exit: Exit) -> &mut Self {
        let run = self.run();
        self.tell(RunEvent::Exited { run, exit, says: "".into(), leaked: 0 })
    }

    pub(crate) fn deploy(&mut self, service: u32) -> DeployId {
        self.ask(Command::Deploy(ServiceId(service)));
        self.state.deploys.newest().expect("a deploy")
    }

    /// The deploy's command ends, and a probe sees the revision.
    pub(crate) fn live(&mut self, deploy: DeployId, revision: &str) -> &mut Self {
        self.tell(DeployEvent::CommandEnded { deploy, exit: Exit::Code(0), cancelled: false });
        self.tell(DeployEvent::Proved { deploy, saw: Some(revision.into()) })
    }

    /// The newest run.
    pub(crate) fn run(&self) -> RunId {
        self.state.runs.iter().next_back().expect("a run").0
    }

    /// `passed 2 · 1 failed + 1 environment`
    pub(crate) fn totals(&self) -> String {
        let tally = self.state.inventory.tally();
        assert_eq!(tally.total() as usize, self.state.inventory.tests().len(), "every test is counted once");
        format!("passed {} · {}", tally.passes(), Unproved::of(tally))
    }

    /// How a test stands, in the words of its verdict and circumstance.
    pub(crate) fn verdict(&self, node: &str) -> String {
        let id = self.state.inventory.test_named(RunnerId(0), node).expect("a known test");
        let test = self.state.inventory.test(id).expect("a known test");
        let latest = test.latest.as_ref();
        match latest.and_then(|latest| latest.circumstance.disturbance()) {
            Some(disturbance) => format!("{} ({disturbance})", Verdict::of(test).word()),
            None => Verdict::of(test).word().to_owned(),
        }
    }

    /// `2 environment: backend was down, 1 assertion: it broke`
    pub(crate) fn causes(&self) -> String {
        let told = |id: CauseId| {
            let cause = self.state.causes.get(id).expect("a cause");
            format!("{} {}: {}", cause.count(), cause.class().word(), cause.title())
        };
        self.state.causes.present().into_iter().map(told).collect::<Vec<_>>().join(", ")
    }

    /// What was said last.
    pub(crate) fn news(&self) -> &str {
        self.state.news.last().map_or("", |news| &news.text)
    }

    /// The tests that the last started run is to execute.
    pub(crate) fn wanted(&self) -> String {
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
