//! Above the board: how far a deploy and its proof have come, and in the end what that changed.
//!
//! `redeploy backend ✔ 0:41 → healthy ✔ → streams ✔ → rerun 33 ◐ 12/33 → stale 124 → delta`

use super::pen::{Line, Pen};
use crate::domain::{Prove, ProveDelta, ProveEnd, ProveLink, ProveStage, ProveStep, ProveWait, RunKind};
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text::watch;
use crate::ui::theme::{Mark, Role};

/// From this width on every step has its time.
const AIRY: u16 = 120;

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let area = regions.prove;
    let Some(prove) = scene.state.prove_to_show().filter(|_| !area.is_empty()) else { return };
    let airy = area.width >= AIRY;
    let mut line = pen.line(area, area.y);
    line.gap(1).end_gap(1);
    line.end(Role::Muted, &watch(prove.took(scene.now))).end_gap(2);
    match (&prove.end, &prove.delta) {
        (None, _) => draw_way(&mut line, scene, prove, airy),
        (Some(end), delta) => draw_end(&mut line, scene, prove, end, delta.as_ref()),
    }
}

/// The steps, with the one under way in words.
fn draw_way(line: &mut Line, scene: &Scene, prove: &Prove, airy: bool) {
    for link in &prove.links {
        if link.step != ProveStep::Deploy {
            draw_arrow(line);
        }
        draw_step(line, scene, prove, link, airy);
    }
    draw_arrow(line);
    line.put(Role::Muted, "delta");
}

fn draw_arrow(line: &mut Line) {
    line.gap(1).put(Role::Faint, "→").gap(1);
}

fn draw_step(line: &mut Line, scene: &Scene, prove: &Prove, link: &ProveLink, airy: bool) {
    let role = match &link.stage {
        ProveStage::Ahead | ProveStage::PassedOver(_) | ProveStage::Cancelled => Role::Muted,
        ProveStage::UnderWay(_) => Role::Strong,
        ProveStage::Done => Role::Text,
        ProveStage::Failed(_) => Role::Bad,
    };
    line.put(role, link.step.word());
    match link.step {
        ProveStep::Deploy => {
            let name = scene.state.services.get(prove.service).map_or("", |service| &service.spec.name);
            line.gap(1).put(role, name);
        }
        ProveStep::Rerun | ProveStep::Stale if link.first_run.is_some() => {
            line.gap(1).fmt(role, format_args!("{}", link.tests));
        }
        ProveStep::Health | ProveStep::Streams | ProveStep::Rerun | ProveStep::Stale => {}
    }
    match &link.stage {
        ProveStage::Ahead => {}
        ProveStage::Done => {
            line.gap(1).mark(Role::Good, Mark::Check);
            let took = link.ended.unwrap_or(scene.now).since(link.since);
            if airy || link.step == ProveStep::Deploy {
                line.gap(1).put(Role::Muted, &watch(took));
            }
        }
        ProveStage::PassedOver(why) => {
            line.gap(1).mark(Role::Muted, Mark::Skipped);
            if airy {
                line.gap(1).put(Role::Muted, why);
            }
        }
        ProveStage::UnderWay(wait) => draw_wait(line, scene, prove, link, wait),
        ProveStage::Failed(_) => {
            line.gap(1).mark(Role::Bad, Mark::Failed);
        }
        ProveStage::Cancelled => {
            line.gap(1).mark(Role::Muted, Mark::Skipped);
        }
    }
}

/// What is awaited, since when and at most how long; of tests, how many have ended.
fn draw_wait(line: &mut Line, scene: &Scene, prove: &Prove, link: &ProveLink, wait: &ProveWait) {
    line.gap(1).mark(Role::Running, Mark::Running).gap(1);
    let state = scene.state;
    let first = link.first_run.map_or(usize::MAX, crate::domain::RunId::index);
    let own = state.runs.iter().skip(first).map(|(_, run)| run);
    let own = own.filter(|run| run.kind == RunKind::Test && Some(run.cycle) == prove.cycle);
    let (mut finished, mut failed, mut held) = (0, 0, false);
    for run in own {
        finished += run.integrity.finished;
        failed += run.tally.failures();
        held |= run.is_held();
    }
    if link.first_run.is_some() && !held {
        line.fmt(Role::Text, format_args!("{finished}/{}", link.tests));
        if failed > 0 {
            line.gap(1).mark(Role::Bad, Mark::Failed).fmt(Role::Bad, format_args!("{failed}"));
        }
        return;
    }
    line.put(Role::Warning, &wait.why).gap(1).put(Role::Text, &watch(scene.now.since(link.since)));
    let usual = state.deploys.get(prove.deploy).and_then(|deploy| deploy.usual);
    match (link.step, usual, wait.until) {
        (ProveStep::Deploy, Some(usual), _) => line.fmt(Role::Muted, format_args!(" of ~{}", watch(usual))),
        (_, _, Some(until)) => line.fmt(Role::Muted, format_args!(" of at most {}", watch(until.since(link.since)))),
        (_, _, None) => line,
    };
}

/// How it ended: what serves, and what that changed, the good and the new first.
fn draw_end(line: &mut Line, scene: &Scene, prove: &Prove, end: &ProveEnd, delta: Option<&ProveDelta>) {
    let state = scene.state;
    let name = state.services.get(prove.service).map_or("", |service| &service.spec.name);
    let revision = state.deploys.get(prove.deploy).and_then(|deploy| deploy.to.as_deref());
    match end {
        ProveEnd::Proved => line.mark(Role::Good, Mark::Check).gap(1).bold(Role::Good, "proved"),
        ProveEnd::Failed(_) => line.mark(Role::Bad, Mark::Failed).gap(1).bold(Role::Bad, "not proved"),
        ProveEnd::Cancelled => line.mark(Role::Muted, Mark::Skipped).gap(1).bold(Role::Text, "chain ended"),
    };
    line.gap(1).put(Role::Strong, revision.unwrap_or(name)).gap(2);
    if let Some(delta) = delta {
        draw_delta(line, delta);
    }
    if let ProveEnd::Failed(why) = end {
        let broken = prove.links.iter().find(|link| matches!(link.stage, ProveStage::Failed(_)));
        if let Some(link) = broken {
            line.fmt(Role::Muted, format_args!("at {}: ", link.step.word()));
        }
        line.put(Role::Text, why);
    }
}

fn draw_delta(line: &mut Line, delta: &ProveDelta) {
    if delta.total() == 0 {
        line.put(Role::Muted, "there was nothing to rerun").gap(2);
        return;
    }
    for (word, tests) in delta.parts().into_iter().filter(|(_, tests)| !tests.is_empty()) {
        let (mark, role) = match word {
            "fixed" => (Mark::Check, Role::Good),
            "unproved" => (Mark::Environment, Role::Warning),
            _ => (Mark::Failed, Role::Bad),
        };
        line.mark(role, mark).gap(1).fmt(role, format_args!("{} {word}", tests.len())).gap(2);
    }
    if delta.holding > 0 {
        line.fmt(Role::Muted, format_args!("{} still hold", delta.holding)).gap(2);
    }
}
