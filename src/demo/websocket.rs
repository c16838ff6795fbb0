//! The backend's WebSocket: the handshake that may be refused, and the conversation on an accepted socket.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{
        CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
    },
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    sync::{broadcast::error::RecvError, watch},
    task::JoinSet,
    time,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::{
    agents::{Wish, enveloped, flat, run_agent},
    http::{Reply, json_reply},
    scenario::Scenario,
    service::ServiceName,
    services::bearer_token,
    world::{Bearer, World, now_iso},
};

type Socket = WebSocketStream<TokioIo<Upgraded>>;

const SUBPROTOCOL: &str = "jwt-auth";
const SEND_WAIT: Duration = Duration::from_secs(5);
const CLOSE_WAIT: Duration = Duration::from_secs(1);
const MESSAGE_BYTES: usize = 1 << 20;
const RUNS_AT_ONCE: usize = 16;

/// Answers the opening handshake, and lives on as a task when it is accepted.
pub(super) async fn open(world: &Arc<World>, request: Request<Incoming>) -> Reply {
    world.nap(0.09).await;
    let headers = request.headers();
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY) else {
        return json_reply(StatusCode::UPGRADE_REQUIRED, json!({"detail": "this is a WebSocket"}));
    };
    let user = match bearer_of(world, headers) {
        Bearer::User(user) if world.level() > 1 => user,
        Bearer::Expired if world.level() > 1 => {
            return json_reply(StatusCode::UNAUTHORIZED, json!({"detail": "token expired"}));
        }
        Bearer::User(_) | Bearer::Expired | Bearer::Unknown => {
            world.service(ServiceName::Backend).log("WARNING", "WebSocket upgrade refused: 403");
            let refusal = json!({"detail": "WebSocket authentication failed: JWT required"});
            return json_reply(StatusCode::FORBIDDEN, refusal);
        }
    };
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    reply.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        reply.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    if offered_protocols(headers).any(|offered| offered == SUBPROTOCOL) {
        reply.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    let talking = world.clone();
    world.spawn(async move {
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            let limits = WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES));
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(limits)).await;
            converse(&talking, socket, &user).await;
        }
    });
    reply
}

fn offered_protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter();
    lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim)
}

/// The token comes in the `Authorization` header or as the subprotocol `jwt.<base64url of the token>`.
fn bearer_of(world: &World, headers: &HeaderMap) -> Bearer {
    let encoded = offered_protocols(headers).find_map(|offered| offered.strip_prefix("jwt."));
    let decoded = encoded.and_then(|text| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok());
    match decoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(token) => world.bearer_of(&token),
        None => world.bearer_of(bearer_token(headers).unwrap_or_default()),
    }
}

/// Everything that happens on one accepted socket, until either side has had enough.
async fn converse(world: &Arc<World>, mut socket: Socket, user: &Arc<str>) {
    if world.level() == 2 {
        let reason = "Authentication failed: user_context must be a UserExecutionContext instance";
        let refusal = flat("error", json!({"error": reason, "code": "AUTH_REQUIRED"}));
        if send(&mut socket, refusal).await.is_ok() {
            close(socket, CloseCode::Policy, "SSOT authentication failed").await;
        }
        return;
    }
    // Listening starts before the greeting, so that whoever has been greeted misses nothing.
    let mut events = world.events.subscribe();
    let mut ready = world.service(ServiceName::Backend).ready.subscribe();
    let greetings = [
        flat(
            "connection_ready",
            json!({"connection_id": world.fresh("ws"), "user_id": &**user, "server_time": now_iso()}),
        ),
        enveloped("system_message", user, json!({"event": "connection_established", "factory_pattern_enabled": true})),
    ];
    for greeting in greetings {
        if send(&mut socket, greeting).await.is_err() {
            return;
        }
    }
    let flaps = world.scenario == Scenario::Flap;
    let drop_out = time::sleep(Duration::from_secs_f64(2.0 * world.pace));
    tokio::pin!(drop_out);
    // A run ends with the socket that started it.
    let mut runs = JoinSet::new();
    loop {
        let answer = tokio::select! {
            () = replaced(&mut ready) => return close(socket, CloseCode::Restart, "service restart").await,
            () = &mut drop_out, if flaps => return close(socket, CloseCode::Error, "internal error").await,
            Some(_) = runs.join_next(), if !runs.is_empty() => None,
            event = events.recv() => match event {
                Ok(event) if event.user == *user => Some(event.text.as_str().to_owned()),
                Ok(_) => None,
                Err(RecvError::Lagged(missed)) => {
                    Some(enveloped("system_message", user, json!({"event": "messages_dropped", "count": missed})))
                }
                Err(RecvError::Closed) => return,
            },
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => match Wish::read(&text) {
                    Wish::Ping => Some(flat("pong", json!({}))),
                    Wish::StartAgent(_) if runs.len() >= RUNS_AT_ONCE => {
                        Some(flat("error", json!({"error": "too many runs on one socket", "code": "RATE_LIMITED"})))
                    }
                    Wish::StartAgent(request) => {
                        let (world, user) = (world.clone(), user.clone());
                        runs.spawn(async move { run_agent(&world, &user, &request).await });
                        None
                    }
                    Wish::Unclear(error, code) => Some(flat("error", json!({"error": error, "code": code}))),
                },
                Some(Ok(_)) => None,
                Some(Err(_)) | None => return,
            },
        };
        if let Some(answer) = answer
            && send(&mut socket, answer).await.is_err()
        {
            return;
        }
    }
}

