//! What follows a refusal or a loss, cause by cause, and how a new connection goes on where the last one ended. Each
//! server is a bare socket.

#[path = "support/link.rs"]
mod link;

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use link::{Link, PATIENCE, settings};
use liveloop::config::project::{CloseAction, ResumeSpec};
use liveloop::domain::StreamEvent;
use liveloop::engine::http::HttpSettings;
use liveloop::engine::stream::link::{LinkOrder, LinkSettings, Pulse};
use liveloop::engine::stream::token::{Mint, TokenOffer, TokenSource};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// What a server does with every connection.
#[derive(Clone, Copy)]
enum Does {
    /// Ends it before the first byte.
    Nothing,
    /// Answers with this.
    Answers(&'static str),
    /// Opens, and sends a close frame with this code.
    Closes(u16),
    /// Opens, and sends these bytes.
    Sends(&'static [u8]),
    /// Opens, and never says anything.
    IsSilent,
    /// Opens, and ends it.
    Drops,
}

/// What we do then.
#[derive(Debug, PartialEq)]
enum Follows {
    /// Another try, after some of so many milliseconds.
    Wait(std::ops::RangeInclusive<u128>),
    /// A new token, once.
    NewToken,
    /// Nothing without a person.
    Stop,
}
use Follows::{NewToken, Stop, Wait};

async fn head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Says yes to an opening handshake.
async fn accept(socket: &mut TcpStream, head: &str) {
    let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap_or_default();
    let yes = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    let yes = format!("{yes}Sec-WebSocket-Accept: {}\r\n\r\n", derive_accept_key(key.as_bytes()));
    // Whoever is gone does not get it, which its test will notice.
    let _sent = socket.write_all(yes.as_bytes()).await;
}

/// A server that does `play` with each connection, told which one it is. Ends with the test's runtime.
async fn serve<F: Future<Output = ()> + Send + 'static>(play: impl Fn(TcpStream, usize) -> F + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        for n in 0.. {
            let Ok((socket, _)) = listener.accept().await else { return };
            tokio::spawn(play(socket, n));
        }
    });
    port
}

fn at(port: u16) -> LinkSettings {
    settings(&format!("ws://127.0.0.1:{port}/ws"))
}

fn token() -> Option<(TokenSource, Vec<TokenOffer>)> {
    let (claims, lifetime) = (serde_json::Map::new(), Duration::from_secs(900));
    Some((TokenSource::Mint(Mint { variable: "JWT_SECRET".into(), claims, lifetime }), vec![TokenOffer::Bearer]))
}

