//! `liveloop check`: every mistake in the settings, the keys and the themes at once, each where it stands.

use crate::config::files::{Files, load_files, read_layer, theme_names};
use crate::config::load::Vocabulary;
use crate::config::mistake::{Mistake, count};
use crate::config::places::{Layer, Source};
use crate::config::resolve::Environment;
use crate::ui::theme_file::Palette;

/// What a check found, ready to be printed, and the exit code that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The text for standard output.
    pub text: String,
    /// 0 when everything is in order, 2 when something has to be mended.
    pub exit_code: u8,
}

/// Checks everything that a session would read, and every theme of the user.
///
/// A mistake in the user's own file costs a session no more than a setting. Here it counts: somebody asked.
pub fn check(files: &Files, vocabulary: Vocabulary<'_>, env: Environment<'_>) -> Report {
    let loaded = load_files(files, None, vocabulary, env);
    let (mut mistakes, mut notes) = (loaded.errors, Vec::new());
    for notice in loaded.notices {
        let to = if notice.layer == Layer::User { &mut mistakes } else { &mut notes };
        to.push(notice);
    }
    mistakes.extend(mistakes_in_themes(files));
    report(&mistakes, &notes)
}

fn mistakes_in_themes(files: &Files) -> Vec<Mistake> {
    let Some(folder) = files.user.themes() else {
        return Vec::new();
    };
    let paths = theme_names(&folder).into_iter().map(|name| folder.join(format!("{name}.toml")));
    paths
        .flat_map(|path| match read_layer(Layer::User, &path) {
            Ok(Some(theme)) => mistakes_in(&theme),
            Ok(None) => Vec::new(),
            Err(mistake) => vec![*mistake],
        })
        .collect()
}

fn mistakes_in(theme: &Source) -> Vec<Mistake> {
    let (_, errors) = Palette::parse(&theme.name, &theme.text, &Palette::dark());
    errors.into_iter().map(|error| Mistake::new(theme, error.span.unwrap_or(0..0), error.what)).collect()
}

fn report(mistakes: &[Mistake], notes: &[Mistake]) -> Report {
    let mistakes_text = mistakes.iter().map(|mistake| format!("{mistake}\n\n"));
    let notes_text = notes.iter().map(|note| format!("note: {note}\n\n"));
    let verdict = match mistakes.len() {
        0 => "everything is in order\n".to_owned(),
        more => format!("{}\n", count(more)),
    };
    Report {
        text: mistakes_text.chain(notes_text).chain([verdict]).collect(),
        exit_code: if mistakes.is_empty() { 0 } else { 2 },
    }
}
