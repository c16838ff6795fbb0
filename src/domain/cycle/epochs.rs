//! Epochs of what is not a test: connections, agent events and agent runs are stamped with the period in which they
//! began and ended, as tests are. And streams as witnesses: one that says which revision it talks to is a rung of a
//! deploy's proof.

use crate::domain::effect::{Effect, Effects};
use crate::domain::event::StreamEvent;
use crate::domain::{
    AgentRun, Circumstance, ContractVerdict, Deploy, DeployId, DeployPhase, Link, Moment, Outcome, Rung, ServiceId,
    ServiceSpec, Span, State, StreamId, Surface, SurfaceSpec, TestId, Text, Tone,
};

/// How long a connection is left alone that still talks to the old revision, before it is opened anew.
const PATIENCE: Span = Span::seconds(3);

/// Among how many of the newest agent runs one is looked for that is open.
const RUNS_LOOKED_AT: usize = 64;

impl State {
    /// What a stream says of the revision behind it.
    pub(super) fn witness(&mut self, event: &StreamEvent, effects: &mut Effects) {
        let (stream, at) = (event.stream(), self.at);
        let over = match event {
            StreamEvent::Opened { .. } => {
                self.streams.stamp(stream, self.services.epoch());
                None
            }
            StreamEvent::RevisionSeen { revision, .. } => self.deploys.hear_stream(stream, Some(revision), None, at),
            StreamEvent::Closed { .. } => {
                self.deploys.hear_stream(stream, None, Some(&"it is not connected".into()), at)
            }
            StreamEvent::Refused { refusal, .. } => {
                self.deploys.hear_stream(stream, None, Some(&refusal.why.clone()), at)
            }
            StreamEvent::Connecting { .. }
            | StreamEvent::Reached { .. }
            | StreamEvent::PingsLost { .. }
            | StreamEvent::NotSent { .. }
            | StreamEvent::Received { .. }
            | StreamEvent::Measured { .. }
            | StreamEvent::Waiting { .. }
            | StreamEvent::Stopped { .. }
            | StreamEvent::Overflowed { .. }
            | StreamEvent::TokenObtained { .. }
            | StreamEvent::Sent { .. } => None,
        };
        if let Some(deploy) = over {
            self.end_deploy(deploy, effects);
        }
    }

    /// Where else a new revision of a service has to be seen, with what streams have said already.
    pub(super) fn surfaces_of(&self, service: &ServiceSpec) -> Vec<Surface> {
        let surface = |spec: &SurfaceSpec| match spec {
            SurfaceSpec::Url(_) => Surface::new(spec, None),
            SurfaceSpec::Stream { stream, .. } => {
                let open = self.streams.get(*stream).filter(|stream| stream.link == Link::Open);
                Surface::new(spec, open.and_then(|stream| stream.revision.as_ref()))
            }
        };
        service.surfaces.iter().map(surface).collect()
    }

    /// A platform keeps an open connection on the revision where it began. Where all else shows the new one, such a
    /// connection is opened anew, until it does too.
    pub(super) fn reopen_laggards(&self, id: DeployId, effects: &mut Effects) {
        let Some(deploy) = self.deploys.get(id).filter(|deploy| deploy.is_active() && deploy.is_seen()) else { return };
        if deploy.goal < Rung::EverySurface {
            return;
        }
        let lags = |stream: &StreamId| {
            let stream = self.streams.get(*stream);
            stream.is_some_and(|stream| stream.link == Link::Open && self.at.since(stream.since) >= PATIENCE)
        };
        let laggards = deploy.unproved().filter_map(|surface| surface.stream).filter(lags);
        effects.extend(laggards.map(|stream| Effect::OpenStream { stream, why: "it is on the old revision".into() }));
    }

    /// Connections that were opened before what serves changed are opened anew: in a moment in which no agent run is
    /// open on them, else at the end of their patience. One that says itself that it talks to the new revision stays.
    pub(super) fn review_reopenings(&mut self, effects: &mut Effects) {
        let due = |id: StreamId, by: Moment| {
            let mut newest = self.agents.runs().rev().take(RUNS_LOOKED_AT).map(|(_, run)| run);
            self.at >= by || !newest.any(|run| run.stream == id && run.end.is_none())
        };
        let planned = self.streams.iter().filter_map(|(id, stream)| Some((id, stream.reopens_by?)));
        let due: Vec<StreamId> = planned.filter(|(id, by)| due(*id, *by)).map(|(id, _)| id).collect();
        for stream in due {
            self.streams.plan_reopening(stream, None);
            let says_so = self.streams.get(stream).is_some_and(|stream| stream.revision.is_some());
            if !(says_so && self.is_connection_current(stream)) {
                effects.push(Effect::OpenStream { stream, why: "the revision changed".into() });
            }
        }
    }

    /// Another revision answers than before, and nobody here put it in place: announced, and treated as our own.
    pub(super) fn announce_foreign(&mut self, service: ServiceId, from: &Text, to: &Text) {
        let name = self.services.get(service).map_or_else(|| "a service".into(), |service| service.spec.name.clone());
        let ours = |deploy: &&Deploy| deploy.service == service;
        let last = self.deploys.iter().rev().map(|(_, deploy)| deploy).find(ours);
        let named = |deploy: &Deploy| {
            (deploy.expected.is_some() || deploy.back_to.is_some()) && deploy.from.as_ref() != Some(to)
        };
        match last {
            Some(deploy) if deploy.is_active() && (!named(deploy) || deploy.counts(to)) => {}
            Some(deploy) if deploy.phase != DeployPhase::Live && named(deploy) && deploy.counts(to) => {
                self.say(Tone::Warning, format!("{name} changed from {from} to {to} after all: late, but ours"));
            }
            _ => self.say(Tone::Warning, format!("{name} changed from {from} to {to}, and not by us")),
        }
    }

    /// A contract asks itself which revision answers before and after it: where these differ nobody else may have
    /// noticed, and it has neither held nor been broken.
    pub(super) fn contract_circumstance(&self, id: TestId, outcome: Outcome, known: Circumstance) -> Circumstance {
        let judged = self.contracts.get(&id).filter(|_| outcome == Outcome::Errored && known.is_steady());
        match judged.map(|judgement| judgement.verdict) {
            Some(ContractVerdict::Straddled) => Circumstance::Straddled,
            _ => known,
        }
    }

    /// Whether the connection was opened when the present revisions served; one that says itself which revision it
    /// talks to is believed.
    #[must_use]
    pub fn is_connection_current(&self, id: StreamId) -> bool {
        let Some(stream) = self.streams.get(id) else { return false };
        let service = stream.spec.service.as_deref().and_then(|name| self.services.named(name));
        let serving = service.and_then(|service| self.services.get(service)?.revision.as_ref());
        match (&stream.revision, serving) {
            (Some(said), Some(serving)) => said == serving,
            _ => self.services.is_current(stream.epoch),
        }
    }

    /// Whether another revision came to serve while the agent run was under way: what it shows is neither good nor bad.
    #[must_use]
    pub fn is_straddled(&self, run: &AgentRun) -> bool {
        if run.epoch == run.epoch_at_end {
            return false;
        }
        let service = self.streams.get(run.stream).and_then(|stream| stream.spec.service.as_deref());
        match service.and_then(|name| self.services.named(name)) {
            Some(service) => self.services.changed_between(run.epoch, run.epoch_at_end, &[service]),
            None => true,
        }
    }
}
