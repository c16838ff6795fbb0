//! The autopilot: what it may spend, and what mends.

use super::Resolver;
use crate::config::project::{AutopilotSpec, FixSpec};

impl Resolver<'_> {
    pub(super) fn autopilot(&mut self) -> AutopilotSpec {
        let settings = &self.settings.autopilot;
        self.range("autopilot.cycles", settings.cycles, 1..=1_000);
        self.range("autopilot.deploys", settings.deploys, 0..=1_000);
        self.range("autopilot.patience", settings.patience, 1..=100);
        self.range("autopilot.retries", settings.retries, 0..=20);
        let fix = settings.fix.as_ref().map(|fix| FixSpec {
            command: self.command("autopilot.fix", "command", &fix.command, &fix.env, fix.directory.as_ref()),
            timeout: self.wait("autopilot.fix.timeout", fix.timeout),
        });
        AutopilotSpec {
            cycles: settings.cycles,
            time: self.wait("autopilot.time", settings.time),
            deploys: settings.deploys,
            patience: settings.patience,
            retries: settings.retries,
            deploy: self.service_names("autopilot.deploy", &settings.deploy),
            fix,
        }
    }
}
