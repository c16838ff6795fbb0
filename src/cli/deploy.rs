//! `liveloop deploy`: one deploy without a screen, and a last line that says whether the new revision serves.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::alone;
use super::args::{DeployArguments, Format};
use super::change::{Change, pass};
use super::exit::Exit;
use super::headless::print_line;
use super::project::Opening;
use crate::adapters::sanitize;
use crate::attach::{Delivery, Feed, Request};
use crate::domain::{
    Deploy, DeployEvent, DeployPhase, DeployQueue, Entry, Event, Moment, ServiceId, SessionEnd, SessionEvent, State,
    StepState,
};
use crate::engine::session::{self, Session};

/// How long it is waited for what serves before, so that it can be told what changed.
const FIRST_LOOK: Duration = Duration::from_secs(10);
/// Longer than any session.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Deploys services to the end, or prints how it would be.
///
/// # Errors
/// None so far; the shape is that of the other commands.
pub async fn deploy(opening: Opening, arguments: &DeployArguments) -> color_eyre::Result<Exit> {
    let project = &opening.session.project;
    let read_only = opening.session.read_only;
    let found = Change::find(project, arguments);
    let allowed = |change| {
        if arguments.dry_run { Ok(change) } else { pass(project, read_only, arguments.yes.as_ref()).map(|()| change) }
    };
    let change = match found.and_then(allowed) {
        Ok(change) => change,
        Err(why) => {
            eprintln!("liveloop: {why}");
            return Ok(Exit::Usage);
        }
    };
    if arguments.dry_run {
        change.told(arguments).iter().for_each(|line| {
            print_line(&mut io::stdout(), line);
        });
        return Ok(Exit::Green);
    }
    match session::open(opening.session) {
        Ok(session) => Ok(run(session, change, arguments).await),
        Err(error) => {
            eprintln!("liveloop: {error}");
            Ok(Exit::Environment)
        }
    }
}

async fn run(session: Session, change: Change, arguments: &DeployArguments) -> Exit {
    let Some(feed) = alone::attach(&session).await else { return Exit::Environment };
    let course = Course {
        feed,
        change,
        arguments: arguments.clone(),
        state: Arc::default(),
        until: Some(Instant::now() + FIRST_LOOK),
        refused: None,
        ended: 0,
        told: Vec::new(),
    };
    alone::see_through(session, course.follow()).await
}

struct Course {
    feed: Feed,
    change: Change,
    arguments: DeployArguments,
    state: Arc<State>,
    /// Until when it is waited for what serves before the deploy is asked for; `None` once it was.
    until: Option<Instant>,
    refused: Option<String>,
    /// How many deploys have ended and been told of.
    ended: usize,
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
        // What a platform says after the last line of a deploy is said too late.
        if let Event::Deploy(event) = &entry.event
            && event.deploy().index() >= self.ended
        {
            self.tell(event);
        }
        if let Event::Session(SessionEvent::Asked { command, .. }) = &entry.event
            && *command == self.change.command
            && self.state.deploys.iter().len() == 0
        {
            self.refused = self.state.news.last().map(|news| news.text.to_string());
            self.feed.line.say(Request::Leave(SessionEnd::Done));
        }
        self.tell_ends();
        let begun = self.state.deploys.iter().len();
        let goes_on = self.state.deploy_queue.as_ref().is_some_and(DeployQueue::is_active);
        if begun > 0 && self.ended == begun && !goes_on {
            self.feed.line.say(Request::Leave(SessionEnd::Done));
        }
    }

    /// The last line of each deploy that has ended. Nobody else deploys in this session, and one ends before the next.
    fn tell_ends(&mut self) {
        while let Some((_, deploy)) =
            self.state.deploys.iter().nth(self.ended).filter(|(_, deploy)| !deploy.is_active())
        {
            let line = self.last_line(deploy);
            print_line(&mut io::stdout(), &line);
            self.ended += 1;
        }
    }

    fn name_of(&self, service: ServiceId) -> &str {
        self.state.services.get(service).map_or("", |service| &service.spec.name)
    }

    /// Asks for the deploy once it is known what serves, or that nobody can know.
    fn look(&mut self) {
        let is_known = |id: &ServiceId| {
            let service = self.state.services.get(*id);
            service.is_some_and(|service| service.revision.is_some() || !service.spec.has_revision)
        };
        if self.change.services.iter().all(is_known) {
            self.ask();
        }
    }

    fn ask(&mut self) {
        if self.until.take().is_some() {
            self.feed.line.say(Request::Command(self.change.command.clone()));
        }
    }

    fn tell(&mut self, event: &DeployEvent) {
        match self.arguments.format {
            Format::Human => {
                let lines = human(event, self.state.deploys.get(event.deploy()));
                // A platform says it once more when the command has ended, for those who judge by it.
                if lines != self.told {
                    lines.iter().for_each(|line| {
                        print_line(&mut io::stdout(), line);
                    });
                    self.told = lines;
                }
            }
            Format::Json => {
                let service = self.state.deploys.get(event.deploy()).map_or("", |deploy| self.name_of(deploy.service));
                for mut line in machine(event) {
                    line["service"] = service.into();
                    print_line(&mut io::stdout(), &line.to_string());
                }
            }
        }
    }

    /// What had not ended or not begun when the session did, and how it all came out.
    fn finish(&self) -> Exit {
        let deploys: Vec<&Deploy> = self.state.deploys.iter().map(|(_, deploy)| deploy).collect();
        if deploys.is_empty() {
            eprintln!("liveloop: {}", self.refused.as_deref().unwrap_or("the session ended before the deploy began"));
            return if self.refused.is_some() { Exit::TestsFailed } else { Exit::Environment };
        }
        deploys.iter().skip(self.ended).for_each(|deploy| {
            print_line(&mut io::stdout(), &self.last_line(deploy));
        });
        let left = self.change.services.get(deploys.len()..).unwrap_or_default();
        left.iter().for_each(|service| {
            print_line(&mut io::stdout(), &self.line_of_none(*service));
        });
        if !left.is_empty() || deploys.iter().any(|deploy| deploy.phase != DeployPhase::Live) {
            let reached = deploys.iter().any(|deploy| !deploy.out_of_reach);
            return if reached { Exit::TestsFailed } else { Exit::Environment };
        }
        Exit::Green
    }

    fn last_line(&self, deploy: &Deploy) -> String {
        let service = self.name_of(deploy.service);
        match self.arguments.format {
            Format::Json => as_json(deploy, service, self.state.at).to_string(),
            Format::Human => as_sentence(deploy, service, self.state.at),
        }
    }

    /// A service whose turn never came.
    fn line_of_none(&self, service: ServiceId) -> String {
        let (name, detail) = (self.name_of(service), "not begun: the one before it is not live");
        match self.arguments.format {
            Format::Json => json!({"type": "deploy", "service": name, "from": null, "to": null,
                "outcome": "cancelled", "rung": "none", "detail": detail, "duration_s": 0.0})
            .to_string(),
            Format::Human => format!("{name} {detail}"),
        }
    }
}

/// How a deploy ended, for scripts.
pub(super) fn as_json(deploy: &Deploy, service: &str, now: Moment) -> Value {
    let (outcome, detail) = outcome(deploy);
    // Colours are for terminals.
    let detail = sanitize::text(detail);
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
