//! The small process between us and every command we start: the hidden subcommand `liveloop __supervise -- CMD ARGS…`.
//!
//! It gives two promises that a parent alone cannot give. Nothing is left running: neither when the command ends and
//! leaves daemons behind, nor when we are killed with no chance to clean up. And the command has no terminal: it cannot
//! draw over our screen nor wait for a password on it.
//!
//! It leads a session of its own and adopts whatever its descendants orphan (a *subreaper*), so that even a daemon that
//! forked twice into a session of its own is found below it. Its standard input is one end of a socket pair. Orders come
//! in on it, one byte each; what became of the command goes out, one line each; and when it closes, the parent is dead and
//! everything below is killed at once. Its output streams are the command's own, untouched.
//!
//! Elsewhere than on Linux there is no subreaper and no `/proc`: there the promises hold for the command's process group,
//! and a daemon that left the group gets away.
//!
//! No tokio here, no allocation worth a word, two threads: one waits for orders, one for the command.

use std::ffi::OsString;
use std::fmt;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Pid;

mod tree;

use tree::Tree;

/// The first argument that makes the program a supervisor.
pub const SUBCOMMAND: &str = "__supervise";

/// How long what the command left behind may take to end by itself.
pub const GRACE: Duration = Duration::from_millis(200);

/// What a supervised command can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT to the command's process group, as Ctrl-C in a terminal would.
    Interrupt,
    /// SIGTERM to everything below the supervisor.
    Terminate,
    /// SIGKILL to everything below the supervisor.
    Kill,
    /// SIGUSR1 to those below that handle it; it would end the others.
    Stacks,
    /// SIGSTOP to everything below the supervisor.
    Suspend,
    /// SIGCONT to everything below the supervisor.
    Resume,
}

impl Signal {
    const ALL: [Signal; 6] =
        [Signal::Interrupt, Signal::Terminate, Signal::Kill, Signal::Stacks, Signal::Suspend, Signal::Resume];

    /// The byte that stands for it on the control socket.
    pub fn order(self) -> u8 {
        match self {
            Signal::Interrupt => b'i',
            Signal::Terminate => b't',
            Signal::Kill => b'k',
            Signal::Stacks => b'u',
            Signal::Suspend => b's',
            Signal::Resume => b'c',
        }
    }

    fn from_order(order: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.order() == order)
    }

    fn number(self) -> rustix::process::Signal {
        match self {
            Signal::Interrupt => rustix::process::Signal::INT,
            Signal::Terminate => rustix::process::Signal::TERM,
            Signal::Kill => rustix::process::Signal::KILL,
            Signal::Stacks => rustix::process::Signal::USR1,
            Signal::Suspend => rustix::process::Signal::STOP,
            Signal::Resume => rustix::process::Signal::CONT,
        }
    }
}

/// What a supervisor tells its parent, one line each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The command runs, with this process (and process group) id.
    Started(i32),
    /// The command could not be started, with the system's error number.
    Failed(i32),
    /// The command ended with an exit code, and this many processes it left behind were killed.
    Exited(i32, u32),
    /// The command was ended by a signal, and this many processes it left behind were killed.
    Signaled(i32, u32),
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Started(pid) => write!(f, "started {pid}"),
            Report::Failed(errno) => write!(f, "failed {errno}"),
            Report::Exited(code, leaked) => write!(f, "exited {code} {leaked}"),
            Report::Signaled(signal, leaked) => write!(f, "signaled {signal} {leaked}"),
        }
    }
}

impl FromStr for Report {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut words = line.split(' ');
        let kind = words.next().ok_or(())?;
        let mut number = || words.next().and_then(|word| word.parse().ok()).ok_or(());
        let first = number()?;
        let leaked = |number: i32| u32::try_from(number).map_err(|_| ());
        match kind {
            "started" => Ok(Report::Started(first)),
            "failed" => Ok(Report::Failed(first)),
            "exited" => Ok(Report::Exited(first, leaked(number()?)?)),
            "signaled" => Ok(Report::Signaled(first, leaked(number()?)?)),
            _ => Err(()),
        }
    }
}

