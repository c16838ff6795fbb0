//! Contracts held against streams: each on connections of its own, listened to until the run has ended or the time is
//! over, then judged. To everything else it looks like a test tool at work.

mod listen;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use self::listen::{Listener, Pass, listen};
use super::http::Http;
use super::means::Means;
use super::runner::RunOrder;
use crate::adapters::json_schema::Schemas;
use crate::config::project::{ContractPlan, RevisionSpec};
use crate::domain::{
    CheckVerdict, ContractVerdict, Detail, Event, Evidence, Exit, Found, Grade, Heard, HeardBy, Judgement, Ledger,
    Outcome, RunEvent, RunId, RunKind, Section, Signal, Span, SubtestRow, Text, UserResult, Wanted, judge_crowd,
};

/// The module that all contracts are in.
const MODULE: &str = "contracts";
/// How many events are listed beside a verdict.
const LISTED: usize = 100;
/// How much longer than its own time limit a contract may take: for tokens, handshakes and farewells.
const SLACK: Duration = Duration::from_secs(60);

/// A run of contracts.
#[derive(Debug)]
pub struct ContractRun {
    /// Which run.
    pub run: RunId,
    /// What for.
    pub kind: RunKind,
    /// Which contracts.
    pub wanted: Wanted,
    /// All contracts of the project, each with the way to ask which revision serves it.
    pub contracts: Vec<(ContractPlan, Option<RevisionSpec>)>,
    /// What tokens and handshakes are asked with.
    pub http: Http,
}

/// Executes a run of contracts to its end, and reports it.
pub async fn execute(contracts: ContractRun, means: Means, orders: mpsc::Receiver<RunOrder>) {
    let ContractRun { run, kind, wanted, contracts, http } = contracts;
    let reports = Reports { run, means: means.clone() };
    let chosen: Vec<_> = contracts.into_iter().filter(|(plan, _)| is_wanted(&wanted, plan)).collect();
    let found =
        |(plan, _): &(ContractPlan, _)| Found { node: node(plan), module: MODULE.into(), line: 0, source: None };
    let tests = chosen.iter().map(found).collect();
    let missed = missed(&wanted, &chosen);
    let tool = format!("contracts {}", env!("CARGO_PKG_VERSION")).into();
    let mut opening = vec![
        RunEvent::Started { run, pid: std::process::id() },
        RunEvent::Greeted { run, tool, lane: None, workers: 0, root: None, evidence: true },
        RunEvent::Collected { run, tests },
    ];
    opening.extend((!missed.is_empty()).then_some(RunEvent::Missed { run, nodes: missed }));
    opening.push(RunEvent::CollectionEnded { run });
    reports.send(opening).await;
    let mut exit = Exit::Code(0);
    if kind == RunKind::Test {
        let mut orders = orders;
        for (n, (plan, revision)) in (0..).zip(&chosen) {
            reports.send(vec![RunEvent::TestStarted { run, n }]).await;
            tokio::select! {
                ended = hold(plan, revision.as_ref(), &http, &means) => {
                    if ended.outcome != Outcome::Passed {
                        exit = Exit::Code(1);
                    }
                    reports.end(n, ended).await;
                }
                () = stopped(&mut orders) => {
                    let signal = RunEvent::Signalled { run, signal: Signal::Interrupt, grace: Span::ZERO };
                    reports.send(vec![signal]).await;
                    exit = Exit::Code(130);
                    break;
                }
            }
        }
    }
    reports.send(vec![RunEvent::Exited { run, exit, says: says(exit).into(), leaked: 0 }]).await;
}

fn says(exit: Exit) -> &'static str {
    match exit {
        Exit::Code(0) => "every contract holds",
        Exit::Code(130) => "stopped",
        _ => "a contract does not hold",
    }
}

/// `contract:agents`
fn node(plan: &ContractPlan) -> Text {
    format!("contract:{}", plan.spec.name).into()
}

fn is_wanted(wanted: &Wanted, plan: &ContractPlan) -> bool {
    match wanted {
        Wanted::All => true,
        Wanted::Only { nodes, .. } => nodes.contains(&node(plan)),
    }
}

fn missed(wanted: &Wanted, chosen: &[(ContractPlan, Option<RevisionSpec>)]) -> Vec<Text> {
    match wanted {
        Wanted::All => Vec::new(),
        Wanted::Only { nodes, .. } => {
            nodes.iter().filter(|wanted| !chosen.iter().any(|(plan, _)| node(plan) == **wanted)).cloned().collect()
        }
    }
}

/// Until somebody asks to stop; whoever only asks for stacks is not heard, since there are none.
async fn stopped(orders: &mut mpsc::Receiver<RunOrder>) {
    loop {
        match orders.recv().await {
            Some(RunOrder::Stop | RunOrder::Kill) => return,
            Some(RunOrder::DumpStacks) => {}
            // Nobody is left who could stop it.
            None => std::future::pending().await,
        }
    }
}

/// How a contract ended.
struct Ended {
    outcome: Outcome,
    took: Span,
    judgement: Judgement,
    detail: Option<Detail>,
    evidence: Evidence,
}

