//! Services: what their probes say, and which revision serves.

use serde::{Deserialize, Serialize};

use super::damping::Grade;
use super::project::ServiceSpec;
use super::{Built, Moment, Outages, Ring, ServiceId, Span, Text, Uptime};

/// How many probes are kept for each service: the last minute and more at the usual pace.
const PROBES_KEPT: usize = 60;

/// A period in which the same revisions served. Epoch 0 is the time before this session.
pub type Epoch = u32;

/// What the latest probe says of a service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// No probe has answered yet.
    #[default]
    Unknown,
    /// It answered as it should.
    Healthy,
    /// It serves, but not as it should: it is slow.
    Degraded(Text),
    /// It answered, but not as it should.
    Unhealthy(Text),
    /// It did not answer.
    Unreachable(Text),
}

/// One look at a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// What it showed.
    pub health: Health,
    /// How long the answer took.
    pub latency: Span,
    /// The revision that answered, where it could be read.
    pub revision: Option<Text>,
}

/// A probe as it is kept: when, how long, and whether it was well.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Beat {
    /// When the answer came.
    pub at: Moment,
    /// How long it took.
    pub latency: Span,
    /// Whether the service was healthy.
    pub healthy: bool,
    /// Whether it served, but not as it should.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub degraded: bool,
}

/// Something that is deployed and probed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// How it is configured.
    pub spec: ServiceSpec,
    /// What is believed of it: what the latest probes say, damped.
    pub health: Health,
    /// Since when that is believed.
    pub since: Moment,
    /// What the latest probe itself says.
    #[serde(default)]
    pub latest: Health,
    /// When a deploy of it was last proved; older probes say nothing of what serves now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proved: Option<Moment>,
    /// The revision that was seen last.
    pub revision: Option<Text>,
    /// Since when that revision is seen.
    pub revision_since: Moment,
    /// The latest probes.
    pub beats: Ring<Beat>,
    /// When it was not well.
    #[serde(default)]
    pub outages: Outages,
    /// How its last minutes were.
    #[serde(default)]
    pub uptime: Uptime,
    /// When another revision came to serve under our eyes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moment>,
    /// The commit that it was built from, where it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<Built>,
}

impl Service {
    /// Whether there is anything to ask it.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.spec.has_health || self.spec.has_revision
    }

    /// Whether a run against it makes sense, as far as probes tell.
    #[must_use]
    pub fn is_available(&self) -> bool {
        !self.spec.has_health || self.health.serves()
    }
}

/// What a probe changed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ProbeFact {
    /// The health changed to this.
    pub health: Option<Health>,
    /// Nobody had noticed before that it is down.
    pub fell: bool,
    /// The revision changed from this (`None`: it was not known) to the present one.
    pub moved_from: Option<Option<Text>>,
}

/// All services, and the epochs of what served.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Services {
    list: Vec<Service>,
    /// By epoch: the revision of each service, `None` where it was not known. The first one stands for the past.
    epochs: Vec<Vec<Option<Text>>>,
    current: Vec<bool>,
}

impl Services {
    /// Services of which nothing is known yet but how they are configured.
    #[must_use]
    pub fn new(specs: &[ServiceSpec], at: Moment) -> Self {
        let list: Vec<Service> = specs
            .iter()
            .map(|spec| Service {
                spec: spec.clone(),
                health: Health::Unknown,
                since: at,
                latest: Health::Unknown,
                proved: None,
                revision: None,
                revision_since: at,
                beats: Ring::new(PROBES_KEPT),
                outages: Outages::default(),
                uptime: Uptime::default(),
                moved: None,
                built: None,
            })
            .collect();
        let unknown = vec![None; list.len()];
        Self { list, epochs: vec![Vec::new(), unknown], current: vec![false, true] }
    }

