//! The end of an opened test's page: how it did before, and what it ran on.

use super::marks;
use super::pen::Line;
use super::sheet::Sheet;
use crate::domain::{Checkout, FlakeRate, State, TestCase};
use crate::ui::text::Short;
use crate::ui::theme::Role;

/// Which state of the project's files the test is from.
fn tell_checkout(line: &mut Line, checkout: &Checkout) {
    line.cell(Role::Muted, "commit", 10).gap(1).put(Role::Text, checkout.short());
    if let Some(branch) = &checkout.branch {
        line.put(Role::Muted, " on ").put(Role::Text, branch);
    }
    let role = if checkout.dirty == Some(0) { Role::Muted } else { Role::Warning };
    line.gap(2).put(role, &checkout.state()).gap(2).put(Role::Muted, &checkout.subject);
}

pub(super) fn tell_history(sheet: &mut Sheet, state: &State, test: &TestCase) {
    let attempts = || test.earlier.iter().chain(&test.latest);
    sheet.section("history");
    if attempts().next().is_none() {
        return sheet.line(|line| {
            line.put(Role::Muted, "it has not run yet");
        });
    }
    sheet.line(|line| {
        line.cell(Role::Muted, "cycle", 10);
        for attempt in attempts() {
            line.number(Role::Text, &Short::new(format_args!("{}", attempt.cycle)), 3);
        }
    });
    sheet.line(|line| {
        line.gap(10);
        for attempt in attempts() {
            let (mark, role) = marks::of_attempt(test, attempt);
            let glyph = line.theme().mark(mark);
            line.number(role, glyph, 3);
        }
        let passed = attempts().filter(|attempt| attempt.outcome.is_pass() && attempt.circumstance.is_steady()).count();
        line.gap(3).fmt(Role::Muted, format_args!("passed {passed} of {}", attempts().count()));
    });
    if let Some(FlakeRate { failed, attempts }) = test.flake() {
        sheet.line(|line| {
            line.cell(Role::Muted, "flaky", 10).gap(1);
            line.fmt(Role::Warning, format_args!("failed {failed} of {attempts}"));
            line.put(Role::Muted, " times on the same revisions");
        });
    }
    if let Some(run) = test.latest.as_ref().and_then(|latest| state.runs.get(latest.run?)) {
        if let Some(checkout) = &run.source {
            sheet.line(|line| tell_checkout(line, checkout));
        }
        sheet.line(|line| {
            line.cell(Role::Muted, "run", 10).gap(1).put(Role::Text, &run.what);
            line.fmt(Role::Muted, format_args!("  cycle {}", run.cycle));
            if let Some(tool) = &run.tool {
                line.fmt(Role::Muted, format_args!("  {tool}"));
            }
            if run.workers > 1 {
                line.fmt(Role::Muted, format_args!("  {} workers", run.workers));
            }
        });
    }
    sheet.line(|line| {
        line.cell(Role::Muted, "id", 10).gap(1).put(Role::Muted, &test.node);
    });
}
