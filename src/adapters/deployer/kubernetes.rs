//! Kubernetes: a Deployment as `kubectl get -o json` shows it, judged as `kubectl rollout status` does, and its pods,
//! which say why nothing comes of it long before the deadline does.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::{Ask, Deployer, Reply, Told};
use crate::adapters::sanitize;
use crate::config::platform::KubernetesSpec;
use crate::domain::{PlatformVerdict, Text};

/// How often a Deployment that has not moved is looked at after the command ended, before it is said that nothing came.
const QUIET_LOOKS: u32 = 5;
/// What a pod waits for that will not come by waiting.
const FATAL: [&str; 4] = ["ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "CrashLoopBackOff"];
/// The number of a Deployment's template.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// A Deployment during one deploy.
#[derive(Debug)]
pub struct Kubernetes {
    spec: KubernetesSpec,
    before: Option<u64>,
    revision: Option<String>,
    acted: bool,
    quiet: u32,
    /// The labels of the pods that are to be asked for next.
    pods: Option<String>,
    waiting: Option<(Text, bool)>,
}

impl Kubernetes {
    /// A Deployment before a deploy.
    #[must_use]
    pub fn new(spec: KubernetesSpec) -> Self {
        Self { spec, before: None, revision: None, acted: false, quiet: 0, pods: None, waiting: None }
    }

    fn kubectl(&self, words: &[&str]) -> Ask {
        let words = words.iter().map(|word| (*word).to_owned());
        Ask::Run(self.spec.kubectl.iter().cloned().chain(words).collect())
    }

    fn deployment(&self) -> Ask {
        self.kubectl(&["get", "deployment", &self.spec.deployment, "-o", "json"])
    }

    /// The order of the questions is that of `kubectl rollout status`.
    fn judge(&mut self, deployment: &Deployment) -> Vec<Told> {
        let told = |verdict, message: Option<Text>| vec![Told::Verdict(verdict, message)];
        let going = |stage: String| told(PlatformVerdict::Progressing { stage: stage.into() }, None);
        let (status, wanted) = (&deployment.status, deployment.spec.replicas.unwrap_or(1));
        if deployment.metadata.generation <= self.before.unwrap_or(0) {
            self.quiet += u32::from(self.acted);
            if self.quiet > QUIET_LOOKS {
                let why = format!("nothing changed: generation {} as before", deployment.metadata.generation);
                return told(PlatformVerdict::NotServing { why: why.into() }, None);
            }
            return going("no new generation yet".to_owned());
        }
        if deployment.metadata.generation > status.observed_generation {
            return going("waiting for the new spec to be observed".to_owned());
        }
        let revision = deployment.metadata.annotations.get(REVISION);
        let mut news = Vec::new();
        if let Some(revision) = revision {
            match &self.revision {
                Some(ours) if ours != revision => {
                    let by = format!("revision {}", sanitize::text(revision));
                    return told(PlatformVerdict::Superseded { by: by.into() }, None);
                }
                Some(_) => {}
                None => {
                    self.revision = Some(revision.clone());
                    let name = format!("{} revision {}", self.spec.deployment, sanitize::text(revision));
                    news.push(Told::Target(name.into()));
                }
            }
        }
        let old_serve = || (status.available_replicas > 0).then(|| Text::from("the old version"));
        let late = |condition: &&Condition| {
            condition.r#type == "Progressing" && condition.reason.as_deref() == Some("ProgressDeadlineExceeded")
        };
        if let Some(condition) = status.conditions.iter().find(late) {
            let verdict = PlatformVerdict::Failed { reason: "ProgressDeadlineExceeded".into(), serving: old_serve() };
            let message = self.waiting.as_ref().map(|(why, _)| why.clone());
            let own = condition.message.as_deref().map(|message| sanitize::text(message).into());
            news.push(Told::Verdict(verdict, message.or(own)));
            return news;
        }
        let stage = if status.updated_replicas < wanted {
            Some(format!("{} of {wanted} new pods are made", status.updated_replicas))
        } else if status.replicas > status.updated_replicas {
            Some(format!("{} old pods are still to end", status.replicas - status.updated_replicas))
        } else if status.available_replicas < status.updated_replicas {
            Some(format!("{} of {} new pods are available", status.available_replicas, status.updated_replicas))
        } else {
            None
        };
        let Some(stage) = stage else {
            news.push(Told::Verdict(PlatformVerdict::Routed, None));
            return news;
        };
        self.pods = deployment.spec.selector.labels();
        let verdict = match &self.waiting {
            Some((why, true)) => PlatformVerdict::Failed { reason: why.clone(), serving: old_serve() },
            _ => PlatformVerdict::Progressing { stage: stage.into() },
        };
        news.push(Told::Verdict(verdict, self.waiting.as_ref().map(|(why, _)| why.clone())));
        news
    }
}

impl Deployer for Kubernetes {
    fn before(&self) -> Option<Ask> {
        Some(self.deployment())
    }

    fn remember(&mut self, reply: &Reply) -> Result<(), Text> {
        self.before = Some(newest::<Deployment>(reply)?.metadata.generation);
        Ok(())
    }

    fn aim(&mut self, _revision: &str) {
        // A Deployment numbers its revisions itself.
    }

    fn acted(&mut self) {
        self.acted = true;
    }

    fn next(&self) -> Option<Ask> {
        Some(match &self.pods {
            Some(labels) => self.kubectl(&["get", "pods", "-l", labels, "-o", "json"]),
            None => self.deployment(),
        })
    }

    fn hear(&mut self, reply: &Reply) -> Result<Vec<Told>, Text> {
        if self.pods.take().is_some() {
            self.waiting = newest::<Pods>(reply)?.complaint();
            return Ok(Vec::new());
        }
        let deployment = newest::<Deployment>(reply)?;
        Ok(self.judge(&deployment))
    }

    fn pace(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// The last of the objects that `kubectl` printed: a watch prints one after the other, without anything between them.
fn newest<'r, T: Deserialize<'r>>(reply: &'r Reply) -> Result<T, Text> {
    let mut newest = None;
    for object in serde_json::Deserializer::from_str(&reply.body).into_iter::<T>() {
        match object {
            Ok(object) => newest = Some(object),
            // A watch that was cut off ends in the middle of an object.
            Err(error) if error.is_eof() && newest.is_some() => break,
            Err(error) => return Err(format!("what kubectl printed cannot be read: {error}").into()),
        }
    }
    newest.ok_or_else(|| "kubectl printed nothing".into())
}

/// Counters that are zero are left out.
#[derive(Deserialize)]
struct Deployment {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    generation: u64,
    name: String,
    annotations: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    replicas: Option<u32>,
    selector: Selector,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Selector {
    match_labels: BTreeMap<String, String>,
}

impl Selector {
    fn labels(&self) -> Option<String> {
        let labels: Vec<String> = self.match_labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!labels.is_empty()).then(|| labels.join(","))
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    observed_generation: u64,
    replicas: u32,
    updated_replicas: u32,
    available_replicas: u32,
    conditions: Vec<Condition>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Condition {
    r#type: String,
    status: String,
    reason: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Pods {
    #[serde(default)]
    items: Vec<Pod>,
}

#[derive(Deserialize)]
struct Pod {
    metadata: Metadata,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PodStatus {
    conditions: Vec<Condition>,
    container_statuses: Vec<Container>,
    init_container_statuses: Vec<Container>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Container {
    name: String,
    state: ContainerState,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ContainerState {
    waiting: Option<Waiting>,
}

#[derive(Deserialize)]
struct Waiting {
    #[serde(default)]
    reason: String,
    message: Option<String>,
}

impl Pods {
    /// What the new pods wait for, and whether it is of any use to wait with them. A template of which one pod is ready
    /// is no template that cannot start.
    fn complaint(&self) -> Option<(Text, bool)> {
        let hash = |pod: &Pod| pod.metadata.labels.get("pod-template-hash").cloned();
        let is = |pod: &Pod, r#type: &str, status: &str| {
            pod.status.conditions.iter().any(|condition| condition.r#type == r#type && condition.status == status)
        };
        let is_new =
            |pod: &&Pod| !self.items.iter().any(|other| is(other, "Ready", "True") && hash(other) == hash(pod));
        let mut complaints = self.items.iter().filter(is_new).filter_map(|pod| {
            let containers = pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses);
            let waiting = containers.filter_map(|container| Some((container, container.state.waiting.as_ref()?)));
            let mut stuck = waiting.filter(|(_, waiting)| {
                !matches!(waiting.reason.as_str(), "ContainerCreating" | "PodInitializing" | "")
            });
            if let Some((container, waiting)) = stuck.next_back() {
                let message = waiting.message.as_deref().unwrap_or("no message");
                let why = format!("{}/{}: {}: {message}", pod.metadata.name, container.name, waiting.reason);
                return Some((Text::from(sanitize::text(&why)), FATAL.contains(&waiting.reason.as_str())));
            }
            let unschedulable =
                pod.status.conditions.iter().find(|condition| condition.reason.as_deref() == Some("Unschedulable"))?;
            let message = unschedulable.message.as_deref().unwrap_or("no message");
            Some((sanitize::text(&format!("{}: Unschedulable: {message}", pod.metadata.name)).into(), false))
        });
        let first = complaints.next()?;
        Some(if first.1 { first } else { complaints.find(|(_, fatal)| *fatal).unwrap_or(first) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubernetes() -> Kubernetes {
        let spec = KubernetesSpec { kubectl: vec!["kubectl".into()], deployment: "web".into() };
        let mut kubernetes = Kubernetes::new(spec);
        kubernetes
            .remember(&reply(&deployment(4, 4, "7", "\"updatedReplicas\":2,\"replicas\":2,\"availableReplicas\":2")))
            .expect("reads");
        kubernetes
    }

    fn reply(body: &str) -> Reply {
        Reply { body: body.to_owned(), ..Reply::default() }
    }

    fn deployment(generation: u32, observed: u32, revision: &str, counters: &str) -> String {
        format!(
            r#"{{"metadata":{{"name":"web","generation":{generation},"annotations":{{"deployment.kubernetes.io/revision":"{revision}"}}}},
            "spec":{{"replicas":2,"selector":{{"matchLabels":{{"app":"web","tier":"front"}}}}}},
            "status":{{"observedGeneration":{observed},{counters}}}}}"#
        )
    }

    fn said(kubernetes: &mut Kubernetes, body: &str) -> String {
        let told = kubernetes.hear(&reply(body)).expect("reads");
        let words = told.iter().map(|told| match told {
            Told::Verdict(verdict, Some(message)) => format!("{verdict} | {message}"),
            Told::Verdict(verdict, None) => verdict.to_string(),
            Told::Target(target) => format!("target {target}"),
            other => format!("{other:?}"),
        });
        words.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_rollout_in_the_order_of_rollout_status() {
        let mut web = kubernetes();
        assert_eq!(said(&mut web, &deployment(4, 4, "7", "\"replicas\":2")), "no new generation yet");
        web.acted();
        assert_eq!(said(&mut web, &deployment(5, 4, "7", "\"replicas\":2")), "waiting for the new spec to be observed");
        assert_eq!(
            said(&mut web, &deployment(5, 5, "8", "\"replicas\":3,\"updatedReplicas\":1,\"availableReplicas\":2")),
            "target web revision 8; 1 of 2 new pods are made"
        );
        let pods = ["kubectl", "get", "pods", "-l", "app=web,tier=front", "-o", "json"].map(str::to_owned);
        assert_eq!(web.next(), Some(Ask::Run(pods.to_vec())));
        assert_eq!(said(&mut web, r#"{"items":[]}"#), "");
        let ending = deployment(5, 5, "8", "\"replicas\":3,\"updatedReplicas\":2,\"availableReplicas\":3");
        assert_eq!(said(&mut web, &ending), "1 old pods are still to end");
        assert_eq!(said(&mut web, "{}"), "");
        let done = deployment(5, 5, "8", "\"replicas\":2,\"updatedReplicas\":2,\"availableReplicas\":2");
        let watched = format!("{ending}\n{done}{}", &done[..40]);
        assert_eq!(said(&mut web, &watched), "all traffic goes to it", "concatenated objects, the last one cut off");
        let after = deployment(6, 6, "9", "\"replicas\":2,\"updatedReplicas\":2,\"availableReplicas\":2");
        assert_eq!(said(&mut web, &after), "superseded by revision 9");
    }

    #[test]
    fn pods_say_why_before_the_deadline_does() {
        let mut web = kubernetes();
        web.acted();
        let half = deployment(5, 5, "8", "\"replicas\":3,\"updatedReplicas\":2,\"availableReplicas\":1");
        said(&mut web, &half);
        let pods = r#"{"items":[
            {"metadata":{"name":"web-a-1","labels":{"pod-template-hash":"a"}},"status":{"conditions":[{"type":"Ready","status":"True"}]}},
            {"metadata":{"name":"web-b-1","labels":{"pod-template-hash":"b"}},"status":{"containerStatuses":[
                {"name":"web","state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 10s"}}}]}}]}"#;
        said(&mut web, pods);
        let why = "web-b-1/web: CrashLoopBackOff: back-off 10s";
        assert_eq!(said(&mut web, &half), format!("{why}; the old version still serves | {why}"));
    }

    #[test]
    fn a_command_that_changed_nothing_is_found_out() {
        let mut web = kubernetes();
        web.acted();
        let same = deployment(4, 4, "7", "\"replicas\":2");
        let last = (0..6).map(|_| said(&mut web, &same)).last();
        assert_eq!(last.as_deref(), Some("nothing changed: generation 4 as before"));
        assert!(web.hear(&reply("")).is_err() && web.hear(&reply("{\"metadata\":")).is_err());
    }
}
