//! The ladder of proof and the epochs: when a deploy is live, what it waits for in words, and what a change of what
//! serves does to connections and agent events.

use std::sync::Arc;

use liveloop::domain::{
    AgentEvent, AgentKind, Command, ContractVerdict, Deploy, DeployEvent, DeployId, DeployPhase, DeploySpec, Effect,
    Effects, Entry, Event, Exit, Found, Health, Judgement, Moment, Outcome, PlatformVerdict, Probe, ProjectSpec,
    RunEvent, RunId, Rung, RunnerSpec, Selection, ServiceEvent, ServiceId, ServiceSpec, SessionEvent, Span, State,
    StreamEvent, StreamId, StreamSpec, SurfaceSpec, ViewerId,
};

const BACKEND: ServiceId = ServiceId(0);
const AGENTS: StreamId = StreamId(0);
const WEB: &str = "https://web.example/version";

struct Story {
    state: State,
    seq: u64,
    effects: Effects,
    deploy: DeployId,
}

impl Story {
    fn of(service: ServiceSpec) -> Self {
        let stream = StreamSpec {
            name: "agents".into(),
            url: "ws://127.0.0.1:1".into(),
            service: Some("backend".into()),
            start: None,
            messages: Vec::new(),
            over_http: false,
            budget: Span::seconds(1),
            ..StreamSpec::default()
        };
        let runners = vec![RunnerSpec { name: "contracts".into(), tool: "contracts".into(), ..RunnerSpec::default() }];
        let (services, streams) = (vec![service], vec![stream]);
        let project = ProjectSpec { runners, services, streams, ..ProjectSpec::default() };
        let mut story = Self { state: State::default(), seq: 0, effects: Effects::new(), deploy: DeployId(0) };
        story.happen(SessionEvent::Opened { project: Arc::new(project) });
        story
    }

    /// Two answers in a row are asked for, and b1 serves.
    fn plain() -> Self {
        let mut story = Self::of(backend());
        story.probed("b1");
        story
    }

    fn with_surfaces() -> Self {
        let stream = SurfaceSpec::Stream { stream: AGENTS, name: "agents".into() };
        let mut story = Self::of(ServiceSpec { surfaces: vec![SurfaceSpec::Url(WEB.into()), stream], ..backend() });
        story.probed("b1").opened().says_revision("b1");
        story
    }

    fn happen(&mut self, event: impl Into<Event>) -> &mut Self {
        self.seq += 1;
        let entry = Entry { seq: self.seq, at: Moment(self.seq * 1_000_000), event: event.into() };
        self.effects.clear();
        self.state.apply(&entry, &mut self.effects);
        self
    }

    fn deploys(&mut self) -> &mut Self {
        self.ask(Command::Deploy(BACKEND))
    }

    fn ask(&mut self, command: Command) -> &mut Self {
        self.happen(SessionEvent::Asked { by: ViewerId(0), command });
        self.deploy = self.state.deploys.newest().unwrap_or(self.deploy);
        self
    }

    fn named(&mut self, revision: &str) -> &mut Self {
        self.happen(DeployEvent::TargetNamed { deploy: self.deploy, revision: revision.into() })
    }

    fn ends(&mut self) -> &mut Self {
        self.happen(DeployEvent::CommandEnded { deploy: self.deploy, exit: Exit::Code(0), cancelled: false })
    }

    fn says(&mut self, verdict: PlatformVerdict) -> &mut Self {
        self.happen(DeployEvent::Platform { deploy: self.deploy, verdict, message: None })
    }

    fn saw(&mut self, revision: &str) -> &mut Self {
        self.happen(DeployEvent::Proved { deploy: self.deploy, saw: Some(revision.into()) })
    }

    fn web(&mut self, revision: &str) -> &mut Self {
        let saw = Some(revision.into());
        self.happen(DeployEvent::SurfaceAsked { deploy: self.deploy, surface: WEB.into(), saw, why: None })
    }

    fn time_is_over(&mut self) -> &mut Self {
        self.happen(DeployEvent::ProofEnded { deploy: self.deploy, why: "as the last answer says".into() })
    }

    fn probed(&mut self, revision: &str) -> &mut Self {
        let probe = Probe { health: Health::Healthy, latency: Span::ZERO, revision: Some(revision.into()) };
        self.happen(ServiceEvent::Probed { service: BACKEND, probe })
    }

    fn opened(&mut self) -> &mut Self {
        let (took, findings) = (Span::ZERO, Vec::new());
        self.happen(StreamEvent::Opened { stream: AGENTS, took, subprotocol: None, findings, lasts: None })
    }

