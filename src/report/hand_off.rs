//! The hand-off: what a colleague or a coding agent must know to go on with a failing test or a cause, in one text.
//!
//! The order is that of use: what is wrong, how to see it again, what was said and where, what surrounded it, what
//! people wrote. Whatever is long is shortened, and says by how much.

use super::around::around;
use super::excerpt::{cut, excerpt};
use super::markdown::{block, code, inline};
use super::rerun;
use super::time::{clock, date, took};
use crate::domain::{
    Attempt, Cause, CauseEnd, CauseId, CauseStatus, Circumstance, Detail, EnvironmentKind, Evidence, Frame, Grade,
    HandOff, Note, Outcome, State, TestCase, TestId, Verdict,
};

/// How many tests of a cause are listed, and named in its command.
const TESTS: usize = 100;
/// How many causes are told in full.
const CAUSES: usize = 12;
/// How many of the project's own frames are told.
const FRAMES: usize = 8;
/// How many sections of captured output are told.
const SECTIONS: usize = 6;

/// The hand-off as Markdown; nothing where what is asked for does not exist.
#[must_use]
pub fn hand_off(state: &State, what: HandOff) -> Option<String> {
    let mut page = Page { state, text: String::new() };
    match what {
        HandOff::Test(id) => page.test_page(id, state.inventory.test(id)?),
        HandOff::Cause(id) => page.cause_page(id, state.causes.get(id)?),
        HandOff::Open => page.open_page(),
    }
    page.foot();
    Some(page.text)
}

struct Page<'a> {
    state: &'a State,
    text: String,
}

impl<'a> Page<'a> {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// An empty line, where there is none yet.
    fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn heading(&mut self, level: usize, text: &str) {
        self.gap();
        self.line(&format!("{} {text}\n", "#".repeat(level)));
    }

    fn fact(&mut self, name: &str, value: &str) {
        self.line(&format!("- {name}: {value}"));
    }

    fn code_block(&mut self, language: &str, text: &str) {
        if !text.trim().is_empty() {
            self.text.push_str(&block(language, text));
        }
    }

    // ---- pages --------------------------------------------------------------------------------------------------

    fn test_page(&mut self, id: TestId, test: &'a TestCase) {
        let cause = self.state.causes.of(id).and_then(|cause| self.state.causes.get(cause));
        let title = cause.map_or(String::new(), |cause| format!(": {}", inline(cause.title())));
        let how = test.outcome().map_or("never run", Outcome::word);
        self.heading(1, &format!("{} {how}{title}", code(&test.name)));
        self.verdict(test);
        if let Some(cause) = cause {
            self.cause_facts(cause);
        }
        self.surroundings(test.latest.as_ref());
        self.rerun(2, &[id]);
        let notes = &self.state.notes;
        let on_cause = cause.and_then(|cause| notes.on_cause(&cause.signature));
        self.note(2, "Note on this test", notes.on_test(&test.node));
        self.note(2, "Note on its cause", on_cause);
        self.attempt(2, test);
        self.history(2, test);
    }

    fn cause_page(&mut self, id: CauseId, cause: &'a Cause) {
        let count = tests(cause.count());
        let how = if cause.end.is_some() { "no test fails for it now".to_owned() } else { format!("{count} fail") };
        self.heading(1, &format!("{}: {how}", inline(cause.title())));
        self.cause_facts(cause);
        let example = self.example(id);
        self.surroundings(example.and_then(|test| test.latest.as_ref()));
        let members: Vec<TestId> = cause.members().collect();
        self.rerun(2, &members);
        self.note(2, "Note", self.state.notes.on_cause(&cause.signature));
        self.members(2, cause);
        if let Some(test) = example {
            self.heading(2, &format!("One of them: {}", code(&test.name)));
            self.verdict(test);
            self.attempt(3, test);
            self.note(3, "Note on this test", self.state.notes.on_test(&test.node));
        }
    }

