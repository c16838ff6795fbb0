//! How pytest is started with our plugin, and what its exit codes mean.
//!
//! Tests are chosen by handing over their *files* and letting the plugin keep the wanted ids: one id that no longer
//! exists would make pytest itself run nothing at all.

use super::tool::{Source, Step};
use crate::domain::Exit;

/// The plugin, to be written under these names into a folder of its own. The first is what pytest loads.
pub const FILES: [(&str, &str); 4] = [
    ("liveloop_plugin.py", include_str!("pytest_plugin.py")),
    ("liveloop_evidence.py", include_str!("pytest_evidence.py")),
    ("liveloop_null.py", include_str!("pytest_null.py")),
    ("liveloop_source.py", include_str!("pytest_source.py")),
];

/// Everything that decides how one run is started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start<'a> {
    /// The words that start Python, from [`Interpreter::command`](super::python::Interpreter::command).
    pub python: &'a [String],
    /// Options from the configuration.
    pub options: &'a [String],
    /// What pytest is to look through: for chosen tests their files, as far as these still exist (a file that does
    /// not is fatal to pytest); empty: what the project's own configuration says.
    pub paths: &'a [String],
    /// Whether the tests are only listed.
    pub collect_only: bool,
    /// The folder that holds the plugin.
    pub plugin_folder: &'a str,
    /// The value of `PYTHONPATH` so far.
    pub python_path: Option<&'a str>,
    /// Where the reporter protocol is listened for.
    pub socket: &'a str,
    /// The file with the wanted ids, written by [`selection`]; `None`: all tests.
    pub selection: Option<&'a str>,
    /// The file that stacks are dumped to.
    pub stacks: Option<&'a str>,
    /// Whether it measures what each test touches.
    pub evidence: bool,
    /// What stands in for the environment in a null run: `refuse`, or the address of the stub.
    pub null: Option<&'a str>,
}

impl Start<'_> {
    /// The one process of a run.
    #[must_use]
    pub fn step(&self) -> Step {
        let mut argv = self.python.to_vec();
        argv.extend(["-m", "pytest", "-p", "liveloop_plugin"].map(String::from));
        // A module that cannot be imported is one failure among others here, not the end of the run.
        argv.push("--continue-on-collection-errors".into());
        if self.collect_only {
            argv.push("--collect-only".into());
        }
        argv.extend_from_slice(self.options);
        argv.extend(self.paths.iter().map(|path| as_path(path)));

        let python_path = match self.python_path.filter(|path| !path.is_empty()) {
            Some(path) => format!("{}:{path}", self.plugin_folder),
            None => self.plugin_folder.to_owned(),
        };
        let mut env = vec![("PYTHONPATH", python_path), ("LIVELOOP_SOCKET", self.socket.to_owned())];
        env.extend(self.selection.map(|path| ("LIVELOOP_SELECTION", path.to_owned())));
        env.extend(self.stacks.map(|path| ("LIVELOOP_STACKS", path.to_owned())));
        env.extend(self.evidence.then(|| ("LIVELOOP_EVIDENCE", "1".to_owned())));
        env.extend(self.null.map(|mode| ("LIVELOOP_NULL", mode.to_owned())));
        if self.collect_only {
            env.push(("LIVELOOP_COLLECT_ONLY", "1".into()));
        }
        Step { env, ..Step::new(argv, Source::Socket) }
    }
}

/// The contents of a selection file.
#[must_use]
pub fn selection<'a>(nodes: impl IntoIterator<Item = &'a str>) -> String {
    nodes.into_iter().flat_map(|node| [node, "\n"]).collect()
}

/// The file part of a test's id.
#[must_use]
pub fn module_of(node: &str) -> &str {
    node.split("::").next().unwrap_or(node)
}

/// What an exit means, in words. That it means nothing about single tests: those have their own results.
#[must_use]
pub fn explain(exit: Exit) -> &'static str {
    match exit {
        Exit::Code(0) => "all tests passed",
        Exit::Code(1) => "tests failed",
        Exit::Code(2) => "interrupted, or modules could not be loaded",
        Exit::Code(3) => "an internal error of pytest, or a test ended the process",
        Exit::Code(4) => "pytest rejected its arguments or its configuration",
        Exit::Code(5) => "no tests were found",
        Exit::Code(6) => "more warnings than allowed",
        Exit::Code(7) => "flaky tests count as failures here",
        Exit::Code(126 | 127) => "the command could not be run",
        Exit::Code(_) => "not a code of pytest: a test or a plugin ended the process",
        Exit::Signal(2) => "interrupted",
        Exit::Signal(6) => "aborted: a fault in native code",
        Exit::Signal(9) => "killed, by somebody or for want of memory",
        Exit::Signal(11) => "a segmentation fault in native code",
        Exit::Signal(15) => "terminated",
        Exit::Signal(_) => "ended by a signal",
    }
}

/// What a person would type to run these tests again.
#[must_use]
pub fn rerun_command<'a>(program: &str, nodes: impl IntoIterator<Item = &'a str>) -> String {
    let mut command = program.to_owned();
    for node in nodes {
        command.push(' ');
        command.push_str(&quoted(&as_path(node)));
    }
    command
}

/// A path that cannot be taken for an option.
fn as_path(path: &str) -> String {
    if path.starts_with(['-', '@']) { format!("./{path}") } else { path.to_owned() }
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=+,%@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_rerun_hands_over_files_and_lets_the_plugin_choose() {
        let start = Start {
            python: &words(&["/p/.venv/bin/python"]),
            options: &words(&["-n", "2"]),
            paths: &words(&["tests/test_a.py", "-odd.py"]),
            plugin_folder: "/s/plugin",
            python_path: Some("/lib"),
            socket: "/s/run.sock",
            selection: Some("/s/wanted"),
            stacks: Some("/s/stacks"),
            evidence: true,
            null: Some("refuse"),
            ..Start::default()
        };
        let Step { argv, env, .. } = start.step();
        assert_eq!(
            argv.join(" "),
            "/p/.venv/bin/python -m pytest -p liveloop_plugin --continue-on-collection-errors -n 2 tests/test_a.py ./-odd.py"
        );
        let env: Vec<_> = env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            env,
            [
                "PYTHONPATH=/s/plugin:/lib",
                "LIVELOOP_SOCKET=/s/run.sock",
                "LIVELOOP_SELECTION=/s/wanted",
                "LIVELOOP_STACKS=/s/stacks",
                "LIVELOOP_EVIDENCE=1",
                "LIVELOOP_NULL=refuse"
            ]
        );
    }

    #[test]
    fn collecting_runs_nothing() {
        let start = Start { python: &words(&["uv", "run", "python"]), collect_only: true, ..Start::default() };
        let Step { argv, env, .. } = start.step();
        assert!(argv.join(" ").starts_with("uv run python -m pytest") && argv.contains(&"--collect-only".to_owned()));
        assert!(env.contains(&("LIVELOOP_COLLECT_ONLY", "1".into())));
    }

    #[test]
    fn a_rerun_command_can_be_pasted() {
        let nodes = ["tests/test_a.py::test_x", "tests/test_a.py::test_y[a b]", "t.py::test_z[it's]"];
        assert_eq!(
            rerun_command("pytest", nodes),
            r"pytest tests/test_a.py::test_x 'tests/test_a.py::test_y[a b]' 't.py::test_z[it'\''s]'"
        );
        assert_eq!(selection(nodes).lines().collect::<Vec<_>>(), nodes);
        assert_eq!(module_of(nodes[0]), "tests/test_a.py");
    }
}