    /// All services with their identities.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ServiceId, &Service)> {
        self.list.iter().enumerate().map(|(n, service)| (ServiceId(n as u32), service))
    }

    /// One service.
    #[must_use]
    pub fn get(&self, id: ServiceId) -> Option<&Service> {
        self.list.get(id.index())
    }

    /// The service of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<ServiceId> {
        self.iter().find(|(_, service)| &*service.spec.name == name).map(|(id, _)| id)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The period of what serves now.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epochs.len().saturating_sub(1) as Epoch
    }

    /// The revisions of a service that were seen, the newest first; one that came back stands there again.
    pub fn seen(&self, id: ServiceId) -> impl Iterator<Item = &Text> {
        self.epochs.iter().rev().filter_map(move |epoch| epoch.get(id.index())?.as_ref())
    }

    /// Whether the revisions of that period serve now.
    #[must_use]
    pub fn is_current(&self, epoch: Epoch) -> bool {
        self.current.get(epoch as usize).copied().unwrap_or(false)
    }

    /// Whether another revision of one of these services came to serve since that period, be it for a while.
    pub(super) fn differ(&self, epoch: Epoch, of: &[ServiceId]) -> bool {
        self.changed_between(epoch, self.epoch(), of)
    }

    /// Whether the revision of one of these services changed between two periods, be it for a while.
    #[must_use]
    pub fn changed_between(&self, first: Epoch, last: Epoch, of: &[ServiceId]) -> bool {
        let known = |epoch: Epoch, id: &ServiceId| self.epochs.get(epoch as usize)?.get(id.index())?.as_ref();
        of.iter().any(|id| (first..=last).any(|epoch| known(epoch, id) != known(first, id)))
    }

    /// Which revisions served in that period, by name of the service.
    pub fn revisions(&self, epoch: Epoch) -> impl Iterator<Item = (&Text, &Text)> {
        let known = self.epochs.get(epoch as usize).map_or(&[][..], Vec::as_slice);
        self.list.iter().zip(known).filter_map(|(service, revision)| Some((&service.spec.name, revision.as_ref()?)))
    }

    pub(super) fn probe(&mut self, id: ServiceId, probe: &Probe, at: Moment) -> Option<ProbeFact> {
        let service = self.list.get_mut(id.index())?;
        let (healthy, degraded) = (probe.health == Health::Healthy, matches!(probe.health, Health::Degraded(_)));
        service.beats.push(Beat { at, latency: probe.latency, healthy, degraded });
        if service.spec.has_health {
            service.uptime.see(healthy || degraded, at);
        }
        service.latest = probe.health.clone();
        let fell = service.spec.has_health && service.outages.see(&probe.health, at).is_some();
        let mut fact = ProbeFact { health: None, fell, moved_from: None };
        if service.health != probe.health && service.is_believable(&probe.health) {
            let before = std::mem::replace(&mut service.health, probe.health.clone());
            // The words of an outage may change; what counts for "since when" is whether it was well.
            if before.grade() != service.health.grade() {
                service.since = at;
            }
            // How slow it is differs from probe to probe, and is no change each time.
            let is_change = !degraded || before.grade() != service.health.grade();
            fact.health = is_change.then(|| probe.health.clone());
        }
        fact.moved_from = probe.revision.as_ref().and_then(|revision| self.see(id, revision, at));
        Some(fact)
    }

    /// A deploy was proved on fresh connections: what probes said before is over. Gives back the health where it
    /// changed by that.
    pub(super) fn prove(&mut self, id: ServiceId, at: Moment) -> Option<Health> {
        let service = self.list.get_mut(id.index()).filter(|service| service.spec.has_health)?;
        service.proved = Some(at);
        if service.health.grade() != Some(Grade::Down) {
            return None;
        }
        service.outages.see(&Health::Healthy, at);
        (service.health, service.since) = (Health::Healthy, at);
        Some(Health::Healthy)
    }

    /// A revision answered; gives back what was known before, where it is another one.
    pub(super) fn see(&mut self, id: ServiceId, revision: &Text, at: Moment) -> Option<Option<Text>> {
        let service = self.list.get_mut(id.index()).filter(|service| service.revision.as_ref() != Some(revision))?;
        let before = service.revision.replace(revision.clone());
        service.revision_since = at;
        if before.is_some() {
            service.moved = Some(at);
        }
        self.move_epoch(id, before.is_none());
        Some(before)
    }

    /// It told what it was built from.
    pub(super) fn tell_built(&mut self, id: ServiceId, built: Option<&Built>) {
        if let Some(service) = self.list.get_mut(id.index()) {
            service.built = built.cloned();
        }
    }

    /// Opens the next epoch; where the revision was merely learnt, the present one is completed instead.
    fn move_epoch(&mut self, id: ServiceId, learnt: bool) {
        let revision = self.list[id.index()].revision.clone();
        let epoch = self.epoch() as usize;
        if learnt {
            self.epochs[epoch][id.index()] = revision;
            return;
        }
        let mut next = self.epochs[epoch].clone();
        next[id.index()] = revision;
        self.current = self.epochs.iter().map(|known| *known == next).collect();
        self.current.push(true);
        self.epochs.push(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services() -> Services {
        let spec = |name: &str| ServiceSpec {
            name: name.into(),
            url: "".into(),
            has_health: true,
            has_revision: true,
            ..ServiceSpec::default()
        };
        Services::new(&[spec("backend"), spec("auth")], Moment(1))
    }

    fn saw(services: &mut Services, id: u32, revision: &str) -> Option<Option<Text>> {
        let probe = Probe { health: Health::Healthy, latency: Span::ZERO, revision: Some(revision.into()) };
        services.probe(ServiceId(id), &probe, Moment(2)).expect("the service exists").moved_from
    }

    #[test]
    fn learning_a_revision_spoils_nothing_and_a_new_one_does() {
        let mut services = services();
        let first = services.epoch();
        assert_eq!(saw(&mut services, 0, "b1"), Some(None));
        assert_eq!(saw(&mut services, 1, "a1"), Some(None));
        assert_eq!(services.epoch(), first);
        assert_eq!(saw(&mut services, 0, "b2"), Some(Some("b1".into())));
        assert!(!services.is_current(first) && services.is_current(services.epoch()));
    }

    #[test]
    fn a_rollback_makes_old_results_current_again() {
        let mut services = services();
        for revision in ["b1", "b2", "b1"] {
            saw(&mut services, 0, revision);
        }
        assert!(services.is_current(1), "the results of b1 count again");
        assert!(!services.is_current(2) && !services.is_current(0));
    }
}
