//! Runs: a tool's processes one after the other, and the way from what they say to events.

use std::ffi::OsString;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use self::plan::{Exchange, Plan, plan};
use self::source::{Results, Said};
use self::stacks::Stacks;
use self::stop::{Stage, Stop};
use super::deploy::exit;
use super::live::LiveOutput;
use super::means::Means;
use super::process::{Batch, Output, Process};
use super::supervisor::Signal as OsSignal;
use crate::adapters::redact::KeyBlock;
use crate::adapters::sanitize;
use crate::adapters::tool::{Source, Step};
use crate::config::project::{RunSpec, RunnerSpec};
use crate::config::timespan::Timespan;
use crate::domain::{Event, Exit, RunEvent, RunId, RunKind, Signal, Span, Wanted};

mod plan;
mod source;
mod stacks;
mod stop;

/// How long what was said is read after the process is gone.
const DRAIN: Duration = Duration::from_millis(500);

/// What a run is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOrder {
    /// End, more firmly each time.
    Stop,
    /// End at once.
    Kill,
    /// Dump the stacks of the processes, and go on.
    DumpStacks,
}

/// What a run is started with.
#[derive(Debug)]
pub struct Launch {
    /// Which run.
    pub run: RunId,
    /// What for.
    pub kind: RunKind,
    /// Which tests.
    pub wanted: Wanted,
    /// The tool.
    pub runner: RunnerSpec,
    /// The words that start the project's Python, for tools that need it.
    pub python: Vec<String>,
    /// How it is stopped.
    pub stopping: RunSpec,
}

/// Executes a run to its end, and reports it.
pub async fn execute(launch: Launch, means: Means, orders: mpsc::Receiver<RunOrder>) {
    let run = launch.run;
    let outbox = means.outbox.clone();
    match Running::prepare(launch, means, orders) {
        Ok(running) => running.drive().await,
        Err(why) => {
            let _ = outbox.send(vec![RunEvent::CouldNotStart { run, why: why.into() }.into()]).await;
        }
    }
}

struct Running {
    launch: Launch,
    means: Means,
    orders: mpsc::Receiver<RunOrder>,
    plan: Plan,
    stop: Stop,
    stacks: Stacks,
    live: LiveOutput,
    keys: KeyBlock,
    exchange: Exchange,
}

/// A process that has started, and where it speaks.
struct Started {
    process: Process,
    said: Said,
    results: Option<Results>,
}

impl Running {
    fn prepare(launch: Launch, means: Means, orders: mpsc::Receiver<RunOrder>) -> Result<Self, String> {
        let file = |name: &str| means.runtime.join(format!("{name}-{}", launch.run.0));
        let exchange = Exchange { socket: file("run"), selection: file("selection"), stacks: file("stacks") };
        let plan = plan(&launch, &means, &exchange).map_err(|error| error.to_string())?;
        let stop = Stop::new(launch.runner.timeout);
        let stacks = Stacks::new(exchange.stacks.clone());
        let (live, keys) = (LiveOutput::default(), KeyBlock::default());
        Ok(Self { launch, means, orders, plan, stop, stacks, live, keys, exchange })
    }

    async fn drive(mut self) {
        let run = self.launch.run;
        let (mut worst, mut left) = (Exit::Code(0), 0);
        let mut events = Vec::new();
        let mut is_first = true;
        while self.stop.stage == Stage::Running
            && let Some(step) = self.plan.tool.next(&mut events)
        {
            self.send(std::mem::take(&mut events)).await;
            let started = match self.start(&step).await {
                Ok(started) => started,
                Err(why) if is_first => {
                    return self.send(vec![RunEvent::CouldNotStart { run, why: why.into() }.into()]).await;
                }
                Err(why) => {
                    events.push(RunEvent::Crashed { run, why: why.into() }.into());
                    break;
                }
            };
            if is_first {
                self.send(vec![RunEvent::Started { run, pid: started.process.pid() as u32 }.into()]).await;
            }
            is_first = false;
            let (exit, leaked) = self.follow(started, &mut events).await;
            let counts = self.plan.tool.ended(exit, &mut events);
            if worst == Exit::Code(0) {
                worst = counts;
            }
            left += leaked;
        }
        let noise = self.plan.tool.noise();
        if !noise.is_empty() {
            events.push(RunEvent::Warned { run, text: noise.into() }.into());
        }
        let says = self.plan.tool.explain(worst).into();
        events.push(RunEvent::Exited { run, exit: worst, says, leaked: left }.into());
        self.send(events).await;
    }

    async fn start(&self, step: &Step) -> Result<Started, String> {
        let directory = step.directory.as_deref().or(self.plan.directory.as_deref());
        let mut command = self.means.command(&step.argv, &self.plan.env, directory);
        command.env.extend(step.env.iter().map(|(name, value)| (OsString::from(name), value.into())));
        let spoken = matches!(step.source, Source::Lines | Source::Whole);
        let mut results = None;
        let mut said = source::silence();
        match &step.source {
            Source::Socket => said = source::socket(&self.exchange.socket)?,
            Source::File { path, extension } => results = Some(Results::look(command.cwd.join(path), extension)),
            Source::Lines | Source::Whole => {}
        }
        let process = if spoken {
            let (process, stdout) = Process::spawn_apart(&command).await.map_err(|error| error.to_string())?;
            said = if step.source == Source::Whole { source::whole(stdout) } else { source::lines(stdout) };
            process
        } else {
            Process::spawn(&command).await.map_err(|error| error.to_string())?
        };
        Ok(Started { process, said, results })
    }

