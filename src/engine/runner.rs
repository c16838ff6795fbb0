//! Runs: a runner's process, its socket, and the way from its lines to events.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::deploy::exit;
use super::live::LiveOutput;
use super::means::Means;
use super::process::{Batch, CommandSpec, Output, Process};
use super::supervisor::Signal as OsSignal;
use crate::adapters::pytest;
use crate::adapters::redact::KeyBlock;
use crate::adapters::reporter::Reporter;
use crate::config::project::{RunSpec, RunnerSpec, RunnerTool};
use crate::domain::{Event, Exit, RunEvent, RunId, RunKind, Signal, Span, Wanted};

/// The longest line of the reporter protocol.
const LONGEST_LINE: usize = 4 << 20;
/// How many bytes of lines travel together.
const CHUNK: usize = 64 << 10;
/// How long connections are read after the process is gone.
const DRAIN: Duration = Duration::from_millis(500);
/// How long a process may take to dump its stacks.
const DUMP: Duration = Duration::from_secs(2);

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
    match Running::start(launch, means, orders).await {
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
    process: Process,
    lines: mpsc::Receiver<Vec<String>>,
    reporter: Reporter,
    stop: Stop,
    stacks: Stacks,
    live: LiveOutput,
    keys: KeyBlock,
    exchange: Exchange,
}

impl Running {
    async fn start(launch: Launch, means: Means, orders: mpsc::Receiver<RunOrder>) -> Result<Self, String> {
        let run = launch.run;
        let file = |name: &str| means.runtime.join(format!("{name}-{}", run.0));
        let exchange = Exchange { socket: file("run"), selection: file("selection"), stacks: file("stacks") };
        let listener = UnixListener::bind(&exchange.socket)
            .map_err(|error| format!("no socket at {}: {error}", exchange.socket.display()))?;
        let command = command(&launch, &means, &exchange).map_err(|error| error.to_string())?;
        let process = Process::spawn(&command).await.map_err(|error| error.to_string())?;
        let (sender, lines) = mpsc::channel(16);
        tokio::spawn(accept(listener, sender));
        let stop = Stop::new(&launch);
        let reporter = Reporter::new(run);
        let stacks = Stacks::new(exchange.stacks.clone());
        Ok(Self {
            launch,
            means,
            orders,
            process,
            lines,
            reporter,
            stop,
            stacks,
            live: LiveOutput::default(),
            keys: KeyBlock::default(),
            exchange,
        })
    }

    async fn drive(mut self) {
        let run = self.launch.run;
        self.send(vec![RunEvent::Started { run, pid: self.process.pid() as u32 }.into()]).await;
        let (status, leaked) = loop {
            tokio::select! {
                Some(lines) = self.lines.recv() => self.report(&lines).await,
                output = self.process.next() => match output {
                    Some(Output::Lines(batch)) => self.print(batch).await,
                    Some(Output::Exited { status, leaked }) => break (exit(status), leaked),
                    None => break (Exit::Signal(9), 0),
                },
                Some(order) = self.orders.recv() => self.obey(order).await,
                () = sleep_until(self.stop.next()) => self.press().await,
                () = sleep_until(self.stacks.due()) => self.read_stacks().await,
                () = sleep_until(self.live.due().unwrap_or_else(far_off)), if self.live.due().is_some() => {
                    self.look_live().await;
                }
            }
        };
        // The last words of a process are in its socket when it is gone.
        while let Ok(Some(lines)) = timeout(DRAIN, self.lines.recv()).await {
            self.report(&lines).await;
        }
        let mut events: Vec<Event> = Vec::new();
        let noise = self.reporter.noise().to_string();
        if !noise.is_empty() {
            events.push(RunEvent::Warned { run, text: noise.into() }.into());
        }
        let says = self.explain(status).into();
        events.push(RunEvent::Exited { run, exit: status, says, leaked }.into());
        self.send(events).await;
        for file in [&self.exchange.socket, &self.exchange.selection, &self.exchange.stacks] {
            let _ = std::fs::remove_file(file);
        }
    }

