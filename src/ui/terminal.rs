//! The terminal: taken, written to, read from, and given back whatever happens.
//!
//! Two threads stand between the loop and the terminal, because both directions can block without limit: one reads and
//! notices at once when the terminal is gone, one writes a frame at a time. The loop waits for neither.

use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossterm::event::Event;
use ratatui::layout::{Rect, Size};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::{Notify, mpsc};

use super::input::Decoder;
use super::painter::Painter;
use super::viewer::LARGEST;

/// Alternate screen, hidden cursor, bracketed paste, focus reports.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1004h\x1b[0m\x1b[2J";
/// Clicks and wheel, with coordinates of any size.
const MOUSE: &[u8] = b"\x1b[?1000h\x1b[?1006h";
/// Everything back, whether or not it was on.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[0m\x1b[?1006l\x1b[?1000l\x1b[?1004l\x1b[?2004l\x1b[?25h\x1b[?1049l";
/// How long a lone escape may be the beginning of a sequence.
const ESCAPE: Timespec = Timespec { tv_sec: 0, tv_nsec: 30_000_000 };
/// How long the terminal may take to accept the last words.
const FAREWELL: Duration = Duration::from_millis(300);
/// How many reads may wait for the loop.
const READS: usize = 64;

/// How the terminal was before it was taken; present while it is ours. The panic hook needs it from any thread.
static TAKEN: Mutex<Option<Termios>> = Mutex::new(None);

fn stdin() -> BorrowedFd<'static> {
    rustix::stdio::stdin()
}

fn stdout() -> BorrowedFd<'static> {
    rustix::stdio::stdout()
}

/// A lock whose holder panicked guards plain values here, which are whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What comes from the terminal.
#[derive(Debug)]
pub enum FromTerminal {
    /// What a person did, as one read brought it.
    Events(Vec<Event>),
    /// The terminal is gone.
    HungUp,
}

/// The terminal, ours until this is dropped.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<Painter>,
    mouse: bool,
    reader: Reader,
    writer: Writer,
    /// What comes from the terminal.
    pub incoming: mpsc::Receiver<FromTerminal>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When standard input and output are no terminal, or it cannot be set.
    pub fn open(mouse: bool) -> io::Result<Self> {
        if !isatty(stdin()) || !isatty(stdout()) {
            let why =
                "the console needs a terminal for input and output; without one, `liveloop run` does the same work";
            return Err(io::Error::other(why));
        }
        // Colours are removed by the theme; crossterm's own way of doing it also resets bold and reversed.
        crossterm::style::force_color_output(true);
        take_terminal(mouse)?;
        let size = size();
        let viewport = Viewport::Fixed(Rect::from(((0, 0).into(), size)));
        let terminal = Terminal::with_options(Painter::new(size), TerminalOptions { viewport })?;
        let (send, incoming) = mpsc::channel(READS);
        Ok(Self { terminal, mouse, reader: Reader::start(send)?, writer: Writer::start()?, incoming })
    }

    /// The size of the terminal now, within what is reasonable.
    #[must_use]
    pub fn size(&self) -> Size {
        size()
    }

    /// Whether the last frame is out, so that another one can follow.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.writer.shared.busy.load(Ordering::Acquire)
    }

    /// Resolves when a frame that was on its way is out. Holds nothing of the screen.
    pub fn ready(&self) -> impl Future<Output = ()> + Send + use<> {
        let shared = Arc::clone(&self.writer.shared);
        async move {
            while shared.busy.load(Ordering::Acquire) {
                shared.idle.notified().await;
            }
        }
    }

    /// Draws a frame and sends what changed. Only for a screen that is [ready](Self::is_ready); otherwise nothing
    /// happens.
    ///
    /// # Errors
    /// When the frame cannot be drawn into memory, which does not happen.
    pub fn draw(&mut self, area: Rect, draw: impl FnOnce(&mut Frame)) -> io::Result<()> {
        if !self.is_ready() || !is_taken() {
            return Ok(());
        }
        if self.terminal.get_frame().area() != area {
            self.terminal.backend_mut().resize(area.as_size());
            self.terminal.resize(area)?;
        }
        self.terminal.draw(draw)?;
        if let Some(frame) = self.terminal.backend_mut().frame() {
            self.writer.send(frame);
        }
        Ok(())
    }

    /// Sends bytes that are no frame, such as a text for the clipboard.
    pub async fn send(&self, bytes: Vec<u8>) {
        self.ready().await;
        self.writer.send(bytes);
    }

    /// Forgets what the terminal shows, so that the next frame is whole.
    ///
    /// # Errors
    /// When memory cannot be written to, which does not happen.
    pub fn forget(&mut self) -> io::Result<()> {
        self.terminal.backend_mut().forget();
        self.terminal.clear()
    }

    /// Gives the terminal away for a while: to an editor, or to the shell.
    pub fn suspend(&mut self) {
        self.reader.pause();
        self.writer.settle(FAREWELL);
        give_back();
    }

    /// Takes it back.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn resume(&mut self) -> io::Result<()> {
        take_terminal(self.mouse)?;
        self.reader.resume();
        self.forget()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.reader.stop();
        self.writer.settle(FAREWELL);
        give_back();
    }
}