async fn does(mut socket: TcpStream, what: Does) {
    if let Does::Nothing = what {
        return;
    }
    let head = head(&mut socket).await;
    if let Does::Answers(answer) = what {
        let _sent = socket.write_all(format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await;
        return;
    }
    accept(&mut socket, &head).await;
    match what {
        Does::Closes(code) => {
            let [high, low] = code.to_be_bytes();
            let _sent = socket.write_all(&[0x88, 2, high, low]).await;
        }
        Does::Sends(bytes) => drop(socket.write_all(bytes).await),
        Does::IsSilent => sleep(PATIENCE).await,
        Does::Nothing | Does::Answers(_) | Does::Drops => return,
    }
    // A server ends the connection when its close frame is answered.
    while socket.read_u8().await.is_ok_and(|byte| byte != 0x88) {}
}

/// The first thing that follows the first refusal or loss.
async fn follows(link: &mut Link) -> Follows {
    let mut tries = 0;
    loop {
        match link.event().await {
            StreamEvent::Waiting { delay, .. } => return Wait(u128::from(delay.0 / 1_000)..=u128::MAX),
            StreamEvent::Stopped { .. } => return Stop,
            StreamEvent::Connecting { .. } if tries > 0 => return NewToken,
            StreamEvent::Connecting { .. } => tries += 1,
            _ => {}
        }
    }
}

#[tokio::test]
async fn every_cause_has_its_consequence() {
    let backoff = || Wait(100..=500);
    let table = [
        ("nothing before the answer", Does::Nothing, backoff()),
        ("400", Does::Answers("400 Bad Request"), Stop),
        ("404", Does::Answers("404 Not Found"), Stop),
        ("426", Does::Answers("426 Upgrade Required"), Stop),
        ("302", Does::Answers("302 Found\r\nLocation: /login"), Stop),
        ("200", Does::Answers("200 OK"), Stop),
        ("401", Does::Answers("401 Unauthorized"), NewToken),
        ("403", Does::Answers("403 Forbidden"), NewToken),
        ("429", Does::Answers("429 Too Many Requests\r\nRetry-After: 7"), Wait(7_000..=7_000)),
        ("503", Does::Answers("503 Service Unavailable\r\nRetry-After: 3"), Wait(3_000..=3_000)),
        ("503 alone", Does::Answers("503 Service Unavailable"), backoff()),
        ("500", Does::Answers("500 Internal Server Error"), backoff()),
        ("502", Does::Answers("502 Bad Gateway"), backoff()),
        ("1000", Does::Closes(1000), Stop),
        ("1001", Does::Closes(1001), Wait(100..=500)),
        ("1012", Does::Closes(1012), Wait(100..=500)),
        ("1006", Does::Drops, backoff()),
        ("1011", Does::Closes(1011), backoff()),
        ("1014", Does::Closes(1014), backoff()),
        ("1013", Does::Closes(1013), Wait(5_000..=5_000)),
        ("1002", Does::Closes(1002), Stop),
        ("1003", Does::Closes(1003), Stop),
        ("1007", Does::Closes(1007), Stop),
        ("1009", Does::Closes(1009), Stop),
        ("1010", Does::Closes(1010), Stop),
        ("1008", Does::Closes(1008), NewToken),
        ("4401", Does::Closes(4401), NewToken),
        ("4403", Does::Closes(4403), NewToken),
        ("4000", Does::Closes(4000), backoff()),
        ("4100, configured to stop", Does::Closes(4100), Stop),
        ("4200, configured as a refused token", Does::Closes(4200), NewToken),
        ("401, which is no close code", Does::Closes(401), NewToken),
        ("500, which is no close code", Does::Closes(500), Stop),
        ("2000, which nobody has given a meaning", Does::Closes(2000), Stop),
        ("reserved bits", Does::Sends(&[0xc1, 1, 0]), Stop),
        ("no text at all", Does::Sends(&[0x81, 2, 0xff, 0xff]), Stop),
        ("no pong", Does::IsSilent, backoff()),
    ];
    for (name, what, expected) in table {
        let port = serve(move |socket, _| does(socket, what)).await;
        // Whoever waits for a pong is in a hurry; whoever waits for an answer is not.
        let ping_every = if let Does::IsSilent = what { Duration::from_millis(30) } else { PATIENCE };
        let settings = LinkSettings {
            token: token(),
            close_codes: vec![(4100, CloseAction::Stop), (4200, CloseAction::Authenticate)],
            pulse: Pulse { ping_every, silent_for: PATIENCE },
            ..at(port)
        };
        let mut link = Link::open(settings, &HttpSettings::default()).await;
        match (follows(&mut link).await, expected) {
            (Wait(got), Wait(wanted)) => assert!(wanted.contains(got.start()), "{name}: {} ms", got.start()),
            (got, expected) => assert_eq!(got, expected, "{name}"),
        }
    }
}

#[tokio::test]
async fn nobody_there_is_waited_for_and_a_token_that_is_refused_twice_is_not() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("an address").port();
    let mut link = Link::open(at(gone), &HttpSettings::default()).await;
    assert!(matches!(follows(&mut link).await, Wait(_)));
    let port = serve(|socket, _| does(socket, Does::Answers("403 Forbidden"))).await;
    let mut link = Link::open(LinkSettings { token: token(), ..at(port) }, &HttpSettings::default()).await;
    let told = link.told_until("stopped").await;
    assert_eq!(told.iter().filter(|line| *line == "token").count(), 2, "{told:?}");
    assert_eq!(told.iter().filter(|line| line.starts_with("refused Authentication")).count(), 2, "{told:?}");
}

