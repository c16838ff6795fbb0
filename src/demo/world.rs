//! What the servers of one environment share: services, tokens, threads, and who listens to agents.

use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{
    scenario::Scenario,
    service::{Service, ServiceName},
};

/// The backend revision in which everything works.
pub(super) const GREEN: u32 = 5;
/// What `POST /auth/e2e/test-auth` wants in `X-E2E-Bypass-Key`.
pub(super) const BYPASS_KEY: &str = "demo-key";

const TOKENS: usize = 4096;
const THREADS: usize = 200;
const MESSAGES: usize = 50;
const EVENTS_BEHIND: usize = 2048;

/// Who a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bearer {
    User(Arc<str>),
    Expired,
    Unknown,
}

#[derive(Debug)]
struct Token {
    text: String,
    user: Arc<str>,
    expires: Instant,
}

/// A message for every open socket of a user.
#[derive(Debug, Clone)]
pub(super) struct Broadcast {
    pub(super) user: Arc<str>,
    pub(super) text: Utf8Bytes,
}

/// Everything that the servers of one environment share.
#[derive(Debug)]
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) pace: f64,
    pub(super) events: broadcast::Sender<Broadcast>,
    services: [Service; 3],
    tokens: Mutex<VecDeque<Token>>,
    threads: Mutex<VecDeque<(String, VecDeque<Value>)>>,
    requests: AtomicU64,
    names: AtomicU64,
    secret: RandomState,
    ended: watch::Receiver<()>,
}

impl World {
    pub(super) fn new(scenario: Scenario, pace: f64, ended: watch::Receiver<()>) -> Self {
        let first = if scenario == Scenario::Story { 1 } else { GREEN };
        Self {
            scenario,
            pace,
            events: broadcast::Sender::new(EVENTS_BEHIND),
            services: [
                Service::new(ServiceName::Backend, first),
                Service::new(ServiceName::Auth, 1),
                Service::new(ServiceName::Frontend, 1),
            ],
            tokens: Mutex::default(),
            threads: Mutex::default(),
            requests: AtomicU64::new(0),
            names: AtomicU64::new(0),
            secret: RandomState::new(),
            ended,
        }
    }

    pub(super) fn service(&self, name: ServiceName) -> &Service {
        match name {
            ServiceName::Backend => &self.services[0],
            ServiceName::Auth => &self.services[1],
            ServiceName::Frontend => &self.services[2],
        }
    }

    /// How far the story has come: the backend revision, up to the one in which all is well.
    pub(super) fn level(&self) -> u32 {
        self.service(ServiceName::Backend).revision().min(GREEN)
    }

    /// Runs a task that ends with the environment.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut ended = self.ended.clone();
        tokio::spawn(async move {
            tokio::select! {
                // Nothing is ever sent: this returns when the environment is dropped.
                _ = ended.changed() => {}
                () = task => {}
            }
        });
    }

    pub(super) async fn nap(&self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds * self.pace)).await;
    }

    /// Counts a request and gives its number.
    pub(super) fn count_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// An id that was not given before, such as `run_9f31c2ab`.
    pub(super) fn fresh(&self, kind: &str) -> String {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        format!("{kind}_{:08x}", self.secret.hash_one((kind, number)) as u32)
    }

    /// Issues an opaque token that only this environment knows.
    pub(super) fn issue_token(&self, user: &str, life: Duration) -> String {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        let half = |salt: u8| self.secret.hash_one((number, salt));
        let text = format!("demo.{:016x}.{:016x}", half(1), half(2));
        let now = Instant::now();
        let mut tokens = locked(&self.tokens);
        if tokens.len() >= TOKENS {
            tokens.pop_front();
        }
        tokens.push_back(Token { text: text.clone(), user: user.into(), expires: now + life });
        text
    }

    pub(super) fn bearer_of(&self, token: &str) -> Bearer {
        let tokens = locked(&self.tokens);
        match tokens.iter().rev().find(|known| known.text == token) {
            Some(known) if known.expires > Instant::now() => Bearer::User(known.user.clone()),
            Some(_) => Bearer::Expired,
            None => Bearer::Unknown,
        }
    }

    pub(super) fn open_thread(&self, id: String) {
        let mut threads = locked(&self.threads);
        threads.push_back((id, VecDeque::new()));
        if threads.len() > THREADS {
            threads.pop_front();
        }
    }

    pub(super) fn thread_ids(&self) -> Vec<String> {
        locked(&self.threads).iter().map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn thread_messages(&self, thread: &str) -> Vec<Value> {
        let threads = locked(&self.threads);
        threads
            .iter()
            .find(|(id, _)| id == thread)
            .map(|(_, messages)| messages.iter().cloned().collect())
            .unwrap_or_default()
    }

    pub(super) fn keep_message(&self, thread: &str, message: Value) {
        if !locked(&self.threads).iter().any(|(id, _)| id == thread) {
            self.open_thread(thread.to_owned());
        }
        if let Some((_, messages)) = locked(&self.threads).iter_mut().find(|(id, _)| id == thread) {
            messages.push_back(message);
            if messages.len() > MESSAGES {
                messages.pop_front();
            }
        }
    }

    /// Sends an agent event to every open socket of the user: the test that started the run and whoever watches.
    /// A real backend would tell only the socket that asked; the demo tells all, so that a watcher sees what tests do.
    pub(super) fn publish(&self, user: &Arc<str>, kind: &str, payload: Value) {
        let text =
            json!({"type": kind, "payload": payload, "timestamp": epoch_seconds(), "user_id": &**user}).to_string();
        // With no socket open there is nobody to tell, which is not an error.
        let _ = self.events.send(Broadcast { user: user.clone(), text: text.into() });
    }
}

/// The time as connection messages spell it.
pub(super) fn now_iso() -> String {
    jiff::Timestamp::now().to_string()
}

/// The time as agent events and reports spell it.
pub(super) fn epoch_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs_f64()).unwrap_or_default()
}

/// A panic while one of these locks was held leaves plain data behind that is still good to read.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
