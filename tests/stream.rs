//! Streams against servers on loopback: some correct, most of them not.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{SinkExt as _, StreamExt as _};
use liveloop::config::project::Secret;
use liveloop::domain::{AgentKind, Moment, Outgoing, RefusalClass, StreamEvent, StreamId};
use liveloop::engine::http::{Http, HttpSettings};
use liveloop::engine::stream::answer::{Framing, Request};
use liveloop::engine::stream::backoff::Cause;
use liveloop::engine::stream::handshake::{Deadlines, Opened, Opening, Phase, Refused, open};
use liveloop::engine::stream::link::{LinkOrder, LinkSettings, Pulse, run};
use liveloop::engine::stream::secret::Secrets;
use liveloop::engine::stream::token::{HeaderSource, Means, TokenCall, TokenOffer, TokenSource, Variables};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

/// Nothing here may take longer, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(30);

// ---- servers ----------------------------------------------------------------------------------------------------

/// How a server answers one connection.
#[derive(Clone)]
enum Answer {
    /// These pieces, each in a packet of its own, then the end. `{accept}` becomes the right key, `{head}` the request.
    Pieces(Vec<String>),
    /// Nothing, with the connection held open.
    Silence,
    /// A WebSocket that does this.
    WebSocket(Script),
}

/// What a WebSocket server does after its 101.
#[derive(Clone)]
enum Script {
    /// Sends these and closes with that code and reason.
    Close(Vec<String>, u16, &'static str),
    /// Sends these, then answers each text with an acknowledgement that repeats it.
    Echo(Vec<String>),
    /// Sends that many numbered messages, then stays.
    Flood(usize),
    /// Never reads or writes anything again.
    Hang,
    /// Drops the connection without a close frame.
    Drop,
    /// Sends these raw bytes, then hangs.
    Raw(Vec<u8>),
}

fn pieces(pieces: &[&str]) -> Answer {
    Answer::Pieces(pieces.iter().map(ToString::to_string).collect())
}

fn json(status: &str, body: &str) -> Answer {
    pieces(&[&format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())])
}

fn websocket(script: Script) -> Answer {
    Answer::WebSocket(script)
}

/// Serves one answer a connection, the last one again and again. Ends with the test's runtime.
async fn serve(answers: impl IntoIterator<Item = Answer>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let mut answers: VecDeque<Answer> = answers.into_iter().collect();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
            tokio::spawn(answer_one(socket, answer.expect("at least one answer")));
        }
    });
    address
}

