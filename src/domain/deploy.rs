//! Deploys: one try each to put a revision in place, from the command to the proof that it serves.

mod pace;
mod proof;

pub use self::proof::{Awaited, Surface};

use serde::{Deserialize, Serialize};

use super::event::DeployEvent;
use super::platform::{PlatformSaid, PlatformVerdict, Rung};
use super::precedent::Precedents;
use super::run::Exit;
use super::{DeployId, Moment, Ring, ServiceId, Span, StreamId, Text, ViewerId};

pub use pace::{PROOF, Pace, Stuck};

/// Where a line of output came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The console itself.
    Console,
}

/// A line of output, colours kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputLine {
    /// Where it came from.
    pub source: Source,
    /// The line, without its end.
    pub text: Text,
}

/// How a step of a deploy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It began.
    Running,
    /// It ended well.
    Done,
    /// It failed.
    Failed,
}

/// A phase of a deploy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its name: `build`, `push`, `start`, …
    pub name: Text,
    /// How it stands.
    pub state: StepState,
    /// When it began.
    pub started: Moment,
    /// When it ended.
    pub ended: Option<Moment>,
}

/// How far a deploy has come. Only [`Live`](Self::Live) says that the new revision serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployPhase {
    /// The command runs.
    Running,
    /// The command ended well, or the request was taken; the platform puts the new revision in place.
    Routing,
    /// The command ended well; probes look for the new revision.
    Proving,
    /// The new revision answered as often in a row as was asked.
    Live,
    /// The command failed or could not start.
    Failed(Text),
    /// The command ended well, but the new revision never served.
    NotServing(Text),
    /// Another deploy came after it.
    Superseded(Text),
    /// It did not come about in time.
    TimedOut(Text),
    /// A person stopped it.
    Cancelled,
}

impl DeployPhase {
    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self {
            Self::Running | Self::Routing | Self::Proving => false,
            Self::Live
            | Self::Failed(_)
            | Self::NotServing(_)
            | Self::Superseded(_)
            | Self::TimedOut(_)
            | Self::Cancelled => true,
        }
    }
}

/// One try to put a revision in place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deploy {
    /// What is deployed.
    pub service: ServiceId,
    /// Who asked for it.
    pub by: ViewerId,
    /// The revision that served before.
    pub from: Option<Text>,
    /// The revision that serves now, once it is another one; or the one that the command announced.
    pub to: Option<Text>,
    /// How far it has come.
    pub phase: DeployPhase,
    /// Its phases in the order in which they began.
    pub steps: Vec<Step>,
    /// What the command printed.
    pub output: Ring<OutputLine>,
    /// When it was asked for.
    pub started: Moment,
    /// When the command ended.
    pub command_ended: Option<Moment>,
    /// When it was over.
    pub ended: Option<Moment>,
    /// How the command ended.
    pub exit: Option<Exit>,
    /// How many probes in a row showed the new revision.
    pub streak: u32,
    /// How many are asked for.
    pub needed: u32,
    /// How long it took in the past, from the request to the proof.
    pub usual: Option<Span>,
    /// Whether a platform is asked how it goes.
    #[serde(default)]
    pub has_platform: bool,
    /// Whether the service can be asked which revision serves.
    #[serde(default)]
    pub has_revision: bool,
    /// The earlier revision to which the traffic is to go back.
    #[serde(default)]
    pub back_to: Option<Text>,
    /// Whether the same revision is started anew.
    #[serde(default)]
    pub is_restart: bool,
    /// The last that the platform said.
    #[serde(default)]
    pub platform: Option<PlatformSaid>,
    /// Why it is late, where its time is over.
    #[serde(default)]
    pub overdue: Option<Text>,
    /// Whether it failed because nothing could be started or reached, so that nothing was tried.
    #[serde(default)]
    pub out_of_reach: bool,
    /// The revision that it puts in place, as it was named by who deploys; where one was, no other one counts.
    #[serde(default)]
    pub expected: Option<Text>,
    /// The rung on which it is live.
    #[serde(default)]
    pub goal: Rung,
    /// Where else the new revision has to be seen.
    #[serde(default)]
    pub surfaces: Vec<Surface>,
    /// What the last fresh connections showed, oldest first; as many as have to agree.
    #[serde(default)]
    pub answers: Vec<Option<Text>>,
    /// When it moved.
    #[serde(default)]
    pub pace: Pace,
}

