//! `liveloop deploy`: one deploy without a screen, and a last line that says whether the new revision serves.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::args::{DeployArguments, Format};
use super::exit::Exit;
use super::headless::{pass_signals, print_line};
use super::project::Opening;
use crate::adapters::deployer;
use crate::attach::{Delivery, Feed, Player, Request, feed};
use crate::config::project::{DeploySpec, Project};
use crate::config::trust::shown;
use crate::domain::{
    Command, Deploy, DeployEvent, DeployId, DeployPhase, Entry, Event, Moment, ServiceId, SessionEnd, State, StepState,
    ViewerId,
};
use crate::engine::core::Call;
use crate::engine::session::{self, Session};

/// How long it is waited for what serves before, so that it can be told what changed.
const FIRST_LOOK: Duration = Duration::from_secs(10);
/// Longer than any session.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Deploys a service to the end, or prints how it would be.
///
/// # Errors
/// None so far; the shape is that of the other commands.
pub async fn deploy(opening: Opening, arguments: &DeployArguments) -> color_eyre::Result<Exit> {
    let (at, spec) = match find(&opening.session.project, arguments) {
        Ok(found) => found,
        Err(why) => {
            eprintln!("liveloop: {why}");
            return Ok(Exit::Usage);
        }
    };
    if arguments.dry_run {
        let line = what_would_run(&spec, arguments);
        print_line(&mut io::stdout(), &line);
        return Ok(Exit::Green);
    }
    match session::open(opening.session) {
        Ok(session) => Ok(run(session, at, arguments).await),
        Err(error) => {
            eprintln!("liveloop: {error}");
            Ok(Exit::Environment)
        }
    }
}

/// The service that is meant, and how it is deployed.
fn find(project: &Project, arguments: &DeployArguments) -> Result<(ServiceId, DeploySpec), String> {
    let wanted = &arguments.service;
    let (id, spec) = deployable(project, wanted)?;
    if arguments.to.is_some() && deployer::words_back(&spec).is_empty() {
        let table = format!("[service.{wanted}.deploy.rollback]");
        return Err(format!("{wanted} has no way back: add {table} with a command to liveloop.toml"));
    }
    Ok((id, spec))
}

