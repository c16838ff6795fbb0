//! Services: where they serve, how they are asked, how they are deployed.

use super::{Resolver, url};
use crate::config::project::{
    DeploySpec, HealthSpec, JsonCondition, ProofSpec, RevisionSource, RevisionSpec, ServiceSpec,
};
use crate::config::settings::{
    DeploySettings, HealthSettings, HttpHealthSettings, HttpRevisionSettings, RevisionSettings, ServiceSettings,
};
use crate::config::template::Template;

impl Resolver<'_> {
    pub(super) fn service(&mut self, name: &str, service: &ServiceSettings) -> ServiceSpec {
        let path = format!("service.{name}");
        let url = self.url(&format!("{path}.url"), &service.url, &["http", "https"]);
        if service.deploy.is_some() && service.revision.is_none() {
            self.notice(
                &format!("{path}.deploy"),
                "without a revision probe nobody can see whether a deploy took effect",
            )
            .hint(format!("add [service.{name}.revision.http]"));
        }
        ServiceSpec {
            name: self.name(&path, name),
            health: service
                .health
                .as_ref()
                .map(|HealthSettings::Http(http)| self.health(&format!("{path}.health.http"), &url, http)),
            revision: service
                .revision
                .as_ref()
                .and_then(|RevisionSettings::Http(http)| self.revision(&format!("{path}.revision.http"), &url, http)),
            deploy: service.deploy.as_ref().map(|deploy| self.deploy(&format!("{path}.deploy"), deploy)),
            logs: service.logs.as_ref().map(|logs| self.logs(&format!("{path}.logs"), logs)),
            url,
        }
    }

    /// A checked URL; empty where it could not be made, which has then been said.
    pub(super) fn url(&mut self, path: &str, template: &Template, schemes: &[&str]) -> String {
        let Some(url) = self.public(path, template) else {
            return String::new();
        };
        if let Err(message) = url::check(&url, schemes) {
            self.mistake(path, message).at(template);
        }
        url
    }

    fn probe_url(&mut self, path: &str, base: &str, template: &Template) -> String {
        let Some(appended) = self.public(path, template) else {
            return String::new();
        };
        if !appended.starts_with('/') {
            self.mistake(path, "a path starts with `/`").at(template);
        }
        url::join(base, &appended)
    }

    fn health(&mut self, path: &str, base: &str, http: &HttpHealthSettings) -> HealthSpec {
        for (index, status) in http.status.iter().enumerate() {
            self.range(&format!("{path}.status.{index}"), *status, 100..=599);
        }
        if http.status.is_empty() {
            self.mistake(&format!("{path}.status"), "no status would count as healthy");
        }
        if http.equals.is_some() && http.pointer.is_none() {
            self.mistake(&format!("{path}.equals"), "does not say where to look").hint("add pointer = \"/status\"");
        }
        HealthSpec {
            url: self.probe_url(&format!("{path}.path"), base, &http.path),
            status: http.status.clone(),
            condition: http.pointer.as_ref().map(|pointer| JsonCondition {
                pointer: self.pointer(&format!("{path}.pointer"), pointer),
                equals: http.equals.as_ref().map(|equals| self.text(&format!("{path}.equals"), equals)),
            }),
            interval: self.wait(&format!("{path}.interval"), http.interval),
            timeout: self.wait(&format!("{path}.timeout"), http.timeout),
            headers: self.headers(path, &http.headers),
        }
    }

    fn revision(&mut self, path: &str, base: &str, http: &HttpRevisionSettings) -> Option<RevisionSpec> {
        let url = self.probe_url(&format!("{path}.path"), base, &http.path);
        let source = match (&http.header, &http.pointer) {
            (Some(header), None) => RevisionSource::Header(self.text(&format!("{path}.header"), header)),
            (None, Some(pointer)) => RevisionSource::Pointer(self.pointer(&format!("{path}.pointer"), pointer)),
            (Some(_), Some(_)) => {
                self.mistake(path, "has both `header` and `pointer`: keep one");
                return None;
            }
            (None, None) => {
                self.mistake(path, "does not say where the revision stands")
                    .hint("add header = \"x-revision\" or pointer = \"/revision\"");
                return None;
            }
        };
        Some(RevisionSpec {
            url,
            source,
            timeout: self.wait(&format!("{path}.timeout"), http.timeout),
            headers: self.headers(path, &http.headers),
        })
    }

    fn deploy(&mut self, path: &str, deploy: &DeploySettings) -> DeploySpec {
        let proof = &deploy.proof;
        self.range(&format!("{path}.proof.streak"), proof.streak, 1..=1_000);
        DeploySpec {
            command: self.command(path, "command", &deploy.command, &deploy.env, deploy.directory.as_ref()),
            timeout: self.wait(&format!("{path}.timeout"), deploy.timeout),
            proof: ProofSpec {
                streak: proof.streak,
                interval: self.wait(&format!("{path}.proof.interval"), proof.interval),
                timeout: self.wait(&format!("{path}.proof.timeout"), proof.timeout),
            },
        }
    }
}
