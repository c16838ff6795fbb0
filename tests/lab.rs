//! The console on a staging environment that was made apart from it: real services, a real agent stream, a real deploy
//! script, and a suite that goes from 36 failures to none through the console's own deploys.
//!
//! It runs where `LIVELOOP_LAB` names the folder of that environment.
#![cfg(target_os = "linux")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[path = "support/acting.rs"]
mod acting;
#[path = "support/console.rs"]
mod console;
#[path = "support/home.rs"]
mod home;
#[path = "support/processes.rs"]
mod processes;
#[path = "support/venv.rs"]
mod venv;

use acting::{WIDE, deploy, header, result_of};
use console::{Console, PATIENCE};
use home::Home;

/// The environment's servers. Ended, by their number, when this is dropped.
struct Lab {
    server: Child,
    port: u16,
}

impl Lab {
    fn start(python: &Path, folder: &Path) -> Self {
        let port = free_port();
        let mut command = Command::new(python);
        command.args(["lab.py", "up", "--scenario", "story", "--pace", "0.3", "--port", &port.to_string()]);
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut lab = Self { server: command.spawn().expect("the lab starts"), port };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = lab.server.try_wait().expect("a child of ours");
            assert!(ended.is_none() && Instant::now() < deadline, "the lab does not come up: {ended:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        lab
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A port after which those that the lab takes beside it are free too.
fn free_port() -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let any = || TcpListener::bind("127.0.0.1:0").and_then(|held| held.local_addr()).expect("a port").port();
    let mut tries = std::iter::repeat_with(any).take(100).filter(|port| *port < u16::MAX - 9);
    tries.find(|port| [0, 1, 2, 9].iter().all(|more| is_free(port + more))).expect("four ports")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder of ours");
    for entry in fs::read_dir(from).expect("the lab can be read").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        match path.is_dir() {
            // What earlier runs left there is nobody's business.
            true if name.to_string_lossy().starts_with(['.', '_']) => {}
            true => copy(&path, &to.join(name)),
            false => drop(fs::copy(&path, to.join(name)).expect("a folder of ours")),
        }
    }
}

#[test]
fn the_staging_lab_goes_from_36_failures_to_none() {
    let Some(folder) = std::env::var_os("LIVELOOP_LAB") else {
        eprintln!("ignored: LIVELOOP_LAB does not name the folder of a staging lab");
        return;
    };
    let Some(python) = venv::python() else { return };
    let home = Home::new();
    copy(Path::new(&folder), &home.project());
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/staging/liveloop.toml");
    fs::copy(example, home.project().join("liveloop.toml")).expect("a folder of ours");
    let lab = Lab::start(python, &home.project());
    let port = lab.port.to_string();
    let venv = python.parent().and_then(Path::parent).and_then(Path::to_str).expect("a path of ours");
    let variables = [("LAB_PORT", port.as_str()), ("VIRTUAL_ENV", venv)];
    let mut console = Console::start(&home, &["--trust"], WIDE, &variables);
    console.until("the list of tests", |shown| header(shown).contains("of 158").then_some(()));

    console.keys("R");
    let mut failed = vec![result_of(&console, 1).1];
    for turn in 2..=5 {
        deploy(&mut console, &format!("backend-0000{turn}-lab"));
        console.keys("r");
        failed.push(result_of(&console, turn).1);
    }
    assert_eq!(failed, [36, 34, 21, 9, 0]);

    console.keys("2a");
    for event in ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"] {
        console.until_shown(event);
    }
    // What passed before the last deploy has to be proved on what serves now.
    console.keys("R");
    assert_eq!(result_of(&console, 6), ("green".to_owned(), 0));
    console.keys("q");
    assert_eq!(console.ended().exit_code(), 0);
    assert_eq!(console.is_restored(), Ok(()));
    processes::until_none_is_left(home.mark(), Duration::from_secs(5));
}
