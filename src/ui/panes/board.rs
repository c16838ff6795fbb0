//! The modules: those that are news in frames of their own, the others in a line each with shared columns.

use ratatui::layout::Rect;

use super::evidence::by_grade;
use super::footer::hint;
use super::module_line::Columns;
use super::pen::{Line, Pen};
use super::{marks, row};
use crate::domain::{Module, Outcome, Outlook, Run, RunEnd, RunPhase, State, Tally, Tier, Verdict};
use crate::ui::action::Action;
use crate::ui::regions::{Block, Board, Form, Regions, why_broken};
use crate::ui::scene::Scene;
use crate::ui::text::{Short, took, watch};
use crate::ui::theme::{Mark, Role};
use crate::ui::view::{Cursor, Pane};

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let board = &regions.rows;
    if board.blocks.is_empty() {
        return draw_empty(pen, scene, board);
    }
    for heading in &board.headings {
        if let Some(y) = board.screen_line(heading.top) {
            let inside = Rect { x: board.area.x + 1, width: board.area.width.saturating_sub(2), ..board.area };
            pen.section(inside, y, heading.word);
        }
    }
    let columns = Columns::of(board, scene.state.inventory.tally());
    for block in board.visible() {
        let Some(module) = scene.state.inventory.module(block.module) else { continue };
        match block.form {
            Form::Card => draw_card(pen, scene, board, block, module),
            Form::Tile => draw_tile(pen, scene, board, block, module),
            Form::Line => draw_line(pen, scene, board, block, module, &columns),
        }
    }
    draw_rest(pen, scene, regions);
}

/// What is not to be seen: the lines below, and how much a filter leaves out.
fn draw_rest(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let mut line = pen.line(Rect { width: regions.board.width, ..regions.notice }, regions.notice.y);
    line.gap(1).end_gap(1);
    let below = regions.rows.window().below();
    if below > 0 {
        let plural = if below == 1 { "" } else { "s" };
        line.end_fmt(Role::Muted, format_args!("{below} more line{plural} below"));
    }
    if let Some(matches) = regions.rows.matches {
        let total = scene.state.inventory.tally().total();
        line.put(Role::Muted, "filter").gap(1).put(Role::Match, scene.view.filter.input.value());
        line.fmt(Role::Muted, format_args!("  {matches} of {total} tests"));
    } else if let Some(outlook) = regions.outlook.filter(|_| scene.state.session.troubles.is_empty()) {
        draw_outlook(&mut line, scene, &outlook);
    }
}

/// How many columns the key to the next batch takes.
const BATCH: usize = 16;

/// What is to go, and the key that runs the next of it.
fn draw_outlook(line: &mut Line, scene: &Scene, outlook: &Outlook) {
    let whole = outlook.to_string();
    if whole.len() + BATCH <= usize::from(line.room()) {
        line.put(Role::Text, &whole);
    } else {
        line.fmt(Role::Text, format_args!("{} of {} to go", outlook.to_go, outlook.total));
        if let Some(estimate) = outlook.estimate {
            line.fmt(Role::Text, format_args!(", {estimate}"));
        }
    }
    if usize::from(line.room()) >= BATCH {
        line.gap(3);
        hint(line, scene, Action::RunBatch, "next batch");
    }
}

/// The part of a block that can be seen: where, and from which of its lines on.
fn seen(board: &Board, block: &Block) -> (Rect, u16) {
    let from = board.top.saturating_sub(block.top);
    let first = block.top + from;
    let last = (block.top + block.height).min(board.top + u32::from(board.area.height));
    let y = board.area.y + (first - board.top) as u16;
    (Rect { x: block.x, y, width: block.width, height: (last - first) as u16 }, from as u16)
}

fn has_cursor(scene: &Scene, board: &Board, block: &Block) -> bool {
    let within = match board.cursor {
        Some(Cursor::Module(id)) => id == block.module,
        Some(Cursor::Test(id)) => scene.state.inventory.test(id).is_some_and(|test| test.module == block.module),
        None => false,
    };
    within && scene.view.focus == Pane::Tests
}

