//! The cycles: a table with what each came to and how that went over time, or two of them side by side. Every test
//! across them is drawn by [`heat`](super::heat).

use ratatui::layout::Rect;

use super::heat;
use super::pen::{Line, Pen};
use super::row::short_name;
use super::services::short_revision;
use crate::domain::{CauseClass, Change, CycleRecord, Moment, TestCase, Text};
use crate::ui::cycles::Sight;
use crate::ui::regions::Regions;
use crate::ui::scene::Scene;
use crate::ui::text::{Short, time_of_day, took};
use crate::ui::theme::{Mark, Role};

/// Bars of seven heights: a full one would touch the row above.
const BARS: [&str; 7] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇"];
/// How many lines of the chart are always there: what held, what failed, how long it took, and an empty one.
const CHART: u16 = 4;
/// How many kinds of causes the chart tells apart where there is room.
const KINDS: usize = 4;

pub(super) fn draw(pen: &mut Pen, scene: &Scene, regions: &Regions) {
    let area = regions.cycles;
    let inner = pen.frame(area, true);
    if scene.state.records.iter().len() == 0 {
        pen.title(area).put(Role::Text, " cycles ");
        let lines = ["no cycle has ended yet", "a cycle is one turn of the loop: R runs every test, r what failed"];
        for (text, y) in lines.into_iter().zip(inner.y..inner.bottom()) {
            pen.line(inner, y).put(Role::Muted, text);
        }
        return;
    }
    match scene.view.cycles.sight {
        Sight::Table => draw_table(pen, scene, area, inner),
        Sight::Record => draw_opened(pen, scene, regions, area, inner),
        Sight::Contrast => draw_contrast(pen, scene, regions, area, inner),
        Sight::Heat => heat::draw(pen, scene, regions, area, inner),
    }
}

// ── The table ────────────────────────────────────────────────────────────────────────────────────────────────────────

fn draw_table(pen: &mut Pen, scene: &Scene, area: Rect, inner: Rect) {
    let records: Vec<&CycleRecord> = scene.state.records.iter().collect();
    let mut title = pen.title(area);
    let greens = records.iter().filter(|record| record.green).count();
    title.end_fmt(Role::Muted, format_args!(" {} kept, {greens} green ", records.len()));
    title.put(Role::Text, " cycles ");
    let kinds = kinds(&records, inner.height);
    draw_chart(pen, scene, inner, &records, &kinds);
    let chart = CHART + kinds.len() as u16;
    let chosen = scene.view.cycles.chosen(scene.state).map(|record| record.number);
    let top = inner.y + chart;
    let mut line = pen.line(inner, top);
    Columns::of(inner.width).head(&mut line);
    // The causes of the chosen cycle stand below, as far as there is room.
    let causes = records.iter().find(|record| Some(record.number) == chosen).map_or(0, |record| record.causes.len());
    let below = (causes as u16 + 1).min(inner.height.saturating_sub(chart + 6)).min(9);
    let room = usize::from(inner.height.saturating_sub(chart + 1 + below));
    let place = records.iter().rev().position(|record| Some(record.number) == chosen).unwrap_or(0);
    let first = (place + 1).saturating_sub(room);
    for (record, y) in records.iter().rev().skip(first).take(room).zip(top + 1..) {
        if Some(record.number) == chosen {
            pen.select(Rect { x: area.x + 1, width: area.width - 2, ..area }, y);
        }
        draw_record(&mut pen.line(inner, y), scene, record, inner.width);
    }
    if let Some(record) = records.iter().find(|record| Some(record.number) == chosen).filter(|_| below > 1) {
        draw_causes(pen, record, Rect { y: inner.bottom() - below, height: below, ..inner });
    }
}

/// Which columns have room.
struct Columns {
    what: u16,
    served: u16,
    causes: u16,
}

impl Columns {
    fn of(width: u16) -> Self {
        let served = match width {
            ..96 => 0,
            96..160 => 18,
            160.. => 28,
        };
        let what = match width {
            ..140 => 0,
            140..180 => 20,
            180.. => 34,
        };
        Self { what, served, causes: width.saturating_sub(66 + what + served) }
    }

    fn head(&self, line: &mut Line) {
        line.cell(Role::Muted, "  cycle", 16).cell(Role::Muted, "began", 9).number(Role::Muted, "held", 7);
        line.number(Role::Muted, "failed", 8).number(Role::Muted, "took", 9).gap(2).cell(Role::Muted, "integrity", 15);
        if self.what > 0 {
            line.cell(Role::Muted, "selection", self.what);
        }
        if self.served > 0 {
            line.cell(Role::Muted, "new revision", self.served);
        }
        if self.causes > 5 {
            line.cell(Role::Muted, "why", self.causes);
        }
    }
}

