//! What is typed into the palette with a word of its own: `repeat 30`, `baseline green`, `name-cycle release`.

use super::palette::{Item, Pick};
use crate::domain::{Baseline, Command, MOST_REPETITIONS, RepeatUntil};
use crate::ui::update::About;
use crate::ui::view::ViewState;
use crate::ui::{acting, changing};

/// Something that was typed out, as far as it makes sense.
enum Typed<'t> {
    Repeat(RepeatUntil),
    Compare(Baseline),
    Name(&'t str),
    Deploy(&'t str),
}

fn read(typed: &str) -> Option<Typed<'_>> {
    let (word, rest) = typed.trim().split_once(' ')?;
    let rest = rest.trim();
    let times = |text: &str| text.parse().ok().filter(|times| (1..=MOST_REPETITIONS).contains(times));
    match word {
        "repeat" => match rest.strip_prefix("until ") {
            Some(limit) => times(limit).map(|limit| Typed::Repeat(RepeatUntil::Failure { limit })),
            None => times(rest).map(|times| Typed::Repeat(RepeatUntil::Times(times))),
        },
        "baseline" => Baseline::parse(rest).map(Typed::Compare),
        "name-cycle" => (!rest.is_empty()).then_some(Typed::Name(rest)),
        // One alone is a row of its own.
        "deploy" => (rest == "all" || rest.contains(' ')).then_some(Typed::Deploy(rest)),
        _ => None,
    }
}

/// The row for what was typed.
pub(super) fn item(typed: &str) -> Option<Item> {
    let (name, about) = match read(typed)? {
        Typed::Repeat(RepeatUntil::Times(times)) => {
            (format!("repeat {times} times"), "Runs what is under the cursor so many times".to_owned())
        }
        Typed::Repeat(RepeatUntil::Failure { limit }) => {
            (format!("repeat until it fails, {limit}"), "At most so many times".to_owned())
        }
        Typed::Compare(baseline) => ("compare".to_owned(), format!("Measures results against {}", baseline.word())),
        Typed::Deploy(names) => {
            (format!("deploy {names}"), "Deploys these services, those first that others need".to_owned())
        }
        Typed::Name(name) => ("name this cycle".to_owned(), format!("{name}: to be chosen as a baseline")),
    };
    Some(Item { name, about, key: String::new(), pick: Pick::Typed })
}

/// Why it asks for nothing.
pub(super) fn nothing(typed: &str) -> &'static str {
    match read(typed) {
        Some(Typed::Deploy(_)) => "one of these is no service of this project",
        _ => "nothing under the cursor to repeat",
    }
}

/// What it asks of the session.
pub(super) fn command(typed: &str, view: &ViewState, about: &About) -> Option<Command> {
    match read(typed)? {
        Typed::Repeat(until) => acting::selected(view, about).map(|selection| Command::Repeat { selection, until }),
        Typed::Compare(baseline) => Some(Command::CompareWith(baseline)),
        Typed::Deploy(names) => changing::typed(about.state, names),
        Typed::Name(name) => Some(Command::NameCycle { cycle: about.state.cycle, name: name.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_something_behind_them_are_rows() {
        let name = |typed: &str| item(typed).map_or_else(String::new, |item| item.name);
        assert_eq!(name("repeat 30"), "repeat 30 times");
        assert_eq!(name("repeat until 7"), "repeat until it fails, 7");
        assert_eq!(name("baseline green"), "compare");
        assert_eq!(name("deploy auth backend"), "deploy auth backend");
        assert_eq!(name("deploy all"), "deploy all");
        assert_eq!(name("name-cycle before the fix"), "name this cycle");
        for nothing in ["repeat", "repeat 0", "repeat 1001", "repeat x", "baseline ", "rerun 3", "deploy auth"] {
            assert_eq!(name(nothing), "", "{nothing}");
        }
    }
}
