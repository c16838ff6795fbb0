//! What the failures come down to: a line for each cause, those with most tests first, then those that were fixed.

use super::pen::{Line, Pen};
use crate::domain::{Cause, CauseEnd, CauseStatus};
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text::Short;
use crate::ui::theme::{Mark, Role};
use crate::ui::view::Pane;

/// From this width on, a line has room for whole sentences.
const ROOMY: u16 = 90;

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let area = regions.causes;
    let focused = scene.view.focus == Pane::Causes;
    let inner = pen.frame(area, focused);
    draw_title(pen, scene, regions);
    if regions.cause_rows.is_empty() {
        pen.line(inner, inner.y).put(Role::Muted, "no test fails, so there are no causes");
        return;
    }
    let window = regions.cause_window;
    let rows = regions.cause_rows.iter().skip(window.top as usize).take(window.shown as usize);
    let rows = rows.filter_map(|id| Some((*id, scene.state.causes.get(*id)?)));
    let told = |cause: &Cause| {
        let status = cause.status(scene.state.cycle);
        if scene.state.is_muted(cause) {
            return Short::new(format_args!("known"));
        }
        if inner.width >= ROOMY { how(status, cause) } else { briefly(status, cause) }
    };
    let column = rows.clone().map(|(_, cause)| crate::ui::text::width(&told(cause))).max().unwrap_or(0) as u16 + 2;
    for ((id, cause), y) in rows.zip(inner.y..inner.bottom()) {
        draw_row(&mut pen.line(inner, y), scene, cause, &told(cause), column);
        if focused && regions.cause == Some(id) {
            let wide = ratatui::layout::Rect { x: inner.x.saturating_sub(1), width: inner.width + 2, ..inner };
            pen.select(wide, y);
        }
    }
}

fn draw_title(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let causes = || regions.cause_rows.iter().filter_map(|id| scene.state.causes.get(*id));
    let known = causes().filter(|cause| scene.state.is_muted(cause)).count();
    let count = |wanted| {
        let own = causes().filter(|cause| !cause.disturbs && !scene.state.is_muted(cause));
        own.filter(|cause| cause.status(scene.state.cycle) == wanted).count()
    };
    let (new, still) = (count(CauseStatus::New), count(CauseStatus::Still));
    let mut line = pen.title(regions.causes);
    line.put(Role::Text, " causes ");
    if new + still > 0 || regions.cause_window.below() > 0 {
        line.end(Role::Muted, " ");
    }
    let below = regions.cause_window.below();
    if below > 0 {
        line.end_fmt(Role::Muted, format_args!(" · {below} below"));
    }
    if known > 0 {
        line.end_fmt(Role::Known, format_args!("{known} known"));
    }
    if known > 0 && still + new > 0 {
        line.end(Role::Muted, " · ");
    }
    if still > 0 {
        line.end_fmt(Role::Muted, format_args!("{still} still"));
    }
    if still > 0 && new > 0 {
        line.end(Role::Muted, " · ");
    }
    if new > 0 {
        line.end_fmt(Role::Bad, format_args!("{new} new"));
    }
    if new + still > 0 || regions.cause_window.below() > 0 {
        line.end(Role::Muted, " ");
    }
}

fn draw_row(line: &mut Line, scene: &Scene, cause: &Cause, told: &str, column: u16) {
    let status = cause.status(scene.state.cycle);
    let muted = scene.state.is_muted(cause);
    let (mark, role, title) = match status {
        CauseStatus::New | CauseStatus::Still if cause.disturbs => (Mark::Environment, Role::Environment, Role::Text),
        _ if muted => (Mark::Known, Role::Known, Role::Muted),
        CauseStatus::New => (Mark::Failed, Role::Bad, Role::Strong),
        CauseStatus::Still => (Mark::Failed, Role::Bad, Role::Text),
        CauseStatus::Over(CauseEnd::Fixed { .. }) => (Mark::Check, Role::Good, Role::Muted),
        CauseStatus::Over(CauseEnd::Gone) => (Mark::Lost, Role::Muted, Role::Muted),
    };
    line.mark(role, mark).gap(1);
    let told_role = match status {
        _ if cause.disturbs => Role::Muted,
        _ if muted => Role::Known,
        status => how_role(status),
    };
    line.end_number(told_role, told, column);
    let count = if cause.end.is_some() { cause.most } else { cause.count() };
    line.end_number(Role::Muted, &tests(count), 10).end_gap(1);
    if cause.disturbs && cause.end.is_none() {
        line.put(Role::Environment, cause.class().word());
    } else if status == CauseStatus::New && !muted {
        line.bold(Role::Bad, cause.class().word());
    } else {
        line.put(Role::Muted, cause.class().word());
    }
    line.gap(2).column(20);
    line.ansi(title, cause.title());
}

fn how_role(status: CauseStatus) -> Role {
    match status {
        CauseStatus::New => Role::Bad,
        CauseStatus::Still | CauseStatus::Over(CauseEnd::Gone) => Role::Muted,
        CauseStatus::Over(CauseEnd::Fixed { .. }) => Role::Good,
    }
}

/// `new`, `since cycle 2`, `fixed by backend-00004`
pub(super) fn how(status: CauseStatus, cause: &Cause) -> Short {
    match status {
        CauseStatus::New => Short::new(format_args!("new")),
        CauseStatus::Still => Short::new(format_args!("since cycle {}", cause.since)),
        CauseStatus::Over(CauseEnd::Fixed { by: Some(revision), .. }) => {
            Short::new(format_args!("fixed by {revision}"))
        }
        CauseStatus::Over(CauseEnd::Fixed { by: None, cycle }) => Short::new(format_args!("fixed in cycle {cycle}")),
        CauseStatus::Over(CauseEnd::Gone) => Short::new(format_args!("gone")),
    }
}

/// The same where there is little room.
fn briefly(status: CauseStatus, cause: &Cause) -> Short {
    match status {
        CauseStatus::Still => Short::new(format_args!("cycle {}", cause.since)),
        CauseStatus::Over(CauseEnd::Fixed { .. }) => Short::new(format_args!("fixed")),
        CauseStatus::New | CauseStatus::Over(CauseEnd::Gone) => how(status, cause),
    }
}

/// `1 test`, `30 tests`
pub(super) fn tests(count: u32) -> Short {
    let plural = if count == 1 { "" } else { "s" };
    Short::new(format_args!("{count} test{plural}"))
}
