//! Which class a failure is of: one table, and the first row that holds decides.

use super::status::{close_code, close_reason, endpoint, host, status};
use super::{CauseClass, Said};
use crate::domain::{CRITICAL, Outcome};

/// A row of the table: what went wrong in plain words, where this row holds. An empty text leaves the words to the
/// message.
struct Rule {
    class: CauseClass,
    what: fn(&Said) -> Option<String>,
}

/// The order matters: what stands above explains what stands below. A refused handshake is no missing event.
const RULES: &[Rule] = &[
    Rule { class: CauseClass::Crash, what: ended_by_another },
    Rule { class: CauseClass::Environment, what: unavailable },
    Rule { class: CauseClass::Environment, what: closed_for_a_restart },
    Rule { class: CauseClass::Environment, what: refused },
    Rule { class: CauseClass::Environment, what: unresolved },
    Rule { class: CauseClass::Environment, what: unreachable },
    Rule { class: CauseClass::Environment, what: unanswered },
    Rule { class: CauseClass::Authentication, what: not_let_in },
    Rule { class: CauseClass::Authentication, what: closed_by_policy },
    Rule { class: CauseClass::Authentication, what: said_not_let_in },
    Rule { class: CauseClass::MissingEndpoint, what: not_there },
    Rule { class: CauseClass::MissingEvent, what: error_instead },
    Rule { class: CauseClass::MissingEvent, what: stopped_after },
    Rule { class: CauseClass::MissingEvent, what: events_missing },
    Rule { class: CauseClass::MissingEvent, what: never_came },
    Rule { class: CauseClass::Crash, what: died },
    Rule { class: CauseClass::Timeout, what: took_too_long },
    Rule { class: CauseClass::Assertion, what: asserted },
];

/// The class of a failure, and what went wrong where the class has words for it.
pub(super) fn judge(said: &Said) -> (CauseClass, Option<String>) {
    let found = RULES.iter().find_map(|rule| Some((rule.class, (rule.what)(said)?)));
    let (class, what) = found.unwrap_or((CauseClass::Error, String::new()));
    (class, Some(what).filter(|what| !what.is_empty()))
}

fn ended_by_another(said: &Said) -> Option<String> {
    match said.outcome {
        Outcome::Lost => Some("it started; then nothing more was heard of it".into()),
        Outcome::Interrupted => Some("it was stopped".into()),
        Outcome::Crashed => Some("its process died".into()),
        _ => None,
    }
}

// ---- the environment --------------------------------------------------------------------------------------------

fn unavailable(said: &Said) -> Option<String> {
    let reasons = [(502, "bad gateway"), (503, "service unavailable"), (504, "gateway timeout")];
    let met = status(&said.lower);
    let (status, reason) = reasons.into_iter().find(|(status, reason)| match met {
        Some(met) => met == *status,
        None => said.has(reason),
    })?;
    Some(format!("HTTP {status} {reason}"))
}

fn closed_for_a_restart(said: &Said) -> Option<String> {
    let code = close_code(&said.lower).filter(|code| [1006, 1012, 1013].contains(code))?;
    Some(format!("WebSocket closed with {code}{}", close_reason(code)))
}

fn refused(said: &Said) -> Option<String> {
    let refused = said.has_any(&["connection refused", "connectionrefused", "econnrefused", "connect call failed"])
        || said.has_any(&["errno 111", "actively refused", "all connection attempts failed"])
        || said.threw_any(&["ConnectionRefusedError"]);
    refused.then(|| with_host("connection refused", " by ", said))
}

fn unresolved(said: &Said) -> Option<String> {
    let phrases = [
        "name or service not known",
        "nodename nor servname",
        "getaddrinfo",
        "name resolution",
        "no address associated with hostname",
        "failed to lookup address",
    ];
    // In capitals: every `ModuleNotFoundError` holds the small letters.
    let unresolved = said.has_any(&phrases) || said.text.contains("ENOTFOUND");
    unresolved.then(|| "the host's name does not resolve".into())
}

fn unreachable(said: &Said) -> Option<String> {
    let phrases = [
        ("no route to host", "no route to the host"),
        ("network is unreachable", "the network is unreachable"),
        ("connection reset", "the connection was reset"),
        ("econnreset", "the connection was reset"),
        ("certificate verify failed", "the host's certificate is not trusted"),
    ];
    phrases.into_iter().find(|(phrase, _)| said.has(phrase)).map(|(_, what)| what.into())
}

fn unanswered(said: &Said) -> Option<String> {
    const THROWN: [&str; 8] = [
        "ConnectTimeout",
        "ReadTimeout",
        "WriteTimeout",
        "PoolTimeout",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ServerTimeoutError",
        "ConnectionTimeoutError",
    ];
    let phrases =
        ["connection timed out", "connect timeout", "read timed out", "etimedout", "during opening handshake"];
    (said.threw_any(&THROWN) || said.has_any(&phrases)).then(|| with_host("no answer in time", " from ", said))
}

fn with_host(what: &str, link: &str, said: &Said) -> String {
    host(&said.text).map_or_else(|| what.to_owned(), |host| format!("{what}{link}{host}"))
}

// ---- authentication ---------------------------------------------------------------------------------------------

fn not_let_in(said: &Said) -> Option<String> {
    let status = status(&said.lower).filter(|status| [401, 403].contains(status))?;
    Some(format!("HTTP {status}{}", at_the_handshake(said)))
}

fn closed_by_policy(said: &Said) -> Option<String> {
    let code = close_code(&said.lower).filter(|code| *code == 1008)?;
    Some(format!("WebSocket closed with {code}{}", close_reason(code)))
}

