//! One deploy: its steps against what is usual, where the traffic goes, what its command says, whether the new revision
//! was proved to serve, and how the deploys before it went.

use ratatui::layout::Rect;

use super::footer::hint;
use super::pen::{Line, Pen};
use super::services::short_revision;
use crate::domain::{Deploy, DeployPhase, Source, State};
use crate::ui::action::Action;
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text::{self, watch};
use crate::ui::theme::{Mark, Role};
use crate::ui::view::{Front, Pane};

pub(crate) mod about;
mod steps;

/// How many lines the words of a failure take at most.
const WHY_LINES: usize = 3;
/// How many lines of output are worth more than a row for each step.
const OUTPUT: u16 = 5;

/// How the lines of the pane are shared out, from top to bottom.
#[derive(Default)]
struct Plan {
    steps: u16,
    pace: u16,
    traffic: u16,
    origin: u16,
    air: u16,
    output: u16,
    proof: u16,
    earlier: u16,
}

impl Plan {
    /// What is worth most gets its lines first; the output takes what is left.
    fn new(area: Rect, state: &State, deploy: &Deploy) -> Self {
        let mut rest = area.height.saturating_sub(2);
        let mut take = |wanted: u16, leaving: u16| {
            let given = if wanted + leaving <= rest { wanted } else { 0 };
            rest -= given;
            given
        };
        let room = usize::from(area.width.saturating_sub(4));
        let why = why_failed(deploy).map_or(0, |why| text::wrap(why, room).take(WHY_LINES).count()) as u16;
        let mut plan = Self { proof: take(1, 0), ..Self::default() };
        plan.proof += (0..why).map(|_| take(1, 0)).sum::<u16>();
        plan.steps = take(1, 0);
        plan.pace = take(1, 1);
        plan.traffic = take(u16::from(about::has_traffic(deploy)), 1);
        let earlier = about::earlier_rows(state, Some(deploy));
        if earlier > 0 {
            // A heading, and as many as fit: some are better than none.
            plan.earlier = take(earlier + 1, 2);
            plan.earlier = if plan.earlier == 0 { take(3.min(earlier + 1), 2) } else { plan.earlier };
        }
        plan.origin = take(u16::from(about::has_origin(state, deploy)), 2);
        plan.steps += take(steps::rows(state, deploy) - 1, OUTPUT);
        plan.air = take(2, 3);
        plan.output = rest;
        plan
    }
}

/// How many lines of output the pane shows.
pub(crate) fn output_rows(area: Rect, state: &State, deploy: &Deploy) -> u64 {
    u64::from(Plan::new(area, state, deploy).output)
}

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let area = regions.deploys;
    let state = scene.state;
    if area.height < 3 {
        let inside = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        pen.line(inside, area.y).put(Role::Muted, "deploy").gap(2).put(Role::Muted, "no service has a deploy command");
        return;
    }
    let is_in_front = regions.front != Some(Front::Fix);
    let inner = pen.frame(area, is_in_front && scene.view.focus == Pane::Deploys);
    let newest = state.deploys.newest();
    let Some((id, deploy)) = newest.and_then(|id| Some((id, state.deploys.get(id)?))) else {
        return draw_empty(pen, scene, area, inner);
    };
    draw_title(&mut pen.title(area), scene, deploy);
    let plan = Plan::new(area, state, deploy);
    let name = name(state, deploy);
    let mut y = inner.y;
    match plan.steps {
        0 => {}
        1 => steps::draw_line(&mut pen.line(inner, y), scene, deploy),
        height => steps::draw_rows(pen, scene, Rect { y, height, ..inner }, deploy),
    }
    y += plan.steps;
    if plan.pace > 0 {
        steps::draw_pace(&mut pen.line(inner, y), scene, id, deploy, plan.steps > 1);
    }
    y += plan.pace;
    if plan.traffic > 0 {
        about::draw_traffic(&mut pen.line(inner, y), name, deploy);
    }
    y += plan.traffic;
    if plan.origin > 0 {
        about::draw_origin(&mut pen.line(inner, y), scene, deploy);
    }
    y += plan.origin + plan.air / 2;
    draw_output(pen, regions, Rect { y, height: plan.output, ..inner }, deploy);
    y += plan.output + plan.air / 2;
    draw_proof(pen, scene, Rect { y, height: plan.proof, ..inner }, deploy);
    y += plan.proof;
    if plan.earlier > 0 {
        pen.section(inner, y, "before");
        about::draw_earlier(pen, scene, Rect { y: y + 1, height: plan.earlier - 1, ..inner }, Some(deploy));
    }
}

fn name<'a>(state: &'a State, deploy: &Deploy) -> &'a str {
    state.services.get(deploy.service).map_or("?", |service| &service.spec.name)
}

fn draw_title(line: &mut Line, scene: &Scene, deploy: &Deploy) {
    let name = name(scene.state, deploy);
    let elapsed = deploy.ended.unwrap_or(scene.now).since(deploy.started);
    line.end(Role::Muted, " ");
    if let Some(usual) = deploy.usual {
        line.end_fmt(Role::Muted, format_args!(" of ~{}", watch(usual)));
    }
    let late = deploy.is_active() && deploy.usual.is_some_and(|usual| elapsed.0 > usual.0.saturating_mul(2));
    line.end(if late { Role::Warning } else { Role::Text }, &watch(elapsed)).end(Role::Muted, " ").end_gap(2);
    line.put(Role::Text, " deploy ").bold(phase_role(deploy), name).put(Role::Muted, " ");
    draw_revisions(line, name, deploy);
    line.put(Role::Muted, " ");
}

