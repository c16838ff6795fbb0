//! A string in which `${name}` stands for a variable. Nothing else is interpolated, nothing is ever evaluated.

use std::fmt;

use serde::de::{Deserialize, Deserializer};

/// Where something was written: an index into the [`Places`](super::places::Places) of one load.
///
/// Small and opaque, so that settings stay plain values; only the places know files, lines and columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub usize);

/// A string as it was written, with its place, before variables are put in.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Template {
    /// The text as written.
    pub text: String,
    /// Where it was written.
    pub place: Place,
}

/// A piece of a template.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Text to be taken as it is.
    Literal(&'t str),
    /// The name of a variable.
    Variable(&'t str),
}

impl Template {
    /// The pieces of the template in order. `$${` is a literal `${`, so that a message may contain one.
    ///
    /// # Errors
    /// When a `${` is never closed or holds no name.
    pub fn pieces(&self) -> Result<Vec<Piece<'_>>, String> {
        let mut pieces = Vec::new();
        let mut rest = self.text.as_str();
        while let Some(start) = rest.find("${") {
            if let Some(before) = rest[..start].strip_suffix('$') {
                pieces.push(Piece::Literal(before));
                pieces.push(Piece::Literal("${"));
                rest = &rest[start + 2..];
                continue;
            }
            pieces.push(Piece::Literal(&rest[..start]));
            let Some(length) = rest[start..].find('}') else {
                return Err("`${` without a closing `}`; write `$${` for a literal one".to_owned());
            };
            let name = &rest[start + 2..start + length];
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
                return Err(format!("`${{{name}}}` does not name a variable; write `$${{` for a literal `${{`"));
            }
            pieces.push(Piece::Variable(name));
            rest = &rest[start + length + 1..];
        }
        pieces.push(Piece::Literal(rest));
        pieces.retain(|piece| *piece != Piece::Literal(""));
        Ok(pieces)
    }
}

impl From<&str> for Template {
    /// A template of the program itself, written nowhere.
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), place: Place::default() }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::<String>::deserialize(deserializer)?;
        let place = Place(spanned.span().start);
        Ok(Self { text: spanned.into_inner(), place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_in_braces_are_variables() {
        let check = |text: &str, expected: &[Piece<'_>]| {
            assert_eq!(Template::from(text).pieces().as_deref(), Ok(expected), "{text}");
        };
        check("", &[]);
        check("a $b {c} $(d) `e`", &[Piece::Literal("a $b {c} $(d) `e`")]);
        check("${backend}/ws", &[Piece::Variable("backend"), Piece::Literal("/ws")]);
        check(
            "http://${host}:${port}",
            &[Piece::Literal("http://"), Piece::Variable("host"), Piece::Literal(":"), Piece::Variable("port")],
        );
        check("costs $${money}", &[Piece::Literal("costs "), Piece::Literal("${"), Piece::Literal("money}")]);
    }

    #[test]
    fn a_broken_reference_is_said() {
        assert!(Template::from("${port").pieces().is_err());
        assert!(Template::from("${}").pieces().is_err());
        assert!(Template::from("${a b}").pieces().is_err());
        assert!(Template::from("é${日}").pieces().is_err());
    }
}
