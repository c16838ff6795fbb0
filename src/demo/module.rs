//! `__demo-module NAME`: one module of the suite, in a process of its own, its tests one after another.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    bench::Bench,
    catalogue::{Module, Test},
    checks::Check,
    failure::Failure,
    meter::Meter,
    reporter::Reporter,
    signals::{Asked, Signals, write_stacks},
    suite::{INTERRUPTED, Selection, complain},
    world::epoch_seconds,
};

/// Runs the selected tests of a module: exit code 0 when none failed, 1 when some did,
/// [`INTERRUPTED`] when it was.
pub(super) async fn run(name: &str) -> ExitCode {
    let Some(module) = Module::named(name) else {
        return complain(format_args!("there is no module {name:?}"));
    };
    let selection = match Selection::from_env() {
        Ok(selection) => selection,
        Err(error) => return complain(format_args!("failed to read the selection: {error}")),
    };
    // Before the hello, which tells the pid: from then on signals may come.
    let mut signals = match Signals::watch() {
        Ok(signals) => signals,
        Err(error) => return complain(format_args!("failed to watch for signals: {error}")),
    };
    let reporter = match Reporter::connect() {
        Ok(reporter) => reporter,
        Err(error) => {
            return complain(format_args!("failed to connect to LIVELOOP_SOCKET: {error}"));
        }
    };
    let bench = match Bench::from_env(&reporter) {
        Ok(bench) => bench,
        Err(error) => return complain(format_args!("{error}")),
    };
    let tests = async {
        let mut failed = false;
        for test in module.tests().filter(|test| selection.wants(&test.id())) {
            failed |= attempt(&test, &bench, &reporter).await;
            if reporter.is_gone() {
                return complain(format_args!("nobody listens any more"));
            }
        }
        ExitCode::from(u8::from(failed))
    };
    tokio::pin!(tests);
    loop {
        tokio::select! {
            exit = &mut tests => return exit,
            asked = signals.next() => match asked {
                // The test under way is left without a result, which is what happened to it.
                Asked::Stop => return ExitCode::from(INTERRUPTED),
                Asked::Stacks => write_stacks(&bench.position()),
            },
        }
    }
}

/// Runs one test and reports it; true when it failed.
async fn attempt(test: &Test, bench: &Bench<'_>, reporter: &Reporter) -> bool {
    let id = test.id();
    bench.begin(test);
    reporter.say(&json!({"e": "start", "id": &id, "at": epoch_seconds()}));
    let begun = Instant::now();
    let limit = bench.limit();
    let meter = Meter::default();
    let run = meter.over(timeout(limit, bench.run(test.check)));
    let outcome = run.await.unwrap_or_else(|_| Err(Failure::timed_out(limit)));
    let mut line = result_of(test, &outcome, &bench.printed());
    line["id"] = json!(id);
    line["at"] = json!(epoch_seconds());
    line["s"] = json!(seconds(begun.elapsed()));
    if let Some(evidence) = meter.evidence() {
        line["evidence"] = evidence;
    }
    if let Check::Literals { target, .. } = test.check {
        line["values"] = json!([["response_ms", target, true]]);
    }
    reporter.say(&line);
    line["outcome"] == "failed"
}

fn result_of(test: &Test, outcome: &Result<(), Failure>, printed: &str) -> Value {
    match (test.check, outcome) {
        (Check::Skip(reason), _) => json!({"e": "result", "outcome": "skipped", "message": reason}),
        (Check::ExpectedFailure(reason), Err(_)) => {
            json!({"e": "result", "outcome": "xfailed", "message": reason})
        }
        (Check::ExpectedFailure(reason), Ok(())) => {
            json!({"e": "result", "outcome": "xpassed", "message": reason})
        }
        (_, Ok(())) => json!({"e": "result", "outcome": "passed"}),
        (_, Err(failure)) => json!({
            "e": "result",
            "outcome": "failed",
            "message": &failure.error,
            "trace": failure.trace(test.file, test.line, test.name),
            "output": printed,
        }),
    }
}

/// Microseconds are as fine as a reader wants it.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e6
}
