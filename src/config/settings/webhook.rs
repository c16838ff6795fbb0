//! `[service.NAME.deploy.webhook]`: a request that starts a deploy, and who tells how it goes, as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Method, TokenSettings, ValueSettings};
use crate::config::template::Template;

/// `[service.NAME.deploy.webhook]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where the request is sent; `{suffix}` becomes a word that no other deploy has.
    pub url: Template,
    /// How it is sent.
    #[serde(default)]
    pub method: Method,
    /// What is sent, as JSON; `{suffix}` is put in here too.
    pub body: Option<Template>,
    /// Headers of the request and of every question.
    #[serde(default)]
    pub headers: BTreeMap<String, ValueSettings>,
    /// Where the access token comes from.
    pub token: Option<TokenSettings>,
    /// Who tells how it goes; unset, the proof alone decides.
    pub status: Option<StatusSettings>,
}

/// `[service.NAME.deploy.webhook.status]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusSettings {
    /// Where to ask; `{id}` is what stands at `id` in the answer to the request.
    pub url: Template,
    /// Where in the answer to the request the deploy's own name stands (RFC 6901).
    pub id: Option<Template>,
    /// Where the state's word stands.
    #[serde(default = "state")]
    pub state: Template,
    /// Where the revision stands.
    pub revision: Option<Template>,
    /// Where a message for people stands.
    pub message: Option<Template>,
    /// Words that say that it is done. Upper and lower case are the same; a word in no list is progress.
    #[serde(default = "finished")]
    pub finished: Vec<String>,
    /// Words that say that it is done and takes all traffic.
    #[serde(default)]
    pub routed: Vec<String>,
    /// Words that say that it failed.
    #[serde(default = "failed")]
    pub failed: Vec<String>,
    /// Words that say that another deploy came after it.
    #[serde(default = "superseded")]
    pub superseded: Vec<String>,
}

fn state() -> Template {
    "/state".into()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn finished() -> Vec<String> {
    words(&["success", "succeeded", "done", "finished", "completed", "deployed", "ready", "live"])
}

fn failed() -> Vec<String> {
    words(&["failure", "failed", "error", "cancelled", "canceled", "aborted", "timed_out"])
}

fn superseded() -> Vec<String> {
    words(&["superseded", "replaced"])
}
