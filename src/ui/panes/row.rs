//! One test in one line: mark, name, why, verdict, how long.

use super::evidence;
use super::marks;
use super::pen::Line;
use crate::domain::{Attempt, Circumstance, FlakeRate, Outcome, Standing, State, TestCase, Text, Verdict};
use crate::ui::scene::Scene;
use crate::ui::text::{Short, first_line, took};
use crate::ui::theme::{Mark, Role};

/// How a result stands to its baseline, in a word for a column, where that is news.
pub(super) fn verdict_word(test: &TestCase) -> Option<(Role, &'static str)> {
    match test.rank()? {
        Verdict::NewlyFailed => Some((Role::Bad, "new")),
        Verdict::StillFailing => Some((Role::Muted, "still")),
        Verdict::FailingDifferently => Some((Role::Warning, "differs")),
        Verdict::Environment => Some((Role::Environment, "rerun")),
        Verdict::Straddled => Some((Role::Straddled, "rerun")),
        Verdict::Known => Some((Role::Known, "known")),
        Verdict::Flaky => Some((Role::Warning, "flaky")),
        Verdict::Fixed => Some((Role::Good, "fixed")),
        Verdict::Vanished => Some((Role::Warning, "gone")),
        Verdict::Stale | Verdict::NeverRun | Verdict::SetAside | Verdict::Passing => None,
    }
}

/// The first line of what an attempt said, the exception's name without the package that it comes from.
pub(super) fn message(attempt: &Attempt) -> &str {
    attempt.detail.as_ref().map_or("", |detail| without_package(first_line(&detail.message)))
}

/// `websockets.exceptions.InvalidStatus: refused` begins with its news at `InvalidStatus`.
fn without_package(message: &str) -> &str {
    let Some((name, _)) = message.split_once(": ") else { return message };
    let is_path = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    let package = name.rfind('.').filter(|_| is_path).map_or(0, |dot| dot + 1);
    &message[package..]
}

/// The name of a test without what every test's name begins with.
pub(super) fn short_name(test: &TestCase) -> &str {
    test.name.strip_prefix("test_").filter(|rest| !rest.is_empty()).unwrap_or(&test.name)
}

/// Draws a test into a line of a list.
pub(super) fn draw(line: &mut Line, scene: &Scene, test: &TestCase, roomy: bool) {
    let (mark, role) = marks::of_test(test);
    if test.gone {
        return draw_vanished(line, test);
    }
    let failed = matches!(test.standing, Standing::Done(_)) && test.fails();
    match test.standing {
        Standing::Running => {
            line.mark(Role::Running, Mark::Play).gap(1);
            draw_age(line, scene, test);
            line.put(Role::Text, short_name(test));
        }
        Standing::NeverRun | Standing::Queued => {
            line.mark(role, mark).gap(1).put(Role::Muted, short_name(test));
        }
        Standing::Done(_) => {
            let Some(latest) = &test.latest else { return };
            line.mark(role, mark).gap(1);
            let module = scene.state.inventory.module(test.module);
            let broken = module.is_some_and(|module| module.path == test.node);
            let took = if broken { Short::new(format_args!("")) } else { took(latest.took) };
            line.end_number(Role::Muted, &took, if roomy { 7 } else { 6 });
            if roomy && let Some((role, word)) = verdict_word(test) {
                line.end_number(role, word, 7).end_gap(1);
            }
            let name = if failed { Role::Strong } else { Role::Text };
            let column = if roomy { (line.room() * 34 / 100).min(40) } else { line.room() * 2 / 5 };
            let words = message(latest);
            if words.is_empty() {
                line.put(name, short_name(test)).gap(2);
            } else {
                line.cell(name, short_name(test), column.max(8)).gap(1);
            }
            if broken {
                line.put(Role::Bad, "could not be loaded").gap(2);
            } else {
                draw_circumstance(line, latest);
                draw_flake(line, test);
                draw_how(line, latest.outcome, latest.tries);
                evidence::put_doubts(line, test);
            }
            line.ansi(if failed { Role::Text } else { Role::Muted }, words);
        }
    }
}

/// How often it fails where nothing has changed, where it is known to.
fn draw_flake(line: &mut Line, test: &TestCase) {
    // An attempt that needed more than one try says that itself.
    let says_itself = |tries: u32| {
        test.outcome() == Some(Outcome::Flaky) && test.latest.as_ref().is_some_and(|latest| latest.tries >= tries)
    };
    if let Some(FlakeRate { failed, attempts }) = test.flake().filter(|rate| !says_itself(rate.attempts)) {
        line.fmt(Role::Warning, format_args!("flaky {failed} of {attempts} "));
    }
}

