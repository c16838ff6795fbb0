//! Cycles in numbers: what is kept of each one when its runs end.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::record::CAUSES_KEPT;
use crate::domain::{
    CycleCause, CycleCounts, CycleRecord, Effect, Effects, Moment, Outcome, Run, RunId, RunKind, State, Tally, TestId,
    Text,
};

/// How many runs of one cycle are looked at.
const RUNS_LOOKED_AT: usize = 64;
/// How many of the things that were asked for in one cycle are told.
const WISHES: usize = 4;

impl State {
    /// A run of tests ended: its cycle in numbers, to be shown, compared, and chosen as a baseline later.
    pub(super) fn record_cycle(&mut self, id: RunId) {
        let Some(ended) = self.runs.get(id).filter(|run| run.kind == RunKind::Test) else { return };
        let (number, source, asked) = (ended.cycle, ended.source.clone(), ended.asked);
        let mut runners = Vec::new();
        // The commits before it are told once, as those since the cycle before.
        let alone = source.as_ref().map(|source| Arc::new(source.alone()));
        let mut record = CycleRecord { number, source: alone, ended: Some(self.at), ..CycleRecord::default() };
        let of_cycle = self.runs.iter().rev().map(|(_, run)| run).take_while(|run| run.cycle == number);
        let of_cycle: Vec<&Run> = of_cycle.filter(|run| run.kind == RunKind::Test).take(RUNS_LOOKED_AT).collect();
        record.what = what(&of_cycle);
        record.counts.runs = of_cycle.len() as u32;
        for run in &of_cycle {
            if runners.contains(&run.runner) {
                continue;
            }
            runners.push(run.runner);
            let several: Vec<&Run> = of_cycle.iter().filter(|other| other.runner == run.runner).copied().collect();
            let (finished, failed, own) = match several.as_slice() {
                [_] => of_run(run),
                several => self.of_runs(number, several),
            };
            record.finished += finished;
            record.failed += failed;
            record.counts.add(&own);
        }
        let present = self.causes.present();
        record.more_causes = present.len().saturating_sub(CAUSES_KEPT) as u32;
        let causes = present.into_iter().take(CAUSES_KEPT).filter_map(|id| self.causes.get(id));
        record.causes = causes
            .map(|cause| CycleCause {
                key: cause.key.clone(),
                class: cause.class(),
                title: cause.title().clone(),
                tests: cause.count(),
            })
            .collect();
        let served = self.services.revisions(self.services.epoch());
        record.served = served.map(|(name, revision)| (name.clone(), revision.clone())).collect();
        record.green = self.is_green();
        record.doubt = record.green.then(|| self.reservation(&[])).flatten();
        record.began = if number == self.cycle { self.cycle_since } else { asked };
        record.around = self.around(number, record.began);
        if let Some(source) = source {
            let earlier = self.records.iter().rev().filter(|earlier| earlier.number < number);
            let known = earlier.filter_map(|earlier| earlier.source.as_ref()).map(|source| &*source.commit).next();
            let (commits, more) = source.since(known);
            (record.around.commits, record.around.more_commits) = (commits, more);
        }
        self.baseline.outdated |= record.green;
        self.records.note(record);
        self.records.unreported = self.session.project.has_reports;
    }

    /// What several runs of one runner come to in a cycle, test by test: a proof reruns what failed and then what is
    /// stale, a retry runs the same tests again. The last attempt counts.
    fn of_runs(&self, number: u32, runs: &[&Run]) -> (u32, u32, CycleCounts) {
        let asked = |run: &Run| {
            if run.tests.is_empty() { run.selection.clone().unwrap_or_default() } else { run.tests.clone() }
        };
        let tests: BTreeSet<TestId> = runs.iter().flat_map(|run| asked(run)).collect();
        let (mut tally, mut counts) = (Tally::default(), CycleCounts::default());
        for test in tests.iter().filter_map(|id| self.inventory.test(*id)) {
            counts.selected += 1;
            match test.latest.as_ref().filter(|latest| latest.cycle == number && latest.run.is_some()) {
                Some(latest) => {
                    counts.lost += u32::from(latest.outcome == Outcome::Lost);
                    tally.add(test.counted());
                }
                None => counts.not_run += 1,
            }
        }
        counts = CycleCounts {
            passed: tally.passes(),
            straddled: tally.straddled,
            environment: tally.environment,
            known: tally.known,
            ..counts
        };
        (tally.finished() - counts.lost, tally.failures(), counts)
    }

