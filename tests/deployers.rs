//! Deploys with a platform behind them: what the platform says counts once the action is done, and not before.

use liveloop::domain::{
    Command, Deploy, DeployEvent, DeployId, DeployPhase, DeploySpec, Effect, Effects, Entry, Event, Exit, Moment,
    PlatformVerdict, ProjectSpec, Rung, ServiceId, ServiceSpec, SessionEvent, Span, State, ViewerId,
};

const DEPLOY: DeployId = DeployId(0);

struct Story {
    state: State,
    seq: u64,
    effects: Effects,
}

impl Story {
    fn new(has_revision: bool) -> Self {
        let deploy = DeploySpec {
            command: vec!["./deploy.sh".into()],
            timeout: Span::seconds(60),
            streak: 2,
            proof_timeout: Span::seconds(60),
            platform: Some("Cloud Run".into()),
            rollback: Vec::new(),
        };
        let service = ServiceSpec {
            name: "web".into(),
            url: "".into(),
            has_health: false,
            has_revision,
            deploy: Some(deploy),
            ..ServiceSpec::default()
        };
        let project = ProjectSpec { name: "shop".into(), services: vec![service], ..ProjectSpec::default() };
        let mut story = Self { state: State::default(), seq: 0, effects: Effects::new() };
        story.happen(SessionEvent::Opened { project: std::sync::Arc::new(project) });
        story.ask(Command::Deploy(ServiceId(0)));
        story
    }

    fn happen(&mut self, event: impl Into<Event>) -> &mut Self {
        self.seq += 1;
        let entry = Entry { seq: self.seq, at: Moment(self.seq * 1_000_000), event: event.into() };
        self.effects.clear();
        self.state.apply(&entry, &mut self.effects);
        self
    }

    fn ask(&mut self, command: Command) -> &mut Self {
        self.happen(SessionEvent::Asked { by: ViewerId(0), command })
    }

    fn ends(&mut self, code: i32) -> &mut Self {
        self.happen(DeployEvent::CommandEnded { deploy: DEPLOY, exit: Exit::Code(code), cancelled: false })
    }

    fn says(&mut self, verdict: PlatformVerdict, message: Option<&str>) -> &mut Self {
        self.happen(DeployEvent::Platform { deploy: DEPLOY, verdict, message: message.map(Into::into) })
    }

    fn deploy(&self) -> &Deploy {
        self.state.deploys.get(DEPLOY).expect("a deploy")
    }
}

fn failed() -> PlatformVerdict {
    PlatformVerdict::Failed { reason: "REVISION_FAILED".into(), serving: Some("a1".into()) }
}

#[test]
fn all_traffic_begins_the_proof_and_is_enough_where_nothing_can_be_asked() {
    let mut story = Story::new(true);
    story.ends(0);
    assert_eq!((story.deploy().phase.clone(), story.deploy().rung()), (DeployPhase::Routing, Rung::Accepted));
    story.says(PlatformVerdict::Split { percent: 40 }, None);
    assert_eq!(story.deploy().phase, DeployPhase::Routing);
    story.says(PlatformVerdict::Routed, None);
    assert_eq!((story.deploy().phase.clone(), story.deploy().rung()), (DeployPhase::Proving, Rung::ControlPlane));
    assert!(story.effects.iter().any(|effect| matches!(effect, Effect::BeginProof { .. })));
    let saw = Some("b2".into());
    story.happen(DeployEvent::Proved { deploy: DEPLOY, saw: saw.clone() });
    story.happen(DeployEvent::Proved { deploy: DEPLOY, saw });
    assert_eq!((story.deploy().phase.clone(), story.deploy().rung()), (DeployPhase::Live, Rung::DataPlane));

    let mut unasked = Story::new(false);
    unasked.ends(0).says(PlatformVerdict::Routed, None);
    assert_eq!((unasked.deploy().phase.clone(), unasked.deploy().rung()), (DeployPhase::Live, Rung::ControlPlane));
    let news = unasked.state.news.last().map(|news| news.text.to_string());
    assert!(news.is_some_and(|news| news.contains("as its platform says")));
}

#[test]
fn what_was_said_while_the_command_ran_decides_nothing() {
    let mut story = Story::new(true);
    story.says(PlatformVerdict::NotServing { why: "the traffic is pinned to a1".into() }, None).ends(0);
    assert_eq!(story.deploy().phase, DeployPhase::Routing);
    story.says(PlatformVerdict::NotServing { why: "the traffic is pinned to a1".into() }, None);
    assert_eq!(story.deploy().phase, DeployPhase::NotServing("the traffic is pinned to a1".into()));
}

#[test]
fn each_end_has_its_own_word() {
    let ends = |verdict, message| {
        let mut story = Story::new(true);
        story.ends(0).says(verdict, message);
        story.deploy().phase.clone()
    };
    assert_eq!(ends(failed(), Some("no port")), DeployPhase::Failed("no port".into()));
    let by = PlatformVerdict::Superseded { by: "c3".into() };
    assert_eq!(ends(by, None), DeployPhase::Superseded("superseded by c3".into()));

    let mut failing = Story::new(true);
    failing.says(failed(), Some("no port")).ends(1);
    assert_eq!(failing.deploy().phase, DeployPhase::Failed("no port".into()), "better than the exit code");

    let mut late = Story::new(true);
    late.happen(DeployEvent::TimedOut { deploy: DEPLOY, why: "stopped".into() });
    assert!(late.deploy().is_active(), "its command is still to end");
    late.ends(130);
    assert_eq!(late.deploy().phase, DeployPhase::TimedOut("stopped".into()));

    let mut apart = Story::new(true);
    apart.happen(DeployEvent::OutOfReach { deploy: DEPLOY, why: "refused".into() });
    assert!(apart.deploy().out_of_reach && apart.deploy().phase == DeployPhase::Failed("refused".into()));
}

#[test]
fn a_finished_platform_that_knows_no_traffic_proves_nothing() {
    let mut story = Story::new(false);
    story.ends(0).says(PlatformVerdict::Finished, None);
    assert!(matches!(&story.deploy().phase, DeployPhase::NotServing(why) if why.contains("no revision probe")));
}

#[test]
fn waiting_for_the_platform_can_be_given_up() {
    let mut story = Story::new(true);
    story.ends(0).ask(Command::CancelDeploy(DEPLOY));
    assert!(story.effects.iter().any(|effect| matches!(effect, Effect::CancelDeploy { .. })));
    story.happen(DeployEvent::CommandEnded { deploy: DEPLOY, exit: Exit::Code(0), cancelled: true });
    assert_eq!(story.deploy().phase, DeployPhase::Cancelled);
}

#[test]
fn there_is_no_way_back_that_nobody_configured() {
    let mut story = Story::new(true);
    story.ends(1).ask(Command::RollBack { service: ServiceId(0), to: "a1".into() });
    assert_eq!(story.state.deploys.iter().len(), 1);
    let news = story.state.news.last().map(|news| news.text.to_string());
    assert_eq!(news.as_deref(), Some("web has no rollback command in the configuration"));
}
