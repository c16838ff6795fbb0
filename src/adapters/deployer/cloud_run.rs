//! Cloud Run: a service as the Admin API v2 describes it, or as `gcloud run services describe` does (v1).

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::{Aim, Ask, Deployer, Reply, Request, Told};
use crate::adapters::sanitize;
use crate::config::platform::CloudRunSpec;
use crate::domain::{PlatformVerdict, Text};

/// How often a service that has not moved is looked at after the command ended, before it is said that nothing came.
const QUIET_LOOKS: u32 = 5;

/// Reasons after which waiting is of no use.
const FATAL: [&str; 9] = [
    "REVISION_FAILED",
    "PROGRESS_DEADLINE_EXCEEDED",
    "CONTAINER_MISSING",
    "CONTAINER_PERMISSION_DENIED",
    "CONTAINER_IMAGE_UNAUTHORIZED",
    "CONTAINER_IMAGE_AUTHORIZATION_ERROR",
    "SECRETS_ACCESS_CHECK_FAILED",
    "VPC_NETWORK_NOT_FOUND",
    "HEALTH_CHECK_CONTAINER_ERROR",
];

/// A service of Cloud Run during one deploy.
#[derive(Debug)]
pub struct CloudRun {
    spec: CloudRunSpec,
    back_to: Option<String>,
    asks_itself: bool,
    target: Option<String>,
    before: Option<View>,
    acted: bool,
    quiet: u32,
}

impl CloudRun {
    /// A service before a deploy.
    #[must_use]
    pub fn new(spec: CloudRunSpec, aim: Aim) -> Self {
        let named = aim.suffix.map(|suffix| format!("{}-{suffix}", spec.service));
        let target = aim.back_to.clone().or(named);
        Self { spec, back_to: aim.back_to, asks_itself: aim.by_request, target, before: None, acted: false, quiet: 0 }
    }

    fn describe(&self) -> Ask {
        let CloudRunSpec { url, project, region, service, .. } = &self.spec;
        Ask::Http(Request::get(format!("{url}/v2/projects/{project}/locations/{region}/services/{service}")))
    }

    fn judge(&mut self, view: &View) -> PlatformVerdict {
        let before = self.before.clone().unwrap_or_default();
        let progressing = |stage: &str| PlatformVerdict::Progressing { stage: stage.into() };
        let moved = view.generation > before.generation;
        if self.back_to.is_none() && !moved {
            return self.wait_for_a_move(view);
        }
        self.learn(view, &before);
        let failed = || PlatformVerdict::Failed { reason: view.why(), serving: view.serving().map(Into::into) };
        if view.is_fatal() && moved {
            return failed();
        }
        if view.reconciling || view.observed != view.generation {
            return progressing(view.stage());
        }
        if view.state == Condition::Failed && self.back_to.is_none() {
            return failed();
        }
        let Some(target) = self.target.clone() else {
            let serving = view.serving().unwrap_or_else(|| "nothing".to_owned());
            return PlatformVerdict::NotServing { why: format!("no new revision was made: {serving} serves").into() };
        };
        if self.back_to.is_none() && view.ready.as_ref() != Some(&target) {
            return match &view.created {
                Some(created) if *created != target => PlatformVerdict::Superseded { by: created.as_str().into() },
                _ => PlatformVerdict::Failed {
                    reason: format!("{target} never became ready").into(),
                    serving: view.serving().map(Into::into),
                },
            };
        }
        match view.share_of(&target) {
            100.. => PlatformVerdict::Routed,
            0 if self.back_to.is_some() && !self.is_tired() => progressing("moving the traffic"),
            0 => {
                let serving = view.serving().unwrap_or_else(|| "nothing".to_owned());
                let pinned = if view.pinned { "the traffic is pinned to" } else { "the traffic goes to" };
                PlatformVerdict::NotServing { why: format!("{pinned} {serving}, not to {target}").into() }
            }
            percent => PlatformVerdict::Split { percent },
        }
    }

    /// The service is as it was. A command that ended well and moved nothing has changed nothing.
    fn wait_for_a_move(&mut self, view: &View) -> PlatformVerdict {
        if self.is_tired() {
            let serving = view.serving().unwrap_or_else(|| "nothing".to_owned());
            let why = format!("nothing changed: generation {} as before, {serving} serves", view.generation);
            return PlatformVerdict::NotServing { why: why.into() };
        }
        PlatformVerdict::Progressing { stage: "no new generation yet".into() }
    }

    fn is_tired(&mut self) -> bool {
        self.quiet += u32::from(self.acted);
        self.quiet > QUIET_LOOKS
    }

    /// Whose name nobody told is the revision that was created since. One that failed may be made again by its name.
    fn learn(&mut self, view: &View, before: &View) {
        if self.target.is_none() && (view.created != before.created || before.state == Condition::Failed) {
            self.target = view.created.clone();
        }
    }
}

impl Deployer for CloudRun {
    fn before(&self) -> Option<Ask> {
        Some(self.describe())
    }

