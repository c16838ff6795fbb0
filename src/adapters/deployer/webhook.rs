//! A webhook: one request starts the deploy, and, where there is a place that tells how it goes, that place is asked.
//! What its words mean is configured; a word that nobody explained is progress, and is shown as it is.

use std::time::Duration;

use serde_json::Value;

use super::{Aim, Ask, Deployer, Reply, Request, Told};
use crate::adapters::sanitize;
use crate::config::platform::{StatusSpec, WebhookSpec};
use crate::domain::{PlatformVerdict, Text};

/// How often an answer from before is heard again before it is said that nothing came of the request.
const QUIET_LOOKS: u32 = 15;

/// A webhook during one deploy.
#[derive(Debug)]
pub struct Webhook {
    spec: WebhookSpec,
    /// A word that no other deploy has.
    own_word: String,
    /// What the answer to the request calls it.
    id: Option<String>,
    before: Option<Report>,
    moved: bool,
    quiet: u32,
    named: Option<Text>,
    acted: bool,
}

/// What the place that knows says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Report {
    state: String,
    revision: Option<Text>,
    message: Option<Text>,
}

impl Webhook {
    /// A webhook before its request.
    #[must_use]
    pub fn new(spec: WebhookSpec, aim: Aim) -> Self {
        Self { spec, own_word: aim.id, id: None, before: None, moved: false, quiet: 0, named: None, acted: false }
    }

    fn put_in(&self, text: &str) -> String {
        // Before there is a deploy, people are shown where its word will stand.
        if self.own_word.is_empty() { text.to_owned() } else { text.replace("{suffix}", &self.own_word) }
    }

    fn status_ask(&self) -> Option<Ask> {
        let status = self.spec.status.as_ref()?;
        let url = match &self.id {
            Some(id) => status.url.replace("{id}", &escaped(id)),
            None if status.id.is_some() => return None,
            None => status.url.clone(),
        };
        Some(Ask::Http(Request::get(self.put_in(&url))))
    }

    fn judge(&mut self, status: &StatusSpec, report: Report) -> Vec<Told> {
        let state = sanitize::text(&report.state);
        let is_one_of = |words: &[String]| words.iter().any(|word| word.eq_ignore_ascii_case(report.state.trim()));
        let verdict = if is_one_of(&status.routed) {
            PlatformVerdict::Routed
        } else if is_one_of(&status.finished) {
            PlatformVerdict::Finished
        } else if is_one_of(&status.failed) {
            PlatformVerdict::Failed { reason: state.as_str().into(), serving: None }
        } else if is_one_of(&status.superseded) {
            PlatformVerdict::Superseded { by: "another deploy".into() }
        } else {
            PlatformVerdict::Progressing { stage: state.as_str().into() }
        };
        // Until it has moved, the answer may be about the deploy before this one.
        if !self.moved && self.before.as_ref() == Some(&report) {
            self.quiet += u32::from(self.acted);
            let verdict = if self.quiet < QUIET_LOOKS {
                PlatformVerdict::Progressing { stage: "nothing new yet".into() }
            } else {
                let of = report.revision.map(|revision| format!(" of {revision}")).unwrap_or_default();
                PlatformVerdict::NotServing { why: format!("nothing changed: it says {state}{of} as before").into() }
            };
            return vec![Told::Verdict(verdict, None)];
        }
        self.moved = true;
        let mut told = Vec::new();
        let is_bad = matches!(verdict, PlatformVerdict::Failed { .. } | PlatformVerdict::Superseded { .. });
        if let Some(revision) = report.revision.filter(|revision| !is_bad && self.named.as_ref() != Some(revision))
            && self.before.as_ref().and_then(|before| before.revision.as_ref()) != Some(&revision)
        {
            self.named = Some(revision.clone());
            told.push(Told::Target(revision));
        }
        told.push(Told::Verdict(verdict, report.message));
        told
    }
}

impl Deployer for Webhook {
    fn before(&self) -> Option<Ask> {
        self.spec.status.as_ref().filter(|status| status.id.is_none())?;
        self.status_ask()
    }