impl Deploy {
    /// Whether it is under way.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.phase.is_over()
    }
}

/// What a deploy begins with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Opening {
    /// What is deployed.
    pub service: ServiceId,
    /// Who asked for it.
    pub by: ViewerId,
    /// The revision that serves.
    pub from: Option<Text>,
    /// The earlier revision to go back to.
    pub back_to: Option<Text>,
    /// Whether the same revision is started anew.
    pub is_restart: bool,
    /// How many probes in a row must show the new revision.
    pub needed: u32,
    /// Whether a platform is asked how it goes.
    pub has_platform: bool,
    /// Whether the service can be asked which revision serves.
    pub has_revision: bool,
    /// The rung on which it is live; unset, the highest one that can be shown.
    pub live_at: Option<Rung>,
    /// Where else the new revision has to be seen.
    pub surfaces: Vec<Surface>,
    /// How many lines of output are kept.
    pub lines: usize,
}

impl Opening {
    /// The rung on which the deploy is live. What cannot be asked for its revision proves no more than its platform
    /// says.
    fn goal(&self) -> Rung {
        let highest = match (self.has_revision, self.has_platform) {
            (true, _) if !self.surfaces.is_empty() => Rung::EverySurface,
            (false, true) => Rung::ControlPlane,
            (true, _) | (false, false) => Rung::DataPlane,
        };
        self.live_at.map_or(highest, |wanted| wanted.min(highest))
    }
}

/// What happened to a deploy that others must know.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum DeployFact {
    /// Nothing that concerns others.
    Nothing,
    /// The command ended well: look for the new revision.
    Prove,
    /// It is over.
    Over,
}

/// All deploys of the session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Deploys {
    list: Vec<Deploy>,
    /// By service: how long live deploys took in earlier sessions.
    usual: Vec<Option<Span>>,
    /// By service: the deploys that are over.
    #[serde(default)]
    precedents: Vec<Precedents>,
}

