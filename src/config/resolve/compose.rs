//! Deploys by docker compose.

use super::Resolver;
use crate::config::platform::ComposeSpec;
use crate::config::settings::{ComposeSettings, DeploySettings};

impl Resolver<'_> {
    pub(super) fn compose(&mut self, name: &str, path: &str, settings: &ComposeSettings) -> ComposeSpec {
        let path = format!("{path}.compose");
        if settings.compose.first().is_none_or(|program| program.text.is_empty()) {
            self.mistake(&format!("{path}.compose"), "names no program");
        }
        ComposeSpec {
            compose: self.public_texts(&format!("{path}.compose"), &settings.compose),
            service: match &settings.service {
                Some(service) => self.public_text(&format!("{path}.service"), service),
                None => name.to_owned(),
            },
        }
    }
}

/// The words of `up` before the options of the person's choice: it waits for what it started to be healthy, and no longer
/// than a deploy may take.
pub(super) fn up(spec: &ComposeSpec, deploy: &DeploySettings) -> Vec<String> {
    let timeout = deploy.timeout.0.as_secs().max(1).to_string();
    let words = ["up", "--detach", "--wait", "--wait-timeout", &timeout].map(str::to_owned);
    spec.compose.iter().cloned().chain(words).collect()
}