fn draw_card(pen: &mut Pen, scene: &Scene, board: &Board, block: &Block, module: &Module) {
    let (area, from) = seen(board, block);
    let focused = has_cursor(scene, board, block);
    pen.frame_part(area, focused, from, u16::try_from(block.height).unwrap_or(u16::MAX));
    let inside = Rect { x: block.x + 2, width: block.width.saturating_sub(4), ..board.area };
    if let Some(y) = board.screen_line(block.top) {
        draw_title(pen, Rect { y, height: 1, ..area }, module, tier_of(scene, module));
        if board.cursor == Some(Cursor::Module(block.module)) {
            let wide = crate::ui::text::width(&module.title).min(usize::from(block.width)) as u16 + 2;
            pen.select(Rect { x: block.x + 2, width: wide.min(block.width.saturating_sub(4)), ..area }, y);
        }
    }
    for n in 0..block.marks {
        let Some(y) = board.screen_line(block.top + 1 + u32::from(n)) else { continue };
        let mut line = pen.line(inside, y);
        if n + 1 == block.marks {
            draw_summary(&mut line, module);
        }
        draw_marks(&mut line, scene.state, block, module, n);
    }
    draw_tests(pen, scene, board, block, inside);
    draw_below_list(pen, scene, board, block, module, inside);
    if let Some(Cursor::Test(id)) =
        board.cursor.filter(|_| focused && block.list_top > block.top + 1 + u32::from(block.marks))
        && let Some(test) = scene.state.inventory.test(id)
        && let Some(y) = board.screen_line(block.top + block.height - 2)
    {
        row::draw_before_and_now(&mut pen.line(inside, y), scene, test);
    }
}

fn tier_of<'a>(scene: &'a Scene, module: &Module) -> Option<&'a Tier> {
    scene.state.inventory.tiers().get(module.tier?)
}

/// In a frame's upper border: the module, and at the right end its totals.
fn draw_title(pen: &mut Pen, area: Rect, module: &Module, tier: Option<&Tier>) {
    let mut line = pen.title(area);
    let tally = &module.tally;
    line.end(Role::Muted, " ");
    if module.spent.0 > 0 {
        line.end(Role::Muted, &took(module.spent)).end(Role::Muted, "  ");
    }
    if tally.running > 0 {
        line.end_mark(Role::Running, Mark::Running).end(Role::Muted, " ");
    }
    if tally.failures() > 0 {
        line.end_bold(Role::Bad, &Short::new(format_args!("{}", tally.failures())));
        line.end(Role::Bad, " ").end_mark(Role::Bad, Mark::Failed).end(Role::Muted, " ");
    }
    let hollow = tally.worths.hollow();
    if hollow > 0 {
        line.end_fmt(Role::Hollow, format_args!("{hollow}")).end(Role::Hollow, " ");
        line.end_mark(Role::Hollow, Mark::NoEvidence).end(Role::Muted, " ");
    }
    let spoilt = [
        (tally.straddled, Mark::Straddled, Role::Straddled),
        (tally.environment, Mark::Environment, Role::Environment),
    ];
    for (count, mark, role) in spoilt.into_iter().filter(|(count, ..)| *count > 0) {
        line.end_fmt(role, format_args!(" {count} ")).end_mark(role, mark).end(Role::Muted, " ");
    }
    line.end_fmt(Role::Muted, format_args!("/{}", tally.total()));
    line.end_bold(passed_role(tally), &Short::new(format_args!("{}", tally.passes()))).end(Role::Muted, " ");
    line.put(Role::Strong, " ").end_gap(1).bold(Role::Strong, &module.title).put(Role::Strong, " ");
    if let Some(tier) = tier {
        line.put(Role::Muted, &tier.spec.name).put(Role::Muted, " ");
    }
}

pub(super) fn passed_role(tally: &Tally) -> Role {
    match tally.passes() {
        0 => Role::Muted,
        passes if tally.stale.max(tally.held_over) >= passes => Role::Stale,
        _ => Role::Good,
    }
}

fn draw_marks(line: &mut Line, state: &State, block: &Block, module: &Module, n: u16) {
    let width = block.width.saturating_sub(6).max(1);
    if module.tally.total() > u32::from(block.marks) * u32::from(width) {
        marks::draw_bar(line, &module.tally, width);
    } else {
        marks::draw(line, state, block.module, usize::from(n) * usize::from(width), width);
    }
}

/// What of a module is neither passed nor failed, right of its marks where they leave room.
fn draw_summary(line: &mut Line, module: &Module) {
    let (role, note) = note(module);
    let tally = &module.tally;
    let grades = by_grade(&tally.worths);
    let marks = tally.total().min(u32::from(line.room())) as usize;
    let mut put = |role, words: &str| {
        if !words.is_empty() && marks + crate::ui::text::width(words) + 4 <= usize::from(line.room()) {
            line.end(role, words).end_gap(2);
        }
    };
    put(role, &note);
    put(Role::Muted, &grades);
}

