//! A module in a line, in columns that all modules share so that the eye runs down a column.

use super::board::{note, passed_role};
use super::evidence::{by_grade, by_grade_short};
use super::pen::Line;
use super::{marks, row};
use crate::domain::{Module, Tally, Verdict};
use crate::ui::regions::{Block, Board, Group};
use crate::ui::scene::Scene;
use crate::ui::text::{Short, took};
use crate::ui::theme::{Mark, Role};

/// The columns of a module that is a line, shared by all of them.
pub(super) struct Columns {
    title: u16,
    marks: u16,
    tag: u16,
    framed: bool,
}

impl Columns {
    /// The columns that suit a board.
    pub(super) fn of(board: &Board, all: &Tally) -> Self {
        let width = board.area.width;
        // Passes by grade take a little more room than a word.
        let tag = if all.worths.measured() > 0 { 16 } else { 10 };
        if board.framed {
            let note = 26.min(width / 4);
            let title = board.title_width.min(width * 2 / 5);
            // No wider than the largest module needs: numbers that stand far away are hard to read.
            let marks = board.largest.clamp(24, 400) as u16;
            Columns {
                title,
                marks: marks.min(width.saturating_sub(title + note + 25)).max(4),
                tag,
                framed: board.framed,
            }
        } else {
            let title = board.title_width.min(width * 28 / 100).max(6);
            Columns { title, marks: width.saturating_sub(title + tag + 12).max(4), tag, framed: board.framed }
        }
    }

    /// Draws a module into its line.
    pub(super) fn draw(&self, line: &mut Line, scene: &Scene, block: &Block, module: &Module) {
        if self.framed {
            draw_wide_line(line, scene, block, module, self);
        } else {
            draw_narrow_line(line, scene, block, module, self);
        }
    }
}

fn draw_line_marks(line: &mut Line, scene: &Scene, block: &Block, module: &Module, columns: u16) {
    if module.tally.total() > u32::from(columns) {
        marks::draw_bar(line, &module.tally, columns);
    } else {
        marks::draw(line, scene.state, block.module, 0, columns);
    }
}

fn draw_wide_line(line: &mut Line, scene: &Scene, block: &Block, module: &Module, columns: &Columns) {
    let tally = &module.tally;
    let title = if tally.failures() > 0 { Role::Strong } else { Role::Text };
    line.gap(1).cell(title, &module.title, columns.title).gap(3);
    let after = 4 + columns.title + columns.marks;
    draw_line_marks(line, scene, block, module, columns.marks);
    let role = passed_role(tally);
    line.column(after).number(role, &Short::new(format_args!("{}/{}", tally.passes(), tally.total())), 8);
    if module.spent.0 > 0 {
        line.number(Role::Muted, &took(module.spent), 9);
    }
    line.column(after + 20);
    match block.group {
        Group::Failing => {
            let (mark, role, count, word) = gravest(tally);
            line.mark(role, mark).fmt(role, format_args!(" {count} {word}"));
        }
        Group::Running => draw_running(line, scene, module),
        Group::Settled | Group::Waiting => {
            let (role, note) = note(module);
            line.put(role, &note).gap(if note.is_empty() { 0 } else { 2 });
            line.put(Role::Muted, &by_grade(&tally.worths));
        }
    }
}

fn draw_narrow_line(line: &mut Line, scene: &Scene, block: &Block, module: &Module, columns: &Columns) {
    let tally = &module.tally;
    line.gap(1).end_gap(1);
    let title = if tally.failures() > 0 { Role::Strong } else { Role::Text };
    let tag = |line: &mut Line, role, text: &str| {
        line.end_number(role, text, columns.tag);
    };
    match block.group {
        Group::Failing => {
            let (mark, role, count, _) = gravest(tally);
            let mark = line.theme().mark(mark);
            tag(line, role, &Short::new(format_args!("{mark}{count}")));
        }
        Group::Running => {
            let mark = line.theme().mark(Mark::Running);
            let first = module.running.first().and_then(|id| scene.state.inventory.test(*id));
            let age = first.map_or_else(|| took(crate::domain::Span::ZERO), |test| took(scene.now.since(test.since)));
            tag(line, Role::Running, &Short::new(format_args!("{mark} {age}")));
        }
        Group::Settled | Group::Waiting if module.verdicts.of(Verdict::Vanished) > 0 => {
            tag(line, Role::Warning, &Short::new(format_args!("{} gone", module.verdicts.of(Verdict::Vanished))));
        }
        Group::Settled | Group::Waiting if tally.stale > 0 => tag(line, Role::Stale, "stale"),
        Group::Settled if tally.never_run + tally.held_over > 0 => {
            let unrun = tally.never_run + tally.held_over;
            tag(line, Role::Warning, &Short::new(format_args!("{unrun} unrun")));
        }
        Group::Settled => {
            let (role, note) = note(module);
            let first = note.split(" · ").next().unwrap_or("");
            let is_news = role != Role::Hollow && (role != Role::Muted || tally.worths.measured() == 0);
            if is_news && !first.is_empty() && first.len() < 10 {
                tag(line, role, first);
            } else {
                draw_worth(line, tally, columns.tag);
            }
        }
        Group::Waiting => {
            let mark = line.theme().mark(Mark::Queued);
            tag(line, Role::Muted, mark);
        }
    }
    line.end_number(passed_role(tally), &Short::new(format_args!("{}/{}", tally.passes(), tally.total())), 9);
    line.cell(title, &module.title, columns.title).gap(1);
    draw_line_marks(line, scene, block, module, columns.marks.min(line.room()));
}

/// Passes by what they touched, and how many of them prove nothing.
fn draw_worth(line: &mut Line, tally: &Tally, columns: u16) {
    let hollow = tally.worths.hollow();
    let (role, mark) = if hollow > 0 { (Role::Hollow, Mark::NoEvidence) } else { (Role::Good, Mark::Check) };
    let mark = line.theme().mark(mark);
    let words =
        if hollow > 0 { Short::new(format_args!("{mark}{hollow}")) } else { Short::new(format_args!("{mark}")) };
    let wide = crate::ui::text::width(&words).max(3) as u16;
    line.end_number(role, &words, wide);
    let (grades, columns) = (by_grade_short(&tally.worths), columns.saturating_sub(wide));
    let grades = if grades.len() < usize::from(columns) { &*grades } else { "" };
    line.end_number(Role::Muted, grades, columns);
}

/// What of a module's results concerns a person most.
fn gravest(tally: &Tally) -> (Mark, Role, u32, &'static str) {
    if tally.failures() > 0 {
        (Mark::Failed, Role::Bad, tally.failures(), "failed")
    } else if tally.environment > 0 {
        (Mark::Environment, Role::Environment, tally.environment, "environment")
    } else {
        (Mark::Straddled, Role::Straddled, tally.straddled, "straddled")
    }
}

fn draw_running(line: &mut Line, scene: &Scene, module: &Module) {
    if let Some(test) = module.running.first().and_then(|id| scene.state.inventory.test(*id)) {
        line.mark(Role::Running, Mark::Play).gap(1);
        line.end(Role::Running, &took(scene.now.since(test.since))).end_gap(1);
        line.put(Role::Text, row::short_name(test));
    }
}
