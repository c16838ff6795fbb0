//! A flood of agent messages through a whole session: every one is counted, kept or not, while a person goes on working.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossterm::event::{Event as Pressed, KeyCode, KeyEvent, KeyModifiers};
use liveloop::attach::{Delivery, Player, feed};
use liveloop::cli::project::{self, Yes};
use liveloop::domain::{SessionEnd, ViewerId};
use liveloop::engine::core::Call;
use liveloop::engine::session;
use liveloop::ui::color::Depth;
use liveloop::ui::theme::Glyphs;
use liveloop::ui::theme_file::Palette;
use liveloop::ui::view::{Pane, ViewState};
use liveloop::ui::viewer::Viewer;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// How long the last messages may take after the last was sent.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much is written at once.
const BURST: Duration = Duration::from_millis(5);
/// From one key to the next.
const KEY_EVERY: Duration = Duration::from_millis(33);
const SIZE: usize = 300;
const JOURNAL: u64 = 64 << 20;

/// How much is sent.
#[derive(Clone, Copy)]
struct Flood {
    messages_per_second: u64,
    seconds: u64,
}

impl Flood {
    fn total(self) -> u64 {
        self.messages_per_second * self.seconds
    }
}

/// What it came to.
struct Told {
    sent: u64,
    sending: Duration,
    folded: u64,
    dropped: u64,
    /// From the moment at which a key was due to the frame that shows it, the quickest first.
    answers: Vec<Duration>,
    journal: u64,
    /// The sentence in which the journal says what it leaves out.
    says: Option<String>,
    snapshots: usize,
}

/// A WebSocket server that sends a flood to its first client, and counts.
fn serve(flood: Flood) -> (SocketAddr, Arc<AtomicU64>, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (sent, took) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (sends, ends) = (sent.clone(), took.clone());
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept()?;
        upgrade(&mut client)?;
        let began = Instant::now();
        let burst = flood.messages_per_second * BURST.as_millis() as u64 / 1_000;
        let mut bytes = Vec::new();
        for (number, due) in (0..flood.total()).step_by(burst as usize).zip((0..).map(|n| began + BURST * n)) {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            bytes.clear();
            let end = (number + burst).min(flood.total());
            (number..end).for_each(|number| frame(&mut bytes, number));
            client.write_all(&bytes)?;
            sends.store(end, Ordering::Release);
        }
        ends.store(began.elapsed().as_micros() as u64, Ordering::Release);
        // Until the session has heard enough; its pings are not answered, which it takes longer than this to mind.
        while client.read(&mut [0; 1_024])? > 0 {}
        std::io::Result::Ok(())
    });
    (address, sent, took)
}

fn upgrade(client: &mut TcpStream) -> std::io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte)? > 0 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let key = lines.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key")).map_or("", |(_, key)| key.trim());
    let accept = derive_accept_key(key.as_bytes());
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade";
    client.write_all(format!("{answer}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n").as_bytes())
}

/// An unmasked text frame of 300 bytes in the shape that a staging backend sends; eight to an agent run.
fn frame(bytes: &mut Vec<u8>, number: u64) {
    let head = format!(
        concat!(
            r#"{{"type": "tool_completed", "payload": {{"run_id": "run_{:08x}", "thread_id": "thread_5d0c11aa", "#,
            r#""agent_name": "triage", "tool_name": "cost_analyzer", "tool_call_id": "{:06x}", "#,
            r#""timestamp": 1757373852.345678, "user_id": "staging-e2e-user-002", "result": ""#
        ),
        number / 8,
        number
    );
    let end = r#""}}"#;
    bytes.extend([0x81, 126]);
    bytes.extend((SIZE as u16).to_be_bytes());
    bytes.extend(head.as_bytes());
    bytes.extend(std::iter::repeat_n(b'x', SIZE - head.len() - end.len()));
    bytes.extend(end.as_bytes());
}

