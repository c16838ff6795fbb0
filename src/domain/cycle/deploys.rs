//! Services and deploys: what serves, and what follows for results, held runs and streams when that changes.

use crate::domain::deploy::{DeployFact, Opening};
use crate::domain::effect::{Effect, Effects};
use crate::domain::event::DeployEvent;
use crate::domain::need::listed;
use crate::domain::{
    DeployId, DeployPhase, Health, NoticeKind, Occasion, Probe, Rung, ServiceId, Span, State, Text, Tone, ViewerId,
};

/// How long agent runs that are open are waited for before their connection is opened anew.
const OPEN_RUNS: Span = Span::seconds(60);

impl State {
    pub(super) fn apply_probe(&mut self, id: ServiceId, probe: &Probe, effects: &mut Effects) {
        let was_known = self.services.get(id).is_some_and(|service| service.health != Health::Unknown);
        let Some(fact) = self.services.probe(id, probe, self.at) else { return };
        let Some(service) = self.services.get(id) else { return };
        let name = service.spec.name.clone();
        let revision = service.revision.clone();
        let deploying = self.deploys.active(id).is_some();
        match &fact.health {
            None => {}
            Some(Health::Healthy) => self.say(Tone::Good, format!("{name} is healthy")),
            Some(Health::Degraded(why)) => self.say(Tone::Warning, format!("{name} is degraded: {why}")),
            Some(Health::Unhealthy(why) | Health::Unreachable(why)) if !deploying => self.say_down(id, why),
            Some(_) => {}
        }
        // What a deploy does to its service is told when that ends, and the first answer changes nothing.
        if fact.health.is_some() && was_known && !deploying {
            self.notice(NoticeKind::Health);
        }
        if fact.fell {
            self.explain_by_outage(id);
        }
        if let Some(health) = &fact.health {
            let (health, revision) = (health.clone(), revision.clone());
            self.chronicle.note(self.at, Occasion::Health { service: id, health, revision });
        }
        if let (Some(from), Some(to)) = (&fact.moved_from, &revision) {
            let (from, to) = (from.clone(), to.clone());
            self.chronicle.note(self.at, Occasion::Revision { service: id, from, to });
        }
        if let (Some(Some(before)), Some(now)) = (&fact.moved_from, revision) {
            self.announce_foreign(id, before, &now);
            self.logs.begin_anew(id);
            self.change_what_serves(&name, effects);
        }
        if fact.moved_from == Some(None) {
            self.review_stale();
            self.put_in_order();
        }
        if fact.health.is_some() {
            self.review_held(effects);
        }
        if fact.health == Some(Health::Healthy) {
            self.offer_rerun();
        }
    }

    /// One alarm for the service that is the root of it; what it takes along is told in the same sentence, or without
    /// alarm.
    fn say_down(&mut self, id: ServiceId, why: &Text) {
        let name = |id| self.services.get(id).map_or("a service", |service| &*service.spec.name);
        let (tone, text) = match (self.services.root_of(id), self.services.relying_on(id).as_slice()) {
            (Some(root), _) => (Tone::Warning, format!("{} is degraded because {} is down", name(id), name(root))),
            (None, []) => (Tone::Bad, format!("{} is down: {why}", name(id))),
            (None, relying) => (Tone::Bad, format!("{} is down: {why}, and needed by {}", name(id), listed(relying))),
        };
        self.say(tone, text);
    }

    /// Results that were obtained before do not count until they are proved again, and connections that were opened
    /// before may still talk to the old revision.
    fn change_what_serves(&mut self, name: &str, effects: &mut Effects) {
        let stale = self.review_stale();
        self.put_in_order();
        if stale > 0 {
            self.say(Tone::Stale, format!("{stale} results are stale"));
        }
        let by = self.at.after(OPEN_RUNS);
        self.streams_of(name).into_iter().for_each(|stream| self.streams.plan_reopening(stream, Some(by)));
        self.review_reopenings(effects);
    }

    /// A new revision of a service, or an earlier one again.
    pub(super) fn request_deploy(
        &mut self,
        by: ViewerId,
        id: ServiceId,
        back_to: Option<&Text>,
        effects: &mut Effects,
    ) {
        if let Some(why) = self.why_busy(id) {
            return self.say(Tone::Warning, why);
        }
        self.begin_deploy(by, id, back_to, effects);
    }

    /// Why nothing else can be done to a service now: one thing at a time.
    pub(super) fn why_busy(&self, id: ServiceId) -> Option<String> {
        let name = self.name_of(id);
        if let Some(active) = self.deploys.active(id).and_then(|active| self.deploys.get(active)) {
            let what = if active.is_restart { "restarted" } else { "deployed" };
            return Some(format!("{name} is being {what} already"));
        }
        let waits = self.deploy_queue.as_ref().is_some_and(|queue| queue.is_waiting(id));
        waits.then(|| format!("{name} waits for its turn among several deploys"))
    }

    /// A deploy of a service to which nothing else is done.
    pub(super) fn begin_deploy(&mut self, by: ViewerId, id: ServiceId, back_to: Option<&Text>, effects: &mut Effects) {
        let Some(service) = self.services.get(id) else { return };
        let name = service.spec.name.clone();
        let Some(spec) = &service.spec.deploy else {
            return self.say(Tone::Warning, format!("{name} has no deploy command in the configuration"));
        };
        if back_to.is_some() && spec.rollback.is_empty() {
            return self.say(Tone::Warning, format!("{name} has no rollback command in the configuration"));
        }
        let opening = Opening {
            service: id,
            by,
            from: service.revision.clone(),
            back_to: back_to.cloned(),
            is_restart: false,
            needed: spec.streak,
            has_platform: spec.platform.is_some(),
            has_revision: service.spec.has_revision,
            live_at: service.spec.live_at,
            surfaces: self.surfaces_of(&service.spec),
            lines: self.session.project.limits.deploy_lines,
        };
        let deploy = self.deploys.open(opening, self.at);
        let who = self.viewer_name(Some(by)).to_owned();
        match back_to {
            None => self.say(Tone::Person, format!("{who} deploys {name}")),
            Some(to) => self.say(Tone::Person, format!("{who} brings {to} of {name} back")),
        }
        effects.push(Effect::StartDeploy { deploy, service: id, back_to: back_to.cloned() });
        effects.push(Effect::WatchClosely { service: id, closely: true });
        self.expect_drops(&name, true, effects);
    }

