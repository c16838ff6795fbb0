//! Deploys: the command, the way back, and the platform that knows how it goes.

use super::compose::up;
use super::{Resolver, url};
use crate::config::platform::{CloudRunSpec, GithubSpec, KubernetesSpec, PlatformSpec};
use crate::config::project::{CommandSpec, DeploySpec, ProofSpec, TokenSpec};
use crate::config::settings::{CloudRunSettings, DeploySettings, GithubSettings, KubernetesSettings, TokenSettings};

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
                live_at: proof.live_at.map(Into::into),
                expect: proof.expect.as_ref().map(|expect| self.text(&format!("{path}.proof.expect"), expect)),
            },
        }
    }

    fn platform(&mut self, name: &str, path: &str, deploy: &DeploySettings) -> Option<PlatformSpec> {
        let cloud_run = deploy.cloud_run.as_ref().map(|settings| self.cloud_run(name, path, settings));
        let kubernetes = deploy.kubernetes.as_ref().map(|settings| self.kubernetes(name, path, settings));
        let github = deploy.github.as_ref().map(|settings| self.github(path, settings));
        let compose = deploy.compose.as_ref().map(|settings| self.compose(name, path, settings));
        let webhook = deploy.webhook.as_ref().map(|settings| self.webhook(path, deploy, settings));
        let platforms = [
            cloud_run.map(PlatformSpec::CloudRun),
            github.map(PlatformSpec::Github),
            kubernetes.map(PlatformSpec::Kubernetes),
            compose.map(PlatformSpec::Compose),
            webhook.map(PlatformSpec::Webhook),
        ];
        let mut platforms = platforms.into_iter().flatten();
        let platform = platforms.next();
        if let (Some(first), Some(second)) = (&platform, platforms.next()) {
            self.mistake(path, format!("names both {} and {}: keep one", first.name(), second.name()));
        }
        platform
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

    fn github(&mut self, path: &str, settings: &GithubSettings) -> GithubSpec {
        let path = format!("{path}.github");
        let address = self.url(&format!("{path}.url"), &settings.url, &["http", "https"]);
        let repository = self.public_text(&format!("{path}.repository"), &settings.repository);
        if repository.split('/').filter(|part| !part.is_empty()).count() != 2 {
            self.mistake(&format!("{path}.repository"), format!("`{repository}` is not `owner/name`"));
        }
        let inputs = settings.inputs.iter();
        GithubSpec {
            url: address.trim_end_matches('/').to_owned(),
            repository,
            workflow: self.public_text(&format!("{path}.workflow"), &settings.workflow),
            reference: self.public_text(&format!("{path}.ref"), &settings.r#ref),
            inputs: inputs
                .map(|(name, value)| (name.clone(), self.public_text(&format!("{path}.inputs.{name}"), value)))
                .collect(),
            id_input: settings.id_input.clone(),
            token: self.platform_token(&path, &address, settings.token.as_ref()),
        }
    }

    fn kubernetes(&mut self, name: &str, path: &str, settings: &KubernetesSettings) -> KubernetesSpec {
        let path = format!("{path}.kubernetes");
        if settings.kubectl.first().is_none_or(|program| program.text.is_empty()) {
            self.mistake(&format!("{path}.kubectl"), "names no program");
        }
        KubernetesSpec {
            kubectl: self.public_texts(&format!("{path}.kubectl"), &settings.kubectl),
            deployment: match &settings.deployment {
                Some(deployment) => self.public_text(&format!("{path}.deployment"), deployment),
                None => name.to_owned(),
            },
        }
    }

    /// A token that goes to nobody who could read it on the way.
    pub(super) fn platform_token(
        &mut self,
        path: &str,
        address: &str,
        token: Option<&TokenSettings>,
    ) -> Option<TokenSpec> {
        let token = token?;
        self.no_token_in_the_open(path, address);
        Some(self.token(&format!("{path}.token"), token))
    }

    pub(super) fn no_token_in_the_open(&mut self, path: &str, address: &str) {
        if url::is_plain_text(address) && !url::is_loopback(address) {
            self.mistake(&format!("{path}.url"), "a token would go over the network unencrypted").hint("use https://");
        }
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
            // A request starts it.
            PlatformSpec::Github(_) | PlatformSpec::Webhook(_) => return None,
            PlatformSpec::Compose(spec) => up(spec, deploy),
            PlatformSpec::Kubernetes(spec) => {
                let restart = ["rollout".to_owned(), "restart".to_owned(), format!("deployment/{}", spec.deployment)];
                spec.kubectl.iter().cloned().chain(restart).collect()
            }
        };
        let args = deploy.cloud_run.as_ref().map(|settings| settings.args.clone()).unwrap_or_default();
        argv.extend(self.public_texts(&format!("{path}.cloud_run.args"), &args));
        if let (PlatformSpec::Compose(spec), Some(settings)) = (platform, &deploy.compose) {
            argv.extend(self.public_texts(&format!("{path}.compose.args"), &settings.args));
            argv.push(spec.service.clone());
        }
        let env = self.env(&format!("{path}.env"), &deploy.env);
        let directory = deploy.directory.as_ref().map(|directory| self.text(&format!("{path}.directory"), directory));
        Some(CommandSpec { argv, env, directory })
    }
}
