//! A hand-off on its way: what can be handed over from here, and by which way.

use super::acting::looked_at;
use super::update::{About, Wish};
use super::view::{Choice, Chosen, Overlay, ViewState};
use crate::domain::{Entry, Event, HandOff, Moment, SessionEvent, State, TestId, Tone};
use crate::report;

/// Offers to hand over what is looked at, the cause behind it, and everything that fails.
pub(super) fn hand_off(view: &mut ViewState, about: &About) -> Vec<Wish> {
    let mut rows = Vec::new();
    for (what, name) in offers(view, about) {
        let Some(text) = report::hand_off(about.state, what) else { continue };
        let size = size(text.len());
        rows.push((format!("{name}, copied  ({size})"), Chosen::HandOver(what, text)));
        if !about.is_recording() {
            rows.push((format!("{name}, into a file"), Chosen::KeepHandOff(what)));
        }
    }
    if rows.is_empty() {
        view.note(Tone::Warning, "nothing here to hand off: no test fails, and none is chosen", about.now);
    } else {
        view.overlay = Some(Overlay::Choice(Choice { title: "hand off".into(), rows, chosen: 0 }));
    }
    Vec::new()
}

/// What can be handed over from here, the nearest first.
fn offers(view: &ViewState, about: &About) -> Vec<(HandOff, &'static str)> {
    let state = about.state;
    let mut offers = Vec::new();
    match (looked_at(state, view), view.subject(about)) {
        (Some(cause), _) => offers.push((HandOff::Cause(cause), "this cause")),
        (None, Some(test)) => {
            offers.push((HandOff::Test(test), "this test"));
            offers.extend(shared_cause(state, test).map(|cause| (cause, "its cause")));
        }
        (None, None) => {}
    }
    match state.causes.present().len() {
        0 => {}
        1 if offers.is_empty() => offers.push((HandOff::Open, "the open cause")),
        1 => {}
        _ => offers.push((HandOff::Open, "all open causes")),
    }
    offers
}

/// The cause of a test, where others fail for it too.
fn shared_cause(state: &State, test: TestId) -> Option<HandOff> {
    let cause = state.causes.of(test)?;
    (state.causes.get(cause)?.count() > 1).then_some(HandOff::Cause(cause))
}

/// Tells the person who waits for it where their hand-off is.
pub(super) fn hear(view: &mut ViewState, entry: &Entry, now: Moment) {
    let Event::Session(event) = &entry.event else { return };
    let (tone, text) = match event {
        SessionEvent::HandOffKept { path, bytes } => {
            let size = size(usize::try_from(*bytes).unwrap_or(usize::MAX));
            (Tone::Good, format!("the hand-off, {size}, is written to {path}"))
        }
        SessionEvent::HandOffFailed { why } => (Tone::Bad, why.to_string()),
        _ => return,
    };
    if std::mem::take(&mut view.handing) {
        view.note(tone, text, now);
    }
}

/// `812 bytes`, `4.1 KB`.
pub(super) fn size(bytes: usize) -> String {
    if bytes < 1_000 { format!("{bytes} bytes") } else { format!("{:.1} KB", bytes as f64 / 1_000.0) }
}
