//! The autopilot as a person starts, pauses, steps and ends it.

use std::sync::Arc;

use super::acting;
use super::update::{About, Wish};
use super::view::{Chosen, Confirm, ViewState};
use crate::domain::{Autopilot, Command, EnvironmentKind, FlightPace, State};
use crate::ui::text::watch;

/// Starts it after a question; pauses it or lets it go on where it flies.
pub(super) fn fly(view: &mut ViewState, about: &About) -> Vec<Wish> {
    match flying(about.state) {
        Some(flight) if flight.pace == FlightPace::Paused => pace(view, about, FlightPace::Free),
        Some(_) => pace(view, about, FlightPace::Paused),
        None if !acting::drives(view, about) => Vec::new(),
        None => acting::choose(view, Chosen::Confirm(question(about.state)), about),
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

fn pace(view: &mut ViewState, about: &About, pace: FlightPace) -> Vec<Wish> {
    let commands = flying(about.state).map(|_| Command::PaceAutopilot(pace)).into_iter().collect();
    acting::ask(view, about, commands, "the autopilot does not fly: A starts it")
}

fn flying(state: &State) -> Option<&Autopilot> {
    state.autopilot.as_ref().filter(|flight| flight.is_active())
}

/// The question before: what it may spend, and what it may do unasked.
fn question(state: &State) -> Confirm {
    let project = &state.session.project;
    let plan = &project.autopilot;
    let mut lines = Vec::new();
    let mut line = |label: &str, value: String| lines.push((label.to_owned(), value));
    if let Some(environment) = &project.environment {
        let kind = match environment.kind {
            EnvironmentKind::Local => "your own",
            EnvironmentKind::Shared => "shared with the team",
            EnvironmentKind::Protected => "protected: others rely on it",
        };
        line("environment", format!("{}, {kind}", environment.name));
    }
    line("until", "a whole run is green on what serves".to_owned());
    let fix = project.fix.as_ref().map(|words| words.join(" "));
    line("fix hook", fix.unwrap_or_else(|| "none: it ends at the first failure that is the tests' own".to_owned()));
    let deploy = if plan.deploy.is_empty() {
        "what a fix has touched".to_owned()
    } else {
        format!("{}, and what a fix has touched", plan.deploy.join(", "))
    };
    line("deploys", format!("{deploy}; unasked, at most {}", plan.deploys));
    line("at most", format!("{} cycles, {}", plan.cycles, watch(plan.time)));
    let command = Command::Autopilot { plan: Arc::new(plan.clone()), resume: false };
    Confirm { lines, verb: "start the autopilot".to_owned(), command, accept: false, since: state.at }
}