    fn open_page(&mut self) {
        let causes = self.state.causes.present();
        let failing: u32 = causes.iter().filter_map(|id| self.state.causes.get(*id)).map(Cause::count).sum();
        let title = match causes.len() {
            0 => "Nothing fails".to_owned(),
            1 => format!("{} fail for one cause", tests(failing)),
            count => format!("{} fail for {count} causes", tests(failing)),
        };
        self.heading(1, &title);
        self.surroundings(None);
        for (n, id) in causes.iter().enumerate() {
            let Some(cause) = self.state.causes.get(*id) else { continue };
            let title = format!("{}. {} ({})", n + 1, inline(cause.title()), tests(cause.count()));
            if n >= CAUSES {
                if n == CAUSES {
                    self.heading(2, "And, not told in full");
                }
                self.line(&format!("- {title}"));
                continue;
            }
            self.heading(2, &title);
            self.cause_facts(cause);
            let members: Vec<TestId> = cause.members().collect();
            self.rerun(3, &members);
            self.note(3, "Note", self.state.notes.on_cause(&cause.signature));
            self.members(3, cause);
            if let Some(test) = self.example(*id) {
                self.heading(3, &format!("One of them: {}", code(&test.name)));
                if let Some(detail) = test.latest.as_ref().and_then(|latest| latest.detail.as_deref()) {
                    self.code_block("text", &excerpt(&detail.message, 12, 4));
                    self.frames(detail);
                }
            }
        }
    }

