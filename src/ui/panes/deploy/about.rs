//! What surrounds a deploy: where the traffic goes, what serves and what it was built from, and the deploys before it.

use ratatui::layout::Rect;

use super::super::pen::{Line, Pen};
use super::super::service_table::{moment, origin_in_words};
use super::super::services::short_revision;
use crate::domain::{Deploy, PastDeploy, PlatformVerdict, Precedents, State, Text};
use crate::ui::scene::Scene;
use crate::ui::text::{self, watch};
use crate::ui::theme::{Mark, Role};

/// How many earlier deploys are listed.
pub(super) const EARLIER: usize = 5;
/// How wide the column is that says when a deploy was.
const WHEN: u16 = 11;
/// How wide the picture of the traffic is.
const BAR: u16 = 20;

/// Whether the platform has said where the traffic goes.
pub(super) fn has_traffic(deploy: &Deploy) -> bool {
    deploy.platform.as_ref().is_some_and(|said| share(&said.verdict).is_some())
}

/// How much of the traffic goes to the new revision, of a hundred, where the platform's words tell.
fn share(verdict: &PlatformVerdict) -> Option<u8> {
    match verdict {
        PlatformVerdict::Routed => Some(100),
        PlatformVerdict::Split { percent } => Some(*percent),
        PlatformVerdict::NotServing { .. } | PlatformVerdict::Failed { serving: Some(_), .. } => Some(0),
        _ => None,
    }
}

/// `traffic ██████████░░░░░░░░░░ 50 % to 00005, the rest to 00004`.
pub(super) fn draw_traffic(line: &mut Line, name: &str, deploy: &Deploy) {
    let Some(said) = &deploy.platform else { return };
    let Some(percent) = share(&said.verdict) else { return };
    let full = u16::from(percent.min(100)) * BAR / 100;
    let role = if percent == 0 { Role::Bad } else { Role::Good };
    line.put(Role::Muted, "traffic").gap(2).fill(role, "█", full).fill(Role::Faint, "░", BAR - full).gap(2);
    let to = deploy.to.as_deref().map_or("the new revision", |to| short_revision(name, to));
    let serving = match &said.verdict {
        PlatformVerdict::Failed { serving: Some(serving), .. } => Some(serving),
        _ => deploy.from.as_ref(),
    };
    line.fmt(if percent == 0 { Role::Bad } else { Role::Text }, format_args!("{percent} % to {to}"));
    if let Some(serving) = serving.filter(|_| percent < 100) {
        let rest = if percent == 0 { "all" } else { "the rest" };
        line.fmt(Role::Muted, format_args!(", {rest} to {}", short_revision(name, serving)));
    }
}

/// Whether anything is known of where what serves came from.
pub(super) fn has_origin(state: &State, deploy: &Deploy) -> bool {
    let service = state.services.get(deploy.service);
    service.is_some_and(|service| service.built.is_some()) || state.placed(deploy.service).is_some()
}

/// Which revision serves, who put it there and what it was built from.
pub(super) fn draw_origin(line: &mut Line, scene: &Scene, deploy: &Deploy) {
    let Some(service) = scene.state.services.get(deploy.service) else { return };
    line.put(Role::Muted, "serves").gap(2);
    if let Some(revision) = &service.revision {
        line.put(Role::Text, short_revision(&service.spec.name, revision));
    }
    if let Some(placed) = scene.state.placed(deploy.service) {
        match &placed.by {
            Some(by) => line.fmt(Role::Muted, format_args!(" by {by}, {}", moment(placed.at, scene))),
            None => line.fmt(Role::Warning, format_args!(" by somebody else, {}", moment(placed.at, scene))),
        };
    }
    if let Some(built) = &service.built {
        line.put(Role::Muted, " · ").put(Role::Muted, &origin_in_words(built, scene.state));
    }
}

/// The deploys of its service before it, the newest first; without one, those of all services.
fn earlier<'a>(state: &'a State, shown: Option<&Deploy>) -> Vec<(&'a str, &'a PastDeploy)> {
    let services = state.services.iter().filter(|(id, _)| shown.is_none_or(|shown| shown.service == *id));
    let past = services.flat_map(|(id, service)| {
        let precedents = state.deploys.precedents(id).into_iter().flat_map(Precedents::newest);
        let before = precedents.filter(move |past| shown.is_none_or(|shown| past.started < shown.started));
        before.take(EARLIER).map(|past| (&*service.spec.name, past))
    });
    let mut past: Vec<_> = past.collect();
    past.sort_by_key(|(_, past)| std::cmp::Reverse(past.started));
    past.truncate(EARLIER);
    past
}

/// How many earlier deploys there are to list.
pub(crate) fn earlier_rows(state: &State, shown: Option<&Deploy>) -> u16 {
    earlier(state, shown).len() as u16
}

fn short<'a>(name: &str, revision: &'a Option<Text>) -> &'a str {
    revision.as_deref().map_or("?", |revision| short_revision(name, revision))
}

pub(super) fn draw_earlier(pen: &mut Pen, scene: &Scene, area: Rect, shown: Option<&Deploy>) {
    let rows = earlier(scene.state, shown);
    let widest = |width: &dyn Fn(&(&str, &PastDeploy)) -> usize| rows.iter().map(width).max().unwrap_or(0) as u16;
    let names = if shown.is_some() { 0 } else { widest(&|(name, _)| text::width(name)) + 2 };
    let outcomes = widest(&|(_, past)| text::width(&past.how));
    let before = widest(&|(name, past)| text::width(short(name, &past.from)));
    let after = widest(&|(name, past)| text::width(short(name, &past.to)));
    for ((name, past), y) in rows.iter().zip(area.y..area.bottom()) {
        let (role, mark) = match &*past.how {
            _ if past.is_live() => (Role::Good, Mark::Check),
            "cancelled" => (Role::Muted, Mark::Queued),
            _ => (Role::Bad, Mark::Failed),
        };
        let mut line = pen.line(area, y);
        line.mark(role, mark).gap(1).cell(Role::Text, name, names).cell(role, &past.how, outcomes).gap(2);
        line.cell(Role::Muted, short(name, &past.from), before).put(Role::Muted, " → ");
        line.cell(Role::Text, short(name, &past.to), after).gap(1);
        let took = past.took.map_or_else(|| text::Short::new(format_args!("?")), watch);
        line.number(Role::Text, &took, 7).gap(2);
        line.cell(Role::Muted, &moment(past.started, scene), WHEN).gap(2).put(Role::Muted, &past.by);
    }
}
