//! What the tests do: real calls to the environment, and failures told as a Python suite would tell them.

use std::{
    cell::{Cell, RefCell},
    env, process,
    time::{Duration, Instant},
};

use futures_util::{SinkExt, future::join_all};
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};

use super::{
    client::{Answer, Call, Received, Socket, Trouble, open_socket, receive},
    reporter::Reporter,
};

const CRITICAL: [&str; 5] = [
    "agent_started",
    "agent_thinking",
    "tool_executing",
    "tool_completed",
    "agent_completed",
];
const PRINTED_BYTES: usize = 64 << 10;

/// One of the services.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Backend,
    Auth,
    Frontend,
}

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
    /// Never runs.
    Skip(&'static str),
    /// Runs, and is known to fail.
    ExpectedFailure(&'static str),
}

/// How a test failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The exception as Python prints it.
    pub(super) error: String,
    /// The statement in the test that raised it.
    statement: &'static str,
    /// Where below the test it was raised.
    helper: Option<&'static str>,
}

impl Failure {
    fn in_test(statement: &'static str, error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            statement,
            helper: None,
        }
    }

    fn in_helper(statement: &'static str, helper: &'static str, error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            statement,
            helper: Some(helper),
        }
    }

    pub(super) fn timed_out(after: Duration) -> Self {
        Self::in_test(
            "...",
            format!("Failed: Timeout >{:.1}s", after.as_secs_f64()),
        )
    }

    /// The traceback, the test's own frame first.
    pub(super) fn trace(&self, file: &str, line: usize, name: &str) -> String {
        let helper = self
            .helper
            .map(|frame| format!("{frame}\n"))
            .unwrap_or_default();
        format!(
            "{file}:{}: in {name}\n    {}\n{helper}E   {}\n",
            line + 3,
            self.statement,
            self.error
        )
    }
}

const IN_CONNECT: &str = "tests/e2e/conftest.py:46: in connect\n    socket = await websockets.connect(url, additional_headers=bearer(token))";
const IN_TOKEN: &str = "tests/e2e/conftest.py:31: in token\n    answer = auth.post(\"/auth/e2e/test-auth\", json={}, headers=bypass)";
const IN_AGENT_RUN: &str =
    "tests/e2e/conftest.py:63: in agent_run\n    raise AssertionError(event[\"error\"])";
const IN_RECEIVE: &str =
    "tests/e2e/conftest.py:58: in agent_run\n    raw = await asyncio.wait_for(ws.recv(), silence)";
const IN_CLIENT: &str =
    "tests/e2e/conftest.py:22: in call\n    return client.request(method, path, timeout=10)";

type Outcome = Result<(), Failure>;

/// What a test stands on: where the services are, and where its output goes.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    backend: String,
    auth: String,
    frontend: String,
    key: String,
    pace: f64,
    reporter: &'a Reporter,
    reached: Cell<bool>,
    runs: Cell<u32>,
    test: RefCell<String>,
    printed: RefCell<String>,
}

impl<'a> Bench<'a> {
    /// The bench that the `DEMO_*` variables describe.
    pub(super) fn from_env(reporter: &'a Reporter) -> Result<Self, String> {
        let wanted = |name: &str| {
            env::var(name).map_err(|_| format!("{name} is not set: it says where the service is"))
        };
        let pace = env::var("DEMO_PACE")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(1.0);
        Ok(Self {
            backend: wanted("DEMO_BACKEND")?,
            auth: wanted("DEMO_AUTH")?,
            frontend: wanted("DEMO_FRONTEND")?,
            key: env::var("DEMO_KEY").unwrap_or_default(),
            pace: f64::clamp(pace, 0.01, 100.0),
            reporter,
            reached: Cell::new(false),
            runs: Cell::new(0),
            test: RefCell::default(),
            printed: RefCell::default(),
        })
    }

    /// How long one test may take at most.
    pub(super) fn limit(&self) -> Duration {
        Duration::from_secs_f64(20.0 * self.pace.max(1.0))
    }

    /// Clears the table for the next test.
    pub(super) fn begin(&self, id: &str) {
        self.test.replace(id.to_owned());
        self.printed.borrow_mut().clear();
    }

    /// What the test printed.
    pub(super) fn printed(&self) -> String {
        self.printed.borrow().clone()
    }

