//! Values that must not be seen: a type that does not print itself, and the list that masks them in everything else.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What stands where a secret was.
pub const MASK: &str = "•••";

/// Shorter values are not masked: they would take innocent text with them.
const SHORTEST: usize = 6;

/// How many values a list remembers; the oldest go first. Tokens are replaced every few minutes.
const REMEMBERED: usize = 32;

/// How much of a value is looked for before all of it is compared: short needles are found many times faster.
const PREFIX: usize = 16;

/// A value that only its user sees. Printing it gives a mask.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps a value.
    pub fn new(value: &str) -> Self {
        Self(value.into())
    }

    /// The value, for the wire and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(MASK)
    }
}

type Told = Arc<dyn Fn(&str) + Send + Sync>;

/// The secrets of a session, shared by everybody who meets text from outside. Clones are the same list.
#[derive(Clone)]
pub struct Secrets {
    known: Arc<Mutex<VecDeque<Secret>>>,
    told: Told,
}

impl Secrets {
    /// A list that tells `told` about every new value, so that others can mask it too.
    pub fn new(told: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { known: Arc::default(), told: Arc::new(told) }
    }

    /// Remembers a value.
    pub fn learn(&self, value: &str) {
        if value.len() < SHORTEST {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.iter().any(|secret| secret.expose() == value) {
            return;
        }
        if known.len() == REMEMBERED {
            known.pop_front();
        }
        known.push_back(Secret::new(value));
        drop(known);
        (self.told)(value);
    }

    /// `text` with every known value masked; borrowed where there is none, which is nearly always.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut masked = Cow::Borrowed(text);
        for secret in known.iter() {
            let value = secret.expose();
            let prefix = value.get(..PREFIX).unwrap_or(value);
            if masked.contains(prefix) && masked.contains(value) {
                masked = Cow::Owned(masked.replace(value, MASK));
            }
        }
        masked
    }

    /// Text from outside as a person may see it: secrets masked, and nothing in it that a terminal would obey.
    pub fn shown(&self, text: &str) -> String {
        harmless(&self.mask(text))
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).len();
        write!(f, "Secrets({known} known)")
    }
}

/// Line breaks and tabs stay, other control characters do not.
fn harmless(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.chars()
        .map(|char| match char {
            '\n' | '\t' => char,
            char if char.is_control() => '\u{fffd}',
            char => char,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself() {
        let secret = Secret::new("hunter2-hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "••• ••• Some(•••)");
        assert_eq!(secret.expose(), "hunter2-hunter2");
    }

    #[test]
    fn known_values_are_masked_wherever_they_stand() {
        let secrets = Secrets::default();
        secrets.learn("eyJhbGciOi.eyJzdWIi.c2ln");
        secrets.learn("lab");
        assert_eq!(secrets.mask("token=eyJhbGciOi.eyJzdWIi.c2ln;lab"), "token=•••;lab");
        assert!(matches!(secrets.mask("eyJhbGciOi.eyJzdWIi.other"), Cow::Borrowed(_)));
        assert_eq!(secrets.shown("a\r\nb\u{1b}[2J"), "a\nb\u{fffd}[2J");
    }

    #[test]
    fn others_are_told_once_and_the_list_is_bounded() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let secrets = Secrets::new(move |value| heard.lock().expect("one thread").push(value.to_string()));
        (0..100).for_each(|n| secrets.learn(&format!("secret-{}", n / 2)));
        assert_eq!(told.lock().expect("one thread").len(), 50);
        assert_eq!(format!("{secrets:?}"), "Secrets(32 known)");
    }
}
