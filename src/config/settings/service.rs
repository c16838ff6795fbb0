//! Services as they are written: how they are looked at, and how they are deployed.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    CloudRunSettings, ComposeSettings, GithubSettings, HealthSettings, KubernetesSettings, LogSettings,
    RestartSettings, RollbackSettings, ValueSettings, WebhookSettings,
};
use crate::config::quorum::QuorumSetting;
use crate::config::template::Template;
use crate::config::timespan::Timespan;

/// `[service.NAME]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSettings {
    /// Where it serves; the paths of its probes are appended to it.
    pub url: Template,
    /// How its health is asked.
    pub health: Option<HealthSettings>,
    /// How the revision that serves is asked.
    pub revision: Option<RevisionSettings>,
    /// How a new revision is put in place.
    pub deploy: Option<DeploySettings>,
    /// How it is started anew.
    pub restart: Option<RestartSettings>,
    /// Where its log comes from.
    pub logs: Option<LogSettings>,
    /// Other addresses by which the tests reach it; a new revision has to answer there too, as its revision probe reads
    /// it.
    #[serde(default)]
    pub surfaces: Vec<Template>,
    /// The services without which it does not work.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The files that it is built from, relative to the project: files, or folders with all below them.
    #[serde(default)]
    pub paths: Vec<String>,
    /// A health probe that takes longer finds it degraded.
    pub latency_budget: Option<Timespan>,
    /// How many probes have to find it better before that is believed; unset, one.
    pub healthy_after: Option<QuorumSetting>,
    /// How many probes have to find it worse before that is believed; unset, one.
    pub down_after: Option<QuorumSetting>,
}

/// `[service.NAME.revision.KIND]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RevisionSettings {
    /// A GET request.
    Http(HttpRevisionSettings),
}

/// `[service.NAME.revision.http]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRevisionSettings {
    /// Appended to the URL of the service.
    pub path: Template,
    /// The response header that carries the revision; either this or `pointer`.
    pub header: Option<Template>,
    /// The place in the JSON answer that carries the revision; either this or `header`.
    pub pointer: Option<Template>,
    /// The place in the JSON answer that carries the commit it was built from.
    pub commit: Option<Template>,
    /// How long an answer may take.
    #[serde(default = "probe_timeout")]
    pub timeout: Timespan,
    /// Headers to send.
    #[serde(default)]
    pub headers: BTreeMap<String, ValueSettings>,
}

/// `[service.NAME.deploy]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploySettings {
    /// Puts the next revision in place. Never a shell line: the first word is the program. Some platforms bring their
    /// own.
    pub command: Option<Vec<Template>>,
    /// Variables that the command sees, on top of the console's own environment.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    /// Where it runs, relative to the project.
    pub directory: Option<Template>,
    /// After this long the command is stopped.
    #[serde(default = "deploy_timeout")]
    pub timeout: Timespan,
    /// When the new revision counts as live.
    #[serde(default)]
    pub proof: ProofSettings,
    /// How an earlier revision is brought back.
    pub rollback: Option<RollbackSettings>,
    /// It is Cloud Run that knows how it goes.
    pub cloud_run: Option<CloudRunSettings>,
    /// It is GitHub Actions that deploys, and knows how it goes.
    pub github: Option<GithubSettings>,
    /// It is Kubernetes that knows how it goes.
    pub kubernetes: Option<KubernetesSettings>,
    /// It is docker compose that knows how it goes.
    pub compose: Option<ComposeSettings>,
    /// It is a request that starts it.
    pub webhook: Option<WebhookSettings>,
}

impl DeploySettings {
    /// Whether a platform is asked how it goes.
    pub fn has_platform(&self) -> bool {
        let asked = self.cloud_run.is_some() || self.kubernetes.is_some() || self.github.is_some();
        let knows = self.webhook.as_ref().is_some_and(|webhook| webhook.status.is_some());
        asked || self.compose.is_some() || knows
    }
}

/// `[service.NAME.deploy.proof]`: the revision probe has to agree with itself, on fresh connections.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProofSettings {
    /// How many answers in a row have to show the new revision.
    pub streak: u32,
    /// From one question to the next.
    pub interval: Timespan,
    /// How long to wait for that after the command has ended.
    pub timeout: Timespan,
    /// The rung of proof on which it is live; unset, the highest one that can be shown.
    pub live_at: Option<LiveAt>,
    /// What the revision probe has to show; unset, what the deploy itself names.
    pub expect: Option<Template>,
}

impl Default for ProofSettings {
    fn default() -> Self {
        let (interval, timeout) = (Timespan::from_millis(500), Timespan::from_secs(600));
        Self { streak: 3, interval, timeout, live_at: None, expect: None }
    }
}

/// On which rung of proof a deploy is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveAt {
    /// The platform says that all traffic goes to the new revision.
    ControlPlane,
    /// The service's own URL shows it, often enough in a row.
    DataPlane,
    /// So do its surfaces, and its streams that name a revision.
    EverySurface,
}

pub(super) fn probe_timeout() -> Timespan {
    Timespan::from_secs(3)
}

fn deploy_timeout() -> Timespan {
    Timespan::from_secs(15 * 60)
}
