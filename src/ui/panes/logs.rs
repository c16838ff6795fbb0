//! The logs of the services: a time, a mark for the level, whose line it is and what it says. The newest line is the
//! lowest; a line that is opened stands whole below the list.

use ratatui::layout::Rect;

use super::pen::{Line, Pen};
use crate::domain::{Level, LogLine, Logged, ServiceLog, State};
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text::{self, count, precise_time};
use crate::ui::theme::{Mark, Role};
use crate::ui::view::{Pane, ViewState};

/// How wide the name of a service may be.
const NAME: usize = 14;

/// How the lines of the pane are shared out.
struct Plan {
    lost: u16,
    rows: u16,
    whole: u16,
}

impl Plan {
    fn new(area: Rect, state: &State, view: &ViewState) -> Self {
        let height = area.height.saturating_sub(2);
        let lost = state.logs.iter().filter(|(_, log)| log.lost.is_some()).count() as u16;
        let lost = lost.min(height / 3);
        let whole = if view.logs.opened { (height - lost) / 2 } else { 0 };
        Self { lost, rows: height - lost - whole, whole }
    }
}

/// How many lines of logs fit into the pane.
pub(crate) fn rows(area: Rect, state: &State, view: &ViewState) -> u16 {
    Plan::new(area, state, view).rows
}

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let (area, state, view) = (regions.logs, scene.state, scene.view);
    let inner = pen.frame(area, view.focus == Pane::Logs);
    draw_title(pen, scene, area);
    draw_bottom(pen, scene, regions, area);
    let plan = Plan::new(area, state, view);
    let mut y = inner.y;
    for (id, log) in state.logs.iter().filter(|(_, log)| log.lost.is_some()).take(usize::from(plan.lost)) {
        let name = state.services.get(id).map_or("", |service| &service.spec.name);
        let mut line = pen.line(inner, y);
        line.mark(Role::Bad, Mark::Failed).gap(1).put(Role::Text, name).put(Role::Bad, " is not read: ");
        line.put(Role::Bad, log.lost.as_deref().unwrap_or_default());
        y += 1;
    }
    if regions.log_rows.rows.is_empty() {
        return draw_empty(pen, scene, inner, y);
    }
    let names = name_column(scene);
    for (place, number) in regions.log_rows.rows.iter().enumerate() {
        let Some(logged) = state.logs.get(*number) else { continue };
        if place == regions.log_rows.cursor && (view.logs.is_frozen() || view.logs.opened) {
            pen.select(Rect { x: area.x + 1, width: area.width - 2, ..area }, y);
        }
        draw_line(&mut pen.line(inner, y), scene, logged, names);
        y += 1;
    }
    let chosen = regions.log_rows.chosen().and_then(|number| state.logs.get(number));
    if let Some(logged) = chosen.filter(|_| plan.whole > 1) {
        let below = Rect { y: inner.bottom() - plan.whole, height: plan.whole, ..inner };
        draw_whole(pen, below, &logged.line);
    }
}

fn draw_title(pen: &mut Pen, scene: &Scene, area: Rect) {
    let (state, shown) = (scene.state, scene.view.logs.service);
    let logs = || state.logs.iter().filter(move |(id, _)| shown.is_none_or(|shown| shown == *id)).map(|(_, log)| log);
    let sum = |of: fn(&ServiceLog) -> u64| logs().map(of).sum::<u64>();
    let (errors, warnings) = (sum(|log| log.counts.of(Level::Error)), sum(|log| log.counts.of(Level::Warning)));
    let (lines, dropped) = (sum(|log| log.counts.total()), sum(|log| log.dropped));
    let mut line = pen.title(area);
    if dropped > 0 {
        line.end_fmt(Role::Muted, format_args!(", {} not kept ", count(dropped)));
    } else {
        line.end(Role::Muted, " ");
    }
    line.end_fmt(Role::Muted, format_args!(" {} lines", count(lines)));
    for (mark, role, number) in [(Mark::Warning, Role::Warning, warnings), (Mark::Failed, Role::Bad, errors)] {
        if number > 0 {
            line.end_fmt(role, format_args!(" {} {} ", scene.theme.mark(mark), count(number)));
        }
    }
    line.put(Role::Text, " logs ");
    if let Some(service) = shown.and_then(|id| state.services.get(id)) {
        line.bold(Role::Text, &service.spec.name).gap(1);
    }
}

/// In the lower border: what is left out on purpose, and that newer lines wait.
fn draw_bottom(pen: &mut Pen, scene: &Scene, regions: &Regions, area: Rect) {
    let view = &scene.view.logs;
    let inside = Rect { x: area.x + 2, width: area.width.saturating_sub(4), ..area };
    let mut line = pen.line(inside, area.bottom().saturating_sub(1));
    if view.is_frozen() {
        line.end_fmt(Role::Warning, format_args!(" frozen, {} newer ", count(regions.log_rows.newer)));
    }
    let mut tell = |role, what: &str| {
        line.put(role, " ").put(role, what).put(role, " ");
    };
    match view.level {
        Some(Level::Error) => tell(Role::Bad, "errors alone"),
        Some(Level::Warning) => tell(Role::Warning, "warnings and errors"),
        Some(Level::Info) => tell(Role::Muted, "without debug"),
        Some(Level::Debug) | None => {}
    }
    if let Some(lines) = &view.lines {
        tell(Role::Warning, lines.revision.as_deref().unwrap_or("since the deploy"));
    }
    if let Some(run) = &view.run {
        tell(Role::Agent, run);
    }
    if !view.words.is_empty() {
        tell(Role::Match, view.words.input.value().trim());
    }
}

