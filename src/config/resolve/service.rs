//! Services: where they serve, how they are asked, how they are deployed.

use super::health::damping;
use super::{Resolver, url};
use crate::config::project::{RevisionSource, RevisionSpec, ServiceSpec};
use crate::config::settings::{HttpRevisionSettings, RevisionSettings, ServiceSettings};
use crate::config::template::Template;

impl Resolver<'_> {
    pub(super) fn service(&mut self, name: &str, service: &ServiceSettings) -> ServiceSpec {
        let path = format!("service.{name}");
        let url = self.url(&format!("{path}.url"), &service.url, &["http", "https"]);
        if service.deploy.as_ref().is_some_and(|deploy| !deploy.has_platform()) && service.revision.is_none() {
            self.notice(
                &format!("{path}.deploy"),
                "without a revision probe nobody can see whether a deploy took effect",
            )
            .hint(format!("add [service.{name}.revision.http]"));
        }
        ServiceSpec {
            name: self.name(&path, name),
            health: self.health(&path, &url, service),
            revision: service
                .revision
                .as_ref()
                .and_then(|RevisionSettings::Http(http)| self.revision(&format!("{path}.revision.http"), &url, http)),
            deploy: service.deploy.as_ref().map(|deploy| self.deploy(name, &format!("{path}.deploy"), deploy)),
            surfaces: self.surfaces(name, &path, service),
            restart: service.restart.as_ref().map(|restart| self.restart(&format!("{path}.restart"), service, restart)),
            needs: self.needs(&path, name, service),
            damping: damping(service),
            paths: service.paths.clone(),
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

    pub(super) fn probe_url(&mut self, path: &str, base: &str, template: &Template) -> String {
        let Some(appended) = self.public(path, template) else {
            return String::new();
        };
        if !appended.starts_with('/') {
            self.mistake(path, "a path starts with `/`").at(template);
        }
        url::join(base, &appended)
    }

    fn revision(&mut self, path: &str, base: &str, http: &HttpRevisionSettings) -> Option<RevisionSpec> {
        let url = self.probe_url(&format!("{path}.path"), base, &http.path);
        let source = self.revision_source(path, http.header.as_ref(), http.pointer.as_ref())?;
        Some(RevisionSpec {
            url,
            source,
            commit: http.commit.as_ref().map(|pointer| self.pointer(&format!("{path}.commit"), pointer)),
            timeout: self.wait(&format!("{path}.timeout"), http.timeout),
            headers: self.headers(path, &http.headers),
        })
    }

    /// Where in an answer the revision stands.
    pub(super) fn revision_source(
        &mut self,
        path: &str,
        header: Option<&Template>,
        pointer: Option<&Template>,
    ) -> Option<RevisionSource> {
        match (header, pointer) {
            (Some(header), None) => Some(RevisionSource::Header(self.text(&format!("{path}.header"), header))),
            (None, Some(pointer)) => Some(RevisionSource::Pointer(self.pointer(&format!("{path}.pointer"), pointer))),
            (Some(_), Some(_)) => {
                self.mistake(path, "has both `header` and `pointer`: keep one");
                None
            }
            (None, None) => {
                self.mistake(path, "does not say where the revision stands")
                    .hint("add header = \"x-revision\" or pointer = \"/revision\"");
                None
            }
        }
    }
}
