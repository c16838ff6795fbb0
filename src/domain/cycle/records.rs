//! Cycles in numbers: what is kept of each one when its runs end.

use crate::domain::record::CAUSES_KEPT;
use crate::domain::{CycleCause, CycleCounts, CycleRecord, Effect, Effects, RunId, RunKind, State};

/// How many runs of one cycle are looked at.
const RUNS_LOOKED_AT: usize = 64;

impl State {
    /// A run of tests ended: its cycle in numbers, to be shown, compared, and chosen as a baseline later.
    pub(super) fn record_cycle(&mut self, id: RunId) {
        let Some(ended) = self.runs.get(id).filter(|run| run.kind == RunKind::Test) else { return };
        let (number, what, source) = (ended.cycle, ended.what.clone(), ended.source.clone());
        let asked = ended.asked;
        let mut runners = Vec::new();
        let mut record = CycleRecord { number, what, source, ended: Some(self.at), ..CycleRecord::default() };
        let of_cycle = self.runs.iter().rev().map(|(_, run)| run).take_while(|run| run.cycle == number);
        for run in of_cycle.filter(|run| run.kind == RunKind::Test).take(RUNS_LOOKED_AT) {
            record.counts.runs += 1;
            // Where a runner ran several times in a cycle, its newest run counts.
            if runners.contains(&run.runner) {
                continue;
            }
            runners.push(run.runner);
            record.finished += run.integrity.finished;
            record.failed += run.tally.failures();
            let counts = &mut record.counts;
            *counts = CycleCounts {
                selected: counts.selected + run.integrity.selected.max(run.integrity.collected),
                passed: counts.passed + run.tally.passes(),
                lost: counts.lost + run.integrity.lost,
                not_run: counts.not_run + run.integrity.not_run,
                straddled: counts.straddled + run.tally.straddled,
                environment: counts.environment + run.tally.environment,
                known: counts.known + run.tally.known,
                runs: counts.runs,
            };
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

    /// The cycle is over where no run of tests goes on: then its reports are wanted.
    pub(super) fn want_reports(&mut self, effects: &mut Effects) {
        let over = std::mem::take(&mut self.records.unreported);
        if over && !self.runs.active().any(|(_, run)| run.kind == RunKind::Test && run.cycle == self.cycle) {
            effects.push(Effect::WriteReports);
        }
    }
}
