//! The console as a person meets it: the real program in a pseudo-terminal, keys in, an independent emulator's screen
//! out, and whatever may befall the program, its terminal and its children.
#![cfg(target_os = "linux")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use liveloop::domain::{Entry, Event, RunEvent, SessionEnd, SessionEvent, Signal as RunSignal};
use liveloop::engine::{folder, journal};
use rustix::process::Signal;

#[path = "support/acting.rs"]
mod acting;
#[path = "support/console.rs"]
mod console;
#[path = "support/fate.rs"]
mod fate;
#[path = "support/gate.rs"]
mod gate;
#[path = "support/home.rs"]
mod home;
#[path = "support/processes.rs"]
mod processes;
#[path = "support/suite.rs"]
mod suite;

use acting::{ENTER, WIDE, deploy, header, result_of, say_yes};
use console::{Console, PATIENCE};
use home::Home;

/// A suite of three tests of which the second never ends by itself.
const HANGS: &str = r#"
suite = Suite(["slow::one", "slow::two", "slow::three"])
suite.start("slow::one")
suite.result("slow::one")
suite.start("slow::two")
time.sleep(600)
"#;

fn newest_journal(home: &Home) -> PathBuf {
    let journals = folder::journals(&home.project().join(".liveloop/sessions"));
    journals.into_iter().next().expect("a session was opened")
}

fn entries(home: &Home) -> Vec<Entry> {
    journal::read(&newest_journal(home)).expect("a journal that can be read").entries
}

/// How the journal says that the session ended.
fn last_word(home: &Home) -> Option<SessionEnd> {
    match entries(home).pop().map(|entry| entry.event) {
        Some(Event::Session(SessionEvent::Ended { how })) => Some(how),
        _ => None,
    }
}

/// A console in the middle of a run of [`HANGS`].
fn in_mid_run(home: &Home, variables: &[(&str, &str)]) -> Option<Console> {
    suite::write(&home.project(), HANGS, "")?;
    let mut console = Console::start(home, &["--trust"], WIDE, variables);
    console.until_shown("of 3");
    console.keys("R");
    console.until("a run in its middle", |shown| {
        (header(shown).contains("running") && header(shown).contains("✔ 1")).then_some(())
    });
    Some(console)
}

/// Nothing of the session is lost and nothing of it is left.
fn ended_in_good_order(home: &Home, console: &mut Console, code: u32, how: &SessionEnd) {
    assert_eq!(console.ended().exit_code(), code);
    assert_eq!(console.is_restored(), Ok(()));
    processes::until_none_is_left(home.mark(), Duration::from_secs(5));
    assert_eq!(last_word(home).as_ref(), Some(how));
}

#[test]
fn the_demo_is_solved_by_keys_alone() {
    let home = Home::new();
    let mut console = Console::start(&home, &["demo", "--pace", "0.2"], WIDE, &[]);
    console.until_shown("of 60");
    console.keys("R");
    let mut failed = vec![result_of(&console, 1).1];
    for turn in 2..=5 {
        deploy(&mut console, &format!("backend-0000{turn}"));
        console.keys("r");
        failed.push(result_of(&console, turn).1);
    }
    assert!(failed.is_sorted_by(|more, less| more > less) && failed.last() == Some(&0), "{failed:?}");
    // What passed before the last deploy has to be proved on what serves now.
    console.keys("R");
    assert_eq!(result_of(&console, 6), ("green".to_owned(), 0));
    console.keys("q");
    assert_eq!(console.ended().exit_code(), 0);
    assert_eq!(console.is_restored(), Ok(()));
    processes::until_none_is_left(home.mark(), Duration::from_secs(5));
    assert_eq!(gate::read(&console.shown().bytes).strange, Vec::<String>::new());
}

#[test]
fn one_key_redeploys_and_proves() {
    let home = Home::new();
    let mut console = Console::start(&home, &["demo", "--pace", "0.2"], WIDE, &[]);
    console.until_shown("of 60");
    console.keys("R");
    result_of(&console, 1);
    console.keys("D");
    console.until_shown("⏎ choose");
    console.keys(ENTER);
    console.until_shown("enter cancel");
    console.keys("y");
    console.until_shown("enter redeploy and prove backend");
    std::thread::sleep(Duration::from_millis(160));
    console.keys(ENTER);
    console.until_shown("proved backend-00002");
    console.until_shown(" fixed ");
    let (word, failed) = result_of(&console, 2);
    assert!(word == "red" && failed > 0, "{word} {failed}");
    console.keys("q");
    assert_eq!(console.ended().exit_code(), 0);
    assert_eq!(gate::read(&console.shown().bytes).strange, Vec::<String>::new());
}

