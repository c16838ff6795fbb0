//! The commands that run tests again: the tool's own, and ours.

use super::shell::{command_line, rerun_command};
use crate::domain::{State, TestId};

/// The command that runs these tests again, one line for each runner that has some of them; nothing for no tests.
#[must_use]
pub fn of_tools(state: &State, tests: &[TestId]) -> Option<String> {
    let runners = state.session.project.runners.iter().enumerate();
    let lines: Vec<String> = runners
        .filter_map(|(n, runner)| {
            let mine = |id: &&TestId| state.inventory.runner_of(**id).is_some_and(|id| id.index() == n);
            let nodes = tests.iter().filter(mine).filter_map(|id| state.inventory.test(*id));
            let nodes: Vec<&str> = nodes.map(|test| &*test.node).collect();
            (!nodes.is_empty()).then(|| rerun_command(&runner.command, nodes))
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The same without a screen, in this program's words.
#[must_use]
pub fn of_ours(state: &State, tests: &[TestId]) -> String {
    let nodes = tests.iter().filter_map(|id| state.inventory.test(*id)).map(|test| &*test.node);
    format!("liveloop run {}", command_line(nodes))
}
