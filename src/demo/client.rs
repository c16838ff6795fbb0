//! A small HTTP and WebSocket client for the suite and the deploy command: every call on a connection of its own.

use std::{fmt, io, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::StreamExt;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, SEC_WEBSOCKET_PROTOCOL, UPGRADE},
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{CloseFrame, Role, WebSocketConfig},
    },
};

use super::meter::{Metered, note_socket};

/// An open WebSocket.
pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

const CALL_WAIT: Duration = Duration::from_secs(10);
const BODY_BYTES: usize = 1 << 20;

/// One call: where, and what is handed over.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub(super) base: &'a str,
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) header: Option<(&'static str, &'a str)>,
    pub(super) body: Option<Value>,
}

impl<'a> Call<'a> {
    pub(super) fn get(base: &'a str, path: &'a str) -> Self {
        Self { base, method: Method::GET, path, header: None, body: None }
    }

    pub(super) fn post(base: &'a str, path: &'a str, body: Value) -> Self {
        Self { base, method: Method::POST, path, header: None, body: Some(body) }
    }

    pub(super) fn with_header(self, name: &'static str, value: &'a str) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    /// Sends the call and waits for the whole answer.
    pub(super) async fn send(self) -> Result<Answer, Trouble> {
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut request = Request::builder().method(self.method).uri(self.path).header(HOST, host_of(self.base));
        if self.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some((name, value)) = self.header {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(body)).map_err(Trouble::broken)?;
        within(async {
            let response = exchange(self.base, request).await?;
            Answer::read(response).await
        })
        .await
    }
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: String,
}

impl Answer {
    async fn read(response: Response<Incoming>) -> Result<Self, Trouble> {
        let status = response.status();
        let body = Limited::new(response.into_body(), BODY_BYTES).collect().await.map_err(Trouble::broken)?;
        Ok(Self { status, body: String::from_utf8_lossy(&body.to_bytes()).into_owned() })
    }

    /// The body as JSON, null where it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The beginning of the body, as an error message quotes it.
    pub(super) fn excerpt(&self) -> String {
        self.body.chars().take(120).collect()
    }
}

/// Why a call or a handshake gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    Unreachable(String),
    Broken(String),
    TimedOut,
    Refused(Answer),
}

impl Trouble {
    fn broken(error: impl fmt::Display) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Unreachable(error) => write!(f, "cannot connect: {error}"),
            Trouble::Broken(error) => write!(f, "the connection broke: {error}"),
            Trouble::TimedOut => write!(f, "no answer within {} s", CALL_WAIT.as_secs()),
            Trouble::Refused(answer) => {
                write!(f, "HTTP {}: {}", answer.status.as_u16(), answer.excerpt())
            }
        }
    }
}

/// Opens `/ws` with a token; a refusal keeps its status and whole body.
pub(super) async fn open_socket(base: &str, token: &str) -> Result<Socket, Trouble> {
    // The key only has to be sixteen bytes; what it protects from, caching proxies, is not on loopback.
    let request = Request::builder()
        .uri("/ws")
        .header(HOST, host_of(base))
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", STANDARD.encode(b"the demo's suite"))
        .header(SEC_WEBSOCKET_PROTOCOL, "jwt-auth")
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .body(Full::default())
        .map_err(Trouble::broken)?;
    within(async {
        let response = exchange(base, request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(Trouble::Refused(Answer::read(response).await?));
        }
        note_socket();
        let upgraded = hyper::upgrade::on(response).await.map_err(Trouble::broken)?;
        let limits = WebSocketConfig::default().max_message_size(Some(BODY_BYTES));
        Ok(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(limits)).await)
    })
    .await
}

/// What came out of a socket.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Received {
    Message(Value),
    Closed(Option<CloseFrame>),
}

/// The next message; anything but text is passed over.
pub(super) async fn receive(socket: &mut Socket) -> Received {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                return Received::Message(serde_json::from_str(&text).unwrap_or_default());
            }
            Some(Ok(Message::Close(frame))) => return Received::Closed(frame),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Received::Closed(None),
        }
    }
}

async fn exchange(base: &str, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Trouble> {
    let stream = TcpStream::connect(host_of(base)).await?;
    stream.set_nodelay(true)?;
    let stream = Metered::new(stream, host_of(base));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Trouble::broken)?;
    // Ends when the answer has been read, or with the upgraded socket.
    tokio::spawn(connection.with_upgrades());
    sender.send_request(request).await.map_err(Trouble::broken)
}

async fn within<T>(call: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    timeout(CALL_WAIT, call).await.unwrap_or(Err(Trouble::TimedOut))
}

/// `http://127.0.0.1:4000/` and `127.0.0.1:4000` name the same place.
fn host_of(base: &str) -> &str {
    base.strip_prefix("http://").unwrap_or(base).trim_end_matches('/')
}
