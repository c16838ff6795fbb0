//! How contracts were held in earlier cycles: what a latency is compared with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ContractVerdict, Judgement, Latency};
use crate::domain::Text;

/// How many cycles of a contract are kept.
const KEPT: usize = 12;
/// How many contracts.
const CONTRACTS_KEPT: usize = 64;

/// What a contract came to in a cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// In which.
    pub cycle: u32,
    /// What it came to.
    pub verdict: ContractVerdict,
    /// How long things took.
    pub latencies: Vec<Latency>,
}

/// What contracts came to in the newest cycles, oldest first, by their names among the tests.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeldBefore(BTreeMap<Text, Vec<Held>>);

impl HeldBefore {
    /// What a contract came to in the newest cycles, oldest first.
    #[must_use]
    pub fn of(&self, name: &str) -> &[Held] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// All of them, for the next session.
    #[must_use]
    pub fn left(&self) -> Vec<(Text, Vec<Held>)> {
        self.0.iter().map(|(name, held)| (name.clone(), held.clone())).collect()
    }

    /// A contract was judged. What it came to earlier in the same cycle is replaced.
    pub(in crate::domain) fn judged(&mut self, name: &Text, cycle: u32, judgement: &Judgement) {
        let held = Held { cycle, verdict: judgement.verdict, latencies: judgement.latencies.clone() };
        self.add(name, held);
    }

    /// What an earlier session left.
    pub(in crate::domain) fn recall(&mut self, left: &[(Text, Vec<Held>)]) {
        for (name, helds) in left {
            helds.iter().for_each(|held| self.add(name, held.clone()));
        }
    }

    fn add(&mut self, name: &Text, held: Held) {
        if self.0.len() >= CONTRACTS_KEPT && !self.0.contains_key(name) {
            return;
        }
        let all = self.0.entry(name.clone()).or_default();
        all.retain(|one| one.cycle != held.cycle);
        all.push(held);
        all.sort_by_key(|one| one.cycle);
        all.drain(..all.len().saturating_sub(KEPT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_cycles_are_kept_each_once() {
        let (mut before, name): (_, Text) = (HeldBefore::default(), "contract:agents".into());
        let of = |cycle| Held { cycle, verdict: ContractVerdict::Pass, latencies: Vec::new() };
        before.recall(&[(name.clone(), (1..=20).map(of).collect())]);
        before.add(&name, Held { verdict: ContractVerdict::Fail, ..of(20) });
        let kept: Vec<u32> = before.of(&name).iter().map(|held| held.cycle).collect();
        assert_eq!(kept, (9..=20).collect::<Vec<_>>());
        assert_eq!(before.of(&name).last().map(|held| held.verdict), Some(ContractVerdict::Fail));
        assert!(before.of("contract:other").is_empty());
        let mut next = HeldBefore::default();
        next.recall(&before.left());
        assert_eq!(next, before);
    }
}
