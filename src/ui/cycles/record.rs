//! The whole record of one cycle, line by line: what was selected and why, whether the numbers add up, why tests failed
//! before and after, what was deployed, committed and written meanwhile, how services and contracts did, who was there,
//! and every test that did not simply hold.

use crate::domain::{Attempt, CycleHealth, CycleRecord, Moment, State, Stop, TestCase, TestId};
use crate::ui::text::{first_line, time_of_day, took};
use crate::ui::theme::Role;

/// How many tests are listed.
const TESTS: usize = 1_000;
/// How many columns a service's time takes.
const STRIP: usize = 24;

/// A line of the record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// The parts of the line.
    pub parts: Vec<(Role, String)>,
    /// Whether a part of the record begins with it.
    pub is_head: bool,
    /// The test that it is about, and how it ended.
    pub test: Option<(TestId, Stop)>,
}

struct Page<'a> {
    state: &'a State,
    record: &'a CycleRecord,
    before: Option<&'a CycleRecord>,
    offset: i32,
    lines: Vec<Told>,
}

/// Tells the record of a cycle; times of day are `offset` seconds ahead of UTC.
#[must_use]
pub fn tell(state: &State, record: &CycleRecord, offset: i32) -> Vec<Told> {
    let before = state.records.before(record.number);
    let mut page = Page { state, record, before, offset, lines: Vec::new() };
    page.selection();
    page.integrity();
    page.causes();
    page.deploys();
    page.commits();
    page.health();
    page.contracts();
    page.people();
    page.tests();
    page.lines
}