    /// The cycle is over where no run of tests goes on: then its reports are wanted.
    pub(super) fn want_reports(&mut self, effects: &mut Effects) {
        let over = std::mem::take(&mut self.records.unreported);
        if over && !self.runs.active().any(|(_, run)| run.kind == RunKind::Test && run.cycle == self.cycle) {
            effects.push(Effect::WriteReports);
        }
    }
}

/// What one run comes to: tests that finished, tests that failed, and the rest.
fn of_run(run: &Run) -> (u32, u32, CycleCounts) {
    let counts = CycleCounts {
        selected: run.integrity.selected.max(run.integrity.collected),
        passed: run.tally.passes(),
        lost: run.integrity.lost,
        not_run: run.integrity.not_run,
        straddled: run.tally.straddled,
        environment: run.tally.environment,
        known: run.tally.known,
        runs: 0,
    };
    (run.integrity.finished, run.tally.failures(), counts)
}

/// What was asked for in a cycle, from its runs, the newest first: each wish once, in the order in which they came. What
/// several runners were asked for at once is one wish: `1 failed` and `35 failed` are `36 failed`.
fn what(runs: &[&Run]) -> Text {
    let mut wishes: Vec<(Moment, String)> = Vec::new();
    for run in runs.iter().rev() {
        if wishes.iter().any(|(_, wish)| *wish == *run.what) {
            continue;
        }
        let together = wishes.iter_mut().find_map(|(asked, wish)| {
            let sum = sum_of(wish, &run.what).filter(|_| *asked == run.asked)?;
            Some((wish, sum))
        });
        match together {
            Some((wish, sum)) => *wish = sum,
            None => wishes.push((run.asked, run.what.to_string())),
        }
    }
    let more = wishes.len().saturating_sub(WISHES);
    let told: Vec<String> = wishes.into_iter().take(WISHES).map(|(_, wish)| wish).collect();
    let told = told.join(" + ");
    if more > 0 { format!("{told} + {more} more").into() } else { told.into() }
}

/// `36 failed` of `1 failed` and `35 failed`.
fn sum_of(one: &str, other: &str) -> Option<String> {
    let ((some, word), (more, same)) = (one.split_once(' ')?, other.split_once(' ')?);
    let (some, more): (u32, u32) = (some.parse().ok()?, more.parse().ok()?);
    (word == same).then(|| format!("{} {word}", some + more))
}

#[cfg(test)]
mod tests {
    use super::sum_of;
    use crate::ui::fixture::prove;

    #[test]
    fn what_two_runners_were_asked_for_at_once_is_one_wish() {
        assert_eq!(sum_of("1 failed", "35 failed").as_deref(), Some("36 failed"));
        assert_eq!(sum_of("1 failed", "35 stale"), None);
        assert_eq!(sum_of("everything", "everything"), None);
    }

    #[test]
    fn a_cycle_of_several_runs_counts_each_test_once_by_its_last_attempt() {
        let story = prove::proved();
        let tests = story.state.inventory.tally().total();
        let record = story.state.records.iter().next_back().expect("the chain's cycle is kept");
        // One of the two that failed before fails still, and one of those that were stale fails now.
        assert_eq!((record.counts.runs, record.counts.selected, record.finished), (2, tests, tests));
        assert_eq!((record.failed, record.counts.passed), (2, tests - 2));
        assert!(record.what.starts_with("2 failed + ") && record.what.ends_with(" stale"), "{}", record.what);
    }
}
