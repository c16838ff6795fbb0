//! The secrets of a session: known at the start, or learnt on the way, and masked wherever text comes in.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::adapters::redact::{KeyBlock, Redactor, Secret};

/// How many values that were learnt on the way are known at once: tokens of the last contracts, each of which may have
/// two hundred users. Those before them have ended.
const LEARNT: usize = 600;

/// Masks the secrets of a session. Clones share what they know.
#[derive(Clone)]
pub struct Masks(Arc<RwLock<Known>>);

struct Known {
    values: Vec<String>,
    /// How many of them, the first, were known at the start and are never forgotten.
    from_start: usize,
    /// Made when it is next needed: twenty tokens that are learnt at once cost no more than one.
    redactor: Option<Arc<Redactor>>,
}

impl Masks {
    /// Masks that know these values.
    #[must_use]
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let values: Vec<String> = values.into_iter().collect();
        let from_start = values.len();
        Self(Arc::new(RwLock::new(Known { values, from_start, redactor: None })))
    }

    /// Learns another value: a token that was just obtained.
    pub fn learn(&self, value: &str) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.values.iter().any(|other| other == value) {
            return;
        }
        if known.values.len() - known.from_start == LEARNT {
            let oldest = known.from_start;
            known.values.remove(oldest);
        }
        known.values.push(value.to_owned());
        known.redactor = None;
    }

    fn redactor(&self) -> Arc<Redactor> {
        if let Some(redactor) = &self.0.read().unwrap_or_else(PoisonError::into_inner).redactor {
            return Arc::clone(redactor);
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Known { values, redactor, .. } = &mut *known;
        Arc::clone(redactor.get_or_insert_with(|| Arc::new(make(values))))
    }

    /// The text without secrets; borrowed where there were none.
    #[must_use]
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.redactor().mask(text)
    }

    /// As [`mask`](Self::mask), for the lines of one stream, in which a private key takes many of them.
    #[must_use]
    pub fn mask_line<'a>(&self, line: &'a str, block: &mut KeyBlock) -> Cow<'a, str> {
        self.redactor().mask_line(line, block)
    }
}

fn make(values: &[String]) -> Redactor {
    let secrets: Vec<Secret<'_>> = values.iter().map(|value| Secret { name: "a secret", value }).collect();
    Redactor::new(&secrets, &[])
}

/// Never shows what it knows.
impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masks(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_a_long_night_do_not_pile_up_and_what_is_configured_stays() {
        let masks = Masks::new(["configured-secret".to_owned()]);
        (0..LEARNT + 3).for_each(|n| masks.learn(&format!("token-number-{n:05}")));
        let newest = format!("token-number-{:05}", LEARNT + 2);
        assert_eq!(masks.mask(&format!("configured-secret {newest}")), "*** ***");
        assert_eq!(masks.0.read().expect("nobody panics").values.len(), LEARNT + 1);
        assert_eq!(masks.mask("token-number-00002"), "token-number-00002");
        assert_eq!(masks.mask("token-number-00003"), "***");
    }
}
