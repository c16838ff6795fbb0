//! Results that somebody else obtained, to be laid beside ours: which test each of them means, and what it says.

use std::sync::Arc;

use super::{Case, Format, ctrf, junit, tap};
use crate::adapters::nextest::recording;
use crate::adapters::{sanitize, time};
use crate::domain::{BaselineResult, Detail, Moment, Outcome, Signature, Span, Text};

/// How much of a message is kept.
const MESSAGE: usize = 2_000;
/// No test takes longer than a year, in microseconds.
const LONGEST: u64 = 366 * 86_400 * 1_000_000;

/// How results from elsewhere are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// As a report of that format.
    As(Format),
    /// As nextest records a run, or as it tells one line by line.
    Nextest,
}

impl Written {
    /// What it is called.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::As(Format::Junit) => "JUnit XML",
            Self::As(Format::Tap) => "TAP",
            Self::As(Format::Ctrf) => "CTRF",
            Self::Nextest => "a nextest recording",
        }
    }
}

/// How a file of results is written, by its beginning, and by its name.
#[must_use]
pub fn format_of(name: &str, text: &str) -> Written {
    if recording::is_recording(text) {
        return Written::Nextest;
    }
    let ends = |end: &str| name.to_ascii_lowercase().ends_with(end);
    Written::As(match text.trim_start_matches('\u{feff}').trim_start().as_bytes().first() {
        _ if ends(".tap") => Format::Tap,
        Some(b'<') => Format::Junit,
        Some(b'{') => Format::Ctrf,
        _ if ends(".xml") => Format::Junit,
        _ if ends(".json") => Format::Ctrf,
        _ => Format::Tap,
    })
}

/// What a file says of one test.
#[derive(Debug, Clone, PartialEq)]
pub struct PastResult {
    /// How it ended, to be compared with.
    pub result: BaselineResult,
    /// How long it took.
    pub took: Span,
    /// How many executions it took.
    pub tries: u32,
}

/// A file of results that is to be a cycle of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// What it says of each test.
    pub results: Vec<PastResult>,
    /// When it began, where the file says so.
    pub began: Option<Moment>,
}

/// Reads a file of results. `exists` tells whether the project has a file of that path, `mask` hides what must not be
/// seen.
///
/// # Errors
/// When it cannot be read as what it seems to be, or names no test.
pub fn import(
    format: Written,
    text: &str,
    exists: &dyn Fn(&str) -> bool,
    mask: &dyn Fn(&str) -> String,
) -> Result<Vec<BaselineResult>, String> {
    Ok(past(format, text, exists, mask)?.results.into_iter().map(|past| past.result).collect())
}

/// Reads a file of results with what it says about time.
///
/// # Errors
/// When it cannot be read as what it seems to be, or names no test.
pub fn past(
    format: Written,
    text: &str,
    exists: &dyn Fn(&str) -> bool,
    mask: &dyn Fn(&str) -> String,
) -> Result<Past, String> {
    let format = match format {
        Written::As(format) => format,
        Written::Nextest => return recorded(text, mask),
    };
    let mut cases = Vec::new();
    match format {
        Format::Junit => junit::read(text, &mut cases)?,
        Format::Tap => tap::read(text, &mut cases)?,
        Format::Ctrf => ctrf::read(text, &mut cases)?,
    }
    if cases.is_empty() {
        return Err("it names no test".to_owned());
    }
    let mut results: Vec<PastResult> = Vec::with_capacity(cases.len());
    let mut places = std::collections::HashMap::new();
    for case in cases {
        let took = Span(if case.seconds.is_finite() { (case.seconds.max(0.0) * 1e6).round() as u64 } else { 0 });
        let tries = case.retries.saturating_add(1);
        let result = PastResult { result: result_of(&case, exists, mask), took: took.min(Span(LONGEST)), tries };
        // A test that is named twice was tried twice: the last attempt counts.
        match places.get(&result.result.node) {
            Some(&place) => results[place] = result,
            None => {
                places.insert(result.result.node.clone(), results.len());
                results.push(result);
            }
        }
    }
    Ok(Past { results, began: began(format, text) })
}

