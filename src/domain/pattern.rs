//! Patterns over the names of tests: `*` stands for any characters, `?` for one.

use serde::{Deserialize, Serialize};

use super::Text;

/// A pattern over the path of a module, a test's full name, or a message. It has to fit from beginning to end, and
/// nothing but `*` and `?` is special: the brackets of a parametrized test stand for themselves, which they would not in
/// the patterns of a shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(pub Text);

impl Pattern {
    /// Whether all of `text` fits. It takes no more than the product of both lengths, whatever they hold.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut p, mut t) = (0, 0);
        // Where the latest star stands, and how far the text was when it was met: the place to try again from.
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    star = Some((p, t));
                    p += 1;
                }
                Some(b'?') => {
                    p += 1;
                    t += width(text[t]);
                }
                Some(&byte) if byte == text[t] => {
                    p += 1;
                    t += 1;
                }
                Some(_) | None => match &mut star {
                    Some((at, met)) => {
                        *met += 1;
                        (p, t) = (*at + 1, *met);
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|&byte| byte == b'*')
    }

    /// Whether a test of that name, or the module that it is in, fits.
    #[must_use]
    pub fn fits_test(&self, module: &str, node: &str) -> bool {
        self.fits(node) || self.fits(module)
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// How many bytes the character has that begins with this one.
fn width(first: u8) -> usize {
    match first {
        0..=0xbf => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xff => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, fits: &[&str], others: &[&str]) {
        let pattern = Pattern::from(pattern);
        for text in fits {
            assert!(pattern.fits(text), "{} should fit {text}", pattern.0);
        }
        for text in others {
            assert!(!pattern.fits(text), "{} should not fit {text}", pattern.0);
        }
    }

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_character() {
        check("*", &["", "a", "a/b::c"], &[]);
        check(
            "tests/*/test_a.py",
            &["tests/e2e/test_a.py", "tests/x/y/test_a.py"],
            &["tests/test_a.py", "tests/e/test_a.pyc"],
        );
        check("*priority1*", &["priority1", "t/test_priority1_critical.py::a"], &["priority2"]);
        check("a?c", &["abc", "aéc", "a漢c"], &["ac", "abbc"]);
        check("", &[""], &["a"]);
        check("a**b*", &["ab", "axxb", "axbx"], &["a", "ba"]);
        check("é*", &["é", "éa"], &["e"]);
    }

    #[test]
    fn brackets_of_parametrized_tests_are_letters() {
        check("t.py::test_a[1-*]", &["t.py::test_a[1-x]"], &["t.py::test_a1", "t.py::test_a[2-x]"]);
    }

    #[test]
    fn a_wild_pattern_ends_soon() {
        let pattern = Pattern(format!("{}b", "a*".repeat(200)).into());
        assert!(!pattern.fits(&"a".repeat(5_000)));
    }

    #[test]
    fn a_test_fits_by_its_name_or_its_module() {
        let pattern = Pattern::from("t/test_a.py");
        assert!(
            pattern.fits_test("t/test_a.py", "t/test_a.py::b") && !pattern.fits_test("t/test_b.py", "t/test_b.py::b")
        );
    }
}
