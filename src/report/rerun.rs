//! The commands that run tests again: the tool's own, and ours.

use super::shell::{command_lines, rerun_command};
use crate::domain::{State, TestId};

/// The command that runs these tests again, one line for each runner that has some of them; nothing for no tests.
#[must_use]
pub fn of_tools(state: &State, tests: &[TestId]) -> Option<String> {
    each_runner(state, tests, |command, nodes| rerun_command(command, nodes.iter().copied())).map(|all| all.join("\n"))
}

/// The same for people to read, with a line for each test where there are several.
#[must_use]
pub fn of_tools_in_lines(state: &State, tests: &[TestId]) -> Option<String> {
    each_runner(state, tests, |command, nodes| command_lines(command, nodes.iter().copied())).map(|all| all.join("\n"))
}

fn each_runner(state: &State, tests: &[TestId], command: impl Fn(&str, &[&str]) -> String) -> Option<Vec<String>> {
    let runners = state.session.project.runners.iter().enumerate();
    let lines: Vec<String> = runners
        .filter_map(|(n, runner)| {
            let mine = |id: &&TestId| state.inventory.runner_of(**id).is_some_and(|id| id.index() == n);
            let nodes = tests.iter().filter(mine).filter_map(|id| state.inventory.test(*id));
            let nodes: Vec<&str> = nodes.map(|test| &*test.node).collect();
            (!nodes.is_empty()).then(|| command(&runner.command, &nodes))
        })
        .collect();
    (!lines.is_empty()).then_some(lines)
}

/// The same without a screen, in this program's words.
#[must_use]
pub fn of_ours(state: &State, tests: &[TestId]) -> String {
    let nodes = tests.iter().filter_map(|id| state.inventory.test(*id)).map(|test| &*test.node);
    command_lines("liveloop run", nodes)
}
