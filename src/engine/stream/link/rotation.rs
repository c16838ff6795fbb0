//! Planned ends: a platform that cuts every connection at a known age is forestalled in a quiet moment.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::domain::{AgentEvent, AgentKind, Text};

/// How many open runs are told apart; a server that leaves more of them open is not waited for.
const RUNS: usize = 1_000;
/// From which share of its age on a connection is replaced as soon as no run is open.
const QUIET_FROM: f64 = 0.9;

/// When a connection is to be replaced.
pub(super) struct Rotation {
    window: Option<(Instant, Instant)>,
    open: HashSet<Text>,
}

impl Rotation {
    pub(super) fn new(before: Option<Duration>) -> Self {
        let now = Instant::now();
        Self { window: before.map(|before| (now + before.mul_f64(QUIET_FROM), now + before)), open: HashSet::new() }
    }

    /// Follows which runs are open.
    pub(super) fn hear(&mut self, events: &[AgentEvent]) {
        if self.window.is_none() {
            return;
        }
        for event in events {
            let run = || event.run.clone().unwrap_or_default();
            match event.kind {
                AgentKind::AgentStarted if self.open.len() < RUNS => drop(self.open.insert(run())),
                AgentKind::AgentCompleted | AgentKind::AgentFailed => drop(self.open.remove(&run())),
                _ => {}
            }
        }
    }

    /// Comes when the connection is to be replaced: in a quiet moment of its last tenth, or at its end.
    pub(super) async fn due(&self) {
        match self.window {
            Some((quiet_from, _)) if self.open.is_empty() => sleep_until(quiet_from).await,
            Some((_, latest)) => sleep_until(latest).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::protocol::{Names, receive_text};
    use crate::domain::Moment;

    async fn rotates_after(events: &[&str]) -> u64 {
        let begun = Instant::now();
        let mut rotation = Rotation::new(Some(Duration::from_secs(100)));
        let (mut names, mut heard) = (Names::default(), Vec::new());
        events.iter().for_each(|event| receive_text(event, Moment(1), &mut names, &mut heard));
        rotation.hear(&heard);
        rotation.due().await;
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_moment_is_taken_and_an_open_run_is_waited_for_up_to_the_end() {
        let started = r#"{"type":"agent_started","run_id":"r1"}"#;
        let completed = r#"{"type":"agent_completed","run_id":"r1"}"#;
        assert_eq!(rotates_after(&[]).await, 90);
        assert_eq!(rotates_after(&[started]).await, 100);
        assert_eq!(rotates_after(&[started, completed]).await, 90);
    }
}
