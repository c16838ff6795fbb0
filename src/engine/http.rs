//! One way to speak HTTP for everybody who has to: probes, token calls and the opening handshake of streams.
//!
//! One client configuration means one TLS setup: the system's roots plus an extra CA file, and exactly one crypto
//! provider. Connections are not kept after their answer, since a probe has to prove the address that a new user would
//! reach and not a connection of ten minutes ago. Redirects are answers here; whoever wants to follow one does so.

pub mod stopwatch;
mod tls;
mod tunnel;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, io};

pub use self::tunnel::{Answered, Tunnel, Tunnels, Unanswered};
use reqwest::{Client, NoProxy, Proxy, redirect};

use crate::config::project::{HttpSpec, Secret};

/// How long a name, a TCP connection and a TLS handshake may take together.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// What we call ourselves.
const USER: &str = concat!("liveloop/", env!("CARGO_PKG_VERSION"));

/// Makes ring the crypto provider of this process. To be called first thing; more calls do no harm.
pub fn install_crypto() {
    // The error says that a provider is there already, which is what is wanted.
    let _installed = rustls::crypto::ring::default_provider().install_default();
}

/// What a person can set about HTTP.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    /// A PEM file with certificates to trust beside the system's.
    pub extra_ca: Option<PathBuf>,
    /// PEM files with the certificate that we show, its chain behind it, and with its private key.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// The proxy for everything that `no_proxy` does not name; unset, what the environment says.
    pub proxy: Option<Secret>,
    /// Hosts that are reached without that proxy, as `NO_PROXY` has them.
    pub no_proxy: String,
}

impl From<&HttpSpec> for HttpSettings {
    fn from(spec: &HttpSpec) -> Self {
        let spec = spec.clone();
        Self {
            extra_ca: spec.extra_ca.map(Into::into),
            client_certificate: spec.client_certificate.map(|(certificate, key)| (certificate.into(), key.into())),
            proxy: spec.proxy,
            no_proxy: spec.no_proxy,
        }
    }
}

/// The client, and what is worth knowing about it.
#[derive(Clone, Debug)]
pub struct Http {
    /// The client; clones share everything.
    pub client: Client,
    /// Which plain WebSockets are reached through a proxy's tunnel.
    pub tunnels: Tunnels,
    /// Something to show: the system has no certificates, for example.
    pub note: Option<String>,
}

impl Http {
    /// Builds the client. Reads the system's certificates, which takes milliseconds: not for the way to the first frame.
    pub fn new(settings: &HttpSettings) -> Result<Self, HttpError> {
        install_crypto();
        let (tls, note) = tls::configure(settings)?;
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .connector_layer(stopwatch::Timed)
            .user_agent(USER)
            .http1_only()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_DEADLINE)
            .pool_max_idle_per_host(0)
            .tcp_nodelay(true);
        if let Some(proxy) = &settings.proxy {
            // Its address can hold a password, so that the error alone is shown.
            let proxy = Proxy::all(proxy.reveal())
                .map_err(|error| HttpError { what: format!("use the proxy of the settings: {}", chain(&error)) })?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&settings.no_proxy)));
        }
        let tunnels = Tunnels::new(settings);
        Ok(Self { client: builder.build().map_err(HttpError::build)?, tunnels, note })
    }
}

/// The client could not be built; reads after "failed to".
#[derive(Clone, Debug)]
pub struct HttpError {
    what: String,
}

impl HttpError {
    fn build(error: reqwest::Error) -> Self {
        Self { what: format!("set up the HTTP client: {}", chain(&error)) }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for HttpError {}

/// Why a request got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// The name is not known.
    Name,
    /// Nobody listens, or the network is in the way.
    Unreachable,
    /// Nothing came in time.
    Timeout,
    /// A certificate is not trusted, expired, or for another name.
    Certificate,
    /// TLS failed otherwise, mostly because the other side does not speak it.
    Tls,
    /// The connection ended, or what came was no HTTP.
    Broken,
    /// The request itself cannot be sent.
    Request,
}

impl NoAnswer {
    /// Sorts an error of the client.
    pub fn of(error: &reqwest::Error) -> Self {
        let mut by_text = None;
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = cause {
            match tls_error(error) {
                Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
                    return Self::Certificate;
                }
                Some(_) => return Self::Tls,
                None => {}
            }
            if error.to_string().contains("dns error") {
                by_text = Some(Self::Name);
            }
            cause = error.source();
        }
        match by_text {
            Some(sorted) => sorted,
            None if error.is_builder() => Self::Request,
            None if error.is_timeout() => Self::Timeout,
            None if error.is_connect() => Self::Unreachable,
            None => Self::Broken,
        }
    }
}

/// The TLS error in one link of a chain. An `io::Error` hides what it wraps from the chain, and can wrap another one.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(error);
    }
    tls_error(error.downcast_ref::<io::Error>()?.get_ref()?)
}

/// An error and its causes in one line, without the address (it can hold a token) and without repetitions.
pub fn chain(error: &reqwest::Error) -> String {
    let mut said = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.contains(&text) {
            if !said.is_empty() {
                said.push_str(": ");
            }
            said.push_str(&text);
        }
        cause = error.source();
    }
    if said.is_empty() {
        // Only the outermost error names the address.
        let text = error.to_string();
        said = text.split(" for url (").next().unwrap_or_default().to_string();
    }
    said
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_broken_extra_ca_file_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("ca.pem");
        let attempt = || Http::new(&HttpSettings { extra_ca: Some(file.clone()), ..HttpSettings::default() }).map(drop);
        assert!(attempt().expect_err("no file").to_string().contains("ca.pem: No such file"));
        fs::write(&file, "no certificate\n").expect("writes");
        assert!(attempt().expect_err("no certificate").to_string().contains("there is none in it"));
    }
}
