//! From a folder to a project that can be opened: configuration, trust, and the runner that is there anyway.

use std::collections::VecDeque;
use std::io::{IsTerminal, stdin, stdout};
use std::path::{Path, PathBuf};

use super::trust::{Consent, Decision, decide};
use crate::adapters::detect::{self, Detected};
use crate::adapters::python::{self, Surroundings};
use crate::config::files::{Files, PROJECT_FILE, UserFolders, find_project_file, load_files};
use crate::config::load::{Configuration, Vocabulary};
use crate::config::mistake::Mistakes;
use crate::config::project::{RunnerSpec, RunnerTool};
use crate::config::trust::{TrustStore, commands_in};
use crate::engine::session::SessionOptions;
use crate::ui::action::ACTIONS;
use crate::ui::chord::Chord;

/// The themes that the program brings along.
pub const THEMES: [&str; 3] = ["dark", "light", "high-contrast"];

/// Why a project cannot be opened.
#[derive(Debug)]
pub enum NotUsable {
    /// The folder cannot be used.
    Folder(String),
    /// The configuration has mistakes.
    Configuration(Mistakes),
    /// Its commands may not be started.
    NotTrusted(String),
}

impl std::fmt::Display for NotUsable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(why) | Self::NotTrusted(why) => f.write_str(why),
            Self::Configuration(mistakes) => write!(f, "{mistakes}"),
        }
    }
}

/// Who says yes to the commands of a project's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Yes {
    /// It was said on the command line.
    Given,
    /// The person at the terminal is asked.
    Ask,
}

/// A project that can be opened.
#[derive(Debug)]
pub struct Opening {
    /// What a session is opened with.
    pub session: SessionOptions,
    /// What the screen is set up with.
    pub configuration: Configuration,
    /// The user's own themes.
    pub themes: Option<PathBuf>,
}

/// Where a project's folder is, and which files configure it.
///
/// # Errors
/// When the given folder does not exist.
pub fn locate(given: Option<&Path>) -> Result<(PathBuf, Files), NotUsable> {
    let start = given.map_or_else(std::env::current_dir, Path::canonicalize).map_err(|error| {
        let name = given.unwrap_or(Path::new(".")).display();
        NotUsable::Folder(format!("the folder {name} cannot be used: {error}"))
    })?;
    let file = match given {
        Some(_) => Some(start.join(PROJECT_FILE)).filter(|file| file.is_file()),
        None => find_project_file(&start),
    };
    let root = file.as_deref().and_then(Path::parent).unwrap_or(&start).to_owned();
    Ok((root, Files { project: file, user: UserFolders::of(&variable) }))
}

/// Loads a project, asks for trust where it is needed, and finds its runner.
///
/// # Errors
/// When the configuration has mistakes, or nobody said yes to its commands.
pub fn open(root: PathBuf, files: &Files, yes: Yes, what: &'static str) -> Result<Opening, NotUsable> {
    let mut configuration = configure(files)?;
    trust(files, &configuration, yes)?;
    let surroundings = look_around(&root);
    let interpreter = surroundings.known().interpreter();
    let mut why = interpreter.why.clone();
    if configuration.project.runners.is_empty() {
        let found = detect::runners(&surroundings.known().surroundings());
        for Detected { runner, sign } in found.iter().rev() {
            why = format!("{}, because {sign}; {why}", runner.tool.word());
        }
        configuration.project.runners.extend(found.into_iter().map(|detected| detected.runner));
    }
    if !configuration.project.contracts.is_empty() {
        let tool = RunnerTool::Contracts(configuration.project.contracts.clone());
        configuration.project.runners.push(RunnerSpec {
            name: tool.word().to_owned(),
            timeout: None,
            tool,
            services: None,
        });
    }
    let program =
        own_program().map_err(|error| NotUsable::Folder(format!("the program cannot find itself: {error}")))?;
    let project = configuration.project.clone();
    let session = SessionOptions { root, project, python: interpreter.command, why, what, read_only: false, program };
    Ok(Opening { session, configuration, themes: files.user.themes() })
}

/// Loads the settings of a project and of its user.
///
/// # Errors
/// When they have mistakes that cannot be passed over.
pub fn configure(files: &Files) -> Result<Configuration, NotUsable> {
    let loaded = with_vocabulary(|vocabulary| load_files(files, None, vocabulary, &variable));
    loaded.accept().map_err(NotUsable::Configuration)
}

/// The name of the project's runner, configured or found, where it has exactly one.
pub fn only_runner(root: &Path, configuration: &Configuration) -> Option<String> {
    let configured = &configuration.project.runners;
    let names: Vec<String> = match configured.is_empty() {
        false => configured.iter().map(|runner| runner.name.clone()).collect(),
        true => {
            let found = detect::runners(&look_around(root).known().surroundings());
            found.into_iter().map(|detected| detected.runner.name).collect()
        }
    };
    let mut names = names.into_iter();
    names.next().filter(|_| names.next().is_none())
}

/// Our own program, to start children through: still the same one where its file was replaced meanwhile.
///
/// # Errors
/// When the system does not say where it is.
pub fn own_program() -> std::io::Result<PathBuf> {
    let by_kernel = Path::new("/proc/self/exe");
    if by_kernel.exists() { Ok(by_kernel.to_owned()) } else { std::env::current_exe() }
}

