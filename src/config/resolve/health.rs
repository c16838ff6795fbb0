//! Health probes: what is asked, how often, and how the answers are damped.

use super::{Resolver, url};
use crate::config::project::{HealthProbe, HealthSpec};
use crate::config::settings::{CommandHealthSettings, HealthSettings, ServiceSettings, TcpHealthSettings};
use crate::domain::Damping;

impl Resolver<'_> {
    /// The health probe of a service at `base`.
    pub(super) fn health(&mut self, path: &str, base: &str, service: &ServiceSettings) -> Option<HealthSpec> {
        if service.health.is_none() {
            let useless = [
                ("latency_budget", service.latency_budget.is_some()),
                ("healthy_after", service.healthy_after.is_some()),
                ("down_after", service.down_after.is_some()),
            ];
            for (key, _) in useless.into_iter().filter(|(_, is_given)| *is_given) {
                self.notice(&format!("{path}.{key}"), "has no effect without a health probe")
                    .hint(format!("add [{path}.health.http]"));
            }
        }
        let budget = service.latency_budget.map(|budget| self.wait(&format!("{path}.latency_budget"), budget));
        let settings = service.health.as_ref()?;
        let (kind, interval, timeout) = match settings {
            HealthSettings::Http(http) => ("http", http.interval, http.timeout),
            HealthSettings::Websocket(websocket) => ("websocket", websocket.interval, websocket.timeout),
            HealthSettings::Tcp(tcp) => ("tcp", tcp.interval, tcp.timeout),
            HealthSettings::Command(command) => ("command", command.interval, command.timeout),
        };
        let path = format!("{path}.health.{kind}");
        let probe = match settings {
            HealthSettings::Http(http) => HealthProbe::Http(self.http_probe(&path, base, http)),
            HealthSettings::Websocket(websocket) => {
                HealthProbe::Websocket(self.websocket_probe(&path, base, websocket))
            }
            HealthSettings::Tcp(tcp) => HealthProbe::Tcp { address: self.address(&path, base, tcp) },
            HealthSettings::Command(command) => HealthProbe::Command(self.probe_command(&path, command)),
        };
        Some(HealthSpec {
            probe,
            interval: self.wait(&format!("{path}.interval"), interval),
            timeout: self.wait(&format!("{path}.timeout"), timeout),
            budget,
        })
    }

    /// `host:port`, as given or as the URL of the service has it.
    fn address(&mut self, path: &str, base: &str, tcp: &TcpHealthSettings) -> String {
        let Some(template) = &tcp.address else { return url::address(base).unwrap_or_default() };
        let path = format!("{path}.address");
        let Some(address) = self.public(&path, template) else { return String::new() };
        let is_address = url::check(&format!("tcp://{address}"), &["tcp"]).is_ok();
        if !is_address || url::address(&format!("tcp://{address}")).as_ref() != Some(&address) {
            self.mistake(&path, format!("`{address}` is not an address like \"127.0.0.1:5432\"")).at(template);
        }
        address
    }

    fn probe_command(&mut self, path: &str, settings: &CommandHealthSettings) -> crate::config::project::CommandSpec {
        self.command(path, "command", &settings.command, &settings.env, settings.directory.as_ref())
    }

    /// The services that a table names by `key`, each of which has to exist.
    pub(super) fn service_names(&mut self, path: &str, names: &[String]) -> Vec<String> {
        let services = &self.settings.service;
        for (index, name) in names.iter().enumerate() {
            if !services.contains_key(name) {
                self.mistake(&format!("{path}.{index}"), format!("there is no service `{name}`"))
                    .suggest(name, services.keys())
                    .misses(format!("service.{name}"));
            }
        }
        names.to_vec()
    }

    /// What a service needs: other services, and never in the end itself.
    pub(super) fn needs(&mut self, path: &str, name: &str, service: &ServiceSettings) -> Vec<String> {
        let path = format!("{path}.needs");
        let needs = self.service_names(&path, &service.needs);
        let services = &self.settings.service;
        let needed = |name: &String| services.get(name).map_or(&[][..], |service| &service.value.needs);
        let mut all: Vec<&String> = needs.iter().collect();
        let mut next = 0;
        while let Some(&one) = all.get(next) {
            next += 1;
            let more: Vec<&String> = needed(one).iter().filter(|more| !all.contains(more)).collect();
            all.extend(more);
        }
        if all.iter().any(|one| one.as_str() == name) {
            self.mistake(&path, format!("`{name}` would need itself"));
        }
        needs
    }
}

/// How the probes of a service are damped.
pub(super) fn damping(service: &ServiceSettings) -> Damping {
    let quorum = |setting: Option<crate::config::quorum::QuorumSetting>| setting.unwrap_or_default().0;
    Damping { better: quorum(service.healthy_after), worse: quorum(service.down_after) }
}
