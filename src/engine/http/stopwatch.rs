//! When an attempt reached which stage, told by the places that know: the connector, TLS, and whoever reads the answer.
//!
//! The client has no hook for single attempts, but it works within the task that asks. So the watch is task-local, and
//! whoever is not being timed costs nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustls::NamedGroup;
use rustls::client::{ClientSessionMemoryCache, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use tokio::sync::mpsc::Sender;
use tower_layer::Layer;
use tower_service::Service;

use crate::domain::Stage;

tokio::task_local! {
    static WATCH: Stopwatch;
}

/// Tells which stages an attempt reaches, each with the time that it took alone.
#[derive(Clone, Debug)]
pub struct Stopwatch {
    tell: Sender<(Stage, Duration)>,
    since: Arc<Mutex<Instant>>,
    has_tcp: Arc<AtomicBool>,
}

impl Stopwatch {
    /// A watch that starts now. What it tells is lost where nobody takes it.
    pub fn new(tell: Sender<(Stage, Duration)>) -> Self {
        Self { tell, since: Arc::new(Mutex::new(Instant::now())), has_tcp: Arc::default() }
    }

    /// Works under this watch.
    pub async fn time<T>(self, work: impl Future<Output = T>) -> T {
        WATCH.scope(self, work).await
    }

    fn reach(&self, stage: Stage) {
        if stage == Stage::Tcp && self.has_tcp.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let took = since.elapsed();
        *since = Instant::now();
        // A listener with a full channel has heard of more stages than there are.
        let _told = self.tell.try_send((stage, took));
    }
}

/// The work that is under way reached `stage`; nothing happens where nobody times it.
pub(in crate::engine) fn reached(stage: Stage) {
    let _watched = WATCH.try_with(|watch| watch.reach(stage));
}

/// A connection is there: TCP alone, or TLS where that had begun.
fn connected() {
    let _watched = WATCH.try_with(|watch| {
        let stage = if watch.has_tcp.load(Ordering::Relaxed) { Stage::Tls } else { Stage::Tcp };
        watch.reach(stage);
    });
}

/// Tells when a connector is done.
#[derive(Clone, Debug)]
pub(super) struct Timed;

impl<S> Layer<S> for Timed {
    type Service = TimedConnector<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TimedConnector { inner }
    }
}

/// A connector whose end is told.
#[derive(Clone, Debug)]
pub(super) struct TimedConnector<S> {
    inner: S,
}

impl<S, R> Service<R> for TimedConnector<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, target: R) -> Self::Future {
        let connecting = self.inner.call(target);
        Box::pin(async move {
            let made = connecting.await;
            if made.is_ok() {
                connected();
            }
            made
        })
    }
}

/// The memory of TLS sessions. A handshake begins by asking it which key exchange the server likes, and that is the
/// moment in which TCP, and the tunnel through a proxy, are done.
#[derive(Debug)]
pub(super) struct Sessions(ClientSessionMemoryCache);

impl Sessions {
    pub(super) fn new() -> Self {
        Self(ClientSessionMemoryCache::new(256))
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, server: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(server, group);
    }

    fn kx_hint(&self, server: &ServerName<'_>) -> Option<NamedGroup> {
        reached(Stage::Tcp);
        self.0.kx_hint(server)
    }

    fn set_tls12_session(&self, server: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(server, value);
    }

    fn tls12_session(&self, server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        reached(Stage::Tcp);
        self.0.tls12_session(server)
    }

    fn remove_tls12_session(&self, server: &ServerName<'static>) {
        self.0.remove_tls12_session(server);
    }

    fn insert_tls13_ticket(&self, server: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(server, value);
    }

    fn take_tls13_ticket(&self, server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        reached(Stage::Tcp);
        self.0.take_tls13_ticket(server)
    }
}
