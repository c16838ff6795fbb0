//! No page has a number of its own: every number among the facts is replaced by one that stands nowhere else, every digit
//! of a text by a letter, and then each number of a page has to be one of those, or follow from them in a way that is
//! listed here. `tests/report` holds the facts themselves against the journal.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::domain::{ContractVerdict, Judgement, Latency, RunEvent, State, Timed, UserResult};
use crate::report::About;
use crate::ui::fixture::{self, Story, cycles, flight, known, prove, spoilt};

/// Facts whose numbers stand nowhere else, and what a page may make of them.
struct Marked {
    facts: Value,
    next: u64,
    /// What may stand on a page as it is.
    allowed: BTreeSet<String>,
    /// How many there are of what is listed in part: a page adds what it leaves out itself.
    more: Vec<u64>,
}

impl Marked {
    fn of(facts: &Value) -> Self {
        let mut marked = Self { facts: Value::Null, next: 1_000_000, allowed: BTreeSet::new(), more: Vec::new() };
        // The ends of a scale.
        marked.allowed.extend(["0", "100"].map(str::to_owned));
        marked.facts = marked.mark("", facts);
        let evidence = &marked.facts["evidence"];
        let passes = evidence["measured"].as_u64().zip(evidence["unmeasured"].as_u64());
        marked.allowed.extend(passes.map(|(one, other)| (one + other).to_string()));
        for cycle in facts_list(&marked.facts, "cycles") {
            marked.allowed.extend(stacked(cycle));
        }
        marked
    }

    fn mark(&mut self, name: &str, value: &Value) -> Value {
        match value {
            Value::Number(number) => {
                self.next += 1_000;
                if name.starts_with("more") || name == "older_decisions" {
                    self.more.push(self.next);
                }
                if number.is_f64() {
                    let (seconds, tenths) = (self.next, format!("{}.2", self.next));
                    self.allowed.insert(format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60));
                    self.allowed.insert(tenths);
                    return Value::from(self.next as f64 + 0.25);
                }
                self.allowed.insert(self.next.to_string());
                Value::from(self.next)
            }
            Value::String(text) => text.replace(|c: char| c.is_ascii_digit(), "x").into(),
            Value::Array(items) => {
                let count = items.len();
                // How many there are, how many of them are left out, and the places in a list of steps.
                let told: Vec<usize> = match name {
                    "runs" => [0, 4, 6].map(|shown| count.saturating_sub(shown)).to_vec(),
                    "deploys" => vec![count],
                    "causes" => vec![count.saturating_sub(12)],
                    "next" | "whys" => (1..=count).collect(),
                    _ => Vec::new(),
                };
                self.allowed.extend(told.iter().map(usize::to_string));
                items.iter().map(|item| self.mark(name, item)).collect()
            }
            Value::Object(fields) => {
                fields.iter().map(|(name, field)| (name.clone(), self.mark(name, field))).collect()
            }
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    fn strays(&self, page: &str) -> Vec<String> {
        let follows = |number: &str| {
            let number = number.parse::<u64>().unwrap_or(0);
            self.more.iter().any(|more| number.abs_diff(*more) < 200)
        };
        let stray = |number: &String| !self.allowed.contains(number) && !follows(number);
        numbers(page).into_iter().filter(stray).collect()
    }
}

fn facts_list<'a>(facts: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    facts[name].as_array().into_iter().flatten()
}

/// What a chart adds up of a cycle: the failures of each class, and all of them.
fn stacked(cycle: &Value) -> Vec<String> {
    let mut sums: Vec<(&str, u64)> = Vec::new();
    for cause in facts_list(cycle, "causes") {
        let (class, tests) = (cause["class"].as_str().unwrap_or(""), cause["tests"].as_u64().unwrap_or(0));
        match sums.iter_mut().find(|(known, _)| *known == class) {
            Some((_, sum)) => *sum += tests,
            None => sums.push((class, tests)),
        }
    }
    let all: u64 = sums.iter().map(|(_, sum)| sum).sum();
    let rest = cycle["failed"].as_u64().unwrap_or(0).saturating_sub(all);
    let each = sums.into_iter().map(|(_, sum)| sum);
    each.chain([all, rest, all + rest]).map(|sum| sum.to_string()).collect()
}

/// The numbers of a page that are no part of a word: what stands in tags, links and styles is not read by people.
fn numbers(page: &str) -> Vec<String> {
    let mut text = String::new();
    for (n, part) in page.split("<style>").enumerate() {
        text.push_str(if n == 0 { part } else { part.split_once("</style>").map_or("", |(_, rest)| rest) });
    }
    let mut read = String::new();
    for part in text.split('<') {
        read.push_str(part.split_once('>').map_or(part, |(_, rest)| rest));
        read.push(' ');
    }
    for (n, part) in std::mem::take(&mut read).split("](#").enumerate() {
        read.push_str(if n == 0 { part } else { part.split_once(')').map_or("", |(_, rest)| rest) });
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '_' | '/' | '-' | '#' | '&' | ';');
    let words = read.split(|c: char| !is_part(c)).map(|word| word.trim_matches(['.', ':', '-', ';']));
    let is_number = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_digit()) && word.chars().all(|c| c.is_ascii_digit() || ".:".contains(c))
    };
    words.filter(is_number).map(str::to_owned).collect()
}

