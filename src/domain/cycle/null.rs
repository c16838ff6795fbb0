//! Null runs: asked for and reported like runs, and without a trace in the results.

use crate::domain::command::Selection;
use crate::domain::effect::Effects;
use crate::domain::run::{RunEnd, RunKind, RunPhase};
use crate::domain::{NullKind, Run, RunId, RunnerId, RunnerSpec, State, TestId, Tone, ViewerId};

/// How many quick passes of a run are told one by one; of more the number is told at its end.
const TOLD: u32 = 3;

impl State {
    /// A null run opens no cycle and waits for no service: nothing that it does meets one.
    pub(super) fn request_null_run(
        &mut self,
        by: ViewerId,
        kind: NullKind,
        selection: &Selection,
        effects: &mut Effects,
    ) {
        let selected = self.select(selection);
        if selected.is_empty() {
            return self.say(Tone::Warning, "nothing to run: the selection is empty");
        }
        let runners = &self.session.project.runners;
        let can = |runner: &RunnerId| runners.get(runner.index()).is_some_and(RunnerSpec::can_do_without);
        let (selected, rest): (Vec<_>, Vec<_>) = selected.into_iter().partition(|(runner, _)| can(runner));
        if selected.is_empty() {
            return self.say(Tone::Warning, "no null run: only pytest can be run without its environment");
        }
        if let Some((runner, _)) = rest.first() {
            let name = self.runner_name(*runner);
            self.say(Tone::Warning, format!("{name} is left out: only pytest can be run without its environment"));
        }
        if self.is_any_testing(&selected) {
            return;
        }
        for (runner, tests) in selected {
            let what = self.describe(selection, tests.as_deref());
            let name = self.viewer_name(Some(by)).to_owned();
            self.say(Tone::Person, format!("null run: {name} runs {what} {}", kind.phrase()));
            let (cycle, at) = (self.cycle, self.at);
            let run = self.runs.open(runner, RunKind::Null(kind), cycle, Some(by), what.into(), tests, at);
            self.start_run(run, effects);
        }
    }

    pub(super) fn report_null_run(&mut self, id: RunId) {
        let Some(run) = self.runs.get(id) else { return };
        let (Some(kind), RunPhase::Ended(end)) = (run.null(), &run.phase) else { return };
        let phrase = kind.phrase();
        let (numbers, passed) = (run.integrity, run.tally.passes());
        let counted = || format!("{} of {} finished", numbers.finished, numbers.selected.max(numbers.collected));
        let (tone, text) = match end {
            RunEnd::Complete => (if passed > 0 { Tone::Warning } else { Tone::Good }, verdict(run, phrase)),
            RunEnd::NothingRan(why) => (Tone::Warning, format!("null run: nothing ran: {why}")),
            RunEnd::CutShort(why) => (Tone::Bad, format!("null run: cut short: {why}; {}", counted())),
            RunEnd::Stopped => (Tone::Person, format!("null run: stopped; {}", counted())),
            RunEnd::Crashed(why) => (Tone::Bad, format!("null run: it died: {why}; {}", counted())),
            RunEnd::CouldNotStart(why) => (Tone::Bad, format!("null run: could not run: {why}")),
        };
        self.say(tone, text);
    }

    /// A pass that took a small part of its usual time is news, of many the first ones.
    pub(super) fn notice_quick(&mut self, id: TestId, run: RunId) {
        let Some(test) = self.inventory.test(id).filter(|test| test.is_suspiciously_quick()) else { return };
        let (Some(latest), Some(usual)) = (&test.latest, test.expected) else { return };
        let (took, usual) = (latest.took.as_secs_f64(), usual.as_secs_f64());
        let text = format!("{took:.2} s where it usually takes {usual:.1} s: {} passed", test.name);
        let Some(run) = self.runs.get_mut(run) else { return };
        run.quick += 1;
        if run.quick <= TOLD {
            self.say(Tone::Warning, text);
        }
    }

    /// `; 3 passes prove nothing`: how many passes of a run did not touch anything, or do without an environment.
    pub(super) fn doubts(&self, run: &Run) -> String {
        let worths = run.tests.iter().filter_map(|id| self.inventory.test(*id)?.shown_worth());
        match worths.filter(|worth| worth.is_hollow()).count() {
            0 => String::new(),
            1 => "; 1 pass proves nothing".to_owned(),
            hollow => format!("; {hollow} passes prove nothing"),
        }
    }

    /// What was not told of quick passes one by one.
    pub(super) fn sum_up_quick(&mut self, run: RunId) {
        let quick = self.runs.get(run).map_or(0, |run| run.quick);
        if quick > TOLD {
            self.say(Tone::Warning, format!("{quick} passed in less than a tenth of their usual time"));
        }
    }
}

/// `2 of 157 pass with the network refused: they prove nothing about the environment`.
fn verdict(run: &Run, phrase: &str) -> String {
    let (passed, finished) = (run.tally.passes(), run.integrity.finished);
    match passed {
        0 => format!("none of {finished} passes {phrase}: every pass needs the environment"),
        1 => format!("1 of {finished} passes {phrase}: it proves nothing about the environment"),
        _ => format!("{passed} of {finished} pass {phrase}: they prove nothing about the environment"),
    }
}
