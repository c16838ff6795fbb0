//! Several deploys at once, rollbacks, restarts, and what a read-only session or a locked environment refuses: told to
//! the fold, event by event.

use std::sync::Arc;

use liveloop::domain::{
    Command, DeployEvent, DeployId, DeployPhase, DeployQueue, DeploySpec, Effect, Effects, Entry, EnvironmentKind,
    EnvironmentSpec, Event, Exit, Health, LiveOnce, Moment, Probe, ProjectSpec, QueueEnd, Recollection, RestartSpec,
    ServiceEvent, ServiceId, ServiceSpec, SessionEvent, Span, State, StreamId, Text, ViewerId,
};

const DATABASE: ServiceId = ServiceId(0);
const FRONTEND: ServiceId = ServiceId(1);
const BACKEND: ServiceId = ServiceId(2);
const AUTH: ServiceId = ServiceId(3);

struct Story {
    state: State,
    seq: u64,
    effects: Effects,
}

fn service(name: &str, needs: &[&str]) -> ServiceSpec {
    let deploy = DeploySpec {
        command: vec!["./deploy.sh".into(), name.into()],
        streak: 2,
        rollback: vec!["./deploy.sh".into(), "{revision}".into()],
        ..DeploySpec::default()
    };
    ServiceSpec {
        name: name.into(),
        has_revision: true,
        deploy: Some(deploy),
        restart: Some(RestartSpec { command: vec!["./restart.sh".into(), name.into()], streak: 2 }),
        needs: needs.iter().map(|name| Text::from(*name)).collect(),
        ..ServiceSpec::default()
    }
}

impl Story {
    fn new() -> Self {
        Self::of(ProjectSpec::default())
    }

    /// The frontend needs the backend, that needs auth, and the database, which nobody deploys, needs nothing.
    fn of(project: ProjectSpec) -> Self {
        let database = ServiceSpec { name: "database".into(), ..ServiceSpec::default() };
        let services = vec![
            database,
            service("frontend", &["backend"]),
            service("backend", &["auth", "database"]),
            service("auth", &[]),
        ];
        let mut story = Self { state: State::default(), seq: 0, effects: Effects::new() };
        story.tell(SessionEvent::Opened { project: Arc::new(ProjectSpec { services, ..project }) });
        for (id, revision) in [(FRONTEND, "f1"), (BACKEND, "b1"), (AUTH, "a1")] {
            story.serves(id, revision);
        }
        story
    }

    fn tell(&mut self, event: impl Into<Event>) -> &mut Self {
        self.seq += 1;
        let entry = Entry { seq: self.seq, at: Moment(self.seq * 1_000_000), event: event.into() };
        self.effects.clear();
        self.state.apply(&entry, &mut self.effects);
        self
    }

    fn ask(&mut self, command: Command) -> &mut Self {
        self.tell(SessionEvent::Asked { by: ViewerId(0), command })
    }

    fn serves(&mut self, service: ServiceId, revision: &str) -> &mut Self {
        let probe = Probe { health: Health::Healthy, latency: Span::millis(3), revision: Some(revision.into()) };
        self.tell(ServiceEvent::Probed { service, probe })
    }

    fn ends(&mut self, deploy: u32, code: i32, cancelled: bool) -> &mut Self {
        self.tell(DeployEvent::CommandEnded { deploy: DeployId(deploy), exit: Exit::Code(code), cancelled })
    }

    fn proved(&mut self, deploy: u32, revision: &str) -> &mut Self {
        for _ in 0..2 {
            self.tell(DeployEvent::Proved { deploy: DeployId(deploy), saw: Some(revision.into()) });
        }
        self
    }

    /// The services whose command the last entry started.
    fn started(&self) -> Vec<ServiceId> {
        let of = |effect: &Effect| match effect {
            Effect::StartDeploy { service, .. } | Effect::StartRestart { service, .. } => Some(*service),
            _ => None,
        };
        self.effects.iter().filter_map(of).collect()
    }

    fn queue(&self) -> &DeployQueue {
        self.state.deploy_queue.as_ref().expect("a queue")
    }