/// The size of the terminal; 80 × 24 where it does not know.
fn size() -> Size {
    let known = tcgetwinsize(stdout()).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    let (width, height) = known.map_or((80, 24), |size| (size.ws_col, size.ws_row));
    Size::new(width.min(LARGEST.0), height.min(LARGEST.1))
}

fn take_terminal(mouse: bool) -> io::Result<()> {
    let before = tcgetattr(stdin())?;
    let mut raw = before.clone();
    raw.make_raw();
    // Known before anything changes, so that whatever happens next can be undone.
    lock(&TAKEN).get_or_insert(before);
    let entered = tcsetattr(stdin(), OptionalActions::Now, &raw).map_err(io::Error::from);
    let entered = entered.and_then(|()| write_all(ENTER, FAREWELL));
    let entered = entered.and_then(|()| if mouse { write_all(MOUSE, FAREWELL) } else { Ok(()) });
    entered.inspect_err(|_| give_back())
}

/// Gives the terminal back, once. Safe from any thread, at any time.
fn give_back() {
    let Some(before) = lock(&TAKEN).take() else { return };
    // A terminal that takes no bytes, or is gone, cannot be told; its settings still can.
    let _ = write_all(LEAVE, FAREWELL);
    let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
}

/// Whether the terminal is ours now.
#[must_use]
pub fn is_taken() -> bool {
    lock(&TAKEN).is_some()
}

// ---- panics -----------------------------------------------------------------------------------------------------

thread_local! {
    static DRAWS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Texts of panics outside the viewer while it has the screen, to be shown there. Bounded.
static FAILED: Mutex<Vec<String>> = Mutex::new(Vec::new());
const FAILED_KEPT: usize = 8;
/// Rung when one was kept.
static BELL: Notify = Notify::const_new();

/// Runs a part of the viewer: a panic in it gives the terminal back before it is reported.
pub fn guarded<T>(part: impl FnOnce() -> T) -> T {
    struct Mark(bool);
    impl Drop for Mark {
        fn drop(&mut self) {
            DRAWS.set(self.0);
        }
    }
    let _mark = Mark(DRAWS.replace(true));
    part()
}

/// Takes care of panics: where the viewer or the main thread dies, the terminal is given back before the report is
/// written. A task that dies while the screen is ours writes nothing over it; its words are kept for
/// [`failures`]. To be called after other hooks, such as color-eyre's, are installed.
pub fn install_panic_hook() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let ends = DRAWS.get() || std::thread::current().name() == Some("main");
        if ends || !is_taken() {
            give_back();
            report(panic);
        } else {
            let mut failed = lock(&FAILED);
            if failed.len() < FAILED_KEPT {
                failed.push(panic.to_string());
            }
            BELL.notify_one();
        }
    }));
}

/// Resolves when a panic was kept silent.
pub async fn failed() {
    BELL.notified().await;
}

/// The panics that were kept silent since this was last asked.
#[must_use]
pub fn failures() -> Vec<String> {
    std::mem::take(&mut lock(&FAILED))
}

// ---- writing ----------------------------------------------------------------------------------------------------

