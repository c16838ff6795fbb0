//! What of a test can be taken elsewhere: into the clipboard, into the editor.

use super::acting::looked_at;
use super::editor::Place;
use super::update::{About, Wish};
use super::view::{Choice, Chosen, Cursor, Overlay, ViewState};
use crate::domain::plain;
use crate::domain::{Cause, CauseId, Detail, State, TestId, Tone};
use crate::report::rerun::of_tools as rerun;

/// Offers what can be copied of the test under the cursor, or of all failures.
pub(super) fn copy(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let rows = match (looked_at(about.state, view), view.subject(about)) {
        (Some(id), _) => of_cause(about.state, id),
        (None, Some(id)) => of_test(about.state, id),
        (None, None) => of_failures(about.state),
    };
    let (cause, test) = (looked_at(about.state, view), view.subject(about));
    let mut rows = rows;
    // The command to run it again stays the last one, where the fingers know it.
    let last = rows.len().saturating_sub(1);
    rows.splice(last..last, super::muting::copies(about.state, cause, test));
    if rows.is_empty() {
        view.note(Tone::Warning, "nothing here to copy: choose a test", about.now);
    } else {
        view.overlay = Some(Overlay::Choice(Choice { title: "copy".into(), rows, chosen: 0 }));
    }
    Vec::new()
}

fn of_test(state: &State, id: TestId) -> Vec<(String, Chosen)> {
    let Some(test) = state.inventory.test(id) else { return Vec::new() };
    let mut rows = vec![("the test's id".to_owned(), Chosen::Copy("the test's id", test.node.to_string()))];
    if let Some(detail) = test.latest.as_ref().and_then(|attempt| attempt.detail.as_ref()) {
        rows.push(("the failure".into(), Chosen::Copy("the failure", failure_text(&test.node, detail))));
    }
    rows.extend(rerun(state, &[id]).map(|text| ("the command that runs it again".into(), copy_rerun(text))));
    rows
}

fn of_cause(state: &State, id: CauseId) -> Vec<(String, Chosen)> {
    let Some(cause) = state.causes.get(id) else { return Vec::new() };
    let tests: Vec<TestId> = cause.members().collect();
    let mut rows = vec![("the cause".to_owned(), Chosen::Copy("the cause", cause_text(state, cause)))];
    rows.extend(rerun(state, &tests).map(|text| ("the command that runs its tests again".into(), copy_rerun(text))));
    rows
}

/// A cause as plain text, to be pasted into a message or an issue.
fn cause_text(state: &State, cause: &Cause) -> String {
    let signature = &cause.signature;
    let mut text = format!("{}: {}\n", cause.class().word(), cause.title());
    let parts = [&signature.exception, &signature.place].into_iter().flatten().map(|part| &**part);
    let parts: Vec<&str> = parts.chain([&*signature.message]).filter(|part| !part.is_empty()).collect();
    text.push_str(&format!("{}\nsince cycle {}\n\n", parts.join(" · "), cause.since));
    for test in cause.members().filter_map(|id| state.inventory.test(id)) {
        text.push_str(&format!("{}\n", test.node));
    }
    text
}

fn of_failures(state: &State) -> Vec<(String, Chosen)> {
    let failures: Vec<TestId> = state.inventory.failures().collect();
    let nodes: Vec<&str> = failures.iter().filter_map(|id| state.inventory.test(*id)).map(|test| &*test.node).collect();
    if nodes.is_empty() {
        return Vec::new();
    }
    let label = format!("the ids of {} failed", nodes.len());
    let mut rows = vec![(label, Chosen::Copy("the ids of what failed", nodes.join("\n")))];
    rows.extend(rerun(state, &failures).map(|text| ("the command that runs them again".into(), copy_rerun(text))));
    rows
}

fn copy_rerun(text: String) -> Chosen {
    Chosen::Copy("the rerun command", text)
}

/// A failure as plain text, to be pasted into a message or an issue.
fn failure_text(node: &str, detail: &Detail) -> String {
    let mut text = format!("{node}\n\n{}\n", detail.message.trim_end());
    if !detail.trace.trim().is_empty() {
        text.push_str(&format!("\n{}\n", plain(&detail.trace).trim_end()));
    }
    for section in detail.sections.iter().filter(|section| !section.text.trim().is_empty()) {
        text.push_str(&format!("\n--- {}\n{}\n", section.title, plain(&section.text).trim_end()));
    }
    text
}

/// Opens the place that matters: the innermost frame of the project's own, else where the test is defined.
pub(super) fn edit(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let cursor = view.subject(about).map(Cursor::Test).or_else(|| about.regions.cursor());
    match cursor.and_then(|cursor| place_of(about.state, cursor)) {
        Some(place) => vec![Wish::Edit(place)],
        None => {
            view.note(Tone::Warning, "no file is known for this", about.now);
            Vec::new()
        }
    }
}

/// Where in the project's files something is.
fn place_of(state: &State, cursor: Cursor) -> Option<Place> {
    let in_project = |path: &str, line| Place {
        path: std::path::Path::new(&*state.session.project.root).join(path),
        line: std::num::NonZeroU32::new(line),
    };
    match cursor {
        Cursor::Module(id) => Some(in_project(&state.inventory.module(id)?.path, 0)),
        Cursor::Test(id) => {
            let test = state.inventory.test(id)?;
            let detail = test.latest.as_ref().and_then(|attempt| attempt.detail.as_ref());
            let own = detail.and_then(|detail| detail.frames.iter().rev().find(|frame| frame.own));
            match own {
                Some(frame) => Some(in_project(&frame.path, frame.line)),
                None => Some(in_project(&state.inventory.module(test.module)?.path, test.line)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_copied_without_colours() {
        let detail = Detail {
            message: "assert 1 == 2".into(),
            trace: "\u{1b}[31m>  assert\u{1b}[0m 1 == 2\n".into(),
            ..Detail::default()
        };
        assert_eq!(failure_text("t.py::a", &detail), "t.py::a\n\nassert 1 == 2\n\n>  assert 1 == 2\n");
    }
}
