//! The demo's story from end to end: the suite's own process against the environment, over real sockets.
//!
//! The listener here is the smallest thing that hears the reporter protocol; the console's own is tested elsewhere.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use liveloop::demo::{Environment, Scenario, start};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::{UnixListener, UnixStream},
    process::Command,
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};

const PACE: f64 = 0.05;
const LIMIT: Duration = Duration::from_secs(60);
const PROGRAM: &str = env!("CARGO_BIN_EXE_liveloop");

/// Everything that one run of the suite reported, and how its process ended.
struct Run {
    lines: Vec<Value>,
    exit: Option<i32>,
}

impl Run {
    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.lines.iter().filter(move |line| line["e"] == kind)
    }

    fn collected(&self) -> Vec<String> {
        let lists = self.of_kind("collected").filter_map(|line| line["items"].as_array()).flatten();
        lists.map(|item| item[0].as_str().expect("an id").to_owned()).collect()
    }

    fn ids_of(&self, kind: &str) -> HashSet<String> {
        self.of_kind(kind).map(|line| line["id"].as_str().expect("an id").to_owned()).collect()
    }

    fn failed(&self) -> Vec<&Value> {
        self.of_kind("result").filter(|line| line["outcome"] == "failed").collect()
    }

    fn failed_ids(&self) -> Vec<String> {
        self.failed().iter().map(|line| line["id"].as_str().expect("an id").to_owned()).collect()
    }

    fn outcomes(&self) -> BTreeMap<&str, usize> {
        self.of_kind("result").fold(BTreeMap::new(), |mut counts, line| {
            *counts.entry(line["outcome"].as_str().expect("an outcome")).or_default() += 1;
            counts
        })
    }

    fn is_whole(&self) {
        let collected: HashSet<String> = self.collected().into_iter().collect();
        assert_eq!(self.ids_of("start"), collected);
        assert_eq!(self.ids_of("result"), collected);
        assert_eq!(self.of_kind("result").count(), collected.len());
        assert_eq!(self.of_kind("crash").count(), 0, "{:?}", self.lines);
        let end: Vec<Option<i64>> = self.of_kind("end").map(|line| line["exit"].as_i64()).collect();
        assert_eq!(end, [self.exit.map(i64::from)]);
    }
}

/// A project folder with the environment that its suite is aimed at.
struct Staging {
    environment: Environment,
    folder: tempfile::TempDir,
}

impl Staging {
    async fn new(scenario: Scenario) -> Self {
        let environment = start(scenario, PACE).await.expect("loopback ports");
        Self { environment, folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("reporter")
    }

    fn suite(&self, selection: Option<&[String]>) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .arg("__demo-suite")
            .env("LIVELOOP_SOCKET", self.socket())
            .env_remove("LIVELOOP_SELECTION")
            .env_remove("LIVELOOP_COLLECT_ONLY")
            .env("DEMO_BACKEND", format!("http://{}", self.environment.backend))
            .env("DEMO_AUTH", format!("http://{}", self.environment.auth))
            .env("DEMO_FRONTEND", format!("http://{}", self.environment.frontend))
            .env("DEMO_KEY", "demo-key")
            .env("DEMO_PACE", PACE.to_string())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some(ids) = selection {
            let file = self.folder.path().join("selection");
            std::fs::write(&file, ids.join("\n")).expect("a writable folder");
            command.env("LIVELOOP_SELECTION", file);
        }
        command
    }

    async fn run(&self, selection: Option<&[String]>) -> Run {
        listen(&self.socket(), self.suite(selection), |_| {}).await
    }

    async fn deploy(&self, service: &str, more: &[&str]) -> Output {
        let platform = self.environment.platform.to_string();
        let mut command = Command::new(PROGRAM);
        command.args(["__demo-deploy", service, "--platform", &platform, "--pace", &PACE.to_string()]).args(more);
        timeout(LIMIT, command.kill_on_drop(true).output()).await.expect("in time").expect("the program starts")
    }
}

/// Starts the command and hears every connection it opens until all are closed. `heard` sees each line as it comes.
async fn listen(socket: &Path, mut command: Command, mut heard: impl FnMut(&Value)) -> Run {
    let _ = std::fs::remove_file(socket);
    let listener = UnixListener::bind(socket).expect("a socket");
    let mut child = command.spawn().expect("the program starts");
    let (sender, mut lines) = mpsc::channel(64);
    let (ended, mut child_ended) = oneshot::channel();
    let accepting = async move {
        let mut connections = JoinSet::new();
        loop {
            // Connections first: one that waits when the process has ended still has something to say.
            let stream = tokio::select! {
                biased;
                accepted = listener.accept() => accepted.expect("a connection").0,
                _ = &mut child_ended => break,
            };
            connections.spawn(read_lines(stream, sender.clone()));
        }
        connections.join_all().await;
    };
    let accepting = tokio::spawn(accepting);
    let waiting = tokio::spawn(async move {
        let status = child.wait().await.expect("a status");
        let _ = ended.send(());
        status.code()
    });
    let mut run = Run { lines: Vec::new(), exit: None };
    let hearing = async {
        while let Some(line) = lines.recv().await {
            heard(&line);
            run.lines.push(line);
        }
        accepting.await.expect("every line is JSON");
        waiting.await.expect("the process is waited for")
    };
    run.exit = timeout(LIMIT, hearing).await.expect("the suite ends in time");
    run
}

