//! One test, opened: why it failed, where, what it printed, and what else happened in that window of time.

use ratatui::layout::Rect;

use super::history::{tell_history, tell_surroundings};
use super::known;
use super::marks;
use super::notes::tell_notes;
use super::pen::Pen;
use super::row;
use super::sheet::Sheet;
use crate::domain::{
    Attempt, CauseClass, Detail, Moment, Outcome, Run, Standing, State, SubtestRow, TestCase, TestId, Verdict,
};
use crate::ui::regions::{Regions, Window};
use crate::ui::scene::Scene;
use crate::ui::text::{Short, took, watch};
use crate::ui::theme::Role;
use crate::ui::view::{Pane, Scroll, ViewState};

/// How many lines of the run's output are shown with a running test.
const PRINTED: usize = 100;

/// What of the opened test is shown, and which of its lines match what is searched.
pub(crate) fn window(area: Rect, state: &State, view: &ViewState, id: TestId) -> (Window, Vec<u16>) {
    let inner = inner(area);
    let mut sheet = Sheet::measure(inner, view.wrap, searched(view));
    if let Some(test) = state.inventory.test(id) {
        tell(&mut sheet, state, id, test, state.at, view.utc_offset);
    }
    let (lines, matches) = sheet.into_lines();
    let scroll = Scroll::At(u64::from(view.detail_scroll));
    (Window::new(scroll, 0, lines, u64::from(inner.height)), matches)
}

pub(super) fn inner(area: Rect) -> Rect {
    Rect {
        x: area.x + 2.min(area.width),
        y: area.y + 1.min(area.height),
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    }
}

fn searched(view: &ViewState) -> &str {
    view.filter.input.value().trim()
}

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions, id: TestId) {
    let area = regions.board;
    pen.frame(area, scene.view.focus == Pane::Tests);
    let Some(test) = scene.state.inventory.test(id) else {
        pen.line(inner(area), area.y + 1).put(Role::Muted, "this test is not known here");
        return;
    };
    draw_title(pen, scene, area, test, regions);
    let view = scene.view;
    let mut sheet = Sheet::draw(inner(area), regions.detail.top, view.wrap, searched(view), pen);
    tell(&mut sheet, scene.state, id, test, scene.now, view.utc_offset);
    let below = regions.detail.below();
    if below > 0 && area.height > 2 {
        let bottom = Rect { x: area.x + 2, width: area.width.saturating_sub(4), ..area };
        pen.line(bottom, area.bottom() - 1).end_fmt(Role::Muted, format_args!(" {below} more lines "));
    }
}

fn draw_title(pen: &mut Pen, scene: &Scene, area: Rect, test: &TestCase, regions: &Regions) {
    let (mark, role) = marks::of_test(test);
    let module = scene.state.inventory.module(test.module);
    let mut line = pen.title(area);
    line.end(Role::Muted, " ");
    if let Some(matches) = (!regions.detail_matches.is_empty()).then_some(regions.detail_matches.len()) {
        line.end_fmt(Role::Match, format_args!(" {matches} lines match ")).end(Role::Muted, " ");
    }
    if let Some((place, of)) = regions.rows.place_in_list(test.module, scene.view.page) {
        line.end_fmt(Role::Muted, format_args!("  {place} of {of}"));
    }
    if let (Some(latest), Standing::Done(_)) = (&test.latest, test.standing) {
        line.end(Role::Text, &took(latest.took)).end(Role::Muted, " ");
    }
    line.end_gap(1).put(Role::Muted, " ").mark(role, mark).put(Role::Muted, " ");
    let title = module.map_or("", |module| &module.title);
    let name = usize::from(line.room()).saturating_sub(crate::ui::text::width(row::short_name(test)) + 4);
    let (title, _) = crate::ui::text::fit(title, name);
    line.put(Role::Muted, title).put(Role::Muted, " ");
    line.mark(Role::Muted, crate::ui::theme::Mark::Here)
        .put(Role::Muted, " ")
        .bold(Role::Strong, row::short_name(test))
        .put(Role::Muted, " ");
}

