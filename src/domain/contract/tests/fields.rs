//! What is asked of messages themselves, what has conditions, and which event decides.

use super::*;

#[test]
fn an_event_may_be_required_only_where_another_came() {
    let mut story = Story::ready();
    story.run(101, AgentKind::AgentStarted, "");
    story.run(150, AgentKind::AgentThinking, "no tool is needed");
    story.run(200, AgentKind::AgentCompleted, "All is well as it is.");
    assert!(story.told().starts_with("fail: 3 of 5 came"), "{}", story.told());
    for tool in ["tool_executing", "tool_completed"] {
        story.spec.only_if.insert(tool.into(), vec![TOOLS.into()]);
    }
    assert_eq!(story.told(), "pass: 3 agent events in 180 ms");
    let required =
        story.judge().checks.into_iter().find(|check| check.check == Check::Required).expect("it was looked at");
    assert_eq!(&*required.detail, "3 of 3 came, no need of tool_executing, tool_completed");
    // A run that uses tools has to show both.
    story.ledger.events[2].tool = Some("cost_analyzer".into());
    assert!(story.told().starts_with("fail: 3 of 5 came, missing tool_executing, tool_completed"), "{}", story.told());
}

/// A complete run whose messages carry something.
fn wired(change: impl Fn(usize, &mut Wire)) -> Story {
    let mut story = Story::complete();
    let wire = |(place, event): (usize, &AgentEvent)| {
        let mut wire =
            Wire { id: Some(format!("m{place}").into()), sent: Some(event.at), bytes: 100, ..Wire::default() };
        change(place, &mut wire);
        wire
    };
    story.ledger.wire = story.ledger.events.iter().enumerate().map(wire).collect();
    story
}

#[test]
fn fields_that_were_asked_for_have_to_be_there() {
    let mut story = wired(|place, wire| {
        if place == 8 {
            wire.missing = vec!["final_response".into(), "/payload/run_id".into()];
        }
    });
    assert_eq!(story.told(), "pass: 8 agent events in 770 ms", "nothing is asked for");
    story.spec.fields.insert("agent_completed".into(), vec!["final_response".into()]);
    let told = story.told();
    assert!(told.ends_with("schema warn @9: agent_completed has no final_response, /payload/run_id"), "{told}");
    let asked = |story: &Story, place: usize| story.spec.fields_of(&story.ledger.events[place]).count();
    assert_eq!((asked(&story, 8), asked(&story, 1), asked(&story, 0)), (1, 0, 0));
    story.spec.fields.insert(ANY_TYPE.into(), vec!["run_id".into()]);
    assert_eq!((asked(&story, 8), asked(&story, 1), asked(&story, 0)), (2, 1, 0));
}

#[test]
fn messages_have_to_fit_the_schemas_that_were_asked_for() {
    let mut story = wired(|place, wire| {
        if place == 8 {
            wire.unfit = vec!["/cost: \"much\" is not of type \"number\"".into()];
        }
    });
    story.spec.schemas.insert("agent_completed".into(), "completed.json".into());
    let told = story.told();
    assert!(
        told.ends_with("schema warn @9: agent_completed does not fit: /cost: \"much\" is not of type \"number\""),
        "{told}"
    );
    // What cannot be looked at is not held.
    story.ledger.no_schema = Some("the schema of agent_completed in completed.json cannot be read".into());
    assert!(story.told().starts_with("fail: the schema of agent_completed in completed.json"), "{}", story.told());
}

#[test]
fn a_message_with_the_id_of_another_came_twice() {
    let story = wired(|place, wire| {
        if place == 5 {
            wire.id = Some("m3".into());
        }
    });
    assert!(story.told().ends_with("uniqueness warn @6: tool_executing has the id m3 of event 4"), "{}", story.told());
}

