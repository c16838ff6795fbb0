//! One way to speak HTTP for everybody who has to: probes, token calls and the opening handshake of streams.
//!
//! One client configuration means one TLS setup: the system's roots plus an extra CA file, and exactly one crypto
//! provider. Connections are not kept after their answer, since a probe has to prove the address that a new user would
//! reach and not a connection of ten minutes ago. Redirects are answers here; whoever wants to follow one does so.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, fs, io};

use reqwest::{Certificate, Client, ClientBuilder, redirect};

/// How long a name, a TCP connection and a TLS handshake may take together.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

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
}

/// The client, and what is worth knowing about it.
#[derive(Clone, Debug)]
pub struct Http {
    /// The client; clones share everything.
    pub client: Client,
    /// Something to show: the system has no certificates, for example.
    pub note: Option<String>,
}

impl Http {
    /// Builds the client. Reads the system's certificates, which takes milliseconds: not for the way to the first frame.
    pub fn new(settings: &HttpSettings) -> Result<Self, HttpError> {
        install_crypto();
        let extra = match &settings.extra_ca {
            Some(file) => certificates(file)?,
            None => Vec::new(),
        };
        match builder().tls_certs_merge(extra.clone()).build() {
            Ok(client) => Ok(Self { client, note: None }),
            // A bare container has no certificates at all. Plain http must work there, and the extra file too.
            Err(trouble) => {
                let client = builder().tls_certs_only(extra).build().map_err(HttpError::build)?;
                let note = format!("the system's certificates are not used: {}", chain(&trouble));
                Ok(Self { client, note: Some(note) })
            }
        }
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("liveloop/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_DEADLINE)
        .pool_max_idle_per_host(0)
        .tcp_nodelay(true)
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, HttpError> {
    let said = |why: String| HttpError { what: format!("read certificates from {}: {why}", file.display()) };
    let pem = fs::read(file).map_err(|error| said(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| said(chain(&error)))?;
    if certificates.is_empty() {
        return Err(said("there is none in it; a PEM block begins with -----BEGIN CERTIFICATE-----".into()));
    }
    Ok(certificates)
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
    use super::*;

    #[test]
    fn a_broken_extra_ca_file_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("ca.pem");
        let attempt = || Http::new(&HttpSettings { extra_ca: Some(file.clone()) }).map(drop);
        assert!(attempt().expect_err("no file").to_string().contains("ca.pem: No such file"));
        fs::write(&file, "no certificate\n").expect("writes");
        assert!(attempt().expect_err("no certificate").to_string().contains("there is none in it"));
    }
}
