//! The history across sessions: whether it was written beside a session or made anew from its journal, it says the
//! same; whatever befalls the file, sessions go on and nothing is lost that a journal holds.
#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use liveloop::domain::{
    self, DeployEvent, DeployId, DeploySpec, Detail, Effects, Entry, Event, Exit, FlakeRate, Found, Health, Moment,
    Outcome, Probe, ProjectSpec, RunEvent, RunId, RunKind, RunnerSpec, Selection, ServiceEvent, ServiceId, ServiceSpec,
    SessionEnd, SessionEvent, Signature, Span, State, StreamEvent, StreamId, StreamSpec, TestId, Text, ViewerId,
};
use liveloop::engine::history::journals::{self, Fate};
use liveloop::engine::history::project::Projection;
use liveloop::engine::history::record::{self, AttemptRecord, Record, RunRecord, SessionRecord};
use liveloop::engine::history::{query, schema};
use liveloop::engine::journal;
use liveloop::engine::recall::recall;
use rusqlite::Connection;
use rusqlite::types::Value;

#[path = "support/home.rs"]
mod home;
#[path = "support/suite.rs"]
mod suite;

use home::Home;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals/v1.0.jsonl")
}

/// Everything that people are shown, as text.
fn dump(connection: &Connection) -> String {
    let mut text = String::new();
    let session = "SELECT journal, started, ended, how, project, environment, cycle FROM session ORDER BY started";
    let views = ["runs", "results", "deploys"].map(|view| format!("SELECT * FROM {view} ORDER BY 1, 2, 3, 4, 5, 6"));
    let cycles = "SELECT number, started, ended, what FROM cycle ORDER BY 1";
    for sql in [session, cycles].into_iter().chain(views.iter().map(String::as_str)) {
        let mut statement = connection.prepare(sql).expect(sql);
        let columns = statement.column_count();
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            let cell = |n| match row.get(n).expect("a cell") {
                Value::Null => String::new(),
                Value::Integer(number) => number.to_string(),
                Value::Real(number) => number.to_string(),
                Value::Text(text) => text,
                Value::Blob(_) => "a blob".into(),
            };
            writeln!(text, "{}", (0..columns).map(cell).collect::<Vec<_>>().join(" | ")).expect("memory takes text");
        }
        text.push('\n');
    }
    text
}

/// A project folder with the golden journal, or a part of it, and the history of it.
struct Kept {
    folder: tempfile::TempDir,
    connection: Connection,
}

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("sessions")).expect("an empty folder");
        let connection = schema::open(&schema::path(folder.path())).expect("a new file");
        Self { folder, connection }
    }

    fn sessions(&self) -> PathBuf {
        self.folder.path().join("sessions")
    }

    fn add(&self, name: &str, text: &str) -> PathBuf {
        let path = self.sessions().join(name);
        fs::write(&path, text).expect("a folder of ours");
        path
    }
}

/// What a running session hands over, one record at a time.
fn records(journal: &Path) -> Vec<Record> {
    let (mut state, mut effects) = (State::default(), Vec::new());
    let entries = journal::read(journal).expect("a journal").entries;
    let mut take = |entry: &Entry| {
        state.apply(entry, &mut effects);
        record::of(&state, entry)
    };
    entries.iter().flat_map(&mut take).collect()
}

#[test]
fn a_rebuilt_history_is_the_one_that_was_written_live() {
    let mut live = Kept::new();
    let mut projection = Projection::new("v1.0.jsonl");
    for record in records(&golden()) {
        projection.write(&mut live.connection, &[record]).expect("writable");
    }
    let mut rebuilt = Kept::new();
    let journal = rebuilt.add("v1.0.jsonl", &fs::read_to_string(golden()).expect("readable"));
    assert!(!journals::is_settled(&rebuilt.connection, &journal).expect("readable"));
    let sessions = rebuilt.sessions();
    journals::rebuild(&mut rebuilt.connection, &sessions, Fate::Over, |_, _| {}).expect("writable");
    assert!(journals::is_settled(&rebuilt.connection, &journal).expect("readable"));
    let text = dump(&rebuilt.connection);
    assert_eq!(dump(&live.connection), text);
    assert!(text.lines().count() > 10, "{text}");
    // Read again, and made anew once more, it says the same.
    journals::catch_up(&mut rebuilt.connection, &journal, Fate::Over).expect("writable");
    assert_eq!(dump(&rebuilt.connection), text);
    journals::rebuild(&mut rebuilt.connection, &sessions, Fate::Over, |_, _| {}).expect("writable");
    assert_eq!(dump(&rebuilt.connection), text);
    insta::assert_snapshot!("v1.0-history", text);
}