    /// The test that stands for a cause: one that says most, the newest of those.
    fn example(&self, id: CauseId) -> Option<&'a TestCase> {
        let state = self.state;
        let members = state.causes.get(id)?.members().take(TESTS).filter_map(|id| state.inventory.test(id));
        let told = |test: &&TestCase| {
            let latest = test.latest.as_ref();
            let detail = latest.and_then(|latest| latest.detail.as_ref());
            (detail.is_some_and(|detail| !detail.trace.is_empty()), latest.map(|latest| latest.started))
        };
        members.max_by_key(told)
    }

    // ---- facts --------------------------------------------------------------------------------------------------

    fn verdict(&mut self, test: &TestCase) {
        self.fact("test", &code(&test.node));
        let Some(latest) = &test.latest else { return self.fact("outcome", "it has not run yet") };
        let mut outcome = vec![latest.outcome.word().to_owned()];
        let verdict = test.failure_verdict();
        outcome.extend(verdict.map(|verdict| verdict.word().to_owned()));
        outcome.push(format!("cycle {}", latest.cycle));
        outcome.push(format!(
            "took {}{}",
            took(latest.took),
            test.usual.map_or(String::new(), |usual| format!(", usually {}", took(usual)))
        ));
        if latest.tries > 1 {
            outcome.push(format!("{} tries", latest.tries));
        }
        self.fact("outcome", &outcome.join(" · "));
        if verdict == Some(Verdict::FailingDifferently) {
            let before = test.baseline().and_then(|before| self.state.causes.get(before.cause?));
            if let Some(before) = before {
                self.fact("failed before of", &inline(before.title()));
            }
        }
        if test.stale {
            let why = match (&latest.circumstance, latest.run) {
                (Circumstance::Straddled, _) => "a deploy moved while it ran: nobody knows what it met",
                (_, None) => "it is from an earlier session",
                _ => "another revision serves now",
            };
            self.fact("stale", why);
        }
        if let Some(disturbance) = latest.circumstance.disturbance() {
            self.fact("not its own fault", &inline(&disturbance.to_string()));
        }
        if let Some(evidence) = &latest.evidence {
            self.evidence(evidence);
        }
    }

    fn cause_facts(&mut self, cause: &Cause) {
        self.fact("cause", &format!("{} · {}", cause.class().word(), inline(cause.title())));
        let signature = &cause.signature;
        let parts = [&signature.exception, &signature.place].into_iter().flatten().map(|part| &**part);
        let parts: Vec<String> = parts.chain([&*signature.message]).filter(|part| !part.is_empty()).map(code).collect();
        self.fact("signature", &parts.join(" · "));
        let dependent = match cause.dependents.len() {
            0 => String::new(),
            count => format!(", {count} of them only because another does"),
        };
        let status = match cause.status(self.state.cycle) {
            CauseStatus::New => "new in this cycle".to_owned(),
            CauseStatus::Still => format!("since cycle {}", cause.since),
            CauseStatus::Over(CauseEnd::Fixed { cycle, by: Some(by) }) => {
                format!("fixed in cycle {cycle} by {}", inline(by))
            }
            CauseStatus::Over(CauseEnd::Fixed { cycle, by: None }) => format!("fixed in cycle {cycle}"),
            CauseStatus::Over(CauseEnd::Gone) => "gone, nobody knows why".to_owned(),
        };
        self.fact("tests that fail for it", &format!("{}{dependent} · {status}", cause.count()));
        let seen = &cause.seen;
        let when = format!("first {} · last {}", date(seen.first), date(seen.last));
        self.fact("seen in cycles", &format!("{} · {when}", seen.told()));
    }

    /// Where the tests were aimed, what served, and which files they came from.
    fn surroundings(&mut self, attempt: Option<&Attempt>) {
        let project = &self.state.session.project;
        self.fact("project", &inline(&project.name));
        if let Some(environment) = &project.environment {
            let kind = match environment.kind {
                EnvironmentKind::Local => "a person's own",
                EnvironmentKind::Shared => "shared with the team",
                EnvironmentKind::Protected | EnvironmentKind::Locked => environment.kind.words(),
            };
            self.fact("environment", &format!("{}, {kind}", inline(&environment.name)));
        }
        let run = attempt.and_then(|attempt| self.state.runs.get(attempt.run?));
        let checkout = run.and_then(|run| run.source.as_ref()).or(self.state.session.source.as_ref());
        if let Some(checkout) = checkout {
            let branch = checkout.branch.as_ref().map_or(String::new(), |branch| format!(" on {}", code(branch)));
            let subject = inline(&cut(&checkout.subject, 120));
            self.fact("commit", &format!("{} {subject}{branch} · {}", code(&checkout.commit), checkout.state()));
        }
        let serving = self.state.services.epoch();
        if let Some(attempt) = attempt.filter(|attempt| attempt.run.is_some()) {
            self.fact("served while it ran", &self.revisions(attempt.epoch));
        }
        if !self.state.services.is_empty() {
            self.fact("serves now", &self.revisions(serving));
        }
    }

    fn revisions(&self, epoch: u32) -> String {
        let served = self.state.services.revisions(epoch);
        let served: Vec<String> =
            served.map(|(name, revision)| format!("{} {}", inline(name), code(revision))).collect();
        if served.is_empty() { "no revision is known".to_owned() } else { served.join(", ") }
    }

    // ---- parts --------------------------------------------------------------------------------------------------

    fn rerun(&mut self, level: usize, tests: &[TestId]) {
        let named = &tests[..tests.len().min(TESTS)];
        let Some(tools) = rerun::of_tools_in_lines(self.state, named) else { return };
        self.heading(level, "Run it again");
        if named.len() < tests.len() {
            self.line(&format!(
                "The first {} of {} tests; `liveloop run --failed` runs all that failed.\n",
                named.len(),
                tests.len()
            ));
        }
        self.code_block("sh", &format!("{}\n\n{tools}", rerun::of_ours(self.state, named)));
    }

    fn members(&mut self, level: usize, cause: &Cause) {
        if cause.count() == 0 {
            return;
        }
        self.heading(level, "Tests");
        for id in cause.members().take(TESTS) {
            let Some(test) = self.state.inventory.test(id) else { continue };
            let verdict = test.failure_verdict().map_or(String::new(), |verdict| format!(" · {}", verdict.word()));
            let dependent = if cause.dependents.contains(&id) { " · dependent" } else { "" };
            self.line(&format!("- {}{verdict}{dependent}", code(&test.node)));
        }
        let more = cause.count() as usize - (cause.count() as usize).min(TESTS);
        if more > 0 {
            self.line(&format!("- and {more} more"));
        }
    }

    /// What an attempt said, where, and what happened around it.
    fn attempt(&mut self, level: usize, test: &TestCase) {
        let Some(latest) = &test.latest else { return };
        if let Some(detail) = latest.detail.as_deref() {
            self.heading(level, "What it says");
            self.code_block("text", &excerpt(&detail.message, 40, 10));
            self.detail(level, detail);
        }
        let (lines, left_out) = around(self.state, latest);
        if !lines.is_empty() {
            let (from, to) = (clock(latest.started), clock(latest.started.after(latest.took)));
            self.heading(level, &format!("What happened from {from} to {to} UTC"));
            let more = if left_out > 0 { format!("\n… {left_out} more …") } else { String::new() };
            self.code_block("text", &format!("{}{more}", lines.join("\n")));
        }
    }

    fn evidence(&mut self, evidence: &Evidence) {
        let hosts: Vec<String> = evidence.hosts.iter().map(|host| code(host)).collect();
        let hosts = if hosts.is_empty() { String::new() } else { format!(" · {}", hosts.join(", ")) };
        let what = match evidence.grade {
            Grade::None => "none: it touched nothing outside its own process".to_owned(),
            Grade::Network | Grade::Http | Grade::Websocket => {
                format!("{} · sent {} B, received {} B{hosts}", evidence.grade.word(), evidence.sent, evidence.received)
            }
        };
        self.fact("evidence", &what);
    }

    fn detail(&mut self, level: usize, detail: &Detail) {
        if detail.frames.iter().any(|frame| frame.own) {
            self.heading(level, "Where");
            self.frames(detail);
        }
        if !detail.trace.trim().is_empty() {
            self.heading(level, "Trace");
            self.code_block("text", &excerpt(&detail.trace, 30, 90));
        }
        for part in detail.subtests.iter().filter(|part| part.outcome.is_failure()).take(TESTS) {
            self.fact(&format!("part {}", code(&part.name)), &inline(&cut(&part.message, 300)));
        }
        for section in detail.sections.iter().filter(|section| !section.text.trim().is_empty()).take(SECTIONS) {
            self.heading(level, &inline(&section.title));
            self.code_block("text", &excerpt(&section.text, 10, 50));
        }
        let more = detail.sections.len().saturating_sub(SECTIONS);
        if more > 0 {
            self.line(&format!("\n{more} more sections of output are left out."));
        }
    }

    /// The project's own frames, the innermost first.
    fn frames(&mut self, detail: &Detail) {
        let own: Vec<&Frame> = detail.frames.iter().rev().filter(|frame| frame.own).collect();
        for frame in own.iter().take(FRAMES) {
            self.gap();
            self.line(&code(&format!("{}:{}", frame.path, frame.line)));
            self.code_block("", &excerpt(&frame.source, 4, 12));
        }
        if own.len() > FRAMES {
            self.line(&format!("\n{} more frames of the project are left out.", own.len() - FRAMES));
        }
    }

    fn history(&mut self, level: usize, test: &TestCase) {
        if test.earlier.is_empty() {
            return;
        }
        self.heading(level, "History");
        for attempt in test.earlier.iter().chain(&test.latest) {
            let cause = attempt.cause.and_then(|id| self.state.causes.get(id));
            let why = cause.map_or(String::new(), |cause| format!(": {}", inline(cause.title())));
            let outcome = attempt.outcome.word();
            self.line(&format!("- cycle {}: {outcome} after {}{why}", attempt.cycle, took(attempt.took)));
        }
    }

    fn note(&mut self, level: usize, title: &str, note: Option<&Note>) {
        let Some(note) = note else { return };
        self.heading(level, title);
        self.line(&format!("{}, {}:\n", inline(&note.author), date(note.at)));
        for line in &note.text.prose {
            self.line(&format!("> {}  ", inline(line)));
        }
        if !note.text.prose.is_empty() && !note.text.chain.is_empty() {
            self.line("");
        }
        for (n, step) in note.text.chain.iter().enumerate() {
            let is_root = n + 1 == note.text.chain.len() && note.text.root_cause().is_some();
            let root = if is_root { " **← root cause**" } else { "" };
            let why = if step.why.is_empty() { "?".to_owned() } else { format!(" {}", inline(&step.why)) };
            let because = if step.because.is_empty() { "…".to_owned() } else { inline(&step.because) };
            self.line(&format!("{}. why{why}", n + 1));
            self.line(&format!("   - because {because}{root}"));
        }
    }

    fn foot(&mut self) {
        let version = env!("CARGO_PKG_VERSION");
        let (at, cycle) = (date(self.state.at), self.state.cycle);
        self.line(&format!(
            "\n---\nwritten by liveloop {version} · as of {at}, cycle {cycle} · secrets are masked as `***`"
        ));
    }
}

fn tests(count: u32) -> String {
    if count == 1 { "1 test".to_owned() } else { format!("{count} tests") }
}
