//! The null run, asked for: without the network or against the stub, everything or what is under the cursor.

use super::acting;
use super::update::{About, Wish};
use super::view::{Choice, Chosen, Overlay, ViewState};
use crate::domain::{Command, NullKind, RunnerSpec, Selection};

/// Asks which null run.
pub(super) fn null_run(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let runners = &about.state.session.project.runners;
    if !view.drives(about.state) || !runners.iter().any(RunnerSpec::can_do_without) {
        return acting::ask(view, about, Vec::new(), "no null run: only pytest can be run without its environment");
    }
    let mut wanted = vec![("everything".to_owned(), Selection::All)];
    wanted.extend(acting::selected(view, about).map(|selection| (name(about, &selection), selection)));
    let kinds = [NullKind::Refused, NullKind::Stub];
    let rows = wanted.iter().flat_map(|(name, selection)| {
        kinds.map(|kind| {
            let command = Command::RunNull { kind, selection: selection.clone() };
            (format!("{name} {}", kind.phrase()), Chosen::Command(command))
        })
    });
    let rows = rows.collect();
    view.overlay = Some(Overlay::Choice(Choice {
        title: "null run: what passes without the environment?".into(),
        rows,
        chosen: 0,
    }));
    Vec::new()
}

fn name(about: &About, selection: &Selection) -> String {
    let inventory = &about.state.inventory;
    let known = match selection {
        Selection::Module(id) => inventory.module(*id).map(|module| module.title.to_string()),
        Selection::Tests(tests) => match tests[..] {
            [id] => inventory.test(id).map(|test| test.name.to_string()),
            _ => Some(format!("{} selected", tests.len())),
        },
        Selection::All | Selection::Failures | Selection::Stale => None,
    };
    known.unwrap_or_else(|| "what is selected".to_owned())
}