fn draw_record(line: &mut Line, scene: &Scene, record: &CycleRecord, width: u16) {
    let columns = Columns::of(width);
    let is_marked = scene.view.cycles.marked == Some(record.number);
    line.cell(Role::Link, if is_marked { scene.theme.mark(Mark::Here) } else { "" }, 1);
    let role = match (record.green, &record.doubt) {
        (true, None) => Role::Good,
        (true, Some(_)) => Role::Hollow,
        (false, _) => Role::Text,
    };
    let doubtful = Short::new(format_args!("green {}", scene.theme.mark(Mark::NoEvidence)));
    let name = record.name.as_deref().unwrap_or(match (record.is_imported(), record.green) {
        (true, _) => "imported",
        (false, true) if record.doubt.is_some() => &doubtful,
        (false, true) => "green",
        (false, false) => "",
    });
    line.number(role, &Short::new(format_args!("{}", record.number)), 4).gap(1).cell(role, name, 9).gap(1);
    line.cell(Role::Muted, &began(scene, record.began), 9);
    match record.pass_rate() {
        Some(rate) => line.number(rate_role(rate), &Short::new(format_args!("{rate:.0} %")), 7),
        None => line.number(Role::Muted, "?", 7),
    };
    let failed = if record.failed > 0 { Role::Bad } else { Role::Muted };
    line.number(failed, &Short::new(format_args!("{}", record.failed)), 8);
    match record.took() {
        Some(span) => line.number(Role::Text, &took(span), 9),
        None => line.number(Role::Muted, "?", 9),
    };
    line.gap(2);
    let (role, whole) = integrity(record);
    line.cell(role, &whole, 14).gap(1);
    if columns.what > 0 {
        line.cell(Role::Muted, &record.what, columns.what - 1).gap(1);
    }
    if columns.served > 0 {
        line.cell(Role::Text, &moved(scene, record), columns.served - 1).gap(1);
    }
    if columns.causes > 5
        && let Some(cause) = record.causes.first()
    {
        let more = record.causes.len() - 1 + record.more_causes as usize;
        let title = if more > 0 {
            format!("{} × {} +{more}", cause.tests, cause.title)
        } else {
            format!("{} × {}", cause.tests, cause.title)
        };
        line.cell(Role::Text, &title, columns.causes);
    }
}

/// What served after a cycle and did not after the one before.
fn moved(scene: &Scene, record: &CycleRecord) -> String {
    let before = scene.state.records.iter().rev().find(|before| before.number < record.number);
    let is_new = |served: &&(Text, Text)| before.is_none_or(|before| !before.served.contains(served));
    let short = |(name, revision): &(Text, Text)| format!("{name} {}", short_revision(name, revision));
    record.served.iter().filter(is_new).map(short).collect::<Vec<_>>().join(", ")
}

/// The time of day, or the day where that is another one.
fn began(scene: &Scene, began: Moment) -> Short {
    let day = |moment: Moment| (moment.0 / 1_000_000).saturating_add_signed(i64::from(scene.view.utc_offset)) / 86_400;
    match day(scene.now).saturating_sub(day(began)) {
        0 => time_of_day(began, scene.view.utc_offset),
        1 => Short::new(format_args!("1 day")),
        days => Short::new(format_args!("{days} days")),
    }
}

fn rate_role(rate: f64) -> Role {
    match rate {
        rate if rate >= 100.0 => Role::Good,
        rate if rate >= 80.0 => Role::Warning,
        _ => Role::Bad,
    }
}

/// Whether the numbers of a cycle add up, in a word.
fn integrity(record: &CycleRecord) -> (Role, String) {
    let counts = &record.counts;
    if record.ended.is_none() {
        return (Role::Muted, format!("{} ended", record.finished));
    }
    if record.is_whole() {
        return (Role::Muted, format!("all {}", counts.selected));
    }
    let parts = [(counts.lost, "lost"), (counts.not_run, "not run"), (counts.straddled, "straddled")];
    let worst = parts.into_iter().find(|(count, _)| *count > 0);
    let told = worst.map_or_else(
        || format!("{} of {}", record.finished, counts.selected),
        |(count, word)| format!("{count} {word}"),
    );
    (Role::Warning, told)
}

fn draw_causes(pen: &mut Pen, record: &CycleRecord, area: Rect) {
    pen.section(area, area.y, &format!("why tests failed after cycle {}", record.number));
    let room = usize::from(area.height.saturating_sub(1));
    let left_out = record.causes.len().saturating_sub(room) + record.more_causes as usize;
    for (n, (cause, y)) in record.causes.iter().take(room).zip(area.y + 1..).enumerate() {
        let mut line = pen.line(area, y);
        if n + 1 == room && left_out > 0 {
            line.end_fmt(Role::Muted, format_args!(" and {left_out} more"));
        }
        line.number(Role::Bad, &Short::new(format_args!("{}", cause.tests)), 5).gap(1);
        line.cell(Role::Muted, cause.class.word(), 17).gap(1).put(Role::Text, &cause.title);
    }
}