/// A service that says so in words; the sentence is kept, because it is mostly the cause.
fn said_not_let_in(said: &Said) -> Option<String> {
    let phrases = [
        "authentication failed",
        "authentication required",
        "not authenticated",
        "invalid token",
        "token expired",
        "token has expired",
        "expired token",
        "signature has expired",
        "invalid credentials",
        "unauthorized",
        "auth_required",
    ];
    let at = phrases.into_iter().find_map(|phrase| said.lower.find(phrase))?;
    let sentence = said.text[at..].split(['\n', '\'', '"', ';']).next().unwrap_or("");
    Some(super::cut(&super::mask(sentence.trim_end_matches(['.', ' '])), 100))
}

fn at_the_handshake(said: &Said) -> &'static str {
    let handshake = said.has_any(&["handshake", "websocket connection", "upgrade"])
        || said.threw_any(&[
            "InvalidStatus",
            "InvalidStatusCode",
            "WSServerHandshakeError",
            "WebSocketBadStatusException",
        ]);
    if handshake { " at the WebSocket handshake" } else { "" }
}

// ---- endpoints --------------------------------------------------------------------------------------------------

fn not_there(said: &Said) -> Option<String> {
    let status = status(&said.lower).filter(|status| [404, 405, 410, 501].contains(status))?;
    let on = match at_the_handshake(said) {
        "" => endpoint(&said.text).map_or(String::new(), |path| format!(" for {path}")),
        handshake => handshake.to_owned(),
    };
    Some(format!("HTTP {status}{on}"))
}

// ---- events -----------------------------------------------------------------------------------------------------

/// `'error' == 'connection_ready'`: the event that was awaited, and the error that came.
fn error_instead(said: &Said) -> Option<String> {
    for (around, is_left) in
        [("'error' == '", true), ("'error' != '", true), ("' == 'error'", false), ("' != 'error'", false)]
    {
        let Some(at) = said.lower.find(around) else { continue };
        let event = if is_left {
            said.lower[at + around.len()..].split('\'').next()
        } else {
            said.lower[..at].rsplit('\'').next()
        };
        if let Some(event) = event.filter(|event| is_event(event)) {
            return Some(format!("an error came instead of {event}"));
        }
    }
    None
}

/// `last event: agent_thinking`
fn stopped_after(said: &Said) -> Option<String> {
    let at = said.lower.find("last event")? + "last event".len();
    let event = words(&said.lower[at..]).find(|word| is_event(word))?;
    Some(format!("the run stops after {event}"))
}

/// `missing: ['tool_executing', 'tool_completed']`
fn events_missing(said: &Said) -> Option<String> {
    let at = said.lower.find("missing")? + "missing".len();
    let line = said.lower[at..].lines().next().unwrap_or("");
    let missing: Vec<&str> = words(line).filter(|word| is_event(word)).take(12).collect();
    let about_events = said.has("event") || missing.iter().any(|word| is_critical(word));
    if missing.is_empty() || !about_events {
        return None;
    }
    // What is missing from some point on to the end is a run that stopped there, however the test put it.
    let first = CRITICAL.iter().position(|kind| missing.contains(&kind.word()));
    let to_the_end = first.is_some_and(|first| CRITICAL[first..].iter().all(|kind| missing.contains(&kind.word())));
    Some(match first.filter(|first| to_the_end && missing.len() == CRITICAL.len() - first) {
        Some(0) => "no agent event came".to_owned(),
        Some(first) => format!("the run stops after {}", CRITICAL[first - 1].word()),
        None => format!("{} never came", missing.join(", ")),
    })
}

/// `never received agent_completed`, `timed out waiting for tool_completed`
fn never_came(said: &Said) -> Option<String> {
    let phrases = [
        "never received",
        "never arrived",
        "never came",
        "not received",
        "did not receive",
        "did not arrive",
        "waiting for",
        "no event",
        "within",
    ];
    let at = phrases.into_iter().find_map(|phrase| said.lower.find(phrase))?;
    let start = said.lower[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = said.lower[start..].lines().next().unwrap_or("");
    let event = words(line).find(|word| is_critical(word))?;
    Some(format!("{event} never came"))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// Events are named in snake case by everything that sends them.
fn is_event(word: &str) -> bool {
    word.contains('_') && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit())
}

fn is_critical(word: &str) -> bool {
    CRITICAL.iter().any(|kind| kind.word() == word)
}

// ---- the test itself --------------------------------------------------------------------------------------------

fn died(said: &Said) -> Option<String> {
    let phrases = ["segmentation fault", "worker crashed", "core dumped", "sigsegv", "sigabrt", "out of memory"];
    phrases.into_iter().find(|phrase| said.has(phrase)).map(str::to_owned)
}

fn took_too_long(said: &Said) -> Option<String> {
    let late = said.outcome == Outcome::TimedOut
        || said.threw_any(&["TimeoutError", "Timeout", "TimeoutExpired", "TimeoutException"])
        || ["timed out", "timeout", "deadline exceeded"]
            .iter()
            .any(|word| said.headline.to_ascii_lowercase().contains(word));
    late.then(String::new)
}

fn asserted(said: &Said) -> Option<String> {
    let asserted = said.threw_any(&["AssertionError", "AssertionFailedError", "ComparisonFailure"])
        || said.headline.starts_with("assert")
        || said.exception.is_none() && said.has_any(&["assert", "expected"]);
    asserted.then(String::new)
}
