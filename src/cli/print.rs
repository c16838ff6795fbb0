//! What a headless run prints: lines for people, or JSON for scripts.

use std::collections::{HashMap, HashSet};
use std::io::Write;

use serde_json::{Value, json};

use super::contract;
use super::known;
use super::progress;
use super::resumed;
use super::spoilt;
use super::worth::{add_evidence, add_worths, in_words, shown_of_runs};
use crate::domain::{
    Baseline, Cause, CauseClass, CauseEnd, CauseId, CauseStatus, Entry, Event, ModuleId, Moment, Outcome, Repeat, Run,
    RunEnd, RunEvent, RunId, RunKind, RunPhase, SessionEvent, Span, State, TestCase, TestId, Verdict,
};

/// Prints a headless run as it goes.
pub trait Printer {
    /// An entry was folded into `state`.
    fn print(&mut self, state: &State, entry: &Entry);
    /// Time has passed: where everything stands, for whoever watches a log.
    fn progress(&mut self, _state: &State, _now: Moment) {}
    /// Something that concerns the run as a whole.
    fn say(&mut self, text: &str);
    /// Nothing further will come; `complete` unless it was broken off.
    fn finish(&mut self, state: &State, complete: bool);
}

/// The tests whose results an entry brought.
fn results<'a>(state: &'a State, entry: &Entry) -> Vec<(TestId, &'a TestCase)> {
    let of = |id: RunId| state.runs.get(id).filter(|run| run.kind == RunKind::Test);
    let ids: Vec<TestId> = match &entry.event {
        Event::Run(RunEvent::TestEnded { run, n, .. }) => of(*run).and_then(|run| run.test(*n)).into_iter().collect(),
        Event::Run(RunEvent::ModuleBroken { run, .. }) => {
            of(*run).and_then(|run| run.tests.last().copied()).into_iter().collect()
        }
        // What was lost has no event of its own: it follows from the end.
        Event::Run(RunEvent::Exited { run, .. }) => of(*run).map_or_else(Vec::new, |ended| {
            let unended = |id: &&TestId| {
                state.inventory.test(**id).and_then(|test| test.latest.as_ref()).is_some_and(|latest| {
                    latest.run == Some(*run) && matches!(latest.outcome, Outcome::Lost | Outcome::Interrupted)
                })
            };
            ended.tests.iter().filter(unended).copied().collect()
        }),
        _ => Vec::new(),
    };
    ids.into_iter().filter_map(|id| Some((id, state.inventory.test(id)?))).collect()
}

/// A cause's number for people and scripts, counted from 1 in the order in which the session met them.
fn number(id: CauseId) -> u32 {
    id.0 + 1
}

/// The causes that matter to the session's runs: those of tests that ran in them, the one with most tests first, then
/// those that they fixed.
fn told_causes(state: &State) -> Vec<CauseId> {
    let ran = |id: &TestId| {
        let latest = state.inventory.test(*id).and_then(|test| test.latest.as_ref());
        latest.is_some_and(|latest| latest.run.is_some())
    };
    let is_told = |id: &CauseId| match state.causes.get(*id) {
        Some(cause) => cause.end.is_some() || cause.members().any(|test| ran(&test)),
        None => false,
    };
    state.causes.present().into_iter().chain(state.causes.fixed()).filter(is_told).collect()
}

fn status(status: CauseStatus) -> &'static str {
    match status {
        CauseStatus::New => "new",
        CauseStatus::Still => "still",
        CauseStatus::Over(CauseEnd::Fixed { .. }) => "fixed",
        CauseStatus::Over(CauseEnd::Gone) => "gone",
    }
}

fn new_causes(state: &State) -> usize {
    let is_own = |cause: &Cause| !cause.disturbs && !state.is_muted(cause);
    let is_new = |cause: &Cause| cause.status(state.cycle) == CauseStatus::New && is_own(cause);
    state.causes.iter().filter(|(_, cause)| is_new(cause)).count()
}

/// All runs of tests of the session, counted together.
fn runs(state: &State) -> impl Iterator<Item = &Run> {
    state.runs.iter().map(|(_, run)| run).filter(|run| run.kind == RunKind::Test)
}

fn seconds(span: Span) -> f64 {
    (span.as_secs_f64() * 1000.0).round() / 1000.0
}

/// JSON lines: one a test, and a summary at the end.
#[derive(Debug)]
pub struct Json<W> {
    out: W,
    /// The tiers that gate.
    gate: Vec<String>,
    /// The tests whose lines say that the environment spoilt them.
    marked: HashSet<TestId>,
}

