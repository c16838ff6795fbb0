//! Logs from real commands and real HTTP servers on loopback, followed as a session follows them.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{Event as Pressed, KeyCode, KeyEvent, KeyModifiers};
use liveloop::attach::Delivery;
use liveloop::config::project::{CommandSpec, HttpLogSpec, LogSpec};
use liveloop::domain::{
    Effects, Entry, Event, Level, LevelCounts, LogEvent, LogLine, Moment, ProjectSpec, ServiceId, ServiceSpec,
    SessionEvent, State,
};
use liveloop::engine::clock::Clock;
use liveloop::engine::http::{Http, HttpSettings};
use liveloop::engine::logs::follow::follow;
use liveloop::engine::masks::Masks;
use liveloop::engine::means::Means;
use liveloop::ui::color::Depth;
use liveloop::ui::theme::Glyphs;
use liveloop::ui::theme_file::Palette;
use liveloop::ui::view::{Pane, ViewState};
use liveloop::ui::viewer::Viewer;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Nothing here may take longer, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Followed {
    events: mpsc::Receiver<Vec<Event>>,
    /// Followed for as long as this is held.
    _wanted: mpsc::Sender<()>,
}

fn start(spec: LogSpec) -> Followed {
    let (outbox, events) = mpsc::channel(64);
    let folder: Arc<Path> = std::env::temp_dir().into();
    let means = Means {
        root: folder.clone(),
        runtime: folder,
        supervisor: PathBuf::from(env!("CARGO_BIN_EXE_liveloop")).into(),
        bin: None,
        masks: Masks::new(["s3cret-value".to_owned()]),
        clock: Clock::start(),
        outbox,
    };
    let client = Http::new(&HttpSettings::default()).expect("a client").client;
    let (wanted, receiver) = mpsc::channel(1);
    tokio::spawn(follow(ServiceId(0), spec, Some(client), means, receiver));
    Followed { events, _wanted: wanted }
}

fn shell(script: &str) -> LogSpec {
    let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    LogSpec::Command(CommandSpec { argv, env: Vec::new(), directory: None })
}

impl Followed {
    async fn next(&mut self) -> LogEvent {
        let events = timeout(PATIENCE, self.events.recv()).await.expect("something should happen");
        match events.expect("the log is followed").pop() {
            Some(Event::Log(event)) => event,
            other => panic!("a log tells of its lines, not {other:?}"),
        }
    }

    /// What comes until the source is lost, a line each.
    async fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            match self.next().await {
                LogEvent::Followed { .. } => told.push("followed".to_owned()),
                LogEvent::Written { lines, .. } => told.extend(lines.iter().map(said)),
                LogEvent::Lost { why, .. } => {
                    told.push(format!("lost: {why}"));
                    return told;
                }
            }
        }
    }

    async fn lines(&mut self, wanted: usize) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.len() < wanted {
            if let LogEvent::Written { lines: more, .. } = self.next().await {
                lines.extend(more.iter().map(said));
            }
        }
        lines
    }
}

fn said(line: &LogLine) -> String {
    format!("{} {}", line.level.word(), line.text)
}

#[tokio::test]
async fn a_command_is_read_masked_and_started_anew() {
    let mut log = start(shell(r#"echo 'ERROR no s3cret-value'; echo '{"level":"warn","msg":"slow"}' >&2; exit 3"#));
    let wanted = ["followed", "error ERROR no ***", "warning slow", "lost: sh ended with code 3"];
    assert_eq!(log.told().await, wanted);
    assert_eq!(log.told().await, wanted, "it is tried again");
}

#[tokio::test]
async fn a_command_that_is_not_there_says_so() {
    let spec = CommandSpec { argv: vec!["no-such-tail".to_owned()], env: Vec::new(), directory: None };
    let told = start(LogSpec::Command(spec)).told().await;
    assert_eq!(told, ["lost: no-such-tail could not start: no-such-tail was not found on PATH"]);
}

#[tokio::test]
async fn a_log_that_goes_on_comes_while_it_goes_on() {
    let mut log = start(shell("echo one; echo two; exec sleep 60"));
    assert_eq!(log.lines(2).await, ["info one", "info two"]);
}

/// Answers each request with what `answer` makes of its first line; the last piece without closing where it is to go on.
async fn serve(answer: fn(&str) -> (&'static str, &'static str)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4_096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let (head, body) = answer(request.lines().next().unwrap_or_default());
            let goes_on = head.contains("event-stream");
            let end = if goes_on { String::new() } else { format!("content-length: {}\r\n", body.len()) };
            let _ = stream.write_all(format!("HTTP/1.1 {head}\r\n{end}\r\n{body}").as_bytes()).await;
            if goes_on {
                // Held open for as long as the test lasts.
                tokio::spawn(async move { stream.read(&mut [0]).await });
            }
        }
    });
    format!("http://{address}/logs")
}