fn of(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

impl Page<'_> {
    fn head(&mut self, word: impl Into<String>) {
        self.lines.push(Told { parts: vec![(Role::Muted, word.into())], is_head: true, test: None });
    }

    fn line(&mut self, parts: impl IntoIterator<Item = (Role, String)>) {
        self.lines.push(Told { parts: parts.into_iter().collect(), ..Told::default() });
    }

    fn selection(&mut self) {
        let record = self.record;
        let around = &record.around;
        self.head("selection");
        let by = around.by.as_ref().map_or(String::new(), |by| format!(" by {by}"));
        self.line([(Role::Text, record.what.to_string()), (Role::Muted, format!("   {}{by}", around.why.word()))]);
        let began = time_of_day(record.began, self.offset).to_string();
        let time = match record.ended {
            Some(ended) => {
                let until = time_of_day(ended, self.offset);
                format!("{began} to {until}, settled after {}", took(ended.since(record.began)))
            }
            None => format!("{began}; a version that did not keep its end recorded it"),
        };
        self.line([(Role::Text, time)]);
    }

    fn integrity(&mut self) {
        let (record, counts) = (self.record, &self.record.counts);
        self.head("integrity");
        if record.ended.is_none() {
            return self.line([(Role::Muted, format!("{} ended; more was not kept", record.finished))]);
        }
        let whole = record.is_whole();
        let (role, word) = if whole { (Role::Good, "whole") } else { (Role::Warning, "not whole") };
        let mut parts = vec![
            (role, word.to_owned()),
            (Role::Text, format!("   {} selected, {} finished", counts.selected, record.finished)),
        ];
        let told = [(counts.lost, "lost"), (counts.not_run, "not run"), (counts.straddled, "straddled")];
        parts.extend(
            told.map(|(count, word)| {
                (if count > 0 { Role::Warning } else { Role::Muted }, format!(", {count} {word}"))
            }),
        );
        self.line(parts);
        let rate = record.pass_rate().map_or(String::new(), |rate| format!(" ({rate:.0} %)"));
        let failed = if record.failed > 0 { Role::Bad } else { Role::Muted };
        self.line([
            (Role::Text, format!("{} held{rate}", counts.passed)),
            (failed, format!(", {} failed", record.failed)),
            (Role::Muted, format!(", {} spoilt by the environment, {} known", counts.environment, counts.known)),
        ]);
        let executions = match record.around.attempts {
            0 => String::new(),
            count => format!(", {}", of(count as usize, "execution")),
        };
        self.line([(Role::Muted, format!("{}{executions}", of(counts.runs as usize, "run")))]);
    }

    fn causes(&mut self) {
        let (record, before) = (self.record, self.before);
        let gone: Vec<_> = before.map(|before| record.causes_gone(before).collect()).unwrap_or_default();
        self.head(match before {
            Some(before) => format!("why tests failed: after cycle {} → after this one", before.number),
            None => "why tests failed".to_owned(),
        });
        if record.causes.is_empty() && gone.is_empty() {
            return self.line([(Role::Muted, "nothing failed".to_owned())]);
        }
        for change in record.cause_changes(before) {
            let earlier = change.before.map_or_else(|| "?".to_owned(), |before| before.to_string());
            let role =
                if change.before.is_some_and(|before| before > change.after) { Role::Warning } else { Role::Bad };
            self.line([
                (role, format!("{earlier:>5} → {:<5}", change.after)),
                (Role::Muted, format!("{:<18}", change.cause.class.word())),
                (Role::Text, change.cause.title.to_string()),
            ]);
        }
        if record.more_causes > 0 {
            self.line([(Role::Muted, format!("              and {} more", record.more_causes))]);
        }
        for cause in gone {
            self.line([
                (Role::Good, format!("{:>5} → {:<5}", cause.tests, 0)),
                (Role::Muted, format!("{:<18}", cause.class.word())),
                (Role::Text, cause.title.to_string()),
            ]);
        }
    }

    fn deploys(&mut self) {
        let record = self.record;
        if !record.served.is_empty() || !record.around.deploys.is_empty() {
            self.head("deploys");
        }
        for deploy in &record.around.deploys {
            let revision = |revision: &Option<_>| revision.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
            let (from, to) = (revision(&deploy.from), revision(&deploy.to));
            let role = match &*deploy.end {
                "live" => Role::Good,
                "under way" => Role::Running,
                _ => Role::Bad,
            };
            let time = deploy.ended.map_or(String::new(), |ended| format!(" in {}", took(ended.since(deploy.began))));
            self.line([
                (Role::Muted, format!("{} ", time_of_day(deploy.began, self.offset))),
                (Role::Text, format!("{}: {from} → {to}  ", deploy.service)),
                (role, deploy.end.to_string()),
                (Role::Muted, format!("{time}, by {}", deploy.by)),
            ]);
        }
        if !record.served.is_empty() {
            let served: Vec<String> = record.served.iter().map(|(name, revision)| spoken(name, revision)).collect();
            self.line([(Role::Muted, "served when its tests ended: ".to_owned()), (Role::Text, served.join(", "))]);
        }
    }

    fn commits(&mut self) {
        let (record, around) = (self.record, &self.record.around);
        let Some(source) = &record.source else { return };
        self.head("commits since the cycle before");
        let branch = source.branch.as_ref().map_or(String::new(), |branch| format!(" on {branch}"));
        let role = if source.dirty.is_some_and(|dirty| dirty > 0) { Role::Warning } else { Role::Muted };
        self.line([(Role::Text, format!("{}{branch}, ", source.short())), (role, source.state())]);
        if around.commits.is_empty() {
            self.line([(Role::Muted, "none: the same commit as then".to_owned())]);
        }
        for commit in &around.commits {
            self.line([
                (Role::Link, commit.short().to_owned()),
                (Role::Text, format!("  {}", commit.subject)),
                (Role::Muted, format!("  {}", commit.author)),
            ]);
        }
        if around.more_commits {
            self.line([(Role::Muted, "and those before, which were not kept".to_owned())]);
        }
    }

    fn health(&mut self) {
        let (record, services) = (self.record, &self.record.around.health);
        if services.is_empty() {
            return;
        }
        self.head("services over its time");
        let ended = record.ended.unwrap_or(record.began);
        let width = services.iter().map(|service| service.service.chars().count()).max().unwrap_or(0);
        for service in services {
            let mut parts = vec![(Role::Text, format!("{:<width$}  ", service.service))];
            parts.extend(strip(service, record.began, ended));
            parts.push((Role::Muted, "  ".to_owned()));
            if service.is_steady() {
                parts.push((
                    Role::Muted,
                    service.spells.last().map_or_else(String::new, |spell| spell.health.to_string()),
                ));
            }
            self.line(parts);
            let downs = service.spells.iter().enumerate().filter(|(_, spell)| !spell.serves);
            for (n, spell) in downs {
                let until = service.spells.get(n + 1).map_or_else(
                    || "until its end".to_owned(),
                    |next| format!("until {}", time_of_day(next.from, self.offset)),
                );
                self.line([(
                    Role::Warning,
                    format!("{:width$}  {} {until}: {}", "", time_of_day(spell.from, self.offset), spell.health),
                )]);
            }
            if service.left_out > 0 {
                self.line([(Role::Muted, format!("{:width$}  and {} changes before", "", service.left_out))]);
            }
        }
    }

    fn contracts(&mut self) {
        if self.record.around.contracts.is_empty() {
            return;
        }
        self.head("contracts");
        for contract in &self.record.around.contracts {
            let role = if contract.holds { Role::Good } else { Role::Bad };
            self.line([
                (Role::Text, format!("{}  ", contract.name)),
                (role, contract.verdict.to_string()),
                (Role::Muted, format!("  {}", contract.why)),
            ]);
        }
    }

    fn people(&mut self) {
        let around = &self.record.around;
        if !around.people.is_empty() {
            self.head("people");
            let people: Vec<&str> = around.people.iter().map(|name| &**name).collect();
            self.line([(Role::Text, people.join(", "))]);
        }
        if !around.notes.is_empty() {
            self.head("notes");
        }
        for note in &around.notes {
            self.line([
                (Role::Text, note.line.to_string()),
                (Role::Muted, format!("  {} on {}", note.author, note.about)),
            ]);
        }
    }

    fn tests(&mut self) {
        let number = self.record.number;
        let is_news = |stop: &&Stop| stop.outcome.is_failure() || stop.spoilt || !stop.outcome.is_pass();
        let tried = |test: &TestCase| of_cycle(test, number).is_some_and(|attempt| attempt.tries > 1);
        let state = self.state;
        let found = state.inventory.tests().filter_map(|(id, test)| {
            let stop = test.course.at(number).filter(|stop| is_news(stop) || tried(test))?;
            Some((!stop.outcome.is_failure(), id, test, *stop))
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|(holds, id, ..)| (*holds, *id));
        let held = state.inventory.tests().filter(|(_, test)| test.course.at(number).is_some()).count() - found.len();
        self.head(format!("tests: {} to look at, {held} simply held", found.len()));
        let more = found.len().saturating_sub(TESTS);
        for (_, id, test, stop) in found.into_iter().take(TESTS) {
            let mut parts = vec![(Role::Text, test.name.to_string())];
            if let Some(attempt) = of_cycle(test, number) {
                parts.push((Role::Muted, format!("  {}", self.about(attempt))));
                if let Some(message) = attempt.detail.as_ref().map(|detail| first_line(&detail.message)) {
                    parts.push((Role::Muted, format!("  {message}")));
                }
            }
            self.lines.push(Told { parts, is_head: false, test: Some((id, stop)) });
        }
        if more > 0 {
            self.line([(Role::Muted, format!("and {more} more"))]);
        }
    }

    /// `1.2s, 2 executions, backend 00004`
    fn about(&self, attempt: &Attempt) -> String {
        let mut words = took(attempt.took).to_string();
        if attempt.tries > 1 {
            words.push_str(&format!(", {}", of(attempt.tries as usize, "execution")));
        }
        let served: Vec<String> =
            self.state.services.revisions(attempt.epoch).map(|(name, revision)| spoken(name, revision)).collect();
        if !served.is_empty() {
            words.push_str(&format!(", on {}", served.join(" ")));
        }
        words
    }
}

fn spoken(name: &str, revision: &str) -> String {
    if revision.contains(name) { revision.to_owned() } else { format!("{name} {revision}") }
}

fn of_cycle(test: &TestCase, number: u32) -> Option<&Attempt> {
    test.latest.iter().chain(test.earlier.iter().rev()).find(|attempt| attempt.cycle == number)
}

/// The time of a cycle in columns: high where a service served, low where it did not, a dot where nobody knows.
fn strip(service: &CycleHealth, began: Moment, ended: Moment) -> Vec<(Role, String)> {
    let whole = ended.since(began).0.max(1);
    let at = |column: usize| Moment(began.0 + whole * column as u64 / STRIP as u64);
    let mut parts: Vec<(Role, String)> = Vec::new();
    for column in 0..STRIP {
        let (from, to) = (at(column), at(column + 1));
        let spells = service.spells.iter().enumerate().filter(|(n, spell)| {
            let until = service.spells.get(n + 1).map_or(Moment(u64::MAX), |next| next.from);
            spell.from < to && until > from
        });
        // The worst of what was believed within a column.
        let serves = spells.map(|(_, spell)| spell.serves).reduce(|one, other| one && other);
        let (role, glyph) = match serves {
            Some(true) => (Role::Good, "▇"),
            Some(false) => (Role::Bad, "▁"),
            None => (Role::Faint, "·"),
        };
        match parts.last_mut().filter(|(last, _)| *last == role) {
            Some((_, glyphs)) => glyphs.push_str(glyph),
            None => parts.push((role, glyph.to_owned())),
        }
    }
    parts
}