impl Deploys {
    /// All deploys, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (DeployId, &Deploy)> + ExactSizeIterator {
        self.list.iter().enumerate().map(|(n, deploy)| (DeployId(n as u32), deploy))
    }

    /// One deploy.
    #[must_use]
    pub fn get(&self, id: DeployId) -> Option<&Deploy> {
        self.list.get(id.index())
    }

    /// The deploy under way for a service.
    #[must_use]
    pub fn active(&self, service: ServiceId) -> Option<DeployId> {
        self.iter().rev().find(|(_, deploy)| deploy.service == service && deploy.is_active()).map(|(id, _)| id)
    }

    /// The newest deploy of one of these services that was under way at that moment.
    #[must_use]
    pub fn under_way_at(&self, moment: Moment, of: &[ServiceId]) -> Option<&Deploy> {
        let at = |deploy: &&Deploy| deploy.started <= moment && deploy.ended.is_none_or(|ended| ended > moment);
        self.list.iter().rev().filter(|deploy| of.contains(&deploy.service)).find(at)
    }

    /// Whether any deploy of one of these services began in that window.
    #[must_use]
    pub fn any_began_in(&self, after: Moment, to: Moment, of: &[ServiceId]) -> bool {
        let began = |deploy: &Deploy| deploy.started > after && deploy.started <= to;
        self.list.iter().rev().any(|deploy| began(deploy) && of.contains(&deploy.service))
    }

    /// Whether any deploy is under way.
    #[must_use]
    pub fn any_active(&self) -> bool {
        self.list.iter().any(Deploy::is_active)
    }

    /// The deploy to show: the one under way, else the newest.
    #[must_use]
    pub fn newest(&self) -> Option<DeployId> {
        let active = self.iter().rev().find(|(_, deploy)| deploy.is_active());
        active.or_else(|| self.iter().next_back()).map(|(id, _)| id)
    }

    /// The one that was asked for last.
    #[must_use]
    pub fn latest(&self) -> Option<DeployId> {
        self.iter().next_back().map(|(id, _)| id)
    }

    pub(super) fn recall(&mut self, service: ServiceId, took: Span) {
        while self.usual.len() <= service.index() {
            self.usual.push(None);
        }
        self.usual[service.index()] = Some(took);
    }

    pub(super) fn open(&mut self, opening: Opening, at: Moment) -> DeployId {
        let goal = opening.goal();
        let Opening {
            service, by, from, back_to, is_restart, needed, has_platform, has_revision, surfaces, lines, ..
        } = opening;
        let id = DeployId(self.list.len() as u32);
        let typical =
            self.precedents(service).and_then(|precedents| precedents.total(at)).map(|typical| typical.median);
        self.list.push(Deploy {
            service,
            by,
            from,
            to: None,
            phase: DeployPhase::Running,
            steps: Vec::new(),
            output: Ring::new(lines),
            started: at,
            command_ended: None,
            ended: None,
            exit: None,
            streak: 0,
            needed: needed.max(1),
            usual: typical.or_else(|| self.usual.get(service.index()).copied().flatten()),
            has_platform,
            has_revision,
            back_to,
            is_restart,
            platform: None,
            overdue: None,
            out_of_reach: false,
            expected: None,
            goal,
            surfaces,
            answers: Vec::new(),
            pace: Pace { changed: at, proving: None },
        });
        id
    }

    pub(super) fn apply(&mut self, id: DeployId, event: &DeployEvent, at: Moment) -> DeployFact {
        let Some(deploy) = self.list.get_mut(id.index()).filter(|deploy| deploy.is_active()) else {
            return DeployFact::Nothing;
        };
        match event {
            DeployEvent::Printed { lines, .. } => lines.iter().for_each(|line| deploy.output.push(line.clone())),
            DeployEvent::Stepped { name, state, .. } => deploy.step(name, *state, at),
            DeployEvent::TargetNamed { revision, .. } => {
                (deploy.to, deploy.expected) = (Some(revision.clone()), Some(revision.clone()));
            }
            DeployEvent::CommandEnded { exit, cancelled, .. } => {
                deploy.command_ended = Some(at);
                deploy.exit = Some(*exit);
                let well = *exit == Exit::Code(0);
                deploy.end_steps(if well { StepState::Done } else { StepState::Failed }, at);
                if well && !cancelled {
                    return deploy.accept(at);
                }
                let phase = match deploy.overdue.take() {
                    _ if *cancelled => DeployPhase::Cancelled,
                    Some(why) => DeployPhase::TimedOut(why),
                    None => DeployPhase::Failed(deploy.why_failed()),
                };
                return deploy.close(phase, at);
            }
            DeployEvent::CouldNotStart { why, .. } | DeployEvent::OutOfReach { why, .. } => {
                deploy.out_of_reach = true;
                return deploy.close(DeployPhase::Failed(why.clone()), at);
            }
            DeployEvent::Platform { verdict, message, .. } => {
                deploy.platform = Some(PlatformSaid { verdict: verdict.clone(), message: message.clone() });
                return deploy.weigh(at);
            }
            DeployEvent::TimedOut { why, .. } => {
                // The end of a command that is late is still to come.
                if deploy.command_ended.is_none() {
                    deploy.overdue = Some(why.clone());
                    return DeployFact::Nothing;
                }
                return deploy.close(DeployPhase::TimedOut(why.clone()), at);
            }
            DeployEvent::Proved { saw, .. } => return deploy.prove(saw.as_ref(), at),
            DeployEvent::SurfaceAsked { surface, saw, why, .. } => {
                return deploy.hear(surface, saw.as_ref(), why.as_ref(), at);
            }
            DeployEvent::ProofEnded { why, .. } => {
                return deploy.close(DeployPhase::NotServing(deploy.conclude(why)), at);
            }
        }
        DeployFact::Nothing
    }

    /// A stream told which revision it talks to, or why it does not: the deploys under way that wait for it, with what
    /// follows.
    pub(super) fn hear_stream(
        &mut self,
        stream: StreamId,
        saw: Option<&Text>,
        trouble: Option<&Text>,
        at: Moment,
    ) -> Option<DeployId> {
        let active = |deploy: &Deploy| {
            deploy.is_active() && deploy.surfaces.iter().any(|surface| surface.stream == Some(stream))
        };
        let place = self.list.iter().rposition(active)?;
        let fact = self.list[place].hear_stream(stream, saw, trouble, at);
        (fact == DeployFact::Over).then_some(DeployId(place as u32))
    }

    pub(super) fn learn(&mut self, id: DeployId) {
        if let Some(deploy) = self.get(id).filter(|deploy| !deploy.is_restart)
            && let Some(ended) = deploy.ended
        {
            let (service, took) = (deploy.service, ended.since(deploy.started));
            self.recall(service, took);
        }
    }
}

