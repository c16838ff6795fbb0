//! Values that must not be seen, in whatever a stream meets: headers, bodies, reasons, messages.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::adapters::redact::{Redactor, SHORTEST, Secret};
use crate::adapters::sanitize;

/// How many values a list remembers; the oldest go first. Tokens are replaced every few minutes.
const REMEMBERED: usize = 32;

type Told = Arc<dyn Fn(&str) + Send + Sync>;

/// The secrets that a stream met. Clones are the same list.
#[derive(Clone)]
pub struct Secrets {
    known: Arc<RwLock<Known>>,
    told: Told,
}

struct Known {
    values: Vec<String>,
    redactor: Arc<Redactor>,
}

impl Secrets {
    /// A list that tells `told` about every new value, so that others can mask it too.
    pub fn new(told: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let known = Known { values: Vec::new(), redactor: Arc::new(Redactor::new(&[], &[])) };
        Self { known: Arc::new(RwLock::new(known)), told: Arc::new(told) }
    }

    /// Remembers a value, unless it is too short to be masked.
    pub fn learn(&self, value: &str) {
        if value.len() < SHORTEST {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.values.iter().any(|other| other == value) {
            return;
        }
        if known.values.len() == REMEMBERED {
            known.values.remove(0);
        }
        known.values.push(value.to_owned());
        let secrets: Vec<Secret<'_>> = known.values.iter().map(|value| Secret { name: "a token", value }).collect();
        known.redactor = Arc::new(Redactor::new(&secrets, &[]));
        drop(known);
        (self.told)(value);
    }

    /// `text` with every secret masked; borrowed where there is none, which is nearly always.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.redactor().mask(text)
    }

    /// Text from outside as a person may see it: secrets masked, and nothing in it that a terminal would obey.
    pub fn shown(&self, text: &str) -> String {
        sanitize::block(&self.mask(text))
    }

    /// What masks at this moment, for somebody who has many texts to mask.
    pub(super) fn redactor(&self) -> Arc<Redactor> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner).redactor)
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

/// Never shows what it knows.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).values.len();
        write!(f, "Secrets({known} known)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn known_values_are_masked_wherever_they_stand() {
        let secrets = Secrets::default();
        secrets.learn("correct-horse-battery");
        secrets.learn("lab");
        assert_eq!(secrets.mask("x=correct-horse-battery;lab"), "x=***;lab");
        assert!(matches!(secrets.mask("correct-horse-cart"), Cow::Borrowed(_)));
        assert_eq!(secrets.shown("correct-horse-battery\r\nb\u{1b}[2J"), "***\nb");
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
