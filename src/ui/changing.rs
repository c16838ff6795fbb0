//! What of the environment a person wants to change: which services are deployed, which revision is brought back, what
//! is restarted. Whether they may is the gate's business.

use super::gate;
use super::text::{Short, time_of_day};
use super::update::{About, Wish};
use super::view::{Choice, Chosen, Overlay, ViewState};
use crate::domain::{Command, Earlier, Health, Link, Moment, ServiceId, State, Tone};

/// Asks which service, where there are several, and then whether really.
pub(super) fn deploy(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let state = about.state;
    if gate::is_refused(view, &Command::DeployInOrder(Vec::new()), about) {
        return Vec::new();
    }
    let services = deployable(state);
    let free: Vec<ServiceId> = services.iter().copied().filter(|id| state.deploys.active(*id).is_none()).collect();
    match services[..] {
        [] => view.note(Tone::Warning, "no service has a deploy command: configure one to deploy from here", about.now),
        [only] => return ask_deploy(view, only, about),
        _ if free.is_empty() => view.note(Tone::Warning, "every service is being deployed already", about.now),
        _ => {
            let row = |id: &ServiceId| Some((service_row(state, *id)?, Chosen::Command(Command::Deploy(*id))));
            let rows = free.iter().filter_map(row).chain(groups(state, &free)).collect();
            let chosen = sensible(state).and_then(|id| free.iter().position(|known| *known == id)).unwrap_or(0);
            view.overlay = Some(Overlay::Choice(Choice { title: "deploy".into(), rows, chosen }));
        }
    }
    Vec::new()
}

/// The same for whatever else begins with the deploy of one service.
pub(super) fn choose_service(
    view: &mut ViewState,
    about: &About,
    title: &str,
    command: impl Fn(ServiceId) -> Command,
) -> Vec<Wish> {
    let state = about.state;
    let services = deployable(state);
    let free: Vec<ServiceId> = services.iter().copied().filter(|id| state.deploys.active(*id).is_none()).collect();
    match (services.as_slice(), free.as_slice()) {
        ([], _) => {
            view.note(Tone::Warning, "no service has a deploy command: configure one to deploy from here", about.now);
        }
        (_, []) => view.note(Tone::Warning, "it is being deployed already: X cancels that", about.now),
        ([_], [only]) => return gate::pass(view, command(*only), about),
        _ if gate::is_refused(view, &command(free[0]), about) => {}
        _ => {
            let row = |id: &ServiceId| Some((service_row(state, *id)?, Chosen::Command(command(*id))));
            let chosen = sensible(state).and_then(|id| free.iter().position(|known| *known == id)).unwrap_or(0);
            let rows = free.iter().filter_map(row).collect();
            view.overlay = Some(Overlay::Choice(Choice { title: title.into(), rows, chosen }));
        }
    }
    Vec::new()
}

/// Several at once: a service after those that it needs, and all.
fn groups(state: &State, free: &[ServiceId]) -> Vec<(String, Chosen)> {
    let group = |label: String, ids: Vec<ServiceId>| {
        let order = gate::names(state, &state.services.in_order(&ids)).join(", then ");
        (format!("{label}: {order}"), Chosen::Command(Command::DeployInOrder(ids)))
    };
    let with_needs = |id: &ServiceId| {
        let mut ids = state.services.with_needs(vec![*id]);
        ids.retain(|id| free.contains(id));
        let name = &state.services.get(*id)?.spec.name;
        (ids.len() > 1 && ids.len() < free.len()).then(|| group(format!("{name} with what it needs"), ids))
    };
    let all = (free.len() > 1).then(|| group(format!("all {}", free.len()), free.to_vec()));
    free.iter().filter_map(with_needs).chain(all).collect()
}

/// Asks whether really.
pub(super) fn ask_deploy(view: &mut ViewState, service: ServiceId, about: &About) -> Vec<Wish> {
    if about.state.deploys.active(service).is_some() {
        view.note(Tone::Warning, "it is being deployed already: X cancels that", about.now);
        return Vec::new();
    }
    gate::pass(view, Command::Deploy(service), about)
}

/// Asks which earlier revision of which service is to serve again.
pub(super) fn roll_back(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let state = about.state;
    let to = "".into();
    if gate::is_refused(view, &Command::RollBack { service: ServiceId(0), to }, about) {
        return Vec::new();
    }
    let has_way = |id: &ServiceId| {
        let deploy = state.services.get(*id).and_then(|service| service.spec.deploy.as_ref());
        deploy.is_some_and(|deploy| !deploy.rollback.is_empty())
    };
    let mut services: Vec<ServiceId> = deployable(state).into_iter().filter(has_way).collect();
    if services.is_empty() {
        let text = "no service has a way back: configure [service.NAME.deploy.rollback]";
        view.note(Tone::Warning, text, about.now);
        return Vec::new();
    }
    let offset = view.utc_offset;
    // What was deployed last is what one wants to be rid of.
    let last = state.deploys.iter().next_back().map(|(_, deploy)| deploy.service);
    services.sort_by_key(|id| Some(*id) != last);
    let rows: Vec<(String, Chosen)> = services
        .into_iter()
        .filter(|id| state.deploys.active(*id).is_none())
        .flat_map(|service| state.earlier_revisions(service).into_iter().map(move |earlier| (service, earlier)))
        .map(|(service, earlier)| {
            let label = earlier_row(state, service, &earlier, about.now, offset);
            (label, Chosen::Command(Command::RollBack { service, to: earlier.revision }))
        })
        .collect();
    if rows.is_empty() {
        let text = "no earlier revision is known yet: `liveloop deploy SERVICE --to REVISION` takes any";
        view.note(Tone::Warning, text, about.now);
        return Vec::new();
    }
    view.overlay = Some(Overlay::Choice(Choice { title: "bring back".into(), rows, chosen: 0 }));
    Vec::new()
}

