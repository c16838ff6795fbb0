//! What results are measured against: chosen by a person, read by the engine, matched with the tests that there are.

use std::sync::Arc;

use crate::domain::effect::{Effect, Effects};
use crate::domain::{
    Attempt, Baseline, CauseId, Detail, LoadedBaseline, Measure, Moment, Outcome, RunKind, Signature, State, TestId,
    Text, Tone, ViewerId,
};

impl State {
    pub(super) fn compare_with(&mut self, baseline: &Baseline, effects: &mut Effects) {
        if *baseline == Baseline::Previous {
            self.baseline.take(None);
            self.measure_all();
            self.inventory.put_in_order();
            return self.say(Tone::Person, "each test is compared with its previous cycle");
        }
        self.baseline.pending = Some(baseline.clone());
        effects.push(Effect::LoadBaseline(baseline.clone()));
    }

    /// The baseline that the project is configured with, once the past is known.
    pub(super) fn begin_comparison(&mut self, effects: &mut Effects) {
        let wanted = self.session.project.baseline.clone();
        if wanted != Baseline::Previous && self.baseline.loaded.is_none() && self.baseline.pending.is_none() {
            self.compare_with(&wanted, effects);
        }
    }

    /// Before a cycle begins: what has gone green since the last look is the last green cycle now.
    pub(super) fn renew_baseline(&mut self, effects: &mut Effects) {
        if self.baseline.outdated && *self.baseline.baseline() == Baseline::Green && self.baseline.pending.is_none() {
            self.baseline.pending = Some(Baseline::Green);
            effects.push(Effect::LoadBaseline(Baseline::Green));
        }
    }

    pub(super) fn take_baseline(&mut self, loaded: &Arc<LoadedBaseline>) {
        if self.baseline.pending.as_ref() != Some(&loaded.baseline) {
            return;
        }
        self.baseline.take(Some(loaded.clone()));
        self.measure_all();
        self.baseline.untold = true;
        if self.inventory.tests().any(|(_, test)| !test.gone) {
            self.miss_vanished();
            self.tell_baseline();
        }
        self.inventory.put_in_order();
    }

    pub(super) fn lose_baseline(&mut self, baseline: &Baseline, why: &str) {
        if self.baseline.pending.as_ref() == Some(baseline) {
            self.baseline.pending = None;
            self.say(Tone::Bad, format!("no comparison with {}: {why}", baseline.word()));
        }
    }

    pub(super) fn name_cycle(&mut self, by: ViewerId, cycle: u32, name: &Text) {
        let who = self.viewer_name(Some(by)).to_owned();
        match name.trim() {
            "" => self.say(Tone::Warning, "a cycle's name cannot be empty"),
            _ if self.records.name(cycle, name) => self.say(Tone::Person, format!("{who} calls cycle {cycle} {name}")),
            _ => self.say(Tone::Warning, format!("cycle {cycle} is not known, so it cannot be called {name}")),
        }
    }

    /// Once everything is listed: what the baseline knows and nobody finds has vanished, and the comparison is told.
    pub(super) fn settle_baseline(&mut self, complete: bool) {
        if complete {
            self.miss_vanished();
        }
        if self.baseline.untold && complete {
            self.tell_baseline();
        }
    }

    /// Everything takes its place by its verdict, unless tests run: nothing moves under somebody's eyes.
    pub(super) fn put_in_order(&mut self) {
        if !self.runs.active().any(|(_, run)| run.kind == RunKind::Test) {
            self.inventory.put_in_order();
        }
    }

    fn tell_baseline(&mut self) {
        let Some(loaded) = self.baseline.loaded.clone() else { return };
        self.baseline.untold = false;
        let known = |result: &&crate::domain::BaselineResult| {
            result.also.iter().chain([&result.node]).any(|name| self.inventory.knows(name))
        };
        let matched = loaded.results.iter().filter(known).count();
        self.baseline.matched = matched as u32;
        let age = loaded.at.map_or(String::new(), |at| format!(", written {}", ago(self.at, at)));
        let (title, count) = (&loaded.title, loaded.results.len());
        let text = format!("compared with {title}{age}: {matched} of its {count} results match a test");
        self.say(if matched == 0 { Tone::Warning } else { Tone::Plain }, text);
    }

