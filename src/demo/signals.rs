//! What signals ask of the suite's processes: SIGINT to stop, SIGUSR1 to say where they are.

use std::{env, fs::OpenOptions, io, io::Write};

use rustix::process::{Pid, Signal as Number, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Stop,
    Stacks,
}

/// The signals of this process.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    stacks: Signal,
}

impl Signals {
    pub(super) fn watch() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, stacks: signal(SignalKind::user_defined1())? })
    }

    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.stacks.recv() => Asked::Stacks,
        }
    }
}

/// Passes on to child processes what was asked. One may have ended by itself, or have been asked with the whole group.
pub(super) fn pass_on(asked: Asked, pids: &[u32]) {
    let number = match asked {
        Asked::Stop => Number::INT,
        Asked::Stacks => Number::USR1,
    };
    for pid in pids.iter().filter_map(|&pid| i32::try_from(pid).ok()).filter_map(Pid::from_raw) {
        let _ = kill_process(pid, number);
    }
}

/// Appends to the file in `LIVELOOP_STACKS`, which the suite's processes share.
pub(super) fn write_stacks(text: &str) {
    if let Some(path) = env::var_os("LIVELOOP_STACKS")
        && let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path)
    {
        // Whoever asked sees an empty answer when this fails; the tests go on.
        let _ = file.write_all(text.as_bytes());
    }
}
