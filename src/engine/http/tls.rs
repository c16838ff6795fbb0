//! Whom we trust and who we are: the system's roots, an extra CA file, and a client certificate.

use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::stopwatch::Sessions;
use super::{HttpError, HttpSettings};

/// The configuration for TLS, and a note where the system's certificates cannot be used.
pub(super) fn configure(settings: &HttpSettings) -> Result<(ClientConfig, Option<String>), HttpError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let extra = settings.extra_ca.as_deref().map_or(Ok(Vec::new()), certificates)?;
    let said = |error: rustls::Error| HttpError { what: format!("set up TLS: {error}") };
    let builder = || {
        let provider: Arc<CryptoProvider> = Arc::clone(&provider);
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(said)
    };
    let (builder, note) = match Verifier::new_with_extra_roots(extra.clone(), Arc::clone(&provider)) {
        Ok(verifier) => (builder()?.dangerous().with_custom_certificate_verifier(Arc::new(verifier)), None),
        // A bare container has no certificates at all. Plain http must work there, and the extra file too.
        Err(trouble) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(extra);
            let note = format!("the system's certificates are not used: {trouble}");
            (builder()?.with_root_certificates(roots), Some(note))
        }
    };
    let mut config = match &settings.client_certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let unusable = |error| HttpError {
                what: format!("use the client certificate {} with its key: {error}", certificate.display()),
            };
            builder.with_client_auth_cert(certificates(certificate)?, private_key(key)?).map_err(unusable)?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::store(Arc::new(Sessions::new()));
    Ok((config, note))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let said = |why: String| HttpError { what: format!("read certificates from {}: {why}", file.display()) };
    let pem = std::fs::read(file).map_err(|error| said(error.to_string()))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = read.map_err(|error| said(error.to_string()))?;
    if certificates.is_empty() {
        return Err(said("there is none in it; a PEM block begins with -----BEGIN CERTIFICATE-----".into()));
    }
    Ok(certificates)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, HttpError> {
    let said = |why: String| HttpError { what: format!("read a private key from {}: {why}", file.display()) };
    let pem = std::fs::read(file).map_err(|error| said(error.to_string()))?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
        said(format!("{error}; an unencrypted PEM block is wanted, -----BEGIN PRIVATE KEY----- for example"))
    })
}