impl<W: Write> Json<W> {
    /// Prints to `out`; `gate` names the tiers that gate, and none means all.
    pub fn new(out: W, gate: Vec<String>) -> Self {
        Self { out, gate, marked: HashSet::new() }
    }

    fn line(&mut self, value: &Value) {
        // A reader that has gone ends the output, not the run.
        let _ = writeln!(self.out, "{value}").and_then(|()| self.out.flush());
    }
}

impl<W: Write> Printer for Json<W> {
    fn print(&mut self, state: &State, entry: &Entry) {
        for (id, test) in results(state, entry) {
            let Some(latest) = &test.latest else { continue };
            let module = state.inventory.module(test.module).map(|module| &*module.path);
            let mut line = json!({
                "type": "test",
                "id": &*test.node,
                "module": module,
                "outcome": latest.outcome,
                "verdict": Verdict::of(test),
                "cause": state.causes.of(id).map(number),
                "tier": test.tier.and_then(|tier| state.inventory.tiers().get(tier)).map(|tier| &*tier.spec.name),
                "duration_s": seconds(latest.took),
                "message": test.message().map(|message| &**message).filter(|message| !message.is_empty()),
            });
            if let Some(rate) = test.flake() {
                line["flaky"] = json!(rate);
            }
            if spoilt::mark(&mut line, &latest.circumstance) {
                self.marked.insert(id);
            }
            add_evidence(&mut line, test);
            self.line(&known::add(line, state, test));
            if let Some(judgement) = state.contracts.get(&id) {
                self.line(&contract::line(&test.node, judgement));
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.line(&json!({ "type": "note", "text": text }));
    }

    fn finish(&mut self, state: &State, complete: bool) {
        for id in told_causes(state) {
            let Some(cause) = state.causes.get(id) else { continue };
            let line = json!({
                "type": "cause",
                "id": number(id),
                "class": cause.class(),
                "title": &**cause.title(),
                "tests": cause.count(),
                "dependent": cause.dependents.len(),
                "status": status(cause.status(state.cycle)),
                "signature": &*cause.key,
                "muted": state.is_muted(cause),
            });
            self.line(&line);
        }
        // What a probe explained only after the test's line was printed.
        for line in spoilt::amended(state, &self.marked) {
            self.line(&line);
        }
        let line = summary(state, complete, &self.gate);
        self.line(&line);
    }
}

/// Why a run's numbers are not what was asked for; nothing where they are.
fn why(run: &Run) -> String {
    match &run.phase {
        RunPhase::Ended(RunEnd::NothingRan(why)) => format!("nothing ran: {why}"),
        RunPhase::Ended(RunEnd::CutShort(why)) => format!("cut short: {why}"),
        RunPhase::Ended(RunEnd::Crashed(why)) => format!("the run died: {why}"),
        RunPhase::Ended(RunEnd::CouldNotStart(why)) => format!("could not run: {why}"),
        RunPhase::Ended(RunEnd::Stopped) => "stopped".to_owned(),
        RunPhase::Ended(RunEnd::Complete)
        | RunPhase::Held { .. }
        | RunPhase::Starting
        | RunPhase::Collecting
        | RunPhase::Running
        | RunPhase::Stopping { .. } => run.disagreement.as_deref().unwrap_or_default().to_owned(),
    }
}

/// What the verdicts are measured against.
fn baseline(state: &State) -> Value {
    let comparison = &state.baseline;
    let Some(loaded) = &comparison.loaded else { return json!({ "against": "previous", "title": "previous cycle" }) };
    let against = match &loaded.baseline {
        Baseline::Previous => "previous",
        Baseline::Green => "green",
        Baseline::Cycle(_) => "cycle",
        Baseline::Named(_) => "name",
        Baseline::File(_) => "file",
    };
    json!({
        "against": against,
        "title": &*loaded.title,
        "cycle": loaded.cycle,
        "results": loaded.results.len(),
        "matched": comparison.matched,
        "age_s": loaded.at.map(|at| state.at.since(at).0 / 1_000_000),
    })
}

/// How many tests have which verdict, those that nobody has left out.
fn verdicts(state: &State) -> Value {
    let counts = Verdict::ALL.into_iter().map(|verdict| (verdict, state.inventory.verdicts().of(verdict)));
    counts.filter(|(_, count)| *count > 0).map(|(verdict, count)| (verdict.word().replace(' ', "_"), count)).collect()
}

fn repeat(repeat: &Repeat) -> Value {
    json!({ "limit": repeat.until.limit(), "ended": repeat.ended, "failed": repeat.failed })
}

/// The last line of a JSON run: counted from the runs, never from what a tool claims. `gate` names the tiers whose passes
/// have to prove something; none means all.
#[must_use]
pub fn summary(state: &State, complete: bool, gate: &[String]) -> Value {
    let sum = |count: &dyn Fn(&Run) -> u32| runs(state).map(count).sum::<u32>();
    let of = |outcomes: &[Outcome]| sum(&|run| outcomes.iter().map(|&outcome| run.tally.of(outcome)).sum());
    let started = runs(state).filter_map(|run| run.started).min();
    let ended = runs(state).map(|run| run.ended.unwrap_or(state.at)).max();
    let revisions: HashMap<&str, &str> =
        state.services.revisions(state.services.epoch()).map(|(name, revision)| (&**name, &**revision)).collect();
    let mut summary = json!({
        "type": "summary",
        "cycle": state.cycle,
        "selected": sum(&|run| run.integrity.selected),
        "finished": sum(&|run| run.integrity.finished),
        "passed": of(&[Outcome::Passed, Outcome::Flaky]),
        "failed": of(&[Outcome::Failed, Outcome::TimedOut, Outcome::Crashed]),
        "errored": of(&[Outcome::Errored]),
        "skipped": of(&[Outcome::Skipped]),
        "xfailed": of(&[Outcome::Xfailed]),
        "xpassed": of(&[Outcome::Xpassed]),
        "environment": sum(&|run| run.tally.environment),
        "straddled": sum(&|run| run.tally.straddled),
        "lost": sum(&|run| run.integrity.lost),
        "not_run": sum(&|run| run.integrity.not_run),
        "missing": sum(&|run| run.integrity.missing),
        "known": sum(&|run| run.tally.known),
        "new_causes": new_causes(state),
        "baseline": baseline(state),
        "verdicts": verdicts(state),
        "repeat": state.repeat.as_ref().map(repeat),
        "tiers": known::tiers(state),
        "resumed": resumed::told(state),
        "green": complete
            && runs(state).count() > 0
            && runs(state).all(Run::is_green)
            && resumed::failures(state).next().is_none(),
        "ended": runs(state).map(why).filter(|why| !why.is_empty()).collect::<Vec<_>>(),
        "duration_s": seconds(ended.zip(started).map_or(Span::ZERO, |(ended, started)| ended.since(started))),
        "revisions": revisions,
        "commit": state.session.source.as_ref().map(|source| &*source.commit),
        "dirty": state.session.source.as_ref().and_then(|source| source.dirty),
    });
    let doubt = state.reservation(gate);
    summary["proved"] = json!(summary["green"] == true && doubt.is_none());
    summary["doubt"] = json!(doubt.as_deref());
    add_worths(&mut summary, state);
    summary
}

/// Lines for people: one a module, failures in full at the end.
#[derive(Debug)]
pub struct Human<W> {
    out: W,
    /// The tiers that gate.
    gate: Vec<String>,
    modules: HashMap<ModuleId, Progress>,
    failures: Vec<TestId>,
}

#[derive(Debug, Default)]
struct Progress {
    finished: u32,
    failed: u32,
    errored: u32,
    spoilt: u32,
    lost: u32,
    known: u32,
    spent: Span,
}

impl<W: Write> Human<W> {
    /// Prints to `out`; `gate` names the tiers that gate, and none means all.
    pub fn new(out: W, gate: Vec<String>) -> Self {
        Self { out, gate, modules: HashMap::new(), failures: Vec::new() }
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
    }

    fn module_line(&mut self, state: &State, id: ModuleId) {
        let Some(module) = state.inventory.module(id) else { return };
        let Some(progress) = self.modules.get(&id) else { return };
        let waiting = module.tally.queued + module.tally.running;
        if waiting > 0 {
            return;
        }
        let Progress { finished, failed, errored, spoilt, lost, known, spent } = progress;
        let not_run = module.tally.not_run;
        let mark = match (failed + errored + lost, spoilt + not_run) {
            (0, 0) => "✔",
            (0, _) => "◇",
            _ => "✘",
        };
        let part = |count: u32, word: &str| if count > 0 { format!("  {count} {word}") } else { String::new() };
        let (failed, errored) = (part(*failed, "failed"), part(*errored, "errored"));
        let (spoilt, not_run) = (part(*spoilt, "environment"), part(not_run, "not run"));
        let (lost, known) = (part(*lost, "lost"), part(*known, "known"));
        let took = spent.as_secs_f64();
        let line = format!(
            "{mark} {:<44} {finished:>5} finished {took:>8.1}s{failed}{errored}{spoilt}{lost}{not_run}{known}",
            module.title
        );
        self.line(&line);
        self.modules.remove(&id);
    }

    fn failure(&mut self, state: &State, id: TestId) {
        let Some(test) = state.inventory.test(id) else { return };
        let Some(latest) = &test.latest else { return };
        let flaky = test.flake().map_or_else(String::new, |rate| format!(", {}", rate.words()));
        let took = latest.took.as_secs_f64();
        self.line(&format!("\n── {} {} ({took:.1}s){flaky}", test.node, latest.outcome.word()));
        let Some(detail) = &latest.detail else { return };
        if detail.trace.is_empty() {
            self.line(detail.message.trim_end());
        } else {
            self.line(detail.trace.trim_end());
        }
        for section in &detail.sections {
            self.line(&format!("· {}\n{}", section.title, section.text.trim_end()));
        }
    }

    /// One repetition is a line; what failed in it is told at the end.
    fn repetition(&mut self, state: &State) {
        let Some(repeat) = &state.repeat else { return };
        let failed: u32 = self.modules.values().map(|progress| progress.failed + progress.errored).sum();
        let finished: u32 = self.modules.values().map(|progress| progress.finished).sum();
        let mark = if failed > 0 { "✘" } else { "✔" };
        let how = if failed > 0 { format!("{failed} of {finished} failed") } else { format!("{finished} passed") };
        self.modules.clear();
        self.line(&format!("{mark} repeat {} of {}  {how}", repeat.ended, repeat.until.limit()));
        if !repeat.is_active()
            && let Some(news) = state.news.last()
        {
            self.line(&news.text);
        }
    }

    /// What the failures come down to, before each of them is told in full.
    fn causes(&mut self, state: &State) {
        let causes = told_causes(state);
        if !causes.is_empty() {
            self.line("\ncauses");
        }
        for id in causes {
            let Some(cause) = state.causes.get(id) else { continue };
            let plural = |count: u32| if count == 1 { "" } else { "s" };
            let (mark, count) = match cause.end {
                Some(_) => ("✔", cause.most),
                None if cause.disturbs => ("◇", cause.count()),
                None if state.is_muted(cause) => ("⊘", cause.count()),
                None => ("✘", cause.count()),
            };
            let how = match cause.status(state.cycle) {
                CauseStatus::New | CauseStatus::Still if state.is_muted(cause) => "known".to_owned(),
                CauseStatus::New => "new".to_owned(),
                CauseStatus::Still => format!("since cycle {}", cause.since),
                CauseStatus::Over(CauseEnd::Fixed { by: Some(revision), .. }) => format!("fixed by {revision}"),
                CauseStatus::Over(CauseEnd::Fixed { by: None, .. }) => "fixed".to_owned(),
                CauseStatus::Over(CauseEnd::Gone) => "gone".to_owned(),
            };
            let dependent = match cause.dependents.len() {
                0 => String::new(),
                count => format!(", {count} of them {}", CauseClass::Dependent.word()),
            };
            let (class, title) = (cause.class().word(), cause.title());
            self.line(&format!("{mark} {class:<16}  {title}  {count} test{}{dependent}  {how}", plural(count)));
        }
    }

    fn totals(&mut self, state: &State, complete: bool) {
        let summary = summary(state, complete, &self.gate);
        let count = |name: &str| summary[name].as_u64().unwrap_or_default();
        let parts = [
            "passed",
            "failed",
            "errored",
            "skipped",
            "xfailed",
            "xpassed",
            "known",
            "environment",
            "straddled",
            "lost",
            "not_run",
            "missing",
        ];
        let counted: Vec<String> = parts
            .into_iter()
            .filter(|name| count(name) > 0 || *name == "passed")
            .map(|name| {
                let worths = if name == "passed" { in_words(&shown_of_runs(state)) } else { String::new() };
                format!("{} {}{worths}", count(name), name.replace('_', " "))
            })
            .collect();
        let revisions: Vec<String> =
            state.services.revisions(state.services.epoch()).map(|(_, revision)| revision.to_string()).collect();
        let on = if revisions.is_empty() { String::new() } else { format!(" on {}", revisions.join(", ")) };
        let (word, doubt) = match (summary["green"] == true, summary["doubt"].as_str()) {
            (true, None) => ("green", String::new()),
            (true, Some(doubt)) => ("green", format!("; not proved: {doubt}")),
            (false, _) => ("not green", String::new()),
        };
        let (cycle, finished, selected) = (state.cycle, count("finished"), count("selected"));
        known::tier_lines(state).iter().for_each(|line| self.line(line));
        let took = summary["duration_s"].as_f64().unwrap_or_default();
        self.line(&format!(
            "\ncycle {cycle} {word}: {finished} of {selected} finished, {} in {took:.1}s{on}{doubt}",
            counted.join(", ")
        ));
        resumed::sentence(state).iter().for_each(|sentence| self.line(sentence));
        let counted = state.inventory.verdicts();
        let news = Verdict::ALL.into_iter().take_while(|verdict| *verdict != Verdict::Stale);
        let news: Vec<String> = news
            .filter(|verdict| counted.of(*verdict) > 0)
            .map(|verdict| format!("{} {}", counted.of(verdict), verdict.word()))
            .collect();
        if !news.is_empty() {
            let title = state.baseline.title().map_or("the previous cycle", |title| title);
            self.line(&format!("against {title}: {}", news.join(", ")));
        }
        for run in runs(state) {
            let why = why(run);
            if !why.is_empty() {
                self.line(&why);
                // What a runner that fails as a whole says of it is in its own output.
                if !run.is_green() && run.integrity.finished == 0 {
                    let tail: Vec<_> = run.output.iter().collect();
                    let from = tail.len().saturating_sub(20);
                    tail[from..].iter().for_each(|text| self.line(&format!("  {text}")));
                }
            }
        }
    }
}

impl<W: Write> Printer for Human<W> {
    fn print(&mut self, state: &State, entry: &Entry) {
        for (id, test) in results(state, entry) {
            let Some(latest) = &test.latest else { continue };
            let progress = self.modules.entry(test.module).or_default();
            let ended = !matches!(latest.outcome, Outcome::Lost | Outcome::Interrupted);
            progress.finished += u32::from(ended);
            progress.spent = Span(progress.spent.0 + latest.took.0);
            if !latest.circumstance.is_steady() {
                progress.spoilt += 1;
            } else if test.known.is_some() {
                progress.known += 1;
            } else if latest.outcome.is_failure() {
                match latest.outcome {
                    Outcome::Errored => progress.errored += 1,
                    Outcome::Lost | Outcome::Interrupted => progress.lost += 1,
                    _ => progress.failed += 1,
                }
                self.failures.retain(|known| *known != id);
                self.failures.push(id);
            }
            if state.repeat.is_none() {
                self.module_line(state, test.module);
            }
        }
        match &entry.event {
            Event::Run(RunEvent::Exited { .. }) if state.repeat.is_some() => self.repetition(state),
            Event::Run(RunEvent::Exited { .. }) => {
                let mut open: Vec<ModuleId> = self.modules.keys().copied().collect();
                open.sort_unstable();
                open.into_iter().for_each(|id| self.module_line(state, id));
            }
            Event::Session(SessionEvent::Opened { .. } | SessionEvent::ViewerJoined { .. }) => {}
            Event::Session(SessionEvent::NoticeSent { why: Some(why), .. }) => self.line(&format!("  {why}")),
            Event::Session(SessionEvent::ReportsWritten { failed, .. }) => {
                failed.iter().for_each(|why| self.line(&format!("  {why}")));
            }
            Event::Run(RunEvent::Printed { .. } | RunEvent::TestStarted { .. } | RunEvent::TestEnded { .. }) => {}
            Event::Run(_)
            | Event::Session(_)
            | Event::Service(_)
            | Event::Deploy(_)
            | Event::Log(_)
            | Event::Fix(_) => {
                if let Some(news) =
                    state.news.last().filter(|news| news.at == entry.at && news.at != Default::default())
                    && self.is_news(state)
                {
                    self.line(&format!("  {}", news.text));
                }
            }
            Event::Stream(_) => {}
        }
    }

    fn progress(&mut self, state: &State, now: Moment) {
        if let Some(line) = progress::line(state, now.max(state.at)) {
            self.line(&line);
        }
    }

    fn say(&mut self, text: &str) {
        self.line(text);
    }

    fn finish(&mut self, state: &State, complete: bool) {
        self.causes(state);
        // A probe may have explained a failure after it was listed.
        let own = |id: &TestId| {
            let latest = state.inventory.test(*id).and_then(|test| test.latest.as_ref());
            latest.is_some_and(|latest| latest.circumstance.is_steady())
        };
        known::sentences(state).iter().for_each(|sentence| self.line(sentence));
        for id in std::mem::take(&mut self.failures).into_iter().filter(own) {
            self.failure(state, id);
        }
        self.totals(state, complete);
        for sentence in spoilt::sentences(state).into_iter().chain(spoilt::remarks(state)) {
            self.line(&sentence);
        }
    }
}

impl<W> Human<W> {
    /// Sentences about a held run or a service are worth a line in a log; what the end repeats is not.
    fn is_news(&self, state: &State) -> bool {
        state.runs.newest().is_none_or(|(_, run)| run.is_active())
    }
}
