//! Anything that can be done, by a few letters of its name: actions, deploys, modules.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{ground, panel, put_input, put_row, typed};
use crate::attach::Clock;
use crate::domain::{Command, ModuleId, Selection, ServiceId, State, TestId};
use crate::ui::action::{ACTIONS, Action};
use crate::ui::navigate;
use crate::ui::scene::Scene;
use crate::ui::theme::Role;
use crate::ui::update::{About, Wish, update};
use crate::ui::view::{Cursor, Overlay, Page, Pane, ViewState};
use crate::ui::{acting, changing};

/// How many rows are found at most.
const FOUND: usize = 50;
/// How many modules are looked through.
const MODULES: usize = 2_000;

/// What a row of the palette does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// An action.
    Action(Action),
    /// The deploy of a service, after the question.
    Deploy(ServiceId),
    /// A run of a module.
    Run(ModuleId),
    /// The cursor to a module.
    Go(ModuleId),
    /// A failing test, opened.
    Open(TestId),
    /// What was typed out.
    Typed,
}

/// A row of the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// What it does.
    pub about: String,
    /// Its key, where it has one.
    pub key: String,
    /// What it does, to be done.
    pub pick: Pick,
}

/// Everything that can be picked.
fn items(state: &State, view: &ViewState, recording: bool) -> Vec<Item> {
    let mut items: Vec<Item> = ACTIONS
        .iter()
        .filter(|spec| spec.action != Action::Palette && spec.action.is_for(recording))
        .map(|spec| Item {
            name: spec.name.replace('-', " "),
            about: spec.sentence.trim_end_matches('.').to_owned(),
            key: view.keymap.shown(spec.action).unwrap_or_default(),
            pick: Pick::Action(spec.action),
        })
        .collect();
    let item = |name: String, about: &str, pick| Item { name, about: about.to_owned(), key: String::new(), pick };
    if !recording {
        for id in changing::deployable(state) {
            let name = state.services.get(id).map_or("", |service| &service.spec.name);
            items.push(item(
                format!("deploy {name}"),
                "Deploys this service, after showing the exact command",
                Pick::Deploy(id),
            ));
        }
    }
    for (id, module) in state.inventory.modules().take(MODULES) {
        items.push(item(format!("go to {}", module.title), &module.path, Pick::Go(id)));
        if !recording {
            items.push(item(format!("run {}", module.title), &module.path, Pick::Run(id)));
        }
    }
    for id in state.inventory.failures().take(MODULES) {
        if let Some(test) = state.inventory.test(id) {
            items.push(item(format!("open {}", test.name), &test.node, Pick::Open(id)));
        }
    }
    items
}

/// The rows that match what was typed, the best first; everything where nothing was.
#[must_use]
pub fn found(state: &State, view: &ViewState, recording: bool, typed: &str) -> Vec<Item> {
    let mut items = items(state, view, recording);
    if typed.trim().is_empty() {
        items.truncate(FOUND);
        return items;
    }
    let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut score = |text: &str| pattern.score(Utf32Str::new(text, &mut buffer), &mut matcher);
    let mut scored: Vec<(u32, Item)> = items
        .into_iter()
        .filter_map(|item| {
            // A name counts before a sentence.
            let score = score(&item.name).map(|score| score + 1_000).or_else(|| score(&item.about));
            score.map(|score| (score, item))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.truncate(FOUND);
    let typed = typed::item(typed).filter(|_| !recording);
    typed.into_iter().chain(scored.into_iter().map(|(_, item)| item)).collect()
}

/// Does what was picked.
pub(in crate::ui) fn pick(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let Some(Overlay::Palette { input, chosen }) = view.overlay.take() else { return Vec::new() };
    let Some(item) = found(about.state, view, about.is_recording(), input.value()).into_iter().nth(chosen) else {
        return Vec::new();
    };
    match item.pick {
        Pick::Typed => match typed::command(input.value(), view, about) {
            Some(command) => acting::choose(view, crate::ui::view::Chosen::Command(command), about),
            None => acting::ask(view, about, Vec::new(), typed::nothing(input.value())),
        },
        Pick::Action(action) => update(view, action, about),
        Pick::Deploy(service) => changing::ask_deploy(view, service, about),
        Pick::Run(module) => {
            let run = Command::Run(Selection::Module(module));
            acting::choose(view, crate::ui::view::Chosen::Command(run), about)
        }
        Pick::Go(module) => {
            crate::ui::reading::end_search(view);
            (view.focus, view.page, view.cursor) = (Pane::Tests, Page::Board, Some(Cursor::Module(module)));
            view.filter = crate::ui::view::Filter::default();
            Vec::new()
        }
        Pick::Open(test) => {
            navigate::open_test(view, test);
            Vec::new()
        }
    }
}

pub(super) fn draw(input: &tui_input::Input, chosen: usize, scene: &Scene, area: Rect, frame: &mut Frame) {
    let recording = matches!(scene.clock, Clock::Played { .. });
    let found = found(scene.state, scene.view, recording, input.value());
    let height = area.height.saturating_sub(6).clamp(3, 16);
    let inner = panel("command", (area.width.saturating_sub(12).clamp(20, 92), height), scene, area, frame);
    let mut rows = inner.rows();
    if let Some(line) = rows.next() {
        put_input(": ", input, ground(scene, Role::Text), scene, line, frame);
    }
    if found.is_empty() {
        let line = Line::styled("nothing is called so", ground(scene, Role::Muted));
        frame.render_widget(line, rows.next().unwrap_or_default());
        return;
    }
    let shown = usize::from(inner.height.saturating_sub(1));
    let first = (chosen + 1).saturating_sub(shown);
    let name = found.iter().map(|item| item.name.chars().count()).max().unwrap_or(0).min(36) + 2;
    for (place, (n, item)) in rows.zip(found.iter().enumerate().skip(first)) {
        let line = Line::from(vec![
            Span::styled(format!("{:>6} ", item.key), ground(scene, Role::Press)),
            Span::styled(format!("{:<name$}", item.name), ground(scene, Role::Strong)),
            Span::styled(item.about.as_str(), ground(scene, Role::Muted)),
        ]);
        put_row(line, n == chosen.min(found.len() - 1), place, scene, frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(typed: &str) -> String {
        let found = found(&State::default(), &ViewState::default(), false, typed);
        found.first().map_or_else(String::new, |item| item.name.clone())
    }

    #[test]
    fn a_few_letters_find_an_action() {
        assert_eq!(first("rerf"), "rerun failed");
        assert_eq!(first("stack"), "dump stacks");
        assert_eq!(first("SIGKILL nothing"), "");
        // What is not in a name is looked for in the sentence.
        assert_eq!(first("politely"), "stop");
    }

    #[test]
    fn a_recording_offers_only_what_can_be_done_in_one() {
        let found = found(&State::default(), &ViewState::default(), true, "");
        assert!(found.iter().all(|item| item.name != "run all"));
        assert!(found.iter().any(|item| item.name == "toggle play"));
    }
}
