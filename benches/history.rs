//! The history of 1,000 cycles of 1,000 tests: how large it is, how fast it opens and answers.
//!
//!     cargo bench --bench history

#![allow(missing_docs)]

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Instant;

use divan::Bencher;
use liveloop::domain::{Detail, Moment, Outcome, RunKind, Signature, Span, Text};
use liveloop::engine::history::project::Projection;
use liveloop::engine::history::record::{AttemptRecord, Record, RunRecord, SessionRecord};
use liveloop::engine::history::{query, schema};
use liveloop::engine::recall::recall;
use rusqlite::Connection;
use tempfile::TempDir;

const CYCLES: u32 = 1_000;
const TESTS: u32 = 1_000;
/// How many cycles are written in one transaction while the file is made.
const AT_ONCE: u32 = 50;

static MADE: LazyLock<(TempDir, PathBuf)> = LazyLock::new(make);

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let _ = &*MADE;
    divan::main();
}

fn make() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = schema::path(folder.path());
    let mut connection = schema::open(&file).expect("a new file");
    let mut projection = Projection::new("bench.jsonl");
    let session = SessionRecord { started: Moment(1), project: "bench".into(), environment: None };
    projection.write(&mut connection, &[Record::Opened(session)]).expect("writable");
    let start = Instant::now();
    for first in (1..=CYCLES).step_by(AT_ONCE as usize) {
        let runs: Vec<Record> = (first..first + AT_ONCE).map(cycle).collect();
        projection.write(&mut connection, &runs).expect("writable");
    }
    let took = start.elapsed();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("nobody reads");
    let size = std::fs::metadata(&file).expect("it is there").len();
    println!("{CYCLES} cycles of {TESTS} tests: written in {took:.1?}, {} MB", size >> 20);
    (folder, file)
}

fn names() -> &'static [Text] {
    static NAMES: LazyLock<Vec<Text>> = LazyLock::new(|| {
        let name = |n| format!("tests/e2e/test_module_{:02}.py::TestCase::test_{n:04}_of_the_suite", n / 50).into();
        (0..TESTS).map(name).collect()
    });
    &NAMES
}

/// A cycle of everything: a revision serves for ten cycles, one test in twenty fails, one in a hundred now and then.
fn cycle(number: u32) -> Record {
    let asked = Moment(1_700_000_000_000_000 + u64::from(number) * 600_000_000);
    let detail = |kind: u32| Detail {
        message: format!(
            "AssertionError: expected {} of the critical events of order 4711, got 3",
            WORDS[kind as usize]
        )
        .into(),
        exception: Some("AssertionError".into()),
        ..Detail::default()
    };
    let details: Vec<Detail> = (0..5).map(detail).collect();
    let fails = |n: u32| match n {
        n if n % 100 == 7 => (number * 7 + n).is_multiple_of(5),
        n => n.is_multiple_of(20) && (number / 10 + n).is_multiple_of(3),
    };
    let attempt = |n: u32| {
        let failed = fails(n);
        AttemptRecord {
            node: names()[n as usize].clone(),
            module: "tests/e2e/test_module.py".into(),
            outcome: if failed { Outcome::Failed } else { Outcome::Passed },
            started: asked.after(Span::millis(u64::from(n) * 20)),
            took: Span::millis(5 + u64::from(n * 37 % 900)),
            tries: 1,
            served: Some(0),
            circumstance: None,
            cause: failed.then_some(n as usize % 5),
            dependent: false,
            grade: None,
            message: failed.then(|| details[n as usize % 5].message.clone()),
        }
    };
    let attempts: Vec<AttemptRecord> = (0..TESTS).map(attempt).collect();
    let failed = attempts.iter().filter(|attempt| attempt.outcome.is_failure()).count() as u32;
    Record::Run(Box::new(RunRecord {
        n: number,
        runner: "pytest".into(),
        kind: RunKind::Test,
        cycle: number,
        what: "everything".into(),
        by: Some("ann".into()),
        tool: Some("pytest 9".into()),
        asked,
        started: Some(asked),
        ended: Some(asked.after(Span::seconds(20))),
        end: "complete",
        why: None,
        selected: TESTS,
        finished: TESTS,
        passed: TESTS - failed,
        failed,
        lost: 0,
        not_run: 0,
        missing: 0,
        served: vec![vec![
            ("backend".into(), format!("backend-{:05}", number / 10).into()),
            ("auth".into(), "auth-00001".into()),
        ]],
        causes: details.iter().map(|detail| Signature::of(Outcome::Failed, Some(detail))).collect(),
        attempts,
    }))
}

const WORDS: [&str; 5] = ["all", "most", "some", "few", "none"];

fn read() -> Connection {
    schema::open_to_read(&MADE.1).expect("it was made")
}

/// As a process does that was just started: open, find the test by a part of its name, read all of its record.
#[divan::bench]
fn open_and_tell_a_record(bencher: Bencher) {
    bencher.bench(|| {
        let connection = read();
        let test = query::tests_named(&connection, "test_0507_of").expect("readable").remove(0);
        query::record_of(&connection, test.id, CYCLES).expect("readable").len()
    });
}

#[divan::bench]
fn a_record(bencher: Bencher) {
    let connection = read();
    let test = query::tests_named(&connection, "test_0507_of").expect("readable").remove(0);
    bencher.bench_local(|| query::record_of(&connection, test.id, CYCLES).expect("readable").len());
}

#[divan::bench]
fn open_and_list_runs(bencher: Bencher) {
    bencher.bench(|| query::runs(&read(), 50).expect("readable").len());
}

#[divan::bench]
fn flakiest(bencher: Bencher) {
    bencher.bench(|| query::flakiest(&read(), 50).expect("readable").len());
}

#[divan::bench]
fn slowest(bencher: Bencher) {
    bencher.bench(|| query::slowest(&read(), 50).expect("readable").len());
}

#[divan::bench]
fn causes(bencher: Bencher) {
    bencher.bench(|| query::causes(&read(), 50).expect("readable").len());
}

/// What a session that starts asks.
#[divan::bench]
fn recollection(bencher: Bencher) {
    bencher.bench(|| recall(&read()).expect("readable").tests.len());
}

/// The end of a run of 1,000 tests, written beside a session. Written again each time, which costs a little more.
#[divan::bench]
fn write_a_run(bencher: Bencher) {
    let mut connection = schema::open(&MADE.1).expect("it was made");
    let mut projection = Projection::new("bench.jsonl");
    let run = [cycle(CYCLES)];
    bencher.bench_local(|| projection.write(&mut connection, &run).expect("writable"));
}
