//! What serde and the TOML parser complain about, in the words of somebody who writes a settings file.
//!
//! Values are left out on purpose: a value of the wrong type may be a secret in the wrong place.

/// serde does not say which kinds there are.
const KINDS: &str = "liveloop's own config.toml shows the kinds that there are";

/// A complaint, rephrased.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// What is wrong.
    pub(super) message: String,
    /// What to write instead.
    pub(super) hint: Option<String>,
    /// The known word that an unknown one was probably meant to be.
    pub(super) meant: Option<String>,
    /// What is not there, which may only be so because a mistake stands in its place.
    pub(super) absence: Option<Absence>,
}

/// Something that is not there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// A setting that has to be there.
    Field(String),
    /// Any one of the alternatives.
    Kind,
}

impl Absence {
    /// The name of the missing setting, where it has one.
    pub(super) fn field(&self) -> Option<&str> {
        match self {
            Self::Field(field) => Some(field),
            Self::Kind => None,
        }
    }
}

/// Rephrases a complaint of serde. What is not recognised stays as it is.
pub(super) fn read(message: &str) -> Complaint {
    let quoted = quoted(message);
    let absent = |message: String, absence| Complaint { absence: Some(absence), ..plain(message) };
    if message.starts_with("unknown field") {
        return unknown("setting", &quoted);
    }
    if message.starts_with("unknown variant") {
        return unknown("choice", &quoted);
    }
    if let (true, Some(field)) = (message.starts_with("missing field"), quoted.first()) {
        return absent(format!("`{field}` is missing"), Absence::Field((*field).to_owned()));
    }
    if message.contains("exactly 1 ent") || message.contains("found 0 elements") {
        return Complaint { hint: Some(KINDS.to_owned()), ..absent("names no kind".to_owned(), Absence::Kind) };
    }
    if message.contains("more than 1 element") {
        return Complaint { hint: Some(KINDS.to_owned()), ..plain("names more than one kind: keep one".to_owned()) };
    }
    if message.contains("newtype variant") {
        return Complaint { hint: Some(KINDS.to_owned()), ..plain("expected a table that names its kind".to_owned()) };
    }
    let mismatch = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|start| message.strip_prefix(start)?.split_once(", expected "));
    match mismatch {
        Some((found, expected)) => mismatched(kind(found), &in_words(expected)),
        None if message == "wanted string or table" => plain("expected text in quotes or a table".to_owned()),
        None => plain(message.to_owned()),
    }
}

fn mismatched(found: &str, expected: &str) -> Complaint {
    let hint = match (expected, found) {
        ("a list", "text in quotes") => Some("put it in brackets: [\"…\"]".to_owned()),
        ("text in quotes", "a whole number") => Some("put it in quotes".to_owned()),
        _ => None,
    };
    // A number of the right kind and the wrong size is all that is left where both would read the same.
    let message = if expected.starts_with(found) {
        format!("expected {expected}")
    } else {
        format!("expected {expected}, found {found}")
    };
    Complaint { hint, ..plain(message) }
}

/// Rephrases a complaint of the parser about the file as such.
pub(super) fn syntax(message: &str) -> String {
    format!("not valid TOML: {message}")
}

/// The known word that is close enough to this one.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?` for a word that is close enough to one of the known ones.
pub(super) fn suggestion<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    nearest(word, known).map(did_you_mean)
}

fn did_you_mean(word: &str) -> String {
    format!("did you mean `{word}`?")
}

fn plain(message: String) -> Complaint {
    Complaint { message, hint: None, meant: None, absence: None }
}

fn unknown(what: &str, quoted: &[&str]) -> Complaint {
    let (word, known) = quoted.split_first().map_or(("", &[][..]), |(word, known)| (*word, known));
    let meant = nearest(word, known.iter().copied());
    let hint = match (meant, known) {
        (Some(meant), _) => Some(did_you_mean(meant)),
        (None, []) => None,
        (None, known) => Some(format!("known here: {}", known.join(", "))),
    };
    Complaint { hint, meant: meant.map(str::to_owned), ..plain(format!("unknown {what} `{word}`")) }
}

/// The words between backticks.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

/// What serde found, without the value.
fn kind(found: &str) -> &'static str {
    let kinds = [
        ("string", "text in quotes"),
        ("integer", "a whole number"),
        ("floating", "a number with a fraction"),
        ("boolean", "true or false"),
        ("sequence", "a list"),
        ("map", "a table"),
    ];
    kinds.iter().find(|(start, _)| found.starts_with(start)).map_or("something else", |(_, words)| words)
}

/// What serde expected, without the names of our structs.
fn in_words(expected: &str) -> String {
    match expected {
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a table",
        "a string" | "string" => "text in quotes",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i64" => "a whole number",
        other if other.starts_with("struct ") || other.starts_with("a spanned") => "a table",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, expected: &str) {
        let complaint = read(message);
        let hint = complaint.hint.map_or(String::new(), |hint| format!(" ({hint})"));
        assert_eq!(format!("{}{hint}", complaint.message), expected);
    }

    #[test]
    fn complaints_are_rephrased_without_the_value() {
        check("unknown field `ulr`, expected `url` or `path`", "unknown setting `ulr` (did you mean `url`?)");
        check("unknown field `x`, expected one of `url`, `path`", "unknown setting `x` (known here: url, path)");
        check("unknown variant `post`, expected `GET` or `POST`", "unknown choice `post` (did you mean `POST`?)");
        check("missing field `url`", "`url` is missing");
        check(
            "invalid type: string \"hunter2\", expected u16",
            "expected a whole number from 0 to 65535, found text in quotes",
        );
        check(
            "invalid type: integer `5`, expected a string",
            "expected text in quotes, found a whole number (put it in quotes)",
        );
        check(
            "invalid type: string \"q\", expected a sequence",
            "expected a list, found text in quotes (put it in brackets: [\"…\"])",
        );
        check("invalid value: integer `70000`, expected u16", "expected a whole number from 0 to 65535");
        check("invalid type: map, expected a boolean", "expected true or false, found a table");
        check("something new", "something new");
    }

    #[test]
    fn a_word_is_near_only_when_it_is() {
        assert_eq!(nearest("helth", ["health", "url"]), Some("health"));
        assert_eq!(nearest("URL", ["health", "url"]), Some("url"));
        assert_eq!(nearest("port", ["path", "post"]), Some("post"));
        assert_eq!(nearest("banana", ["health", "url"]), None);
        assert_eq!(nearest("x", []), None);
    }
}
