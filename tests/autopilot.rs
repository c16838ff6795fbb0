//! `liveloop run --until-green`: from red to green without a person, and on from wherever it was killed.
#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

#[path = "support/home.rs"]
mod home;
#[path = "support/processes.rs"]
mod processes;
#[path = "support/suite.rs"]
mod suite;

use home::Home;

/// Four tests, of which two fail until the third revision.
const SUITE: &str = r#"
revision = int(open("revision").read())
suite = Suite(["a::one", "a::two", "a::three", "b::four"])
needed = {"a::two": 2, "a::three": 3}
for test in suite.tests:
    suite.start(test)
    holds = revision >= needed.get(test, 1)
    suite.result(test, "passed" if holds else "failed", message="" if holds else "the cart is empty")
suite.end(0)
"#;
const LIMIT: Duration = Duration::from_secs(60);
const KILLS: u64 = 10;

/// A project whose service serves the number in the file `revision`, and whose deploy adds one to it.
struct Shop {
    home: Home,
}

impl Shop {
    fn new() -> Option<Self> {
        let home = Home::new();
        let project = home.project();
        let port = serve(project.join("revision"));
        let more = format!(
            "[environment]\nname = \"staging\"\n[service.backend]\nurl = \"http://127.0.0.1:{port}\"\n\
             paths = [\"backend\"]\n[service.backend.health.http]\npath = \"/\"\ninterval = \"200ms\"\n\
             [service.backend.revision.http]\npath = \"/\"\npointer = \"/revision\"\n\
             [service.backend.deploy]\ncommand = [\"sh\", \"deploy.sh\"]\n\
             [service.backend.deploy.proof]\nstreak = 2\ninterval = \"20ms\"\n"
        );
        suite::write(&project, SUITE, &more)?;
        let shop = Self { home };
        shop.file("revision", "1");
        shop.file("deploy.sh", "read -r n < revision; echo $((n + 1)) > next && mv next revision\n");
        shop.file("fix.sh", "cat > bundle.json\n");
        Some(shop)
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.home.project().join(name), text).expect("a folder of ours");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.project().join(name)).expect("a file of ours")
    }

    fn fly(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_liveloop"));
        command.args(["run", "--until-green", "--format", "json", "--fix", "sh fix.sh"]).args(words);
        command.current_dir(self.home.project()).env_clear().envs(self.home.variables());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn sessions(&self) -> PathBuf {
        self.home.project().join(".liveloop/sessions")
    }
}

/// Answers every request with the revision in a file, as long as the tests run.
fn serve(file: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 2_048];
            let _ = connection.read(&mut request);
            let revision = std::fs::read_to_string(&file).unwrap_or_default();
            let body = format!("{{\"status\":\"ok\",\"revision\":\"r{}\"}}", revision.trim());
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = connection.write_all(format!("{head}{body}").as_bytes());
        }
    });
    port
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
    text.lines().map(parse).collect()
}

fn end(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    lines(output).pop().unwrap_or_else(|| panic!("it said nothing: {errors}"))
}

fn longest_journal(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|found| found.len()).max().unwrap_or(0)
}

#[test]
fn it_flies_from_red_to_green() {
    let Some(shop) = Shop::new() else { return };
    let output = shop.fly(&["--deploy", "backend", "--report", "flown.json"]).output().expect("the program starts");
    let end = end(&output);
    assert_eq!((output.status.code(), &end["end"]), (Some(0), &"green".into()), "{end}");
    let report: Value = serde_json::from_str(&shop.read("flown.json")).expect("a report");
    let flight = &report["flight"];
    assert_eq!(
        (&flight["end"], &flight["fixes"], &flight["deploys"]),
        (&"green".into(), &end["fixes"], &end["deploys"])
    );
    assert_eq!(flight["mended"].as_array().map(Vec::len), flight["fixes"].as_u64().map(|n| n as usize), "{flight}");
    let deploy = &report["deploys"][0];
    assert_eq!((&deploy["rung"], &deploy["goal"]), (&"data_plane".into(), &"data_plane".into()), "{deploy}");
    assert_eq!(report["status"]["word"], "green", "{}", report["status"]);
    assert_eq!((&end["deploys"], &end["revisions"]["backend"]), (&2.into(), &"r3".into()), "{end}");
    assert_eq!((&end["tests"], &end["passed"], &end["failed"]), (&4.into(), &4.into(), &0.into()), "{end}");
    let bundle: Value = serde_json::from_str(&shop.read("bundle.json")).expect("what the hook was handed");
    assert_eq!((&bundle["v"], &bundle["revisions"]["backend"]), (&1.into(), &"r2".into()), "{bundle}");
    let cause = &bundle["causes"][0];
    assert_eq!((&cause["count"], &cause["tests"][0]["id"]), (&1.into(), &"a::three".into()), "{bundle}");
    assert!(cause["hand_off"].as_str().is_some_and(|text| text.contains("the cart is empty")), "{bundle}");
}

