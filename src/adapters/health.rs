//! What an HTTP answer says of a service: its health, and the revision that gave the answer.

mod condition;

use std::time::Duration;

use serde_json::Value;

use super::{page, sanitize};
use crate::config::probe::HttpAsk;
use crate::config::project::RevisionSource;
use crate::domain::{Exit, Health, Text};

/// How much of a body is read for its words: pages of maintenance begin with their styles.
const READ: usize = 16_000;
/// How many letters of a body's words are kept.
const GIST: usize = 100;

/// An HTTP answer, as far as a probe looks at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// Gives the value of a header by its name in lower case.
    pub header: Option<&'a str>,
    /// The body, cut at a bound.
    pub body: &'a [u8],
}

/// Whether an answer is one of a service that is well, by its status and the conditions on its body.
#[must_use]
pub fn health(statuses: &[u16], ask: &HttpAsk, answer: &Answer) -> Health {
    if !statuses.contains(&answer.status) {
        return refusal(answer.status, answer.body);
    }
    condition::trouble(&ask.conditions, answer.body).map_or(Health::Healthy, |why| Health::Unhealthy(why.into()))
}

fn refusal(status: u16, body: &[u8]) -> Health {
    let said = gist(body);
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    Health::Unhealthy(format!("HTTP {status}{said}").into())
}

/// What several answers say together: the first trouble, with the path that has it. A service that answers anywhere is
/// not out of reach.
#[must_use]
pub fn together(answers: Vec<(&str, Health)>) -> Health {
    let mut troubles = answers.iter().filter_map(|(path, health)| match health {
        Health::Unknown | Health::Healthy => None,
        Health::Degraded(why) | Health::Unhealthy(why) | Health::Unreachable(why) => Some((*path, why)),
    });
    let Some((path, why)) = troubles.next() else { return Health::Healthy };
    if answers.iter().all(|(_, health)| matches!(health, Health::Unreachable(_))) {
        return Health::Unreachable(why.clone());
    }
    let told = if answers.len() > 1 { format!("{path}: {why}").into() } else { why.clone() };
    Health::Unhealthy(match troubles.count() {
        0 => told,
        more => format!("{told}, and {more} more").into(),
    })
}

/// Whether the answer to the opening of a WebSocket is that of a service that is alive.
#[must_use]
pub fn of_opening(statuses: &[u16], status: u16, body: &str) -> Health {
    if statuses.contains(&status) {
        return Health::Healthy;
    }
    match status {
        101 => Health::Unhealthy("HTTP 101: the WebSocket opens, and should not".into()),
        200..=299 => Health::Unhealthy(format!("HTTP {status}: a page, and no WebSocket").into()),
        _ => refusal(status, body.as_bytes()),
    }
}

/// The revision that an answer names, if it names one.
#[must_use]
pub fn revision(source: &RevisionSource, answer: &Answer) -> Option<Text> {
    if !(200..300).contains(&answer.status) {
        return None;
    }
    match source {
        RevisionSource::Header(_) => clean(answer.header?),
        RevisionSource::Pointer(pointer) => pointed_at(pointer, answer),
    }
}

/// What stands at that place of a JSON answer.
#[must_use]
pub fn pointed_at(pointer: &str, answer: &Answer) -> Option<Text> {
    let json = serde_json::from_slice::<Value>(answer.body).ok()?;
    clean(&text_of(json.pointer(pointer).filter(|value| !value.is_null())?))
}

fn clean(found: &str) -> Option<Text> {
    let clean = sanitize::text(found.trim());
    (!clean.is_empty()).then(|| clean.into())
}

/// A value of a JSON answer as a person would write it.
#[must_use]
pub fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The first words of a body: the message of a JSON error, or the text of a page without its tags.
fn gist(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(READ)]);
    let message = serde_json::from_str::<Value>(&text).ok().and_then(|json| {
        ["/message", "/detail", "/error/message", "/error", "/reason", "/status"]
            .iter()
            .find_map(|pointer| json.pointer(pointer)?.as_str().map(str::to_owned))
    });
    let words = message.map_or_else(|| page::words(&text, GIST), |message| page::bounded(&message, GIST));
    sanitize::text(&words)
}

/// An answer that took longer than it should is a degraded service, and the number says how much.
#[must_use]
pub fn within(budget: Option<Duration>, took: Duration, health: Health) -> Health {
    match (health, budget) {
        (Health::Healthy, Some(budget)) if took > budget => {
            Health::Degraded(format!("slow: {}, budget {}", short(took), short(budget)).into())
        }
        (health, _) => health,
    }
}