/// The kinds of causes that most tests failed for, over all cycles; as many as there is room for.
fn kinds(records: &[&CycleRecord], height: u16) -> Vec<CauseClass> {
    let room = usize::from(height.saturating_sub(20) / 3).min(KINDS);
    let mut kinds: Vec<(u32, CauseClass)> = Vec::new();
    for cause in records.iter().flat_map(|record| &record.causes) {
        match kinds.iter_mut().find(|(_, class)| *class == cause.class) {
            Some((tests, _)) => *tests += cause.tests,
            None => kinds.push((cause.tests, cause.class)),
        }
    }
    kinds.sort_by_key(|(tests, _)| std::cmp::Reverse(*tests));
    kinds.into_iter().take(room).map(|(_, class)| class).collect()
}

/// A line each over the newest cycles: which part held, how many failed and for which kinds of causes, how long it took.
fn draw_chart(pen: &mut Pen, scene: &Scene, inner: Rect, records: &[&CycleRecord], kinds: &[CauseClass]) {
    let widest = kinds.iter().map(|class| class.word().chars().count() + 3).max().unwrap_or(0);
    let label = (widest as u16).max(9);
    let room = usize::from(inner.width.saturating_sub(label + 12) / 2).max(1);
    let shown = &records[records.len().saturating_sub(room)..];
    let most = |of: fn(&CycleRecord) -> f64| shown.iter().map(|record| of(record)).fold(0.0, f64::max);
    let failed = |record: &CycleRecord| f64::from(record.failed);
    let lasted = |record: &CycleRecord| record.took().map_or(0.0, |span| span.as_secs_f64());
    let chosen = scene.view.cycles.chosen(scene.state).map(|record| record.number);
    let mut row = |y: u16, word: &str, most: f64, of: &dyn Fn(&CycleRecord) -> Option<(f64, Role)>, said: &str| {
        let mut line = pen.line(inner, y);
        line.cell(Role::Muted, word, label);
        for record in shown {
            let Some((value, role)) = of(record) else {
                line.put(Role::Faint, "·").gap(1);
                continue;
            };
            let height = if most > 0.0 { (value / most * 6.0).round() as usize } else { 0 };
            let style = line.theme().style(role);
            line.glyph(style, BARS[height.min(6)]);
            line.put(Role::Faint, if Some(record.number) == chosen { "▏" } else { " " });
        }
        line.gap(1).put(Role::Muted, said);
    };
    let rate = |record: &CycleRecord| record.pass_rate().map(|rate| (rate, rate_role(rate)));
    row(inner.y, "held", 100.0, &rate, "of 100 %");
    let role = |record: &CycleRecord| if record.failed > 0 { Role::Bad } else { Role::Good };
    let worst = most(failed);
    row(inner.y + 1, "failed", worst, &|record| Some((failed(record), role(record))), &format!("of {worst:.0}"));
    for (class, y) in kinds.iter().zip(inner.y + 2..) {
        let of_kind = |record: &CycleRecord| {
            let causes = record.causes.iter().filter(|cause| cause.class == *class);
            f64::from(causes.map(|cause| cause.tests).sum::<u32>())
        };
        let value = |record: &CycleRecord| {
            let tests = of_kind(record);
            (tests > 0.0).then_some((tests, Role::Bad))
        };
        let most = shown.iter().map(|record| of_kind(record)).fold(0.0, f64::max);
        row(y, &format!("  {}", class.word()), worst, &value, &format!("up to {most:.0}"));
    }
    let longest = most(lasted);
    let span = crate::domain::Span::from_secs_f64(longest);
    let time = |record: &CycleRecord| record.took().map(|span| (span.as_secs_f64(), Role::Text));
    row(inner.y + 2 + kinds.len() as u16, "took", longest, &time, &format!("of {}", &*took(span)));
}

// ── One cycle, with all that is recorded ──────────────────────────────────────────────────────────────────────────────

