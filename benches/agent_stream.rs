//! Agent messages of 300 bytes over a real socket on loopback: received, understood, folded and written to a journal,
//! beside a tokio-tungstenite client that only counts. Both take turns on the same server.
//!
//!     cargo bench --bench agent_stream

#![allow(missing_docs)]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use common::Figures;
use futures_util::StreamExt;
use liveloop::attach::{Delivery, Player, feed};
use liveloop::cli::project::{self, Yes};
use liveloop::domain::{Event, SessionEnd, StreamEvent, ViewerId};
use liveloop::engine::core::Call;
use liveloop::engine::session;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

const MESSAGES: usize = 200_000;
const ROUNDS: usize = 9;

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    liveloop::engine::http::install_crypto();
    let server = serve();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (mut counted, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut dropped = 0;
    for round in 0..=ROUNDS {
        let count = runtime.block_on(count(server));
        let folder = tempfile::tempdir().expect("a folder");
        let (took, folded, lost) = runtime.block_on(session(server, folder.path()));
        let (peer, rate) = (MESSAGES as f64 / count.as_secs_f64(), folded as f64 / took.as_secs_f64());
        // The first round warms up.
        if round > 0 {
            dropped += lost;
            counted.push(peer / 1e3);
            ours.push(rate / 1e3);
            ratios.push(rate / peer);
        }
    }
    println!("a client that counts    {} thousand messages/s", Figures::new(counted).spread(0));
    println!("a session               {} thousand messages/s, {dropped} dropped", Figures::new(ours).spread(0));
    println!("ratio                   {}", Figures::new(ratios).spread(2));
}

/// A server that upgrades every connection and sends all messages as fast as they are taken.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let frames = frames();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { continue };
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && connection.read(&mut byte).is_ok_and(|read| read > 0) {
                head.push(byte[0]);
            }
            let Some(key) = key(&String::from_utf8_lossy(&head)) else { continue };
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                derive_accept_key(key.as_bytes())
            );
            // A client that has heard enough goes, which ends the writing.
            if connection.write_all(answer.as_bytes()).is_ok() && connection.write_all(&frames).is_ok() {
                let _ = connection.set_read_timeout(Some(Duration::from_secs(30)));
                while connection.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
            }
        }
    });
    address
}

fn key(head: &str) -> Option<String> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines
        .filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
        .map(|(_, key)| key.trim().to_owned())
        .next()
}

/// All messages as they stand on the wire: unmasked text frames.
fn frames() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(MESSAGES * 304);
    for number in 0..MESSAGES {
        let message = message(number);
        bytes.extend([0x81, 126]);
        bytes.extend((message.len() as u16).to_be_bytes());
        bytes.extend(message.as_bytes());
    }
    bytes
}

/// A message of 300 bytes in the shape that a staging backend sends; eight to an agent run.
fn message(number: usize) -> String {
    let mut message = format!(
        concat!(
            r#"{{"type": "tool_completed", "payload": {{"run_id": "run_{:08x}", "thread_id": "thread_5d0c11aa", "#,
            r#""agent_name": "triage", "tool_name": "cost_analyzer", "tool_call_id": "{:06x}", "#,
            r#""result": {{"rows": 42, "n": ""}}, "duration_ms": 250.0}}, "#,
            r#""timestamp": 1757373852.345678, "user_id": "staging-e2e-user-002"}}"#
        ),
        number / 8,
        number
    );
    let padding = "x".repeat(300_usize.saturating_sub(message.len()));
    message = message.replace(r#""n": """#, &format!(r#""n": "{padding}""#));
    assert_eq!(message.len(), 300);
    message
}

/// The peer: from the first message to the last.
async fn count(server: SocketAddr) -> Duration {
    let connection = tokio::net::TcpStream::connect(server).await.expect("a connection");
    let upgraded = tokio_tungstenite::client_async(format!("ws://{server}/"), connection).await;
    let (mut socket, _) = upgraded.expect("a WebSocket");
    let (mut start, mut count) = (Instant::now(), 0);
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Text(text) = message {
            if count == 0 {
                start = Instant::now();
            }
            count += usize::from(!text.is_empty());
            if count == MESSAGES {
                break;
            }
        }
    }
    start.elapsed()
}

/// A whole session: from the first message to the last; how many were folded, and how many dropped.
async fn session(server: SocketAddr, root: &Path) -> (Duration, usize, usize) {
    let file = format!("[stream.agents]\nurl = \"ws://{server}/\"\n");
    std::fs::write(root.join("liveloop.toml"), file).expect("a folder");
    let (root, files) = project::locate(Some(root)).expect("a folder");
    let opening = project::open(root, &files, Yes::Given, "bench").expect("a project");
    let session = session::open(opening.session).expect("a session");
    let (sender, mut feed) = feed(ViewerId(0), Player::Session, session.handle.requests.clone());
    let calls = session.handle.calls.clone();
    calls.send(Call::Attach { feed: sender, name: "bench".into(), drives: true }).await.expect("an engine");
    let engine = tokio::spawn(session.engine.run());
    let (mut start, mut folded, mut dropped) = (Instant::now(), 0, 0);
    while folded + dropped < MESSAGES {
        let Some(delivery) = feed.deliveries.recv().await else { break };
        let Delivery::Entries(entries) = delivery else { continue };
        for entry in entries {
            match &entry.event {
                Event::Stream(StreamEvent::Received { events, .. }) => {
                    if folded == 0 {
                        start = Instant::now();
                    }
                    folded += events.len();
                }
                Event::Stream(StreamEvent::Overflowed { dropped: lost, .. }) => dropped += *lost as usize,
                _ => {}
            }
        }
    }
    let took = start.elapsed();
    let _ = calls.send(Call::End(SessionEnd::Done)).await;
    let _ = engine.await;
    drop(session.folder);
    (took, folded, dropped)
}
