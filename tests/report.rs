//! A report says nothing that the journal does not hold: every number in it is counted anew here, from the entries
//! alone, without the fold.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use liveloop::domain::{DeployEvent, Effects, Event, Outcome, RunEvent, State};
use liveloop::engine::journal;
use liveloop::report::{About, Facts, Form, render};
use serde_json::Value;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals/v1.0.jsonl")
}

fn facts_of(path: &Path) -> Facts {
    let (mut state, mut effects) = (State::default(), Effects::new());
    let (_, broken, torn) = journal::scan(path, |entry| {
        state.apply(&entry, &mut effects);
        effects.clear();
    })
    .expect("a journal");
    Facts::of(&state, &About { broken, torn, journal: Some("v1.0.jsonl".into()), gate: Vec::new() })
}

/// What a journal holds, counted by hand.
#[derive(Default)]
struct Counted {
    entries: u32,
    /// By run: its tests by number, then their last outcomes.
    nodes: BTreeMap<u32, Vec<String>>,
    ended: BTreeMap<u32, BTreeMap<u32, Outcome>>,
    /// The last outcome of each test.
    latest: BTreeMap<String, Outcome>,
    found: BTreeSet<String>,
    deploys: BTreeSet<u32>,
    proofs: BTreeMap<u32, u32>,
}

fn counted(path: &Path) -> Counted {
    let mut all = Counted::default();
    for entry in journal::read(path).expect("a journal").entries {
        all.entries += 1;
        match entry.event {
            Event::Run(RunEvent::Collected { run, tests }) => {
                let names: Vec<String> = tests.iter().map(|found| found.node.to_string()).collect();
                all.found.extend(names.iter().cloned());
                all.nodes.entry(run.0).or_default().extend(names);
            }
            Event::Run(RunEvent::TestEnded { run, n, outcome, .. }) => {
                all.ended.entry(run.0).or_default().insert(n, outcome);
                let node = all.nodes.get(&run.0).and_then(|nodes| nodes.get(n as usize)).expect("it was listed");
                all.latest.insert(node.clone(), outcome);
            }
            Event::Deploy(event) => {
                all.deploys.insert(event.deploy().0);
                if let DeployEvent::Proved { deploy, saw: Some(_) } = event {
                    *all.proofs.entry(deploy.0).or_default() += 1;
                }
            }
            _ => {}
        }
    }
    all
}

#[test]
fn every_number_of_a_report_is_one_that_the_journal_holds() {
    let (facts, all) = (facts_of(&golden()), counted(&golden()));
    assert_eq!(facts.entries, u64::from(all.entries));
    let failures = |outcomes: &mut dyn Iterator<Item = &Outcome>| outcomes.filter(|o| o.is_failure()).count() as u32;
    let passes = |outcomes: &mut dyn Iterator<Item = &Outcome>| outcomes.filter(|o| o.is_pass()).count() as u32;
    let totals = &facts.totals;
    assert_eq!(totals.tests, all.found.len() as u32);
    assert_eq!(totals.passed, passes(&mut all.latest.values()));
    assert_eq!(totals.failed, failures(&mut all.latest.values()));
    assert_eq!(totals.without_result, (all.found.len() - all.latest.len()) as u32);
    for run in facts.runs.iter().filter(|run| run.kind == "tests") {
        let ended = &all.ended[&(run.number - 1)];
        assert_eq!(run.selected, all.nodes[&(run.number - 1)].len() as u32, "run {}", run.number);
        assert_eq!(run.finished, ended.len() as u32, "run {}", run.number);
        assert_eq!(run.passed, passes(&mut ended.values()), "run {}", run.number);
        assert_eq!(run.failed, failures(&mut ended.values()), "run {}", run.number);
    }
    for cycle in &facts.cycles {
        let runs = || facts.runs.iter().filter(|run| cycle.runs.contains(&run.number));
        assert!(!cycle.runs.is_empty() && runs().all(|run| run.cycle == cycle.number), "cycle {}", cycle.number);
        assert_eq!(cycle.finished, runs().map(|run| run.finished).sum::<u32>());
        assert_eq!(cycle.failed, runs().map(|run| run.failed).sum::<u32>());
        assert_eq!(cycle.passed, Some(runs().map(|run| run.passed).sum()));
        assert_eq!(cycle.selected, Some(runs().map(|run| run.selected).sum()));
        let rate = f64::from(cycle.passed.expect("told")) * 100.0 / f64::from(cycle.selected.expect("told"));
        assert!((cycle.pass_rate.expect("told") - rate).abs() < 0.06);
    }
    assert_eq!(facts.deploys.len(), all.deploys.len());
    for deploy in &facts.deploys {
        assert!(deploy.streak <= all.proofs[&(deploy.number - 1)], "deploy {}", deploy.number);
    }
    let open: u32 = facts.causes.iter().filter(|cause| cause.open).map(|cause| cause.count).sum();
    assert_eq!(open, totals.failed);
    let verdicts: u32 = facts.verdicts.iter().map(|group| group.count).sum();
    assert_eq!(verdicts, totals.tests, "every test has one verdict");
}