#[test]
fn a_revision_is_brought_back_and_a_service_restarted_by_keys() {
    let home = Home::new();
    let mut console = Console::start(&home, &["demo", "--pace", "0.1"], (120, 40), &[]);
    console.until_shown("of 60");
    // All that happened stays in sight, whatever happens next.
    console.keys("4");
    deploy(&mut console, "backend-00002");
    console.keys("B");
    say_yes(&mut console, "bring backend-00001 back");
    console.until_shown("backend-00001 is live");
    console.keys("W");
    say_yes(&mut console, "restart backend");
    console.until_shown("backend is restarted and answers as backend-00001");
    console.keys("q");
    assert_eq!(console.ended().exit_code(), 0);
}

#[test]
fn a_terminal_may_take_any_size_at_any_moment() {
    let home = Home::new();
    let mut console = Console::start(&home, &["demo", "--pace", "0.2"], WIDE, &[]);
    console.until_shown("of 60");
    console.keys("R");
    let sizes = [(1, 1), (500, 200), (2, 60), (80, 24), (300, 1), (20, 5), (1, 200), (139, 39), (9, 2), (200, 60)];
    (0..200).for_each(|n| console.resize(sizes[n % sizes.len()]));
    console.resize(WIDE);
    result_of(&console, 1);
    console.until("the whole screen", |shown| shown.text().lines().last().filter(|l| l.contains("quit")).map(drop));
    for size in sizes {
        console.resize(size);
        console.keys("\x0c");
    }
    console.resize(WIDE);
    console.until("the whole screen", |shown| shown.text().lines().last().filter(|l| l.contains("quit")).map(drop));
    console.keys("q");
    assert_eq!(console.ended().exit_code(), 0);
    assert_eq!(console.is_restored(), Ok(()));
}

#[test]
fn signals_end_the_session_in_good_order() {
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT"), (Signal::HUP, "SIGHUP")] {
        let home = Home::new();
        let Some(mut console) = in_mid_run(&home, &[]) else { return };
        console.signal(signal);
        ended_in_good_order(&home, &mut console, 130, &SessionEnd::Signal(name.into()));
    }
}

#[test]
fn a_signal_at_any_moment_finds_the_terminal_in_good_hands() {
    let home = Home::new();
    let Some(()) = suite::write(&home.project(), HANGS, "") else { return };
    for bytes in [1, 1, 1, 1, 50, 100, 500, 1_000] {
        let mut console = Console::start(&home, &["--trust"], WIDE, &[]);
        console.until_written(bytes);
        console.signal(Signal::TERM);
        ended_in_good_order(&home, &mut console, 130, &SessionEnd::Signal("SIGTERM".into()));
    }
}

#[test]
fn a_project_that_names_commands_is_asked_about_once() {
    let home = Home::new();
    let Some(()) = suite::write(&home.project(), HANGS, "") else { return };
    let mut console = Console::start(&home, &[], WIDE, &[]);
    console.until_shown("[y/N]");
    assert!(console.shown().text().contains("suite.py"));
    console.keys("n\n");
    assert_eq!(console.ended().exit_code(), 2);
    assert!(!home.project().join(".liveloop").exists(), "nothing was begun");
    let mut console = Console::start(&home, &[], WIDE, &[]);
    console.until_shown("[y/N]");
    console.keys("y\n");
    console.until_shown("of 3");
    console.keys("q");
    assert_eq!(console.ended().exit_code(), 0);
    let mut console = Console::start(&home, &[], WIDE, &[]);
    console.until_shown("of 3");
    console.keys("q");
    assert_eq!(console.ended().exit_code(), 0);
    assert!(!String::from_utf8_lossy(&console.shown().bytes).contains("[y/N]"));
}

#[test]
fn a_terminal_that_goes_away_ends_the_session() {
    let home = Home::new();
    let Some(mut console) = in_mid_run(&home, &[]) else { return };
    console.hang_up();
    let gone = Instant::now();
    console.ended();
    assert!(gone.elapsed() < Duration::from_secs(2), "{:?}", gone.elapsed());
    processes::until_none_is_left(home.mark(), Duration::from_secs(2));
    let how = last_word(&home);
    // Both the signal and the silence say it; which one is heard first is the system's choice.
    let heard = [SessionEnd::HungUp, SessionEnd::Signal("SIGHUP".into())];
    assert!(how.as_ref().is_some_and(|how| heard.contains(how)), "{how:?}");
}

