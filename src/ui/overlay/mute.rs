//! The form that accepts a failure: a reason, and optionally an owner, an issue and a last day.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use tui_input::Input;

use super::{ground, panel, put_input};
use crate::config::date::end_of_day;
use crate::config::timespan::Timespan;
use crate::domain::{Command, KnownSpec, Moment, Text};
use crate::ui::navigate::around;
use crate::ui::scene::Scene;
use crate::ui::theme::Role;
use crate::ui::update::{About, Wish};
use crate::ui::view::{Overlay, ViewState};
use crate::ui::viewer::edit;

/// The fields: their names, and what belongs into them.
const FIELDS: [(&str, &str); 4] = [
    ("reason", "required: why it is accepted"),
    ("owner", "who looks after it"),
    ("issue", "a link to where it is written down"),
    ("expires", "2026-12-31, or a while like 14d"),
];

/// What is being accepted, as far as it has been filled in.
#[derive(Debug, Clone)]
pub struct MuteForm {
    /// What is muted, in a few words.
    pub title: String,
    /// How many tests fail for it now.
    pub count: u32,
    /// The tests and the signature that it is bound to.
    pub spec: KnownSpec,
    inputs: [Input; FIELDS.len()],
    at: usize,
    trouble: Option<String>,
}

impl MuteForm {
    /// An empty form.
    #[must_use]
    pub fn new(title: String, count: u32, spec: KnownSpec) -> Self {
        Self { title, count, spec, inputs: Default::default(), at: 0, trouble: None }
    }

    /// The line that is typed into.
    pub fn input(&mut self) -> &mut Input {
        self.trouble = None;
        &mut self.inputs[self.at]
    }

    /// What was filled in; else the field that keeps it from being used, and why.
    fn filled(&self, now: Moment) -> Result<KnownSpec, (usize, String)> {
        let text = |n: usize| Some(self.inputs[n].value().trim()).filter(|text| !text.is_empty());
        let reason = text(0).ok_or((0, "write down why this failure is accepted".to_owned()))?;
        let expires = text(3).map(|text| expiry(text, now).map_err(|why| (3, why))).transpose()?;
        Ok(KnownSpec {
            reason: reason.into(),
            owner: text(1).map(Text::from),
            issue: text(2).map(Text::from),
            expires,
            ..self.spec.clone()
        })
    }
}

/// A day, or a while from now.
fn expiry(text: &str, now: Moment) -> Result<Moment, String> {
    let end = match text.parse::<Timespan>() {
        Ok(span) => now.after(std::time::Duration::from(span).into()),
        Err(_) => end_of_day(text).map_err(|why| format!("{why}, nor a while like 14d"))?,
    };
    if end <= now { Err(format!("`{text}` is over already")) } else { Ok(end) }
}

/// Types into the form, moves between its fields, or sends it.
pub(in crate::ui) fn press(view: &mut ViewState, key: KeyEvent, about: &About) -> Vec<Wish> {
    let Some(Overlay::Mute(form)) = &mut view.overlay else { return Vec::new() };
    match key.code {
        KeyCode::Esc => view.overlay = None,
        KeyCode::Tab | KeyCode::Down => form.at = around(form.at, 1, FIELDS.len()),
        KeyCode::BackTab | KeyCode::Up => form.at = around(form.at, -1, FIELDS.len()),
        KeyCode::Enter => match form.filled(about.now) {
            Ok(spec) => {
                view.overlay = None;
                return vec![Wish::Command(Command::Mute(Arc::new(spec)))];
            }
            Err((field, why)) => (form.at, form.trouble) = (field, Some(why)),
        },
        _ => {
            edit(form.input(), key);
        }
    }
    Vec::new()
}

