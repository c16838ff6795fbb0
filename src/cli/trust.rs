//! The question that is asked before a project's file may start programs.

use std::fmt::Write as _;
use std::io::{self, BufRead, Write};
use std::path::Path;

use crate::config::trust::{NamedCommand, TrustStore, shown};

/// Where the answer may come from.
pub enum Consent<'io> {
    /// Somebody said so on the command line (`--trust`), or by asking for a run (`liveloop run`).
    Given,
    /// A person at a terminal.
    Ask {
        /// What they type.
        answers: &'io mut dyn BufRead,
        /// What they see.
        questions: &'io mut dyn Write,
    },
    /// Nobody is there.
    Nobody,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The commands may be started.
    Trusted,
    /// They may be started now; the yes could not be kept for the next time, for this reason.
    TrustedOnce(String),
    /// They must not be started.
    Refused,
}

/// Decides whether the commands of a project's file may be started, and keeps a yes.
///
/// `path` is the real path of the file, `content` what was read from it, `commands` what it names. A file without
/// commands needs no trust. Without a store, nothing is remembered.
///
/// # Errors
/// When the question cannot be asked.
pub fn decide(
    store: Option<&TrustStore>,
    path: &Path,
    content: &str,
    commands: &[NamedCommand],
    consent: Consent<'_>,
) -> io::Result<Decision> {
    if commands.is_empty() || store.is_some_and(|store| store.is_trusted(path, content)) {
        return Ok(Decision::Trusted);
    }
    let is_yes = match consent {
        Consent::Given => true,
        Consent::Nobody => false,
        Consent::Ask { answers, questions } => ask(path, commands, answers, questions)?,
    };
    Ok(if is_yes { keep(store, path, content) } else { Decision::Refused })
}

/// A yes counts also where it cannot be kept, as in a container without a home.
fn keep(store: Option<&TrustStore>, path: &Path, content: &str) -> Decision {
    match store.map(|store| store.remember(path, content)) {
        Some(Ok(())) => Decision::Trusted,
        Some(Err(error)) => Decision::TrustedOnce(error.to_string()),
        None => Decision::TrustedOnce("neither XDG_STATE_HOME nor HOME says where".to_owned()),
    }
}

fn ask(
    path: &Path,
    commands: &[NamedCommand],
    answers: &mut dyn BufRead,
    questions: &mut dyn Write,
) -> io::Result<bool> {
    write!(questions, "{}\nRun these when asked to? [y/N] ", list(path, commands))?;
    questions.flush()?;
    let mut answer = Vec::new();
    // Only the first word counts, and nobody types a long one.
    io::Read::take(answers, 256).read_until(b'\n', &mut answer)?;
    let answer = String::from_utf8_lossy(&answer).trim().to_lowercase();
    Ok(answer == "y" || answer == "yes")
}

/// What the file names, in words and lines that can be read in any terminal.
pub fn list(path: &Path, commands: &[NamedCommand]) -> String {
    let mut text = format!(
        "{} names commands that you have not agreed to yet:\n",
        crate::config::mistake::visible(&path.display().to_string())
    );
    for command in commands {
        // Writing into a string cannot fail.
        let _ = write!(text, "\n  {}\n    {}\n", command.purpose, shown(&command.command));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::project::CommandSpec;

    fn command(words: &[&str]) -> NamedCommand {
        NamedCommand {
            purpose: "deploy of backend".to_owned(),
            command: CommandSpec {
                argv: words.iter().map(|word| (*word).to_owned()).collect(),
                env: Vec::new(),
                directory: None,
            },
        }
    }

    struct Project {
        folder: tempfile::TempDir,
        commands: Vec<NamedCommand>,
    }

    impl Project {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a temporary folder");
            Self { folder, commands: vec![command(&["python", "deploy.py", "backend"])] }
        }

        fn decide(&self, content: &str, consent: Consent<'_>) -> Decision {
            let store = TrustStore::new(self.folder.path().join("trust"));
            decide(Some(&store), Path::new("/project/liveloop.toml"), content, &self.commands, consent)
                .expect("a decision")
        }

        fn answer(&self, content: &str, answer: &str) -> (Decision, String) {
            let mut questions = Vec::new();
            let decision =
                self.decide(content, Consent::Ask { answers: &mut answer.as_bytes(), questions: &mut questions });
            (decision, String::from_utf8(questions).expect("text"))
        }
    }

    #[test]
    fn a_yes_is_asked_once_for_each_content() {
        let project = Project::new();
        let (decision, questions) = project.answer("a = 1", "y\n");
        assert_eq!(decision, Decision::Trusted);
        assert_eq!(
            questions,
            "/project/liveloop.toml names commands that you have not agreed to yet:\n\n  deploy of backend\n    python deploy.py backend\n\nRun these when asked to? [y/N] "
        );
        assert_eq!(project.answer("a = 1", ""), (Decision::Trusted, String::new()));
        let (decision, questions) = project.answer("a = 2", "\n");
        assert_eq!(decision, Decision::Refused);
        assert!(questions.contains("deploy.py"));
    }

    #[test]
    fn anything_but_yes_is_no() {
        let project = Project::new();
        for answer in ["", "\n", "n\n", "yy\n", "yep", "\0\n", "\u{1b}[A\n", &"y".repeat(100_000)] {
            assert_eq!(project.answer("a", answer).0, Decision::Refused, "{answer:.20}");
        }
        assert_eq!(project.decide("a", Consent::Nobody), Decision::Refused);
        assert_eq!(project.answer("a", " YES \r\n").0, Decision::Trusted);
    }

    #[test]
    fn a_given_consent_is_kept() {
        let project = Project::new();
        assert_eq!(project.decide("a", Consent::Given), Decision::Trusted);
        assert_eq!(project.decide("a", Consent::Nobody), Decision::Trusted);
        assert_eq!(project.decide("b", Consent::Nobody), Decision::Refused);
    }

    #[test]
    fn a_yes_counts_where_it_cannot_be_kept() {
        let project = Project::new();
        std::fs::write(project.folder.path().join("trust"), "in the way").expect("a file");
        assert!(matches!(project.decide("a", Consent::Given), Decision::TrustedOnce(_)));
        let path = Path::new("/project/liveloop.toml");
        let decision = decide(None, path, "a", &project.commands, Consent::Given).expect("a decision");
        assert!(matches!(decision, Decision::TrustedOnce(_)));
    }

    #[test]
    fn nothing_to_run_needs_no_answer() {
        let project = Project { commands: Vec::new(), ..Project::new() };
        assert_eq!(project.decide("a", Consent::Nobody), Decision::Trusted);
    }

    #[test]
    fn a_command_cannot_hide_what_it_does() {
        let text = list(Path::new("p"), &[command(&["sh", "-c", "echo hi\n\n\u{1b}[2Jrm -rf ~", "\u{202e}", ""])]);
        assert!(text.contains("sh -c 'echo hi<U+000A><U+000A><U+001B>[2Jrm -rf ~' '<U+202E>' ''"), "{text}");
    }
}
