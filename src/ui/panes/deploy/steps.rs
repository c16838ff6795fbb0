//! The steps of a deploy against what they usually take: in a line, or a row each; and in words what is awaited now.

use ratatui::layout::Rect;

use super::super::pen::{Line, Pen};
use crate::domain::{Deploy, DeployId, DeployPhase, PROOF, Precedents, Span, State, StepState, Text, Typical};
use crate::ui::scene::Scene;
use crate::ui::text::{self, Short, watch};
use crate::ui::theme::{Mark, Role};

/// A step as it is shown: one that began, the proof, or one that is expected.
struct Shown<'a> {
    name: &'a str,
    mark: Mark,
    role: Role,
    /// How long it took, or has been taking.
    span: Option<Span>,
    usual: Option<Typical>,
}

fn precedents<'a>(state: &'a State, deploy: &Deploy) -> Option<&'a Precedents> {
    state.deploys.precedents(deploy.service)
}

/// Steps that the last deploys took and this one has not begun.
fn expected<'a>(state: &'a State, deploy: &'a Deploy) -> impl Iterator<Item = &'a Text> {
    let is_open = matches!(deploy.phase, DeployPhase::Running | DeployPhase::Routing);
    let known = precedents(state, deploy).filter(|_| is_open).into_iter().flat_map(Precedents::expected);
    known.filter(|name| &***name != PROOF && deploy.steps.iter().all(|step| step.name != **name))
}

/// How many rows its steps take, one each.
pub(super) fn rows(state: &State, deploy: &Deploy) -> u16 {
    (deploy.steps.len() + expected(state, deploy).count() + 1) as u16
}

fn shown<'a>(scene: &Scene<'a>, deploy: &'a Deploy) -> impl Iterator<Item = Shown<'a>> {
    let (state, now) = (scene.state, scene.now);
    let usual =
        move |name: &str| precedents(state, deploy).and_then(|precedents| precedents.step(name, deploy.started));
    let begun = deploy.steps.iter().map(move |step| {
        let (mark, role) = match step.state {
            StepState::Running => (Mark::Running, Role::Running),
            StepState::Done => (Mark::Check, Role::Good),
            StepState::Failed => (Mark::Failed, Role::Bad),
        };
        let span = Some(step.ended.unwrap_or(now).since(step.started));
        Shown { name: &step.name, mark, role, span, usual: usual(&step.name) }
    });
    let awaited =
        move |name: &'a Text| Shown { name, mark: Mark::Queued, role: Role::Muted, span: None, usual: usual(name) };
    let (mark, role) = match deploy.phase {
        DeployPhase::Running | DeployPhase::Routing | DeployPhase::Failed(_) | DeployPhase::Cancelled => {
            (Mark::Queued, Role::Muted)
        }
        DeployPhase::Proving => (Mark::Running, Role::Running),
        DeployPhase::Live => (Mark::Check, Role::Good),
        DeployPhase::NotServing(_) | DeployPhase::Superseded(_) | DeployPhase::TimedOut(_) => (Mark::Failed, Role::Bad),
    };
    let span = deploy.pace.proving.map(|began| deploy.ended.unwrap_or(now).since(began));
    let proof = Shown { name: PROOF, mark, role, span, usual: usual(PROOF) };
    begun.chain(expected(state, deploy).map(awaited)).chain([proof])
}

/// All steps in a line.
pub(super) fn draw_line(line: &mut Line, scene: &Scene, deploy: &Deploy) {
    for (place, Shown { name, mark, role, span, usual }) in shown(scene, deploy).enumerate() {
        if place > 0 {
            line.put(Role::Faint, " ─ ");
        }
        line.mark(role, mark).gap(1).put(role, name);
        match (span, usual) {
            (Some(span), _) => line.gap(1).put(role, &watch(span)),
            (None, Some(usual)) => line.gap(1).fmt(Role::Faint, format_args!("~{}", watch(usual.median))),
            (None, None) => line,
        };
    }
}

