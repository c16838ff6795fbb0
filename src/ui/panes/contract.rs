//! A contract, opened: one line a check with the event that decided it, how long things took, each user, and what came.

use super::pen::Line;
use super::services::spark;
use super::sheet::Sheet;
use crate::domain::{
    CheckResult, CheckVerdict, ContractVerdict, HeardBy, Held, Judgement, Latency, Span, State, TestId, Timed,
    UserResult,
};
use crate::ui::reading::{Part, Stop};
use crate::ui::text::{self, Short};
use crate::ui::theme::{Mark, Role};

/// Columns for the name of a check, of what is timed, of a number.
const NAME: u16 = 21;
const NUMBER: u16 = 9;
/// The columns of a histogram, with the gap before it.
const SPREAD: u16 = 11;
/// How many users are shown before they are folded.
const USERS: usize = 24;
/// The lines that a key acts on, by their place: the verdict, then the checks, then the users from here on.
const FIRST_CHECK: u16 = 1;
const FIRST_USER: u16 = 100;

/// What a contract came to, and by what.
pub(super) fn tell(sheet: &mut Sheet, state: &State, id: TestId, judgement: &Judgement) {
    let name = state.inventory.test(id).map(|test| test.node.clone()).unwrap_or_default();
    if judgement.verdict == ContractVerdict::Pass {
        sheet.gap();
    }
    tell_verdict(sheet, judgement);
    sheet.section("checks");
    for (check, place) in judgement.checks.iter().zip(FIRST_CHECK..) {
        tell_check(sheet, judgement, check, place);
    }
    if !judgement.latencies.is_empty() {
        tell_latencies(sheet, &judgement.latencies, state.held.of(&name));
    }
    tell_users(sheet, judgement);
    for (place, by) in judgement.heard.iter().enumerate() {
        tell_heard(sheet, judgement, by, place);
    }
}

fn tell_verdict(sheet: &mut Sheet, judgement: &Judgement) {
    let role = verdict_role(judgement.verdict);
    stop(sheet, 0, judgement.user, judgement.event);
    sheet.search(&judgement.why);
    sheet.line(|line| {
        end_event(line, judgement, judgement.user, judgement.event);
        line.bold(role, judgement.verdict.word()).gap(2).put(Role::Text, &judgement.why);
    });
}

fn tell_check(sheet: &mut Sheet, judgement: &Judgement, check: &CheckResult, place: u16) {
    let (mark, role) = match check.verdict {
        CheckVerdict::Pass => (Mark::Check, Role::Good),
        CheckVerdict::Warn => (Mark::Warning, Role::Warning),
        CheckVerdict::Info => (Mark::Queued, Role::Muted),
        CheckVerdict::Fail => (Mark::Failed, Role::Bad),
        CheckVerdict::Blocked => (Mark::Skipped, Role::Aside),
    };
    let said =
        if matches!(check.verdict, CheckVerdict::Pass | CheckVerdict::Blocked) { Role::Muted } else { Role::Text };
    stop(sheet, place, check.user, check.event);
    sheet.search(&check.detail);
    sheet.line(|line| {
        end_event(line, judgement, check.user, check.event);
        line.mark(role, mark).gap(1).cell(Role::Text, check.check.word(), NAME - 2).put(said, &check.detail);
    });
}

/// The line has an event to jump to.
fn stop(sheet: &mut Sheet, place: u16, user: Option<u32>, event: Option<u32>) {
    if let Some(event) = event {
        sheet.stop(Stop::Event { place, user: user.unwrap_or(1), event }, false);
    }
}

/// `event 5`, or `user 16, event 5` where several ran it.
fn end_event(line: &mut Line, judgement: &Judgement, user: Option<u32>, event: Option<u32>) {
    let Some(event) = event else { return };
    match user.filter(|_| !judgement.users.is_empty()) {
        Some(user) => line.end_fmt(Role::Link, format_args!("user {user}, event {event}")),
        None => line.end_fmt(Role::Link, format_args!("event {event}")),
    };
    line.end_gap(2);
}

