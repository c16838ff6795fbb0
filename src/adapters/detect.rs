//! Which test tools a project has, where nobody configured any: decided from what exists, and said why.
//!
//! Looking is the caller's, as for [`python`](super::python): it hands over what it found.

use super::python::Surroundings;
use crate::config::project::{PytestSpec, RunnerSpec, RunnerTool, ToolSpec};

/// The files whose existence decides, beside those of [`python`](super::python::LOOK_FOR).
pub const LOOK_FOR: &[&str] = &["Cargo.toml", "go.mod"];
/// The files whose contents decide.
pub const READ: &[&str] = &["package.json"];
/// The programs whose existence decides.
pub const PROGRAMS: &[&str] = &["cargo-nextest"];

/// A runner that was found, and what shows that it is meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Detected {
    /// The runner.
    pub runner: RunnerSpec,
    /// What shows it: `it has Cargo.toml`.
    pub sign: String,
}

/// Every test tool that a project shows signs of.
#[must_use]
pub fn runners(around: &Surroundings<'_>) -> Vec<Detected> {
    let has = |file: &str| around.files.contains(&file);
    let mut found = Vec::new();
    let mut add = |name: &str, tool: RunnerTool, sign: String| {
        found.push(Detected { runner: RunnerSpec { name: name.to_owned(), timeout: None, tool }, sign });
    };
    if let Some(sign) = around.pytest_sign() {
        add("pytest", RunnerTool::Pytest(PytestSpec::default()), sign);
    }
    if has("Cargo.toml") {
        // One name for both: they are two ways to the same tests.
        let plain = ToolSpec::default();
        let tool = match around.programs.contains(&"cargo-nextest") {
            true => RunnerTool::Nextest(plain),
            false => RunnerTool::Cargo(plain),
        };
        add("rust", tool, "it has Cargo.toml".to_owned());
    }
    let package = around.contents.iter().find(|(file, _)| *file == "package.json").map_or("", |(_, text)| *text);
    for (name, tool) in [("vitest", RunnerTool::Vitest as fn(_) -> _), ("jest", RunnerTool::Jest)] {
        if depends_on(package, name) {
            add(name, tool(ToolSpec::default()), format!("package.json asks for {name}"));
        }
    }
    if has("go.mod") {
        add("go", RunnerTool::Go(ToolSpec::default()), "it has go.mod".to_owned());
    }
    found
}

/// Whether a package says that it needs another one.
fn depends_on(package: &str, name: &str) -> bool {
    let Ok(package) = serde_json::from_str::<serde_json::Value>(package) else { return false };
    ["devDependencies", "dependencies"].iter().any(|table| package[*table][name].is_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(around: Surroundings<'_>) -> Vec<String> {
        runners(&around).iter().map(|found| format!("{} {}", found.runner.name, found.runner.tool.word())).collect()
    }

    #[test]
    fn several_tools_stand_side_by_side() {
        let files = ["pytest.ini", "Cargo.toml", "go.mod"];
        let all = Surroundings { files: &files, ..Default::default() };
        assert_eq!(tools(all), ["pytest pytest", "rust cargo", "go go"]);
        let with_nextest = Surroundings { files: &files[1..2], programs: &["cargo-nextest"], ..Default::default() };
        assert_eq!(tools(with_nextest), ["rust nextest"]);
        let package = [("package.json", r#"{"devDependencies":{"vitest":"^4"},"dependencies":{"jest":"30","x":"1"}}"#)];
        let scripts = Surroundings { contents: &package, ..Default::default() };
        assert_eq!(tools(scripts), ["vitest vitest", "jest jest"]);
        assert!(tools(Surroundings { contents: &[("package.json", "{")], ..Default::default() }).is_empty());
        assert!(tools(Surroundings::default()).is_empty());
    }
}
