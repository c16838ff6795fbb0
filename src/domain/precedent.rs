//! The deploys that came before: how each ended, and what they say of how long the next one and its steps take.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Moment, Span, Text};

/// How many deploys of a service are kept to learn from.
pub const DEPLOYS_KEPT: usize = 20;
/// How a deploy ended that put its revision in place, in a word.
const LIVE: &str = "live";

/// A deploy that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastDeploy {
    /// The revision that served before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Text>,
    /// The revision that was put in place, or announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Text>,
    /// Who asked for it.
    pub by: Text,
    /// How it ended, in a word.
    pub how: Text,
    /// When it was asked for.
    pub started: Moment,
    /// How long it took; nothing where its end was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<Span>,
    /// The steps that ended well, in order, and how long each took.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<(Text, Span)>,
}

impl PastDeploy {
    /// Whether its revision came to serve.
    #[must_use]
    pub fn is_live(&self) -> bool {
        &*self.how == LIVE
    }
}

/// How long something took, over several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typical {
    /// Over how many times.
    pub times: usize,
    /// The shortest.
    pub least: Span,
    /// The one in the middle.
    pub median: Span,
    /// Nine of ten took no longer.
    pub most_of_all: Span,
    /// The longest.
    pub most: Span,
}

impl Typical {
    /// What these times come to; nothing where there are none.
    #[must_use]
    pub fn of(times: impl Iterator<Item = Span>) -> Option<Self> {
        let mut times: Vec<Span> = times.collect();
        times.sort_unstable();
        let (least, most) = (*times.first()?, *times.last()?);
        let count = times.len();
        let median = Span((times[(count - 1) / 2].0 + times[count / 2].0) / 2);
        let most_of_all = times[(count * 9).div_ceil(10) - 1];
        Some(Self { times: count, least, median, most_of_all, most })
    }
}

/// The latest deploys of one service that are over, oldest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Precedents(VecDeque<PastDeploy>);

impl Precedents {
    /// Adds a deploy that is newer than all others.
    pub fn note(&mut self, past: PastDeploy) {
        if self.0.len() == DEPLOYS_KEPT {
            self.0.pop_front();
        }
        self.0.push_back(past);
    }

    /// All of them, the newest first.
    pub fn newest(&self) -> impl Iterator<Item = &PastDeploy> {
        self.0.iter().rev()
    }

    /// How long it took until a revision was live, in the deploys before that moment.
    #[must_use]
    pub fn total(&self, before: Moment) -> Option<Typical> {
        Typical::of(self.before(before).filter(|past| past.is_live()).filter_map(|past| past.took))
    }

    /// How long a step took in the deploys before that moment, whatever came of them afterwards.
    #[must_use]
    pub fn step(&self, name: &str, before: Moment) -> Option<Typical> {
        let steps = self.before(before).flat_map(|past| &past.steps);
        Typical::of(steps.filter(|(step, _)| &**step == name).map(|(_, took)| *took))
    }

    fn before(&self, moment: Moment) -> impl Iterator<Item = &PastDeploy> {
        self.0.iter().filter(move |past| past.started < moment)
    }

    /// The steps of the newest deploy that came to serve: those that the next one is expected to take.
    pub fn expected(&self) -> impl Iterator<Item = &Text> {
        let newest = self.newest().find(|past| past.is_live() && !past.steps.is_empty());
        newest.into_iter().flat_map(|past| past.steps.iter().map(|(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Moment = Moment(u64::MAX);

    fn past(how: &str, seconds: u64, build: u64) -> PastDeploy {
        PastDeploy {
            from: None,
            to: None,
            by: "ada".into(),
            how: how.into(),
            started: Moment(seconds),
            took: Some(Span::seconds(seconds)),
            steps: vec![("build".into(), Span::seconds(build))],
        }
    }

    #[test]
    fn a_failed_deploy_tells_of_its_steps_and_not_of_the_whole() {
        let mut precedents = Precedents::default();
        for (how, seconds, build) in [("live", 60, 20), ("failed", 900, 30), ("live", 80, 40)] {
            precedents.note(past(how, seconds, build));
        }
        let total = precedents.total(LATER).expect("two came to serve");
        assert_eq!((total.times, total.median, total.most), (2, Span::seconds(70), Span::seconds(80)));
        let build = precedents.step("build", LATER).expect("three were built");
        assert_eq!([build.least, build.median, build.most], [20, 30, 40].map(Span::seconds));
        assert_eq!(precedents.step("push", LATER), None);
    }

    #[test]
    fn nine_of_ten_are_no_longer_than_the_ninth() {
        let of = |count: u64| Typical::of((1..=count).map(Span::seconds)).expect("some").most_of_all;
        assert_eq!([1, 2, 10, 20].map(of), [1, 2, 9, 18].map(Span::seconds));
        assert_eq!(Typical::of(std::iter::empty()), None);
    }

    #[test]
    fn no_more_are_kept_than_are_useful() {
        let mut precedents = Precedents::default();
        (0..30).for_each(|n| precedents.note(past("live", n, 1)));
        assert_eq!(precedents.newest().count(), DEPLOYS_KEPT);
        assert_eq!(precedents.newest().next().map(|past| past.started), Some(Moment(29)));
    }
}