#[test]
fn what_is_recalled_is_what_the_journal_ended_with() {
    let mut kept = Kept::new();
    let journal = kept.add("a.jsonl", &fs::read_to_string(golden()).expect("readable"));
    journals::catch_up(&mut kept.connection, &journal, Fate::Over).expect("writable");
    let (mut state, mut effects) = (State::default(), Vec::new());
    journal::read(&journal).expect("a journal").entries.iter().for_each(|entry| state.apply(entry, &mut effects));
    let memory = recall(&kept.connection).expect("readable");
    assert_eq!(memory.cycle, state.cycle);
    let ran: Vec<_> = state.inventory.tests().filter(|(_, test)| test.latest.is_some()).collect();
    assert_eq!(memory.tests.len(), ran.len());
    for (_, test) in ran {
        let recalled = memory.tests.iter().find(|recalled| recalled.node == test.node).expect("it ran");
        let latest = test.latest.as_ref().expect("it ran");
        assert_eq!((recalled.outcome, recalled.started, recalled.took), (latest.outcome, latest.started, latest.took));
        assert_eq!(recalled.usual, test.usual, "{}", test.node);
        assert_eq!(recalled.message.as_ref(), test.message().filter(|_| latest.outcome.is_failure()));
        assert_eq!(recalled.grounds.rate(), test.flake());
        assert_eq!(recalled.grade, latest.evidence.as_ref().map(|evidence| evidence.grade));
    }
    let live: Vec<&Text> = memory.deploys.iter().map(|(service, _)| service).collect();
    assert_eq!(live, [&Text::from("backend")]);
}

#[test]
fn a_session_that_was_killed_is_caught_up_from_wherever_its_journal_ends() {
    let text = fs::read_to_string(golden()).expect("readable");
    let lines: Vec<&str> = text.lines().collect();
    let in_a_run = lines.iter().position(|line| line.contains("test_ended")).expect("a test ended") + 1;
    for end in (1..lines.len()).step_by(7).chain([in_a_run]) {
        let mut kept = Kept::new();
        let torn = format!("{}\n{}", lines[..end].join("\n"), &lines[end][..lines[end].len() / 2]);
        let journal = kept.add("a.jsonl", &torn);
        let caught = journals::catch_up(&mut kept.connection, &journal, Fate::Over).expect("writable");
        assert_eq!(caught.torn, (lines[end].len() / 2) as u64);
        assert_eq!(caught.entries, end as u64 - 1);
        let how = journals::how_it_ended(&kept.connection, &journal).expect("readable");
        assert_eq!(how.as_ref().map(|(how, _)| how.as_str()), (end > 1).then_some("killed"));
        if end == in_a_run {
            assert_eq!(how, Some(("killed".into(), true)));
            let run = query::runs(&kept.connection, 1).expect("readable").remove(0);
            assert_eq!((run.how.as_str(), run.finished, run.took), ("killed", 1, None));
            assert!(run.not_run > 0 && run.finished + run.lost + run.not_run == run.selected, "{run:?}");
        }
    }
}

#[test]
fn a_session_whose_journal_is_gone_outlives_a_rebuild() {
    let mut kept = Kept::new();
    let text = fs::read_to_string(golden()).expect("readable");
    for name in ["a.jsonl", "b.jsonl"] {
        let journal = kept.add(name, &text);
        journals::catch_up(&mut kept.connection, &journal, Fate::Over).expect("writable");
    }
    let before = dump(&kept.connection);
    fs::remove_file(kept.sessions().join("a.jsonl")).expect("it is there");
    let sessions = kept.sessions();
    journals::rebuild(&mut kept.connection, &sessions, Fate::Over, |_, _| {}).expect("writable");
    assert_eq!(dump(&kept.connection).lines().count(), before.lines().count());
}