/// The whole story of a test. How many lines it has must not depend on `now`.
fn tell(sheet: &mut Sheet, state: &State, id: TestId, test: &TestCase, now: Moment, offset: i32) {
    tell_standing(sheet, test, now);
    if test.standing == Standing::Running {
        tell_running(sheet, state, test);
    }
    if let Some(latest) = &test.latest {
        tell_outcome(sheet, state, id, test, latest);
        tell_notes(sheet, state, id, test, offset);
        if let Some(detail) = latest.detail.as_deref() {
            tell_detail(sheet, detail);
        }
        if test.standing != Standing::Running && has_no_end(latest.outcome) {
            let run = latest.run.and_then(|run| state.runs.get(run));
            if let Some(run) = run {
                tell_stacks(sheet, run);
                tell_live(sheet, state, test, run);
            }
        }
        tell_surroundings(sheet, state, latest, offset);
    }
    tell_history(sheet, state, test);
    if let Some(detail) = test.latest.as_ref().and_then(|latest| latest.detail.as_deref())
        && !detail.frames.is_empty()
        && !detail.trace.is_empty()
    {
        sheet.section("trace");
        detail.trace.lines().for_each(|line| sheet.text(Role::Muted, 0, line));
    }
}

/// Where it stands, as long as it has not ended.
fn tell_standing(sheet: &mut Sheet, test: &TestCase, now: Moment) {
    let age = now.since(test.since);
    match test.standing {
        Standing::Done(_) => {}
        Standing::NeverRun => sheet.line(|line| {
            line.put(Role::Muted, "never run");
        }),
        Standing::Queued => sheet.line(|line| {
            line.put(Role::Muted, "queued").gap(1).put(Role::Muted, &watch(age));
        }),
        Standing::Running => sheet.line(|line| {
            line.bold(Role::Running, if test.in_debugger { "waits in a debugger" } else { "running" });
            line.gap(1).put(Role::Running, &took(age));
            match test.usual {
                Some(usual) => line.fmt(Role::Muted, format_args!(" of ~{}", took(usual))),
                None => line.put(Role::Muted, "  nothing is known of how long it takes"),
            };
        }),
    }
    if test.gone {
        sheet.line(|line| {
            line.put(Role::Warning, "vanished: its runner no longer finds it");
        });
    }
}

/// What the run says while the test runs: the stacks that were asked for, and the end of its output.
fn tell_running(sheet: &mut Sheet, state: &State, test: &TestCase) {
    let runner = state.inventory.module(test.module).map(|module| module.runner);
    let Some((_, run)) = state.runs.active().find(|(_, run)| Some(run.runner) == runner) else { return };
    tell_stacks(sheet, run);
    if !tell_live(sheet, state, test, run) && !run.output.is_empty() {
        sheet.section("what the run printed last");
        let from = run.output.len().saturating_sub(PRINTED);
        run.output.range(from).for_each(|line| sheet.text(Role::Muted, 0, line));
    }
}

/// Whether a test was cut off, so that what its run knew last is all there is.
fn has_no_end(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Interrupted | Outcome::Lost | Outcome::TimedOut | Outcome::Crashed => true,
        Outcome::Passed
        | Outcome::Failed
        | Outcome::Errored
        | Outcome::Skipped
        | Outcome::Xfailed
        | Outcome::Xpassed
        | Outcome::Flaky => false,
    }
}

fn tell_stacks(sheet: &mut Sheet, run: &Run) {
    if let Some(stacks) = &run.stacks {
        sheet.section("stacks of the run's processes");
        stacks.lines().for_each(|line| sheet.text(Role::Text, 0, line));
    }
}

