//! What a person asks of the session: the commands that their keys mean here and now, and the questions before those
//! that others feel.

use super::gate;
use super::proving;
use super::regions::chosen_cause;
use super::update::{About, Wish};
use super::view::{Choice, Chosen, Confirm, Cursor, Overlay, Page, Pane, ViewState};
use crate::domain::{CauseId, Command, RunId, RunPhase, Selection, State, TestCase, TestId, Tone};

/// Whether this person may ask for something; says so where not.
pub(super) fn drives(view: &mut ViewState, about: &About) -> bool {
    let may = view.drives(about.state);
    if !may {
        view.note(Tone::Warning, "you observe this session: only its driver can do that", about.now);
    }
    may
}

/// Asks, or says why this person cannot.
pub(super) fn ask(view: &mut ViewState, about: &About, commands: Vec<Command>, nothing: &str) -> Vec<Wish> {
    if !drives(view, about) {
        return Vec::new();
    }
    if commands.is_empty() {
        view.note(Tone::Warning, nothing, about.now);
    }
    commands.into_iter().map(Wish::Command).collect()
}

/// What `rerun-failed` would run: the tests of the cause that is looked at, the opened test where it failed, else
/// everything that failed.
#[must_use]
pub fn failures(state: &State, view: &ViewState) -> Selection {
    if let Some(cause) = looked_at(state, view).and_then(|id| state.causes.get(id)) {
        return Selection::Tests(cause.members().collect());
    }
    match view.page {
        Page::Detail(id) if has_failed(state, id) => Selection::Tests(vec![id]),
        Page::Detail(_) | Page::Board | Page::Cause(_) => Selection::Failures,
    }
}

/// The cause that is opened, or under the cursor of the causes pane.
#[must_use]
pub fn looked_at(state: &State, view: &ViewState) -> Option<CauseId> {
    match (view.focus, view.page) {
        (Pane::Causes, _) => chosen_cause(state, view),
        (Pane::Tests, Page::Cause(id)) => Some(id),
        (Pane::Tests | Pane::Agents | Pane::Deploys | Pane::News | Pane::Logs | Pane::Cycles, _) => None,
    }
}

fn has_failed(state: &State, id: TestId) -> bool {
    state.inventory.test(id).is_some_and(TestCase::is_unproved)
}

pub(super) fn rerun_failed(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let selection = failures(about.state, view);
    let any = match &selection {
        Selection::Tests(tests) => !tests.is_empty(),
        Selection::All | Selection::Module(_) | Selection::Failures | Selection::Stale => {
            about.state.inventory.unproved().next().is_some()
        }
    };
    let nothing = if about.state.inventory.tally().known > 0 {
        "nothing to rerun: known failures are left out, t runs a selected one"
    } else if looked_at(about.state, view).is_some() {
        "nothing to rerun: no test fails for this any more"
    } else {
        "nothing to rerun: everything that ran last is proved"
    };
    ask(view, about, any.then_some(Command::Run(selection)).into_iter().collect(), nothing)
}

pub(super) fn run_all(view: &mut ViewState, about: &About) -> Vec<Wish> {
    ask(view, about, vec![Command::Run(Selection::All)], "")
}

pub(super) fn run_batch(view: &mut ViewState, about: &About) -> Vec<Wish> {
    ask(view, about, vec![Command::RunBatch { budget: about.state.session.project.batch }], "")
}

pub(super) fn run_selected(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let commands = under_cursor(view, about).map(Command::Run).into_iter().collect();
    ask(view, about, commands, "nothing under the cursor to run")
}

/// The cause that is looked at, else the opened test, else the test or module under the cursor.
pub(super) fn selected(view: &ViewState, about: &About) -> Option<Selection> {
    let cause = looked_at(about.state, view).and_then(|id| about.state.causes.get(id));
    cause.map(|cause| Selection::Tests(cause.members().collect())).or_else(|| under_cursor(view, about))
}

fn under_cursor(view: &ViewState, about: &About) -> Option<Selection> {
    match (view.subject(about), about.regions.cursor()) {
        (Some(id), _) => Some(Selection::Tests(vec![id])),
        (None, Some(Cursor::Module(id))) if view.filter.is_empty() => Some(Selection::Module(id)),
        (None, Some(Cursor::Module(id))) => about.state.inventory.module(id).map(|module| {
            let admitted =
                |id: &TestId| about.state.inventory.test(*id).is_some_and(|test| view.filter.admits(&test.node));
            Selection::Tests(module.tests.iter().copied().filter(admitted).collect())
        }),
        (None, Some(Cursor::Test(_)) | None) => None,
    }
}