/// What is to be known of a module beyond passed and failed, the gravest first.
pub(super) fn note(module: &Module) -> (Role, Short) {
    let tally = &module.tally;
    let vacuous = tally.worths.vacuous();
    let parts = [
        (tally.of(Outcome::Lost), "lost", Role::Bad),
        (tally.of(Outcome::Interrupted), "interrupted", Role::Bad),
        (tally.of(Outcome::Crashed), "crashed", Role::Bad),
        (tally.of(Outcome::TimedOut), "timed out", Role::Bad),
        (tally.of(Outcome::Errored), "errored", Role::Bad),
        (tally.known, "known", Role::Known),
        (tally.environment, "environment", Role::Environment),
        (tally.straddled, "straddled", Role::Straddled),
        // A module of which nothing ran stands under a heading that says so.
        (
            if tally.never_run == tally.total() { 0 } else { tally.never_run + tally.held_over },
            "not run",
            Role::Warning,
        ),
        (tally.of(Outcome::Flaky), "flaky", Role::Warning),
        (tally.of(Outcome::Xpassed), "passed unexpectedly", Role::Warning),
        (module.verdicts.of(Verdict::Vanished), "vanished", Role::Warning),
        (module.verdicts.of(Verdict::Fixed), "fixed", Role::Good),
        (vacuous, "vacuous", Role::Hollow),
        (tally.worths.hollow() - vacuous, "no evidence", Role::Hollow),
        (tally.stale, "stale", Role::Stale),
        (tally.of(Outcome::Skipped), "skipped", Role::Muted),
        (tally.of(Outcome::Xfailed), "failed as expected", Role::Muted),
    ];
    let mut role = None;
    let mut words = Short::new(format_args!(""));
    for (count, word, how) in parts {
        if count > 0 {
            let comma = if role.is_some() { " · " } else { "" };
            words = Short::new(format_args!("{words}{comma}{count} {word}"));
            role = role.or(Some(how));
        }
    }
    (role.unwrap_or(Role::Muted), words)
}

fn draw_tests(pen: &mut Pen, scene: &Scene, board: &Board, block: &Block, inside: Rect) {
    let first = board.top.saturating_sub(block.list_top) as usize;
    let bottom = board.top + u32::from(board.area.height);
    let last = bottom.saturating_sub(block.list_top) as usize;
    let listed = &board.tests[block.listed.clone()];
    for (n, &id) in listed.iter().enumerate().take(last).skip(first) {
        let Some(y) = board.screen_line(block.list_top + n as u32) else { continue };
        let Some(test) = scene.state.inventory.test(id) else { continue };
        row::draw(&mut pen.line(inside, y), scene, test, board.framed);
        for word in scene.view.filter.input.value().split_whitespace() {
            pen.highlight(inside, y, word);
        }
        if board.cursor == Some(Cursor::Test(id)) {
            let wide = Rect { x: inside.x.saturating_sub(1), width: inside.width + 2, ..inside };
            pen.select(wide, y);
        }
    }
}

/// What could not be listed, and why a module could not be loaded.
fn draw_below_list(pen: &mut Pen, scene: &Scene, board: &Board, block: &Block, module: &Module, inside: Rect) {
    let mut below = block.list_top + block.listed.len() as u32;
    if block.broken > 0 {
        let tests = module.tests.iter().filter_map(|id| scene.state.inventory.test(*id));
        let broken = tests.filter(|test| test.node == module.path).find(|test| !test.gone);
        for (text, n) in broken.map(why_broken).unwrap_or_default().into_iter().zip(0..block.broken) {
            if let Some(y) = board.screen_line(below + n) {
                pen.line(inside, y).gap(4).ansi(Role::Bad, text);
            }
        }
        below += block.broken;
    }
    if block.unlisted > 0
        && let Some(y) = board.screen_line(below)
    {
        let mut line = pen.line(inside, y);
        let (role, word) =
            if module.tally.failures() > 0 { (Role::Bad, "more failed") } else { (Role::Environment, "more to rerun") };
        line.gap(2).fmt(role, format_args!("{} {word}", block.unlisted));
    }
}