/// A run of that cycle in which each test had these outcomes, on those revisions.
fn run(cycle: u32, served: Option<&str>, told: &[(&str, Outcome, u64)]) -> Record {
    let asked = Moment(1_790_000_000_000_000 + u64::from(cycle) * 60_000_000);
    let failed = |outcome: Outcome| outcome.is_failure();
    let detail = Detail { message: "TimeoutError: no answer within 5 s".into(), ..Detail::default() };
    Record::Run(Box::new(RunRecord {
        n: cycle,
        runner: "pytest".into(),
        kind: RunKind::Test,
        cycle,
        what: "everything".into(),
        by: Some("ann".into()),
        tool: None,
        asked,
        started: Some(asked),
        ended: Some(asked.after(Span::seconds(5))),
        end: "complete",
        why: None,
        selected: told.len() as u32,
        finished: told.len() as u32,
        passed: told.iter().filter(|(_, outcome, _)| outcome.is_pass()).count() as u32,
        failed: told.iter().filter(|(_, outcome, _)| failed(*outcome)).count() as u32,
        lost: 0,
        not_run: 0,
        missing: 0,
        served: served.map(|revision| vec![("backend".into(), revision.into())]).into_iter().collect(),
        causes: vec![Signature::of(Outcome::Failed, Some(&detail))],
        attempts: told
            .iter()
            .map(|(node, outcome, millis)| AttemptRecord {
                node: format!("tests/test_a.py::{node}").into(),
                module: "tests/test_a.py".into(),
                outcome: *outcome,
                started: asked,
                took: Span::millis(*millis),
                tries: 1,
                served: served.map(|_| 0),
                circumstance: None,
                cause: failed(*outcome).then_some(0),
                dependent: false,
                grade: None,
                message: failed(*outcome).then(|| detail.message.clone()),
            })
            .collect(),
    }))
}

fn told(runs: &[Record]) -> Kept {
    let mut kept = Kept::new();
    let session = SessionRecord { started: Moment(1), project: "shop".into(), environment: None };
    let mut projection = Projection::new("a.jsonl");
    projection.write(&mut kept.connection, &[Record::Opened(session)]).expect("writable");
    projection.write(&mut kept.connection, runs).expect("writable");
    kept
}

#[test]
fn questions_are_answered() {
    use Outcome::{Failed, Passed, Skipped};
    let kept = told(&[
        run(1, Some("b1"), &[("test_pay", Failed, 40), ("test_payout", Passed, 900), ("test_login", Passed, 10)]),
        run(2, Some("b2"), &[("test_pay", Passed, 50), ("test_payout", Passed, 700), ("test_login", Failed, 10)]),
        run(3, Some("b2"), &[("test_pay", Passed, 50), ("test_payout", Skipped, 1), ("test_login", Passed, 20)]),
        run(4, None, &[("test_pay", Failed, 50)]),
    ]);
    let connection = &kept.connection;
    let cycles: Vec<u32> = query::runs(connection, 3).expect("readable").iter().map(|run| run.cycle).collect();
    assert_eq!(cycles, [4, 3, 2]);

    let named = |words: &str| -> Vec<String> {
        let found = query::tests_named(connection, words).expect("readable");
        found.into_iter().map(|test| test.node.trim_start_matches("tests/test_a.py::").to_owned()).collect()
    };
    assert_eq!(named("test_pay"), ["test_pay"], "a whole name is not the beginning of another one");
    assert_eq!(named("PAY"), ["test_pay", "test_payout"]);
    assert_eq!(named("tests/test_a.py::test_login"), ["test_login"]);
    assert_eq!(named("nobody"), [""; 0]);

    let pay = query::tests_named(connection, "test_pay").expect("readable").remove(0);
    let record = query::record_of(connection, pay.id, 10).expect("readable");
    let lines: Vec<(u32, Outcome, Option<&str>)> =
        record.iter().map(|attempt| (attempt.cycle, attempt.outcome, attempt.revisions.as_deref())).collect();
    let expected = [
        (4, Failed, None),
        (3, Passed, Some("backend=b2")),
        (2, Passed, Some("backend=b2")),
        (1, Failed, Some("backend=b1")),
    ];
    assert_eq!(lines, expected);

    // Another revision mended the first failure; where nobody knows what served, cycles are not compared.
    let flaky = query::flakiest(connection, 10).expect("readable");
    let rates: Vec<_> = flaky.iter().map(|test| (test.node.as_str(), test.flake)).collect();
    assert_eq!(rates, [("tests/test_a.py::test_login", Some(FlakeRate { failed: 1, attempts: 2 }))]);

    let slow = query::slowest(connection, 1).expect("readable");
    assert_eq!((slow[0].node.as_str(), slow[0].usual), ("tests/test_a.py::test_payout", Some(Span::millis(850))));

    let causes = query::causes(connection, 10).expect("readable");
    assert_eq!((causes.len(), causes[0].tests, causes[0].attempts, causes[0].cycles), (1, 2, 3, (1, 4)));
}