/// `840 ms`, `1.2 s`.
fn short(time: Duration) -> String {
    match time.as_millis() {
        millis @ ..1_000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// Whether the service is well, by how its command ended and the first line that it printed.
#[must_use]
pub fn of_command(exit: Exit, first_line: Option<&str>) -> Health {
    if exit == Exit::Code(0) {
        return Health::Healthy;
    }
    let said = first_line.map(|line| format!(": {}", page::bounded(line, GIST))).unwrap_or_default();
    Health::Unhealthy(format!("{exit}{said}").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::probe::{JsonCondition, Wanted};

    fn check(condition: Option<(&str, Option<&str>)>, status: u16, body: &str, wanted: Health) {
        let condition = condition.map(|(pointer, equals)| JsonCondition {
            pointer: pointer.into(),
            wanted: equals.map_or(Wanted::Something, |equals| Wanted::OneOf(vec![equals.to_owned()])),
        });
        let ask = HttpAsk { path: "/".into(), url: String::new(), conditions: condition.into_iter().collect() };
        let answer = Answer { status, header: None, body: body.as_bytes() };
        assert_eq!(health(&[200], &ask, &answer), wanted, "{status} {body}");
    }

    #[test]
    fn health_is_status_and_condition() {
        let status = Some(("/status", Some("healthy")));
        check(None, 200, "anything", Health::Healthy);
        check(status, 200, r#"{"status":"healthy"}"#, Health::Healthy);
        check(status, 200, r#"{"status":"degraded"}"#, Health::Unhealthy("/status is degraded".into()));
        check(status, 200, r#"{}"#, Health::Unhealthy("nothing at /status".into()));
        check(status, 200, "<html>", Health::Unhealthy("the answer is no JSON".into()));
        let page = "<html><head><title>503</title></head><h1>Service Unavailable</h1></html>";
        check(None, 503, page, Health::Unhealthy("HTTP 503: Service Unavailable".into()));
        check(None, 503, r#"{"status":"unhealthy","message":"Startup in progress"}"#, {
            Health::Unhealthy("HTTP 503: Startup in progress".into())
        });
    }

    #[test]
    fn every_path_has_to_answer_well_and_the_first_that_does_not_is_named() {
        let (down, gone) = (Health::Unhealthy("HTTP 503".into()), Health::Unreachable("connection refused".into()));
        let together = |answers: &[&Health]| {
            together(["/health", "/ready", "/ws/health"].into_iter().zip(answers.iter().copied().cloned()).collect())
        };
        let (well, unhealthy) = (&Health::Healthy, |why: &str| Health::Unhealthy(why.into()));
        assert_eq!(together(&[well, well]), Health::Healthy);
        assert_eq!(together(&[&down]), down, "a single path goes without saying");
        assert_eq!(together(&[well, &down]), unhealthy("/ready: HTTP 503"));
        assert_eq!(together(&[well, &gone, &down]), unhealthy("/ready: connection refused, and 1 more"));
        assert_eq!(together(&[&gone, &gone]), gone);
    }

    #[test]
    fn a_no_may_count_as_alive_and_a_page_never_does() {
        assert_eq!(of_opening(&[101, 401], 401, "who are you"), Health::Healthy);
        assert_eq!(of_opening(&[101], 401, "who are you"), Health::Unhealthy("HTTP 401: who are you".into()));
        assert!(
            matches!(of_opening(&[101, 401], 200, "<html>"), Health::Unhealthy(why) if why.contains("no WebSocket"))
        );
        assert!(matches!(of_opening(&[401], 101, ""), Health::Unhealthy(_)));
    }

    #[test]
    fn slow_is_degraded_and_says_by_how_much() {
        let (budget, ms) = (Some(Duration::from_millis(500)), Duration::from_millis);
        let degraded = |why: &str| Health::Degraded(why.into());
        assert_eq!(within(budget, ms(500), Health::Healthy), Health::Healthy);
        assert_eq!(within(budget, ms(840), Health::Healthy), degraded("slow: 840 ms, budget 500 ms"));
        assert_eq!(within(budget, ms(1_840), Health::Healthy), degraded("slow: 1.8 s, budget 500 ms"));
        assert_eq!(within(None, ms(9_000), Health::Healthy), Health::Healthy);
        let down = Health::Unhealthy("HTTP 503".into());
        assert_eq!(within(budget, ms(9_000), down.clone()), down, "being slow does not make it serve");
    }

    #[test]
    fn a_command_says_why_in_its_first_line() {
        assert_eq!(of_command(Exit::Code(0), Some("all well")), Health::Healthy);
        assert_eq!(of_command(Exit::Code(2), Some("no  leader")), Health::Unhealthy("exit 2: no leader".into()));
        assert_eq!(of_command(Exit::Code(1), None), Health::Unhealthy("exit 1".into()));
    }

    #[test]
    fn a_revision_is_read_from_header_or_body_of_a_good_answer_alone() {
        let pointer = RevisionSource::Pointer("/revision".into());
        let answer = |status, body: &'static str| Answer { status, header: Some(" r-1 "), body: body.as_bytes() };
        assert_eq!(revision(&RevisionSource::Header("x-revision".into()), &answer(200, "")), Some("r-1".into()));
        assert_eq!(revision(&pointer, &answer(200, r#"{"revision":7}"#)), Some("7".into()));
        assert_eq!(revision(&pointer, &answer(200, r#"{"revision":null}"#)), None);
        assert_eq!(revision(&pointer, &answer(503, r#"{"revision":7}"#)), None);
    }
}
