//! `__demo-suite`: lists the tests, then runs each module as a child process, a few at a time.

use std::{
    collections::HashSet,
    env, fmt,
    fs::File,
    io::{self, Read, Write},
    os::unix::process::ExitStatusExt,
    process::{ExitCode, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::Signal;
use serde_json::json;
use tokio::{
    process::{Child, Command},
    task::JoinSet,
    time::timeout,
};

use super::{
    catalogue::{MODULES, Module, Test},
    reporter::Reporter,
    signals::{Asked, Signals, pass_on},
};

/// How a module's process says that it was interrupted.
pub(super) const INTERRUPTED: u8 = 130;

const MODULES_AT_ONCE: usize = 3;
const SELECTION_BYTES: u64 = 16 << 20;
const GRACE: Duration = Duration::from_secs(3);

/// Which tests are wanted.
#[derive(Debug)]
pub(super) struct Selection {
    ids: Option<Vec<String>>,
}

impl Selection {
    /// What the file in `LIVELOOP_SELECTION` names, or everything.
    pub(super) fn from_env() -> io::Result<Self> {
        let Some(path) = env::var_os("LIVELOOP_SELECTION") else {
            return Ok(Self { ids: None });
        };
        let mut text = String::new();
        File::open(path)?.take(SELECTION_BYTES).read_to_string(&mut text)?;
        Ok(Self::of_lines(&text))
    }

    fn of_lines(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Self { ids: Some(lines.map(str::to_owned).collect()) }
    }

    pub(super) fn wants(&self, id: &str) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.iter().any(|wanted| wanted == id))
    }

    /// The wanted ids that no test has.
    fn missing(&self, known: &HashSet<String>) -> Vec<&str> {
        self.ids.iter().flatten().map(String::as_str).filter(|id| !known.contains(*id)).collect()
    }
}

/// Says on standard error why there is nothing to run, which is exit code 2.
pub(super) fn complain(reason: fmt::Arguments<'_>) -> ExitCode {
    let _ = writeln!(io::stderr(), "demo suite: {reason}");
    ExitCode::from(2)
}

/// Runs the suite: exit code 0 when nothing failed, 1 when something did, 2 when it was interrupted or could not start,
/// 5 when no test was selected.
pub(super) async fn run() -> ExitCode {
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
    let exit = match collect(&selection, &reporter) {
        0 => 5,
        _ if env::var_os("LIVELOOP_COLLECT_ONLY").is_some_and(|only| only == "1") => 0,
        _ => run_modules(&selection, &reporter, &mut signals).await,
    };
    reporter.say(&json!({"e": "end", "exit": exit}));
    ExitCode::from(exit)
}

/// Lists what is going to run and gives its number.
fn collect(selection: &Selection, reporter: &Reporter) -> usize {
    let mut listed = 0;
    for module in &MODULES {
        let wanted = module.tests().filter(|test| selection.wants(&test.id()));
        let items: Vec<_> = wanted.map(|test| json!([test.id(), test.file, test.line])).collect();
        listed += items.len();
        if !items.is_empty() {
            reporter.say(&json!({"e": "collected", "items": items}));
        }
    }
    let known = MODULES.iter().flat_map(Module::tests).map(|test| test.id()).collect();
    let missing = selection.missing(&known);
    if !missing.is_empty() {
        reporter.say(&json!({"e": "missing", "ids": missing}));
    }
    reporter.say(&json!({"e": "collection_done"}));
    listed
}

async fn run_modules(selection: &Selection, reporter: &Reporter, signals: &mut Signals) -> u8 {
    let has_tests = |module: &&Module| module.tests().any(|test: Test| selection.wants(&test.id()));
    let mut waiting = MODULES.iter().filter(has_tests);
    let mut running = JoinSet::new();
    let mut pids = Vec::new();
    let mut exit = 0;
    loop {
        while running.len() < MODULES_AT_ONCE
            && let Some(module) = waiting.next()
        {
            match start(module) {
                Ok(mut child) => {
                    pids.extend(child.id());
                    running.spawn(async move { (module.name, child.id(), child.wait().await) });
                }
                Err(error) => {
                    reporter.say(&json!({"e": "crash", "reason": format!("{} did not start: {error}", module.name)}));
                    exit = 1;
                }
            }
        }
        let stopped = tokio::select! {
            ended = running.join_next() => match ended {
                Some(Ok((name, pid, status))) => {
                    pids.retain(|&one| Some(one) != pid);
                    let code = exit_of(name, status, reporter);
                    exit = exit.max(code);
                    code == INTERRUPTED
                }
                Some(Err(error)) => {
                    reporter.say(&json!({"e": "crash", "reason": error.to_string()}));
                    exit = 1;
                    false
                }
                None => return exit,
            },
            asked = signals.next() => {
                pass_on(asked, &pids);
                asked == Asked::Stop
            }
        };
        if stopped {
            reporter.say(&json!({"e": "stopping", "reason": "interrupted"}));
            // When the whole group is interrupted, a module may be the first to say so.
            pass_on(Asked::Stop, &pids);
            wait_for_end(running).await;
            return 2;
        }
    }
}

fn start(module: &Module) -> io::Result<Child> {
    Command::new(env::current_exe()?)
        .args(["__demo-module", module.name])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

fn exit_of(name: &str, status: io::Result<ExitStatus>, reporter: &Reporter) -> u8 {
    match status.as_ref().map(ExitStatus::code) {
        Ok(Some(0)) => 0,
        Ok(Some(1)) => 1,
        Ok(Some(code)) if code == i32::from(INTERRUPTED) => INTERRUPTED,
        // It was interrupted before it could watch for that.
        Ok(None) if status.as_ref().is_ok_and(|status| status.signal() == Some(Signal::INT.as_raw())) => INTERRUPTED,
        _ => {
            let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            reporter.say(&json!({"e": "crash", "reason": format!("module {name} died: {how}")}));
            1
        }
    }
}

/// Waits for the interrupted modules, and ends those that do not listen.
async fn wait_for_end<T: 'static>(mut running: JoinSet<T>) {
    let all_ended = async { while running.join_next().await.is_some() {} };
    if timeout(GRACE, all_ended).await.is_err() {
        // Children are killed when they are dropped.
        running.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_names_tests_and_what_it_cannot_find() {
        let selection = Selection::of_lines("a.py::one\n\n b.py::two \r\n");
        assert!(selection.wants("a.py::one"));
        assert!(!selection.wants("a.py::three"));
        let known = HashSet::from(["a.py::one".to_owned(), "a.py::three".to_owned()]);
        assert_eq!(selection.missing(&known), ["b.py::two"]);
    }

    #[test]
    fn without_a_selection_everything_is_wanted() {
        let all = Selection { ids: None };
        assert!(all.wants("anything"));
        assert!(all.missing(&HashSet::new()).is_empty());
    }
}