#[test]
fn flaky_before_is_flaky_in_the_next_session() {
    use Outcome::{Failed, Passed};
    let kept = told(&[
        run(1, Some("b1"), &[("test_pay", Passed, 40), ("test_login", Passed, 40)]),
        run(2, Some("b1"), &[("test_pay", Failed, 40), ("test_login", Passed, 40)]),
    ]);
    let memory = recall(&kept.connection).expect("readable");
    assert_eq!(memory.revisions.iter().map(|(_, words)| &**words).collect::<Vec<_>>(), ["backend=b1"]);
    let mut story = Story::default();
    story.tell(SessionEvent::Opened { project: Arc::new(shop()) });
    story.tell(SessionEvent::Recalled(Arc::new(memory)));
    assert_eq!(story.play("b1", [Passed, Passed]), [Some((1, 3)), None]);
    assert_eq!(
        story.play("b1", [Failed, Failed]),
        [Some((2, 4)), Some((1, 4))],
        "in this session, on what served before"
    );
    assert_eq!(story.play("b2", [Failed, Failed]), [Some((2, 4)), Some((1, 4))], "another revision is another matter");
    assert_eq!(story.play("b2", [Passed, Failed]), [Some((3, 6)), Some((1, 4))]);
}

#[test]
fn a_run_that_was_under_way_when_its_session_ended_has_its_row() {
    let mut story = Story::default();
    story.tell(SessionEvent::Opened { project: Arc::new(shop()) });
    story.tell(SessionEvent::Asked { by: ViewerId(0), command: domain::Command::Run(Selection::All) });
    let ended = Event::from(SessionEvent::Ended { how: SessionEnd::Done });
    let entry = Entry { seq: story.state.seq + 1, at: Moment(9_000), event: ended };
    story.state.apply(&entry, &mut story.effects);
    let kept = told(&record::of(&story.state, &entry));
    let runs = query::runs(&kept.connection, 9).expect("readable");
    assert_eq!(runs.iter().map(|run| (run.cycle, run.how.as_str())).collect::<Vec<_>>(), [(1, "stopped")]);
    assert_eq!(recall(&kept.connection).expect("readable").cycle, 1, "its number is not given again");
}

#[test]
fn the_runs_of_a_chain_that_waited_for_a_stream_are_in_a_rebuilt_history() {
    let mut story = Story::default();
    let deploy = DeploySpec { command: vec!["./deploy.sh".into()], streak: 1, ..DeploySpec::default() };
    let mut project = shop();
    project.services[0].deploy = Some(deploy);
    project.streams = vec![StreamSpec {
        name: "agents".into(),
        url: "".into(),
        service: Some("backend".into()),
        start: None,
        messages: Vec::new(),
        over_http: false,
        budget: Span::seconds(2),
        ..StreamSpec::default()
    }];
    let opened = |stream| StreamEvent::Opened {
        stream,
        took: Span::millis(9),
        subprotocol: None,
        findings: Vec::new(),
        lasts: None,
    };
    let stream = StreamId(0);
    story.tell(SessionEvent::Opened { project: Arc::new(project) });
    story.tell(StreamEvent::Connecting { stream });
    story.tell(opened(stream));
    story.play("b1", [Outcome::Passed, Outcome::Failed]);
    let command = domain::Command::Prove { service: ServiceId(0), selection: Selection::Failures };
    story.tell(SessionEvent::Asked { by: ViewerId(0), command });
    let deploy = DeployId(0);
    story.tell(DeployEvent::CommandEnded { deploy, exit: Exit::Code(0), cancelled: false });
    story.tell(DeployEvent::Proved { deploy, saw: Some("b2".into()) });
    let probe = Probe { health: Health::Healthy, latency: Span::ZERO, revision: Some("b2".into()) };
    story.tell(ServiceEvent::Probed { service: ServiceId(0), probe });
    story.tell(StreamEvent::Connecting { stream });
    story.tell(opened(stream));
    let run = RunId(1);
    story.tell(RunEvent::TestStarted { run, n: 0 });
    let mut kept = Kept::new();
    kept.add("chain.jsonl", &story.journal());
    let sessions = kept.sessions();
    journals::rebuild(&mut kept.connection, &sessions, Fate::Over, |_, _| {}).expect("writable");
    let runs = query::runs(&kept.connection, 9).expect("readable");
    let told: Vec<_> = runs.iter().map(|run| (run.cycle, run.how.as_str())).collect();
    assert_eq!(told, [(2, "killed"), (1, "complete")]);
}