async fn read_lines(stream: UnixStream, sender: mpsc::Sender<Value>) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let line = serde_json::from_str(&line).expect("one JSON object a line");
        sender.send(line).await.expect("someone hears");
    }
}

#[tokio::test]
async fn every_deploy_of_the_backend_mends_one_fault() {
    let staging = Staging::new(Scenario::Story).await;
    let mut counts = Vec::new();
    let mut failed = None;
    for revision in 1..=5 {
        let all = staging.run(None).await;
        all.is_whole();
        assert_eq!(all.collected().len(), 60);
        counts.push(all.failed().len());
        assert_eq!(all.exit, Some(i32::from(revision < 5)), "at revision {revision}");
        if let Some(before) = &failed {
            // Nothing breaks that worked before: what fails now is part of what failed then.
            let now: HashSet<String> = all.failed_ids().into_iter().collect();
            assert!(now.is_subset(before), "at revision {revision}");
        }
        failed = Some(all.failed_ids().into_iter().collect::<HashSet<_>>());
        if revision < 5 {
            let deploy = staging.deploy("backend", &[]).await;
            assert_eq!(deploy.status.code(), Some(0), "{}", String::from_utf8_lossy(&deploy.stderr));
        } else {
            assert_eq!(all.outcomes(), BTreeMap::from([("passed", 57), ("skipped", 2), ("xfailed", 1)]));
        }
    }
    assert_eq!(counts, [23, 21, 13, 6, 0]);
}

#[tokio::test]
async fn a_failure_says_what_a_person_needs() {
    let staging = Staging::new(Scenario::Story).await;
    let id = "tests/e2e/test_priority1_critical.py::test_001_websocket_connection_real".to_owned();
    let run = staging.run(Some(&[id])).await;
    let failure = run.failed()[0];
    assert_eq!(
        failure["message"],
        "websockets.exceptions.InvalidStatus: server rejected WebSocket connection: HTTP 403"
    );
    let trace = failure["trace"].as_str().expect("a trace");
    assert!(trace.starts_with("tests/e2e/test_priority1_critical.py:18: in test_001_"), "{trace}");
    assert!(trace.contains("tests/e2e/conftest.py:46: in connect"), "{trace}");
    let output = failure["output"].as_str().expect("captured output");
    assert!(output.contains("JWT required"), "{output}");
}

#[tokio::test]
async fn a_selection_runs_alone_and_names_what_it_cannot_find() {
    let staging = Staging::new(Scenario::Green).await;
    let wanted = [
        "tests/e2e/test_connectivity.py::test_001_http_connectivity".to_owned(),
        "tests/e2e/test_3_agent_pipeline.py::test_real_tool_dispatch".to_owned(),
        "tests/e2e/test_gone.py::test_gone".to_owned(),
    ];
    let run = staging.run(Some(&wanted)).await;
    run.is_whole();
    assert_eq!(run.collected().into_iter().collect::<HashSet<_>>(), HashSet::from_iter(wanted[..2].iter().cloned()));
    let missing: Vec<&Value> = run.of_kind("missing").collect();
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0]["ids"][0], wanted[2]);
    assert_eq!(run.exit, Some(0));
    let printed: Vec<&str> = run.of_kind("output").filter_map(|line| line["text"].as_str()).collect();
    let tools = printed.iter().filter(|text| **text == "event: tool_completed\n").count();
    assert_eq!(tools, 2, "{printed:?}");
}

#[tokio::test]
async fn a_selection_of_nothing_known_is_not_green() {
    let staging = Staging::new(Scenario::Green).await;
    let run = staging.run(Some(&["tests/e2e/test_gone.py::test_gone".to_owned()])).await;
    assert_eq!((run.collected().len(), run.exit), (0, Some(5)));
}

#[tokio::test]
async fn tests_can_be_listed_without_running() {
    let staging = Staging::new(Scenario::Story).await;
    let mut suite = staging.suite(None);
    suite.env("LIVELOOP_COLLECT_ONLY", "1");
    let run = listen(&staging.socket(), suite, |_| {}).await;
    assert_eq!((run.collected().len(), run.of_kind("start").count(), run.exit), (60, 0, Some(0)));
    assert_eq!(run.of_kind("collection_done").count(), 1);
}

