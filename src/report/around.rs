//! What else happened while a test ran: agent events, services, deploys and people, on one line of time.

use super::excerpt::cut;
use super::time::clock;
use crate::domain::plain;
use crate::domain::{Attempt, Moment, Span, State};

/// How many things are told.
const TOLD: usize = 60;
/// How long before its start, and after its end, things still belong to a test.
const MARGIN: Span = Span::millis(500);

/// The lines, in order of time, and how many more there were.
pub(super) fn around(state: &State, attempt: &Attempt) -> (Vec<String>, usize) {
    if attempt.run.is_none() {
        return (Vec::new(), 0);
    }
    let from = Moment(attempt.started.0.saturating_sub(MARGIN.0));
    let to = attempt.started.after(attempt.took).after(MARGIN);
    let is_inside = |at: Moment| (from..=to).contains(&at);
    let agents = state.agents.events().iter().filter(|seen| is_inside(seen.at)).map(|seen| {
        let (name, subject) = (state.agents.name(seen), state.agents.subject(seen));
        let said = seen.text.lines().next().filter(|said| !said.is_empty()).unwrap_or(subject);
        let failed = if seen.failed { " FAILED" } else { "" };
        (seen.at, "agent", format!("{name}{failed} {said}"))
    });
    let news = state.news.iter().filter(|news| is_inside(news.at)).map(|news| (news.at, "news", news.text.to_string()));
    let mut all: Vec<(Moment, &str, String)> = agents.chain(news).collect();
    all.sort_by_key(|(at, ..)| *at);
    let left_out = all.len().saturating_sub(TOLD);
    let told = |(at, kind, text): &(Moment, &str, String)| {
        format!("{} {:>8}  {kind:<6} {}", clock(*at), offset(*at, attempt.started), cut(plain(text).trim_end(), 200))
    };
    (all.iter().take(TOLD).map(told).collect(), left_out)
}

/// `+1.04`: seconds since the test began.
fn offset(at: Moment, started: Moment) -> String {
    let sign = if at < started { '-' } else { '+' };
    format!("{sign}{:.2}", Span(at.0.abs_diff(started.0)).as_secs_f64())
}