fn draw_opened(pen: &mut Pen, scene: &Scene, regions: &Regions, area: Rect, inner: Rect) {
    let Some(record) = scene.view.cycles.chosen(scene.state) else { return };
    let lines = &regions.cycle_rows.lines;
    let room = usize::from(inner.height);
    let chosen = scene.view.cycles.row.min(lines.len().saturating_sub(1));
    let first = (chosen + 1).saturating_sub(room);
    let mut title = pen.title(area);
    let below = lines.len().saturating_sub(first + room);
    if below > 0 {
        title.end_fmt(Role::Muted, format_args!(" {below} more below "));
    }
    let name = record.name.as_deref().map_or(String::new(), |name| format!(" · {name}"));
    title.fmt(Role::Text, format_args!(" cycle {}{name} ", record.number));
    match &record.doubt {
        Some(doubt) => {
            title.put(Role::Good, "green").fmt(Role::Hollow, format_args!(", not proved: {doubt} "));
        }
        None if record.green => {
            title.put(Role::Good, "green ");
        }
        None => {}
    }
    for (n, (told, y)) in lines.iter().skip(first).take(room).zip(inner.y..).enumerate() {
        if n + first == chosen {
            pen.select(Rect { x: area.x + 1, width: area.width - 2, ..area }, y);
        }
        let mut line = pen.line(inner, y);
        if !told.is_head {
            line.gap(2);
        }
        if let Some((_, stop)) = &told.test {
            let (mark, role) = heat::mark_of(stop);
            line.mark(role, mark).gap(1);
        }
        told.parts.iter().for_each(|(role, text)| {
            line.put(*role, text);
        });
        if told.is_head {
            line.gap(1).rule();
        }
    }
}

// ── Two cycles side by side ──────────────────────────────────────────────────────────────────────────────────────────

fn draw_contrast(pen: &mut Pen, scene: &Scene, regions: &Regions, area: Rect, inner: Rect) {
    let Some((before, after)) = scene.view.cycles.pair(scene.state) else {
        pen.title(area).put(Role::Text, " cycles ");
        pen.line(inner, inner.y).put(Role::Muted, "there is no other cycle to compare this one with");
        return;
    };
    let changes = &regions.cycle_rows.changes;
    let mut title = pen.title(area);
    title.end_fmt(Role::Muted, format_args!(" {} changed or failing ", changes.len()));
    title.fmt(Role::Text, format_args!(" cycle {before} → cycle {after} "));
    for (number, y) in [(before, inner.y), (after, inner.y + 1)] {
        if let Some(record) = scene.state.records.get(number) {
            draw_record(&mut pen.line(inner, y), scene, record, inner.width);
        }
    }
    let mut line = pen.line(inner, inner.y + 2);
    for change in Change::ALL {
        let count = changes.iter().filter(|(known, _)| *known == change).count();
        if count > 0 {
            line.fmt(role_of(change), format_args!("{count} {}", change.word())).gap(3);
        }
    }
    if changes.is_empty() {
        line.put(Role::Muted, "nothing changed between them, and nothing fails in the later one");
    }
    pen.line(inner, inner.y + 3).rule();
    let top = inner.y + 4;
    let room = usize::from(inner.bottom().saturating_sub(top));
    let chosen = scene.view.cycles.row.min(changes.len().saturating_sub(1));
    let first = (chosen + 1).saturating_sub(room);
    for (n, ((change, id), y)) in changes.iter().skip(first).take(room).zip(top..).enumerate() {
        if n + first == chosen {
            pen.select(Rect { x: area.x + 1, width: area.width - 2, ..area }, y);
        }
        let Some(test) = scene.state.inventory.test(*id) else { continue };
        let is_first = n == 0 || changes[first + n - 1].0 != *change;
        draw_change(&mut pen.line(inner, y), test, *change, is_first, (before, after));
    }
}

fn draw_change(line: &mut Line, test: &TestCase, change: Change, is_first: bool, (before, after): (u32, u32)) {
    line.cell(role_of(change), if is_first { change.word() } else { "" }, 20);
    for cycle in [before, after] {
        // What did not run in a cycle stands as it did before, and is faint.
        match test.course.after(cycle) {
            Some(stop) => {
                let (mark, role) = heat::mark_of(stop);
                line.mark(if stop.cycle == cycle { role } else { Role::Faint }, mark);
            }
            None => {
                line.mark(Role::Faint, Mark::Queued);
            }
        }
        line.put(Role::Faint, if cycle == before { " → " } else { "  " });
    }
    if let Some(message) = test.message().filter(|_| line.room() > 80) {
        let half = line.room() / 2;
        line.cell(Role::Text, short_name(test), half - 2).gap(2);
        line.put(Role::Muted, crate::ui::text::first_line(message));
    } else {
        line.put(Role::Text, short_name(test));
    }
}

fn role_of(change: Change) -> Role {
    match change {
        Change::Broken | Change::FailingDifferently | Change::StillFailing => Role::Bad,
        Change::Flaky | Change::Vanished => Role::Warning,
        Change::Fixed => Role::Good,
    }
}
