//! The revisions of a service that served before: what can be brought back.

use serde::{Deserialize, Serialize};

use super::{DeployPhase, Moment, ServiceId, State, Text};

/// How many revisions of a service are offered.
const OFFERED: usize = 9;

/// A revision that served before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Earlier {
    /// Its name.
    pub revision: Text,
    /// When it went live by a deploy of ours, where it did.
    pub live: Option<Moment>,
    /// Who deployed it then.
    pub by: Option<Text>,
    /// Whether it is only known from an earlier session.
    pub recalled: bool,
}

/// What earlier sessions put live, by service, oldest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Lineage(Vec<(ServiceId, Earlier)>);

/// A deploy of an earlier session that went live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveOnce {
    /// Of which service, by name.
    pub service: Text,
    /// The revision.
    pub revision: Text,
    /// Who deployed it.
    pub by: Text,
    /// When it was live.
    pub at: Moment,
}

impl State {
    /// Takes note of what earlier sessions put live, oldest first.
    pub(super) fn recall_lineage(&mut self, live: &[LiveOnce]) {
        for once in live {
            if let Some(service) = self.services.named(&once.service) {
                let (revision, by) = (once.revision.clone(), Some(once.by.clone()));
                self.lineage.0.push((service, Earlier { revision, live: Some(once.at), by, recalled: true }));
            }
        }
    }

    /// The revisions that served before the present one, the newest first, each once.
    #[must_use]
    pub fn earlier_revisions(&self, service: ServiceId) -> Vec<Earlier> {
        let mut found: Vec<Earlier> = Vec::new();
        let present = self.services.get(service).and_then(|service| service.revision.clone());
        let mut offer = |earlier: Earlier| {
            let is_known = Some(&earlier.revision) == present.as_ref()
                || found.iter().any(|known| known.revision == earlier.revision);
            if !is_known && found.len() < OFFERED {
                found.push(earlier);
            }
        };
        for revision in self.services.seen(service) {
            let deploy = self.deploys.iter().rev().map(|(_, deploy)| deploy).find(|deploy| {
                deploy.service == service && deploy.phase == DeployPhase::Live && deploy.to.as_ref() == Some(revision)
            });
            let by = deploy.map(|deploy| self.viewer_name(Some(deploy.by)).into());
            let live = deploy.and_then(|deploy| deploy.ended);
            offer(Earlier { revision: revision.clone(), live, by, recalled: false });
        }
        let recalled = self.lineage.0.iter().rev().filter(|(of, _)| *of == service);
        recalled.for_each(|(_, earlier)| offer(earlier.clone()));
        found
    }
}
