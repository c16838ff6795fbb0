//! What may befall the program and its terminal.

use std::sync::atomic::Ordering;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use super::console::{Console, PATIENCE, Shown, above_zero, pty_size};

impl Console {
    /// Waits until that many bytes were written, whether or not they make a whole frame.
    pub(crate) fn until_written(&self, bytes: usize) {
        let few = |shown: &mut Shown| shown.bytes.len() < bytes && !shown.closed;
        let wait = self.seen.changed.wait_timeout_while(self.shown(), PATIENCE, few);
        assert!(wait.expect("no test panics in here").0.bytes.len() >= bytes, "so much is never written");
    }

    /// The terminal takes another size, as when somebody drags a corner of its window.
    pub(crate) fn resize(&self, size: (u16, u16)) {
        let (master, _) = self.terminal.as_ref().expect("the terminal is open");
        self.shown().emulator.screen_mut().set_size(above_zero(size.1), above_zero(size.0));
        master.resize(pty_size(size)).expect("a terminal has a size");
    }

    /// The terminal goes away, as when a connection breaks.
    pub(crate) fn hang_up(&mut self) {
        // The reading thread holds a descriptor too. The next bytes wake it, and then it closes.
        self.deaf.store(true, Ordering::SeqCst);
        self.resize((97, 31));
        let (mut shown, deadline) = (self.shown(), Instant::now() + PATIENCE);
        while !shown.closed {
            assert!(Instant::now() < deadline, "nothing was written after a resize");
            shown = self.seen.changed.wait_timeout(shown, PATIENCE).expect("no test panics in here").0;
        }
        drop(shown);
        self.terminal = None;
    }

    pub(crate) fn pid(&self) -> Pid {
        let pid = self.child.process_id().and_then(|pid| i32::try_from(pid).ok());
        pid.and_then(Pid::from_raw).expect("a process has a number")
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a child of ours");
    }
}
