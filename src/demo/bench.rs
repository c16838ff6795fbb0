//! What the tests stand on, as a suite's fixtures: where the services are, tokens, sockets, agent runs, and output.

use std::{
    cell::{Cell, RefCell},
    env, process,
    time::Duration,
};

use futures_util::SinkExt;
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{
    catalogue::Test,
    client::{Answer, Call, Received, Socket, Trouble, open_socket, receive},
    failure::{
        Failure, IN_AGENT_RUN, IN_CLIENT, IN_CONNECT, IN_RECEIVE, IN_TOKEN, closed_error, handshake_error, http_error,
    },
    reporter::Reporter,
};

const PRINTED_BYTES: usize = 64 << 10;

/// One of the services.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Backend,
    Auth,
    Frontend,
}

/// What a test stands on: where the services are, and where its output goes.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    backend: String,
    auth: String,
    frontend: String,
    key: String,
    /// How much slower than usual the environment is.
    pub(super) pace: f64,
    /// Whether the test that others depend on has passed.
    pub(super) reached: Cell<bool>,
    reporter: &'a Reporter,
    runs: Cell<u32>,
    test: Cell<Option<Test>>,
    printed: RefCell<String>,
}

impl<'a> Bench<'a> {
    /// The bench that the `DEMO_*` variables describe.
    pub(super) fn from_env(reporter: &'a Reporter) -> Result<Self, String> {
        let wanted =
            |name: &str| env::var(name).map_err(|_| format!("{name} is not set: it says where the service is"));
        let pace = env::var("DEMO_PACE").ok().and_then(|text| text.parse().ok()).unwrap_or(1.0);
        Ok(Self {
            backend: wanted("DEMO_BACKEND")?,
            auth: wanted("DEMO_AUTH")?,
            frontend: wanted("DEMO_FRONTEND")?,
            key: env::var("DEMO_KEY").unwrap_or_default(),
            pace: f64::clamp(pace, 0.01, 100.0),
            reporter,
            reached: Cell::new(false),
            runs: Cell::new(0),
            test: Cell::default(),
            printed: RefCell::default(),
        })
    }

    /// How long one test may take at most.
    pub(super) fn limit(&self) -> Duration {
        Duration::from_secs_f64(20.0 * self.pace.max(1.0))
    }

    /// Clears the table for the next test.
    pub(super) fn begin(&self, test: &Test) {
        self.test.set(Some(*test));
        self.printed.borrow_mut().clear();
    }

    fn id(&self) -> String {
        self.test.get().map(|test| test.id()).unwrap_or_default()
    }

    /// Where the process is, as Python's faulthandler writes it.
    pub(super) fn position(&self) -> String {
        let frame =
            self.test.get().map(|test| format!("  File \"{}\", line {} in {}\n", test.file, test.line + 3, test.name));
        let thread = process::id();
        format!("Current thread {thread:#018x} (most recent call first):\n{}", frame.unwrap_or_default())
    }

    /// What the test printed.
    pub(super) fn printed(&self) -> String {
        self.printed.borrow().clone()
    }

    pub(super) fn print(&self, line: &str) {
        let mut printed = self.printed.borrow_mut();
        if printed.len() + line.len() < PRINTED_BYTES {
            printed.push_str(line);
            printed.push('\n');
        }
        self.reporter.say(&json!({"e": "output", "id": self.id(), "stream": "stdout", "text": format!("{line}\n")}));
    }

    pub(super) fn base(&self, place: Place) -> &str {
        match place {
            Place::Backend => &self.backend,
            Place::Auth => &self.auth,
            Place::Frontend => &self.frontend,
        }
    }

    /// How long an agent may say nothing before a test gives up. Not below what a busy machine needs.
    pub(super) fn silence(&self) -> Duration {
        Duration::from_secs_f64((1.2 * self.pace).max(0.8))
    }

    /// The time that fixtures of such a suite take, so that a run can be watched: 80 to 220 ms, by the test's name.
    pub(super) async fn set_up(&self) {
        let mixed = self.id().bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        tokio::time::sleep(Duration::from_secs_f64((0.08 + f64::from(mixed % 140) / 1000.0) * self.pace)).await;
    }

    pub(super) async fn token(&self, life: u64) -> Result<String, Failure> {
        let wish = Call::post(&self.auth, "/auth/e2e/test-auth", json!({"expires_in": life}));
        let answer = wish.with_header("x-e2e-bypass-key", &self.key).send().await;
        let answer =
            answer.map_err(|trouble| Failure::in_helper("async def test(token):", IN_TOKEN, http_error(&trouble)))?;
        let token = answer.json()["access_token"].as_str().map(str::to_owned);
        token.filter(|_| answer.status == StatusCode::OK).ok_or_else(|| {
            let error = format!("AssertionError: no token: HTTP {} {}", answer.status.as_u16(), answer.excerpt());
            Failure::in_helper("async def test(token):", IN_TOKEN, error)
        })
    }

    pub(super) async fn connect(&self, statement: &'static str) -> Result<Socket, Failure> {
        let token = self.token(900).await?;
        let opened = open_socket(&self.backend, &token).await;
        opened.map_err(|trouble| {
            if let Trouble::Refused(answer) = &trouble {
                self.print(&format!("handshake refused: HTTP {} {}", answer.status.as_u16(), answer.excerpt()));
            }
            Failure::in_helper(statement, IN_CONNECT, handshake_error(&trouble))
        })
    }

    /// Starts an agent and gives back the events of its run. Other runs of the same user are heard too and passed over:
    /// the thread that this test chose tells which is its own.
    pub(super) async fn agent_run(&self) -> Result<Vec<Value>, Failure> {
        const STATEMENT: &str = "events = await agent_run()";
        let mut socket = self.connect(STATEMENT).await?;
        self.runs.set(self.runs.get() + 1);
        let thread = format!("thread_{}_{}", process::id(), self.runs.get());
        let request = json!({"user_request": "reduce my spend", "agent_name": "supervisor", "thread_id": &thread});
        // A socket that is already closed says why when it is read.
        let _ = socket.send(Message::text(json!({"type": "start_agent", "payload": request}).to_string())).await;
        let mut events = Vec::new();
        let mut heard = tokio::time::Instant::now();
        loop {
            let event = match tokio::time::timeout_at(heard + self.silence(), receive(&mut socket)).await {
                Ok(Received::Message(event)) => event,
                Ok(Received::Closed(frame)) => {
                    return Err(Failure::in_helper(STATEMENT, IN_RECEIVE, closed_error(frame.as_ref())));
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
                return Err(Failure::in_helper(STATEMENT, IN_AGENT_RUN, format!("AssertionError: {reason}")));
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

pub(super) async fn call(call: Call<'_>) -> Result<Answer, Failure> {
    let sent = call.send().await;
    sent.map_err(|trouble| Failure::in_helper("answer = call(method, path)", IN_CLIENT, http_error(&trouble)))
}

pub(super) fn kind_of(event: &Value) -> &str {
    event["type"].as_str().unwrap_or_default()
}