pub(super) fn draw(form: &MuteForm, scene: &Scene, area: Rect, frame: &mut Frame) {
    let width = area.width.saturating_sub(8).clamp(20, 84);
    let inner = panel("mute a failure", (width, FIELDS.len() as u16 + 5), scene, area, frame);
    let mut rows = inner.rows();
    let mut line = |text: Line| {
        if let Some(place) = rows.next() {
            frame.render_widget(text, place);
        }
    };
    let plural = if form.count == 1 { "" } else { "s" };
    let count = format!("{} test{plural}", form.count);
    let room = usize::from(inner.width).saturating_sub(count.len() + 2);
    let title = cut(&form.title, room, scene);
    line(Line::from(vec![
        Span::styled(format!("{title:<room$}  "), ground(scene, Role::Strong)),
        Span::styled(count, ground(scene, Role::Muted)),
    ]));
    let bound = form.spec.signature.as_deref().unwrap_or_default();
    let how = format!("{bound}: any other failure still counts");
    line(Line::styled(cut(&how, usize::from(inner.width), scene), ground(scene, Role::Muted)));
    let trouble = form.trouble.as_deref().unwrap_or_default();
    let below = inner.y + inner.height.saturating_sub(1);
    for (n, (name, hint)) in FIELDS.into_iter().enumerate() {
        let place = Rect { y: inner.y + 3 + n as u16, height: 1, ..inner };
        if place.y >= below {
            break;
        }
        let style = ground(scene, Role::Text);
        let prompt =
            format!("{} {name:<9}", if n == form.at { scene.theme.mark(crate::ui::theme::Mark::Here) } else { " " });
        if n == form.at {
            put_input(&prompt, &form.inputs[n], style, scene, place, frame);
        } else {
            let value = Span::styled(form.inputs[n].value(), style);
            frame.render_widget(
                Line::from(vec![Span::styled(prompt.clone(), ground(scene, Role::Muted)), value]),
                place,
            );
        }
        if form.inputs[n].value().is_empty() {
            let after = Line::from(prompt.as_str()).width() as u16 + 1;
            let rest = Rect { x: place.x + after, width: place.width.saturating_sub(after), ..place };
            frame.render_widget(Span::styled(hint, ground(scene, Role::Muted)), rest);
        }
    }
    let last = Rect { y: below, height: 1, ..inner };
    frame.render_widget(Line::styled(cut(trouble, usize::from(inner.width), scene), ground(scene, Role::Bad)), last);
}

fn cut(text: &str, room: usize, scene: &Scene) -> String {
    if Line::from(text).width() <= room {
        return text.to_owned();
    }
    let mut shown = String::new();
    for character in text.chars() {
        if Line::from(shown.as_str()).width() + 2 > room {
            break;
        }
        shown.push(character);
    }
    shown + scene.theme.mark(crate::ui::theme::Mark::Ellipsis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_while_or_a_day_that_is_not_over_yet() {
        let now = Moment(1_790_000_000_000_000);
        assert_eq!(expiry("14d", now), Ok(Moment(now.0 + 14 * 86_400_000_000)));
        assert_eq!(expiry("2026-12-31", now), end_of_day("2026-12-31"));
        assert!(expiry("2020-01-01", now).is_err_and(|why| why.contains("over already")));
        assert!(expiry("soon", now).is_err_and(|why| why.contains("2026-12-31") && why.contains("14d")));
    }

    #[test]
    fn a_reason_is_asked_for_until_there_is_one() {
        let mut form = MuteForm::new("a".into(), 1, KnownSpec::of_signature("assertion:3f9a12c0".into()));
        assert_eq!(form.filled(Moment(0)).map_err(|(field, _)| field), Err(0));
        form.inputs[0] = Input::from("the backend of revision 1");
        form.inputs[1] = Input::from("  ");
        let spec = form.filled(Moment(0)).expect("a mute");
        assert_eq!(
            (&*spec.reason, spec.owner, spec.signature.as_deref()),
            ("the backend of revision 1", None, Some("assertion:3f9a12c0"))
        );
    }
}
