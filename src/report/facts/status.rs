//! How a session stands, decided in one place: every word of success in a report comes from here, and is refused while
//! anything stands against it.

use serde::Serialize;

use super::About;
use crate::domain::{DeployPhase, Hollow, Outcome, Run, RunEnd, RunPhase, State};

/// The one word for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Everything was proved on what serves.
    Green,
    /// Some test does not hold.
    Red,
    /// No test fails, and yet it is not proved that all hold.
    Unproved,
    /// No test has run.
    Nothing,
}

/// How a session stands, and what keeps it from being green.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// In a word.
    pub word: Word,
    /// Whether words of success may be used.
    pub success: bool,
    /// In a sentence.
    pub sentence: String,
    /// What stands against success, the gravest first; none where there is success.
    pub reasons: Vec<Reason>,
}

/// Something that stands against success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What it is, for machines.
    pub code: &'static str,
    /// In a sentence.
    pub text: String,
    /// Where in the report it is told.
    pub anchor: String,
}

impl Status {
    /// Whether something of that code stands against success.
    pub(super) fn has(&self, code: &str) -> bool {
        self.reasons.iter().any(|reason| reason.code == code)
    }
}

/// Decides how a session stands.
pub(super) fn judge(state: &State, about: &About) -> Status {
    let mut doubts = Doubts { reasons: Vec::new() };
    doubts.tests(state);
    doubts.runs(state);
    doubts.deploys(state);
    doubts.contracts(state);
    doubts.passes(state, about);
    doubts.journal(about);
    let tally = state.inventory.tally();
    if doubts.reasons.is_empty() && !state.is_green() {
        doubts.say("not_green", "the session's own rules do not call it green".to_owned(), "runs");
    }
    let reasons = doubts.reasons;
    let (word, sentence) = if state.runs.newest().is_none() || tally.total() == 0 {
        (Word::Nothing, "No test has run.".to_owned())
    } else if tally.concerns() > 0 {
        let failing = count(tally.concerns(), "test", "tests");
        (Word::Red, format!("Not green: {failing} of {} did not hold.", tally.total()))
    } else if reasons.is_empty() {
        let known = match tally.known {
            0 => String::new(),
            known => format!("; {} as accepted", count(known, "test fails", "tests fail")),
        };
        (Word::Green, format!("Green: {} held on what serves now{known}.", count(tally.passes(), "test", "tests")))
    } else {
        let more = count(reasons.len() as u32, "thing stands", "things stand");
        (Word::Unproved, format!("Not proved: no test fails, but {more} against it."))
    };
    Status { word, success: word == Word::Green, sentence, reasons }
}

struct Doubts {
    reasons: Vec<Reason>,
}

impl Doubts {
    fn say(&mut self, code: &'static str, text: String, anchor: &str) {
        self.reasons.push(Reason { code, text, anchor: anchor.to_owned() });
    }

    fn some(&mut self, code: &'static str, number: u32, one: &str, many: &str, anchor: &str) {
        if number > 0 {
            self.say(code, count(number, one, many), anchor);
        }
    }

    fn tests(&mut self, state: &State) {
        let tally = state.inventory.tally();
        let lost = tally.of(Outcome::Lost) + tally.of(Outcome::Interrupted);
        self.some("failed", tally.failures() - lost, "test failed", "tests failed", "verdicts");
        self.some("lost", lost, "test began and never ended", "tests began and never ended", "verdicts");
        let spoilt = "while a service was not well";
        let (one, many) = (format!("test failed {spoilt}"), format!("tests failed {spoilt}"));
        self.some("environment", tally.environment, &one, &many, "verdicts");
        let moved = "while what serves was changing";
        let (one, many) = (format!("test ran {moved}"), format!("tests ran {moved}"));
        self.some("straddled", tally.straddled, &one, &many, "verdicts");
        let (one, many) = ("test never had its turn in its last run", "tests never had their turn in their last run");
        self.some("not_run", tally.not_run, one, many, "runs");
        let (one, many) = ("result is not proved on what serves now", "results are not proved on what serves now");
        self.some("stale", tally.stale, one, many, "totals");
        let without = tally.total() - tally.finished();
        self.some("without_result", without, "test has no result", "tests have no result", "totals");
    }

    fn runs(&mut self, state: &State) {
        if state.runs.newest().is_none() {
            return self.say("nothing_ran", "no test has run".to_owned(), "runs");
        }
        for (id, _) in state.runs.active() {
            self.say("running", format!("run {} is not over", id.0 + 1), &format!("run-{}", id.0 + 1));
        }
        for (id, run) in state.newest_runs() {
            self.run(id.0 + 1, run);
        }
        if let Some(id) = state.newest_null_run() {
            let text = "the newest run was a null run, which proves nothing about the environment".to_owned();
            self.say("synthetic", text, &format!("run-{}", id.0 + 1));
        }
    }

