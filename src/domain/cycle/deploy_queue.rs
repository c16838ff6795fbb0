//! Queues of deploys: who comes next, and what is left undone when one of them does not come about.

use crate::domain::effect::Effects;
use crate::domain::{DeployId, DeployPhase, DeployQueue, QueueEnd, ServiceId, State, Text, Tone, ViewerId};

impl State {
    /// Several deploys; one of them alone is no queue.
    pub(super) fn request_deploys(&mut self, by: ViewerId, services: &[ServiceId], effects: &mut Effects) {
        let services = self.services.in_order(services);
        if let Some(why) = self.why_no_queue(&services) {
            return self.say(Tone::Warning, why);
        }
        let names: Vec<&str> = services.iter().map(|id| self.name_of(*id)).collect();
        let text = format!("{} deploys in this order: {}", self.viewer_name(Some(by)), names.join(", then "));
        self.say(Tone::Person, text);
        self.deploy_queue = Some(DeployQueue { by, services, begun: Vec::new(), end: None });
        self.deploy_next(effects);
    }

    fn why_no_queue(&self, services: &[ServiceId]) -> Option<String> {
        if services.is_empty() {
            return Some("there is nothing to deploy".to_owned());
        }
        if self.deploy_queue.as_ref().is_some_and(DeployQueue::is_active) {
            return Some("several services are being deployed already: cancel that, or wait for its end".to_owned());
        }
        let cannot = |id: &&ServiceId| self.services.get(**id).is_none_or(|service| service.spec.deploy.is_none());
        if let Some(id) = services.iter().find(cannot) {
            return Some(format!("{} has no deploy command in the configuration", self.name_of(*id)));
        }
        let busy = services.iter().find(|id| self.deploys.active(**id).is_some())?;
        Some(format!("{} is being deployed already", self.name_of(*busy)))
    }

    /// Begins the next deploy of the queue, or ends the queue.
    fn deploy_next(&mut self, effects: &mut Effects) {
        let Some(queue) = self.deploy_queue.as_mut().filter(|queue| queue.is_active()) else { return };
        let by = queue.by;
        let Some(next) = queue.waiting().first().copied() else {
            queue.end = Some(QueueEnd::Done);
            let text = format!("all {} deploys are live", queue.services.len());
            return self.say(Tone::Good, text);
        };
        let before = self.deploys.iter().len();
        self.begin_deploy(by, next, None, effects);
        let id = DeployId(before as u32);
        let begun = self.deploys.get(id).is_some_and(|deploy| deploy.service == next);
        match (&mut self.deploy_queue, begun) {
            (Some(queue), true) => queue.begun.push(id),
            (_, _) => self.stop_queue(&format!("{} cannot be deployed now", self.name_of(next))),
        }
    }

    /// A deploy is over: the next one begins only if it is live.
    pub(super) fn advance_queue(&mut self, id: DeployId, effects: &mut Effects) {
        if self.deploy_queue.as_ref().and_then(DeployQueue::current) != Some(id) {
            return;
        }
        let Some(deploy) = self.deploys.get(id) else { return };
        let name = self.name_of(deploy.service);
        let why = match &deploy.phase {
            DeployPhase::Live => return self.deploy_next(effects),
            DeployPhase::Cancelled => format!("the deploy of {name} was cancelled"),
            _ => format!("{name} is not live"),
        };
        self.stop_queue(&why);
    }

    /// What has not had its turn will not be deployed.
    pub(super) fn stop_queue(&mut self, why: &str) {
        let Some(queue) = self.deploy_queue.as_mut().filter(|queue| queue.is_active()) else { return };
        let waiting = queue.waiting().to_vec();
        queue.end = Some(QueueEnd::Stopped(why.into()));
        if !waiting.is_empty() {
            let names: Vec<&Text> = waiting.iter().filter_map(|id| Some(&self.services.get(*id)?.spec.name)).collect();
            let text = format!("{} not deployed: {why}", crate::domain::need::listed(&names));
            self.say(Tone::Bad, text);
        }
    }

    /// A service's name.
    pub(super) fn name_of(&self, id: ServiceId) -> &str {
        self.services.get(id).map_or("the service", |service| &*service.spec.name)
    }
}
