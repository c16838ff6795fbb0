//! The viewer on a real pseudo-terminal: taken, kept quiet, resized, lost, and given back.
//!
//! Each test starts this file once more inside the terminal, as [`the_viewer_inside`], which shows a session that is
//! filled by hand.

use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal};
use rustix::termios::{LocalModes, tcgetattr};

const PATIENCE: Duration = Duration::from_secs(20);
const STORY: &str = "LIVELOOP_VIEWER_STORY";
const REPORT: &str = "LIVELOOP_VIEWER_REPORT";

// ---- inside ------------------------------------------------------------------------------------------------------

#[test]
#[ignore = "started by the other tests, inside a pseudo-terminal"]
fn the_viewer_inside() {
    let Ok(story) = std::env::var(STORY) else { return };
    liveloop::ui::terminal::install_panic_hook();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let end = runtime.expect("a runtime").block_on(inside(&story));
    if let Ok(path) = std::env::var(REPORT) {
        std::fs::write(path, format!("{end:?}")).expect("the report can be written");
    }
    if story == "stalled" {
        // The harness would write to the terminal that takes nothing.
        std::process::exit(0);
    }
    println!("after: {end:?}");
}

async fn inside(story: &str) -> Result<liveloop::domain::SessionEnd, String> {
    use liveloop::attach::{Delivery, Player, feed};
    use liveloop::domain::{Entry, Moment, ProjectSpec, SessionEvent, ViewerId};
    use liveloop::ui::color::Depth;
    use liveloop::ui::theme::Glyphs;

    // Without this, the default of the signal would end us before the terminal's end is noticed.
    let hangup = tokio::signal::unix::SignalKind::hangup();
    let _hangup = tokio::signal::unix::signal(hangup).expect("a signal can be listened for");
    let (requests, mut asked) = tokio::sync::mpsc::channel(16);
    let (mut sender, feed) = feed(ViewerId(0), Player::Session, requests);
    let project = ProjectSpec { name: "shop".into(), ..ProjectSpec::default() };
    let opened = SessionEvent::Opened { project: project.into() };
    sender.tell(Delivery::Snapshot(Default::default()));
    sender.offer(&[Entry { seq: 1, at: Moment(1), event: opened.into() }.into()], Default::default);
    match story {
        "panic" => {
            std::thread::spawn(|| {
                std::thread::sleep(Duration::from_millis(300));
                liveloop::ui::terminal::guarded(|| panic!("the viewer broke"));
            });
        }
        "task" => {
            std::thread::spawn(|| {
                std::thread::sleep(Duration::from_millis(300));
                panic!("some task broke");
            });
        }
        _ => {}
    }
    tokio::spawn(async move { while asked.recv().await.is_some() {} });
    let settings = liveloop::ui::app::UiSettings {
        theme: liveloop::ui::theme_file::Palette::dark().theme(Depth::True, Glyphs::Unicode),
        keymap: Default::default(),
        call: liveloop::config::settings::Call::Off,
        mouse: true,
        frame: std::time::Duration::from_millis(33),
        editor: "echo EDITED".into(),
        clipboard: vec![liveloop::ui::clipboard::Route::Terminal],
        utc_offset: 0,
        complaint: None,
    };
    let end = liveloop::ui::app::run(feed, settings).await.map_err(|error| format!("{error:#}"));
    drop(sender);
    end
}

// ---- outside -----------------------------------------------------------------------------------------------------

fn some(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("no screen is without rows and columns")
}

struct Outside {
    master: Option<Box<dyn MasterPty + Send>>,
    child: Box<dyn Child + Send + Sync>,
    keys: Option<Box<dyn Write + Send>>,
    output: Receiver<Vec<u8>>,
    bytes: Vec<u8>,
    screen: vt100::Parser,
    let_go: Arc<AtomicBool>,
    gate: Arc<Mutex<()>>,
    report: tempfile::TempPath,
}

