use super::*;
use crate::domain::{AgentEvent, AgentKind, Moment, Refusal, RefusalClass, Span};

mod crowd;
mod fields;

/// A story told in milliseconds since the connection began.
struct Story {
    ledger: Ledger,
    spec: ContractSpec,
}

const QUESTION: &str = "reduce my spend";

impl Story {
    fn new() -> Self {
        let ledger = Ledger {
            began: Moment(0),
            opened: Some(at(8)),
            revision: None,
            revision_at_end: None,
            said: None,
            announces_ready: true,
            user: Some("staging-e2e-user-002".into()),
            run: None,
            sent: None,
            events: Vec::new(),
            no_schema: None,
            left_out: 0,
            round_trips: vec![Span::millis(2)],
            api: Vec::new(),
            wire: Vec::new(),
            ending: Ending::Settled,
            ended: at(5_000),
        };
        Self { ledger, spec: ContractSpec::five_events("agents", "agents") }
    }

    /// A connection that is ready and on which a run was asked for, at 20 ms.
    fn ready() -> Self {
        let mut story = Self::new();
        story.hear(12, AgentKind::Ready, "connection_ready", "");
        let text = format!(r#"{{"type":"start_agent","payload":{{"user_request":"{QUESTION}"}}}}"#);
        story.ledger.sent = Some(Sent::new(at(20), text.as_str().into(), text.len()));
        story
    }

    fn hear(&mut self, millis: u64, kind: AgentKind, name: &str, text: &str) -> &mut AgentEvent {
        self.ledger.events.push(AgentEvent {
            type_name: name.into(),
            text: text.into(),
            raw: format!("{{\"type\":\"{name}\"}}").into(),
            ..AgentEvent::bare(at(millis), kind)
        });
        self.ledger.events.last_mut().expect("it was just pushed")
    }

    /// An event of our own run.
    fn run(&mut self, millis: u64, kind: AgentKind, text: &str) -> &mut AgentEvent {
        let event = self.hear(millis, kind, kind.word(), text);
        event.run = Some("run_8f21".into());
        event.agent = Some("supervisor".into());
        event
    }

    fn tool(&mut self, millis: u64, kind: AgentKind, tool: &str, call: &str) {
        let event = self.run(millis, kind, "");
        event.tool = Some(tool.into());
        event.call = Some(call.into());
    }

    /// A run as it should be: two thoughts, two tools, an answer.
    fn complete() -> Self {
        let mut story = Self::ready();
        story.run(101, AgentKind::AgentStarted, "");
        story.run(182, AgentKind::AgentThinking, "reading the request");
        story.run(305, AgentKind::AgentThinking, "choosing a tool");
        story.tool(420, AgentKind::ToolExecuting, "cost_analyzer", "a1");
        story.tool(455, AgentKind::ToolExecuting, "usage_report", "b2");
        story.tool(671, AgentKind::ToolCompleted, "cost_analyzer", "a1");
        story.tool(730, AgentKind::ToolCompleted, "usage_report", "b2");
        story.run(790, AgentKind::AgentCompleted, "Savings of 18 percent are possible.");
        story
    }

    fn judge(&self) -> Judgement {
        self.ledger.judge(&self.spec)
    }

    /// `fail: why`, then a line for each check that does not pass.
    fn told(&self) -> String {
        let judgement = self.judge();
        let mut told = format!("{}: {}", judgement.verdict.word(), judgement.why);
        for check in judgement.checks.iter().filter(|check| check.verdict != CheckVerdict::Pass) {
            let event = check.event.map_or(String::new(), |event| format!(" @{event}"));
            told += &format!("\n{} {}{event}: {}", check.check.word(), check.verdict.word(), check.detail);
        }
        told
    }
}

fn at(millis: u64) -> Moment {
    Moment(millis * 1_000)
}

fn refusal(status: u16, class: RefusalClass, why: &str) -> Ending {
    Ending::Refused(Refusal {
        sent: Vec::new(),
        status: Some(status),
        why: why.into(),
        headers: Vec::new(),
        body: "".into(),
        class,
        advice: "".into(),
    })
}

#[test]
fn a_complete_run_passes() {
    assert_eq!(Story::complete().told(), "pass: 8 agent events in 770 ms");
}

#[test]
fn a_refused_handshake_blocks_everything_behind_it() {
    let mut story = Story::new();
    story.ledger.opened = None;
    story.ledger.ending = refusal(403, RefusalClass::Authentication, "HTTP 403 Forbidden");
    let judgement = story.judge();
    assert_eq!(judgement.verdict, ContractVerdict::Blocked);
    assert_eq!(&*judgement.why, "not authenticated: HTTP 403 Forbidden to the handshake");
    let required = judgement.checks.iter().find(|check| check.check == Check::Required).map(|check| check.verdict);
    assert_eq!(required, Some(CheckVerdict::Blocked));
}

#[test]
fn an_error_frame_and_close_1008_block_too() {
    let mut story = Story::new();
    story.hear(10, AgentKind::Error, "error", "AUTH_REQUIRED: Authentication failed");
    story.ledger.ending = Ending::Closed { code: Some(1008), reason: "SSOT authentication failed".into() };
    let judgement = story.judge();
    assert_eq!(judgement.verdict, ContractVerdict::Blocked);
    assert_eq!(
        &*judgement.why,
        "not authenticated: closed with 1008 (SSOT authentication failed), after error: AUTH_REQUIRED: \
         Authentication failed"
    );
    // A server that is not known to announce that it is ready is judged alike.
    story.ledger.announces_ready = false;
    assert_eq!(story.judge().verdict, ContractVerdict::Blocked);
}

#[test]
fn a_run_that_stops_fails_by_what_is_missing_and_by_its_end() {
    let mut story = Story::ready();
    story.run(101, AgentKind::AgentStarted, "");
    story.run(180, AgentKind::AgentThinking, "reading the request");
    story.ledger.ending = Ending::OutOfTime { limit: Span::seconds(5) };
    assert_eq!(
        story.told(),
        "fail: 2 of 5 came, missing tool_executing, tool_completed, agent_completed\n\
         required fail @3: 2 of 5 came, missing tool_executing, tool_completed, agent_completed\n\
         terminal fail @3: no end within 5.0 s; the last event is agent_thinking"
    );
}

#[test]
fn events_that_never_came_are_named() {
    let mut story = Story::ready();
    story.run(101, AgentKind::AgentStarted, "");
    story.run(180, AgentKind::AgentThinking, "reading the request");
    story.run(790, AgentKind::AgentCompleted, "Savings of 18 percent are possible.");
    assert_eq!(
        story.told(),
        "fail: 3 of 5 came, missing tool_executing, tool_completed\n\
         required fail @4: 3 of 5 came, missing tool_executing, tool_completed"
    );
}

#[test]
fn a_connection_that_breaks_in_a_good_run_proves_nothing() {
    let mut story = Story::ready();
    story.run(101, AgentKind::AgentStarted, "");
    story.ledger.ending = Ending::Lost { why: "the server went away".into() };
    let judgement = story.judge();
    assert_eq!(judgement.verdict, ContractVerdict::Inconclusive);
    // A server that is restarted under us is no other case.
    story.ledger.ending = Ending::Closed { code: Some(1012), reason: "service restart".into() };
    let judgement = story.judge();
    assert_eq!(judgement.verdict, ContractVerdict::Inconclusive);
    let why = "the connection was lost before the run ended: closed with 1012 (service restart)";
    assert_eq!(&*judgement.why, why);
    // What went wrong before the break stays wrong.
    story.hear(200, AgentKind::Error, "error", "out of memory");
    assert_eq!(story.judge().verdict, ContractVerdict::Fail);
}

#[test]
fn tools_are_paired_by_id_else_by_name() {
    let mut story = Story::complete();
    story.ledger.events.remove(6);
    assert!(story.told().contains("pairing fail @5: cost_analyzer (a1) never came back"), "{}", story.told());
    let mut story = Story::ready();
    story.run(101, AgentKind::AgentStarted, "");
    story.run(150, AgentKind::AgentThinking, "hm");
    story.run(200, AgentKind::ToolCompleted, "").tool = Some("usage_report".into());
    let fault = "usage_report came back without having been called";
    // By name alone, calls of one tool beside each other may have been mixed up.
    assert!(story.told().contains(&format!("pairing warn @4: {fault}")), "{}", story.told());
    story.spec.severities.insert(Check::Pairing, Severity::Error);
    assert!(story.told().contains(&format!("pairing fail @4: {fault}")), "{}", story.told());
}

#[test]
fn order_looks_at_the_first_of_each_only() {
    let mut story = Story::complete();
    // A late thought is no fault; a thought before the start is.
    story.run(760, AgentKind::AgentThinking, "nearly there");
    assert!(!story.told().contains("order"), "{}", story.told());
    story.ledger.events.swap(1, 2);
    assert!(story.told().contains("order fail @2: agent_thinking came before agent_started"), "{}", story.told());
}

#[test]
fn what_belongs_to_others_is_a_fault_of_isolation() {
    let mut story = Story::complete();
    story.run(500, AgentKind::AgentThinking, "psst").run = Some("run_other".into());
    assert!(story.told().contains("correlation fail @10: agent_thinking belongs to run run_other, ours is run_8f21"));
    let mut story = Story::complete();
    story.run(500, AgentKind::AgentThinking, "psst").user = Some("somebody".into());
    assert!(story.told().contains("agent_thinking is for user somebody, we are staging-e2e-user-002"));
    story.ledger.events[9].user = Some("staging-...".into());
    assert_eq!(story.judge().verdict, ContractVerdict::Pass);
}

#[test]
fn what_comes_after_the_end_and_twice_is_worth_a_warning() {
    let mut story = Story::complete();
    story.run(900, AgentKind::AgentThinking, "one more thing");
    assert!(story.told().contains("nothing-after-end warn @10: agent_thinking came after event 9, the end of its run"));
    assert_eq!(story.judge().verdict, ContractVerdict::Pass);
    let mut story = Story::complete();
    story.run(110, AgentKind::AgentStarted, "");
    assert!(story.told().contains("uniqueness warn"), "{}", story.told());
}

#[test]
fn a_supervisor_may_start_agents_inside_of_its_run() {
    let mut story = Story::complete();
    story.ledger.events.insert(3, {
        let mut inner = story.ledger.events[1].clone();
        inner.agent = Some("triage".into());
        inner
    });
    story.ledger.events.insert(5, {
        let mut inner = story.ledger.events[9].clone();
        inner.agent = Some("triage".into());
        inner
    });
    assert!(!story.told().contains("nothing-after-end"), "{}", story.told());
}

#[test]
fn sequence_numbers_are_looked_at_where_there_are_any() {
    let mut story = Story::complete();
    assert!(story.judge().checks.iter().all(|check| check.check != Check::Sequence));
    for (number, event) in story.ledger.events.iter_mut().enumerate() {
        event.sequence = Some(number as u64 + 1);
    }
    story.ledger.events.remove(4);
    assert!(story.told().contains("sequence warn @5: 1 missing between 4 and 6"), "{}", story.told());
}

#[test]
fn empty_answers_and_placeholders_say_nothing() {
    let mut story = Story::complete();
    story.ledger.events[8].text = " ".into();
    assert!(story.told().contains("payload warn @9: agent_completed says nothing"), "{}", story.told());
    story.ledger.events[8].text = "TODO".into();
    story.spec.placeholders = vec!["todo".into()];
    assert!(story.told().contains("agent_completed says only «TODO»"), "{}", story.told());
}

#[test]
fn budgets_are_told_with_their_numbers() {
    let mut story = Story::complete();
    story.spec.severities.insert(Check::Latency, Severity::Error);
    story.spec.budgets.insert(Timed::FirstEvent, Span::millis(50));
    let told = story.told();
    assert!(told.contains("latency fail @2: the first agent event took 81 ms, 50 ms are allowed"), "{told}");
    assert!(told.starts_with("fail: the first agent event took 81 ms"), "{told}");
    story.spec.budgets.insert(Timed::FirstEvent, Span::millis(500));
    story.spec.budgets.insert(Timed::Silence, Span::millis(200));
    assert!(story.told().contains("latency fail @7: a silence took 216 ms, 200 ms are allowed"), "{}", story.told());
}

#[test]
fn another_revision_is_stale_and_a_change_is_straddled() {
    let mut story = Story::complete();
    story.spec.revision = Some(Expected::Named("backend-00005".into()));
    story.ledger.revision = Some("backend-00004".into());
    assert!(story.told().starts_with("stale: backend-00004 answered, backend-00005 is expected"), "{}", story.told());
    story.ledger.revision_at_end = Some("backend-00005".into());
    assert!(story.told().starts_with("straddled: backend-00004 answered first, backend-00005 at the end"));
}

#[test]
fn a_connection_speaks_for_itself_and_the_present_revision_is_what_the_service_says() {
    let mut story = Story::complete();
    story.spec.revision = Some(Expected::Named("5".into()));
    story.ledger.revision = Some("backend-00004".into());
    story.ledger.said = Some("backend-00005".into());
    assert!(story.told().starts_with("pass"), "{}", story.told());
    story.spec.revision = Some(Expected::Current);
    assert!(story.told().starts_with("stale: backend-00005 answered, backend-00004 serves"), "{}", story.told());
    story.ledger.revision = Some("backend-00005-xyz".into());
    assert!(story.told().starts_with("pass"), "{}", story.told());
    story.ledger.said = Some("9f3e1c2".into());
    let told = story.told();
    assert!(
        told.starts_with("inconclusive: 9f3e1c2 answered, which cannot be held against backend-00005-xyz"),
        "{told}"
    );
    story.ledger.said = None;
    assert!(story.told().starts_with("inconclusive: nothing said which revision answered"), "{}", story.told());
}

/// The fallback of agent-less servers: five events in perfect order, a tenth of a second apart.
fn played() -> Story {
    let mut story = Story::ready();
    story.hear(13, AgentKind::System, "degraded_mode", "");
    for (beat, kind) in (1..).zip(crate::domain::CRITICAL) {
        let text = if kind == AgentKind::AgentCompleted { "You asked: reduce my spend" } else { "working" };
        let event = story.hear(20 + beat * 100, kind, kind.word(), text);
        event.agent = Some("ChatAgent".into());
        event.tool = Some("response_generator".into()).filter(|_| kind.word().starts_with("tool"));
    }
    story
}

#[test]
fn events_that_no_agent_made_never_pass() {
    let story = played();
    assert_eq!(
        story.told(),
        "synthetic: no agent ran, its events were played: the agent is ChatAgent, the fallback's; the tool is \
         response_generator, the fallback's; announced by degraded_mode; no event has a run id; an event every 100 ms; \
         the answer repeats the question\nsynthetic fail @3: no agent ran, its events were played: the agent is \
         ChatAgent, the fallback's; the tool is response_generator, the fallback's; announced by degraded_mode; no event \
         has a run id; an event every 100 ms; the answer repeats the question"
    );
    // Renamed, its beat and its missing ids still tell it; a real run with an even beat does not look played.
    let mut renamed = played();
    renamed.ledger.events.iter_mut().for_each(|event| {
        event.agent = Some("supervisor".into());
        event.tool = event.tool.take().map(|_| "search".into());
    });
    assert_eq!(renamed.judge().verdict, ContractVerdict::Synthetic);
    let mut even = Story::complete();
    for (place, event) in even.ledger.events.iter_mut().enumerate() {
        event.at = at(12 + place as u64 * 100);
    }
    assert_eq!(even.judge().verdict, ContractVerdict::Pass);
}

#[test]
fn silence_has_a_reason() {
    let why = |sent: &str, hear: &dyn Fn(&mut Story)| {
        let mut story = Story::ready();
        story.ledger.sent = Some(Sent::new(at(20), sent.into(), sent.len()));
        story.ledger.ending = Ending::OutOfTime { limit: Span::seconds(5) };
        hear(&mut story);
        let judgement = story.judge();
        assert_eq!(judgement.verdict, ContractVerdict::Fail);
        judgement.why.to_string()
    };
    let nothing = |_: &mut Story| {};
    let start = r#"{"type":"start_agent","payload":{"user_request":"hello you"}}"#;
    assert_eq!(
        why(r#"{"type":"execute_agent","payload":{}}"#, &|story| {
            story.hear(30, AgentKind::Acknowledged, "ack", "");
        }),
        "a message of type execute_agent was only acknowledged (event 2, ack): the server does not know that type"
    );
    assert_eq!(
        why(r#"{"type": "start_agent", "payload": {"query": "x"}}"#, &nothing),
        "silence: start_agent needs the field user_request, and the message has none"
    );
    assert_eq!(
        why(r#"{"type":"user_message","payload":{"content":"hi"}}"#, &|story| {
            story.hear(30, AgentKind::Acknowledged, "system_message", "");
        }),
        "the chat message was acknowledged (event 2) and no agent ever ran for it"
    );
    assert_eq!(
        why(start, &|story| story.ledger.ending = Ending::Closed { code: Some(1011), reason: "Internal error".into() }),
        "the server failed on the message: closed with 1011 (Internal error)"
    );
    assert_eq!(
        why(&start.replace("hello", &"x".repeat(9_000)), &nothing),
        "the message has 9056 bytes, more than the 8192 that the server takes: it drops such messages without a word"
    );
    assert_eq!(
        why(start, &|story| story.hear(30, AgentKind::Error, "error_message", "FORMAT_ERROR: no JSON").raw =
            r#"{"error_code":"FORMAT_ERROR"}"#.into()),
        "the server cannot read the message: FORMAT_ERROR: no JSON (event 2)"
    );
    assert_eq!(
        why(start, &|story| {
            story.hear(900, AgentKind::Heartbeat, "ping", "");
        }),
        "silence: nothing of agent_started and what follows it came within 5.0 s, though something else came"
    );
}

#[test]
fn a_server_that_is_not_ready_says_so() {
    let mut story = Story::new();
    story.ledger.ending = Ending::Closed { code: Some(1011), reason: "Service not ready: supervisor".into() };
    assert_eq!(&*story.judge().why, "the server is not ready: closed with 1011 (Service not ready: supervisor)");
    story.ledger.ending = Ending::OutOfTime { limit: Span::seconds(5) };
    assert_eq!(&*story.judge().why, "the server never said that it is ready, within 5.0 s");
}
