//! What a protocol has to remember between messages: ids that come once, and texts that come in pieces.

use std::collections::HashMap;

use super::message::{SUMMARY_LIMIT, up_to};

/// How many things that have begun are remembered at once; a sender that ends none of them is forgotten at this point.
const OPEN_KEPT: usize = 256;

/// Something that has begun and not ended: a tool call, a text, a thought.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Open {
    /// What it is, in the protocol's word.
    pub(super) what: String,
    /// The tool's name, where it is a call.
    pub(super) name: Option<String>,
    /// Its id, where that is not the key.
    pub(super) call: Option<String>,
    /// What came of it so far, cut at a bound.
    pub(super) text: String,
}

/// What is remembered of a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    /// The run under way.
    pub(super) run: Option<String>,
    /// Its thread.
    pub(super) thread: Option<String>,
    /// Its agent, or model.
    pub(super) agent: Option<String>,
    /// The latest text that was finished.
    pub(super) answer: Option<String>,
    /// How it said that it will end.
    pub(super) verdict: Option<String>,
    open: HashMap<String, Open>,
}

impl Track {
    /// A new run; nothing of the one before is kept.
    pub(super) fn begin(&mut self, run: Option<&str>) {
        *self = Self { run: run.map(bounded), ..Self::default() };
    }

    /// The run is over: what follows belongs to none.
    pub(super) fn end(&mut self) {
        self.begin(None);
    }

    pub(super) fn open(&mut self, key: &str, open: Open) {
        if self.open.len() >= OPEN_KEPT {
            self.open.clear();
        }
        self.open.insert(bounded(key), open);
    }

    pub(super) fn get(&self, key: &str) -> Option<&Open> {
        self.open.get(key)
    }

    /// Adds a piece to what is open under that key.
    pub(super) fn add(&mut self, key: &str, piece: &str) {
        if let Some(open) = self.open.get_mut(key) {
            let room = SUMMARY_LIMIT.saturating_sub(open.text.len());
            open.text.push_str(up_to(piece, room));
            if piece.len() > room && !open.text.ends_with('…') {
                open.text.push('…');
            }
        }
    }

    /// What was open under that key, which it is no longer.
    pub(super) fn close(&mut self, key: &str) -> Option<Open> {
        self.open.remove(key)
    }
}

fn bounded(text: &str) -> String {
    up_to(text, SUMMARY_LIMIT).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_put_together_up_to_a_bound() {
        let mut track = Track::default();
        track.open("a", Open::default());
        for piece in ["two ", "words"] {
            track.add("a", piece);
            track.add("another", piece);
        }
        assert_eq!(track.get("a").map(|open| open.text.as_str()), Some("two words"));
        (0..1000).for_each(|_| track.add("a", "éé"));
        let text = track.close("a").expect("is open").text;
        assert!(text.len() <= SUMMARY_LIMIT + '…'.len_utf8() && text.ends_with('…'), "{}", text.len());
        assert_eq!(track.close("a"), None);
    }

    #[test]
    fn a_sender_that_ends_nothing_is_bounded() {
        let mut track = Track::default();
        (0..10_000).for_each(|n| track.open(&n.to_string(), Open::default()));
        assert!(track.open.len() <= OPEN_KEPT);
    }
}
