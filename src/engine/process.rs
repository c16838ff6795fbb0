//! A command of ours while it runs: started under the [supervisor], read without pause, merged into batches.
//!
//! One task owns the pipes and the control socket. It reads as fast as the command writes, whatever the reader of the
//! batches does: what the reader is too slow for is dropped from the oldest end and counted. Lines are cleaned here, on
//! the way in, so nobody behind sees a raw byte. Masking secrets is the reader's work.
//!
//! [supervisor]: super::supervisor

use std::ffi::OsString;
use std::future::pending;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

pub use super::supervisor::Signal;
use super::supervisor::{INPUT, Report, SUBCOMMAND};
use crate::adapters::sanitize::Lines;

mod backlog;
mod start;

use backlog::Backlog;
pub use backlog::Batch;
pub use start::CouldNotStart;

/// The shortest time between two batches, unless the first is full.
const BATCH_TIME: Duration = Duration::from_millis(16);
const READ_BYTES: usize = 64 * 1024;
/// How long a start may take; a start that hangs (a dead network folder) is no start.
const START_TIME: Duration = Duration::from_secs(10);
/// How long the pipes are still read after the end; only somebody we could not kill can hold them open.
const DRAIN_TIME: Duration = Duration::from_millis(250);
const BURIAL_TIME: Duration = Duration::from_secs(5);

/// What to run, where, and with which environment.
#[derive(Clone, Debug)]
pub struct CommandSpec {
    /// The program and its arguments; a program without a slash is looked for on `PATH`.
    pub argv: Vec<OsString>,
    /// The folder it runs in.
    pub cwd: PathBuf,
    /// Variables to set, on top of our own environment.
    pub env: Vec<(OsString, OsString)>,
    /// Variables to take away: our secrets, for example. Taken away before `env` is set.
    pub env_remove: Vec<OsString>,
    /// Both output streams through one pipe, so that their order is exact; everything is then [`Stream::Stdout`].
    pub merge: bool,
    /// The file that it reads as its standard input; without it, that is empty.
    pub input: Option<PathBuf>,
    /// The program that has the supervisor subcommand: our own.
    pub supervisor: PathBuf,
}

/// Where a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Nobody knows: its supervisor was killed. What could be reached was killed too.
    Unknown,
}

/// What a command does, in order; [`Output::Exited`] is the last.
#[derive(Debug)]
pub enum Output {
    /// It wrote something.
    Lines(Batch),
    /// It ended, and everything it wrote has been handed out.
    Exited {
        /// How.
        status: ExitStatus,
        /// How many processes it left behind, which were killed.
        leaked: u32,
    },
}

/// A running command. Dropped, it is killed with everything below it.
#[derive(Debug)]
pub struct Process {
    pid: i32,
    /// Our end of the control socket once more, for sending.
    ///
    /// Not tokio's: that one refuses to write before its driver has looked at the socket, and an order must not get lost.
    orders: StdUnixStream,
    output: mpsc::Receiver<Output>,
}

impl Process {
    /// Starts a command, and waits until it really runs.
    pub async fn spawn(spec: &CommandSpec) -> Result<Self, CouldNotStart> {
        Ok(Self::spawn_with(spec, false).await?.0)
    }

    /// The same, for a command whose standard output is a protocol: every byte of it goes to the caller, who has to
    /// read it to its end, as a command that nobody reads stands still.
    pub async fn spawn_apart(spec: &CommandSpec) -> Result<(Self, pipe::Receiver), CouldNotStart> {
        let (process, stdout) = Self::spawn_with(spec, true).await?;
        let stdout = stdout.ok_or_else(|| CouldNotStart { reason: "its standard output was not opened".to_owned() })?;
        Ok((process, stdout))
    }

