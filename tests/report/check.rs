//! Holds every number of a report's facts against what was counted by hand. A number that nothing here counts is a fault
//! too, so that no new one comes without its recount.

use std::collections::BTreeMap;

use liveloop::domain::*;
use serde_json::Value;

use crate::recount::{Ended, Recount, Spoilt};

/// How far a number may be off: stamps are told in thousandths of a second.
const CLOSE: f64 = 0.002;

/// What is wrong with the facts; nothing where every number is one that the journal holds. `titles` tells what causes are
/// called, by what the failures say that have them, where that is not the same.
pub(crate) fn faults(facts: &Value, entries: &[Entry], titles: &[(&str, &str)]) -> Vec<String> {
    let titles = titles.iter().map(|(says, title)| ((*says).to_owned(), (*title).to_owned())).collect();
    let mut check = Check {
        facts,
        all: Recount::of(entries, &titles),
        numbers: BTreeMap::new(),
        faults: Vec::new(),
        cycle_of: list(facts, "runs").map(|run| run["cycle"].as_u64().unwrap_or(0) as u32).collect(),
    };
    collect("", facts, &mut check.numbers);
    check.everything();
    check.faults.extend(check.numbers.keys().map(|path| format!("{path} is counted by nobody")));
    check.faults
}

pub(crate) fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Every number, by its path; and every time.
fn collect(path: &str, value: &Value, all: &mut BTreeMap<String, f64>) {
    match value {
        Value::Number(number) => drop(all.insert(path.to_owned(), number.as_f64().expect("a number"))),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| collect(&format!("{path}[{n}]"), item, all));
        }
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            collect(&if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, field, all);
        }),
        Value::String(_) | Value::Null | Value::Bool(_) => {}
    }
}

/// The thousandths of a second since 1970 of `2026-11-20T16:11:36.120Z`.
fn millis(stamp: &str) -> Option<u64> {
    let is_stamp = stamp.len() == 24 && stamp.as_bytes()[10] == b'T' && stamp.ends_with('Z');
    let timestamp: jiff::Timestamp = stamp.parse().ok().filter(|_| is_stamp)?;
    u64::try_from(timestamp.as_millisecond()).ok()
}

fn seconds(stamp: &Value) -> f64 {
    millis(&text(stamp)).expect("a time") as f64 / 1e3
}

fn at(moment: Moment) -> f64 {
    moment.0 as f64 / 1e6
}

/// The facts, what was counted, and what is still to be held against that.
pub(crate) struct Check<'a> {
    pub(crate) facts: &'a Value,
    pub(crate) all: Recount,
    /// What is not counted yet.
    numbers: BTreeMap<String, f64>,
    pub(crate) faults: Vec<String>,
    /// The cycle of each run, which no entry names: held together by everything that is told of cycles.
    cycle_of: Vec<u32>,
}