/// What the test itself has printed, as far as it could be read before its end; answers whether there was anything.
fn tell_live(sheet: &mut Sheet, state: &State, test: &TestCase, run: &Run) -> bool {
    let is_it = |id: TestId| state.inventory.test(id).is_some_and(|printed| printed.node == test.node);
    let Some((_, lines)) = run.live.as_ref().filter(|(id, _)| is_it(*id)) else { return false };
    sheet.section("output so far");
    lines.range(lines.len().saturating_sub(PRINTED)).for_each(|line| sheet.text(Role::Muted, 0, line));
    true
}

fn tell_outcome(sheet: &mut Sheet, state: &State, id: TestId, test: &TestCase, latest: &Attempt) {
    let outcome = latest.outcome;
    let stale = state.is_stale(latest);
    let role = if test.known.is_some() { Role::Known } else { marks::of_outcome(outcome).1 };
    let message = latest.detail.as_ref().map_or("", |detail| detail.message.trim());
    let verdict = test.failure_verdict();
    let cause = latest.cause.and_then(|id| state.causes.get(id));
    sheet.line(|line| {
        if !matches!((outcome, cause), (Outcome::Failed, Some(_))) {
            line.bold(role, outcome.word()).gap(3);
        }
        let told = verdict.map_or((Role::Muted, ""), |verdict| (verdict_role(verdict), verdict.word()));
        let since = failing_since(test).map(|cycle| Short::new(format_args!("since cycle {cycle}")));
        if let Some(cause) = cause {
            let class = if state.causes.is_dependent(id) { CauseClass::Dependent } else { cause.class() };
            line.bold(role, class.word()).gap(3);
            // The verdict is worth more than the end of a long title.
            let after = told.1.len() + since.as_ref().map_or(0, |since| since.len()) + 5;
            let room = usize::from(line.room()).saturating_sub(after);
            line.cell(Role::Strong, cause.title(), crate::ui::text::width(cause.title()).min(room) as u16).gap(3);
        }
        line.put(told.0, told.1);
        if let Some(since) = since {
            line.gap(2).put(Role::Muted, &since);
        }
        if latest.tries > 1 {
            line.gap(3).fmt(Role::Warning, format_args!("{} tries", latest.tries));
        }
    });
    if verdict == Some(Verdict::FailingDifferently)
        && let Some(before) = test.baseline()
    {
        sheet.line(|line| {
            line.put(Role::Muted, "before").gap(2);
            line.end_fmt(Role::Muted, format_args!("cycle {}", before.cycle)).end_gap(2);
            line.put(Role::Stale, row::why(state, before));
        });
    }
    if let Some(known) = test.known {
        known::tell(sheet, state, known);
    }
    if cause.is_some() {
        sheet.gap();
    }
    for text in message.lines() {
        sheet.text(Role::Strong, 0, text);
    }
    if stale {
        sheet.line(|line| {
            let why = match (latest.straddled, latest.epoch) {
                (true, _) => "a deploy moved while it ran: nobody knows what it met",
                (false, 0) => "from an earlier session",
                (false, _) => "another revision serves now",
            };
            line.put(Role::Stale, "stale").gap(2).put(Role::Stale, why);
        });
    }
}

fn verdict_role(verdict: Verdict) -> Role {
    match verdict {
        Verdict::NewlyFailed => Role::Bad,
        Verdict::FailingDifferently | Verdict::Flaky => Role::Warning,
        Verdict::Known => Role::Known,
        Verdict::Fixed => Role::Good,
        Verdict::Stale => Role::Stale,
        Verdict::StillFailing | Verdict::Vanished | Verdict::NeverRun | Verdict::SetAside | Verdict::Passing => {
            Role::Muted
        }
    }
}

/// The cycle since which a test has been failing without a pass between.
fn failing_since(test: &TestCase) -> Option<u32> {
    let attempts = test.earlier.iter().chain(&test.latest).rev();
    attempts.take_while(|attempt| attempt.outcome.is_failure()).last().map(|attempt| attempt.cycle)
}

