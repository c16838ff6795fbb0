//! What is to go, looked at anew only where the tests or what serves have changed: it takes a look at every test. Where something runs, that is what somebody waits for.

use super::Regions;
use crate::domain::{Epoch, Plan, State, Tally};

/// By what it is known that an outlook still holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OutlookOf {
    tally: Tally,
    epoch: Epoch,
    ordered: u32,
}

impl Regions {
    pub(super) fn look_ahead(&mut self, state: &State) {
        let flies = state.autopilot.as_ref().is_some_and(|flight| flight.is_active());
        let busy = flies || state.proving().is_some() || state.deploys.any_active();
        if busy || state.runs.active().next().is_some() {
            (self.outlook, self.outlook_of) = (None, None);
            return;
        }
        let tally = state.inventory.tally();
        let (epoch, ordered) = (state.services.epoch(), state.inventory.ordered());
        let holds = |of: &OutlookOf| of.tally == *tally && of.epoch == epoch && of.ordered == ordered;
        if self.outlook_of.as_ref().is_some_and(holds) {
            return;
        }
        self.outlook_of = Some(OutlookOf { tally: *tally, epoch, ordered });
        // Before anything ran, that everything is to go is no news.
        self.outlook =
            Some(Plan::of(state).outlook()).filter(|outlook| outlook.to_go > 0 && outlook.estimate.is_some());
    }
}
