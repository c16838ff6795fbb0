//! The server that stands in for an environment in a null run: healthy, and it knows nothing.
//!
//! It answers 200 to whoever asks for its health, refuses every WebSocket with 403, and knows no other page. A test
//! that passes against it would pass against anything that is up. It is not part of any environment, and lives as
//! long as the run that it was started for.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

/// The last words of a path that ask how the service is.
const HEALTH: [&str; 7] = ["health", "healthz", "healthcheck", "ready", "readyz", "live", "livez"];
/// How many connections are served at a time; more have to wait.
const CONNECTIONS: usize = 256;
/// How long a connection may be silent between two requests.
const IDLE: Duration = Duration::from_secs(60);
/// How long to wait where no more connections can be accepted, for want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// The server; it ends when this is dropped.
#[derive(Debug)]
pub struct Stub {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Stub {
    /// Starts it on a free port of the loopback interface. Called inside the runtime.
    pub fn start() -> io::Result<Self> {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(accept(TcpListener::from_std(listener)?));
        Ok(Self { address, serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        // The connections are in a set of that task, and end with it.
        self.serving.abort();
    }
}

async fn accept(listener: TcpListener) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => drop(connections.spawn(async move {
                serve(stream).await;
                drop(place);
            })),
            Err(_) => sleep(PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: Request<_>| async move { Ok::<_, Infallible>(answer(&request)) });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(IDLE);
    // A client that speaks something else, TLS for example, is cut off.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

fn answer<B>(request: &Request<B>) -> Response<Full<Bytes>> {
    let asks = |name: &HeaderValue| name.as_bytes().eq_ignore_ascii_case(b"websocket");
    let (status, body) = if request.headers().get(UPGRADE).is_some_and(asks) {
        (StatusCode::FORBIDDEN, r#"{"detail":"Forbidden"}"#)
    } else if is_health(request.uri().path()) {
        (StatusCode::OK, r#"{"status":"healthy"}"#)
    } else {
        (StatusCode::NOT_FOUND, r#"{"detail":"Not Found"}"#)
    };
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn is_health(path: &str) -> bool {
    path.trim_end_matches('/').rsplit('/').next().is_some_and(|last| HEALTH.contains(&last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_healthy_and_knows_nothing() {
        let ask = |path: &str, upgrade: Option<&str>| {
            let mut request = Request::builder().uri(path);
            request = upgrade.into_iter().fold(request, |request, value| request.header(UPGRADE, value));
            answer(&request.body(()).unwrap()).status().as_u16()
        };
        for path in ["/health", "/health/", "/api/v1/healthz?full=1", "http://backend/ready", "/live"] {
            assert_eq!(ask(path, None), 200, "{path}");
        }
        for path in ["/", "/api/agents", "/healthy", "/health/database"] {
            assert_eq!(ask(path, None), 404, "{path}");
        }
        assert_eq!(ask("/ws", Some("WebSocket")), 403);
        assert_eq!(ask("/health", Some("h2c")), 200);
    }

    #[tokio::test]
    async fn it_serves_as_long_as_it_is_held() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let stub = Stub::start().unwrap();
        let mut connection = TcpStream::connect(stub.address()).await.unwrap();
        let request =
            b"GET /health HTTP/1.1\r\nHost: any\r\n\r\nGET /x HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n";
        connection.write_all(request).await.unwrap();
        let mut said = String::new();
        connection.read_to_string(&mut said).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 200 OK"), "{said}");
        assert!(said.contains(r#"{"status":"healthy"}"#) && said.contains("HTTP/1.1 404"), "{said}");
        let mut held = TcpStream::connect(stub.address()).await.unwrap();
        drop(stub);
        assert_eq!(held.read(&mut [0; 1]).await.unwrap_or(0), 0);
    }
}