    fn remember(&mut self, reply: &Reply) -> Result<(), Text> {
        // The first deploy of a service makes it.
        let view = if reply.status == 404 { View::default() } else { View::read(reply)? };
        self.before = Some(view);
        Ok(())
    }

    fn back(&self) -> Option<Ask> {
        let CloudRunSpec { url, project, region, service, .. } = &self.spec;
        let to = last(self.back_to.as_ref()?);
        let target = json!({"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": to, "percent": 100});
        Some(Ask::Http(Request {
            method: "PATCH",
            url: format!("{url}/v2/projects/{project}/locations/{region}/services/{service}?updateMask=traffic"),
            headers: Vec::new(),
            body: Some(json!({"traffic": [target]}).to_string()),
            is_log: false,
        }))
    }

    fn start(&self) -> Option<Ask> {
        self.back().filter(|_| self.asks_itself)
    }

    fn started(&mut self, reply: &Reply) -> Result<Vec<Told>, Text> {
        if reply.status >= 300 {
            return Err(reply.complaint());
        }
        let to = self.back_to.as_deref().map_or("it", last);
        Ok(vec![Told::Line(format!("Cloud Run was asked to send all traffic to {to}").into())])
    }

    /// To ask twice for the same traffic would do no harm; to look is enough.
    fn lost(&self) -> bool {
        true
    }

    fn aim(&mut self, revision: &str) {
        self.target = Some(last(revision).to_owned());
    }

    fn acted(&mut self) {
        self.acted = true;
    }

    fn next(&self) -> Option<Ask> {
        Some(self.describe())
    }

    fn hear(&mut self, reply: &Reply) -> Result<Vec<Told>, Text> {
        let view = View::read(reply)?;
        let known = self.target.clone();
        let verdict = self.judge(&view);
        // Before the service has moved, its message is about the deploy before this one.
        let is_ours = self.before.as_ref().is_none_or(|before| view.generation > before.generation);
        let target = self.target.clone().filter(|_| self.target != known).map(|target| Told::Target(target.into()));
        Ok(target
            .into_iter()
            .chain([Told::Verdict(verdict, view.message.filter(|_| is_ours).map(Into::into))])
            .collect())
    }

    fn pace(&self) -> Duration {
        Duration::from_millis(if self.spec.url.contains("://127.0.0.1") { 300 } else { 2_000 })
    }
}

/// How a condition stands, in both dialects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Condition {
    #[default]
    Pending,
    Failed,
    Succeeded,
}

/// What both dialects say.
#[derive(Debug, Clone, Default)]
struct View {
    generation: u64,
    observed: u64,
    reconciling: bool,
    created: Option<String>,
    ready: Option<String>,
    state: Condition,
    reasons: Vec<String>,
    message: Option<String>,
    waits_for_routes: bool,
    pinned: bool,
    /// The share of each revision, in the *status*: what is, not what is asked for.
    traffic: Vec<(String, u8)>,
}

impl View {
    fn read(reply: &Reply) -> Result<Self, Text> {
        if reply.status != 200 {
            return Err(reply.complaint());
        }
        let unreadable = |error: serde_json::Error| -> Text { format!("its answer cannot be read: {error}").into() };
        match serde_json::from_str(&reply.body).map_err(unreadable)? {
            Dialect::V1(service) => Ok(service.into()),
            Dialect::V2(service) => Ok((*service).into()),
        }
    }

    fn stage(&self) -> &'static str {
        if self.waits_for_routes { "moving the traffic" } else { "creating the revision" }
    }

    fn is_fatal(&self) -> bool {
        self.reasons.iter().any(|reason| FATAL.contains(&reason.as_str()) || reason.starts_with("ENCRYPTION_KEY_"))
    }

    fn why(&self) -> Text {
        let word = self.reasons.first().cloned().or_else(|| self.message.clone());
        word.unwrap_or_else(|| "it gave no reason".to_owned()).into()
    }

    /// Who serves, by falling share.
    fn serving(&self) -> Option<String> {
        let mut shares: Vec<_> = self.traffic.iter().filter(|(_, percent)| *percent > 0).collect();
        shares.sort_by_key(|(_, percent)| std::cmp::Reverse(*percent));
        let words = shares.iter().map(|(revision, percent)| match percent {
            100.. => revision.clone(),
            percent => format!("{revision} ({percent} %)"),
        });
        Some(words.collect::<Vec<_>>().join(", ")).filter(|words| !words.is_empty())
    }

    fn share_of(&self, revision: &str) -> u8 {
        let shares = self.traffic.iter().filter(|(name, _)| name == revision);
        shares.fold(0, |sum, (_, percent)| sum.saturating_add(*percent))
    }
}

/// Revisions have long and short names; only the last part tells them apart.
fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn clean(text: Option<String>) -> Option<String> {
    text.map(|text| sanitize::text(last(&text)).to_string()).filter(|text| !text.is_empty())
}