/// A session on the flood, and a person who presses keys meanwhile.
async fn watch(flood: Flood, journal: u64, root: &Path) -> Told {
    liveloop::engine::http::install_crypto();
    let (server, sent, took) = serve(flood);
    let settings = format!("[stream.agents]\nurl = \"ws://{server}/\"\n[journal]\nbytes = {journal}\n");
    std::fs::write(root.join("liveloop.toml"), settings).expect("a folder of ours");
    let (root, files) = project::locate(Some(root)).expect("a folder of ours");
    let opening = project::open(root, &files, Yes::Given, "test").expect("a project");
    let session = session::open(opening.session).expect("a session");
    let (sender, mut feed) = feed(ViewerId(0), Player::Session, session.handle.requests.clone());
    let calls = session.handle.calls.clone();
    calls.send(Call::Attach { feed: sender, name: "test".into(), drives: true }).await.expect("an engine");
    let engine = tokio::spawn(session.engine.run());

    let view = ViewState { focus: Pane::Agents, ..ViewState::default() };
    let mut viewer = Viewer::new(view, Palette::dark().theme(Depth::True, Glyphs::Unicode), (160, 45));
    let mut terminal = Terminal::new(TestBackend::new(160, 45)).expect("a test backend");
    let (began, mut due, mut answers) = (Instant::now(), Instant::now(), Vec::new());
    let (mut folded, mut dropped, mut snapshots) = (0, 0, 0);
    let limit = Duration::from_secs(flood.seconds) + PATIENCE;
    while folded + dropped < flood.total() && began.elapsed() < limit {
        if let Ok(Some(delivery)) = timeout(due.saturating_duration_since(Instant::now()), feed.deliveries.recv()).await
        {
            snapshots += usize::from(matches!(delivery, Delivery::Snapshot(_)));
            let now = viewer.state.at;
            viewer.take(delivery, now);
            let streams = viewer.state.streams.iter();
            (folded, dropped) = streams.fold((0, 0), |sum, (_, one)| (sum.0 + one.received, sum.1 + one.dropped));
        }
        if Instant::now() >= due {
            let key = if answers.len() % 2 == 0 { KeyCode::Up } else { KeyCode::Char('G') };
            let now = viewer.state.at;
            viewer.handle(&Pressed::Key(KeyEvent::new(key, KeyModifiers::NONE)), now);
            terminal.draw(|frame| viewer.draw(frame, now)).expect("a test backend cannot fail");
            answers.push(due.elapsed());
            due = Instant::now() + KEY_EVERY;
        }
    }
    answers.sort_unstable();
    let says = viewer.state.news.iter().map(|news| news.text.to_string()).find(|text| text.contains("journal"));
    let _ = calls.send(Call::End(SessionEnd::Done)).await;
    let _ = engine.await;
    let length = std::fs::metadata(&session.journal).map_or(0, |file| file.len());
    let (sent, sending) = (sent.load(Ordering::Acquire), Duration::from_micros(took.load(Ordering::Acquire)));
    Told { sent, sending, folded, dropped, answers, journal: length, says, snapshots }
}

/// The highest memory of this process so far, in MB; the server's few hundred kilobytes are in it.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1_024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_is_counted_and_a_full_journal_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = watch(Flood { messages_per_second: 20_000, seconds: 1 }, 1 << 20, folder.path()).await;
    assert_eq!((told.sent, told.folded + told.dropped), (20_000, 20_000));
    assert!(told.journal < 4 << 20, "{} bytes", told.journal);
    assert!(told.says.is_some_and(|says| says.contains("left out")), "the journal says what it leaves out");
}

/// `cargo test --release --test flood -- --ignored --nocapture` prints the figures.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: thirty seconds of 200,000 messages a second"]
async fn a_flood_of_agent_messages_leaves_the_screen_to_its_person() {
    let flood = Flood { messages_per_second: 200_000, seconds: 30 };
    let folder = tempfile::tempdir().expect("a folder");
    let told = watch(flood, JOURNAL, folder.path()).await;
    let at = |percent: usize| told.answers[(told.answers.len() - 1) * percent / 100];
    println!(
        "{} messages in {:.1} s ({:.0}/s), {} folded, {} dropped, {} snapshots; {} keys, p50 {:?}, p99 {:?}, worst {:?}; journal {} MB ({}); memory {} MB",
        told.sent,
        told.sending.as_secs_f64(),
        told.sent as f64 / told.sending.as_secs_f64(),
        told.folded,
        told.dropped,
        told.snapshots,
        told.answers.len(),
        at(50),
        at(99),
        at(100),
        told.journal >> 20,
        told.says.as_deref().unwrap_or("says nothing"),
        memory(),
    );
    assert_eq!((told.sent, told.folded + told.dropped), (flood.total(), flood.total()), "every message is counted");
    assert!(told.journal < JOURNAL + (16 << 20), "{} bytes of journal", told.journal);
    assert!(told.says.is_some(), "the journal says what it leaves out");
    // Without optimisation everything takes several times as long.
    let limit = Duration::from_millis(if cfg!(debug_assertions) { 250 } else { 50 });
    assert!(at(99) < limit, "one key in a hundred was answered after {:?}", at(99));
    assert!(memory() < 300, "{} MB", memory());
}