    fn says_revision(&mut self, revision: &str) -> &mut Self {
        self.happen(StreamEvent::RevisionSeen { stream: AGENTS, revision: revision.into() })
    }

    fn agent(&mut self, run: &str, kind: AgentKind) -> &mut Self {
        let bare = AgentEvent::bare(Moment(self.seq * 1_000_000), kind);
        let event = AgentEvent { run: Some(run.into()), raw: "{}".into(), ..bare };
        self.happen(StreamEvent::Received { stream: AGENTS, events: vec![event] })
    }

    fn now(&self) -> &Deploy {
        self.state.deploys.get(self.deploy).expect("a deploy")
    }

    fn awaits(&self) -> String {
        self.now().awaits().map_or_else(|| "nothing".into(), |awaited| awaited.to_string())
    }

    fn news(&self) -> String {
        self.state.news.last().map(|news| news.text.to_string()).unwrap_or_default()
    }

    fn reopens(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::OpenStream { stream: AGENTS, .. }))
    }
}

fn backend() -> ServiceSpec {
    let deploy = DeploySpec {
        command: vec!["./deploy.sh".into()],
        streak: 2,
        timeout: Span::seconds(60),
        proof_timeout: Span::seconds(60),
        rollback: vec!["./deploy.sh".into(), "--to".into(), "{revision}".into()],
        ..DeploySpec::default()
    };
    ServiceSpec { name: "backend".into(), has_revision: true, deploy: Some(deploy), ..ServiceSpec::default() }
}

fn on_platform(live_at: Option<Rung>) -> Story {
    let mut spec = ServiceSpec { live_at, ..backend() };
    spec.deploy.as_mut().expect("a deploy").platform = Some("Cloud Run".into());
    let mut story = Story::of(spec);
    story.probed("b1");
    story
}

mod what_counts {
    use super::*;

    #[test]
    fn only_the_revision_that_the_deploy_named_is_live() {
        let mut story = Story::plain();
        story.deploys().named("backend-00005").ends().saw("backend-00004");
        assert_eq!(story.now().streak, 0, "another one does not count");
        assert_eq!(story.awaits(), "data plane: 0 of 2 answers show backend-00005; backend-00004 answers");
        story.saw("backend-00005").saw("backend-00005");
        assert_eq!((&story.now().phase, story.now().rung()), (&DeployPhase::Live, Rung::DataPlane));
    }

    #[test]
    fn a_third_revision_that_answers_steadily_is_told_and_not_live() {
        let mut story = Story::plain();
        story.deploys().named("b2").ends().saw("b3").saw("b3");
        assert_eq!(story.now().phase, DeployPhase::Superseded("superseded by b3".into()));
        assert_eq!(story.news(), "the deploy of backend was superseded by b3");
        assert!(story.effects.iter().any(|effect| matches!(effect, Effect::EndProof { .. })), "nobody asks any more");
    }

    #[test]
    fn without_a_name_any_other_revision_than_before_counts() {
        let mut story = Story::plain();
        story.deploys().ends().saw("b9").saw("b9");
        assert_eq!(story.now().phase, DeployPhase::Live);
    }

    #[test]
    fn a_suffix_and_a_short_commit_are_names_too() {
        for (named, saw) in [("l3f9k", "backend-l3f9k"), ("9f3e1c2", "9f3e1c2aa0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5")] {
            let mut story = Story::plain();
            story.deploys().named(named).ends().saw(saw).saw(saw);
            assert_eq!((&story.now().phase, story.now().to.as_deref()), (&DeployPhase::Live, Some(saw)));
        }
    }

    #[test]
    fn what_nobody_can_compare_stops_nobody() {
        let mut story = Story::plain();
        story.deploys().named("web revision 7").ends().saw("b2").saw("b2");
        assert_eq!(story.now().phase, DeployPhase::Live);
    }

    #[test]
    fn an_earlier_revision_is_live_when_it_serves_again() {
        let mut story = Story::of(backend());
        story.probed("backend-00005").ask(Command::RollBack { service: BACKEND, to: "4".into() });
        story.ends().saw("backend-00005");
        assert_eq!(story.awaits(), "data plane: 0 of 2 answers show 4; backend-00005 still answers");
        story.saw("backend-00004").saw("backend-00004");
        assert_eq!(story.now().phase, DeployPhase::Live);

        story.ask(Command::RollBack { service: BACKEND, to: "backend-00003".into() }).ends();
        story.saw("backend-00006").saw("backend-00006");
        assert!(matches!(story.now().phase, DeployPhase::Superseded(_)), "newer is not what was asked for");
    }

