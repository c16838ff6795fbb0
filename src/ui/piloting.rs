//! The autopilot as a person starts, pauses, steps and ends it, and the watch as they turn it on and off.

use std::sync::Arc;

use super::update::{About, Wish};
use super::view::ViewState;
use super::{acting, gate};
use crate::domain::{Autopilot, Command, FlightPace, State};

/// Starts it through the gate, since it deploys unasked; pauses it or lets it go on where it flies.
pub(super) fn fly(view: &mut ViewState, about: &About) -> Vec<Wish> {
    match flying(about.state) {
        Some(flight) if flight.pace == FlightPace::Paused => pace(view, about, FlightPace::Free),
        Some(_) => pace(view, about, FlightPace::Paused),
        None => {
            let plan = Arc::new(about.state.session.project.autopilot.clone());
            gate::pass(view, Command::Autopilot { plan, resume: false }, about)
        }
    }
}

/// Lets it take one decision.
pub(super) fn step(view: &mut ViewState, about: &About) -> Vec<Wish> {
    pace(view, about, FlightPace::OneStep)
}

/// Ends it.
pub(super) fn stop(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let commands = flying(about.state).map(|_| Command::StopAutopilot).into_iter().collect();
    acting::ask(view, about, commands, "the autopilot does not fly")
}

/// Turns the watch on or off.
pub(super) fn watch(view: &mut ViewState, about: &About) -> Vec<Wish> {
    acting::ask(view, about, vec![Command::Watch(!about.state.watch.on)], "")
}

fn pace(view: &mut ViewState, about: &About, pace: FlightPace) -> Vec<Wish> {
    let commands = flying(about.state).map(|_| Command::PaceAutopilot(pace)).into_iter().collect();
    acting::ask(view, about, commands, "the autopilot does not fly: A starts it")
}

fn flying(state: &State) -> Option<&Autopilot> {
    state.autopilot.as_ref().filter(|flight| flight.is_active())
}
