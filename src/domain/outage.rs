//! Outages of a service: when probes found it down, and since when it may have been.

use serde::{Deserialize, Serialize};

use super::{Health, Moment, Ring, Text};

/// How many outages are kept for each service.
const KEPT: usize = 60;

/// A period in which a service was not well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// When a probe last found it well; the outage began after that.
    pub well: Option<Moment>,
    /// When a probe first found it down.
    pub from: Moment,
    /// When a probe found it well again.
    pub until: Option<Moment>,
    /// What the first probe said.
    pub why: Text,
}

impl Outage {
    /// Whether a probe had found the service down at some moment of that window, and none had found it well again.
    #[must_use]
    pub fn overlaps(&self, from: Moment, to: Moment) -> bool {
        self.from <= to && self.until.is_none_or(|until| until > from)
    }

    /// Whether the service may have been down already at `moment`, although no probe had noticed.
    #[must_use]
    pub fn may_explain(&self, moment: Moment) -> bool {
        self.well.is_none_or(|well| well < moment) && moment <= self.from
    }
}

/// The outages of a service, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outages {
    list: Ring<Outage>,
    well: Option<Moment>,
}

impl Default for Outages {
    fn default() -> Self {
        Self { list: Ring::new(KEPT), well: None }
    }
}

impl Outages {
    /// The outages that are kept, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Outage> {
        self.list.iter()
    }

    /// The outage that is not over.
    #[must_use]
    pub fn present(&self) -> Option<&Outage> {
        self.list.last().filter(|outage| outage.until.is_none())
    }

    /// The newest outage of which a probe knew at some moment of that window.
    #[must_use]
    pub fn during(&self, from: Moment, to: Moment) -> Option<&Outage> {
        self.iter().rev().find(|outage| outage.overlaps(from, to))
    }

    /// A probe answered; gives back the outage that it is the first to notice.
    pub(super) fn see(&mut self, health: &Health, at: Moment) -> Option<&Outage> {
        match health {
            Health::Unknown => None,
            Health::Healthy | Health::Degraded(_) => {
                self.well = Some(at);
                if let Some(outage) = self.list.last_mut() {
                    outage.until.get_or_insert(at);
                }
                None
            }
            Health::Unhealthy(_) | Health::Unreachable(_) if self.present().is_some() => None,
            Health::Unhealthy(why) | Health::Unreachable(why) => {
                self.list.push(Outage { well: self.well, from: at, until: None, why: why.clone() });
                self.list.last()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outages(probes: &[(u64, bool)]) -> Outages {
        let mut outages = Outages::default();
        for &(at, well) in probes {
            let health = if well { Health::Healthy } else { Health::Unhealthy("HTTP 503".into()) };
            outages.see(&health, Moment(at));
        }
        outages
    }

    #[test]
    fn an_outage_lasts_from_the_first_bad_probe_to_the_next_good_one() {
        let outages = outages(&[(10, true), (20, false), (30, false), (40, true)]);
        let known = |from, to| outages.during(Moment(from), Moment(to)).is_some();
        assert!(!known(11, 19), "nobody had noticed");
        assert!(known(19, 20) && known(25, 26) && known(39, 90));
        assert!(!known(40, 50), "it was well again");
        assert_eq!(outages.iter().count(), 1);
    }

    #[test]
    fn it_may_have_begun_right_after_the_last_good_probe() {
        let outages = outages(&[(10, true), (20, false)]);
        let outage = outages.present().expect("it is down");
        assert!(outage.may_explain(Moment(11)) && outage.may_explain(Moment(20)));
        assert!(!outage.may_explain(Moment(10)) && !outage.may_explain(Moment(21)));
    }
}