impl Outside {
    fn start(story: &str) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let report = tempfile::NamedTempFile::new().expect("a file for the report").into_temp_path();
        let mut command = CommandBuilder::new(std::env::current_exe().expect("this test's own program"));
        command.args(["--ignored", "--exact", "the_viewer_inside", "--nocapture"]);
        command.env(STORY, story);
        command.env(REPORT, &report);
        let child = pair.slave.spawn_command(command).expect("this test's own program starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let keys = pair.master.take_writer().expect("a writer");
        let (send, output) = channel();
        let let_go = Arc::new(AtomicBool::new(false));
        let is_let_go = Arc::clone(&let_go);
        let gate = Arc::new(Mutex::new(()));
        let passed = Arc::clone(&gate);
        std::thread::spawn(move || {
            let mut buffer = [0; 8_192];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || is_let_go.load(Ordering::Acquire) || send.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
                drop(passed.lock());
            }
        });
        let screen = vt100::Parser::new(some(24), some(80), 0);
        Self {
            master: Some(pair.master),
            child,
            keys: Some(keys),
            output,
            bytes: Vec::new(),
            screen,
            let_go,
            gate,
            report,
        }
    }

    /// Takes in what comes until `reached` holds.
    fn until(&mut self, what: &str, reached: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !reached(self) {
            assert!(Instant::now() < end, "waited for {what}; the screen:\n{}", self.screen.screen().contents());
            match self.output.recv_timeout(Duration::from_millis(50)) {
                Ok(bytes) => self.came(&bytes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    assert!(reached(self), "the program ended before {what}:\n{}", self.screen.screen().contents());
                }
            }
        }
    }

    fn came(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.bytes.extend_from_slice(bytes);
    }

    fn shows(&mut self, text: &str) {
        self.until(text, |outside| outside.screen.screen().contents().contains(text));
    }

    fn press(&mut self, keys: &str) {
        let writer = self.keys.as_mut().expect("the terminal is there");
        writer.write_all(keys.as_bytes()).and_then(|()| writer.flush()).expect("keys can be pressed");
    }

    fn resize(&mut self, cols: u16, rows: u16) {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        self.master.as_ref().expect("the terminal is there").resize(size).expect("a terminal can be resized");
        self.screen.screen_mut().set_size(some(rows), some(cols));
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.process_id().and_then(|pid| Pid::from_raw(pid.cast_signed())).expect("a process");
        rustix::process::kill_process(pid, signal).expect("it is there");
    }

    /// What is written within a while, in which nobody does anything.
    fn noise(&mut self, quiet: Duration) -> usize {
        let end = Instant::now() + quiet;
        let before = self.bytes.len();
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            if let Ok(bytes) = self.output.recv_timeout(left) {
                self.came(&bytes);
            }
        }
        self.bytes.len() - before
    }

    fn is_given_back(&self) -> bool {
        let screen = self.screen.screen();
        let name = self.master.as_ref().and_then(|master| master.tty_name()).expect("the terminal has a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK;
        let terminal = rustix::fs::open(name, flags, Mode::empty()).expect("the terminal can be opened");
        let modes = tcgetattr(terminal).expect("the terminal has modes").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
            && !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
    }

    fn ends(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().expect("a child can be waited for").is_none() {
            assert!(Instant::now() < end, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn keys_are_heard_and_the_terminal_is_given_back() {
    let mut outside = Outside::start("quiet");
    outside.shows("quit");
    assert!(outside.screen.screen().alternate_screen());
    outside.press("?");
    outside.shows("Runs every test");
    outside.press("\x1b");
    outside.until("the help to close", |outside| !outside.screen.screen().contents().contains("Runs every test"));
    outside.press("q");
    outside.shows("after: Ok(Quit)");
    assert!(outside.is_given_back());
    outside.ends();
}

#[test]
fn while_nothing_happens_nothing_is_written() {
    let mut outside = Outside::start("quiet");
    outside.shows("quit");
    outside.noise(Duration::from_millis(300));
    assert_eq!(outside.noise(Duration::from_millis(2_500)), 0);
}

#[test]
fn a_lost_terminal_ends_the_viewer_at_once() {
    let mut outside = Outside::start("quiet");
    outside.shows("quit");
    // Our reading thread holds an end of the terminal too: the next output makes it let go.
    outside.let_go.store(true, Ordering::Release);
    outside.press("?");
    while outside.output.recv().is_ok() {}
    outside.keys = None;
    outside.master = None;
    let lost = Instant::now();
    outside.ends();
    assert!(lost.elapsed() < Duration::from_secs(2), "it took {:?}", lost.elapsed());
    let report = std::fs::read_to_string(&outside.report).expect("a report");
    assert_eq!(report, "Ok(HungUp)");
}

#[test]
fn a_terminal_that_takes_nothing_holds_nobody() {
    let mut outside = Outside::start("stalled");
    outside.shows("quit");
    let gate = Arc::clone(&outside.gate);
    let held = gate.lock().expect("nobody panics with it");
    for n in 0..200 {
        outside.resize(80 + n % 100, 24 + n % 30);
        outside.press("?");
    }
    outside.press("\x1b\x1b");
    let pressed = Instant::now();
    outside.press("qq");
    outside.ends();
    assert!(pressed.elapsed() < Duration::from_secs(4), "it took {:?}", pressed.elapsed());
    drop(held);
    assert_eq!(std::fs::read_to_string(&outside.report).expect("a report"), "Ok(Quit)");
}

#[test]
fn stopped_and_continued_it_leaves_and_comes_back() {
    let mut outside = Outside::start("quiet");
    outside.shows("quit");
    outside.signal(Signal::TSTP);
    outside.until("the terminal to be given back", |outside| !outside.screen.screen().alternate_screen());
    assert!(outside.is_given_back());
    outside.signal(Signal::CONT);
    outside.until("the screen to come back", |outside| outside.screen.screen().alternate_screen());
    outside.shows("quit");
    outside.press("q");
    outside.shows("after: Ok(Quit)");
}

#[test]
fn a_storm_of_sizes_ends_in_a_whole_screen() {
    let mut outside = Outside::start("quiet");
    outside.shows("quit");
    for n in 0..300_u16 {
        outside.resize(1 + n * 7 % 200, 1 + n * 3 % 60);
    }
    outside.resize(100, 30);
    outside.press("\x0c");
    outside.press("?");
    outside.shows("Runs every test");
    outside.press("q");
    outside.shows("quit");
    outside.press("q");
    outside.shows("after: Ok(Quit)");
}

#[test]
fn a_panic_of_the_viewer_is_read_on_a_terminal_that_works() {
    let mut outside = Outside::start("panic");
    outside.shows("the viewer broke");
    assert!(outside.is_given_back());
}

#[test]
fn a_panic_of_a_task_is_said_on_the_screen_that_stays() {
    let mut outside = Outside::start("task");
    outside.shows("a part of the console failed: panicked at");
    assert!(outside.screen.screen().alternate_screen());
    outside.press("q");
    outside.shows("after: Ok(Quit)");
}