async fn answer_one(mut socket: impl AsyncRead + AsyncWrite + Unpin, answer: Answer) {
    let head = read_head(&mut socket).await;
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with(name))?;
        Some(line.split_once(": ")?.1.to_string())
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    let _read = socket.read_exact(&mut body).await;
    let accept = header("sec-websocket-key").map(|key| derive_accept_key(key.as_bytes())).unwrap_or_default();
    match answer {
        Answer::Pieces(pieces) => {
            for (n, piece) in pieces.iter().enumerate() {
                if n > 0 {
                    // The fault under test: what follows comes in a packet of its own.
                    sleep(Duration::from_millis(30)).await;
                }
                let piece = piece.replace("{accept}", &accept).replace("{head}", &head);
                if socket.write_all(piece.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
        Answer::Silence => sleep(PATIENCE).await,
        Answer::WebSocket(script) => {
            let protocol = header("sec-websocket-protocol").and_then(|list| list.split(", ").next().map(String::from));
            let protocol = protocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
            let yes = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
            let yes = format!("{yes}Sec-WebSocket-Accept: {accept}\r\n{protocol}\r\n");
            if socket.write_all(yes.as_bytes()).await.is_ok() {
                play(socket, script, &head.replace(['\r', '\n'], " ")).await;
            }
        }
    }
}

async fn read_head(socket: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 64 * 1024 {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

async fn play(mut socket: impl AsyncRead + AsyncWrite + Unpin, script: Script, head: &str) {
    if let Script::Raw(bytes) = &script {
        if socket.write_all(bytes).await.is_ok() {
            sleep(PATIENCE).await;
        }
        return;
    }
    let mut socket = WebSocketStream::from_raw_socket(socket, Role::Server, None).await;
    // Whoever is gone does not get it, which its test will notice.
    match script {
        Script::Close(messages, code, reason) => {
            for message in messages {
                let _sent = socket.send(Message::text(message)).await;
            }
            let _closed = socket.close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() })).await;
            while let Some(Ok(_)) = socket.next().await {}
        }
        Script::Echo(messages) => {
            for message in messages {
                let _sent = socket.send(Message::text(message.replace("{head}", head))).await;
            }
            while let Some(Ok(message)) = socket.next().await {
                if let Message::Text(text) = message {
                    let answer = format!(r#"{{"type":"ack","received_type":{:?}}}"#, text.as_str());
                    let _sent = socket.send(Message::text(answer)).await;
                }
            }
        }
        Script::Flood(count) => {
            for n in 0..count {
                let message = format!(r#"{{"type":"agent_thinking","run_id":"r","thought":"{n}"}}"#);
                if socket.feed(Message::text(message)).await.is_err() {
                    return;
                }
            }
            let _sent = socket.flush().await;
            while let Some(Ok(_)) = socket.next().await {}
        }
        Script::Hang => sleep(PATIENCE).await,
        Script::Drop | Script::Raw(_) => {}
    }
}

// ---- the opening handshake --------------------------------------------------------------------------------------

fn http() -> Http {
    Http::new(&HttpSettings::default()).expect("a client")
}

fn opening(address: SocketAddr) -> Opening {
    Opening::of(&format!("ws://{address}/ws"))
}

/// Opens with the deadlines of somebody in a hurry.
async fn try_open(answer: Answer) -> Result<Opened, Box<Refused>> {
    let address = serve([answer]).await;
    let deadlines = Deadlines { answer: Duration::from_millis(700), body: Duration::from_millis(700) };
    let opening = Opening { subprotocols: vec!["jwt-auth".into()], deadlines, ..opening(address) };
    timeout(PATIENCE, open(&http(), &opening, None, &Secrets::default())).await.expect("every phase has a deadline")
}

/// One refusal: what the server does, and what a person must read. `why` and `advice` hold these words, `body` begins so.
struct Case {
    name: &'static str,
    answer: Answer,
    status: u16,
    class: RefusalClass,
    why: &'static str,
    body: &'static str,
    advice: &'static str,
}

#[tokio::test]
async fn a_refusal_tells_all_there_is_to_know() {
    use RefusalClass::{Authentication, Environment, NotFound, Protocol, Redirect};
    let not_for_us = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    let table = [
        Case {
            name: "403 in one packet",
            answer: json("403 Forbidden", r#"{"detail":"no token"}"#),
            status: 403,
            class: Authentication,
            why: "403 Forbidden",
            body: r#"{"detail":"no token"}"#,
            advice: "check the token",
        },
        Case {
            name: "403 whose body comes later",
            answer: pieces(&["HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\n", "{\"a\":", "\"b\"}"]),
            status: 403,
            class: Authentication,
            why: "403",
            body: r#"{"a":"b"}"#,
            advice: "check the token",
        },
        Case {
            name: "429 in chunks",
            answer: pieces(&[
                "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nslow\r\n",
                "5\r\n down\r\n0\r\n\r\n",
            ]),
            status: 429,
            class: Environment,
            why: "429",
            body: "slow down",
            advice: "wait",
        },
        Case {
            name: "503 of a proxy in HTTP/1.0",
            answer: pieces(&["HTTP/1.0 503 Service Unavailable\r\n\r\n<h1>down</h1>"]),
            status: 503,
            class: Environment,
            why: "503 Service Unavailable",
            body: "<h1>down</h1>",
            advice: "health of the service",
        },
        Case {
            name: "a login page",
            answer: pieces(&[
                "HTTP/1.1 302 Found\r\nLocation: https://login.example/?n=/ws\r\nContent-Length: 0\r\n\r\n",
            ]),
            status: 302,
            class: Redirect,
            why: "302 Found",
            body: "",
            advice: "https://login.example/?n=/ws",
        },
        Case {
            name: "an ordinary page",
            answer: json("200 OK", "hi"),
            status: 200,
            class: Protocol,
            why: "200 OK",
            body: "hi",
            advice: "check the path",
        },
        Case {
            name: "nothing there",
            answer: json("404 Not Found", ""),
            status: 404,
            class: NotFound,
            why: "404 Not Found",
            body: "",
            advice: "host and path",
        },
        Case {
            name: "a body that breaks off",
            answer: pieces(&["HTTP/1.1 500 Internal Server Error\r\nContent-Length: 99\r\n\r\nTraceback"]),
            status: 500,
            class: Environment,
            why: "500",
            body: "Traceback\n… (the connection broke here)",
            advice: "log of the service",
        },
        Case {
            name: "no answer at all",
            answer: Answer::Silence,
            status: 0,
            class: Environment,
            why: "no answer within 0.7 s",
            body: "",
            advice: "starting, or hangs",
        },
        Case {
            name: "hung up",
            answer: pieces(&[]),
            status: 0,
            class: Environment,
            why: "connection closed",
            body: "",
            advice: "hung up",
        },
        Case {
            name: "not HTTP",
            answer: pieces(&["SSH-2.0-OpenSSH_9.6\r\n"]),
            status: 0,
            class: Environment,
            why: "invalid HTTP",
            body: "",
            advice: "no HTTP",
        },
        Case {
            name: "101 for somebody else",
            answer: Answer::Pieces(vec![format!("{not_for_us}Sec-WebSocket-Accept: AAAA\r\n\r\n")]),
            status: 101,
            class: Protocol,
            why: "does not belong to our key",
            body: "",
            advice: "proxy or a cache",
        },
        Case {
            name: "101 without a key",
            answer: Answer::Pieces(vec![format!("{not_for_us}\r\n")]),
            status: 101,
            class: Protocol,
            why: "has no Sec-WebSocket-Accept",
            body: "",
            advice: "proxy or a cache",
        },
    ];
    for case in table {
        let name = case.name;
        let refused = try_open(case.answer).await.expect_err(name);
        let refusal = &refused.refusal;
        assert_eq!(refusal.status.unwrap_or_default(), case.status, "{name}: {refusal:?}");
        assert_eq!(refusal.class, case.class, "{name}: {refusal:?}");
        assert!(refusal.why.contains(case.why), "{name}: {refusal:?}");
        assert!(refusal.body.starts_with(case.body), "{name}: {refusal:?}");
        assert!(refusal.advice.contains(case.advice), "{name}: {refusal:?}");
        if case.status == 429 {
            assert_eq!(refused.cause, Cause::Status { status: 429, retry_after: Some(Duration::from_secs(7)) });
            assert!(refusal.headers.contains(&("retry-after".into(), "7".into())), "{refusal:?}");
        }
    }
}

#[tokio::test]
async fn an_endless_body_is_cut_and_a_late_one_is_not_waited_for() {
    let head = "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("2000\r\n{}\r\n", "x".repeat(0x2000));
    let endless = try_open(Answer::Pieces(vec![head.to_string() + &chunk.repeat(20)])).await.expect_err("refused");
    let body = &endless.refusal.body;
    assert!(body.len() < 65 * 1024 && body.ends_with("x\n… (there is more)"), "{}", body.len());

    let many: Vec<&str> = [head, "1\r\na\r\n"].into_iter().chain(std::iter::repeat_n("1\r\nb\r\n", 100)).collect();
    let late = try_open(pieces(&many)).await.expect_err("refused");
    assert!(late.refusal.body.starts_with("ab") && late.refusal.body.ends_with("did not come in time)"), "{late:?}");
    assert_eq!(late.phase, Phase::Refused);
}

#[tokio::test]
async fn nobody_there_and_nobody_of_that_name() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = free.local_addr().expect("an address");
    drop(free);
    for (url, phase, advice) in [
        (format!("ws://{address}/ws"), Phase::Connect, format!("listens on {address}")),
        ("ws://nobody.invalid/ws".into(), Phase::Connect, "nobody.invalid".into()),
        ("gopher://x/".into(), Phase::Request, "configuration".into()),
    ] {
        let refused = open(&http(), &Opening::of(&url), None, &Secrets::default()).await.expect_err("refused");
        assert_eq!(refused.phase, phase, "{refused:?}");
        assert!(refused.refusal.advice.contains(&advice), "{refused:?}");
    }
}

#[tokio::test]
async fn an_unusual_yes_is_a_finding_and_no_failure() {
    let yes = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\n";
    let usual = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n";
    let protocol = "Sec-WebSocket-Protocol: jwt-auth\r\n";
    let table = [
        (format!("{yes}{usual}{protocol}\r\n"), vec![]),
        (format!("{yes}{usual}\r\n"), vec!["none selected: browsers will refuse"]),
        (format!("{yes}{usual}Sec-WebSocket-Protocol: other\r\n\r\n"), vec!["selected the subprotocol other"]),
        (
            format!("{yes}{usual}{protocol}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
            vec!["claims the extension permessage-deflate"],
        ),
        (format!("{yes}{protocol}\r\n"), vec!["no `Upgrade: websocket`", "no `Connection: Upgrade`"]),
    ];
    for (answer, expected) in table {
        let opened = try_open(pieces(&[&answer])).await.expect("open all the same");
        let found: Vec<&str> = opened.findings.iter().map(|finding| finding.what.as_str()).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(found.iter().zip(&expected).all(|(found, expected)| found.contains(expected)), "{found:?}");
    }
}

#[tokio::test]
async fn a_token_is_offered_and_does_not_come_back() {
    let echo = "HTTP/1.1 403 Forbidden\r\nSet-Cookie: a=b\r\nX-Echo: eyJtoken\r\n\r\n{head}";
    let address = serve([pieces(&[echo])]).await;
    let secrets = Secrets::default();
    let in_base64 = URL_SAFE_NO_PAD.encode("eyJtoken");
    secrets.learn("eyJtoken");
    secrets.learn(&in_base64);
    let offers = [TokenOffer::Bearer, TokenOffer::Query("token".into()), TokenOffer::Subprotocol];
    let token = Secret::new("eyJtoken");
    let refused = open(&http(), &opening(address), Some((&token, &offers)), &secrets).await.expect_err("refused");
    let body = &refused.refusal.body;
    for expected in ["GET /ws?token=*** HTTP/1.1", "authorization: Bearer ***", "sec-websocket-protocol: jwt.***"] {
        assert!(body.contains(expected), "{body}");
    }
    let all = format!("{refused:?}");
    assert!(!all.contains("eyJtoken") && !all.contains(&in_base64) && !all.contains("a=b"), "{all}");
}

// ---- TLS --------------------------------------------------------------------------------------------------------

/// A server with a certificate of its own making: where it is, and the file with the certificate.
async fn serve_tls(folder: &Path) -> (SocketAddr, PathBuf) {
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;
    liveloop::engine::http::install_crypto();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("a certificate");
    let file = folder.join("ca.pem");
    std::fs::write(&file, made.cert.pem()).expect("writes");
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key);
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config.expect("a usable certificate")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(socket) = acceptor.accept(socket).await {
                    let hello = r#"{"type":"connection_ready"}"#.to_string();
                    answer_one(socket, websocket(Script::Echo(vec![hello]))).await;
                }
            });
        }
    });
    (address, file)
}

