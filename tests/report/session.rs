//! A session in which everything happens that a report tells: an autopilot's flight through three revisions, a contract
//! with its latencies, a commit, notes, a known failure, results from elsewhere; then an outage, a revision that moves
//! under a test, and a run that dies.

use std::sync::Arc;

use liveloop::domain::*;

/// What the first test of the contracts' runner is called.
pub(crate) const CONTRACT: &str = "contract:agents";
const TESTS: [&str; 7] = [
    "cart.py::opens",
    "cart.py::adds",
    "cart.py::pays",
    "orders.py::lists",
    "orders.py::ships",
    "orders.py::returns",
    "orders.py::refunds",
];
const REFUSED: &str = "the server refused the connection with a 403";
const MISSING: &str = "the route of the cart is not there";
const UNSHIPPED: &str = "the order was never shipped";
const ACCEPTED: &str = "the refund is a cent short";

/// How a test ends, and what it says.
type End = (Outcome, Option<&'static str>);

/// A session that is told events, and keeps them.
pub(crate) struct Session {
    pub(crate) state: State,
    pub(crate) entries: Vec<Entry>,
    effects: Effects,
}

/// The whole session.
pub(crate) fn eventful() -> Session {
    let mut session = Session { state: State::default(), entries: Vec::new(), effects: Effects::new() };
    session.tell(SessionEvent::Opened { project: Arc::new(project()) });
    session.tell(SessionEvent::ViewerJoined { viewer: ViewerId(1), name: "ada".into(), drives: true });
    session.tell(SessionEvent::Recalled(Arc::new(recollection())));
    session.well("b1");
    session.ask(Command::Mute(Arc::new(KnownSpec {
        message: Some("*a cent short*".into()),
        reason: "accepted until the till is changed".into(),
        ..known()
    })));
    session.fly();
    session.write_notes();
    session.fall_apart();
    let before = session.entries[0].at;
    session.ask(Command::CompareWith(Baseline::File("build/results.xml".into())));
    session.tell(SessionEvent::BaselineLoaded(Arc::new(elsewhere(before))));
    session
}

fn known() -> KnownSpec {
    KnownSpec {
        tests: Vec::new(),
        signature: None,
        message: None,
        reason: "".into(),
        owner: None,
        issue: None,
        expires: None,
    }
}

fn project() -> ProjectSpec {
    let deploy = DeploySpec { command: vec!["./deploy.sh".into()], streak: 2, ..DeploySpec::default() };
    let runner = |name: &str| RunnerSpec { name: name.into(), tool: name.into(), ..RunnerSpec::default() };
    let tier = |name: &str, tests: &str| TierSpec {
        name: name.into(),
        title: name.into(),
        tests: vec![tests.into()],
        at_risk: Some("$9K".into()),
    };
    ProjectSpec {
        name: "shop".into(),
        runners: vec![runner("pytest"), runner("contracts")],
        services: vec![ServiceSpec {
            name: "backend".into(),
            has_health: true,
            has_revision: true,
            deploy: Some(deploy),
            ..ServiceSpec::default()
        }],
        tiers: vec![tier("P1", "cart.py"), tier("P2", "orders.py")],
        fix: Some(vec!["./fix.sh".into()]),
        hold_limit: Span::seconds(600),
        ..ProjectSpec::default()
    }
}

/// A cycle of an earlier session, of a version that kept little of it.
fn recollection() -> Recollection {
    let record = CycleRecord {
        number: 3,
        began: Moment(5_000_000),
        what: "everything".into(),
        finished: 6,
        failed: 1,
        ..CycleRecord::default()
    };
    Recollection { cycle: 3, cycles: vec![record], ..Recollection::default() }
}

fn elsewhere(at: Moment) -> LoadedBaseline {
    let result = |node: &str, outcome| BaselineResult {
        node: node.into(),
        module: "cart.py".into(),
        also: Vec::new(),
        outcome,
        signature: None,
        message: None,
    };
    LoadedBaseline {
        baseline: Baseline::File("build/results.xml".into()),
        title: "results.xml".into(),
        cycle: None,
        results: vec![result(TESTS[0], Outcome::Passed), result("cart.py::gone", Outcome::Failed)],
        at: Some(at),
    }
}

impl Session {
    /// Something happens, some time after what happened before; no two spans are alike.
    pub(crate) fn tell(&mut self, event: impl Into<Event>) -> &mut Self {
        let seq = self.state.seq + 1;
        let before = if seq == 1 { 1_790_078_400_000_000 } else { self.state.at.0 };
        let entry = Entry { seq, at: Moment(before + 310_000 + seq * seq * 1_130), event: event.into() };
        self.effects.clear();
        self.state.apply(&entry, &mut self.effects);
        self.entries.push(entry);
        self
    }

    fn ask(&mut self, command: Command) -> &mut Self {
        self.tell(SessionEvent::Asked { by: ViewerId(1), command })
    }

    fn probe(&mut self, health: Health, revision: &str) -> &mut Self {
        let probe = Probe { health, latency: Span::millis(3), revision: Some(revision.into()) };
        self.tell(ServiceEvent::Probed { service: ServiceId(0), probe })
    }

    fn well(&mut self, revision: &str) -> &mut Self {
        self.probe(Health::Healthy, revision)
    }

    /// The autopilot flies until it is over: whatever it asks for happens.
    fn fly(&mut self) {
        let plan = AutopilotPlan { deploy: vec!["backend".into()], ..AutopilotPlan::default() };
        self.ask(Command::Autopilot { plan: Arc::new(plan), resume: false });
        for _ in 0..100 {
            if self.state.autopilot.as_ref().is_none_or(|flight| flight.end.is_some()) {
                return;
            }
            if let Some(run) = self.waiting() {
                self.live(run);
            } else if let Some(fix) = self.fixing() {
                self.tell(FixEvent::Printed { fix, lines: vec!["looking at 2 places".into()] });
                self.tell(FixEvent::Ended { fix, exit: Exit::Code(0), changed: vec!["shop.py".into()] });
            } else if let Some(deploy) = self.state.deploys.active(ServiceId(0)) {
                let revision = format!("b{}", deploy.0 + 2);
                self.tell(DeployEvent::CommandEnded { deploy, exit: Exit::Code(0), cancelled: false });
                self.tell(DeployEvent::Proved { deploy, saw: Some(revision.as_str().into()) });
                self.tell(DeployEvent::Proved { deploy, saw: Some(revision.as_str().into()) }).well(&revision);
            } else {
                let revision = self.serving();
                self.well(&revision);
            }
        }
        panic!("the flight has no end: {:?}", self.state.autopilot);
    }

    fn serving(&self) -> String {
        let service = self.state.services.get(ServiceId(0)).expect("a service");
        service.revision.as_ref().map_or("b1".to_owned(), |revision| revision.to_string())
    }

    fn fixing(&self) -> Option<FixId> {
        self.state.fixes.iter().next_back().filter(|(_, fix)| fix.end.is_none()).map(|(id, _)| id)
    }

    fn waiting(&self) -> Option<RunId> {
        self.state.runs.active().next().map(|(id, _)| id)
    }

    /// A run meets its tests; how they end depends on what serves.
    fn live(&mut self, run: RunId) {
        let nodes = self.list(run);
        let mut failed = false;
        for (node, n) in nodes.iter().zip(0..) {
            let (outcome, message) = self.fate(node);
            failed |= outcome.is_failure();
            self.end(run, n, node, outcome, message);
        }
        self.tell(RunEvent::Exited { run, exit: Exit::Code(i32::from(failed)), says: "".into(), leaked: 0 });
    }

    /// A run starts and lists its tests.
    fn list(&mut self, run: RunId) -> Vec<String> {
        self.tell(RunEvent::Started { run, pid: 1 });
        self.tell(SessionEvent::SourceSeen(Arc::new(Checkout {
            commit: "0123456789abcdef0123456789abcdef01234567".into(),
            subject: "Ship what was ordered".into(),
            author: Some("ada".into()),
            dirty: Some(2),
            ..Checkout::default()
        })));
        let asked = self.state.runs.get(run).expect("it is active");
        let all: &[&str] = if asked.runner == RunnerId(0) { &TESTS } else { &[CONTRACT] };
        let name = |id: &TestId| self.state.inventory.test(*id).expect("it is known").node.to_string();
        let nodes: Vec<String> = match &asked.selection {
            Some(tests) => tests.iter().map(name).collect(),
            None => all.iter().map(|node| (*node).to_owned()).collect(),
        };
        let found = |node: &String| {
            let module = node.split_once("::").map_or("contracts", |(module, _)| module);
            Found { node: node.as_str().into(), module: module.into(), line: 1, source: None }
        };
        self.tell(RunEvent::Collected { run, tests: nodes.iter().map(found).collect() });
        self.tell(RunEvent::CollectionEnded { run });
        nodes
    }

    fn fate(&self, node: &str) -> End {
        let failed = |message| (Outcome::Failed, Some(message));
        match (node, self.serving().as_str()) {
            ("cart.py::opens" | "cart.py::adds", "b1") => failed(REFUSED),
            ("cart.py::opens" | "orders.py::ships", "b2") => failed(MISSING),
            ("orders.py::ships", "b1") => failed(UNSHIPPED),
            ("orders.py::refunds", _) => failed(ACCEPTED),
            ("orders.py::returns", _) => (Outcome::Skipped, Some("not on weekends")),
            (CONTRACT, "b1") => failed("one of two users: the first event was late"),
            _ => (Outcome::Passed, None),
        }
    }

    fn end(&mut self, run: RunId, n: u32, node: &str, outcome: Outcome, message: Option<&str>) {
        self.tell(RunEvent::TestStarted { run, n });
        if node == CONTRACT {
            let judgement = Arc::new(judgement(outcome));
            self.tell(RunEvent::ContractJudged { run, n, judgement });
        }
        let took = Span(40_000 + self.state.seq * self.state.seq * 977);
        let detail = message.map(|message| Arc::new(Detail { message: message.into(), ..Detail::default() }));
        let grade = match node {
            "orders.py::lists" => Grade::None,
            "cart.py::pays" | CONTRACT => Grade::Websocket,
            _ => Grade::Http,
        };
        let evidence = outcome.is_pass().then(|| Arc::new(Evidence { grade, ..Evidence::default() }));
        self.tell(RunEvent::TestEnded { run, n, outcome, took, detail, evidence });
    }

    fn write_notes(&mut self) {
        let cause = self.state.causes.fixed().first().and_then(|id| self.state.causes.get(*id)).expect("a fixed cause");
        let about = NoteAbout::Cause(cause.signature.key().as_str().into());
        let text = "seen on Monday\nwhy no route\nbecause the gateway was old\nwhy old\nbecause nobody had said so";
        self.ask(Command::WriteNote { about, text: text.into() });
        let about = NoteAbout::Test(TESTS[4].into());
        self.ask(Command::WriteNote { about, text: "slow since Tuesday".into() });
    }

    /// A cycle in which a service goes down, a revision moves under a test, and the runner dies.
    fn fall_apart(&mut self) {
        self.ask(Command::Run(Selection::All));
        let run = self.waiting().expect("it was asked for");
        let nodes = self.list(run);
        let revision = self.serving();
        self.probe(Health::Unhealthy("HTTP 503".into()), &revision);
        self.end(run, 0, &nodes[0], Outcome::Failed, Some(REFUSED));
        self.well(&revision);
        self.end(run, 1, &nodes[1], Outcome::Passed, None);
        self.tell(RunEvent::TestStarted { run, n: 2 }).well("b9");
        let took = Span::millis(730);
        let outcome = Outcome::Passed;
        self.tell(RunEvent::TestEnded { run, n: 2, outcome, took, detail: None, evidence: None });
        self.end(run, 3, &nodes[3], Outcome::Passed, None);
        self.end(run, 4, &nodes[4], Outcome::Failed, Some(UNSHIPPED));
        // The sixth begins and never ends, the seventh never begins.
        self.tell(RunEvent::TestStarted { run, n: 5 });
        self.tell(RunEvent::Exited { run, exit: Exit::Signal(9), says: "killed".into(), leaked: 0 });
        let other = self.waiting().expect("the contracts' run");
        self.live(other);
    }
}

/// What two users heard.
fn judgement(outcome: Outcome) -> Judgement {
    let verdict = if outcome.is_pass() { ContractVerdict::Pass } else { ContractVerdict::Fail };
    let user = |name: &str, verdict, first: u64| UserResult {
        user: name.into(),
        verdict,
        why: "all came".into(),
        first_event: Some(Span::millis(first)),
        event: None,
    };
    let late = if outcome.is_pass() { 90 } else { 730 };
    Judgement {
        users: vec![user("ada", ContractVerdict::Pass, 12), user("kim", verdict, late)],
        latencies: vec![Latency {
            measure: Timed::FirstEvent,
            samples: 2,
            p50: Span::millis(12),
            p95: Span::millis(late),
            p99: Span::millis(late),
            most: Span::millis(late),
            budget: Some(Span::millis(500)),
            limit: Some(Span::seconds(2)),
            late: late > 500,
            spread: [1, 0, 0, 0, 0, 0, 0, 1],
        }],
        ..Judgement::bare(verdict, "as it was heard", Vec::new())
    }
}