/// A project with one service whose revision is known.
fn shop() -> ProjectSpec {
    let runner = RunnerSpec {
        name: "pytest".into(),
        tool: "pytest".into(),
        command: "pytest".into(),
        why: "".into(),
        ..RunnerSpec::default()
    };
    let service = ServiceSpec {
        name: "backend".into(),
        url: "".into(),
        has_health: true,
        has_revision: true,
        deploy: None,
        ..ServiceSpec::default()
    };
    ProjectSpec { name: "shop".into(), runners: vec![runner], services: vec![service], ..ProjectSpec::default() }
}

/// A session that is told events, a millisecond apart.
#[derive(Default)]
struct Story {
    state: State,
    effects: Effects,
    runs: u32,
    entries: Vec<Entry>,
}

impl Story {
    fn tell(&mut self, event: impl Into<Event>) {
        let (seq, at) = (self.state.seq + 1, Moment(self.state.at.0 + 1_000));
        let entry = Entry { seq, at, event: event.into() };
        self.state.apply(&entry, &mut self.effects);
        self.entries.push(entry);
    }

    /// What a journal holds of it.
    fn journal(&self) -> String {
        let golden = fs::read_to_string(golden()).expect("readable");
        let header = golden.lines().next().expect("a header").to_owned();
        let lines = self.entries.iter().map(|entry| serde_json::to_string(entry).expect("it can be written"));
        std::iter::once(header).chain(lines).map(|line| line + "\n").collect()
    }

    /// A run of two tests while `revision` serves; answers how flaky they are then.
    fn play(&mut self, revision: &str, outcomes: [Outcome; 2]) -> [Option<(u32, u32)>; 2] {
        let probe = Probe { health: Health::Healthy, latency: Span::ZERO, revision: Some(revision.into()) };
        self.tell(ServiceEvent::Probed { service: ServiceId(0), probe });
        let run = RunId(self.runs);
        self.runs += 1;
        self.tell(SessionEvent::Asked { by: ViewerId(0), command: domain::Command::Run(Selection::All) });
        let found = |name: &str| Found {
            node: format!("tests/test_a.py::{name}").into(),
            module: "tests/test_a.py".into(),
            line: 1,
            source: None,
        };
        self.tell(RunEvent::Collected { run, tests: vec![found("test_pay"), found("test_login")] });
        self.tell(RunEvent::CollectionEnded { run });
        for (n, outcome) in (0..).zip(outcomes) {
            self.tell(RunEvent::TestStarted { run, n });
            self.tell(RunEvent::TestEnded { run, n, outcome, took: Span::millis(9), detail: None, evidence: None });
        }
        self.tell(RunEvent::Exited { run, exit: Exit::Code(0), says: "".into(), leaked: 0 });
        let rate = |id| self.state.inventory.test(TestId(id)).expect("it ran").flake();
        [rate(0), rate(1)].map(|rate| rate.map(|FlakeRate { failed, attempts }| (failed, attempts)))
    }
}

fn program(home: &Home, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveloop"));
    command.args(arguments).current_dir(home.project()).env_clear().envs(home.variables());
    command.output().expect("it starts")
}

fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const TWO: &str = r#"
suite = Suite(["one::passes", "one::fails"])
suite.start("one::passes")
suite.result("one::passes")
suite.start("one::fails")
suite.result("one::fails", "failed")
suite.end(1)
"#;

/// A project in which one run has happened.
fn after_a_run() -> Option<Home> {
    let home = Home::new();
    suite::write(&home.project(), TWO, "")?;
    assert_eq!(program(&home, &["history"]).status.code(), Some(4), "nothing has run yet");
    let ran = program(&home, &["run"]);
    assert_eq!(ran.status.code(), Some(1), "{}", printed(&ran));
    Some(home)
}

