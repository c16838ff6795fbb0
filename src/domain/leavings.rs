//! What a session hands on to the next one besides results, which the history holds test by test.

use super::{Flown, LeftOver, PastDeploy, Precedents, Recollection, Run, RunEnd, RunKind, RunPhase, State, Text};

impl State {
    /// What the next session goes on with; nothing where this one has not heard what it was left itself.
    #[must_use]
    pub fn leavings(&self) -> Option<Recollection> {
        let cycles = self.records.iter().cloned().collect();
        let vacuous = self.inventory.vacuous().collect();
        let known = self.known.left_behind(|id| Some(self.inventory.test(id)?.node.clone()));
        let (unproved, sent) = (self.left_unproved(), self.sent.iter().cloned().collect());
        let (cycle, past_deploys, held) = (self.cycle, self.past_deploys(), self.held.left());
        let handed_on = Recollection {
            cycle,
            cycles,
            vacuous,
            known,
            unproved,
            sent,
            past_deploys,
            held,
            flown: self.left_flight(),
            ..Recollection::default()
        };
        self.session.recalled.then_some(handed_on)
    }

    /// What the next session's `--resume` goes on with: the flight of this one, or of one before it where this one ran
    /// nothing of its own.
    fn left_flight(&self) -> Option<Flown> {
        match &self.autopilot {
            Some(flight) => flight.left(self.at),
            None => self.flown.clone().filter(|_| !self.runs.iter().any(|(_, run)| run.kind == RunKind::Test)),
        }
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

    /// The tests that this session, or one before it, selected and did not come to, and those whose results the
    /// environment spoilt. What nobody listed this time is handed on as it was, unless a whole listing shows that it
    /// is gone.
    fn left_unproved(&self) -> Vec<LeftOver> {
        let listed = self.inventory.tests().filter(|(_, test)| !test.gone).filter_map(|(_, test)| test.left_over());
        let is_whole = |run: &Run| run.kind == RunKind::Collect && run.phase == RunPhase::Ended(RunEnd::Complete);
        let is_listed = self.runs.iter().any(|(_, run)| is_whole(run));
        let unlisted = self.inventory.left_unlisted().filter(|_| !is_listed);
        listed.chain(unlisted).collect()
    }
}
