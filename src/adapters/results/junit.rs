//! JUnit XML. There is no one schema; these are the shapes that pytest, nextest, Surefire and their imitators write.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::Case;
use crate::domain::Outcome;

/// How deep elements may lie; a document of ours is five deep.
const DEPTH: usize = 64;

/// Reads a document.
pub(super) fn read(text: &str, cases: &mut Vec<Case>) -> Result<(), String> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut suites: Vec<String> = Vec::new();
    let mut case: Option<Case> = None;
    let mut inside: Vec<String> = Vec::new();
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().map_err(|error| format!("the XML breaks off at byte {at}: {error}"))?;
        match event {
            Event::Start(start) => {
                let name = local_name(&start);
                open(&name, &start, &mut suites, &mut case);
                inside.push(name);
                if inside.len() > DEPTH {
                    return Err("its elements lie too deep".to_owned());
                }
            }
            Event::Empty(start) => {
                let name = local_name(&start);
                open(&name, &start, &mut suites, &mut case);
                close(&name, &mut suites, &mut case, cases);
            }
            Event::End(_) => {
                let name = inside.pop().unwrap_or_default();
                close(&name, &mut suites, &mut case, cases);
            }
            Event::Text(words) => add(&words, &inside, &mut case),
            Event::CData(words) => add(&words, &inside, &mut case),
            Event::GeneralRef(name) => add(&entity(&name), &inside, &mut case),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    match inside.last() {
        Some(name) => Err(format!("the XML breaks off inside <{name}>")),
        None => Ok(()),
    }
}

/// When the suites of a file say that they began.
pub(super) fn timestamps(text: &str) -> Vec<String> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut found = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(start) | Event::Empty(start)) => {
                if matches!(local_name(&start).as_str(), "testsuite" | "testsuites") {
                    found.push(attribute(&start, "timestamp"));
                }
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

fn open(name: &str, start: &BytesStart<'_>, suites: &mut Vec<String>, case: &mut Option<Case>) {
    match name {
        "testsuite" => suites.push(attribute(start, "name")),
        "testcase" => *case = Some(begin(start, suites.last().map_or("", String::as_str))),
        _ => {
            let Some(case) = case else { return };
            let (message, kind) = (attribute(start, "message"), attribute(start, "type"));
            let outcome = match name {
                "failure" => Outcome::Failed,
                "error" => Outcome::Errored,
                "skipped" if kind == "pytest.xfail" => Outcome::Xfailed,
                "skipped" => Outcome::Skipped,
                "rerunFailure" | "rerunError" | "flakyFailure" | "flakyError" => {
                    case.retries += 1;
                    return;
                }
                _ => return,
            };
            // A test can have several failures; its worst one names it.
            case.outcome = Some(case.outcome.map_or(outcome, |before| before.max(outcome)));
            let said = if message.is_empty() { kind } else { message };
            if !case.message.is_empty() && !said.is_empty() {
                case.message.push('\n');
            }
            case.message.push_str(&said);
        }
    }
}

fn close(name: &str, suites: &mut Vec<String>, case: &mut Option<Case>, cases: &mut Vec<Case>) {
    match name {
        "testsuite" => drop(suites.pop()),
        "testcase" => cases.extend(case.take().map(|mut case| {
            if case.message.is_empty() && case.outcome.is_some() {
                case.message = case.trace.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
            }
            case
        })),
        _ => {}
    }
}

fn begin(start: &BytesStart<'_>, suite: &str) -> Case {
    let (file, class, name) = (attribute(start, "file"), attribute(start, "classname"), attribute(start, "name"));
    let (module, name) = if file.is_empty() {
        (if class.is_empty() { suite.to_owned() } else { class }, name)
    } else {
        // `tests/test_a.py` with the class `tests.test_a.TestB` is the class `TestB` in that file.
        let dotted = file.rsplit_once('.').map_or(file.as_str(), |(stem, _)| stem).replace('/', ".");
        let class = class.strip_prefix(&dotted).unwrap_or(&class).trim_start_matches('.').replace('.', "::");
        let name = if class.is_empty() { name } else { format!("{class}::{name}") };
        (file, name)
    };
    Case {
        module,
        name,
        line: attribute(start, "line").parse().map_or(0, |line: u32| line.saturating_add(1)),
        seconds: attribute(start, "time").replace(',', "").parse().unwrap_or_default(),
        ..Case::default()
    }
}

fn add(words: &str, inside: &[String], case: &mut Option<Case>) {
    let Some(case) = case else { return };
    match inside.last().map(String::as_str) {
        Some("failure" | "error" | "skipped") => case.trace.push_str(words),
        Some("system-out" | "system-err") => case.output.push_str(words),
        _ => {}
    }
}

fn local_name(start: &BytesStart<'_>) -> String {
    start.local_name().as_ref().to_owned()
}

fn attribute(start: &BytesStart<'_>, name: &str) -> String {
    let found = start.attributes().flatten().find(|attribute| attribute.key.as_ref() == name);
    let Some(found) = found else { return String::new() };
    let raw = found.value.into_owned();
    quick_xml::escape::unescape(&raw).map_or_else(|_| raw.clone(), |text| text.into_owned())
}

fn entity(name: &str) -> String {
    let whole = format!("&{name};");
    quick_xml::escape::unescape(&whole).map_or_else(|_| whole.clone(), |text| text.into_owned())
}