/// What nextest recorded: its names are those of our own runs.
fn recorded(text: &str, mask: &dyn Fn(&str) -> String) -> Result<Past, String> {
    let recording = recording::read(text);
    if recording.tests.is_empty() {
        return Err("it names no test".to_owned());
    }
    let result = |test: recording::Recorded| {
        let failed = test.outcome.is_failure();
        let message: Text = mask(&test.detail.message).chars().take(MESSAGE).collect::<String>().into();
        let detail = Detail { message: message.clone(), trace: mask(&test.detail.trace).into(), ..test.detail };
        let result = BaselineResult {
            node: test.node.into(),
            module: test.module.into(),
            also: Vec::new(),
            outcome: test.outcome,
            signature: failed.then(|| Arc::new(Signature::of(test.outcome, Some(&detail)))),
            message: Some(message).filter(|_| failed),
        };
        PastResult { result, took: test.took.min(Span(LONGEST)), tries: test.tries }
    };
    Ok(Past { results: recording.tests.into_iter().map(result).collect(), began: recording.began })
}

/// When the tests of a file began: the first `timestamp` of JUnit's suites (UTC where it names no zone), the `start` of
/// CTRF's summary. TAP does not say.
fn began(format: Format, text: &str) -> Option<Moment> {
    let micros = match format {
        Format::Junit => junit::timestamps(text).iter().filter_map(|stamp| time::from_iso(stamp)).min(),
        Format::Ctrf => ctrf::start(text).and_then(time::from_number),
        Format::Tap => None,
    };
    micros.and_then(|micros| u64::try_from(micros).ok()).map(Moment)
}

fn result_of(case: &Case, exists: &dyn Fn(&str) -> bool, mask: &dyn Fn(&str) -> String) -> BaselineResult {
    let harmless = |text: &str| mask(&sanitize::block(text.trim()));
    let outcome = match case.outcome.unwrap_or(Outcome::Passed) {
        Outcome::Passed if case.retries > 0 => Outcome::Flaky,
        outcome => outcome,
    };
    let (module, name) = (sanitize::text(&case.module), sanitize::text(&case.name));
    let mut names: Vec<Text> = Vec::new();
    let mut home: Option<Text> = None;
    if let Some((file, classes)) = python_file(&module, exists) {
        names.push(
            [file.as_str(), &classes, &name]
                .iter()
                .filter(|part| !part.is_empty())
                .fold(
                    String::new(),
                    |node, part| if node.is_empty() { (*part).to_owned() } else { format!("{node}::{part}") },
                )
                .into(),
        );
        home = Some(file.into());
    }
    names.push(format!("{module}::{name}").into());
    // A Rust test stands behind a `$` in its binary.
    if !module.contains('/') && !module.contains('$') {
        names.push(format!("{module}${name}").into());
    }
    // Some writers put the whole name into one of the two.
    if name.contains("::") {
        names.push(name.as_str().into());
    }
    let failed = outcome.is_failure();
    let detail = Detail {
        message: harmless(&case.message).chars().take(MESSAGE).collect::<String>().into(),
        trace: harmless(&case.trace).into(),
        ..Detail::default()
    };
    let node = names.remove(0);
    BaselineResult {
        node,
        module: home.unwrap_or_else(|| module.into()),
        also: names,
        outcome,
        signature: failed.then(|| Arc::new(Signature::of(outcome, Some(&detail)))),
        message: Some(detail.message).filter(|_| failed),
    }
}

