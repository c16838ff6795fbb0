//! Contracts from configuration to the last line of JSON, against a server that is made of another library's parts: each
//! connection is one of the scripts below.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
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
}

fn event(kind: &str, run: &str, more: &str) -> String {
    format!(r#"{{"type":"{kind}","run_id":"{run}","agent_name":"supervisor"{more}}}"#)
}

fn answers(script: Script, connection: usize) -> Vec<String> {
    let run = format!("run_{}", if matches!(script, Script::Leak) { 0 } else { connection });
    match script {
        Script::TurnAway => Vec::new(),
        Script::Acknowledge => vec![r#"{"type":"ack","received_type":"start_agent"}"#.to_owned()],
        Script::Serve | Script::Leak => vec![
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

async fn converse(socket: TcpStream, script: Script, connection: usize) -> Option<()> {
    let mut socket = accept_async(socket).await.ok()?;
    if matches!(script, Script::TurnAway) {
        let error = r#"{"type":"error","code":"AUTH_REQUIRED","error":"Authentication failed"}"#;
        socket.send(Message::text(error)).await.ok()?;
        let frame = CloseFrame { code: CloseCode::Policy, reason: "no entry".into() };
        return socket.close(Some(frame)).await.ok();
    }
    socket.send(Message::text(r#"{"type":"connection_ready","revision":"backend-00004"}"#)).await.ok()?;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() {
            for answer in answers(script, connection) {
                socket.send(Message::text(answer)).await.ok()?;
            }
        }
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
timeout = "2s"
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
    let (lines, code) = run(script, more).await;
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
    assert!(told.starts_with("fail: a message of type start_agent was only acknowledged (event 2, ack)"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_users_run_at_once_and_see_only_their_own() {
    let told_apart = told(Script::Serve, "users = 20\nuser = \"user-{n}\"").await;
    assert!(told_apart.starts_with("pass: all 20 users; first event p50 "), "{told_apart}");
    let told_together = told(Script::Leak, "users = 3").await;
    assert!(told_together.starts_with("fail: 2 of 3 users: event 2 belongs to run_0 of user 1"), "{told_together}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_revision_than_is_expected_is_stale() {
    let told_of_another = told(Script::Serve, "revision = \"backend-00005\"").await;
    let wanted = "stale: backend-00004 answered, backend-00005 is expected | errored | Some(1)";
    assert_eq!(told_of_another, wanted);
    let told_of_this = told(Script::Serve, "revision = \"4\"").await;
    assert!(told_of_this.starts_with("pass: "), "{told_of_this}");
}