    async fn spawn_with(spec: &CommandSpec, apart: bool) -> Result<(Self, Option<pipe::Receiver>), CouldNotStart> {
        let Some(program) = spec.argv.first() else {
            return Err(CouldNotStart { reason: "the command is empty".to_owned() });
        };
        let (mut child, control, orders, mut pipes) =
            spawn_supervisor(spec).map_err(|error| start::explain_supervisor(spec, &error))?;
        let mut reports = Reports { control, partial: Vec::new() };
        match timeout(START_TIME, reports.next()).await {
            Ok(Some(Report::Started(pid))) => {
                let (sender, output) = mpsc::channel(1);
                let stdout = if apart { pipes[0].take() } else { None };
                tokio::spawn(Pump::new(child, pid, reports, pipes).run(sender));
                Ok((Self { pid, orders, output }, stdout))
            }
            Ok(Some(Report::Failed(errno))) => {
                let _ = timeout(BURIAL_TIME, child.wait()).await;
                Err(CouldNotStart { reason: start::explain(program, &spec.cwd, &io::Error::from_raw_os_error(errno)) })
            }
            Ok(Some(Report::Exited(..) | Report::Signaled(..)) | None) => {
                Err(CouldNotStart { reason: "its supervisor ended without a word".to_owned() })
            }
            Err(_) => Err(CouldNotStart { reason: format!("nothing happened for {} s", START_TIME.as_secs()) }),
        }
    }

    /// The process id of the command itself, which is its process group's too.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// What happens next. After [`Output::Exited`] there is nothing more: `None`.
    pub async fn next(&mut self) -> Option<Output> {
        self.output.recv().await
    }

    /// Sends a signal. A command that has ended already does not mind.
    pub fn signal(&self, signal: Signal) {
        let _ = (&self.orders).write(&[signal.order()]);
    }
}

type Pipes = [Option<pipe::Receiver>; 2];

