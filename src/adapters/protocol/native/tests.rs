//! Frames as they were seen on the wire, and what they come out as.

use super::*;
use crate::adapters::protocol::message::{SUMMARY_LIMIT, binary};

fn read_all(frame: &str) -> Vec<AgentMessage<'_>> {
    let mut messages = Vec::new();
    read(frame, &mut messages);
    messages
}

/// One line per message: `type kind run/thread/user agent tool#call "text" duration time ok`, without what is absent.
fn told(frame: &str) -> String {
    let lines: Vec<String> = read_all(frame)
        .iter()
        .map(|message| {
            let mut words = vec![format!("{:?}", message.kind)];
            if message.kind == AgentKind::Unknown {
                words.push(message.type_name.to_string());
            }
            let mut field = |name: &str, value: &Option<Cow<str>>| {
                if let Some(value) = value {
                    words.push(format!("{name}={value}"));
                }
            };
            field("run", &message.run);
            field("thread", &message.thread);
            field("user", &message.user);
            field("agent", &message.agent);
            field("tool", &message.tool);
            field("call", &message.call);
            if !message.text.is_empty() {
                words.push(format!("\"{}\"", message.text));
            }
            words.extend(message.duration_ms.map(|ms| format!("{ms}ms")));
            words.extend(message.ok.map(|ok| if ok { "ok".into() } else { "bad".into() }));
            words.join(" ")
        })
        .collect();
    lines.join("\n")
}

#[track_caller]
fn check(frame: &str, expected: &str) {
    assert_eq!(told(frame), expected, "{frame}");
}

#[test]
fn family_a_bridge_with_payload() {
    let top = r#""run_id":"r","agent_name":"a","timestamp":"2025-09-08T23:24:12+00:00""#;
    check(
        &format!(
            r#"{{"type":"agent_started",{top},"payload":{{"status":"started","context":{{}},"message":"hello"}},"trace":{{}}}}"#
        ),
        r#"AgentStarted run=r agent=a "hello""#,
    );
    check(
        &format!(
            r#"{{"type":"agent_thinking",{top},"payload":{{"reasoning":"why","step_number":1,"progress_percentage":10,"status":"thinking"}}}}"#
        ),
        r#"AgentThinking run=r agent=a "why""#,
    );
    check(
        &format!(
            r#"{{"type":"tool_executing",{top},"payload":{{"tool_name":"t","parameters":{{"days":30}},"status":"executing"}}}}"#
        ),
        r#"ToolExecuting run=r agent=a tool=t "{"days":30}""#,
    );
    check(
        &format!(
            r#"{{"type":"tool_completed",{top},"payload":{{"tool_name":"t","result":{{"rows":42}},"execution_time_ms":12.3,"status":"completed"}}}}"#
        ),
        r#"ToolCompleted run=r agent=a tool=t "{"rows":42}" 12.3ms ok"#,
    );
    check(
        &format!(
            r#"{{"type":"agent_completed",{top},"payload":{{"status":"completed","result":{{}},"execution_time_ms":1234,"message":"done"}}}}"#
        ),
        r#"AgentCompleted run=r agent=a "done" 1234ms ok"#,
    );
}

#[test]
fn family_b_bridge_with_data() {
    check(
        r#"{"type":"tool_completed","run_id":"r","user_id":"u","tool_name":"t","results":{"n":1},"data":{"result":{"n":1},"status":"failed","error":"no rows"}}"#,
        r#"ToolCompleted run=r user=u tool=t "no rows" bad"#,
    );
    check(
        r#"{"type":"agent_thinking","run_id":"r","user_id":"u","data":{"reasoning":"why","business_progress":{"x":1}}}"#,
        r#"AgentThinking run=r user=u "why""#,
    );
}

