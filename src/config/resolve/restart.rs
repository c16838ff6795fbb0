//! Restarts: the command, and the proof that it took effect.

use super::Resolver;
use crate::config::project::{ProofSpec, RestartSpec};
use crate::config::settings::{ProofSettings, RestartSettings, ServiceSettings};

impl Resolver<'_> {
    /// A restart is proved as a deploy is, where it is said how that is proved.
    pub(super) fn restart(&mut self, path: &str, service: &ServiceSettings, restart: &RestartSettings) -> RestartSpec {
        let RestartSettings { command, env, directory, timeout } = restart;
        let proof: ProofSettings = service.deploy.as_ref().map(|deploy| deploy.proof.clone()).unwrap_or_default();
        RestartSpec {
            command: self.command(path, "command", command, env, directory.as_ref()),
            timeout: self.wait(&format!("{path}.timeout"), *timeout),
            proof: ProofSpec {
                streak: proof.streak,
                interval: proof.interval.into(),
                timeout: proof.timeout.into(),
                live_at: None,
                expect: None,
            },
        }
    }
}