#[tokio::test]
async fn an_interrupted_suite_reports_what_it_has_and_exits_with_2() {
    interrupt_after_a_result(|suite| kill_process(suite, Signal::INT)).await;
}

#[tokio::test]
async fn interrupting_the_whole_group_is_no_crash() {
    interrupt_after_a_result(|suite| kill_process_group(suite, Signal::INT)).await;
}

async fn interrupt_after_a_result(interrupt: impl Fn(Pid) -> rustix::io::Result<()>) {
    let staging = Staging::new(Scenario::Story).await;
    let mut suite = staging.suite(None);
    suite.process_group(0);
    let mut coordinator = None;
    let mut interrupted = false;
    let run = listen(&staging.socket(), suite, |line| {
        if line["e"] == "hello" && coordinator.is_none() {
            coordinator = line["pid"].as_i64();
        }
        if line["e"] == "result" && !interrupted {
            interrupted = true;
            interrupt(pid(coordinator)).expect("it lives");
        }
    })
    .await;
    assert_eq!(run.exit, Some(2));
    assert_eq!(run.of_kind("stopping").count(), 1);
    assert_eq!(run.of_kind("crash").count(), 0);
    assert_eq!(run.of_kind("end").filter(|line| line["exit"] == 2).count(), 1);
    let (started, ended) = (run.ids_of("start"), run.ids_of("result"));
    assert!(ended.is_subset(&started));
    assert!(started.len() < 60, "it stopped early");
}

#[tokio::test]
async fn a_suite_that_is_asked_for_its_stacks_says_where_it_is_and_goes_on() {
    let staging = Staging::new(Scenario::Story).await;
    for _ in 0..2 {
        staging.deploy("backend", &[]).await;
    }
    // At the third revision this test waits for an agent that says nothing more: time enough to be asked.
    let id = "tests/e2e/test_3_agent_pipeline.py::test_real_agent_pipeline_execution".to_owned();
    let file = staging.folder.path().join("stacks");
    let mut suite = staging.suite(Some(&[id]));
    suite.env("LIVELOOP_STACKS", &file);
    let mut coordinator = None;
    let run = listen(&staging.socket(), suite, |line| {
        if line["e"] == "hello" && coordinator.is_none() {
            coordinator = line["pid"].as_i64();
        }
        if line["e"] == "start" {
            kill_process(pid(coordinator), Signal::USR1).expect("it lives");
        }
    })
    .await;
    run.is_whole();
    assert_eq!(run.exit, Some(1));
    let stacks = std::fs::read_to_string(file).expect("the stacks");
    let frame = "  File \"tests/e2e/test_3_agent_pipeline.py\", line 34 in test_real_agent_pipeline_execution\n";
    assert!(stacks.ends_with(frame), "{stacks}");
}

fn pid(number: Option<i64>) -> Pid {
    let number = number.and_then(|number| i32::try_from(number).ok());
    number.and_then(Pid::from_raw).expect("the suite says its process")
}

#[tokio::test]
async fn a_deploy_prints_its_phases_in_order() {
    let staging = Staging::new(Scenario::Story).await;
    let deploy = staging.deploy("backend", &[]).await;
    let text = String::from_utf8(deploy.stdout).expect("UTF-8");
    assert!(text.starts_with("==> deploying backend (serving backend-00001)\n"), "{text}");
    assert!(text.contains("NOTICE  building image for backend-00002"), "{text}");
    assert_eq!(phases(&text), ["build start", "build ok", "push start", "push ok", "roll start", "roll ok"]);
    assert!(text.contains("backend-00002 serves 100 percent of traffic"), "{text}");
}

#[tokio::test]
async fn a_deploy_that_fails_leaves_the_old_revision() {
    let staging = Staging::new(Scenario::Story).await;
    let deploy = staging.deploy("backend", &["--fail", "roll"]).await;
    assert_eq!(deploy.status.code(), Some(1));
    let text = String::from_utf8(deploy.stdout).expect("UTF-8");
    assert_eq!(phases(&text).last().map(String::as_str), Some("roll fail"));
    assert!(String::from_utf8_lossy(&deploy.stderr).contains("failed to start and listen"));
    let again = staging.deploy("backend", &[]).await;
    assert!(String::from_utf8_lossy(&again.stdout).starts_with("==> deploying backend (serving backend-00001)"));
}

fn phases(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let phases = lines.filter(|line| line["loop"] == "phase");
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    phases.map(|phase| format!("{} {}", word(&phase["name"]), word(&phase["state"]))).collect()
}

#[tokio::test]
async fn dropping_the_environment_closes_its_ports() {
    let staging = Staging::new(Scenario::Green).await;
    let address = staging.environment.backend;
    tokio::net::TcpStream::connect(address).await.expect("it listens");
    drop(staging);
    let refused = async { while tokio::net::TcpStream::connect(address).await.is_ok() {} };
    timeout(LIMIT, refused).await.expect("it stops listening");
}
