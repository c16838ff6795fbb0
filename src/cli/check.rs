//! `liveloop check`: every mistake in the settings, the keys and the theme at once, each where it stands.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::config::files::{UserFolders, read_layer, theme_names};
use crate::config::load::{Loaded, Vocabulary, load};
use crate::config::mistake::{Mistake, count, visible};
use crate::config::places::{Layer, Source};
use crate::config::resolve::Environment;
use crate::config::theme::{ThemeWords, check_theme};

/// What a check found, ready to be printed, and the exit code that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The text for standard output.
    pub text: String,
    /// 0 when everything is in order, 2 when something has to be mended.
    pub exit_code: u8,
}

/// What a check looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// The project's file, if there is one.
    pub project: Option<PathBuf>,
    /// Where the user keeps theirs.
    pub user: UserFolders,
}

/// The words that other parts of the program define.
#[derive(Clone, Copy)]
pub struct Words<'w> {
    /// The names of all actions.
    pub actions: &'w [&'w str],
    /// Says what is wrong with the name of a key.
    pub key: &'w dyn Fn(&str) -> Result<(), String>,
    /// The names of the built-in themes.
    pub themes: &'w [&'w str],
    /// What a theme may say.
    pub theme: ThemeWords<'w>,
}

/// Checks everything that a session in this project would read.
pub fn check(files: &Files, words: Words<'_>, env: Environment<'_>) -> Report {
    let mut check = Check::default();
    let layers: Vec<Source> = [
        files
            .user
            .settings()
            .and_then(|path| check.read(Layer::User, &path)),
        files
            .project
            .as_ref()
            .and_then(|path| check.read(Layer::Project, path)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let own_themes = files
        .user
        .themes()
        .map(|folder| theme_names(&folder))
        .unwrap_or_default();
    let themes: Vec<&str> = words
        .themes
        .iter()
        .copied()
        .chain(own_themes.iter().map(String::as_str))
        .collect();
    let vocabulary = Vocabulary {
        actions: words.actions,
        themes: &themes,
        key: words.key,
    };
    check.settings(load(&layers, vocabulary, env));
    if let Some(folder) = files.user.themes() {
        for name in &own_themes {
            if let Some(theme) = check.read(Layer::User, &folder.join(format!("{name}.toml"))) {
                check.mistakes.extend(check_theme(&theme, words.theme));
            }
        }
    }
    check.report()
}

#[derive(Default)]
struct Check {
    files: Vec<String>,
    unreadable: Vec<String>,
    mistakes: Vec<Mistake>,
    notices: Vec<Mistake>,
}

impl Check {
    fn read(&mut self, layer: Layer, path: &Path) -> Option<Source> {
        match read_layer(layer, path) {
            Ok(Some(source)) => {
                self.files.push(source.name.clone());
                Some(source)
            }
            Ok(None) => None,
            Err(error) => {
                self.unreadable
                    .push(format!("{}: cannot be read: {error}", path.display()));
                None
            }
        }
    }

    /// A mistake in the user's file only costs a setting in a session. Here it counts: somebody asked.
    fn settings(&mut self, loaded: Loaded) {
        self.mistakes.extend(loaded.errors);
        for notice in loaded.notices {
            if notice.layer == Layer::User {
                self.mistakes.push(notice);
            } else {
                self.notices.push(notice);
            }
        }
    }

    fn report(self) -> Report {
        let mut text = String::new();
        for line in &self.unreadable {
            say(&mut text, &format!("{}\n\n", visible(line)));
        }
        for mistake in &self.mistakes {
            say(&mut text, &format!("{mistake}\n\n"));
        }
        for notice in &self.notices {
            say(&mut text, &format!("note: {notice}\n\n"));
        }
        let wrong = self.unreadable.len() + self.mistakes.len();
        let files = match self.files.as_slice() {
            [] => "no settings of your own; the built-in ones hold".to_owned(),
            files => visible(&files.join(", ")),
        };
        let verdict = if wrong == 0 {
            "in order".to_owned()
        } else {
            count(wrong)
        };
        say(&mut text, &format!("{files}: {verdict}\n"));
        Report {
            text,
            exit_code: if wrong == 0 { 0 } else { 2 },
        }
    }
}

fn say(text: &mut String, part: &str) {
    // Writing into a string cannot fail.
    let _ = text.write_str(part);
}
