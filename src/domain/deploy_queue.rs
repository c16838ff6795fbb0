//! Several deploys, one after the other, in the order in which the services need each other.

use serde::{Deserialize, Serialize};

use super::{DeployId, ServiceId, Services, Text, ViewerId};

/// How a queue ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueEnd {
    /// Every service is live.
    Done,
    /// What was still to come was not begun.
    Stopped(Text),
}

/// Deploys that were asked for together: each begins when the one before is live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeployQueue {
    /// Who asked for it.
    pub by: ViewerId,
    /// What is deployed, in order.
    pub services: Vec<ServiceId>,
    /// The deploys that were begun, one for each of the first services.
    pub begun: Vec<DeployId>,
    /// How it ended, once it did.
    pub end: Option<QueueEnd>,
}

impl DeployQueue {
    /// Whether it still goes on.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.end.is_none()
    }

    /// The services that have not had their turn.
    #[must_use]
    pub fn waiting(&self) -> &[ServiceId] {
        self.services.get(self.begun.len()..).unwrap_or_default()
    }

    /// Whether a service is still to have its turn.
    #[must_use]
    pub fn is_waiting(&self, service: ServiceId) -> bool {
        self.is_active() && self.waiting().contains(&service)
    }

    /// The deploy that is waited for.
    #[must_use]
    pub fn current(&self) -> Option<DeployId> {
        self.begun.last().copied().filter(|_| self.is_active())
    }
}

impl Services {
    /// These services, each once, what is needed before what needs it; otherwise as they were named. What lies between
    /// two of them counts, though it is not among them.
    #[must_use]
    pub fn in_order(&self, services: &[ServiceId]) -> Vec<ServiceId> {
        let mut ordered: Vec<ServiceId> = Vec::new();
        let mut left: Vec<ServiceId> = Vec::new();
        services.iter().for_each(|id| {
            if !left.contains(id) {
                left.push(*id);
            }
        });
        while !left.is_empty() {
            let is_free = |id: &ServiceId| {
                let needs = self.with_needs(vec![*id]);
                !left.iter().any(|other| other != id && needs.contains(other))
            };
            // Two that need each other are refused by the configuration; a journal could still hold them.
            let place = left.iter().position(is_free).unwrap_or(0);
            ordered.push(left.remove(place));
        }
        ordered
    }
}