#[test]
fn clocks_types_and_sizes_are_only_mentioned() {
    let back = wired(|place, wire| {
        if place == 4 {
            wire.sent = Some(at(1));
        }
    });
    assert!(
        back.told().ends_with("clock info @5: tool_executing bears an earlier time than event 4"),
        "{}",
        back.told()
    );
    let skewed = wired(|_, wire| wire.sent = wire.sent.map(|sent| sent.after(Span::seconds(90))));
    assert!(skewed.told().contains("the sender's clock is 1:30 ahead of ours"), "{}", skewed.told());
    let large = wired(|place, wire| wire.bytes = if place == 2 { 300_000 } else { 10 });
    assert!(
        large.told().ends_with("size info @3: agent_thinking has 300000 bytes, more than 262144"),
        "{}",
        large.told()
    );
    let mut many = wired(|_, _| {});
    many.spec.sizes.per_second = 3;
    assert!(many.told().ends_with("size info @4: more than 3 messages within a second"), "{}", many.told());
    let mut strange = Story::complete();
    strange.hear(800, AgentKind::Unknown, "quality_alert", "");
    let told = strange.told();
    assert!(told.ends_with("unknown-types info @10: outside of the vocabulary: quality_alert (event 10)"), "{told}");
    assert_eq!(strange.judge().verdict, ContractVerdict::Pass);
    strange.spec.severities.insert(Check::UnknownTypes, Severity::Error);
    assert_eq!(strange.judge().verdict, ContractVerdict::Fail);
}

#[test]
fn placeholders_may_be_patterns() {
    let mut story = Story::complete();
    story.ledger.events[8].text = "Response for: reduce my spend".into();
    story.spec.placeholders = vec!["response for: *".into()];
    assert!(story.told().contains("payload warn @9: agent_completed says only «Response for"), "{}", story.told());
}

#[test]
fn the_run_that_a_message_asks_for_is_the_run_that_has_to_come() {
    let text = r#"{"type":"start_agent","payload":{"user_request":"x","run_id":"run_mine"}}"#;
    assert_eq!(Sent::new(at(1), text.into(), text.len()).run().as_deref(), Some("run_mine"));
    let mut story = Story::complete();
    story.ledger.run = Some("run_mine".into());
    let told = story.told();
    assert!(told.contains("correlation fail @2: agent_started belongs to run run_8f21, ours is run_mine"), "{told}");
}

#[test]
fn whom_the_server_greeted_is_who_we_are() {
    let mut story = Story::complete();
    story.ledger.user = None;
    story.ledger.events[0].user = Some("user-3".into());
    story.run(500, AgentKind::AgentThinking, "psst").user = Some("user-5".into());
    assert!(story.told().contains("agent_thinking is for user user-5, we are user-3"), "{}", story.told());
}

#[test]
fn every_verdict_names_the_event_that_decided_it() {
    let decided = |story: &Story| {
        let judgement = story.judge();
        (judgement.verdict.word(), judgement.event)
    };
    assert_eq!(decided(&Story::complete()), ("pass", Some(9)));
    let mut story = Story::complete();
    story.ledger.events[3].run = Some("run_other".into());
    assert_eq!(decided(&story), ("fail", Some(4)));
    let mut story = Story::new();
    story.hear(10, AgentKind::Error, "error", "AUTH_REQUIRED");
    story.ledger.ending = Ending::Closed { code: Some(1008), reason: "".into() };
    assert_eq!(decided(&story), ("blocked", Some(1)));
    story.ledger.events.clear();
    assert_eq!(decided(&story), ("blocked", None), "nothing came");
    let mut story = Story::complete();
    story.spec.revision = Some(Expected::Named("backend-00005".into()));
    story.ledger.said = Some("backend-00004".into());
    story.ledger.events[0].raw = r#"{"type":"connection_ready","revision":"backend-00004"}"#.into();
    assert_eq!(decided(&story), ("stale", Some(1)));
    (story.ledger.revision, story.ledger.revision_at_end) = (Some("a-1".into()), Some("a-2".into()));
    assert_eq!(decided(&story), ("straddled", Some(9)));
    let mut story = Story::ready();
    story.run(101, AgentKind::AgentStarted, "");
    story.ledger.ending = Ending::Lost { why: "gone".into() };
    assert_eq!(decided(&story), ("inconclusive", Some(2)));
    assert_eq!(decided(&played()), ("synthetic", Some(3)));
}

#[test]
fn a_word_of_degradation_counts_only_where_it_is_not_denied() {
    let announced = |raw: &str| {
        let mut story = played();
        story.ledger.events.retain(|event| event.kind != AgentKind::System);
        let event = story.hear(900, AgentKind::System, "system_message", "");
        event.raw = raw.into();
        story.judge().why.contains("announced by")
    };
    assert!(announced(r#"{"type":"system_message","data":{"event":"service_info","x":1}}"#));
    assert!(announced(r#"{"type":"system_message","data":{"fallback_active": true}}"#));
    assert!(!announced(r#"{"type":"system_message","data":{"fallback_active": false}}"#));
    assert!(!announced(r#"{"type":"system_message","data":{"event":"all is well"}}"#));
}