#[test]
fn family_c_nested_type_never_becomes_the_event() {
    check(
        r#"{"type":"agent_thinking","data":{"thought":"hm","metadata":{},"type":"reasoning","timestamp":1757373852.3,"run_id":"r","thread_id":"th"},"timestamp":"2025-09-08T23:24:12.345678","critical":true}"#,
        r#"AgentThinking run=r thread=th "hm""#,
    );
    check(
        r#"{"type":"tool_executing","data":{"tool":"t","metadata":{},"run_id":"r","request_id":"q"},"critical":true,"attempt":null}"#,
        "ToolExecuting run=r tool=t",
    );
    check(r#"{"data":{"type":"agent_started"}}"#, "Unknown no-type");
}

#[test]
fn family_d_flat_with_placeholders() {
    check(
        r#"{"type":"tool_completed","run_id":"r","agent_name":"unknown_agent","tool_name":"unknown_tool","results":"fine","execution_time":0.2,"duration":0.2,"success":true,"execution_id":"x1","timestamp":1757373852.1}"#,
        r#"ToolCompleted run=r call=x1 "fine" ok"#,
    );
    check(
        r#"{"type":"agent_completed","runId":"r","final_response":"18 percent","success":false}"#,
        r#"AgentCompleted run=r "18 percent" bad"#,
    );
}

#[test]
fn families_e_to_h() {
    check(
        r#"{"type":"tool_executing","event":"tool_executing","tool_name":"response_generator","parameters":{"query":"q"},"user_id":"u","thread_id":"th"}"#,
        r#"ToolExecuting thread=th user=u tool=response_generator "{"query":"q"}""#,
    );
    check(
        r#"{"type":"tool_completed","event_id":"e","user_id":"u","thread_id":"th","run_id":"r","agent_name":"a","tool_name":"t","results":[1],"success":true,"duration_ms":7}"#,
        r#"ToolCompleted run=r thread=th user=u agent=a tool=t "[1]" 7ms ok"#,
    );
    check(
        r#"{"type":"agent_thinking","payload":{"thought":"hm","total_steps":3,"timestamp":1757373852.1,"urgency":"low"}}"#,
        r#"AgentThinking "hm""#,
    );
    check(r#"{"type":"system_message","event":"agent_started","payload":{"run_id":"r"}}"#, "AgentStarted run=r");
    check(
        r#"{"type":"system_message","payload":{"event":"agent_started","data":{"run_id":"r"}}}"#,
        "AgentStarted run=r",
    );
    check(
        r#"{"type":"system_message","data":{"data":{"run_id":"r"},"event":"agent_completed"}}"#,
        "AgentCompleted run=r",
    );
}

#[test]
fn both_shapes_of_a_plain_backend() {
    check(
        r#"{"type": "tool_completed", "payload": {"run_id": "run_1", "thread_id": "t", "agent_name": "supervisor", "tool_name": "cost_analyzer", "tool_call_id": "ab12", "result": {"rows": 42}, "duration_ms": 250.0}, "timestamp": 1757373852.3, "user_id": "u"}"#,
        r#"ToolCompleted run=run_1 thread=t user=u agent=supervisor tool=cost_analyzer call=ab12 "{"rows": 42}" 250ms"#,
    );
    check(
        r#"{"type": "error", "timestamp": "2025-09-08T23:24:12+00:00", "error": "Authentication failed", "code": "AUTH_REQUIRED"}"#,
        r#"Error "AUTH_REQUIRED: Authentication failed" bad"#,
    );
    check(r#"{"type": "connection_ready", "connection_id": "c", "user_id": "u"}"#, "Ready user=u");
    check(
        r#"{"type": "system_message", "payload": {"event": "connection_established"}, "user_id": "u"}"#,
        r#"Ready user=u "connection_established""#,
    );
}

#[test]
fn acknowledgements_pings_and_system_talk() {
    check(
        r#"{"type":"ack","received_type":"execute_agent","status":"acknowledged"}"#,
        r#"Acknowledged "execute_agent""#,
    );
    check(r#"{"type":"system_message","data":{"status":"acknowledged"}}"#, r#"Acknowledged "acknowledged""#);
    check(
        r#"{"type":"system_message","data":{"event":"degraded_mode","fallback_active":true}}"#,
        r#"System "degraded_mode""#,
    );
    check(r#"{"type":"ping","data":{"timestamp":1757373852.2}}"#, "Heartbeat");
    check(r#"{"type":"pong"}"#, "Heartbeat");
    check(r#"{"event":"agent_started"}"#, "AgentStarted");
    check(r#"{"event_type":"agent_started"}"#, "AgentStarted");
    check(r#"{"jsonrpc":"2.0","method":"tools/list","params":{}}"#, "Unknown tools/list");
    check(r#"{"type":"quality_alert","message":"low"}"#, r#"Progress "low""#);
    check(r#"{"type":"agent_death","data":{"death_cause":"x","message":"gone"}}"#, r#"AgentFailed "gone" bad"#);
}

#[test]
fn inner_fields_win_and_null_never_does() {
    check(r#"{"type":"agent_started","run_id":"outer","payload":{"run_id":"inner"}}"#, "AgentStarted run=inner");
    check(r#"{"payload":{"run_id":"inner"},"type":"agent_started","run_id":"outer"}"#, "AgentStarted run=inner");
    check(r#"{"type":"agent_started","run_id":"outer","payload":{"run_id":null}}"#, "AgentStarted run=outer");
    check(r#"{"type":"agent_started","run_id":null,"correlation_id":"c"}"#, "AgentStarted run=c");
    check(r#"{"type":"agent_started","run_id":7,"payload":"text","data":[1,2]}"#, "AgentStarted run=7");
}

#[test]
fn a_batch_is_unpacked_in_the_order_of_its_times() {
    check(
        r#"{"type":"event_batch","user_id":"u","batch_id":"b","events":{"agent_completed":[{"timestamp":3,"run_id":"r"}],"agent_started":[{"type":"agent_started","timestamp":1,"run_id":"r"}],"agent_thinking":[{"timestamp":2,"thought":"a"}]},"batch_size":3}"#,
        "AgentStarted run=r user=u\nAgentThinking user=u \"a\"\nAgentCompleted run=r user=u",
    );
    check(r#"{"type":"event_batch","events":[{"type":"ping"},3]}"#, "Heartbeat\nUnknown not-an-object \"3\"");
    check(r#"{"type":"event_batch","events":{}}"#, r#"Unknown event_batch "no events in it""#);
    let flood = format!(r#"{{"type":"event_batch","events":[{}{{}}]}}"#, "{},".repeat(2500));
    let messages = read_all(&flood);
    assert_eq!(messages.len(), BATCH_LIMIT + 1);
    assert_eq!(messages[BATCH_LIMIT].text, "1501 more events, not shown");
}

#[test]
fn the_unreadable_is_kept_and_named() {
    check("{", r#"Unknown not-json "{""#);
    check("", "Unknown not-json");
    check(r#"{"type":"ping"} trailing"#, r#"Unknown not-json "{"type":"ping"} trailing""#);
    check("[1,2]", r#"Unknown not-an-object "[1,2]""#);
    check("12345678901234567890123", r#"Unknown not-an-object "12345678901234567890123""#);
    check(r#"{"type":{"a":1}}"#, "Unknown no-type");
    assert_eq!(binary(12).text, "12 bytes");
}

#[test]
fn depth_bombs_and_great_numbers_are_survived() {
    for (open, close) in [("[", "]"), (r#"{"data":"#, "}"), (r#"{"payload":"#, "}"), (r#"{"x":"#, "}")] {
        let bomb = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        assert_eq!(read_all(&bomb).len(), 1);
        let _unclosed = read_all(&open.repeat(100_000));
        let _in_a_batch = read_all(&format!(r#"{{"type":"event_batch","events":{bomb}}}"#));
        let _in_a_field = read_all(&format!(r#"{{"type":"agent_thinking","thought":{bomb}}}"#));
    }
    check(
        r#"{"type":"agent_started","run_id":9007199254740993,"timestamp":1e999,"duration_ms":1e999}"#,
        "AgentStarted run=9007199254740993",
    );
}

#[test]
fn escapes_are_undone_and_control_characters_do_not_come_through() {
    check(r#"{"\u0074ype":"agent_thinking","thought":"a\nb \"c\""}"#, r#"AgentThinking "a⏎b "c"""#);
    let message = &read_all(r#"{"type":"agent_thinking","thought":"red\u001b[31m \u202eevil"}"#)[0];
    assert_eq!(message.text, "red <U+202E>evil");
    let long = format!(r#"{{"type":"agent_thinking","thought":"{}"}}"#, "é".repeat(1000));
    let text = &read_all(&long)[0].text;
    assert!(text.len() <= SUMMARY_LIMIT + '…'.len_utf8() && text.ends_with('…'));
}

#[test]
fn times_of_both_kinds() {
    let time = |frame: &'static str| read_all(frame)[0].source_time;
    assert_eq!(time(r#"{"type":"ping","timestamp":1757373852.5}"#), Some(1_757_373_852_500_000));
    assert_eq!(time(r#"{"type":"ping","timestamp":"2025-09-08T23:24:12.5"}"#), Some(1_757_373_852_500_000));
    assert_eq!(time(r#"{"type":"ping","timestamp":"soon"}"#), None);
    assert_eq!(time(r#"{"type":"ping"}"#), None);
}

proptest::proptest! {
    #[test]
    fn no_text_panics(frame in ".{0,200}") {
        assert!(!read_all(&frame).is_empty());
    }

    #[test]
    fn no_frame_cut_short_panics(cut in 0usize..220) {
        let frame = r#"{"type":"event_batch","events":{"agent_started":[{"run_id":"r","timestamp":"2025-09-08T23:24:12Z"}]},"data":{"data":{"data":{}}}}"#;
        assert!(!read_all(frame.get(..cut).unwrap_or(frame)).is_empty());
    }
}

#[test]
fn tools_have_other_names_too() {
    let read = |type_name: &str| {
        let (frame, mut messages) = (format!(r#"{{"type":"{type_name}","tool":"t","output":"x"}}"#), Vec::new());
        super::read(&frame, &mut messages);
        (messages[0].kind, messages[0].tool.as_deref() == Some("t"), messages[0].ok)
    };
    for begins in ["tool_started", "tool_call", "mcp_tool_started"] {
        assert_eq!(read(begins), (AgentKind::ToolExecuting, true, None), "{begins}");
    }
    for ends in ["tool_result", "mcp_tool_completed"] {
        assert_eq!(read(ends), (AgentKind::ToolCompleted, true, None), "{ends}");
    }
    for fails in ["tool_error", "mcp_tool_failed"] {
        assert_eq!(read(fails), (AgentKind::ToolCompleted, true, Some(false)), "{fails}");
    }
}

#[test]
fn whatever_ends_an_agent_ends_its_run() {
    for (type_name, text) in
        [("agent_cancelled", "by a person"), ("agent_stopped", "s"), ("agent_timeout_failure", "30 s")]
    {
        check(
            &format!(r#"{{"type":"{type_name}","payload":{{"run_id":"r","message":"{text}"}}}}"#),
            &format!(r#"AgentFailed run=r "{text}" bad"#),
        );
    }
    for goes_on in
        ["agent_timeout_warning", "agent_status_changed", "agent_response", "agent_fallback", "quality_alert"]
    {
        check(&format!(r#"{{"type":"{goes_on}","run_id":"r"}}"#), "Progress run=r");
    }
    for of_the_server in ["agent_manager_shutdown", "mcp_server_error"] {
        check(&format!(r#"{{"type":"{of_the_server}"}}"#), "System");
    }
}
