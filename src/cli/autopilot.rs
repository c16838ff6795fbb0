//! `liveloop run --until-green`: the autopilot without a screen. Every decision is a line; the last one says how it ended.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::alone;
use super::args::{Format, RunArguments};
use super::change::deployable;
use super::exit::Exit;
use super::headless::print_line;
use super::{github, progress, spoilt};
use crate::attach::{Delivery, Feed, Request};
use crate::config::project::{CommandSpec, FixSpec, Project};
use crate::domain::{Autopilot, AutopilotEnd, Command, Decision, Entry, RunKind, SessionEnd, State, Unproved};
use crate::engine::clock::Clock;
use crate::engine::session::Session;
use crate::report::About;

/// How long what serves is waited for before a broken-off cycle is gone on with.
const FIRST_LOOK: Duration = Duration::from_secs(15);
/// How long a fix hook of the command line may take.
const FIX: Duration = Duration::from_secs(30 * 60);

/// Puts what the command line says in place of what the project does.
///
/// # Errors
/// When a service is named that cannot be deployed.
pub(super) fn configure(project: &mut Project, arguments: &RunArguments) -> Result<(), String> {
    for name in &arguments.deploy {
        deployable(project, name)?;
    }
    let plan = &mut project.autopilot;
    if let Some(cycles) = arguments.max_cycles {
        plan.cycles = cycles;
    }
    if let Some(time) = arguments.max_time {
        plan.time = time.0;
    }
    if !arguments.deploy.is_empty() {
        plan.deploy.clone_from(&arguments.deploy);
    }
    if let Some(fix) = &arguments.fix {
        let argv = ["sh", "-c", fix.as_str()].map(str::to_owned).to_vec();
        let command = CommandSpec { argv, env: Vec::new(), directory: None };
        plan.fix = Some(FixSpec { command, timeout: FIX });
    }
    Ok(())
}

/// Flies until it lands.
pub(super) async fn fly(session: Session, arguments: RunArguments) -> Exit {
    let Some(feed) = alone::attach(&session).await else { return Exit::Environment };
    let flight =
        Flight { feed, arguments, state: Arc::default(), stage: Stage::Remembering, told: 0, clock: Clock::start() };
    alone::see_through(session, flight.follow()).await
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Earlier sessions are read.
    Remembering,
    /// The tests are listed and the services are looked at, to go on with an earlier cycle.
    Looking {
        /// When the services are no longer waited for.
        until: Instant,
    },
    /// It flies.
    Flying,
    /// It landed.
    Over(Exit),
}

struct Flight {
    feed: Feed,
    arguments: RunArguments,
    state: Arc<State>,
    stage: Stage,
    /// How many decisions were printed.
    told: u64,
    clock: Clock,
}

impl Flight {
    async fn follow(mut self) -> Exit {
        let mut ticks = interval_at(Instant::now() + progress::EVERY, progress::EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let delivery = tokio::select! {
                delivery = self.feed.deliveries.recv() => delivery,
                _ = ticks.tick() => {
                    self.progress();
                    self.advance();
                    continue;
                }
            };
            match delivery {
                Some(Delivery::Snapshot(state)) => self.state = state,
                Some(Delivery::Entries(entries)) => entries.iter().for_each(|entry| self.take(entry)),
                Some(Delivery::Ended(_)) | None => break,
                Some(Delivery::Clock(_) | Delivery::Notice(_)) => {}
            }
            self.advance();
        }
        match self.stage {
            Stage::Over(exit) => exit,
            Stage::Remembering | Stage::Looking { .. } | Stage::Flying => {
                self.leave_behind();
                Exit::Interrupted
            }
        }
    }

    /// What others read of it, before its last line: the report that was asked for, and what GitHub shows.
    fn leave_behind(&self) {
        let about = About { gate: self.arguments.gate.clone(), ..About::default() };
        if let Some(path) = &self.arguments.report {
            let line = match super::report::keep(path, &self.state, &about) {
                Ok(()) => format!("the report is in {}", path.display()),
                Err(why) => why,
            };
            self.say(&line);
        }
        if github::is_here() {
            if self.arguments.format == Format::Human {
                github::annotations(&self.state).iter().for_each(|line| self.say(line));
            }
            if let Err(why) = github::summarize(&self.state, &about, matches!(self.stage, Stage::Over(_))) {
                eprintln!("liveloop: {why}");
            }
        }
    }

    fn say(&self, line: &str) {
        match self.arguments.format {
            Format::Human => print_line(&mut io::stdout(), line),
            Format::Json => print_line(&mut io::stdout(), &json!({ "type": "note", "text": line }).to_string()),
        };
    }

    fn take(&mut self, entry: &Entry) {
        let mut effects = Vec::new();
        Arc::make_mut(&mut self.state).apply(entry, &mut effects);
        self.tell();
    }

    fn advance(&mut self) {
        match self.stage {
            Stage::Remembering if self.state.session.recalled && self.arguments.resume => {
                self.stage = Stage::Looking { until: Instant::now() + FIRST_LOOK };
                self.ask(Command::Collect);
            }
            Stage::Remembering if self.state.session.recalled => self.begin(),
            Stage::Looking { until } => {
                let lists = || self.state.runs.iter().map(|(_, run)| run).filter(|run| run.kind == RunKind::Collect);
                let is_listed = lists().next().is_some() && lists().all(|run| !run.is_active());
                let is_known = spoilt::is_probed_since(&self.state, self.state.session.started);
                if is_listed && (is_known || Instant::now() >= until) {
                    self.begin();
                }
            }
            Stage::Flying => {
                if let Some(end) = self.state.autopilot.as_ref().and_then(|flight| flight.end.clone()) {
                    self.land(&end);
                }
            }
            Stage::Remembering | Stage::Over(_) => {}
        }
    }