    fn remember(&mut self, reply: &Reply) -> Result<(), Text> {
        // Before the first deploy there may be nothing to tell of.
        if reply.status == 404 || reply.status == 204 {
            return Ok(());
        }
        let Some(status) = &self.spec.status else { return Ok(()) };
        self.before = Some(read(status, reply)?);
        Ok(())
    }

    fn start(&self) -> Option<Ask> {
        let body = self.spec.body.as_deref().map(|body| self.put_in(body));
        let url = self.put_in(&self.spec.url);
        Some(Ask::Http(Request { method: self.spec.method, body, ..Request::get(url) }))
    }

    fn started(&mut self, reply: &Reply) -> Result<Vec<Told>, Text> {
        if !(200..300).contains(&reply.status) {
            return Err(reply.complaint());
        }
        let Some(pointer) = self.spec.status.as_ref().and_then(|status| status.id.as_deref()) else {
            return Ok(Vec::new());
        };
        self.id = serde_json::from_str::<Value>(&reply.body).ok().and_then(|answer| text_at(&answer, pointer));
        let unnamed = || {
            let line = format!("the answer has nothing at {pointer}, so that nobody can be asked how the deploy goes");
            vec![Told::Line(line.into())]
        };
        Ok(if self.id.is_none() { unnamed() } else { Vec::new() })
    }

    fn lost(&self) -> bool {
        // Where the place that knows has no id to ask for, it tells whether anything began.
        self.spec.status.as_ref().is_some_and(|status| status.id.is_none())
    }

    fn aim(&mut self, _revision: &str) {
        // No command speaks here.
    }

    fn acted(&mut self) {
        self.acted = true;
    }

    fn next(&self) -> Option<Ask> {
        self.status_ask()
    }

    fn hear(&mut self, reply: &Reply) -> Result<Vec<Told>, Text> {
        let Some(status) = self.spec.status.clone() else { return Ok(Vec::new()) };
        let report = read(&status, reply)?;
        Ok(self.judge(&status, report))
    }

    fn pace(&self) -> Duration {
        Duration::from_secs(2)
    }
}

fn read(status: &StatusSpec, reply: &Reply) -> Result<Report, Text> {
    if !(200..300).contains(&reply.status) {
        return Err(reply.complaint());
    }
    let answer: Value =
        serde_json::from_str(&reply.body).map_err(|error| format!("its answer cannot be read: {error}"))?;
    let state = text_at(&answer, &status.state).ok_or_else(|| format!("its answer has nothing at {}", status.state))?;
    let at = |pointer: &Option<String>| {
        let text = text_at(&answer, pointer.as_deref()?)?;
        Some(Text::from(sanitize::text(&text)))
    };
    Ok(Report { state, revision: at(&status.revision), message: at(&status.message) })
}

