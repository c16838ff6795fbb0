//! What is unusual about a yes, and how an answer's headers may be shown.

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::adapters::redact::MASK;
use crate::config::project::Secret;
use crate::domain::Text;
use crate::engine::stream::secret::Secrets;
use crate::engine::stream::token::TokenOffer;

/// Something about a handshake that worked all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub grade: Grade,
    /// A sentence.
    pub what: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Worth knowing.
    Note,
    /// Other clients will fail here.
    Warning,
}

/// Looks at a yes. The error is the one thing that cannot be overlooked: an answer to somebody else's question.
pub(super) fn check(
    headers: &HeaderMap,
    key: &str,
    offered: &[String],
    secrets: &Secrets,
) -> Result<Vec<Finding>, &'static str> {
    match headers.get("sec-websocket-accept").map(HeaderValue::as_bytes) {
        Some(accept) if accept.trim_ascii() == derive_accept_key(key.as_bytes()).as_bytes() => {}
        Some(_) => return Err("the answer's Sec-WebSocket-Accept does not belong to our key"),
        None => return Err("the answer is 101, but has no Sec-WebSocket-Accept"),
    }
    let mut findings = Vec::new();
    let mut find = |grade, what: String| findings.push(Finding { grade, what });
    if !tokens(headers, "upgrade").any(|token| token.eq_ignore_ascii_case("websocket")) {
        find(Grade::Warning, "the answer has no `Upgrade: websocket`: strict clients refuse it".into());
    }
    if !tokens(headers, "connection").any(|token| token.eq_ignore_ascii_case("upgrade")) {
        find(Grade::Warning, "the answer has no `Connection: Upgrade`: strict clients refuse it".into());
    }
    match chosen(headers) {
        None if offered.is_empty() => {}
        None => {
            let what =
                format!("{} subprotocols offered, none selected: browsers will refuse this connection", offered.len());
            find(Grade::Warning, what);
        }
        Some(chosen) if !offered.iter().any(|offered| offered == chosen) => {
            let what = format!(
                "the server selected the subprotocol {}, which was not offered",
                shown_protocols(chosen, secrets)
            );
            find(Grade::Warning, what);
        }
        Some(chosen) if chosen.starts_with("jwt.") => {
            find(Grade::Note, "the server repeats the token as its subprotocol: it will be in handshake logs".into());
        }
        Some(_) => {}
    }
    if let Some(extensions) = headers.get("sec-websocket-extensions") {
        let named = secrets.shown(&String::from_utf8_lossy(extensions.as_bytes()));
        let what = format!(
            "the server claims the extension {named}, which was not offered: compressed frames will end the connection"
        );
        find(Grade::Warning, what);
    }
    Ok(findings)
}

fn tokens<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(',')).map(str::trim)
}

pub(super) fn chosen(headers: &HeaderMap) -> Option<&str> {
    headers.get("sec-websocket-protocol")?.to_str().ok().map(str::trim).filter(|chosen| !chosen.is_empty())
}

/// Headers as they may be shown: whole values go where they are secrets by their nature.
pub(super) fn shown_headers(headers: &HeaderMap, secrets: &Secrets) -> Vec<(Text, Text)> {
    let shown = |(name, value): (&HeaderName, &HeaderValue)| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let text = match name.as_str() {
            _ if value.is_sensitive() => {
                text.split_once(' ').map_or_else(|| MASK.to_owned(), |(scheme, _)| format!("{scheme} {MASK}"))
            }
            "set-cookie" | "cookie" | "authorization" | "proxy-authorization" => MASK.to_string(),
            "sec-websocket-protocol" => shown_protocols(&text, secrets),
            _ => secrets.shown(&text),
        };
        (name.as_str().into(), text.into())
    };
    headers.iter().map(shown).collect()
}

/// What was asked, for somebody who must not learn the token: the request's line, and the headers.
pub(super) fn shown_request(
    method: &str,
    url: &Url,
    headers: &HeaderMap,
    token: Option<(&Secret, &[TokenOffer])>,
    secrets: &Secrets,
) -> Vec<(Text, Text)> {
    let offers = token.map_or(&[][..], |(_, offers)| offers);
    let carries = |name: &str| offers.iter().any(|offer| matches!(offer, TokenOffer::Query(key) if key == name));
    let mut line = url.path().to_owned();
    for (n, (name, value)) in url.query_pairs().enumerate() {
        // A token looks different once it is in an address, so that it is known by its name.
        let value = if carries(&name) { MASK.into() } else { value };
        line.push_str(&format!("{}{name}={value}", if n == 0 { '?' } else { '&' }));
    }
    let mut shown = vec![(method.into(), secrets.shown(&line).into())];
    // What every handshake says alike tells nothing.
    let is_same = |name: &str| ["connection", "upgrade", "sec-websocket-version", "sec-websocket-key"].contains(&name);
    shown.extend(shown_headers(headers, secrets).into_iter().filter(|(name, _)| !is_same(name)));
    shown
}

/// Subprotocols, without those that carry a token in whatever spelling.
pub(super) fn shown_protocols(list: &str, secrets: &Secrets) -> String {
    let shown = |protocol: &str| match protocol.trim() {
        long if long.len() > 32 => {
            format!("{}{MASK}", long.split_once('.').map_or("", |(name, _)| &long[..=name.len()]))
        }
        short => secrets.shown(short),
    };
    list.split(',').map(shown).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_come_back_in_headers() {
        let secrets = Secrets::default();
        secrets.learn("very-secret-token");
        let mut headers = HeaderMap::new();
        headers.insert("set-cookie", HeaderValue::from_static("session=1"));
        headers.insert("location", HeaderValue::from_static("/login?token=very-secret-token"));
        headers.insert(
            "sec-websocket-protocol",
            HeaderValue::from_static("jwt.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, jwt-auth"),
        );
        let shown: Vec<Text> = shown_headers(&headers, &secrets).into_iter().map(|(_, value)| value).collect();
        assert_eq!(
            shown.iter().map(|text| &**text).collect::<Vec<_>>(),
            ["***", "/login?token=***", "jwt.***, jwt-auth"]
        );
    }
}