/// The service of that name, and how it is deployed.
pub(super) fn deployable(project: &Project, wanted: &str) -> Result<(ServiceId, DeploySpec), String> {
    let all = || project.services.iter().filter(|service| service.deploy.is_some());
    let names = || all().map(|service| service.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = project.services.iter().enumerate().find(|(_, service)| service.name == wanted);
    let Some((n, service)) = found else {
        let known = if all().next().is_none() { "none can be deployed".to_owned() } else { names() };
        return Err(format!("there is no service {wanted} in liveloop.toml; {known}"));
    };
    let Some(spec) = &service.deploy else {
        return Err(format!("{wanted} cannot be deployed: add [service.{wanted}.deploy] to liveloop.toml"));
    };
    Ok((ServiceId(n as u32), spec.clone()))
}

/// The exact command, or the request in its place.
fn what_would_run(spec: &DeploySpec, arguments: &DeployArguments) -> String {
    let command = match &arguments.to {
        Some(to) => spec.rollback.clone().map(|mut rollback| {
            rollback.argv.iter_mut().for_each(|word| *word = deployer::put_in(word, to));
            rollback
        }),
        None => spec.command.clone(),
    };
    let request = || match &arguments.to {
        Some(to) => deployer::request_back(spec, to).map_or_else(String::new, |request| request.to_string()),
        None => deployer::request(spec),
    };
    let command = command.map_or_else(request, |command| shown(&command));
    match arguments.format {
        Format::Human => command,
        Format::Json => {
            json!({"type": "dry_run", "service": arguments.service, "to": arguments.to, "command": command}).to_string()
        }
    }
}

async fn run(session: Session, service: ServiceId, arguments: &DeployArguments) -> Exit {
    let handle = session.handle.clone();
    session.recall();
    let (sender, feed) = feed(ViewerId(0), Player::Session, handle.requests.clone());
    let name = super::project::own_name().into();
    if handle.calls.send(Call::Attach { feed: sender, name, drives: true }).await.is_err() {
        return Exit::Environment;
    }
    let course = Course {
        feed,
        service,
        arguments: arguments.clone(),
        state: Arc::default(),
        deploy: None,
        until: Some(Instant::now() + FIRST_LOOK),
        refused: None,
        told: Vec::new(),
    };
    let watch = tokio::spawn(course.follow());
    let signals = tokio::spawn(pass_signals(handle.calls));
    let ended = session.engine.run().await;
    signals.abort();
    let exit = watch.await.unwrap_or(Exit::Environment);
    drop(session.folder);
    match ended {
        SessionEnd::Signal(_) => Exit::Interrupted,
        SessionEnd::Quit | SessionEnd::HungUp | SessionEnd::Panicked(_) | SessionEnd::Done => exit,
    }
}

struct Course {
    feed: Feed,
    service: ServiceId,
    arguments: DeployArguments,
    state: Arc<State>,
    deploy: Option<DeployId>,
    /// Until when it is waited for what serves before the deploy is asked for; `None` once it was.
    until: Option<Instant>,
    refused: Option<String>,
    /// What a person was told last.
    told: Vec<String>,
}

impl Course {
    async fn follow(mut self) -> Exit {
        loop {
            let patience = self.until.unwrap_or_else(|| Instant::now() + FOR_EVER);
            match timeout_at(patience, self.feed.deliveries.recv()).await {
                Err(_) => self.ask(),
                Ok(Some(Delivery::Snapshot(state))) => {
                    self.state = state;
                    self.look();
                }
                Ok(Some(Delivery::Entries(entries))) => entries.iter().for_each(|entry| self.take(entry)),
                Ok(Some(Delivery::Clock(_) | Delivery::Notice(_))) => {}
                Ok(Some(Delivery::Ended(_)) | None) => return self.finish(),
            }
        }
    }

    fn take(&mut self, entry: &Entry) {
        let mut effects = Vec::new();
        Arc::make_mut(&mut self.state).apply(entry, &mut effects);
        self.look();
        if let Event::Deploy(event) = &entry.event
            && Some(event.deploy()) == self.deploy
        {
            self.tell(event);
        }
        if let Event::Session(crate::domain::SessionEvent::Asked { command, .. }) = &entry.event
            && matches!(command, Command::Deploy(_) | Command::RollBack { .. })
        {
            self.deploy = self.state.deploys.active(self.service);
            if self.deploy.is_none() {
                self.refused = self.state.news.last().map(|news| news.text.to_string());
                self.feed.line.say(Request::Leave(SessionEnd::Done));
            }
        }
        if self.deploy().is_some_and(|deploy| !deploy.is_active()) {
            self.feed.line.say(Request::Leave(SessionEnd::Done));
        }
    }

    fn deploy(&self) -> Option<&Deploy> {
        self.state.deploys.get(self.deploy?)
    }

    /// Asks for the deploy once it is known what serves, or that nobody can know.
    fn look(&mut self) {
        let known = self.state.services.get(self.service);
        if known.is_some_and(|service| service.revision.is_some() || !service.spec.has_revision) {
            self.ask();
        }
    }

    fn ask(&mut self) {
        if self.until.take().is_none() {
            return;
        }
        let command = match &self.arguments.to {
            Some(to) => Command::RollBack { service: self.service, to: to.as_str().into() },
            None => Command::Deploy(self.service),
        };
        self.feed.line.say(Request::Command(command));
    }

    fn tell(&mut self, event: &DeployEvent) {
        match self.arguments.format {
            Format::Human => {
                let lines = human(event, self.deploy());
                // A platform says it once more when the command has ended, for those who judge by it.
                if lines != self.told {
                    lines.iter().for_each(|line| {
                        print_line(&mut io::stdout(), line);
                    });
                    self.told = lines;
                }
            }
            Format::Json => machine(event).iter().for_each(|line| {
                print_line(&mut io::stdout(), &line.to_string());
            }),
        }
    }

    fn finish(&self) -> Exit {
        let Some(deploy) = self.deploy() else {
            eprintln!("liveloop: {}", self.refused.as_deref().unwrap_or("the session ended before the deploy began"));
            return if self.refused.is_some() { Exit::TestsFailed } else { Exit::Environment };
        };
        let line = match self.arguments.format {
            Format::Json => as_json(deploy, &self.arguments.service, self.state.at).to_string(),
            Format::Human => as_sentence(deploy, &self.arguments.service, self.state.at),
        };
        print_line(&mut io::stdout(), &line);
        exit(deploy)
    }
}

/// How a deploy ended, for scripts.
pub(super) fn as_json(deploy: &Deploy, service: &str, now: Moment) -> Value {
    let (outcome, detail) = outcome(deploy);
    let (from, to) = (deploy.from.as_deref(), deploy.to.as_deref().or(deploy.back_to.as_deref()));
    json!({"type": "deploy", "service": service, "from": from, "to": to, "outcome": outcome,
        "rung": deploy.rung().word(), "detail": detail, "duration_s": seconds(deploy, now)})
}

/// How a deploy ended, for people.
pub(super) fn as_sentence(deploy: &Deploy, service: &str, now: Moment) -> String {
    let (outcome, detail) = outcome(deploy);
    let revision = |revision: Option<&str>| revision.unwrap_or("?").to_owned();
    let (from, to) = (revision(deploy.from.as_deref()), revision(deploy.to.as_deref()));
    let outcome = outcome.replace('_', " ");
    let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
    let rung = deploy.rung().word().replace('_', " ");
    format!("{service} {from} -> {to}  {outcome} (rung: {rung}, {:.1} s){detail}", seconds(deploy, now))
}

fn seconds(deploy: &Deploy, now: Moment) -> f64 {
    deploy.ended.unwrap_or(now).since(deploy.started).as_secs_f64()
}

/// How a deploy ended, as an exit.
pub(super) fn exit(deploy: &Deploy) -> Exit {
    match deploy.phase {
        DeployPhase::Live => Exit::Green,
        _ if deploy.out_of_reach => Exit::Environment,
        _ => Exit::TestsFailed,
    }
}

/// How a deploy ended, in the one word of the protocol, and why.
fn outcome(deploy: &Deploy) -> (&'static str, &str) {
    match &deploy.phase {
        DeployPhase::Live => ("live", ""),
        DeployPhase::Failed(why) => ("failed", why),
        DeployPhase::NotServing(why) => ("not_serving", why),
        DeployPhase::Superseded(why) => ("superseded", why),
        DeployPhase::TimedOut(why) => ("timed_out", why),
        DeployPhase::Cancelled => ("cancelled", ""),
        DeployPhase::Running | DeployPhase::Routing | DeployPhase::Proving => ("cancelled", "the session ended"),
    }
}

pub(super) fn human(event: &DeployEvent, deploy: Option<&Deploy>) -> Vec<String> {
    match event {
        // What the next rung of the proof waits for.
        DeployEvent::Proved { .. } | DeployEvent::SurfaceAsked { .. } => {
            deploy.and_then(Deploy::awaits).map(|awaited| format!("  {awaited}")).into_iter().collect()
        }
        DeployEvent::Printed { lines, .. } => lines.iter().map(|line| line.text.to_string()).collect(),
        DeployEvent::Platform { verdict, message, .. } => {
            let verdict = verdict.to_string();
            let message = message.iter().filter(|message| !verdict.contains(&***message));
            let lines = std::iter::once(&*verdict).chain(message.map(|message| &**message));
            lines.map(|line| format!("  platform: {line}")).collect()
        }
        DeployEvent::Stepped { name, state: StepState::Failed, .. } => vec![format!("  {name} failed")],
        DeployEvent::Stepped { .. }
        | DeployEvent::TargetNamed { .. }
        | DeployEvent::CommandEnded { .. }
        | DeployEvent::CouldNotStart { .. }
        | DeployEvent::OutOfReach { .. }
        | DeployEvent::TimedOut { .. }
        | DeployEvent::ProofEnded { .. } => Vec::new(),
    }
}

pub(super) fn machine(event: &DeployEvent) -> Vec<Value> {
    match event {
        DeployEvent::Printed { lines, .. } => {
            lines.iter().map(|line| json!({"type": "line", "source": line.source, "text": line.text})).collect()
        }
        DeployEvent::Stepped { name, state, .. } => vec![json!({"type": "step", "name": name, "state": state})],
        DeployEvent::TargetNamed { revision, .. } => vec![json!({"type": "target", "revision": revision})],
        DeployEvent::Platform { verdict, message, .. } => {
            vec![json!({"type": "platform", "verdict": verdict, "message": message})]
        }
        DeployEvent::Proved { saw, .. } => vec![json!({"type": "probe", "revision": saw})],
        DeployEvent::SurfaceAsked { surface, saw, why, .. } => {
            vec![json!({"type": "probe", "surface": surface, "revision": saw, "why": why})]
        }
        DeployEvent::CommandEnded { exit, cancelled, .. } => {
            vec![json!({"type": "command", "exit": exit, "cancelled": cancelled})]
        }
        DeployEvent::CouldNotStart { .. }
        | DeployEvent::OutOfReach { .. }
        | DeployEvent::TimedOut { .. }
        | DeployEvent::ProofEnded { .. } => Vec::new(),
    }
}
