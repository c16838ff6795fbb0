//! Deploys by a request, and the place that tells how they go.

use super::Resolver;
use crate::config::platform::{StatusSpec, WebhookSpec};
use crate::config::settings::{DeploySettings, Method, StatusSettings, WebhookSettings};

impl Resolver<'_> {
    pub(super) fn webhook(&mut self, path: &str, deploy: &DeploySettings, settings: &WebhookSettings) -> WebhookSpec {
        if deploy.command.is_some() {
            self.mistake(&format!("{path}.command"), "has no use beside a webhook, whose request starts the deploy")
                .hint("keep one");
        }
        let path = format!("{path}.webhook");
        let url = self.url(&format!("{path}.url"), &settings.url, &["http", "https"]);
        let status = settings.status.as_ref().map(|status| self.status(&format!("{path}.status"), status));
        let token = self.platform_token(&path, &url, settings.token.as_ref());
        if let (Some(status), Some(_)) = (&status, &token) {
            self.no_token_in_the_open(&format!("{path}.status"), &status.url);
        }
        WebhookSpec {
            method: match settings.method {
                Method::Get => "GET",
                Method::Post => "POST",
                Method::Put => "PUT",
            },
            body: settings.body.as_ref().map(|body| self.public_text(&format!("{path}.body"), body)),
            headers: self.headers(&path, &settings.headers),
            token,
            status,
            url,
        }
    }

    fn status(&mut self, path: &str, status: &StatusSettings) -> StatusSpec {
        let url = self.url(&format!("{path}.url"), &status.url, &["http", "https"]);
        match (url.contains("{id}"), &status.id) {
            (true, None) => {
                self.mistake(&format!("{path}.url"), "does not say where the id comes from")
                    .hint("add id = \"/id\": where it stands in the answer to the request");
            }
            (false, Some(_)) if !url.is_empty() => {
                self.mistake(&format!("{path}.id"), "has no use: the URL has no {id} in it");
            }
            _ => {}
        }
        let groups = [
            ("finished", &status.finished),
            ("routed", &status.routed),
            ("failed", &status.failed),
            ("superseded", &status.superseded),
        ];
        if status.finished.is_empty() && status.routed.is_empty() {
            self.mistake(&format!("{path}.finished"), "no word would say that a deploy is done");
        }
        for (later, (group, words)) in groups.iter().enumerate() {
            for (n, word) in words.iter().enumerate() {
                let is_same = |other: &String| other.eq_ignore_ascii_case(word);
                if let Some((earlier, _)) = groups[..later].iter().find(|(_, words)| words.iter().any(is_same)) {
                    self.mistake(&format!("{path}.{group}.{n}"), format!("`{word}` is in `{earlier}` already"));
                }
            }
        }
        let mut pointer = |key: &str, template: &Option<_>| {
            template.as_ref().map(|template| self.pointer(&format!("{path}.{key}"), template))
        };
        StatusSpec {
            id: pointer("id", &status.id),
            revision: pointer("revision", &status.revision),
            message: pointer("message", &status.message),
            state: self.pointer(&format!("{path}.state"), &status.state),
            finished: status.finished.clone(),
            routed: status.routed.clone(),
            failed: status.failed.clone(),
            superseded: status.superseded.clone(),
            url,
        }
    }
}