/// What stands there, as text; nothing, `null` and empty text are the same to everybody here.
fn text_at(answer: &Value, pointer: &str) -> Option<String> {
    let text = match answer.pointer(pointer)? {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    (!text.trim().is_empty()).then_some(text)
}

/// An id as a part of a URL: what another server calls something is no path of its choosing.
fn escaped(id: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_~".contains(byte);
    id.bytes().map(|byte| if is_plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(url: &str, id: Option<&str>) -> StatusSpec {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        StatusSpec {
            url: url.into(),
            id: id.map(str::to_owned),
            state: "/state".into(),
            revision: Some("/revision".into()),
            message: Some("/message".into()),
            finished: words(&["done"]),
            routed: words(&["live"]),
            failed: words(&["failed"]),
            superseded: words(&["replaced"]),
        }
    }

    fn webhook(status: Option<StatusSpec>) -> Webhook {
        let spec = WebhookSpec {
            url: "https://ci.example/hooks/web".into(),
            method: "POST",
            body: Some("{\"id\":\"{suffix}\"}".into()),
            headers: Vec::new(),
            token: None,
            status,
        };
        Webhook::new(spec, Aim { id: "l1abc".into(), ..Aim::default() })
    }

    fn reply(status: u16, body: &str) -> Reply {
        Reply { status, body: body.to_owned(), ..Reply::default() }
    }

    fn said(webhook: &mut Webhook, body: &str) -> String {
        let told = webhook.hear(&reply(200, body)).expect("reads");
        let words = told.iter().map(|told| match told {
            Told::Verdict(verdict, Some(message)) => format!("{verdict} | {message}"),
            Told::Verdict(verdict, None) => verdict.to_string(),
            Told::Target(target) => format!("target {target}"),
            other => format!("{other:?}"),
        });
        words.collect::<Vec<_>>().join("; ")
    }

    fn url(ask: Option<Ask>) -> String {
        match ask {
            Some(Ask::Http(request)) => request.url,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn without_a_place_that_knows_there_is_nothing_to_ask() {
        let mut hook = webhook(None);
        assert_eq!((hook.before(), hook.lost()), (None, false));
        let Some(Ask::Http(start)) = hook.start() else { panic!("a request starts it") };
        assert_eq!((start.method, start.body.as_deref()), ("POST", Some("{\"id\":\"l1abc\"}")));
        assert_eq!(hook.started(&reply(204, "")), Ok(Vec::new()));
        assert_eq!(hook.next(), None);
        assert!(hook.started(&reply(503, r#"{"message":"busy"}"#)).is_err_and(|why| why.contains("503, busy")));
    }

    #[test]
    fn the_deploy_that_the_answer_names_is_followed() {
        let mut hook = webhook(Some(status("https://ci.example/deploys/{id}", Some("/deploy/id"))));
        assert_eq!((hook.before(), hook.lost()), (None, false));
        hook.started(&reply(202, r#"{"deploy":{"id":"7/../8"}}"#)).expect("taken");
        assert_eq!(url(hook.next()), "https://ci.example/deploys/7%2F%2E%2E%2F8", "an id is no path");
        assert_eq!(said(&mut hook, r#"{"state":"queued","revision":null}"#), "queued");
        let pushing = r#"{"state":"pushing","revision":"r8","message":"2 of 3 layers"}"#;
        assert_eq!(said(&mut hook, pushing), "target r8; pushing | 2 of 3 layers");
        assert_eq!(said(&mut hook, r#"{"state":"Done","revision":"r8"}"#), "it ended well");
        assert_eq!(said(&mut hook, r#"{"state":"live","revision":"r8"}"#), "all traffic goes to it");
        assert_eq!(said(&mut hook, r#"{"state":"replaced"}"#), "superseded by another deploy");
        assert_eq!(said(&mut hook, r#"{"state":"failed","message":"no disk"}"#), "failed | no disk");
        assert!(hook.hear(&reply(200, "{}")).is_err_and(|why| why.contains("nothing at /state")));
        assert!(hook.hear(&reply(502, "<html>")).is_err());
    }

    #[test]
    fn an_answer_without_the_id_is_told_and_leaves_it_to_the_proof() {
        let mut hook = webhook(Some(status("https://ci.example/deploys/{id}", Some("/id"))));
        let told = hook.started(&reply(200, "ok")).expect("taken");
        assert!(matches!(&told[..], [Told::Line(line)] if line.contains("nothing at /id")), "{told:?}");
        assert_eq!(hook.next(), None);
    }

    #[test]
    fn the_success_of_the_deploy_before_is_not_ours() {
        let old = r#"{"state":"done","revision":"r7"}"#;
        let mut hook = webhook(Some(status("https://ci.example/status", None)));
        assert_eq!(url(hook.before()), "https://ci.example/status");
        hook.remember(&reply(200, old)).expect("reads");
        assert!(hook.lost(), "the status tells whether anything began");
        hook.acted();
        assert_eq!(said(&mut hook, old), "nothing new yet");
        assert_eq!(said(&mut hook, r#"{"state":"building","revision":"r7"}"#), "building");
        assert_eq!(said(&mut hook, old), "it ended well", "it has moved since; whether r7 is new is for the proof");

        let mut idle = webhook(Some(status("https://ci.example/status", None)));
        idle.remember(&reply(200, old)).expect("reads");
        idle.acted();
        let last = (0..QUIET_LOOKS).map(|_| said(&mut idle, old)).last();
        assert_eq!(last.as_deref(), Some("nothing changed: it says done of r7 as before"));
        let mut first = webhook(Some(status("https://ci.example/status", None)));
        first.remember(&reply(404, "")).expect("there was none before");
        assert_eq!(said(&mut first, old), "target r7; it ended well");
    }
}
