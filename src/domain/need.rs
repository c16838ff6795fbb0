//! What services need each other for: one that is down takes those along that need it, and is the one to be told of.

use super::damping::Grade;
use super::{RunnerId, ServiceId, Services, State, Text};

impl Services {
    /// These services and everything that they need, directly or not, each once.
    #[must_use]
    pub fn with_needs(&self, services: Vec<ServiceId>) -> Vec<ServiceId> {
        let mut all = services;
        let mut next = 0;
        while let Some(&id) = all.get(next) {
            next += 1;
            for need in self.needs(id) {
                if !all.contains(&need) {
                    all.push(need);
                }
            }
        }
        all
    }

    fn needs(&self, id: ServiceId) -> impl Iterator<Item = ServiceId> {
        let needs = self.get(id).map_or(&[][..], |service| &service.spec.needs);
        needs.iter().filter_map(|name| self.named(name))
    }

    /// The service that is down and takes this one along: the first among what it needs that needs none that is down.
    #[must_use]
    pub fn root_of(&self, id: ServiceId) -> Option<ServiceId> {
        let needs = self.with_needs(vec![id]);
        let down: Vec<ServiceId> = needs.into_iter().filter(|need| *need != id && self.is_down(*need)).collect();
        let rests_on =
            |one: ServiceId| self.with_needs(vec![one]).into_iter().any(|need| need != one && self.is_down(need));
        down.iter().copied().find(|one| !rests_on(*one)).or_else(|| down.first().copied())
    }

    /// The names of the services that need this one, directly or not.
    #[must_use]
    pub fn relying_on(&self, id: ServiceId) -> Vec<&Text> {
        let relies = |one: ServiceId| one != id && self.with_needs(vec![one]).contains(&id);
        self.iter().filter(|(one, _)| relies(*one)).map(|(_, service)| &service.spec.name).collect()
    }

    fn is_down(&self, id: ServiceId) -> bool {
        self.get(id).is_some_and(|service| service.health.grade() == Some(Grade::Down))
    }
}

impl State {
    /// The services that a runner's tests need, and what those need; all of them, unless it says which.
    #[must_use]
    pub fn needed_by(&self, runner: Option<RunnerId>) -> Vec<ServiceId> {
        let runner = runner.and_then(|runner| self.session.project.runners.get(runner.index()));
        let named = runner.and_then(|runner| runner.services.as_ref());
        match named {
            None => self.services.iter().map(|(id, _)| id).collect(),
            Some(names) => {
                self.services.with_needs(names.iter().filter_map(|name| self.services.named(name)).collect())
            }
        }
    }

    /// Why a run of that runner must wait, if it must: the services that it needs and that are down, being deployed,
    /// or not yet probed. What is down only because of another one is not told of besides that one.
    #[must_use]
    pub fn hold_reason(&self, runner: RunnerId) -> Option<String> {
        use super::Span;
        if self.session.project.hold_limit == Span::ZERO {
            return None;
        }
        let needed = self.needed_by(Some(runner));
        let told =
            needed.into_iter().filter(|id| self.services.root_of(*id).is_none() || self.deploys.active(*id).is_some());
        let reasons: Vec<String> = told.filter_map(|id| self.blocks(id)).collect();
        (!reasons.is_empty()).then(|| reasons.join(", "))
    }

    fn blocks(&self, id: ServiceId) -> Option<String> {
        use super::Health;
        let service = self.services.get(id)?;
        let name = &service.spec.name;
        if self.deploys.active(id).is_some() {
            return Some(format!("{name} is being deployed"));
        }
        let needed_by = match self.services.relying_on(id).as_slice() {
            [] => String::new(),
            relying => format!(", and needed by {}", listed(relying)),
        };
        match &service.health {
            _ if service.is_available() => None,
            Health::Unknown => Some(format!("{name} has not answered yet")),
            Health::Unreachable(why) => Some(format!("{name} does not answer ({why}){needed_by}")),
            Health::Unhealthy(why) => Some(format!("{name} is not healthy ({why}){needed_by}")),
            Health::Healthy | Health::Degraded(_) => None,
        }
    }
}

/// `a`, `a and b`, `a, b and 3 more`.
pub(super) fn listed(names: &[&Text]) -> String {
    match names {
        [] => String::new(),
        [one] => one.to_string(),
        [one, other] => format!("{one} and {other}"),
        [one, other, rest @ ..] => format!("{one}, {other} and {} more", rest.len()),
    }
}
