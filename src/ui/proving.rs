//! Redeploy and prove, as a person asks for it and ends it: one question before, then keys that mean what is under way.

use super::update::{About, Wish};
use super::view::ViewState;
use super::{acting, changing};
use crate::domain::{Command, DeployId, DeployPhase, ProveStep, Selection, State};

/// Asks which service, where there are several, and then whether really.
pub(super) fn prove(view: &mut ViewState, about: &About) -> Vec<Wish> {
    match about.state.proving() {
        Some(_) => acting::ask(view, about, Vec::new(), "a deploy is being proved already: x ends that"),
        None => changing::choose_service(view, about, "redeploy and prove", |service| Command::Prove {
            service,
            selection: Selection::Failures,
        }),
    }
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