    /// Reads a process to its end; answers how it ended, and how many processes it left behind.
    async fn follow(&mut self, started: Started, events: &mut Vec<Event>) -> (Exit, u32) {
        let Started { mut process, mut said, results } = started;
        let ended = loop {
            tokio::select! {
                Some(texts) = said.recv() => self.report(&texts).await,
                output = process.next() => match output {
                    Some(Output::Lines(batch)) => self.print(batch).await,
                    Some(Output::Exited { status, leaked }) => break (exit(status), leaked),
                    None => break (Exit::Signal(9), 0),
                },
                Some(order) = self.orders.recv() => self.obey(order, &process).await,
                () = sleep_until(self.stop.next()) => self.press(&process).await,
                () = sleep_until(self.stacks.due()) => self.read_stacks().await,
                () = sleep_until(self.live.due().unwrap_or_else(far_off)), if self.live.due().is_some() => {
                    self.look_live().await;
                }
            }
        };
        // The last words of a process are still on their way when it is gone.
        while let Ok(Some(texts)) = timeout(DRAIN, said.recv()).await {
            self.report(&texts).await;
        }
        match results.map(|results| results.read()) {
            Some(Ok(texts)) => self.report(&texts).await,
            Some(Err(why)) => events.push(RunEvent::Crashed { run: self.launch.run, why: why.into() }.into()),
            None => {}
        }
        ended
    }

    async fn report(&mut self, texts: &[String]) {
        let mut events = Vec::with_capacity(texts.len());
        for text in texts {
            self.plan.tool.read(&self.means.masks.mask(text), &mut events);
        }
        self.live.know(self.plan.tool.processes());
        for event in &events {
            match event {
                Event::Run(RunEvent::TestStarted { n, .. }) => self.live.begin(*n),
                Event::Run(RunEvent::TestEnded { .. }) => self.live.end(),
                _ => {}
            }
        }
        self.send(events).await;
    }

    async fn print(&mut self, batch: Batch) {
        let mut lines = Vec::with_capacity(batch.lines.len() + 1);
        if batch.dropped > 0 {
            lines.push(format!("… {} lines dropped: they came too fast", batch.dropped).into());
        }
        for (_, line) in batch.lines {
            lines.push(self.means.masks.mask_line(&line.text, &mut self.keys).into());
        }
        self.send(vec![RunEvent::Printed { run: self.launch.run, n: None, lines }.into()]).await;
    }

    async fn look_live(&mut self) {
        let Some((n, lines)) = self.live.look() else { return };
        let lines = lines.iter().map(|line| self.means.masks.mask_line(line, &mut self.keys).into()).collect();
        self.send(vec![RunEvent::Printed { run: self.launch.run, n: Some(n), lines }.into()]).await;
    }

    async fn obey(&mut self, order: RunOrder, process: &Process) {
        match order {
            RunOrder::Stop => self.press(process).await,
            RunOrder::Kill => {
                self.stop.stage = Stage::Kill;
                self.press(process).await;
            }
            RunOrder::DumpStacks if !self.plan.tool.dumps_stacks() => {
                let text = "nothing was dumped: this tool does not dump its stacks on request".into();
                self.send(vec![RunEvent::StacksDumped { run: self.launch.run, text }.into()]).await;
            }
            RunOrder::DumpStacks => {
                process.signal(OsSignal::Stacks);
                self.stacks.asked();
            }
        }
    }

    /// The next signal in the row: by a person, or because the grace after the one before is over.
    async fn press(&mut self, process: &Process) {
        let run = self.launch.run;
        if self.stop.stage == Stage::Running && self.stop.is_due() {
            let why = format!("time limit {}", Timespan(self.launch.runner.timeout.unwrap_or_default())).into();
            self.send(vec![RunEvent::EndAnnounced { run, why }.into()]).await;
        }
        let Some((signal, grace)) = self.stop.advance(&self.launch.stopping) else { return };
        self.plan.tool.stopping();
        process.signal(match signal {
            Signal::Interrupt => OsSignal::Interrupt,
            Signal::Terminate => OsSignal::Terminate,
            Signal::Kill => OsSignal::Kill,
        });
        let grace = Span::from(grace);
        self.send(vec![RunEvent::Signalled { run, signal, grace }.into()]).await;
    }

    async fn read_stacks(&mut self) {
        if let Some(text) = self.stacks.read() {
            let text = sanitize::block(&self.means.masks.mask(&text)).into();
            self.send(vec![RunEvent::StacksDumped { run: self.launch.run, text }.into()]).await;
        }
    }

    async fn send(&self, events: Vec<Event>) {
        if !events.is_empty() {
            // Nobody listens any more: the session is over, and the process ends with this task.
            let _ = self.means.outbox.send(events).await;
        }
    }
}

/// When nothing is awaited.
fn far_off() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}
