//! The editor of a person's choice at a place in a file.

use std::io::{Read as _, Write as _};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use super::shell;

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line, where one is known.
    pub line: Option<NonZeroU32>,
}

/// The command that opens `place`, for what the configuration, `$VISUAL` or `$EDITOR` hold. `{file}` and `{line}` are
/// put in where they stand. Each editor is told the line in its own way;
/// one that is not known is told the file alone.
#[must_use]
pub fn command(editor: &str, place: &Place) -> Vec<String> {
    let mut words = shell::words(editor);
    if words.iter().any(|word| word.contains("{file}")) {
        let line = place.line.map_or(1, NonZeroU32::get).to_string();
        let path = place.path.to_string_lossy();
        return words.iter().map(|word| word.replace("{file}", &path).replace("{line}", &line)).collect();
    }
    let program = words.first().map(Path::new).and_then(Path::file_stem).and_then(|name| name.to_str());
    let path = place.path.to_string_lossy().into_owned();
    match (program.unwrap_or(""), place.line) {
        (
            "vi" | "vim" | "nvim" | "view" | "nano" | "emacs" | "emacsclient" | "kak" | "micro" | "joe" | "ne",
            Some(line),
        ) => {
            words.extend([format!("+{line}"), path]);
        }
        ("code" | "code-insiders" | "codium" | "cursor" | "windsurf", Some(line)) => {
            words.extend(["-g".to_owned(), format!("{path}:{line}")]);
        }
        ("hx" | "helix" | "zed" | "subl", Some(line)) => words.push(format!("{path}:{line}")),
        ("idea" | "pycharm" | "rustrover" | "kate", Some(line)) => {
            words.extend(["--line".to_owned(), line.to_string(), path]);
        }
        (_, _) => words.push(path),
    }
    words
}

/// Runs the editor on the terminal and waits for it. The screen must have been given up before.
///
/// # Errors
/// When there is no such program, or it ended badly: what was tried, and what to do.
pub async fn edit(editor: &str, place: &Place) -> Result<(), String> {
    let words = command(editor, place);
    let Some((program, arguments)) = words.split_first().filter(|(program, _)| !program.is_empty()) else {
        return Err("no editor is set: set $EDITOR, for example to `vim`".to_owned());
    };
    match tokio::process::Command::new(program).args(arguments).status().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} ended with {status}")),
        Err(error) => Err(format!("could not start {program}: {error}; set $EDITOR to another editor")),
    }
}

/// How much of a text is read back from the editor.
const READ_BACK: u64 = 64 << 10;

/// Lets a person change a text in their editor, by a file that nobody else can read and that goes afterwards.
///
/// # Errors
/// When the file cannot be written or read back, or the editor failed: what was tried, and why.
pub async fn write(editor: &str, text: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("could not pass the note to the editor: {error}");
    let mut file = tempfile::Builder::new().prefix("note-").suffix(".md").tempfile().map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(failed)?;
    let line = text.lines().position(|line| !line.trim().is_empty()).and_then(|n| NonZeroU32::new(n as u32 + 1));
    edit(editor, &Place { path: file.path().to_owned(), line }).await?;
    // Many editors write another file and give it the name: it is opened anew.
    let mut edited = String::new();
    let read = std::fs::File::open(file.path()).and_then(|file| file.take(READ_BACK).read_to_string(&mut edited));
    read.map(|_| edited).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(editor: &str, line: u32, expected: &str) {
        let place = Place { path: "t/test a.py".into(), line: NonZeroU32::new(line) };
        assert_eq!(command(editor, &place).join("|"), expected);
    }

    #[test]
    fn each_editor_is_told_the_line_in_its_own_way() {
        check("vim", 12, "vim|+12|t/test a.py");
        check("/usr/bin/nvim -p", 12, "/usr/bin/nvim|-p|+12|t/test a.py");
        check("code --wait", 3, "code|--wait|-g|t/test a.py:3");
        check("hx", 7, "hx|t/test a.py:7");
        check("ed", 7, "ed|t/test a.py");
        check("vim", 0, "vim|t/test a.py");
    }
}
