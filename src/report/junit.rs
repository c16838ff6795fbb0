//! JUnit XML, as continuous integration reads it: a suite a module, a failure for whatever is none of the outcomes that
//! hold.

use std::collections::BTreeMap;

use super::facts::{Facts, TestFact};

/// The report as JUnit XML.
#[must_use]
pub(super) fn junit(facts: &Facts) -> String {
    let mut modules: BTreeMap<&str, Vec<&TestFact>> = BTreeMap::new();
    for test in facts.tests.iter().filter(|test| !test.vanished) {
        modules.entry(&test.module).or_default().push(test);
    }
    let all = || modules.values().flatten().copied();
    let mut page = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Strict readers know of no skipped tests up here.
    let (counts, _) = numbers(all());
    page.push_str(&format!("<testsuites name=\"{}\" {counts}>\n", escape(&facts.project)));
    for (module, tests) in &modules {
        let name = escape(module);
        let (counts, skipped) = numbers(tests.iter().copied());
        let began = tests.iter().filter_map(|test| test.began.as_deref()).min();
        let began = began.map_or(String::new(), |began| format!(" timestamp=\"{began}\""));
        page.push_str(&format!("  <testsuite name=\"{name}\" {counts} skipped=\"{skipped}\"{began}>\n"));
        tests.iter().for_each(|test| page.push_str(&case(test, &name)));
        page.push_str("  </testsuite>\n");
    }
    page.push_str("</testsuites>\n");
    page
}

/// As what JUnit counts a test.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Passed,
    Failure,
    Error,
    Skipped,
}

/// What the environment spoilt, and what has no result, is no pass.
fn kind(test: &TestFact) -> Kind {
    match test.counted {
        "passed" | "flaky" | "xpassed" => Kind::Passed,
        "failed" => Kind::Failure,
        "skipped" | "xfailed" | "known" | "never run" | "queued" | "running" => Kind::Skipped,
        _ => Kind::Error,
    }
}

/// The counts of a suite as attributes, and how many of its tests were skipped.
fn numbers<'a>(tests: impl Iterator<Item = &'a TestFact>) -> (String, u32) {
    let (mut all, mut failures, mut errors, mut skipped, mut time) = (0, 0, 0, 0, 0.0);
    for test in tests {
        all += 1;
        time += test.took.unwrap_or(0.0);
        match kind(test) {
            Kind::Passed => {}
            Kind::Failure => failures += 1,
            Kind::Error => errors += 1,
            Kind::Skipped => skipped += 1,
        }
    }
    (format!("tests=\"{all}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{time:.3}\""), skipped)
}

fn case(test: &TestFact, module: &str) -> String {
    let time = test.took.unwrap_or(0.0);
    let opening = format!("    <testcase classname=\"{module}\" name=\"{}\" time=\"{time:.3}\"", escape(&test.name));
    let message = escape(test.message.as_deref().unwrap_or(""));
    let trace = escape(test.trace.as_deref().unwrap_or(""));
    match kind(test) {
        Kind::Passed => format!("{opening}/>\n"),
        Kind::Skipped if test.message.is_none() => {
            format!("{opening}><skipped message=\"{}\"/></testcase>\n", test.counted)
        }
        Kind::Skipped => format!("{opening}><skipped message=\"{}: {message}\"/></testcase>\n", test.counted),
        Kind::Failure => {
            format!("{opening}><failure type=\"{}\" message=\"{message}\">{trace}</failure></testcase>\n", test.counted)
        }
        Kind::Error => {
            format!("{opening}><error type=\"{}\" message=\"{message}\">{trace}</error></testcase>\n", test.counted)
        }
    }
}

/// Text inside XML. What XML 1.0 has no place for at all is left out.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push_str(&format!("&#{};", c as u32)),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_has_no_place_for_is_left_out() {
        assert_eq!(escape("a<b> \"c\" & \u{1b}[31m\n"), "a&lt;b&gt; &quot;c&quot; &amp; [31m&#10;");
    }
}