/// Stories in which everything that a report tells happens.
fn stories() -> Vec<Story> {
    vec![
        fixture::green(),
        fixture::busy(),
        fixture::measured(),
        fixture::crashed(),
        cycles::several(),
        prove::proved(),
        contracted(),
        spoilt::outage(),
        known::guarded(),
        flight::given_up(),
    ]
}

/// Two users hold a contract, one of them too late.
fn contracted() -> Story {
    let mut story = fixture::busy();
    let run = story.run();
    let latency = Latency {
        measure: Timed::FirstEvent,
        budget: Some(Span::millis(500)),
        limit: None,
        samples: 2,
        most: Span::millis(700),
        spread: [1, 0, 0, 0, 0, 0, 0, 1],
        late: true,
        p50: Span::millis(80),
        p95: Span::millis(700),
        p99: Span::millis(700),
    };
    let user = |user: &str, verdict| UserResult {
        user: user.into(),
        verdict,
        why: "7 agent events in 770 ms".into(),
        first_event: Some(Span::millis(80)),
        event: None,
    };
    let why = "1 of 2 users: the first agent event took 700 ms, 500 ms are allowed";
    let judgement = Judgement {
        users: vec![user("ada", ContractVerdict::Pass), user("kim", ContractVerdict::Fail)],
        latencies: vec![latency, Latency { measure: Timed::Total, budget: None, late: false, ..latency }],
        ..Judgement::bare(ContractVerdict::Fail, why, Vec::new())
    };
    story.tell(RunEvent::ContractJudged { run, n: 0, judgement: Arc::new(judgement) });
    story
}

fn facts_of(story: &Story) -> Value {
    serde_json::to_value(Facts::of(&story.state, &About::default())).expect("facts are JSON")
}

#[test]
fn a_page_has_no_number_of_its_own() {
    for (n, story) in stories().iter().enumerate() {
        let marked = Marked::of(&facts_of(story));
        for (name, source, html) in [("report.md", MARKDOWN, false), ("report.html", HTML, true)] {
            let page = fill(name, source, html, &marked.facts).unwrap_or_else(|error| panic!("{n}: {error:#}"));
            let strays = marked.strays(&page);
            assert!(strays.is_empty(), "{name} of story {n}: {strays:?}");
            // The marks do get onto the page: a check that reads nothing would find nothing.
            assert!(numbers(&page).iter().filter(|number| number.len() >= 7).count() > 20, "{name} of story {n}");
        }
    }
}

#[test]
fn a_number_that_a_page_makes_up_is_found() {
    let marked = Marked::of(&facts_of(&fixture::green()));
    for (template, stray) in [
        ("{{ totals.passed + 1 }} of {{ totals.tests }} passed", true),
        ("<p>{{ totals.passed }} of 61 passed</p>", true),
        ("took {{ (took + 1)|span }}", true),
        ("{{ totals.passed }} of {{ totals.tests }} passed, {{ took|span }}", false),
    ] {
        let page = fill("own", template, true, &marked.facts).expect("it can be filled");
        assert_eq!(!marked.strays(&page).is_empty(), stray, "{template}: {page}");
    }
}

fn facts() -> Facts {
    Facts::of(&State::default(), &About::default())
}

#[test]
fn a_file_says_by_its_name_what_it_wants() {
    let asked = ["a.md", "A.HTML", "b.json", "c.ctrf.json", "results.xml", "notes.txt"].map(Form::of_name);
    let [md, html, json, ctrf, xml, none] = asked;
    assert_eq!((md, html), (Some(Form::Markdown), Some(Form::Html)));
    assert_eq!((json, ctrf, xml, none), (Some(Form::Json), Some(Form::Ctrf), Some(Form::Junit), None));
}

#[test]
fn a_session_in_which_nothing_ran_can_be_told_in_every_form() {
    for form in [Form::Markdown, Form::Html, Form::Json, Form::Junit, Form::Ctrf] {
        let text = render(&facts(), form, None).expect("it can be rendered");
        assert!(!text.contains("Green"), "{form:?}: {text}");
    }
}

#[test]
fn a_template_of_ones_own_is_filled_with_the_facts_and_its_mistakes_have_a_line() {
    let own = "{{ project }}: {{ status.word }} of {{ totals.tests }}\n";
    assert_eq!(render(&facts(), Form::Markdown, Some(("own.md", own))).expect("it fits"), ": nothing of 0\n");
    let wrong = render(&facts(), Form::Markdown, Some(("own.md", "a\n{{ nobody.knows }}"))).expect_err("no such fact");
    assert!(wrong.starts_with("own.md:2: undefined value"), "{wrong}");
    let endless = "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}";
    let wrong = render(&facts(), Form::Markdown, Some(("own.md", endless))).expect_err("it has no end");
    assert!(wrong.contains("fuel"), "{wrong}");
}
