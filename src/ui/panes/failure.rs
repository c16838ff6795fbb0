//! Why the opened test failed: the values that did not match, where, its parts, and what it left behind.

use super::ansi;
use super::marks;
use super::sheet::Sheet;
use crate::domain::{Detail, SubtestRow};
use crate::ui::difference::{self, Kind};
use crate::ui::reading::Part;
use crate::ui::text::Short;
use crate::ui::theme::{Mark, Role};

/// A message of more lines than this is split: its beginning, and a part that can be folded.
const MESSAGE: usize = 8;
/// How many lines of such a message are its beginning at most.
const HEAD: usize = 4;
/// How many of its differing lines a folded assertion shows.
const DIGEST: usize = 8;
/// A traceback is folded from more lines than this on, where it is all that is known of the place.
const TRACE: usize = 120;
/// Everything that the failure itself says, after the beginning of its message.
pub(super) fn tell(sheet: &mut Sheet, detail: &Detail) {
    tell_assertion(sheet, detail);
    if detail.frames.is_empty() {
        if !detail.trace.is_empty() {
            let lines: Vec<&str> = detail.trace.lines().collect();
            if sheet.part_of(Part::Trace, "trace", lines.len(), "", TRACE) {
                tell_lines(sheet, &lines, false, trace_role);
            } else {
                sheet.skip(Part::Trace, lines.into_iter());
            }
        }
    } else {
        tell_frames(sheet, detail);
    }
    if !detail.subtests.is_empty() {
        sheet.section("parts");
        detail.subtests.iter().for_each(|part| tell_subtest(sheet, part));
    }
    for (section, n) in detail.sections.iter().zip(0..) {
        tell_part(sheet, Part::Captured(n), &section.title, &section.text, |_| Role::Muted);
    }
}

/// What the tool says of the values that did not match: the end of a long message, else pytest's lines that begin with
/// `E`. A long one shows what differs in it even while it is folded.
fn tell_assertion(sheet: &mut Sheet, detail: &Detail) {
    let (_, rest) = split(&detail.message);
    let marked = || detail.trace.lines().filter_map(assertion);
    let lines: Vec<&str> = match rest.is_empty() {
        false => rest,
        true if detail.frames.is_empty() || repeats(marked(), &detail.message) => Vec::new(),
        true => marked().collect(),
    };
    if lines.is_empty() {
        return;
    }
    let open = sheet.part(Part::Assertion, "assertion", lines.len(), "");
    if open {
        return tell_lines(sheet, &lines, true, |_| Role::Text);
    }
    let told = difference::read(lines.iter().map(|line| ansi::strip(line)), true);
    let differ = |kind| matches!(kind, Kind::Removed | Kind::Added);
    let places = (0..told.len()).filter(|place| differ(told[*place].kind));
    places.take(DIGEST).for_each(|place| sheet.difference(&told, place, Role::Text));
    sheet.skip(Part::Assertion, lines.into_iter());
}

/// Lines in which two values may be compared.
pub(super) fn tell_lines(sheet: &mut Sheet, lines: &[&str], trusted: bool, role: impl Fn(&str) -> Role) {
    let told = difference::read(lines.iter().map(|line| ansi::strip(line)), trusted);
    for (place, (line, said)) in lines.iter().zip(&told).enumerate() {
        match said.kind {
            // It may have colours of its own.
            Kind::Plain => sheet.text_with(0, line, &role),
            Kind::Removed | Kind::Added | Kind::Hint => {
                sheet.search(&said.text);
                sheet.difference(&told, place, role(line));
            }
        }
    }
}

/// The beginning of a message, which is told in full, and the rest of a long one, which can be folded.
pub(super) fn split(message: &str) -> (Vec<&str>, Vec<&str>) {
    let mut lines: Vec<&str> = message.trim().lines().collect();
    if lines.len() <= MESSAGE {
        return (lines, Vec::new());
    }
    let head = lines.iter().position(|line| line.trim().is_empty()).unwrap_or(HEAD).clamp(1, HEAD);
    let mut rest = lines.split_off(head);
    let blank = rest.iter().take_while(|line| line.trim().is_empty()).count();
    rest.drain(..blank);
    (lines, rest)
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
            let mark = if here { Mark::Here } else { Mark::Queued };
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

/// Text under a title that can be folded.
pub(super) fn tell_part(sheet: &mut Sheet, part: Part, title: &str, text: &str, role: impl Fn(&str) -> Role) {
    if sheet.part(part, title, text.lines().count(), "") {
        text.lines().for_each(|line| sheet.text_with(0, line, &role));
    } else {
        sheet.skip(part, text.lines());
    }
}
