//! The real program in a pseudo-terminal, whose screen an independent emulator keeps.

use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

use super::home::Home;

/// Nothing here takes more than some seconds; a machine that is busy may take longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// The program in its terminal. Killed, if it still runs, when this is dropped.
pub(crate) struct Console {
    pub(crate) child: Box<dyn Child + Send + Sync>,
    pub(crate) terminal: Option<(Box<dyn MasterPty + Send>, Box<dyn Write + Send>)>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) deaf: Arc<AtomicBool>,
    settings: String,
}

pub(crate) struct Seen {
    pub(crate) shown: Mutex<Shown>,
    pub(crate) changed: Condvar,
}

/// What the program has written, and what a terminal makes of it.
pub(crate) struct Shown {
    pub(crate) emulator: vt100::Parser,
    /// Every byte, in order.
    pub(crate) bytes: Vec<u8>,
    pub(crate) closed: bool,
}

impl Shown {
    pub(crate) fn screen(&self) -> &vt100::Screen {
        self.emulator.screen()
    }

    /// The screen as text.
    pub(crate) fn text(&self) -> String {
        self.screen().contents()
    }

    /// Whether a frame has begun and not ended; a terminal would not show it yet.
    fn is_torn(&self) -> bool {
        let last = |mark: &[u8]| self.bytes.windows(mark.len()).rposition(|part| part == mark);
        last(BEGIN) > last(END)
    }
}

impl Console {
    /// Starts the program in the project of `home`, on a terminal of that many columns and rows.
    pub(crate) fn start(home: &Home, words: &[&str], size: (u16, u16), variables: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(pty_size(size)).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_liveloop"));
        command.args(words);
        command.cwd(home.project());
        command.env_clear();
        home.variables().iter().for_each(|(name, value)| command.env(name, value));
        variables.iter().for_each(|(name, value)| command.env(name, value));
        let settings = settings(&*pair.master);
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let emulator = vt100::Parser::new(above_zero(size.1), above_zero(size.0), 0);
        let shown = Mutex::new(Shown { emulator, bytes: Vec::new(), closed: false });
        let seen = Arc::new(Seen { shown, changed: Condvar::new() });
        let deaf = Arc::new(AtomicBool::new(false));
        let mut reader = pair.master.try_clone_reader().expect("a second descriptor");
        std::thread::spawn({
            let (seen, deaf) = (Arc::clone(&seen), Arc::clone(&deaf));
            move || {
                let mut chunk = [0; 1 << 16];
                while !deaf.load(Ordering::SeqCst) {
                    let count = reader.read(&mut chunk).unwrap_or(0);
                    let mut shown = seen.shown.lock().expect("no test panics in here");
                    shown.emulator.process(&chunk[..count]);
                    shown.bytes.extend_from_slice(&chunk[..count]);
                    shown.closed = count == 0;
                    seen.changed.notify_all();
                    if count == 0 {
                        return;
                    }
                }
                drop(reader);
                seen.shown.lock().expect("no test panics in here").closed = true;
                seen.changed.notify_all();
            }
        });
        let keys = pair.master.take_writer().expect("the only one");
        Self { child, terminal: Some((pair.master, keys)), seen, deaf, settings }
    }

    /// What was written and is shown now.
    pub(crate) fn shown(&self) -> MutexGuard<'_, Shown> {
        self.seen.shown.lock().expect("no test panics in here")
    }

    /// Types.
    pub(crate) fn keys(&mut self, keys: &str) {
        let (_, writer) = self.terminal.as_mut().expect("the terminal is open");
        writer.write_all(keys.as_bytes()).and_then(|()| writer.flush()).expect("the terminal takes keys");
    }

    /// Waits until a whole frame shows what `is_so` looks for, and gives what it found.
    pub(crate) fn until<T>(&self, what: &str, mut is_so: impl FnMut(&Shown) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut shown = self.shown();
        loop {
            if let Some(found) = Some(&*shown).filter(|shown| !shown.is_torn()).and_then(&mut is_so) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || shown.closed {
                let text = shown.text();
                drop(shown);
                panic!("{} before {what}:\n{text}", if left.is_zero() { "nothing" } else { "it ended" });
            }
            shown = self.seen.changed.wait_timeout(shown, left).expect("no test panics in here").0;
        }
    }

    /// Waits until the screen holds a text.
    pub(crate) fn until_shown(&self, text: &str) {
        self.until(text, |shown| shown.text().contains(text).then_some(()));
    }

    /// Waits until the program has ended and its last byte was read.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                let shown = self.shown();
                let left = deadline.saturating_duration_since(Instant::now());
                let wait = self.seen.changed.wait_timeout_while(shown, left, |shown| !shown.closed);
                drop(wait.expect("no test panics in here"));
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.shown().text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether everything about the terminal is as it was before the program started.
    pub(crate) fn is_restored(&self) -> Result<(), String> {
        let (master, _) = self.terminal.as_ref().expect("the terminal is open");
        let shown = self.shown();
        let screen = shown.screen();
        let state = format!(
            "alternate screen {}, cursor hidden {}, paste {}, mouse {:?}, settings as before {}",
            screen.alternate_screen(),
            screen.hide_cursor(),
            screen.bracketed_paste(),
            screen.mouse_protocol_mode(),
            settings(&**master) == self.settings
        );
        let good = "alternate screen false, cursor hidden false, paste false, mouse None, settings as before true";
        if state == good { Ok(()) } else { Err(state) }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.deaf.store(true, Ordering::SeqCst);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn settings(terminal: &dyn MasterPty) -> String {
    format!("{:?}", terminal.get_termios().expect("a terminal has settings"))
}

pub(crate) fn pty_size((cols, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

pub(crate) fn above_zero(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).expect("a terminal has columns and rows")
}
