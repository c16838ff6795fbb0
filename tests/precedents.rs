//! What a deploy is measured against, and who put in place what serves: events in, answers out.

use std::sync::Arc;

use liveloop::domain::{
    Built, Command, DeployEvent, DeployId, DeploySpec, Distance, Effects, Entry, Event, Exit, Health, Moment,
    OutputLine, PlatformVerdict, Probe, ProjectSpec, Recollection, ServiceEvent, ServiceId, ServiceSpec, SessionEvent,
    Source, Span, State, StepState, ViewerId,
};

const BACKEND: ServiceId = ServiceId(0);

struct Story {
    state: State,
    at: Moment,
    seq: u64,
}

impl Story {
    fn new(memory: Recollection) -> Self {
        let mut story = Self { state: State::default(), at: Moment(1_000_000_000), seq: 0 };
        let deploy = Some(DeploySpec { streak: 2, ..DeploySpec::default() });
        let backend = ServiceSpec {
            name: "backend".into(),
            has_health: true,
            has_revision: true,
            deploy,
            ..ServiceSpec::default()
        };
        let project = ProjectSpec { services: vec![backend], ..ProjectSpec::default() };
        story.tell(SessionEvent::Opened { project: Arc::new(project) });
        story.tell(SessionEvent::Recalled(Arc::new(memory)));
        story.tell(SessionEvent::ViewerJoined { viewer: ViewerId(1), name: "ada".into(), drives: true });
        story.probe("backend-1");
        story
    }

    fn tell(&mut self, event: impl Into<Event>) {
        self.seq += 1;
        let entry = Entry { seq: self.seq, at: self.at, event: event.into() };
        self.state.apply(&entry, &mut Effects::new());
    }

    fn wait(&mut self, seconds: u64) {
        self.at = self.at.after(Span::seconds(seconds));
    }

    fn probe(&mut self, revision: &str) {
        let probe = Probe { health: Health::Healthy, latency: Span::millis(5), revision: Some(revision.into()) };
        self.tell(ServiceEvent::Probed { service: BACKEND, probe });
    }

    fn begin(&mut self) -> DeployId {
        self.tell(SessionEvent::Asked { by: ViewerId(1), command: Command::Deploy(BACKEND) });
        self.state.deploys.newest().expect("a deploy was asked for")
    }

    fn step(&mut self, deploy: DeployId, name: &str, seconds: u64) {
        self.tell(DeployEvent::Stepped { deploy, name: name.into(), state: StepState::Running });
        self.wait(seconds);
        self.tell(DeployEvent::Stepped { deploy, name: name.into(), state: StepState::Done });
    }

    fn end(&mut self, deploy: DeployId, revision: &str) {
        self.tell(DeployEvent::CommandEnded { deploy, exit: Exit::Code(0), cancelled: false });
        for _ in 0..2 {
            self.wait(1);
            self.tell(DeployEvent::Proved { deploy, saw: Some(revision.into()) });
        }
    }

    fn deploy(&mut self, build: u64, revision: &str) {
        let deploy = self.begin();
        self.step(deploy, "build", build);
        self.end(deploy, revision);
        self.wait(60);
    }

    fn print(&mut self, deploy: DeployId, text: &str) {
        let lines = vec![OutputLine { source: Source::Stdout, text: text.into() }];
        self.tell(DeployEvent::Printed { deploy, lines });
    }

    fn is_stuck(&self) -> bool {
        let newest = self.state.deploys.newest().expect("a deploy");
        self.state.deploys.stuck(newest, self.at).is_some()
    }
}

#[test]
fn a_deploy_is_measured_against_those_before_it() {
    let mut story = Story::new(Recollection::default());
    for (n, build) in [20, 40, 30].into_iter().enumerate() {
        story.deploy(build, &format!("backend-{}", n + 2));
    }
    let precedents = story.state.deploys.precedents(BACKEND).expect("three deploys");
    let build = precedents.step("build", story.at).expect("three builds");
    assert_eq!([build.least, build.median, build.most], [20, 30, 40].map(Span::seconds));
    assert_eq!(precedents.step("proof", story.at).map(|proof| proof.median), Some(Span::seconds(2)));
    assert_eq!(precedents.expected().map(|name| &**name).collect::<Vec<_>>(), ["build", "proof"]);
    story.begin();
    let newest = story.state.deploys.newest().and_then(|id| story.state.deploys.get(id)).expect("a deploy");
    assert_eq!(newest.usual, Some(Span::seconds(32)), "the whole usually takes the median");
}

