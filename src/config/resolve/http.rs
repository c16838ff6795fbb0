//! How everything over HTTP and WebSocket is reached.

use super::Resolver;
use crate::config::project::{HttpSpec, Secret};

impl Resolver<'_> {
    pub(super) fn http(&mut self) -> HttpSpec {
        let settings = &self.settings.http;
        let client_certificate = settings.client_certificate.as_ref().map(|certificate| {
            let certificate = self.text("http.client_certificate", certificate);
            let key = settings.client_key.as_ref().map(|key| self.text("http.client_key", key));
            (certificate.clone(), key.unwrap_or(certificate))
        });
        if settings.client_key.is_some() && settings.client_certificate.is_none() {
            self.mistake("http.client_key", "a key without a certificate").hint("set client_certificate too");
        }
        let without = "the proxy of the environment counts";
        let proxy = settings.proxy.as_ref().and_then(|proxy| self.value("http.proxy", proxy, without));
        // It may hold user and password, so that what it is does not stand in the complaint.
        let is_proxy = |address: &str| {
            let rest = address.strip_prefix("http://").or_else(|| address.strip_prefix("https://"));
            rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
        };
        if proxy.as_ref().is_some_and(|proxy| !is_proxy(proxy.reveal())) {
            self.mistake("http.proxy", "this is not the address of a proxy").hint("write http://HOST:PORT");
        }
        if !settings.no_proxy.is_empty() && settings.proxy.is_none() {
            self.notice("http.no_proxy", "no_proxy counts only beside a proxy here; the environment has its NO_PROXY");
        }
        HttpSpec {
            extra_ca: settings.extra_ca.as_ref().map(|file| self.text("http.extra_ca", file)),
            client_certificate,
            proxy: proxy.map(|proxy| Secret::new(proxy.reveal())),
            no_proxy: self.texts("http.no_proxy", &settings.no_proxy).join(","),
        }
    }
}
