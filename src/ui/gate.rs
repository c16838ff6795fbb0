//! The one gate of this window: whatever changes what serves passes through here, and how careful it is depends on the
//! environment. Keys, choices and the palette all end up here; nothing is bound past it.

use super::acting::ask;
use super::shell;
use super::text::watch;
use super::update::{About, Wish};
use super::view::{Confirm, Overlay, TypedName, ViewState};
use crate::domain::{AutopilotPlan, Command, Gate, RunKind, RunPhase, Service, ServiceId, State, Text, Tone, Unproved};

/// The label of a line that holds an exact command.
const COMMAND: &str = "command";
/// The label of a line that holds the revision that would go.
const REPLACES: &str = "replaces";
/// The label of a line that holds the revision that stays.
const KEEPS: &str = "keeps";

/// Asks for something that others feel: at once where the environment is one's own, after a question elsewhere.
pub(super) fn pass(view: &mut ViewState, command: Command, about: &About) -> Vec<Wish> {
    if is_refused(view, &command, about) {
        return Vec::new();
    }
    let Some(confirm) = question(about.state, &command) else {
        view.note(Tone::Warning, "that is not configured for this service", about.now);
        return Vec::new();
    };
    match about.state.gate() {
        Gate::Open => vec![Wish::Command(command)],
        Gate::Confirm | Gate::TypeName | Gate::Locked => {
            view.overlay = Some(Overlay::Confirm(Confirm { since: about.now, ..confirm }));
            Vec::new()
        }
    }
}

/// Whether this person, or anybody, may not do that here; says so.
pub(super) fn is_refused(view: &mut ViewState, command: &Command, about: &About) -> bool {
    if !view.drives(about.state) {
        ask(view, about, Vec::new(), "");
        return true;
    }
    let why = about.state.refusal(command);
    if let Some(why) = &why {
        view.note(Tone::Warning, &**why, about.now);
    }
    why.is_some()
}

/// The question before a change: everything that somebody must know to answer it.
#[must_use]
pub fn question(state: &State, command: &Command) -> Option<Confirm> {
    let mut lines = Vec::new();
    let environment = state.session.project.environment.as_ref();
    if let Some(environment) = environment {
        lines.push(("environment".to_owned(), format!("{}, {}", environment.name, environment.kind.words())));
    }
    let (verb, services) = matter(state, command, &mut lines)?;
    surroundings(state, &services, &mut lines);
    let typed = environment.filter(|_| state.gate() == Gate::TypeName);
    let typed = typed.map(|environment| TypedName { wanted: environment.name.to_string(), text: String::new() });
    Some(Confirm { lines, verb, command: command.clone(), accept: false, since: state.at, typed })
}

type Lines = Vec<(String, String)>;

/// What is done, by which command, in the place of what; answers the verb and the services.
fn matter(state: &State, command: &Command, lines: &mut Lines) -> Option<(String, Vec<ServiceId>)> {
    let service = |id: ServiceId| state.services.get(id);
    Some(match command {
        Command::Deploy(id) => {
            let service = service(*id)?;
            target(service, &service.spec.deploy.as_ref()?.command, REPLACES, lines);
            (format!("deploy {}", service.spec.name), vec![*id])
        }
        Command::RollBack { service: id, to } => {
            let service = service(*id)?;
            let rollback = &service.spec.deploy.as_ref()?.rollback;
            let words: Vec<Text> = rollback.iter().map(|word| word.replace("{revision}", to).into()).collect();
            target(service, Some(&words).filter(|words| !words.is_empty())?, REPLACES, lines);
            lines.push(("brings back".to_owned(), to.to_string()));
            (format!("bring {to} back"), vec![*id])
        }
        Command::Restart(id) => {
            let service = service(*id)?;
            target(service, &service.spec.restart.as_ref()?.command, KEEPS, lines);
            (format!("restart {}", service.spec.name), vec![*id])
        }
        Command::DeployInOrder(ids) => {
            let ordered = state.services.in_order(ids);
            lines.push(("order".to_owned(), names(state, &ordered).join(", then ")));
            for id in &ordered {
                let service = service(*id)?;
                target(service, &service.spec.deploy.as_ref()?.command, REPLACES, lines);
            }
            (format!("deploy {} services", ordered.len()), ordered)
        }
        Command::Prove { service: id, .. } => {
            let service = service(*id)?;
            target(service, &service.spec.deploy.as_ref()?.command, REPLACES, lines);
            let unproved = Unproved::of(state.inventory.tally());
            let rerun = match unproved.total() {
                0 => String::new(),
                _ => format!("rerun {unproved}, "),
            };
            lines.push(("then".to_owned(), format!("wait for health and streams, {rerun}rerun what is stale")));
            (format!("redeploy and prove {}", service.spec.name), vec![*id])
        }
        Command::Autopilot { plan, .. } => {
            flight(state, plan, lines);
            let named = plan.deploy.iter().filter_map(|name| state.services.named(name));
            ("start the autopilot".to_owned(), named.collect())
        }
        _ => return None,
    })
}

