//! What a headless null run prints: which tests pass without their environment, and what that means.

use std::io::Write;

use serde_json::{Value, json};

use super::args::Format;
use super::print::Printer;
use crate::domain::{Entry, Event, NullKind, Outcome, Run, RunEnd, RunEvent, RunPhase, Span, State, TestCase, TestId};

/// Prints a null run as it goes.
#[derive(Debug)]
pub struct NullRun<W> {
    out: W,
    format: Format,
    kind: NullKind,
    passed: Vec<TestId>,
}

impl<W: Write> NullRun<W> {
    /// Prints to `out`.
    pub fn new(out: W, format: Format, kind: NullKind) -> Self {
        Self { out, format, kind, passed: Vec::new() }
    }

    fn line(&mut self, text: &str) {
        // A reader that has gone ends the output, not the run.
        let _ = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
    }

    fn test(&mut self, state: &State, id: TestId, outcome: Outcome, took: Span) {
        let Some(test) = state.inventory.test(id) else { return };
        if outcome.is_pass() {
            self.passed.push(id);
        }
        match self.format {
            Format::Json => {
                let mut line = json!({
                    "type": "test",
                    "null": self.kind,
                    "id": &*test.node,
                    "module": state.inventory.module(test.module).map(|module| &*module.path),
                    "outcome": outcome,
                    "duration_s": seconds(took),
                });
                if outcome.is_pass() {
                    line["vacuous"] = json!(true);
                }
                self.line(&line.to_string());
            }
            Format::Human if outcome.is_pass() => self.line(&format!("∅ {}{}", test.node, before(test))),
            Format::Human => {}
        }
    }

    fn people(&mut self, state: &State) {
        for run in runs(state) {
            let (finished, passed) = (run.integrity.finished, run.tally.passes());
            let asked = run.integrity.selected.max(run.integrity.collected);
            let took = run.took(state.at).as_secs_f64();
            let verdict = match passed {
                0 => "none passed without the environment".to_owned(),
                _ => format!("{passed} passed, which proves nothing about the environment"),
            };
            let phrase = self.kind.phrase();
            self.line(&format!("\nnull run {phrase}: {finished} of {asked} finished in {took:.1}s, {verdict}"));
            if let Some(why) = why(run) {
                self.line(&why);
                let tail = run.output.range(run.output.len().saturating_sub(20)).map(|text| format!("  {text}"));
                let tail: Vec<String> = if finished == 0 { tail.collect() } else { Vec::new() };
                tail.iter().for_each(|text| self.line(text));
            }
        }
    }
}

impl<W: Write> Printer for NullRun<W> {
    fn print(&mut self, state: &State, entry: &Entry) {
        if let Event::Run(RunEvent::TestEnded { run, n, outcome, took, .. }) = &entry.event
            && let Some(run) = state.runs.get(*run).filter(|run| run.null().is_some())
            && let Some(id) = run.test(*n)
        {
            self.test(state, id, *outcome, *took);
        }
    }

    fn say(&mut self, text: &str) {
        match self.format {
            Format::Human => self.line(text),
            Format::Json => self.line(&json!({ "type": "note", "text": text }).to_string()),
        }
    }

    fn finish(&mut self, state: &State, complete: bool) {
        match self.format {
            Format::Human => self.people(state),
            Format::Json => {
                let line = self.summary(state, complete).to_string();
                self.line(&line);
            }
        }
    }
}

impl<W> NullRun<W> {
    fn summary(&self, state: &State, complete: bool) -> Value {
        let sum = |count: &dyn Fn(&Run) -> u32| runs(state).map(count).sum::<u32>();
        let tests = self.passed.iter().filter_map(|id| state.inventory.test(*id));
        let took = runs(state).map(|run| run.took(state.at)).max().unwrap_or(Span::ZERO);
        json!({
            "type": "summary",
            "null": self.kind,
            "selected": sum(&|run| run.integrity.selected),
            "finished": sum(&|run| run.integrity.finished),
            "vacuous": self.passed.len(),
            "tests": tests.map(|test| &*test.node).collect::<Vec<_>>(),
            "lost": sum(&|run| run.integrity.lost),
            "not_run": sum(&|run| run.integrity.not_run),
            "complete": complete && runs(state).all(|run| run.phase == RunPhase::Ended(RunEnd::Complete)),
            "ended": runs(state).filter_map(why).collect::<Vec<_>>(),
            "duration_s": seconds(took),
        })
    }
}

/// How the test stands with its environment: a failure there says that it is not even asked to prove something.
fn before(test: &TestCase) -> String {
    match &test.latest {
        Some(latest) if latest.outcome.is_pass() => format!("  passed in cycle {} too", latest.cycle),
        Some(latest) => format!("  {} in cycle {}", latest.outcome.word(), latest.cycle),
        None => String::new(),
    }
}

fn runs(state: &State) -> impl Iterator<Item = &Run> {
    state.runs.iter().map(|(_, run)| run).filter(|run| run.null().is_some())
}

/// Why a null run says less than it was asked for.
fn why(run: &Run) -> Option<String> {
    match &run.phase {
        RunPhase::Ended(RunEnd::NothingRan(why)) => Some(format!("nothing ran: {why}")),
        RunPhase::Ended(RunEnd::CutShort(why)) => Some(format!("cut short: {why}")),
        RunPhase::Ended(RunEnd::Crashed(why)) => Some(format!("the run died: {why}")),
        RunPhase::Ended(RunEnd::CouldNotStart(why)) => Some(format!("could not run: {why}")),
        RunPhase::Ended(RunEnd::Stopped) => Some("stopped".to_owned()),
        RunPhase::Ended(RunEnd::Complete)
        | RunPhase::Held { .. }
        | RunPhase::Starting
        | RunPhase::Collecting
        | RunPhase::Running
        | RunPhase::Stopping { .. } => None,
    }
}

fn seconds(span: Span) -> f64 {
    (span.as_secs_f64() * 1000.0).round() / 1000.0
}