impl Check<'_> {
    pub(crate) fn expect(&mut self, path: &str, counted: f64) {
        match self.numbers.remove(path) {
            Some(told) if (told - counted).abs() < CLOSE => {}
            Some(told) => self.faults.push(format!("{path} is told as {told}, and {counted} by the journal")),
            None => self.faults.push(format!("{path} is not told, and {counted} by the journal")),
        }
    }

    pub(crate) fn counts(&mut self, path: &str, counted: &[(&str, usize)]) {
        counted.iter().for_each(|(name, count)| self.expect(&format!("{path}{name}"), *count as f64));
    }

    fn everything(&mut self) {
        let facts = self.facts;
        self.expect("format", 1.0);
        self.expect("entries", self.all.entries as f64);
        self.expect("took", at(self.all.last) - at(self.all.first));
        self.expect("more_next", 0.0);
        self.times("", facts);
        let all: Vec<String> = self.all.found.iter().map(|(node, _)| node.clone()).collect();
        self.totals("totals", &all);
        self.origin("origin", &all);
        for (n, tier) in list(facts, "tiers").enumerate() {
            let of_tier = |test: &&Value| test["tier"] == tier["name"] && test["vanished"] == false;
            let nodes: Vec<String> = list(facts, "tests").filter(of_tier).map(|test| text(&test["node"])).collect();
            self.totals(&format!("tiers[{n}].totals"), &nodes);
            self.origin(&format!("tiers[{n}].origin"), &nodes);
        }
        for (n, run) in list(facts, "runs").enumerate() {
            self.run(n, run);
        }
        for (n, cycle) in list(facts, "cycles").enumerate() {
            self.cycle(n, cycle);
        }
        for (n, group) in list(facts, "verdicts").enumerate() {
            self.verdict(n, group);
        }
        for (n, cause) in list(facts, "causes").enumerate() {
            self.cause(n, cause);
        }
        self.flight();
        self.around();
        self.evidence(&all);
        for (n, test) in list(facts, "tests").enumerate() {
            self.test(n, test);
        }
    }

    /// Every time is one at which something happened.
    fn times(&mut self, path: &str, value: &Value) {
        match value {
            Value::String(text) if millis(text).is_some_and(|millis| !self.all.times.contains(&millis)) => {
                self.faults.push(format!("{path}: nothing happened at {text}"));
            }
            Value::Array(items) => items.iter().for_each(|item| self.times(path, item)),
            Value::Object(fields) => fields.iter().for_each(|(name, field)| self.times(name, field)),
            _ => {}
        }
    }

    fn totals(&mut self, path: &str, nodes: &[String]) {
        let newest: Vec<&Ended> = nodes.iter().filter_map(|node| self.all.newest(node)).collect();
        let own = || newest.iter().filter(|ended| ended.spoilt == Spoilt::Not && !ended.known);
        let of = |holds: fn(Outcome) -> bool| own().filter(|ended| holds(ended.outcome)).count();
        let spoilt = |how: Spoilt| newest.iter().filter(|ended| ended.spoilt == how).count();
        let hollow = |ended: &&&Ended| ended.outcome.is_pass() && ended.grade == Some(Grade::None);
        let counted = [
            (".tests", nodes.len()),
            (".passed", of(Outcome::is_pass)),
            (".failed", of(Outcome::is_failure)),
            (".set_aside", of(|outcome| matches!(outcome, Outcome::Skipped | Outcome::Xfailed))),
            (".environment", spoilt(Spoilt::Environment)),
            (".known", newest.iter().filter(|ended| ended.known).count()),
            (".straddled", spoilt(Spoilt::Straddled)),
            (".without_result", nodes.len() - newest.len()),
            (".lost", of(|outcome| outcome == Outcome::Lost)),
            (".flaky", of(|outcome| outcome == Outcome::Flaky)),
            (".stale", newest.iter().filter(|ended| self.all.is_stale(ended)).count()),
            (".not_run", nodes.iter().filter(|node| self.all.is_passed_over(node)).count()),
            (".hollow", own().filter(hollow).count()),
        ];
        self.counts(path, &counted);
    }

    pub(crate) fn origin(&mut self, path: &str, nodes: &[String]) {
        let mut runs: Vec<u32> = nodes.iter().filter_map(|node| self.all.newest(node)).map(|ended| ended.run).collect();
        runs.sort_unstable();
        runs.dedup();
        runs.iter().enumerate().for_each(|(n, run)| self.expect(&format!("{path}.runs[{n}]"), f64::from(*run)));
        self.expect(&format!("{path}.earlier"), 0.0);
    }

    fn run(&mut self, n: usize, told: &Value) {
        let id = n as u32;
        let run = &self.all.runs[&id];
        let ended: Vec<&Ended> = self.all.results.iter().filter(|ended| ended.run == id + 1).collect();
        let own = || ended.iter().filter(|ended| ended.spoilt == Spoilt::Not && !ended.known);
        let of = |holds: fn(Outcome) -> bool| own().filter(|ended| holds(ended.outcome)).count();
        let lost = of(|outcome| outcome == Outcome::Lost);
        let spoilt = |how: Spoilt| ended.iter().filter(|ended| ended.spoilt == how).count();
        let counted = [
            (".number", n + 1),
            (".selected", run.listed.len() + run.missing as usize),
            (".finished", ended.len() - lost),
            (".passed", of(Outcome::is_pass)),
            (".failed", of(Outcome::is_failure)),
            (".lost", lost),
            (".not_run", if told["kind"] == "tests" { self.all.not_run(id) as usize } else { 0 }),
            (".missing", run.missing as usize),
            (".straddled", spoilt(Spoilt::Straddled)),
            (".environment", spoilt(Spoilt::Environment)),
            (".known", ended.iter().filter(|ended| ended.known).count()),
        ];
        let took = run.began.zip(run.ended).map(|(began, ended)| at(ended) - at(began));
        let before = n
            .checked_sub(1)
            .map_or(self.all.recalled.last().map_or(0, |record| record.number), |before| self.cycle_of[before]);
        // A listing begins no cycle.
        let cycle = if told["kind"] == "tests" { self.cycle_of[n].max(before) } else { before };
        let cycle = f64::from(cycle);
        self.counts(&format!("runs[{n}]"), &counted);
        took.into_iter().for_each(|took| self.expect(&format!("runs[{n}].took"), took));
        self.expect(&format!("runs[{n}].cycle"), cycle);
    }

    fn cycle(&mut self, n: usize, told: &Value) {
        let path = format!("cycles[{n}]");
        let first = self.all.recalled.first().map_or(1, |record| record.number);
        let number = first + n as u32;
        self.expect(&format!("{path}.number"), f64::from(number));
        self.expect(&format!("{path}.more_causes"), 0.0);
        if let Some(record) = self.all.recalled.iter().find(|record| record.number == number).cloned() {
            let zero = ["lost", "not_run", "straddled", "environment", "known"];
            zero.iter().for_each(|name| self.expect(&format!("{path}.{name}"), 0.0));
            self.expect(&format!("{path}.finished"), f64::from(record.finished));
            return self.expect(&format!("{path}.failed"), f64::from(record.failed));
        }
        let kind = |run: usize| &self.facts["runs"][run]["kind"];
        let runs: Vec<u32> = (0..self.cycle_of.len())
            .filter(|run| self.cycle_of[*run] == number && kind(*run) == "tests")
            .map(|run| run as u32)
            .collect();
        // Each test once, by its last result in the cycle.
        let mut newest: BTreeMap<&str, Option<&Ended>> = BTreeMap::new();
        for run in &runs {
            self.all.runs[run].listed.iter().for_each(|node| {
                newest.entry(node).or_default();
            });
        }
        for ended in self.all.results.iter().filter(|ended| runs.contains(&(ended.run - 1))) {
            newest.insert(&ended.node, Some(ended));
        }
        let selected = newest.len();
        let ended: Vec<&Ended> = newest.into_values().flatten().collect();
        let own = || ended.iter().filter(|ended| ended.spoilt == Spoilt::Not && !ended.known);
        let of = |holds: fn(Outcome) -> bool| own().filter(|ended| holds(ended.outcome)).count();
        let lost = of(|outcome| outcome == Outcome::Lost);
        let spoilt = |how: Spoilt| ended.iter().filter(|ended| ended.spoilt == how).count();
        let passed = of(Outcome::is_pass);
        let whole = runs.iter().all(|run| self.all.not_run(*run) == 0);
        let counted = [
            (".selected", selected),
            (".finished", ended.len() - lost),
            (".passed", passed),
            (".failed", of(Outcome::is_failure)),
            (".lost", lost),
            (".not_run", if whole { 0 } else { selected - ended.len() }),
            (".straddled", spoilt(Spoilt::Straddled)),
            (".environment", spoilt(Spoilt::Environment)),
            (".known", ended.iter().filter(|ended| ended.known).count()),
        ];
        let Some(last) = runs.iter().filter_map(|run| self.all.runs[run].ended).max() else {
            return self.faults.push(format!("{path}: no run of it ended"));
        };
        let causes = self.all.causes_at(last);
        self.counts(&path, &counted);
        self.expect(&format!("{path}.pass_rate"), (passed as f64 * 1000.0 / selected as f64).round() / 10.0);
        // It is over when its runs and what was deployed in it are.
        let deployed = |deploy: &Value| Some(seconds(&deploy["began"]) + deploy["took"].as_f64()?);
        let over = list(told, "deploys").filter_map(deployed).fold(at(last), f64::max);
        self.expect(&format!("{path}.took"), over - seconds(&told["began"]));
        self.around_cycle(n, told, &runs);
        runs.iter().enumerate().for_each(|(n, run)| self.expect(&format!("{path}.runs[{n}]"), f64::from(run + 1)));
        for (n, cause) in list(told, "causes").enumerate() {
            let tests = causes.get(&text(&cause["title"])).map_or(0, std::collections::BTreeSet::len);
            self.expect(&format!("{path}.causes[{n}].tests"), tests as f64);
        }
        if causes.len() != list(told, "causes").count() {
            self.faults.push(format!("{path} has other causes: {causes:?}"));
        }
    }

    /// What else is told of a cycle, where it is.
    fn around_cycle(&mut self, n: usize, told: &Value, runs: &[u32]) {
        let path = format!("cycles[{n}]");
        if told["executions"].is_u64() {
            let executions = self.all.results.iter().filter(|ended| runs.contains(&(ended.run - 1))).count();
            self.expect(&format!("{path}.executions"), executions as f64);
        }
        let before = n.checked_sub(1).map(|before| &self.facts["cycles"][before]);
        let tests_before = |title: &Value| {
            let known = before.into_iter().flat_map(|before| list(before, "causes"));
            known.filter(|cause| cause["title"] == *title).filter_map(|cause| cause["tests"].as_f64()).sum::<f64>()
        };
        for (list_name, gone) in [("causes", false), ("causes_gone", true)] {
            for (m, cause) in list(told, list_name).enumerate() {
                if cause["before"].is_u64() {
                    self.expect(&format!("{path}.{list_name}[{m}].before"), tests_before(&cause["title"]));
                }
                if gone {
                    self.expect(&format!("{path}.{list_name}[{m}].tests"), 0.0);
                }
            }
        }
        for (m, deploy) in list(told, "deploys").enumerate() {
            let same = list(self.facts, "deploys").find(|other| other["began"] == deploy["began"]);
            let took = same.and_then(|same| same["took"].as_f64());
            took.into_iter().for_each(|took| self.expect(&format!("{path}.deploys[{m}].took"), took));
        }
        for m in 0..list(told, "health").count() {
            self.expect(&format!("{path}.health[{m}].left_out"), 0.0);
        }
    }

    pub(crate) fn cycle_of(&self, ended: &Ended) -> u32 {
        self.cycle_of[ended.run as usize - 1]
    }

    fn flight(&mut self) {
        let told = &self.facts["flight"];
        if told.is_null() {
            return;
        }
        let began = text(&told["began"]);
        let end = list(told, "decisions").last().map(|last| text(&last["at"])).expect("it decided something");
        let cycles: Vec<(String, u32)> = list(self.facts, "cycles")
            .map(|cycle| (text(&cycle["began"]), cycle["number"].as_u64().unwrap_or(0) as u32))
            .collect();
        let flown = cycles.iter().filter(|(at, _)| *at >= began && *at <= end).count();
        let fixes = self.all.fixes.clone();
        self.expect("flight.took", (millis(&end).unwrap_or(0) - millis(&began).unwrap_or(0)) as f64 / 1e3);
        self.expect("flight.older_decisions", 0.0);
        self.counts("flight", &[(".cycles", flown), (".fixes", fixes.len()), (".deploys", self.all.deploys.len())]);
        for (n, decision) in list(told, "decisions").enumerate() {
            let newest =
                cycles.iter().rev().find(|(began, _)| *began <= text(&decision["at"])).map_or(0, |(_, cycle)| *cycle);
            self.expect(&format!("flight.decisions[{n}].cycle"), f64::from(newest));
        }
        for ((n, fix), (number, (ended, _))) in list(told, "mended").enumerate().zip(fixes) {
            self.expect(&format!("flight.mended[{n}].number"), f64::from(number + 1));
            self.expect(&format!("flight.mended[{n}].more_changed"), 0.0);
            self.expect(&format!("flight.mended[{n}].took"), at(ended) - seconds(&fix["began"]));
        }
    }

    /// Deploys, contracts, and what came from elsewhere.
    fn around(&mut self) {
        let facts = self.facts;
        for (n, deploy) in list(facts, "deploys").enumerate() {
            let seen = self.all.deploys[&(n as u32)].clone();
            let newest = seen.last().and_then(|(_, saw)| saw.clone());
            let streak = seen.iter().rev().take_while(|(_, saw)| saw.is_some() && *saw == newest).count();
            self.expect(&format!("deploys[{n}].number"), n as f64 + 1.0);
            self.expect(&format!("deploys[{n}].streak"), streak.min(self.all.needed as usize) as f64);
            self.expect(&format!("deploys[{n}].needed"), f64::from(self.all.needed));
            if !deploy["took"].is_null() {
                let ended = seen.last().map_or(0.0, |(moment, _)| at(*moment));
                self.expect(&format!("deploys[{n}].took"), ended - seconds(&deploy["began"]));
            }
        }
        for (n, contract) in list(facts, "contracts").enumerate() {
            self.contract(n, &text(&contract["name"]));
        }
        let matched = |file: &LoadedBaseline| {
            let is_found = |result: &&BaselineResult| self.all.found.iter().any(|(node, _)| **node == *result.node);
            (file.results.len(), file.results.iter().filter(is_found).count())
        };
        if let Some((results, matched)) = self.all.imported.as_ref().map(matched) {
            self.counts("imports[0]", &[(".results", results), (".matched", matched)]);
        }
    }

    fn contract(&mut self, n: usize, node: &str) {
        let path = format!("contracts[{n}]");
        let judged = self.all.judged[node].clone();
        let ended = self.all.newest(node).cloned().expect("it ended");
        let of = |verdict| judged.users.iter().filter(|user| user.verdict == verdict).count();
        self.counts(
            &path,
            &[(".users", judged.users.len()), (".of_verdict", of(judged.verdict)), (".more_not_passed", 0)],
        );
        self.expect(&format!("{path}.run"), f64::from(ended.run));
        self.expect(&format!("{path}.cycle"), f64::from(self.cycle_of(&ended)));
        let mut firsts: Vec<f64> =
            judged.users.iter().filter_map(|user| user.first_event).map(Span::as_secs_f64).collect();
        firsts.sort_by(f64::total_cmp);
        // The smallest one that so many of a hundred do not exceed.
        let at = |percent: f64| firsts[((firsts.len() as f64 * percent / 100.0).ceil() as usize).max(1) - 1];
        let (p50, p95, p99) = (at(50.0), at(95.0), at(99.0));
        for (m, latency) in judged.latencies.iter().enumerate() {
            let path = format!("{path}.latencies[{m}]");
            assert_eq!(latency.measure, Timed::FirstEvent, "the others are not kept user by user");
            let told = [(".p50", p50), (".p95", p95), (".p99", p99), (".samples", firsts.len() as f64)];
            told.into_iter().for_each(|(name, value)| self.expect(&format!("{path}{name}"), value));
            for (name, allowed) in [("budget", latency.budget), ("limit", latency.limit)] {
                allowed.into_iter().for_each(|span| self.expect(&format!("{path}.{name}"), span.as_secs_f64()));
            }
        }
    }

    fn evidence(&mut self, nodes: &[String]) {
        let passes: Vec<Ended> = nodes
            .iter()
            .filter_map(|node| self.all.newest(node))
            .filter(|ended| ended.outcome.is_pass() && ended.spoilt == Spoilt::Not)
            .cloned()
            .collect();
        let of = |grade: Option<Grade>| passes.iter().filter(|ended| ended.grade == grade).count();
        let counted = [
            (".websocket", of(Some(Grade::Websocket))),
            (".http", of(Some(Grade::Http))),
            (".network", of(Some(Grade::Network))),
            (".none", of(Some(Grade::None))),
            (".measured", passes.len() - of(None)),
            (".unmeasured", of(None)),
            (".vacuous", 0),
            (".more_hollow", 0),
        ];
        self.counts("evidence", &counted);
        let passed: Vec<String> = passes.iter().map(|ended| ended.node.clone()).collect();
        self.origin("evidence.origin", &passed);
        for (n, hollow) in passes.iter().filter(|ended| ended.grade == Some(Grade::None)).enumerate() {
            self.expect(&format!("evidence.hollow[{n}].run"), f64::from(hollow.run));
        }
    }

    fn test(&mut self, n: usize, told: &Value) {
        let path = format!("tests[{n}]");
        match self.all.newest(&text(&told["node"])).cloned() {
            Some(ended) => {
                self.expect(&format!("{path}.run"), f64::from(ended.run));
                self.expect(&format!("{path}.cycle"), f64::from(self.cycle_of(&ended)));
                self.expect(&format!("{path}.tries"), 1.0);
                self.expect(&format!("{path}.took"), ended.took.as_secs_f64());
            }
            // It never ran here, or only a file knows of it.
            None => self.expect(&format!("{path}.tries"), 0.0),
        }
    }
}