#[test]
fn it_says_why_it_gives_up() {
    let Some(shop) = Shop::new() else { return };
    let flown = |words: &[&str]| {
        let output = shop.fly(words).output().expect("the program starts");
        let end = end(&output);
        (output.status.code(), end["end"].as_str().unwrap_or_default().to_owned(), end["why"].to_string())
    };
    let (code, end, why) = flown(&["--deploy", "backend", "--max-cycles", "1"]);
    assert_eq!((code, end.as_str(), why.as_str()), (Some(1), "spent", "\"its 1 cycles are used up\""));
    shop.file("fix.sh", "exit 10");
    let (code, end, why) = flown(&[]);
    assert_eq!((code, end.as_str(), why.as_str()), (Some(1), "gave_up", "\"the fix hook found nothing to do\""));
    // A fix that changes nothing, three times over.
    shop.file("fix.sh", "exit 0");
    let (code, end, why) = flown(&[]);
    assert_eq!(
        (code, end.as_str(), why.as_str()),
        (Some(1), "no_progress", "\"the same 2 tests failed after 3 fixes\"")
    );
    let (code, ..) = flown(&["--deploy", "backend", "--max-time", "5s"]);
    assert_eq!(code, Some(0));
    let output = shop.fly(&["--deploy", "nothing"]).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_a_fix_touched_is_what_is_deployed() {
    let Some(shop) = Shop::new() else { return };
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=tester", "-c", "user.email=tester@localhost"]).args(words);
        command.current_dir(shop.home.project()).env_clear().envs(shop.home.variables()).stdout(Stdio::null());
        assert!(command.status().expect("git starts").success(), "{words:?}");
    };
    shop.file(".gitignore", "revision\nnext\nbundle.json\n.liveloop\n");
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "before"]);
    shop.file("fix.sh", "mkdir -p backend; date +%s%N >> backend/main.py");
    let output = shop.fly(&[]).output().expect("the program starts");
    let end = end(&output);
    assert_eq!((&end["end"], &end["deploys"]), (&"green".into(), &2.into()), "{end}");
}

#[test]
fn killed_at_any_moment_and_resumed_it_ends_the_same_way() {
    let Some(whole) = Shop::new() else { return };
    let output = whole.fly(&["--deploy", "backend"]).output().expect("the program starts");
    assert_eq!(end(&output)["end"], "green");
    let length = longest_journal(&whole.sessions());
    // Random moments, told in what the journal holds by then, so that they are the same on any machine.
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut interrupted = 0;
    for kill in 0..KILLS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = length * kill / KILLS + (random >> 33) % (length / KILLS).max(1);
        let Some(shop) = Shop::new() else { return };
        let mut child = shop.fly(&["--deploy", "backend"]).spawn().expect("the program starts");
        let begun = Instant::now();
        while longest_journal(&shop.sessions()) < moment && child.try_wait().expect("our child").is_none() {
            assert!(begun.elapsed() < LIMIT, "it stands still at {moment} of {length} bytes");
            std::thread::sleep(Duration::from_millis(1));
        }
        interrupted += u64::from(child.try_wait().expect("our child").is_none());
        let _ = child.kill();
        let _ = child.wait();
        processes::until_none_is_left(shop.home.mark(), Duration::from_secs(5));
        let output = shop.fly(&["--deploy", "backend", "--resume"]).output().expect("the program starts");
        let end = end(&output);
        let said = || lines(&output).iter().map(|line| format!("\n{line}")).collect::<String>();
        assert_eq!(output.status.code(), Some(0), "killed at {moment} of {length} bytes: {}", said());
        assert_eq!((&end["green"], &end["passed"]), (&true.into(), &4.into()), "{}", said());
        assert_eq!(end["revisions"]["backend"], "r3", "killed at {moment} of {length} bytes: {}", said());
    }
    assert!(interrupted >= KILLS - 2, "only {interrupted} flights were under way when they were killed");
}
