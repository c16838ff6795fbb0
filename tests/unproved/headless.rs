//! The same as scripts meet it: marks, counts and exit codes of `liveloop run`, and what the next one runs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::home::Home;
use crate::{processes, suite};

/// A machine that is busy may take longer than it should.
const PATIENCE: Duration = Duration::from_secs(60);

fn home(body: &str, more: &str) -> Option<Home> {
    let home = Home::new();
    suite::write(&home.project(), body, more).map(|()| home)
}

fn command(home: &Home, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveloop"));
    command.args(["run", "--trust"]).args(words).current_dir(home.project());
    command.env_clear().envs(home.variables()).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// Runs to the end: the exit code, and what was printed.
fn run(home: &Home, words: &[&str]) -> (Option<i32>, String) {
    let mut child = command(home, words).spawn().expect("the program starts");
    let mut out = child.stdout.take().expect("a pipe");
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).map(|_| text)
    });
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().expect("a child of ours") {
            Some(status) => break status,
            None if Instant::now() > deadline => {
                let _ = child.kill();
                panic!("it does not end");
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    (status.code(), reader.join().expect("it does not panic").expect("text"))
}

fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))).collect()
}

fn numbers<const N: usize>(out: &str, keys: [&str; N]) -> [u64; N] {
    let summary = lines(out).pop().expect("a summary");
    keys.map(|key| summary[key].as_u64().unwrap_or_else(|| panic!("no {key} in {summary}")))
}

fn ids(out: &str) -> Vec<String> {
    let tests = lines(out).into_iter().filter(|line| line["type"] == "test");
    tests.map(|line| line["id"].as_str().expect("an id").to_owned()).collect()
}

/// A service that a test can fell and raise: `/fall` and `/rise`; everything else is its health.
fn service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let well = Arc::new(AtomicBool::new(true));
    std::thread::spawn(move || {
        for stream in listener.incoming().take(10_000) {
            let Ok(mut stream) = stream else { continue };
            let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
            let mut asked = String::new();
            if BufReader::new(&stream).read_line(&mut asked).is_err() {
                continue;
            }
            match asked.split(' ').nth(1) {
                Some("/fall") => well.store(false, Ordering::SeqCst),
                Some("/rise") => well.store(true, Ordering::SeqCst),
                _ => {}
            }
            let status = if well.load(Ordering::SeqCst) { "200 OK" } else { "503 Service Unavailable" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

/// The second test fells the service and fails of that, once.
fn falling(url: &str) -> Option<Home> {
    let body = format!(
        r#"
import pathlib, urllib.error, urllib.request
def ask(path):
    try:
        urllib.request.urlopen("{url}" + path).read()
    except urllib.error.HTTPError:
        pass
suite = Suite(["a::one", "a::two", "a::three"])
for test in suite.tests:
    suite.start(test)
    if test == "a::two" and not pathlib.Path("fell").exists():
        pathlib.Path("fell").touch()
        ask("/fall")
        suite.result(test, "failed", message="HTTP 503 for /orders")
        suite.end(1)
    suite.result(test)
suite.end(0)
"#
    );
    let more = format!(
        "[service.backend]\nurl = \"{url}\"\n[service.backend.health.http]\npath = \"/health\"\ninterval = \"1h\"\n"
    );
    home(&body, &more)
}

#[test]
fn an_outage_alone_is_exit_3_and_what_it_spoilt_is_run_again() {
    let url = service();
    let Some(home) = falling(&url) else { return };
    let (code, out) = run(&home, &["--format", "json"]);
    assert_eq!(
        numbers(&out, ["selected", "finished", "passed", "failed", "environment", "not_run"]),
        [3, 2, 1, 0, 1, 1],
        "{out}"
    );
    assert_eq!(code, Some(3), "{out}");
    let spoilt = lines(&out).into_iter().find(|line| line["environment"].is_string()).expect("a mark");
    assert_eq!((&spoilt["id"], &spoilt["environment"]), (&"a::two".into(), &"backend: HTTP 503".into()), "{out}");
    ask(&url, "/rise");
    let (code, out) = run(&home, &["--failed", "--format", "json"]);
    assert_eq!((code, ids(&out)), (Some(0), vec!["a::two".into(), "a::three".into()]), "{out}");
    let (code, out) = run(&home, &["--failed"]);
    assert_eq!(code, Some(4), "{out}");
}

#[test]
fn people_are_told_what_was_spoilt_and_what_is_left_to_prove() {
    let url = service();
    let Some(home) = falling(&url) else { return };
    let (code, out) = run(&home, &[]);
    assert_eq!(code, Some(3), "{out}");
    let told = [
        "not green: 2 of 3 finished, 1 passed, 1 environment, 1 not run",
        "◇ 1 environment  backend: HTTP 503",
        "the environment could not be tested: no test failed by itself",
        "left to prove: 1 environment + 1 not run",
    ];
    for words in told {
        assert!(out.contains(words), "no `{words}` in {out}");
    }
}

fn ask(url: &str, path: &str) {
    let address = url.strip_prefix("http://").expect("a URL");
    let mut stream = std::net::TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
}

const HANGS: &str = r#"
import pathlib
suite = Suite(["a::one", "a::two", "a::three", "b::four"])
for test in suite.tests:
    suite.start(test)
    if test == "a::two" and not pathlib.Path("hung").exists():
        pathlib.Path("hung").write_text(str(os.getpid()))
        time.sleep(600)
    suite.result(test)
suite.end(0)
"#;

#[test]
fn what_a_killed_session_did_not_prove_is_what_failed_runs() {
    let Some(home) = home(HANGS, "") else { return };
    let mut child = command(&home, &["--format", "json"]).spawn().expect("it starts");
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("the first test ends");
    let deadline = Instant::now() + PATIENCE;
    while !home.project().join("hung").exists() {
        assert!(Instant::now() < deadline, "the second test never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("a child of ours");
    child.wait().expect("a child of ours");
    processes::until_none_is_left(home.mark(), Duration::from_secs(10));
    let (code, out) = run(&home, &["--failed", "--format", "json"]);
    assert_eq!((code, ids(&out)), (Some(0), ["a::two", "a::three", "b::four"].map(String::from).to_vec()), "{out}");
}

#[test]
fn a_killed_runner_loses_one_and_leaves_the_rest() {
    let Some(home) = home(HANGS, "") else { return };
    let project = home.project();
    let killer = std::thread::spawn(move || {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let hung = std::fs::read_to_string(project.join("hung")).ok().and_then(|text| text.trim().parse().ok());
            if let Some(pid) = hung.and_then(Pid::from_raw) {
                return kill_process(pid, Signal::KILL).expect("a child of ours");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let (code, out) = run(&home, &[]);
    killer.join().expect("it found the runner");
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("not green: 1 of 4 finished, 1 passed, 1 lost, 2 not run"), "{out}");
    assert!(out.contains("left to prove: 1 lost + 2 not run"), "{out}");
    let (code, out) = run(&home, &["--failed", "--format", "json"]);
    assert_eq!((code, ids(&out).len()), (Some(0), 3), "{out}");
}

#[test]
fn the_time_limit_of_a_runner_cuts_it_short() {
    let Some(home) = home(HANGS, "timeout = \"1s\"\n") else { return };
    let (code, out) = run(&home, &["--format", "json"]);
    assert_eq!(code, Some(1), "{out}");
    assert_eq!(numbers(&out, ["selected", "finished", "lost", "not_run"]), [4, 1, 1, 2], "{out}");
    assert!(lines(&out).pop().expect("a summary")["ended"].to_string().contains("cut short: time limit 1s"), "{out}");
}