/// `tests.e2e.test_a.TestB` is the class `TestB` in `tests/e2e/test_a.py`. Which parts are folders is known where the
/// file exists; else the classes are those that are written as such.
fn python_file(module: &str, exists: &dyn Fn(&str) -> bool) -> Option<(String, String)> {
    let is_name = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let parts: Vec<&str> = module.split('.').collect();
    if !parts.iter().all(is_name) {
        return None;
    }
    let file = |count: usize| format!("{}.py", parts[..count].join("/"));
    let found = (1..=parts.len()).rev().find(|&count| exists(&file(count)));
    let guessed = || {
        let is_class = |part: &str| part.starts_with(|c: char| c.is_ascii_uppercase());
        let classes = parts.iter().rev().take_while(|part| is_class(part)).count();
        let count = parts.len() - classes;
        let is_test = |part: &str| part.starts_with("test") || part.ends_with("_test");
        (count > 0 && is_test(parts[count - 1])).then_some(count)
    };
    let count = found.or_else(guessed)?;
    Some((file(count), parts[count..].join("::")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: Format, text: &str) -> Vec<BaselineResult> {
        let exists = |path: &str| path == "tests/e2e/test_a.py" || path == "tests/Odd/test_b.py";
        import(Written::As(format), text, &exists, &|text| text.replace("hunter22", "…")).expect("results")
    }

    #[test]
    fn what_pytest_writes_is_known_by_its_node_id() {
        let text = r#"<testsuites><testsuite name="pytest">
            <testcase classname="tests.e2e.test_a.TestB" name="test_c[1]" time="0.1"/>
            <testcase classname="tests.e2e.test_a" name="test_d" time="0.1"><failure message="AssertionError: the key hunter22 is wrong&#10;assert 1 == 2">def test_d(): …</failure></testcase>
            <testcase classname="tests.Odd.test_b.TestX.TestY" name="test_e" time="0.1"><skipped message="no"/></testcase>
            <testcase classname="tests.gone.test_z.TestX" name="test_f" time="0.1"/>
        </testsuite></testsuites>"#;
        let told: Vec<String> = read(Format::Junit, text)
            .iter()
            .map(|result| format!("{} in {} {}", result.node, result.module, result.outcome.word()))
            .collect();
        assert_eq!(
            told,
            [
                "tests/e2e/test_a.py::TestB::test_c[1] in tests/e2e/test_a.py passed",
                "tests/e2e/test_a.py::test_d in tests/e2e/test_a.py failed",
                "tests/Odd/test_b.py::TestX::TestY::test_e in tests/Odd/test_b.py skipped",
                "tests/gone/test_z.py::TestX::test_f in tests/gone/test_z.py passed",
            ]
        );
        let failed = &read(Format::Junit, text)[1];
        assert_eq!(failed.message.as_deref(), Some("AssertionError: the key … is wrong\nassert 1 == 2"));
        assert_eq!(failed.signature.as_ref().map(|signature| &*signature.title), Some("the key … is wrong"));
    }

    #[test]
    fn other_tools_are_known_by_one_of_their_names() {
        let text = r#"<testsuite name="shop"><testcase classname="shop" name="cart::adds"/>
            <testcase file="src/a.test.ts" classname="src/a.test.ts" name="sums &gt; adds"/></testsuite>"#;
        let results = read(Format::Junit, text);
        let names = |n: usize| -> Vec<&str> {
            std::iter::once(&results[n].node).chain(&results[n].also).map(|name| &**name).collect()
        };
        assert!(names(0).contains(&"shop$cart::adds"), "{:?}", names(0));
        assert!(names(1).iter().any(|name| name.ends_with("sums > adds")), "{:?}", names(1));
        let ctrf =
            r#"{"results":{"tests":[{"name":"adds","status":"failed","filePath":"a.test.ts","message":"boom"}]}}"#;
        assert_eq!(&*read(Format::Ctrf, ctrf)[0].node, "a.test.ts::adds");
    }

    #[test]
    fn when_it_began_and_how_long_each_test_took_is_read() {
        let past =
            |format, text| past(Written::As(format), text, &|_| false, &|text| text.to_owned()).expect("results");
        let junit = r#"<testsuites><testsuite timestamp="2026-11-20T10:00:05+00:00"><testcase name="a" time="1.5"/>
            </testsuite><testsuite timestamp="2026-11-20T10:00:00"><testcase name="b" time="-nan"/></testsuite></testsuites>"#;
        let read = past(Format::Junit, junit);
        assert_eq!(read.began, Some(Moment(1_795_168_800_000_000)));
        assert_eq!(read.results.iter().map(|past| past.took.0).collect::<Vec<_>>(), [1_500_000, 0]);
        let ctrf =
            r#"{"results":{"summary":{"start":1795168800000},"tests":[{"name":"a","status":"passed","duration":20}]}}"#;
        let read = past(Format::Ctrf, ctrf);
        assert_eq!((read.began, read.results[0].took), (Some(Moment(1_795_168_800_000_000)), Span(20_000)));
        assert_eq!(past(Format::Tap, "1..1\nok 1 - a\n").began, None);
    }

    #[test]
    fn how_a_file_is_written_is_told_by_name_and_beginning() {
        assert_eq!(format_of("results", "\u{feff} <?xml"), Written::As(Format::Junit));
        assert_eq!(format_of("report.json", ""), Written::As(Format::Ctrf));
        assert_eq!(format_of("out.tap", "1..2"), Written::As(Format::Tap));
        assert!(import(Written::As(Format::Junit), "<testsuite/>", &|_| false, &|text| text.to_owned()).is_err());
    }
}
