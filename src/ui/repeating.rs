//! Running a selection again and again: the choice, and what the screen says of it.

use super::acting;
use super::update::{About, Wish};
use super::view::{Choice, Chosen, Overlay, ViewState};
use crate::domain::{Command, RepeatUntil, Selection, TestCase};

/// How often a test runs at most until it fails, where nobody says another number.
pub(super) const UNTIL_FAILS: u32 = 100;

/// Offers how often what is under the cursor, opened, or looked at may run.
pub(super) fn choose_repeat(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let Some(selection) = acting::selected(view, about).filter(|_| view.drives(about.state)) else {
        return acting::ask(view, about, Vec::new(), "nothing under the cursor to repeat");
    };
    let repeat = |until| Chosen::Command(Command::Repeat { selection: selection.clone(), until });
    let rows = vec![
        (format!("until it fails, at most {UNTIL_FAILS} times"), repeat(RepeatUntil::Failure { limit: UNTIL_FAILS })),
        ("10 times".to_owned(), repeat(RepeatUntil::Times(10))),
        ("50 times".to_owned(), repeat(RepeatUntil::Times(50))),
        ("100 times".to_owned(), repeat(RepeatUntil::Times(100))),
    ];
    let title = format!("repeat {}", name(about, &selection));
    view.overlay = Some(Overlay::Choice(Choice { title, rows, chosen: 0 }));
    Vec::new()
}

fn name(about: &About, selection: &Selection) -> String {
    let inventory = &about.state.inventory;
    match selection {
        Selection::All => "everything".to_owned(),
        Selection::Failures => "what failed".to_owned(),
        Selection::Stale => "what is stale".to_owned(),
        Selection::Module(id) => inventory.module(*id).map_or_else(String::new, |module| module.title.to_string()),
        Selection::Tests(tests) => match tests[..] {
            [id] => inventory.test(id).map_or_else(String::new, |test: &TestCase| test.name.to_string()),
            _ => format!("{} tests", tests.len()),
        },
    }
}