    fn print(&self, line: &str) {
        let mut printed = self.printed.borrow_mut();
        if printed.len() + line.len() < PRINTED_BYTES {
            printed.push_str(line);
            printed.push('\n');
        }
        self.reporter.say(&json!({"e": "output", "id": &*self.test.borrow(), "stream": "stdout", "text": format!("{line}\n")}));
    }

    fn base(&self, place: Place) -> &str {
        match place {
            Place::Backend => &self.backend,
            Place::Auth => &self.auth,
            Place::Frontend => &self.frontend,
        }
    }

    /// How long an agent may say nothing before a test gives up. Not below what a busy machine needs.
    fn silence(&self) -> Duration {
        Duration::from_secs_f64((1.2 * self.pace).max(0.8))
    }

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
            Check::ExpiredToken => {
                self.whoami(&self.token(0).await?, StatusCode::UNAUTHORIZED)
                    .await
            }
            Check::UnknownToken => {
                self.whoami("demo.nobody.knows", StatusCode::UNAUTHORIZED)
                    .await
            }
            Check::Connect => self.greeted().await.map(drop),
            Check::Many => join_all((0..6).map(|_| self.greeted()))
                .await
                .into_iter()
                .try_for_each(|one| one.map(drop)),
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
            Check::Skip(_) => Ok(()),
            Check::ExpectedFailure(_) => self.get(Place::Auth, "/auth/google").await,
        }
    }

    /// The time that fixtures of such a suite take, so that a run can be watched: 80 to 220 ms, by the test's name.
    async fn set_up(&self) {
        let mixed = self.test.borrow().bytes().fold(7_u32, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
        tokio::time::sleep(Duration::from_secs_f64(
            (0.08 + f64::from(mixed % 140) / 1000.0) * self.pace,
        ))
        .await;
    }

    async fn get(&self, place: Place, path: &str) -> Outcome {
        let answer = call(Call::get(self.base(place), path)).await?;
        expect_success(path, &answer)
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value, Failure> {
        let answer = call(Call::post(&self.backend, path, body)).await?;
        expect_success(path, &answer)?;
        Ok(answer.json())
    }

    async fn persist(&self) -> Outcome {
        let thread = self.post("/api/threads", json!({})).await?;
        let thread = thread["thread_id"].as_str().unwrap_or_default();
        self.print(&format!("thread: {thread}"));
        self.post(
            "/api/messages",
            json!({"thread_id": thread, "content": "hello"}),
        )
        .await?;
        let path = format!("/api/threads/{thread}/history");
        let answer = call(Call::get(&self.backend, &path)).await?;
        expect_success(&path, &answer)?;
        expect(
            answer.json()["messages"][0]["content"] == "hello",
            "assert messages[0][\"content\"] == \"hello\"",
            || {
                format!(
                    "AssertionError: the message is not in its thread: {}",
                    answer.excerpt()
                )
            },
        )
    }

    async fn unknown(&self) -> Outcome {
        let answer = call(Call::get(&self.backend, "/api/nothing/here")).await?;
        let refused =
            answer.status == StatusCode::NOT_FOUND && answer.json()["detail"] == "Not Found";
        expect(refused, "assert answer.status_code == 404", || {
            format!(
                "AssertionError: HTTP {} for an unknown path: {}",
                answer.status.as_u16(),
                answer.excerpt()
            )
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
            format!(
                "AssertionError: /health took {median:.0} ms at the median, limit {limit:.0} ms"
            )
        })
    }

    async fn token(&self, life: u64) -> Result<String, Failure> {
        let wish = Call::post(
            &self.auth,
            "/auth/e2e/test-auth",
            json!({"expires_in": life}),
        );
        let answer = wish.with_header("x-e2e-bypass-key", &self.key).send().await;
        let answer = answer.map_err(|trouble| {
            Failure::in_helper("async def test(token):", IN_TOKEN, http_error(&trouble))
        })?;
        let token = answer.json()["access_token"].as_str().map(str::to_owned);
        token
            .filter(|_| answer.status == StatusCode::OK)
            .ok_or_else(|| {
                let error = format!(
                    "AssertionError: no token: HTTP {} {}",
                    answer.status.as_u16(),
                    answer.excerpt()
                );
                Failure::in_helper("async def test(token):", IN_TOKEN, error)
            })
    }

    async fn whoami(&self, token: &str, wanted: StatusCode) -> Outcome {
        let bearer = format!("Bearer {token}");
        let answer =
            call(Call::get(&self.auth, "/auth/me").with_header("authorization", &bearer)).await?;
        expect(
            answer.status == wanted,
            "assert answer.status_code == wanted",
            || {
                format!(
                    "AssertionError: HTTP {} for /auth/me, wanted {}: {}",
                    answer.status.as_u16(),
                    wanted.as_u16(),
                    answer.excerpt()
                )
            },
        )
    }

    async fn connect(&self, statement: &'static str) -> Result<Socket, Failure> {
        let token = self.token(900).await?;
        let opened = open_socket(&self.backend, &token).await;
        opened.map_err(|trouble| {
            if let Trouble::Refused(answer) = &trouble {
                self.print(&format!(
                    "handshake refused: HTTP {} {}",
                    answer.status.as_u16(),
                    answer.excerpt()
                ));
            }
            Failure::in_helper(statement, IN_CONNECT, handshake_error(&trouble))
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
                return Err(Failure::in_test(
                    statement,
                    "TimeoutError: nothing was received within 3 s",
                ));
            }
        };
        let kind = kind_of(&first);
        self.print(&format!("event: {kind}"));
        expect(
            kind == "connection_ready",
            "assert first[\"type\"] == \"connection_ready\", first",
            || {
                let detail = first["error"].as_str().unwrap_or_default();
                format!(
                    "AssertionError: the first message is {kind}, not connection_ready: {detail}"
                )
            },
        )?;
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
            .map_err(|error| {
                Failure::in_test(
                    "answer = json.loads(await asyncio.wait_for(ws.recv(), 3))",
                    error,
                )
            })
    }

    async fn reach(&self) -> Outcome {
        self.connect("async with connect() as ws:").await?;
        self.reached.set(true);
        Ok(())
    }

    fn report(&self) -> Outcome {
        expect(
            self.reached.get(),
            "assert REACHED, \"no connectivity result to report on\"",
            || {
                "AssertionError: no connectivity result to report on: test_002_websocket_connectivity did not pass".to_owned()
            },
        )
    }

    async fn run_completes(&self) -> Outcome {
        let kinds = kinds_of(&self.agent_run().await?);
        let last = kinds.last().map_or("none", String::as_str);
        expect(
            last == "agent_completed",
            "assert events[-1][\"type\"] == \"agent_completed\"",
            || format!("AssertionError: the run never completed; last event: {last}"),
        )
    }

    async fn critical_events(&self) -> Outcome {
        let kinds = kinds_of(&self.agent_run().await?);
        let missing: Vec<&str> = CRITICAL
            .into_iter()
            .filter(|critical| !kinds.iter().any(|kind| kind == critical))
            .collect();
        expect(
            missing.is_empty(),
            "assert not missing, f\"{found}/5 critical events found, missing: {missing}\"",
            || {
                let found = CRITICAL.len() - missing.len();
                format!(
                    "AssertionError: {found}/5 critical events found, missing: {}",
                    missing.join(", ")
                )
            },
        )
    }

    async fn tool_pairs(&self) -> Outcome {
        let events = self.agent_run().await?;
        let calls = |wanted: &str| -> Vec<Value> {
            let tools = events.iter().filter(|event| kind_of(event) == wanted);
            tools
                .map(|event| event["payload"]["tool_call_id"].clone())
                .collect()
        };
        let (begun, ended) = (calls("tool_executing"), calls("tool_completed"));
        expect(
            !begun.is_empty() && begun == ended,
            "assert begun and begun == ended",
            || {
                format!(
                    "AssertionError: {} tools began and {} ended, at least one of each wanted",
                    begun.len(),
                    ended.len()
                )
            },
        )
    }

    /// Starts an agent and gives back the events of its run. Other runs of the same user are heard too and passed over:
    /// the thread that this test chose tells which is its own.
    async fn agent_run(&self) -> Result<Vec<Value>, Failure> {
        const STATEMENT: &str = "events = await agent_run()";
        let mut socket = self.connect(STATEMENT).await?;
        self.runs.set(self.runs.get() + 1);
        let thread = format!("thread_{}_{}", process::id(), self.runs.get());
        let request = json!({"user_request": "reduce my spend", "agent_name": "supervisor", "thread_id": &thread});
        // A socket that is already closed says why when it is read.
        let _ = socket
            .send(Message::text(
                json!({"type": "start_agent", "payload": request}).to_string(),
            ))
            .await;
        let mut events = Vec::new();
        let mut heard = tokio::time::Instant::now();
        loop {
            let event =
                match tokio::time::timeout_at(heard + self.silence(), receive(&mut socket)).await {
                    Ok(Received::Message(event)) => event,
                    Ok(Received::Closed(frame)) => {
                        return Err(Failure::in_helper(
                            STATEMENT,
                            IN_RECEIVE,
                            closed_error(frame.as_ref()),
                        ));
                    }
                    Err(_) => return Ok(events),
                };
            let own = event["payload"]["thread_id"] == *thread;
            let kind = kind_of(&event).to_owned();
            let of_a_run = kind.starts_with("agent_") || kind.starts_with("tool_");
            if of_a_run && !own {
                continue;
            }
            self.print(&format!("event: {kind}"));
            if kind == "error" {
                let reason = event["error"].as_str().unwrap_or_default();
                return Err(Failure::in_helper(
                    STATEMENT,
                    IN_AGENT_RUN,
                    format!("AssertionError: {reason}"),
                ));
            }
            heard = tokio::time::Instant::now();
            let over = kind == "agent_completed";
            events.push(event);
            if over {
                return Ok(events);
            }
        }
    }
}

/// The statement held, or this is why not.
fn expect(holds: bool, statement: &'static str, error: impl FnOnce() -> String) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(Failure::in_test(statement, error()))
    }
}