#[test]
fn a_panic_gives_the_terminal_back_and_is_in_the_journal() {
    let home = Home::new();
    let Some(mut console) = in_mid_run(&home, &[("LIVELOOP_FAULT", "panic")]) else { return };
    console.signal(Signal::USR2);
    ended_in_good_order(&home, &mut console, 101, &SessionEnd::Panicked("a fault on purpose".into()));
    console.until_shown("a fault on purpose");
}

#[test]
fn a_runner_that_ignores_signals_is_killed_in_the_end() {
    let home = Home::new();
    let body =
        format!("signal.signal(signal.SIGINT, signal.SIG_IGN)\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{HANGS}");
    let Some(()) = suite::write(&home.project(), &body, "") else { return };
    let mut console = Console::start(&home, &["--trust"], WIDE, &[]);
    console.until_shown("of 3");
    console.keys("R");
    console.until("a run", |shown| header(shown).contains("✔ 1").then_some(()));
    for (now, next) in [("SIGINT", "x SIGTERM now"), ("SIGTERM", "x SIGKILL now")] {
        console.keys("x");
        console.until(now, |shown| header(shown).contains(&format!("stopping {now}")).then_some(()));
        console.until_shown(next);
    }
    console.keys("x");
    console.until("the end of the run", |shown| header(shown).contains("stopped 1 of 3 finished").then_some(()));
    console.keys("q");
    assert_eq!(console.ended().exit_code(), 0);
    let signals: Vec<RunSignal> = entries(&home)
        .into_iter()
        .filter_map(|entry| match entry.event {
            Event::Run(RunEvent::Signalled { signal, .. }) => Some(signal),
            _ => None,
        })
        .collect();
    assert_eq!(signals, [RunSignal::Interrupt, RunSignal::Terminate, RunSignal::Kill]);
}

#[test]
fn a_flood_without_a_newline_costs_constant_memory_and_no_key() {
    let home = Home::new();
    let body = r#"
suite = Suite(["flood::one"])
suite.start("flood::one")
for _ in range(100):
    os.write(1, b"x" * (1 << 20))
suite.result("flood::one")
suite.end(0)
"#;
    let Some(()) = suite::write(&home.project(), body, "") else { return };
    let mut console = Console::start(&home, &["--trust"], WIDE, &[]);
    console.until_shown("of 1");
    console.keys("R");
    console.keys("?");
    console.until_shown("Runs again exactly what failed");
    console.keys("?");
    assert_eq!(result_of(&console, 1), ("green".to_owned(), 0));
    let status = std::fs::read_to_string(format!("/proc/{}/status", console.pid().as_raw_nonzero())).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the most memory it had");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(peak < 300_000, "{peak} kB");
    console.keys("q");
    assert_eq!(console.ended().exit_code(), 0);
}

#[test]
fn nothing_that_a_test_says_reaches_the_terminal() {
    let home = Home::new();
    let body = r#"
bad = "\x1b[2J\x1b]0;title\x07\x1b]52;c;aGk=\x07\x1bP+q\x1b\\\x9b31m\u202e\u200b\u2028\x00\x07\x1b[?1049l\x1b]8;;file:///etc\x1b\\e\u0301" + "\u0301" * 500 + "\U000e0041"
suite = Suite(["bad" + bad + "::name" + bad, "bad" + bad + "::two"])
name, two = suite.tests
os.write(1, b"out \xff\xfe\x80 " + bad.encode() + b"\n\x1b]0;never ended")
os.write(2, b"\x1b[31mred\x1b[0m \xc3")
suite.start(name)
suite.say(e="output", id=name, text="live " + bad)
suite.say(e="warning", message="warning " + bad, category=bad, file=bad, line=1)
suite.line.sendall(b'{"e":"output","text":"\xff\xfe\x1b[2J"}\n\x1b[2J not json \xff\n')
suite.result(name, "failed", message="message " + bad, trace="trace " + bad + "\nfoot " + bad, output="output " + bad)
suite.start(two)
suite.say(e="stopping", reason="because " + bad)
suite.end(1)
"#;
    let Some(()) = suite::write(&home.project(), body, "") else { return };
    let mut console = Console::start(&home, &["--trust"], WIDE, &[]);
    console.until_shown("of 2");
    console.keys("R");
    console.until("the end of the run", |shown| header(shown).contains("crashed").then_some(()));
    console.keys("]");
    console.until_shown("run the test");
    console.keys(ENTER);
    console.until_shown("2 of 2");
    console.keys("[");
    console.until_shown("trace ──");
    for keys in ["G", "g", "/foot\r", "y"] {
        console.keys(keys);
    }
    console.until_shown("cancel");
    console.keys(ENTER);
    console.until_shown("went to the terminal");
    console.keys("\x03");
    assert_eq!(console.ended().exit_code(), 0);
    let shown = console.shown();
    assert_eq!(gate::read(&shown.bytes).strange, Vec::<String>::new());
    let text = std::fs::read(newest_journal(&home)).expect("a journal");
    assert!(std::str::from_utf8(&text).is_ok_and(|text| !text.contains(['\x1b', '\x07', '\u{9b}', '\u{202e}'])));
}