    fn run(&mut self, number: u32, run: &Run) {
        let anchor = format!("run-{number}");
        let truncated = match &run.phase {
            RunPhase::Ended(RunEnd::Complete) => None,
            RunPhase::Ended(RunEnd::NothingRan(why)) => Some(format!("nothing ran in run {number}: {why}")),
            RunPhase::Ended(RunEnd::CutShort(why)) => Some(format!("run {number} was cut short: {why}")),
            RunPhase::Ended(RunEnd::Stopped) => Some(format!("run {number} was stopped by a person")),
            RunPhase::Ended(RunEnd::Crashed(why)) => Some(format!("run {number} crashed: {why}")),
            RunPhase::Ended(RunEnd::CouldNotStart(why)) => Some(format!("run {number} could not start: {why}")),
            RunPhase::Held { .. }
            | RunPhase::Starting
            | RunPhase::Collecting
            | RunPhase::Running
            | RunPhase::Stopping { .. } => None,
        };
        if let Some(text) = truncated {
            self.say("truncated", text, &anchor);
        }
        if run.integrity.missing > 0 {
            let missing = count(run.integrity.missing, "selected test was", "selected tests were");
            self.say("missing", format!("{missing} not found in run {number}"), &anchor);
        }
        if let Some(disagreement) = &run.disagreement {
            self.say("disagreement", format!("run {number}: {disagreement}"), &anchor);
        }
    }

    /// Of each service, its newest deploy has to be proved.
    fn deploys(&mut self, state: &State) {
        for (id, deploy) in state.unproved_deploys() {
            let name = state.services.get(deploy.service).map_or("a service", |service| &*service.spec.name);
            let text = match &deploy.phase {
                DeployPhase::Live => "its platform says it is live, but no connection has proved it".to_owned(),
                DeployPhase::Running | DeployPhase::Routing | DeployPhase::Proving => "it is under way".to_owned(),
                DeployPhase::Failed(why) if deploy.out_of_reach => format!("it was never tried: {why}"),
                DeployPhase::Failed(why)
                | DeployPhase::NotServing(why)
                | DeployPhase::Superseded(why)
                | DeployPhase::TimedOut(why) => why.to_string(),
                DeployPhase::Cancelled => "it was cancelled".to_owned(),
            };
            let text = format!("the newest deploy of {name} is not proved: {text}");
            self.say("unproved_revision", text, &format!("deploy-{}", id.0 + 1));
        }
    }

    fn contracts(&mut self, state: &State) {
        for (id, judgement) in state.played_contracts() {
            let name = state.inventory.test(id).map_or("a contract", |test| &*test.name);
            self.say("synthetic", format!("{name}: {}", judgement.why), "contracts");
        }
    }

    /// Passes that prove nothing are no success where they were to guard something.
    fn passes(&mut self, state: &State, about: &About) {
        let Hollow { vacuous, untouched } = state.hollow(&about.gate);
        let of = if state.inventory.tiers().is_empty() { "" } else { " of tiers that gate" };
        let without = "came about without an environment too";
        let (one, many) = (format!("pass{of} {without}"), format!("passes{of} {without}"));
        self.some("vacuous", vacuous, &one, &many, "evidence");
        let one = format!("pass{of} touched nothing outside its process");
        let many = format!("passes{of} touched nothing outside their process");
        self.some("without_evidence", untouched, &one, &many, "evidence");
    }

    fn journal(&mut self, about: &About) {
        let broken = u32::try_from(about.broken).unwrap_or(u32::MAX);
        let (one, many) = ("line of the journal could not be read", "lines of the journal could not be read");
        self.some("journal", broken, one, many, "journal");
        if about.torn {
            self.say("journal", "the journal ends in the middle of a line".to_owned(), "journal");
        }
    }
}