    #[test]
    fn an_unknown_past_makes_nothing_superseded() {
        let mut story = Story::of(backend());
        story.deploys().named("b2").ends().saw("b1").saw("b1").saw("b1");
        assert_eq!(story.now().phase, DeployPhase::Proving, "it may be what served before");
        story.time_is_over();
        assert_eq!(story.now().phase, DeployPhase::NotServing("b1 serves, not b2".into()));
    }
}

mod words {
    use super::*;

    #[test]
    fn a_command_that_ended_well_and_changed_nothing() {
        let mut story = Story::plain();
        story.deploys().ends().saw("b1").saw("b1").time_is_over();
        assert_eq!(story.now().phase, DeployPhase::NotServing("nothing changed: b1 still serves".into()));
        assert_eq!(story.news(), "exit 0, but nothing changed: b1 still serves");
    }

    #[test]
    fn a_split_that_never_ends() {
        let mut story = Story::plain();
        story.deploys().named("b2").ends().saw("b2").saw("b1");
        assert_eq!(story.awaits(), "data plane: 1 of 2 answers show b2; b1 still answers");
        story.time_is_over();
        let split = "the traffic is split: 1 of 2 answers show b2, others b1";
        assert_eq!(story.now().phase, DeployPhase::NotServing(split.into()));
    }

    #[test]
    fn a_split_and_pinned_traffic_on_a_platform() {
        let mut story = on_platform(None);
        story.deploys();
        assert_eq!(story.awaits(), "accepted: the command runs");
        story.ends();
        assert_eq!(story.awaits(), "control plane: the platform is asked how it goes");
        story.says(PlatformVerdict::Split { percent: 40 });
        assert_eq!(story.awaits(), "control plane: 40 % of the traffic goes to it");
        let pinned = "the traffic is pinned to b1, not to b2";
        story.says(PlatformVerdict::NotServing { why: pinned.into() });
        assert_eq!(story.news(), format!("exit 0, but {pinned}"));
        assert_eq!((story.now().rung(), story.awaits().as_str()), (Rung::Accepted, "nothing"));
    }

    #[test]
    fn a_failed_deploy_leaves_the_old_revision_serving() {
        let mut story = on_platform(None);
        let failed = PlatformVerdict::Failed { reason: "REVISION_FAILED".into(), serving: Some("b1".into()) };
        story.deploys().ends().says(failed);
        assert_eq!(story.news(), "the deploy of backend failed, b1 still serves: REVISION_FAILED");
    }
}

mod rungs {
    use super::*;

    #[test]
    fn every_surface_has_to_show_it_streams_included() {
        let mut story = Story::with_surfaces();
        story.deploys().named("b2").ends();
        let rungs: Vec<Rung> = story.now().rungs().collect();
        assert_eq!(rungs, [Rung::Accepted, Rung::DataPlane, Rung::EverySurface]);
        story.saw("b2").web("b1").saw("b2").web("b2");
        assert_eq!((&story.now().phase, story.now().rung()), (&DeployPhase::Proving, Rung::DataPlane));
        assert_eq!(story.awaits(), format!("every surface: {WEB} shows b2 1 of 2 times, and 1 more"));
        story.saw("b2").web("b2");
        assert_eq!(story.awaits(), "every surface: stream agents still says b1");
        story.opened().says_revision("b2");
        assert_eq!((&story.now().phase, story.now().rung()), (&DeployPhase::Live, Rung::EverySurface));
        assert_eq!(story.news(), "b2 is live, proved 2 times, on every surface");
    }

    #[test]
    fn a_stream_that_stays_behind_is_opened_anew() {
        let mut story = Story::with_surfaces();
        story.deploys().ends().saw("b2");
        assert!(story.reopens(), "what serves has changed");
        story.happen(StreamEvent::Closed { stream: AGENTS, code: None, reason: "".into(), expected: true });
        story.saw("b2").web("b2").web("b2");
        assert_eq!(story.awaits(), "every surface: stream agents: it is not connected");
        story.opened().says_revision("b1").saw("b2");
        assert!(!story.reopens(), "it has just come");
        story.saw("b2").saw("b2");
        assert!(story.reopens());
        story.time_is_over();
        let still = DeployPhase::NotServing("every surface: stream agents still says b1".into());
        assert_eq!((&story.now().phase, story.now().rung()), (&still, Rung::DataPlane));
    }

