//! What happened lately: a time and a sentence each, the newest first.

use super::pen::Pen;
use crate::domain::{News, Tone};
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text::time_of_day;
use crate::ui::theme::Role;
use crate::ui::view::Pane;

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let area = regions.news;
    let inner = pen.frame(area, scene.view.focus == Pane::News);
    let window = regions.news_rows;
    let mut title = pen.title(area);
    title.put(Role::Text, " now ");
    if window.below() > 0 {
        title.end_fmt(Role::Muted, format_args!(" {} newer ", window.below()));
    }
    if scene.state.news.is_empty() {
        pen.line(inner, inner.y).put(Role::Muted, "nothing happened yet");
        return;
    }
    let last = (window.top + window.shown).min(window.end);
    for (y, ordinal) in (inner.y..inner.bottom()).zip((window.top..last).rev()) {
        if let Some(news) = scene.state.news.nth(ordinal) {
            draw_sentence(pen, scene, inner, y, news);
        }
    }
}

/// One sentence in a line.
pub(super) fn draw_sentence(pen: &mut Pen, scene: &Scene, area: ratatui::layout::Rect, y: u16, news: &News) {
    let time = time_of_day(news.at, scene.view.utc_offset);
    let mut line = pen.line(area, y);
    if news.times > 1 {
        line.end_fmt(Role::Muted, format_args!(" ×{}", news.times));
    }
    line.put(Role::Muted, &time).gap(2).put(tone(news.tone), &news.text);
}

/// The role of a sentence's tone.
pub(super) fn tone(tone: Tone) -> Role {
    match tone {
        Tone::Person | Tone::Plain => Role::Text,
        Tone::Good => Role::Good,
        Tone::Bad => Role::Bad,
        Tone::Warning => Role::Warning,
        Tone::Stale => Role::Stale,
    }
}
