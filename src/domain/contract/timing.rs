//! Whether everything came within its budget.

use super::ledger::Ledger;
use super::spec::{Budgets, ContractSpec};
use super::{Fault, Finding};
use crate::domain::{Moment, Span};

impl Ledger {
    pub(super) fn is_in_time(&self, spec: &ContractSpec) -> Finding {
        let budgets = &spec.budgets;
        let first = self.first_event_after();
        let mut told = Vec::new();
        if let Some((number, took)) = first {
            if took > budgets.first_event {
                return Err(Fault::at(number, late("the first agent event", took, budgets.first_event)));
            }
            told.push(format!("first event {took}"));
        }
        if let Some(slowest) = self.median_round_trip() {
            if slowest > budgets.round_trip {
                return Err(Fault::whole(late("a round trip", slowest, budgets.round_trip)));
            }
            told.push(format!("round trip {slowest}"));
        }
        self.silence_within(budgets)?;
        if let (Some(limit), Some(sent), Some((number, end))) = (budgets.total, &self.sent, self.end()) {
            let took = end.at.since(sent.at);
            if took > limit {
                return Err(Fault::at(number, late("the whole run", took, limit)));
            }
        }
        Ok(if told.is_empty() { "nothing to measure".to_owned() } else { told.join(", ") })
    }

    /// From our message to the first agent event after it.
    #[must_use]
    pub fn first_event_after(&self) -> Option<(u32, Span)> {
        let sent = self.sent.as_ref()?.at;
        self.agent_events().find(|(_, event)| event.at >= sent).map(|(number, event)| (number, event.at.since(sent)))
    }

    /// The median of our own pings.
    pub(super) fn median_round_trip(&self) -> Option<Span> {
        let mut sorted = self.round_trips.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }

    fn silence_within(&self, budgets: &Budgets) -> Result<(), Fault> {
        let Some(limit) = budgets.silence else { return Ok(()) };
        let mut before: Option<Moment> = None;
        for (number, event) in self.agent_events() {
            let silence = before.map_or(Span::ZERO, |before| event.at.since(before));
            if silence > limit {
                return Err(Fault::at(number, late("a silence", silence, limit)));
            }
            before = Some(event.at);
        }
        Ok(())
    }
}

fn late(what: &str, took: Span, limit: Span) -> String {
    format!("{what} took {took}, {limit} are allowed")
}
