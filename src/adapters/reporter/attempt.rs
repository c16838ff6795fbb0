//! From the phases of an attempt to its outcome.

use std::sync::Arc;

use super::longrepr::Failure;
use crate::adapters::sanitize;
use crate::domain::{Detail, Outcome, Section, Span, SubtestRow};

/// How many subtests are kept one by one; of those beyond, only the failed ones count.
const SUBTESTS_KEPT: usize = 500;
/// How much output of one attempt is kept, in bytes.
const OUTPUT_KEPT: usize = 2 * 1024 * 1024;

/// A part of an attempt that pytest reports on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Setup,
    Call,
    Teardown,
}

/// What a report says about its phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Passed,
    Failed,
    Skipped,
    Rerun,
}

/// What is known of an attempt that is not over.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    took: f64,
    outcome: Option<Outcome>,
    retried: bool,
    phases: u32,
    failures: Vec<(Phase, Failure)>,
    reason: String,
    sections: Vec<Section>,
    output_kept: usize,
    output_dropped: usize,
    subtests: Vec<SubtestRow>,
    subtests_failed: u32,
    subtests_dropped: u32,
}

/// How an attempt ended.
#[derive(Debug, PartialEq)]
pub(super) enum Ending {
    /// The runner tries again.
    Again(Option<Arc<Detail>>),
    /// For good.
    Over(Outcome, Span, Option<Arc<Detail>>),
}

impl Attempt {
    /// One phase of the attempt. `expected` is pytest's `wasxfail`: present on tests that are marked to fail.
    pub(super) fn report(
        &mut self,
        phase: Phase,
        said: Said,
        seconds: f64,
        expected: Option<String>,
        failure: Failure,
    ) {
        self.phases += 1;
        self.took += if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
        let outcome = match (phase, said) {
            (_, Said::Rerun) => {
                self.retried = true;
                None
            }
            (Phase::Call, Said::Passed) if expected.is_some() => Some(Outcome::Xpassed),
            (Phase::Call, Said::Passed) => Some(Outcome::Passed),
            (_, Said::Passed) => None,
            (Phase::Setup | Phase::Call, Said::Skipped) if expected.is_some() => Some(Outcome::Xfailed),
            (Phase::Setup | Phase::Call, Said::Skipped) => Some(Outcome::Skipped),
            (Phase::Teardown, Said::Skipped) => None,
            (_, Said::Failed) if failure.is_timeout() => Some(Outcome::TimedOut),
            (Phase::Call, Said::Failed) => Some(Outcome::Failed),
            (Phase::Setup | Phase::Teardown, Said::Failed) => Some(Outcome::Errored),
        };
        if let Some(outcome) = outcome {
            // A tear-down that fails takes a pass back; a body that failed stays the story.
            let told = phase == Phase::Teardown && self.outcome.is_some_and(Outcome::is_failure);
            self.outcome = if told { self.outcome } else { Some(outcome) };
        }
        if let Some(expected) = expected.filter(|reason| !reason.is_empty()) {
            self.reason = expected;
        }
        if said == Said::Skipped && self.reason.is_empty() {
            self.reason.clone_from(&failure.message);
        }
        if !failure.is_empty() && said != Said::Skipped {
            self.failures.push((phase, failure));
        }
    }

    /// Everything passed, in a line.
    pub(super) fn pass(&mut self, seconds: f64) {
        self.took = seconds;
        self.phases += 1;
        self.outcome = Some(Outcome::Passed);
    }

    /// A part of the test that was reported on its own.
    pub(super) fn subtest(&mut self, name: String, said: Said, failure: Failure) {
        let outcome = match said {
            Said::Passed => Outcome::Passed,
            Said::Skipped => Outcome::Skipped,
            Said::Failed | Said::Rerun => Outcome::Failed,
        };
        self.subtests_failed += u32::from(outcome == Outcome::Failed);
        if self.subtests.len() < SUBTESTS_KEPT {
            let message = sanitize::text(failure.first_line()).into();
            self.subtests.push(SubtestRow { name: sanitize::text(&name).into(), outcome, message });
        } else {
            self.subtests_dropped += 1;
        }
        if outcome == Outcome::Failed && self.failures.len() < 4 {
            self.failures.push((Phase::Call, failure));
        }
    }

    /// Captured output that came with a report.
    pub(super) fn sections(&mut self, sections: Vec<(String, String)>) {
        for (title, text) in sections {
            if text.is_empty() {
                continue;
            }
            if self.output_kept + text.len() > OUTPUT_KEPT {
                self.output_dropped += text.len();
                continue;
            }
            self.output_kept += text.len();
            let (title, text) = (sanitize::text(&title).into(), sanitize::block(&text).into());
            self.sections.push(Section { title, text });
        }
    }

    /// The attempt is over.
    pub(super) fn end(mut self, again_before: bool) -> Ending {
        if self.retried {
            return Ending::Again(self.detail());
        }
        let mut outcome = match self.outcome {
            Some(outcome) => outcome,
            None if self.phases > 0 => {
                self.reason = "its body did not run".into();
                Outcome::Skipped
            }
            None => {
                self.reason = "the runner ended it without a word".into();
                Outcome::Errored
            }
        };
        if self.subtests_failed > 0 && matches!(outcome, Outcome::Passed | Outcome::Xpassed) {
            outcome = Outcome::Failed;
        }
        if outcome == Outcome::Passed && again_before {
            outcome = Outcome::Flaky;
        }
        Ending::Over(outcome, Span::from_secs_f64(self.took), self.detail())
    }

    /// What the attempt left behind, or nothing.
    fn detail(&mut self) -> Option<Arc<Detail>> {
        self.mention_dropped();
        let silent = self.failures.is_empty() && self.reason.is_empty();
        if silent && self.sections.is_empty() && self.subtests.is_empty() {
            return None;
        }
        let mut detail = Detail { message: sanitize::block(self.reason.trim_end()).into(), ..Detail::default() };
        // pytest's parent of failed subtests says only how many there are: the first of them says what.
        self.failures.sort_by_key(|(_, failure)| failure.is_summary());
        let several = self.failures.len() > 1;
        let mut message = String::new();
        let mut trace = String::new();
        for (phase, failure) in &self.failures {
            if !message.is_empty() {
                message.push('\n');
            }
            if *phase != Phase::Call {
                message.push_str(if *phase == Phase::Setup { "in set-up: " } else { "in tear-down: " });
            }
            message.push_str(failure.message.trim_end());
            if several && !failure.trace.is_empty() {
                let at = if *phase == Phase::Teardown { "tear-down" } else { "body" };
                trace.push_str(&format!("──── {at} ────\n"));
            }
            trace.push_str(&failure.trace);
            detail.frames.extend(failure.frames.iter().cloned());
            detail.exception = detail.exception.or_else(|| failure.exception.clone());
        }
        if !message.is_empty() {
            detail.message = sanitize::block(&message).into();
        }
        detail.trace = sanitize::block(&trace).into();
        detail.sections = std::mem::take(&mut self.sections);
        detail.subtests = std::mem::take(&mut self.subtests);
        Some(Arc::new(detail))
    }

    fn mention_dropped(&mut self) {
        let mut mention = |what: String| self.sections.push(Section { title: "left out".into(), text: what.into() });
        if self.output_dropped > 0 {
            mention(format!("{} bytes of output beyond the first {OUTPUT_KEPT}\n", self.output_dropped));
        }
        if self.subtests_dropped > 0 {
            mention(format!("{} subtests beyond the first {SUBTESTS_KEPT}\n", self.subtests_dropped));
        }
    }
}
