//! Restarts: the same revision anew, proved by its answering again.

use crate::domain::deploy::Opening;
use crate::domain::effect::{Effect, Effects};
use crate::domain::{Rung, ServiceId, State, Tone, ViewerId};

impl State {
    /// The revision of a service that serves now, started anew.
    pub(super) fn request_restart(&mut self, by: ViewerId, id: ServiceId, effects: &mut Effects) {
        let Some(service) = self.services.get(id) else { return };
        let name = service.spec.name.clone();
        let Some(spec) = &service.spec.restart else {
            return self.say(Tone::Warning, format!("{name} has no restart command in the configuration"));
        };
        if let Some(why) = self.why_busy(id) {
            return self.say(Tone::Warning, why);
        }
        let opening = Opening {
            service: id,
            by,
            from: service.revision.clone(),
            // What serves is what should serve again.
            back_to: service.revision.clone(),
            is_restart: true,
            needed: spec.streak,
            has_platform: false,
            live_at: Some(Rung::DataPlane),
            surfaces: Vec::new(),
            has_revision: service.spec.has_revision,
            lines: self.session.project.limits.deploy_lines,
        };
        let deploy = self.deploys.open(opening, self.at);
        let who = self.viewer_name(Some(by)).to_owned();
        self.say(Tone::Person, format!("{who} restarts {name}"));
        effects.push(Effect::StartRestart { deploy, service: id });
        effects.push(Effect::WatchClosely { service: id, closely: true });
        self.expect_drops(&name, true, effects);
    }
}
