//! Deploys: the command, the way back, and the platform that knows how it goes.

use super::{Resolver, url};
use crate::config::platform::{CloudRunSpec, PlatformSpec};
use crate::config::project::{CommandSpec, DeploySpec, ProofSpec, TokenSpec};
use crate::config::settings::{CloudRunSettings, DeploySettings, TokenSettings};

impl Resolver<'_> {
    pub(super) fn deploy(&mut self, name: &str, path: &str, deploy: &DeploySettings) -> DeploySpec {
        let proof = &deploy.proof;
        self.range(&format!("{path}.proof.streak"), proof.streak, 1..=1_000);
        let platform = self.platform(name, path, deploy);
        let command = match &deploy.command {
            Some(argv) => Some(self.command(path, "command", argv, &deploy.env, deploy.directory.as_ref())),
            None => self.own_command(path, deploy, platform.as_ref()),
        };
        let rollback = deploy.rollback.as_ref().map(|rollback| {
            let directory = deploy.directory.as_ref();
            self.command(&format!("{path}.rollback"), "command", &rollback.command, &deploy.env, directory)
        });
        DeploySpec {
            command,
            rollback,
            platform,
            timeout: self.wait(&format!("{path}.timeout"), deploy.timeout),
            proof: ProofSpec {
                streak: proof.streak,
                interval: self.wait(&format!("{path}.proof.interval"), proof.interval),
                timeout: self.wait(&format!("{path}.proof.timeout"), proof.timeout),
            },
        }
    }

    fn platform(&mut self, name: &str, path: &str, deploy: &DeploySettings) -> Option<PlatformSpec> {
        let cloud_run = deploy.cloud_run.as_ref().map(|settings| self.cloud_run(name, path, settings));
        cloud_run.map(PlatformSpec::CloudRun)
    }

    fn cloud_run(&mut self, name: &str, path: &str, settings: &CloudRunSettings) -> CloudRunSpec {
        let path = format!("{path}.cloud_run");
        let address = self.url(&format!("{path}.url"), &settings.url, &["http", "https"]);
        CloudRunSpec {
            url: address.trim_end_matches('/').to_owned(),
            project: self.public_text(&format!("{path}.project"), &settings.project),
            region: self.public_text(&format!("{path}.region"), &settings.region),
            service: match &settings.service {
                Some(service) => self.public_text(&format!("{path}.service"), service),
                None => name.to_owned(),
            },
            token: self.platform_token(&path, &address, settings.token.as_ref()),
        }
    }

    /// A token that goes to nobody who could read it on the way.
    fn platform_token(&mut self, path: &str, address: &str, token: Option<&TokenSettings>) -> Option<TokenSpec> {
        let token = token?;
        if url::is_plain_text(address) && !url::is_loopback(address) {
            self.mistake(&format!("{path}.url"), "a token would go over the network unencrypted").hint("use https://");
        }
        Some(self.token(&format!("{path}.token"), token))
    }

    /// What deploys where no command is given: the platform's own tool.
    fn own_command(
        &mut self,
        path: &str,
        deploy: &DeploySettings,
        platform: Option<&PlatformSpec>,
    ) -> Option<CommandSpec> {
        let Some(platform) = platform else {
            self.mistake(path, "does not say how to deploy").hint("add command = [\"./deploy.sh\"]");
            return None;
        };
        let mut argv: Vec<String> = match platform {
            PlatformSpec::CloudRun(spec) => ["gcloud", "run", "deploy", &spec.service, "--project", &spec.project]
                .into_iter()
                .chain(["--region", &spec.region, "--revision-suffix", "{suffix}", "--quiet"])
                .map(str::to_owned)
                .collect(),
        };
        let args = deploy.cloud_run.as_ref().map(|settings| settings.args.clone()).unwrap_or_default();
        argv.extend(self.public_texts(&format!("{path}.cloud_run.args"), &args));
        let env = self.env(&format!("{path}.env"), &deploy.env);
        let directory = deploy.directory.as_ref().map(|directory| self.text(&format!("{path}.directory"), directory));
        Some(CommandSpec { argv, env, directory })
    }
}