/// A table: what was timed, how often, how long, what is allowed, and its course over the cycles.
fn tell_latencies(sheet: &mut Sheet, latencies: &[Latency], held: &[Held]) {
    let has_limits = latencies.iter().any(|one| one.limit.is_some());
    let has_spread = latencies.iter().any(|one| one.samples > 1);
    sheet.section("latencies");
    sheet.line(|line| {
        line.cell(Role::Muted, "", NAME);
        for title in ["samples", "p50", "p95", "p99", "max", "budget"] {
            line.number(Role::Muted, title, NUMBER);
        }
        if has_limits {
            line.number(Role::Muted, "limit", NUMBER);
        }
        if has_spread && line.room() > SPREAD {
            line.gap(3).cell(Role::Muted, "0 to max", SPREAD - 3);
        }
        if held.len() > 1 {
            line.gap(3).put(Role::Muted, "p95 over cycles");
        }
    });
    for one in latencies {
        sheet.line(|line| {
            let role = if one.late { Role::Warning } else { Role::Text };
            line.mark(role, if one.late { Mark::Warning } else { Mark::Check }).gap(1);
            line.cell(Role::Text, one.measure.word(), NAME - 2);
            line.number(Role::Muted, &Short::new(format_args!("{}", one.samples)), NUMBER);
            for took in [one.p50, one.p95, one.p99, one.most] {
                let beyond = one.budget.or(one.limit).is_some_and(|most| took > most);
                put_span(line, if beyond { Role::Warning } else { Role::Text }, Some(took));
            }
            put_span(line, Role::Muted, one.budget);
            if has_limits {
                put_span(line, Role::Muted, one.limit);
            }
            if has_spread && line.room() > SPREAD {
                put_spread(line, one);
            }
            put_course(line, one.measure, held);
        });
    }
}

fn put_span(line: &mut Line, role: Role, span: Option<Span>) {
    match span {
        Some(span) => line.number(role, &Short::new(format_args!("{span}")), NUMBER),
        None => line.number(Role::Faint, "any", NUMBER),
    };
}

/// A histogram in a line: how many took how long, of the time up to the longest.
fn put_spread(line: &mut Line, one: &Latency) {
    line.gap(3);
    let most = one.spread.iter().copied().max().unwrap_or(0);
    for &part in &one.spread {
        match part {
            0 => line.put(Role::Faint, "·"),
            _ => line.fill(Role::Text, spark(part.into(), most.into()), 1),
        };
    }
}

/// `▂▃█ 12 ms → 430 ms`: the first of the cycles that are known, and the present one.
fn put_course(line: &mut Line, measure: Timed, held: &[Held]) {
    let of = |held: &Held| held.latencies.iter().find(|one| one.measure == measure).map(|one| one.p95);
    let course: Vec<Span> = held.iter().filter_map(of).collect();
    let (Some(first), Some(last), Some(most)) = (course.first(), course.last(), course.iter().max()) else { return };
    if course.len() < 2 {
        return;
    }
    line.gap(3);
    for took in &course {
        line.fill(Role::Muted, spark(took.0, most.0), 1);
    }
    let (told, most) = (Short::new(format_args!("{first} → {last}")), held.len());
    line.gap((most - course.len()) as u16);
    if usize::from(line.room()) > text::width(&told) {
        line.gap(1).put(Role::Muted, &told);
    }
}

/// Those first who did not pass.
fn tell_users(sheet: &mut Sheet, judgement: &Judgement) {
    let users = &judgement.users;
    if users.is_empty() {
        return;
    }
    let passed = users.iter().filter(|one| one.verdict == ContractVerdict::Pass).count();
    let end = Short::new(format_args!("{passed} of {} pass", users.len()));
    if !sheet.part_of(Part::Users, "users", users.len(), &end, USERS) {
        return sheet.skip(Part::Users, users.iter().map(|one| &*one.why));
    }
    let named = (1_u32..).zip(users);
    let (good, bad): (Vec<_>, Vec<_>) = named.partition(|(_, one)| one.verdict == ContractVerdict::Pass);
    for (place, (number, one)) in (FIRST_USER..).zip(bad.into_iter().chain(good)) {
        tell_user(sheet, judgement, place, number, one);
    }
}

