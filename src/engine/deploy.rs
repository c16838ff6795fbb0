//! Deploys: the command of one, and the proof that what it promised serves.

use std::time::Duration;

use reqwest::Client;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::core::Outbox;
use super::means::Means;
use super::probe::ask_revision;
use super::process::{CommandSpec, ExitStatus, Output, Process, Stream};
use super::supervisor::Signal;
use crate::adapters::deploy_step::{Reader, Said};
use crate::adapters::redact::KeyBlock;
use crate::config::project::{DeploySpec, ProofSpec, RevisionSpec};
use crate::domain::{DeployEvent, DeployId, Event, Exit, OutputLine, Source, StepState, Text};

/// How long a cancelled command has to end by itself.
const GRACE: Duration = Duration::from_secs(10);

/// Runs a deploy's command to its end. A message on `cancel` stops it.
pub async fn run(deploy: DeployId, spec: DeploySpec, means: Means, mut cancel: mpsc::Receiver<()>) {
    let outbox = means.outbox.clone();
    let mut process = match Process::spawn(&command(&spec, &means)).await {
        Ok(process) => process,
        Err(error) => {
            let why = error.to_string().into();
            let _ = outbox.send(vec![DeployEvent::CouldNotStart { deploy, why }.into()]).await;
            return;
        }
    };
    let limit = Instant::now() + spec.timeout;
    let (mut steps, mut keys) = (Reader::default(), KeyBlock::default());
    let mut cancelled = false;
    let mut kill_at: Option<Instant> = None;
    loop {
        let deadline = kill_at.unwrap_or(limit);
        tokio::select! {
            output = process.next() => match output {
                Some(Output::Lines(batch)) => {
                    let events = read(deploy, batch, &means, &mut steps, &mut keys);
                    let _ = outbox.send(events).await;
                }
                Some(Output::Exited { status, .. }) => {
                    let exit = exit(status);
                    let _ = outbox.send(vec![DeployEvent::CommandEnded { deploy, exit, cancelled }.into()]).await;
                    return;
                }
                None => return,
            },
            Some(()) = cancel.recv(), if !cancelled => {
                cancelled = true;
                process.signal(Signal::Interrupt);
                kill_at = Some(Instant::now() + GRACE);
            }
            () = sleep_until(deadline) => {
                let text = match kill_at {
                    Some(_) => format!("the command did not end within {} s: it is killed", GRACE.as_secs()),
                    None => format!("the command took longer than {} s: it is stopped", spec.timeout.as_secs()),
                };
                let line = OutputLine { source: Source::Console, text: text.into() };
                let _ = outbox.send(vec![DeployEvent::Printed { deploy, lines: vec![line] }.into()]).await;
                process.signal(if kill_at.is_some() { Signal::Kill } else { Signal::Interrupt });
                kill_at = Some(Instant::now() + GRACE);
            }
        }
    }
}

fn command(spec: &DeploySpec, means: &Means) -> CommandSpec {
    means.command(&spec.command.argv, &spec.command.env, spec.command.directory.as_deref())
}

fn read(
    deploy: DeployId,
    batch: super::process::Batch,
    means: &Means,
    steps: &mut Reader,
    keys: &mut KeyBlock,
) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    let mut lines = Vec::new();
    if batch.dropped > 0 {
        let text = format!("{} lines dropped: they came too fast", batch.dropped).into();
        lines.push(OutputLine { source: Source::Console, text });
    }
    for (stream, line) in batch.lines {
        let text = means.masks.mask_line(&line.text, keys);
        let source = match stream {
            Stream::Stdout => Source::Stdout,
            Stream::Stderr => Source::Stderr,
        };
        let mut step = |name: Text, state: StepState| events.push(DeployEvent::Stepped { deploy, name, state }.into());
        match steps.read(&text) {
            Said::Step(name, state) => step(name, state),
            Said::Target(revision) => events.push(DeployEvent::TargetNamed { deploy, revision }.into()),
            Said::LineOfStep(name) => {
                step(name, StepState::Running);
                lines.push(OutputLine { source, text: text.into() });
            }
            Said::Line => lines.push(OutputLine { source, text: text.into() }),
        }
    }
    if !lines.is_empty() {
        events.push(DeployEvent::Printed { deploy, lines }.into());
    }
    events
}

/// How a process ended, in the domain's words. A supervisor that was killed took the command with it.
#[must_use]
pub fn exit(status: ExitStatus) -> Exit {
    match status {
        ExitStatus::Code(code) => Exit::Code(code),
        ExitStatus::Signal(signal) => Exit::Signal(signal),
        ExitStatus::Unknown => Exit::Signal(9),
    }
}

/// What a proof asks, and how often.
#[derive(Debug)]
pub struct Proof {
    /// Which deploy.
    pub deploy: DeployId,
    /// How the revision is asked; without it nothing can be proved.
    pub revision: Option<RevisionSpec>,
    /// How often, and for how long.
    pub spec: ProofSpec,
    /// The revision that served before.
    pub from: Option<Text>,
}

/// Asks fresh connections which revision serves, until `done` closes or the time is over.
pub async fn prove(proof: Proof, client: Client, mut done: mpsc::Receiver<()>, outbox: Outbox) {
    let Proof { deploy, revision, spec, from } = proof;
    let Some(revision) = revision else {
        let why = "no revision probe is configured: nobody knows what serves".into();
        let _ = outbox.send(vec![DeployEvent::ProofEnded { deploy, why }.into()]).await;
        return;
    };
    let deadline = Instant::now() + spec.timeout;
    loop {
        let next = (Instant::now() + spec.interval).min(deadline);
        let answer = ask_revision(&revision, &client).await;
        let saw = answer.as_ref().ok().cloned();
        if outbox.send(vec![DeployEvent::Proved { deploy, saw }.into()]).await.is_err() {
            return;
        }
        if Instant::now() >= deadline {
            let why = match (answer, from) {
                (Ok(saw), Some(from)) if saw == from => format!("{from} still serves"),
                (Ok(saw), _) => format!("{saw} serves, but not steadily"),
                (Err(why), _) => format!("no revision could be read: {why}"),
            };
            let _ = outbox.send(vec![DeployEvent::ProofEnded { deploy, why: why.into() }.into()]).await;
            return;
        }
        // An answer or a closed channel ends the proof; only the passing of time lets it go on.
        if timeout_at(next, done.recv()).await.is_ok() {
            return;
        }
    }
}