/// Waits until the service is being replaced.
async fn replaced(ready: &mut watch::Receiver<bool>) {
    // An error means that the service is gone altogether, which is no different for its sockets.
    let _ = ready.wait_for(|ready| !ready).await;
}

/// A client that takes nothing for a while has lost its place.
async fn send(socket: &mut Socket, text: String) -> Result<(), ()> {
    match time::timeout(SEND_WAIT, socket.send(Message::text(text))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(()),
    }
}

/// Says goodbye, and waits a moment for the other side to say it too.
async fn close(mut socket: Socket, code: CloseCode, reason: &'static str) {
    let goodbye = async {
        if socket.close(Some(CloseFrame { code, reason: reason.into() })).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    let _ = time::timeout(CLOSE_WAIT, goodbye).await;
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::demo::{
        Environment,
        client::{self, Answer, Call, Received, Trouble, receive},
        start,
    };

    const PACE: f64 = 0.02;
    const LIMIT: Duration = Duration::from_secs(20);

    async fn token(environment: &Environment, user: &str, life: u64) -> String {
        let (auth, wish) = (environment.auth.to_string(), json!({"user_id": user, "expires_in": life}));
        let call = Call::post(&auth, "/auth/e2e/test-auth", wish).with_header("x-e2e-bypass-key", "demo-key");
        let answer = call.send().await.expect("an answer");
        answer.json()["access_token"].as_str().expect("a token").to_owned()
    }

    async fn connect(environment: &Environment, user: &str) -> Result<client::Socket, Trouble> {
        let token = token(environment, user, 900).await;
        client::open_socket(&environment.backend.to_string(), &token).await
    }

    async fn next(socket: &mut client::Socket) -> Received {
        time::timeout(LIMIT, receive(socket)).await.expect("something in time")
    }

    /// What comes until a message of this type has come, or the socket closes.
    async fn until(socket: &mut client::Socket, last: &str) -> Vec<Value> {
        let mut heard = Vec::new();
        while let Received::Message(message) = next(socket).await {
            let over = message["type"] == last;
            heard.push(message);
            if over {
                break;
            }
        }
        heard
    }

    async fn close_code(socket: &mut client::Socket) -> Option<u16> {
        loop {
            if let Received::Closed(frame) = next(socket).await {
                return frame.map(|frame| frame.code.into());
            }
        }
    }

    async fn deploy(environment: &Environment) {
        let platform = environment.platform.to_string();
        let answer = Call::post(&platform, "/deploy/backend", json!({})).send().await.expect("an answer");
        assert_eq!(answer.status, StatusCode::ACCEPTED);
    }

    #[tokio::test]
    async fn the_first_revision_refuses_the_handshake_with_a_reason() {
        let environment = start(Scenario::Story, PACE).await.expect("loopback ports");
        let body = r#"{"detail":"WebSocket authentication failed: JWT required"}"#.to_owned();
        let refusal = Trouble::Refused(Answer { status: StatusCode::FORBIDDEN, body });
        assert_eq!(connect(&environment, "ada").await.err(), Some(refusal));
    }

    #[tokio::test]
    async fn a_token_that_ran_out_is_refused_with_401() {
        let environment = start(Scenario::Green, PACE).await.expect("loopback ports");
        let token = token(&environment, "ada", 0).await;
        let refusal = client::open_socket(&environment.backend.to_string(), &token).await.err();
        assert!(matches!(refusal, Some(Trouble::Refused(answer)) if answer.status == StatusCode::UNAUTHORIZED));
    }

    #[tokio::test]
    async fn a_run_is_heard_by_every_socket_of_its_user_and_by_no_other() {
        let environment = start(Scenario::Green, PACE).await.expect("loopback ports");
        let mut watching = connect(&environment, "ada").await.expect("accepted");
        let mut starting = connect(&environment, "ada").await.expect("accepted");
        let mut stranger = connect(&environment, "bob").await.expect("accepted");
        for socket in [&mut watching, &mut starting, &mut stranger] {
            until(socket, "system_message").await;
        }
        let wish = r#"{"type":"start_agent","payload":{"agent_name":"triage","thread_id":"thread_1"}}"#;
        starting.send(Message::text(wish)).await.expect("sent");
        let heard = until(&mut starting, "agent_completed").await;
        assert_eq!(until(&mut watching, "agent_completed").await, heard);
        let kinds: Vec<&str> = heard.iter().filter_map(|event| event["type"].as_str()).collect();
        let tool = ["tool_executing", "tool_completed"];
        let whole = [&["agent_started", "agent_thinking", "agent_thinking"][..], &tool, &tool, &["agent_completed"]];
        assert_eq!(kinds, whole.concat());
        for event in &heard {
            assert_eq!(event["payload"]["thread_id"], "thread_1");
            assert_eq!(event["payload"]["agent_name"], "triage");
            assert_eq!(event["payload"]["run_id"], heard[0]["payload"]["run_id"]);
            assert!(event["timestamp"].is_f64());
        }
        // The stranger's next message is the answer to its own ping.
        stranger.send(Message::text(r#"{"type":"ping"}"#)).await.expect("sent");
        assert!(matches!(next(&mut stranger).await, Received::Message(pong) if pong["type"] == "pong"));
    }

    #[tokio::test]
    async fn a_deploy_closes_sockets_with_1012() {
        let environment = start(Scenario::Green, PACE).await.expect("loopback ports");
        let mut socket = connect(&environment, "ada").await.expect("accepted");
        deploy(&environment).await;
        assert_eq!(close_code(&mut socket).await, Some(1012));
    }

    #[tokio::test]
    async fn a_flapping_socket_is_dropped_with_1011() {
        let environment = start(Scenario::Flap, PACE).await.expect("loopback ports");
        let mut socket = connect(&environment, "ada").await.expect("accepted");
        assert_eq!(close_code(&mut socket).await, Some(1011));
    }

    #[tokio::test]
    async fn messages_that_make_no_sense_are_answered_with_an_error() {
        let environment = start(Scenario::Green, PACE).await.expect("loopback ports");
        let mut socket = connect(&environment, "ada").await.expect("accepted");
        for (message, code) in [("{", "BAD_MESSAGE"), (r#"{"type":"dance"}"#, "UNKNOWN_TYPE"), ("7", "UNKNOWN_TYPE")] {
            socket.send(Message::text(message)).await.expect("sent");
            let answers = until(&mut socket, "error").await;
            let error = answers.last().expect("an answer");
            assert_eq!(error["code"], code, "{message}");
            assert!(error["timestamp"].is_string(), "flat messages carry ISO times");
        }
    }

    #[test]
    fn a_token_may_come_as_a_subprotocol() {
        let (_alive, ended) = watch::channel(());
        let world = World::new(Scenario::Green, PACE, ended);
        let token = world.issue_token("ada", LIMIT);
        let mut headers = HeaderMap::new();
        let offered = format!("jwt-auth, jwt.{}", URL_SAFE_NO_PAD.encode(&token));
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(&offered).expect("plain text"));
        assert_eq!(bearer_of(&world, &headers), Bearer::User("ada".into()));
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("jwt-auth, jwt.%%%"));
        assert_eq!(bearer_of(&world, &headers), Bearer::Unknown);
    }
}