    fn begin(&mut self) {
        self.stage = Stage::Flying;
        let plan = Arc::new(self.state.session.project.autopilot.clone());
        self.ask(Command::Autopilot { plan, resume: self.arguments.resume });
    }

    /// The decisions since the last time.
    fn tell(&mut self) {
        let Some(flight) = &self.state.autopilot else { return };
        // What the ring dropped was told before.
        let all = flight.trail.total();
        let new = usize::try_from(all - self.told).unwrap_or(usize::MAX).min(flight.trail.len());
        let new: Vec<Decision> = flight.trail.range(flight.trail.len() - new).cloned().collect();
        self.told = all;
        for decision in new {
            let line = match self.arguments.format {
                Format::Human => match self.state.runs.active().next() {
                    None => format!("{}  {}", standing(&self.state), decision.text),
                    Some(_) => decision.text.to_string(),
                },
                Format::Json => {
                    json!({ "type": "decision", "text": &*decision.text, "standing": standing(&self.state) })
                        .to_string()
                }
            };
            print_line(&mut io::stdout(), &line);
        }
    }

    fn progress(&self) {
        if self.arguments.format == Format::Human
            && let Some(line) = progress::line(&self.state, self.clock.now().max(self.state.at))
        {
            print_line(&mut io::stdout(), &line);
        }
    }

    fn land(&mut self, end: &AutopilotEnd) {
        let Some(flight) = self.state.autopilot.clone() else { return };
        let unproved = Unproved::of(self.state.inventory.tally());
        self.stage = Stage::Over(match end {
            AutopilotEnd::Green => Exit::Green,
            AutopilotEnd::Cancelled => Exit::Interrupted,
            AutopilotEnd::Spent(_) | AutopilotEnd::NoProgress(_) | AutopilotEnd::GaveUp(_) if unproved.failed > 0 => {
                Exit::TestsFailed
            }
            AutopilotEnd::Spent(_) | AutopilotEnd::NoProgress(_) | AutopilotEnd::GaveUp(_) => Exit::Environment,
        });
        self.leave_behind();
        let line = match self.arguments.format {
            Format::Human => sentence(&self.state, &flight, end),
            Format::Json => summary(&self.state, &flight, end).to_string(),
        };
        print_line(&mut io::stdout(), &line);
        let _ = io::stdout().flush();
        self.feed.line.say(Request::Leave(SessionEnd::Done));
    }

    fn ask(&self, command: Command) {
        self.feed.line.say(Request::Command(command));
    }
}

/// `122 passed, 35 failed`: how the whole inventory stands.
fn standing(state: &State) -> String {
    let tally = state.inventory.tally();
    if tally.total() == 0 {
        return "nothing known".to_owned();
    }
    let unproved = Unproved::of(tally);
    let more = if unproved.total() > 0 { format!(", {unproved}") } else { String::new() };
    format!("{} of {} passed{more}", tally.passes(), tally.total())
}

fn revisions(state: &State) -> Vec<(String, String)> {
    let known = state.services.revisions(state.services.epoch());
    known.map(|(service, revision)| (service.to_string(), revision.to_string())).collect()
}

fn sentence(state: &State, flight: &Autopilot, end: &AutopilotEnd) -> String {
    let seconds = flight.took(state.at).as_secs_f64();
    let on: Vec<String> = revisions(state).into_iter().map(|(_, revision)| revision).collect();
    let on = if on.is_empty() { String::new() } else { format!(" on {}", on.join(", ")) };
    let counted =
        [(flight.flown.cycles, "cycle", "s"), (flight.flown.fixes, "fix", "es"), (flight.flown.deploys, "deploy", "s")]
            .map(|(count, word, plural)| format!("{count} {word}{}", if count == 1 { "" } else { plural }));
    let doubt = state.reservation(&[]).filter(|_| *end == AutopilotEnd::Green);
    let doubt = doubt.map_or_else(String::new, |doubt| format!("; not proved: {doubt}"));
    format!("\n{end}{on}: {} in {seconds:.1}s{doubt}", counted.join(", "))
}

fn summary(state: &State, flight: &Autopilot, end: &AutopilotEnd) -> Value {
    let (word, why) = match end {
        AutopilotEnd::Green => ("green", ""),
        AutopilotEnd::Spent(why) => ("spent", &**why),
        AutopilotEnd::NoProgress(why) => ("no_progress", &**why),
        AutopilotEnd::GaveUp(why) => ("gave_up", &**why),
        AutopilotEnd::Cancelled => ("cancelled", ""),
    };
    let (tally, doubt) = (state.inventory.tally(), state.reservation(&[]));
    json!({
        "type": "autopilot",
        "end": word,
        "why": why,
        "green": *end == AutopilotEnd::Green,
        "proved": *end == AutopilotEnd::Green && doubt.is_none(),
        "doubt": doubt.as_deref(),
        "cycle": state.cycle,
        "cycles": flight.flown.cycles,
        "fixes": flight.flown.fixes,
        "deploys": flight.flown.deploys,
        "tests": tally.total(),
        "passed": tally.passes(),
        "failed": Unproved::of(tally).failed,
        "unproved": Unproved::of(tally).total(),
        "revisions": revisions(state).into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "duration_s": flight.took(state.at).as_secs_f64(),
    })
}
