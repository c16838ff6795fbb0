//! Results of earlier sessions: which of them count on what serves now.
//!
//! A result is remembered with the ground that it was obtained on. Where the very same revisions serve now, it counts as
//! one of this session does; where others do, or nobody knows, it is shown as stale until it is proved again. Where
//! nothing is deployed that could be asked, the project's files decide: the same commit, and nothing changed beside it.

use super::flake::words;
use super::inventory::TestCase;
use super::{Attempt, Checkout, On, Outcome, Records, Served, Services, State, Text};

/// What serves now, to be held against what results of earlier sessions were obtained on.
pub(super) struct Earlier<'a> {
    records: &'a Records,
    source: Option<&'a Checkout>,
    /// The revisions that serve now, in words; nothing where none is known.
    serving: Option<String>,
    /// Their number, where any test has met them.
    number: Option<u32>,
}

impl<'a> Earlier<'a> {
    fn of(services: &Services, served: &Served, records: &'a Records, source: Option<&'a Checkout>) -> Self {
        let revisions = || services.revisions(services.epoch());
        Self { records, source, serving: words(revisions()), number: served.known(revisions()) }
    }

    /// Whether any service has said what it is.
    pub(super) fn knows_what_serves(&self) -> bool {
        self.serving.is_some()
    }

    /// Whether a test's latest result, of an earlier session, counts now.
    pub(super) fn counts(&self, test: &TestCase, latest: &Attempt) -> bool {
        let Some(serving) = &self.serving else { return !test.stale || self.has_source_of(latest.cycle) };
        // What was set aside stands on no ground of its own.
        if matches!(latest.outcome, Outcome::Skipped | Outcome::Xfailed) {
            let record = self.records.get(latest.cycle);
            let served = record.and_then(|record| words(record.served.iter().map(|(name, revision)| (name, revision))));
            return served.as_ref() == Some(serving);
        }
        let met = test.grounds.iter().next_back().map(|ground| ground.on);
        self.number.is_some_and(|number| met == Some(On::Revisions(number)))
    }

    fn has_source_of(&self, cycle: u32) -> bool {
        let then = self.records.get(cycle).and_then(|record| record.source.as_deref());
        let same = self.source.zip(then).is_some_and(|(now, then)| now.commit == then.commit);
        same && [self.source, then].into_iter().flatten().all(|source| source.dirty == Some(0))
    }
}

impl State {
    pub(super) fn earlier(&self) -> Earlier<'_> {
        Earlier::of(&self.services, &self.served, &self.records, self.session.source.as_deref())
    }

    /// Decides anew which results are stale; answers how many are.
    pub(super) fn review_stale(&mut self) -> u32 {
        let services = &self.services;
        let earlier = Earlier::of(services, &self.served, &self.records, self.session.source.as_deref());
        self.inventory.review_stale(|test, latest| match latest.run {
            Some(_) => latest.circumstance.is_steady() && !services.is_current(latest.epoch),
            None => latest.circumstance.is_steady() && !earlier.counts(test, latest),
        })
    }

    /// What served when the latest result of a test was obtained, where an earlier session did that and knew it:
    /// `auth=auth-00002 backend=backend-00005`.
    #[must_use]
    pub fn served_earlier(&self, test: &TestCase) -> Option<&Text> {
        test.latest.as_ref().filter(|latest| latest.run.is_none())?;
        match test.grounds.iter().next_back()?.on {
            On::Revisions(number) => self.served.words_of(number),
            On::Cycle(_) => None,
        }
    }
}
