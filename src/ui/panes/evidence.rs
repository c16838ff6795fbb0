//! What a pass is worth: in a mark, in a few words, and in full in an opened test. Passes are never one number alone
//! where they are measured.

use super::pen::Line;
use super::sheet::Sheet;
use crate::domain::{Attempt, Evidence, Grade, State, TestCase, Vacuous, Value, Worths};
use crate::ui::text::{Short, took};
use crate::ui::theme::{Mark, Role};

/// How wide the words before the facts are.
const LABEL: u16 = 10;

/// The mark of a pass that proves nothing; none where it does, or is no pass.
pub(super) fn hollow_mark(test: &TestCase) -> Option<Mark> {
    let worth = test.shown_worth().filter(|worth| worth.is_hollow())?;
    Some(if worth.vacuous { Mark::Vacuous } else { Mark::NoEvidence })
}

/// Says in a list why a pass may be worth less than it looks; nothing where there is nothing to say.
pub(super) fn put_doubts(line: &mut Line, test: &TestCase) {
    put_hollow(line, test);
    if let Some(usual) = test.expected.filter(|_| test.is_suspiciously_quick()) {
        line.put(Role::Warning, &Short::new(format_args!("usually {}", took(usual)))).gap(2);
    }
}

/// Says in a word why a pass proves nothing; nothing where it does.
pub(super) fn put_hollow(line: &mut Line, test: &TestCase) {
    match hollow_mark(test) {
        Some(Mark::Vacuous) => line.put(Role::Hollow, "vacuous").gap(2),
        Some(_) => line.put(Role::Hollow, "no evidence").gap(2),
        None => line,
    };
}

/// `5 ws · 10 http`: the passes that prove something, by how far they went; nothing where none was measured.
pub(super) fn by_grade(worths: &Worths) -> Short {
    joined(worths, " ", " · ")
}

/// `5ws 10http`: the same where there is little room.
pub(super) fn by_grade_short(worths: &Worths) -> Short {
    joined(worths, "", " ")
}

fn joined(worths: &Worths, within: &str, between: &str) -> Short {
    let mut words = Short::new(format_args!(""));
    for (grade, word) in [(Grade::Websocket, "ws"), (Grade::Http, "http"), (Grade::Network, "net")] {
        let count = worths.proved(grade);
        if count > 0 {
            let between = if words.is_empty() { "" } else { between };
            words = Short::new(format_args!("{words}{between}{count}{within}{word}"));
        }
    }
    words
}

/// What shows that the latest attempt was real: how far it went, how long it took, what it met, and what speaks
/// against it.
pub(super) fn tell_evidence(sheet: &mut Sheet, state: &State, test: &TestCase, latest: &Attempt) {
    sheet.section("evidence");
    tell_touched(sheet, latest);
    tell_took(sheet, test, latest);
    tell_served(sheet, state, test, latest);
    let values = latest.evidence.iter().flat_map(|evidence| &evidence.values);
    for (n, value) in values.enumerate() {
        tell_value(sheet, if n == 0 { "values" } else { "" }, value);
    }
    if let Some(vacuous) = &test.vacuous {
        tell_vacuous(sheet, vacuous);
    }
}

fn tell_touched(sheet: &mut Sheet, latest: &Attempt) {
    let Some(evidence) = latest.evidence.as_deref() else {
        let why = if latest.run.is_some() { "not measured by its runner" } else { "not known from earlier sessions" };
        return sheet.line(|line| {
            label(line, "touched").put(Role::Muted, why);
        });
    };
    sheet.line(|line| {
        label(line, "touched");
        match evidence.grade {
            Grade::None if latest.outcome.is_pass() => {
                line.mark(Role::Hollow, Mark::NoEvidence).gap(1).put(Role::Hollow, "nothing outside its own process");
            }
            Grade::None => {
                line.put(Role::Muted, "nothing outside its own process");
            }
            Grade::Network | Grade::Http | Grade::Websocket => put_exchange(line, evidence),
        }
    });
}

