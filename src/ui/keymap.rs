//! Which keys do what: the table's defaults, and over them what a person configured.

use std::collections::BTreeMap;
use std::fmt;

use super::action::{ACTIONS, Action, Context, default_chords};
use super::chord::Chord;

/// Which keys do what.
#[derive(Debug, Clone, PartialEq)]
pub struct Keymap {
    /// By action, in the order of the table.
    chords: Vec<Vec<Chord>>,
}

/// A mistake in configured keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeymapError {
    /// No action has that name.
    UnknownAction {
        /// The name.
        name: String,
        /// The name that was probably meant.
        meant: Option<&'static str>,
    },
    /// What is bound is no key.
    NoKey {
        /// The action that it is bound to.
        name: String,
        /// What is written there.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// Two actions were given the same key where both are heard.
    Clash {
        /// The key.
        key: String,
        /// The action that keeps it.
        name: &'static str,
        /// The action that does not get it.
        other: &'static str,
    },
}

impl fmt::Display for KeymapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAction { name, meant: Some(meant) } => write!(f, "no action is called `{name}`; `{meant}`?"),
            Self::UnknownAction { name, meant: None } => write!(f, "no action is called `{name}`; `?` lists them"),
            Self::NoKey { name, why, .. } => write!(f, "{name}: {why}"),
            Self::Clash { key, name, other } => write!(f, "`{key}` is bound to both `{name}` and `{other}`"),
        }
    }
}

impl Default for Keymap {
    fn default() -> Self {
        Self { chords: ACTIONS.iter().map(|spec| default_chords(spec).collect()).collect() }
    }
}

impl Keymap {
    /// The defaults with a person's own keys over them: an action that is named there has exactly the keys that are
    /// given, and a default key gives way to them. Every mistake is reported, and what is not mistaken holds.
    #[must_use]
    pub fn new(configured: &BTreeMap<String, Vec<String>>) -> (Self, Vec<KeymapError>) {
        let mut keymap = Self::default();
        let mut errors = Vec::new();
        let mut own: Vec<(Action, Chord)> = Vec::new();
        for (name, keys) in configured {
            let Some(action) = Action::named(name) else {
                errors.push(KeymapError::UnknownAction { name: name.clone(), meant: meant(name) });
                continue;
            };
            keymap.chords[action as usize].clear();
            for key in keys {
                match key.parse::<Chord>() {
                    Err(why) => errors.push(KeymapError::NoKey { name: name.clone(), key: key.clone(), why }),
                    Ok(chord) => match own.iter().find(|(other, taken)| *taken == chord && meet(*other, action)) {
                        Some((other, _)) if *other == action => {}
                        Some((other, _)) => errors.push(KeymapError::Clash {
                            key: chord.to_string(),
                            name: other.name(),
                            other: action.name(),
                        }),
                        None => own.push((action, chord)),
                    },
                }
            }
        }
        for (action, chord) in own {
            for spec in ACTIONS.iter().filter(|spec| meet(spec.action, action)) {
                keymap.chords[spec.action as usize].retain(|other| *other != chord);
            }
            keymap.chords[action as usize].push(chord);
        }
        (keymap, errors)
    }

    /// What a key does where these contexts hold, the most particular first.
    #[must_use]
    pub fn action(&self, chord: Chord, contexts: &[Context]) -> Option<Action> {
        contexts.iter().find_map(|context| {
            let here = ACTIONS.iter().filter(|spec| spec.contexts.contains(context));
            here.map(|spec| spec.action).find(|action| self.chords(*action).contains(&chord))
        })
    }

    /// The keys of an action, the one to show first.
    #[must_use]
    pub fn chords(&self, action: Action) -> &[Chord] {
        &self.chords[action as usize]
    }

    /// The key to show for an action; nothing where it has none.
    #[must_use]
    pub fn shown(&self, action: Action) -> Option<String> {
        self.chords(action).first().map(Chord::to_string)
    }
}

/// Whether two actions are heard in a context of their own both.
fn meet(one: Action, other: Action) -> bool {
    one.spec().contexts.iter().any(|context| other.spec().contexts.contains(context))
}

fn meant(name: &str) -> Option<&'static str> {
    let near = |spec: &&super::action::ActionSpec| strsim::jaro_winkler(name, spec.name);
    let best = ACTIONS.iter().max_by(|one, other| near(one).total_cmp(&near(other)))?;
    (near(&best) > 0.75).then_some(best.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keymap(own: &[(&str, &[&str])]) -> (Keymap, Vec<String>) {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        let own = own.iter().map(|(name, list)| ((*name).to_owned(), keys(list))).collect();
        let (keymap, errors) = Keymap::new(&own);
        (keymap, errors.iter().map(ToString::to_string).collect())
    }

    fn does(keymap: &Keymap, key: &str, contexts: &[Context]) -> Option<&'static str> {
        keymap.action(key.parse().expect("a key"), contexts).map(Action::name)
    }

    #[test]
    fn the_particular_place_is_asked_first() {
        let (keymap, errors) = keymap(&[]);
        assert!(errors.is_empty());
        let board = [Context::Board, Context::Session, Context::Everywhere];
        assert_eq!(does(&keymap, "right", &board), Some("expand"));
        let replay = [Context::Recording, Context::Board, Context::Everywhere];
        assert_eq!(does(&keymap, "right", &replay), Some("seek-forward"));
        assert_eq!(does(&keymap, "r", &board), Some("rerun-failed"));
        assert_eq!(does(&keymap, "r", &replay), None);
    }

    #[test]
    fn own_keys_take_the_place_of_defaults() {
        let (keymap, errors) = keymap(&[("quit", &["Q"]), ("redraw", &["q", "f5"])]);
        assert!(errors.is_empty(), "{errors:?}");
        let here = [Context::Everywhere];
        assert_eq!(does(&keymap, "Q", &here), Some("quit"));
        assert_eq!(does(&keymap, "q", &here), Some("redraw"));
        assert_eq!(does(&keymap, "f5", &here), Some("redraw"));
        assert_eq!(does(&keymap, "ctrl-l", &here), None);
    }

    #[test]
    fn an_own_key_gives_way_nowhere_but_where_both_are_heard() {
        let (keymap, _) = keymap(&[("wrap", &["h"])]);
        assert_eq!(does(&keymap, "h", &[Context::Detail]), Some("wrap"));
        assert_eq!(does(&keymap, "h", &[Context::Board]), Some("collapse"));
    }

    #[test]
    fn every_mistake_is_reported_and_the_rest_holds() {
        let (keymap, errors) =
            keymap(&[("reruns-failed", &["r"]), ("stop", &["nokey", "K"]), ("top", &["Z"]), ("bottom", &["Z"])]);
        assert_eq!(
            errors,
            [
                "no action is called `reruns-failed`; `rerun-failed`?",
                "stop: `nokey` is no key; keys look like `r`, `G`, `ctrl-l`, `shift-tab`, `enter`, `f5`",
                "`Z` is bound to both `bottom` and `top`",
            ]
        );
        assert_eq!(does(&keymap, "K", &[Context::Session]), Some("stop"));
        assert_eq!(does(&keymap, "Z", &[Context::Everywhere]), Some("bottom"));
    }
}
