//! Cycles in numbers: what is kept of each one when its runs end.

use std::collections::BTreeSet;

use crate::domain::record::CAUSES_KEPT;
use crate::domain::{
    Counted, CycleCause, CycleCounts, CycleRecord, Effect, Effects, Outcome, Run, RunId, RunKind, State, Tally,
    TestCase, TestId, Text,
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
        let mut record = CycleRecord { number, source, ended: Some(self.at), ..CycleRecord::default() };
        let of_cycle = self.runs.iter().rev().map(|(_, run)| run).take_while(|run| run.cycle == number);
        let runs: Vec<&Run> = of_cycle.filter(|run| run.kind == RunKind::Test).take(RUNS_LOOKED_AT).collect();
        record.what = what(&runs);
        record.counts.runs = runs.len() as u32;
        for (place, newest) in runs.iter().enumerate() {
            if runs[..place].iter().any(|run| run.runner == newest.runner) {
                continue;
            }
            let own: Vec<&Run> = runs.iter().copied().filter(|run| run.runner == newest.runner).collect();
            self.add_runs(&mut record, &own);
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
        record.began = if number == self.cycle { self.cycle_since } else { asked };
        self.baseline.outdated |= record.green;
        self.records.note(record);
        self.records.unreported = self.session.project.has_reports;
    }

    /// Adds what the runs of one runner came to in the cycle of a record. Where it ran several times, each test is counted
    /// once, by its last attempt there: a chain that reruns what failed and then what is stale is one result.
    fn add_runs(&self, record: &mut CycleRecord, runs: &[&Run]) {
        if let [run] = runs {
            let selected = run.integrity.selected.max(run.integrity.collected);
            return record.add(selected, run.integrity.finished, run.integrity.not_run, run.integrity.lost, &run.tally);
        }
        let asked = |run: &&Run| run.selection.as_ref().unwrap_or(&run.tests).clone();
        let selected: BTreeSet<TestId> = runs.iter().flat_map(asked).collect();
        let (mut tally, mut lost, mut not_run) = (Tally::default(), 0, 0);
        for test in selected.iter().filter_map(|id| self.inventory.test(*id)) {
            match counted_in(record.number, test) {
                Some(counted) => {
                    tally.add(counted);
                    let outcome = test.latest.as_ref().map(|latest| latest.outcome);
                    lost += u32::from(matches!(outcome, Some(Outcome::Lost | Outcome::Interrupted)));
                }
                None => not_run += 1,
            }
        }
        record.add(selected.len() as u32, tally.finished() - lost, not_run, lost, &tally);
    }

    /// The cycle is over where no run of tests goes on: then its reports are wanted.
    pub(super) fn want_reports(&mut self, effects: &mut Effects) {
        let over = std::mem::take(&mut self.records.unreported);
        if over && !self.runs.active().any(|(_, run)| run.kind == RunKind::Test && run.cycle == self.cycle) {
            effects.push(Effect::WriteReports);
        }
    }
}

impl CycleRecord {
    fn add(&mut self, selected: u32, finished: u32, not_run: u32, lost: u32, tally: &Tally) {
        self.finished += finished;
        self.failed += tally.failures();
        let counts = &mut self.counts;
        *counts = CycleCounts {
            selected: counts.selected + selected,
            passed: counts.passed + tally.passes(),
            lost: counts.lost + lost,
            not_run: counts.not_run + not_run,
            straddled: counts.straddled + tally.straddled,
            environment: counts.environment + tally.environment,
            known: counts.known + tally.known,
            runs: counts.runs,
        };
    }
}

/// As what a test counts in a cycle; nothing where it has no result there.
fn counted_in(cycle: u32, test: &TestCase) -> Option<Counted> {
    let latest = test.latest.as_ref().filter(|latest| latest.cycle == cycle && latest.run.is_some())?;
    Some(if test.known.is_some() { Counted::Known } else { latest.circumstance.counts(latest.outcome) })
}

/// What was asked for in a cycle, from its runs, the newest first: each wish once, in the order in which they came.
fn what(runs: &[&Run]) -> Text {
    let mut wishes: Vec<&str> = Vec::new();
    for run in runs.iter().rev() {
        if !wishes.contains(&&*run.what) {
            wishes.push(&run.what);
        }
    }
    let more = wishes.len().saturating_sub(WISHES);
    wishes.truncate(WISHES);
    let told = wishes.join(" + ");
    if more > 0 { format!("{told} + {more} more").into() } else { told.into() }
}

#[cfg(test)]
mod tests {
    use crate::ui::fixture::prove;

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