#[test]
fn what_is_learnt_is_handed_on_to_the_next_session() {
    let mut story = Story::new(Recollection::default());
    story.deploy(200, "backend-2");
    let leavings = story.state.leavings().expect("it heard what it was left");
    let text = serde_json::to_string(&leavings).expect("it can be written");
    let mut next = Story::new(serde_json::from_str(&text).expect("it can be read"));
    let past = next.state.deploys.precedents(BACKEND).and_then(|precedents| precedents.newest().next().cloned());
    let past = past.expect("one deploy");
    assert_eq!((&*past.how, &*past.by, past.to.as_deref()), ("live", "ada", Some("backend-2")));
    // So it is patient: 200 s were usual.
    next.wait(1_000);
    let deploy = next.begin();
    next.tell(DeployEvent::Stepped { deploy, name: "build".into(), state: StepState::Running });
    next.wait(399);
    assert!(!next.is_stuck());
    next.wait(1);
    assert!(next.is_stuck());
}

#[test]
fn without_a_past_five_minutes_of_silence_are_worth_a_word() {
    let mut story = Story::new(Recollection::default());
    let deploy = story.begin();
    story.wait(299);
    assert!(!story.is_stuck());
    story.wait(1);
    let stuck = story.state.deploys.stuck(deploy, story.at).expect("nothing has changed");
    assert_eq!((&*stuck.step, stuck.still, stuck.usual), ("the command", Span::seconds(300), None));
}

#[test]
fn however_quick_a_step_is_a_minute_of_silence_is_given_to_it() {
    let mut story = Story::new(Recollection::default());
    story.deploy(2, "backend-2");
    let deploy = story.begin();
    story.tell(DeployEvent::Stepped { deploy, name: "build".into(), state: StepState::Running });
    story.wait(59);
    assert!(!story.is_stuck());
    story.wait(1);
    assert!(story.is_stuck());
}

#[test]
fn new_words_are_a_change_and_the_same_line_again_is_none() {
    let mut story = Story::new(Recollection::default());
    let deploy = story.begin();
    story.print(deploy, "waiting for the health check");
    for _ in 0..10 {
        story.wait(30);
        story.print(deploy, "waiting for the health check");
    }
    assert!(story.is_stuck());
    story.print(deploy, "layer 1 of 9");
    assert!(!story.is_stuck());
    story.wait(299);
    let verdict = PlatformVerdict::Progressing { stage: "starting the container".into() };
    story.tell(DeployEvent::Platform { deploy, verdict, message: None });
    story.wait(299);
    assert!(!story.is_stuck());
}

#[test]
fn a_probe_that_still_meets_the_old_revision_is_no_progress() {
    let mut story = Story::new(Recollection::default());
    story.deploy(2, "backend-2");
    let deploy = story.begin();
    story.tell(DeployEvent::CommandEnded { deploy, exit: Exit::Code(0), cancelled: false });
    for _ in 0..30 {
        story.wait(2);
        story.tell(DeployEvent::Proved { deploy, saw: Some("backend-2".into()) });
    }
    assert!(story.is_stuck());
    assert_eq!(story.state.deploys.stuck(deploy, story.at).map(|stuck| stuck.step.to_string()), Some("proof".into()));
}

#[test]
fn who_put_it_there_is_known_or_is_somebody_else() {
    let mut story = Story::new(Recollection::default());
    assert_eq!(story.state.placed(BACKEND), None, "it was there before anybody looked");
    let asked = story.at;
    story.deploy(10, "backend-2");
    let placed = story.state.placed(BACKEND).expect("it was deployed");
    assert_eq!((placed.by.as_deref(), placed.at), (Some("ada"), asked));
    story.probe("backend-9");
    let placed = story.state.placed(BACKEND).expect("it changed");
    assert_eq!((placed.by, placed.at), (None, story.at));
    story.wait(5);
    story.probe("backend-2");
    let placed = story.state.placed(BACKEND).expect("it changed back");
    assert_eq!((placed.by, placed.at), (None, story.at), "ada's deploy is not who brought it back");
}

#[test]
fn a_service_tells_what_it_was_built_from_until_it_no_longer_does() {
    let mut story = Story::new(Recollection::default());
    let built = Built { commit: "3e1f9c2aab".into(), distance: Some(Distance { ahead: 3, behind: 0 }) };
    story.tell(ServiceEvent::BuiltFrom { service: BACKEND, built: Some(built.clone()) });
    assert_eq!(story.state.services.get(BACKEND).and_then(|service| service.built.clone()), Some(built));
    story.tell(ServiceEvent::BuiltFrom { service: ServiceId(7), built: None });
    story.tell(ServiceEvent::BuiltFrom { service: BACKEND, built: None });
    assert_eq!(story.state.services.get(BACKEND).and_then(|service| service.built.clone()), None);
}
