//! Contracts from configuration to the last line of JSON, against a server that is made of another library's parts: each
//! connection is one of the scripts below.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

#[path = "support/home.rs"]
mod home;

use home::Home;

const PATIENCE: Duration = Duration::from_secs(60);

/// What a server does with every connection.
#[derive(Clone, Copy)]
enum Script {
    /// An error frame, then close 1008.
    TurnAway,
    /// Ready, then a whole run for each message, under an id of its own.
    Serve,
    /// Ready, then five events in perfect order that no agent made.
    Play,
    /// Ready, then only an acknowledgement.
    Acknowledge,
    /// As `Serve`, but every run is told to everybody under the id of the first.
    Leak,
    /// Says hello, hears the message, and does this.
    Then(Reaction),
    /// As `Serve`, but the fifth to come is told, in between, what is the third's.
    Stray,
    /// As a backend does whose agents are missing: a notice, then all five events, evenly, and the question again.
    Beat,
    /// The handshake is answered with that, and a body.
    Refuse(&'static str, &'static str),
    /// Turned away behind the handshake, because something is not there yet.
    NotYet,
}

/// What a server does with a message that it was sent.
#[derive(Clone, Copy)]
enum Reaction {
    /// Nothing at all.
    Nothing,
    /// Says this, and nothing else.
    Say(&'static str),
    /// Says this and closes with a code and a reason.
    Close(&'static str, u16, &'static str),
}

fn event(kind: &str, run: &str, more: &str) -> String {
    format!(r#"{{"type":"{kind}","run_id":"{run}","agent_name":"supervisor"{more}}}"#)
}

fn answers(script: Script, connection: usize) -> Vec<String> {
    let run = format!("run_{}", if matches!(script, Script::Leak) { 0 } else { connection });
    match script {
        Script::TurnAway | Script::Then(_) | Script::Refuse(..) | Script::NotYet | Script::Beat => Vec::new(),
        Script::Acknowledge => vec![r#"{"type":"ack","received_type":"start_agent"}"#.to_owned()],
        Script::Serve | Script::Leak | Script::Stray => vec![
            event("agent_started", &run, ""),
            event("agent_thinking", &run, r#","thought":"reading""#),
            event("tool_executing", &run, r#","tool_name":"search","tool_call_id":"c1""#),
            event("tool_completed", &run, r#","tool_name":"search","tool_call_id":"c1","result":{"rows":1}"#),
            event("agent_completed", &run, r#","final_response":"Three things were found.""#),
        ],
        Script::Play => ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]
            .map(|kind| {
                let tool = if kind.starts_with("tool") { r#","tool_name":"response_generator""# } else { "" };
                format!(r#"{{"type":"{kind}","event":"{kind}","agent_name":"ChatAgent","message":"done"{tool}}}"#)
            })
            .into(),
    }
}

async fn converse(mut socket: TcpStream, script: Script, connection: usize) -> Option<()> {
    if let Script::Refuse(status, body) = script {
        let mut request = [0; 4096];
        let _heard = socket.read(&mut request).await.ok()?;
        let length = body.len();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
        return socket.write_all(answer.as_bytes()).await.ok();
    }
    let mut socket = accept_async(socket).await.ok()?;
    if matches!(script, Script::NotYet) {
        let frame = CloseFrame { code: CloseCode::Error, reason: "Service not ready: supervisor, threads".into() };
        return socket.close(Some(frame)).await.ok();
    }
    if matches!(script, Script::TurnAway) {
        let error = r#"{"type":"error","code":"AUTH_REQUIRED","error":"Authentication failed"}"#;
        socket.send(Message::text(error)).await.ok()?;
        let frame = CloseFrame { code: CloseCode::Policy, reason: "no entry".into() };
        return socket.close(Some(frame)).await.ok();
    }
    socket.send(Message::text(r#"{"type":"connection_ready","revision":"backend-00004"}"#)).await.ok()?;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() {
            if let Script::Then(reaction) = script {
                let (said, close) = match reaction {
                    Reaction::Nothing => ("", None),
                    Reaction::Say(said) => (said, None),
                    Reaction::Close(said, code, reason) => (said, Some((code, reason))),
                };
                if !said.is_empty() {
                    socket.send(Message::text(said)).await.ok()?;
                }
                if let Some((code, reason)) = close {
                    return socket.close(Some(CloseFrame { code: code.into(), reason: reason.into() })).await.ok();
                }
            }
            if let Script::Beat = script {
                beat(&mut socket).await?;
            }
            if matches!(script, Script::Stray) && connection == 4 {
                let stray = event("agent_thinking", "run_2", r#","thought":"psst""#);
                socket.send(Message::text(stray)).await.ok()?;
            }
            for answer in answers(script, connection) {
                socket.send(Message::text(answer)).await.ok()?;
            }
        }
    }
    Some(())
}

/// Five events, a tenth of a second apart, under names that anybody might have.
async fn beat(socket: &mut tokio_tungstenite::WebSocketStream<TcpStream>) -> Option<()> {
    let notice = r#"{"type":"system_message","data":{"event":"service_info","fallback_active":true}}"#;
    socket.send(Message::text(notice)).await.ok()?;
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    for kind in ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"] {
        ticks.tick().await;
        let said = if kind == "agent_completed" { "You asked: find three things" } else { "working on it" };
        let tool = if kind.starts_with("tool") { r#","tool_name":"search""# } else { "" };
        let text =
            format!(r#"{{"type":"{kind}","event":"{kind}","agent_name":"supervisor","message":"{said}"{tool}}}"#);
        socket.send(Message::text(text)).await.ok()?;
    }
    Some(())
}

/// Serves until the test is over.
async fn serve(script: Script) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        let mut connection = 0;
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(converse(socket, script, connection));
            connection += 1;
        }
    });
    port
}

/// What a headless run of the contract printed, and how it ended.
async fn run(script: Script, more: &str) -> (Vec<Value>, Option<i32>) {
    let (home, port) = (Home::new(), serve(script).await);
    let settings = format!(
        r#"
[service.backend]
url = "http://127.0.0.1:{port}"

[stream.agents]
url = "ws://127.0.0.1:{port}"
service = "backend"
revision.pointer = "/revision"

[stream.agents.start]
message = '{{"type":"start_agent","payload":{{"user_request":"find three things"}}}}'

[contract.five]
stream = "agents"
settle = "50ms"
{more}
"#
    );
    fs::write(home.project().join("liveloop.toml"), settings).expect("a folder of ours");
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveloop"));
    command.args(["--trust", "run", "contract:five", "--format", "json"]).current_dir(home.project());
    command.env_clear().envs(home.variables()).stdin(Stdio::null());
    command.stderr(File::create(home.mark().join("tmp/err")).expect("a folder of ours"));
    let ran = timeout(PATIENCE, tokio::task::spawn_blocking(move || command.output())).await;
    let ran = ran.expect("it ends in time").expect("it does not panic").expect("the program starts");
    let lines = String::from_utf8_lossy(&ran.stdout);
    (lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(), ran.status.code())
}

/// `verdict: why | outcome | exit`
async fn told(script: Script, more: &str) -> String {
    let patience = if more.contains("timeout") { "" } else { "timeout = \"2s\"\n" };
    let (lines, code) = run(script, &format!("{patience}{more}")).await;
    let of =
        |kind: &str| lines.iter().find(|line| line["type"] == kind).unwrap_or_else(|| panic!("no {kind}: {lines:?}"));
    let (contract, test) = (of("contract"), of("test"));
    assert_eq!(contract["id"], "contract:five");
    assert_eq!((&test["id"], &test["module"]), (&contract["id"], &"contracts".into()));
    assert!(contract["checks"].as_array().is_some_and(|checks| checks.len() > 3), "{contract}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (verdict, why, outcome) = (text(&contract["verdict"]), text(&contract["why"]), text(&test["outcome"]));
    format!("{verdict}: {why} | {outcome} | {code:?}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contract_that_holds_is_a_test_that_passes() {
    let told = told(Script::Serve, "").await;
    assert!(told.starts_with("pass: 5 agent events in ") && told.ends_with("| passed | Some(0)"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_turned_away_is_blocked() {
    let told = told(Script::TurnAway, "").await;
    let wanted = "blocked: not authenticated: closed with 1008 (no entry), after error: AUTH_REQUIRED: Authentication \
                  failed | errored | Some(1)";
    assert_eq!(told, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn played_events_never_pass() {
    let told = told(Script::Play, "").await;
    assert!(told.starts_with("synthetic: no agent ran") && told.ends_with("| failed | Some(1)"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_explained() {
    let told = told(Script::Acknowledge, "").await;
    let wanted = "fail: start_agent was only acknowledged (event 2, ack), and no agent ever ran for it";
    assert!(told.starts_with(wanted), "{told}");
}

/// Every way in which a server keeps silent, and the words for it, from nothing but what came over the wire.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_nothing_comes_is_told_for_every_kind_of_silence() {
    let start = r#"{"type":"start_agent","payload":{"user_request":"find three things"}}"#;
    let large = format!(r#"{{"type":"start_agent","payload":{{"user_request":"{}"}}}}"#, "x".repeat(9_000));
    let unknown = r#"{"type":"execute_agent","payload":{"user_request":"x"}}"#;
    let wrong = r#"{"type":"start_agent","payload":{"query":"find three things"}}"#;
    let chat = r#"{"type":"user_message","payload":{"content":"hello"}}"#;
    let ack = Reaction::Say(r#"{"type":"ack","received_type":"execute_agent","status":"acknowledged"}"#);
    let chat_ack = Reaction::Say(r#"{"type":"system_message","data":{"status":"acknowledged"}}"#);
    let denied =
        r#"{"type":"authentication_error","event":"auth_failed","error":"token expired","error_code":"TOKEN_EXPIRED"}"#;
    let format = r#"{"type":"error_message","error_code":"FORMAT_ERROR","error_message":"no JSON"}"#;
    let starting = r#"{"status":"unhealthy","message":"Startup in progress","startup_in_progress":true}"#;
    let cases: [(Script, &str, &str); 12] = [
        (
            Script::Then(ack),
            unknown,
            "fail: a message of type execute_agent was only acknowledged (event 2, ack): the server does not know that type",
        ),
        (
            Script::Then(Reaction::Nothing),
            wrong,
            "fail: silence: start_agent needs the field user_request, and the message has none",
        ),
        (
            Script::Then(chat_ack),
            chat,
            "fail: the chat message was acknowledged (event 2) and no agent ever ran for it",
        ),
        (
            Script::Then(Reaction::Close(denied, 1008, "Auth failed")),
            start,
            "fail: not authenticated: closed with 1008 (Auth failed), after authentication_error: TOKEN_EXPIRED: token expired",
        ),
        (
            Script::Then(Reaction::Close("", 1011, "Factory SSOT validation failed")),
            start,
            "fail: the server failed on the message: closed with 1011 (Factory SSOT validation failed)",
        ),
        (
            Script::Then(Reaction::Nothing),
            &large,
            "fail: the message has 9052 bytes, more than the 8192 that the server takes: it drops such messages without a word",
        ),
        (
            Script::Then(Reaction::Close("", 1009, "")),
            &large,
            "fail: the message is too large for the server: closed with 1009",
        ),
        (
            Script::Then(Reaction::Say(format)),
            start,
            "fail: the server cannot read the message: FORMAT_ERROR: no JSON (event 2)",
        ),
        (
            Script::NotYet,
            start,
            "blocked: the server is not ready: closed with 1011 (Service not ready: supervisor, threads)",
        ),
        (
            Script::Refuse("503 Service Unavailable", starting),
            start,
            "blocked: the server is not ready: the server answered 503 Service Unavailable",
        ),
        (
            Script::Refuse("403 Forbidden", r#"{"detail":"bad token"}"#),
            start,
            "blocked: not authenticated: the server answered 403 Forbidden to the handshake",
        ),
        (
            Script::Then(Reaction::Nothing),
            start,
            "fail: silence: nothing of agent_started and what follows it came within ",
        ),
    ];
    for (script, message, wanted) in cases {
        let told = told(script, &format!("message = '{message}'\ntimeout = \"900ms\"")).await;
        assert!(told.starts_with(wanted), "{told}\nis not\n{wanted}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_played_run_under_common_names_is_found_out_by_its_beat_its_ids_and_its_answer() {
    let told = told(Script::Beat, "").await;
    let wanted = "synthetic: no agent ran, its events were played: announced by service_info; no event has a run id; \
                  every event says its type twice";
    assert!(told.starts_with(wanted) && told.ends_with("| failed | Some(1)"), "{told}");
    assert!(told.contains("the answer repeats the question"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_users_run_at_once_and_see_only_their_own() {
    let told_apart = told(Script::Serve, "users = 20\nuser = \"user-{n}\"").await;
    assert!(told_apart.starts_with("pass: all 20 users; first event p50 "), "{told_apart}");
    let told_together = told(Script::Leak, "users = 3").await;
    assert!(told_together.starts_with("fail: 2 of 3 users: event 2 belongs to run_0 of user 1"), "{told_together}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stray_event_among_many_users_is_found() {
    let (lines, code) = run(Script::Stray, "users = 20\ntimeout = \"10s\"").await;
    let contract = lines.iter().find(|line| line["type"] == "contract").expect("it was judged");
    let why = contract["why"].as_str().unwrap_or_default();
    assert!(why.starts_with("1 of 20 users: event 2 belongs to run_2 of user "), "{why}");
    let checks = contract["checks"].as_array().expect("a list");
    let apart = checks.iter().find(|check| check["check"] == "correlation").expect("it was looked at");
    assert_eq!((&apart["verdict"], &apart["event"]), (&"fail".into(), &2.into()));
    let failed = contract["users"].as_array().expect("a list").iter().filter(|user| user["verdict"] == "fail").count();
    assert_eq!((failed, code), (1, Some(1)));
    // Every user is a sample.
    let first = contract["latencies"].as_array().expect("a list").iter().find(|one| one["what"] == "first_event");
    let first = first.expect("it was timed");
    assert_eq!((&first["samples"], first["budget_s"].as_f64()), (&20.into(), Some(0.5)));
    assert!(["p50_s", "p95_s", "p99_s", "max_s"].iter().all(|key| first[*key].is_f64()), "{first}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_revision_than_is_expected_is_stale() {
    let told_of_another = told(Script::Serve, "revision = \"backend-00005\"").await;
    let wanted = "stale: backend-00004 answered, backend-00005 is expected | errored | Some(1)";
    assert_eq!(told_of_another, wanted);
    let told_of_this = told(Script::Serve, "revision = \"4\"").await;
    assert!(told_of_this.starts_with("pass: "), "{told_of_this}");
}
