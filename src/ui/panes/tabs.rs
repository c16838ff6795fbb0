//! The names of the panes, where only one is shown at a time: each with what is new in it.

use super::pen::Pen;
use crate::domain::{CRITICAL, DeployPhase, Link, State};
use crate::ui::regions::{Regions, chosen_agent_run};
use crate::ui::scene::Scene;
use crate::ui::text::{Short, count, watch};
use crate::ui::theme::Role;
use crate::ui::view::Pane;

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    for (n, (pane, area)) in Pane::ALL.into_iter().zip(regions.tab).enumerate() {
        let (role, news) = news_of(pane, scene);
        let chosen = scene.view.focus == pane;
        let label = Short::new(format_args!(" {} {} ", n + 1, pane.word()));
        let mut line = pen.line(area, area.y);
        line.put(if chosen { Role::Chosen } else { Role::Muted }, &label).put(role, &news);
    }
    if regions.cramped {
        let area = regions.tabs;
        let last = regions.tab[Pane::ALL.len() - 1].right();
        let rest = ratatui::layout::Rect { x: last, width: area.right().saturating_sub(last), ..area };
        pen.line(rest, area.y).end_gap(1).end(Role::Muted, "made for 80×24");
    }
}

fn news_of(pane: Pane, scene: &Scene) -> (Role, Short) {
    let state = scene.state;
    let nothing = (Role::Muted, Short::new(format_args!("")));
    match pane {
        Pane::Tests => match state.inventory.tally().failures() {
            0 => match state.inventory.tally().concerns() {
                0 => nothing,
                spoilt => {
                    let mark = scene.theme.mark(crate::ui::theme::Mark::Environment);
                    (Role::Environment, Short::new(format_args!("{mark} {spoilt}")))
                }
            },
            failures => {
                (Role::Bad, Short::new(format_args!("{} {failures}", scene.theme.mark(crate::ui::theme::Mark::Failed))))
            }
        },
        Pane::Agents => match chosen_agent_run(state, scene.view).and_then(|id| state.agents.run(id)) {
            None if has_lost_stream(state) => {
                (Role::Bad, Short::new(format_args!("{}", scene.theme.mark(crate::ui::theme::Mark::Failed))))
            }
            None => nothing,
            Some(run) => (super::agents::role_of(run), Short::new(format_args!("{}/{}", run.seen(), CRITICAL.len()))),
        },
        Pane::Deploys if state.fix_to_show().is_some_and(|(_, fix)| fix.end.is_none()) => {
            (Role::Running, Short::new(format_args!("fix")))
        }
        Pane::Deploys => match state.deploys.newest().and_then(|id| state.deploys.get(id)) {
            None => nothing,
            Some(deploy) => match &deploy.phase {
                DeployPhase::Running | DeployPhase::Routing | DeployPhase::Proving => {
                    (Role::Warning, watch(scene.now.since(deploy.started)))
                }
                DeployPhase::Live => (Role::Good, Short::new(format_args!("live"))),
                DeployPhase::Failed(_)
                | DeployPhase::NotServing(_)
                | DeployPhase::Superseded(_)
                | DeployPhase::TimedOut(_) => (Role::Bad, Short::new(format_args!("failed"))),
                DeployPhase::Cancelled => nothing,
            },
        },
        Pane::News | Pane::Cycles => nothing,
        Pane::Logs => match state.logs.iter().map(|(_, log)| log.errors).sum::<u64>() {
            0 => nothing,
            errors => (Role::Bad, count(errors)),
        },
        Pane::Causes => {
            match state.causes.iter().filter(|(_, cause)| cause.end.is_none() && !state.is_muted(cause)).count() {
                0 => nothing,
                causes => (Role::Bad, Short::new(format_args!("{causes}"))),
            }
        }
    }
}

/// Whether a stream is not connected and does not come back by itself, or not yet.
fn has_lost_stream(state: &State) -> bool {
    state.streams.iter().any(|(_, stream)| matches!(stream.link, Link::Waiting { .. } | Link::Stopped { .. }))
}
