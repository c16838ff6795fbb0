//! `liveloop run --deploy SERVICE`: a deploy, and what it changed, without a screen.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::args::Format;
use super::deploy;
use super::exit::Exit;
use super::print::Printer;
use crate::domain::{
    Deploy, DeployEvent, DeployPhase, Entry, Event, Moment, Prove, ProveDelta, ProveEnd, ProveStage, ProveStep,
    ServiceId, State, TestId,
};

/// How long it is waited for what serves before, so that it can be told what changed.
pub(super) const FIRST_LOOK: Duration = Duration::from_secs(10);

/// The service that is to be deployed.
pub(super) fn service(state: &State, name: Option<&str>) -> Option<ServiceId> {
    state.services.named(name?)
}

/// Whether it is known what serves, nobody can know, or nothing is deployed.
pub(super) fn is_known(state: &State, name: Option<&str>) -> bool {
    let known = service(state, name).and_then(|id| state.services.get(id));
    known.is_none_or(|service| service.revision.is_some() || !service.spec.has_revision)
}

/// How a chain ended that never came to run anything, as an exit; else its runs decide.
pub(super) fn exit(state: &State) -> Option<Exit> {
    let prove = state.prove.as_ref()?;
    let deploy = state.deploys.get(prove.deploy)?;
    match &prove.end {
        _ if deploy.phase != DeployPhase::Live => Some(deploy::exit(deploy)),
        Some(ProveEnd::Failed(_)) if prove.cycle.is_none() => Some(Exit::Environment),
        Some(ProveEnd::Cancelled) => Some(Exit::Interrupted),
        Some(ProveEnd::Failed(_) | ProveEnd::Proved) | None => None,
    }
}

/// Prints a run that begins with a deploy: the deploy as `liveloop deploy` does, each step of the way, the run as any
/// other, and before the summary what changed.
pub(super) struct Chain<W> {
    out: W,
    format: Format,
    run: Box<dyn Printer + Send>,
    told: Vec<String>,
    stages: Vec<String>,
    deploy_told: bool,
    delta_told: bool,
}

impl<W: Write> Chain<W> {
    /// Prints to `out`, and what concerns the run by `run`.
    pub(super) fn new(out: W, format: Format, run: Box<dyn Printer + Send>) -> Self {
        let (told, stages) = (Vec::new(), Vec::new());
        Self { out, format, run, told, stages, deploy_told: false, delta_told: false }
    }

    fn line(&mut self, text: &str) {
        // A reader that has gone ends the output, not the run.
        let _ = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
    }

    fn happened(&mut self, event: &DeployEvent, deploy: Option<&Deploy>) {
        match self.format {
            Format::Human => {
                let lines = deploy::human(event, deploy);
                // A platform says it once more when the command has ended.
                if lines != self.told {
                    lines.iter().for_each(|line| self.line(line));
                    self.told = lines;
                }
            }
            Format::Json => deploy::machine(event).iter().for_each(|line| self.line(&line.to_string())),
        }
    }

    /// A step that began, waits for something else, or is over.
    fn progress(&mut self, prove: &Prove) {
        for (n, link) in prove.links.iter().enumerate() {
            let (word, why) = match &link.stage {
                ProveStage::Ahead => continue,
                ProveStage::UnderWay(wait) => ("waits", &*wait.why),
                ProveStage::Done => ("done", ""),
                ProveStage::PassedOver(why) => ("passed_over", &**why),
                ProveStage::Failed(why) => ("failed", &**why),
                ProveStage::Cancelled => ("cancelled", ""),
            };
            let step = link.step.word();
            // The deploy tells of itself.
            let line = match self.format {
                Format::Human if link.step == ProveStep::Deploy => continue,
                Format::Human => {
                    let tests = if link.tests > 0 { format!(" {}", link.tests) } else { String::new() };
                    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
                    format!("  → {step}{tests} {}{why}", word.replace('_', " "))
                }
                Format::Json => {
                    json!({"type": "prove", "step": step, "state": word, "why": why, "tests": link.tests}).to_string()
                }
            };
            self.stages.resize(self.stages.len().max(n + 1), String::new());
            if self.stages[n] != line {
                self.line(&line);
                self.stages[n] = line;
            }
        }
    }

    fn end_deploy(&mut self, state: &State, prove: &Prove, deploy: &Deploy) {
        let name = state.services.get(prove.service).map_or_else(|| "".into(), |service| service.spec.name.clone());
        let line = match self.format {
            Format::Human => deploy::as_sentence(deploy, &name, state.at),
            Format::Json => deploy::as_json(deploy, &name, state.at).to_string(),
        };
        self.line(&line);
        self.deploy_told = true;
    }

    fn end(&mut self, state: &State, prove: &Prove) {
        let line = match (self.format, &prove.delta) {
            (Format::Human, Some(delta)) => human(state, delta),
            (Format::Human, None) => "delta: nothing was run".to_owned(),
            (Format::Json, _) => machine(state, prove).to_string(),
        };
        self.line(&line);
        self.delta_told = true;
    }
}

impl<W: Write> Printer for Chain<W> {
    fn print(&mut self, state: &State, entry: &Entry) {
        self.run.print(state, entry);
        let Some(prove) = &state.prove else { return };
        if let Event::Deploy(event) = &entry.event
            && event.deploy() == prove.deploy
        {
            self.happened(event, state.deploys.get(prove.deploy));
        }
        let ended = state.deploys.get(prove.deploy).filter(|deploy| !deploy.is_active());
        if let Some(deploy) = ended.filter(|_| !self.deploy_told) {
            self.end_deploy(state, prove, deploy);
        }
        if !self.delta_told {
            self.progress(prove);
            if !prove.is_active() {
                self.end(state, prove);
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.run.say(text);
    }

    fn progress(&mut self, state: &State, now: Moment) {
        self.run.progress(state, now);
    }

    fn finish(&mut self, state: &State, complete: bool) {
        self.run.finish(state, complete);
    }
}

fn nodes<'a>(state: &'a State, tests: &'a [TestId]) -> impl Iterator<Item = &'a str> {
    tests.iter().filter_map(|id| state.inventory.test(*id)).map(|test| &*test.node)
}

/// What changed in a line, and the tests by name that nobody expected to fail.
fn human(state: &State, delta: &ProveDelta) -> String {
    let mut text = format!("delta: {delta}");
    for (word, tests) in [("broken", &delta.broken), ("failing differently", &delta.failing_differently)] {
        nodes(state, tests).for_each(|node| text.push_str(&format!("\n  {word}: {node}")));
    }
    text
}

fn machine(state: &State, prove: &Prove) -> Value {
    let (end, why) = match &prove.end {
        Some(ProveEnd::Proved) => ("proved", ""),
        Some(ProveEnd::Failed(why)) => ("failed", &**why),
        Some(ProveEnd::Cancelled) | None => ("cancelled", ""),
    };
    let mut line = json!({"type": "delta", "end": end, "why": why,
        "duration_s": prove.took(state.at).as_secs_f64()});
    if let Some(delta) = &prove.delta {
        for (word, tests) in delta.parts() {
            line[word.replace(' ', "_")] = nodes(state, tests).collect();
        }
        line["holding"] = delta.holding.into();
    }
    line
}
