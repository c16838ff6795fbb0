use super::super::spoken::{drive, order};
use super::*;

fn start(format: Format) -> Start {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Start {
        command: words(&["./test"]),
        rerun: Some(words(&["./test", "--only", TESTS])),
        format,
        path: "out".into(),
        last: None,
        name: "suite".into(),
    }
}

fn told(format: Format, text: &str) -> Vec<String> {
    drive(&mut Results::new(order(&[]), start(format)), &[(text, Exit::Code(1))]).1
}

#[test]
fn junit_is_read_in_its_many_shapes() {
    let text = r#"<?xml version="1.0"?><testsuites uuid="x"><testsuite name="pytest">
<testcase classname="tests.test_a.TestB" file="tests/test_a.py" line="6" name="test_c" time="0.5"/>
<testcase classname="tests.test_a" name="twice" time="1,000.5"><failure message="one &lt;1&gt;">trace &amp; more</failure><failure message="two"/></testcase>
<testcase classname="tests.test_a" name="rerun"><failure message="first time"/></testcase>
<testcase classname="tests.test_a" name="rerun"/>
<testcase classname="tests.test_a" name="xf"><skipped type="pytest.xfail" message="known"/></testcase></testsuite>
<testsuite name="shop::it"><testcase name="flaky" classname="shop::it"><flakyFailure message="x"><system-out>no</system-out></flakyFailure></testcase>
<testcase name="late"><error type="Crash"><![CDATA[it <died>]]></error><system-out>said</system-out></testcase><testcase name="never" classname="shop::it"><skipped/></testcase></testsuite></testsuites>"#;
    assert_eq!(
        told(Format::Junit, text),
        [
            "found tests/test_a.py::TestB::test_c @tests/test_a.py, tests.test_a::twice @tests.test_a, \
             tests.test_a::rerun @tests.test_a, tests.test_a::xf @tests.test_a, shop::it::flaky @shop::it, \
             shop::it::late @shop::it, shop::it::never @shop::it",
            "listed",
            "0 passed",
            "1 failed: one <1>",
            "2 again",
            "2 flaky",
            "3 xfailed: known",
            "4 again",
            "4 flaky",
            "5 errored: Crash",
            "6 skipped",
        ]
    );
    let broken = told(Format::Junit, "<testsuite><testcase name='a'/><testcase name='b'>");
    assert_eq!(broken[2..], ["0 passed", "died: the results are not whole: the XML breaks off inside <testcase>"]);
}

#[test]
fn tap_keeps_its_plan_and_its_subtests() {
    let text = "TAP version 14
1..6
ok 1 - plain \\# sign
not ok 2 - bad # not a directive
  ---
  message: 'it is wrong'
  duration_ms: 12
  ...
not ok # TODO later
ok 4 - set aside # SKIP no net
    # Subtest: parent
    ok 1 - one
    not ok 2 - two
    1..2
not ok 5 - parent
    1..2
    ok 1 - alone
ok 6 - short
";
    assert_eq!(
        told(Format::Tap, text),
        [
            "found suite::plain # sign @suite, suite::bad # not a directive @suite, suite::(unnamed) @suite, \
             suite::set aside @suite, suite::parent > one @suite, suite::parent > two @suite, \
             suite::short > alone @suite, suite::short @suite",
            "listed",
            "0 passed",
            "1 failed: it is wrong",
            "2 xfailed: later",
            "3 skipped: no net",
            "4 passed",
            "5 failed",
            "6 passed",
            "7 failed: not all of its subtests came",
        ]
    );
    for (text, why) in [
        ("ok 1 - a\n", "its plan is missing, so nobody knows whether everything ran"),
        ("1..2\nok 1 - a\n", "its plan was 2 tests, and 1 came"),
        ("1..2\nok 1 - a\nBAIL OUT! no disk\n", "BAIL OUT! no disk"),
    ] {
        assert_eq!(told(Format::Tap, text)[3], format!("died: the results are not whole: {why}"));
    }
}

#[test]
fn ctrf_is_read_with_whatever_else_it_holds() {
    let text = r#"{"reportFormat":"CTRF","specVersion":"0.0.0","results":{"tool":{"name":"t"},"summary":{"tests":9},"tests":[
{"name":"a","status":"passed","duration":1500,"suite":["s","t"],"extra":{"x":1}},
{"name":"b","status":"failed","duration":1,"filePath":"b.ts","line":3,"message":"no","trace":"at b"},
{"name":"c","status":"passed","duration":1,"flaky":true,"retries":2,"suite":"s"},
{"name":"d","status":"pending","duration":0},{"name":"e","status":"other","duration":0}]}}"#;
    let said = told(Format::Ctrf, text);
    assert_eq!(said[0], "found s > t::a @s > t, b.ts::b @b.ts, s::c @s, suite::d @suite, suite::e @suite");
    assert_eq!(said[2..], ["0 passed", "1 failed: no", "2 again", "2 again", "2 flaky", "3 skipped", "4 errored"]);
    assert!(told(Format::Ctrf, "{").last().is_some_and(|last| last.starts_with("died: the results are not whole")));
}

#[test]
fn a_rerun_names_its_tests_where_the_command_can_take_them() {
    let mut tool = Results::new(order(&["suite::a b", "suite::c"]), start(Format::Tap));
    let (commands, said) = drive(&mut tool, &[("1..1\nok 1 - c\n", Exit::Code(0))]);
    assert_eq!(commands, ["./test --only a b c"]);
    assert_eq!(said, ["found suite::c @suite", "missed suite::a b", "listed", "0 passed"]);
}

#[test]
fn the_last_results_are_the_list() {
    let mut order = order(&[]);
    order.kind = crate::domain::RunKind::Collect;
    let start = Start { last: Some("1..1\nnot ok 1 - c\n".into()), ..start(Format::Tap) };
    let (commands, said) = drive(&mut Results::new(order, start), &[]);
    assert_eq!((commands.len(), said), (0, vec!["found suite::c @suite".to_owned(), "listed".to_owned()]));
}