#[tokio::test]
async fn wss_works_with_an_extra_ca_and_says_what_is_wrong_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, file) = serve_tls(folder.path()).await;
    let opening = Opening::of(&format!("wss://localhost:{}/ws", address.port()));
    let trusting = Http::new(&HttpSettings { extra_ca: Some(file), ..HttpSettings::default() }).expect("a client");
    let mut opened = open(&trusting, &opening, None, &Secrets::default()).await.expect("trusted");
    let hello = timeout(PATIENCE, opened.socket.next()).await.expect("in time").expect("open").expect("a message");
    assert_eq!(hello.to_text().expect("text"), r#"{"type":"connection_ready"}"#);

    let refused = open(&http(), &opening, None, &Secrets::default()).await.expect_err("not trusted");
    assert_eq!((&refused.cause, refused.phase), (&Cause::Certificate, Phase::Connect));
    assert!(refused.refusal.advice.contains("extra_ca"), "{:?}", refused.refusal);

    let plain = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let opening = Opening::of(&format!("wss://{}/ws", plain.local_addr().expect("an address")));
    tokio::spawn(async move {
        let (mut socket, _) = plain.accept().await.expect("a client");
        let _hello = socket.read_u8().await;
        let _sent = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    let refused = open(&trusting, &opening, None, &Secrets::default()).await.expect_err("no TLS there");
    assert!(refused.refusal.advice.contains("ws://"), "{:?}", refused.refusal);
}

// ---- tokens by HTTP ---------------------------------------------------------------------------------------------

fn means() -> Means {
    let variables: Variables = Arc::new(|name| (name == "BYPASS").then(|| "bypass-key".into()));
    Means { http: http(), variables, secrets: Secrets::default() }
}

fn token_call(address: SocketAddr, pointer: &str) -> TokenSource {
    TokenSource::Http(TokenCall {
        method: "POST".into(),
        url: format!("http://{address}/auth?x=1"),
        headers: vec![("X-Bypass".into(), HeaderSource::Variable("BYPASS".into()))],
        body: Some("{}".into()),
        pointer: pointer.into(),
        deadline: PATIENCE,
    })
}

#[tokio::test]
async fn a_token_comes_by_http_or_says_why_not() {
    let means = means();
    let answer = json("200 OK", r#"{"access_token":"token-by-http"}"#);
    let token = token_call(serve([answer.clone()]).await, "/access_token").obtain(&means).await.expect("a token");
    assert_eq!(token.secret.reveal(), "token-by-http");
    for (answer, pointer, expected, may_pass) in [
        (answer, "/token", "has no text at /token", false),
        (pieces(&["HTTP/1.1 401 Unauthorized\r\n\r\n{head}"]), "/a", "401 Unauthorized: POST /auth", false),
        (json("503 Service Unavailable", "down"), "/a", "503 Service Unavailable: down", true),
        (json("200 OK", "<html>"), "/a", "has no text at /a", false),
    ] {
        let trouble = token_call(serve([answer]).await, pointer).obtain(&means).await.expect_err(expected);
        assert!(trouble.what.contains(expected) && trouble.may_pass == may_pass, "{trouble:?}");
        assert!(!trouble.what.contains("bypass-key"), "{trouble:?}");
    }
    let TokenSource::Http(call) = token_call(serve([Answer::Silence]).await, "/a") else { unreachable!() };
    let hurried = TokenSource::Http(TokenCall { deadline: Duration::from_millis(100), ..call });
    let trouble = hurried.obtain(&means).await.expect_err("no answer");
    assert!(trouble.what.contains("no token within 0.1 s") && trouble.may_pass, "{trouble:?}");
}

#[tokio::test]
async fn learned_secrets_are_told_to_others() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    let secrets = Secrets::new(move |value| told.lock().expect("one thread").push(value.to_string()));
    let means = Means { secrets, ..means() };
    let address = serve([json("200 OK", r#"{"t":"token-by-http"}"#)]).await;
    token_call(address, "/t").obtain(&means).await.expect("a token");
    assert_eq!(*heard.lock().expect("one thread"), ["bypass-key", "token-by-http", "dG9rZW4tYnktaHR0cA"]);
}

// ---- the link ---------------------------------------------------------------------------------------------------

/// A running link.
struct Linked {
    orders: Sender<LinkOrder>,
    events: Receiver<StreamEvent>,
    task: tokio::task::JoinHandle<()>,
}

fn settings(address: SocketAddr) -> LinkSettings {
    LinkSettings {
        stream: StreamId(0),
        opening: opening(address),
        request: None,
        language: liveloop::config::mapping::Language::default(),
        token: None,
        keep_open: false,
        close_codes: Vec::new(),
        pulse: Pulse::default(),
        rotate_before: None,
        resume: None,
    }
}

fn with_token(address: SocketAddr, from: SocketAddr) -> LinkSettings {
    LinkSettings { token: Some((token_call(from, "/t"), vec![TokenOffer::Bearer])), ..settings(address) }
}

fn link(settings: LinkSettings, capacity: usize) -> Linked {
    let (orders, orders_in) = channel(8);
    let (events_out, events) = channel(capacity);
    let clock = Arc::new(|| Moment(42));
    Linked { orders, events, task: tokio::spawn(run(settings, means(), clock, orders_in, events_out)) }
}

impl Linked {
    async fn order(&self, order: LinkOrder) {
        self.orders.send(order).await.expect("the link listens");
    }

    /// The next event, in a word or two.
    async fn told(&mut self) -> String {
        loop {
            let event = timeout(PATIENCE, self.events.recv()).await.expect("in time").expect("the link lives");
            // What was reached, and when, is the business of tests/faults.rs.
            if !matches!(event, StreamEvent::Reached { .. }) {
                return Self::word(event);
            }
        }
    }

    fn word(event: StreamEvent) -> String {
        match event {
            StreamEvent::Reached { stage, .. } => format!("reached {}", stage.word()),
            StreamEvent::PingsLost { lost, .. } => format!("lost {lost}"),
            StreamEvent::Connecting { .. } => "connecting".into(),
            StreamEvent::Opened { .. } => "opened".into(),
            StreamEvent::Refused { refusal, .. } => format!("refused {}", refusal.status.unwrap_or_default()),
            StreamEvent::Received { events, .. } => {
                let lines = events.iter().map(|event| format!("{} {}", event.kind.word(), event.text));
                lines.collect::<Vec<_>>().join("; ")
            }
            StreamEvent::Measured { .. } => "measured".into(),
            StreamEvent::Closed { code, reason, expected, .. } => {
                format!("closed {} {reason}{}", code.unwrap_or_default(), if expected { " expected" } else { "" })
            }
            StreamEvent::Waiting { why, .. } => format!("waiting {why}"),
            StreamEvent::Stopped { why, .. } => format!("stopped {why}"),
            StreamEvent::Overflowed { dropped, .. } => format!("overflowed {dropped}"),
            StreamEvent::TokenObtained { .. } => "token".into(),
            StreamEvent::Sent { text, .. } => format!("sent {text}"),
            StreamEvent::RevisionSeen { revision, .. } => format!("revision {revision}"),
            StreamEvent::NotSent { why, .. } => format!("not sent: {why}"),
        }
    }

    /// What is told until a line begins with `last`, without round trips.
    async fn told_until(&mut self, last: &str) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let until = tokio::time::Instant::now() + PATIENCE;
        while !lines.last().is_some_and(|line| line.starts_with(last)) {
            let line = self.told().await;
            if line != "measured" && !line.starts_with("lost") {
                lines.push(line);
            }
            // Round trips come for ever, so that waiting for each line alone would never end.
            assert!(tokio::time::Instant::now() < until, "{last} does not come: {lines:?}");
        }
        lines
    }
}

#[tokio::test]
async fn a_link_opens_receives_sends_measures_and_closes() {
    let hello = r#"{"type":"connection_ready","message":"hello"}"#.to_string();
    let address = serve([websocket(Script::Echo(vec![hello]))]).await;
    let mut link = link(settings(address), 64);
    link.order(LinkOrder::Open).await;
    assert_eq!(link.told().await, "connecting");
    assert_eq!(link.told().await, "opened");
    let mut both = [link.told().await, link.told().await];
    both.sort();
    assert_eq!(both, ["measured", "ready hello"]);
    link.order(LinkOrder::Send(r#"{"type":"start_agent"}"#.into())).await;
    let told = link.told_until("acknowledged").await;
    assert_eq!(told, [r#"sent {"type":"start_agent"}"#, r#"acknowledged {"type":"start_agent"}"#]);
    link.order(LinkOrder::Reopen { why: "the revision changed".into() }).await;
    let told = link.told_until("ready").await;
    assert_eq!(told, ["closed 1000 the revision changed expected", "connecting", "opened", "ready hello"]);
    link.order(LinkOrder::Close).await;
    assert_eq!(link.told_until("closed").await, ["closed 1000 closed by us expected"]);
    drop(link.orders);
    timeout(PATIENCE, link.task).await.expect("it ends with its orders").expect("without a panic");
}

#[tokio::test]
async fn bytes_and_a_close_frame_of_ones_own_are_sent_where_there_is_a_connection() {
    let hello = r#"{"type":"connection_ready","message":"hello"}"#.to_string();
    let address = serve([websocket(Script::Echo(vec![hello]))]).await;
    let mut link = link(settings(address), 64);
    link.order(LinkOrder::Raw(Outgoing::Ping)).await;
    assert_eq!(link.told().await, "not sent: it is not connected");
    link.order(LinkOrder::Open).await;
    link.told_until("ready").await;
    link.order(LinkOrder::Raw(Outgoing::Binary("00 fF".into()))).await;
    assert_eq!(link.told_until("sent").await.last().map(String::as_str), Some("sent 2 bytes: 00 ff"));
    link.order(LinkOrder::Raw(Outgoing::Close { code: 4001, reason: "bye".into() })).await;
    let told = link.told_until("closed").await;
    assert_eq!(told.last().map(String::as_str), Some("closed 4001 closed by us: bye expected"), "{told:?}");
}

#[tokio::test]
async fn a_ping_in_a_message_is_answered_in_one() {
    let address = serve([websocket(Script::Echo(vec![r#"{"type":"ping","data":{"timestamp":1.5}}"#.into()]))]).await;
    let mut link = link(settings(address), 64);
    link.order(LinkOrder::Open).await;
    // The answer may share a batch with what it answers.
    let answered = async { while !link.told().await.contains(r#"acknowledged {"type":"pong"}"#) {} };
    timeout(PATIENCE, answered).await.expect("the server gets its pong");
}

#[tokio::test]
async fn a_link_ends_with_its_orders_whatever_it_is_at() {
    for answer in [websocket(Script::Hang), Answer::Silence, json("503 Service Unavailable", "")] {
        let mut link = link(settings(serve([answer]).await), 64);
        link.order(LinkOrder::Open).await;
        link.told().await;
        drop(link.orders);
        timeout(PATIENCE, link.task).await.expect("it ends with its orders").expect("without a panic");
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_then_it_stops_until_it_is_asked_again() {
    let no = json("403 Forbidden", r#"{"detail":"JWT required"}"#);
    let address = serve([no.clone(), no, websocket(Script::Echo(vec![]))]).await;
    let tokens = serve([1, 2, 3].map(|n| json("200 OK", &format!(r#"{{"t":"token-{n}"}}"#)))).await;
    let mut link = link(with_token(address, tokens), 64);
    link.order(LinkOrder::Open).await;
    let told = link.told_until("stopped").await;
    let once = ["connecting", "token", "refused 403"];
    assert_eq!(told[..6], [once, once].concat());
    assert_eq!(told[6], r#"stopped the server answered 403 Forbidden: {"detail":"JWT required"}"#);
    link.order(LinkOrder::Reopen { why: "the revision changed".into() }).await;
    assert_eq!(link.told_until("opened").await, ["connecting", "token", "opened"]);
}

#[tokio::test]
async fn close_1008_is_a_refused_token() {
    let error = r#"{"type":"error","error":"user_context","code":"AUTH"}"#.to_string();
    let address = serve([websocket(Script::Close(vec![error], 1008, "SSOT authentication failed"))]).await;
    let tokens = serve([json("200 OK", r#"{"t":"token-1"}"#)]).await;
    let mut link = link(with_token(address, tokens), 64);
    link.order(LinkOrder::Open).await;
    let told = link.told_until("stopped").await;
    let once = ["connecting", "token", "opened", "error AUTH: user_context", "closed 1008 SSOT authentication failed"];
    assert_eq!(told[..10], [once, once].concat());
    assert_eq!(told[10], "stopped closed with 1008: SSOT authentication failed");
}

#[tokio::test]
async fn a_known_deploy_is_waited_for() {
    let address = serve([
        websocket(Script::Close(vec![], 1012, "service restart")),
        json("503 Service Unavailable", "down"),
        json("403 Forbidden", "not yet"),
        websocket(Script::Echo(vec![])),
    ])
    .await;
    let mut link = link(settings(address), 64);
    link.order(LinkOrder::ExpectDrop(true)).await;
    link.order(LinkOrder::Open).await;
    let mut told = link.told_until("closed").await;
    told.extend(link.told_until("opened").await);
    let expected = [
        "connecting",
        "opened",
        "closed 1012 service restart expected",
        "waiting expected while deploying: closed with 1012: service restart",
        "connecting",
        "refused 503",
        "waiting expected while deploying: the server answered 503 Service Unavailable: down",
        "connecting",
        "refused 403",
        "waiting expected while deploying: the server answered 403 Forbidden: not yet",
        "connecting",
        "opened",
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn lost_connections_come_back_and_broken_rules_stop() {
    let oversized = [&[0x81, 127][..], &(64_u64 << 20).to_be_bytes()].concat();
    for (script, expected) in [
        (Script::Drop, "waiting the connection ended without a close frame (1006)"),
        (Script::Close(vec![], 1011, "internal error"), "waiting closed with 1011: internal error"),
        (Script::Close(vec![], 1000, ""), "stopped closed with 1000"),
        (Script::Raw(oversized), "stopped a message of 67108864 bytes is over the limit"),
        (Script::Raw(vec![0xc1, 1, 0]), "stopped the server sends compressed frames"),
        (Script::Raw(vec![0x81, 2, 0xff, 0xff]), "stopped"),
    ] {
        let address = serve([websocket(script)]).await;
        let mut link = link(settings(address), 64);
        link.order(LinkOrder::Open).await;
        let told = link.told_until(expected.split(' ').next().unwrap_or_default()).await;
        assert!(told.last().is_some_and(|line| line.starts_with(expected)), "{told:?}");
        assert!(told[told.len() - 2].starts_with("closed"), "{told:?}");
    }
}

#[tokio::test]
async fn a_connection_that_does_not_answer_is_left() {
    for (pulse, why) in [
        (Pulse { ping_every: Duration::from_millis(30), silent_for: PATIENCE }, "two pings were not answered"),
        (Pulse { ping_every: PATIENCE, silent_for: Duration::from_millis(90) }, "no byte for 0.09 s"),
    ] {
        let address = serve([websocket(Script::Hang)]).await;
        let mut link = link(LinkSettings { pulse, ..settings(address) }, 64);
        link.order(LinkOrder::Open).await;
        let told = link.told_until("waiting").await;
        let expected = ["connecting".into(), "opened".into(), format!("closed 0 {why}"), format!("waiting {why}")];
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn a_message_asks_for_the_connection_that_it_needs() {
    let address = serve([json("404 Not Found", ""), websocket(Script::Echo(vec![]))]).await;
    let mut link = link(settings(address), 64);
    link.order(LinkOrder::Open).await;
    link.told_until("stopped").await;
    link.order(LinkOrder::Send("go".into())).await;
    assert_eq!(link.told_until("acknowledged").await, ["connecting", "opened", "sent go", "acknowledged go"]);
}

#[tokio::test]
async fn secrets_in_messages_are_masked() {
    let echo = r#"{"type":"agent_thinking","thought":"{head}"}"#.to_string();
    let address = serve([websocket(Script::Echo(vec![echo]))]).await;
    let tokens = serve([json("200 OK", r#"{"t":"token-that-must-not-be-seen"}"#)]).await;
    let mut link = link(with_token(address, tokens), 64);
    link.order(LinkOrder::Open).await;
    let told = link.told_until("agent_thinking").await.pop().unwrap_or_default();
    assert!(told.contains("authorization: Bearer ***") && !told.contains("must-not-be-seen"), "{told}");
}

#[tokio::test]
async fn masking_leaves_a_message_readable() {
    let secrets = [
        r#"{"type":"heartbeat","a":"Authorization: Bearer abcdef0123456789","message":"m0"}"#,
        r#"{"type":"heartbeat","headers":{"Authorization":"Bearer abcdef0123456789"},"message":"m1"}"#,
        r#"{"type":"heartbeat","url":"https://h/?token=abcdef0123456789","message":"m2"}"#,
        r#"{"type":"heartbeat","url":"postgres://user:hunter2hunter2@host/db","message":"m3"}"#,
        r#"{"type":"heartbeat","jwt":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJlc2lnbmF0dXJl","message":"m4"}"#,
        r#"{"type":"heartbeat","key":"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----","message":"m5"}"#,
        r#"{"type":"heartbeat","message":"last"}"#,
    ];
    let address = serve([websocket(Script::Echo(secrets.map(String::from).to_vec()))]).await;
    let mut link = link(settings(address), 64);
    link.order(LinkOrder::Open).await;
    let (mut told, mut raws) = (Vec::new(), Vec::new());
    while told.last().is_none_or(|text| text != "last") {
        if let Some(StreamEvent::Received { events, .. }) =
            timeout(PATIENCE, link.events.recv()).await.expect("in time")
        {
            told.extend(events.iter().map(|event| event.text.to_string()));
            raws.extend(events.iter().map(|event| event.raw.to_string()));
        }
    }
    assert_eq!(told, ["m0", "m1", "m2", "m3", "m4", "m5", "last"], "{raws:#?}");
    assert!(raws[..6].iter().all(|raw| raw.contains("***")), "{raws:#?}");
}

#[tokio::test]
async fn a_flood_is_counted_to_the_last_message_however_slow_the_listener() {
    const FLOOD: usize = 60_000;
    let address = serve([websocket(Script::Flood(FLOOD))]).await;
    let mut link = link(settings(address), 1);
    link.order(LinkOrder::Open).await;
    let (mut received, mut dropped, mut last) = (0, 0, None);
    let mut is_slow = true;
    while received + dropped < FLOOD {
        match timeout(PATIENCE, link.events.recv()).await.expect("in time").expect("the link lives") {
            StreamEvent::Received { events, .. } => {
                for event in &events {
                    let number: usize = event.text.parse().expect("a number");
                    assert!(last.is_none_or(|last| number > last), "{number} after {last:?}");
                    assert_eq!(event.kind, AgentKind::AgentThinking);
                    last = Some(number);
                }
                received += events.len();
                if is_slow {
                    // The fault under test: the listener sleeps through most of the flood.
                    sleep(Duration::from_millis(500)).await;
                }
                is_slow = false;
            }
            StreamEvent::Overflowed { dropped: more, .. } => dropped += more as usize,
            _ => {}
        }
    }
    assert_eq!((received + dropped, last), (FLOOD, Some(FLOOD - 1)));
    assert!(dropped > 0, "the listener was too fast to see the fault");
}

/// A stream that is an answer over HTTP.
fn over_http(address: SocketAddr, framing: Framing, body: Option<&str>) -> LinkSettings {
    let method = if body.is_some() { reqwest::Method::POST } else { reqwest::Method::GET };
    let request = Request { framing, method, body: body.map(str::to_owned) };
    LinkSettings { request: Some(request), ..settings(address) }
}

fn answer(kind: &str, pieces: &[&str]) -> Answer {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n");
    Answer::Pieces([head].into_iter().chain(pieces.iter().map(|piece| (*piece).to_owned())).collect())
}

#[tokio::test]
async fn server_sent_events_go_on_where_they_ended() {
    let first = answer(
        "text/event-stream",
        &[
            "\u{feff}: hello\n\nid: 41\nevent: x\nda",
            "ta: {\"type\":\"agent_thinking\",\ndata: \"thought\":\"one\"}\n",
            "\nid: 42\n",
        ],
    );
    let second = answer("text/event-stream", &["data: {\"type\":\"agent_thinking\",\"thought\":\"two\"}\r\n\r\n"]);
    let address = serve([first, second]).await;
    let mut link = link(over_http(address, Framing::Sse, None), 64);
    link.order(LinkOrder::Open).await;
    let told = link.told_until("waiting").await;
    assert_eq!(
        told,
        ["connecting", "opened", "agent_thinking one", "closed 0 the answer ended", "waiting the answer ended"]
    );
    assert_eq!(link.told_until("closed").await[..3], ["connecting", "opened", "agent_thinking two"]);
}

#[tokio::test]
async fn a_new_answer_is_asked_for_by_the_last_id() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let heads = tokio::spawn(async move {
        let mut heads = Vec::new();
        for _ in 0..2 {
            let (mut socket, _) = listener.accept().await.expect("somebody asks");
            heads.push(read_head(&mut socket).await.to_lowercase());
            let said = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nid: 41\nretry: 1\ndata: {}\n\n";
            socket.write_all(said.as_bytes()).await.expect("writes");
        }
        heads
    });
    let link = link(over_http(address, Framing::Sse, None), 64);
    link.order(LinkOrder::Open).await;
    let heads = timeout(PATIENCE, heads).await.expect("in time").expect("two requests");
    assert!(heads[0].contains("accept: text/event-stream") && !heads[0].contains("last-event-id"), "{}", heads[0]);
    assert!(!heads[0].contains("upgrade"), "{}", heads[0]);
    assert!(heads[1].contains("last-event-id: 41"), "{}", heads[1]);
}

#[tokio::test]
async fn an_answer_to_a_post_ends_and_is_not_asked_for_again() {
    let lines =
        "{\"type\":\"RUN_STARTED\",\"runId\":\"r\"}\n{\"type\":\"RUN_FINISHED\",\"runId\":\"r\",\"result\":\"yes\"}";
    let address = serve([answer("application/x-ndjson", &[lines])]).await;
    let mut link = link(over_http(address, Framing::Lines, Some("{}")), 64);
    link.order(LinkOrder::Open).await;
    let told = link.told_until("closed").await;
    let finished = told.iter().any(|line| line.contains("agent_completed yes"));
    assert!(finished && told.last().is_some_and(|line| line == "closed 0 the answer is complete expected"), "{told:?}");
    link.order(LinkOrder::Send(r#"{"again":true}"#.into())).await;
    let told = link.told_until("closed").await;
    assert_eq!(told[..3], ["connecting", "opened", r#"sent {"again":true}"#], "{told:?}");
}

#[tokio::test]
async fn a_refused_answer_says_why_and_a_broken_post_is_left_to_a_person() {
    let mut link = link(over_http(serve([json("401 Unauthorized", "no key")]).await, Framing::Sse, None), 64);
    link.order(LinkOrder::Open).await;
    assert_eq!(link.told_until("stopped").await[1], "refused 401");

    let broken = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 1000\r\n\r\ndata: {\"type\":\"ping\"}\n\n";
    let address = serve([Answer::Pieces(vec![broken.into()])]).await;
    let mut link = self::link(over_http(address, Framing::Sse, Some("{}")), 64);
    link.order(LinkOrder::Open).await;
    let told = link.told_until("stopped").await;
    assert!(told.contains(&"heartbeat ".to_owned()), "{told:?}");
}