#[test]
fn after_a_kill_nothing_is_left_and_the_next_start_says_so() {
    let home = Home::new();
    let Some(mut console) = in_mid_run(&home, &[]) else { return };
    console.signal(Signal::KILL);
    console.ended();
    processes::until_none_is_left(home.mark(), Duration::from_secs(3));
    let journal = newest_journal(&home);
    let whole = std::fs::read(&journal).expect("a journal");
    std::fs::write(&journal, [&whole[..], br#"{"seq":9999,"at":1,"ev"#].concat()).expect("writable");

    let mut console = Console::start(&home, &["--trust"], WIDE, &[]);
    console.until_shown("the last session was killed");
    console.until_shown("of 3");
    assert_eq!(std::fs::read(&journal).expect("a journal"), whole, "a torn tail is cut off");
    console.keys("q");
    assert_eq!(console.ended().exit_code(), 0);
    assert_eq!(last_word(&home), Some(SessionEnd::Quit));
}

#[test]
fn a_second_console_is_told_who_holds_the_project() {
    let home = Home::new();
    let Some(()) = suite::write(&home.project(), HANGS, "") else { return };
    let mut first = Console::start(&home, &["--trust"], WIDE, &[]);
    first.until_shown("of 3");
    let mut second = Console::start(&home, &["--trust"], WIDE, &[]);
    assert_eq!(second.ended().exit_code(), 3);
    let said = second.shown().text();
    let holder = format!("process {} (console", first.pid().as_raw_nonzero());
    assert!(said.replace('\n', "").contains(&holder), "{said}");
    assert_eq!(second.is_restored(), Ok(()));
    first.keys("q");
    assert_eq!(first.ended().exit_code(), 0);
}

#[test]
fn nothing_is_written_while_nothing_happens() {
    let home = Home::new();
    let Some(()) = suite::write(&home.project(), HANGS, "") else { return };
    let console = Console::start(&home, &["--trust"], WIDE, &[]);
    console.until_shown("of 3");
    let written = || console.shown().bytes.len();
    let deadline = Instant::now() + PATIENCE;
    let quiet = |time: Duration| {
        let before = written();
        std::thread::sleep(time);
        written() - before
    };
    // What was said lately goes out of sight after a while; then there is nothing left to say.
    while quiet(Duration::from_secs(1)) > 0 {
        assert!(Instant::now() < deadline, "it never settles");
    }
    assert_eq!(quiet(Duration::from_millis(1_500)), 0);
}

#[test]
fn without_colours_the_selection_is_still_told() {
    let home = Home::new();
    let Some(()) = suite::write(&home.project(), HANGS, "") else { return };
    let mut console = Console::start(&home, &["--trust"], WIDE, &[("NO_COLOR", "1")]);
    console.until_shown("of 3");
    console.keys("j");
    console.until("a selection", |shown| {
        let (rows, columns) = shown.screen().size();
        let cell = |row, column| shown.screen().cell(row, column);
        let told =
            |row| (0..columns.get()).filter_map(|column| cell(row, column)).filter(|cell| cell.inverse()).count();
        (1..rows.get()).any(|row| told(row) > 10).then_some(())
    });
    console.keys(":");
    console.until_shown("do it");
    console.keys("\x03");
    console.until_shown("q quit");
    console.keys("q");
    assert_eq!(console.ended().exit_code(), 0);
    let is_colour = |code: &u16| matches!(code, 30..=38 | 40..=48 | 58 | 90..=97 | 100..=107);
    let styles = gate::read(&console.shown().bytes).styles;
    assert!(!styles.iter().flatten().any(is_colour), "{styles:?}");
}
