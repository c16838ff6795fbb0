//! The whole way from texts to a project that can be used, with every mistake on it.
//!
//! A mistake in the user's own file costs the setting that it is in and is a notice: nobody's work stops because of a
//! colour. A mistake in the project's file is an error, because aiming tests or deploys at the wrong place is worse than
//! not starting.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::complaint::suggestion;
use super::layers::{self, MOST_MISTAKES, Reading};
use super::mistake::{Mistake, Mistakes};
use super::places::{Layer, Part, Source};
use super::project::Project;
use super::resolve::{Environment, Remark, resolve};
use super::settings::{EditorSettings, NoticeSettings, Settings, UiSettings};

/// How many frames a second make sense.
const FRAMES: RangeInclusive<u16> = 1..=120;

/// Words that other parts of the program define, so that this part need not know those.
#[derive(Clone, Copy)]
pub struct Vocabulary<'v> {
    /// The names of all actions.
    pub actions: &'v [&'v str],
    /// The names of all themes that exist, built in or in the user's folder; `auto` is understood.
    pub themes: &'v [&'v str],
    /// Says what is wrong with the name of a key.
    pub key: &'v dyn Fn(&str) -> Result<(), String>,
}

/// Everything a session is started with.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// What the engine takes.
    pub project: Project,
    /// How the screen looks and behaves.
    pub ui: UiSettings,
    /// How somebody who looks elsewhere is called back.
    pub notice: NoticeSettings,
    /// Keys by action, where they differ from the action's own. All names and keys in it are known.
    pub keys: BTreeMap<String, Vec<String>>,
    /// The program that opens a file at a line.
    pub editor: EditorSettings,
    /// What the project's file says, for which trust is given: exactly what all this was made from.
    pub project_text: Option<String>,
    /// What the user should hear about and can go on with.
    pub notices: Vec<Mistake>,
}

/// What came out of one load.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// Missing when there are errors.
    pub configuration: Option<Configuration>,
    /// What keeps the configuration from being used, in the order of the files.
    pub errors: Vec<Mistake>,
    /// What does not, in the order of the files.
    pub notices: Vec<Mistake>,
}

impl Loaded {
    /// Adds a mistake that was found outside the texts.
    pub(super) fn add(&mut self, mistake: Mistake) {
        if mistake.layer == Layer::User {
            if let Some(configuration) = &mut self.configuration {
                configuration.notices.push(mistake.clone());
            }
            self.notices.push(mistake);
        } else {
            self.configuration = None;
            self.errors.push(mistake);
        }
    }

    /// The configuration, if it may be used.
    ///
    /// # Errors
    /// All mistakes that keep it from being used.
    pub fn accept(self) -> Result<Configuration, Mistakes> {
        self.configuration.ok_or(Mistakes(self.errors))
    }
}

/// Loads layers, the later ones winning. The built-in one is put under them.
pub fn load(layers: &[Source], vocabulary: Vocabulary<'_>, env: Environment<'_>) -> Loaded {
    let sources: Vec<Source> = std::iter::once(Source::built_in()).chain(layers.iter().cloned()).collect();
    let mut findings = Findings::new(layers::read(&sources));
    let Some(mut settings) = findings.reading.settings.take() else {
        return findings.without_the_users_file(&sources, vocabulary, env);
    };
    findings.check_theme(&mut settings, vocabulary);
    findings.check_frames(&mut settings);
    findings.check_keys(&mut settings, vocabulary);
    let resolution = resolve(&settings, env);
    for remark in resolution.remarks {
        findings.add_remark(remark);
    }
    let (errors, notices) = findings.sorted();
    let configuration = errors.is_empty().then(|| Configuration {
        project: resolution.project,
        ui: settings.ui,
        notice: settings.notice,
        keys: settings.keys,
        editor: settings.editor,
        project_text: layers.iter().find(|source| source.layer == Layer::Project).map(|source| source.text.clone()),
        notices: notices.clone(),
    });
    Loaded { configuration, errors, notices }
}

/// What was found so far.
struct Findings {
    reading: Reading,
    errors: Vec<Mistake>,
    notices: Vec<Mistake>,
}

impl Findings {
    fn new(mut reading: Reading) -> Self {
        let mistakes = std::mem::take(&mut reading.mistakes);
        let mut findings = Self { reading, errors: Vec::new(), notices: Vec::new() };
        mistakes.into_iter().for_each(|mistake| findings.add(mistake));
        findings
    }

