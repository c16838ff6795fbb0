//! `ws://` through an HTTP proxy.
//!
//! Whoever uses a proxy for a WebSocket asks it by `CONNECT` for a tunnel to the server (RFC 6455, 4.1). The HTTP client
//! asks so for `https` alone; a plain request it hands to the proxy, and an upgrade is lost on that way. So the tunnel is
//! made here, and the request goes through it.

use std::io;
use std::sync::Arc;

use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper::{Request, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use reqwest::{Body, Response, Url};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::stopwatch::reached;
use super::{CONNECT_DEADLINE, HttpSettings, NoAnswer, USER};
use crate::domain::Stage;

/// Which addresses are reached through a tunnel.
#[derive(Clone, Debug)]
pub struct Tunnels(Arc<Matcher>);

impl Tunnels {
    /// Through the proxy of the settings, else that of the environment, by the rules that the HTTP client has.
    pub(super) fn new(settings: &HttpSettings) -> Self {
        let matcher = match &settings.proxy {
            Some(proxy) => Matcher::builder().all(proxy.reveal()).no(&*settings.no_proxy).build(),
            None => Matcher::from_env(),
        };
        Self(Arc::new(matcher))
    }

    /// The tunnel to an address; nothing where no proxy stands in the way, where the HTTP client makes one itself, or
    /// where the proxy is none that speaks plain HTTP.
    pub fn to(&self, url: &Url) -> Option<Tunnel> {
        if url.scheme() != "http" {
            return None;
        }
        let way = self.0.intercept(&url.as_str().parse().ok()?)?;
        let (proxy, host) = (way.uri(), url.host_str()?);
        if proxy.scheme_str() != Some("http") {
            return None;
        }
        Some(Tunnel {
            proxy: (proxy.host()?.trim_matches(['[', ']']).to_owned(), proxy.port_u16().unwrap_or(80)),
            login: way.basic_auth().cloned(),
            target: format!("{host}:{}", url.port_or_known_default()?),
        })
    }
}

/// A way through a proxy.
#[derive(Clone, Debug)]
pub struct Tunnel {
    /// Host and port.
    proxy: (String, u16),
    login: Option<HeaderValue>,
    /// `host:port`, as the proxy is asked for it.
    target: String,
}

/// Who answered.
#[derive(Debug)]
pub enum Answered {
    /// The server behind the proxy.
    Server(Response),
    /// The proxy: it does not let us through.
    Proxy(Response),
}

/// Why nobody answered.
#[derive(Debug)]
pub struct Unanswered {
    /// What kind of failure it is.
    pub kind: NoAnswer,
    /// In words.
    pub why: String,
    /// Whether the proxy itself was not reached.
    pub at_proxy: bool,
}

impl Tunnel {
    /// `127.0.0.1:3128`, without its password.
    pub fn proxy(&self) -> String {
        format!("{}:{}", self.proxy.0, self.proxy.1)
    }

    /// Asks the server behind the proxy.
    ///
    /// # Errors
    /// When the proxy cannot be reached within [`CONNECT_DEADLINE`], or one of both hangs up.
    pub async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Answered, Unanswered> {
        let unanswered = |kind, why: String, at_proxy| Unanswered { kind, why, at_proxy };
        let opening = timeout(CONNECT_DEADLINE, self.open());
        let opened = opening.await.map_err(|_| unanswered(NoAnswer::Timeout, "no answer in time".into(), true))?;
        let tunnel = match opened? {
            Ok(tunnel) => tunnel,
            Err(no) => return Ok(Answered::Proxy(no)),
        };
        reached(Stage::Tcp);
        let broken = |error: hyper::Error| unanswered(NoAnswer::Broken, words(&error), false);
        let mut request = Request::new(Body::default());
        let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
        *request.uri_mut() = format!("{}{query}", url.path()).parse().unwrap_or_default();
        *request.headers_mut() = headers;
        let host = match url.port() {
            Some(_) => &self.target,
            None => url.host_str().unwrap_or_default(),
        };
        add(request.headers_mut(), HOST, host);
        add(request.headers_mut(), USER_AGENT, USER);
        Ok(Answered::Server(exchange(tunnel, request).await.map_err(broken)?))
    }

    /// What leads to the server, or the proxy's no.
    async fn open(&self) -> Result<Result<impl Read + Write + Send + Unpin + 'static, Response>, Unanswered> {
        let (host, port) = &self.proxy;
        let failed = |kind| move |error: io::Error| Unanswered { kind, why: error.to_string(), at_proxy: true };
        let places = lookup_host((host.as_str(), *port)).await.map_err(failed(NoAnswer::Name))?;
        let places: Vec<_> = places.collect();
        let socket = TcpStream::connect(&*places).await.map_err(failed(NoAnswer::Unreachable))?;
        let _faster = socket.set_nodelay(true);
        let mut request = Request::connect(self.target.parse::<Uri>().unwrap_or_default());
        if let Some(login) = self.login.clone() {
            request = request.header(PROXY_AUTHORIZATION, login);
        }
        let request = request.header(HOST, &self.target).header(USER_AGENT, USER).body(Body::default());
        let broken = |why: String| Unanswered { kind: NoAnswer::Broken, why, at_proxy: true };
        let request = request.map_err(|error| broken(error.to_string()))?;
        let answer = exchange(TokioIo::new(socket), request).await.map_err(|error| broken(words(&error)))?;
        if !answer.status().is_success() {
            return Ok(Err(answer));
        }
        let tunnel = answer.upgrade().await.map_err(|error| broken(super::chain(&error)))?;
        Ok(Ok(TokioIo::new(tunnel)))
    }
}

/// One request and the head of its answer, on a connection of their own that goes on as long as it is needed.
async fn exchange(
    connection: impl Read + Write + Send + Unpin + 'static,
    request: Request<Body>,
) -> Result<Response, hyper::Error> {
    let (mut sender, connection) = http1::handshake(connection).await?;
    tokio::spawn(connection.with_upgrades());
    let answer = sender.send_request(request).await?;
    Ok(Response::from(answer.map(Body::wrap)))
}

fn add(headers: &mut HeaderMap, name: hyper::header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.entry(name).or_insert(value);
    }
}

/// An error and its causes in one line.
fn words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |said, cause| format!("{said}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::project::Secret;

    fn tunnel(url: &str, no_proxy: &str) -> Option<Tunnel> {
        let proxy = Some(Secret::new("http://u:p@proxy:3128"));
        let tunnels = Tunnels::new(&HttpSettings { proxy, no_proxy: no_proxy.into(), ..HttpSettings::default() });
        tunnels.to(&Url::parse(url).expect("an address"))
    }

    #[test]
    fn plain_addresses_go_through_a_tunnel_unless_no_proxy_names_them() {
        let through = tunnel("http://api.example/ws?a=b", "").expect("a tunnel");
        assert_eq!((through.target.as_str(), through.proxy().as_str()), ("api.example:80", "proxy:3128"));
        assert_eq!(through.login.as_ref().and_then(|login| login.to_str().ok()), Some("Basic dTpw"));
        assert!(tunnel("https://api.example/ws", "").is_none(), "the client does that itself");
        assert!(tunnel("http://api.example/ws", "localhost,.example").is_none());
    }
}
