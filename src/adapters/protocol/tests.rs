//! Recorded streams, and what they come out as. The recordings are in `tests/streams`, what they came to beside this file.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::study::{Captured, captured, coverage, detect, explain};
use super::*;
use crate::config::mapping::{Mapping, Rule};
use crate::domain::AgentRunEnd;

fn recorded(name: &str) -> Vec<Captured> {
    let path = format!("{}/tests/streams/{name}", env!("CARGO_MANIFEST_DIR"));
    captured(&std::fs::read_to_string(path).expect("is recorded")).0
}

fn events(messages: &[Captured], language: &Language) -> Vec<AgentEvent> {
    let (mut reader, mut events) = (Reader::new(language.clone()), Vec::new());
    for message in messages {
        reader.receive_text(message.event.as_deref(), &message.text, Moment(7), &mut events);
    }
    events
}

/// One event a line: what it means, and every field that it has.
fn told(events: &[AgentEvent]) -> String {
    let lines = events.iter().map(|event| {
        let mut line = format!("{:<14}", event.kind.word());
        let sequence = event.sequence.map(|number| number.to_string().into());
        for (name, value) in [
            ("type", Some(event.type_name.clone())),
            ("run", event.run.clone()),
            ("thread", event.thread.clone()),
            ("user", event.user.clone()),
            ("seq", sequence),
            ("agent", event.agent.clone()),
            ("tool", event.tool.clone()),
            ("call", event.call.clone()),
        ] {
            if let Some(value) = value {
                line += &format!(" {name}={value}");
            }
        }
        let failed = if event.failed { " FAILED" } else { "" };
        if event.text.is_empty() { line + failed } else { format!("{line}{failed} \"{}\"", event.text) }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A recording comes out the same whether its protocol is said or found out.
#[track_caller]
fn check(file: &str, protocol: Protocol) -> String {
    let messages = recorded(file);
    assert_eq!(detect(&messages).best(), protocol, "{file}");
    let said = events(&messages, &Language::Known(protocol));
    let found = events(&messages, &Language::default());
    assert_eq!(told(&found), told(&said), "{file}: found out");
    told(&said)
}

#[test]
fn ag_ui() {
    insta::assert_snapshot!(check("ag_ui.jsonl", Protocol::AgUi));
}

#[test]
fn anthropic() {
    insta::assert_snapshot!(check("anthropic.sse", Protocol::Anthropic));
}

#[test]
fn openai() {
    insta::assert_snapshot!(check("openai.jsonl", Protocol::Openai));
}

#[test]
fn langgraph() {
    insta::assert_snapshot!(check("langgraph.jsonl", Protocol::Langgraph));
}

#[test]
fn native() {
    insta::assert_snapshot!(check("native.jsonl", Protocol::Native));
}

/// A mapping like the one in the documented defaults.
fn own() -> Mapping {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let rule = |name: &str, emit: AgentKind| Rule {
        type_name: Some(name.to_owned()),
        is: BTreeMap::new(),
        emit,
        agent: texts(&["/who"]),
        tool: texts(&["/tool"]),
        call: texts(&["/call"]),
        text: texts(&["/said", "/out"]),
        failed_if: BTreeMap::new(),
    };
    let failed = BTreeMap::from([("/status".to_owned(), texts(&["failed"]))]);
    Mapping {
        unwrap: texts(&["/body", "/body/inner"]),
        type_at: texts(&["/kind", "/body/kind"]),
        type_skip: texts(&["envelope"]),
        ignore: texts(&["noise"]),
        run: texts(&["/job"]),
        sequence: texts(&["/n"]),
        rules: vec![
            rule("begin", AgentKind::AgentStarted),
            Rule { failed_if: failed, ..rule("back", AgentKind::ToolCompleted) },
            Rule { is: BTreeMap::from([("/ok".to_owned(), texts(&["false"]))]), ..rule("end", AgentKind::AgentFailed) },
            rule("end", AgentKind::AgentCompleted),
        ],
        ..Mapping::default()
    }
}

#[test]
fn a_vocabulary_of_ones_own() {
    let lines = r#"{"kind":"begin","job":"outer","n":1,"body":{"job":"inner","inner":{"job":"innermost"},"who":"bee"}}
{"kind":"envelope","body":{"kind":"back","tool":"t","status":"failed","out":{"rows":0}}}
{"kind":"back","body":{"tool":"t","status":"fine"}}
{"kind":"end","ok":false,"said":"no"}
{"kind":"end","ok":true,"said":"yes"}
{"kind":"noise"}
{"kind":"news"}
{"no":"kind"}
[1]"#;
    let (messages, _) = captured(lines);
    let language = Language::Own(Arc::new(own()));
    insta::assert_snapshot!(told(&events(&messages, &language)));
    let rules: Vec<String> = explain(&messages, &language).into_iter().map(|one| one.rule).collect();
    assert_eq!(rules[3], "rule 3 → agent_failed");
    let covered = coverage(&explain(&messages, &language));
    let words: Vec<String> = covered.iter().map(|(fate, name, n)| format!("{} {name} {n}", fate.word())).collect();
    assert_eq!(
        words,
        ["unknown no-type 2", "unknown news 1", "mapped back 2", "mapped end 2", "mapped begin 1", "ignored noise 1"]
    );
}

#[test]
fn an_explanation_names_every_pointer_and_what_is_left() {
    let explained = |file: &str, place: usize| explain(&recorded(file), &Language::default()).swap_remove(place);
    let origins = |one: &study::Explained| {
        let origins = one.fields.iter().map(|(field, _, origin)| format!("{} {origin}", field.word()));
        origins.collect::<Vec<_>>().join(", ")
    };
    let result = explained("ag_ui.jsonl", 13);
    assert_eq!(
        origins(&result),
        "type /type, run an earlier message, thread an earlier message, tool an earlier message, call /toolCallId, text /content"
    );
    assert_eq!(result.unmapped, ["/messageId", "/role"]);
    let started = explained("native.jsonl", 3);
    assert_eq!(
        origins(&started),
        "type /event, run /payload/run_id, tool /payload/tool_name, text /payload/parameters"
    );
    assert_eq!(started.unmapped, ["/type"]);
}

#[test]
fn the_runs_of_every_protocol_end() {
    for (file, ends) in [
        ("ag_ui.jsonl", vec![AgentRunEnd::Completed, AgentRunEnd::Completed, AgentRunEnd::Failed]),
        ("anthropic.sse", vec![AgentRunEnd::Completed, AgentRunEnd::Failed]),
        ("openai.jsonl", vec![AgentRunEnd::Completed, AgentRunEnd::Completed, AgentRunEnd::Failed]),
        ("langgraph.jsonl", vec![AgentRunEnd::Completed]),
    ] {
        let events = events(&recorded(file), &Language::default());
        let found: Vec<AgentRunEnd> = events
            .iter()
            .filter_map(|event| match event.kind {
                AgentKind::AgentCompleted => Some(AgentRunEnd::Completed),
                AgentKind::AgentFailed => Some(AgentRunEnd::Failed),
                _ => None,
            })
            .collect();
        assert_eq!(found, ends, "{file}");
    }
}

#[test]
fn only_native_servers_are_answered() {
    let mut reader = Reader::default();
    assert!(reader.answers_pings());
    for message in recorded("anthropic.sse") {
        reader.receive_text(None, &message.text, Moment(1), &mut Vec::new());
    }
    assert!(!reader.answers_pings());
}

#[test]
fn nesting_without_end_is_refused_at_once() {
    let languages =
        PRESETS.map(Language::Known).into_iter().chain([Language::Own(Arc::new(own())), Language::default()]);
    for language in languages {
        for (open, close) in [("[", "]"), (r#"{"type":"#, "}"), (r#"{"delta":"#, "}"), (r#"{"body":"#, "}")] {
            let bomb = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
            let messages = [Captured { event: None, text: bomb }];
            let read = events(&messages, &language);
            assert_eq!((read.len(), read[0].kind), (1, AgentKind::Unknown));
            assert_eq!(explain(&messages, &language).len(), 1);
        }
    }
}

#[test]
fn a_file_is_lines_or_server_sent_events() {
    let texts = |file: &str| captured(file).0.into_iter().map(|one| one.text).collect::<Vec<_>>();
    assert_eq!(texts("\u{feff}{}\r\n\n{\"a\":1}\n"), ["{}", "{\"a\":1}"]);
    assert_eq!(texts(": hello\n\ndata: {}\n\ndata: cut off"), ["{}", "cut off"]);
    assert_eq!(texts(""), Vec::<String>::new());
}

/// Any JSON with the words of all protocols in it.
fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let word = prop_oneof![
        Just("RUN_STARTED"),
        Just("TOOL_CALL_RESULT"),
        Just("TEXT_MESSAGE_END"),
        Just("message_start"),
        Just("content_block_delta"),
        Just("message_stop"),
        Just("error"),
        Just("response.created"),
        Just("response.output_item.done"),
        Just("on_chain_end"),
        Just("on_tool_error"),
        Just("function_call"),
        Just("é\u{1b}[2J"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
        ".{0,10}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("type"),
        Just("event"),
        Just("data"),
        Just("runId"),
        Just("run_id"),
        Just("toolCallId"),
        Just("delta"),
        Just("index"),
        Just("message"),
        Just("content_block"),
        Just("response"),
        Just("item"),
        Just("id"),
        Just("parent_ids"),
        Just("kind"),
        Just("body"),
        Just("a/~b"),
        Just("sequence_number"),
        Just("timestamp"),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest::proptest! {
    #[test]
    fn no_json_panics(values in proptest::collection::vec(any_json(), 1..8)) {
        let messages: Vec<Captured> =
            values.iter().map(|value| Captured { event: Some("updates".into()), text: value.to_string() }).collect();
        for language in PRESETS.map(Language::Known).into_iter().chain([Language::Own(Arc::new(own()))]) {
            proptest::prop_assert!(events(&messages, &language).len() >= messages.len());
            proptest::prop_assert!(explain(&messages, &language).len() >= messages.len());
        }
    }
}
