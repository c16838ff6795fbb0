//! The command and everything that came of it: found through `/proc`, signalled, waited for, killed.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus};

use super::{GRACE, Signal};

/// How long killing may take before the result is reported all the same (uninterruptible sleep, another user's process).
const KILLING_TIME: Duration = Duration::from_secs(2);

/// The command and everything that came of it.
pub(super) struct Tree {
    /// The command itself, and the number of its process group.
    leader: Pid,
    /// Whether the leader has not been waited for yet, so that its number is still its own.
    running: Mutex<bool>,
}

impl Tree {
    /// A command that has just been started.
    pub(super) fn new(leader: Pid) -> Self {
        Self { leader, running: Mutex::new(true) }
    }

    fn is_running(&self) -> bool {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the command, and buries the orphans that end meanwhile.
    pub(super) fn wait_for_leader(&self) -> Option<WaitStatus> {
        let status = loop {
            match rustix::process::wait(WaitOptions::empty()) {
                Ok(Some((pid, status))) if pid == self.leader => break Some(status),
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => break None,
            }
        };
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = false;
        status
    }

    pub(super) fn deliver(&self, signal: Signal) {
        let number = signal.number();
        if signal == Signal::Stacks {
            return self.deliver_to_handlers(number);
        }
        if self.is_running() {
            let _ = rustix::process::kill_process_group(self.leader, number);
        }
        if signal != Signal::Interrupt {
            for process in descendants().into_iter().filter(|process| process.group != self.leader) {
                let _ = rustix::process::kill_process(process.pid, number);
            }
        }
    }

    fn deliver_to_handlers(&self, number: rustix::process::Signal) {
        for process in descendants().into_iter().filter(|process| handles(process.pid, number)) {
            let _ = rustix::process::kill_process(process.pid, number);
        }
    }

    /// Ends what the command left behind, after a grace time; says how many processes had to be killed.
    pub(super) fn clear(&self) -> u32 {
        let grace = Instant::now() + GRACE;
        let mut pause = Duration::from_millis(1);
        while self.is_populated() {
            if Instant::now() >= grace {
                return self.kill_all();
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
        0
    }

    /// Kills until nobody is left, since a process may fork while it is being looked for.
    pub(super) fn kill_all(&self) -> u32 {
        let deadline = Instant::now() + KILLING_TIME;
        let (mut killed, mut unlisted) = (BTreeSet::new(), 0);
        while self.is_populated() && Instant::now() < deadline {
            let found = descendants();
            for process in &found {
                if rustix::process::kill_process(process.pid, rustix::process::Signal::KILL).is_ok() {
                    killed.insert(process.pid.as_raw_nonzero());
                }
            }
            // Where processes cannot be listed, there is still the group; it counts as one.
            let kill = rustix::process::Signal::KILL;
            if found.is_empty() && rustix::process::kill_process_group(self.leader, kill).is_ok() {
                unlisted = 1;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        u32::try_from(killed.len().max(unlisted)).unwrap_or(u32::MAX)
    }

    /// Whether anything below us is left; buries what has ended.
    fn is_populated(&self) -> bool {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, _))) if pid == self.leader => {
                    *self.running.lock().unwrap_or_else(PoisonError::into_inner) = false;
                }
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return true,
                Err(_) => return rustix::process::test_kill_process_group(self.leader).is_ok(),
            }
        }
    }
}

struct Descendant {
    pid: Pid,
    group: Pid,
}

/// Everything below this process that has not ended, by the parents that `/proc` names.
fn descendants() -> Vec<Descendant> {
    let mut others: Vec<(Pid, i32, Descendant)> = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        // A command name may hold anything, spaces and brackets included, so the fields are counted from its end.
        let Ok(stat) = std::fs::read(entry.path().join("stat")) else {
            continue;
        };
        let Some(end) = stat.iter().rposition(|&b| b == b')') else {
            continue;
        };
        let fields = String::from_utf8_lossy(&stat[end + 1..]);
        let mut fields = fields.split_ascii_whitespace();
        let (Some(state), Some(parent), Some(group)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let (Ok(parent), Ok(group)) = (parent.parse::<i32>(), group.parse::<i32>()) else {
            continue;
        };
        if let Some(group) = Pid::from_raw(group).filter(|_| state != "Z" && state != "X") {
            others.push((pid, parent, Descendant { pid, group }));
        }
    }
    let mut family = BTreeSet::from([rustix::process::getpid().as_raw_nonzero().get()]);
    let mut found = Vec::new();
    loop {
        let (ours, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(|(_, parent, _)| family.contains(parent));
        if ours.is_empty() {
            return found;
        }
        family.extend(ours.iter().map(|(pid, ..)| pid.as_raw_nonzero().get()));
        found.extend(ours.into_iter().map(|(.., descendant)| descendant));
        others = rest;
    }
}

/// Whether a process has a handler for a signal, rather than being ended by it.
fn handles(pid: Pid, signal: rustix::process::Signal) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())) else {
        return false;
    };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal.as_raw() - 1) & 1 == 1
}
