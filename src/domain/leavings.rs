//! What a session hands on to the next one besides results, which the history holds test by test.

use super::{PastDeploy, Precedents, Recollection, State, Text};

impl State {
    /// What the next session goes on with; nothing where this one has not heard what it was left itself.
    #[must_use]
    pub fn leavings(&self) -> Option<Recollection> {
        let cycles = self.records.iter().cloned().collect();
        let vacuous = self.inventory.vacuous().collect();
        let known = self.known.left_behind(|id| Some(self.inventory.test(id)?.node.clone()));
        let past_deploys = self.past_deploys();
        let cycle = self.cycle;
        let handed_on = Recollection { cycle, cycles, vacuous, known, past_deploys, ..Recollection::default() };
        self.session.recalled.then_some(handed_on)
    }

    /// The newest deploys of each service that had any, oldest first.
    fn past_deploys(&self) -> Vec<(Text, Vec<PastDeploy>)> {
        let of = |precedents: &Precedents| -> Vec<PastDeploy> {
            let mut past: Vec<PastDeploy> = precedents.newest().cloned().collect();
            past.reverse();
            past
        };
        let services = self.services.iter();
        let past = services.map(|(id, service)| (&service.spec.name, self.deploys.precedents(id).map(of)));
        past.filter_map(|(name, past)| Some((name.clone(), past.filter(|past| !past.is_empty())?))).collect()
    }
}
