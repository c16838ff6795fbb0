//! Several users at once.

use super::*;

/// A complete run of user `n`, under a run id of its own.
fn of_user(n: u32) -> Ledger {
    let mut ledger = Story::complete().ledger;
    ledger.user = Some(format!("user-{n:03}").into());
    for event in ledger.events.iter_mut().filter(|event| event.run.is_some()) {
        event.thread = Some(format!("thread_{n}").into());
        event.run = Some(format!("run_{n}").into());
        event.at = event.at.after(Span::millis(u64::from(n)));
    }
    ledger
}

#[test]
fn many_users_are_judged_together_and_kept_apart() {
    let spec = Story::new().spec;
    let mut crowd: Vec<Ledger> = (1..=20).map(of_user).collect();
    let judgement = judge_crowd(&crowd, &spec);
    assert_eq!(judgement.verdict, ContractVerdict::Pass);
    assert_eq!(&*judgement.why, "all 20 users; first event p50 91 ms, p95 100 ms, p99 101 ms");
    assert_eq!(judgement.users.len(), 20);

    let stray = crowd[6].events[2].clone();
    crowd[2].events.insert(3, stray);
    let judgement = judge_crowd(&crowd, &spec);
    assert_eq!(judgement.verdict, ContractVerdict::Fail);
    assert_eq!(&*judgement.why, "1 of 20 users: event 4 belongs to run_7 of user 7");
    let apart = judgement.checks.iter().find(|check| check.check == Check::Correlation).expect("it was looked at");
    assert_eq!(&*apart.detail, "holds for 19 of 20; user 3: event 4 belongs to run_7 of user 7");
}

/// `verdict: why` of a crowd, then which users did not pass.
fn told(crowd: &[Ledger], spec: &ContractSpec) -> String {
    let judgement = judge_crowd(crowd, spec);
    let users = judgement.users.iter().filter(|one| one.verdict != ContractVerdict::Pass);
    let users: Vec<&str> = users.map(|one| &*one.user).collect();
    format!("{}: {} [{}]", judgement.verdict.word(), judgement.why, users.join(" "))
}

#[test]
fn whoever_sees_an_event_of_somebody_else_is_found_by_run_by_thread_and_by_name() {
    let spec = Story::new().spec;
    let stray = |change: &dyn Fn(&mut AgentEvent)| {
        let mut crowd: Vec<Ledger> = (1..=20).map(of_user).collect();
        let mut event = crowd[2].events[2].clone();
        change(&mut event);
        // Even before anything of their own.
        crowd[4].events.insert(1, event);
        told(&crowd, &spec)
    };
    let of = |what: &str| format!("fail: 1 of 20 users: event 2 belongs to {what} of user 3 [user-005]");
    assert_eq!(stray(&|_| {}), of("run_3"));
    assert_eq!(stray(&|event| event.run = None), of("thread_3"));
    let only_named = stray(&|event| {
        (event.run, event.thread) = (None, None);
        event.user = Some("user-003".into());
    });
    assert_eq!(only_named, of("user-003"));
    // The other way round: whoever is counted first is not taken for the owner of what they only saw.
    let mut crowd: Vec<Ledger> = (1..=20).map(of_user).collect();
    let stray = crowd[8].events[1].clone();
    crowd[1].events.insert(1, stray);
    assert_eq!(told(&crowd, &spec), "fail: 1 of 20 users: event 2 belongs to run_9 of user 9 [user-002]");
}

#[test]
fn users_that_the_server_takes_for_one_are_not_told_apart_by_their_name() {
    let mut crowd: Vec<Ledger> = (1..=3).map(of_user).collect();
    for ledger in &mut crowd {
        ledger.user = None;
        ledger.events.iter_mut().for_each(|event| event.user = Some("staging-e2e".into()));
    }
    assert_eq!(judge_crowd(&crowd, &Story::new().spec).verdict, ContractVerdict::Pass);
    assert_eq!(&*judge_crowd(&crowd, &Story::new().spec).users[0].user, "staging-e2e");
}

#[test]
fn nine_of_ten_have_to_keep_a_budget_and_all_of_them_a_limit() {
    let mut spec = Story::new().spec;
    spec.severities.insert(Check::Latency, Severity::Error);
    let mut crowd: Vec<Ledger> = (1..=20).map(of_user).collect();
    let late = |ledger: &mut Ledger| {
        for event in ledger.events.iter_mut().filter(|event| event.run.is_some()) {
            event.at = event.at.after(Span::seconds(1));
        }
    };
    crowd[..2].iter_mut().for_each(late);
    assert_eq!(judge_crowd(&crowd, &spec).verdict, ContractVerdict::Pass);
    late(&mut crowd[2]);
    let judgement = judge_crowd(&crowd, &spec);
    assert_eq!(judgement.verdict, ContractVerdict::Fail);
    assert_eq!(&*judgement.why, "the first agent event took 1.1 s at p90 of 20, 500 ms are allowed");
    let first = judgement.latencies.iter().find(|one| one.measure == Timed::FirstEvent).expect("it was timed");
    assert_eq!((first.samples, first.p50, first.late), (20, Span::millis(94), true));
    assert_eq!(first.p99, Span::millis(1_084));
    assert_eq!(first.spread, [17, 0, 0, 0, 0, 0, 0, 3]);
    spec.severities.clear();
    assert_eq!(judge_crowd(&crowd, &spec).verdict, ContractVerdict::Pass);
    spec.limits.insert(Timed::FirstEvent, Span::seconds(1));
    let told = told(&crowd, &spec);
    let wanted =
        "fail: 3 of 20 users: the first agent event took 1.1 s, 1.0 s are allowed [user-001 user-002 user-003]";
    assert_eq!(told, wanted);
}

#[test]
fn what_came_is_kept_for_those_first_whose_events_are_named() {
    let mut crowd: Vec<Ledger> = (1..=150).map(of_user).collect();
    let stray = crowd[6].events[2].clone();
    crowd[140].events.insert(3, stray);
    let judgement = judge_crowd(&crowd, &Story::new().spec);
    assert_eq!((judgement.event, judgement.user), (Some(4), Some(141)));
    assert_eq!(judgement.heard[0].user, 141);
    assert!(judgement.heard.iter().map(|by| by.lines.len()).sum::<usize>() <= 1_000);
    let by = judgement.heard_by(141).expect("it is kept");
    assert_eq!(by.lines.iter().filter_map(|line| line.event).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    assert_eq!(by.lines.last().map(|line| &*line.name), Some("end"));
}
