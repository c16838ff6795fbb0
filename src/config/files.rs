//! Which files there are, and what is in them. Looking at the disk happens here and nowhere else in this folder.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::load::{Loaded, Vocabulary, load};
use super::mistake::Mistake;
use super::places::{Layer, Source};
use super::resolve::Environment;

/// The name of a project's file.
pub const PROJECT_FILE: &str = "liveloop.toml";

/// No settings file is larger; anything else was named by mistake.
const LARGEST: u64 = 256 << 10;

/// The user's folders, as the XDG rules have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFolders {
    /// Holds `config.toml` and `themes/`. None where neither `XDG_CONFIG_HOME` nor `HOME` says where.
    pub config: Option<PathBuf>,
    /// Holds what was agreed to. None where neither `XDG_STATE_HOME` nor `HOME` says where.
    pub state: Option<PathBuf>,
}

impl UserFolders {
    /// Reads them from the environment. A relative path there counts as none, as the rules say.
    pub fn of(env: Environment<'_>) -> Self {
        let absolute = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = |name: &str, below_home: &str| {
            let base = absolute(name).or_else(|| Some(absolute("HOME")?.join(below_home)))?;
            Some(base.join("liveloop"))
        };
        Self { config: folder("XDG_CONFIG_HOME", ".config"), state: folder("XDG_STATE_HOME", ".local/state") }
    }

    /// The user's own settings.
    pub fn settings(&self) -> Option<PathBuf> {
        Some(self.config.as_ref()?.join("config.toml"))
    }

    /// The user's own themes.
    pub fn themes(&self) -> Option<PathBuf> {
        Some(self.config.as_ref()?.join("themes"))
    }

    /// Where trust is kept.
    pub fn trust(&self) -> Option<PathBuf> {
        Some(self.state.as_ref()?.join("trust"))
    }
}

/// The project's file: in this folder, or in the nearest one above it up to the top of the repository.
pub fn find_project_file(start: &Path) -> Option<PathBuf> {
    for folder in start.ancestors() {
        let file = folder.join(PROJECT_FILE);
        if file.is_file() {
            return Some(file);
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

/// What a session in some project reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// The project's file, if there is one.
    pub project: Option<PathBuf>,
    /// Where the user keeps theirs.
    pub user: UserFolders,
}

/// Reads the files that there are and loads them under what the command line sets.
///
/// `vocabulary` names the built-in themes; the user's own are found here.
pub fn load_files(
    files: &Files,
    command_line: Option<Source>,
    vocabulary: Vocabulary<'_>,
    env: Environment<'_>,
) -> Loaded {
    let (mut sources, mut unreadable) = (Vec::new(), Vec::new());
    for (layer, path) in [(Layer::User, files.user.settings()), (Layer::Project, files.project.clone())] {
        match path.map(|path| read_layer(layer, &path)) {
            None | Some(Ok(None)) => {}
            Some(Ok(Some(source))) => sources.push(source),
            Some(Err(mistake)) => unreadable.push(*mistake),
        }
    }
    sources.extend(command_line);
    let own_themes = files.user.themes().map(|folder| theme_names(&folder)).unwrap_or_default();
    let themes: Vec<&str> = vocabulary.themes.iter().copied().chain(own_themes.iter().map(String::as_str)).collect();
    let mut loaded = load(&sources, Vocabulary { themes: &themes, ..vocabulary }, env);
    unreadable.into_iter().for_each(|mistake| loaded.add(mistake));
    loaded
}

/// Reads a file as a layer; a file that is not there is no layer.
///
/// # Errors
/// When it is there and cannot be read, is no text, or is larger than any settings file.
pub fn read_layer(layer: Layer, path: &Path) -> Result<Option<Source>, Box<Mistake>> {
    match read(path) {
        Ok(text) => Ok(Some(Source::new(layer, short(path), text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let unread = Source::new(layer, short(path), "");
            Err(Box::new(Mistake::new(&unread, 0..0, format!("cannot be read: {error}"))))
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 256 KiB"));
    }
    // Some editors begin a file with a byte order mark; TOML has none.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The names of the themes in a folder.
pub fn theme_names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .take(1_000)
        .collect();
    names.sort();
    names
}

/// A path as it is shown: relative to where one is, where that is shorter.
fn short(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