    async fn report(&mut self, lines: &[String]) {
        let mut events = Vec::with_capacity(lines.len());
        for line in lines {
            self.reporter.feed(&self.means.masks.mask(line), &mut events);
        }
        self.live.know(self.reporter.processes());
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

    async fn obey(&mut self, order: RunOrder) {
        match order {
            RunOrder::Stop => self.press().await,
            RunOrder::Kill => {
                self.stop.stage = Stage::Kill;
                self.press().await;
            }
            RunOrder::DumpStacks => {
                self.process.signal(OsSignal::Stacks);
                self.stacks.asked();
            }
        }
    }

    /// The next signal in the row: by a person, or because the grace after the one before is over.
    async fn press(&mut self) {
        let run = self.launch.run;
        if self.stop.stage == Stage::Running && self.stop.is_due() {
            let limit = self.launch.runner.timeout.unwrap_or_default().as_secs();
            let why = format!("the time limit of {limit} s is reached: the run is stopped").into();
            self.send(vec![RunEvent::EndAnnounced { run, why }.into()]).await;
        }
        let Some((signal, grace)) = self.stop.advance(&self.launch.stopping) else { return };
        self.process.signal(match signal {
            Signal::Interrupt => OsSignal::Interrupt,
            Signal::Terminate => OsSignal::Terminate,
            Signal::Kill => OsSignal::Kill,
        });
        let grace = Span::from(grace);
        self.send(vec![RunEvent::Signalled { run, signal, grace }.into()]).await;
    }

    async fn read_stacks(&mut self) {
        if let Some(text) = self.stacks.read() {
            let text = crate::adapters::sanitize::block(&self.means.masks.mask(&text)).into();
            self.send(vec![RunEvent::StacksDumped { run: self.launch.run, text }.into()]).await;
        }
    }

    fn explain(&self, exit: Exit) -> &'static str {
        match &self.launch.runner.tool {
            RunnerTool::Pytest(_) => pytest::explain(exit),
            RunnerTool::Reporter(_) => "",
        }
    }

    async fn send(&self, events: Vec<Event>) {
        if !events.is_empty() {
            // Nobody listens any more: the session is over, and the process ends with this task.
            let _ = self.means.outbox.send(events).await;
        }
    }
}

/// Where a run stands on its way from running to killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    Interrupt,
    Terminate,
    Kill,
    Done,
}

struct Stop {
    stage: Stage,
    due: Option<Instant>,
}

impl Stop {
    fn new(launch: &Launch) -> Self {
        let limit = launch.runner.timeout.map(|limit| Instant::now() + limit);
        Self { stage: Stage::Running, due: limit }
    }

    fn next(&self) -> Instant {
        self.due.unwrap_or_else(far_off)
    }

    fn is_due(&self) -> bool {
        self.due.is_some_and(|due| Instant::now() >= due)
    }

    fn advance(&mut self, spec: &RunSpec) -> Option<(Signal, Duration)> {
        let (signal, grace, next) = match self.stage {
            Stage::Running => (Signal::Interrupt, spec.interrupt_grace, Stage::Interrupt),
            Stage::Interrupt => (Signal::Terminate, spec.terminate_grace, Stage::Terminate),
            Stage::Terminate | Stage::Kill => (Signal::Kill, Duration::from_secs(5), Stage::Done),
            Stage::Done => {
                self.due = None;
                return None;
            }
        };
        self.stage = next;
        self.due = Some(Instant::now() + grace);
        Some((signal, grace))
    }
}

/// The file into which processes dump their stacks, and when to look into it.
struct Stacks {
    file: PathBuf,
    seen: u64,
    due: Option<(Instant, Instant)>,
}

impl Stacks {
    fn new(file: PathBuf) -> Self {
        Self { file, seen: 0, due: None }
    }

    fn asked(&mut self) {
        let now = Instant::now();
        self.due = Some((now + Duration::from_millis(100), now + DUMP));
    }

    fn due(&self) -> Instant {
        self.due.map_or_else(far_off, |(next, _)| next)
    }

    /// What was dumped since the last look; asks for another look while nothing was and there is time.
    fn read(&mut self) -> Option<String> {
        let (_, limit) = self.due.take()?;
        let whole = std::fs::read(&self.file).unwrap_or_default();
        let new = whole.get(self.seen as usize..).unwrap_or_default();
        let now = Instant::now();
        if new.is_empty() {
            if now < limit {
                self.due = Some((now + Duration::from_millis(100), limit));
                return None;
            }
            return Some("no process dumped its stacks: the tool does not listen to SIGUSR1".to_owned());
        }
        self.seen = whole.len() as u64;
        Some(String::from_utf8_lossy(new).into_owned())
    }
}