impl Deploy {
    fn step(&mut self, name: &Text, state: StepState, at: Moment) {
        match (self.steps.iter_mut().rev().find(|step| step.name == *name), state) {
            (Some(step), _) => {
                step.state = state;
                step.ended = (state != StepState::Running).then_some(at);
            }
            (None, _) => {
                // A plain command only says when the next phase begins; the one before has then ended.
                self.end_steps(StepState::Done, at);
                let ended = (state != StepState::Running).then_some(at);
                self.steps.push(Step { name: name.clone(), state, started: at, ended });
            }
        }
    }

    fn end_steps(&mut self, state: StepState, at: Moment) {
        for step in self.steps.iter_mut().filter(|step| step.state == StepState::Running) {
            step.state = state;
            step.ended = Some(at);
        }
    }

    /// The action is done. What comes next is the platform's to say, where there is one; it says it once more, as what it
    /// said while the command ran may be overtaken.
    fn accept(&mut self, at: Moment) -> DeployFact {
        if self.is_restart && !self.has_revision {
            return self.close(DeployPhase::Live, at);
        }
        if self.has_platform {
            self.phase = DeployPhase::Routing;
            return DeployFact::Nothing;
        }
        self.phase = DeployPhase::Proving;
        DeployFact::Prove
    }

    /// What the platform said last decides once the action is done: before, it may speak of the deploy before this one.
    fn weigh(&mut self, at: Moment) -> DeployFact {
        let Some(said) = self.platform.as_ref().filter(|_| self.phase == DeployPhase::Routing) else {
            return DeployFact::Nothing;
        };
        let phase = match &said.verdict {
            PlatformVerdict::Progressing { .. } | PlatformVerdict::Split { .. } => return DeployFact::Nothing,
            PlatformVerdict::Routed if self.goal <= Rung::ControlPlane => DeployPhase::Live,
            PlatformVerdict::Routed | PlatformVerdict::Finished if self.has_revision => {
                self.end_steps(StepState::Done, at);
                self.phase = DeployPhase::Proving;
                return DeployFact::Prove;
            }
            PlatformVerdict::Finished => {
                DeployPhase::NotServing("no revision probe is configured: nobody knows what serves".into())
            }
            PlatformVerdict::Routed => DeployPhase::Live,
            // What serves all the same is told beside the reason.
            PlatformVerdict::Failed { reason, .. } => {
                DeployPhase::Failed(said.message.clone().unwrap_or_else(|| reason.clone()))
            }
            PlatformVerdict::Superseded { .. } => DeployPhase::Superseded(said.verdict.to_string().into()),
            PlatformVerdict::NotServing { why } => DeployPhase::NotServing(why.clone()),
        };
        self.end_steps(if phase == DeployPhase::Live { StepState::Done } else { StepState::Failed }, at);
        self.close(phase, at)
    }

    fn close(&mut self, phase: DeployPhase, at: Moment) -> DeployFact {
        self.phase = phase;
        self.ended = Some(at);
        DeployFact::Over
    }

    /// The platform's message, else the command's own last words of error, else how it ended.
    fn why_failed(&self) -> Text {
        if let Some(PlatformSaid { verdict: PlatformVerdict::Failed { reason, .. }, message }) = &self.platform {
            return message.clone().unwrap_or_else(|| reason.clone());
        }
        let last_error = self.output.iter().rev().find(|line| line.source == Source::Stderr && !line.text.is_empty());
        match (last_error, self.exit) {
            (Some(line), _) => line.text.clone(),
            (None, Some(exit)) => format!("the command ended with {exit}").into(),
            (None, None) => "the command did not end".into(),
        }
    }
}
