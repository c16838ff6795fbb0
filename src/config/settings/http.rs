//! How everything over HTTP and WebSocket is reached, as it is written.

use serde::Deserialize;

use super::ValueSettings;
use crate::config::template::Template;

/// `[http]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpClientSettings {
    /// A PEM file with certificates to trust beside the system's.
    pub extra_ca: Option<Template>,
    /// A PEM file with the certificate that we show, its chain behind it.
    pub client_certificate: Option<Template>,
    /// The PEM file with its private key; unset, the same file.
    pub client_key: Option<Template>,
    /// The proxy; unset, HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment count.
    pub proxy: Option<ValueSettings>,
    /// Hosts that are reached without it: names with all below them, addresses, networks.
    #[serde(default)]
    pub no_proxy: Vec<Template>,
}