fn draw_tile(pen: &mut Pen, scene: &Scene, board: &Board, block: &Block, module: &Module) {
    let (area, from) = seen(board, block);
    let focused = has_cursor(scene, board, block);
    pen.frame_part(area, focused, from, block.height as u16);
    let inside = Rect { x: block.x + 2, width: block.width.saturating_sub(4), ..board.area };
    if let Some(y) = board.screen_line(block.top) {
        draw_title(pen, Rect { y, height: 1, ..area }, module, tier_of(scene, module));
        if board.cursor == Some(Cursor::Module(block.module)) {
            let wide = crate::ui::text::width(&module.title).min(usize::from(block.width)) as u16 + 2;
            pen.select(Rect { x: block.x + 2, width: wide.min(block.width.saturating_sub(4)), ..area }, y);
        }
    }
    if let Some(y) = board.screen_line(block.top + 1) {
        let mut line = pen.line(inside, y);
        if module.running.len() > 1 {
            line.end_fmt(Role::Running, format_args!("{} at once", module.running.len())).end_gap(1);
        }
        let room = line.room();
        if module.tally.total() > u32::from(room) {
            marks::draw_bar(&mut line, &module.tally, room);
        } else {
            marks::draw(&mut line, scene.state, block.module, 0, room);
        }
    }
    draw_tests(pen, scene, board, block, inside);
}

fn draw_line(pen: &mut Pen, scene: &Scene, board: &Board, block: &Block, module: &Module, columns: &Columns) {
    if let Some(y) = board.screen_line(block.top) {
        let area = Rect { x: block.x, width: block.width, ..board.area };
        let mut line = pen.line(area, y);
        columns.draw(&mut line, scene, block, module);
        if board.cursor == Some(Cursor::Module(block.module)) {
            pen.select(Rect { width: area.width.saturating_sub(u16::from(board.framed)), ..area }, y);
        }
    }
    let indent = if board.framed { 4 } else { 2 };
    let inside = Rect { x: block.x + indent, width: block.width.saturating_sub(indent + 1), ..board.area };
    draw_tests(pen, scene, board, block, inside);
    draw_below_list(pen, scene, board, block, module, inside);
}

fn draw_empty(pen: &mut Pen, scene: &Scene, board: &Board) {
    let area = Rect { x: board.area.x + 1, width: board.area.width.saturating_sub(2), ..board.area };
    let state = scene.state;
    let y = area.y + area.height.min(2) / 2;
    if let Some(matches) = board.matches.filter(|_| state.inventory.tally().total() > 0) {
        let words = scene.view.filter.input.value();
        pen.line(area, y).fmt(Role::Warning, format_args!("{matches} tests match ")).put(Role::Match, words);
        return;
    }
    let active = state.runs.active().next().map(|(_, run)| run);
    let project = &state.session.project;
    match (active, project.runners.first()) {
        (Some(run), _) if run.is_held() => {
            pen.line(area, y).put(Role::Warning, "the run waits for its services");
            if let RunPhase::Held { why } = &run.phase {
                pen.line(area, y + 1).put(Role::Text, why);
            }
            let mut line = pen.line(area, y + 2);
            line.put(Role::Muted, "it starts by itself once they are well").gap(3);
            hint(&mut line, scene, Action::ForceHeld, "starts it anyway");
        }
        (Some(run), _) => {
            let since = watch(scene.now.since(run.asked));
            pen.line(area, y).put(Role::Running, "listing the tests").fmt(Role::Muted, format_args!("  {since}"));
        }
        (None, None) => {
            pen.line(area, y).put(Role::Warning, "no test runner was found in this folder");
            pen.line(area, y + 1).put(Role::Muted, "name one in liveloop.toml, or start in a folder with tests");
        }
        (None, Some(runner)) => {
            let newest = state.runs.iter().next_back().map(|(_, run)| run);
            let mut line = pen.line(area, y);
            line.put(Role::Warning, why_empty(newest)).gap(2).put(Role::Muted, &runner.command);
            let mut line = pen.line(area, y + 1);
            hint(&mut line, scene, Action::RunAll, "runs everything");
            hint(&mut line, scene, Action::Collect, "lists the tests");
            let output = newest.into_iter().flat_map(|run| run.output.range(run.output.len().saturating_sub(12)));
            for (line, y) in output.zip(y + 3..area.bottom()) {
                pen.line(area, y).ansi(Role::Muted, line);
            }
        }
    }
}

/// Why no test is known although there is a runner.
fn why_empty(newest: Option<&Run>) -> &str {
    match newest.map(|run| &run.phase) {
        Some(RunPhase::Ended(RunEnd::NothingRan(why) | RunEnd::CouldNotStart(why) | RunEnd::Crashed(why))) => why,
        Some(_) => "no tests were found",
        None => "the tests have not been listed yet",
    }
}
