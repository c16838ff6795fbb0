//! What a no means, and what there is to do about it.

use std::time::Duration;

use reqwest::{Response, Url};
use tokio::time::timeout;

use super::findings::shown_headers;
use super::{BODY_LIMIT, Opening};
use crate::domain::{Refusal, RefusalClass};
use crate::engine::http::NoAnswer;
use crate::engine::stream::backoff::Cause;
use crate::engine::stream::secret::Secrets;

pub(super) const CORRECT_IT: &str = "correct the stream's configuration";

/// A refusal that no HTTP answer came with.
pub(super) fn without_status(class: RefusalClass, why: String, advice: String) -> Refusal {
    Refusal {
        status: None,
        why: why.into(),
        sent: Vec::new(),
        headers: Vec::new(),
        body: "".into(),
        class,
        advice: advice.into(),
    }
}

/// What a request without an answer means.
pub(super) fn without_answer(no_answer: NoAnswer, url: &Url) -> (Cause, RefusalClass, String) {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    match no_answer {
        NoAnswer::Name => {
            (Cause::Unreachable, RefusalClass::Environment, format!("check the name {host}: nobody knows it"))
        }
        NoAnswer::Unreachable => {
            (Cause::Unreachable, RefusalClass::Environment, format!("see whether anything listens on {host}:{port}"))
        }
        NoAnswer::Timeout => {
            (Cause::Timeout, RefusalClass::Environment, format!("see whether {host}:{port} can be reached from here"))
        }
        NoAnswer::Certificate => (
            Cause::Certificate,
            RefusalClass::Environment,
            format!(
                "see whether the certificate of {host} is for that name and in date; trust a private one by `extra_ca`"
            ),
        ),
        NoAnswer::Tls => (
            Cause::Certificate,
            RefusalClass::Protocol,
            format!("see whether {host}:{port} speaks TLS: use ws:// if it does not"),
        ),
        NoAnswer::Broken => (
            Cause::Unreachable,
            RefusalClass::Environment,
            "see the log of the service: it hung up, or sent something that is no HTTP".into(),
        ),
        NoAnswer::Request => (Cause::Unusable, RefusalClass::Protocol, CORRECT_IT.into()),
    }
}

/// Reads all there is to know about a no.
pub(super) async fn refused(mut response: Response, opening: &Opening, secrets: &Secrets) -> (Cause, Refusal) {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let mut body = Vec::new();
    let unfinished = timeout(opening.deadlines.body, async {
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > BODY_LIMIT => {
                    body.extend_from_slice(&chunk[..BODY_LIMIT - body.len()]);
                    return "\n… (there is more)";
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return "",
                Err(_) => return "\n… (the connection broke here)",
            }
        }
    })
    .await
    .unwrap_or("\n… (the rest did not come in time)");
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(|text| secrets.shown(text));
    let retry_after = header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    let (class, advice) = advice(status, header("location"));
    let reason = response.status().canonical_reason().unwrap_or_default();
    let refusal = Refusal {
        status: Some(status),
        why: format!("the server answered {status} {reason}").trim_end().into(),
        sent: Vec::new(),
        headers: shown_headers(&headers, secrets),
        body: (secrets.shown(&String::from_utf8_lossy(&body)) + unfinished).into(),
        class,
        advice: advice.into(),
    };
    (Cause::Status { status, retry_after }, refusal)
}

fn advice(status: u16, location: Option<String>) -> (RefusalClass, String) {
    let (class, what_to_do) = match status {
        300..=399 => {
            let place = location.unwrap_or_else(|| "an address that it does not name".into());
            return (
                RefusalClass::Redirect,
                format!("it sends us to {place}: use that address, or a token where it is a login page"),
            );
        }
        401 => (RefusalClass::Authentication, "check the token: it is missing, expired, or from another issuer"),
        403 => (
            RefusalClass::Authentication,
            "check the token first, then the log of the service: some also answer 403 while they start",
        ),
        404 | 410 => (RefusalClass::NotFound, "check host and path of the stream: nothing lives there"),
        407 => (RefusalClass::Authentication, "give the proxy its user and password in the proxy variable"),
        408 => (RefusalClass::Environment, "see whether something between here and the service is slow"),
        429 => (RefusalClass::Environment, "wait: there are too many connections or requests"),
        500 => (RefusalClass::Environment, "see the log of the service: it failed before it accepted"),
        502..=504 => {
            (RefusalClass::Environment, "see the health of the service: it is down, starting, or being replaced")
        }
        501.. => (RefusalClass::Environment, "see the log of the service"),
        200..=299 => (RefusalClass::Protocol, "check the path: what answers there is an ordinary page"),
        _ => (RefusalClass::Protocol, "check the path and what stands between: this was not taken for a WebSocket"),
    };
    (class, what_to_do.into())
}
