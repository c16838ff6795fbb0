//! The HTTP/1.1 server under every service: connections in, one request at a time to a function, replies out.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Semaphore};

use super::world::World;

/// A whole answer: every body of the demo is small.
pub(super) type Reply = Response<Full<Bytes>>;

const CONNECTIONS: usize = 512;
const BODY_BYTES: usize = 1 << 20;
const IDLE: Duration = Duration::from_secs(60);
const BODY_WAIT: Duration = Duration::from_secs(10);

/// Accepts connections for as long as the environment lives.
pub(super) async fn serve<A, F>(listener: TcpListener, world: Arc<World>, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Out of file descriptors, most likely: there is nothing to do but to let others finish.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let answer = answer.clone();
        world.spawn(async move {
            let service = service_fn(move |request| {
                let reply = answer(request);
                async move { Ok::<_, Infallible>(reply.await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(IDLE)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            // A client that breaks the connection is its own trouble.
            let _ = connection.await;
            drop(place);
        });
    }
}

pub(super) fn json_reply(status: StatusCode, body: Value) -> Reply {
    typed_reply(status, "application/json", body.to_string())
}

pub(super) fn html_reply(status: StatusCode, body: &'static str) -> Reply {
    typed_reply(status, "text/html; charset=utf-8", body.to_owned())
}

pub(super) fn not_found() -> Reply {
    json_reply(StatusCode::NOT_FOUND, json!({"detail": "Not Found"}))
}

fn typed_reply(status: StatusCode, kind: &'static str, body: String) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

/// The body as JSON; an empty, broken, slow or too long one is an empty object.
pub(super) async fn json_body(request: Request<Incoming>) -> Value {
    let reading = Limited::new(request.into_body(), BODY_BYTES).collect();
    let bytes = match tokio::time::timeout(BODY_WAIT, reading).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) | Err(_) => return json!({}),
    };
    serde_json::from_slice(&bytes).unwrap_or_else(|_| json!({}))
}