/// `1 test`, `3 tests`.
pub(super) fn count(number: u32, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{
        Check, CheckResult, CheckVerdict, Command, ContractVerdict, DeployEvent, Judgement, NullKind, RunEvent, Rung,
        Selection, SurfaceSpec,
    };
    use crate::ui::fixture::{self, Story, cycles, spoilt};

    fn codes(story: &Story, about: &About) -> (Word, Vec<&'static str>) {
        let status = judge(&story.state, about);
        assert_eq!(status.success, status.reasons.is_empty() && status.word == Word::Green);
        assert!(status.success || !status.sentence.starts_with("Green"), "{}", status.sentence);
        (status.word, status.reasons.iter().map(|reason| reason.code).collect())
    }

    #[track_caller]
    fn refuses(story: &Story, word: Word, code: &str) {
        let (found, codes) = codes(story, &About::default());
        assert!(found == word && codes.contains(&code), "{found:?}: {codes:?}");
    }

    #[test]
    fn what_is_green_is_called_so_until_something_stands_against_it() {
        let story = fixture::green();
        assert_eq!(codes(&story, &About::default()), (Word::Green, vec![]));
        let torn = About { torn: true, ..About::default() };
        assert_eq!(codes(&story, &torn), (Word::Unproved, vec!["journal"]));
        let broken = About { broken: 2, ..About::default() };
        assert_eq!(codes(&story, &broken), (Word::Unproved, vec!["journal"]));
    }

    #[test]
    fn every_kind_of_doubt_refuses_success() {
        refuses(&fixture::empty(), Word::Nothing, "nothing_ran");
        refuses(&fixture::busy(), Word::Red, "running");
        refuses(&fixture::stale(), Word::Unproved, "stale");
        refuses(&fixture::cut_short(), Word::Red, "truncated");
        refuses(&fixture::crashed(), Word::Red, "lost");
        refuses(&fixture::crashed(), Word::Red, "truncated");
        refuses(&fixture::not_serving(), Word::Unproved, "unproved_revision");
        refuses(&spoilt::outage(), Word::Red, "environment");
        refuses(&spoilt::outage(), Word::Red, "straddled");
        refuses(&cycles::several(), Word::Red, "not_run");
    }

    #[test]
    fn a_test_that_was_never_run_has_no_result_to_call_green() {
        let mut story = Story::new();
        story.healthy().connect().start().pass(0, 0..1);
        story.exit(0, "all passed");
        refuses(&story, Word::Unproved, "without_result");
    }

    #[test]
    fn what_a_run_did_not_find_refuses_success() {
        let mut story = Story::new();
        story.healthy().connect().start();
        let run = story.run();
        story.tell(RunEvent::Missed { run, nodes: vec!["tests/e2e/test_gone.py::test_001".into()] });
        pass_everything(&mut story).exit(0, "all passed");
        refuses(&story, Word::Unproved, "missing");
    }

    #[test]
    fn a_runner_that_contradicts_its_tests_refuses_success() {
        let mut story = Story::new();
        pass_everything(story.healthy().connect().start()).exit(1, "tests failed");
        refuses(&story, Word::Unproved, "disagreement");
    }

    #[test]
    fn passes_that_prove_nothing_refuse_success() {
        let story = fixture::measured();
        refuses(&story, Word::Unproved, "vacuous");
        refuses(&story, Word::Unproved, "without_evidence");
        let elsewhere = About { gate: vec!["P9".into()], ..About::default() };
        let (_, told) = codes(&story, &elsewhere);
        assert!(!told.contains(&"vacuous") && !told.contains(&"without_evidence"), "{told:?}");
    }

    #[test]
    fn a_newest_run_without_the_environment_refuses_success() {
        let mut story = fixture::green();
        story.ask(Command::RunNull { kind: NullKind::Refused, selection: Selection::All });
        refuses(&story, Word::Unproved, "synthetic");
    }

    #[test]
    fn events_that_no_agent_made_refuse_success() {
        let mut story = Story::new();
        story.healthy().connect().start();
        let run = story.run();
        let found = CheckResult {
            check: Check::Synthetic,
            verdict: CheckVerdict::Warn,
            detail: "the events were played".into(),
            event: None,
            user: None,
        };
        let judgement = Judgement::bare(ContractVerdict::Pass, "all events came", vec![found]);
        story.tell(RunEvent::ContractJudged { run, n: 0, judgement: Arc::new(judgement) });
        pass_everything(&mut story).exit(0, "all passed");
        refuses(&story, Word::Unproved, "synthetic");
    }

    #[test]
    fn what_every_surface_showed_is_proved() {
        let mut project = fixture::staging();
        project.services[0].surfaces = vec![SurfaceSpec::Url("https://two.example".into())];
        let mut story = Story::of(project);
        story.healthy().connect();
        let deploy = story.deploy(0);
        story.prove(deploy, "backend-00004").probe(0, "backend-00004", 15);
        refuses(&story, Word::Nothing, "unproved_revision");
        let (surface, saw) = ("https://two.example".into(), Some("backend-00004".into()));
        let asked = DeployEvent::SurfaceAsked { deploy, surface, saw, why: None };
        for _ in 0..8 {
            story.tell(asked.clone());
        }
        assert_eq!(story.state.deploys.get(deploy).map(|deploy| deploy.rung()), Some(Rung::EverySurface));
        let (_, told) = codes(&story, &About::default());
        assert!(!told.contains(&"unproved_revision"), "{told:?}");
    }

    fn pass_everything(story: &mut Story) -> &mut Story {
        for n in 0..story.state.inventory.tally().total() {
            story.end(n, Outcome::Passed, 300, None);
        }
        story
    }
}