/// The runs of which `wanted` holds, as commands.
fn of_runs(about: &About, wanted: fn(&RunPhase) -> bool, command: fn(RunId) -> Command) -> Vec<Command> {
    about.state.runs.active().filter(|(_, run)| wanted(&run.phase)).map(|(id, _)| command(id)).collect()
}

pub(super) fn stop(view: &mut ViewState, about: &About) -> Vec<Wish> {
    if let Some(command) = proving::end(about.state) {
        return ask(view, about, vec![command], "");
    }
    let commands = of_runs(about, |_| true, Command::StopRun);
    ask(view, about, commands, "nothing runs")
}

pub(super) fn dump_stacks(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let commands = of_runs(about, |phase| !matches!(phase, RunPhase::Held { .. }), Command::DumpStacks);
    ask(view, about, commands, "nothing runs whose stacks could be shown")
}

pub(super) fn force_held(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let commands = of_runs(about, |phase| matches!(phase, RunPhase::Held { .. }), Command::ForceRun);
    ask(view, about, commands, "no run is held")
}

pub(super) fn collect(view: &mut ViewState, about: &About) -> Vec<Wish> {
    ask(view, about, vec![Command::Collect], "")
}

pub(super) fn cancel_deploy(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let active = about.state.deploys.iter().rev().find(|(_, deploy)| deploy.is_active());
    let commands = active.map(|(id, _)| proving::cancel(about.state, id)).into_iter().collect();
    ask(view, about, commands, "no deploy is under way")
}

pub(super) fn reconnect(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let streams = about.state.streams.iter().map(|(id, _)| Command::ReopenStream(id));
    let services = (!about.state.services.is_empty()).then_some(Command::ProbeServices);
    let commands = streams.chain(services).collect();
    ask(view, about, commands, "no stream and no service is configured")
}

pub(super) fn start_agent(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let streams = about.state.streams.iter().filter(|(_, stream)| stream.spec.start.is_some());
    let rows: Vec<(String, Chosen)> =
        streams.map(|(id, stream)| (stream.spec.name.to_string(), Chosen::Command(Command::StartAgent(id)))).collect();
    match rows.len() {
        0 | 1 => {
            let commands = rows.into_iter().filter_map(|(_, chosen)| match chosen {
                Chosen::Command(command) => Some(command),
                Chosen::Confirm(_) | Chosen::Copy(..) | Chosen::HandOver(..) | Chosen::KeepHandOff(_) => None,
            });
            let commands = commands.collect();
            ask(view, about, commands, "no stream has a message that starts an agent run: configure `start`")
        }
        _ => {
            view.overlay = Some(Overlay::Choice(Choice { title: "start an agent run on".into(), rows, chosen: 0 }));
            Vec::new()
        }
    }
}

/// Follows a choice.
pub(super) fn choose(view: &mut ViewState, chosen: Chosen, about: &About) -> Vec<Wish> {
    match chosen {
        Chosen::Command(command) if command.is_gated() => gate::pass(view, command, about),
        Chosen::Command(command) => ask(view, about, vec![command], ""),
        Chosen::Copy(what, text) => vec![Wish::Copy { what, text, otherwise: None }],
        Chosen::HandOver(what, text) => {
            let file = !about.is_recording() && view.drives(about.state);
            vec![Wish::Copy { what: "the hand-off", text, otherwise: file.then_some(Command::KeepHandOff(what)) }]
        }
        Chosen::KeepHandOff(what) => {
            view.handing = true;
            ask(view, about, vec![Command::KeepHandOff(what)], "")
        }
        Chosen::Confirm(confirm) => {
            view.overlay = Some(Overlay::Confirm(Confirm { since: about.now, accept: false, ..confirm }));
            Vec::new()
        }
    }
}

/// Asks before leaving while something runs.
pub(super) fn confirm_quit(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let mut lines = Vec::new();
    for (_, run) in about.state.runs.active().filter(|(_, run)| run.kind.executes()) {
        lines.push(("run".to_owned(), format!("{} is stopped, its started tests are lost", run.what)));
    }
    for (_, deploy) in about.state.deploys.iter().filter(|(_, deploy)| deploy.is_active()) {
        let name = about.state.services.get(deploy.service).map_or("a service", |service| &service.spec.name);
        lines.push(("deploy".to_owned(), format!("the command that deploys {name} is stopped")));
    }
    let confirm =
        Confirm { lines, verb: "quit".into(), command: Command::Quit, accept: false, since: about.now, typed: None };
    choose(view, Chosen::Confirm(confirm), about)
}
