//! What `liveloop deploy` is asked for, made sure of before a session is opened: which services, in which order, by
//! which commands, and whether the environment allows it.

use serde_json::{Value, json};

use super::args::{DeployArguments, Format};
use crate::adapters::deployer;
use crate::config::project::{Project, ServiceSpec};
use crate::config::settings::EnvironmentKind;
use crate::config::trust::shown;
use crate::domain::{Command, Moment, ServiceId, ServiceSpec as Known, Services};

/// A change that can be asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// What is asked of the session.
    pub(super) command: Command,
    /// What it concerns, in order.
    pub(super) services: Vec<ServiceId>,
    /// For each: its name, and the exact command or request.
    pub(super) steps: Vec<(String, String)>,
}

impl Change {
    /// The change that is meant.
    ///
    /// # Errors
    /// When it cannot be done, and what to do about that.
    pub(super) fn find(project: &Project, arguments: &DeployArguments) -> Result<Self, String> {
        let mut chosen: Vec<ServiceId> = if arguments.all {
            (0..)
                .zip(&project.services)
                .filter(|(_, service)| service.deploy.is_some())
                .map(|(n, _)| ServiceId(n))
                .collect()
        } else {
            arguments.services.iter().map(|name| named(project, name)).collect::<Result<_, _>>()?
        };
        if chosen.is_empty() {
            return Err("no service can be deployed: add [service.NAME.deploy] to liveloop.toml".to_owned());
        }
        if chosen.len() > 1 {
            chosen = in_order(project, &chosen);
        }
        let step = |id: &ServiceId| {
            let service = &project.services[id.index()];
            Ok((service.name.clone(), exact_command(service, arguments)?))
        };
        let steps = chosen.iter().map(step).collect::<Result<_, String>>()?;
        let command = match (chosen.as_slice(), &arguments.to) {
            ([service], None) if arguments.restart => Command::Restart(*service),
            ([service], Some(to)) => Command::RollBack { service: *service, to: to.as_str().into() },
            ([service], None) => Command::Deploy(*service),
            (_, Some(_)) => return Err("--to brings one service back: name that one alone".to_owned()),
            (_, None) if arguments.restart => {
                return Err("--restart restarts one service: name that one alone".to_owned());
            }
            (_, None) => Command::DeployInOrder(chosen.clone()),
        };
        Ok(Self { command, services: chosen, steps })
    }

    /// What would be done, in the words of the format.
    pub(super) fn told(&self, arguments: &DeployArguments) -> Vec<String> {
        let several = self.steps.len() > 1;
        let line = |(service, command): &(String, String)| match arguments.format {
            Format::Human if several => format!("{service}: {command}"),
            Format::Human => command.clone(),
            Format::Json => self.as_json(service, command, arguments).to_string(),
        };
        self.steps.iter().map(line).collect()
    }

    fn as_json(&self, service: &str, command: &str, arguments: &DeployArguments) -> Value {
        json!({"type": "dry_run", "service": service, "to": arguments.to, "command": command})
    }
}

/// Whether the environment allows a change that nobody is asked about. Naming it is the yes that a protected one wants.
///
/// # Errors
/// When it does not, and what to do about that.
pub(super) fn pass(project: &Project, read_only: bool, yes: Option<&String>) -> Result<(), String> {
    let environment = &project.environment;
    let name = &environment.name;
    if read_only {
        return Err("nothing is deployed with --read-only".to_owned());
    }
    match (environment.kind, yes) {
        (EnvironmentKind::Locked, _) => {
            Err(format!("{name} is locked: set another [environment] kind in liveloop.toml to change anything there"))
        }
        (_, Some(other)) if other != name => Err(format!("--yes {other}: this environment is called {name}")),
        (EnvironmentKind::Protected, None) => {
            Err(format!("{name} is protected: say that you mean it with --yes {name}"))
        }
        (EnvironmentKind::Protected, Some(_)) | (EnvironmentKind::Local | EnvironmentKind::Shared, _) => Ok(()),
    }
}

/// The service of that name, where it can be deployed.
///
/// # Errors
/// When there is none, and what to do about that.
pub(super) fn deployable(project: &Project, wanted: &str) -> Result<ServiceId, String> {
    let id = named(project, wanted)?;
    match project.services[id.index()].deploy {
        Some(_) => Ok(id),
        None => Err(format!("{wanted} cannot be deployed: add [service.{wanted}.deploy] to liveloop.toml")),
    }
}

fn named(project: &Project, wanted: &str) -> Result<ServiceId, String> {
    let place = project.services.iter().position(|service| service.name == wanted);
    place.map(|n| ServiceId(n as u32)).ok_or_else(|| {
        let deployable = project.services.iter().filter(|service| service.deploy.is_some());
        let names: Vec<&str> = deployable.map(|service| service.name.as_str()).collect();
        let known = if names.is_empty() { "none can be deployed".to_owned() } else { names.join(", ") };
        format!("there is no service {wanted} in liveloop.toml; {known}")
    })
}

/// The exact command, or the request in its place.
fn exact_command(service: &ServiceSpec, arguments: &DeployArguments) -> Result<String, String> {
    let name = &service.name;
    if arguments.restart {
        let missing = || format!("{name} cannot be restarted: add [service.{name}.restart] to liveloop.toml");
        return service.restart.as_ref().map(|restart| shown(&restart.command)).ok_or_else(missing);
    }
    let Some(spec) = &service.deploy else {
        return Err(format!("{name} cannot be deployed: add [service.{name}.deploy] to liveloop.toml"));
    };
    let Some(to) = &arguments.to else {
        return Ok(spec.command.as_ref().map_or_else(|| deployer::request(spec), shown));
    };
    if let Some(mut rollback) = spec.rollback.clone() {
        rollback.argv.iter_mut().for_each(|word| *word = deployer::put_in(word, to));
        return Ok(shown(&rollback));
    }
    deployer::request_back(spec, to).map(|request| request.to_string()).ok_or_else(|| {
        let table = format!("[service.{name}.deploy.rollback]");
        format!("{name} has no way back: add {table} with a command to liveloop.toml")
    })
}

/// The order that the session will keep to.
fn in_order(project: &Project, services: &[ServiceId]) -> Vec<ServiceId> {
    let known = |service: &ServiceSpec| Known {
        name: service.name.as_str().into(),
        needs: service.needs.iter().map(|name| name.as_str().into()).collect(),
        ..Known::default()
    };
    let known: Vec<Known> = project.services.iter().map(known).collect();
    Services::new(&known, Moment::default()).in_order(services)
}