fn tell_detail(sheet: &mut Sheet, detail: &Detail) {
    tell_assertion(sheet, detail);
    if detail.frames.is_empty() {
        if !detail.trace.is_empty() {
            sheet.section("trace");
            detail.trace.lines().for_each(|line| sheet.text_with(0, line, trace_role));
        }
    } else {
        tell_frames(sheet, detail);
    }
    if !detail.subtests.is_empty() {
        sheet.section("parts");
        detail.subtests.iter().for_each(|part| tell_subtest(sheet, part));
    }
    for section in &detail.sections {
        sheet.section(&section.title);
        section.text.lines().for_each(|line| sheet.text(Role::Muted, 0, line));
    }
}

/// What the tool says of the values that did not match: pytest's lines that begin with `E`.
fn tell_assertion(sheet: &mut Sheet, detail: &Detail) {
    if detail.frames.is_empty() {
        return;
    }
    let mut lines = detail.trace.lines().filter_map(assertion).peekable();
    if lines.peek().is_none() || repeats(detail.trace.lines().filter_map(assertion), &detail.message) {
        return;
    }
    sheet.section("assertion");
    for line in lines {
        sheet.text_with(0, line, |text| match text.trim_start().as_bytes().first() {
            Some(b'-') => Role::DiffRemoved,
            Some(b'+') => Role::DiffAdded,
            Some(b'?') => Role::Muted,
            _ => Role::Text,
        });
    }
}

/// Whether the tool says nothing there that the message does not say.
fn repeats<'a>(lines: impl Iterator<Item = &'a str>, message: &'a str) -> bool {
    let message = message.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::trim).filter(|line| !line.is_empty()).eq(message)
}

fn assertion(line: &str) -> Option<&str> {
    line.strip_prefix("E  ").map(|rest| rest.strip_prefix(' ').unwrap_or(rest))
}

fn trace_role(line: &str) -> Role {
    match line.as_bytes().first() {
        Some(b'E') => Role::Bad,
        Some(b'>') => Role::Strong,
        _ => Role::Muted,
    }
}

/// The project's own frames, the innermost first; those of libraries are only counted.
fn tell_frames(sheet: &mut Sheet, detail: &Detail) {
    sheet.section("where");
    let own = detail.frames.iter().rev().filter(|frame| frame.own);
    let folded = detail.frames.iter().filter(|frame| !frame.own).count();
    let mut told = 0;
    for frame in own {
        let lines = frame.source.lines().count();
        let first = u64::from(frame.line).saturating_sub(lines.saturating_sub(1) as u64);
        for (n, source) in frame.source.lines().enumerate() {
            let here = n + 1 == lines;
            let mark = if here { crate::ui::theme::Mark::Here } else { crate::ui::theme::Mark::Queued };
            sheet.line(|line| {
                if here {
                    line.mark(Role::Press, mark);
                } else {
                    line.gap(1);
                }
                let number = Short::new(format_args!("{}", first + n as u64));
                line.number(if here { Role::Press } else { Role::Faint }, &number, 5).gap(3);
                line.ansi(if here { Role::Strong } else { Role::Muted }, source);
            });
        }
        told += 1;
        sheet.line(|line| {
            line.fmt(Role::Link, format_args!("{}:{}", frame.path, frame.line));
            if told == 1 && folded > 0 {
                line.gap(3).fmt(Role::Muted, format_args!("{folded} library frames folded"));
            }
        });
    }
    if told == 0 {
        if let Some(frame) = detail.frames.last() {
            sheet.line(|line| {
                line.fmt(Role::Link, format_args!("{}:{}", frame.path, frame.line));
            });
        }
        sheet.line(|line| {
            line.fmt(Role::Muted, format_args!("{folded} library frames, none of the project's own"));
        });
    }
}

fn tell_subtest(sheet: &mut Sheet, part: &SubtestRow) {
    let (mark, role) = marks::of_outcome(part.outcome);
    sheet.line(|line| {
        line.mark(role, mark).gap(1).put(Role::Text, &part.name).gap(2).put(Role::Muted, &part.message);
    });
}
