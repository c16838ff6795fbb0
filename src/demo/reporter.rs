//! The suite's side of `docs/reporter-protocol.md`, version 1: one JSON object a line into a Unix socket.

use std::{
    env,
    io::Write,
    os::unix::net::UnixStream,
    process,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use serde_json::{Value, json};

const WRITE_WAIT: Duration = Duration::from_secs(10);

/// A connection to whoever listens at `LIVELOOP_SOCKET`; with the variable unset it says nothing to nobody.
#[derive(Debug)]
pub(super) struct Reporter {
    stream: Option<UnixStream>,
    gone: AtomicBool,
}

impl Reporter {
    /// Connects and says hello.
    pub(super) fn connect() -> std::io::Result<Self> {
        let stream = match env::var_os("LIVELOOP_SOCKET") {
            Some(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_write_timeout(Some(WRITE_WAIT))?;
                Some(stream)
            }
            None => None,
        };
        let reporter = Self { stream, gone: AtomicBool::new(false) };
        let version = env!("CARGO_PKG_VERSION");
        let pid = process::id();
        reporter.say(&json!({"e": "hello", "v": 1, "tool": "demo", "version": version, "pid": pid, "evidence": true}));
        Ok(reporter)
    }

    /// Writes one line. Lines here are far below what a socket's buffer holds, so this does not wait in practice.
    pub(super) fn say(&self, line: &Value) {
        if let Some(mut stream) = self.stream.as_ref()
            && !self.is_gone()
            && stream.write_all(format!("{line}\n").as_bytes()).is_err()
        {
            self.gone.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the listener went away: a suite that nobody hears has no reason to go on.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }
}
