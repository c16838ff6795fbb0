//! What one test exchanges with the environment, counted where the bytes pass.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// How many hosts are named; the demo has fewer.
const HOSTS: usize = 8;

tokio::task_local! {
    static METER: Meter;
}

/// The counters of one test. Its connections may outlive it for a moment, and count on without being asked again.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter(Arc<Mutex<Exchange>>);

#[derive(Debug, Default)]
struct Exchange {
    hosts: Vec<String>,
    sent: usize,
    received: usize,
    has_socket: bool,
}

impl Meter {
    /// Does something whose connections count.
    pub(super) async fn over<T>(&self, work: impl Future<Output = T>) -> T {
        METER.scope(self.clone(), work).await
    }

    /// The `evidence` of a result; nothing where nothing was touched.
    pub(super) fn evidence(&self) -> Option<Value> {
        let Exchange { hosts, sent, received, has_socket } = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let grade = match (sent + received, has_socket) {
            (0, _) => return None,
            (_, true) => "websocket",
            (_, false) => "http",
        };
        Some(json!({"grade": grade, "hosts": hosts, "sent": sent, "received": received}))
    }

    fn count(&self, count: impl FnOnce(&mut Exchange)) {
        count(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The test under way opened a WebSocket.
pub(super) fn note_socket() {
    let _ = METER.try_with(|meter| meter.count(|exchange| exchange.has_socket = true));
}

/// A connection whose bytes count for the test that opened it, if any did.
#[derive(Debug)]
pub(super) struct Metered {
    stream: TcpStream,
    meter: Option<Meter>,
}

impl Metered {
    /// Counts what passes to and from `host` from now on.
    pub(super) fn new(stream: TcpStream, host: &str) -> Self {
        let meter = METER.try_with(Meter::clone).ok();
        if let Some(meter) = &meter {
            meter.count(|exchange| {
                if exchange.hosts.len() < HOSTS && !exchange.hosts.iter().any(|known| known == host) {
                    exchange.hosts.push(host.to_owned());
                }
            });
        }
        Self { stream, meter }
    }

    fn count(&self, count: impl FnOnce(&mut Exchange)) {
        if let Some(meter) = &self.meter {
            meter.count(count);
        }
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.count(|exchange| exchange.received += buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.count(|exchange| exchange.sent += written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
