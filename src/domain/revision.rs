//! Names of revisions: when two of them mean the same one, and when they cannot be held against each other at all.
//!
//! A deploy may say `l3f9k`, a short commit, or `4`; the service then answers `backend-l3f9k`, the commit in full, or
//! `backend-00004`. And a platform may speak of revisions in words that the service has never heard of.

/// Whether the name that a deploy gave and the one that answered mean the same revision.
#[must_use]
pub fn is_same(named: &str, saw: &str) -> bool {
    let (named, saw) = (last(named), last(saw));
    named == saw
        || ends_with_word(saw, named)
        || ends_with_word(named, saw)
        || begins_with_number(saw, named)
        || is_same_commit(named, saw)
        || (is_number(named) && number(saw).is_some_and(|number| number == number_of(named)))
}

/// Whether two names that differ mean two revisions. Where they are of different kinds (a commit and a platform's own
/// name, say), nobody can tell.
#[must_use]
pub fn is_comparable(named: &str, saw: &str) -> bool {
    let (named, saw) = (last(named), last(saw));
    match (Kind::of(named), Kind::of(saw)) {
        (Kind::Sentence, _) | (_, Kind::Sentence) => false,
        (Kind::Number, _) => number(saw).is_some(),
        (_, Kind::Number) => number(named).is_some(),
        (one, other) => one == other,
    }
}

/// The number in a revision's name, without leading zeros: 4 of `backend-00004` and of `backend-00004-xyz`.
#[must_use]
pub fn number(name: &str) -> Option<&str> {
    last(name).rsplit('-').find(|part| is_number(part)).map(number_of)
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Sentence,
    Number,
    Commit,
    Digest,
    Version,
    Name,
}

impl Kind {
    fn of(name: &str) -> Self {
        let digits = name.strip_prefix('v').unwrap_or(name);
        if name.is_empty() || name.contains(char::is_whitespace) {
            Self::Sentence
        } else if is_number(name) {
            Self::Number
        } else if is_commit(name) {
            Self::Commit
        } else if name.contains(':') {
            Self::Digest
        } else if digits.contains('.') && digits.starts_with(|first: char| first.is_ascii_digit()) {
            Self::Version
        } else {
            Self::Name
        }
    }
}

/// Full resource names end with the name that everybody else uses.
fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn ends_with_word(long: &str, end: &str) -> bool {
    !end.is_empty() && long.strip_suffix(end).is_some_and(|rest| rest.ends_with('-'))
}

/// `backend-00004` is enough of `backend-00004-xyz`, as `backend` would not be.
fn begins_with_number(long: &str, start: &str) -> bool {
    start.rsplit('-').next().is_some_and(is_number)
        && long.strip_prefix(start).is_some_and(|rest| rest.starts_with('-'))
}

fn is_same_commit(one: &str, other: &str) -> bool {
    is_commit(one) && is_commit(other) && (one.starts_with(other) || other.starts_with(one))
}

fn is_commit(name: &str) -> bool {
    (7..=64).contains(&name.len()) && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_number(name: &str) -> bool {
    !name.is_empty() && name.len() < 7 && name.bytes().all(|byte| byte.is_ascii_digit())
}

fn number_of(digits: &str) -> &str {
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() { "0" } else { significant }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_deploy_calls_it_is_found_in_what_answers() {
        let same = [
            ("backend-00005", "backend-00005"),
            ("l3f9k", "backend-l3f9k"),
            ("projects/p/revisions/backend-00005", "backend-00005"),
            ("5", "backend-00005"),
            ("5", "backend-00005-xyz"),
            ("backend-00005", "backend-00005-xyz"),
            ("9f3e1c2", "9f3e1c2aa0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5"),
            ("9f3e1c2aa0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5", "9f3e1c2"),
            ("backend-9f3e1c2", "9f3e1c2"),
        ];
        for (named, saw) in same {
            assert!(is_same(named, saw), "{named} is {saw}");
        }
        for (named, saw) in [
            ("b2", "b3"),
            ("5", "backend-00015-xyz"),
            ("backend", "backend-5"),
            ("k", "backend-l3f9k"),
            ("9f3e1c2", "9f3e1c3"),
        ] {
            assert!(!is_same(named, saw), "{named} is not {saw}");
        }
    }

    #[test]
    fn names_of_different_kinds_cannot_be_held_against_each_other() {
        for (named, saw) in [("b2", "b3"), ("4", "backend-00005"), ("1.4.0", "v1.5.0"), ("9f3e1c2", "aaaaaaa")] {
            assert!(is_comparable(named, saw), "{named} and {saw} are two");
        }
        let apart = [("web revision 5", "b3"), ("backend-00005-abc", "9f3e1c2aa"), ("1.4.0", "9f3e1c2"), ("4", "b3")];
        for (named, saw) in apart {
            assert!(!is_comparable(named, saw), "nobody knows of {named} and {saw}");
        }
    }
}
