//! Priority groups: which tests guard what, and how each group stands.

use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use super::{Tally, Text, TierId};

/// A priority group as it was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TierSpec {
    /// Its short name: `P1`.
    pub name: Text,
    /// What it is called in full.
    pub title: Text,
    /// The tests that belong to it.
    pub tests: Vec<Pattern>,
    /// What is lost where it fails: `$120K MRR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_risk: Option<Text>,
}

/// A priority group and how its tests stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tier {
    /// The group as it was written.
    pub spec: TierSpec,
    /// How its tests stand.
    pub tally: Tally,
}

/// What a priority group tells at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// All its tests held on what serves now, and prove something.
    Protected,
    /// So many of its tests fail.
    AtRisk(u32),
    /// Some of its tests have no result that counts now, or all results have to be doubted.
    Unproved,
}

impl Protection {
    /// The word for people, for machines and for reports alike.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Protected => "protected",
            Self::AtRisk(_) => "at risk",
            Self::Unproved => "not proved",
        }
    }
}

impl Tier {
    /// Whether its own tests protect what it guards; [`State::protection`](super::State::protection) also asks whether the
    /// session's results are to be trusted. Known failures are no news and change nothing here; they are counted in the
    /// tally.
    pub(super) fn protection(&self) -> Protection {
        let tally = &self.tally;
        let without_result = tally.total() - tally.finished();
        let spoilt = tally.environment + tally.straddled + tally.not_run + tally.stale;
        match tally.failures() {
            0 if tally.total() == 0 || without_result + spoilt + tally.worths.hollow() > 0 => Protection::Unproved,
            0 => Protection::Protected,
            failures => Protection::AtRisk(failures),
        }
    }
}

/// All priority groups, the most important one first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tiers {
    list: Vec<Tier>,
}

impl Tiers {
    /// The groups of a project.
    pub(super) fn new(specs: &[TierSpec]) -> Self {
        Self { list: specs.iter().map(|spec| Tier { spec: spec.clone(), tally: Tally::default() }).collect() }
    }

    /// All groups, the most important one first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (TierId, &Tier)> {
        self.list.iter().enumerate().map(|(n, tier)| (TierId(n as u32), tier))
    }

    /// One group.
    #[must_use]
    pub fn get(&self, id: TierId) -> Option<&Tier> {
        self.list.get(id.index())
    }

    /// Whether a project has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The group of that name, whichever case it is written in.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<TierId> {
        self.iter().find(|(_, tier)| tier.spec.name.eq_ignore_ascii_case(name)).map(|(id, _)| id)
    }

    /// The first group that a test belongs to.
    pub(super) fn of(&self, module: &str, node: &str) -> Option<TierId> {
        let fits = |tier: &Tier| tier.spec.tests.iter().any(|pattern| pattern.fits_test(module, node));
        self.iter().find(|(_, tier)| fits(tier)).map(|(id, _)| id)
    }

    pub(super) fn tally_mut(&mut self, id: Option<TierId>) -> Option<&mut Tally> {
        self.list.get_mut(id?.index()).map(|tier| &mut tier.tally)
    }
}
