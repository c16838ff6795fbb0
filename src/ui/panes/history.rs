//! The end of an opened test's page: what else happened while it ran, and how it did before.

use super::marks;
use super::pen::Line;
use super::sheet::Sheet;
use crate::domain::{Attempt, Checkout, Moment, Span, State, TestCase};
use crate::ui::text::{Short, first_line, time_of_day, took};
use crate::ui::theme::Role;

/// How many other events around the test are listed.
const AROUND: usize = 40;
/// For how long after the test's end things still belong to it.
const AFTERMATH: Span = Span::millis(500);

/// What agents did and what else became known while the test ran, merged by time.
pub(super) fn tell_surroundings(sheet: &mut Sheet, state: &State, attempt: &Attempt, offset: i32) {
    if attempt.run.is_none() {
        return;
    }
    let (from, to) = (attempt.started, attempt.started.after(attempt.took).after(AFTERMATH));
    let events = state.agents.events();
    let first = first_at(events.len(), |place| events.range(place).next().map(|seen| seen.at), from);
    let mut agents = events.range(first).take_while(|seen| seen.at <= to).peekable();
    let mut news = state.news.iter().skip_while(|news| news.at < from).take_while(|news| news.at <= to).peekable();
    if agents.peek().is_none() && news.peek().is_none() {
        return;
    }
    sheet.gap();
    sheet.line(|line| {
        let (from, to) = (time_of_day(from, offset), time_of_day(to, offset));
        line.end_fmt(Role::Muted, format_args!("{from} … {to}")).end_gap(1);
        line.put(Role::Muted, "what else happened").gap(1).rule();
    });
    for told in 0.. {
        if told == AROUND {
            sheet.line(|line| {
                line.put(Role::Muted, "and more");
            });
            break;
        }
        let later = match (agents.peek(), news.peek()) {
            (None, None) => break,
            (Some(seen), Some(news)) => news.at < seen.at,
            (seen, _) => seen.is_none(),
        };
        if later && let Some(news) = news.next() {
            sheet.line(|line| {
                around(line, from, news.at, "news");
                line.put(super::news::tone(news.tone), &news.text);
            });
        } else if let Some(seen) = agents.next() {
            sheet.line(|line| {
                around(line, from, seen.at, "agent");
                line.cell(if seen.failed { Role::Bad } else { Role::Agent }, state.agents.name(seen), 17).gap(1);
                let said = first_line(&seen.text);
                line.ansi(Role::Muted, if said.is_empty() { state.agents.subject(seen) } else { said });
            });
        }
    }
}

fn around(line: &mut Line, from: Moment, at: Moment, word: &str) {
    let delta = at.since(from);
    let text = Short::new(format_args!("+{}.{:02}", delta.0 / 1_000_000, delta.as_millis() % 1_000 / 10));
    line.number(Role::Muted, &text, 7).gap(2).cell(Role::Muted, word, 7);
}

/// The first place whose time is not before `from`, in a list ordered by time.
fn first_at(len: usize, at: impl Fn(usize) -> Option<Moment>, from: Moment) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low + (high - low) / 2;
        if at(middle).is_some_and(|at| at < from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

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
            let (mark, role) = marks::of_outcome(attempt.outcome);
            let glyph = line.theme().mark(mark);
            line.number(role, glyph, 3);
        }
        let passed = attempts().filter(|attempt| attempt.outcome.is_pass()).count();
        line.gap(3).fmt(Role::Muted, format_args!("passed {passed} of {}", attempts().count()));
    });
    if let Some(latest) = &test.latest {
        sheet.line(|line| {
            line.cell(Role::Muted, "took", 10).gap(1).put(Role::Text, &took(latest.took));
            if let Some(usual) = test.usual {
                line.fmt(Role::Muted, format_args!("  usually {}", took(usual)));
            }
        });
        sheet.line(|line| {
            line.cell(Role::Muted, "served", 10).gap(1);
            let mut known = false;
            for (name, revision) in state.services.revisions(latest.epoch) {
                known = true;
                line.put(Role::Muted, name).gap(1);
                line.put(Role::Text, super::services::short_revision(name, revision)).gap(2);
            }
            if !known {
                line.put(Role::Muted, "no revision was known when it started");
            }
        });
        if let Some(run) = latest.run.and_then(|id| state.runs.get(id)) {
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
    }
    sheet.line(|line| {
        line.cell(Role::Muted, "id", 10).gap(1).put(Role::Muted, &test.node);
    });
}
