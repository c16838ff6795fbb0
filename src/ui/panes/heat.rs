//! Every test across the cycles: a row a test, a column a cycle, the newest at the right. What failed last stands at the
//! top, so that what keeps coming back is seen without looking for it.

use ratatui::layout::Rect;

use super::marks::of_outcome;
use super::pen::Pen;
use super::row::short_name;
use crate::domain::Stop;
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text::Short;
use crate::ui::theme::{Mark, Role};

/// How wide a column is at least; numbers of cycles stay apart.
const COLUMN: u16 = 3;

/// What the marks mean.
const LEGEND: [((Mark, Role), &str); 5] = [
    ((Mark::Passed, Role::Good), "held"),
    ((Mark::Failed, Role::Bad), "failed"),
    ((Mark::Lost, Role::Bad), "lost"),
    ((Mark::Environment, Role::Environment), "spoilt"),
    ((Mark::Skipped, Role::Aside), "set aside"),
];

/// The mark and role of how a test ended in a cycle.
pub(super) fn mark_of(stop: &Stop) -> (Mark, Role) {
    if stop.spoilt { (Mark::Environment, Role::Environment) } else { of_outcome(stop.outcome) }
}

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions, area: Rect, inner: Rect) {
    let (state, view) = (scene.state, &scene.view.cycles);
    let tests = &regions.cycle_rows.tests;
    let since = regions.cycle_rows.since;
    let cycles: Vec<u32> = state.records.iter().map(|record| record.number).filter(|number| *number >= since).collect();
    let column = cycles.last().map_or(COLUMN, |newest| COLUMN.max(newest.to_string().len() as u16 + 1));
    let kept = state.records.iter().len();
    let names = (inner.width * 2 / 5).clamp(20, 60).min(inner.width);
    let columns = usize::from((inner.width - names) / column).max(1);
    // At least one cycle stays.
    let end = cycles.len() - view.back.min(cycles.len().saturating_sub(1));
    let shown = &cycles[end.saturating_sub(columns)..end];
    let mut title = pen.title(area);
    let (newer, older) = (cycles.len() - end, end - shown.len());
    if newer > 0 {
        title.end_fmt(Role::Warning, format_args!(" {newer} newer → "));
    }
    if older > 0 {
        title.end_fmt(Role::Muted, format_args!(" ← {older} earlier "));
    }
    // Tests remember fewer cycles than are kept as a whole.
    let of = if cycles.len() < kept { format!(" of {kept}") } else { String::new() };
    let plural = if kept == 1 { "" } else { "s" };
    title.fmt(Role::Text, format_args!(" {} tests × {}{of} cycle{plural} ", tests.len(), cycles.len()));
    let mut head = pen.line(inner, inner.y);
    head.cell(Role::Muted, "what failed last comes first", names);
    for number in shown {
        head.number(Role::Muted, &Short::new(format_args!("{number}")), column);
    }
    let top = inner.y + 1;
    let room = usize::from(inner.bottom().saturating_sub(top));
    let chosen = view.row.min(tests.len().saturating_sub(1));
    let first = (chosen + 1).saturating_sub(room);
    for (n, (id, y)) in tests.iter().skip(first).take(room).zip(top..).enumerate() {
        let Some(test) = state.inventory.test(*id) else { continue };
        if n + first == chosen {
            pen.select(Rect { x: area.x + 1, width: area.width - 2, ..area }, y);
        }
        let mut line = pen.line(inner, y);
        let fails = test.course.iter().next_back().is_some_and(|stop| stop.outcome.is_failure());
        line.cell(if fails { Role::Text } else { Role::Muted }, short_name(test), names - 1).gap(1);
        for cycle in shown {
            match test.course.at(*cycle) {
                Some(stop) => {
                    let (mark, role) = mark_of(stop);
                    let glyph = line.theme().mark(mark);
                    line.number(role, glyph, column);
                }
                None => {
                    line.gap(column);
                }
            }
        }
    }
    let mut line = pen.line(Rect { x: area.x + 2, width: area.width - 4, ..area }, area.bottom() - 1);
    if tests.len() > first + room {
        line.end_fmt(Role::Muted, format_args!(" {} more below ", tests.len() - first - room));
    }
    for ((mark, role), word) in LEGEND {
        line.put(Role::Muted, " ").mark(role, mark).put(Role::Muted, " ").put(Role::Muted, word).put(Role::Muted, " ");
    }
}
