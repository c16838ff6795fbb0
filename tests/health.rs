//! What is believed of services: damped probes, degraded ones, and those that take others along.

use std::sync::Arc;

use liveloop::domain::{
    Command, Damping, DeployEvent, DeployId, DeploySpec, Effect, Effects, Entry, Event, Exit, Found, Health, Moment,
    Outcome, Probe, ProjectSpec, Quorum, RunEvent, RunId, RunPhase, RunnerSpec, Selection, ServiceEvent, ServiceId,
    ServiceSpec, SessionEvent, Span, State, ViewerId,
};

const BACKEND: u32 = 0;
const AUTH: u32 = 1;

/// Two services, of which the first needs the second, and a runner for each.
struct Story {
    state: State,
    effects: Effects,
}

impl Story {
    fn new(damping: Damping) -> Self {
        let service = |name: &str, needs: &[&str]| ServiceSpec {
            name: name.into(),
            has_health: true,
            has_revision: true,
            needs: needs.iter().map(|&need| need.into()).collect(),
            deploy: Some(DeploySpec {
                command: vec!["deploy".into()],
                timeout: Span::seconds(9),
                streak: 1,
                proof_timeout: Span::seconds(9),
                platform: None,
                rollback: Vec::new(),
            }),
            damping,
            ..ServiceSpec::default()
        };
        let runner = |name: &str, services: &[&str]| RunnerSpec {
            name: name.into(),
            tool: "pytest".into(),
            services: Some(services.iter().map(|&service| service.into()).collect()),
            ..RunnerSpec::default()
        };
        let project = ProjectSpec {
            runners: vec![runner("shop", &["backend"]), runner("login", &["auth"])],
            services: vec![service("backend", &["auth"]), service("auth", &[])],
            hold_limit: Span::seconds(600),
            ..ProjectSpec::default()
        };
        let mut story = Self { state: State::default(), effects: Vec::new() };
        story.tell(SessionEvent::Opened { project: Arc::new(project) });
        story.effects.clear();
        story
    }

    fn tell(&mut self, event: impl Into<Event>) -> &mut Self {
        let at = Moment(self.state.at.0 + 1_000_000);
        let entry = Entry { seq: self.state.seq + 1, at, event: event.into() };
        self.state.apply(&entry, &mut self.effects);
        self
    }

    fn ask(&mut self, command: Command) -> &mut Self {
        self.tell(SessionEvent::Asked { by: ViewerId(0), command })
    }

    /// Probes in a row: `.` well, `~` slow, `x` down.
    fn probes(&mut self, service: u32, probes: &str) -> &mut Self {
        for letter in probes.chars() {
            let health = match letter {
                '.' => Health::Healthy,
                '~' => Health::Degraded(format!("slow: {} s, budget 1 s", self.state.seq).into()),
                _ => Health::Unhealthy("HTTP 503".into()),
            };
            let probe = Probe { health, latency: Span::millis(9), revision: None };
            self.tell(ServiceEvent::Probed { service: ServiceId(service), probe });
        }
        self
    }

    /// The letter of what is believed.
    fn believed(&self, service: u32) -> char {
        letter(&self.state.services.get(ServiceId(service)).expect("the service").health)
    }

    fn news(&self) -> Vec<String> {
        self.state.news.iter().map(|news| news.text.to_string()).collect()
    }

    /// Which runs started since this was asked last.
    fn started(&mut self) -> Vec<u32> {
        let run = |effect: Effect| match effect {
            Effect::StartRun { run, .. } => Some(run.0),
            _ => None,
        };
        std::mem::take(&mut self.effects).into_iter().filter_map(run).collect()
    }

    fn held(&self, run: u32) -> Option<&str> {
        match &self.state.runs.get(RunId(run)).expect("the run").phase {
            RunPhase::Held { why } => Some(why),
            _ => None,
        }
    }

    fn deploy(&mut self, service: u32, saw: &str) -> &mut Self {
        let deploy = DeployId(self.state.deploys.iter().len() as u32);
        self.ask(Command::Deploy(ServiceId(service)));
        self.tell(DeployEvent::CommandEnded { deploy, exit: Exit::Code(0), cancelled: false });
        self.tell(DeployEvent::Proved { deploy, saw: Some(saw.into()) })
    }
}

fn letter(health: &Health) -> char {
    match health {
        Health::Unknown => '?',
        Health::Healthy => '.',
        Health::Degraded(_) => '~',
        Health::Unhealthy(_) | Health::Unreachable(_) => 'x',
    }
}

fn of(needed: u32, of: u32) -> Quorum {
    Quorum { needed, of }
}

/// What is believed after each probe.
#[track_caller]
fn check(better: Quorum, worse: Quorum, probes: &str, wanted: &str) {
    let mut story = Story::new(Damping { better, worse });
    let believed: String = probes.chars().map(|probe| story.probes(AUTH, &probe.to_string()).believed(AUTH)).collect();
    assert_eq!(believed, wanted, "{probes} by {better} and {worse}");
}