fn tell_user(sheet: &mut Sheet, judgement: &Judgement, place: u16, number: u32, one: &UserResult) {
    let passes = one.verdict == ContractVerdict::Pass;
    if !passes {
        stop(sheet, place, Some(number), one.event);
    }
    sheet.search(&one.why);
    sheet.line(|line| {
        if !passes {
            end_event(line, judgement, Some(number), one.event);
        }
        let mark = if passes { Mark::Check } else { Mark::Failed };
        line.mark(verdict_role(one.verdict), mark).gap(1);
        line.number(Role::Muted, &Short::new(format_args!("{number}")), 3).gap(2).cell(Role::Text, &one.user, NAME - 7);
        line.cell(verdict_role(one.verdict), one.verdict.word(), 12);
        match one.first_event {
            Some(took) => line.number(Role::Text, &Short::new(format_args!("{took}")), NUMBER),
            None => line.number(Role::Faint, "–", NUMBER),
        };
        line.gap(2).put(Role::Muted, &one.why);
    });
}

fn tell_heard(sheet: &mut Sheet, judgement: &Judgement, by: &HeardBy, place: usize) {
    let title = match judgement.users.get(by.user as usize - 1) {
        Some(one) if one.user.starts_with("user ") => Short::new(format_args!("what came to user {}", by.user)),
        Some(one) => Short::new(format_args!("what came to user {}, {}", by.user, one.user)),
        None => Short::new(format_args!("what came")),
    };
    let part = Part::Heard(by.user);
    let long = if place == 0 { usize::MAX } else { 0 };
    // The second is set apart from the first, which is open; the further ones follow line by line.
    if place < 2 {
        sheet.gap();
    }
    if !sheet.part_below(part, &title, by.lines.len(), "", long) {
        return sheet.skip(part, by.lines.iter().flat_map(|line| [&*line.name, &*line.text]));
    }
    for heard in &by.lines {
        let key = heard.event.map(|event| (by.user, event));
        let looked_at = key.is_some() && sheet.looked_at() == key;
        if let Some(key) = key {
            sheet.heard(key);
        }
        sheet.search(&heard.name);
        sheet.search(&heard.text);
        sheet.line(|line| {
            let number = heard.event.map_or_else(|| Short::new(format_args!("")), |n| Short::new(format_args!("{n}")));
            line.mark(
                if looked_at { Role::Press } else { Role::Faint },
                if looked_at { Mark::Here } else { Mark::Queued },
            );
            line.number(if looked_at { Role::Press } else { Role::Muted }, &number, 5);
            line.number(Role::Muted, &Short::new(format_args!("+{}", heard.at)), NUMBER + 1).gap(2);
            line.cell(if looked_at { Role::Strong } else { Role::Text }, &heard.name, 22).gap(1);
            line.put(Role::Muted, &heard.text);
        });
    }
    if by.left_out > 0 {
        sheet.line(|line| {
            line.gap(8).fmt(Role::Muted, format_args!("and {} more that are not kept", by.left_out));
        });
    }
}

/// The role in which a verdict is written.
fn verdict_role(verdict: ContractVerdict) -> Role {
    match verdict {
        ContractVerdict::Pass => Role::Good,
        ContractVerdict::Fail | ContractVerdict::Synthetic => Role::Bad,
        ContractVerdict::Blocked | ContractVerdict::Inconclusive => Role::Environment,
        ContractVerdict::Stale => Role::Stale,
        ContractVerdict::Straddled => Role::Straddled,
    }
}