fn http(url: String, since: Option<&str>) -> LogSpec {
    LogSpec::Http(HttpLogSpec {
        url,
        since: since.map(str::to_owned),
        cursor: "/n".to_owned(),
        entries: String::new(),
        interval: Duration::from_millis(20),
        timeout: Duration::from_secs(5),
        headers: Vec::new(),
    })
}

#[tokio::test]
async fn a_source_is_asked_for_what_came_after_the_last_line() {
    let url = serve(|request| {
        let body = match request {
            "GET /logs HTTP/1.1" => r#"[{"n":1,"msg":"a"},{"n":2,"severity":"ERROR","msg":"b s3cret-value"}]"#,
            "GET /logs?after=2 HTTP/1.1" => r#"[{"n":3,"msg":"c"}]"#,
            "GET /logs?after=3 HTTP/1.1" => "[]",
            other => panic!("nobody asks for {other}"),
        };
        ("200 OK", body)
    });
    let mut log = start(http(url.await, Some("after")));
    assert_eq!(log.lines(3).await, ["info a", "error b ***", "info c"]);
}

#[tokio::test]
async fn server_sent_events_are_lines_too() {
    let url = serve(|_| ("200 OK\r\ncontent-type: text/event-stream", ": hello\n\ndata: ERROR one\n\ndata: two\n\n"));
    let mut log = start(http(url.await, None));
    assert_eq!(log.lines(2).await, ["error ERROR one", "info two"]);
}

#[tokio::test]
async fn a_source_that_refuses_is_lost_and_says_why() {
    let url = serve(|_| ("503 Service Unavailable", "no"));
    assert_eq!(start(http(url.await, Some("after"))).told().await, ["lost: HTTP 503"]);
}

fn project() -> ProjectSpec {
    let service = ServiceSpec {
        name: "backend".into(),
        url: "".into(),
        has_health: true,
        has_revision: true,
        has_logs: true,
        deploy: None,
        ..ServiceSpec::default()
    };
    ProjectSpec { services: vec![service], ..ProjectSpec::default() }
}

#[test]
fn a_new_error_is_news_once_and_counts_until_another_revision_serves() {
    use liveloop::domain::{Health, Probe, ServiceEvent, Span};
    let (mut state, mut effects) = (State::default(), Effects::new());
    let mut tell = |event: Event| {
        let entry = Entry { seq: state.seq + 1, at: Moment(state.at.0 + 1_000), event };
        state.apply(&entry, &mut effects);
        let news = state.news.iter().filter(|news| news.text.starts_with("new error")).count();
        (news, state.logs.of(ServiceId(0)).map_or(0, |log| log.errors))
    };
    tell(SessionEvent::Opened { project: Arc::new(project()) }.into());
    let error = |text: &str| {
        let line =
            LogLine { level: Level::Error, written: None, text: text.into(), whole: None, revision: None, run: None };
        LogEvent::Written { service: ServiceId(0), lines: vec![line], skipped: LevelCounts::default(), unread: 0 }
    };
    let saw = |revision: &str| {
        let probe = Probe { health: Health::Healthy, latency: Span::ZERO, revision: Some(revision.into()) };
        ServiceEvent::Probed { service: ServiceId(0), probe }
    };
    tell(saw("b-1").into());
    assert_eq!(tell(error("run_8f21 timed out after 30 s").into()), (1, 1));
    assert_eq!(tell(error("run_1b9e timed out after 31 s").into()), (1, 2));
    assert_eq!(tell(saw("b-2").into()), (1, 0));
    assert_eq!(tell(error("no such table").into()), (2, 1));
    let text = serde_json::to_string(&state).expect("a state can be written");
    let read: State = serde_json::from_str(&text).expect("and read again");
    assert_eq!(read, state);
}