    #[test]
    fn a_run_that_is_open_is_waited_for_before_its_connection_is_replaced() {
        let mut story = Story::plain();
        story.opened().agent("r1", AgentKind::AgentStarted).deploys().ends().saw("b2");
        assert!(!story.reopens(), "a run is open");
        story.agent("r1", AgentKind::AgentCompleted);
        assert!(story.reopens());

        let mut story = Story::plain();
        story.opened().agent("r1", AgentKind::AgentStarted).deploys().ends().saw("b2");
        let waited = (0..70).take_while(|_| !story.probed("b2").reopens()).count();
        assert!((50..65).contains(&waited), "not for ever, but for a minute: {waited}");
    }

    #[test]
    fn live_is_what_the_configuration_says() {
        let mut story = on_platform(Some(Rung::ControlPlane));
        story.deploys().ends().says(PlatformVerdict::Routed);
        assert_eq!((&story.now().phase, story.now().rung()), (&DeployPhase::Live, Rung::ControlPlane));

        let surfaces = vec![SurfaceSpec::Url(WEB.into())];
        let mut story = Story::of(ServiceSpec { live_at: Some(Rung::DataPlane), surfaces, ..backend() });
        story.probed("b1").deploys().ends().saw("b2").saw("b2");
        assert_eq!((&story.now().phase, story.now().rung()), (&DeployPhase::Live, Rung::DataPlane));
    }
}

mod epochs {
    use super::*;

    #[test]
    fn somebody_elses_deploy_is_announced_and_treated_as_our_own() {
        let mut story = Story::with_surfaces();
        assert!(story.state.is_connection_current(AGENTS));
        story.probed("b2");
        assert_eq!(story.news(), "backend changed from b1 to b2, and not by us");
        assert!(story.reopens() && !story.state.is_connection_current(AGENTS));
        story.opened().says_revision("b2");
        assert!(story.state.is_connection_current(AGENTS));
        assert_eq!(story.state.streams.get(AGENTS).map(|stream| stream.epoch), Some(story.state.services.epoch()));
    }

    #[test]
    fn another_revision_than_ours_is_announced_while_we_deploy() {
        let mut story = Story::plain();
        story.deploys().named("b2").probed("b3");
        assert_eq!(story.news(), "backend changed from b1 to b3, and not by us");

        let mut story = Story::plain();
        story.deploys().named("b2").probed("b2");
        assert_ne!(story.news(), "backend changed from b1 to b2, and not by us");
    }

    #[test]
    fn ours_that_comes_late_is_not_somebody_elses() {
        let mut story = Story::plain();
        story.deploys().named("b2").ends().saw("b1").saw("b1").time_is_over().probed("b2");
        assert_eq!(story.news(), "backend changed from b1 to b2 after all: late, but ours");
    }

    #[test]
    fn a_contract_that_met_two_revisions_has_neither_held_nor_been_broken() {
        let mut story = Story::plain();
        story.ask(Command::Run(Selection::All));
        let run = RunId(0);
        let found = Found { node: "contract:agents".into(), module: "contracts".into(), line: 0, source: None };
        story.happen(RunEvent::Started { run, pid: 1 });
        story.happen(RunEvent::Collected { run, tests: vec![found] }).happen(RunEvent::TestStarted { run, n: 0 });
        let why = "b1 answered first, b2 at the end";
        let judgement = Judgement::bare(ContractVerdict::Straddled, why, Vec::new());
        story.happen(RunEvent::ContractJudged { run, n: 0, judgement: Arc::new(judgement) });
        let (outcome, took) = (Outcome::Errored, Span::seconds(1));
        story.happen(RunEvent::TestEnded { run, n: 0, outcome, took, detail: None, evidence: None });
        let tally = story.state.inventory.tally();
        assert_eq!((tally.straddled, tally.failures()), (1, 0));
    }

    #[test]
    fn an_agent_run_over_a_change_is_straddled_and_its_events_are_stamped() {
        let mut story = Story::plain();
        story.opened().agent("whole", AgentKind::AgentStarted).agent("whole", AgentKind::AgentCompleted);
        story.agent("cut", AgentKind::AgentStarted);
        story.probed("b2").agent("cut", AgentKind::AgentCompleted);
        let straddled = |key: &str| {
            let agents = &story.state.agents;
            let run = agents.run_named(key).and_then(|id| agents.run(id)).expect("a run");
            story.state.is_straddled(run)
        };
        assert!(straddled("cut") && !straddled("whole"));
        let epochs: Vec<u32> = story.state.agents.events().iter().map(|event| event.epoch).collect();
        assert_eq!(epochs, [1, 1, 1, 2]);
    }
}