#[tokio::test]
async fn a_normal_close_is_followed_by_a_new_connection_where_that_is_wanted() {
    let port = serve(|socket, _| does(socket, Does::Closes(1000))).await;
    let mut link = Link::open(LinkSettings { keep_open: true, ..at(port) }, &HttpSettings::default()).await;
    assert!(matches!(follows(&mut link).await, Wait(_)));
}

/// Tells the request's line in a message with a number and an id, echoes what it is sent, and drops the first ones.
async fn tell(mut socket: TcpStream, n: usize) {
    let head = head(&mut socket).await;
    accept(&mut socket, &head).await;
    let asked = head.lines().next().unwrap_or_default().to_owned();
    let header = head.lines().find(|line| line.to_lowercase().starts_with("x-after")).unwrap_or("none").to_owned();
    let mut socket = WebSocketStream::from_raw_socket(socket, Role::Server, None).await;
    if n > 0
        && let Some(Ok(first)) = socket.next().await
    {
        let thought = format!("{asked}, {header}, {}", first.to_text().unwrap_or_default().replace('"', "'"));
        let _sent = socket.send(Message::text(format!(r#"{{"type":"agent_thinking","thought":"{thought}"}}"#))).await;
        while let Some(Ok(_)) = socket.next().await {}
    }
    let thought = r#"{"type":"agent_thinking","thought":"first","sequence":41,"id":"e-41"}"#;
    let _sent = socket.send(Message::text(thought)).await;
}

#[tokio::test]
async fn a_new_connection_says_what_came_last() {
    for (pointer, last) in [(None, "41"), (Some("/id".to_owned()), "e-41")] {
        let port = serve(tell).await;
        let resume = ResumeSpec {
            pointer,
            query: Some("after".into()),
            header: Some("X-After".into()),
            message: Some(r#"{"type":"resume","after":"{last}"}"#.into()),
        };
        let mut link = Link::open(LinkSettings { resume: Some(resume), ..at(port) }, &HttpSettings::default()).await;
        link.told_until("closed").await;
        let told = link.told_until("agent_thinking").await;
        let expected = format!(
            "agent_thinking GET /ws?after={last} HTTP/1.1, x-after: {last}, {{'type':'resume','after':'{last}'}}"
        );
        assert_eq!(told.last(), Some(&expected), "{told:?}");
    }
}

#[tokio::test]
async fn a_server_that_has_forgotten_the_place_is_asked_without_it() {
    let port = serve(|mut socket, n| async move {
        let head = head(&mut socket).await;
        if head.contains("?after=") {
            let _sent = socket.write_all(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n").await;
            return;
        }
        accept(&mut socket, &head).await;
        let mut socket = WebSocketStream::from_raw_socket(socket, Role::Server, None).await;
        let thought = format!(r#"{{"type":"agent_thinking","thought":"{n}","sequence":7}}"#);
        let _sent = socket.send(Message::text(thought)).await;
        if n > 0 {
            while let Some(Ok(_)) = socket.next().await {}
        }
    })
    .await;
    let resume = ResumeSpec { query: Some("after".into()), ..ResumeSpec::default() };
    let mut link = Link::open(LinkSettings { resume: Some(resume), ..at(port) }, &HttpSettings::default()).await;
    link.told_until("waiting").await;
    link.order(LinkOrder::Open).await;
    let told = link.told_until("agent_thinking 2").await;
    assert!(told.iter().any(|line| line.starts_with("refused")), "{told:?}");
}