/// All numbers among the facts, spans as they are told too.
fn numbers(value: &Value, all: &mut BTreeSet<String>) {
    match value {
        Value::Number(number) => {
            all.insert(number.to_string());
        }
        Value::String(text) => all.extend(digits(text)),
        Value::Array(items) => {
            all.insert(items.len().to_string());
            items.iter().for_each(|item| numbers(item, all));
        }
        Value::Object(fields) => fields.values().for_each(|field| numbers(field, all)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn digits(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).map(str::to_owned)
}

/// Durations are rounded on a page, and are left out of this comparison: `1.4 s`, `4:05 min`.
fn without_spans(page: &str) -> String {
    let words: Vec<&str> = page.split(' ').collect();
    let is_unit = |word: &str| matches!(word.trim_end().trim_end_matches([',', '.']), "s" | "min");
    let is_span = |n: usize| words.get(n + 1).and_then(|next| next.lines().next()).is_some_and(is_unit);
    words.iter().enumerate().filter(|(n, _)| !is_span(*n)).map(|(_, word)| format!("{word} ")).collect()
}

#[test]
fn a_page_holds_no_number_that_the_facts_do_not() {
    let facts = facts_of(&golden());
    let mut known = BTreeSet::new();
    numbers(&serde_json::to_value(&facts).expect("facts"), &mut known);
    // The places in its lists of steps.
    known.extend((1..=facts.next.len()).map(|place| place.to_string()));
    let page = render(&facts, Form::Markdown, None).expect("a page");
    let unknown: Vec<String> = digits(&without_spans(&page)).filter(|number| !known.contains(number)).collect();
    assert!(unknown.is_empty(), "{unknown:?} in:\n{page}");
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    let facts = facts_of(&golden());
    let page = render(&facts, Form::Markdown, None).expect("a page");
    for link in page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(page.contains(&format!("<a id=\"{link}\"></a>")), "{link} leads nowhere");
    }
    let page = render(&facts, Form::Html, None).expect("a page");
    for link in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(page.contains(&format!("id=\"{link}\"")), "{link} leads nowhere");
    }
    assert!(
        !page.contains("http://") && !page.contains("https://") && !page.contains("<script"),
        "it needs no network"
    );
}

#[test]
fn the_forms_for_tools_count_alike() {
    let facts = facts_of(&golden());
    let ctrf: Value = serde_json::from_str(&render(&facts, Form::Ctrf, None).expect("ctrf")).expect("json");
    let summary = &ctrf["results"]["summary"];
    assert_eq!((&summary["tests"], &summary["passed"], &summary["failed"]), (&60.into(), &4.into(), &1.into()));
    let junit = render(&facts, Form::Junit, None).expect("junit");
    assert!(junit.contains("tests=\"60\" failures=\"1\" errors=\"0\""), "{junit}");
    assert_eq!(junit.matches("<testcase ").count(), 60);
}

#[test]
fn no_word_of_success_stands_beside_a_failure() {
    let facts = facts_of(&golden());
    assert!(!facts.status.success);
    for form in [Form::Markdown, Form::Html] {
        let page = render(&facts, form, None).expect("a page");
        assert!(!page.contains("Green:") && !page.contains("(green)") && !page.contains(">green<"), "{page}");
        assert!(page.contains("Not green: 1 test of 60 did not hold."), "{page}");
    }
}
