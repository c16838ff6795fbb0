//! What people wrote on a test or a cause, and when that cause was seen.

use super::sheet::Sheet;
use crate::domain::{Cause, Moment, Note, State, TestCase, TestId, Tone};
use crate::ui::text::{self, Short, time_of_day};
use crate::ui::theme::Role;

/// A day, in microseconds.
const DAY: u64 = 86_400_000_000;

/// The notes on an opened test: its own, and that on its cause.
pub(super) fn tell_notes(sheet: &mut Sheet, state: &State, id: TestId, test: &TestCase, offset: i32) {
    tell_note(sheet, state, state.notes.on_test(&test.node), "note", offset);
    let cause = state.causes.of(id).and_then(|id| state.causes.get(id));
    let note = cause.and_then(|cause| state.notes.on_cause(&cause.signature));
    tell_note(sheet, state, note, "note on the cause", offset);
}

/// A note under its author and time; nothing where there is none.
pub(super) fn tell_note(sheet: &mut Sheet, state: &State, note: Option<&Note>, word: &str, offset: i32) {
    let Some(note) = note else { return };
    sheet.gap();
    sheet.line(|line| {
        line.end(Role::Muted, &when(note.at, state.at, offset)).end_gap(1);
        if note.version > 1 {
            line.end_fmt(Role::Muted, format_args!("version {}", note.version)).end_gap(2);
        }
        line.put(Role::Muted, word)
            .put(Role::Muted, " by ")
            .put(super::news::tone(Tone::Person), &note.author)
            .gap(1)
            .rule();
    });
    for words in &note.text.prose {
        tell_words(sheet, 0, Role::Text, words);
    }
    if !note.text.prose.is_empty() && !note.text.chain.is_empty() {
        sheet.gap();
    }
    for (n, step) in note.text.chain.iter().enumerate() {
        let last = n + 1 == note.text.chain.len();
        if step.why.is_empty() {
            sheet.line(|line| {
                line.fmt(Role::Muted, format_args!("{}. why?", n + 1));
            });
        } else {
            tell_words(sheet, 0, Role::Muted, &format!("{}. why {}", n + 1, step.why));
        }
        if !step.because.is_empty() {
            let role = if last { Role::Strong } else { Role::Text };
            tell_words(sheet, 3, role, &format!("because {}", step.because));
        }
    }
    if note.text.root_cause().is_some() {
        sheet.line(|line| {
            line.gap(3).bold(Role::Warning, "↑ root cause");
        });
    }
}

/// Somebody's words, in as many lines as they need: they were written to be read.
fn tell_words(sheet: &mut Sheet, indent: u16, role: Role, words: &str) {
    let room = usize::from(sheet.width().saturating_sub(indent)).max(8);
    for piece in text::wrap(words, room) {
        sheet.text(role, indent, piece);
    }
}

/// In which cycles a cause was seen, and when first and last.
pub(super) fn tell_sightings(sheet: &mut Sheet, state: &State, cause: &Cause, offset: i32) {
    if cause.seen.cycles().is_empty() {
        return;
    }
    sheet.line(|line| {
        let many = cause.seen.cycles().len() > 1;
        line.put(Role::Muted, if many { "seen in cycles " } else { "seen in cycle " })
            .put(Role::Text, &cause.seen.told());
        line.gap(3).put(Role::Muted, "first ").put(Role::Text, &when(cause.seen.first, state.at, offset));
        line.gap(3).put(Role::Muted, "last ").put(Role::Text, &when(cause.seen.last, state.at, offset));
    });
}

/// A time of day, with how many days ago that was.
fn when(at: Moment, now: Moment, offset: i32) -> Short {
    match now.since(at).0 / DAY {
        0 => time_of_day(at, offset),
        days => Short::new(format_args!("{days} d ago, {}", time_of_day(at, offset))),
    }
}
