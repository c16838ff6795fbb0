//! Deploys: the command of one, the platform that is followed, and the proof that what it promised serves.

mod follow;
mod name;
mod prove;

pub use self::prove::{Proof, prove};

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use self::follow::{Followed, Follower};
use self::name::Names;
use super::http::Http;
use super::means::Means;
use super::process::{CommandSpec, ExitStatus, Output, Process, Stream};
use super::supervisor::Signal;
use crate::adapters::deployer::command::{Reader, Said};
use crate::adapters::deployer::{self, Aim};
use crate::adapters::redact::KeyBlock;
use crate::config::project::{DeploySpec, RestartSpec};
use crate::domain::{DeployEvent, DeployId, Event, Exit, OutputLine, Source, StepState, Text};

/// How long a cancelled command has to end by itself.
const GRACE: Duration = Duration::from_secs(10);
/// How much may wait to be told to who follows the platform.
const FOLLOWED: usize = 16;

/// What is to be deployed, and how.
#[derive(Debug)]
pub struct DeployOrder {
    /// Which deploy.
    pub deploy: DeployId,
    /// How.
    pub spec: DeploySpec,
    /// The earlier revision to bring back, instead of a new one.
    pub back_to: Option<Text>,
}

/// Starts a deploy and follows it until nothing more can come of it. A message on `cancel` stops it.
pub async fn run(order: DeployOrder, means: Means, http: Option<Http>, cancel: mpsc::Receiver<()>) {
    let DeployOrder { deploy, spec, back_to } = order;
    let plan = if back_to.is_some() { &spec.rollback } else { &spec.command };
    let names = match Names::find(&spec, &means).await {
        Ok(names) => names,
        Err(why) => return tell(&means, DeployEvent::CouldNotStart { deploy, why }).await,
    };
    let command = plan.as_ref().map(|plan| {
        let put_in = |word: &String| match &back_to {
            Some(to) => deployer::put_in(&names.put_in(word), to),
            None => names.put_in(word),
        };
        means.command(&plan.argv.iter().map(put_in).collect::<Vec<_>>(), &plan.env, plan.directory.as_deref())
    });
    let names_itself =
        back_to.is_none() && plan.iter().flat_map(|plan| &plan.argv).any(|word| word.contains("{suffix}"));
    let aim = Aim {
        id: names.suffix.clone(),
        suffix: names_itself.then(|| names.suffix.clone()),
        back_to: back_to.as_deref().map(str::to_owned),
        by_request: plan.is_none(),
    };
    let expected = if back_to.is_none() { names.expected(&spec) } else { None };
    if let Some(revision) = expected {
        tell(&means, DeployEvent::TargetNamed { deploy, revision }).await;
    }
    let mut follower = match spec.platform.as_ref().map(|platform| Follower::new(deploy, platform, aim, &means, http)) {
        Some(Ok(follower)) => Some(follower),
        Some(Err(why)) => return tell(&means, DeployEvent::OutOfReach { deploy, why }).await,
        None => None,
    };
    // What the proof is told to expect counts, whatever else others call it.
    let knows_target = back_to.is_none() && spec.proof.expect.is_some();
    if let Some(follower) = &mut follower {
        follower.knows_target = knows_target;
    }
    if let Some(follower) = &mut follower
        && let Err(why) = follower.remember().await
    {
        return tell(&means, DeployEvent::OutOfReach { deploy, why }).await;
    }
    let deadline = Instant::now() + spec.timeout;
    let (told, heard) = mpsc::channel(FOLLOWED);
    let action = async {
        match command {
            Some(command) => act(deploy, &command, knows_target, deadline, &means, cancel, told).await,
            None => request(deploy, &means, cancel, told).await,
        }
    };
    match follower {
        Some(follower) => drop(tokio::join!(action, follower.follow(heard, deadline))),
        None => {
            drop(heard);
            action.await;
        }
    }
}

