//! The keys, made from the action table.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{ground, panel};
use crate::attach::Clock;
use crate::ui::action::{ACTIONS, Context};
use crate::ui::chord::Chord;
use crate::ui::keymap::Keymap;
use crate::ui::scene::Scene;
use crate::ui::theme::Role;

/// Where keys work, in the order in which help shows it.
const ORDER: [Context; 9] = [
    Context::Recording,
    Context::Session,
    Context::Board,
    Context::Detail,
    Context::Agents,
    Context::Spans,
    Context::Logs,
    Context::Cycles,
    Context::Everywhere,
];

/// A row of the help.
enum Row {
    Heading(&'static str),
    Key(String, &'static str),
    Gap,
}

fn rows(keymap: &Keymap, recording: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for context in ORDER {
        let here = ACTIONS.iter().filter(|spec| spec.contexts.first() == Some(&context));
        let mut here = here.filter(|spec| spec.action.is_for(recording)).peekable();
        if here.peek().is_none() {
            continue;
        }
        if !rows.is_empty() {
            rows.push(Row::Gap);
        }
        rows.push(Row::Heading(context.word()));
        rows.extend(here.map(|spec| {
            let chords: Vec<String> = keymap.chords(spec.action).iter().map(Chord::to_string).collect();
            Row::Key(if chords.is_empty() { "–".to_owned() } else { chords.join(" ") }, spec.sentence)
        }));
    }
    rows
}

/// How far the help can be scrolled where so many rows show.
fn last_scroll(rows: usize, shown: u16) -> u16 {
    u16::try_from(rows).unwrap_or(u16::MAX).saturating_sub(shown)
}

/// The scroll within what there is to scroll.
#[must_use]
pub fn clamped(scroll: u16, keymap: &Keymap, recording: bool, screen: u16) -> u16 {
    scroll.min(last_scroll(rows(keymap, recording).len(), screen.saturating_sub(if screen > 8 { 3 } else { 2 })))
}

pub(super) fn draw(scroll: u16, scene: &Scene, area: Rect, frame: &mut Frame) {
    let rows = rows(&scene.view.keymap, matches!(scene.clock, Clock::Played { .. }));
    let width = rows.iter().map(|row| match row {
        Row::Key(_, sentence) => sentence.chars().count() + 15,
        Row::Heading(_) | Row::Gap => 0,
    });
    let size = (width.max().unwrap_or(0) as u16, rows.len() as u16);
    let inner = panel("keys", size, scene, area, frame);
    let scroll = scroll.min(last_scroll(rows.len(), inner.height));
    for (place, row) in inner.rows().zip(rows.iter().skip(usize::from(scroll))) {
        let line = match row {
            Row::Heading(word) => Line::styled(*word, ground(scene, Role::Muted)),
            Row::Key(keys, sentence) => Line::from(vec![
                Span::styled(format!("{keys:<14} "), ground(scene, Role::Press)),
                Span::styled(*sentence, ground(scene, Role::Text)),
            ]),
            Row::Gap => Line::default(),
        };
        frame.render_widget(line, place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_in_the_help_of_a_session_or_of_a_recording() {
        let keymap = Keymap::default();
        let keys = |recording| {
            rows(&keymap, recording).into_iter().filter_map(|row| match row {
                Row::Key(_, sentence) => Some(sentence),
                Row::Heading(_) | Row::Gap => None,
            })
        };
        let all: Vec<&str> = keys(true).chain(keys(false)).collect();
        for spec in ACTIONS {
            assert!(all.contains(&spec.sentence), "{}", spec.name);
        }
        assert!(!keys(true).any(|sentence| sentence.contains("Runs every test")));
    }
}