fn file_of(home: &Home) -> PathBuf {
    schema::path(&home.mark().join("project/.liveloop"))
}

fn cycles(home: &Home) -> Vec<i64> {
    let output = program(home, &["history", "--format", "json"]);
    let out = String::from_utf8(output.stdout).expect("UTF-8");
    let parse = |line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["cycle"].as_i64();
    out.lines().map(|line| parse(line).expect("a number")).collect()
}

#[test]
fn a_run_is_in_the_history_when_it_is_over() {
    let Some(home) = after_a_run() else { return };
    let told = printed(&program(&home, &["history"]));
    assert!(told.contains("2 of 2") && told.contains("everything") && told.contains("(+00:00)"), "{told}");
    let told = printed(&program(&home, &["history", "one::fails"]));
    assert!(told.contains("passed 0 of 1") && told.contains("it failed without a word"), "{told}");
    let told = printed(&program(&home, &["history", "one"]));
    assert!(told.contains("2 tests are called so"), "{told}");
    assert_eq!(program(&home, &["history", "nobody"]).status.code(), Some(4));
    assert_eq!(program(&home, &["history", "one", "--causes"]).status.code(), Some(2));
    let rebuilt = printed(&program(&home, &["history", "rebuild"]));
    assert!(rebuilt.contains("rebuilt from 1 journals"), "{rebuilt}");
    assert_eq!(cycles(&home), [1]);
}

#[test]
fn a_missing_or_damaged_file_is_made_anew_and_nothing_is_lost() {
    let Some(home) = after_a_run() else { return };
    let file = file_of(&home);
    fs::remove_file(&file).expect("it is there");
    assert_eq!(program(&home, &["run"]).status.code(), Some(1));
    assert_eq!(cycles(&home), [2, 1]);
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", file.display()));
    }
    fs::write(&file, [7; 9_000]).expect("a folder of ours");
    let asked = program(&home, &["history"]);
    assert_eq!(asked.status.code(), Some(3));
    assert!(printed(&asked).contains("liveloop history rebuild"), "{}", printed(&asked));
    let ran = program(&home, &["run"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(printed(&ran).contains("history.db was damaged"), "{}", printed(&ran));
    assert_eq!(cycles(&home), [3, 2, 1]);
    let aside = fs::read_dir(home.project().join(".liveloop")).expect("a folder").flatten();
    let is_aside = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("history.db.damaged-");
    assert_eq!(aside.filter(is_aside).count(), 1);
}

#[test]
fn the_file_of_a_later_program_is_left_alone() {
    let Some(home) = after_a_run() else { return };
    let file = file_of(&home);
    let later = |version: i64| {
        let connection = Connection::open(&file).expect("it is there");
        connection.pragma_update(None, "user_version", version).expect("writable");
    };
    later(99);
    let ran = program(&home, &["run"]);
    assert_eq!(ran.status.code(), Some(1), "{}", printed(&ran));
    assert!(printed(&ran).contains("cycle 2") && printed(&ran).contains("version 99"), "{}", printed(&ran));
    let asked = program(&home, &["history"]);
    assert_eq!((asked.status.code(), printed(&asked).contains("newer liveloop")), (Some(3), true));
    // Once it can be read again, what it missed is caught up.
    later(schema::VERSION);
    assert_eq!(program(&home, &["run"]).status.code(), Some(1));
    assert_eq!(cycles(&home), [3, 2, 1]);
}

#[test]
fn others_read_while_one_writes_and_a_session_outlives_a_lock() {
    let Some(home) = after_a_run() else { return };
    let file = file_of(&home);
    let mut writer = schema::open(&file).expect("it is there");
    let transaction =
        writer.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).expect("nobody else writes");
    transaction.execute("DELETE FROM attempt", []).expect("writable");
    assert_eq!(cycles(&home), [1], "what is not committed is not seen");
    let ran = program(&home, &["run"]);
    assert_eq!(ran.status.code(), Some(1), "{}", printed(&ran));
    assert!(printed(&ran).contains("cycle 2"), "the newest journals are known all the same: {}", printed(&ran));
    drop(transaction);
    drop(writer);
    assert_eq!(program(&home, &["run"]).status.code(), Some(1));
    assert_eq!(cycles(&home), [3, 2, 1]);
}
