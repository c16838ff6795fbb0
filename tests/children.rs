//! Commands as real processes under the real supervisor: faithful results, nothing left behind, constant memory.
#![cfg(target_os = "linux")]

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use liveloop::adapters::sanitize::LINE_LIMIT;
use liveloop::engine::process::{CommandSpec, ExitStatus, Output, Process, Signal, Stream};

/// Longer than anything here should take, on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(30);

fn spec(argv: &[&str]) -> CommandSpec {
    CommandSpec {
        argv: argv.iter().map(OsString::from).collect(),
        cwd: std::env::temp_dir(),
        env: Vec::new(),
        env_remove: Vec::new(),
        merge: false,
        input: None,
        supervisor: PathBuf::from(env!("CARGO_BIN_EXE_liveloop")),
    }
}

fn shell(script: &str) -> CommandSpec {
    spec(&["sh", "-c", script])
}

async fn start(spec: &CommandSpec) -> Process {
    Process::spawn(spec).await.expect("the command should start")
}

async fn next(process: &mut Process) -> Output {
    let next = tokio::time::timeout(PATIENCE, process.next()).await;
    next.expect("something should happen").expect("an exit should come before the end")
}

/// Waits until the command has said something.
async fn first_lines(process: &mut Process) -> String {
    match next(process).await {
        Output::Lines(batch) => batch.lines.into_iter().map(|(_, line)| line.text + "\n").collect(),
        exited => panic!("expected lines, not {exited:?}"),
    }
}

#[derive(Debug)]
struct Ended {
    out: String,
    err: String,
    status: ExitStatus,
    leaked: u32,
}

/// Everything a command does until it ends.
async fn watch(mut process: Process) -> Ended {
    let (mut out, mut err) = (String::new(), String::new());
    loop {
        match next(&mut process).await {
            Output::Lines(batch) => {
                for (stream, line) in batch.lines {
                    let text = if stream == Stream::Stdout { &mut out } else { &mut err };
                    text.push_str(&line.text);
                    text.push('\n');
                }
            }
            Output::Exited { status, leaked } => {
                return Ended { out, err, status, leaked };
            }
        }
    }
}

async fn run(spec: &CommandSpec) -> Ended {
    watch(start(spec).await).await
}

