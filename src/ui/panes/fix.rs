//! What the fix hook says, what came of it, and which files it changed.

use ratatui::layout::Rect;

use super::pen::{Line, Pen};
use crate::domain::{Fix, FixEnd, FixId};
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text::watch;
use crate::ui::theme::{Mark, Role};
use crate::ui::view::{Front, Pane};

/// How many lines of output the pane shows; one is kept for the files that differ.
pub(crate) fn output_rows(area: Rect, fix: &Fix) -> u64 {
    u64::from(area.height.saturating_sub(2 + files_line(fix)))
}

fn files_line(fix: &Fix) -> u16 {
    u16::from(!fix.changed.is_empty())
}

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions, (id, fix): (FixId, &Fix)) {
    let area = regions.fix;
    if area.height < 3 {
        return;
    }
    let is_in_front = regions.front == Some(Front::Fix);
    let inner = pen.frame(area, is_in_front && scene.view.focus == Pane::Deploys);
    draw_title(&mut pen.title(area), scene, id, fix);
    let window = regions.fix_rows;
    for (ordinal, y) in (window.top..window.end).zip(inner.y..inner.bottom() - files_line(fix)) {
        let Some(text) = fix.output.nth(ordinal) else { continue };
        pen.line(inner, y).ansi(Role::Text, text);
    }
    if fix.output.is_empty() {
        let nothing = if fix.end.is_some() { "it said nothing" } else { "it has said nothing yet" };
        pen.line(inner, inner.y).put(Role::Muted, nothing);
    }
    if files_line(fix) > 0 {
        draw_files(&mut pen.line(inner, inner.bottom() - 1), fix);
    }
}

fn draw_title(title: &mut Line, scene: &Scene, id: FixId, fix: &Fix) {
    let took = fix.ended.unwrap_or(scene.now).since(fix.started);
    title.end(Role::Muted, " ").end(Role::Text, &watch(took)).end(Role::Muted, " ").end_gap(2);
    title.put(Role::Muted, " ").bold(Role::Strong, "fix hook").fmt(Role::Muted, format_args!(" {}  ", id.0 + 1));
    match &fix.end {
        None => title.mark(Role::Running, Mark::Running).put(Role::Text, " works"),
        Some(FixEnd::Changed) => title.mark(Role::Good, Mark::Check).put(Role::Good, " changed something"),
        Some(FixEnd::NothingToDo) => title.put(Role::Muted, "found nothing to do"),
        Some(FixEnd::GaveUp(why)) => title.mark(Role::Bad, Mark::Failed).put(Role::Bad, " ").put(Role::Bad, why),
    };
    title.put(Role::Muted, " ");
}

fn draw_files(line: &mut Line, fix: &Fix) {
    let count = fix.changed.len();
    let files = if count == 1 { "file differs" } else { "files differ" };
    line.fmt(Role::Muted, format_args!("{count} {files}")).gap(2);
    for (n, file) in fix.changed.iter().enumerate() {
        line.put(Role::Text, file).put(Role::Muted, if n + 1 < count { ", " } else { "" });
    }
}