/// Starts a service anew by its command, to the command's end. A message on `cancel` stops it.
pub async fn restart(deploy: DeployId, spec: RestartSpec, means: Means, cancel: mpsc::Receiver<()>) {
    let RestartSpec { command, timeout, proof: _ } = spec;
    let command = means.command(&command.argv, &command.env, command.directory.as_deref());
    // No platform listens to what the command says.
    let (told, heard) = mpsc::channel(FOLLOWED);
    drop(heard);
    act(deploy, &command, true, Instant::now() + timeout, &means, cancel, told).await;
}

async fn tell(means: &Means, event: DeployEvent) {
    let _ = means.outbox.send(vec![event.into()]).await;
}

/// The platform is asked to start it, by its follower; what is left to do here is to pass on that somebody stops it.
async fn request(deploy: DeployId, means: &Means, mut cancel: mpsc::Receiver<()>, told: mpsc::Sender<Followed>) {
    if told.send(Followed::Request).await.is_err() {
        let why = "no platform is configured to be asked".into();
        return tell(means, DeployEvent::CouldNotStart { deploy, why }).await;
    }
    pass_on(&mut cancel, &told).await;
}

/// Somebody who stops it after the command has ended stops the platform, or at least our waiting for it.
async fn pass_on(cancel: &mut mpsc::Receiver<()>, told: &mpsc::Sender<Followed>) {
    tokio::select! {
        Some(()) = cancel.recv() => drop(told.send(Followed::Cancel).await),
        () = told.closed() => {}
    }
    told.closed().await;
}

/// Runs a command to its end.
async fn act(
    deploy: DeployId,
    command: &CommandSpec,
    knows_target: bool,
    limit: Instant,
    means: &Means,
    mut cancel: mpsc::Receiver<()>,
    told: mpsc::Sender<Followed>,
) {
    let outbox = &means.outbox;
    let mut process = match Process::spawn(command).await {
        Ok(process) => process,
        Err(error) => {
            let why = error.to_string().into();
            return tell(means, DeployEvent::CouldNotStart { deploy, why }).await;
        }
    };
    let (mut steps, mut keys) = (Reader::default(), KeyBlock::default());
    let mut cancelled = false;
    let mut kill_at: Option<Instant> = None;
    loop {
        let deadline = kill_at.unwrap_or(limit);
        tokio::select! {
            output = process.next() => match output {
                Some(Output::Lines(batch)) => {
                    let mut events = read(deploy, batch, means, &mut steps, &mut keys);
                    for event in &events {
                        if let Event::Deploy(DeployEvent::TargetNamed { revision, .. }) = event {
                            let _ = told.try_send(Followed::Target(revision.clone()));
                        }
                    }
                    if knows_target {
                        events.retain(|event| !matches!(event, Event::Deploy(DeployEvent::TargetNamed { .. })));
                    }
                    let _ = outbox.send(events).await;
                }
                Some(Output::Exited { status, .. }) => {
                    let exit = exit(status);
                    tell(means, DeployEvent::CommandEnded { deploy, exit, cancelled }).await;
                    if exit == Exit::Code(0) && !cancelled && told.send(Followed::Acted).await.is_ok() {
                        pass_on(&mut cancel, &told).await;
                    }
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
                let text: Text = match kill_at {
                    Some(_) => format!("the command did not end within {} s: it is killed", GRACE.as_secs()).into(),
                    None => "the command took longer than it may: it is stopped".into(),
                };
                let line = OutputLine { source: Source::Console, text: text.clone() };
                tell(means, DeployEvent::Printed { deploy, lines: vec![line] }).await;
                if kill_at.is_none() {
                    tell(means, DeployEvent::TimedOut { deploy, why: text }).await;
                }
                process.signal(if kill_at.is_some() { Signal::Kill } else { Signal::Interrupt });
                kill_at = Some(Instant::now() + GRACE);
            }
        }
    }
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