fn draw_revisions(line: &mut Line, name: &str, deploy: &Deploy) {
    if let Some(from) = &deploy.from {
        line.put(Role::Muted, " ").put(Role::Muted, short_revision(name, from));
    }
    if let Some(to) = &deploy.to {
        line.put(Role::Muted, " → ");
        line.put(Role::Text, short_revision(name, to));
    }
}

fn phase_role(deploy: &Deploy) -> Role {
    match deploy.phase {
        DeployPhase::Running | DeployPhase::Routing | DeployPhase::Proving => Role::Warning,
        DeployPhase::Live => Role::Good,
        DeployPhase::Failed(_) | DeployPhase::NotServing(_) | DeployPhase::Superseded(_) | DeployPhase::TimedOut(_) => {
            Role::Bad
        }
        DeployPhase::Cancelled => Role::Muted,
    }
}

fn draw_empty(pen: &mut Pen, scene: &Scene, area: Rect, inner: Rect) {
    pen.title(area).put(Role::Text, " deploy ");
    let mut line = pen.line(inner, inner.y);
    let deployable = || scene.state.services.iter().filter(|(_, service)| service.spec.deploy.is_some());
    if deployable().next().is_none() {
        line.put(Role::Muted, "no service has a deploy command in the configuration");
        return;
    }
    line.put(Role::Muted, "no deploy yet; can be deployed:");
    for (_, service) in deployable() {
        line.gap(1).put(Role::Text, &service.spec.name);
    }
    hint(&mut pen.line(inner, inner.y + 1), scene, Action::Deploy, "deploys one, after a question");
    let below = Rect { y: inner.y + 3, height: inner.height.saturating_sub(3), ..inner };
    if below.height > 0 && about::earlier_rows(scene.state, None) > 0 {
        pen.section(inner, inner.y + 2, "before");
        about::draw_earlier(pen, scene, below, None);
    }
}

fn draw_output(pen: &mut Pen, regions: &Regions, area: Rect, deploy: &Deploy) {
    let window = regions.deploy_rows;
    if deploy.output.is_empty() && area.height > 0 {
        pen.line(area, area.y).put(Role::Muted, "the command has printed nothing");
        return;
    }
    for (ordinal, y) in (window.top..window.end).zip(area.y..area.bottom()) {
        let Some(printed) = deploy.output.nth(ordinal) else { continue };
        let role = match printed.source {
            Source::Stdout => Role::Muted,
            Source::Stderr => Role::Warning,
            Source::Console => Role::Press,
        };
        pen.line(area, y).ansi(role, &printed.text);
    }
}

fn why_failed(deploy: &Deploy) -> Option<&str> {
    match &deploy.phase {
        DeployPhase::Failed(why)
        | DeployPhase::NotServing(why)
        | DeployPhase::Superseded(why)
        | DeployPhase::TimedOut(why) => Some(why),
        DeployPhase::Running | DeployPhase::Routing | DeployPhase::Proving => {
            deploy.platform.as_ref().and_then(|said| said.message.as_deref())
        }
        DeployPhase::Live | DeployPhase::Cancelled => None,
    }
}

/// The ladder: what is reached, then the rung that is awaited.
fn draw_rungs(line: &mut Line, deploy: &Deploy) {
    let reached = deploy.rung();
    for rung in deploy.rungs() {
        if rung > reached {
            line.mark(Role::Running, Mark::Here).gap(1).put(Role::Strong, rung.title()).gap(1);
            return;
        }
        line.mark(Role::Good, Mark::Check).gap(1).put(Role::Text, rung.title()).gap(2);
    }
}

/// What is known of the new revision: nothing counts but that it answered.
fn draw_proof(pen: &mut Pen, scene: &Scene, area: Rect, deploy: &Deploy) {
    let name = name(scene.state, deploy);
    let mut line = pen.line(area, area.y);
    line.put(Role::Muted, "proof").gap(2);
    match &deploy.phase {
        DeployPhase::Running | DeployPhase::Routing | DeployPhase::Proving => {
            draw_rungs(&mut line, deploy);
            match deploy.awaits() {
                Some(awaited) => line.put(Role::Warning, &awaited.what),
                None => line.put(Role::Muted, "its end"),
            };
        }
        DeployPhase::Live => {
            if deploy.streak < deploy.needed {
                line.put(Role::Good, "live, as its platform says").gap(2);
                line.put(Role::Muted, "the service itself was not asked");
            } else {
                line.fmt(Role::Good, format_args!("live, proved {} of {}", deploy.streak, deploy.needed)).gap(2);
                line.put(Role::Muted, deploy.rung().title());
            }
        }
        DeployPhase::Failed(_) => {
            line.bold(Role::Bad, "failed").gap(2);
            if let Some(exit) = deploy.exit {
                line.fmt(Role::Muted, format_args!("{exit}")).gap(2);
            }
            if let Some(from) = &deploy.from {
                line.fmt(Role::Text, format_args!("{} still serves", short_revision(name, from)));
            }
        }
        DeployPhase::NotServing(_) => {
            line.bold(Role::Bad, "not serving").gap(2);
            if let Some(exit) = deploy.exit {
                line.fmt(Role::Muted, format_args!("{exit}"));
            }
        }
        DeployPhase::Superseded(_) => {
            line.bold(Role::Bad, "superseded");
        }
        DeployPhase::TimedOut(_) => {
            line.bold(Role::Bad, "timed out");
        }
        DeployPhase::Cancelled => {
            line.put(Role::Warning, "cancelled");
        }
    }
    let room = usize::from(area.width);
    let why = why_failed(deploy).into_iter().flat_map(|why| text::wrap(why, room)).take(WHY_LINES);
    for (piece, y) in why.zip(area.y + 1..area.bottom()) {
        pen.line(area, y).ansi(Role::Bad, piece);
    }
}
