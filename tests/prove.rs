//! Redeploy and prove: the chain from a deploy to what it changed, and its ends.

use std::sync::Arc;

use liveloop::domain::*;

/// A session with a service, its stream and a runner, that is told events a second apart.
struct Story {
    state: State,
    effects: Effects,
}

const TESTS: [&str; 3] = ["a.py::one", "a.py::two", "b.py::three"];
const STREAM: StreamId = StreamId(0);
use Outcome::{Failed, Passed};

impl Story {
    fn new() -> Self {
        let deploy = DeploySpec {
            command: vec!["./deploy.sh".into()],
            timeout: Span::seconds(60),
            streak: 2,
            proof_timeout: Span::seconds(30),
            ..DeploySpec::default()
        };
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
            streams: vec![StreamSpec {
                name: "agents".into(),
                url: "".into(),
                service: Some("backend".into()),
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
        story.probe(Health::Healthy, "b1").open();
        story
    }

    /// The same, and its tests ended so.
    fn tested(outcomes: &[Outcome]) -> Self {
        let mut story = Self::new();
        story.ask(Command::Run(Selection::All)).live(RunId(0), &TESTS, outcomes);
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

    fn prove(&mut self) -> &mut Self {
        self.ask(Command::Prove { service: ServiceId(0), selection: Selection::Failures })
    }

    fn probe(&mut self, health: Health, revision: &str) -> &mut Self {
        let probe = Probe { health, latency: Span::millis(3), revision: Some(revision.into()) };
        self.tell(ServiceEvent::Probed { service: ServiceId(0), probe })
    }

    fn open(&mut self) -> &mut Self {
        self.tell(StreamEvent::Connecting { stream: STREAM });
        self.tell(StreamEvent::Opened {
            stream: STREAM,
            took: Span::millis(9),
            subprotocol: None,
            findings: vec![],
            lasts: None,
        })
    }

    /// The deploy's command ends well and its revision is seen twice.
    fn deploy_to(&mut self, revision: &str) -> &mut Self {
        let deploy = self.state.deploys.latest().expect("a deploy");
        self.tell(DeployEvent::CommandEnded { deploy, exit: Exit::Code(0), cancelled: false });
        self.tell(DeployEvent::Proved { deploy, saw: Some(revision.into()) });
        self.tell(DeployEvent::Proved { deploy, saw: Some(revision.into()) })
    }

    fn live(&mut self, run: RunId, tests: &[&str], outcomes: &[Outcome]) -> &mut Self {
        let found = |node: &&str| {
            let (module, _) = node.split_once("::").expect("a node id");
            Found { node: (*node).into(), module: module.into(), line: 1, source: None }
        };
        self.tell(RunEvent::Started { run, pid: 1 });
        self.tell(RunEvent::Collected { run, tests: tests.iter().map(found).collect() });
        self.tell(RunEvent::CollectionEnded { run });
        for (n, &outcome) in outcomes.iter().enumerate() {
            let n = n as u32;
            self.tell(RunEvent::TestStarted { run, n });
            self.tell(RunEvent::TestEnded { run, n, outcome, took: Span::millis(9), detail: None, evidence: None });
        }
        let code = i32::from(outcomes.iter().any(|outcome| outcome.is_failure()));
        self.tell(RunEvent::Exited { run, exit: Exit::Code(code), says: "".into(), leaked: 0 })
    }

    /// `deploy done, healthy waits: a health probe, streams, rerun, stale`
    fn way(&self) -> String {
        let step = |link: &ProveLink| match &link.stage {
            ProveStage::Ahead => link.step.word().to_owned(),
            ProveStage::UnderWay(wait) => format!("{} waits: {}", link.step.word(), wait.why),
            ProveStage::Done => format!("{} done", link.step.word()),
            ProveStage::PassedOver(why) => format!("{} passed over: {why}", link.step.word()),
            ProveStage::Failed(why) => format!("{} failed: {why}", link.step.word()),
            ProveStage::Cancelled => format!("{} cancelled", link.step.word()),
        };
        let prove = self.chain();
        prove.links.iter().map(step).collect::<Vec<_>>().join(", ")
    }

    fn chain(&self) -> &Prove {
        self.state.prove.as_ref().expect("a chain")
    }

    fn delta(&self) -> String {
        self.chain().delta.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string)
    }

    fn wanted(&self) -> Vec<Text> {
        let wanted = self.effects.iter().find_map(|effect| match effect {
            Effect::StartRun { wanted: Wanted::Only { nodes, .. }, .. } => Some(nodes.clone()),
            _ => None,
        });
        wanted.unwrap_or_default()
    }
}

#[test]
fn a_deploy_is_followed_up_to_what_it_changed() {
    let mut story = Story::tested(&[Failed, Passed, Failed]);
    story.prove();
    assert_eq!(story.way(), "deploy waits: its command, healthy, streams, rerun, stale");
    story.deploy_to("b2");
    assert_eq!(story.way(), "deploy done, healthy waits: a health probe, streams, rerun, stale");
    assert!(story.effects.contains(&Effect::ProbeServices), "it is asked at once");
    story.probe(Health::Healthy, "b2");
    assert_eq!(story.way(), "deploy done, healthy done, streams waits: agents, rerun, stale");
    story.open();
    assert_eq!(story.wanted(), ["a.py::one".into(), "b.py::three".into()] as [Text; 2]);
    story.live(RunId(1), &[TESTS[0], TESTS[2]], &[Passed, Failed]);
    assert_eq!(story.way(), "deploy done, healthy done, streams done, rerun done, stale waits: the run");
    assert_eq!(story.wanted(), [TESTS[1].into()] as [Text; 1]);
    story.live(RunId(2), &[TESTS[1]], &[Failed]);
    assert_eq!(story.delta(), "1 fixed, 1 broken, 1 still failing");
    assert_eq!(story.chain().end, Some(ProveEnd::Proved));
    assert_eq!(story.chain().cycle, Some(2), "both parts are one turn of the loop");
    assert!(!story.chain().delta.as_ref().expect("a delta").is_clean());
    assert!(story.state.prove_to_show().is_some());
    story.ask(Command::Run(Selection::Failures));
    assert!(story.state.prove_to_show().is_none(), "the next run is what matters then");
}

#[test]
fn a_deploy_that_fails_ends_the_chain() {
    let mut story = Story::tested(&[Failed, Passed, Passed]);
    let deploy = DeployId(0);
    story.prove().tell(DeployEvent::CommandEnded { deploy, exit: Exit::Code(3), cancelled: false });
    assert_eq!(story.chain().end, Some(ProveEnd::Failed("the command ended with exit 3".into())));
    assert_eq!(story.way(), "deploy failed: the command ended with exit 3, healthy, streams, rerun, stale");
    assert_eq!(story.delta(), "none");
    assert_eq!(story.state.runs.iter().len(), 1, "nothing is run on what the deploy was to replace");
}

#[test]
fn health_that_never_comes_ends_the_chain_with_what_was_seen_last() {
    let mut story = Story::tested(&[Failed, Passed, Passed]);
    story.prove().deploy_to("b2");
    let limit = story.effects.iter().find_map(|effect| match effect {
        Effect::LimitProve { prove, step, limit } => Some((*prove, *step, *limit)),
        _ => None,
    });
    let (prove, step, limit) = limit.expect("a limit");
    assert_eq!((step, limit), (ProveStep::Health, Span::seconds(600)));
    story.probe(Health::Unhealthy("HTTP 503".into()), "b2").probe(Health::Unhealthy("HTTP 503".into()), "b2");
    assert_eq!(story.way(), "deploy done, healthy waits: HTTP 503, streams, rerun, stale");
    story.tell(SessionEvent::ProveOverdue { prove, step: ProveStep::Streams });
    assert!(story.chain().is_active(), "another step's limit is not its own");
    story.tell(SessionEvent::ProveOverdue { prove, step });
    assert_eq!(story.chain().end, Some(ProveEnd::Failed("waited too long: HTTP 503".into())));
}

#[test]
fn a_stream_that_stays_away_is_passed_over() {
    let mut story = Story::tested(&[Failed, Passed, Passed]);
    story.prove().deploy_to("b2").probe(Health::Healthy, "b2");
    assert!(story.effects.iter().any(|effect| matches!(effect, Effect::OpenStream { .. })), "{:?}", story.effects);
    let stopped = StreamEvent::Stopped { stream: STREAM, why: "HTTP 403".into(), advice: "".into() };
    story.tell(StreamEvent::Connecting { stream: STREAM }).tell(stopped);
    assert_eq!(
        story.way(),
        "deploy done, healthy done, streams passed over: agents: it was given up, rerun waits: the run, stale"
    );
    let mut late = Story::tested(&[Failed, Passed, Passed]);
    late.prove().deploy_to("b2").probe(Health::Healthy, "b2");
    late.tell(SessionEvent::ProveOverdue { prove: ProveId(0), step: ProveStep::Streams });
    assert!(late.way().contains("streams passed over: waited too long: agents, rerun waits"), "{}", late.way());
}

#[test]
fn nothing_to_rerun_is_a_proof_of_the_deploy_alone() {
    let mut story = Story::new();
    story.prove().deploy_to("b2").probe(Health::Healthy, "b2").open();
    assert_eq!(story.chain().end, Some(ProveEnd::Proved));
    assert_eq!(story.delta(), "there was nothing to rerun");
    assert!(story.way().ends_with("rerun passed over: nothing is unproved, stale passed over: nothing is stale"));
}

#[test]
fn where_nothing_failed_the_stale_results_are_renewed() {
    let mut story = Story::tested(&[Passed, Passed, Passed]);
    story.prove().deploy_to("b2").probe(Health::Healthy, "b2").open();
    assert_eq!(story.wanted().len(), 3);
    story.live(RunId(1), &TESTS, &[Passed, Passed, Passed]);
    assert_eq!(story.delta(), "3 still hold");
    assert!(story.chain().delta.as_ref().expect("a delta").is_clean() && story.state.is_green());
}

#[test]
fn each_arrow_can_be_cancelled() {
    // At the deploy: its command is stopped.
    let mut story = Story::tested(&[Failed, Passed, Passed]);
    story.prove().ask(Command::CancelDeploy(DeployId(0)));
    assert!(story.effects.contains(&Effect::CancelDeploy { deploy: DeployId(0) }));
    let exit = Exit::Signal(15);
    story.tell(DeployEvent::CommandEnded { deploy: DeployId(0), exit, cancelled: true });
    assert_eq!(story.chain().end, Some(ProveEnd::Cancelled));

    // At the deploy: it goes on, and nothing follows it.
    let mut story = Story::tested(&[Failed, Passed, Passed]);
    story.prove().ask(Command::CancelProve).deploy_to("b2").probe(Health::Healthy, "b2").open();
    assert_eq!(
        (story.way().as_str(), story.state.runs.iter().len()),
        ("deploy cancelled, healthy, streams, rerun, stale", 1)
    );

    // At health and at the streams.
    let mut story = Story::tested(&[Failed, Passed, Passed]);
    story.prove().deploy_to("b2").ask(Command::CancelProve).probe(Health::Healthy, "b2");
    assert_eq!(story.way(), "deploy done, healthy cancelled, streams, rerun, stale");
    let mut story = Story::tested(&[Failed, Passed, Passed]);
    story.prove().deploy_to("b2").probe(Health::Healthy, "b2").ask(Command::CancelProve).open();
    assert_eq!(story.way(), "deploy done, healthy done, streams cancelled, rerun, stale");

    // At the rerun: the run is stopped, and what it did not prove is told.
    let mut story = Story::tested(&[Failed, Passed, Passed]);
    story.prove().deploy_to("b2").probe(Health::Healthy, "b2").open();
    let run = RunId(1);
    story.ask(Command::StopRun(run));
    story.tell(RunEvent::Signalled { run, signal: Signal::Interrupt, grace: Span::seconds(9) });
    story.tell(RunEvent::Exited { run, exit: Exit::Signal(2), says: "".into(), leaked: 0 });
    assert_eq!(story.chain().end, Some(ProveEnd::Cancelled));
    assert_eq!(story.delta(), "1 unproved");
}

#[test]
fn a_run_in_the_way_is_waited_for() {
    let mut story = Story::tested(&[Failed, Passed, Passed]);
    story.prove().deploy_to("b2").ask(Command::Run(Selection::Tests(vec![TestId(1)])));
    story.probe(Health::Healthy, "b2").open();
    assert!(story.way().contains("rerun waits: pytest is running"), "{}", story.way());
    story.live(RunId(1), &[TESTS[1]], &[Passed]);
    assert!(story.way().contains("rerun waits: the run"), "{}", story.way());
    assert_eq!(story.wanted(), [TESTS[0].into()] as [Text; 1]);
}

#[test]
fn one_chain_at_a_time_and_none_during_a_deploy() {
    let mut story = Story::tested(&[Failed, Passed, Passed]);
    story.prove().prove();
    assert_eq!((story.chain().id, story.state.deploys.iter().len()), (ProveId(0), 1));
    let mut story = Story::new();
    story.ask(Command::Deploy(ServiceId(0))).prove();
    assert!(story.state.prove.is_none());
    assert_eq!(story.state.news.last().map(|news| &*news.text), Some("it is being deployed already: X cancels that"));
}

#[test]
fn what_somebody_wants_to_be_called_back_for_is_noticed() {
    let mut story = Story::new();
    let told = |story: &Story, seen| -> Vec<String> {
        story.state.notices.since(seen).map(|(_, notice)| format!("{:?}: {}", notice.kind, notice.text)).collect()
    };
    assert_eq!(told(&story, 0), Vec::<String>::new(), "what was so from the beginning is no news");
    story.ask(Command::Run(Selection::All)).live(RunId(0), &TESTS, &[Failed, Passed, Failed]);
    assert_eq!(told(&story, 0), ["Red: the run turned red: one", "Run: 2 failed, 1 passed"]);
    story.probe(Health::Unreachable("refused".into()), "b1").probe(Health::Healthy, "b1");
    assert_eq!(told(&story, 2), ["Health: backend is down: refused", "Health: backend is healthy"]);
    story.prove().deploy_to("b2").probe(Health::Healthy, "b2").open();
    assert_eq!(told(&story, 4), ["Deploy: b2 is live, proved 2 times"]);
    story.live(RunId(1), &[TESTS[0], TESTS[2]], &[Passed, Passed]).live(RunId(2), &[TESTS[1]], &[Passed]);
    assert_eq!(told(&story, 5), ["Run: b2 is proved: 2 fixed, 1 still hold"], "both runs are told together");
}

#[test]
fn the_hook_is_given_what_nobody_looks_at() {
    let mut story = Story::new();
    let project = ProjectSpec { has_hook: true, ..(*story.state.session.project).clone() };
    story.tell(SessionEvent::Opened { project: Arc::new(project) }).probe(Health::Healthy, "b1");
    let viewer = ViewerId(3);
    story.tell(SessionEvent::ViewerJoined { viewer, name: "kim".into(), drives: false });
    let is_sent = |story: &Story| story.effects.iter().any(|effect| matches!(effect, Effect::SendNotice { .. }));
    story.probe(Health::Unreachable("refused".into()), "b1");
    assert!(is_sent(&story), "a terminal that tells nothing may be looked at by nobody");
    story.tell(SessionEvent::ViewerLooked { viewer, looks: true }).probe(Health::Healthy, "b1");
    assert!(!is_sent(&story));
    story.tell(SessionEvent::ViewerLooked { viewer, looks: false }).probe(Health::Unreachable("refused".into()), "b1");
    assert!(is_sent(&story));
}