/// Asks which service is to be started anew.
pub(super) fn restart(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let state = about.state;
    if gate::is_refused(view, &Command::Restart(ServiceId(0)), about) {
        return Vec::new();
    }
    let can = state.services.iter().filter(|(_, service)| service.spec.restart.is_some());
    let free: Vec<ServiceId> = can.map(|(id, _)| id).filter(|id| state.deploys.active(*id).is_none()).collect();
    match free[..] {
        [] if state.services.iter().any(|(_, service)| service.spec.restart.is_some()) => {
            view.note(Tone::Warning, "every service that can be restarted is being changed already", about.now);
        }
        [] => {
            let text = "no service has a restart command: configure [service.NAME.restart]";
            view.note(Tone::Warning, text, about.now);
        }
        [only] => return gate::pass(view, Command::Restart(only), about),
        _ => {
            let row = |id: &ServiceId| Some((service_row(state, *id)?, Chosen::Command(Command::Restart(*id))));
            let rows = free.iter().filter_map(row).collect();
            let chosen = sensible(state).and_then(|id| free.iter().position(|known| *known == id)).unwrap_or(0);
            view.overlay = Some(Overlay::Choice(Choice { title: "restart".into(), rows, chosen }));
        }
    }
    Vec::new()
}

/// The services that have a deploy command.
#[must_use]
pub fn deployable(state: &State) -> Vec<ServiceId> {
    state.services.iter().filter(|(_, service)| service.spec.deploy.is_some()).map(|(id, _)| id).collect()
}

/// The services that were named one by one, or all of them.
pub(super) fn typed(state: &State, names: &str) -> Option<Command> {
    let ids: Vec<ServiceId> = match names.trim() {
        "all" => deployable(state),
        names => names.split_whitespace().map(|name| state.services.named(name)).collect::<Option<_>>()?,
    };
    match ids[..] {
        [] => None,
        [only] => Some(Command::Deploy(only)),
        _ => Some(Command::DeployInOrder(ids)),
    }
}

/// The service that most probably needs a deploy: one that is not well, one whose stream is refused, or the last that
/// was deployed.
fn sensible(state: &State) -> Option<ServiceId> {
    let unwell = state.services.iter().find(|(_, service)| {
        service.spec.deploy.is_some() && matches!(service.health, Health::Unhealthy(_) | Health::Unreachable(_))
    });
    let refused = state.streams.iter().find(|(_, stream)| {
        stream.refusal.is_some() || matches!(stream.link, Link::Stopped { .. } | Link::Waiting { .. })
    });
    let behind = refused.and_then(|(_, stream)| state.services.named(stream.spec.service.as_ref()?));
    let last = state.deploys.iter().next_back().map(|(_, deploy)| deploy.service);
    unwell.map(|(id, _)| id).or(behind).or(last)
}

fn service_row(state: &State, id: ServiceId) -> Option<String> {
    let service = state.services.get(id)?;
    let revision = service.revision.as_deref().unwrap_or("revision unknown");
    let health = match &service.health {
        Health::Healthy | Health::Unknown => String::new(),
        Health::Degraded(why) => format!("  degraded: {why}"),
        Health::Unhealthy(why) => format!("  not healthy: {why}"),
        Health::Unreachable(why) => format!("  does not answer: {why}"),
    };
    Some(format!("{:<width$}  {revision}{health}", service.spec.name, width = widest_name(state)))
}

fn earlier_row(state: &State, service: ServiceId, earlier: &Earlier, now: Moment, offset: i32) -> String {
    let name = state.services.get(service).map_or("", |service| &service.spec.name);
    let when = match (earlier.live, &earlier.by) {
        (Some(at), Some(by)) => format!("went live {} by {by}", when(at, now, offset)),
        (Some(at), None) => format!("went live {}", when(at, now, offset)),
        (None, _) if earlier.recalled => "in an earlier session".to_owned(),
        (None, _) => "served earlier in this session".to_owned(),
    };
    format!("{name:<width$}  {}  {when}", earlier.revision, width = widest_name(state))
}

/// How wide the column of names is.
fn widest_name(state: &State) -> usize {
    state.services.iter().map(|(_, service)| service.spec.name.chars().count()).max().unwrap_or(0)
}

/// A time of day, with how many days ago that was.
fn when(at: Moment, now: Moment, offset: i32) -> Short {
    match now.since(at).0 / 86_400_000_000 {
        0 => Short::new(format_args!("at {}", time_of_day(at, offset))),
        1 => Short::new(format_args!("1 day ago")),
        days => Short::new(format_args!("{days} days ago")),
    }
}