/// What the environment did, where the outcome is not the test's own.
fn draw_circumstance(line: &mut Line, attempt: &Attempt) {
    match &attempt.circumstance {
        Circumstance::Steady => {}
        Circumstance::Environment(disturbance) => {
            line.fmt(Role::Environment, format_args!("{disturbance}")).gap(2);
        }
        Circumstance::Straddled => {
            line.put(Role::Straddled, "straddled a deploy").gap(2);
        }
    }
}

/// A test that nobody finds any more, and how it did before.
fn draw_vanished(line: &mut Line, test: &TestCase) {
    line.mark(Role::Muted, Mark::Lost).gap(1);
    line.end(Role::Warning, "vanished").end_gap(2);
    if let Some(before) = test.baseline().or(test.latest.as_ref()) {
        line.end_fmt(Role::Muted, format_args!("{} before", before.outcome.word())).end_gap(2);
    }
    line.put(Role::Muted, short_name(test));
}

/// The outcome in a word, where the mark alone does not tell it.
fn draw_how(line: &mut Line, outcome: Outcome, tries: u32) {
    match outcome {
        Outcome::Passed | Outcome::Failed | Outcome::Skipped => {}
        Outcome::Flaky => {
            line.fmt(Role::Warning, format_args!("passed at try {tries} "));
        }
        Outcome::Xpassed | Outcome::Xfailed => {
            line.put(Role::Warning, outcome.word()).gap(1);
        }
        Outcome::Errored | Outcome::TimedOut | Outcome::Crashed | Outcome::Interrupted | Outcome::Lost => {
            line.put(Role::Bad, outcome.word()).gap(1);
        }
    }
}

/// How long a test has been running, against how long it usually takes.
fn draw_age(line: &mut Line, scene: &Scene, test: &TestCase) {
    let age = scene.now.since(test.since);
    if test.in_debugger {
        line.end_fmt(Role::Warning, format_args!("in a debugger {}", took(age))).end_gap(1);
        return;
    }
    let late = test.usual.is_some_and(|usual| age.0 > usual.0.saturating_mul(2).max(2_000_000));
    if let Some(usual) = test.usual.filter(|_| late || line.room() > 44) {
        line.end_fmt(Role::Muted, format_args!(" of ~{}", took(usual)));
    }
    line.end(if late { Role::Warning } else { Role::Running }, &took(age)).end_gap(2);
}

/// Why a test failed before and why it fails now, where that is not the same.
pub(super) fn draw_before_and_now(line: &mut Line, scene: &Scene, test: &TestCase) {
    let (Some(Verdict::FailingDifferently), Some(latest), Some(before)) =
        (test.failure_verdict(), test.latest.as_ref(), test.baseline())
    else {
        return;
    };
    if let Some(words) = served(scene, before, latest) {
        line.end_fmt(Role::Muted, format_args!("since {words}")).end_gap(2);
    }
    let half = line.room() / 2;
    let (then, now) = (why(scene.state, before), why(scene.state, latest));
    let columns = crate::ui::text::width(then).min(usize::from(half.saturating_sub(9))) as u16;
    line.put(Role::Muted, "before").gap(2).cell(Role::Stale, then, columns).gap(3);
    line.put(Role::Muted, "now").gap(2).put(Role::Bad, now);
}

/// Why an attempt failed, in the words of its cause.
pub(super) fn why<'a>(state: &'a State, attempt: &'a Attempt) -> &'a str {
    let cause = attempt.cause.and_then(|id| state.causes.get(id));
    cause.map_or_else(|| message(attempt), |cause| cause.title())
}

/// What came to serve between two attempts, where exactly that is known.
fn served(scene: &Scene, before: &Attempt, latest: &Attempt) -> Option<Short> {
    let services = &scene.state.services;
    let replaced = |name: &Text, revision: &Text| {
        services.revisions(before.epoch).any(|(known, earlier)| known == name && earlier != revision)
    };
    let mut served = services.revisions(latest.epoch).filter(|_| latest.circumstance != Circumstance::Straddled);
    let (name, revision) = served.find(|(name, revision)| replaced(name, revision))?;
    Some(Short::new(format_args!("{name} {}", super::services::short_revision(name, revision))))
}
