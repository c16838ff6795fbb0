//! What is asked in an opening handshake: the address, the headers, and the token in every way in which it is offered.

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::Opening;
use crate::config::project::{Secret, TokenEncoding};
use crate::engine::stream::token::{TokenOffer, in_base64};

pub(super) type Request = (Url, HeaderMap, Vec<String>);

/// The request: its address, its headers and the subprotocols it offers. The error says what cannot be sent.
pub(super) fn request(
    opening: &Opening,
    token: Option<(&Secret, &[TokenOffer])>,
    key: &str,
) -> Result<Request, String> {
    let spelled = match opening.url.split_once("://") {
        Some(("ws" | "http", rest)) => format!("http://{rest}"),
        Some(("wss" | "https", rest)) => format!("https://{rest}"),
        _ => {
            return Err(format!("open {}: the address of a stream begins with ws:// or wss://", opening.url));
        }
    };
    let mut url: Url = spelled.parse().map_err(|error| format!("open {}: {error}", opening.url))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &opening.headers {
        let name: HeaderName = name.parse().map_err(|_| format!("send the header {name:?}: that is no header name"))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| format!("send the header {name}: its value has odd characters"))?;
        headers.insert(name, value);
    }
    let mut offered = opening.subprotocols.clone();
    for offer in token.iter().flat_map(|(_, offers)| offers.iter()) {
        let token = token.map_or("", |(secret, _)| secret.reveal());
        match offer {
            TokenOffer::Bearer => drop(headers.insert("authorization", carrying("Bearer", token)?)),
            TokenOffer::Header { name, scheme } => {
                let header: HeaderName = name.parse().map_err(|_| format!("send the token in the header {name:?}"))?;
                headers.insert(header, carrying(scheme, token)?);
            }
            TokenOffer::Query(name) => drop(url.query_pairs_mut().append_pair(name, token)),
            TokenOffer::Subprotocol => offered.push(format!("jwt.{}", in_base64(token))),
            TokenOffer::Prefixed { prefix, encoding: TokenEncoding::Base64url } => {
                offered.push(format!("{prefix}{}", in_base64(token)));
            }
            TokenOffer::Prefixed { prefix, encoding: TokenEncoding::Plain } => offered.push(format!("{prefix}{token}")),
        }
    }
    headers.insert("connection", HeaderValue::from_static("Upgrade"));
    headers.insert("upgrade", HeaderValue::from_static("websocket"));
    headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
    headers.insert("sec-websocket-key", HeaderValue::from_str(key).map_err(|_| "make a handshake key".to_string())?);
    if !offered.is_empty() {
        let list = HeaderValue::from_str(&offered.join(", "))
            .map_err(|_| "offer the subprotocols: odd characters".to_string())?;
        headers.insert("sec-websocket-protocol", list);
    }
    Ok((url, headers, offered))
}

/// A header's value with a token in it.
fn carrying(scheme: &str, token: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(format!("{scheme} {token}").trim())
        .map_err(|_| "send the token: it has characters that no header can hold".to_string())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_offered_in_every_way_that_is_asked_for() {
        let opening = Opening { subprotocols: vec!["jwt-auth".into()], ..Opening::of("wss://host/ws?a=1") };
        let (secret, offers) = (
            Secret::new("a.b/c"),
            [
                TokenOffer::Bearer,
                TokenOffer::Query("token".into()),
                TokenOffer::Subprotocol,
                TokenOffer::Header { name: "X-Token".into(), scheme: String::new() },
                TokenOffer::Prefixed { prefix: "auth.".into(), encoding: TokenEncoding::Plain },
            ],
        );
        let (url, headers, offered) = request(&opening, Some((&secret, &offers)), "key").expect("can be sent");
        assert_eq!(url.as_str(), "https://host/ws?a=1&token=a.b%2Fc");
        assert_eq!(headers["authorization"], "Bearer a.b/c");
        assert_eq!(headers["sec-websocket-protocol"], "jwt-auth, jwt.YS5iL2M, auth.a.b/c");
        assert_eq!(headers["x-token"], "a.b/c");
        assert_eq!(offered, ["jwt-auth", "jwt.YS5iL2M", "auth.a.b/c"]);
    }

    #[test]
    fn what_cannot_be_sent_is_named() {
        let failed = |opening: Opening| request(&opening, None, "key").expect_err("cannot be sent");
        assert!(failed(Opening::of("ftp://host")).contains("ws:// or wss://"));
        assert!(failed(Opening::of("ws://")).contains("empty host"));
        let header =
            |name: &str, value: &str| Opening { headers: vec![(name.into(), value.into())], ..Opening::of("ws://h") };
        assert!(failed(header("bad name", "x")).contains("no header name"));
        assert!(failed(header("x", "a\nb")).contains("odd characters"));
    }
}