fn draw_empty(pen: &mut Pen, scene: &Scene, inner: Rect, y: u16) {
    let logs = &scene.state.logs;
    let (first, second) = if logs.is_empty() {
        ("no log is configured", "add [service.NAME.logs.command] or [service.NAME.logs.http] to liveloop.toml")
    } else if scene.view.logs.is_narrowed() && logs.end() > 0 {
        ("no line that is kept matches", "esc shows all lines again")
    } else if logs.iter().any(|(_, log)| log.followed) {
        ("nothing was written yet", "")
    } else {
        ("no source has answered yet", "")
    };
    for (text, y) in [first, second].into_iter().zip(y..inner.bottom()) {
        pen.line(inner, y).put(Role::Muted, text);
    }
}

/// How wide the names are; nothing where one service's log is shown alone.
fn name_column(scene: &Scene) -> u16 {
    let logs = &scene.state.logs;
    if scene.view.logs.service.is_some() || logs.iter().count() < 2 {
        return 0;
    }
    let names = logs.iter().filter_map(|(id, _)| scene.state.services.get(id)).map(|service| &service.spec.name);
    names.map(|name| text::width(name)).max().unwrap_or(0).min(NAME) as u16
}

/// How a level is marked.
pub(super) fn mark(level: Level) -> (Mark, Role) {
    match level {
        Level::Error => (Mark::Failed, Role::Bad),
        Level::Warning => (Mark::Warning, Role::Warning),
        Level::Info | Level::Debug => (Mark::Queued, Role::Muted),
    }
}

fn draw_line(line: &mut Line, scene: &Scene, logged: &Logged, names: u16) {
    let (mark, role) = mark(logged.line.level);
    line.put(Role::Muted, &precise_time(logged.at(), scene.view.utc_offset)).gap(1).mark(role, mark).gap(1);
    if names > 0 {
        let name = scene.state.services.get(logged.service).map_or("", |service| &service.spec.name);
        line.cell(Role::Muted, name, names).gap(1);
    }
    let base = match logged.line.level {
        Level::Error => Role::Bad,
        Level::Warning => Role::Warning,
        Level::Info => Role::Text,
        Level::Debug => Role::Muted,
    };
    if scene.view.logs.around && scene.view.logs.is_match(logged) {
        line.mark(Role::Match, Mark::Here).gap(1);
    }
    if let Some(run) = logged.line.run.as_deref().filter(|_| line.room() >= 90) {
        line.end(Role::Agent, run).end_gap(1);
    }
    line.ansi(base, text::first_line(&logged.line.text));
}

fn draw_whole(pen: &mut Pen, area: Rect, line: &LogLine) {
    pen.section(area, area.y, "the whole line");
    let whole = line.whole.as_ref().unwrap_or(&line.text);
    let lines = if whole.starts_with('{') { pretty(whole) } else { vec![whole.to_string()] };
    let columns = usize::from(area.width).max(1);
    let mut y = area.y + 1;
    for one in &lines {
        // Coloured text is not wrapped: a piece of a sequence would be shown.
        if one.contains('\u{1b}') {
            if y < area.bottom() {
                pen.line(area, y).ansi(Role::Text, one);
            }
            y += 1;
            continue;
        }
        for piece in text::wrap(one, columns) {
            if y < area.bottom() {
                pen.line(area, y).put(Role::Text, piece);
            }
            y += 1;
        }
    }
    if y > area.bottom() {
        let mut line = pen.line(area, area.bottom() - 1);
        line.end_fmt(Role::Muted, format_args!(" … {} more lines", y - area.bottom()));
    }
}

/// JSON with a line for each member, two columns further in for each level; what is no JSON comes out readable too.
fn pretty(json: &str) -> Vec<String> {
    let (mut lines, mut line, mut depth) = (Vec::new(), String::new(), 0_usize);
    let (mut quoted, mut escaped) = (false, false);
    let mut chars = json.chars().peekable();
    while let Some(c) = chars.next() {
        if quoted {
            line.push(c);
            quoted = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            '{' | '[' if matches!((c, chars.peek()), ('{', Some('}')) | ('[', Some(']'))) => line.push(c),
            '}' | ']' if line.ends_with(['{', '[']) => line.push(c),
            '{' | '[' => {
                line.push(c);
                depth = (depth + 1).min(40);
                lines.push(std::mem::replace(&mut line, "  ".repeat(depth)));
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                lines.push(std::mem::replace(&mut line, "  ".repeat(depth)));
                line.push(c);
            }
            ',' => {
                line.push(c);
                lines.push(std::mem::replace(&mut line, "  ".repeat(depth)));
            }
            ':' => line.push_str(": "),
            c if c.is_whitespace() => {}
            c => {
                quoted = c == '"';
                line.push(c);
            }
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_member_by_member() {
        let told = pretty(r#"{"a":1,"b":{"c":"x, {y} \" z","d":[]},"e":[1,2]}"#);
        let wanted =
            ["{", "  \"a\": 1,", "  \"b\": {", "    \"c\": \"x, {y} \\\" z\",", "    \"d\": []", "  },", "  \"e\": ["];
        assert_eq!(told[..wanted.len()], wanted);
        assert_eq!(told.last().map(String::as_str), Some("}"));
        for wild in ["{", "}}}}", "{\"", "{[,:", ""] {
            let _ = pretty(wild);
        }
    }
}