/// v1 has its facts in `status`; v2 has them at the top.
#[derive(Deserialize)]
#[serde(untagged)]
enum Dialect {
    V1(V1),
    V2(Box<V2>),
}

/// 64-bit numbers are text in v2.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Number {
    Whole(u64),
    Text(String),
    #[default]
    Nothing,
}

impl Number {
    fn value(&self) -> u64 {
        match self {
            Self::Whole(number) => *number,
            Self::Text(text) => text.parse().unwrap_or(0),
            Self::Nothing => 0,
        }
    }
}

/// Default values are left out of every answer.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct V2 {
    generation: Number,
    observed_generation: Number,
    reconciling: bool,
    latest_created_revision: Option<String>,
    latest_ready_revision: Option<String>,
    terminal_condition: Option<V2Condition>,
    conditions: Vec<V2Condition>,
    traffic: Vec<V2Traffic>,
    traffic_statuses: Vec<V2Traffic>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct V2Condition {
    r#type: String,
    state: String,
    severity: String,
    reason: Option<String>,
    revision_reason: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct V2Traffic {
    r#type: String,
    revision: Option<String>,
    percent: u8,
}

impl From<V2> for View {
    fn from(service: V2) -> Self {
        let is_heavy = |condition: &&V2Condition| !matches!(condition.severity.as_str(), "WARNING" | "INFO");
        let conditions = || service.terminal_condition.iter().chain(&service.conditions).filter(is_heavy);
        let of_type = |wanted: &str| service.conditions.iter().find(|condition| condition.r#type == wanted);
        let is_done = |condition: &V2Condition| condition.state == "CONDITION_SUCCEEDED";
        let terminal = service.terminal_condition.as_ref();
        Self {
            generation: service.generation.value(),
            observed: service.observed_generation.value(),
            reconciling: service.reconciling,
            state: match terminal.map(|condition| condition.state.as_str()) {
                Some("CONDITION_FAILED") => Condition::Failed,
                Some("CONDITION_SUCCEEDED") => Condition::Succeeded,
                _ => Condition::Pending,
            },
            reasons: conditions()
                .flat_map(|condition| [condition.reason.clone(), condition.revision_reason.clone()])
                .flatten()
                .collect(),
            message: conditions()
                .find_map(|condition| condition.message.as_deref().filter(|message| !message.is_empty()))
                .map(|message| sanitize::text(message).to_string()),
            waits_for_routes: of_type("ConfigurationsReady").is_some_and(is_done)
                && !of_type("RoutesReady").is_some_and(is_done),
            pinned: !service.traffic.is_empty()
                && service.traffic.iter().all(|target| !target.r#type.ends_with("LATEST")),
            traffic: service
                .traffic_statuses
                .into_iter()
                .filter_map(|target| Some((clean(target.revision)?, target.percent)))
                .collect(),
            created: clean(service.latest_created_revision),
            ready: clean(service.latest_ready_revision),
        }
    }
}

#[derive(Deserialize)]
struct V1 {
    #[serde(default)]
    metadata: V1Metadata,
    #[serde(default)]
    spec: V1Traffics,
    status: V1Status,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct V1Metadata {
    generation: Number,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct V1Traffics {
    traffic: Vec<V1Traffic>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct V1Status {
    observed_generation: Number,
    latest_created_revision_name: Option<String>,
    latest_ready_revision_name: Option<String>,
    conditions: Vec<V1Condition>,
    traffic: Vec<V1Traffic>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct V1Condition {
    r#type: String,
    status: String,
    reason: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct V1Traffic {
    revision_name: Option<String>,
    percent: u8,
    latest_revision: bool,
}

impl From<V1> for View {
    fn from(service: V1) -> Self {
        let of_type = |wanted: &str| service.status.conditions.iter().find(|condition| condition.r#type == wanted);
        let is_done = |condition: &V1Condition| condition.status == "True";
        let ready = of_type("Ready");
        let state = match ready.map(|condition| condition.status.as_str()) {
            Some("True") => Condition::Succeeded,
            Some("False") => Condition::Failed,
            _ => Condition::Pending,
        };
        let targets = &service.spec.traffic;
        Self {
            generation: service.metadata.generation.value(),
            observed: service.status.observed_generation.value(),
            reconciling: state == Condition::Pending,
            state,
            reasons: ready.and_then(|condition| condition.reason.clone()).into_iter().collect(),
            message: ready
                .and_then(|condition| condition.message.as_deref())
                .map(|message| sanitize::text(message).to_string()),
            waits_for_routes: of_type("ConfigurationsReady").is_some_and(is_done)
                && !of_type("RoutesReady").is_some_and(is_done),
            pinned: !targets.is_empty() && targets.iter().all(|target| !target.latest_revision),
            traffic: service
                .status
                .traffic
                .into_iter()
                .filter_map(|target| Some((clean(target.revision_name)?, target.percent)))
                .collect(),
            created: clean(service.status.latest_created_revision_name),
            ready: clean(service.status.latest_ready_revision_name),
        }
    }
}

#[cfg(test)]
mod tests;
