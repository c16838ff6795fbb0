//! A report says nothing that the journal does not hold: every number in it is counted anew here, from the entries
//! alone, without the fold, and every page is held against those numbers.
#![cfg(target_os = "linux")]

mod causes;
mod check;
mod recount;
mod session;
mod tools;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use liveloop::domain::{Effects, Entry, State};
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

/// What the causes of the golden journal are called, by what their failures say.
const TITLES: [(&str, &str); 3] = [
    ("AssertionError: the run never completed; last event: agent_thinking", "the run stops after agent_thinking"),
    (
        "websockets.exceptions.InvalidStatus: server rejected WebSocket connection: HTTP 403",
        "HTTP 403 at the WebSocket handshake",
    ),
    // It fails because the others do.
    (
        "AssertionError: no connectivity result to report on: test_002_websocket_connectivity did not pass",
        "HTTP 403 at the WebSocket handshake",
    ),
];

/// The facts of both sessions, with the entries that they follow from.
fn sessions() -> [(Facts, Vec<Entry>); 2] {
    let eventful = session::eventful();
    let facts = Facts::of(&eventful.state, &About::default());
    [(facts_of(&golden()), journal::read(&golden()).expect("a journal").entries), (facts, eventful.entries)]
}

fn as_value(facts: &Facts) -> Value {
    serde_json::to_value(facts).expect("facts are JSON")
}

#[test]
fn every_number_of_a_report_is_one_that_the_journal_holds() {
    for (facts, entries) in sessions() {
        let faults = check::faults(&as_value(&facts), &entries, &TITLES);
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

/// Calls `visit` with the path of each number and with the facts in which that number is another one.
fn with_each_number_changed(facts: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    let mut changed = facts.clone();
    let mut paths = Vec::new();
    pointers(facts, String::new(), &mut paths);
    for path in paths {
        let place = changed.pointer_mut(&path).expect("it is there");
        let before = place.take();
        *place = match before.as_u64() {
            Some(number) => (number + 1).into(),
            None => (before.as_f64().expect("a number") + 0.01).into(),
        };
        visit(&path, &changed);
        *changed.pointer_mut(&path).expect("it is there") = before;
    }
}

fn pointers(value: &Value, path: String, all: &mut Vec<String>) {
    match value {
        Value::Number(_) => all.push(path),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| pointers(item, format!("{path}/{n}"), all));
        }
        Value::Object(fields) => fields.iter().for_each(|(name, field)| pointers(field, format!("{path}/{name}"), all)),
        Value::String(_) | Value::Null | Value::Bool(_) => {}
    }
}

/// The check above can fail: whichever number is another one, it says so.
#[test]
fn a_number_that_the_journal_does_not_hold_is_found_wherever_it_stands() {
    for (facts, entries) in sessions() {
        let mut numbers = 0;
        with_each_number_changed(&as_value(&facts), &mut |path, changed| {
            numbers += 1;
            assert!(!check::faults(changed, &entries, &TITLES).is_empty(), "{path} may be anything");
        });
        assert!(numbers > 100, "only {numbers} numbers");
    }
}

