//! What results are compared with: the choice, and what the screen says of it.

use super::acting;
use super::text::{Short, time_of_day};
use super::update::{About, Wish};
use super::view::{Choice, Chosen, Overlay, ViewState};
use crate::domain::{Baseline, Command, CycleRecord, Moment, State};

/// How many cycles are offered.
const OFFERED: usize = 20;

/// Offers the baselines that there are.
pub(super) fn choose_baseline(view: &mut ViewState, about: &About) -> Vec<Wish> {
    if !view.drives(about.state) {
        return acting::ask(view, about, Vec::new(), "");
    }
    let present = about.state.baseline.baseline();
    let rows = rows(about.state, view.utc_offset, about.now);
    let is_present = |(_, chosen): &(String, Chosen)| matches!(chosen, Chosen::Command(Command::CompareWith(baseline)) if baseline == present);
    let chosen = rows.iter().position(is_present).unwrap_or(0);
    let title = match about.state.baseline.title() {
        Some(title) => format!("compare with, now {title}"),
        None => "compare with".to_owned(),
    };
    view.overlay = Some(Overlay::Choice(Choice { title, rows, chosen }));
    Vec::new()
}

fn rows(state: &State, offset: i32, now: Moment) -> Vec<(String, Chosen)> {
    let row = |label: String, baseline| (label, Chosen::Command(Command::CompareWith(baseline)));
    let mut rows = vec![row("previous cycle of each test".to_owned(), Baseline::Previous)];
    let green = state.records.iter().rev().find(|record| record.green);
    rows.push(row(
        match green {
            Some(record) => format!("last green cycle, {}", record.number),
            None => "last green cycle, none is known".to_owned(),
        },
        Baseline::Green,
    ));
    if let Some(file) = &state.session.project.baseline_file {
        rows.push(row(format!("file {file}"), Baseline::File(file.clone())));
    }
    if let Baseline::File(path) = state.baseline.baseline()
        && state.session.project.baseline_file.as_ref() != Some(path)
    {
        rows.push(row(format!("file {path}"), Baseline::File(path.clone())));
    }
    let finished = state.records.iter().rev().take(OFFERED);
    rows.extend(finished.map(|record| row(told(record, offset, now), Baseline::Cycle(record.number))));
    rows
}

/// `cycle  12  09:41:07  133 tests  35 failed  release  everything`
fn told(record: &CycleRecord, offset: i32, now: Moment) -> String {
    let failed = match (record.green, record.failed) {
        (true, _) => "green".to_owned(),
        (false, failed) => format!("{failed} failed"),
    };
    let days = now.since(record.began).0 / 86_400_000_000;
    let when = match days {
        0 => time_of_day(record.began, offset),
        1 => Short::new(format_args!("1 day ago")),
        _ => Short::new(format_args!("{days} days ago")),
    };
    let name = record.name.as_ref().map_or(String::new(), |name| format!("  {name}"));
    format!("cycle {:>3}  {when:<10} {:>6} tests  {failed:>10}{name}  {}", record.number, record.finished, record.what)
}