/// The highest memory of this process so far, in MB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1_024
}

/// `cargo test --release --test logs -- --ignored --nocapture` prints the figures.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: ten seconds of 50,000 lines a second"]
async fn a_flood_leaves_the_screen_to_its_person() {
    let script = r#"awk 'BEGIN { for (n = 0; n < 5000; n++) printf "{\"timestamp\":\"2026-11-20T12:00:03Z\",\"severity\":\"%s\",\"message\":\"request %d of user-%d answered in %d ms\",\"run_id\":\"run_%d\"}\n", (n % 50 ? "INFO" : "ERROR"), n, n % 97, n % 800, n % 31 }' > flood.$$
for round in $(seq 100); do cat flood.$$; sleep 0.08; done; rm flood.$$; echo the end; exec sleep 60"#;
    let mut log = start(shell(script));
    let view = ViewState { focus: Pane::Logs, ..ViewState::default() };
    let mut viewer = Viewer::new(view, Palette::dark().theme(Depth::True, Glyphs::Unicode), (160, 45));
    let mut terminal = Terminal::new(TestBackend::new(160, 45)).expect("a test backend");
    let (mut seq, mut journal, mut counts, mut kept, mut unread) = (0, 0, LevelCounts::default(), 0, 0);
    let mut tell = |viewer: &mut Viewer, event: Event| {
        seq += 1;
        let entry = Entry { seq, at: Moment(1_795_176_003_000_000 + seq), event };
        journal += serde_json::to_vec(&entry).map_or(0, |bytes| bytes.len());
        viewer.take(Delivery::Entries(vec![Arc::new(entry)]), Moment(seq));
    };
    tell(&mut viewer, SessionEvent::Opened { project: Arc::new(project()) }.into());
    let (began, mut answers) = (Instant::now(), Vec::new());
    let mut due = Instant::now();
    let mut is_over = false;
    while !is_over && began.elapsed() < PATIENCE {
        let wait = due.saturating_duration_since(Instant::now());
        if let Ok(Some(events)) = timeout(wait, log.events.recv()).await {
            for event in events {
                if let Event::Log(LogEvent::Written { lines, skipped, unread: more, .. }) = &event {
                    counts.absorb(*skipped);
                    kept += lines.len();
                    unread += more;
                    is_over |= lines.iter().any(|line| &*line.text == "the end");
                }
                tell(&mut viewer, event);
            }
        }
        if Instant::now() >= due {
            let key = if answers.len() % 2 == 0 { KeyCode::Up } else { KeyCode::Char('G') };
            viewer.handle(&Pressed::Key(KeyEvent::new(key, KeyModifiers::NONE)), Moment(seq_of(&viewer)));
            terminal.draw(|frame| viewer.draw(frame, Moment(seq_of(&viewer)))).expect("a test backend cannot fail");
            answers.push(due.elapsed());
            due = Instant::now() + Duration::from_millis(33);
        }
    }
    answers.sort_unstable();
    let (took, total) = (began.elapsed().as_secs_f64(), counts.total() + kept as u64 + unread);
    let worst = answers.last().copied().unwrap_or_default();
    println!(
        "{total} lines in {took:.1} s ({:.0}/s), {kept} kept, {} counted, {unread} unread; {} keys, p50 {:?}, p99 {:?}, worst {worst:?}; journal {} kB; memory {} MB",
        total as f64 / took,
        counts.total(),
        answers.len(),
        answers[answers.len() / 2],
        answers[answers.len() * 99 / 100],
        journal / 1_024,
        memory(),
    );
    assert_eq!(total, 500_001, "every line is accounted for");
    // Without optimisation everything takes several times as long.
    let limit = Duration::from_millis(if cfg!(debug_assertions) { 250 } else { 50 });
    assert!(worst < limit, "a key was answered after {worst:?}");
    assert!(memory() < 300, "{} MB", memory());
}

fn seq_of(viewer: &Viewer) -> u64 {
    viewer.state.seq
}