/// What the autopilot may spend, and what it does unasked.
fn flight(state: &State, plan: &AutopilotPlan, lines: &mut Lines) {
    let mut line = |label: &str, value: String| lines.push((label.to_owned(), value));
    line("until", "a whole run is green on what serves".to_owned());
    let fix = state.session.project.fix.as_ref();
    let fix = fix.map(|words| shell::command_line(words.iter().map(|word| &**word)));
    line("fix hook", fix.unwrap_or_else(|| "none: it ends at the first failure that is the tests' own".to_owned()));
    let touched = "what a fix has touched";
    let deploys = match plan.deploy.is_empty() {
        true => touched.to_owned(),
        false => format!("{}, and {touched}", plan.deploy.join(", ")),
    };
    line("deploys", format!("{deploys}; unasked, at most {}", plan.deploys));
    line("at most", format!("{} cycles, {}", plan.cycles, watch(plan.time)));
}

/// The names of services.
pub(super) fn names<'a>(state: &'a State, ids: &[ServiceId]) -> Vec<&'a str> {
    ids.iter().filter_map(|id| Some(&*state.services.get(*id)?.spec.name)).collect()
}

fn target(service: &Service, command: &[Text], about_revision: &str, lines: &mut Lines) {
    lines.push(("service".to_owned(), service.spec.name.to_string()));
    lines.push((COMMAND.to_owned(), shell::command_line(command.iter().map(|word| &**word))));
    let revision = service.revision.as_deref().unwrap_or("a revision that nobody knows");
    lines.push((about_revision.to_owned(), revision.to_owned()));
}

/// Who and what is there that would notice.
fn surroundings(state: &State, services: &[ServiceId], lines: &mut Lines) {
    let mut line = |label: &str, value: String| lines.push((label.to_owned(), value));
    let others: Vec<&str> = state.session.viewers.iter().map(|viewer| &*viewer.name).collect();
    if !others.is_empty() {
        line("connected", others.join(", "));
    }
    for (_, run) in state.runs.active().filter(|(_, run)| run.kind == RunKind::Test) {
        line(
            "run",
            match &run.phase {
                RunPhase::Held { why } => format!("held ({why}); it starts once nothing is in its way"),
                _ => format!("in progress ({}): what it meets from now on is uncertain", run.what),
            },
        );
    }
    let touched = names(state, services);
    let is_behind = |stream: &crate::domain::Stream| {
        stream.spec.service.as_deref().is_none_or(|service| touched.contains(&service))
    };
    let agents = state
        .agents
        .runs()
        .filter(|(_, run)| run.end.is_none() && state.streams.get(run.stream).is_some_and(is_behind));
    match agents.count() {
        0 => {}
        1 => line("agents", "an agent run is under way and may be cut off".to_owned()),
        count => line("agents", format!("{count} agent runs are under way and may be cut off")),
    }
    let tally = state.inventory.tally();
    let results = tally.finished().saturating_sub(tally.stale);
    let has_revision = |id: &ServiceId| state.services.get(*id).is_some_and(|service| service.spec.has_revision);
    if results > 0 && services.iter().any(has_revision) {
        line("afterwards", format!("{results} results are stale until they are proved again"));
    }
}

/// Whether what a question says about its command still holds.
pub(super) fn still_holds(state: &State, asked: &Confirm) -> bool {
    let said = |confirm: &Confirm| {
        let matter = |(label, _): &&(String, String)| [COMMAND, REPLACES, KEEPS].contains(&label.as_str());
        confirm.lines.iter().filter(matter).cloned().collect::<Vec<_>>()
    };
    !asked.command.is_gated()
        || (busy(state, &asked.command).is_none()
            && question(state, &asked.command).is_some_and(|now| said(&now) == said(asked)))
}

/// Asks once more, where what was asked about is no longer true.
pub(super) fn ask_again(view: &mut ViewState, command: Command, about: &About) -> Vec<Wish> {
    if let Some(name) = busy(about.state, &command) {
        view.note(Tone::Warning, format!("{name} is being deployed already: X cancels that"), about.now);
        return Vec::new();
    }
    pass(view, command, about)
}

/// The service of a command to which something is done already.
fn busy<'a>(state: &'a State, command: &Command) -> Option<&'a str> {
    let services = match command {
        Command::DeployInOrder(ids) => ids.clone(),
        Command::Deploy(id)
        | Command::Restart(id)
        | Command::Prove { service: id, .. }
        | Command::RollBack { service: id, .. } => vec![*id],
        _ => Vec::new(),
    };
    let active = services.into_iter().find(|id| state.deploys.active(*id).is_some())?;
    names(state, &[active]).pop()
}
