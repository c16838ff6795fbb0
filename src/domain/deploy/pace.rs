//! How a deploy keeps up with those before it: what each step usually takes, and when nothing moves any more.

use serde::{Deserialize, Serialize};

use super::{Deploy, DeployPhase, Deploys, StepState};
use crate::domain::event::DeployEvent;
use crate::domain::precedent::{PastDeploy, Precedents, Typical};
use crate::domain::{DeployId, Moment, ServiceId, Span, Text};

/// However quick a step usually is, so long may nothing change before that is worth a word.
const PATIENCE: Span = Span::seconds(60);
/// How long nothing may change where nobody knows what is usual.
const PLAIN: Span = Span::seconds(5 * 60);
/// What the search for the new revision is called among the steps.
pub const PROOF: &str = "proof";

/// When a deploy moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pace {
    /// When its state, or what is said of it, last changed.
    pub changed: Moment,
    /// When the proof began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proving: Option<Moment>,
}

/// A deploy in which nothing has changed for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// In which step.
    pub step: Text,
    /// For how long nothing has changed.
    pub still: Span,
    /// How long that step usually takes, where it is known.
    pub usual: Option<Typical>,
}

impl Deploy {
    /// What it is at: the step that runs, or the proof.
    #[must_use]
    pub fn current_step(&self) -> Option<&str> {
        let running = || self.steps.iter().rev().find(|step| step.state == StepState::Running);
        match &self.phase {
            DeployPhase::Proving => Some(PROOF),
            DeployPhase::Running => Some(running().map_or("the command", |step| &step.name)),
            DeployPhase::Routing => Some(running().map_or("routing", |step| &step.name)),
            _ => None,
        }
    }

    /// Whether an event says anything new. A command that repeats its last line does not, nor does a probe that still
    /// meets the revision before.
    fn is_moved_by(&self, event: &DeployEvent) -> bool {
        match event {
            DeployEvent::Proved { saw, .. } => saw.is_some() && *saw == self.to,
            DeployEvent::Printed { lines, .. } => {
                let before = self.output.len().checked_sub(lines.len() + 1);
                let before = before.and_then(|place| self.output.range(place).next());
                let mut last = before.map(|line| &line.text);
                lines.iter().any(|line| last.replace(&line.text) != Some(&line.text))
            }
            _ => true,
        }
    }
}

impl Deploys {
    /// The deploys of a service that are over.
    #[must_use]
    pub fn precedents(&self, service: ServiceId) -> Option<&Precedents> {
        self.precedents.get(service.index())
    }

    /// Whether nothing has changed in a deploy for longer than is usual at this step.
    #[must_use]
    pub fn stuck(&self, id: DeployId, now: Moment) -> Option<Stuck> {
        let deploy = self.get(id)?;
        let step = deploy.current_step()?;
        let usual = self.precedents(deploy.service).and_then(|precedents| precedents.step(step, deploy.started));
        let limit = usual.map_or(PLAIN, |usual| PATIENCE.max(Span(usual.most_of_all.0.saturating_mul(2))));
        let still = now.since(deploy.pace.changed);
        (still >= limit).then(|| Stuck { step: step.into(), still, usual })
    }

    /// What earlier sessions left of a service, oldest first.
    pub(in crate::domain) fn recall_past(&mut self, service: ServiceId, past: &[PastDeploy]) {
        let precedents = self.precedents_mut(service);
        past.iter().for_each(|past| precedents.note(past.clone()));
    }

    /// Notes when an event moved a deploy, after it was folded.
    pub(in crate::domain) fn keep_pace(&mut self, event: &DeployEvent, at: Moment) {
        let Some(deploy) = self.list.get_mut(event.deploy().index()).filter(|deploy| deploy.ended.is_none()) else {
            return;
        };
        if deploy.is_moved_by(event) {
            deploy.pace.changed = at;
        }
        if deploy.phase == DeployPhase::Proving {
            deploy.pace.proving.get_or_insert(at);
        }
    }

    /// A deploy is over: later ones are measured against it. A restart says nothing about deploys.
    pub(in crate::domain) fn become_precedent(&mut self, id: DeployId, by: Text) {
        let Some(deploy) = self.get(id).filter(|deploy| !deploy.is_restart) else { return };
        let is_done = |step: &&super::Step| step.state == StepState::Done;
        let mut steps: Vec<(Text, Span)> = deploy
            .steps
            .iter()
            .filter(is_done)
            .filter_map(|step| Some((step.name.clone(), step.ended?.since(step.started))))
            .collect();
        if deploy.phase == DeployPhase::Live
            && let (Some(began), Some(ended)) = (deploy.pace.proving, deploy.ended)
        {
            steps.push((PROOF.into(), ended.since(began)));
        }
        let past = PastDeploy {
            from: deploy.from.clone(),
            to: deploy.to.clone(),
            by,
            how: deploy.phase.word().into(),
            started: deploy.started,
            took: deploy.ended.map(|ended| ended.since(deploy.started)),
            steps,
        };
        let service = deploy.service;
        self.precedents_mut(service).note(past);
    }

    fn precedents_mut(&mut self, service: ServiceId) -> &mut Precedents {
        if self.precedents.len() <= service.index() {
            self.precedents.resize_with(service.index() + 1, Precedents::default);
        }
        &mut self.precedents[service.index()]
    }
}

impl DeployPhase {
    /// How it stands, in a word or two.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Routing => "being routed",
            Self::Proving => "being proved",
            Self::Live => "live",
            Self::Failed(_) => "failed",
            Self::NotServing(_) => "not serving",
            Self::Superseded(_) => "superseded",
            Self::TimedOut(_) => "timed out",
            Self::Cancelled => "cancelled",
        }
    }
}
