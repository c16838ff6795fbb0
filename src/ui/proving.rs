//! Redeploy and prove, as a person asks for it and ends it: one question before, then keys that mean what is under way.

use super::acting;
use super::update::{About, Wish};
use super::view::{Confirm, ViewState};
use crate::domain::{Command, DeployId, DeployPhase, ProveStep, Selection, ServiceId, State, Unproved};

/// Asks which service, where there are several, and then whether really.
pub(super) fn prove(view: &mut ViewState, about: &About) -> Vec<Wish> {
    match about.state.proving() {
        Some(_) => acting::ask(view, about, Vec::new(), "a deploy is being proved already: x ends that"),
        None => acting::deploy_by(view, about, "redeploy and prove", question),
    }
}

/// The question before: that of the deploy, and what comes after it.
pub(super) fn question(state: &State, service: ServiceId) -> Option<Confirm> {
    let mut confirm = acting::question(state, service)?;
    let name = &state.services.get(service)?.spec.name;
    let unproved = Unproved::of(state.inventory.tally());
    let rerun = match unproved.total() {
        0 => String::new(),
        _ => format!("rerun {unproved}, "),
    };
    confirm.lines.push(("then".to_owned(), format!("wait for health and streams, {rerun}rerun what is stale")));
    confirm.verb = format!("redeploy and prove {name}");
    confirm.command = Command::Prove { service, selection: Selection::Failures };
    Some(confirm)
}

/// What ends the chain where none of its runs can be stopped instead.
pub(super) fn end(state: &State) -> Option<Command> {
    let link = state.proving()?.present()?;
    link.first_run.is_none().then_some(Command::CancelProve)
}

/// What cancels a deploy: its command while that runs, and the chain that waits for it where only the proof is awaited.
pub(super) fn cancel(state: &State, deploy: DeployId) -> Command {
    let proving = state.deploys.get(deploy).is_some_and(|deploy| deploy.phase == DeployPhase::Proving);
    let waits = state.proving().is_some_and(|prove| {
        prove.deploy == deploy && prove.present().is_some_and(|link| link.step == ProveStep::Deploy)
    });
    if proving && waits { Command::CancelProve } else { Command::CancelDeploy(deploy) }
}
