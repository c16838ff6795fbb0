//! What the tests check, by real calls to the environment.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, future::join_all};
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::{
    bench::{Bench, Place, call, kind_of},
    client::{Answer, Call, Received, Socket, receive},
    failure::{Failure, Outcome, closed_error, expect},
};

const CRITICAL: [&str; 5] = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"];

/// What a test checks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Check {
    /// The path answers 200.
    Get(Place, &'static str),
    /// The backend's path takes a message.
    Post(&'static str),
    /// A message that was posted is found again in its thread.
    Persist,
    /// An unknown path is refused with 404 and JSON.
    Unknown,
    /// The health endpoint is quick.
    Fast,
    /// A token is issued, and the auth service knows it.
    Token,
    /// A token that has run out is refused.
    ExpiredToken,
    /// A token that nobody issued is refused.
    UnknownToken,
    /// The WebSocket greets.
    Connect,
    /// Several WebSockets at once are greeted.
    Many,
    /// The WebSocket answers a ping.
    PingPong,
    /// A WebSocket is greeted again after it was dropped.
    Reconnect,
    /// The WebSocket can be opened at all.
    Reach,
    /// Depends on the test that can open a WebSocket.
    Report,
    /// An agent run completes.
    Run,
    /// An agent run sends all five critical events.
    Critical,
    /// Every tool that starts also completes.
    ToolPairs,
    /// Compares a number in its own source with another one there, and calls that measured.
    Literals {
        /// What it says that it measured.
        target: u32,
        /// What it must not exceed.
        limit: u32,
    },
    /// Never runs.
    Skip(&'static str),
    /// Runs, and is known to fail.
    ExpectedFailure(&'static str),
}

impl Bench<'_> {
    /// Does what the check says.
    pub(super) async fn run(&self, check: Check) -> Outcome {
        if !matches!(check, Check::Skip(_)) {
            self.set_up().await;
        }
        match check {
            Check::Get(place, path) => self.get(place, path).await,
            Check::Post(path) => self.post(path, json!({"content": "hello"})).await.map(drop),
            Check::Persist => self.persist().await,
            Check::Unknown => self.unknown().await,
            Check::Fast => self.fast().await,
            Check::Token => self.whoami(&self.token(900).await?, StatusCode::OK).await,
            Check::ExpiredToken => self.whoami(&self.token(0).await?, StatusCode::UNAUTHORIZED).await,
            Check::UnknownToken => self.whoami("demo.nobody.knows", StatusCode::UNAUTHORIZED).await,
            Check::Connect => self.greeted().await.map(drop),
            Check::Many => join_all((0..6).map(|_| self.greeted())).await.into_iter().try_for_each(|one| one.map(drop)),
            Check::PingPong => self.ping_pong().await,
            Check::Reconnect => {
                drop(self.greeted().await?);
                self.greeted().await.map(drop)
            }
            Check::Reach => self.reach().await,
            Check::Report => self.report(),
            Check::Run => self.run_completes().await,
            Check::Critical => self.critical_events().await,
            Check::ToolPairs => self.tool_pairs().await,
            Check::Literals { target, limit } => expect(target <= limit, "assert measured <= limit", || {
                format!("AssertionError: {target} ms, limit {limit} ms")
            }),
            Check::Skip(_) => Ok(()),
            Check::ExpectedFailure(_) => self.get(Place::Auth, "/auth/google").await,
        }
    }

    async fn get(&self, place: Place, path: &str) -> Outcome {
        let answer = call(Call::get(self.base(place), path)).await?;
        expect_success(path, &answer)
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value, Failure> {
        let answer = call(Call::post(self.base(Place::Backend), path, body)).await?;
        expect_success(path, &answer)?;
        Ok(answer.json())
    }

    async fn persist(&self) -> Outcome {
        let thread = self.post("/api/threads", json!({})).await?;
        let thread = thread["thread_id"].as_str().unwrap_or_default();
        self.print(&format!("thread: {thread}"));
        self.post("/api/messages", json!({"thread_id": thread, "content": "hello"})).await?;
        let path = format!("/api/threads/{thread}/history");
        let answer = call(Call::get(self.base(Place::Backend), &path)).await?;
        expect_success(&path, &answer)?;
        expect(
            answer.json()["messages"][0]["content"] == "hello",
            "assert messages[0][\"content\"] == \"hello\"",
            || format!("AssertionError: the message is not in its thread: {}", answer.excerpt()),
        )
    }

    async fn unknown(&self) -> Outcome {
        let answer = call(Call::get(self.base(Place::Backend), "/api/nothing/here")).await?;
        let refused = answer.status == StatusCode::NOT_FOUND && answer.json()["detail"] == "Not Found";
        expect(refused, "assert answer.status_code == 404", || {
            format!("AssertionError: HTTP {} for an unknown path: {}", answer.status.as_u16(), answer.excerpt())
        })
    }

    async fn fast(&self) -> Outcome {
        let mut times = Vec::new();
        for _ in 0..10 {
            let start = Instant::now();
            self.get(Place::Backend, "/health").await?;
            times.push(start.elapsed());
        }
        times.sort();
        let median = times[times.len() / 2].as_secs_f64() * 1000.0;
        self.print(&format!("median {median:.1} ms"));
        let limit = 500.0 * self.pace.max(1.0);
        expect(median < limit, "assert median < limit", || {
            format!("AssertionError: /health took {median:.0} ms at the median, limit {limit:.0} ms")
        })
    }

    async fn whoami(&self, token: &str, wanted: StatusCode) -> Outcome {
        let bearer = format!("Bearer {token}");
        let answer = call(Call::get(self.base(Place::Auth), "/auth/me").with_header("authorization", &bearer)).await?;
        expect(answer.status == wanted, "assert answer.status_code == wanted", || {
            format!(
                "AssertionError: HTTP {} for /auth/me, wanted {}: {}",
                answer.status.as_u16(),
                wanted.as_u16(),
                answer.excerpt()
            )
        })
    }

    /// Opens a socket and waits for `connection_ready`.
    async fn greeted(&self) -> Result<Socket, Failure> {
        let mut socket = self.connect("async with connect() as ws:").await?;
        let wait = Duration::from_secs(3).max(self.silence());
        let statement = "first = json.loads(await asyncio.wait_for(ws.recv(), 3))";
        let first = match timeout(wait, receive(&mut socket)).await {
            Ok(Received::Message(first)) => first,
            Ok(Received::Closed(frame)) => {
                return Err(Failure::in_test(statement, closed_error(frame.as_ref())));
            }
            Err(_) => {
                return Err(Failure::in_test(statement, "TimeoutError: nothing was received within 3 s"));
            }
        };
        let kind = kind_of(&first);
        self.print(&format!("event: {kind}"));
        expect(kind == "connection_ready", "assert first[\"type\"] == \"connection_ready\", first", || {
            let detail = first["error"].as_str().unwrap_or_default();
            format!("AssertionError: the first message is {kind}, not connection_ready: {detail}")
        })?;
        Ok(socket)
    }

    async fn ping_pong(&self) -> Outcome {
        let mut socket = self.greeted().await?;
        let _ = socket.send(Message::text(r#"{"type":"ping"}"#)).await;
        let pong = async {
            loop {
                match receive(&mut socket).await {
                    Received::Message(message) if kind_of(&message) == "pong" => return Ok(()),
                    Received::Message(_) => {}
                    Received::Closed(frame) => return Err(closed_error(frame.as_ref())),
                }
            }
        };
        let answered = timeout(Duration::from_secs(3).max(self.silence()), pong).await;
        answered
            .unwrap_or_else(|_| Err("TimeoutError: no pong within 3 s".to_owned()))
            .map_err(|error| Failure::in_test("answer = json.loads(await asyncio.wait_for(ws.recv(), 3))", error))
    }

    async fn reach(&self) -> Outcome {
        self.connect("async with connect() as ws:").await?;
        self.reached.set(true);
        Ok(())
    }

    fn report(&self) -> Outcome {
        expect(self.reached.get(), "assert REACHED, \"no connectivity result to report on\"", || {
            "AssertionError: no connectivity result to report on: test_002_websocket_connectivity did not pass"
                .to_owned()
        })
    }

    async fn run_completes(&self) -> Outcome {
        let kinds = kinds_of(&self.agent_run().await?);
        let last = kinds.last().map_or("none", String::as_str);
        expect(last == "agent_completed", "assert events[-1][\"type\"] == \"agent_completed\"", || {
            format!("AssertionError: the run never completed; last event: {last}")
        })
    }

    async fn critical_events(&self) -> Outcome {
        let kinds = kinds_of(&self.agent_run().await?);
        let missing: Vec<&str> =
            CRITICAL.into_iter().filter(|critical| !kinds.iter().any(|kind| kind == critical)).collect();
        expect(
            missing.is_empty(),
            "assert not missing, f\"{found}/5 critical events found, missing: {missing}\"",
            || {
                let found = CRITICAL.len() - missing.len();
                format!("AssertionError: {found}/5 critical events found, missing: {}", missing.join(", "))
            },
        )
    }

    async fn tool_pairs(&self) -> Outcome {
        let events = self.agent_run().await?;
        let calls = |wanted: &str| -> Vec<Value> {
            let tools = events.iter().filter(|event| kind_of(event) == wanted);
            tools.map(|event| event["payload"]["tool_call_id"].clone()).collect()
        };
        let (begun, ended) = (calls("tool_executing"), calls("tool_completed"));
        expect(!begun.is_empty() && begun == ended, "assert begun and begun == ended", || {
            format!(
                "AssertionError: {} tools began and {} ended, at least one of each wanted",
                begun.len(),
                ended.len()
            )
        })
    }
}

fn expect_success(path: &str, answer: &Answer) -> Outcome {
    expect(answer.status.is_success(), "assert answer.status_code in (200, 201), answer.text", || {
        format!("AssertionError: HTTP {} for {path}: {}", answer.status.as_u16(), answer.excerpt())
    })
}

fn kinds_of(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| kind_of(event).to_owned()).collect()
}
