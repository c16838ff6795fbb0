use proptest::prelude::*;

use super::*;
use crate::domain::Grade;

/// Feeds lines, gives back the events as one short line each.
fn said(lines: &str) -> Vec<String> {
    let mut reporter = Reporter::new(RunId(1));
    let mut out = Vec::new();
    lines.lines().for_each(|line| reporter.feed(line.trim(), &mut out));
    out.iter().map(short).collect()
}

fn short(event: &Event) -> String {
    let Event::Run(event) = event else { return "?".into() };
    let message =
        |detail: &Option<Arc<Detail>>| detail.as_ref().map_or(String::new(), |d| format!(" {:?}", &*d.message));
    match event {
        RunEvent::Greeted { tool, lane, workers, .. } => format!("greeted {tool} {lane:?} {workers}"),
        RunEvent::Collected { tests, .. } => {
            let tests: Vec<_> = tests.iter().map(|t| format!("{}@{}:{}", t.node, t.module, t.line)).collect();
            format!("collected {}", tests.join(" "))
        }
        RunEvent::ModuleBroken { module, detail, .. } => format!("broken {module} {:?}", &*detail.message),
        RunEvent::Deselected { count, .. } => format!("deselected {count}"),
        RunEvent::Missed { nodes, .. } => format!("missed {}", nodes.join(" ")),
        RunEvent::CollectionEnded { .. } => "collection ended".into(),
        RunEvent::TestStarted { n, .. } => format!("{n} started"),
        RunEvent::TestRetried { n, detail, .. } => format!("{n} retried{}", message(detail)),
        RunEvent::TestEnded { n, outcome, took, detail, .. } => {
            format!("{n} {outcome:?} {}ms{}", took.as_millis(), message(detail))
        }
        RunEvent::Printed { n, lines, .. } => format!("printed {n:?} {}", lines.join("|")),
        RunEvent::Warned { text, .. } => format!("warned {text}"),
        RunEvent::DebuggerMoved { n, open, .. } => format!("{n} debugger {open}"),
        RunEvent::EndAnnounced { why, .. } => format!("ends early: {why}"),
        RunEvent::Crashed { why, .. } => format!("crashed: {why}"),
        other => format!("{other:?}"),
    }
}

const ONE: &str = r#"{"e":"collected","items":[["t.py::a","t.py",3]]}"#;

/// What one attempt of one test, told by these reports, comes to.
fn attempt(reports: &[&str]) -> String {
    let mut lines = format!("{ONE}\n{{\"e\":\"start\",\"n\":0,\"at\":1.5}}\n");
    for report in reports {
        lines.push_str(&format!("{{\"e\":\"report\",\"n\":0,\"duration\":0.001,{report}}}\n"));
    }
    lines.push_str("{\"e\":\"finish\",\"n\":0}");
    said(&lines)[2..].join("; ")
}

const SETUP: &str = r#""when":"setup","outcome":"passed""#;
const CALL: &str = r#""when":"call","outcome":"passed""#;
const TEARDOWN: &str = r#""when":"teardown","outcome":"passed""#;

