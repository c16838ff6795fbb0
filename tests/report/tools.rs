//! The forms that tools read, held against the rules that their strictest readers have: the schema of Jenkins' xUnit
//! reader for JUnit XML, and the schema of CTRF 0.0 (ctrf.io).

use std::collections::BTreeMap;

use liveloop::report::{Facts, Form, render};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;

use crate::sessions;

/// An element: its name and its attributes.
type Element = (String, BTreeMap<String, String>);

fn element(start: &BytesStart) -> Element {
    let attributes = start.attributes().map(|attribute| attribute.expect("well-formed"));
    let text = |text: &str| text.to_owned();
    let attributes = attributes.map(|attribute| (text(attribute.key.as_ref()), text(&attribute.value))).collect();
    (text(start.name().as_ref()), attributes)
}

/// What may stand inside of an element, which attributes it may have, and which it must.
fn rules(name: &str) -> (&'static [&'static str], &'static [&'static str], &'static [&'static str]) {
    match name {
        "" => (&["testsuites"], &[], &[]),
        "testsuites" => (&["testsuite"], &["name", "time", "tests", "failures", "errors"], &[]),
        "testsuite" => (
            &["testcase"],
            &["name", "tests", "failures", "errors", "time", "skipped", "timestamp"],
            &["name", "tests", "failures", "errors"],
        ),
        "testcase" => (&["failure", "error", "skipped"], &["name", "classname", "time"], &["name"]),
        "failure" | "error" | "skipped" => (&[], &["type", "message"], &[]),
        other => panic!("<{other}> is no element of JUnit XML"),
    }
}

/// Reads a document by those rules, and counts suites and their tests again.
fn check_junit(page: &str) -> usize {
    let mut reader = Reader::from_str(page);
    reader.config_mut().check_end_names = true;
    let (mut open, mut suite, mut cases): (Vec<Element>, BTreeMap<String, usize>, usize) = Default::default();
    let mut enter = |open: &[Element], (name, attributes): &Element| {
        let parent = open.last().map_or("", |(name, _)| name);
        assert!(rules(parent).0.contains(&name.as_str()), "<{name}> inside of <{parent}>");
        let (_, allowed, required) = rules(name);
        let names: Vec<&str> = attributes.keys().map(String::as_str).collect();
        assert!(names.iter().all(|name| allowed.contains(name)), "<{name} {names:?}>");
        assert!(required.iter().all(|name| names.contains(name)), "<{name} {names:?}>");
        for number in ["time", "tests", "failures", "errors", "skipped"] {
            assert!(attributes.get(number).is_none_or(|told| told.parse::<f64>().is_ok()), "{name}: {attributes:?}");
        }
        cases += usize::from(name == "testcase");
        *suite.entry(name.clone()).or_default() += 1;
        if name == "testsuite" {
            suite.clear();
        }
        suite.clone()
    };
    let mut told: Option<Element> = None;
    let mut counted = BTreeMap::new();
    let check = |told: &Option<Element>, counted: &BTreeMap<String, usize>| {
        let Some((_, told)) = told else { return };
        for (attribute, name) in
            [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
        {
            let count = counted.get(name).copied().unwrap_or(0);
            assert_eq!(told[attribute], count.to_string(), "{attribute} of {}", told["name"]);
        }
    };
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Start(start) => {
                let element = element(&start);
                if element.0 == "testsuite" {
                    check(&told, &counted);
                    told = Some(element.clone());
                }
                counted = enter(&open, &element);
                open.push(element);
            }
            Event::Empty(start) => counted = enter(&open, &element(&start)),
            Event::End(_) => drop(open.pop()),
            Event::Eof => break,
            _ => {}
        }
    }
    check(&told, &counted);
    assert!(open.is_empty());
    cases
}

#[test]
fn junit_xml_is_what_strict_readers_take_and_counts_what_it_holds() {
    for (facts, _) in sessions() {
        let page = render(&facts, Form::Junit, None).expect("it can be rendered");
        assert_eq!(check_junit(&page), facts.tests.iter().filter(|test| !test.vanished).count());
    }
}

#[test]
fn hostile_text_stays_text_for_tools() {
    let [_, (mut facts, _)] = sessions();
    let hostile = "</testsuites>]]> <!-- & \"'\u{0}\u{1b}[31m\u{202e}\u{ffff}\n\ttail";
    facts.project = hostile.to_owned();
    for test in &mut facts.tests {
        (test.name, test.node) = (format!("{hostile}{}", test.name), format!("{hostile}{}", test.node));
        (test.message, test.trace) = (Some(hostile.to_owned()), Some(hostile.to_owned()));
        test.module = hostile.to_owned();
    }
    let page = render(&facts, Form::Junit, None).expect("it can be rendered");
    check_junit(&page);
    // XML 1.0 has no place for these, not even escaped.
    let is_wrong = |c: char| (c.is_control() && c != '\n') || c == '\u{ffff}';
    assert!(!page.contains(is_wrong));
    check_ctrf(&facts);
}

/// What CTRF asks for, field by field.
fn check_ctrf(facts: &Facts) {
    let page = render(facts, Form::Ctrf, None).expect("it can be rendered");
    let report: Value = serde_json::from_str(&page).expect("JSON");
    assert_eq!((&report["reportFormat"], &report["specVersion"]), (&"CTRF".into(), &"0.0.0".into()));
    let results = &report["results"];
    assert!(results["tool"]["name"].is_string());
    let tests = results["tests"].as_array().expect("a list");
    let summary = &results["summary"];
    assert_eq!(summary["tests"], tests.len());
    assert!(summary["start"].as_u64() <= summary["stop"].as_u64() && summary["start"].is_u64());
    let statuses = ["passed", "failed", "skipped", "pending", "other"];
    for status in statuses {
        let count = tests.iter().filter(|test| test["status"] == status).count();
        assert_eq!(summary[status], count, "{status}");
    }
    for test in tests {
        assert!(test["name"].as_str().is_some_and(|name| !name.is_empty()), "{test}");
        assert!(test["status"].as_str().is_some_and(|status| statuses.contains(&status)), "{test}");
        assert!(test["duration"].is_u64() && test["retries"].is_u64() && test["flaky"].is_boolean(), "{test}");
        let suite = test["suite"].as_array().expect("a list of names");
        assert!(!suite.is_empty() && suite.iter().all(Value::is_string), "{test}");
        let times = [&test["start"], &test["stop"]];
        assert!(times.iter().all(|time| time.is_null() || time.is_u64()), "{test}");
    }
}

#[test]
fn ctrf_has_what_its_schema_asks_for_and_counts_what_it_holds() {
    for (facts, _) in sessions() {
        check_ctrf(&facts);
    }
}