#[test]
fn without_damping_every_probe_is_believed() {
    check(of(1, 1), of(1, 1), "x..x~x.", "x..x~x.");
}

#[test]
fn so_many_of_the_latest_probes_have_to_agree() {
    check(of(1, 1), of(2, 3), ".x.x.xx..", "...x.xx..");
    check(of(2, 2), of(2, 2), ".x.x.x.xx.x..", "........xxxx.");
    check(of(3, 3), of(1, 1), ".x..x...", ".xxxxxx.");
    // The first probe is believed: there is nothing to hold on to.
    check(of(3, 3), of(3, 3), "x.x..xx...", "xxxxxxxxx.");
    check(of(1, 1), of(2, 2), ".~~xx.", "..~~x.");
}

#[test]
fn what_flaps_makes_no_news_and_holds_no_run_but_is_seen() {
    let mut story = Story::new(Damping { better: of(2, 2), worse: of(2, 2) });
    story.probes(AUTH, "..").probes(BACKEND, ".x.x.x");
    assert_eq!(story.news(), ["auth is healthy", "backend is healthy"]);
    story.ask(Command::Run(Selection::All));
    assert_eq!(story.started(), [0, 1]);
    let backend = story.state.services.get(ServiceId(BACKEND)).expect("the service");
    assert_eq!(backend.doubt(), Some(&Health::Unhealthy("HTTP 503".into())));
    assert_eq!(backend.outages.iter().count(), 3, "each is evidence for the tests that ran then");
}

#[test]
fn slow_is_degraded_said_once_and_holds_nothing() {
    let mut story = Story::new(Damping::default());
    story.probes(AUTH, ".").probes(BACKEND, ".~~~");
    let news = story.news();
    assert_eq!(news.len(), 3, "{news:?}");
    assert!(news[2].starts_with("backend is degraded: slow: "), "{news:?}");
    story.ask(Command::Run(Selection::All));
    assert_eq!(story.started(), [0, 1]);
    story.probes(BACKEND, ".");
    assert_eq!(story.news().last().expect("news"), "backend is healthy");
}

#[test]
fn after_a_proof_a_single_old_503_holds_no_run() {
    let mut story = Story::new(Damping::default());
    story.probes(AUTH, ".").probes(BACKEND, ".x").deploy(BACKEND, "b2");
    assert_eq!(story.believed(BACKEND), '.', "the proof is newer than the probe");
    story.probes(BACKEND, "x");
    assert_eq!(story.believed(BACKEND), '.');
    story.ask(Command::Run(Selection::All));
    assert_eq!(story.started(), [0, 1]);
    story.probes(BACKEND, "x");
    assert_eq!(story.believed(BACKEND), 'x', "two are no accident");
}

#[test]
fn once_a_probe_confirmed_the_proof_the_usual_damping_counts() {
    let mut story = Story::new(Damping::default());
    story.probes(BACKEND, ".").deploy(BACKEND, "b2").probes(BACKEND, ".x");
    assert_eq!(story.believed(BACKEND), 'x');
}

#[test]
fn one_alarm_for_the_root() {
    let mut story = Story::new(Damping::default());
    story.probes(AUTH, ".").probes(BACKEND, ".").probes(AUTH, "x").probes(BACKEND, "x");
    assert_eq!(
        story.news()[2..],
        ["auth is down: HTTP 503, and needed by backend", "backend is degraded because auth is down"]
    );
    story.ask(Command::Run(Selection::All));
    assert_eq!(story.held(0), Some("auth is not healthy (HTTP 503), and needed by backend"));
}

#[test]
fn a_run_waits_for_what_it_needs_and_for_nothing_else() {
    let mut story = Story::new(Damping::default());
    story.probes(AUTH, ".").probes(BACKEND, "x").ask(Command::Run(Selection::All));
    assert_eq!(story.held(0), Some("backend is not healthy (HTTP 503)"));
    assert_eq!(story.started(), [1], "the tests of auth do not need the backend");
    story.probes(BACKEND, ".");
    assert_eq!(story.started(), [0]);
}

#[test]
fn what_a_runner_does_not_need_explains_none_of_its_failures() {
    for (run, is_explained) in [(0, true), (1, false)] {
        let mut story = Story::new(Damping::default());
        story.probes(AUTH, ".").probes(BACKEND, ".").ask(Command::Run(Selection::All));
        story.tell(RunEvent::Started { run: RunId(run), pid: 1 });
        let found = Found { node: "m::t".into(), module: "m".into(), line: 1, source: None };
        story.tell(RunEvent::Collected { run: RunId(run), tests: vec![found] });
        story.probes(BACKEND, "x").tell(RunEvent::TestStarted { run: RunId(run), n: 0 });
        story.tell(RunEvent::TestEnded {
            run: RunId(run),
            n: 0,
            outcome: Outcome::Failed,
            took: Span::millis(1),
            detail: None,
            evidence: None,
        });
        assert_eq!(story.state.inventory.tally().environment, u32::from(is_explained), "run {run}");
    }
}
