//! Health probes over HTTP and WebSocket, from their settings to what is found, against raw servers on loopback.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use liveloop::config::load::{Vocabulary, load};
use liveloop::config::places::{Layer, Source};
use liveloop::domain::{Event, Health, Probe, ServiceEvent, ServiceId};
use liveloop::engine::clock::Clock;
use liveloop::engine::http::{Http, HttpSettings};
use liveloop::engine::masks::Masks;
use liveloop::engine::means::Means;
use liveloop::engine::probe::watch;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Nothing here may take longer, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that answers each connection once, by the head of what it is asked; then it hangs up, or, after a 101, tells
/// what else it was sent.
async fn server(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> (u16, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let (told, after) = mpsc::channel(8);
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let (answer, told) = (answer.clone(), told.clone());
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(connection.read_u8().await?);
                }
                let answer = answer(&String::from_utf8_lossy(&head));
                connection.write_all(answer.as_bytes()).await?;
                if answer.starts_with("HTTP/1.1 101") {
                    let mut more = vec![0; 64];
                    let length = connection.read(&mut more).await?;
                    more.truncate(length);
                    let _ = told.send(more).await;
                }
                std::io::Result::Ok(())
            });
        }
    });
    (port, after)
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A yes to the key in this request.
fn opened(head: &str) -> String {
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    });
    let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"
    )
}

/// One look at a service on this port with these settings.
async fn look(port: u16, settings: &str) -> Health {
    let text = format!("[service.s]\nurl = \"http://127.0.0.1:{port}\"\n{settings}");
    let words = Vocabulary { actions: &[], themes: &[], key: &|_| Ok(()) };
    let loaded = load(&[Source::new(Layer::Project, "liveloop.toml", &text)], words, &|_| None);
    let configuration = loaded.accept().unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let service = configuration.project.services.into_iter().next().expect("a service");
    let (outbox, mut events) = mpsc::channel(8);
    let folder: Arc<Path> = std::env::temp_dir().into();
    let means = Means {
        root: folder.clone(),
        runtime: folder,
        supervisor: PathBuf::from(env!("CARGO_BIN_EXE_liveloop")).into(),
        bin: None,
        masks: Masks::new([]),
        clock: Clock::start(),
        outbox,
    };
    let http = Http::new(&HttpSettings::default()).expect("a client");
    let (_orders, receiver) = mpsc::channel(1);
    tokio::spawn(watch(ServiceId(0), service, http, receiver, means));
    match timeout(PATIENCE, events.recv()).await.expect("a probe ends").expect("it is told").pop() {
        Some(Event::Service(ServiceEvent::Probed { probe: Probe { health, .. }, .. })) => health,
        other => panic!("a probe tells what it found, not {other:?}"),
    }
}

fn unhealthy(why: &str) -> Health {
    Health::Unhealthy(why.into())
}

#[tokio::test]
async fn every_path_has_to_answer_and_hold_what_is_asked_of_it() {
    let (port, _) = server(|head| match head.split(' ').nth(1) {
        Some("/health") => http("200 OK", r#"{"status":"healthy","queue":"7"}"#),
        Some("/ready") => http("200 OK", r#"{"database":"degraded"}"#),
        Some("/broken") => String::new(),
        _ => http("503 Service Unavailable", r#"{"detail":"Startup in progress"}"#),
    })
    .await;
    let look = async |more: &str| look(port, &format!("[service.s.health.http]\npath = \"/health\"\n{more}")).await;
    let conditions = "conditions = [{ pointer = \"/status\", equals = \"healthy\" }, { pointer = \"/queue\", at_most = 7 },\n\
        { path = \"/ready\", pointer = \"/database\", one_of = [\"connected\", \"degraded\"] }]\n";
    assert_eq!(look(&format!("ready = [\"/ready\"]\n{conditions}")).await, Health::Healthy);
    let full = conditions.replace("at_most = 7", "at_most = 6.5");
    let why = "/health: /queue is 7, at most 6.5 is well";
    assert_eq!(look(&format!("ready = [\"/ready\"]\n{full}")).await, unhealthy(why));
    let strict = conditions.replace(", \"degraded\"]", "]");
    let why = "/ready: /database is degraded";
    assert_eq!(look(&format!("ready = [\"/ready\"]\n{strict}")).await, unhealthy(why));
    let why = "/starting: HTTP 503: Startup in progress";
    assert_eq!(look("ready = [\"/starting\"]").await, unhealthy(why));
    let broken = look("ready = [\"/broken\"]").await;
    assert!(
        matches!(&broken, Health::Unhealthy(why) if why.starts_with("/broken: ")),
        "it answers elsewhere: {broken:?}"
    );
}

#[tokio::test]
async fn a_websocket_that_opens_is_well_and_is_closed_in_order() {
    let (port, mut after) = server(opened).await;
    assert_eq!(look(port, "health.websocket.path = \"/ws\"").await, Health::Healthy);
    let goodbye = timeout(PATIENCE, after.recv()).await.expect("a goodbye").expect("it is told");
    assert_eq!(goodbye.first(), Some(&0x88), "a close frame: {goodbye:?}");
}

#[tokio::test]
async fn a_no_counts_as_alive_where_it_is_configured_to() {
    let settings = "[service.s.health.websocket]\npath = \"/ws\"\n";
    let (port, _) = server(|_| http("403 Forbidden", r#"{"detail":"no token"}"#)).await;
    assert_eq!(look(port, settings).await, unhealthy("HTTP 403: no token"));
    let alive = format!("{settings}status = [101, 401, 403]\n");
    assert_eq!(look(port, &alive).await, Health::Healthy);
    let (page, _) = server(|_| http("200 OK", "<html>Welcome</html>")).await;
    assert_eq!(look(page, &alive).await, unhealthy("HTTP 200: a page, and no WebSocket"));
    let (down, _) = server(|_| http("503 Service Unavailable", "starting")).await;
    assert_eq!(look(down, &alive).await, unhealthy("HTTP 503: starting"));
    let (proxy, _) = server(|head| opened(&head.to_lowercase().replace("sec-websocket-key: ", "x: "))).await;
    assert!(matches!(look(proxy, &alive).await, Health::Unhealthy(why) if why.contains("Sec-WebSocket-Accept")));
}

#[tokio::test]
async fn a_websocket_that_nobody_answers_is_out_of_reach() {
    let held = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = held.local_addr().expect("its address").port();
    let settings = "health.websocket = { path = \"/ws\", timeout = \"100ms\" }";
    assert_eq!(look(port, settings).await, Health::Unreachable("no answer within 0.1 s".into()));
    assert!(matches!(look(1, settings).await, Health::Unreachable(why) if why.to_lowercase().contains("refused")));
}