/// A row for each step: how long it took, and what is usual.
pub(super) fn draw_rows(pen: &mut Pen, scene: &Scene, area: Rect, deploy: &Deploy) {
    let widest = shown(scene, deploy).map(|step| text::width(step.name)).max().unwrap_or(0) as u16;
    for (step, y) in shown(scene, deploy).zip(area.y..area.bottom()) {
        let mut line = pen.line(area, y);
        line.mark(step.role, step.mark).gap(1).cell(step.role, step.name, widest);
        let span = step.span.map_or_else(|| Short::new(format_args!("")), watch);
        let late = step.mark == Mark::Running
            && step.usual.is_some_and(|usual| step.span.is_some_and(|span| span > usual.most));
        line.number(if late { Role::Warning } else { Role::Text }, &span, 8).gap(3);
        if let Some(usual) = step.usual {
            line.put(Role::Muted, &range(usual));
        }
    }
}

/// What is awaited, for how long, against how long it usually takes; or that nothing moves any more; or what it took.
/// Where the steps have rows of their own, it is the whole that is measured.
pub(super) fn draw_pace(line: &mut Line, scene: &Scene, id: DeployId, deploy: &Deploy, has_rows: bool) {
    if let Some(stuck) = scene.state.deploys.stuck(id, scene.now) {
        line.mark(Role::Bad, Mark::Warning).gap(1).bold(Role::Bad, "stuck?").gap(1);
        line.fmt(Role::Bad, format_args!("no change in {} for {}", stuck.step, watch(stuck.still)));
        return draw_usual(line, stuck.usual);
    }
    let precedents = precedents(scene.state, deploy);
    match (deploy.current_step(), deploy.ended) {
        (Some(_), _) if has_rows => {
            let elapsed = scene.now.since(deploy.started);
            line.put(Role::Muted, "in all").gap(2).put(Role::Text, &watch(elapsed));
            draw_usual(line, precedents.and_then(|precedents| precedents.total(deploy.started)));
        }
        (Some(step), _) => {
            line.put(Role::Muted, "now").gap(2).put(Role::Running, step).gap(1);
            line.put(Role::Text, &watch(scene.now.since(began(deploy))));
            draw_usual(line, precedents.and_then(|precedents| precedents.step(step, deploy.started)));
        }
        (None, Some(ended)) => {
            line.put(Role::Muted, "took").gap(1).put(Role::Text, &watch(ended.since(deploy.started)));
            if let Some(usual) = precedents.and_then(|precedents| precedents.total(deploy.started)) {
                draw_usual(line, Some(usual));
            }
        }
        (None, None) => {}
    }
}

/// When what it is at began.
fn began(deploy: &Deploy) -> crate::domain::Moment {
    let running = || deploy.steps.iter().rev().find(|step| step.state == StepState::Running).map(|step| step.started);
    let proving = deploy.pace.proving.filter(|_| deploy.phase == DeployPhase::Proving);
    proving.or_else(running).or(deploy.command_ended).unwrap_or(deploy.started)
}

/// What is usual, in as many words as there is room for.
fn draw_usual(line: &mut Line, usual: Option<Typical>) {
    let words = match usual {
        None => Short::new(format_args!("nobody knows yet what is usual")),
        Some(usual) => range(usual),
    };
    line.gap(2);
    match usual {
        Some(usual) if text::width(&words) > usize::from(line.room()) => {
            line.fmt(Role::Muted, format_args!("usually {}", watch(usual.median)))
        }
        _ => line.put(Role::Muted, &words),
    };
}

/// `usually 0:12, 0:08 to 0:31 in 5 times`.
fn range(usual: Typical) -> Short {
    let Typical { times, least, median, most, .. } = usual;
    match times {
        1 => Short::new(format_args!("last time {}", watch(median))),
        _ => {
            Short::new(format_args!("usually {}, {} to {} in {times} times", watch(median), watch(least), watch(most)))
        }
    }
}