/// The word before the file that the command reads as its standard input; without it, that is empty.
pub const INPUT: &str = "--input";

/// Runs a command under supervision; `args` are what follows [`SUBCOMMAND`]. Called before anything else in `main`.
///
/// The exit code is the command's own, 128 + the signal's number, 127 if the command could not be started.
pub fn supervise(args: &[OsString]) -> ExitCode {
    let (input, args) = match args {
        [word, file, args @ ..] if word == INPUT => (Some(file), args),
        args => (None, args),
    };
    let args = args.strip_prefix(&[OsString::from("--")]).unwrap_or(args);
    let Some((program, args)) = args.split_first() else {
        eprintln!("liveloop: {SUBCOMMAND} is internal: it needs `-- COMMAND…` and a socket as its standard input");
        return ExitCode::from(2);
    };
    let Ok(lifeline) = std::io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from) else {
        return ExitCode::from(2);
    };
    outlive_requests_to_end();
    // Fails only for one who leads a group already, and then the command still gets a group of its own.
    let _ = rustix::process::setsid();
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));

    let stdin = input.map_or(Ok(Stdio::null()), |file| std::fs::File::open(file).map(Stdio::from));
    let child = stdin.and_then(|stdin| Command::new(program).args(args).stdin(stdin).process_group(0).spawn());
    let leader = match child.map(|child| Pid::from_raw(child.id() as i32)) {
        Ok(Some(leader)) => leader,
        Ok(None) => return ExitCode::from(127),
        Err(error) => {
            report(&lifeline, Report::Failed(error.raw_os_error().unwrap_or(0)));
            return ExitCode::from(127);
        }
    };
    report(&lifeline, Report::Started(leader.as_raw_nonzero().get()));

    let tree = Arc::new(Tree::new(leader));
    let (orders, below) = (lifeline.try_clone(), Arc::clone(&tree));
    std::thread::spawn(move || follow_orders(orders, &below));

    let status = tree.wait_for_leader();
    let leaked = tree.clear();
    let ending = match status {
        Some(status) => match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Report::Exited(code, leaked),
            (None, Some(signal)) => Report::Signaled(signal, leaked),
            (None, None) => Report::Exited(-1, leaked),
        },
        None => Report::Exited(-1, leaked),
    };
    report(&lifeline, ending);
    match ending {
        Report::Signaled(signal, _) => ExitCode::from(128u8.saturating_add(signal as u8)),
        Report::Exited(code, _) | Report::Started(code) | Report::Failed(code) => ExitCode::from(code as u8),
    }
}

/// Whoever ends a whole tree of processes (`pkill liveloop`, a stopped service) means us as well, but the supervisor's
/// time comes last. A handler that does nothing, rather than ignoring: the command must not inherit it.
fn outlive_requests_to_end() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        let _ = signal_hook::flag::register(signal, Arc::default());
    }
}

/// A parent that is gone cannot be told, and there is nobody else to tell.
fn report(mut lifeline: &UnixStream, report: Report) {
    let _ = lifeline.write_all(format!("{report}\n").as_bytes());
}

/// Delivers what the parent asks for, until the parent is gone; then kills everything.
fn follow_orders(orders: std::io::Result<UnixStream>, tree: &Tree) {
    if let Ok(mut orders) = orders {
        let mut order = [0];
        loop {
            match orders.read(&mut order) {
                Ok(1..) => {
                    if let Some(signal) = Signal::from_order(order[0]) {
                        tree.deliver(signal);
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
    }
    tree.kill_all();
    std::process::exit(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_survive_the_wire() {
        let all = [Report::Started(7), Report::Failed(2), Report::Exited(3, 1), Report::Signaled(15, 0)];
        for report in all {
            assert_eq!(report.to_string().parse(), Ok(report));
        }
        for nonsense in ["", "exited", "exited x 0", "exited 0", "exited 0 -1", "left 1 1"] {
            assert_eq!(nonsense.parse::<Report>(), Err(()), "{nonsense:?}");
        }
    }

    #[test]
    fn orders_are_distinct() {
        for signal in Signal::ALL {
            assert_eq!(Signal::from_order(signal.order()), Some(signal));
        }
    }
}
