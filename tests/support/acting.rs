//! What a person does at the console, and how they tell what came of it.

use std::time::Duration;

use super::console::{Console, Shown};

pub(crate) const ENTER: &str = "\r";
pub(crate) const WIDE: (u16, u16) = (140, 40);
const RIGHT: &str = "\x1b[C";
/// A button cannot be pressed sooner than this after it got the focus: against held keys and pastes.
const DWELL: Duration = Duration::from_millis(160);

/// The first line of the screen.
pub(crate) fn header(shown: &Shown) -> String {
    shown.text().lines().next().unwrap_or_default().to_owned()
}

/// Waits until a cycle is over; answers its word and how many tests failed.
pub(crate) fn result_of(console: &Console, cycle: u32) -> (String, u32) {
    console.until(&format!("the result of cycle {cycle}"), |shown| {
        let header = header(shown);
        let words: Vec<&str> = header.split_whitespace().collect();
        let place = words.windows(2).position(|pair| pair == ["cycle", &cycle.to_string()])?;
        let word = words.get(place + 2).filter(|word| ["red", "green", "stale"].contains(word))?;
        let failed = words.windows(2).find(|pair| pair[0] == "✘").and_then(|pair| pair[1].parse().ok())?;
        Some(((*word).to_owned(), failed))
    })
}

/// Deploys the service that the console offers, which has to be the backend, and waits until `revision` is proved to
/// serve.
pub(crate) fn deploy(console: &mut Console, revision: &str) {
    console.keys("d");
    say_yes(console, "deploy backend");
    console.until_shown(&format!("{revision} is live"));
}

/// Chooses the row that is offered, and says yes to what is asked then.
pub(crate) fn say_yes(console: &mut Console, verb: &str) {
    console.until_shown("⏎ choose");
    console.keys(ENTER);
    console.until_shown("enter cancel");
    console.keys(RIGHT);
    console.until_shown(&format!("enter {verb}"));
    std::thread::sleep(DWELL);
    console.keys(ENTER);
}