    fn add(&mut self, mistake: Mistake) {
        match mistake.layer {
            Layer::User => self.notices.push(mistake),
            Layer::BuiltIn | Layer::Project | Layer::CommandLine => self.errors.push(mistake),
        }
    }

    /// Enough was said for the configuration to be refused and mended; a hostile file cannot make it a long story.
    fn is_full(&self) -> bool {
        self.errors.len() >= MOST_MISTAKES
    }

    fn say(&mut self, path: &str, part: Part, message: String, hint: Option<String>) {
        if self.is_full() {
            return;
        }
        let mut mistake = self.reading.places.mistake_about(path, part, message);
        mistake.hint = hint;
        self.add(mistake);
    }

    fn add_remark(&mut self, remark: Remark) {
        if self.is_full() || (remark.is_notice && self.notices.len() >= MOST_MISTAKES) {
            return;
        }
        let paths = [Some(&remark.path), remark.misses.as_ref()];
        if paths.into_iter().flatten().any(|path| self.reading.has_lost_part_of(path)) {
            // Something was struck out there and said; this is only what follows from it.
            return;
        }
        let places = &self.reading.places;
        let mut mistake = match remark.place {
            Some(place) => places.mistake(place, remark.message),
            None => places.mistake_about(&remark.path, Part::Value, remark.message),
        };
        mistake.hint = remark.hint;
        if remark.is_notice {
            self.notices.push(mistake);
        } else {
            self.add(mistake);
        }
    }

    fn check_theme(&mut self, settings: &mut Settings, vocabulary: Vocabulary<'_>) {
        let theme = &mut settings.ui.theme;
        if theme == "auto" || vocabulary.themes.contains(&theme.as_str()) {
            return;
        }
        let known = || vocabulary.themes.iter().copied().chain(["auto"]);
        let hint = suggestion(theme, known())
            .unwrap_or_else(|| format!("known here: {}", known().collect::<Vec<_>>().join(", ")));
        let message = format!("there is no theme `{theme}`");
        *theme = "auto".to_owned();
        self.say("ui.theme", Part::Value, message, Some(hint));
    }

    fn check_frames(&mut self, settings: &mut Settings) {
        let asked = settings.ui.frames_per_second;
        settings.ui.frames_per_second = asked.clamp(*FRAMES.start(), *FRAMES.end());
        if settings.ui.frames_per_second != asked {
            let message = format!("must be from {} to {}", FRAMES.start(), FRAMES.end());
            self.say("ui.frames_per_second", Part::Value, message, None);
        }
    }

    fn check_keys(&mut self, settings: &mut Settings, vocabulary: Vocabulary<'_>) {
        settings.keys.retain(|action, keys| {
            let path = format!("keys.{action}");
            if !vocabulary.actions.contains(&action.as_str()) {
                let hint = suggestion(action, vocabulary.actions.iter().copied());
                self.say(&path, Part::Key, format!("there is no action `{action}`"), hint);
                return false;
            }
            let troubles: Vec<_> = keys
                .iter()
                .enumerate()
                .filter_map(|(index, key)| Some((index, (vocabulary.key)(key).err()?)))
                .collect();
            let are_known = troubles.is_empty();
            for (index, trouble) in troubles {
                self.say(
                    &format!("{path}.{index}"),
                    Part::Value,
                    trouble,
                    Some("the action keeps its own keys".to_owned()),
                );
            }
            are_known
        });
    }

    /// A user's file that is beyond reading must not take the console with it.
    fn without_the_users_file(
        mut self,
        sources: &[Source],
        vocabulary: Vocabulary<'_>,
        env: Environment<'_>,
    ) -> Loaded {
        let others: Vec<Source> =
            sources.iter().filter(|source| !matches!(source.layer, Layer::User | Layer::BuiltIn)).cloned().collect();
        if self.errors.is_empty() && others.len() + 1 < sources.len() {
            let mut loaded = load(&others, vocabulary, env);
            self.notices.append(&mut loaded.notices);
            if let Some(configuration) = &mut loaded.configuration {
                configuration.notices.clone_from(&self.notices);
            }
            return Loaded { notices: self.notices, ..loaded };
        }
        let (errors, notices) = self.sorted();
        Loaded { configuration: None, errors, notices }
    }

    fn sorted(&mut self) -> (Vec<Mistake>, Vec<Mistake>) {
        let sort = |mistakes: &mut Vec<Mistake>| {
            mistakes.sort_by_key(|mistake| (mistake.layer, mistake.line, mistake.column));
            std::mem::take(mistakes)
        };
        (sort(&mut self.errors), sort(&mut self.notices))
    }
}