    fn said(&self) -> &str {
        self.state.news.last().map_or("", |news| &news.text)
    }

    fn phase(&self, deploy: u32) -> &DeployPhase {
        &self.state.deploys.get(DeployId(deploy)).expect("a deploy").phase
    }
}

#[test]
fn what_is_needed_comes_first_and_the_next_waits_until_it_is_live() {
    let mut story = Story::new();
    story.ask(Command::DeployInOrder(vec![FRONTEND, AUTH, BACKEND, AUTH]));
    assert_eq!((story.queue().services.clone(), story.started()), (vec![AUTH, BACKEND, FRONTEND], vec![AUTH]));
    story.ends(0, 0, false);
    assert_eq!(story.started(), [], "the command alone proves nothing");
    story.proved(0, "a2");
    assert_eq!(story.started(), [BACKEND]);
    story.ends(1, 0, false).proved(1, "b2");
    assert_eq!((story.started(), story.queue().is_active()), (vec![FRONTEND], true));
    story.ends(2, 0, false).proved(2, "f2");
    assert_eq!(story.queue().end, Some(QueueEnd::Done));
    assert_eq!(story.said(), "all 3 deploys are live");
}

#[test]
fn what_lies_between_two_services_orders_them_though_it_is_not_deployed() {
    let mut story = Story::new();
    story.ask(Command::DeployInOrder(vec![FRONTEND, AUTH]));
    assert_eq!(story.queue().services, [AUTH, FRONTEND]);
}

#[test]
fn a_failure_in_the_middle_stops_the_rest_and_says_so() {
    let mut story = Story::new();
    story.ask(Command::DeployInOrder(vec![AUTH, BACKEND, FRONTEND]));
    story.ends(0, 0, false).proved(0, "a2").ends(1, 1, false);
    assert_eq!((story.started(), story.state.deploys.iter().len()), (vec![], 2));
    assert_eq!(story.queue().end, Some(QueueEnd::Stopped("backend is not live".into())));
    let news: Vec<&str> = story.state.news.iter().map(|news| &*news.text).collect();
    assert!(news.contains(&"frontend not deployed: backend is not live"), "{news:?}");
    // The way is free for the next try.
    story.ask(Command::DeployInOrder(vec![BACKEND, FRONTEND]));
    assert_eq!(story.started(), [BACKEND]);
}

#[test]
fn a_cancelled_deploy_takes_those_along_that_wait_for_it() {
    let mut story = Story::new();
    story.ask(Command::DeployInOrder(vec![AUTH, BACKEND])).ask(Command::CancelDeploy(DeployId(0)));
    assert!(story.effects.contains(&Effect::CancelDeploy { deploy: DeployId(0) }));
    story.ends(0, 130, true);
    assert_eq!((story.phase(0), story.started()), (&DeployPhase::Cancelled, vec![]));
    assert_eq!(story.queue().end, Some(QueueEnd::Stopped("the deploy of auth was cancelled".into())));

    // While only the proof is awaited, the command cannot be stopped any more, but the rest can.
    let mut story = Story::new();
    story.ask(Command::DeployInOrder(vec![AUTH, BACKEND])).ends(0, 0, false).ask(Command::CancelDeploy(DeployId(0)));
    assert_eq!(story.said(), "backend not deployed: that was cancelled");
    story.proved(0, "a2");
    assert_eq!((story.phase(0), story.started()), (&DeployPhase::Live, vec![]));
}

#[test]
fn one_thing_at_a_time_is_done_to_a_service() {
    let mut story = Story::new();
    story.ask(Command::DeployInOrder(vec![AUTH, BACKEND])).ask(Command::Deploy(BACKEND));
    assert_eq!((story.said(), story.started()), ("backend waits for its turn among several deploys", vec![]));
    story.ask(Command::Restart(AUTH));
    assert_eq!((story.said(), story.started()), ("auth is being deployed already", vec![]));
    story.ask(Command::DeployInOrder(vec![FRONTEND, AUTH]));
    assert_eq!(story.started(), []);
    story.ask(Command::Restart(FRONTEND));
    assert_eq!(story.started(), [FRONTEND], "what has no part in it is free");

    let mut story = Story::new();
    story.ask(Command::Deploy(BACKEND)).ask(Command::DeployInOrder(vec![AUTH, BACKEND]));
    assert_eq!((story.said(), story.started()), ("backend is being deployed already", vec![]));
}