/// All numbers among the facts, and those in their texts.
fn numbers(value: &Value, all: &mut BTreeSet<String>) {
    match value {
        Value::Number(number) => drop(all.insert(number.to_string())),
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

/// The durations among the facts, in seconds.
fn durations(value: &Value, all: &mut Vec<f64>) {
    match value {
        Value::Number(number) => all.extend(number.as_f64().filter(|_| number.is_f64())),
        Value::Array(items) => items.iter().for_each(|item| durations(item, all)),
        Value::Object(fields) => fields.values().for_each(|field| durations(field, all)),
        Value::String(_) | Value::Null | Value::Bool(_) => {}
    }
}

/// The durations of a page, each with the seconds from which and to which it may stand; and the page without them.
fn spans(page: &str) -> (Vec<(String, f64, f64)>, String) {
    let is_end = |c: char| !(c.is_ascii_digit() || c == '.' || c == ':');
    let (mut found, mut rest) = (Vec::new(), String::new());
    let words: Vec<&str> = page.split([' ', '\n']).collect();
    let unit = |n: usize| words.get(n + 1).map_or("", |word| word.trim_end_matches(|c: char| !c.is_ascii_alphabetic()));
    for (n, word) in words.iter().enumerate() {
        let number = word.trim_matches(is_end);
        let parts: Vec<f64> = number.split(':').filter_map(|part| part.parse().ok()).collect();
        let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len() as i32);
        // Half of the last place that is told; minutes and hours leave out what is less than a second.
        let half = 0.5 * 10f64.powi(-decimals) + 1e-9;
        let range = match (unit(n), parts.as_slice()) {
            ("ms", [millis]) => Some(((millis - half) / 1e3, (millis + half) / 1e3)),
            ("s", [seconds]) => Some((seconds - half, seconds + half)),
            ("min", [minutes, seconds]) => Some((minutes * 60.0 + seconds - 0.05, minutes * 60.0 + seconds + 1.0)),
            ("h", [hours, minutes, seconds]) => {
                let seconds = (hours * 60.0 + minutes) * 60.0 + seconds;
                Some((seconds, seconds + 1.0))
            }
            _ => None,
        };
        match range {
            Some((from, to)) => found.push((format!("{number} {}", unit(n)), from, to)),
            None => rest.push_str(&format!("{word} ")),
        }
    }
    (found, rest)
}

/// What of a page the facts do not hold: durations within their rounding, and every other number.
fn strays(facts: &Facts, page: &str) -> Vec<String> {
    let (mut known, mut lasted) = (BTreeSet::new(), Vec::new());
    numbers(&as_value(facts), &mut known);
    durations(&as_value(facts), &mut lasted);
    // The places in its lists of steps.
    known.extend((1..=facts.next.len()).map(|place| place.to_string()));
    let passes = facts.evidence.measured + facts.evidence.unmeasured;
    known.insert(passes.to_string());
    known.extend(["50", "95", "99"].map(str::to_owned));
    let (spans, rest) = spans(page);
    let texts = as_value(facts).to_string();
    let is_held = |(told, from, to): &&(String, f64, f64)| {
        lasted.iter().any(|seconds| (from..=to).contains(&seconds)) || texts.contains(told.as_str())
    };
    let wrong = spans.iter().filter(|span| !is_held(span)).map(|(told, ..)| told.clone());
    wrong.chain(digits(&rest).filter(|number| !known.contains(number))).collect()
}

#[test]
fn a_page_holds_no_number_that_the_facts_do_not() {
    for (facts, _) in sessions() {
        let page = render(&facts, Form::Markdown, None).expect("a page");
        let (told, _) = spans(&page);
        assert!(!told.is_empty(), "no duration is read");
        assert_eq!(strays(&facts, &page), Vec::<String>::new(), "in:\n{page}");
    }
}

/// The check above can fail: a duration that is a little too long is found.
#[test]
fn a_duration_beyond_its_rounding_is_found() {
    let [_, (facts, _)] = sessions();
    let page = render(&facts, Form::Markdown, None).expect("a page");
    for (template, wrong) in [
        ("{{ took|span }}", false),
        ("{{ (took + 1.1)|span }}", true),
        ("{{ deploys[0].took|span }}", false),
        ("{{ (deploys[0].took + 0.2)|span }}", true),
        ("{{ contracts[0].latencies[0].p95|brief }}", false),
        ("{{ (contracts[0].latencies[0].p95 + 0.003)|brief }}", true),
    ] {
        let made = render(&facts, Form::Markdown, Some(("own.md", template))).expect("it can be filled");
        assert_eq!(!strays(&facts, &format!("{page} {made} ")).is_empty(), wrong, "{template}: {made}");
    }
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    for (facts, _) in sessions() {
        let page = render(&facts, Form::Markdown, None).expect("a page");
        for link in page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(page.contains(&format!("<a id=\"{link}\"></a>")), "{link} leads nowhere");
        }
        let page = render(&facts, Form::Html, None).expect("a page");
        for link in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert_eq!(
                page.matches(&format!(" id=\"{link}\"")).count(),
                1,
                "{link} leads nowhere, or to several places"
            );
        }
        let needs_network = ["http://", "https://", "<script", "<link", "@import", "url("];
        assert!(needs_network.iter().all(|needed| !page.contains(needed)), "it needs no network");
    }
}

/// Whoever reads a number in a row of counts can go to the run that it comes from.
#[test]
fn every_row_of_counts_links_to_its_runs() {
    let is_counted = |row: &str| row.contains("class=\"n\"") || row.contains("class=\"n ");
    let own = ["id=\"run-", "id=\"deploy-", ">fix ", "an earlier session", ">earlier<"];
    for (facts, _) in sessions() {
        let page = render(&facts, Form::Html, None).expect("a page");
        let rows = page.split("<tr").skip(1).filter_map(|rest| rest.split_once("</tr>")).map(|(row, _)| row);
        let counts = rows.filter(|row| row.contains("<td") && is_counted(row) && !row.contains("budget"));
        let mut seen = 0;
        for row in counts {
            seen += 1;
            assert!(row.contains("href=\"#run-") || own.iter().any(|mark| row.contains(mark)), "no run: {row}");
        }
        assert!(seen > 3);
        let page = render(&facts, Form::Markdown, None).expect("a page");
        for line in page.lines().filter(|line| line.starts_with("| all |") || line.contains("| <a id=\"cycle-")) {
            assert!(line.contains("](#run-") || line.contains("an earlier session"), "no run: {line}");
        }
    }
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