    pub(super) fn cancel_deploy(&mut self, id: DeployId, effects: &mut Effects) {
        match self.deploys.get(id).map(|deploy| &deploy.phase) {
            Some(DeployPhase::Running | DeployPhase::Routing) => effects.push(Effect::CancelDeploy { deploy: id }),
            Some(DeployPhase::Proving)
                if self.deploy_queue.as_ref().is_some_and(|queue| queue.current() == Some(id)) =>
            {
                self.stop_queue("that was cancelled");
            }
            Some(DeployPhase::Proving) => self.say(Tone::Warning, "the command has ended: only the proof is awaited"),
            _ => {}
        }
    }

    pub(super) fn apply_deploy(&mut self, event: &DeployEvent, effects: &mut Effects) {
        let id = event.deploy();
        if let DeployEvent::Proved { saw: Some(saw), .. } = event
            && let Some(deploy) = self.deploys.get(id).filter(|deploy| deploy.is_active())
        {
            // What the proof saw counts at once: the next run must not wait for the next health probe to be right.
            let service = deploy.service;
            let moved = self.services.see(service, saw, self.at);
            if let Some(from) = &moved {
                let (from, to) = (from.clone(), saw.clone());
                self.chronicle.note(self.at, Occasion::Revision { service, from, to });
            }
            if let (Some(Some(_)), Some(known)) = (moved, self.services.get(service)) {
                let name = known.spec.name.clone();
                self.logs.begin_anew(service);
                self.change_what_serves(&name, effects);
            }
        }
        let fact = self.deploys.apply(id, event, self.at);
        self.deploys.keep_pace(event, self.at);
        match fact {
            DeployFact::Nothing => {}
            DeployFact::Prove => {
                if let Some(deploy) = self.deploys.get(id) {
                    let (service, from) = (deploy.service, deploy.from.clone());
                    effects.push(Effect::BeginProof { deploy: id, service, from });
                }
            }
            DeployFact::Over => self.end_deploy(id, effects),
        }
        if let DeployEvent::Proved { .. } = event {
            self.reopen_laggards(id, effects);
        }
    }

    pub(super) fn end_deploy(&mut self, id: DeployId, effects: &mut Effects) {
        let Some(deploy) = self.deploys.get(id) else { return };
        let by = self.viewer_name(Some(deploy.by)).into();
        self.deploys.become_precedent(id, by);
        let Some(deploy) = self.deploys.get(id) else { return };
        let (service, phase, exit) = (deploy.service, deploy.phase.clone(), deploy.exit);
        let (from, to, streak) = (deploy.from.clone(), deploy.to.clone(), deploy.needed);
        let serving = deploy.platform.as_ref().and_then(|said| said.verdict.serving().cloned());
        let (deploy_is_proved, rung) = (deploy.is_seen(), deploy.rung());
        let is_restart = deploy.is_restart;
        let name = self.services.get(service).map_or_else(|| "the service".into(), |service| service.spec.name.clone());
        let revision = |revision: Option<Text>| revision.unwrap_or_else(|| name.clone());
        match phase {
            DeployPhase::Live => {
                self.deploys.learn(id);
                // The health probe, which holds runs back, may lag behind what the proof has seen.
                if let Some(health) = self.services.prove(service, self.at) {
                    let revision = to.clone();
                    self.chronicle.note(self.at, Occasion::Health { service, health, revision });
                }
                if is_restart {
                    self.say(Tone::Good, format!("{name} is restarted and answers as {}", revision(to)));
                } else if deploy_is_proved {
                    let everywhere = if rung == Rung::EverySurface { ", on every surface" } else { "" };
                    self.say(Tone::Good, format!("{} is live, proved {streak} times{everywhere}", revision(to)));
                } else {
                    self.say(Tone::Good, format!("{} is live, as its platform says", revision(to)));
                }
                effects.push(Effect::EndProof { deploy: id });
            }
            DeployPhase::Failed(why) => {
                let still = serving.or(from).map_or(String::new(), |from| format!(", {from} still serves"));
                self.say(Tone::Bad, format!("the deploy of {name} failed{still}: {why}"));
            }
            DeployPhase::NotServing(why) => {
                let exit = exit.map_or(String::new(), |exit| format!("{exit}, but "));
                self.say(Tone::Bad, format!("{exit}{why}"));
            }
            DeployPhase::Superseded(by) => {
                self.say(Tone::Bad, format!("the deploy of {name} was {by}"));
                effects.push(Effect::EndProof { deploy: id });
            }
            DeployPhase::TimedOut(why) => self.say(Tone::Bad, format!("the deploy of {name} took too long: {why}")),
            DeployPhase::Cancelled => self.say(Tone::Person, format!("the deploy of {name} was cancelled")),
            DeployPhase::Running | DeployPhase::Routing | DeployPhase::Proving => {}
        }
        self.notice(NoticeKind::Deploy);
        effects.push(Effect::WatchClosely { service, closely: false });
        self.expect_drops(&name, false, effects);
        self.advance_queue(id, effects);
        self.review_held(effects);
        self.offer_rerun();
    }
}