#[test]
fn every_row_of_the_mapping() {
    let failed = |when: &str, what: &str| {
        format!(
            r#""when":"{when}","outcome":"failed","longrepr":{{"reprcrash":{{"path":"t.py","lineno":4,"message":"{what}"}}}}"#
        )
    };
    let skipped =
        |when: &str| format!(r#""when":"{when}","outcome":"skipped","longrepr":["t.py",4,"Skipped: no token"]"#);
    let (call_failed, teardown_failed) = (failed("call", "ValueError: body"), failed("teardown", "OSError: after"));
    for (row, reports, expected) in [
        ("all passed", vec![SETUP, CALL, TEARDOWN], r#"0 Passed 3ms"#),
        (
            "setup failed",
            vec![&failed("setup", "OSError: no db"), TEARDOWN],
            r#"0 Errored 2ms "in set-up: OSError: no db""#,
        ),
        ("call failed", vec![SETUP, &call_failed, TEARDOWN], r#"0 Failed 3ms "ValueError: body""#),
        ("a pass taken back", vec![SETUP, CALL, &teardown_failed], r#"0 Errored 3ms "in tear-down: OSError: after""#),
        (
            "both failed",
            vec![SETUP, &call_failed, &teardown_failed],
            r#"0 Failed 3ms "ValueError: body\nin tear-down: OSError: after""#,
        ),
        ("setup skipped", vec![&skipped("setup"), TEARDOWN], r#"0 Skipped 2ms "no token""#),
        ("call skipped", vec![SETUP, &skipped("call"), TEARDOWN], r#"0 Skipped 3ms "no token""#),
        (
            "a skip whose tear-down failed",
            vec![SETUP, &skipped("call"), &teardown_failed],
            r#"0 Errored 3ms "in tear-down: OSError: after""#,
        ),
        (
            "xfail",
            vec![SETUP, r#""when":"call","outcome":"skipped","wasxfail":"issue 7","longrepr":"x""#, TEARDOWN],
            r#"0 Xfailed 3ms "issue 7""#,
        ),
        (
            "xfail without run",
            vec![r#""when":"setup","outcome":"skipped","wasxfail":"[NOTRUN] 7""#],
            r#"0 Xfailed 1ms "[NOTRUN] 7""#,
        ),
        (
            "xpass, no reason",
            vec![SETUP, r#""when":"call","outcome":"passed","wasxfail":"""#, TEARDOWN],
            "0 Xpassed 3ms",
        ),
        (
            "xpass, strict",
            vec![SETUP, r#""when":"call","outcome":"failed","longrepr":"[XPASS(strict)] why""#, TEARDOWN],
            r#"0 Failed 3ms "[XPASS(strict)] why""#,
        ),
        (
            "timeout",
            vec![SETUP, &failed("call", "Failed: Timeout (>0.2s) from pytest-timeout."), TEARDOWN],
            r#"0 TimedOut 3ms "Failed: Timeout (>0.2s) from pytest-timeout.""#,
        ),
        ("only set up", vec![SETUP, TEARDOWN], r#"0 Skipped 2ms "its body did not run""#),
        ("nothing", vec![], r#"0 Errored 0ms "the runner ended it without a word""#),
    ] {
        assert_eq!(attempt(&reports), expected, "{row}");
    }
}

#[test]
fn a_retry_makes_a_pass_flaky_and_a_failure_stays_one() {
    let retry = |last: &str| {
        said(&format!(
            r#"{ONE}
            {{"e":"start","n":0}}
            {{"e":"report","n":0,"when":"setup","outcome":"passed","duration":0}}
            {{"e":"report","n":0,"when":"call","outcome":"rerun","duration":0,"longrepr":"once"}}
            {{"e":"report","n":0,"when":"teardown","outcome":"passed","duration":0}}
            {{"e":"finish","n":0}}
            {{"e":"start","n":0}}
            {{"e":"report","n":0,"when":"setup","outcome":"passed","duration":0,"rerun":1}}
            {{"e":"report","n":0,"when":"call","outcome":"{last}","duration":0,"rerun":1}}
            {{"e":"report","n":0,"when":"teardown","outcome":"passed","duration":0,"rerun":1}}
            {{"e":"finish","n":0}}"#
        ))[1..]
            .to_vec()
    };
    assert_eq!(retry("passed"), ["0 started", r#"0 retried "once""#, "0 started", "0 Flaky 0ms"]);
    assert_eq!(retry("failed").last().unwrap(), "0 Failed 0ms");
}

#[test]
fn a_failed_subtest_fails_its_parent() {
    let subtest = r#""when":"call","outcome":"failed","subtest":{"msg":"row","kwargs":{"number":"1"}},"longrepr":"assert 1 != 1""#;
    assert_eq!(attempt(&[SETUP, subtest, CALL, TEARDOWN]), r#"0 Failed 3ms "assert 1 != 1""#);
    let parent = r#""when":"call","outcome":"failed","longrepr":"contains 1 failed subtest""#;
    let told = attempt(&[subtest, SETUP, parent, TEARDOWN]);
    assert_eq!(told, r#"0 Failed 3ms "assert 1 != 1\ncontains 1 failed subtest""#);
    assert_eq!(subtest_name(r#"{"msg":"row","kwargs":{"number":"1","b":2}}"#), "row (b=2, number=1)");
    assert_eq!(subtest_name("7"), "(a subtest)");
}

#[test]
fn a_clean_run_is_short() {
    let events = said(
        r#"{"e":"hello","v":1,"tool":"pytest","version":"8.4.2","pid":7,"lane":"quiet","workers":2,"root":"/p"}
        {"e":"hello","v":1,"tool":"pytest","version":"8.4.2","pid":8,"worker":"gw0"}
        {"e":"deselected","count":2}
        {"e":"missing","ids":["t.py::gone"]}
        {"e":"collected","items":[["t.py::a","t.py",3],["t.py::b","t.py",9]]}
        {"e":"collection_done"}
        {"e":"start","n":0,"at":1.0}
        {"e":"pass","n":0,"at":1.0,"s":0.25}
        {"e":"start","n":1,"at":1.0}
        {"e":"pass","n":1,"at":1.0,"s":0.5,"sections":[["Captured stdout call","hi\n"]]}
        {"e":"warning","message":"old","category":"DeprecationWarning","file":"/p/t.py","line":4}
        {"e":"stopping","reason":"stopping after 1 failures"}
        {"e":"end","exit":1}"#,
    );
    assert_eq!(
        events,
        [
            "greeted pytest 8.4.2 Some(Quiet) 2",
            "deselected 2",
            "missed t.py::gone",
            "collected t.py::a@t.py:3 t.py::b@t.py:9",
            "collection ended",
            "0 started",
            "0 Passed 250ms",
            "1 started",
            "1 Passed 500ms \"\"",
            "warned t.py:4: DeprecationWarning: old",
            "ends early: stopping after 1 failures",
        ]
    );
}

#[test]
fn tests_that_are_listed_twice_or_late_or_after_a_broken_module_have_one_place() {
    let events = said(
        r#"{"e":"collect_error","module":"x.py","message":"ModuleNotFoundError: nope"}
        {"e":"collected","items":[["t.py::a","t.py",3],["t.py::a","t.py",3],["t.py::b","t.py",5]]}
        {"e":"start","n":2}
        {"e":"start","n":1}
        {"e":"start","id":"late.py::c"}
        {"e":"pass","id":"t.py::b","s":0}"#,
    );
    assert_eq!(
        events,
        [
            r#"broken x.py "ModuleNotFoundError: nope""#,
            "collected t.py::a@t.py:3 t.py::b@t.py:5",
            "2 started",
            "1 started",
            "collected late.py::c@late.py:0",
            "3 started",
            "2 Passed 0ms",
        ]
    );
}

#[test]
fn a_runner_without_phases_says_it_in_a_line() {
    let events = said(
        r#"{"e":"start","id":"m::a"}
        {"e":"output","id":"m::a","text":"one\ntwo\n"}
        {"e":"result","id":"m::a","outcome":"failed","at":1,"s":1.5,"message":"AssertionError: 3 of 5","output":"seen"}
        {"e":"result","id":"m::b","outcome":"crashed","at":1,"s":0,"message":"worker gw1 died"}
        {"e":"crash","reason":"worker gw1: Not properly terminated"}"#,
    );
    assert_eq!(
        events[1..],
        [
            "0 started",
            "printed Some(0) one|two",
            r#"0 Failed 1500ms "AssertionError: 3 of 5""#,
            "collected m::b@m:0",
            r#"1 Crashed 0ms "worker gw1 died""#,
            "crashed: worker gw1: Not properly terminated",
        ]
    );
}

#[test]
fn what_is_not_understood_is_counted() {
    let mut reporter = Reporter::new(RunId(1));
    let mut out = Vec::new();
    for line in [
        "not json",
        r#"{"e":"start","n":0"#,
        r#"["start"]"#,
        r#"{"e":"report","n":0,"when":"sometimes","outcome":"passed"}"#,
        r#"{"e":"start","n":99999999999999999999}"#,
        r#"{"e":"start","n":-1}"#,
        r#"{"e":"start"}"#,
        r#"{"e":"tomorrow","x":{"y":[1]}}"#,
        "",
    ] {
        reporter.feed(line, &mut out);
    }
    reporter.feed(&"x".repeat(MAX_LINE), &mut out);
    assert_eq!(out, []);
    let expected = Noise { broken: 4, too_long: 1, unknown_kinds: 1, unknown_keys: 1, stray: 3 };
    assert_eq!(*reporter.noise(), expected);
    assert_eq!(
        expected.to_string(),
        "4 unreadable lines, 1 lines too long, 1 lines of unknown kind, 1 unknown keys, 3 lines about unknown tests"
    );
}

#[test]
fn wild_numbers_are_clamped() {
    let events = said(
        r#"{"e":"collected","items":[["a","m",1e300]]}
        {"e":"deselected","count":18446744073709551615}
        {"e":"pass","n":0,"s":-5}"#,
    );
    assert_eq!(
        events,
        [format!("collected a@m:{}", u32::MAX), format!("deselected {}", u32::MAX), "0 Passed 0ms".into()]
    );
}

#[test]
fn control_sequences_stay_outside() {
    let events = said(
        r#"{"e":"start","id":"a\u001b]0;x\u0007b"}
        {"e":"result","id":"t","outcome":"failed","message":"\u001b[2Jgone","output":"\u001b[31mred\u001b[0m\u001b[?1049h"}"#,
    );
    assert!(events.iter().all(|event| !event.contains("]0;") && !event.contains("[2J")), "{events:?}");
}

#[test]
fn processes_can_be_asked() {
    let mut reporter = Reporter::new(RunId(1));
    reporter.feed(r#"{"e":"hello","v":1,"pid":7,"captured":{"stdout":6,"stderr":8}}"#, &mut Vec::new());
    reporter.feed(r#"{"e":"hello","v":1,"pid":9,"worker":"gw0"}"#, &mut Vec::new());
    assert_eq!(
        reporter.processes(),
        [
            Process { pid: 7, worker: None, captured: Some(Captured { stdout: 6, stderr: 8 }) },
            Process { pid: 9, worker: Some("gw0".into()), captured: None },
        ]
    );
}

proptest! {
    #[test]
    fn no_line_makes_it_panic(line in r#"(\{"e":"(start|pass|report|finish|result|hello|collected|warning)"(,"[a-z]{1,8}":("[^"\\]{0,9}"|-?[0-9]{1,25}|null|\[\]|\{\})){0,5}\}|.{0,60})"#) {
        let mut reporter = Reporter::new(RunId(1));
        let mut out = Vec::new();
        reporter.feed(ONE, &mut out);
        reporter.feed(&line, &mut out);
        reporter.feed(r#"{"e":"finish","n":0}"#, &mut out);
        prop_assert!(out.len() <= 4);
    }
}

/// What the ends of tests say of their evidence, after this `hello`.
fn evidence_of(hello: &str, ends: &[&str]) -> Vec<Option<Arc<Evidence>>> {
    let mut reporter = Reporter::new(RunId(1));
    let mut out = Vec::new();
    reporter.feed(hello, &mut out);
    ends.iter().for_each(|line| reporter.feed(line, &mut out));
    let ended = |event: Event| match event {
        Event::Run(RunEvent::TestEnded { evidence, .. }) => Some(evidence),
        _ => None,
    };
    out.into_iter().filter_map(ended).collect()
}

#[test]
fn not_measured_and_touched_nothing_stay_apart() {
    let pass = r#"{"e":"pass","id":"t.py::a","at":1,"s":0.1}"#;
    let finish = r#"{"e":"finish","id":"t.py::a"}"#;
    let result = r#"{"e":"result","id":"t.py::a","outcome":"passed","at":1,"s":0.1}"#;
    let crashed = r#"{"e":"result","id":"t.py::a","outcome":"crashed","at":1,"s":0.1}"#;
    let nothing = Some(Arc::new(Evidence::default()));
    let (measures, silent) = (r#"{"e":"hello","v":1,"evidence":true}"#, r#"{"e":"hello","v":1}"#);
    let ends = [pass, finish, result, crashed];
    assert_eq!(evidence_of(measures, &ends), [nothing.clone(), nothing.clone(), nothing, None]);
    assert_eq!(evidence_of(silent, &ends), [None, None, None, None]);
}

#[test]
fn evidence_is_bounded_and_made_harmless() {
    let hosts: Vec<_> = (0..12).map(|n| format!("\"h{n}\\u001b[31m:80\"")).collect();
    let pass = format!(
        r#"{{"e":"pass","id":"a","s":1,"evidence":{{"grade":"http","hosts":[{}],"more_hosts":2,"sent":12,"received":1e30,"later":1}},
        "values":[["p95","120"],["limit",100,true]]}}"#,
        hosts.join(",")
    );
    let finish = r#"{"e":"finish","id":"a","evidence":{"grade":"carrier_pigeon","sent":1}}"#;
    let broken = r#"{"e":"pass","id":"a","s":1,"evidence":"yes"}"#;
    let all = evidence_of("", &[&pass, finish, broken]);
    let first = all[0].as_ref().unwrap();
    assert_eq!((first.grade, first.sent, first.received), (Grade::Http, 12, u64::MAX));
    assert_eq!((first.hosts.len(), first.more_hosts), (8, 6));
    assert!(!first.hosts[0].contains('\u{1b}'));
    let values: Vec<_> = first.values.iter().map(|v| (&*v.name, &*v.text, v.constant)).collect();
    assert_eq!(values, [("p95", "120", false), ("limit", "100", true)]);
    assert_eq!(all[1].as_ref().unwrap().grade, Grade::Network);
    assert_eq!(all[2].as_ref().unwrap().grade, Grade::None);
}

#[test]
fn a_found_test_has_the_hash_of_its_source() {
    let mut reporter = Reporter::new(RunId(1));
    let mut out = Vec::new();
    reporter.feed(r#"{"e":"collected","items":[["a","t.py",1,"c0ffee"],["b","t.py",2]]}"#, &mut out);
    let Some(Event::Run(RunEvent::Collected { tests, .. })) = out.first() else { panic!("{out:?}") };
    assert_eq!((tests[0].source.as_deref(), tests[1].source.as_deref()), (Some("c0ffee"), None));
}
