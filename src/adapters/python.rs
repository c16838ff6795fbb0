//! Which Python a project means, and whether its tests are pytest's: decided from what exists, and said why.
//!
//! Looking is the caller's: it asks the disk for [`LOOK_FOR`] and the contents of [`READ`], and hands over what it
//! found. So the decision can be shown to a person, and tested without a disk.

/// The files whose existence decides, relative to the project.
pub const LOOK_FOR: &[&str] = &[
    ".venv/bin/python",
    "venv/bin/python",
    "uv.lock",
    "poetry.lock",
    "pytest.ini",
    ".pytest.ini",
    "pytest.toml",
    ".pytest.toml",
    "conftest.py",
    "tests/conftest.py",
    "test/conftest.py",
];
/// The files whose contents decide, relative to the project.
pub const READ: &[&str] = &["pyproject.toml", "setup.cfg", "tox.ini"];

/// What is known of a project and of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Surroundings<'a> {
    /// The project's folder, absolute.
    pub root: &'a str,
    /// The value of `VIRTUAL_ENV`, where it is set and has a `bin/python`.
    pub virtual_env: Option<&'a str>,
    /// Those of [`LOOK_FOR`] that exist, and any test files that were met, relative to the project.
    pub files: &'a [&'a str],
    /// Those of [`READ`] that exist, with their contents.
    pub contents: &'a [(&'a str, &'a str)],
    /// The programs among `uv`, `poetry`, `python3`, `python` that `PATH` has.
    pub programs: &'a [&'a str],
}

/// How Python is started for a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The words before `-m pytest`.
    pub command: Vec<String>,
    /// Why this one, for people.
    pub why: String,
}

impl Surroundings<'_> {
    /// The interpreter of this project: the active environment, the project's own, its tool's, or the machine's.
    #[must_use]
    pub fn interpreter(&self) -> Interpreter {
        let python = |folder: &str| vec![format!("{}/bin/python", folder.trim_end_matches('/'))];
        let inside = |folder: &str| python(&format!("{}/{folder}", self.root.trim_end_matches('/')));
        let run = |tool: &str| vec![tool.to_owned(), "run".into(), "python".into()];
        let (command, why) = if let Some(active) = self.virtual_env.filter(|path| !path.is_empty()) {
            (python(active), format!("VIRTUAL_ENV is {active}"))
        } else if self.has(".venv/bin/python") {
            (inside(".venv"), "the project has .venv".into())
        } else if self.has("venv/bin/python") {
            (inside("venv"), "the project has venv".into())
        } else if self.has("uv.lock") && self.has_program("uv") {
            (run("uv"), "the project has uv.lock".into())
        } else if self.is_poetry() && self.has_program("poetry") {
            (run("poetry"), "the project is poetry's".into())
        } else {
            let name = if self.has_program("python3") || !self.has_program("python") { "python3" } else { "python" };
            (vec![name.into()], format!("no virtual environment found: {name} from PATH"))
        };
        Interpreter { command, why }
    }

    /// What shows that this is a pytest project, or nothing.
    #[must_use]
    pub fn pytest_sign(&self) -> Option<String> {
        let configured = || {
            let sections = [("pyproject.toml", "tool.pytest"), ("setup.cfg", "tool:pytest"), ("tox.ini", "pytest")];
            sections.into_iter().find(|(file, section)| self.has_section(file, section))
        };
        let own = ["pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"];
        if let Some(file) = own.iter().find(|file| self.has(file)) {
            return Some(format!("it has {file}"));
        }
        if let Some((file, _)) = configured() {
            return Some(format!("{file} configures pytest"));
        }
        if let Some(file) = self.files.iter().find(|file| file_name(file) == "conftest.py") {
            return Some(format!("it has {file}"));
        }
        self.files.iter().find(|file| is_test_file(file)).map(|file| format!("it has {file}"))
    }

    fn has(&self, file: &str) -> bool {
        self.files.contains(&file)
    }

    fn has_program(&self, program: &str) -> bool {
        self.programs.contains(&program)
    }

    fn is_poetry(&self) -> bool {
        self.has("poetry.lock") || self.has_section("pyproject.toml", "tool.poetry")
    }

    /// Whether a file has the section `[name]` or one below it, `[name.…]`.
    fn has_section(&self, file: &str, name: &str) -> bool {
        let content = self.contents.iter().find(|(other, _)| *other == file).map_or("", |(_, content)| *content);
        let rest_of = |line: &'_ str| line.trim_start().strip_prefix('[')?.strip_prefix(name)?.chars().next();
        content.lines().any(|line| matches!(rest_of(line), Some(']' | '.')))
    }
}

/// Whether pytest would look for tests in this file, by its usual rules.
#[must_use]
pub fn is_test_file(path: &str) -> bool {
    let Some(stem) = file_name(path).strip_suffix(".py") else { return false };
    stem.starts_with("test_") || stem.ends_with("_test")
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(around: Surroundings<'_>, command: &str, why: &str) {
        let found = Surroundings { root: "/p", ..around }.interpreter();
        assert_eq!((found.command.join(" ").as_str(), found.why.as_str()), (command, why));
    }

    #[test]
    fn the_nearest_python_wins() {
        let mut files = vec![".venv/bin/python", "venv/bin/python", "uv.lock", "poetry.lock"];
        let programs = ["uv", "poetry", "python3", "python"];
        let active =
            Surroundings { virtual_env: Some("/envs/a/"), files: &files, programs: &programs, ..Default::default() };
        check(active, "/envs/a/bin/python", "VIRTUAL_ENV is /envs/a/");
        for (command, why) in [
            ("/p/.venv/bin/python", "the project has .venv"),
            ("/p/venv/bin/python", "the project has venv"),
            ("uv run python", "the project has uv.lock"),
            ("poetry run python", "the project is poetry's"),
            ("python3", "no virtual environment found: python3 from PATH"),
        ] {
            check(Surroundings { files: &files, programs: &programs, ..Default::default() }, command, why);
            files.drain(..1.min(files.len()));
        }
    }

    #[test]
    fn a_lock_file_without_its_tool_chooses_nothing() {
        let around = Surroundings { files: &["uv.lock", "poetry.lock"], programs: &["python"], ..Default::default() };
        check(around, "python", "no virtual environment found: python from PATH");
    }

    #[test]
    fn a_pytest_project_is_known_by_its_signs() {
        let sign = |files: &[&str], contents: &[(&str, &str)]| {
            Surroundings { files, contents, ..Default::default() }.pytest_sign()
        };
        assert_eq!(sign(&["pytest.ini"], &[]).as_deref(), Some("it has pytest.ini"));
        let pyproject = [("pyproject.toml", "[project]\nname = 'a'\n\n[tool.pytest.ini_options]\n")];
        assert_eq!(sign(&[], &pyproject).as_deref(), Some("pyproject.toml configures pytest"));
        assert_eq!(sign(&[], &[("setup.cfg", "[tool:pytest]\n")]).as_deref(), Some("setup.cfg configures pytest"));
        assert_eq!(sign(&[], &[("tox.ini", "[tox]\n[pytest]\n")]).as_deref(), Some("tox.ini configures pytest"));
        assert_eq!(sign(&["tests/conftest.py"], &[]).as_deref(), Some("it has tests/conftest.py"));
        assert_eq!(sign(&["src/a.py", "tests/unit/test_a.py"], &[]).as_deref(), Some("it has tests/unit/test_a.py"));
        assert_eq!(sign(&["src/a.py", "testing.py"], &[("tox.ini", "[tox]\n# [pytest]\n")]), None);
    }
}
