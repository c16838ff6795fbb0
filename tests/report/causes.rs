//! Causes and verdicts, held against what each test said before and says now.

use liveloop::domain::Outcome;
use serde_json::Value;

use crate::check::{Check, list, text};
use crate::recount::{Ended, Spoilt};

impl Check<'_> {
    /// What a test is measured against: a file, where one was chosen, else its last result of an earlier cycle.
    fn before(&self, node: &str) -> Before<'_> {
        if let Some(file) = &self.all.imported {
            let known = file.results.iter().find(|result| &*result.node == node);
            return known.map_or(Before::Nothing, |result| Before::File(result.outcome));
        }
        let Some(now) = self.all.newest(node) else { return Before::Nothing };
        let told = |before: &&&Ended| {
            self.cycle_of(before) < self.cycle_of(now)
                && before.spoilt == Spoilt::Not
                && before.outcome != Outcome::Lost
        };
        self.all.of_test(node).iter().rev().find(told).map_or(Before::Nothing, |before| Before::Result(before))
    }

    fn verdict_on(&self, node: &str) -> &'static str {
        let Some(now) = self.all.newest(node) else { return "never run" };
        let before = self.before(node);
        match now.spoilt {
            _ if now.known => return "known",
            _ if self.all.is_stale(now) => return "stale",
            Spoilt::Environment => return "environment",
            Spoilt::Straddled => return "straddled",
            Spoilt::Not => {}
        }
        match (now.outcome, before.fails()) {
            (outcome, None) if outcome.is_failure() => "newly failed",
            (outcome, Some(why)) if outcome.is_failure() && now.why.as_deref() == why => "still failing",
            (outcome, Some(_)) if outcome.is_failure() => "failing differently",
            (Outcome::Flaky, _) => "flaky",
            (outcome, Some(_)) if outcome.is_pass() => "fixed",
            (outcome, None) if outcome.is_pass() => "passing",
            _ => "set aside",
        }
    }

    pub(crate) fn verdict(&mut self, n: usize, group: &Value) {
        let path = format!("verdicts[{n}]");
        let word = text(&group["verdict"]);
        let nodes: Vec<String> = match word.as_str() {
            "vanished" => list(self.facts, "tests")
                .filter(|test| test["vanished"] == true)
                .map(|test| text(&test["node"]))
                .collect(),
            _ => self
                .all
                .found
                .iter()
                .map(|(node, _)| node.clone())
                .filter(|node| self.verdict_on(node) == word)
                .collect(),
        };
        self.expect(&format!("{path}.count"), nodes.len() as f64);
        self.expect(&format!("{path}.more"), 0.0);
        self.origin(&format!("{path}.origin"), &nodes);
        for (n, test) in list(group, "tests").enumerate() {
            if let Some(ended) = self.all.newest(&text(&test["node"])) {
                self.expect(&format!("{path}.tests[{n}].run"), f64::from(ended.run));
            }
        }
    }

    pub(crate) fn cause(&mut self, n: usize, told: &Value) {
        let (path, title) = (format!("causes[{n}]"), text(&told["title"]));
        let nodes: Vec<String> = self.all.causes_at(self.all.last).remove(&title).into_iter().flatten().collect();
        let with = |ended: &&Ended| ended.why.as_ref() == Some(&title);
        let first = self.all.results.iter().find(with).map_or(0, |ended| self.cycle_of(ended));
        // Its tests over time: the most at once, and the cycle in which there were none any more.
        let (mut most, mut over, mut before) = (0, None, 0);
        for ended in &self.all.results {
            let count = self.all.causes_at(ended.at).get(&title).map_or(0, std::collections::BTreeSet::len);
            most = most.max(count);
            if before > 0 && count == 0 {
                over = Some(self.cycle_of(ended));
            }
            before = count;
        }
        let known = nodes.iter().filter_map(|node| self.all.newest(node)).filter(|ended| ended.known).count();
        let counted =
            [(".count", nodes.len()), (".most", most), (".known", known), (".dependent", 0), (".more_tests", 0)];
        self.counts(&path, &counted);
        self.expect(&format!("{path}.first_cycle"), f64::from(first));
        if let Some(over) = over.filter(|_| nodes.is_empty()) {
            self.expect(&format!("{path}.ended_cycle"), f64::from(over));
        }
        self.origin(&format!("{path}.origin"), &nodes);
        self.changes(&path, &title, &nodes);
    }

    /// Tests that went from the same thing to the same thing stand together.
    fn changes(&mut self, path: &str, title: &str, nodes: &[String]) {
        let mut ways: Vec<(String, usize, Option<Place>, Place)> = Vec::new();
        for node in self.all.found.iter().map(|(node, _)| node) {
            let ended = self.all.of_test(node);
            let (before, after) = if nodes.is_empty() {
                let last = ended.iter().rposition(|ended| ended.why.as_deref() == Some(title));
                let Some((last, after)) = last.and_then(|last| Some((last, ended.get(last + 1)?))) else { continue };
                (Before::Result(ended[last]), *after)
            } else if nodes.contains(node) {
                (self.before(node), *ended.last().expect("it failed"))
            } else {
                continue;
            };
            let way = format!("{:?} {:?} {:?}", before.key(), after.outcome, after.why);
            let place = match before {
                Before::Result(before) => Some((self.cycle_of(before), before.run)),
                Before::File(_) | Before::Nothing => None,
            };
            match ways.iter_mut().find(|(known, ..)| *known == way) {
                Some((_, count, ..)) => *count += 1,
                None => ways.push((way, 1, place, (self.cycle_of(after), after.run))),
            }
        }
        ways.sort_by_key(|(_, count, ..)| std::cmp::Reverse(*count));
        self.expect(&format!("{path}.more_changes"), 0.0);
        for (n, (_, count, before, (cycle, run))) in ways.into_iter().enumerate() {
            let path = format!("{path}.changes[{n}]");
            self.expect(&format!("{path}.tests"), count as f64);
            self.expect(&format!("{path}.after_cycle"), f64::from(cycle));
            self.expect(&format!("{path}.run"), f64::from(run));
            if let Some((cycle, run)) = before {
                self.expect(&format!("{path}.before_cycle"), f64::from(cycle));
                self.expect(&format!("{path}.before_run"), f64::from(run));
            }
        }
    }
}

/// A cycle and a run.
type Place = (u32, u32);

/// What a test is measured against.
enum Before<'a> {
    Nothing,
    File(Outcome),
    Result(&'a Ended),
}

impl Before<'_> {
    /// Why it failed, where it did.
    fn fails(&self) -> Option<Option<&str>> {
        match self {
            Self::Nothing => None,
            Self::File(outcome) => outcome.is_failure().then_some(None),
            Self::Result(before) => before.outcome.is_failure().then_some(before.why.as_deref()),
        }
    }

    fn key(&self) -> Option<(Outcome, Option<&str>)> {
        match self {
            Self::Nothing => None,
            Self::File(outcome) => Some((*outcome, None)),
            Self::Result(before) => Some((before.outcome, before.why.as_deref())),
        }
    }
}