/// Processes that run with this text among their arguments.
fn alive(mark: &str) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc can be listed").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let args = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&args).contains(mark) {
            found.push(pid);
        }
    }
    found
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "gave up waiting until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A number of seconds to sleep that no other process sleeps.
fn unique_nap(test: u32) -> String {
    format!("{}.{}", 90_000 + test, std::process::id())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_a_commands_standard_input() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bundle.json");
    std::fs::write(&file, "{}\n").expect("writable");
    let command = CommandSpec { input: Some(file), ..shell("read -r line; test \"$line\" = '{}'") };
    assert_eq!(run(&command).await.status, ExitStatus::Code(0));
    assert_eq!(run(&shell("read -r line")).await.status, ExitStatus::Code(1), "without one it is empty");
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_and_signals_are_faithful() {
    assert_eq!(run(&shell("exit 0")).await.status, ExitStatus::Code(0));
    assert_eq!(run(&shell("exit 3")).await.status, ExitStatus::Code(3));
    assert_eq!(run(&shell("exit 143")).await.status, ExitStatus::Code(143));
    assert_eq!(run(&shell("kill -TERM $$")).await.status, ExitStatus::Signal(15));
    assert_eq!(run(&shell("kill -KILL $$")).await.status, ExitStatus::Signal(9));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_streams_the_environment_and_the_folder_arrive() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut spec = shell("pwd; echo $GREETING; echo ${HOME-none}; echo oops >&2; read x; echo end");
    spec.cwd = folder.path().canonicalize().expect("a real path");
    spec.env = vec![("GREETING".into(), "hello there".into())];
    spec.env_remove = vec!["HOME".into()];
    let ended = run(&spec).await;
    assert_eq!(ended.out, format!("{}\nhello there\nnone\nend\n", spec.cwd.display()));
    assert_eq!(ended.err, "oops\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_streams_keep_their_order() {
    let mut spec = shell("for i in 1 2 3; do echo out$i; echo err$i >&2; done");
    spec.merge = true;
    assert_eq!(run(&spec).await.out, "out1\nerr1\nout2\nerr2\nout3\nerr3\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_terminal_to_draw_on() {
    assert_eq!(run(&shell("(: </dev/tty) 2>/dev/null || echo none")).await.out, "none\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_ignores_sigterm_is_killed() {
    let mut process = start(&shell("trap '' TERM INT; echo ready; while :; do sleep 0.05; done")).await;
    assert_eq!(first_lines(&mut process).await, "ready\n");
    process.signal(Signal::Interrupt);
    process.signal(Signal::Terminate);
    process.signal(Signal::Kill);
    assert_eq!(watch(process).await.status, ExitStatus::Signal(9));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_reaches_the_whole_group() {
    let script = "trap 'echo outer; exit 7' INT; sh -c 'trap \"echo inner; exit 0\" INT; echo ready; \
                  while :; do sleep 0.05; done'; while :; do sleep 0.05; done";
    let mut process = start(&shell(script)).await;
    assert_eq!(first_lines(&mut process).await, "ready\n");
    process.signal(Signal::Interrupt);
    let ended = watch(process).await;
    assert_eq!((ended.out.as_str(), ended.status), ("inner\nouter\n", ExitStatus::Code(7)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_stacks_spares_those_who_would_die_of_it() {
    let nap = unique_nap(4);
    let script = format!("trap 'echo stacks; exit 0' USR1; sleep {nap} & echo ready; while :; do wait; done");
    let mut process = start(&shell(&script)).await;
    assert_eq!(first_lines(&mut process).await, "ready\n");
    // Between fork and exec the sleeper still has its parent's handler.
    until("the sleeper sleeps", || alive(&format!("sleep\0{nap}")).len() == 1);
    process.signal(Signal::Stacks);
    let ended = watch(process).await;
    assert_eq!((ended.out.as_str(), ended.status), ("stacks\n", ExitStatus::Code(0)));
    assert_eq!(ended.leaked, 1, "the sleeper survived the signal, and was left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_command_goes_on_where_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let go = folder.path().join("go");
    // Built-ins only: a shell that is stopped between fork and exec of its child shows as waiting, not as stopped.
    let mut spec = shell("echo ready; until [ -e \"$GO\" ]; do :; done; exit 6");
    spec.env.push(("GO".into(), go.clone().into()));
    let mut process = start(&spec).await;
    assert_eq!(first_lines(&mut process).await, "ready\n");
    process.signal(Signal::Suspend);
    let stat = format!("/proc/{}/stat", process.pid());
    until("it is stopped", || std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T ")));
    std::fs::write(&go, "").expect("a file");
    process.signal(Signal::Resume);
    assert_eq!(watch(process).await.status, ExitStatus::Code(6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_holds_the_pipe_is_found_and_killed() {
    let nap = unique_nap(1);
    let script = format!("(setsid sh -c 'trap \"\" TERM HUP; sleep {nap} & wait' &); echo done");
    let begun = Instant::now();
    let ended = run(&shell(&script)).await;
    assert_eq!((ended.out.as_str(), ended.status), ("done\n", ExitStatus::Code(0)));
    assert!(ended.leaked >= 1, "{ended:?}");
    assert_eq!(alive(&nap), [0; 0]);
    assert!(begun.elapsed() < Duration::from_secs(10), "took {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helper_that_ends_by_itself_in_time_is_not_a_leak() {
    let ended = run(&shell("(sleep 0.03 &) ; exit 4")).await;
    assert_eq!((ended.status, ended.leaked), (ExitStatus::Code(4), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_command_is_killed_with_everything_below() {
    let nap = unique_nap(2);
    let mut process = start(&shell(&format!("setsid sleep {nap} & sleep {nap} & echo up; wait"))).await;
    assert_eq!(first_lines(&mut process).await, "up\n");
    drop(process);
    until("the sleepers are gone", || alive(&nap).is_empty());
}

fn supervisor_of(process: &Process) -> rustix::process::Pid {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid())).expect("it runs");
    let parent = stat.split(' ').nth(3).and_then(|parent| parent.parse().ok());
    parent.and_then(rustix::process::Pid::from_raw).expect("a parent")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_supervisor_is_killed_is_killed_too() {
    let nap = unique_nap(5);
    let mut process = start(&shell(&format!("echo up; sleep {nap}"))).await;
    assert_eq!(first_lines(&mut process).await, "up\n");
    rustix::process::kill_process(supervisor_of(&process), rustix::process::Signal::KILL).expect("it is ours");
    assert_eq!(watch(process).await.status, ExitStatus::Unknown);
    until("the sleeper is gone", || alive(&nap).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_outlives_requests_to_end_and_its_command_does_not() {
    let mut process = start(&shell("trap 'echo asked; exit 9' TERM; echo up; while :; do sleep 0.05; done")).await;
    assert_eq!(first_lines(&mut process).await, "up\n");
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::HUP, rustix::process::Signal::INT] {
        rustix::process::kill_process(supervisor_of(&process), signal).expect("it is ours");
    }
    process.signal(Signal::Terminate);
    let ended = watch(process).await;
    assert_eq!((ended.out.as_str(), ended.status), ("asked\n", ExitStatus::Code(9)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_start_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("its mode");
        path.to_str().expect("a path in UTF-8").to_owned()
    };
    let why = async |argv: &[&str]| Process::spawn(&spec(argv)).await.expect_err("it should not start").reason;

    assert_eq!(why(&["no-such-program-here"]).await, "no-such-program-here was not found on PATH");
    assert_eq!(why(&["/no/such/program"]).await, "/no/such/program does not exist");
    assert_eq!(why(&[]).await, "the command is empty");
    let plain = file("plain", "echo hello", 0o644);
    assert_eq!(why(&[&plain]).await, format!("{plain} is not executable"));
    let bare = file("bare", "echo hello", 0o755);
    assert_eq!(why(&[&bare]).await, format!("{bare} is not a program for this system, nor a script with a #! line"));
    let orphan = file("orphan", "#!/no/such/interpreter\n", 0o755);
    assert_eq!(why(&[&orphan]).await, format!("{orphan} is there, but the interpreter its first line names is not"));
    let long = "x".repeat(4 << 20);
    assert_eq!(why(&["echo", &long]).await, "the argument list (or the environment) is too long for the system");

    let mut gone = spec(&["true"]);
    gone.cwd = folder.path().join("gone");
    let reason = Process::spawn(&gone).await.expect_err("there is no folder").reason;
    assert_eq!(reason, format!("the folder {} does not exist", gone.cwd.display()));
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_utf_8_and_control_sequences_are_made_harmless() {
    let ended = run(&shell(r"printf 'a\377b\000c\033[2Jd\033[31mred\nhalf \342\202'")).await;
    assert_eq!(ended.out, "a\u{fffd}bcd\x1b[31mred\x1b[0m\nhalf \u{fffd}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_without_a_newline_take_constant_memory() {
    let mut process = start(&shell("head -c 100000000 /dev/zero | tr '\\0' x; exit 5")).await;
    let (mut seen, mut longest) = (0, 0);
    let status = loop {
        match next(&mut process).await {
            Output::Lines(batch) => {
                seen += batch.dropped + batch.lines.len() as u64;
                assert!(batch.lines.len() < 100, "a batch is bounded");
                longest = batch.lines.iter().map(|(_, line)| line.text.len()).max().unwrap_or(0).max(longest);
            }
            Output::Exited { status, .. } => break status,
        }
    };
    assert_eq!(status, ExitStatus::Code(5));
    assert!(longest <= LINE_LIMIT);
    let pieces = 100_000_000u64.div_ceil(LINE_LIMIT as u64);
    assert!((pieces..pieces + 3).contains(&seen), "{seen} lines of {pieces}");
    assert!(peak_memory_kib() < 80 * 1024, "grew to {} KiB", peak_memory_kib());
}

fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("our own status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    peak.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_loses_the_oldest_lines_and_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let done = folder.path().join("done");
    let mut spec = shell("seq 1 300000; touch \"$DONE\"");
    spec.env.push(("DONE".into(), done.clone().into()));
    let mut process = start(&spec).await;
    until("the command has written everything, unheard", || done.exists());
    let (mut seen, mut dropped, mut last) = (0, 0, String::new());
    while let Output::Lines(batch) = next(&mut process).await {
        dropped += batch.dropped;
        seen += batch.lines.len() as u64;
        last = batch.lines.last().map(|(_, line)| line.text.clone()).unwrap_or(last);
    }
    assert!(dropped > 0);
    assert_eq!((seen + dropped, last.as_str()), (300_000, "300000"));
}

/// Not a test by itself: the parent that the next test kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a part of kill_9_of_the_parent_leaves_nothing, which starts it"]
async fn parent_of_sleepers() {
    let Some(nap) = std::env::var_os("LIVELOOP_TEST_NAP").and_then(|nap| nap.into_string().ok()) else {
        return;
    };
    let script = format!(
        "trap '' TERM HUP INT; sleep {nap} & setsid sleep {nap} & (setsid sh -c 'sleep {nap} & sleep {nap}' &); echo up; wait"
    );
    let mut process = start(&shell(&script)).await;
    println!("\n{}", first_lines(&mut process).await.trim());
    let _ = process.next().await;
}

#[test]
fn kill_9_of_the_parent_leaves_nothing() {
    let nap = unique_nap(3);
    let mut parent = Command::new(std::env::current_exe().expect("our own path"))
        .args(["--exact", "parent_of_sleepers", "--ignored", "--nocapture"])
        .env("LIVELOOP_TEST_NAP", &nap)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the parent starts");
    let output = BufReader::new(parent.stdout.take().expect("piped"));
    assert!(output.lines().map_while(Result::ok).any(|line| line == "up"), "the sleepers should be up");
    until("all sleepers sleep", || alive(&format!("sleep\0{nap}")).len() == 4);
    parent.kill().expect("our own child can be killed");
    parent.wait().expect("and waited for");
    until("nothing is left", || alive(&nap).is_empty());
}
