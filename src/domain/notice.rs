//! Notices: what somebody who looks elsewhere wants to be called back for.
//!
//! The fold keeps the newest of them; a viewer whose terminal is not looked at rings its bell, and a hook is given them.

use serde::{Deserialize, Serialize};

use super::{Moment, Ring, State, Text, Tone};

/// How many notices are kept: a viewer that fell further behind rings once.
const KEPT: usize = 32;

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A deploy ended.
    Deploy,
    /// The health of a service changed.
    Health,
    /// A run, or a chain from a deploy to its proof, ended.
    Run,
    /// The first test of a run failed.
    Red,
}

/// Something that somebody who looks elsewhere wants to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// When it became known.
    pub at: Moment,
    /// What it is about.
    pub kind: NoticeKind,
    /// How it is meant.
    pub tone: Tone,
    /// The sentence, as the news have it.
    pub text: Text,
}

/// The newest notices, counted from the first that ever came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notices(Ring<Notice>);

impl Default for Notices {
    fn default() -> Self {
        Self(Ring::new(KEPT))
    }
}

impl Notices {
    /// How many ever came.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.total()
    }

    /// Those that came after the first `seen`, as far as they are kept.
    pub fn since(&self, seen: u64) -> impl Iterator<Item = (u64, &Notice)> {
        let from = seen.max(self.0.dropped());
        (from..self.total()).filter_map(|n| Some((n, self.0.nth(n)?)))
    }
}

impl State {
    /// The sentence that was just said is worth calling somebody back.
    pub(super) fn notice(&mut self, kind: NoticeKind) {
        let Some(news) = self.news.last() else { return };
        let notice = Notice { at: self.at, kind, tone: news.tone, text: news.text.clone() };
        self.notices.0.push(notice);
    }

    /// The same for something that the news do not tell.
    pub(super) fn notice_red(&mut self, text: Text) {
        let notice = Notice { at: self.at, kind: NoticeKind::Red, tone: Tone::Bad, text };
        self.notices.0.push(notice);
    }
}
