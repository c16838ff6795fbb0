//! A contract, opened: its checks with their events, its latencies, its users, what came.

use std::sync::Arc;

use super::opened::{Person, opened};
use super::*;
use crate::domain::{
    Check, CheckResult, CheckVerdict, ContractVerdict, Found, Heard, HeardBy, Judgement, Latency, Outcome, RunEvent,
    Span, Timed, UserResult,
};
use crate::ui::reading::Part;

fn row(check: Check, verdict: CheckVerdict, detail: &str, event: Option<(u32, u32)>) -> CheckResult {
    let (user, event) = event.unzip();
    CheckResult { check, verdict, detail: detail.into(), event, user }
}

/// Twenty users, of whom the fifth was told what is the third's.
fn judgement() -> Judgement {
    let why = "1 of 20 users: event 2 belongs to run_2 of user 3";
    let user = |n: u32| UserResult {
        user: format!("user-{n:03}").into(),
        verdict: if n == 5 { ContractVerdict::Fail } else { ContractVerdict::Pass },
        why: if n == 5 { "event 2 belongs to run_2 of user 3" } else { "8 agent events in 928 ms" }.into(),
        first_event: Some(Span::millis(u64::from(n) + 10)),
        event: Some(if n == 5 { 2 } else { 9 }),
    };
    let line = |n: u32| Heard {
        event: Some(n),
        at: Span::millis(u64::from(n) * 40),
        name: if n == 2 { "agent_thinking" } else { "tool_executing" }.into(),
        text: if n == 2 { "supervisor  psst" } else { "cost_analyzer" }.into(),
    };
    let heard = |user| HeardBy { user, lines: (1..=9).map(line).collect(), left_out: 0 };
    let latency = |measure, p95: u64, budget: Option<u64>| Latency {
        measure,
        samples: 20,
        p50: Span::millis(p95 / 2),
        p95: Span::millis(p95),
        p99: Span::millis(p95 + 3),
        most: Span::millis(p95 + 3),
        spread: [0, 3, 9, 5, 0, 1, 1, 1],
        budget: budget.map(Span::millis),
        limit: None,
        late: budget.is_some_and(|budget| p95 > budget),
    };
    Judgement {
        event: Some(2),
        user: Some(5),
        latencies: vec![
            latency(Timed::Api, 140, Some(100)),
            latency(Timed::RoundTrip, 4, Some(50)),
            latency(Timed::FirstEvent, 29, Some(500)),
            latency(Timed::Total, 930, None),
        ],
        users: (1..=20).map(user).collect(),
        heard: vec![heard(5), heard(1), heard(2)],
        ..Judgement::bare(
            ContractVerdict::Fail,
            why,
            vec![
                row(Check::Ready, CheckVerdict::Pass, "holds for all 20", None),
                row(
                    Check::Correlation,
                    CheckVerdict::Fail,
                    "holds for 19 of 20; user 5: event 2 belongs to run_2 of user 3",
                    Some((5, 2)),
                ),
                row(
                    Check::Latency,
                    CheckVerdict::Warn,
                    "an API answer took 140 ms at p90 of 40, 100 ms are allowed",
                    None,
                ),
                row(
                    Check::UnknownTypes,
                    CheckVerdict::Info,
                    "outside of the vocabulary: quality_alert (event 7)",
                    Some((2, 7)),
                ),
            ],
        )
    }
}

fn held(judgement: Judgement, outcome: Outcome) -> (Story, crate::domain::TestId) {
    let mut story = Story::new();
    story.healthy().connect().start();
    let run = story.run();
    let found = Found { node: "contract:agents".into(), module: "contracts".into(), line: 0, source: None };
    story.tell(RunEvent::Collected { run, tests: vec![found] });
    let id = story.state.inventory.tests().map(|(id, _)| id).last().expect("it was just found");
    let n = story.state.runs.get(run).map_or(0, |run| run.tests.len() as u32 - 1);
    story.tell(RunEvent::TestStarted { run, n }).wait(900);
    story.tell(RunEvent::ContractJudged { run, n, judgement: Arc::new(judgement) });
    story.tell(RunEvent::TestEnded { run, n, outcome, took: Span::millis(900), detail: None, evidence: None });
    (story, id)
}

#[test]
fn a_contract_shows_what_decided_it() {
    let (story, id) = held(judgement(), Outcome::Failed);
    for size in [(80, 24), (120, 40), (200, 60)] {
        super::check("contract", &story, &opened(id), size);
    }
}

#[test]
fn a_check_leads_to_its_event_even_where_that_is_folded() {
    let mut person = Person::at(held(judgement(), Outcome::Failed), (120, 40));
    person.types("⏎");
    let screen = person.sees();
    assert_eq!(person.viewer.view.reading.looked_at, Some((5, 2)));
    assert!(screen.lines().any(|line| line.contains("›    2") && line.contains("psst")), "{screen}");
    // The last of the checks names an event of the second user, whose part is folded.
    person.types("gg}}⏎");
    assert_eq!(person.viewer.view.reading.looked_at, Some((2, 7)));
    assert_eq!(person.viewer.view.reading.folds.get(&Part::Heard(2)), Some(&true));
    assert!(person.sees().lines().any(|line| line.contains("›    7")), "{}", person.sees());
}

#[test]
fn an_event_that_is_not_kept_is_said_to_be_gone() {
    let mut judgement = judgement();
    judgement.heard.clear();
    let mut person = Person::at(held(judgement, Outcome::Failed), (120, 40));
    person.types("⏎");
    assert!(person.sees().contains("event 2 of user 5 is not kept"), "{}", person.sees());
}

#[test]
fn a_contract_that_holds_shows_its_checks_too() {
    let mut judgement = judgement();
    judgement.verdict = ContractVerdict::Pass;
    judgement.why = "all 20 users; first event p50 14 ms, p95 29 ms, p99 32 ms".into();
    judgement.users[4].verdict = ContractVerdict::Pass;
    let mut person = Person::at(held(judgement, Outcome::Passed), (120, 40));
    let screen = person.sees();
    assert!(screen.contains("pass  all 20 users") && screen.contains("✔ ready"), "{screen}");
    assert!(screen.contains("20 of 20 pass") && screen.contains("first event"), "{screen}");
}