fn spawn_supervisor(spec: &CommandSpec) -> io::Result<(Child, UnixStream, StdUnixStream, Pipes)> {
    let (ours, theirs) = StdUnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let orders = ours.try_clone()?;
    let (out_reader, out_writer) = std::io::pipe()?;
    let (err_reader, err_writer) = match spec.merge {
        true => (None, out_writer.try_clone()?),
        false => {
            let (reader, writer) = std::io::pipe()?;
            (Some(reader), writer)
        }
    };
    let mut command = Command::new(&spec.supervisor);
    command.arg(SUBCOMMAND);
    if let Some(input) = &spec.input {
        command.arg(INPUT).arg(input);
    }
    command.arg("--").args(&spec.argv).current_dir(&spec.cwd);
    spec.env_remove.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.envs(spec.env.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(out_writer).stderr(err_writer);
    // Not killed on drop: the supervisor ends when the socket closes, and only alive can it kill what is below.
    let child = command.spawn()?;
    let receive = |reader: io::PipeReader| pipe::Receiver::from_owned_fd(OwnedFd::from(reader));
    let pipes = [Some(receive(out_reader)?), err_reader.map(receive).transpose()?];
    Ok((child, UnixStream::from_std(ours)?, orders, pipes))
}

/// The supervisor's reports, read from the control socket.
struct Reports {
    control: UnixStream,
    partial: Vec<u8>,
}

impl Reports {
    /// The next report; `None` when the supervisor is gone. Loses nothing when it is cancelled.
    async fn next(&mut self) -> Option<Report> {
        loop {
            if let Some(end) = self.partial.iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = self.partial.drain(..=end).collect();
                return std::str::from_utf8(&line[..end]).ok()?.parse().ok();
            }
            let mut buffer = [0; 64];
            self.control.readable().await.ok()?;
            match self.control.try_read(&mut buffer) {
                Ok(0) => return None,
                Ok(len) => self.partial.extend_from_slice(&buffer[..len]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return None,
            }
        }
    }
}

/// The task that owns everything about a running command.
struct Pump {
    child: Child,
    pid: i32,
    reports: Reports,
    sources: [Source; 2],
    backlog: Backlog,
}

struct Source {
    stream: Stream,
    pipe: Option<pipe::Receiver>,
    lines: Lines,
    buffer: Box<[u8]>,
}

impl Source {
    fn new(stream: Stream, pipe: Option<pipe::Receiver>) -> Self {
        let size = if pipe.is_some() { READ_BYTES } else { 0 };
        Self { stream, pipe, lines: Lines::new(), buffer: vec![0; size].into_boxed_slice() }
    }

    /// How many bytes arrived in the buffer; 0 at the end. A stream that has ended is silent for ever.
    async fn read(&mut self) -> usize {
        match &mut self.pipe {
            Some(pipe) => pipe.read(&mut self.buffer).await.unwrap_or(0),
            None => pending().await,
        }
    }

    fn take_in(&mut self, len: usize, backlog: &mut Backlog) {
        let stream = self.stream;
        let sink = &mut |line| backlog.push(stream, line);
        match len {
            0 => {
                self.pipe = None;
                self.lines.finish(sink);
            }
            _ => self.lines.feed(&self.buffer[..len], sink),
        }
    }
}

impl Pump {
    fn new(child: Child, pid: i32, reports: Reports, pipes: Pipes) -> Self {
        let [out, err] = pipes;
        let sources = [Source::new(Stream::Stdout, out), Source::new(Stream::Stderr, err)];
        Self { child, pid, reports, sources, backlog: Backlog::default() }
    }

    async fn run(mut self, reader: mpsc::Sender<Output>) {
        let mut next_batch = Instant::now();
        let mut ending: Option<(ExitStatus, u32, Instant)> = None;
        loop {
            let [out, err] = &mut self.sources;
            let drained = out.pipe.is_none() && err.pipe.is_none();
            if let Some((.., give_up)) = ending
                && (drained || Instant::now() >= give_up)
            {
                break;
            }
            let due = self.backlog.is_full() || Instant::now() >= next_batch;
            tokio::select! {
                () = reader.closed() => return self.kill().await,
                len = out.read() => out.take_in(len, &mut self.backlog),
                len = err.read() => err.take_in(len, &mut self.backlog),
                permit = reader.reserve(), if due && !self.backlog.is_empty() => {
                    let Ok(permit) = permit else { return self.kill().await };
                    permit.send(Output::Lines(self.backlog.take()));
                    next_batch = Instant::now() + BATCH_TIME;
                }
                () = sleep_until(next_batch), if !due && !self.backlog.is_empty() => {}
                report = self.reports.next(), if ending.is_none() => {
                    let (status, leaked) = self.ended(report);
                    ending = Some((status, leaked, Instant::now() + DRAIN_TIME));
                }
                () = until(ending.map(|(.., give_up)| give_up)) => {}
            }
        }
        for source in &mut self.sources {
            source.take_in(0, &mut self.backlog);
        }
        while !self.backlog.is_empty() {
            if reader.send(Output::Lines(self.backlog.take())).await.is_err() {
                return self.kill().await;
            }
        }
        if let Some((status, leaked, _)) = ending {
            let _ = reader.send(Output::Exited { status, leaked }).await;
        }
        self.kill().await;
    }

    fn ended(&self, report: Option<Report>) -> (ExitStatus, u32) {
        match report {
            Some(Report::Exited(code, leaked)) if code >= 0 => (ExitStatus::Code(code), leaked),
            Some(Report::Signaled(signal, leaked)) => (ExitStatus::Signal(signal), leaked),
            Some(Report::Exited(..) | Report::Started(_) | Report::Failed(_)) | None => {
                // Without its supervisor the command is nobody's; its group is what we can still reach.
                if let Some(group) = rustix::process::Pid::from_raw(self.pid) {
                    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                }
                (ExitStatus::Unknown, 0)
            }
        }
    }

    /// Lets go of the control socket, at which the supervisor kills what is left, and waits for the supervisor.
    async fn kill(self) {
        let Self { mut child, reports, sources, .. } = self;
        drop((reports, sources));
        if timeout(BURIAL_TIME, child.wait()).await.is_err() {
            let _ = child.start_kill();
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