#[test]
fn nothing_begins_where_one_of_them_cannot_be_deployed() {
    let mut story = Story::new();
    story.ask(Command::DeployInOrder(vec![AUTH, DATABASE]));
    assert_eq!((story.started(), story.state.deploy_queue.is_none()), (vec![], true));
    assert_eq!(story.said(), "database has no deploy command in the configuration");
    story.ask(Command::DeployInOrder(Vec::new()));
    assert_eq!(story.said(), "there is nothing to deploy");
}

#[test]
fn a_restart_is_proved_by_the_same_revision() {
    let mut story = Story::new();
    story.ask(Command::Restart(BACKEND));
    assert_eq!(story.started(), [BACKEND]);
    story.ends(0, 0, false);
    assert_eq!(story.phase(0), &DeployPhase::Proving);
    story.proved(0, "b1");
    assert_eq!(story.phase(0), &DeployPhase::Live);
    assert_eq!(story.said(), "backend is restarted and answers as b1");
    // How long it took says nothing about deploys.
    story.ask(Command::Deploy(BACKEND));
    assert_eq!(story.state.deploys.get(DeployId(1)).and_then(|deploy| deploy.usual), None);
    story.ask(Command::Restart(DATABASE));
    assert_eq!(story.said(), "database has no restart command in the configuration");
}

#[test]
fn earlier_revisions_are_offered_the_newest_first_and_once() {
    let mut story = Story::new();
    let once = |service: &str, revision: &str, at| LiveOnce {
        service: service.into(),
        revision: revision.into(),
        by: "ann".into(),
        at: Moment(at),
    };
    let live = vec![once("backend", "b0", 5), once("backend", "b1", 6), once("auth", "a0", 7), once("gone", "g", 8)];
    story.tell(SessionEvent::Recalled(Arc::new(Recollection { live, ..Recollection::default() })));
    story.serves(BACKEND, "b2").serves(BACKEND, "b3").serves(BACKEND, "b2");
    let offered: Vec<Text> =
        story.state.earlier_revisions(BACKEND).into_iter().map(|earlier| earlier.revision).collect();
    assert_eq!(offered, ["b3".into(), "b1".into(), Text::from("b0")]);
    story.ask(Command::RollBack { service: BACKEND, to: "b0".into() });
    story.ends(0, 0, false).proved(0, "b0");
    assert_eq!(story.phase(0), &DeployPhase::Live);
}

fn changes() -> Vec<Command> {
    vec![
        Command::Deploy(AUTH),
        Command::DeployInOrder(vec![AUTH, BACKEND]),
        Command::RollBack { service: AUTH, to: "a0".into() },
        Command::Restart(AUTH),
        Command::StartAgent(StreamId(0)),
    ]
}

#[test]
fn a_read_only_session_changes_nothing_and_runs_tests() {
    let mut story = Story::of(ProjectSpec { read_only: true, ..ProjectSpec::default() });
    for command in changes() {
        story.ask(command.clone());
        assert_eq!(story.effects, [], "{command:?}");
        assert!(story.said().contains("this session is read-only"), "{}", story.said());
    }
    assert_eq!(story.state.deploys.iter().len(), 0);
    story.ask(Command::ProbeServices);
    assert_eq!(story.effects, [Effect::ProbeServices]);
}

#[test]
fn a_locked_environment_is_not_changed() {
    let environment = Some(EnvironmentSpec { name: "production".into(), kind: EnvironmentKind::Locked });
    let mut story = Story::of(ProjectSpec { environment, ..ProjectSpec::default() });
    for command in changes() {
        story.ask(command.clone());
        assert_eq!(story.effects, [], "{command:?}");
        assert!(story.said().contains("production is locked; set another [environment] kind"), "{}", story.said());
    }
}