fn expect_success(path: &str, answer: &Answer) -> Outcome {
    expect(
        answer.status.is_success(),
        "assert answer.status_code in (200, 201), answer.text",
        || {
            format!(
                "AssertionError: HTTP {} for {path}: {}",
                answer.status.as_u16(),
                answer.excerpt()
            )
        },
    )
}

async fn call(call: Call<'_>) -> Result<Answer, Failure> {
    let sent = call.send().await;
    sent.map_err(|trouble| {
        Failure::in_helper(
            "answer = call(method, path)",
            IN_CLIENT,
            http_error(&trouble),
        )
    })
}

fn kind_of(event: &Value) -> &str {
    event["type"].as_str().unwrap_or_default()
}

fn kinds_of(events: &[Value]) -> Vec<String> {
    events
        .iter()
        .map(|event| kind_of(event).to_owned())
        .collect()
}

/// What httpx would raise.
fn http_error(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Unreachable(error) => format!("httpx.ConnectError: {error}"),
        Trouble::Broken(error) => format!("httpx.RemoteProtocolError: {error}"),
        Trouble::TimedOut => "httpx.ReadTimeout: the read operation timed out".to_owned(),
        Trouble::Refused(answer) => {
            format!("httpx.HTTPStatusError: HTTP {}", answer.status.as_u16())
        }
    }
}

