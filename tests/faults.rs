//! Streams when things go wrong over time, and what stands between: tokens that end, servers that drop, proxies, client
//! certificates. What goes wrong in one handshake or one frame is in `stream.rs` and `conformance.rs`.

#[path = "support/link.rs"]
mod link;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use link::{Link, PATIENCE, settings};
use liveloop::config::project::Secret;
use liveloop::domain::{RefusalClass, StreamEvent};
use liveloop::engine::http::HttpSettings;
use liveloop::engine::stream::link::{LinkOrder, LinkSettings};
use liveloop::engine::stream::token::{Mint, TokenOffer, TokenSource};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

const HELLO: &str = r#"{"type":"agent_thinking","thought":"hello"}"#;

/// The head of a request.
async fn head(socket: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Says yes to an opening handshake, and gives its head.
async fn accept<S: AsyncRead + AsyncWrite + Unpin>(mut socket: S) -> (WebSocketStream<S>, String) {
    let head = head(&mut socket).await;
    let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap_or_default();
    let yes = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    let yes = format!("{yes}Sec-WebSocket-Accept: {}\r\n\r\n", derive_accept_key(key.as_bytes()));
    // Whoever is gone does not get it, which its test will notice.
    let _sent = socket.write_all(yes.as_bytes()).await;
    (WebSocketStream::from_raw_socket(socket, Role::Server, None).await, head)
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

async fn stay<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>) {
    while let Some(Ok(_)) = socket.next().await {}
}

fn at(port: u16) -> LinkSettings {
    settings(&format!("ws://127.0.0.1:{port}/ws"))
}

#[tokio::test]
async fn a_server_that_drops_a_thousand_times_in_a_row_is_come_back_to() {
    const DROPS: usize = 1_000;
    let port = serve(|socket, n| async move {
        let (mut socket, _) = accept(socket).await;
        if n >= DROPS {
            let _sent = socket.send(Message::text(HELLO)).await;
            stay(socket).await;
        }
    })
    .await;
    let mut link = Link::open(at(port), &HttpSettings::default()).await;
    for _ in 0..DROPS {
        let told = link.told_until("waiting").await;
        assert_eq!(told.last().map(String::as_str), Some("waiting the connection ended without a close frame (1006)"));
        // Nobody waits here for what the table of delays says; that it never spins is proved where it stands.
        link.order(LinkOrder::Reopen { why: "again".into() }).await;
    }
    link.told_until("agent_thinking hello").await;
}

#[tokio::test]
async fn a_token_that_ends_in_mid_stream_is_replaced_and_the_stream_goes_on() {
    let port = serve(|socket, n| async move {
        let (mut socket, head) = accept(socket).await;
        let is_fresh = head.contains("authorization: Bearer ey") && head.contains("?token=ey");
        let hello = HELLO.replace("hello", &format!("{n} {is_fresh}"));
        let _sent = socket.send(Message::text(hello)).await;
        if n == 0 {
            let close = CloseFrame { code: CloseCode::Policy, reason: "token expired".into() };
            let _closed = socket.close(Some(close)).await;
        }
        stay(socket).await;
    })
    .await;
    let claims = serde_json::from_str(r#"{"sub":"u1"}"#).expect("an object");
    let mint = Mint { variable: "JWT_SECRET".into(), claims, lifetime: Duration::from_secs(900) };
    let offers = vec![TokenOffer::Bearer, TokenOffer::Query("token".into())];
    let with_token = LinkSettings { token: Some((TokenSource::Mint(mint), offers)), ..at(port) };
    let mut link = Link::open(with_token, &HttpSettings::default()).await;
    let told = link.told_until("agent_thinking 1").await;
    let connection = |n| {
        let reached = ["reached tcp", "reached http", "opened", "reached authenticated", "reached ready"];
        let thought = format!("agent_thinking {n} true");
        ["connecting", "token"].into_iter().chain(reached).map(String::from).chain([thought]).collect::<Vec<_>>()
    };
    let expected = [connection(0), vec!["closed 1008 token expired".into()], connection(1)].concat();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_connection_is_replaced_before_its_time_is_over() {
    let port = serve(|socket, _| async move { stay(accept(socket).await.0).await }).await;
    let rotating = LinkSettings { rotate_before: Some(Duration::from_millis(200)), ..at(port) };
    let mut link = Link::open(rotating, &HttpSettings::default()).await;
    let told = [link.told_until("closed").await, link.told_until("opened").await].concat();
    let opened = ["connecting", "reached tcp", "reached http", "opened"];
    assert_eq!(told, [&opened[..], &["closed 1000 replaced before its time is over"], &opened[..]].concat());
}

#[tokio::test]
async fn sixty_four_megabytes_in_fragments_end_at_the_limit() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let port = serve(move |socket, _| {
        let counter = Arc::clone(&counter);
        async move {
            let mut raw = accept(socket).await.0.into_inner();
            let piece = vec![b'x'; 1 << 20];
            for n in 0..64 {
                let head = [&[if n == 0 { 0x01 } else { 0x00 }, 127][..], &(1_u64 << 20).to_be_bytes()].concat();
                if raw.write_all(&head).await.is_err() || raw.write_all(&piece).await.is_err() {
                    return;
                }
                counter.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(PATIENCE).await;
        }
    })
    .await;
    let mut link = Link::open(at(port), &HttpSettings::default()).await;
    let told = link.told_until("stopped").await.pop().unwrap_or_default();
    assert!(told.contains("is over the limit of 16777216"), "{told}");
    assert!(sent.load(Ordering::Relaxed) < 64, "all of it was taken");
}

#[tokio::test]
async fn json_of_a_hundred_thousand_levels_and_bytes_of_any_kind_are_messages_like_others() {
    let port = serve(|socket, _| async move {
        let (mut socket, _) = accept(socket).await;
        let deep = format!("{}1{}", r#"{"type":["#.repeat(100_000), "]}".repeat(100_000));
        for message in [Message::text(deep), Message::binary((0..=255).collect::<Vec<u8>>()), Message::text(HELLO)] {
            let _sent = socket.send(message).await;
        }
        stay(socket).await;
    })
    .await;
    let mut link = Link::open(at(port), &HttpSettings::default()).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        if let StreamEvent::Received { events, .. } = link.event().await {
            seen.extend(events.iter().map(|event| (event.kind.word(), event.raw.len() <= 256 << 10)));
        }
    }
    assert_eq!(seen, [("unknown", true), ("unknown", true), ("agent_thinking", true)]);
}

// ---- what stands between ----------------------------------------------------------------------------------------

/// Certificates of a test: an authority, and what it signed.
struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A server for `localhost`, and a client that is known to it.
    fn make() -> (Self, TlsAcceptor) {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
        liveloop::engine::http::install_crypto();
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().expect("a key");
        let root = authority.self_signed(&authority_key).expect("a certificate");
        let issuer = Issuer::new(authority, authority_key);
        let signed = |name: &str| {
            let key = KeyPair::generate().expect("a key");
            let params = CertificateParams::new(vec![name.into()]).expect("parameters");
            (params.signed_by(&key, &issuer).expect("a certificate"), key)
        };
        let (server, server_key) = signed("localhost");
        let (client, client_key) = signed("console");
        let made = Self { folder: tempfile::tempdir().expect("a folder") };
        for (name, text) in
            [("ca.pem", root.pem()), ("client.pem", client.pem()), ("client.key", client_key.serialize_pem())]
        {
            std::fs::write(made.file(name), text).expect("writes");
        }
        let mut roots = RootCertStore::empty();
        roots.add(root.der().clone()).expect("a root");
        let verifier = WebPkiClientVerifier::builder(roots.into()).build().expect("a verifier");
        let config = ServerConfig::builder()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![server.der().clone()], server_key.into())
            .expect("a usable certificate");
        (made, TlsAcceptor::from(Arc::new(config)))
    }
}

/// A server that wants to know who comes.
async fn serve_acquaintances(acceptor: TlsAcceptor) -> u16 {
    serve(move |socket, _| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(socket) = acceptor.accept(socket).await {
                let (mut socket, _) = accept(socket).await;
                let _sent = socket.send(Message::text(HELLO)).await;
                stay(socket).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_client_certificate_opens_what_is_closed_without() {
    let (made, acceptor) = Certificates::make();
    let port = serve_acquaintances(acceptor).await;
    let url = format!("wss://localhost:{port}/ws");
    let stranger = HttpSettings { extra_ca: Some(made.file("ca.pem")), ..HttpSettings::default() };
    let known = HttpSettings {
        client_certificate: Some((made.file("client.pem"), made.file("client.key"))),
        ..stranger.clone()
    };
    let mut link = Link::open(settings(&url), &known).await;
    let told = link.told_until("agent_thinking").await;
    assert_eq!(told[..5], ["connecting", "reached tcp", "reached tls", "reached http", "opened"]);
    let mut link = Link::open(settings(&url), &stranger).await;
    let told = link.told_until("refused").await;
    assert!(!told.contains(&"reached http".into()), "{told:?}");
}

/// A proxy that answers `CONNECT` for that port of this machine, where `user:password` is `u:p`, and the lines that it
/// was asked with.
async fn serve_proxy(target: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&asked);
    let port = serve(move |mut socket, _| {
        let asked = Arc::clone(&heard);
        async move {
            let head = head(&mut socket).await;
            let line = head.lines().next().unwrap_or_default().to_owned();
            let is_known = head.to_lowercase().contains("proxy-authorization: basic dtpw");
            asked.lock().expect("no panic").push(line.clone());
            if !line.starts_with("CONNECT ") || !is_known {
                let no = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 11\r\n\r\nwho are you";
                let _told = socket.write_all(no.as_bytes()).await;
                return;
            }
            let mut onward = TcpStream::connect(("127.0.0.1", target)).await.expect("the target");
            let _told = socket.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
            let _copied = copy_bidirectional(&mut socket, &mut onward).await;
        }
    })
    .await;
    (port, asked)
}

fn asked(of: &Mutex<Vec<String>>) -> Vec<String> {
    of.lock().expect("no panic").clone()
}

#[tokio::test]
async fn a_proxy_is_asked_by_connect_unless_no_proxy_names_the_host() {
    let (made, acceptor) = Certificates::make();
    let target = serve_acquaintances(acceptor).await;
    let (proxy, heard) = serve_proxy(target).await;
    let through = HttpSettings {
        extra_ca: Some(made.file("ca.pem")),
        client_certificate: Some((made.file("client.pem"), made.file("client.key"))),
        proxy: Some(Secret::new(format!("http://u:p@127.0.0.1:{proxy}"))),
        no_proxy: String::new(),
    };
    let url = format!("wss://localhost:{target}/ws");
    let mut link = Link::open(settings(&url), &through).await;
    link.told_until("agent_thinking hello").await;
    let connect = format!("CONNECT localhost:{target} HTTP/1.1");
    assert_eq!(asked(&heard), [connect.as_str()]);
    let around = HttpSettings { no_proxy: "example.com,localhost".into(), ..through };
    let mut link = Link::open(settings(&url), &around).await;
    link.told_until("agent_thinking hello").await;
    assert_eq!(asked(&heard), [connect]);
}

#[tokio::test]
async fn a_plain_stream_goes_through_a_tunnel_too() {
    let target = serve(|socket, _| async move {
        let (mut socket, head) = accept(socket).await;
        assert!(head.starts_with("GET /ws?a=b HTTP/1.1"), "{head}");
        let _sent = socket.send(Message::text(HELLO)).await;
        stay(socket).await;
    })
    .await;
    let (proxy, heard) = serve_proxy(target).await;
    let known =
        HttpSettings { proxy: Some(Secret::new(format!("http://u:p@127.0.0.1:{proxy}"))), ..HttpSettings::default() };
    let url = format!("ws://localhost:{target}/ws?a=b");
    let mut link = Link::open(settings(&url), &known).await;
    let told = link.told_until("agent_thinking hello").await;
    assert_eq!(told[..4], ["connecting", "reached tcp", "reached http", "opened"]);
    let connect = format!("CONNECT localhost:{target} HTTP/1.1");
    assert_eq!(asked(&heard), [connect.as_str()]);
    let around = HttpSettings { no_proxy: "localhost".into(), ..known };
    let mut link = Link::open(settings(&url), &around).await;
    link.told_until("agent_thinking hello").await;
    assert_eq!(asked(&heard), [connect]);
}

#[tokio::test]
async fn what_a_proxy_refuses_is_told_as_its_own() {
    let (proxy, _) = serve_proxy(1).await;
    let stranger = |port| HttpSettings {
        proxy: Some(Secret::new(format!("http://u:wrong@127.0.0.1:{port}"))),
        ..HttpSettings::default()
    };
    let refusal = async |port| {
        let mut link = Link::open(settings("ws://localhost:1/ws"), &stranger(port)).await;
        loop {
            if let StreamEvent::Refused { refusal, .. } = link.event().await {
                return refusal;
            }
        }
    };
    let no = refusal(proxy).await;
    assert_eq!((no.status, no.class, &*no.body), (Some(407), RefusalClass::Authentication, "who are you"));
    let why = format!("the proxy 127.0.0.1:{proxy} does not let us through: the server answered 407");
    assert!(no.why.starts_with(&why) && no.advice.contains("user and password"), "{no:?}");
    let no = refusal(1).await;
    assert!(no.why.starts_with("the proxy 127.0.0.1:1: ") && no.advice.contains("listens on 127.0.0.1:1"), "{no:?}");
}