/// When nothing is awaited.
fn far_off() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

async fn accept(listener: UnixListener, lines: mpsc::Sender<Vec<String>>) {
    // Ends with its listener, when nobody takes lines any more: the run is over.
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((connection, _)) => drop(tokio::spawn(listen(connection, lines.clone()))),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            () = lines.closed() => return,
        }
    }
}

/// Reads a connection to its end, whole lines together as they come.
async fn listen(connection: UnixStream, lines: mpsc::Sender<Vec<String>>) {
    let mut reader = BufReader::with_capacity(CHUNK, connection);
    let mut chunk = Vec::new();
    let mut line = Vec::new();
    loop {
        let read = (&mut reader).take(LONGEST_LINE as u64).read_until(b'\n', &mut line).await;
        match read {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        if line.last() == Some(&b'\n') || line.len() >= LONGEST_LINE {
            chunk.push(String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned());
            line.clear();
        }
        // What is there already travels together; what is not is not waited for.
        if !reader.buffer().contains(&b'\n') && lines.send(std::mem::take(&mut chunk)).await.is_err() {
            return;
        }
    }
    if !line.is_empty() {
        chunk.push(String::from_utf8_lossy(&line).into_owned());
    }
    if !chunk.is_empty() {
        let _ = lines.send(chunk).await;
    }
}

/// The files by which a run and its processes know each other.
struct Exchange {
    socket: PathBuf,
    selection: PathBuf,
    stacks: PathBuf,
}

fn command(launch: &Launch, means: &Means, exchange: &Exchange) -> io::Result<CommandSpec> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let (socket, stacks) = (text(&exchange.socket), text(&exchange.stacks));
    let selection = match &launch.wanted {
        Wanted::All => None,
        Wanted::Only { nodes, .. } => {
            std::fs::write(&exchange.selection, pytest::selection(nodes.iter().map(|node| &**node)))?;
            Some(text(&exchange.selection))
        }
    };
    let collect_only = launch.kind == RunKind::Collect;
    match &launch.runner.tool {
        RunnerTool::Reporter(spec) => {
            let chosen = spec.collect.as_ref().filter(|_| collect_only).unwrap_or(&spec.command);
            let mut command = means.command(&chosen.argv, &chosen.env, chosen.directory.as_deref());
            let mut set = |name: &str, value: &str| command.env.push((name.into(), value.into()));
            set("LIVELOOP_SOCKET", &socket);
            set("LIVELOOP_STACKS", &stacks);
            if let Some(selection) = &selection {
                set("LIVELOOP_SELECTION", selection);
            }
            if collect_only {
                set("LIVELOOP_COLLECT_ONLY", "1");
            }
            Ok(command)
        }
        RunnerTool::Pytest(spec) => {
            let folder = spec.directory.as_ref().map_or_else(|| means.root.to_path_buf(), |name| means.root.join(name));
            let paths: Vec<String> = match &launch.wanted {
                Wanted::All => spec.paths.clone(),
                // A file that is gone would end pytest before it ran anything.
                Wanted::Only { modules, .. } => {
                    modules.iter().map(|path| path.to_string()).filter(|path| folder.join(path).exists()).collect()
                }
            };
            if paths.is_empty() && matches!(launch.wanted, Wanted::Only { .. }) {
                return Err(io::Error::other("none of the chosen tests' files is left"));
            }
            let plugin_folder = text(&means.runtime);
            std::fs::write(means.runtime.join(pytest::PLUGIN_FILE), pytest::PLUGIN)?;
            let configured =
                spec.env.iter().find(|(name, _)| name == "PYTHONPATH").map(|(_, value)| value.reveal().to_owned());
            let python_path = configured.or_else(|| std::env::var("PYTHONPATH").ok());
            let start = pytest::Start {
                python: spec.python.as_ref().map_or(launch.python.as_slice(), std::slice::from_ref),
                options: &spec.args,
                paths: &paths,
                collect_only,
                plugin_folder: &plugin_folder,
                python_path: python_path.as_deref(),
                socket: &socket,
                selection: selection.as_deref(),
                stacks: Some(&stacks),
            };
            let pytest::Launch { argv, env } = start.launch();
            let mut command = means.command(&argv, &spec.env, spec.directory.as_deref());
            command.env.extend(env.into_iter().map(|(name, value)| (OsString::from(name), value.into())));
            Ok(command)
        }
    }
}