    /// Measures every test against the baseline that holds now.
    fn measure_all(&mut self) {
        let known = self.inventory.tests().len() as u32;
        for n in 0..known {
            self.measure(TestId(n));
        }
    }

    /// Measures a test that was found, or that a new baseline may know.
    pub(super) fn measure(&mut self, id: TestId) {
        let Some(test) = self.inventory.test(id) else { return };
        let Some(loaded) = self.baseline.loaded.clone() else {
            if test.measure != Measure::Previous {
                self.inventory.measure(id, Measure::Previous);
            }
            return;
        };
        let Some(result) = self.baseline.of(&test.node) else {
            return self.inventory.measure(id, Measure::Chosen(None));
        };
        let cycle = loaded.cycle.unwrap_or(0);
        let mut before = result.attempt(cycle, loaded.at.unwrap_or(Moment(0)));
        let signature = result.signature.clone();
        let failed = test.latest.as_ref().filter(|latest| latest.outcome.is_failure());
        let (latest, own) =
            failed.map_or((None, None), |failed| (failed.cause, Some((failed.outcome, failed.detail.clone()))));
        before.cause = signature.filter(|_| before.outcome.is_failure()).map(|signature| {
            let own = own.map(|(outcome, detail)| Signature::of(outcome, detail.as_deref()));
            let same = latest.filter(|latest| self.is_same(*latest, own.as_ref(), &signature));
            same.unwrap_or_else(|| self.causes.find((*signature).clone(), cycle))
        });
        self.inventory.measure(id, Measure::Chosen(Some(Arc::new(before))));
    }

    /// Whether a failure of that cause, whose own signature is `own`, is the failure that a baseline tells of.
    fn is_same(&self, cause: CauseId, own: Option<&Signature>, before: &Signature) -> bool {
        let cause = self.causes.get(cause).map(|cause| &cause.signature);
        own.into_iter().chain(cause).any(|now| now.agrees(before))
    }

    /// A test failed again: files tell less of a failure than a run does, so that the same one may look like another
    /// until both are laid side by side.
    pub(super) fn recognize(&mut self, id: TestId, outcome: Outcome, detail: Option<&Detail>, cause: Option<CauseId>) {
        let Some(Measure::Chosen(Some(before))) = self.inventory.test(id).map(|test| &test.measure) else { return };
        let (Some(cause), Some(known)) = (cause, before.cause) else { return };
        if cause == known || !outcome.is_failure() {
            return;
        }
        let Some(signature) = self.causes.get(known).map(|known| &known.signature) else { return };
        if self.is_same(cause, Some(&Signature::of(outcome, detail)), signature) {
            let before = Attempt { cause: Some(cause), ..(**before).clone() };
            self.inventory.measure(id, Measure::Chosen(Some(Arc::new(before))));
        }
    }

    /// Lists in their modules the tests that the baseline knows and that no runner finds.
    fn miss_vanished(&mut self) {
        let Some(loaded) = self.baseline.loaded.clone() else { return };
        for result in &loaded.results {
            let mut names = result.also.iter().chain([&result.node]);
            if names.any(|name| self.inventory.knows(name)) {
                continue;
            }
            let Some(runner) = self.inventory.runner_with(&result.module) else { continue };
            let before = result.attempt(loaded.cycle.unwrap_or(0), loaded.at.unwrap_or(Moment(0)));
            let measure = Measure::Chosen(Some(Arc::new(before)));
            self.inventory.miss(runner, &result.module, &result.node, measure);
        }
        self.inventory.entitle();
    }
}

/// `9 days ago`
fn ago(now: Moment, then: Moment) -> String {
    let seconds = now.since(then).0 / 1_000_000;
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}