/// Writes everything, over partial writes, interruptions and a terminal that takes nothing just now.
fn write_all(mut bytes: &[u8], patience: Duration) -> io::Result<()> {
    let until = Instant::now().checked_add(patience);
    while !bytes.is_empty() {
        let left = until.map_or(Duration::from_secs(3_600), |until| until.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        let mut wait = [PollFd::from_borrowed_fd(stdout(), PollFlags::OUT)];
        match poll(&mut wait, Some(&left)) {
            Err(Errno::INTR) | Ok(0) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) if wait[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            Ok(_) => {}
        }
        match rustix::io::write(stdout(), bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[derive(Debug, Default)]
struct WriterShared {
    busy: AtomicBool,
    idle: Notify,
}

/// Writes one frame at a time on a thread of its own. It is never joined: a terminal that takes nothing may hold it.
#[derive(Debug)]
struct Writer {
    frames: SyncSender<Vec<u8>>,
    shared: Arc<WriterShared>,
}

impl Writer {
    fn start() -> io::Result<Self> {
        let (frames, incoming) = sync_channel::<Vec<u8>>(1);
        let shared = Arc::new(WriterShared::default());
        let own = Arc::clone(&shared);
        let work = move || write_frames(&incoming, &own);
        std::thread::Builder::new().name("terminal-out".into()).spawn(work)?;
        Ok(Self { frames, shared })
    }

    fn send(&self, frame: Vec<u8>) {
        self.shared.busy.store(true, Ordering::Release);
        if self.frames.try_send(frame).is_err() {
            self.shared.busy.store(false, Ordering::Release);
        }
    }

    /// Waits for the frame that is on its way, but not for long.
    fn settle(&self, patience: Duration) {
        let until = Instant::now() + patience;
        while self.shared.busy.load(Ordering::Acquire) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn write_frames(incoming: &Receiver<Vec<u8>>, shared: &WriterShared) {
    while let Ok(frame) = incoming.recv() {
        // A terminal that is gone is noticed by the reader.
        let _ = write_all(&frame, Duration::MAX);
        shared.busy.store(false, Ordering::Release);
        shared.idle.notify_one();
    }
}

// ---- reading ----------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Read,
    Pause,
    Paused,
    Stop,
}

#[derive(Debug)]
struct ReaderShared {
    order: Mutex<Order>,
    changed: Condvar,
}

/// Reads on a thread of its own, and notices when the terminal goes away.
#[derive(Debug)]
struct Reader {
    shared: Arc<ReaderShared>,
    bell: PipeWriter,
}

impl Reader {
    fn start(send: mpsc::Sender<FromTerminal>) -> io::Result<Self> {
        let (bell_end, bell) = io::pipe()?;
        let shared = Arc::new(ReaderShared { order: Mutex::new(Order::Read), changed: Condvar::new() });
        let own = Arc::clone(&shared);
        let work = move || {
            if read(&send, bell_end, &own) == Over::HungUp {
                let _ = send.blocking_send(FromTerminal::HungUp);
            }
            *lock(&own.order) = Order::Stop;
            own.changed.notify_all();
        };
        std::thread::Builder::new().name("terminal-in".into()).spawn(work)?;
        Ok(Self { shared, bell })
    }

    fn order(&mut self, order: Order) {
        let mut current = lock(&self.shared.order);
        if *current != Order::Stop {
            *current = order;
            self.shared.changed.notify_all();
            let _ = self.bell.write(&[0]);
        }
    }

    /// Returns once nothing is read any longer.
    fn pause(&mut self) {
        self.order(Order::Pause);
        let current = lock(&self.shared.order);
        let waits = |order: &mut Order| *order == Order::Pause;
        let _ = self.shared.changed.wait_timeout_while(current, FAREWELL, waits);
    }

    fn resume(&mut self) {
        self.order(Order::Read);
    }

    fn stop(&mut self) {
        self.order(Order::Stop);
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Over {
    HungUp,
    Stopped,
}

fn read(send: &mpsc::Sender<FromTerminal>, mut bell: PipeReader, shared: &ReaderShared) -> Over {
    let mut decoder = Decoder::default();
    let mut bytes = [0; 4_096];
    loop {
        let mut events = Vec::new();
        let mut wait = [PollFd::from_borrowed_fd(stdin(), PollFlags::IN), PollFd::new(&bell, PollFlags::IN)];
        let ready = poll(&mut wait, decoder.is_waiting().then_some(&ESCAPE));
        let (terminal, rung) = (wait[0].revents(), !wait[1].revents().is_empty());
        match ready {
            Err(Errno::INTR) => continue,
            Err(_) => return Over::HungUp,
            Ok(0) => decoder.settle(&mut events),
            Ok(_) if rung => {
                if bell.read(&mut bytes).is_err() || !obey(shared) {
                    return Over::Stopped;
                }
            }
            Ok(_) if terminal.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => return Over::HungUp,
            Ok(_) => match rustix::io::read(stdin(), &mut bytes) {
                Ok(0) => return Over::HungUp,
                Ok(count) => decoder.feed(&bytes[..count], &mut events),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return Over::HungUp,
            },
        }
        if !events.is_empty() && send.blocking_send(FromTerminal::Events(events)).is_err() {
            return Over::Stopped;
        }
    }
}

/// Waits while the terminal is somebody else's; answers whether to go on.
fn obey(shared: &ReaderShared) -> bool {
    let mut order = lock(&shared.order);
    loop {
        match *order {
            Order::Read => return true,
            Order::Stop => return false,
            Order::Pause => {
                *order = Order::Paused;
                shared.changed.notify_all();
            }
            Order::Paused => order = shared.changed.wait(order).unwrap_or_else(PoisonError::into_inner),
        }
    }
}
