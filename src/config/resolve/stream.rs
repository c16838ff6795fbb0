//! Streams: where agent events come from, and what opens the door there.

use std::collections::BTreeMap;

use super::{Resolver, url};
use crate::config::project::{HttpTokenSpec, JwtTokenSpec, OfferSpec, ResumeSpec, Secret, StreamSpec, TokenSpec};
use crate::config::settings::{
    CloseAction, HeaderOfferSettings, HttpTokenSettings, JwtTokenSettings, Method, OfferSettings, ResumeSettings,
    StreamSettings, TokenSettings, Transport,
};
use crate::config::template::Template;

impl Resolver<'_> {
    pub(super) fn stream(&mut self, name: &str, stream: &StreamSettings) -> StreamSpec {
        let path = format!("stream.{name}");
        let url = self.stream_url(&path, stream);
        let token = stream.token.as_ref().map(|token| self.token(&format!("{path}.token"), token));
        self.check_token_is_safe(&path, stream, &url, token.as_ref());
        self.check_service(&path, stream);
        if stream.revision.is_some() && stream.service.is_none() {
            self.mistake(&format!("{path}.revision"), "does not say whose revision it is")
                .hint("add service = \"NAME\" to the stream");
        }
        StreamSpec {
            name: self.name(&path, name),
            url,
            transport: stream.transport,
            method: stream.method.unwrap_or(if stream.body.is_some() { Method::Post } else { Method::Get }),
            body: stream.body.as_ref().map(|body| self.text(&format!("{path}.body"), body)),
            language: self.language(&path, stream),
            service: stream.service.clone(),
            subprotocols: self.texts(&format!("{path}.subprotocols"), &stream.subprotocols),
            headers: self.headers(&path, &stream.headers),
            token,
            offers: self.offers(&format!("{path}.offer"), &stream.offer),
            revision: stream.revision.as_ref().and_then(|revision| {
                self.revision_source(&format!("{path}.revision"), revision.header.as_ref(), revision.pointer.as_ref())
            }),
            start: stream.start.as_ref().map(|start| self.text(&format!("{path}.start.message"), &start.message)),
            messages: self.messages(&path, stream),
            open_timeout: self.wait(&format!("{path}.open_timeout"), stream.open_timeout),
            ping_interval: self.wait(&format!("{path}.ping_interval"), stream.ping_interval),
            rotate_before: stream.rotate_before.map(|age| self.wait(&format!("{path}.rotate_before"), age)),
            keep_open: stream.keep_open,
            close_codes: self.close_codes(&format!("{path}.close_codes"), stream),
            resume: stream.resume.as_ref().map(|resume| self.resume(&format!("{path}.resume"), stream, resume)),
        }
    }

    fn close_codes(&mut self, path: &str, stream: &StreamSettings) -> Vec<(u16, CloseAction)> {
        let mut codes = Vec::new();
        for (code, action) in &stream.close_codes {
            match code.parse() {
                Ok(code @ 1000..=4999) => codes.push((code, *action)),
                _ => {
                    self.mistake(path, format!("`{code}` is no close code")).hint("write a number from 1000 to 4999");
                }
            }
        }
        codes
    }

    fn resume(&mut self, path: &str, stream: &StreamSettings, resume: &ResumeSettings) -> ResumeSpec {
        let over_http = stream.transport != Transport::Websocket;
        if resume.query.is_none() && resume.header.is_none() && resume.message.is_none() {
            self.mistake(path, "does not say how").hint("add query = \"NAME\", header = \"NAME\" or message = 'TEXT'");
        }
        if over_http && resume.message.is_some() {
            self.mistake(&format!("{path}.message"), "on an answer over HTTP nothing can be sent")
                .hint("write query = \"NAME\" or header = \"NAME\"");
        }
        let mut text = |key: &str, template: &Option<Template>| {
            template.as_ref().map(|template| self.text(&format!("{path}.{key}"), template))
        };
        let (query, header, message) =
            (text("query", &resume.query), text("header", &resume.header), text("message", &resume.message));
        if message.as_ref().is_some_and(|message| !message.contains("{last}")) {
            self.mistake(&format!("{path}.message"), "does not say what came last").hint("write {last} in its place");
        }
        let pointer = resume.pointer.as_ref().map(|pointer| self.pointer(&format!("{path}.pointer"), pointer));
        ResumeSpec { pointer, query, header, message }
    }

    /// The messages as they were written. Their variables are put in when they are sent; that it can be done is known
    /// now.
    fn messages(&mut self, path: &str, stream: &StreamSettings) -> Vec<(String, String)> {
        if stream.transport != Transport::Websocket && !stream.message.is_empty() {
            self.mistake(&format!("{path}.message"), "on an answer over HTTP nothing can be sent")
                .hint("messages are for a WebSocket");
        }
        for (name, message) in &stream.message {
            let made_when_sent = ["${now}", "${random}"];
            let text = made_when_sent.iter().fold(message.text.text.clone(), |text, each| text.replace(each, ""));
            let at = format!("{path}.message.{name}.text");
            self.text(&at, &Template { text, place: message.text.place });
        }
        stream.message.iter().map(|(name, message)| (name.clone(), message.text.text.clone())).collect()
    }

    /// A WebSocket's address in its own spelling; over HTTP, what is sent needs a method that sends.
    fn stream_url(&mut self, path: &str, stream: &StreamSettings) -> String {
        let at = format!("{path}.url");
        if stream.transport != Transport::Websocket {
            if stream.body.is_some() && stream.method == Some(Method::Get) {
                self.mistake(&format!("{path}.method"), "a GET sends no body").hint("write method = \"POST\"");
            }
            return self.url(&at, &stream.url, &["http", "https"]);
        }
        for (name, is_set) in [("method", stream.method.is_some()), ("body", stream.body.is_some())] {
            if is_set {
                self.mistake(&format!("{path}.{name}"), format!("a WebSocket has no {name}"))
                    .hint("write transport = \"sse\" or \"ndjson\"");
            }
        }
        url::as_websocket(&self.url(&at, &stream.url, &["ws", "wss", "http", "https"]))
    }

    fn check_service(&mut self, path: &str, stream: &StreamSettings) {
        let services = &self.settings.service;
        if let Some(service) = stream.service.as_ref().filter(|service| !services.contains_key(*service)) {
            self.mistake(&format!("{path}.service"), format!("there is no service `{service}`"))
                .suggest(service, services.keys())
                .misses(format!("service.{service}"));
        }
    }

    /// Whoever sits on the way must not be able to read the token.
    fn check_token_is_safe(&mut self, path: &str, stream: &StreamSettings, url: &str, token: Option<&TokenSpec>) {
        let is_exposed = |url: &str| url::is_plain_text(url) && !url::is_loopback(url) && !stream.allow_plain_text;
        let hint = "use wss:// and https://, or set allow_plain_text = true on this stream";
        if token.is_some() && is_exposed(url) {
            self.mistake(&format!("{path}.url"), "a token would go over the network unencrypted").hint(hint);
        }
        if let Some(TokenSpec::Http(http)) = token
            && is_exposed(&http.url)
        {
            self.mistake(&format!("{path}.token.http.url"), "a token would come over the network unencrypted")
                .hint(hint);
        }
    }

    pub(super) fn token(&mut self, path: &str, token: &TokenSettings) -> TokenSpec {
        match token {
            TokenSettings::Env(name) => {
                let value = self.environment_variable(name).map(Secret::new);
                let path = format!("{path}.env");
                match &value {
                    Some(secret) => self.secrets.push((path, secret.clone())),
                    None => {
                        self.notice(&path, format!("{name} is not set: there is no token"));
                    }
                }
                TokenSpec::Variable { name: name.clone(), value }
            }
            TokenSettings::File(file) => TokenSpec::File(self.text(&format!("{path}.file"), file)),
            TokenSettings::Command(command) => {
                TokenSpec::Command(self.command(path, "command", command, &BTreeMap::new(), None))
            }
            TokenSettings::Http(http) => TokenSpec::Http(self.http_token(&format!("{path}.http"), http)),
            TokenSettings::Jwt(jwt) => TokenSpec::Jwt(self.jwt_token(&format!("{path}.jwt"), jwt)),
        }
    }

    fn jwt_token(&mut self, path: &str, jwt: &JwtTokenSettings) -> JwtTokenSpec {
        match self.environment_variable(&jwt.env).map(Secret::new) {
            Some(secret) => self.secrets.push((format!("{path}.env"), secret)),
            None => {
                self.notice(&format!("{path}.env"), format!("{} is not set: there is no token", jwt.env));
            }
        }
        let claims = self.text(&format!("{path}.claims"), &jwt.claims);
        let claims = serde_json::from_str(&claims).unwrap_or_else(|error| {
            self.mistake(&format!("{path}.claims"), format!("the claims are no JSON object: {error}"))
                .hint("write claims = '{\"sub\": \"a-user\"}'");
            serde_json::Map::new()
        });
        JwtTokenSpec {
            variable: jwt.env.clone(),
            claims,
            lifetime: self.wait(&format!("{path}.lifetime"), jwt.lifetime),
        }
    }

    fn http_token(&mut self, path: &str, http: &HttpTokenSettings) -> HttpTokenSpec {
        HttpTokenSpec {
            url: self.url(&format!("{path}.url"), &http.url, &["http", "https"]),
            method: http.method,
            body: http.body.as_ref().map(|body| self.text(&format!("{path}.body"), body)),
            headers: self.headers(path, &http.headers),
            pointer: self.pointer(&format!("{path}.pointer"), &http.pointer),
            timeout: self.wait(&format!("{path}.timeout"), http.timeout),
        }
    }

    /// Every way that is configured, the header where none is.
    fn offers(&mut self, path: &str, offer: &OfferSettings) -> Vec<OfferSpec> {
        let nothing = offer.query.is_none() && offer.subprotocol.is_none();
        let header = offer.header.clone().or_else(|| nothing.then(HeaderOfferSettings::default));
        let header = header.map(|header| OfferSpec::Header {
            name: self.text(&format!("{path}.header.name"), &header.name),
            scheme: self.text(&format!("{path}.header.scheme"), &header.scheme),
        });
        let query = offer.query.as_ref().map(|query| OfferSpec::Query {
            parameter: self.text(&format!("{path}.query.parameter"), &query.parameter),
        });
        let subprotocol = offer.subprotocol.as_ref().map(|subprotocol| OfferSpec::Subprotocol {
            prefix: self.text(&format!("{path}.subprotocol.prefix"), &subprotocol.prefix),
            encoding: subprotocol.encoding,
        });
        [header, query, subprotocol].into_iter().flatten().collect()
    }
}