/// `websocket  127.0.0.1:8000, …  3.1 KB in, 0.9 KB out`.
fn put_exchange(line: &mut Line, evidence: &Evidence) {
    let bytes = Short::new(format_args!("{} in, {} out", bytes(evidence.received), bytes(evidence.sent)));
    line.put(Role::Good, evidence.grade.word()).gap(2);
    if evidence.hosts.is_empty() && evidence.received + evidence.sent == 0 {
        line.put(Role::Muted, "in an earlier session");
        return;
    }
    // However many hosts there are, how much was exchanged is told.
    line.keeping(crate::ui::text::width(&bytes) as u16 + 2, |line| {
        for (n, host) in evidence.hosts.iter().enumerate() {
            line.put(Role::Muted, if n == 0 { "" } else { ", " }).put(Role::Text, host);
        }
        if evidence.more_hosts > 0 {
            line.fmt(Role::Muted, format_args!(" and {} more", evidence.more_hosts));
        }
    });
    line.gap(2).put(Role::Text, &bytes);
}

fn tell_took(sheet: &mut Sheet, test: &TestCase, latest: &Attempt) {
    let quick = test.is_suspiciously_quick();
    sheet.line(|line| {
        label(line, "took").put(if quick { Role::Warning } else { Role::Text }, &took(latest.took));
        if let Some(usual) = test.expected.or(test.usual) {
            line.gap(2).fmt(Role::Muted, format_args!("usually {}", took(usual)));
        }
        if quick {
            line.gap(2).mark(Role::Warning, Mark::Warning).gap(1).put(Role::Warning, "suspiciously quick");
        }
    });
}

fn tell_served(sheet: &mut Sheet, state: &State, test: &TestCase, latest: &Attempt) {
    sheet.line(|line| {
        label(line, "served");
        if latest.run.is_none() {
            match state.served_earlier(test) {
                Some(words) => line.put(Role::Text, words).gap(2).put(Role::Muted, "in an earlier session"),
                None => line.put(Role::Muted, "an earlier session, which did not know what served"),
            };
            return;
        }
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
}

fn tell_value(sheet: &mut Sheet, word: &str, value: &Value) {
    sheet.line(|line| {
        label(line, word).put(Role::Muted, &value.name).gap(1);
        line.put(if value.constant { Role::Hollow } else { Role::Text }, &value.text);
        if value.constant {
            line.gap(2).put(Role::Hollow, "constant in the test's own source, not measured");
        }
    });
}

fn tell_vacuous(sheet: &mut Sheet, vacuous: &Vacuous) {
    sheet.line(|line| {
        label(line, "null run").mark(Role::Hollow, Mark::Vacuous).gap(1);
        line.fmt(Role::Hollow, format_args!("vacuous: passes {} too, proves nothing", vacuous.kind.phrase()));
    });
}

fn label<'l, 'b>(line: &'l mut Line<'b>, word: &str) -> &'l mut Line<'b> {
    line.cell(Role::Muted, word, LABEL).gap(1)
}

/// `312 B`, `3.1 KB`, `4.0 MB`.
fn bytes(count: u64) -> Short {
    match count {
        0..1_000 => Short::new(format_args!("{count} B")),
        1_000..1_000_000 => Short::new(format_args!("{:.1} KB", count as f64 / 1e3)),
        _ => Short::new(format_args!("{:.1} MB", count as f64 / 1e6)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Worth;

    #[test]
    fn sizes_are_short() {
        assert_eq!([312, 3_140, 4_000_000].map(|count| bytes(count).to_string()), ["312 B", "3.1 KB", "4.0 MB"]);
    }

    #[test]
    fn only_passes_that_prove_something_are_told_by_grade() {
        let mut worths = Worths::default();
        for (grade, vacuous) in
            [(Grade::Websocket, false), (Grade::Http, true), (Grade::Http, false), (Grade::None, false)]
        {
            worths.add(Worth { grade: Some(grade), vacuous });
        }
        assert_eq!(&*by_grade(&worths), "1 ws · 1 http");
    }
}