/// Calls `with` with the words that configuration may use.
pub fn with_vocabulary<T>(with: impl FnOnce(Vocabulary<'_>) -> T) -> T {
    let actions: Vec<&str> = ACTIONS.iter().map(|spec| spec.name).collect();
    let key = |text: &str| text.parse::<Chord>().map(drop);
    with(Vocabulary { actions: &actions, themes: &THEMES, key: &key })
}

/// A variable of the environment, where it is set and readable.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What this person is called where others see it.
#[must_use]
pub fn own_name() -> String {
    ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| variable(name).filter(|name| !name.is_empty()))
        .or_else(|| name_in(&std::fs::read_to_string("/etc/passwd").ok()?, rustix::process::getuid().as_raw()))
        .unwrap_or_else(|| "somebody".to_owned())
}

/// The name of a user in the text of `/etc/passwd`: containers and services often set no variable.
fn name_in(passwd: &str, user: u32) -> Option<String> {
    let own = |line: &&str| line.split(':').nth(2).and_then(|id| id.parse().ok()) == Some(user);
    let name = passwd.lines().find(own)?.split(':').next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

fn trust(files: &Files, configuration: &Configuration, yes: Yes) -> Result<(), NotUsable> {
    let (Some(path), Some(text)) = (&files.project, &configuration.project_text) else { return Ok(()) };
    let store = files.user.trust().map(TrustStore::new);
    let path = path.canonicalize().unwrap_or_else(|_| path.clone());
    let commands = commands_in(&configuration.project);
    let (mut answers, mut questions) = (stdin().lock(), stdout().lock());
    let consent = match yes {
        Yes::Given => Consent::Given,
        Yes::Ask if stdin().is_terminal() && stdout().is_terminal() => {
            Consent::Ask { answers: &mut answers, questions: &mut questions }
        }
        Yes::Ask => Consent::Nobody,
    };
    match decide(store.as_ref(), &path, text, &commands, consent) {
        Ok(Decision::Trusted | Decision::TrustedOnce(_)) => Ok(()),
        Ok(Decision::Refused) => Err(NotUsable::NotTrusted(format!(
            "{} names commands that nobody has agreed to; answer yes, or pass --trust",
            path.display()
        ))),
        Err(error) => Err(NotUsable::NotTrusted(format!("nobody could be asked about {}: {error}", path.display()))),
    }
}

/// What was found around a project.
struct Around {
    root: String,
    virtual_env: Option<String>,
    files: Vec<String>,
    contents: Vec<(&'static str, String)>,
    programs: Vec<&'static str>,
}

impl Around {
    fn known(&self) -> Known<'_> {
        Known {
            files: self.files.iter().map(String::as_str).collect(),
            contents: self.contents.iter().map(|(name, text)| (*name, text.as_str())).collect(),
            around: self,
        }
    }
}

/// The same, as the adapter takes it.
struct Known<'a> {
    files: Vec<&'a str>,
    contents: Vec<(&'a str, &'a str)>,
    around: &'a Around,
}

impl Known<'_> {
    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            root: &self.around.root,
            virtual_env: self.around.virtual_env.as_deref(),
            files: &self.files,
            contents: &self.contents,
            programs: &self.around.programs,
        }
    }

    fn interpreter(&self) -> python::Interpreter {
        self.surroundings().interpreter()
    }
}

/// The programs that can start Python.
const PYTHONS: [&str; 4] = ["uv", "poetry", "python3", "python"];

fn look_around(root: &Path) -> Around {
    let virtual_env = variable("VIRTUAL_ENV").filter(|folder| Path::new(folder).join("bin/python").exists());
    let mut files: Vec<String> = python::LOOK_FOR
        .iter()
        .chain(detect::LOOK_FOR)
        .filter(|file| root.join(file).exists())
        .map(|file| (*file).to_owned())
        .collect();
    files.extend(first_test_file(root));
    let contents = python::READ
        .iter()
        .chain(detect::READ)
        .filter_map(|file| Some((*file, std::fs::read_to_string(root.join(file)).ok()?)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = |program: &&str| std::env::split_paths(&path).any(|folder| folder.join(program).exists());
    Around {
        root: root.to_string_lossy().into_owned(),
        virtual_env,
        files,
        contents: contents.collect(),
        programs: PYTHONS.iter().chain(detect::PROGRAMS).copied().filter(on_path).collect(),
    }
}

/// One test file is sign enough: the nearest one, found without reading a large tree to its end.
fn first_test_file(root: &Path) -> Option<String> {
    const ENTRIES: usize = 5_000;
    const DEPTH: usize = 5;
    let mut folders = VecDeque::from([(root.to_owned(), 0)]);
    let mut seen = 0;
    while let Some((folder, depth)) = folders.pop_front() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            seen += 1;
            if seen > ENTRIES {
                return None;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && depth < DEPTH && !is_foreign(&name) {
                folders.push_back((entry.path(), depth + 1));
            } else if !is_folder && python::is_test_file(&name) {
                return entry.path().strip_prefix(root).ok().map(|path| path.to_string_lossy().into_owned());
            }
        }
    }
    None
}

/// Folders whose tests are not the project's own.
fn is_foreign(name: &str) -> bool {
    name.starts_with('.') || ["node_modules", "target", "venv", "env", "site-packages", "__pycache__"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::name_in;

    #[test]
    fn a_user_without_variables_has_a_name() {
        let passwd = "root:x:0:0:root:/:/bin/sh\nbroken\nann:x:1000:1000::/:/bin/sh\n";
        assert_eq!(name_in(passwd, 1000).as_deref(), Some("ann"));
        assert_eq!(name_in(passwd, 7), None);
    }
}