/// Runs a contract for all of its users at once, and judges what they heard.
async fn hold(plan: &ContractPlan, revision: Option<&RevisionSpec>, http: &Http, means: &Means) -> Ended {
    let begun = Instant::now();
    let schemas = schemas(plan, &means.root).await;
    let listener = |number| Listener { plan, revision, http, schemas: &schemas, means, number };
    let listeners: Vec<Listener<'_>> = (1..=plan.users).map(listener).collect();
    let passes = join_all(listeners.iter().map(|listener| timeout(SLACK, Pass::obtain(listener)))).await;
    // What has to be masked is known now. To find that out while the clock runs would be counted as the server's time.
    let _nothing = means.masks.mask("");
    let heard = listeners.iter().zip(passes).map(|(listener, pass)| async move {
        let Ok(pass) = pass else { return listener.hung() };
        timeout(plan.timeout + SLACK, listen(listener, pass)).await.unwrap_or_else(|_| listener.hung())
    });
    let mut ledgers: Vec<Ledger> = join_all(heard).await;
    if let Err(why) = &schemas {
        ledgers.iter_mut().for_each(|ledger| ledger.no_schema = Some(why.as_str().into()));
    }
    let judgement = judge_crowd(&ledgers, &plan.spec);
    let outcome = match judgement.verdict {
        ContractVerdict::Pass => Outcome::Passed,
        ContractVerdict::Fail | ContractVerdict::Synthetic => Outcome::Failed,
        ContractVerdict::Blocked
        | ContractVerdict::Stale
        | ContractVerdict::Straddled
        | ContractVerdict::Inconclusive => Outcome::Errored,
    };
    let detail = (outcome != Outcome::Passed).then(|| detail(&judgement));
    let evidence = evidence(plan, &ledgers);
    Ended { outcome, took: begun.elapsed().into(), judgement, detail, evidence }
}

/// The schemas of a contract's messages, read anew for each time that it is held.
async fn schemas(plan: &ContractPlan, root: &Path) -> Result<Schemas, String> {
    let mut texts = Vec::new();
    for (event, file) in &plan.spec.schemas {
        let read = tokio::fs::read_to_string(root.join(&**file)).await;
        texts.push((event, read.map_err(|why| format!("the schema of {event} in {file} cannot be read: {why}"))?));
    }
    Schemas::new(texts.iter().map(|(event, text)| (*event, text.as_str())))
}

fn detail(judgement: &Judgement) -> Detail {
    let word = judgement.verdict.word();
    let subtests = judgement.checks.iter().map(|check| SubtestRow {
        name: check.check.word().into(),
        outcome: match check.verdict {
            CheckVerdict::Pass | CheckVerdict::Warn | CheckVerdict::Info => Outcome::Passed,
            CheckVerdict::Fail => Outcome::Failed,
            CheckVerdict::Blocked => Outcome::Skipped,
        },
        message: match check.event {
            Some(event) => format!("{} (event {event})", check.detail).into(),
            None => check.detail.clone(),
        },
    });
    let mut sections = Vec::new();
    if !judgement.users.is_empty() {
        let line = |one: &UserResult| {
            let first = one.first_event.map_or_else(String::new, |took| format!("  first event {took}"));
            format!("{}  {}{first}  {}", one.user, one.verdict.word(), one.why)
        };
        let text = judgement.users.iter().map(line).collect::<Vec<_>>().join("\n");
        sections.push(Section { title: "Users".into(), text: text.into() });
    }
    // Of many users, the first who did not pass is looked at closely.
    if let Some(by) = judgement.heard.first() {
        sections.push(Section { title: "What came".into(), text: heard(by).into() });
    }
    Detail {
        message: format!("{word}: {}", judgement.why).into(),
        sections,
        subtests: subtests.collect(),
        ..Detail::default()
    }
}

/// The events of a connection by number, with their times since it began.
fn heard(by: &HeardBy) -> String {
    let line = |line: &Heard| {
        let number = line.event.map_or_else(String::new, |number| number.to_string());
        format!("{number:>4}  +{} {} {}", line.at, line.name, line.text).trim_end().to_owned()
    };
    let mut lines: Vec<String> = by.lines.iter().take(LISTED).map(line).collect();
    let rest = by.lines.len().saturating_sub(LISTED) + by.left_out as usize;
    if rest > 0 {
        lines.push(format!("      and {rest} more"));
    }
    lines.join("\n")
}

fn evidence(plan: &ContractPlan, ledgers: &[Ledger]) -> Evidence {
    let opened = ledgers.iter().any(|ledger| ledger.opened.is_some());
    let host = plan.stream.url.split("://").nth(1).and_then(|rest| rest.split(['/', '?']).next()).unwrap_or("");
    let bytes = |ledger: &Ledger| ledger.events.iter().map(|event| event.raw.len() as u64).sum::<u64>();
    Evidence {
        grade: if opened { Grade::Websocket } else { Grade::Network },
        hosts: vec![host.into()],
        sent: ledgers.iter().filter_map(|ledger| ledger.sent.as_ref()).map(|sent| sent.text.len() as u64).sum(),
        received: ledgers.iter().map(bytes).sum(),
        ..Evidence::default()
    }
}

/// Where a run reports.
struct Reports {
    run: RunId,
    means: Means,
}

impl Reports {
    async fn end(&self, n: u32, ended: Ended) {
        let run = self.run;
        let Ended { outcome, took, judgement, detail, evidence } = ended;
        let (detail, evidence) = (detail.map(Arc::new), Some(Arc::new(evidence)));
        self.send(vec![
            RunEvent::ContractJudged { run, n, judgement: Arc::new(judgement) },
            RunEvent::TestEnded { run, n, outcome, took, detail, evidence },
        ])
        .await;
    }

    async fn send(&self, events: Vec<RunEvent>) {
        let events = events.into_iter().map(Event::from).collect();
        // Nobody listens any more: the session is over, and so is this.
        let _ = self.means.outbox.send(events).await;
    }
}