/// What websockets would raise.
fn handshake_error(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Unreachable(error) => format!("ConnectionRefusedError: {error}"),
        Trouble::Broken(error) => format!("websockets.exceptions.InvalidMessage: {error}"),
        Trouble::TimedOut => "TimeoutError: timed out during opening handshake".to_owned(),
        Trouble::Refused(answer) => {
            let status = answer.status.as_u16();
            format!(
                "websockets.exceptions.InvalidStatus: server rejected WebSocket connection: HTTP {status}"
            )
        }
    }
}

fn closed_error(frame: Option<&CloseFrame>) -> String {
    match frame {
        Some(frame) => {
            format!(
                "websockets.exceptions.ConnectionClosedError: received {} ({})",
                u16::from(frame.code),
                frame.reason
            )
        }
        None => "websockets.exceptions.ConnectionClosedError: no close frame received or sent"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_has_the_tests_own_frame_first_and_the_error_last() {
        let failure = Failure::in_helper(
            "async with connect() as ws:",
            IN_CONNECT,
            "InvalidStatus: HTTP 403",
        );
        let trace = failure.trace("tests/e2e/test_a.py", 15, "test_one");
        let lines: Vec<&str> = trace.lines().collect();
        assert_eq!(lines[0], "tests/e2e/test_a.py:18: in test_one");
        assert_eq!(lines[1], "    async with connect() as ws:");
        assert_eq!(lines[2], "tests/e2e/conftest.py:46: in connect");
        assert_eq!(lines[4], "E   InvalidStatus: HTTP 403");
    }
}
