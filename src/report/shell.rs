//! Words of a command line as a shell needs them, for people to read and paste.

/// A word as a shell would need it, quoted only where it must be.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A command as a shell would need it.
#[must_use]
pub fn command_line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// A command with a list of words, as a shell would need it: on one line, or with a line for each word where there are
/// several, so that people can read it.
#[must_use]
pub fn command_lines<'a>(command: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(quoted).collect();
    let joint = if words.len() > 2 { " \\\n    " } else { " " };
    std::iter::once(command.to_owned()).chain(words).collect::<Vec<_>>().join(joint)
}

/// The command that runs these tests again: the runner as people start it, and the tests by their full names.
#[must_use]
pub fn rerun_command<'a>(runner: &str, nodes: impl IntoIterator<Item = &'a str>) -> String {
    let nodes = command_line(nodes);
    if nodes.is_empty() { runner.to_owned() } else { format!("{runner} {nodes}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted_as_it_is_shown() {
        let command = ["python3", "deploy.py", "it's $HOME", ""];
        assert_eq!(command_line(command), r"python3 deploy.py 'it'\''s $HOME' ''");
        assert_eq!(command_lines("a b", ["c d"]), "a b 'c d'");
        assert_eq!(command_lines("a", ["b", "c", "d e"]), "a \\\n    b \\\n    c \\\n    'd e'");
    }

    #[test]
    fn a_test_is_rerun_by_its_full_name() {
        let node = "tests/test_a.py::test_b[x y-$(rm)]";
        assert_eq!(rerun_command("python -m pytest", [node]), format!("python -m pytest '{node}'"));
        assert_eq!(rerun_command("pytest", []), "pytest");
    }
}
